/* See reload.h. */
#include "daemon/reload.h"

#include <stdio.h>
#include <string.h>

#include "base/audit.h"
#include "net/limiter.h"

enum {
    RETIRED_LOOK_MS = 250, /* has an old generation ended what it had begun? */
    REMARK_SIZE = 512,
};

/* --- one generation after the other --- */

static const iscep_routing *retired_routing(void *user, size_t index)
{
    const iscep_reload *r = user;
    const iscep_generation *at = STAILQ_FIRST(&r->retired);
    for (; at != NULL && index > 0; index--)
        at = STAILQ_NEXT(at, link);
    return at != NULL ? &at->routing : NULL;
}

static void wake_revokers(void *user)
{
    iscep_generation_wake_revokers(user);
}

static void point_apis(iscep_reload *r, iscep_generation *next)
{
    iscep_admin_api *admin = r->needs.keeper->admin;
    iscep_hosted_api *hosted = r->needs.keeper->hosted;
    admin->tenants = next->admin_tenants;
    admin->tenant_count = next->config->tenant_count;
    admin->admin_uids = next->config->admin_uids.ids;
    admin->admin_uid_count = next->config->admin_uids.count;
    hosted->plugin_uids = next->config->plugin_uids.ids;
    hosted->plugin_uid_count = next->config->plugin_uids.count;
    hosted->routing = &next->routing;
    hosted->on_attended = wake_revokers;
    hosted->attended_user = next;
    hosted->retired = retired_routing;
    hosted->retired_user = r;
    iscep_hosted_api_release(hosted);
}

static void retire(iscep_reload *r, iscep_generation *before)
{
    iscep_generation_retire(before);
    before->retired_mono_ms = iscep_now_mono_ms(r->needs.env);
    STAILQ_INSERT_HEAD(&r->retired, before, link);
    iscep_timer_arm(r->retired_timer, RETIRED_LOOK_MS);
}

static void follow(iscep_reload *r, iscep_generation *next, iscep_generation *before)
{
    iscep_generation *at;
    iscep_generation_follow(next, before);
    STAILQ_FOREACH(at, &r->retired, link)
    iscep_generation_follow(next, at);
}

static void enter(iscep_reload *r, iscep_generation *next)
{
    iscep_generation *before = r->current;
    iscep_gate_number(r->needs.gate, next->doors);
    iscep_generation_enter(next);
    iscep_gate_commit(r->needs.gate);
    r->current = next;
    point_apis(r, next);
    memcpy(r->outcome.digest, next->config->digest, sizeof r->outcome.digest);
    iscep_overview_show(r->needs.overview, next, r->needs.gate);
    iscep_heartbeat_show(r->needs.heartbeat, next->config->common_digest);
    if (before == NULL)
        return;
    follow(r, next, before);
    retire(r, before);
}

static iscep_status make_generation(iscep_reload *r, iscep_config *config, iscep_error *err)
{
    const iscep_generation_needs needs = {.runners = r->needs.runners,
                                          .runner_count = r->needs.runner_count,
                                          .keeper = r->needs.keeper,
                                          .before = r->current,
                                          .on_answered = r->needs.on_answered,
                                          .on_withheld = r->needs.on_withheld,
                                          .user = r->needs.user};
    iscep_generation *next;
    iscep_status status = iscep_generation_new(&next, &needs, config, err);
    if (status != ISCEP_OK)
        return status;
    status = iscep_gate_prepare(r->needs.gate, config, err);
    if (status != ISCEP_OK) {
        iscep_generation_free(next);
        return status;
    }
    enter(r, next);
    return ISCEP_OK;
}

static void free_retired(iscep_reload *r, iscep_generation *generation)
{
    STAILQ_REMOVE(&r->retired, generation, iscep_generation, link);
    iscep_overview_forget(r->needs.overview, generation->config);
    iscep_generation_free(generation);
    iscep_generation_wake_services(r->current);
}

