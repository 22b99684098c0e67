/* See daemon.h. What the connector itself does is core.c's. */
#include "daemon/daemon.h"

#include <signal.h>
#include <sys/resource.h>

#include "base/journald_log.h"
#include "daemon/core.h"
#include "daemon/sandbox.h"

/* All that the process has; what is NULL was not made. */
typedef struct daemon_parts {
    iscep_log log;
    iscep_journald_log journald; /* log_target = journald */
    iscep_sandbox sandbox;
    iscep_systemd_sockets inherited;
    iscep_loop *loop;
    iscep_timer *sigterm, *sigint, *sighup, *watchdog_timer;
    iscep_core *core;
} daemon_parts;

/* --- what the process is told --- */

static void on_stop_signal(void *user)
{
    const daemon_parts *d = user;
    iscep_core_stop(d->core);
}

static void on_reload_signal(void *user)
{
    const daemon_parts *d = user;
    iscep_core_reload(d->core);
}

/* A worker that hangs is for systemd to end: nothing is told any more. */
static void on_watchdog(void *user)
{
    const daemon_parts *d = user;
    if (!iscep_core_is_stuck(d->core))
        iscep_systemd_tell_alive();
    iscep_timer_arm(d->watchdog_timer, iscep_systemd_watchdog_ms() / 2);
}

static iscep_status permit(void *user, const iscep_config *config, iscep_error *err)
{
    return iscep_sandbox_check(user, config, err);
}

static iscep_status make_timers(daemon_parts *d, iscep_error *err)
{
    const struct {
        iscep_timer **timer;
        iscep_callback callback;
        int signal;
    } timers[] = {
        {&d->watchdog_timer, on_watchdog, 0},
        {&d->sigterm, on_stop_signal, SIGTERM},
        {&d->sigint, on_stop_signal, SIGINT},
        {&d->sighup, on_reload_signal, SIGHUP},
    };
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < sizeof timers / sizeof *timers && status == ISCEP_OK; i++)
        status =
            timers[i].signal != 0
                ? iscep_signal_new(timers[i].timer, d->loop, timers[i].signal, timers[i].callback, d, err)
                : iscep_timer_new(timers[i].timer, d->loop, timers[i].callback, d, err);
    return status;
}

/* --- what the process tells --- */

static void on_ready(void *user, const char *status)
{
    (void)user;
    iscep_systemd_tell_ready(status);
}

static void on_reloading(void *user)
{
    (void)user;
    iscep_systemd_tell_reloading();
}

static void on_stopping(void *user)
{
    (void)user;
    iscep_systemd_tell_stopping();
}

/* --- beginning and end --- */

/* Takes config. */
static iscep_status make_parts(daemon_parts *d, iscep_config *config, const char *path, iscep_error *err)
{
    iscep_status status = iscep_loop_new(&d->loop, err);
    if (status == ISCEP_OK)
        status = make_timers(d, err);
    if (status != ISCEP_OK) {
        iscep_config_free(config);
        return status;
    }
    const iscep_core_options options = {
        .config_path = path,
        .loop = d->loop,
        .log = &d->log,
        .inherited = &d->inherited,
        .permit = permit,
        .permit_user = &d->sandbox,
        .sandbox = &d->sandbox.outcome,
        .events = {.ready = on_ready, .reloading = on_reloading, .stopping = on_stopping}};
    return iscep_core_new(&d->core, &options, config, err);
}

static void free_parts(daemon_parts *d)
{
    iscep_core_free(d->core);
    iscep_timer *const timers[] = {d->sigterm, d->sigint, d->sighup, d->watchdog_timer};
    for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++)
        iscep_timer_free(timers[i]);
    iscep_loop_free(d->loop);
    iscep_systemd_clear_sockets(&d->inherited);
    iscep_sandbox_paths_clear(&d->sandbox.writable);
}

/* Every caller is a descriptor: as many as the system lets us have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void set_up_process(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN); /* until, and again when no longer, the loop looks after it */
    raise_descriptor_limit();
}

bool iscep_daemon_run(iscep_config *config, const char *path)
{
    daemon_parts d = {.log = {.min_level = config->log_level, .format = config->log_format}};
    iscep_error err = ISCEP_ERROR_INIT;
    if (config->log_target == ISCEP_LOG_TARGET_JOURNALD)
        iscep_journald_log_attach(&d.journald, &d.log, "intune-scepd");
    set_up_process();
    iscep_systemd_find_sockets(&d.inherited);
    iscep_sandbox_enter(&d.sandbox, config,
                        &d.log); /* before a credential is opened, or a thread of ours made */
    const bool is_made = make_parts(&d, config, path, &err) == ISCEP_OK;
    if (!is_made)
        iscep_log_event(&d.log, ISCEP_LOG_ERROR, "start_failed", ISCEP_LOG_TEXT("reason", err.message));
    if (is_made && iscep_systemd_watchdog_ms() > 0)
        on_watchdog(&d);
    if (is_made)
        iscep_core_run(d.core);
    free_parts(&d);
    return is_made;
}
