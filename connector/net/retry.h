/*
 * The retry policy: what is asked again, how often, and after which pause. One table, a row for each endpoint. A
 * retry spends the deadline and never extends it. Pure functions of the clock and the randomness they are given.
 */
#ifndef ISCEP_NET_RETRY_H
#define ISCEP_NET_RETRY_H

#include "base/env.h"

typedef enum iscep_endpoint {
    ISCEP_ENDPOINT_TOKEN,      /* Entra ID */
    ISCEP_ENDPOINT_DISCOVERY,  /* Graph */
    ISCEP_ENDPOINT_VALIDATE,   /* Intune: validateRequest */
    ISCEP_ENDPOINT_NOTIFY,     /* Intune: both notifications */
    ISCEP_ENDPOINT_REVOCATION, /* Intune: download of revocation requests, upload of results */
    ISCEP_ENDPOINT_COUNT
} iscep_endpoint;

const char *iscep_endpoint_name(iscep_endpoint endpoint);

/*
 * May the same question, asked again, get another answer? Yes when nobody answered (but not when the one who
 * did could not prove who he is), when the service said that it failed (5xx) and when it asked us to wait (429).
 */
bool iscep_retry_may_help(const iscep_error *failure);

/*
 * The pause before the next attempt, in milliseconds; -1: there is none. attempts is how many were made.
 * Exponential with full jitter, but at least as long as the service asked for with Retry-After.
 */
int64_t iscep_retry_pause_ms(iscep_endpoint endpoint, uint32_t attempts, const iscep_error *failure,
                             int64_t deadline_mono_ms, const iscep_env *env);

#endif
