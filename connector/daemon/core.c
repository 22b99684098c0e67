/* See core.h. Everything here is on the keeper's thread unless it says otherwise. */
#include "daemon/core.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/audit.h"
#include "daemon/audit_keeper.h"
#include "daemon/heartbeat.h"
#include "daemon/recent.h"
#include "daemon/reload.h"
#include "daemon/verdict_metrics.h"
#include "net/limiter.h"

enum {
    WARM_INTERVAL_MS =
        30000, /* token and address are looked after while nobody asks, so that the first does not wait */
    STUCK_AFTER_MS = 10000, /* a worker whose loop has not turned for so long is not alive */
};

/* What is NULL was not made. */
struct iscep_core {
    iscep_core_options options;
    iscep_env env;
    iscep_audit *audit;
    iscep_journal *journal;
    iscep_audit_keeper *audit_keeper;
    iscep_heartbeat *heartbeat;
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
    iscep_timer *drain_timer, *warm_timer;
    iscep_loop_item stop_item;
    atomic_bool is_stop_asked;
    size_t drained_count;
    bool is_stopping;
    bool has_run;
};

/* --- connections --- */

static void on_accept(void *user, int fd, SSL_CTX *tls, uint32_t door)
{
    iscep_core *core = user;
    if (!iscep_doors_admit_connection(core->reload.current->doors, &core->env, fd, door)) {
        close(fd);
        return;
    }
    iscep_runner_adopt(core->runners[core->next_runner], fd, tls, door);
    core->next_runner = (core->next_runner + 1) % core->runner_count;
}

static void on_listener_closed(void *user, uint32_t door)
{
    const iscep_core *core = user;
    for (size_t i = 0; i < core->runner_count; i++)
        iscep_runner_close_door(core->runners[i], door);
}

/* --- what a generation calls back --- */

/* On the runner's thread. */
static void on_answered(void *user, iscep_runner *runner, const iscep_answer *answer)
{
    const iscep_core *core = user;
    iscep_verdict_metrics_take(iscep_runner_metrics(runner), answer);
    iscep_recent_take(core->recent, answer);
}

static void wake_revokers(void *user)
{
    const iscep_core *core = user;
    if (core->reload.current != NULL)
        iscep_generation_wake_revokers(core->reload.current);
}

/* On any runner's thread. Without memory it waits until the revoker looks by itself. */
static void on_withheld(void *user)
{
    iscep_core *core = user;
    if (iscep_loop_post(core->options.loop, wake_revokers, core, NULL) != ISCEP_OK)
        return;
}

/* --- what the other nodes are told --- */

/* "working", "degraded" or "failing" of this node; what is wrong with others is no fault of ours. */
static const char *own_health(void *user)
{
    static const char *const states[] = {"working", "degraded", "failing"};
    const iscep_core *core = user;
    iscep_status_sources sources = core->overview.sources;
    sources.heartbeat = NULL;
    ISCEP_AUTO_JSON *document = iscep_status_document(&sources, NULL, 0);
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (iscep_json_has_text(document, "state", states[i]))
            return states[i];
    return "unknown";
}

/* --- the configuration in force --- */

static const char *tenant_of_door(const iscep_exchange *exchange, void *user)
{
    const iscep_core *core = user;
    const iscep_generation *current = core->reload.current;
    return current != NULL ? iscep_doors_tenant(current->doors, iscep_exchange_peer(exchange).door) : NULL;
}

void iscep_core_reload(iscep_core *core)
{
    if (!core->is_stopping) {
        iscep_reload_run(&core->reload);
        return;
    }
    core->reload.outcome.is_taken = false;
    iscep_text_copy(core->reload.outcome.message, sizeof core->reload.outcome.message,
                    "the connector is stopping");
}

static void reload(void *user)
{
    iscep_core_reload(user);
}

/* --- the end --- */