/* What an old generation has begun it may end within the time that a stop would give it. */
static void on_retired_timer(void *user)
{
    iscep_reload *r = user;
    iscep_generation *next;
    for (iscep_generation *at = STAILQ_FIRST(&r->retired); at != NULL; at = next) {
        next = STAILQ_NEXT(at, link);
        const int64_t age_ms = iscep_now_mono_ms(r->needs.env) - at->retired_mono_ms;
        const bool is_idle = iscep_generation_is_idle(at);
        if (!is_idle && age_ms <= at->config->drain_timeout_ms)
            continue;
        if (!is_idle)
            iscep_log_event(r->needs.env->log, ISCEP_LOG_WARN, "drain_timeout",
                            ISCEP_LOG_NUM("after_ms", age_ms));
        free_retired(r, at);
    }
    if (!STAILQ_EMPTY(&r->retired))
        iscep_timer_arm(r->retired_timer, RETIRED_LOOK_MS);
}

iscep_status iscep_reload_init(iscep_reload *reload, const iscep_reload_needs *needs, iscep_error *err)
{
    reload->needs = *needs;
    STAILQ_INIT(&reload->retired);
    return iscep_timer_new(&reload->retired_timer, needs->loop, on_retired_timer, reload, err);
}

void iscep_reload_clear(iscep_reload *reload)
{
    while (!STAILQ_EMPTY(&reload->retired))
        free_retired(reload, STAILQ_FIRST(&reload->retired));
    if (reload->current != NULL) {
        reload->needs.keeper->admin->tenant_count = 0; /* whom the journal calls back finds them gone */
        iscep_overview_clear(reload->needs.overview);
        iscep_generation_free(reload->current);
        reload->current = NULL;
    }
    iscep_timer_free(reload->retired_timer);
    reload->retired_timer = NULL;
}

/* --- what cannot change while it runs --- */

static const char *const fixed_names[ISCEP_RELOAD_FIXED_COUNT] = {"workers",
                                                                  "[journal] path",
                                                                  "[journal] retention_days or max_size_mb",
                                                                  "audit",
                                                                  "log_format or log_target",
                                                                  "[journal] database, or what belongs to it",
                                                                  "[journal] node",
                                                                  "sandbox or sandbox_writable"};

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static void describe_sandbox(char *out, size_t size, const iscep_config *config)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, size);
    iscep_buf_printf(&text, "%d", (int)config->is_sandbox_off);
    for (size_t i = 0; i < config->sandbox_writable.count; i++)
        iscep_buf_printf(&text, " %s", config->sandbox_writable.words[i]);
    iscep_text_copy(out, size, iscep_buf_text(&text));
}

static void describe_fixed(iscep_reload_fixed out, const iscep_config *config)
{
    snprintf(out[0], sizeof out[0], "%u", (unsigned)config->workers);
    iscep_text_copy(out[1], sizeof out[1], config->journal.path);
    snprintf(out[2], sizeof out[2], "%lld %lld", (long long)config->journal.retention_days,
             (long long)config->journal.max_size_mb);
    iscep_text_copy(out[3], sizeof out[3], text_or_empty(config->audit));
    snprintf(out[4], sizeof out[4], "%d %d", (int)config->log_format, (int)config->log_target);
    snprintf(out[5], sizeof out[5], "%u %lld %s %s", (unsigned)config->journal.connections,
             (long long)config->database.timeout_ms, text_or_empty(config->database.password_file),
             text_or_empty(config->database.conninfo));
    iscep_text_copy(out[6], sizeof out[6], config->journal.node);
    describe_sandbox(out[7], sizeof out[7], config);
}

/* Names the first difference from what was opened; NULL: none. Also the second time that it is read. */
static const char *find_fixed_difference(const iscep_reload *r, const iscep_config *config)
{
    iscep_reload_fixed wanted;
    if (iscep_gate_has_other_file(r->needs.gate, config))
        return "mode or owner of a socket";
    describe_fixed(wanted, config);
    for (size_t i = 0; i < ISCEP_RELOAD_FIXED_COUNT; i++)
        if (strcmp(r->fixed[i], wanted[i]) != 0)
            return fixed_names[i];
    return NULL;
}

iscep_status iscep_reload_enter_first(iscep_reload *reload, iscep_config *config, iscep_error *err)
{
    describe_fixed(reload->fixed, config);
    return make_generation(reload, config, err);
}

