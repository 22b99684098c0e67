/* See crowd.h. */
#include "crowd.h"

#include <stdio.h>

#include "meter.h"
#include "progress.h"
#include "scep_plugin.h"

enum { TURNS = 2, NODE_NAME_SIZE = 16 };

iscep_status bench_crowd_start(bench_crowd *out, uint32_t count, const char *conninfo,
                               const bench_stage *stage, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    *out = (bench_crowd){0};
    while (out->count < count && status == ISCEP_OK) {
        char name[NODE_NAME_SIZE];
        snprintf(name, sizeof name, "n%u", out->count + 1);
        const bench_daemon_settings settings = {.node = name, .database = conninfo};
        status =
            bench_daemon_start(&out->daemons[out->count++], &stage->stack, &stage->intune, &settings, err);
    }
    return status;
}

void bench_crowd_stop(bench_crowd *crowd)
{
    for (uint32_t i = 0; i < crowd->count; i++)
        bench_daemon_stop(&crowd->daemons[i]);
    crowd->count = 0;
}

static iscep_status on_answer(void *user, const bench_answer *answer, int64_t started_mono_ns,
                              iscep_error *err)
{
    (void)user;
    (void)started_mono_ns;
    if (answer->verdict == SCEP_VERDICT_ALLOW)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_PROTOCOL, "not_allowed", "a daemon answered %.*s",
                           (int)answer->code.len, (const char *)answer->code.data);
}

static iscep_status on_tick(void *user, iscep_error *err)
{
    (void)user;
    return bench_progress_check(err);
}

static iscep_status run(int64_t *elapsed_ns, bench_load *load, const bench_crowd_plan *plan, uint32_t doors,
                        iscep_error *err)
{
    const bench_load_watch watch = {.on_answer = on_answer, .on_tick = on_tick};
    const int64_t interval_ns = plan->per_second == 0 ? 0 : 1000000000 / (plan->per_second * TURNS);
    iscep_status status = bench_load_run(load, doors * plan->in_flight * TURNS, 0, &watch, err);
    if (status == ISCEP_OK && plan->on_begin != NULL)
        plan->on_begin(plan->user);
    const int64_t began_ns = bench_now_mono_ns();
    if (status == ISCEP_OK)
        status = bench_load_run(load, plan->enrolments * TURNS, interval_ns, &watch, err);
    *elapsed_ns = bench_now_mono_ns() - began_ns;
    return status;
}

static iscep_status enrol_at(int64_t *elapsed_ns, const bench_crowd *crowd, const bench_crowd_plan *plan,
                             const bench_enrolments *them, iscep_error *err)
{
    bench_door doors[BENCH_CROWD_MAX];
    bench_load *load = NULL;
    for (uint32_t i = 0; i < crowd->count; i++)
        doors[i] = bench_door_enrolments((bench_address){.socket_path = crowd->daemons[i].socket_path}, them);
    const bench_load_options options = {.doors = doors,
                                        .door_count = crowd->count,
                                        .connections = crowd->count * plan->in_flight,
                                        .is_new_each_time = true};
    iscep_status status = bench_load_open(&load, &options, err);
    if (status == ISCEP_OK)
        status = run(elapsed_ns, load, plan, crowd->count, err);
    bench_load_close(load);
    return status;
}

iscep_status bench_crowd_enrol(int64_t *elapsed_ns, const bench_crowd *crowd, const bench_crowd_plan *plan,
                               const bench_stage *stage, iscep_error *err)
{
    bench_enrolments them = {.csr = iscep_buf_bytes(&stage->csr), .course = plan->course};
    iscep_status status = bench_issuer_new(&them.issuer, them.csr, err);
    if (status == ISCEP_OK)
        status = enrol_at(elapsed_ns, crowd, plan, &them, err);
    bench_issuer_free(them.issuer);
    return status;
}
