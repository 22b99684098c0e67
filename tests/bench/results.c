/* See results.h. */
#include "results.h"

#include <string.h>

enum { TARGET_IN_FLIGHT = 64 };

const bench_cell *bench_results_find(const bench_results *results, const bench_row *row, uint32_t in_flight)
{
    for (size_t i = 0; i < results->cell_count; i++)
        if (results->cells[i].row == row && results->cells[i].in_flight == in_flight)
            return &results->cells[i];
    return NULL;
}

bool bench_cell_spread(bench_spread *out, const bench_cell *cell, bench_metric metric)
{
    int64_t values[BENCH_MAX_ROUNDS];
    if (cell == NULL || cell->failure[0] != '\0' || cell->sample_count == 0)
        return false;
    for (size_t i = 0; i < cell->sample_count; i++)
        values[i] = cell->samples[i].values[metric];
    *out = bench_spread_of(values, cell->sample_count);
    return out->min >= 0;
}

/* --- the targets --- */

static void judge(bench_target *target, int64_t measured)
{
    target->is_measured = true;
    target->measured = measured;
    target->is_met = target->is_at_least ? measured >= target->limit : measured <= target->limit;
}

/* The median of one row in percent of that of another. */
static void judge_ratio(bench_target *target, const bench_results *results, const bench_row *row,
                        bench_metric metric, const bench_row *base_row, bench_metric base_metric)
{
    bench_spread of_row, of_base;
    if (bench_cell_spread(&of_row, bench_results_find(results, row, TARGET_IN_FLIGHT), metric) &&
        bench_cell_spread(&of_base, bench_results_find(results, base_row, TARGET_IN_FLIGHT), base_metric) &&
        of_base.median > 0)
        judge(target, of_row.median * 100 / of_base.median);
}

static void judge_memory(bench_target *target, const bench_memory_result *result)
{
    if (result->outcome == BENCH_DONE)
        judge(target, result->memory.bytes_per_request);
}

void bench_targets_judge(bench_target out[BENCH_TARGET_COUNT], const bench_results *results)
{
    static const bench_target targets[BENCH_TARGET_COUNT] = {
        {.id = "libiscep_throughput",
         .text = "libiscep, requests per second at 64 in flight, of curl's",
         .unit = "percent",
         .is_at_least = true,
         .limit = 80},
        {.id = "daemon_cpu",
         .text = "daemon, its CPU per request at 64 in flight, of curl's",
         .unit = "percent",
         .limit = 400},
        {.id = "daemon_memory_http2",
         .text = "daemon, memory per waiting request, HTTP/2 to Intune",
         .unit = "bytes",
         .limit = 32 * 1024},
        {.id = "daemon_memory_http1",
         .text = "daemon, memory per waiting request, HTTP/1.1 to Intune",
         .unit = "bytes",
         .limit = 32 * 1024},
    };
    memcpy(out, targets, sizeof targets);
    judge_ratio(&out[0], results, &bench_row_libiscep, BENCH_REQUESTS_PER_SECOND, &bench_row_curl,
                BENCH_REQUESTS_PER_SECOND);
    judge_ratio(&out[1], results, &bench_row_daemon, BENCH_DAEMON_CPU_NS, &bench_row_curl, BENCH_CALLER_CPU_NS);
    judge_memory(&out[2], &results->memory[BENCH_HTTP2]);
    judge_memory(&out[3], &results->memory[BENCH_HTTP1]);
}

bool bench_results_have_failure(const bench_results *results)
{
    for (size_t i = 0; i < results->cell_count; i++)
        if (results->cells[i].failure[0] != '\0')
            return true;
    for (size_t i = 0; i < BENCH_PROTOCOL_COUNT; i++)
        if (results->memory[i].outcome == BENCH_FAILED)
            return true;
    return false;
}
