/* See targets.h. */
#include "targets.h"

#include <string.h>

enum { TARGET_IN_FLIGHT = 64 };

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

static void judge_if_done(bench_target *target, const bench_fate *fate, int64_t measured)
{
    if (fate->outcome == BENCH_DONE)
        judge(target, measured);
}

static int64_t to_us(int64_t ns)
{
    return (ns + 500) / 1000;
}

/* Noise is no growth. */
static void judge_steady(bench_target *target, const bench_results *results)
{
    judge_if_done(target, &results->steady_fate, results->steady.growth_per_mille);
    target->is_met = target->is_measured && results->steady.is_rss_steady;
}

enum {
    LIBISCEP_THROUGHPUT,
    DAEMON_CPU,
    MEMORY_HTTP2,
    MEMORY_HTTP1,
    DEADLINE_HTTP1,
    JOURNAL_THROUGHPUT,
    JOURNAL_HISTORY,
    TLS_DOOR,
    SECOND_WORKER,
    ADDED_P99,
    HOP_BLOCKING,
    HOP_POLLING,
    IDLE_RSS,
    STEADY_RSS,
    STEADY_FDS,
    DATABASE_P50,
    DATABASE_HISTORY,
    DATABASE_ROUND_TRIPS,
    NODES_LINEAR,
    NODES_HISTORY,
    SECOND_NODE,
};

static const bench_target targets[BENCH_TARGET_COUNT] = {
    [LIBISCEP_THROUGHPUT] = {.id = "libiscep_throughput",
                             .text = "libiscep, requests per second at 64 in flight, of curl's",
                             .unit = "percent",
                             .is_at_least = true,
                             .limit = 80},
    [DAEMON_CPU] = {.id = "daemon_cpu",
                    .text = "daemon, its CPU per request at 64 in flight, of curl's",
                    .unit = "percent",
                    .limit = 400},
    [MEMORY_HTTP2] = {.id = "daemon_memory_http2",
                      .text = "daemon, memory per waiting request, HTTP/2 to Intune",
                      .unit = "bytes",
                      .limit = 32 * 1024},
    [MEMORY_HTTP1] = {.id = "daemon_memory_http1",
                      .text = "daemon, memory per waiting request, HTTP/1.1 to Intune",
                      .unit = "bytes",
                      .limit = 32 * 1024},
    [DEADLINE_HTTP1] = {.id = "daemon_deadline_http1",
                        .text = "daemon, slowest answer of these, which may be retry",
                        .unit = "ms"},
    [JOURNAL_THROUGHPUT] = {.id = "journal_throughput",
                            .text = "journal, reports per second, of SQLite's alone",
                            .unit = "percent",
                            .is_at_least = true,
                            .limit = 50},
    [JOURNAL_HISTORY] = {.id = "journal_history",
                         .text = "journal, the same with the large history, of the small's",
                         .unit = "percent",
                         .is_at_least = true,
                         .limit = 90},
    [TLS_DOOR] = {.id = "tls_door",
                  .text = "daemon, requests per second by TLS, of the Unix socket's",
                  .unit = "percent",
                  .is_at_least = true,
                  .limit = 60},
    [SECOND_WORKER] = {.id = "second_worker",
                       .text = "daemon, requests per second with two workers, of one's",
                       .unit = "percent",
                       .is_at_least = true,
                       .limit = 160},
    [ADDED_P99] = {.id = "added_p99",
                   .text = "daemon, what it adds to p99 at 1,000 requests a second",
                   .unit = "us",
                   .limit = 1000},
    [HOP_BLOCKING] = {.id = "hop_blocking",
                      .text = "plugin, what it adds to p50 at one in flight",
                      .unit = "us",
                      .limit = 60},
    [HOP_POLLING] = {.id = "hop_polling",
                     .text = "plugin, the same without blocking",
                     .unit = "us",
                     .limit = 60},
    [IDLE_RSS] = {.id = "idle_rss",
                  .text = "daemon, RSS when nobody asks",
                  .unit = "KiB",
                  .limit = 20 * 1024},
    [STEADY_RSS] = {.id = "steady_rss",
                    .text = "daemon, growth of its RSS in an hour of constant load",
                    .unit = "/1000",
                    .limit = 10},
    [STEADY_FDS] = {.id = "steady_descriptors",
                    .text = "daemon, growth of its open descriptors meanwhile",
                    .unit = "",
                    .limit = 0},
    [DATABASE_P50] = {.id = "database_added_p50",
                      .text = "database, what it adds to a report's p50 at 200 a second",
                      .unit = "us",
                      .limit = 2000},
    [DATABASE_HISTORY] = {.id = "database_history",
                          .text = "database, a report's p50, large history, of the small's",
                          .unit = "percent",
                          .limit = 125},
    [DATABASE_ROUND_TRIPS] = {.id = "database_round_trips",
                              .text = "database, round trips of a report, recorded and settled",
                              .unit = "/100",
                              .limit = 610},
    [NODES_LINEAR] = {.id = "nodes_linear",
                      .text = "nodes, statements of each with the most, of each with two",
                      .unit = "percent",
                      .limit = 125},
    [NODES_HISTORY] = {.id = "nodes_history",
                       .text = "nodes, their operations' p50, large history, of small's",
                       .unit = "percent",
                       .limit = 125},
    [SECOND_NODE] = {.id = "second_node",
                     .text = "nodes, enrolments per second with two, of one's",
                     .unit = "percent",
                     .is_at_least = true,
                     .limit = 170},
};