/* --- reading it again --- */

/* Of a configuration that will be taken: what else there is to say; empty: nothing. */
static void remark(char out[REMARK_SIZE], iscep_reload *r, const iscep_config *config)
{
    const iscep_config *before = r->current->config;
    const char *fixed = find_fixed_difference(r, config), *gone = NULL;
    for (size_t i = 0; i < before->tenant_count && gone == NULL; i++)
        if (iscep_config_find_tenant(config, before->tenants[i].name) == NULL)
            gone = before->tenants[i].name;
    out[0] = '\0';
    if (fixed != NULL)
        snprintf(out, REMARK_SIZE, "%s has changed, and that takes effect after a restart%s", fixed,
                 gone != NULL ? "; " : "");
    if (gone != NULL)
        snprintf(
            out + strlen(out), REMARK_SIZE - strlen(out),
            "there is no [tenant/%s] any more: what it owes Intune stays untold (intune-scepctl outbox list "
            "--tenant %s)",
            gone, gone);
}

static void take_limits(const iscep_reload *r, const iscep_config *config)
{
    iscep_limiter_set(r->needs.limiter, &config->limits);
    r->needs.log->min_level = config->log_level;
    for (size_t i = 0; i < r->needs.runner_count; i++)
        iscep_runner_set_options(r->needs.runners[i], &config->http);
}

static iscep_status try_reload(iscep_reload *r, char remarked[REMARK_SIZE], iscep_error *err)
{
    iscep_config *config;
    iscep_status status = iscep_config_load(&config, r->needs.config_path, err);
    if (status != ISCEP_OK)
        return status;
    if (r->needs.adapt != NULL)
        r->needs.adapt(r->needs.adapt_user, config);
    if (r->needs.permit != NULL)
        status = r->needs.permit(r->needs.permit_user, config, err);
    if (status != ISCEP_OK) {
        iscep_config_free(config);
        return status;
    }
    remark(remarked, r, config);
    status = make_generation(r, config, err);
    if (status != ISCEP_OK)
        return status;
    take_limits(r, config);
    iscep_generation_warm_up(r->current); /* a tenant that is new is ready before somebody asks */
    return ISCEP_OK;
}

static void tell(const iscep_reload *r)
{
    const iscep_reload_outcome *outcome = &r->outcome;
    const iscep_log_field fields[] = {ISCEP_LOG_TEXT("digest", outcome->digest),
                                      ISCEP_LOG_TEXT("reason", outcome->message)};
    iscep_metrics *metrics = iscep_runner_metrics(r->needs.runners[0]);
    const char *word = outcome->is_taken ? "taken" : "refused";
    iscep_log_write(r->needs.env->log, outcome->is_taken ? ISCEP_LOG_INFO : ISCEP_LOG_ERROR,
                    outcome->is_taken ? "reloaded" : "reload_refused", fields, 2);
    iscep_audit_write(r->needs.env->audit, outcome->is_taken ? "reloaded" : "reload_refused", fields, 2);
    ISCEP_METRIC_ADD(metrics, ISCEP_METRIC_RELOADS, 1, word);
    if (!outcome->is_taken)
        iscep_metrics_set(metrics, ISCEP_METRIC_RELOAD_GOOD, NULL, 0); /* 1: overview.c */
}

void iscep_reload_run(iscep_reload *reload)
{
    iscep_reload_outcome *outcome = &reload->outcome;
    iscep_error err = ISCEP_ERROR_INIT;
    char remarked[REMARK_SIZE] = "";
    const iscep_process_events *events = reload->needs.events;
    if (events->reloading != NULL)
        events->reloading(events->user);
    outcome->is_taken = try_reload(reload, remarked, &err) == ISCEP_OK;
    outcome->at_unix_ms = iscep_now_unix_ms(reload->needs.env);
    iscep_text_copy(outcome->message, sizeof outcome->message, outcome->is_taken ? remarked : err.message);
    tell(reload);
    if (events->ready != NULL)
        events->ready(events->user, outcome->is_taken ? "configuration reloaded" : outcome->message);
}
