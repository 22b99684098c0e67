/* See sandbox.h. */
#include "daemon/sandbox.h"

#include <string.h>
#include <sys/prctl.h>

#include "daemon/sandbox_filter.h"
#include "daemon/sandbox_landlock.h"

enum { MAX_SHOWN_LEN = 4096 };

/* For the event. */
typedef struct outcome {
    bool is_wanted;
    int landlock; /* its version; 0: not in force */
    bool is_filtered;
    iscep_error why; /* the last thing that is missing; an empty message: nothing is */
} outcome;

/* What comes after it would need privileges without it. */
static iscep_status forbid_new_privileges(iscep_error *err)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
               ? ISCEP_OK
               : iscep_error_set(err, ISCEP_STORAGE, "sandbox", "the kernel has no no_new_privs");
}

static void confine_writes(iscep_sandbox *sandbox, outcome *o, const iscep_config *config)
{
    iscep_status status = iscep_sandbox_paths_collect(&sandbox->writable, config, &o->why);
    if (status == ISCEP_OK)
        status = iscep_landlock_confine(&o->landlock, &sandbox->writable, iscep_sandbox_runs_programs(config),
                                        &o->why);
    sandbox->are_writes_confined = status == ISCEP_OK;
    if (status != ISCEP_OK)
        o->landlock = 0;
}

static void enter(iscep_sandbox *sandbox, outcome *o, const iscep_config *config)
{
    if (forbid_new_privileges(&o->why) != ISCEP_OK)
        return;
    confine_writes(sandbox, o, config);
    o->is_filtered = iscep_filter_load(iscep_sandbox_runs_programs(config), &o->why) == ISCEP_OK;
    sandbox->are_programs_forbidden =
        (o->is_filtered || o->landlock > 0) && !iscep_sandbox_runs_programs(config);
}

static void tell(const iscep_sandbox *sandbox, const outcome *o, const iscep_log *log)
{
    const iscep_log_level level = o->is_wanted && o->why.message[0] != '\0' ? ISCEP_LOG_WARN : ISCEP_LOG_INFO;
    ISCEP_AUTO_BUF writable;
    iscep_buf_init(&writable, MAX_SHOWN_LEN);
    for (size_t i = 0; sandbox->are_writes_confined && i < sandbox->writable.count; i++)
        iscep_buf_printf(&writable, "%s%s", i > 0 ? " " : "", sandbox->writable.paths[i]);
    iscep_log_event(
        log, level, "sandbox", ISCEP_LOG_NUM("landlock", o->landlock),
        ISCEP_LOG_TEXT("seccomp", o->is_filtered ? "on" : "off"),
        ISCEP_LOG_TEXT("programs", sandbox->are_programs_forbidden ? "forbidden" : "allowed"),
        ISCEP_LOG_TEXT("writable", !sandbox->are_writes_confined ? "/" : iscep_buf_text(&writable)),
        ISCEP_LOG_TEXT("reason", o->why.message));
}

void iscep_sandbox_enter(iscep_sandbox *out, const iscep_config *config, const iscep_log *log)
{
    outcome o = {.is_wanted = !config->is_sandbox_off, .why = ISCEP_ERROR_INIT};
    *out = (iscep_sandbox){0};
    if (o.is_wanted)
        enter(out, &o, config);
    else
        iscep_error_set(&o.why, ISCEP_CONFIG, "sandbox", "sandbox = off");
    tell(out, &o, log);
}

iscep_status iscep_sandbox_check(const iscep_sandbox *sandbox, const iscep_config *config, iscep_error *err)
{
    iscep_sandbox_paths wanted;
    if (sandbox->are_programs_forbidden && iscep_sandbox_runs_programs(config))
        return iscep_error_set(
            err, ISCEP_CONFIG, "sandbox",
            "there was no [ca/NAME] with kind = command at the start, and so no program can "
            "be run now: restart the connector");
    if (!sandbox->are_writes_confined)
        return ISCEP_OK;
    iscep_status status = iscep_sandbox_paths_collect(&wanted, config, err);
    if (status != ISCEP_OK)
        return status;
    const char *beyond = iscep_sandbox_paths_beyond(&sandbox->writable, &wanted);
    if (beyond != NULL)
        status =
            iscep_error_set(err, ISCEP_CONFIG, "sandbox",
                            "nothing can be written in %s, which was not needed at the start: restart the "
                            "connector",
                            beyond);
    iscep_sandbox_paths_clear(&wanted);
    return status;
}
