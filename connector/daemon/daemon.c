/* See daemon.h. Everything here is on the keeper's thread unless it says otherwise. */
#include "daemon/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/audit.h"
#include "base/journald_log.h"
#include "daemon/audit_keeper.h"
#include "daemon/recent.h"
#include "daemon/reload.h"
#include "daemon/systemd.h"
#include "daemon/verdict_metrics.h"
#include "net/limiter.h"

enum {
    WARM_INTERVAL_MS =
        30000, /* token and address are looked after while nobody asks, so that the first does not wait */
    STUCK_AFTER_MS = 10000, /* a worker whose loop has not turned for so long is not alive */
};

/* All that runs; what is NULL was not made. */
typedef struct daemon_parts {
    const char *config_path;
    iscep_log log;
    iscep_journald_log journald; /* log_target = journald */
    iscep_env env;
    iscep_audit *audit;
    iscep_loop *loop;
    iscep_journal *journal;
    iscep_audit_keeper *audit_keeper;
    iscep_recent *recent;
    iscep_limiter *limiter;
    iscep_runner *runners[ISCEP_CONFIG_MAX_WORKERS];
    size_t runner_count;
    size_t next_runner; /* who gets the next connection */
    iscep_gate *gate;
    iscep_reload reload;
    iscep_keeper_api keeper;
    iscep_admin_api admin;
    iscep_hosted_api hosted;
    iscep_overview overview;
    iscep_timer *sigterm, *sigint, *sighup;
    iscep_timer *drain_timer, *warm_timer, *watchdog_timer;
    size_t drained_count;
    bool is_stopping;
} daemon_parts;

/* --- connections --- */

static void on_accept(void *user, int fd, SSL_CTX *tls, uint32_t door)
{
    daemon_parts *d = user;
    iscep_runner_adopt(d->runners[d->next_runner], fd, tls, door);
    d->next_runner = (d->next_runner + 1) % d->runner_count;
}

static void on_listener_closed(void *user, uint32_t door)
{
    const daemon_parts *d = user;
    for (size_t i = 0; i < d->runner_count; i++)
        iscep_runner_close_door(d->runners[i], door);
}

/* --- what a generation calls back --- */

/* On the runner's thread. */
static void on_answered(void *user, iscep_runner *runner, const iscep_answer *answer)
{
    const daemon_parts *d = user;
    iscep_verdict_metrics_take(iscep_runner_metrics(runner), answer);
    iscep_recent_take(d->recent, answer);
}

static void wake_revokers(void *user)
{
    const daemon_parts *d = user;
    if (d->reload.current != NULL)
        iscep_generation_wake_revokers(d->reload.current);
}

/* On any runner's thread. Without memory it waits until the revoker looks by itself. */
static void on_withheld(void *user)
{
    daemon_parts *d = user;
    if (iscep_loop_post(d->loop, wake_revokers, d, NULL) != ISCEP_OK)
        return;
}

/* --- the configuration in force --- */

static const char *tenant_of_door(const iscep_exchange *exchange, void *user)
{
    const daemon_parts *d = user;
    const iscep_generation *current = d->reload.current;
    return current != NULL ? iscep_doors_tenant(current->doors, iscep_exchange_peer(exchange).door) : NULL;
}

static void reload(void *user)
{
    daemon_parts *d = user;
    if (!d->is_stopping) {
        iscep_reload_run(&d->reload);
        return;
    }
    d->reload.outcome.is_taken = false;
    iscep_text_copy(d->reload.outcome.message, sizeof d->reload.outcome.message, "the connector is stopping");
}

/* --- the end --- */

static void on_all_drained(void *user)
{
    daemon_parts *d = user;
    if (++d->drained_count == d->runner_count)
        iscep_loop_stop(d->loop);
}

/* On the runner's thread. */
static void on_drained(void *user)
{
    daemon_parts *d = user;
    if (iscep_loop_post(d->loop, on_all_drained, d, NULL) != ISCEP_OK)
        return; /* the timer ends it */
}

static void on_drain_timeout(void *user)
{
    daemon_parts *d = user;
    iscep_log_event(d->env.log, ISCEP_LOG_WARN, "drain_timeout",
                    ISCEP_LOG_NUM("after_ms", d->reload.current->config->drain_timeout_ms));
    iscep_loop_stop(d->loop);
}

static void on_stop_signal(void *user)
{
    daemon_parts *d = user;
    const int64_t timeout_ms = d->reload.current->config->drain_timeout_ms;
    if (d->is_stopping)
        return;
    d->is_stopping = true;
    iscep_log_event(d->env.log, ISCEP_LOG_INFO, "stopping", ISCEP_LOG_NUM("drain_timeout_ms", timeout_ms));
    iscep_systemd_tell_stopping();
    iscep_timer_arm(d->drain_timer, timeout_ms);
    iscep_gate_close(d->gate);
    iscep_hosted_api_stop(&d->hosted);
    for (size_t i = 0; i < d->runner_count; i++)
        iscep_runner_drain(d->runners[i], on_drained, d);
}

/* --- timers --- */

