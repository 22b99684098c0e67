/* See scaling.h. */
#include "scaling.h"

#include <stdio.h>

#include "cpu_share.h"
#include "crowd.h"

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

/* --- the rounds --- */

/* Of one, or of two nodes, in each round. */
typedef struct column {
    figures found[BENCH_MAX_ROUNDS];
} column;

typedef struct comparison {
    trial trial;
    column columns[2][MAX_NODES]; /* without and with shares */
} comparison;

static iscep_status try(void *user, uint32_t round, uint32_t nodes, bool is_shared, iscep_error *err)
{
    comparison *c = user;
    trial *t = &c->trial;
    char conninfo[BENCH_CONNINFO_SIZE];
    bench_postgres_conninfo(conninfo, t->postgres, NULL, SCHEMA);
    iscep_status status = bench_postgres_make(t->postgres, SCHEMA, HISTORY, err);
    if (status == ISCEP_OK)
        status = bench_crowd_start(&t->crowd, nodes, conninfo, t->stage, err);
    if (status == ISCEP_OK && is_shared)
        status = give_shares(t, err);
    if (status == ISCEP_OK)
        status = enrol(&c->columns[is_shared][nodes - 1].found[round], t, err);
    bench_crowd_stop(&t->crowd);
    bench_cpu_shares_close(&t->shares);
    return status;
}

/* One of the figures, of all rounds. */
static void pick(int64_t *out, const column *c, uint32_t rounds, size_t member)
{
    for (uint32_t i = 0; i < rounds; i++)
        out[i] = *(const int64_t *)((const char *)&c->found[i] + member);
}

static bench_spread spread_of(const column *c, uint32_t rounds, size_t member)
{
    int64_t values[BENCH_MAX_ROUNDS];
    pick(values, c, rounds, member);
    return bench_spread_of(values, rounds);
}

static bench_speedup speedup_of(const column *columns, uint32_t rounds)
{
    int64_t one[BENCH_MAX_ROUNDS], two[BENCH_MAX_ROUNDS];
    pick(one, &columns[0], rounds, offsetof(figures, per_second));
    pick(two, &columns[1], rounds, offsetof(figures, per_second));
    return bench_speedup_of(one, two, rounds);
}

static bench_scaling_cpu cpu_of(const column *c, uint32_t rounds)
{
    return (bench_scaling_cpu){.daemons_us = spread_of(c, rounds, offsetof(figures, daemons_us)),
                               .database_us = spread_of(c, rounds, offsetof(figures, database_us))};
}

static void sum_up(bench_scaling *out, const comparison *c)
{
    const column *limited = c->columns[out->is_shared];
    out->unlimited = speedup_of(c->columns[false], out->plan.rounds);
    if (out->is_shared)
        out->shared = speedup_of(c->columns[true], out->plan.rounds);
    out->one = cpu_of(&limited[0], out->plan.rounds);
    out->two = cpu_of(&limited[1], out->plan.rounds);
}

iscep_status bench_scaling_measure(bench_scaling *out, const bench_scaling_plan *plan, bench_stage *stage,
                                   iscep_error *err)
{
    static comparison c; /* large */
    const bench_doubling_plan doubling = {
        .name = "scaling", .rounds = plan->rounds, .measure = try, .user = &c};
    c = (comparison){.trial = {.plan = plan, .stage = stage, .postgres = &stage->postgres}};
    *out = (bench_scaling){.plan = *plan, .share_percent = SHARE_PERCENT};
    iscep_status status = bench_postgres_start(&stage->postgres, &stage->stack, err);
    if (status == ISCEP_OK)
        status = bench_doubling_measure(&out->is_shared, out->why_not, &doubling, err);
    if (status == ISCEP_OK)
        sum_up(out, &c);
    return status;
}
