/* The section [journal], journal/journal.h and service/service.h as text; and [connector] audit. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config_key.h"

static _Thread_local char fault[128]; /* a reader's answer that is made up on the spot */

static const char *read_number(int64_t *to, const char *text, int64_t min, int64_t max)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && number >= min && number <= max) {
        *to = number;
        return NULL;
    }
    snprintf(fault, sizeof fault, "must be a number from %lld to %lld", (long long)min, (long long)max);
    return fault;
}

static const char *read_days(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return read_number(to, text, 1, 36500);
}

static const char *read_megabytes(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return read_number(to, text, 16, 1048576);
}

static const char *read_backoff_ms(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return read_number(to, text, 1, 3600000);
}

static const char *read_hours(iscep_config *config, void *to, const char *text)
{
    (void)config;
    int64_t hours = 0;
    const char *wrong = read_number(&hours, text, 1, 87600);
    *(int64_t *)to = hours * 3600 * 1000;
    return wrong;
}

static const char *read_in_flight(iscep_config *config, void *to, const char *text)
{
    (void)config;
    int64_t count = 0;
    const char *wrong = read_number(&count, text, 1, 10000);
    *(uint32_t *)to = (uint32_t)count;
    return wrong;
}

/* One of two words. */
static const char *read_switch(bool *to, const char *text, const char *off, const char *on)
{
    if (strcmp(text, off) != 0 && strcmp(text, on) != 0) {
        snprintf(fault, sizeof fault, "must be %s or %s", off, on);
        return fault;
    }
    *to = strcmp(text, on) == 0;
    return NULL;
}

static const char *read_report(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return read_switch(to, text, "strict", "deferred");
}

static const char *read_withheld(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return read_switch(to, text, "keep", "revoke");
}

static const char *read_unvalidated(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return read_switch(to, text, "report", "refuse");
}

static const char *read_path(iscep_config *config, void *to, const char *text)
{
    return text[0] != '/' && text[0] != '\0' ? "must be an absolute path"
                                             : iscep_config_read_text(config, to, text);
}

const char *iscep_config_read_audit(iscep_config *config, void *to, const char *text)
{
    const char **out = to;
    *out = NULL;
    if (strcmp(text, "none") == 0)
        return NULL;
    if (text[0] != '/' && strcmp(text, "journald") != 0)
        return "must be an absolute path, journald or none";
    return iscep_config_read_text(config, to, text);
}

#define JOURNAL(member)   offsetof(iscep_config, journal.member)
#define REPORTING(member) offsetof(iscep_config, reporting.member)

const struct key iscep_journal_keys[] = {
    {"path", JOURNAL(path), read_path},
    {"report", REPORTING(is_deferred), read_report},
    {"withheld", REPORTING(is_withheld_revoked), read_withheld},
    {"unvalidated_reports", REPORTING(is_unvalidated_refused), read_unvalidated},
    {"dead_after_hours", REPORTING(dead_after_ms), read_hours},
    {"max_backoff_ms", REPORTING(max_backoff_ms), read_backoff_ms},
    {"max_deliveries_in_flight", REPORTING(max_in_flight), read_in_flight},
    {"retention_days", JOURNAL(retention_days), read_days},
    {"max_size_mb", JOURNAL(max_size_mb), read_megabytes},
    {0},
};