static void on_warm_timer(void *user)
{
    daemon_parts *d = user;
    iscep_generation_warm_up(d->reload.current);
    iscep_timer_arm(d->warm_timer, WARM_INTERVAL_MS);
}

/* A worker that hangs is for systemd to end: nothing is told any more. */
static void on_watchdog(void *user)
{
    const daemon_parts *d = user;
    const int64_t now_ms = iscep_now_mono_ms(&d->env);
    for (size_t i = 0; i < d->runner_count; i++) {
        if (now_ms - iscep_runner_alive_mono_ms(d->runners[i]) < STUCK_AFTER_MS)
            continue;
        iscep_log_event(d->env.log, ISCEP_LOG_ERROR, "worker_stuck", ISCEP_LOG_NUM("worker", (int64_t)i));
        iscep_timer_arm(d->watchdog_timer, iscep_systemd_watchdog_ms() / 2);
        return;
    }
    iscep_systemd_tell_alive();
    iscep_timer_arm(d->watchdog_timer, iscep_systemd_watchdog_ms() / 2);
}

static iscep_status make_timers(daemon_parts *d, iscep_error *err)
{
    const struct {
        iscep_timer **timer;
        iscep_callback callback;
        int signal;
    } timers[] = {
        {&d->drain_timer, on_drain_timeout, 0}, {&d->warm_timer, on_warm_timer, 0},
        {&d->watchdog_timer, on_watchdog, 0},   {&d->sigterm, on_stop_signal, SIGTERM},
        {&d->sigint, on_stop_signal, SIGINT},   {&d->sighup, reload, SIGHUP},
    };
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < sizeof timers / sizeof *timers && status == ISCEP_OK; i++)
        status =
            timers[i].signal != 0
                ? iscep_signal_new(timers[i].timer, d->loop, timers[i].signal, timers[i].callback, d, err)
                : iscep_timer_new(timers[i].timer, d->loop, timers[i].callback, d, err);
    return status;
}

/* --- what the keeper answers --- */

static void reply_metrics(iscep_exchange *exchange, void *user)
{
    const daemon_parts *d = user;
    iscep_overview_reply_metrics(exchange, &d->overview);
}

static void reply_status(iscep_exchange *exchange, void *user)
{
    const daemon_parts *d = user;
    iscep_status_api_handle(exchange, &d->overview.sources);
}

static void fill_apis(daemon_parts *d)
{
    d->admin = (iscep_admin_api){
        .env = &d->env, .journal = d->journal, .door_tenant = tenant_of_door, .door_user = d};
    d->hosted = (iscep_hosted_api){.env = &d->env};
    d->keeper = (iscep_keeper_api){.loop = d->loop,
                                   .handler_user = iscep_runner_handler_user(d->runners[0]),
                                   .admin = &d->admin,
                                   .hosted = &d->hosted,
                                   .reload = reload,
                                   .reload_user = d,
                                   .outcome = &d->reload.outcome,
                                   .reply_metrics = reply_metrics,
                                   .reply_status = reply_status,
                                   .reply_user = d};
    d->overview.sources = (iscep_status_sources){.env = &d->env,
                                                 .config_path = d->config_path,
                                                 .started_unix_ms = iscep_now_unix_ms(&d->env),
                                                 .reload = &d->reload.outcome,
                                                 .journal = d->journal,
                                                 .recent = d->recent,
                                                 .metrics_count = d->runner_count};
    for (size_t i = 0; i < d->runner_count; i++)
        d->overview.metrics[i] = iscep_runner_metrics(d->runners[i]);
}

/* --- the start --- */

static iscep_status make_records(daemon_parts *d, const iscep_config *config, iscep_error *err)
{
    iscep_status status =
        config->audit == NULL ? ISCEP_OK : iscep_audit_open(&d->audit, &d->env, config->audit, err);
    d->env.audit = d->audit;
    if (status == ISCEP_OK)
        status = iscep_loop_new(&d->loop, err);
    if (status == ISCEP_OK)
        status = iscep_runner_new_keeper(&d->runners[0], &d->env, d->loop, err);
    if (status != ISCEP_OK)
        return status;
    d->runner_count = 1;
    d->env.metrics = iscep_runner_metrics(d->runners[0]);
    status = iscep_journal_open(&d->journal, &d->env, d->loop, &config->journal, err);
    if (status == ISCEP_OK && d->audit != NULL)
        status = iscep_audit_keeper_new(&d->audit_keeper, &d->env, d->loop, d->journal, err);
    if (status == ISCEP_OK)
        status = iscep_recent_new(&d->recent, &d->env, err);
    return status == ISCEP_OK ? iscep_limiter_new(&d->limiter, &d->env, &config->limits, err) : status;
}

static iscep_status make_workers(daemon_parts *d, const iscep_config *config, iscep_error *err)
{
    iscep_status status = iscep_runner_open(d->runners[0], d->journal, d->limiter, &config->http, err);
    while (status == ISCEP_OK && d->runner_count < config->workers) {
        status = iscep_runner_new(&d->runners[d->runner_count], &d->env, err);
        if (status == ISCEP_OK)
            status =
                iscep_runner_open(d->runners[d->runner_count++], d->journal, d->limiter, &config->http, err);
    }
    return status;
}

