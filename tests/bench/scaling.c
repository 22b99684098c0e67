/* See scaling.h. */
#include "scaling.h"

#include <stdio.h>

#include "cpu_share.h"
#include "crowd.h"
#include "progress.h"

enum { MAX_NODES = 2, SHARE_PERCENT = 20, HISTORY = 1000 };

#define SCHEMA "scaling"

/* Of one round. */
typedef struct figures {
    int64_t per_second;
    int64_t daemons_us;
    int64_t database_us;
} figures;

typedef struct trial {
    const bench_scaling_plan *plan;
    bench_stage *stage;
    const bench_postgres *postgres;
    bench_crowd crowd;
    bench_cpu_shares shares;
} trial;

/* --- one measurement --- */

static iscep_status give_shares(trial *t, iscep_error *err)
{
    pid_t processes[MAX_NODES];
    for (uint32_t i = 0; i < t->crowd.count; i++)
        processes[i] = t->crowd.daemons[i].process.pid;
    return bench_cpu_shares_open(&t->shares, BENCH_PROCESS, processes, t->crowd.count, SHARE_PERCENT, err);
}

static int64_t daemons_cpu_ns(const trial *t)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < t->crowd.count; i++)
        sum += bench_process_cpu_ns(t->crowd.daemons[i].process.pid);
    return sum;
}

/* CPU times when the time began. */
typedef struct course {
    const trial *trial;
    int64_t daemons_ns;
    int64_t database_ns;
} course;

static void on_begin(void *user)
{
    course *c = user;
    c->daemons_ns = daemons_cpu_ns(c->trial);
    c->database_ns = bench_postgres_cpu_ns(c->trial->postgres);
}

static iscep_status enrol(figures *out, const trial *t, iscep_error *err)
{
    course c = {.trial = t};
    const bench_crowd_plan plan = {
        .enrolments = t->plan->enrolments, .in_flight = t->plan->in_flight, .on_begin = on_begin, .user = &c};
    int64_t elapsed_ns = 0;
    iscep_status status = bench_crowd_enrol(&elapsed_ns, &t->crowd, &plan, t->stage, err);
    if (status != ISCEP_OK)
        return status;
    out->per_second = (int64_t)plan.enrolments * 1000000000 / elapsed_ns;
    out->daemons_us = (daemons_cpu_ns(t) - c.daemons_ns) / 1000 / plan.enrolments;
    out->database_us = (bench_postgres_cpu_ns(t->postgres) - c.database_ns) / 1000 / plan.enrolments;
    return ISCEP_OK;
}

static iscep_status try(figures *out, trial *t, uint32_t nodes, bool is_shared, iscep_error *err)
{
    char conninfo[BENCH_CONNINFO_SIZE];
    bench_postgres_conninfo(conninfo, t->postgres, NULL, SCHEMA);
    iscep_status status = bench_postgres_make(t->postgres, SCHEMA, HISTORY, err);
    if (status == ISCEP_OK)
        status = bench_crowd_start(&t->crowd, nodes, conninfo, t->stage, err);
    if (status == ISCEP_OK && is_shared)
        status = give_shares(t, err);
    if (status == ISCEP_OK)
        status = enrol(out, t, err);
    bench_crowd_stop(&t->crowd);
    bench_cpu_shares_close(&t->shares);
    return status;
}

/* --- the rounds --- */

typedef struct column {
    figures one[BENCH_MAX_ROUNDS];
    figures two[BENCH_MAX_ROUNDS];
} column;

static iscep_status measure_round(column *c, uint32_t round, trial *t, bool is_shared, iscep_error *err)
{
    const uint32_t first = round % 2 == 0 ? 1 : 2;
    iscep_status status = bench_progress_check(err);
    bench_progress_show("scaling: round %u of %u%s", round + 1, t->plan->rounds,
                        is_shared ? ", with shares" : "");
    for (uint32_t i = 0; i < MAX_NODES && status == ISCEP_OK; i++) {
        uint32_t nodes = i == 0 ? first : MAX_NODES + 1 - first;
        status = try(nodes == 1 ? &c->one[round] : &c->two[round], t, nodes, is_shared, err);
    }
    return status;
}

static bench_spread spread_of(const figures *found, uint32_t rounds, size_t member)
{
    int64_t values[BENCH_MAX_ROUNDS];
    for (uint32_t i = 0; i < rounds; i++)
        values[i] = *(const int64_t *)((const char *)&found[i] + member);
    return bench_spread_of(values, rounds);
}

static bench_speedup speedup_of(const column *c, uint32_t rounds)
{
    int64_t percent[BENCH_MAX_ROUNDS];
    for (uint32_t i = 0; i < rounds; i++)
        percent[i] = c->two[i].per_second * 100 / (c->one[i].per_second > 0 ? c->one[i].per_second : 1);
    return (bench_speedup){.one = spread_of(c->one, rounds, offsetof(figures, per_second)),
                           .two = spread_of(c->two, rounds, offsetof(figures, per_second)),
                           .percent = bench_spread_of(percent, rounds).median};
}

static bench_scaling_cpu cpu_of(const figures *found, uint32_t rounds)
{
    return (bench_scaling_cpu){.daemons_us = spread_of(found, rounds, offsetof(figures, daemons_us)),
                               .database_us = spread_of(found, rounds, offsetof(figures, database_us))};
}

static void sum_up(bench_scaling *out, const column *unlimited, const column *shared)
{
    const column *limited = out->is_shared ? shared : unlimited;
    out->unlimited = speedup_of(unlimited, out->plan.rounds);
    if (out->is_shared)
        out->shared = speedup_of(shared, out->plan.rounds);
    out->one = cpu_of(limited->one, out->plan.rounds);
    out->two = cpu_of(limited->two, out->plan.rounds);
}

iscep_status bench_scaling_measure(bench_scaling *out, const bench_scaling_plan *plan, bench_stage *stage,
                                   iscep_error *err)
{
    static column unlimited, shared;
    trial t = {.plan = plan, .stage = stage, .postgres = &stage->postgres};
    iscep_status share_status = ISCEP_OK;
    *out = (bench_scaling){.plan = *plan, .share_percent = SHARE_PERCENT};
    iscep_status status = bench_postgres_start(&stage->postgres, &stage->stack, err);
    for (uint32_t round = 0; round < plan->rounds && status == ISCEP_OK; round++) {
        status = measure_round(&unlimited, round, &t, false, err);
        if (status == ISCEP_OK && share_status == ISCEP_OK)
            share_status = measure_round(&shared, round, &t, true, err);
        if (share_status != ISCEP_OK && share_status != ISCEP_CONFIG)
            status = share_status;
        if (share_status == ISCEP_CONFIG)
            iscep_text_copy(out->why_not, sizeof out->why_not, err->message);
    }
    if (status != ISCEP_OK)
        return status;
    out->is_shared = share_status == ISCEP_OK;
    sum_up(out, &unlimited, &shared);
    return ISCEP_OK;
}
