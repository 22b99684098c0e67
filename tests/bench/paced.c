/* See paced.h. */
#include "paced.h"

#include "measure.h"
#include "progress.h"

enum { MAX_IN_FLIGHT = 64 };

typedef struct column {
    const bench_row *row;
    int64_t p50[BENCH_MAX_ROUNDS];
    int64_t p99[BENCH_MAX_ROUNDS];
} column;

static iscep_status measure_column(column *c, uint32_t round, const bench_paced_plan *plan,
                                   const bench_world *world, iscep_error *err)
{
    bench_sample sample;
    const bench_measure_plan measure = {
        .in_flight = MAX_IN_FLIGHT, .requests = plan->requests, .interval_ns = 1000000000 / plan->per_second};
    bench_progress_show("pace: round %u of %u: %s, %u requests, %u a second", round + 1, plan->rounds,
                        c->row->name, plan->requests, plan->per_second);
    iscep_status status = bench_progress_check(err);
    if (status == ISCEP_OK)
        status = bench_measure(&sample, c->row, world, &measure, err);
    if (status != ISCEP_OK)
        return status;
    c->p50[round] = sample.values[BENCH_P50_US];
    c->p99[round] = sample.values[BENCH_P99_US];
    return ISCEP_OK;
}

static bench_spread difference(const int64_t *of, const int64_t *less, uint32_t count)
{
    int64_t added[BENCH_MAX_ROUNDS];
    for (uint32_t i = 0; i < count; i++)
        added[i] = of[i] - less[i];
    return bench_spread_of(added, count);
}

/* The differences first: the rounds are sorted by what follows. */
static void sum_up(bench_paced *out, column *curl, column *daemon)
{
    uint32_t rounds = out->plan.rounds;
    out->added_p50 = difference(daemon->p50, curl->p50, rounds);
    out->added_p99 = difference(daemon->p99, curl->p99, rounds);
    out->curl_p50 = bench_spread_of(curl->p50, rounds);
    out->curl_p99 = bench_spread_of(curl->p99, rounds);
    out->daemon_p50 = bench_spread_of(daemon->p50, rounds);
    out->daemon_p99 = bench_spread_of(daemon->p99, rounds);
}

iscep_status bench_paced_measure(bench_paced *out, const bench_paced_plan *plan, const bench_world *world,
                                 iscep_error *err)
{
    column curl = {.row = &bench_row_curl}, daemon = {.row = &bench_row_daemon};
    iscep_status status = ISCEP_OK;
    *out = (bench_paced){.plan = *plan};
    for (uint32_t round = 0; round < plan->rounds && status == ISCEP_OK; round++) {
        column *first = round % 2 == 0 ? &curl : &daemon;
        status = measure_column(first, round, plan, world, err);
        if (status == ISCEP_OK)
            status = measure_column(first == &curl ? &daemon : &curl, round, plan, world, err);
    }
    if (status == ISCEP_OK)
        sum_up(out, &curl, &daemon);
    return status;
}
