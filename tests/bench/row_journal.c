/* See row_journal.h. */
#include "row_journal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "journal/engine.h"
#include "journal_bare.h"
#include "meter.h"
#include "progress.h"
#include "tests/support/journal_files.h"

enum { PATH_SIZE = 256, IN_FLIGHT = 64, SMALL_HISTORY = 1000 };

/* --- through the journal --- */

typedef struct load {
    iscep_journal *journal;
    iscep_loop *loop;
    bench_journal_rows *rows;
    uint32_t to_ask;
    uint32_t to_answer;
    bool is_wrong;
} load;

static void on_recorded(void *user, iscep_status status, const iscep_report *report, const iscep_error *err);

static void ask_one(load *l)
{
    l->to_ask--;
    iscep_journal_record_issued(l->journal, bench_journal_rows_next(l->rows), on_recorded, l);
}

static void on_recorded(void *user, iscep_status status, const iscep_report *report, const iscep_error *err)
{
    (void)err;
    load *l = user;
    l->is_wrong =
        l->is_wrong || status != ISCEP_OK || report->state != ISCEP_REPORT_OWED || !report->is_first;
    if (--l->to_answer == 0)
        iscep_loop_stop(l->loop);
    else if (l->to_ask > 0)
        ask_one(l);
}

static iscep_status open_load(load *out, const char *path, bench_journal_rows *rows, const iscep_env *env,
                              iscep_error *err)
{
    const iscep_journal_options options = {.path = path, .retention_days = 36500, .max_size_mb = 1 << 20};
    *out = (load){.rows = rows};
    iscep_status status = iscep_loop_new(&out->loop, err);
    return status == ISCEP_OK ? iscep_journal_open(&out->journal, env, out->loop, &options, err) : status;
}

static void close_load(load *l)
{
    iscep_journal_close(l->journal);
    iscep_loop_free(l->loop);
    *l = (load){0};
}

static iscep_status run_load(int64_t *elapsed_ns, load *l, uint32_t count, iscep_error *err)
{
    l->to_ask = l->to_answer = count;
    int64_t began = bench_now_mono_ns();
    for (uint32_t i = 0; i < IN_FLIGHT && l->to_ask > 0; i++)
        ask_one(l);
    iscep_loop_run(l->loop);
    *elapsed_ns = bench_now_mono_ns() - began;
    return l->is_wrong ? iscep_error_set(err, ISCEP_STORAGE, "journal", "a report was not recorded")
                       : ISCEP_OK;
}

/* --- the rounds --- */

typedef struct rounds {
    const iscep_env *env;
    bench_journal_rows rows;
    load large_load;
    char small_path[PATH_SIZE];
    char bare_path[PATH_SIZE];
    char large_path[PATH_SIZE];
    int64_t journal[BENCH_MAX_ROUNDS];
    int64_t bare[BENCH_MAX_ROUNDS];
    int64_t large[BENCH_MAX_ROUNDS];
    int64_t group[BENCH_MAX_ROUNDS];
} rounds;

static int64_t per_second(uint32_t count, int64_t elapsed_ns)
{
    return (int64_t)count * 1000000000 / (elapsed_ns > 0 ? elapsed_ns : 1);
}

static iscep_status run_small(rounds *r, const bench_journal_result *plan, uint32_t round, iscep_error *err)
{
    load l;
    int64_t elapsed = 0;
    journal_files_remove(r->small_path);
    iscep_status status = bench_bare_make(r->small_path, plan->small_history, 0, err);
    if (status != ISCEP_OK)
        return status;
    status = open_load(&l, r->small_path, &r->rows, r->env, err);
    if (status == ISCEP_OK)
        status = run_load(&elapsed, &l, plan->reports, err);
    if (status == ISCEP_OK)
        r->group[round] = plan->reports / iscep_journal_group_count(l.journal);
    close_load(&l);
    r->journal[round] = per_second(plan->reports, elapsed);
    return status;
}

static iscep_status run_bare(rounds *r, const bench_journal_result *plan, uint32_t round, iscep_error *err)
{
    int64_t elapsed = 0;
    journal_files_remove(r->bare_path);
    iscep_status status = bench_bare_make(r->bare_path, plan->small_history, 0, err);
    if (status == ISCEP_OK)
        status =
            bench_bare_write(&elapsed, r->bare_path, &r->rows, plan->reports, (uint32_t)r->group[round], err);
    r->bare[round] = per_second(plan->reports, elapsed);
    return status;
}

/* The small files are new in each round. The large one grows over all of them, and merges its keys meanwhile. */
static iscep_status run_round(rounds *r, const bench_journal_result *plan, uint32_t round, iscep_error *err)
{
    int64_t elapsed = 0;
    iscep_status status = run_small(r, plan, round, err);
    if (status == ISCEP_OK)
        status = run_bare(r, plan, round, err);
    if (status == ISCEP_OK)
        status = run_load(&elapsed, &r->large_load, plan->reports, err);
    r->large[round] = per_second(plan->reports, elapsed);
    return status;
}

static int64_t median_percent(const int64_t *of, const int64_t *by, uint32_t count)
{
    int64_t percent[BENCH_MAX_ROUNDS];
    for (uint32_t i = 0; i < count; i++)
        percent[i] = of[i] * 100 / (by[i] > 0 ? by[i] : 1);
    return bench_spread_of(percent, count).median;
}

static void sum_up(bench_journal_result *out, rounds *r)
{
    out->percent_of_bare = median_percent(r->journal, r->bare, out->rounds);
    out->percent_of_small = median_percent(r->large, r->journal, out->rounds);
    out->journal = bench_spread_of(r->journal, out->rounds);
    out->bare = bench_spread_of(r->bare, out->rounds);
    out->journal_large = bench_spread_of(r->large, out->rounds);
    out->group = bench_spread_of(r->group, out->rounds);
}

iscep_status bench_journal_measure(bench_journal_result *out, const char *dir, bool is_quick,
                                   uint32_t round_count, iscep_error *err)
{
    static rounds r;
    const iscep_log log = {.min_level = ISCEP_LOG_WARN};
    const iscep_env env = iscep_env_system(&log);
    int64_t ignored;
    r = (rounds){.env = &env};
    *out = (bench_journal_result){.in_flight = IN_FLIGHT,
                                  .reports = is_quick ? 2000 : 20000,
                                  .small_history = SMALL_HISTORY,
                                  .large_history = is_quick ? 20000 : 1000000,
                                  .rounds = round_count};
    bench_journal_rows_init(&r.rows, 1u << 30);
    snprintf(r.small_path, sizeof r.small_path, "%s/small.db", dir);
    snprintf(r.bare_path, sizeof r.bare_path, "%s/bare.db", dir);
    snprintf(r.large_path, sizeof r.large_path, "%s/large.db", dir);
    bench_progress_show("journal: making a history");
    iscep_status status = bench_bare_make(r.large_path, out->large_history, out->reports / 4, err);
    if (status == ISCEP_OK)
        status = open_load(&r.large_load, r.large_path, &r.rows, &env, err);
    if (status == ISCEP_OK) /* the disk still writes what was made */
        status = run_load(&ignored, &r.large_load, out->reports / 8, err);
    for (uint32_t i = 0; i < round_count && status == ISCEP_OK; i++) {
        bench_progress_show("journal: round %u of %u", i + 1, round_count);
        status = run_round(&r, out, i, err);
    }
    if (status == ISCEP_OK)
        sum_up(out, &r);
    close_load(&r.large_load);
    journal_files_remove(r.small_path);
    journal_files_remove(r.bare_path);
    journal_files_remove(r.large_path);
    return status;
}