void bench_targets_judge(bench_target out[BENCH_TARGET_COUNT], const bench_results *results)
{
    memcpy(out, targets, sizeof targets);
    judge_ratio(&out[LIBISCEP_THROUGHPUT], results, &bench_row_libiscep, BENCH_REQUESTS_PER_SECOND,
                &bench_row_curl, BENCH_REQUESTS_PER_SECOND);
    judge_ratio(&out[DAEMON_CPU], results, &bench_row_daemon, BENCH_DAEMON_CPU_NS, &bench_row_curl,
                BENCH_CALLER_CPU_NS);
    judge_if_done(&out[MEMORY_HTTP2], &results->memory_fate[BENCH_HTTP2],
                  results->memory[BENCH_HTTP2].bytes_per_request);
    judge_if_done(&out[MEMORY_HTTP1], &results->memory_fate[BENCH_HTTP1],
                  results->memory[BENCH_HTTP1].bytes_per_request);
    out[DEADLINE_HTTP1].limit = results->memory[BENCH_HTTP1].deadline_ms;
    judge_if_done(&out[DEADLINE_HTTP1], &results->memory_fate[BENCH_HTTP1],
                  results->memory[BENCH_HTTP1].slowest_ms);
    judge_if_done(&out[JOURNAL_THROUGHPUT], &results->journal_fate, results->journal.percent_of_bare);
    judge_if_done(&out[JOURNAL_HISTORY], &results->journal_fate, results->journal.percent_of_small);
    judge_ratio(&out[TLS_DOOR], results, &bench_row_tls, BENCH_REQUESTS_PER_SECOND, &bench_row_unix,
                BENCH_REQUESTS_PER_SECOND);
    if (results->workers.is_shared)
        judge_if_done(&out[SECOND_WORKER], &results->workers_fate, results->workers.shared.percent);
    judge_if_done(&out[ADDED_P99], &results->paced_fate, results->paced.added_p99.median);
    judge_if_done(&out[HOP_BLOCKING], &results->hop_fate,
                  to_us(results->hop.added_p50[BENCH_HOP_BLOCKING].median));
    judge_if_done(&out[HOP_POLLING], &results->hop_fate,
                  to_us(results->hop.added_p50[BENCH_HOP_POLLING].median));
    judge_if_done(&out[IDLE_RSS], &results->idle_fate, results->idle.rss_kib);
    judge_steady(&out[STEADY_RSS], results);
    judge_if_done(&out[STEADY_FDS], &results->steady_fate, results->steady.fds_growth);
    judge_if_done(&out[DATABASE_P50], &results->database_fate,
                  to_us(results->database.added_p50_ns[BENCH_PACED].median));
    judge_if_done(&out[DATABASE_HISTORY], &results->database_fate, results->database.history_percent.median);
    judge_if_done(&out[DATABASE_ROUND_TRIPS], &results->database_fate, results->database.round_trips_per_100);
    judge_if_done(&out[NODES_LINEAR], &results->nodes_fate, results->nodes.linear_percent);
    judge_if_done(&out[NODES_HISTORY], &results->nodes_fate, results->nodes.history_percent.median);
    if (results->scaling.is_shared)
        judge_if_done(&out[SECOND_NODE], &results->scaling_fate, results->scaling.shared.percent);
}

const char *bench_target_verdict(const bench_target *target)
{
    return !target->is_measured ? "not measured" : target->is_met ? "ok" : "missed";
}
