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

/* Is there a value for every round that the other one has, too? */
static bool are_comparable(const bench_cell *a, const bench_cell *b)
{
    return a != NULL && b != NULL && a->failure[0] == '\0' && b->failure[0] == '\0' && a->sample_count > 0 &&
           a->sample_count == b->sample_count;
}

/* One row in percent of another: the median of the rounds' own ratios, because a slow moment of the machine meets all
 * rows of a round. */
static void judge_ratio(bench_target *target, const bench_results *results, const bench_row *row,
                        bench_metric metric, const bench_row *base_row, bench_metric base_metric)
{
    int64_t percent[BENCH_MAX_ROUNDS];
    const bench_cell *cell = bench_results_find(results, row, TARGET_IN_FLIGHT);
    const bench_cell *base = bench_results_find(results, base_row, TARGET_IN_FLIGHT);
    if (!are_comparable(cell, base))
        return;
    for (size_t i = 0; i < cell->sample_count; i++)
        percent[i] = cell->samples[i].values[metric] * 100 / base->samples[i].values[base_metric];
    judge(target, bench_spread_of(percent, cell->sample_count).median);
}

static void judge_memory(bench_target *target, const bench_memory_result *result)
{
    if (result->outcome == BENCH_DONE)
        judge(target, result->memory.bytes_per_request);
}

static void judge_deadline(bench_target *target, const bench_memory_result *result)
{
    if (result->outcome != BENCH_DONE)
        return;
    target->limit = result->memory.deadline_ms;
    judge(target, result->memory.slowest_ms);
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
        {.id = "daemon_deadline_http1",
         .text = "daemon, slowest answer of these, which may be retry",
         .unit = "ms"},
        {.id = "journal_throughput",
         .text = "journal, reports per second, of SQLite's alone",
         .unit = "percent",
         .is_at_least = true,
         .limit = 50},
        {.id = "journal_history",
         .text = "journal, the same with the large history, of the small's",
         .unit = "percent",
         .is_at_least = true,
         .limit = 90},
    };
    memcpy(out, targets, sizeof targets);
    judge_ratio(&out[0], results, &bench_row_libiscep, BENCH_REQUESTS_PER_SECOND, &bench_row_curl,
                BENCH_REQUESTS_PER_SECOND);
    judge_ratio(&out[1], results, &bench_row_daemon, BENCH_DAEMON_CPU_NS, &bench_row_curl,
                BENCH_CALLER_CPU_NS);
    judge_memory(&out[2], &results->memory[BENCH_HTTP2]);
    judge_memory(&out[3], &results->memory[BENCH_HTTP1]);
    judge_deadline(&out[4], &results->memory[BENCH_HTTP1]);
    if (results->journal_outcome == BENCH_DONE) {
        judge(&out[5], results->journal.percent_of_bare);
        judge(&out[6], results->journal.percent_of_small);
    }
}

bool bench_results_have_failure(const bench_results *results)
{
    for (size_t i = 0; i < results->cell_count; i++)
        if (results->cells[i].failure[0] != '\0')
            return true;
    for (size_t i = 0; i < BENCH_PROTOCOL_COUNT; i++)
        if (results->memory[i].outcome == BENCH_FAILED)
            return true;
    return results->journal_outcome == BENCH_FAILED;
}