/* Takes config. */
static iscep_status enter_first(daemon_parts *d, iscep_config *config, iscep_error *err)
{
    const iscep_reload_needs needs = {.config_path = d->config_path,
                                      .env = &d->env,
                                      .log = &d->log,
                                      .loop = d->loop,
                                      .runners = d->runners,
                                      .runner_count = d->runner_count,
                                      .limiter = d->limiter,
                                      .gate = d->gate,
                                      .keeper = &d->keeper,
                                      .overview = &d->overview,
                                      .on_answered = on_answered,
                                      .on_withheld = on_withheld,
                                      .user = d};
    iscep_status status = iscep_reload_init(&d->reload, &needs, err);
    if (status == ISCEP_OK)
        return iscep_reload_enter_first(&d->reload, config, err);
    iscep_config_free(config);
    return status;
}

/* Takes config. */
static iscep_status make_parts(daemon_parts *d, iscep_config *config, iscep_error *err)
{
    const iscep_gate_events events = {.on_accept = on_accept, .on_closed = on_listener_closed, .user = d};
    iscep_status status = make_records(d, config, err);
    if (status == ISCEP_OK)
        status = make_workers(d, config, err);
    if (status == ISCEP_OK)
        status = make_timers(d, err);
    if (status == ISCEP_OK)
        status = iscep_gate_new(&d->gate, &d->env, d->loop, &events, err);
    if (status != ISCEP_OK) {
        iscep_config_free(config);
        return status;
    }
    fill_apis(d);
    return enter_first(d, config, err);
}

/*
 * Whoever uses goes before what it uses. The journal carries out what it was asked for, and then calls back, also for
 * connections: the servers come after it.
 */
static void free_parts(daemon_parts *d)
{
    iscep_gate_free(d->gate);
    iscep_reload_clear(&d->reload);
    iscep_audit_keeper_free(d->audit_keeper);
    for (size_t i = d->runner_count; i-- > 0;)
        iscep_runner_close_journal(d->runners[i]);
    iscep_journal_close(d->journal);
    for (size_t i = d->runner_count; i-- > 0;)
        iscep_runner_free(d->runners[i]);
    iscep_limiter_free(d->limiter);
    iscep_recent_free(d->recent);
    iscep_timer *const timers[] = {d->sigterm,     d->sigint,     d->sighup,
                                   d->drain_timer, d->warm_timer, d->watchdog_timer};
    for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++)
        iscep_timer_free(timers[i]);
    iscep_loop_free(d->loop);
    iscep_audit_close(d->audit);
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

/* A core file would hold the client secret, tokens and challenges. */
static void forbid_core_files(void)
{
    const struct rlimit none = {0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0); /* also where cores are piped to a program, which the limit does not stop */
}

static void tell_ready(const daemon_parts *d)
{
    const iscep_config *config = d->reload.current->config;
    iscep_log_event(d->env.log, ISCEP_LOG_INFO, "ready", ISCEP_LOG_TEXT("version", ISCEP_VERSION),
                    ISCEP_LOG_TEXT("socket", config->socket_path != NULL ? config->socket_path : ""),
                    ISCEP_LOG_TEXT("tenant", config->tenants[0].name),
                    ISCEP_LOG_NUM("tenants", (int64_t)config->tenant_count),
                    ISCEP_LOG_NUM("workers", (int64_t)d->runner_count));
    for (size_t i = 0; i < config->listener_count; i++)
        iscep_log_event(d->env.log, ISCEP_LOG_INFO, "listening",
                        ISCEP_LOG_TEXT("listener", config->listeners[i].name),
                        ISCEP_LOG_NUM("port", iscep_gate_port(d->gate, i)));
    iscep_systemd_tell_ready("serving");
}

bool iscep_daemon_run(iscep_config *config, const char *path)
{
    daemon_parts d = {.config_path = path,
                      .log = {.min_level = config->log_level, .format = config->log_format}};
    iscep_error err = ISCEP_ERROR_INIT;
    if (config->log_target == ISCEP_LOG_TARGET_JOURNALD)
        iscep_journald_log_attach(&d.journald, &d.log, "intune-scepd");
    d.env = iscep_env_system(&d.log);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN); /* until, and again when no longer, the loop looks after it */
    raise_descriptor_limit();
    forbid_core_files();
    if (make_parts(&d, config, &err) != ISCEP_OK) {
        iscep_log_event(&d.log, ISCEP_LOG_ERROR, "start_failed", ISCEP_LOG_TEXT("reason", err.message));
        free_parts(&d);
        return false;
    }
    on_warm_timer(&d);
    if (iscep_systemd_watchdog_ms() > 0)
        on_watchdog(&d);
    tell_ready(&d);
    iscep_loop_run(d.loop);
    free_parts(&d);
    iscep_log_event(&d.log, ISCEP_LOG_INFO, "stopped", ISCEP_LOG_TEXT("version", ISCEP_VERSION));
    return true;
}
