/*
 * A circuit breaker for one endpoint. While it is closed, everyone may ask. After several failures in a row it opens:
 * nobody asks, and everyone is told at once, with the last failure and the time to the next probe. Then it is half
 * open: one request, the probe, is let through. A success closes it, a failure of the probe opens it again.
 *
 * A pure state machine over the clock it is given; it sends nothing and owns nothing.
 */
#ifndef ISCEP_NET_BREAKER_H
#define ISCEP_NET_BREAKER_H

#include "base/env.h"

typedef struct iscep_breaker_limits {
    uint32_t failures; /* in a row, until it opens */
    int64_t open_ms;   /* until the probe; longer if the service asked for it, see breaker.c */
} iscep_breaker_limits;

#define ISCEP_BREAKER_LIMITS_INIT                                                                            \
    {                                                                                                        \
        .failures = 5, .open_ms = 10000                                                                      \
    }

typedef enum iscep_breaker_state {
    ISCEP_BREAKER_CLOSED,
    ISCEP_BREAKER_OPEN,
    ISCEP_BREAKER_HALF_OPEN
} iscep_breaker_state;

/* The leave to send one request, given back with its outcome. 0 is none. */
typedef uint64_t iscep_pass;

typedef struct iscep_breaker {
    const iscep_env *env;
    const char *tenant;   /* its name in the configuration, for logs and metrics; borrowed */
    const char *endpoint; /* static storage */
    iscep_breaker_limits limits;
    iscep_breaker_state state;
    uint32_t failures;      /* in a row */
    int64_t failed_mono_ms; /* the last failure that counted */
    int64_t probe_mono_ms;  /* while open: when the probe may go */
    iscep_pass last_pass;
    iscep_pass pass_at_failure; /* the youngest one when the last failure was counted */
    iscep_pass probe;
    iscep_error last;
} iscep_breaker;

void iscep_breaker_init(iscep_breaker *breaker, const iscep_env *env, const char *tenant,
                        const char *endpoint, const iscep_breaker_limits *limits);

/* THROTTLED, "circuit_open" while it is open. A pass must come back by one of the three functions below. */
iscep_status iscep_breaker_enter(iscep_breaker *breaker, iscep_pass *pass, iscep_error *err) ISCEP_CHECKED;
/* The service answered, whoever had asked and when; a refusal is an answer, too. */
void iscep_breaker_succeed(iscep_breaker *breaker);
/* It did not. Errors that are no fault of the service count as nothing. */
void iscep_breaker_fail(iscep_breaker *breaker, iscep_pass pass, const iscep_error *failure);
/* The request was never sent, or given up before it could tell: as if it had not entered. */
void iscep_breaker_forgo(iscep_breaker *breaker, iscep_pass pass);

#endif
