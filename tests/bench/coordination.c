/* See coordination.h. */
#include "coordination.h"

#include <stdlib.h>

#include "journal/deliveries.h"
#include "journal/leaders.h"
#include "journal/nodes.h"
#include "journal/revocations.h"
#include "journal/store_postgres.h"
#include "meter.h"
#include "stats.h"

enum { PATIENCE_MS = 20000, LEASE_MS = 30000, MAX_BACKOFF_MS = 300000, LIMIT = 32, WARM_UP = 3 };

/* Nothing is ever due of theirs: what the measured nodes work at is left to them. */
#define NOBODY "nobody"

typedef struct visitor {
    const bench_coordination_plan *plan;
    iscep_loop *loop;
    iscep_journal *journal;
    iscep_status status;
    iscep_error err;
} visitor;

const char *bench_operation_name(bench_operation operation)
{
    static const char *const names[BENCH_OPERATION_COUNT] = {
        [BENCH_BEAT] = "beat",
        [BENCH_NODES] = "nodes",
        [BENCH_LEAD] = "lead",
        [BENCH_CLAIM_DELIVERIES] = "reports",
        [BENCH_CLAIM_REVOCATIONS] = "revocations",
    };
    return names[operation];
}

/* --- the operations --- */

static void end(visitor *v, iscep_status status, const iscep_error *err)
{
    if (status != ISCEP_OK && v->status == ISCEP_OK) {
        v->status = status;
        v->err = *err;
    }
    iscep_loop_stop(v->loop);
}

static void on_beaten(void *user, iscep_status status, bool is_name_taken, const iscep_error *err)
{
    (void)is_name_taken;
    end(user, status, err);
}

static void on_nodes(void *user, iscep_status status, iscep_json *document, const iscep_error *err)
{
    iscep_json_free(document);
    end(user, status, err);
}

static void on_leadership(void *user, iscep_status status, const iscep_leadership *standing,
                          const iscep_error *err)
{
    iscep_error wrong = ISCEP_ERROR_INIT;
    if (status == ISCEP_OK && standing->is_leader) {
        status = iscep_error_set(&wrong, ISCEP_SERVICE, "nodes", "none of the nodes leads");
        err = &wrong;
    }
    end(user, status, err);
}

static void on_deliveries(void *user, iscep_status status, const iscep_delivery *deliveries, size_t count,
                          int64_t next_due_unix_ms, const iscep_error *err)
{
    (void)deliveries;
    (void)count;
    (void)next_due_unix_ms;
    end(user, status, err);
}

static void on_revocations(void *user, iscep_status status, const iscep_revocation *revocations, size_t count,
                           int64_t next_due_unix_ms, const iscep_error *err)
{
    (void)revocations;
    (void)count;
    (void)next_due_unix_ms;
    end(user, status, err);
}

static void ask(visitor *v, bench_operation operation)
{
    static const iscep_node_facts facts = {
        .version = ISCEP_VERSION, .config_digest = "", .health = "ok", .state = "database"};
    static const iscep_revocation_claim claim = {
        .tenant = NOBODY, .limit = LIMIT, .lease_ms = LEASE_MS, .max_backoff_ms = MAX_BACKOFF_MS};
    switch (operation) {
    case BENCH_BEAT:
        iscep_journal_beat(v->journal, &facts, false, on_beaten, v);
        break;
    case BENCH_NODES:
        iscep_journal_nodes(v->journal, on_nodes, v);
        break;
    case BENCH_LEAD:
        iscep_journal_lead(v->journal, v->plan->tenant, ISCEP_TASK_REVOCATIONS, 0, LEASE_MS, on_leadership,
                           v);
        break;
    case BENCH_CLAIM_DELIVERIES:
        iscep_journal_claim_deliveries(v->journal, NOBODY, LIMIT, LEASE_MS, MAX_BACKOFF_MS, on_deliveries, v);
        break;
    case BENCH_CLAIM_REVOCATIONS:
        iscep_journal_claim_revocations(v->journal, &claim, on_revocations, v);
        break;
    case BENCH_OPERATION_COUNT:
        break;
    }
}

/* --- their times --- */

static int64_t time_one(visitor *v, bench_operation operation)
{
    const int64_t began_ns = bench_now_mono_ns();
    ask(v, operation);
    iscep_loop_run(v->loop);
    return (bench_now_mono_ns() - began_ns) / 1000;
}

static void measure_all(bench_coordination *out, visitor *v, int64_t *times_us)
{
    const uint32_t times = v->plan->times;
    for (uint32_t i = 0; i < WARM_UP + times && v->status == ISCEP_OK; i++)
        for (int operation = 0; operation < BENCH_OPERATION_COUNT; operation++) {
            int64_t took_us = time_one(v, (bench_operation)operation);
            if (i >= WARM_UP)
                times_us[(size_t)operation * times + i - WARM_UP] = took_us;
        }
    for (int operation = 0; operation < BENCH_OPERATION_COUNT; operation++) {
        int64_t *own = times_us + (size_t)operation * times;
        bench_sort(own, times);
        out->p50_us[operation] = bench_percentile(own, times, 50);
        out->p99_us[operation] = bench_percentile(own, times, 99);
    }
}

static iscep_status measure(bench_coordination *out, visitor *v, iscep_error *err)
{
    int64_t *times_us = calloc((size_t)BENCH_OPERATION_COUNT * v->plan->times, sizeof *times_us);
    if (times_us == NULL)
        return iscep_error_nomem(err);
    measure_all(out, v, times_us);
    free(times_us);
    if (v->status != ISCEP_OK && err != NULL)
        *err = v->err;
    return v->status;
}

iscep_status bench_coordination_measure(bench_coordination *out, const iscep_env *env,
                                        const bench_coordination_plan *plan, iscep_error *err)
{
    visitor v = {.plan = plan};
    const iscep_postgres_options database = {.conninfo = plan->conninfo, .timeout_ms = PATIENCE_MS};
    const iscep_journal_options options = {.path = plan->spool_path,
                                           .database = &database,
                                           .node = "visitor",
                                           .retention_days = 36500,
                                           .max_size_mb = 1 << 20};
    iscep_status status = iscep_loop_new(&v.loop, err);
    if (status == ISCEP_OK)
        status = iscep_journal_open(&v.journal, env, v.loop, &options, err);
    if (status == ISCEP_OK)
        status = measure(out, &v, err);
    iscep_journal_close(v.journal);
    iscep_loop_free(v.loop);
    return status;
}
