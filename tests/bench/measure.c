/* See measure.h. */
#include "measure.h"

#include "child.h"

enum { MIN_WARM_UP = 32 };

typedef struct measure_task {
    const bench_row *row;
    const bench_world *world;
    bench_measure_plan plan;
} measure_task;

static iscep_status run_planned(const measure_task *task, bench_row_state *state, bench_meter *meter,
                                iscep_error *err)
{
    const bench_measure_plan *plan = &task->plan;
    if (plan->interval_ns > 0)
        return task->row->run_paced(state, plan->requests, plan->interval_ns, meter, err);
    return task->row->run(state, plan->requests, meter, err);
}

/* The warm-up opens every connection, and fetches token and address where the row does so itself. */
static iscep_status run_metered(const measure_task *task, bench_row_state *state, bench_meter *meter,
                                bench_sample *out, iscep_error *err)
{
    uint32_t warm_up = task->plan.in_flight < MIN_WARM_UP ? MIN_WARM_UP : task->plan.in_flight;
    iscep_status status = task->row->run(state, warm_up, meter, err);
    if (status != ISCEP_OK)
        return status;
    bench_meter_begin(meter);
    status = run_planned(task, state, meter, err);
    if (status == ISCEP_OK)
        bench_meter_end(meter, out);
    return status;
}

static iscep_status run_task(const void *user, void *result, iscep_error *err)
{
    const measure_task *task = user;
    const bench_world *world = task->world;
    bench_meter meter;
    bench_row_state *state = NULL;
    pid_t daemon = task->row->needs_daemon ? world->daemon->process.pid : 0;
    iscep_status status = bench_meter_init(&meter, task->plan.requests, daemon, world->intune->mock.pid, err);
    if (status == ISCEP_OK)
        status = task->row->open(&state, world, task->plan.in_flight, err);
    if (status == ISCEP_OK)
        status = run_metered(task, state, &meter, result, err);
    task->row->close(state);
    bench_meter_clear(&meter);
    return status;
}

_Static_assert(sizeof(bench_sample) <= BENCH_CHILD_RESULT_MAX, "a sample fits");

iscep_status bench_measure(bench_sample *out, const bench_row *row, const bench_world *world,
                           const bench_measure_plan *plan, iscep_error *err)
{
    static const bench_daemon_settings defaults = {0};
    bench_daemon daemon = {0};
    bench_world with_daemon = *world;
    const measure_task task = {.row = row, .world = &with_daemon, .plan = *plan};
    iscep_status status = ISCEP_OK;
    if (world->daemon == NULL)
        with_daemon.daemon = &daemon;
    if (row->needs_daemon && world->daemon == NULL)
        status = bench_daemon_start(&daemon, world->stack, world->intune, &defaults, err);
    if (status == ISCEP_OK)
        status = bench_child_run(run_task, &task, out, sizeof *out, err);
    bench_daemon_stop(&daemon);
    return status;
}
