/* See memory.h. */
#include "memory.h"

#include "child.h"
#include "doors.h"
#include "meter.h"
#include "mock_admin.h"
#include "rows.h"
#include "scep_plugin.h"

enum {
    STREAMS = 100,          /* of one HTTP/2 connection: what the daemon uses and nghttpx offers */
    HTTP2_GRACE_MS = 30000, /* beyond the latency: nobody may give up */
    HTTP1_GRACE_MS = 2000,  /* beyond two latencies: some are answered, the rest is not */
};

typedef struct memory_task {
    const bench_stack *stack;
    const bench_intune *intune;
    const bench_daemon *daemon;
    bench_subject subject;
    uint32_t in_flight;
    bench_protocol protocol;
    uint32_t latency_ms;
} memory_task;

typedef struct memory_run {
    const memory_task *task;
    bench_load *load;
    int64_t validations_before;
    bench_memory found;
} memory_run;

static iscep_status on_answer(void *user, const bench_answer *answer, int64_t started_mono_ns,
                              iscep_error *err)
{
    memory_run *run = user;
    int64_t took_ms = (bench_now_mono_ns() - started_mono_ns) / 1000000;
    bool is_timeout = answer->verdict == SCEP_VERDICT_RETRY &&
                      iscep_bytes_equal(answer->code, iscep_bytes_of_text("timeout"));
    if (took_ms > run->found.slowest_ms)
        run->found.slowest_ms = took_ms;
    if (answer->verdict == SCEP_VERDICT_ALLOW)
        run->found.allowed++;
    else if (is_timeout && run->task->protocol == BENCH_HTTP1)
        run->found.retried++;
    else
        return iscep_error_set(err, ISCEP_PROTOCOL, "not_allowed", "the daemon answered %.*s",
                               (int)answer->code.len, (const char *)answer->code.data);
    return ISCEP_OK;
}

/* The highest reading counts, of those with the most requests in flight. */
static iscep_status on_tick(void *user, iscep_error *err)
{
    (void)err;
    memory_run *run = user;
    const memory_task *task = run->task;
    int64_t in_flight = bench_load_in_flight(run->load);
    if (in_flight < run->found.in_flight || !bench_load_is_read(run->load))
        return ISCEP_OK;
    int64_t validations = 0;
    int64_t rss_kib = bench_process_memory_kib(task->daemon->process.pid, "VmRSS");
    if (bench_count_validations(&validations, task->stack, task->intune, NULL) == ISCEP_OK)
        run->found.at_intune = validations - run->validations_before;
    if (in_flight > run->found.in_flight || rss_kib > run->found.busy_kib)
        run->found.busy_kib = rss_kib;
    run->found.in_flight = in_flight;
    return ISCEP_OK;
}

static iscep_status settle(memory_run *run, iscep_error *err)
{
    bench_memory *found = &run->found;
    if (found->in_flight == 0 || found->idle_kib < 0 || found->busy_kib < 0)
        return iscep_error_set(err, ISCEP_PROTOCOL, "memory",
                               "the daemon's memory could not be read in time");
    found->bytes_per_request = (found->busy_kib - found->idle_kib) * 1024 / found->in_flight;
    return ISCEP_OK;
}

static iscep_status run_task(const void *user, void *result, iscep_error *err)
{
    const memory_task *task = user;
    const bench_door door = bench_door_unix(task->daemon, &task->subject);
    const bench_load_options options = {.doors = &door, .door_count = 1, .connections = task->in_flight};
    memory_run run = {.task = task,
                      .found = {.latency_ms = task->latency_ms,
                                .deadline_ms = task->subject.timeout_ms,
                                .idle_kib = bench_process_memory_kib(task->daemon->process.pid, "VmRSS")}};
    const bench_load_watch watch = {.on_answer = on_answer, .on_tick = on_tick, .user = &run};
    iscep_status status = bench_count_validations(&run.validations_before, task->stack, task->intune, err);
    if (status == ISCEP_OK)
        status = bench_set_latency(task->stack, task->intune, task->latency_ms, err);
    if (status == ISCEP_OK)
        status = bench_load_open(&run.load, &options, err);
    if (status == ISCEP_OK)
        status = bench_load_run(run.load, task->in_flight, 0, &watch, err);
    if (status == ISCEP_OK)
        status = settle(&run, err);
    bench_load_close(run.load);
    *(bench_memory *)result = run.found;
    return status;
}

/* One request before the daemon counts as idle: the first allocations of every kind are behind it. */
static iscep_status warm_up(const memory_task *task, iscep_error *err)
{
    const bench_door door = bench_door_unix(task->daemon, &task->subject);
    const bench_load_options options = {.doors = &door, .door_count = 1, .connections = 1};
    const bench_load_watch watch = {0};
    bench_load *load;
    iscep_status status = bench_load_open(&load, &options, err);
    if (status != ISCEP_OK)
        return status;
    status = bench_load_run(load, 1, 0, &watch, err);
    bench_load_close(load);
    return status;
}

_Static_assert(sizeof(bench_memory) <= BENCH_CHILD_RESULT_MAX, "a result fits");

iscep_status bench_memory_measure(bench_memory *out, bench_protocol protocol, const bench_stack *stack,
                                  iscep_bytes csr, uint32_t in_flight, uint32_t latency_ms, iscep_error *err)
{
    bench_intune intune;
    bench_daemon daemon = {0};
    bool is_http2 = protocol == BENCH_HTTP2;
    uint32_t deadline_ms = is_http2 ? latency_ms + HTTP2_GRACE_MS : 2 * latency_ms + HTTP1_GRACE_MS;
    uint32_t connections = is_http2 ? in_flight / STREAMS * 5 / 4 : BENCH_MAX_CONNECTIONS;
    /* Client, daemon, proxy and Intune share this machine: that a handshake is slow is nobody's fault. */
    const bench_daemon_settings settings = {.max_outbound_connections = connections,
                                            .request_timeout_ms = deadline_ms,
                                            .connect_timeout_ms = deadline_ms};
    iscep_status status =
        is_http2 ? bench_intune_start_http2(&intune, stack, err) : bench_intune_start(&intune, stack, err);
    if (status == ISCEP_OK)
        status = bench_daemon_start(&daemon, stack, &intune, &settings, err);
    const memory_task task = {
        .stack = stack,
        .intune = &intune,
        .daemon = &daemon,
        .subject = {.csr = csr, .transaction_id = BENCH_TRANSACTION_ID, .timeout_ms = deadline_ms},
        .in_flight = in_flight,
        .protocol = protocol,
        .latency_ms = latency_ms};
    if (status == ISCEP_OK)
        status = warm_up(&task, err);
    if (status == ISCEP_OK)
        status = bench_child_run(run_task, &task, out, sizeof *out, err);
    out->connections = connections;
    bench_daemon_stop(&daemon);
    bench_intune_stop(&intune);
    return status;
}
