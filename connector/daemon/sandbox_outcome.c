/* See sandbox_outcome.h. */
#include "daemon/sandbox_outcome.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

void iscep_sandbox_outcome_lacks(iscep_sandbox_outcome *outcome, const char *what, const char *why)
{
    char more[sizeof outcome->reason];
    const size_t len = strlen(outcome->reason);
    snprintf(more, sizeof more, "%s%s: %s", len > 0 ? "; " : "", what, why);
    iscep_text_copy(outcome->reason + len, sizeof outcome->reason - len, more);
}

void iscep_sandbox_outcome_tell(const iscep_sandbox_outcome *outcome, const char *writable,
                                const iscep_log *log)
{
    const bool is_short = outcome->is_wanted && outcome->reason[0] != '\0';
    iscep_log_event(log, is_short ? ISCEP_LOG_WARN : ISCEP_LOG_INFO, "sandbox",
                    ISCEP_LOG_NUM("landlock", outcome->landlock),
                    ISCEP_LOG_TEXT("seccomp", outcome->is_filtered ? "on" : "off"),
                    ISCEP_LOG_TEXT("programs", outcome->are_programs_forbidden ? "forbidden" : "allowed"),
                    ISCEP_LOG_TEXT("writable", writable), ISCEP_LOG_TEXT("reason", outcome->reason));
}