static void on_all_drained(void *user)
{
    iscep_core *core = user;
    if (++core->drained_count == core->runner_count)
        iscep_loop_stop(core->options.loop);
}

/* On the runner's thread. */
static void on_drained(void *user)
{
    iscep_core *core = user;
    if (iscep_loop_post(core->options.loop, on_all_drained, core, NULL) != ISCEP_OK)
        return; /* the timer ends it */
}

static void on_drain_timeout(void *user)
{
    iscep_core *core = user;
    iscep_log_event(core->env.log, ISCEP_LOG_WARN, "drain_timeout",
                    ISCEP_LOG_NUM("after_ms", core->reload.current->config->drain_timeout_ms));
    iscep_loop_stop(core->options.loop);
}

static void begin_to_stop(void *user)
{
    iscep_core *core = user;
    const int64_t timeout_ms = core->reload.current->config->drain_timeout_ms;
    core->is_stopping = true;
    iscep_log_event(core->env.log, ISCEP_LOG_INFO, "stopping", ISCEP_LOG_NUM("drain_timeout_ms", timeout_ms));
    if (core->options.events.stopping != NULL)
        core->options.events.stopping(core->options.events.user);
    iscep_timer_arm(core->drain_timer, timeout_ms);
    iscep_gate_close(core->gate);
    iscep_hosted_api_stop(&core->hosted);
    for (size_t i = 0; i < core->runner_count; i++)
        iscep_runner_drain(core->runners[i], on_drained, core);
}

void iscep_core_stop(iscep_core *core)
{
    if (!atomic_exchange(&core->is_stop_asked, true))
        iscep_loop_post_item(core->options.loop, &core->stop_item);
}

/* --- timers --- */

static void on_warm_timer(void *user)
{
    iscep_core *core = user;
    iscep_generation_warm_up(core->reload.current);
    iscep_timer_arm(core->warm_timer, WARM_INTERVAL_MS);
}

static iscep_status make_timers(iscep_core *core, iscep_error *err)
{
    iscep_status status =
        iscep_timer_new(&core->drain_timer, core->options.loop, on_drain_timeout, core, err);
    return status == ISCEP_OK
               ? iscep_timer_new(&core->warm_timer, core->options.loop, on_warm_timer, core, err)
               : status;
}

bool iscep_core_is_stuck(iscep_core *core)
{
    const int64_t now_ms = iscep_now_mono_ms(&core->env);
    for (size_t i = 0; i < core->runner_count; i++) {
        if (now_ms - iscep_runner_alive_mono_ms(core->runners[i]) < STUCK_AFTER_MS)
            continue;
        iscep_log_event(core->env.log, ISCEP_LOG_ERROR, "worker_stuck", ISCEP_LOG_NUM("worker", (int64_t)i));
        return true;
    }
    return false;
}

/* --- what the keeper answers --- */

static void reply_metrics(iscep_exchange *exchange, void *user)
{
    const iscep_core *core = user;
    if (core->heartbeat != NULL)
        iscep_heartbeat_measure(core->heartbeat);
    iscep_overview_reply_metrics(exchange, &core->overview);
}

static void reply_status(iscep_exchange *exchange, void *user)
{
    const iscep_core *core = user;
    iscep_status_api_handle(exchange, &core->overview.sources);
}

