/*
 * The ways to ask Intune that are compared. Each shows the same CSR, whose challenge has 3,000 characters, again and
 * again with a number of requests in flight, and counts only what was allowed.
 */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include "base/bytes.h"
#include "daemon.h"
#include "meter.h"

#define BENCH_TRANSACTION_ID "7D5C2A9E1F4B8036C1D2E3F405162738"

enum {
    BENCH_CHALLENGE_LEN = 3000,
    BENCH_ANSWER_TIMEOUT_MS = 25000,
    BENCH_MAX_CONNECTIONS = 64, /* to Intune: the default of all that is ours, so libcurl gets no more */
};

/* What every row is given. All of it is borrowed. */
typedef struct bench_world {
    const bench_stack *stack;
    const bench_intune *intune;
    const bench_daemon *daemon; /* for rows that need one; NULL: each measurement has its own */
    const char *plugin_file;
    const char *direct_file; /* scep_intune_direct.so */
    const char *token;       /* for libcurl alone */
    iscep_bytes csr;
    const char *challenge; /* that of the CSR */
} bench_world;

/* A row that is open: its client, its connections. */
typedef struct bench_row_state bench_row_state;

typedef struct bench_row {
    const char *name;
    bool needs_daemon;
    iscep_status (*open)(bench_row_state **out, const bench_world *world, uint32_t in_flight,
                         iscep_error *err);
    /* count requests; each answer is recorded with the meter. The first that is no ALLOW fails the run. */
    iscep_status (*run)(bench_row_state *state, uint32_t count, bench_meter *meter, iscep_error *err);
    /* The same, with a request planned every interval_ns (pace.h). NULL: not of this row. */
    iscep_status (*run_paced)(bench_row_state *state, uint32_t count, int64_t interval_ns, bench_meter *meter,
                              iscep_error *err);
    void (*close)(bench_row_state *state); /* NULL is allowed */
} bench_row;

extern const bench_row
    bench_row_curl; /* libcurl's multi interface, and nothing else: what all others add to */
extern const bench_row bench_row_libiscep; /* iscep_client_validate_begin */
extern const bench_row bench_row_daemon;   /* intune-scepd over its Unix socket */
extern const bench_row bench_row_plugin;   /* scep_intune.so from one thread for each request in flight */

enum { BENCH_ROW_COUNT = 4 };
extern const bench_row *const bench_rows[BENCH_ROW_COUNT];

/* The doors of one daemon. */
extern const bench_row bench_row_unix;
extern const bench_row bench_row_tls;     /* TCP with TLS, and a bearer token */
extern const bench_row bench_row_step_ca; /* the webhook SCEPCHALLENGE, by the same listener */

enum { BENCH_DOOR_ROW_COUNT = 3, BENCH_DOORS_IN_FLIGHT = 64 };
extern const bench_row *const bench_door_rows[BENCH_DOOR_ROW_COUNT];

const bench_row *bench_row_find(const char *name); /* of bench_rows; NULL: there is none */

#endif
