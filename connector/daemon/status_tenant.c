/* See status_tenant.h. */
#include "daemon/status_tenant.h"

#include <string.h>

#include "intune/credential.h"
#include "net/retry.h"

enum { SECOND_MS = 1000, FAILURE_COUNTS_MS = 10 * 60 * SECOND_MS };

/* --- Intune --- */

static bool read_gauge(double *out, const iscep_status_sources *sources, iscep_metric metric,
                       const char *tenant, const char *label)
{
    const char *const labels[] = {tenant, label, NULL};
    return iscep_metrics_get(out, sources->metrics, sources->metrics_count, metric, labels);
}

static int64_t read_expiry_unix_ms(const iscep_status_sources *sources, iscep_metric metric,
                                   const char *tenant, const char *label)
{
    double unix_s = 0;
    return read_gauge(&unix_s, sources, metric, tenant, label) ? (int64_t)unix_s * SECOND_MS : 0;
}

static void add_circuits(iscep_json *intune, const iscep_status_sources *sources, const char *tenant)
{
    static const char *const states[] = {"closed", "half_open",
                                         "open"}; /* as ISCEP_METRIC_BREAKER_OPEN counts */
    iscep_json *list = iscep_json_add_array(intune, "circuits");
    for (unsigned endpoint = 0; endpoint < ISCEP_ENDPOINT_COUNT; endpoint++) {
        const char *name = iscep_endpoint_name((iscep_endpoint)endpoint);
        double state;
        if (!read_gauge(&state, sources, ISCEP_METRIC_BREAKER_OPEN, tenant, name) || state < 0 || state > 2)
            continue;
        iscep_json *circuit = iscep_json_append_object(list);
        iscep_json_add_text(circuit, "endpoint", name);
        iscep_json_add_text(circuit, "state", states[(size_t)state]);
    }
}

/* Those who asked last got no answer. An old failure says nothing: since then nobody may have asked. */
static bool has_failed_lately(const iscep_json *intune, int64_t now_unix_ms)
{
    int64_t failed_unix_ms, answered_unix_ms;
    if (!iscep_iso8601_parse(iscep_json_text(intune, "lastFailureAt"), &failed_unix_ms) ||
        now_unix_ms - failed_unix_ms > FAILURE_COUNTS_MS)
        return false;
    return !iscep_iso8601_parse(iscep_json_text(intune, "lastAnswerAt"), &answered_unix_ms) ||
           answered_unix_ms < failed_unix_ms;
}

static void say_reach(iscep_json *intune, const char *code, const char *message)
{
    iscep_json_add_text(intune, "code", code);
    iscep_json_add_text(intune, "message", message);
}

/* Token and address must be there, and those who asked must have been answered. "reachable" null: nobody has asked yet. */
static void add_reach(iscep_json *intune, const iscep_status_sources *sources,
                      const iscep_status_tenant *tenant)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const iscep_json *failure = iscep_json_member(intune, "lastFailure");
    const bool is_known = tenant->intune != NULL;
    const bool is_ready = is_known && iscep_intune_is_ready(tenant->intune, &err);
    iscep_json_add_bool(intune, "ready", is_ready);
    if (has_failed_lately(intune, iscep_now_unix_ms(sources->env))) {
        iscep_json_add_bool(intune, "reachable", false);
        say_reach(intune, iscep_json_text(failure, "code"), iscep_json_text(failure, "message"));
    } else if (is_ready) {
        iscep_json_add_bool(intune, "reachable", true);
        say_reach(intune, NULL, NULL);
    } else if (!is_known || strcmp(err.code, "starting") == 0) {
        iscep_json_add_text(intune, "reachable", NULL);
        say_reach(intune, NULL, NULL);
    } else {
        iscep_json_add_bool(intune, "reachable", false);
        say_reach(intune, err.code, err.message);
    }
}

static void add_intune(iscep_json *object, const iscep_status_sources *sources,
                       const iscep_status_tenant *tenant)
{
    const char *name = tenant->config->name;
    iscep_json *intune = iscep_json_add_object(object, "intune");
    iscep_recent_describe_contact(sources->recent, name, intune);
    add_reach(intune, sources, tenant);
    iscep_json_add_time(intune, "tokenExpiresAt",
                        read_expiry_unix_ms(sources, ISCEP_METRIC_TOKEN_EXPIRY, name, "intune"));
    add_circuits(intune, sources, name);
}

/* --- what it proves itself with --- */

static void add_credentials(iscep_json *object, const iscep_status_sources *sources,
                            const iscep_config_tenant *config)
{
    iscep_json *list = iscep_json_add_array(object, "credentials");
    for (size_t i = 0; i < config->tenant.credential_count; i++) {
        const iscep_credential_options *credential = config->tenant.credentials[i];
        const char *kind = iscep_credential_kind_name(credential->kind);
        const char *name = credential->name != NULL ? credential->name : kind;
        iscep_json *entry = iscep_json_append_object(list);
        iscep_json_add_text(entry, "name", name);
        iscep_json_add_text(entry, "kind", kind);
        iscep_json_add_time(entry, "expiresAt",
                            read_expiry_unix_ms(sources, ISCEP_METRIC_CREDENTIAL_EXPIRY, config->name, name));
    }
}

/* --- what is to be done --- */

static void add_owed(iscep_json *object, const iscep_status_totals *totals)
{
    if (totals == NULL || !totals->is_known) {
        iscep_json_add_text(object, "owed", NULL);
        return;
    }
    iscep_json *owed = iscep_json_add_object(object, "owed");
    iscep_json_add_int(owed, "owed", totals->owed);
    iscep_json_add_int(owed, "dead", totals->dead);
    iscep_json_add_time(owed, "oldestOwedAt", totals->oldest_owed_unix_ms);
}

static void add_revocations(iscep_json *object, const iscep_status_sources *sources,
                            const iscep_status_tenant *tenant, const iscep_status_totals *totals)
{
    if (tenant->revoker == NULL) {
        iscep_json_add_text(object, "revocations", NULL);
        return;
    }
    iscep_json *revocations = iscep_json_add_object(object, "revocations");
    iscep_json_add_bool(revocations, "isPolling", sources->config->revoker.is_polling);
    iscep_revoker_describe(tenant->revoker, revocations);
    if (totals == NULL || !totals->is_known)
        return;
    iscep_json_add_int(revocations, "waiting", totals->waiting);
    iscep_json_add_int(revocations, "held", totals->held);
    iscep_json_add_int(revocations, "answerable", totals->answerable);
}

void iscep_status_tenant_describe(iscep_json *object, const iscep_status_sources *sources,
                                  const iscep_status_tenant *tenant, const iscep_status_totals *totals)
{
    const iscep_config_tenant *config = tenant->config;
    iscep_json_add_text(object, "name", config->name);
    iscep_json_add_text(object, "tenantId", config->tenant.tenant_id);
    iscep_json_add_text(object, "cloud", config->cloud != NULL ? config->cloud->name : NULL);
    add_intune(object, sources, tenant);
    add_credentials(object, sources, config);
    add_owed(object, totals);
    add_revocations(object, sources, tenant, totals);
    iscep_recent_describe(sources->recent, config->name, object);
}
