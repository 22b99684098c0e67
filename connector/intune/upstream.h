/* What one HTTP request to Entra ID, Graph or Intune took and came to, as the metrics have it. */
#ifndef ISCEP_INTUNE_UPSTREAM_H
#define ISCEP_INTUNE_UPSTREAM_H

#include "intune/tenant.h"
#include "net/http.h"
#include "net/retry.h"

/* From sending to the answer, or to the end of patience. */
typedef struct iscep_upstream {
    const iscep_env *env;
    const iscep_tenant *tenant;
    iscep_endpoint endpoint;
    int64_t sent_mono_us;
} iscep_upstream;

void iscep_upstream_begin(iscep_upstream *request);
/* As net/http.h tells it. */
void iscep_upstream_end(const iscep_upstream *request, iscep_status status,
                        const iscep_http_response *response, const iscep_error *err);
/* Nobody waits any longer. */
void iscep_upstream_give_up(const iscep_upstream *request);

/* "ok"; or who is to blame: "refused", "throttled", "service" by its answer; "timeout", or the class of an error, without one. */
const char *iscep_upstream_outcome(iscep_status status, const iscep_http_response *response,
                                   const iscep_error *err);

#endif
