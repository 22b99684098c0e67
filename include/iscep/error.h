/*
 * How every fallible call of this project reports failure.
 *
 * A function returns an iscep_status and, when that is not ISCEP_OK, has filled the caller's iscep_error.
 * Branch on the status (the class of the failure); the other members are for logs and for people. A refusal
 * by Intune is an answer, not an error: it arrives as a verdict (client.h).
 *
 * Threads: plain data, no locks. Since 0.1.
 */
#ifndef ISCEP_ERROR_H
#define ISCEP_ERROR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum iscep_status {
    ISCEP_OK = 0,
    ISCEP_CONFIG,    /* a setting is wrong: a person must change it */
    ISCEP_AUTH,      /* Entra ID or Intune did not accept who we are, or what we may do */
    ISCEP_NETWORK,   /* nobody answered: DNS, connect, TLS, time-out, cut connection */
    ISCEP_THROTTLED, /* HTTP 429, or a local limit: later, see retry_after_ms */
    ISCEP_SERVICE,   /* the other side answered that it failed (HTTP 5xx) */
    ISCEP_PROTOCOL,  /* the other side answered something that the protocol does not know */
    ISCEP_STORAGE,   /* the local disk or database failed */
    ISCEP_USAGE,     /* the caller's input is wrong */
    ISCEP_NOMEM,     /* out of memory, or over a buffer's maximum */
} iscep_status;

/* The caller's: on the stack, initialised with ISCEP_ERROR_INIT, never freed. */
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

/* The status as a lower-case word ("network"). Static storage; never NULL. */
const char *iscep_status_name(iscep_status status);

#ifdef __cplusplus
}
#endif
#endif
