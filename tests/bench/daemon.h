/* intune-scepd, with a configuration for the measurement, in the directory of the stack. */
#ifndef BENCH_DAEMON_H
#define BENCH_DAEMON_H

#include "stack.h"

/* What callers at its TLS door show. */
#define BENCH_TOKEN          "a-bearer-token-of-the-benchmark"
#define BENCH_WEBHOOK_ID     "6e0a4b2c-0000-4000-8000-000000000000"
#define BENCH_WEBHOOK_SECRET "YSB3ZWJob29rIHNlY3JldCBvZiB0aGUgYmVuY2htYXJr" /* base64, as step-ca shows it */

/* 0: the daemon's default. */
typedef struct bench_daemon_settings {
    uint32_t max_outbound_connections;
    uint32_t request_timeout_ms;
    uint32_t connect_timeout_ms; /* to Intune */
    uint32_t workers;
    bool has_doors;       /* also TCP with TLS, for the API and the webhooks of [step-ca/bench] */
    const char *node;     /* beside others: its name, and that of its files; NULL: it is alone */
    const char *database; /* conninfo of the journal that they share; NULL: a file of its own */
} bench_daemon_settings;

typedef struct bench_daemon {
    bench_process process;
    char socket_path[BENCH_PATH_SIZE];
    uint16_t tls_port; /* 0: no such door */
} bench_daemon;

/* Returns when it is ready; stop it in any case. */
iscep_status bench_daemon_start(bench_daemon *out, const bench_stack *stack, const bench_intune *intune,
                                const bench_daemon_settings *settings, iscep_error *err) ISCEP_CHECKED;
void bench_daemon_stop(bench_daemon *daemon);

/* The configuration of one that runs inside the process that asks, with a new journal: its path. */
iscep_status bench_daemon_prepare_inside(char config[BENCH_PATH_SIZE], const bench_stack *stack,
                                         const bench_intune *intune, iscep_error *err) ISCEP_CHECKED;

#endif
