/* See nodes.h. */
#include "nodes.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "crowd.h"
#include "meter.h"
#include "progress.h"
#include "relay.h"
#include "starting.h"

enum {
    IN_FLIGHT = 4, /* at each door, when busy: enough that one is free when a request is due */
    WAIT_MS = 100,
    MS_PER_S = 1000,
};

static const uint32_t node_counts[BENCH_NODE_LEVELS] = {2, 4, 8};
static const char *const schemas[BENCH_HISTORY_COUNT] = {"nodes", "large"};

typedef struct scene {
    const bench_nodes_plan *plan;
    bench_stage *stage;
    bench_postgres *postgres;
    bench_relay *relay;
    iscep_env env;
    char direct[BENCH_CONNINFO_SIZE];  /* by which nothing is counted */
    char counted[BENCH_CONNINFO_SIZE]; /* by the relay */
    char spool_path[BENCH_PATH_SIZE];
    bench_crowd crowd;
    uint8_t course;
} scene;

/* --- what is measured of some nodes --- */

static iscep_status wait_ms(int64_t ms, iscep_error *err)
{
    const int64_t until_ns = bench_now_mono_ns() + ms * 1000000;
    iscep_status status = ISCEP_OK;
    while (status == ISCEP_OK && bench_now_mono_ns() < until_ns) {
        const int64_t left_ms = (until_ns - bench_now_mono_ns()) / 1000000 + 1;
        poll(NULL, 0, (int)(left_ms < WAIT_MS ? left_ms : WAIT_MS));
        status = bench_progress_check(err);
    }
    return status;
}

static void take_counts(bench_node_level *out, bench_relay_counts before, bench_relay_counts after,
                        int64_t elapsed_ns)
{
    out->statements = (after.statements - before.statements) * INT64_C(1000000000000) / elapsed_ns;
    out->round_trips = (after.round_trips - before.round_trips) * INT64_C(1000000000000) / elapsed_ns;
}

static iscep_status time_operations(bench_node_level *out, const scene *s, iscep_error *err)
{
    const bench_coordination_plan plan = {
        .conninfo = s->direct, .spool_path = s->spool_path, .tenant = "bench", .times = s->plan->operations};
    return bench_coordination_measure(&out->times, &s->env, &plan, err);
}

static iscep_status measure_idle(bench_node_level *out, const scene *s, iscep_error *err)
{
    iscep_status status = wait_ms(s->plan->settling_ms, err);
    const bench_relay_counts before = bench_relay_count(s->relay);
    const int64_t began_ns = bench_now_mono_ns();
    if (status == ISCEP_OK)
        status = wait_ms(s->plan->idle_ms, err);
    take_counts(out, before, bench_relay_count(s->relay), bench_now_mono_ns() - began_ns);
    return status == ISCEP_OK ? time_operations(out, s, err) : status;
}

/* Enrolments on a thread of their own, while the operations are timed beside them. */
typedef struct course {
    const scene *scene;
    bench_crowd_plan plan;
    int64_t elapsed_ns;
    bench_relay_counts before;
    bench_relay_counts after;
    iscep_status status;
    iscep_error err;
} course;

static void on_begin(void *user)
{
    course *c = user;
    c->before = bench_relay_count(c->scene->relay);
}

static void *enrol(void *user)
{
    course *c = user;
    c->status = bench_crowd_enrol(&c->elapsed_ns, &c->scene->crowd, &c->plan, c->scene->stage, &c->err);
    c->after = bench_relay_count(c->scene->relay);
    return NULL;
}

static iscep_status measure_busy(bench_node_level *out, scene *s, iscep_error *err)
{
    const uint32_t per_second = s->plan->per_second * s->crowd.count;
    course c = {.scene = s,
                .plan = {.enrolments = per_second * s->plan->busy_ms / MS_PER_S,
                         .in_flight = IN_FLIGHT,
                         .per_second = per_second,
                         .course = ++s->course,
                         .on_begin = on_begin,
                         .user = &c},
                .err = ISCEP_ERROR_INIT};
    pthread_t thread;
    if (pthread_create(&thread, NULL, enrol, &c) != 0)
        return iscep_error_set(err, ISCEP_NOMEM, "thread", "cannot start a thread");
    iscep_status status = time_operations(out, s, err);
    pthread_join(thread, NULL);
    take_counts(out, c.before, c.after, c.elapsed_ns);
    if (status == ISCEP_OK && c.status != ISCEP_OK && err != NULL)
        *err = c.err;
    return status == ISCEP_OK ? c.status : status;
}

/* --- so many nodes, after so much history --- */

