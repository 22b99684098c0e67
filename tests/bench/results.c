/* See results.h. */
#include "results.h"

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

bool bench_results_have_failure(const bench_results *results)
{
    const bench_fate *const fates[] = {&results->memory_fate[BENCH_HTTP2],
                                       &results->memory_fate[BENCH_HTTP1],
                                       &results->journal_fate,
                                       &results->workers_fate,
                                       &results->paced_fate,
                                       &results->hop_fate,
                                       &results->idle_fate,
                                       &results->steady_fate,
                                       &results->database_fate,
                                       &results->nodes_fate,
                                       &results->scaling_fate};
    for (size_t i = 0; i < results->cell_count; i++)
        if (results->cells[i].failure[0] != '\0')
            return true;
    for (size_t i = 0; i < sizeof fates / sizeof *fates; i++)
        if (fates[i]->outcome == BENCH_FAILED)
            return true;
    return false;
}
