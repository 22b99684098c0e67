/* See database.h. */
#include "database.h"

#include <stdio.h>
#include <unistd.h>

#include "journal_bare.h"
#include "progress.h"
#include "relay.h"
#include "reporter.h"
#include "starting.h"
#include "tests/support/journal_files.h"

enum { IN_FLIGHT = 64, WARM_UP = 20, NEVER_MERGED = 0, MS_PER_S = 1000 };

typedef struct trial {
    const bench_database_plan *plan;
    const bench_stack *stack;
    const bench_postgres *postgres;
    iscep_env env;
    bench_journal_rows rows;
    char path[BENCH_PATH_SIZE]; /* of a file: SQLite's, or a node's spool */
    bench_reporter_times times[BENCH_SIDE_COUNT][BENCH_LOAD_KIND_COUNT][BENCH_MAX_ROUNDS];
    int64_t per_second[BENCH_SIDE_COUNT][BENCH_MAX_ROUNDS];
} trial;

static const char *const schemas[] = {
    [BENCH_SQLITE] = NULL, [BENCH_SMALL] = "small", [BENCH_LARGE] = "large"};

/* --- one side in one round --- */

static iscep_status report(bench_reporter_times *out, trial *t, bench_reporter *reporter,
                           const bench_reporter_plan *plan, iscep_error *err)
{
    iscep_status status = bench_reporter_validate(reporter, &t->rows, plan->reports, err);
    return status == ISCEP_OK ? bench_reporter_run(out, reporter, &t->rows, plan, err) : status;
}

static iscep_status run_loads(trial *t, bench_reporter *reporter, bench_side side, uint32_t round,
                              iscep_error *err)
{
    const bench_database_plan *plan = t->plan;
    const bench_reporter_plan warm_up = {.reports = WARM_UP, .in_flight = WARM_UP},
                              alone = {.reports = plan->alone, .in_flight = 1},
                              paced = {.reports = plan->paced, .interval_ms = MS_PER_S / plan->per_second},
                              at_once = {.reports = plan->at_once, .in_flight = IN_FLIGHT};
    bench_reporter_times times;
    iscep_status status = report(&times, t, reporter, &warm_up, err);
    if (status == ISCEP_OK)
        status = report(&t->times[side][BENCH_ALONE][round], t, reporter, &alone, err);
    if (status == ISCEP_OK)
        status = report(&t->times[side][BENCH_PACED][round], t, reporter, &paced, err);
    if (status == ISCEP_OK)
        status = report(&times, t, reporter, &at_once, err);
    if (status == ISCEP_OK)
        t->per_second[side][round] = (int64_t)plan->at_once * 1000000000 / times.elapsed_ns;
    return status;
}

/* The large history is kept: it is made once. */
static iscep_status make_history(trial *t, bench_side side, iscep_error *err)
{
    journal_files_remove(t->path);
    if (side == BENCH_SQLITE)
        return bench_bare_make(t->path, t->plan->small_history, NEVER_MERGED, err);
    return side == BENCH_SMALL ? bench_postgres_make(t->postgres, schemas[side], t->plan->small_history, err)
                               : ISCEP_OK;
}

static iscep_status run_side(trial *t, bench_side side, uint32_t round, iscep_error *err)
{
    char conninfo[BENCH_CONNINFO_SIZE];
    bench_reporter *reporter = NULL;
    iscep_status status = make_history(t, side, err);
    if (status != ISCEP_OK)
        return status;
    if (side != BENCH_SQLITE)
        bench_postgres_conninfo(conninfo, t->postgres, NULL, schemas[side]);
    status = bench_reporter_open(&reporter, &t->env, t->path, side != BENCH_SQLITE ? conninfo : NULL, err);
    if (status == ISCEP_OK)
        status = run_loads(t, reporter, side, round, err);
    bench_reporter_close(reporter);
    return status;
}

/* Each round begins with another side. */
static iscep_status run_round(trial *t, uint32_t round, iscep_error *err)
{
    iscep_status status = bench_progress_check(err);
    bench_progress_show("database: round %u of %u", round + 1, t->plan->rounds);
    for (uint32_t i = 0; i < BENCH_SIDE_COUNT && status == ISCEP_OK; i++)
        status = run_side(t, (bench_side)((i + round) % BENCH_SIDE_COUNT), round, err);
    return status;
}

/* --- what a report asks of the database --- */

