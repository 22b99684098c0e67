/* See sandbox.h. */
#include "daemon/sandbox.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/process_facts.h"
#include "daemon/sandbox_filter.h"
#include "daemon/sandbox_landlock.h"

enum { MAX_SHOWN_LEN = 4096 };

/* What comes after it would need privileges without it. */
static bool forbid_new_privileges(iscep_sandbox_outcome *outcome)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        return true;
    iscep_sandbox_outcome_lacks(outcome, "no_new_privs", strerror(errno));
    return false;
}

/* Whoever runs already is not taken by Landlock. */
static iscep_status check_alone(iscep_error *err)
{
    const int threads = iscep_process_count_threads();
    if (threads == 1)
        return ISCEP_OK;
    return threads < 1
               ? iscep_error_set(err, ISCEP_STORAGE, "landlock",
                                 "/proc does not tell which threads there are")
               : iscep_error_set(err, ISCEP_STORAGE, "landlock",
                                 "threads that a library had started before, and that are not confined: %d",
                                 threads - 1);
}

static void confine_writes(iscep_sandbox *sandbox, const iscep_config *config)
{
    int version = 0;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = iscep_sandbox_paths_collect(&sandbox->writable, config, NULL, &err);
    if (status == ISCEP_OK)
        status =
            iscep_landlock_confine(&version, &sandbox->writable, iscep_sandbox_runs_programs(config), &err);
    sandbox->are_writes_confined = status == ISCEP_OK;
    if (status == ISCEP_OK)
        status = check_alone(&err);
    if (status == ISCEP_OK)
        sandbox->outcome.landlock = version;
    else
        iscep_sandbox_outcome_lacks(&sandbox->outcome, "landlock", err.message);
    if (sandbox->are_writes_confined && sandbox->writable.missed[0] != '\0')
        iscep_sandbox_outcome_lacks(&sandbox->outcome, "not to be written before a restart",
                                    sandbox->writable.missed);
}

static void filter_calls(iscep_sandbox *sandbox, const iscep_config *config)
{
    iscep_error err = ISCEP_ERROR_INIT;
    sandbox->outcome.is_filtered =
        iscep_filter_load(iscep_filter_processor(), iscep_sandbox_runs_programs(config), &err) == ISCEP_OK;
    if (!sandbox->outcome.is_filtered)
        iscep_sandbox_outcome_lacks(&sandbox->outcome, "seccomp", err.message);
}

static void enter(iscep_sandbox *sandbox, const iscep_config *config)
{
    iscep_sandbox_outcome *outcome = &sandbox->outcome;
    if (!forbid_new_privileges(outcome))
        return;
    confine_writes(sandbox, config);
    filter_calls(sandbox, config);
    if (iscep_sandbox_runs_programs(config))
        return;
    outcome->are_programs_forbidden = outcome->is_filtered || outcome->landlock > 0;
    sandbox->is_program_lost = outcome->is_filtered || sandbox->are_writes_confined;
}

static void tell(const iscep_sandbox *sandbox, const iscep_log *log)
{
    ISCEP_AUTO_BUF writable;
    iscep_buf_init(&writable, MAX_SHOWN_LEN);
    for (size_t i = 0; i < sandbox->writable.count; i++)
        iscep_buf_printf(&writable, "%s%s", i > 0 ? " " : "", sandbox->writable.paths[i]);
    iscep_sandbox_outcome_tell(&sandbox->outcome,
                               sandbox->outcome.landlock > 0 ? iscep_buf_text(&writable) : "/", log);
}

void iscep_sandbox_enter(iscep_sandbox *out, const iscep_config *config, const iscep_log *log)
{
    *out = (iscep_sandbox){.outcome.is_wanted = !config->is_sandbox_off};
    if (out->outcome.is_wanted)
        enter(out, config);
    else
        iscep_sandbox_outcome_lacks(&out->outcome, "left out", "sandbox = off");
    tell(out, log);
}

iscep_status iscep_sandbox_check(const iscep_sandbox *sandbox, const iscep_config *config, iscep_error *err)
{
    iscep_sandbox_paths wanted;
    if (sandbox->is_program_lost && iscep_sandbox_runs_programs(config))
        return iscep_error_set(
            err, ISCEP_CONFIG, "sandbox",
            "there was no [ca/NAME] with kind = command at the start, and so no program can "
            "be run now: restart the connector");
    if (!sandbox->are_writes_confined)
        return ISCEP_OK;
    iscep_status status = iscep_sandbox_paths_collect(&wanted, config, &sandbox->writable, err);
    if (status != ISCEP_OK)
        return status;
    const char *beyond = iscep_sandbox_paths_beyond(&sandbox->writable, &wanted);
    if (beyond != NULL)
        status =
            iscep_error_set(err, ISCEP_CONFIG, "sandbox",
                            "nothing can be written in %s, which was not needed, or not there, at the start: "
                            "restart the connector",
                            beyond);
    iscep_sandbox_paths_clear(&wanted);
    return status;
}
