/*
 * Many requests at once on the daemon's Unix socket: one thread, epoll, one kept connection for each request in flight,
 * and the plugin's own code for the bytes of requests and replies.
 */
#ifndef BENCH_LOCAL_LOAD_H
#define BENCH_LOCAL_LOAD_H

#include "base/bytes.h"

typedef struct bench_local_load bench_local_load;

typedef struct bench_local_options {
    const char *socket_path;
    iscep_bytes csr;
    const char *transaction_id; /* "-" and the connection's number are appended; at most 100 characters */
    uint32_t connections;
    uint32_t timeout_ms; /* how long the caller waits for an answer */
} bench_local_options;

/* Who watches. Any of them may be NULL. */
typedef struct bench_local_watch {
    /* An answer came: verdict is a SCEP_VERDICT_…, code the connector's. An error ends the run. */
    iscep_status (*on_answer)(void *user, int32_t verdict, iscep_bytes code, int64_t started_mono_ns,
                              iscep_error *err);
    void (*on_tick)(void *user); /* every TICK_MS or so */
    void *user;
} bench_local_watch;

/* Connects nothing yet: that is the first run's. The CSR and texts are borrowed. */
iscep_status bench_local_load_open(bench_local_load **out, const bench_local_options *options,
                                   iscep_error *err) ISCEP_CHECKED;
void bench_local_load_close(bench_local_load *load);
/* count requests; returns when all are answered. */
iscep_status bench_local_load_run(bench_local_load *load, uint32_t count, const bench_local_watch *watch,
                                  iscep_error *err) ISCEP_CHECKED;

/* For on_tick: requests sent and not answered, and whether the daemon has read the first one of every connection. */
uint32_t bench_local_load_in_flight(const bench_local_load *load);
bool bench_local_load_is_read(const bench_local_load *load);

#endif
