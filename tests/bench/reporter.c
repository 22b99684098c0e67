/* See reporter.h. */
#include "reporter.h"

#include <stdlib.h>

#include "journal/deliveries.h"
#include "journal/inspect.h"
#include "journal/store_postgres.h"
#include "meter.h"
#include "stats.h"

enum { LEASE_MS = 60000, PATIENCE_MS = 20000, NS_PER_MS = 1000000 };

typedef struct report {
    bench_reporter *reporter;
    int64_t began_ns;
} report;

struct bench_reporter {
    iscep_loop *loop;
    iscep_timer *timer;
    iscep_postgres_options database;
    iscep_journal *journal;
    bench_journal_rows *rows;
    bench_reporter_plan plan;
    report *reports; /* of the plan */
    int64_t *latencies_ns;
    uint32_t begun;
    uint32_t ended;
    int64_t next_ns; /* when the next begins, with an interval */
    iscep_status status;
    iscep_error err;
};

static void begin(bench_reporter *reporter);

/* --- one report --- */

static void fail(bench_reporter *reporter, iscep_status status, const iscep_error *err)
{
    if (status == ISCEP_OK || reporter->status != ISCEP_OK)
        return;
    reporter->status = status;
    reporter->err = *err;
}

static void end(report *r, iscep_status status, const iscep_error *err)
{
    bench_reporter *reporter = r->reporter;
    reporter->latencies_ns[reporter->ended++] = bench_now_mono_ns() - r->began_ns;
    fail(reporter, status, err);
    if (reporter->ended == reporter->plan.reports)
        iscep_loop_stop(reporter->loop);
    else if (reporter->begun < reporter->plan.reports && reporter->plan.interval_ms == 0)
        begin(reporter);
}

static void on_settled(void *user, iscep_status status, const iscep_report *found, const iscep_error *err)
{
    iscep_error wrong = ISCEP_ERROR_INIT;
    if (status == ISCEP_OK && found->state != ISCEP_REPORT_DONE) {
        status = iscep_error_set(&wrong, ISCEP_STORAGE, "journal", "a report was not settled");
        err = &wrong;
    }
    end(user, status, err);
}

static void on_recorded(void *user, iscep_status status, const iscep_report *found, const iscep_error *err)
{
    report *r = user;
    iscep_error wrong = ISCEP_ERROR_INIT;
    if (status == ISCEP_OK && !(found->is_claimed && found->is_first && found->was_validated)) {
        status = iscep_error_set(&wrong, ISCEP_STORAGE, "journal", "a report was not recorded");
        err = &wrong;
    }
    if (status != ISCEP_OK) {
        end(r, status, err);
        return;
    }
    const iscep_delivery_outcome outcome = {.end = ISCEP_DELIVERY_ACCEPTED,
                                            .fence = found->fence,
                                            .code = "Success",
                                            .message = "",
                                            .request_id = "00000000-0000-4000-8000-000000000000"};
    iscep_journal_settle_delivery(r->reporter->journal, found->delivery_id, &outcome, on_settled, r);
}

static void begin(bench_reporter *reporter)
{
    report *r = &reporter->reports[reporter->begun++];
    *r = (report){.reporter = reporter, .began_ns = bench_now_mono_ns()};
    iscep_journal_record_issued(reporter->journal, bench_journal_rows_next(reporter->rows), on_recorded, r);
}

/* --- many --- */

static bool is_any_left(const bench_reporter *reporter)
{
    return reporter->begun < reporter->plan.reports;
}

static void on_due(void *user)
{
    bench_reporter *reporter = user;
    const int64_t interval_ns = (int64_t)reporter->plan.interval_ms * NS_PER_MS;
    for (; is_any_left(reporter) && bench_now_mono_ns() >= reporter->next_ns;
         reporter->next_ns += interval_ns)
        begin(reporter);
    const int64_t left_ns = reporter->next_ns - bench_now_mono_ns();
    if (is_any_left(reporter))
        iscep_timer_arm(reporter->timer, left_ns > 0 ? (left_ns + NS_PER_MS - 1) / NS_PER_MS : 0);
}

