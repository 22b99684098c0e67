/* See upstream.h. */
#include "intune/upstream.h"

#include <string.h>

#include "base/metrics.h"

static void observe(const iscep_upstream *request, const char *outcome)
{
    const iscep_env *env = request->env;
    ISCEP_METRIC_OBSERVE(env->metrics, ISCEP_METRIC_UPSTREAM_SECONDS,
                         iscep_seconds_since(env, request->sent_mono_us), iscep_tenant_label(request->tenant),
                         iscep_endpoint_name(request->endpoint), outcome);
}

void iscep_upstream_begin(iscep_upstream *request)
{
    request->sent_mono_us = iscep_now_mono_us(request->env);
}

const char *iscep_upstream_outcome(iscep_status status, const iscep_http_response *response,
                                   const iscep_error *err)
{
    if (status != ISCEP_OK)
        return strcmp(err->code, "timeout") == 0 ? "timeout" : iscep_status_name(status);
    if (response->status == 429)
        return "throttled";
    if (response->status >= 500)
        return "service";
    return response->status >= 200 && response->status < 300 ? "ok" : "refused";
}

void iscep_upstream_end(const iscep_upstream *request, iscep_status status,
                        const iscep_http_response *response, const iscep_error *err)
{
    observe(request, iscep_upstream_outcome(status, response, err));
}

void iscep_upstream_give_up(const iscep_upstream *request)
{
    observe(request, "timeout");
}
