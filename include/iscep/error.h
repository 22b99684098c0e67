/*
 * How every fallible call of this project reports failure.
 *
 * A function returns an iscep_status and, when that is not ISCEP_OK, has filled the caller's iscep_error.
 * Branch on the status (the class of the failure); the other members are for logs and for people. A refusal
 * by Intune is an answer, not an error: it arrives as a verdict (client.h).
 *
 * Threads: plain data, no locks. Since 1.0.
 */
#ifndef ISCEP_ERROR_H
#define ISCEP_ERROR_H

#include <stdint.h>

#include "iscep/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The class of a failure: what a caller branches on. The list may grow; take a status that you do not know for a failure. */
typedef enum iscep_status {
    ISCEP_OK = 0,
    ISCEP_CONFIG = 1,    /* a setting is wrong: a person must change it */
    ISCEP_AUTH = 2,      /* Entra ID or Intune did not accept who we are, or what we may do */
    ISCEP_NETWORK = 3,   /* nobody answered: DNS, connect, TLS, time-out, cut connection */
    ISCEP_THROTTLED = 4, /* HTTP 429, or a local limit: later, see retry_after_ms */
    ISCEP_SERVICE = 5,   /* the other side answered that it failed (HTTP 5xx) */
    ISCEP_PROTOCOL = 6,  /* the other side answered something that the protocol does not know */
    ISCEP_STORAGE = 7,   /* the local disk or database failed */
    ISCEP_USAGE = 8,     /* the caller's input is wrong */
    ISCEP_NOMEM = 9,     /* out of memory, or over a buffer's maximum */
    ISCEP_STATUS_32_BITS =
        0x7FFFFFFF /* never returned: gives the enum its width, whatever the compiler's options */
} iscep_status;

/*
 * Why a call failed. The caller's own, initialised with ISCEP_ERROR_INIT, and nothing in it needs to be freed. Filled when a
 * call does not return ISCEP_OK, and otherwise left as it is. Where a function takes one, NULL is allowed. This struct never
 * grows: it has no size.
 */
typedef struct iscep_error {
    iscep_status status;    /* the same value that the call returned */
    int32_t http_status;    /* HTTP status of the reply that failed, 0 if there was none */
    int64_t retry_after_ms; /* what the other side asked us to wait, -1 if it did not say */
    char code[64]; /* the provider's own code ("AADSTS7000215"), or ours ("csr_malformed"); may be empty */
    char message[512]; /* one UTF-8 line: what happened, to which thing, what to do; never a secret */
} iscep_error;

#define ISCEP_ERROR_INIT                                                                                     \
    {                                                                                                        \
        ISCEP_OK, 0, -1, "", ""                                                                              \
    }

/* A status as a lower-case word ("network"), for logs; "unknown" for one that is not known. Never NULL, never freed. */
ISCEP_API const char *iscep_status_name(iscep_status status);

#ifdef __cplusplus
}
#endif
#endif
