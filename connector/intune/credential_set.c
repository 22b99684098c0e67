/* See credential_set.h. */
#include "intune/credential_set.h"

#include <stdlib.h>

#include "base/metrics.h"

enum { DAY_S = 24 * 3600 };

struct iscep_credential_set {
    const iscep_env *env;
    const iscep_tenant *tenant;
    iscep_credential *all[ISCEP_TENANT_MAX_CREDENTIALS];
    size_t count;
    size_t in_use; /* the one that worked last */
};

static iscep_status fill(iscep_credential_set *set, const iscep_tenant *tenant, iscep_error *err)
{
    for (size_t i = 0; i < tenant->credential_count; i++) {
        const iscep_credential_options *options = tenant->credentials[i];
        iscep_status status = iscep_credential_new(&set->all[i], options, set->env, err);
        if (status != ISCEP_OK) {
            iscep_error_prefix(err, options->name != NULL ? options->name
                                                          : iscep_credential_kind_name(options->kind));
            iscep_error_prefix(err, "credential");
            return status;
        }
        set->count++;
    }
    if (set->count > 0)
        return ISCEP_OK;
    set->count = 1;
    return iscep_credential_new_secret(&set->all[0], tenant->client_secret, set->env, err);
}

static void show_refused(const iscep_credential_set *set, const iscep_credential *credential, bool is_refused)
{
    ISCEP_METRIC_SET(set->env->metrics, ISCEP_METRIC_CREDENTIAL_REFUSED, is_refused ? 1 : 0,
                     iscep_tenant_label(set->tenant), iscep_credential_name(credential));
}

/* What an earlier set knew of that name may be of another file, or another kind. */
static void show_afresh(const iscep_credential_set *set, const iscep_credential *credential)
{
    show_refused(set, credential, false);
    ISCEP_METRIC_FORGET(set->env->metrics, ISCEP_METRIC_CREDENTIAL_EXPIRY, iscep_tenant_label(set->tenant),
                        iscep_credential_name(credential));
}

iscep_status iscep_credential_set_new(iscep_credential_set **out, const iscep_env *env,
                                      const iscep_tenant *tenant, iscep_error *err)
{
    iscep_credential_set *set = calloc(1, sizeof *set);
    if (set == NULL)
        return iscep_error_nomem(err);
    set->env = env;
    set->tenant = tenant;
    iscep_status status = fill(set, tenant, err);
    if (status != ISCEP_OK) {
        iscep_credential_set_free(set);
        return status;
    }
    for (size_t i = 0; i < set->count; i++)
        show_afresh(set, set->all[i]);
    iscep_credential_set_warn(set);
    *out = set;
    return ISCEP_OK;
}

void iscep_credential_set_free(iscep_credential_set *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < ISCEP_TENANT_MAX_CREDENTIALS; i++)
        iscep_credential_free(set->all[i]);
    free(set);
}

static size_t index_of(const iscep_credential_set *set, const iscep_credential_turn *turn)
{
    return (turn->first + turn->tried) % set->count;
}

const iscep_credential *iscep_credential_set_get(const iscep_credential_set *set,
                                                 const iscep_credential_turn *turn)
{
    return set->all[index_of(set, turn)];
}

iscep_credential *iscep_credential_set_begin(const iscep_credential_set *set, iscep_credential_turn *turn)
{
    *turn = (iscep_credential_turn){.first = set->in_use};
    return set->all[set->in_use];
}

iscep_credential *iscep_credential_set_next(const iscep_credential_set *set, iscep_credential_turn *turn,
                                            const iscep_error *why)
{
    const iscep_credential *refused = set->all[index_of(set, turn)];
    if (!iscep_credential_is_at_fault(refused, why))
        return NULL;
    show_refused(set, refused, true);
    if (turn->tried + 1 >= set->count)
        return NULL;
    turn->tried++;
    iscep_credential *next = set->all[index_of(set, turn)];
    iscep_log_event(set->env->log, ISCEP_LOG_WARN, "credential_refused",
                    ISCEP_LOG_TEXT("credential", iscep_credential_name(refused)),
                    ISCEP_LOG_TEXT("next", iscep_credential_name(next)), ISCEP_LOG_TEXT("code", why->code),
                    ISCEP_LOG_TEXT("reason", why->message),
                    ISCEP_LOG_TEXT("tenant", iscep_tenant_label(set->tenant)));
    return next;
}

static void measure_expiry(const iscep_credential_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        int64_t expires_unix = iscep_credential_expires_unix(set->all[i]);
        if (expires_unix != 0)
            ISCEP_METRIC_SET(set->env->metrics, ISCEP_METRIC_CREDENTIAL_EXPIRY, (double)expires_unix,
                             iscep_tenant_label(set->tenant), iscep_credential_name(set->all[i]));
    }
}

void iscep_credential_set_worked(iscep_credential_set *set, const iscep_credential_turn *turn)
{
    size_t worked = index_of(set, turn);
    show_refused(set, set->all[worked], false);
    measure_expiry(set); /* its file may have been replaced */
    if (worked == set->in_use)
        return;
    iscep_log_event(set->env->log, ISCEP_LOG_WARN, "credential_switched",
                    ISCEP_LOG_TEXT("from", iscep_credential_name(set->all[set->in_use])),
                    ISCEP_LOG_TEXT("to", iscep_credential_name(set->all[worked])),
                    ISCEP_LOG_TEXT("tenant", iscep_tenant_label(set->tenant)));
    set->in_use = worked;
}

void iscep_credential_set_warn(const iscep_credential_set *set)
{
    int64_t now_unix = iscep_now_unix_ms(set->env) / 1000;
    measure_expiry(set);
    for (size_t i = 0; i < set->count; i++) {
        int64_t expires_unix = iscep_credential_expires_unix(set->all[i]);
        char expires[ISCEP_ISO8601_SIZE];
        if (expires_unix == 0 || expires_unix - now_unix > ISCEP_CREDENTIAL_WARN_S)
            continue;
        iscep_iso8601_emit(expires, expires_unix * 1000);
        iscep_log_event(
            set->env->log, expires_unix > now_unix ? ISCEP_LOG_WARN : ISCEP_LOG_ERROR, "credential_expiring",
            ISCEP_LOG_TEXT("credential", iscep_credential_name(set->all[i])),
            ISCEP_LOG_TEXT("expires", expires), ISCEP_LOG_NUM("days_left", (expires_unix - now_unix) / DAY_S),
            ISCEP_LOG_TEXT("tenant", iscep_tenant_label(set->tenant)));
    }
}

size_t iscep_credential_set_count(const iscep_credential_set *set)
{
    return set->count;
}

iscep_credential_facts iscep_credential_set_describe(const iscep_credential_set *set, size_t at)
{
    const iscep_credential *credential = set->all[at];
    return (iscep_credential_facts){.name = iscep_credential_name(credential),
                                    .kind = iscep_credential_kind_name(iscep_credential_get_kind(credential)),
                                    .expires_unix = iscep_credential_expires_unix(credential),
                                    .is_in_use = at == set->in_use};
}