static iscep_status count_between(bench_database *out, trial *t, const bench_relay *relay,
                                  bench_reporter *reporter, iscep_error *err)
{
    const bench_reporter_plan warm_up = {.reports = WARM_UP, .in_flight = 1},
                              counted = {.reports = t->plan->alone, .in_flight = 1};
    bench_reporter_times ignored;
    iscep_status status = report(&ignored, t, reporter, &warm_up, err);
    if (status == ISCEP_OK)
        status = bench_reporter_validate(reporter, &t->rows, counted.reports, err);
    const bench_relay_counts before = bench_relay_count(relay);
    if (status == ISCEP_OK)
        status = bench_reporter_run(&ignored, reporter, &t->rows, &counted, err);
    const bench_relay_counts after = bench_relay_count(relay);
    out->round_trips_per_100 = (after.round_trips - before.round_trips) * 100 / counted.reports;
    out->statements_per_100 = (after.statements - before.statements) * 100 / counted.reports;
    return status;
}

static iscep_status count_questions(bench_database *out, trial *t, iscep_error *err)
{
    char conninfo[BENCH_CONNINFO_SIZE];
    bench_relay *relay = NULL;
    bench_reporter *reporter = NULL;
    iscep_status status = bench_relay_open(&relay, t->postgres, err);
    if (status != ISCEP_OK)
        return status;
    bench_postgres_conninfo(conninfo, t->postgres, bench_relay_socket_dir(relay), schemas[BENCH_SMALL]);
    journal_files_remove(t->path);
    status = bench_reporter_open(&reporter, &t->env, t->path, conninfo, err);
    if (status == ISCEP_OK)
        status = count_between(out, t, relay, reporter, err);
    bench_reporter_close(reporter);
    bench_relay_close(relay);
    return status;
}

/* --- what it comes to --- */

static bench_spread spread_of(const trial *t, bench_side side, bench_load_kind kind, bool is_p99,
                              bench_side less)
{
    int64_t values[BENCH_MAX_ROUNDS];
    for (uint32_t i = 0; i < t->plan->rounds; i++) {
        const bench_reporter_times *of = &t->times[side][kind][i], *by = &t->times[less][kind][i];
        values[i] = is_p99 ? of->p99_ns : of->p50_ns;
        if (side != less)
            values[i] -= is_p99 ? by->p99_ns : by->p50_ns;
    }
    return bench_spread_of(values, t->plan->rounds);
}

static void sum_up(bench_database *out, trial *t)
{
    int64_t percent[BENCH_MAX_ROUNDS];
    for (int kind = 0; kind < BENCH_LOAD_KIND_COUNT; kind++) {
        for (int side = 0; side < BENCH_SIDE_COUNT; side++) {
            out->p50_ns[side][kind] =
                spread_of(t, (bench_side)side, (bench_load_kind)kind, false, (bench_side)side);
            out->p99_ns[side][kind] =
                spread_of(t, (bench_side)side, (bench_load_kind)kind, true, (bench_side)side);
        }
        out->added_p50_ns[kind] = spread_of(t, BENCH_SMALL, (bench_load_kind)kind, false, BENCH_SQLITE);
        out->added_p99_ns[kind] = spread_of(t, BENCH_SMALL, (bench_load_kind)kind, true, BENCH_SQLITE);
    }
    for (int side = 0; side < BENCH_SIDE_COUNT; side++)
        out->per_second[side] = bench_spread_of(t->per_second[side], t->plan->rounds);
    for (uint32_t i = 0; i < t->plan->rounds; i++)
        percent[i] =
            t->times[BENCH_LARGE][BENCH_ALONE][i].p50_ns * 100 / t->times[BENCH_SMALL][BENCH_ALONE][i].p50_ns;
    out->history_percent = bench_spread_of(percent, t->plan->rounds);
}

iscep_status bench_database_measure(bench_database *out, const bench_database_plan *plan,
                                    const bench_stack *stack, bench_postgres *postgres, iscep_error *err)
{
    static const iscep_log log = {.min_level = ISCEP_LOG_WARN};
    static trial t;
    *out = (bench_database){.plan = *plan};
    t = (trial){.plan = plan, .stack = stack, .postgres = postgres, .env = iscep_env_system(&log)};
    bench_journal_rows_init(&t.rows, 1u << 30);
    iscep_status status = bench_path_in(t.path, sizeof t.path, stack, "database.db", err);
    if (status == ISCEP_OK)
        status = bench_postgres_start(postgres, stack, err);
    if (status == ISCEP_OK)
        status = bench_postgres_have(postgres, schemas[BENCH_LARGE], plan->large_history, err);
    for (uint32_t round = 0; round < plan->rounds && status == ISCEP_OK; round++)
        status = run_round(&t, round, err);
    if (status == ISCEP_OK)
        status = count_questions(out, &t, err);
    if (status == ISCEP_OK)
        sum_up(out, &t);
    journal_files_remove(t.path);
    return status;
}
