/* See parts.h. */
#include "parts.h"

#include <string.h>

#include "measure.h"
#include "progress.h"

/* Has the part done it? Otherwise why not. */
static void settle(bench_fate *fate, iscep_status status, const iscep_error *err)
{
    fate->outcome = status == ISCEP_OK ? BENCH_DONE : BENCH_FAILED;
    if (status != ISCEP_OK)
        iscep_text_copy(fate->reason, sizeof fate->reason, err->message);
}

static bool is_over(void)
{
    return bench_progress_check(NULL) != ISCEP_OK;
}

/* --- the rows --- */

static void add_cell(bench_results *results, const bench_row *row, uint32_t in_flight)
{
    results->cells[results->cell_count++] = (bench_cell){.row = row, .in_flight = in_flight};
}

static void measure_cell(bench_cell *cell, const bench_world *world, uint32_t requests)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const bench_measure_plan plan = {.in_flight = cell->in_flight, .requests = requests};
    if (bench_measure(&cell->samples[cell->sample_count], cell->row, world, &plan, &err) == ISCEP_OK)
        cell->sample_count++;
    else
        iscep_text_copy(cell->failure, sizeof cell->failure, err.message);
}

/* Those from first on, each once; each round begins with another one. */
static void measure_round(bench_results *results, size_t first, uint32_t round, const bench_world *world)
{
    const bench_options *options = results->options;
    size_t count = results->cell_count - first;
    for (size_t i = 0; i < count && !is_over(); i++) {
        bench_cell *cell = &results->cells[first + (i + round) % count];
        if (cell->failure[0] != '\0')
            continue;
        bench_progress_show("round %u of %u: %s, %u in flight", round + 1, options->rounds, cell->row->name,
                            cell->in_flight);
        measure_cell(cell, world, options->requests);
    }
}

static bool is_wanted(const bench_options *options, const char *name)
{
    return options->only == NULL || strcmp(options->only, name) == 0;
}

/* Round by round, so that a slow moment of the machine meets every row. */
static void measure_rows(bench_results *results, bench_stage *stage)
{
    const bench_options *options = results->options;
    const bench_world world = bench_stage_world(stage);
    size_t first = results->cell_count;
    for (size_t level = 0; level < options->level_count; level++)
        for (size_t row = 0; row < BENCH_ROW_COUNT; row++)
            if (is_wanted(options, bench_rows[row]->name))
                add_cell(results, bench_rows[row], options->in_flight[level]);
    for (uint32_t round = 0; round < options->rounds; round++)
        measure_round(results, first, round, &world);
}

/* All doors of a round are those of one daemon. */
static iscep_status measure_doors_once(bench_results *results, size_t first, uint32_t round,
                                       bench_world world, iscep_error *err)
{
    static const bench_daemon_settings settings = {.has_doors = true};
    bench_daemon daemon;
    iscep_status status = bench_daemon_start(&daemon, world.stack, world.intune, &settings, err);
    world.daemon = &daemon;
    if (status == ISCEP_OK)
        measure_round(results, first, round, &world);
    bench_daemon_stop(&daemon);
    return status;
}

static void measure_doors(bench_results *results, bench_stage *stage)
{
    const bench_world world = bench_stage_world(stage);
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = ISCEP_OK;
    size_t first = results->cell_count;
    for (size_t i = 0; i < BENCH_DOOR_ROW_COUNT; i++)
        add_cell(results, bench_door_rows[i], BENCH_DOORS_IN_FLIGHT);
    for (uint32_t round = 0; round < results->options->rounds && status == ISCEP_OK; round++)
        status = measure_doors_once(results, first, round, world, &err);
    for (size_t i = first; i < results->cell_count && status != ISCEP_OK; i++)
        iscep_text_copy(results->cells[i].failure, BENCH_FAILURE_SIZE, err.message);
}

/* --- beside them --- */

static void measure_memory(bench_results *results, bench_stage *stage)
{
    const bench_options *options = results->options;
    for (int i = 0; i < BENCH_PROTOCOL_COUNT && !is_over(); i++) {
        iscep_error err = ISCEP_ERROR_INIT;
        if (i == BENCH_HTTP2 && !bench_intune_can_http2()) {
            iscep_text_copy(results->memory_fate[i].reason, BENCH_FAILURE_SIZE,
                            "nghttpx is not installed (package nghttp2-proxy)");
            continue;
        }
        bench_progress_show("memory: %u in flight over %s", options->memory_in_flight,
                            i == BENCH_HTTP2 ? "HTTP/2" : "HTTP/1.1");
        iscep_status status = bench_memory_measure(&results->memory[i], (bench_protocol)i, &stage->stack,
                                                   iscep_buf_bytes(&stage->csr), options->memory_in_flight,
                                                   options->memory_latency_ms, &err);
        settle(&results->memory_fate[i], status, &err);
    }
}

static void measure_journal(bench_results *results, bench_stage *stage)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = bench_journal_measure(&results->journal, stage->stack.dir,
                                                results->options->is_quick, results->options->rounds, &err);
    settle(&results->journal_fate, status, &err);
}

static void measure_workers(bench_results *results, bench_stage *stage)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const bench_world world = bench_stage_world(stage);
    const bench_workers_plan plan = {.rounds = results->options->rounds,
                                     .requests = results->options->requests};
    settle(&results->workers_fate, bench_workers_measure(&results->workers, &plan, &world, &err), &err);
}