static iscep_status measure_level(bench_nodes *out, scene *s, bench_history history, uint32_t level,
                                  iscep_error *err)
{
    const uint32_t count = node_counts[level];
    bench_node_level *idle = &out->levels[history][BENCH_IDLE][level];
    bench_node_level *busy = &out->levels[history][BENCH_BUSY][level];
    bench_progress_show("nodes: %u of them, after %u", count, s->plan->history[history]);
    idle->nodes = busy->nodes = count;
    iscep_status status = bench_crowd_start(&s->crowd, count, s->counted, s->stage, err);
    if (status == ISCEP_OK)
        status = measure_idle(idle, s, err);
    if (status == ISCEP_OK)
        status = measure_busy(busy, s, err);
    bench_crowd_stop(&s->crowd);
    return status;
}

static iscep_status measure_history(bench_nodes *out, scene *s, bench_history history, iscep_error *err)
{
    iscep_status status =
        history == BENCH_HISTORY_LARGE
            ? bench_postgres_have(s->postgres, schemas[history], s->plan->history[history], err)
            : bench_postgres_make(s->postgres, schemas[history], s->plan->history[history], err);
    bench_postgres_conninfo(s->direct, s->postgres, NULL, schemas[history]);
    bench_postgres_conninfo(s->counted, s->postgres, bench_relay_socket_dir(s->relay), schemas[history]);
    for (uint32_t level = 0; level < s->plan->levels && status == ISCEP_OK; level++)
        status = measure_level(out, s, history, level, err);
    return status;
}

/* --- what it comes to --- */

static void fit(bench_nodes *out, bench_history history, bench_activity activity)
{
    double x[BENCH_NODE_LEVELS], y[BENCH_NODE_LEVELS];
    const bench_node_level *levels = out->levels[history][activity];
    for (uint32_t i = 0; i < out->plan.levels; i++) {
        x[i] = levels[i].nodes;
        y[i] = (double)levels[i].statements;
    }
    const bench_line line = bench_line_fit(x, y, out->plan.levels);
    out->per_node[history][activity] = (int64_t)line.slope;
    out->per_node_error[history][activity] = (int64_t)line.slope_error;
}

static int64_t percent_of(int64_t value, int64_t base)
{
    return base > 0 ? value * 100 / base : 0;
}

static int64_t linear_percent(const bench_nodes *found, bench_history history, bench_activity activity)
{
    const bench_node_level *levels = found->levels[history][activity];
    const bench_node_level *most = &levels[found->plan.levels - 1];
    return percent_of(most->statements / most->nodes, levels[0].statements / levels[0].nodes);
}

static int64_t sum_of_p50(const bench_node_level *level)
{
    int64_t sum = 0;
    for (int operation = 0; operation < BENCH_OPERATION_COUNT; operation++)
        sum += level->times.p50_us[operation];
    return sum;
}

static bench_spread history_percent(const bench_nodes *found)
{
    int64_t percent[BENCH_ACTIVITY_COUNT * BENCH_NODE_LEVELS];
    size_t count = 0;
    for (int activity = 0; activity < BENCH_ACTIVITY_COUNT; activity++)
        for (uint32_t level = 0; level < found->plan.levels; level++)
            percent[count++] = percent_of(sum_of_p50(&found->levels[BENCH_HISTORY_LARGE][activity][level]),
                                          sum_of_p50(&found->levels[BENCH_HISTORY_SMALL][activity][level]));
    return bench_spread_of(percent, count);
}

static void sum_up(bench_nodes *out)
{
    for (int history = 0; history < BENCH_HISTORY_COUNT; history++)
        for (int activity = 0; activity < BENCH_ACTIVITY_COUNT; activity++) {
            int64_t percent = linear_percent(out, (bench_history)history, (bench_activity)activity);
            out->linear_percent = percent > out->linear_percent ? percent : out->linear_percent;
            fit(out, (bench_history)history, (bench_activity)activity);
        }
    out->history_percent = history_percent(out);
}

iscep_status bench_nodes_measure(bench_nodes *out, const bench_nodes_plan *plan, bench_stage *stage,
                                 iscep_error *err)
{
    static const iscep_log log = {.min_level = ISCEP_LOG_ERROR};
    static scene s;
    *out = (bench_nodes){.plan = *plan};
    s = (scene){.plan = plan, .stage = stage, .postgres = &stage->postgres, .env = iscep_env_system(&log)};
    iscep_status status =
        bench_path_in(s.spool_path, sizeof s.spool_path, &stage->stack, "visitor.spool", err);
    if (status == ISCEP_OK)
        status = bench_postgres_start(s.postgres, &stage->stack, err);
    if (status == ISCEP_OK)
        status = bench_relay_open(&s.relay, s.postgres, err);
    for (int history = 0; history < BENCH_HISTORY_COUNT && status == ISCEP_OK; history++)
        status = measure_history(out, &s, (bench_history)history, err);
    bench_relay_close(s.relay);
    if (status == ISCEP_OK)
        sum_up(out);
    return status;
}