static void begin_first(bench_reporter *reporter)
{
    reporter->next_ns = bench_now_mono_ns();
    if (reporter->plan.interval_ms > 0)
        on_due(reporter);
    else
        while (is_any_left(reporter) && reporter->begun < reporter->plan.in_flight)
            begin(reporter);
}

static void run(bench_reporter_times *out, bench_reporter *reporter)
{
    const uint32_t count = reporter->plan.reports;
    const int64_t began_ns = bench_now_mono_ns();
    begin_first(reporter);
    iscep_loop_run(reporter->loop);
    out->elapsed_ns = bench_now_mono_ns() - began_ns;
    bench_sort(reporter->latencies_ns, count);
    out->p50_ns = bench_percentile(reporter->latencies_ns, count, 50);
    out->p99_ns = bench_percentile(reporter->latencies_ns, count, 99);
}

static iscep_status tell(const bench_reporter *reporter, iscep_error *err)
{
    if (reporter->status != ISCEP_OK && err != NULL)
        *err = reporter->err;
    return reporter->status;
}

iscep_status bench_reporter_run(bench_reporter_times *out, bench_reporter *reporter, bench_journal_rows *rows,
                                const bench_reporter_plan *plan, iscep_error *err)
{
    reporter->rows = rows;
    reporter->plan = *plan;
    reporter->begun = reporter->ended = 0;
    reporter->reports = calloc(plan->reports, sizeof *reporter->reports);
    reporter->latencies_ns = calloc(plan->reports, sizeof *reporter->latencies_ns);
    bool is_ready = reporter->reports != NULL && reporter->latencies_ns != NULL;
    if (is_ready)
        run(out, reporter);
    free(reporter->reports);
    free(reporter->latencies_ns);
    return is_ready ? tell(reporter, err) : iscep_error_nomem(err);
}

/* --- what goes before --- */

static void on_looked(void *user, iscep_status status, const iscep_json *json, const iscep_error *err)
{
    bench_reporter *reporter = user;
    (void)json;
    fail(reporter, status, err);
    iscep_loop_stop(reporter->loop);
}

iscep_status bench_reporter_validate(bench_reporter *reporter, const bench_journal_rows *rows, uint32_t count,
                                     iscep_error *err)
{
    bench_journal_rows ahead = *rows;
    const iscep_journal_event event = {.kind = ISCEP_EVENT_VALIDATED};
    for (uint32_t i = 0; i < count; i++)
        iscep_journal_note(reporter->journal, &bench_journal_rows_next(&ahead)->key, &event);
    iscep_journal_list_deliveries(reporter->journal, NULL, 0, true, 1, on_looked, reporter);
    iscep_loop_run(reporter->loop);
    return tell(reporter, err);
}

/* --- its life --- */

static iscep_status open_all(bench_reporter *reporter, const iscep_env *env, const char *path,
                             const char *database, iscep_error *err)
{
    reporter->database = (iscep_postgres_options){.conninfo = database, .timeout_ms = PATIENCE_MS};
    const iscep_journal_options options = {.path = path,
                                           .database = database != NULL ? &reporter->database : NULL,
                                           .node = "bench",
                                           .retention_days = 36500,
                                           .max_size_mb = 1 << 20};
    iscep_status status = iscep_loop_new(&reporter->loop, err);
    if (status == ISCEP_OK)
        status = iscep_timer_new(&reporter->timer, reporter->loop, on_due, reporter, err);
    return status == ISCEP_OK ? iscep_journal_open(&reporter->journal, env, reporter->loop, &options, err)
                              : status;
}

iscep_status bench_reporter_open(bench_reporter **out, const iscep_env *env, const char *path,
                                 const char *database, iscep_error *err)
{
    bench_reporter *reporter = calloc(1, sizeof *reporter);
    if (reporter == NULL)
        return iscep_error_nomem(err);
    iscep_status status = open_all(reporter, env, path, database, err);
    if (status == ISCEP_OK)
        *out = reporter;
    else
        bench_reporter_close(reporter);
    return status;
}

void bench_reporter_close(bench_reporter *reporter)
{
    if (reporter == NULL)
        return;
    iscep_journal_close(reporter->journal);
    if (reporter->timer != NULL)
        iscep_timer_free(reporter->timer);
    iscep_loop_free(reporter->loop);
    free(reporter);
}