static void fill_apis(iscep_core *core)
{
    core->admin = (iscep_admin_api){.env = &core->env,
                                    .journal = core->journal,
                                    .heartbeat = core->heartbeat,
                                    .door_tenant = tenant_of_door,
                                    .door_user = core};
    core->hosted = (iscep_hosted_api){.env = &core->env};
    core->keeper = (iscep_keeper_api){.loop = core->options.loop,
                                      .handler_user = iscep_runner_handler_user(core->runners[0]),
                                      .admin = &core->admin,
                                      .hosted = &core->hosted,
                                      .reload = reload,
                                      .reload_user = core,
                                      .outcome = &core->reload.outcome,
                                      .reply_metrics = reply_metrics,
                                      .reply_status = reply_status,
                                      .reply_user = core};
    core->overview.sources = (iscep_status_sources){.env = &core->env,
                                                    .config_path = core->options.config_path,
                                                    .started_unix_ms = iscep_now_unix_ms(&core->env),
                                                    .reload = &core->reload.outcome,
                                                    .sandbox = core->options.sandbox,
                                                    .journal = core->journal,
                                                    .heartbeat = core->heartbeat,
                                                    .recent = core->recent,
                                                    .metrics_count = core->runner_count};
    for (size_t i = 0; i < core->runner_count; i++)
        core->overview.metrics[i] = iscep_runner_metrics(core->runners[i]);
}

/* --- the start --- */

static iscep_status make_records(iscep_core *core, const iscep_config *config, iscep_error *err)
{
    iscep_status status =
        config->audit == NULL ? ISCEP_OK : iscep_audit_open(&core->audit, &core->env, config->audit, err);
    core->env.audit = core->audit;
    if (status == ISCEP_OK)
        status = iscep_runner_new_keeper(&core->runners[0], &core->env, core->options.loop, err);
    if (status != ISCEP_OK)
        return status;
    core->runner_count = 1;
    core->env.metrics = iscep_runner_metrics(core->runners[0]);
    status = iscep_journal_open(&core->journal, &core->env, core->options.loop, &config->journal, err);
    if (status == ISCEP_OK && core->audit != NULL)
        status =
            iscep_audit_keeper_new(&core->audit_keeper, &core->env, core->options.loop, core->journal, err);
    if (status == ISCEP_OK)
        status = iscep_heartbeat_new(&core->heartbeat, &core->env, core->options.loop, core->journal,
                                     own_health, core, err);
    if (status == ISCEP_OK)
        status = iscep_recent_new(&core->recent, &core->env, err);
    return status == ISCEP_OK ? iscep_limiter_new(&core->limiter, &core->env, &config->limits, err) : status;
}

static iscep_status make_workers(iscep_core *core, const iscep_config *config, iscep_error *err)
{
    iscep_status status =
        iscep_runner_open(core->runners[0], core->journal, core->limiter, &config->http, err);
    while (status == ISCEP_OK && core->runner_count < config->workers) {
        status = iscep_runner_new(&core->runners[core->runner_count], &core->env, err);
        if (status == ISCEP_OK)
            status = iscep_runner_open(core->runners[core->runner_count++], core->journal, core->limiter,
                                       &config->http, err);
    }
    return status;
}

/* Takes config. */
static iscep_status enter_first(iscep_core *core, iscep_config *config, iscep_error *err)
{
    const iscep_reload_needs needs = {.config_path = core->options.config_path,
                                      .heartbeat = core->heartbeat,
                                      .adapt = core->options.adapt,
                                      .adapt_user = core->options.adapt_user,
                                      .permit = core->options.permit,
                                      .permit_user = core->options.permit_user,
                                      .events = &core->options.events,
                                      .env = &core->env,
                                      .log = core->options.log,
                                      .loop = core->options.loop,
                                      .runners = core->runners,
                                      .runner_count = core->runner_count,
                                      .limiter = core->limiter,
                                      .gate = core->gate,
                                      .keeper = &core->keeper,
                                      .overview = &core->overview,
                                      .on_answered = on_answered,
                                      .on_withheld = on_withheld,
                                      .user = core};
    iscep_status status = iscep_reload_init(&core->reload, &needs, err);
    if (status == ISCEP_OK)
        return iscep_reload_enter_first(&core->reload, config, err);
    iscep_config_free(config);
    return status;
}

