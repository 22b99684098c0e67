/* See verdict_metrics.h. */
#include "daemon/verdict_metrics.h"

#include <string.h>

#include "intune/advice.h"
#include "intune/codes.h"
#include "service/refusals.h"

/* Those of our own that need no advice. */
static const char *const plain_codes[] = {
    "Success",
    "already_issued",
    "already_reported",
    "ca_file",
    "client_certificate",
    "dropped",
    "graph_refused",
    "intune_refused_us",
    "nomem",
    "not_https",
    "not_ready",
    "report_queued",
    "random",
    "secret_empty",
    "secret_unreadable",
    "service_not_discovered",
    "too_large",
    "url",
};

static bool is_plain(const char *code)
{
    for (size_t i = 0; i < sizeof plain_codes / sizeof *plain_codes; i++)
        if (strcmp(plain_codes[i], code) == 0)
            return true;
    return false;
}

const char *iscep_verdict_metrics_code(const char *code)
{
    if (strncmp(code, "AADSTS", 6) == 0)
        return "AADSTS";
    bool is_known = iscep_code_find(code) != NULL || iscep_refusal_find(code) != NULL ||
                    iscep_advice_find(code) != NULL || is_plain(code);
    return is_known ? code : "other";
}

void iscep_verdict_metrics_take(iscep_metrics *metrics, const iscep_answer *answer)
{
    ISCEP_METRIC_ADD(metrics, ISCEP_METRIC_VERDICTS, 1, answer->tenant, answer->operation,
                     iscep_decision_name(answer->verdict->decision),
                     iscep_verdict_metrics_code(answer->verdict->code));
    ISCEP_METRIC_OBSERVE(metrics, ISCEP_METRIC_REQUEST_SECONDS, answer->seconds, answer->tenant,
                         answer->operation);
}
