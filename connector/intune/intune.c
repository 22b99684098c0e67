/* One tenant's client: see intune.h. */
#include "intune/call.h"

#include <stdlib.h>

enum { DAY_MS = 24 * 3600 * 1000 };

static void on_day(void *user)
{
    iscep_intune *intune = user;
    iscep_credential_set_warn(iscep_tokens_credentials(intune->tokens));
    iscep_timer_arm(intune->day_timer, DAY_MS);
}

iscep_status iscep_intune_new(iscep_intune **out, const iscep_env *env, iscep_loop *loop, iscep_http *http,
                              const iscep_tenant *tenant, iscep_error *err)
{
    iscep_status status = iscep_tenant_check(tenant, err);
    if (status != ISCEP_OK)
        return status;
    iscep_intune *intune = calloc(1, sizeof *intune);
    if (intune == NULL)
        return iscep_error_nomem(err);
    intune->env = env;
    intune->loop = loop;
    intune->http = http;
    intune->tenant = tenant;
    LIST_INIT(&intune->calls);
    for (int endpoint = ISCEP_ENDPOINT_VALIDATE; endpoint < ISCEP_ENDPOINT_COUNT; endpoint++)
        iscep_breaker_init(&intune->breakers[endpoint], env, iscep_tenant_label(tenant),
                           iscep_endpoint_name((iscep_endpoint)endpoint), &tenant->breaker);
    iscep_error_set(&intune->warm_error, ISCEP_NETWORK, "starting", "Intune has not been asked yet");
    status = iscep_tokens_new(&intune->tokens, env, http, tenant, err);
    if (status == ISCEP_OK)
        status = iscep_discovery_new(&intune->discovery, env, http, intune->tokens, tenant, err);
    if (status == ISCEP_OK)
        status = iscep_timer_new(&intune->day_timer, loop, on_day, intune, err);
    if (status != ISCEP_OK) {
        iscep_intune_free(intune);
        return status;
    }
    iscep_timer_arm(intune->day_timer, DAY_MS);
    *out = intune;
    return ISCEP_OK;
}

void iscep_intune_free(iscep_intune *intune)
{
    if (intune == NULL)
        return;
    iscep_wait_cancel(&intune->warm_wait);
    while (!LIST_EMPTY(&intune->calls))
        iscep_call_abandon(LIST_FIRST(&intune->calls), "shutting_down", "the connector is shutting down");
    iscep_timer_free(intune->day_timer);
    iscep_discovery_free(intune->discovery);
    iscep_tokens_free(intune->tokens);
    free(intune);
}

static void end_warming(iscep_intune *intune, const iscep_error *err)
{
    intune->is_warming = false;
    intune->warm_error = *err;
}

static void on_warm_token(void *user, iscep_status status, const char *token, uint64_t generation,
                          const iscep_error *err)
{
    (void)status;
    (void)token;
    (void)generation;
    end_warming(user, err);
}

static void on_warm_address(void *user, iscep_status status, const char *uri, uint64_t generation,
                            const iscep_error *err)
{
    (void)uri;
    (void)generation;
    iscep_intune *intune = user;
    if (status != ISCEP_OK)
        end_warming(intune, err);
    else
        iscep_token_get(intune->tokens, ISCEP_SCOPE_INTUNE, &intune->warm_wait, on_warm_token, intune);
}

void iscep_intune_warm_up(iscep_intune *intune)
{
    if (intune->is_warming)
        return;
    intune->is_warming = true;
    iscep_discovery_get(intune->discovery, ISCEP_SITE_SCEP, &intune->warm_wait, on_warm_address, intune);
}

bool iscep_intune_is_ready(const iscep_intune *intune, iscep_error *err)
{
    bool is_ready = iscep_discovery_is_at_hand(intune->discovery, ISCEP_SITE_SCEP) &&
                    iscep_token_is_at_hand(intune->tokens, ISCEP_SCOPE_INTUNE);
    if (!is_ready && err != NULL) {
        *err = intune->warm_error;
        if (err->status == ISCEP_OK) /* it was ready once, and something was dropped or has expired since */
            iscep_error_set(err, ISCEP_NETWORK, "not_ready", "token or address must be fetched anew");
    }
    return is_ready;
}

void iscep_intune_inherit(iscep_intune *intune, const iscep_intune *from)
{
    if (!iscep_tenant_has_same_access(intune->tenant, from->tenant))
        return;
    iscep_discovery_inherit(intune->discovery, from->discovery);
    iscep_tokens_inherit(intune->tokens, from->tokens);
}

iscep_loop *iscep_intune_loop(iscep_intune *intune)
{
    return intune->loop;
}

struct iscep_tokens *iscep_intune_tokens(iscep_intune *intune)
{
    return intune->tokens;
}

struct iscep_discovery *iscep_intune_discovery(iscep_intune *intune)
{
    return intune->discovery;
}