/* Takes config. */
static iscep_status make_parts(iscep_core *core, iscep_config *config, iscep_error *err)
{
    const iscep_gate_events events = {.on_accept = on_accept, .on_closed = on_listener_closed, .user = core};
    iscep_status status = make_records(core, config, err);
    if (status == ISCEP_OK)
        status = make_workers(core, config, err);
    if (status == ISCEP_OK)
        status = make_timers(core, err);
    if (status == ISCEP_OK)
        status = iscep_gate_new(&core->gate, &core->env, core->options.loop, core->options.inherited, &events,
                                err);
    if (status != ISCEP_OK) {
        iscep_config_free(config);
        return status;
    }
    fill_apis(core);
    return enter_first(core, config, err);
}

iscep_status iscep_core_new(iscep_core **out, const iscep_core_options *options, iscep_config *config,
                            iscep_error *err)
{
    iscep_core *core = calloc(1, sizeof *core);
    if (core == NULL) {
        iscep_config_free(config);
        return iscep_error_nomem(err);
    }
    core->options = *options;
    core->env = iscep_env_system(options->log);
    core->stop_item = (iscep_loop_item){.callback = begin_to_stop, .user = core};
    if (options->adapt != NULL)
        options->adapt(options->adapt_user, config);
    iscep_status status = make_parts(core, config, err);
    if (status != ISCEP_OK) {
        iscep_core_free(core);
        return status;
    }
    *out = core;
    return ISCEP_OK;
}

static void tell_ready(const iscep_core *core)
{
    const iscep_config *config = core->reload.current->config;
    iscep_log_event(core->env.log, ISCEP_LOG_INFO, "ready", ISCEP_LOG_TEXT("version", ISCEP_VERSION),
                    ISCEP_LOG_TEXT("socket", config->socket_path != NULL ? config->socket_path : ""),
                    ISCEP_LOG_TEXT("tenant", config->tenants[0].name),
                    ISCEP_LOG_NUM("tenants", (int64_t)config->tenant_count),
                    ISCEP_LOG_NUM("workers", (int64_t)core->runner_count));
    for (size_t i = 0; i < config->listener_count; i++)
        iscep_log_event(core->env.log, ISCEP_LOG_INFO, "listening",
                        ISCEP_LOG_TEXT("listener", config->listeners[i].name),
                        ISCEP_LOG_NUM("port", iscep_gate_port(core->gate, i)));
    if (core->options.events.ready != NULL)
        core->options.events.ready(core->options.events.user, "serving");
}

void iscep_core_run(iscep_core *core)
{
    on_warm_timer(core);
    tell_ready(core);
    core->has_run = true;
    iscep_loop_run(core->options.loop);
}

/*
 * Whoever uses goes before what it uses. The journal carries out what it was asked for, and then calls back, also for
 * connections: the servers come after it.
 */
static void free_parts(iscep_core *core)
{
    iscep_gate_free(core->gate);
    core->admin.heartbeat = NULL;
    core->overview.sources.heartbeat = NULL;
    iscep_heartbeat_free(core->heartbeat);
    core->heartbeat = NULL;
    iscep_reload_clear(&core->reload);
    iscep_audit_keeper_free(core->audit_keeper);
    for (size_t i = core->runner_count; i-- > 0;)
        iscep_runner_close_journal(core->runners[i]);
    iscep_journal_close(core->journal);
    for (size_t i = core->runner_count; i-- > 0;)
        iscep_runner_free(core->runners[i]);
    iscep_limiter_free(core->limiter);
    iscep_recent_free(core->recent);
    iscep_timer_free(core->drain_timer);
    iscep_timer_free(core->warm_timer);
    iscep_audit_close(core->audit);
}

void iscep_core_free(iscep_core *core)
{
    if (core == NULL)
        return;
    const bool has_run = core->has_run;
    const iscep_log *log = core->options.log;
    free_parts(core);
    free(core);
    if (has_run)
        iscep_log_event(log, ISCEP_LOG_INFO, "stopped", ISCEP_LOG_TEXT("version", ISCEP_VERSION));
}
