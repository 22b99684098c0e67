/*
 * What a request costs the daemon while a slow Intune keeps it waiting: the resident memory with all requests in
 * flight, less that of the idle daemon, by the number of requests.
 */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include "base/bytes.h"
#include "daemon.h"

typedef enum bench_protocol {
    BENCH_HTTP2, /* nghttpx before the mock: every request reaches Intune at once, and all are allowed */
    BENCH_HTTP1, /* the mock alone: few connections, the rest waits its turn within its deadline */
    BENCH_PROTOCOL_COUNT
} bench_protocol;

typedef struct bench_memory {
    int64_t in_flight;   /* requests that waited while memory was read */
    int64_t at_intune;   /* of them, those that had reached the mock by then */
    int64_t latency_ms;  /* of the mock */
    int64_t deadline_ms; /* of each request */
    int64_t connections; /* to Intune, at most */
    int64_t idle_kib;    /* the daemon's resident memory before */
    int64_t busy_kib;    /* and with all in flight */
    int64_t bytes_per_request;
    int64_t allowed;
    int64_t retried; /* "timeout", which is an answer */
    int64_t slowest_ms;
} bench_memory;

/* csr: with a challenge that the mock of this stack has minted. Fails unless every request is answered, and by what the
 * protocol permits. */
iscep_status bench_memory_measure(bench_memory *out, bench_protocol protocol, const bench_stack *stack,
                                  iscep_bytes csr, uint32_t in_flight, uint32_t latency_ms,
                                  iscep_error *err) ISCEP_CHECKED;

#endif
