/*
 * What the way through a plugin costs, one request in flight: through scep_intune.so's blocking call, through its other form with
 * poll(2), and through scep_intune_direct.so, which asks a connector of its own. Each is asked by turns with the leanest client there
 * can be on the daemon's Unix socket, request by request, so that a slow moment of the machine meets both.
 */
#ifndef BENCH_HOP_H
#define BENCH_HOP_H

#include "options.h"
#include "rows.h"
#include "stats.h"

typedef enum bench_hop_way {
    BENCH_HOP_BLOCKING,
    BENCH_HOP_POLLING,
    BENCH_HOP_DIRECT,
    BENCH_HOP_WAY_COUNT
} bench_hop_way;

typedef struct bench_hop_plan {
    uint32_t rounds;
    uint32_t requests; /* of each way in one round, and as many of the bare client beside it */
} bench_hop_plan;

/* Nanoseconds. */
typedef struct bench_hop {
    bench_hop_plan plan;
    bench_spread bare_p50[BENCH_HOP_WAY_COUNT]; /* of the bare client, by turns with that way */
    bench_spread p50[BENCH_HOP_WAY_COUNT];
    bench_spread p99[BENCH_HOP_WAY_COUNT];
    bench_spread
        added_p50[BENCH_HOP_WAY_COUNT]; /* what the way's is above the bare client's of the same round */
} bench_hop;

const char *bench_hop_way_name(bench_hop_way way);

/* Shows its progress. */
iscep_status bench_hop_measure(bench_hop *out, const bench_hop_plan *plan, const bench_world *world,
                               iscep_error *err) ISCEP_CHECKED;

#endif
