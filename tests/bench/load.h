/*
 * Many requests at once at the doors of the daemon: one thread, epoll, one kept connection for each request in flight.
 * Either the next request begins when one is answered, or each at its planned time (pace.h).
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "base/bytes.h"
#include "wire.h"

typedef struct bench_answer {
    int32_t verdict; /* SCEP_VERDICT_…; ALLOW stands for "deliver", too, if a certificate was reported */
    iscep_bytes code;
} bench_answer;

typedef enum bench_read { BENCH_PARTIAL, BENCH_WHOLE, BENCH_INVALID } bench_read;

/* Which request: the turn-th of a connection, both from 0. */
typedef struct bench_turn {
    uint32_t connection;
    uint64_t turn;
} bench_turn;

/* Where connections go, and what is spoken there. */
typedef struct bench_door {
    bench_address address;
    /* Appends the bytes of a request. */
    iscep_status (*write)(iscep_buf *out, const struct bench_door *door, bench_turn turn, iscep_error *err);
    /* data: all of the reply that has come. With WHOLE, *out points into it. */
    bench_read (*read)(const uint8_t *data, size_t len, bench_turn turn, bench_answer *out);
    const void *subject; /* write's own: what is asked */
} bench_door;

typedef struct bench_load bench_load;

typedef struct bench_load_options {
    const bench_door *doors; /* borrowed; connections take turns */
    size_t door_count;
    uint32_t connections;
    bool
        is_new_each_time; /* every request is written anew; otherwise each connection sends its first again and again */
} bench_load_options;

/* Who watches. Either may be NULL; an error ends the run. */
typedef struct bench_load_watch {
    /* The request began then, or should have. */
    iscep_status (*on_answer)(void *user, const bench_answer *answer, int64_t started_mono_ns,
                              iscep_error *err);
    iscep_status (*on_tick)(void *user, iscep_error *err); /* every 20 ms or so */
    void *user;
} bench_load_watch;

/* Connects nothing yet: that is the first run's. */
iscep_status bench_load_open(bench_load **out, const bench_load_options *options,
                             iscep_error *err) ISCEP_CHECKED;
void bench_load_close(bench_load *load);
/*
 * count requests; returns when all are answered. interval_ns 0: as fast as they are answered. Otherwise a request is planned
 * every so often; one whose time has come while no connection is free begins late, and is counted from its planned time. The
 * run before it has opened all connections.
 */
iscep_status bench_load_run(bench_load *load, uint32_t count, int64_t interval_ns,
                            const bench_load_watch *watch, iscep_error *err) ISCEP_CHECKED;

/* For on_tick: requests sent and not answered, and whether the daemon has read the first one of every connection. */
uint32_t bench_load_in_flight(const bench_load *load);
bool bench_load_is_read(const bench_load *load);

#endif
