/* See retry.h. */
#include "net/retry.h"

#include <string.h>

/*
 * A person, or a device with a person in front of it, waits for a validation: short pauses. A notification is a
 * certificate that cannot be delivered until Intune has heard of it: it is worth more attempts. Token and address
 * are what everybody waits for: few attempts, and the breaker takes over. Nobody waits for a revocation's download
 * or upload: few attempts with long pauses, and the loop (service/revoker.h) comes back.
 */
static const struct policy {
    const char *name;
    uint32_t attempts; /* at most, the first included */
    int64_t base_ms;   /* the longest first pause; it doubles with every attempt */
    int64_t cap_ms;    /* no pause of ours is longer */
} policies[ISCEP_ENDPOINT_COUNT] = {
    [ISCEP_ENDPOINT_TOKEN] = {"token", 3, 200, 2000},
    [ISCEP_ENDPOINT_DISCOVERY] = {"discovery", 3, 200, 2000},
    [ISCEP_ENDPOINT_VALIDATE] = {"validate", 4, 250, 4000},
    [ISCEP_ENDPOINT_NOTIFY] = {"notify", 6, 250, 8000},
    [ISCEP_ENDPOINT_REVOCATION] = {"revocation", 3, 1000, 8000},
};

const char *iscep_endpoint_name(iscep_endpoint endpoint)
{
    return policies[endpoint].name;
}

bool iscep_retry_may_help(const iscep_error *failure)
{
    switch (failure->status) {
    case ISCEP_NETWORK:
        return strcmp(failure->code, "tls_untrusted") != 0;
    case ISCEP_SERVICE:
        return failure->http_status >= 500;
    case ISCEP_THROTTLED:
        return failure->http_status != 0; /* a limit of our own will not be gone in a moment */
    default:
        return false;
    }
}

static int64_t ceiling_ms(const struct policy *policy, uint32_t attempts)
{
    int64_t ceiling = policy->base_ms;
    for (uint32_t i = 1; i < attempts && ceiling < policy->cap_ms; i++)
        ceiling *= 2;
    return ceiling < policy->cap_ms ? ceiling : policy->cap_ms;
}

int64_t iscep_retry_pause_ms(iscep_endpoint endpoint, uint32_t attempts, const iscep_error *failure,
                             int64_t deadline_mono_ms, const iscep_env *env)
{
    const struct policy *policy = &policies[endpoint];
    int64_t pause_ms;
    if (attempts >= policy->attempts || !iscep_retry_may_help(failure))
        return -1;
    if (iscep_random_up_to(&pause_ms, env, ceiling_ms(policy, attempts), NULL) != ISCEP_OK)
        return -1;
    if (failure->retry_after_ms > pause_ms)
        pause_ms = failure->retry_after_ms;
    return pause_ms < deadline_mono_ms - iscep_now_mono_ms(env) ? pause_ms : -1;
}