static void measure_paced(bench_results *results, bench_stage *stage)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const bench_world world = bench_stage_world(stage);
    const bench_paced_plan plan = {.per_second = BENCH_PACE_PER_SECOND,
                                   .requests = results->options->paced_seconds * BENCH_PACE_PER_SECOND,
                                   .rounds = results->options->rounds};
    settle(&results->paced_fate, bench_paced_measure(&results->paced, &plan, &world, &err), &err);
}

static void measure_hop(bench_results *results, bench_stage *stage)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const bench_world world = bench_stage_world(stage);
    const bench_hop_plan plan = {.rounds = results->options->rounds, .requests = results->options->requests};
    settle(&results->hop_fate, bench_hop_measure(&results->hop, &plan, &world, &err), &err);
}

static void measure_idle(bench_results *results, bench_stage *stage)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = bench_idle_measure(&results->idle, results->options->idle_seconds, &stage->stack,
                                             &stage->intune, &err);
    settle(&results->idle_fate, status, &err);
}

static void measure_steady(bench_results *results, bench_stage *stage)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const bench_options *options = results->options;
    const bench_steady_plan plan = {.per_second = BENCH_STEADY_PER_SECOND,
                                    .seconds = options->steady_seconds,
                                    .warm_up = options->steady_warm_up};
    settle(&results->steady_fate, bench_steady_measure(&results->steady, &plan, stage, &err), &err);
}

/* --- a database that nodes share --- */

/* A machine without PostgreSQL is no failure. */
static void settle_shared(bench_fate *fate, const bench_stage *stage, iscep_status status,
                          const iscep_error *err)
{
    settle(fate, status, err);
    if (status == ISCEP_CONFIG && stage->postgres.keeper == 0)
        fate->outcome = BENCH_NOT_RUN;
}

static void measure_database(bench_results *results, bench_stage *stage)
{
    iscep_error err = ISCEP_ERROR_INIT;
    bench_database_plan plan = {.rounds = results->options->rounds,
                                .alone = 500,
                                .paced = 600,
                                .per_second = 200,
                                .at_once = 3000,
                                .small_history = 1000,
                                .large_history = 1000000};
    if (results->options->is_quick) {
        plan.alone = plan.paced = plan.at_once = 50;
        plan.large_history = 2000;
    }
    iscep_status status =
        bench_database_measure(&results->database, &plan, &stage->stack, &stage->postgres, &err);
    settle_shared(&results->database_fate, stage, status, &err);
}

static void measure_nodes(bench_results *results, bench_stage *stage)
{
    iscep_error err = ISCEP_ERROR_INIT;
    bench_nodes_plan plan = {.levels = BENCH_NODE_LEVELS,
                             .history = {1000, 1000000},
                             .settling_ms = 2000,
                             .idle_ms = 20000,
                             .busy_ms = 5000,
                             .per_second = 10,
                             .operations = 200};
    if (results->options->is_quick) {
        plan.levels = 1;
        plan.history[BENCH_HISTORY_LARGE] = 2000;
        plan.settling_ms = plan.idle_ms = 100;
        plan.busy_ms = 200;
        plan.operations = 5;
    }
    settle_shared(&results->nodes_fate, stage, bench_nodes_measure(&results->nodes, &plan, stage, &err),
                  &err);
}

static void measure_scaling(bench_results *results, bench_stage *stage)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const bench_scaling_plan plan = {.rounds = results->options->rounds,
                                     .enrolments =
                                         results->options->is_quick ? 50 : results->options->requests / 2,
                                     .in_flight = results->options->is_quick ? 8 : 64};
    iscep_status status = bench_scaling_measure(&results->scaling, &plan, stage, &err);
    settle_shared(&results->scaling_fate, stage, status, &err);
}

/* --- all of them --- */

static const struct part {
    const char *name; /* NULL: rows, each of which has a name of its own */
    void (*measure)(bench_results *results, bench_stage *stage);
} parts[] = {
    {NULL, measure_rows},           {"doors", measure_doors},     {"memory", measure_memory},
    {"journal", measure_journal},   {"workers", measure_workers}, {"pace", measure_paced},
    {"hop", measure_hop},           {"idle", measure_idle},       {"steady", measure_steady},
    {"database", measure_database}, {"nodes", measure_nodes},     {"scaling", measure_scaling},
};

/* What is measured of the journal alone needs a directory, and nothing of the cloud. */
static iscep_status open_stage(bench_stage *out, const bench_options *options, iscep_error *err)
{
    *out = (bench_stage){0};
    if (options->only != NULL &&
        (strcmp(options->only, "journal") == 0 || strcmp(options->only, "database") == 0))
        return bench_stack_open(&out->stack, options->bin_dir, err);
    return bench_stage_open(out, options->bin_dir, err);
}

iscep_status bench_parts_run(bench_results *results, iscep_error *err)
{
    bench_stage stage;
    iscep_status status = open_stage(&stage, results->options, err);
    for (size_t i = 0; i < sizeof parts / sizeof *parts && status == ISCEP_OK; i++) {
        if (parts[i].name == NULL || is_wanted(results->options, parts[i].name))
            parts[i].measure(results, &stage);
        status = bench_progress_check(err);
    }
    bench_progress_end();
    bench_stage_close(&stage);
    return status;
}
