/* intune-scepd as a script or a foreign SCEP server sees it: HTTP/1.1 with raw DER on kept connections. */
#include "rows.h"

#include <stdlib.h>

#include "local_load.h"
#include "scep_plugin.h"

struct bench_row_state {
    bench_local_load *load;
};

static void close_row(bench_row_state *state)
{
    if (state != NULL)
        bench_local_load_close(state->load);
    free(state);
}

static iscep_status open_row(bench_row_state **out, const bench_world *world, uint32_t in_flight,
                             iscep_error *err)
{
    bench_row_state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return iscep_error_nomem(err);
    const bench_local_options options = {.socket_path = world->daemon->socket_path,
                                         .csr = world->csr,
                                         .transaction_id = BENCH_TRANSACTION_ID,
                                         .connections = in_flight,
                                         .timeout_ms = BENCH_ANSWER_TIMEOUT_MS};
    iscep_status status = bench_local_load_open(&state->load, &options, err);
    if (status != ISCEP_OK) {
        close_row(state);
        return status;
    }
    *out = state;
    return ISCEP_OK;
}

static iscep_status on_answer(void *user, int32_t verdict, iscep_bytes code, int64_t started_mono_ns,
                              iscep_error *err)
{
    if (verdict != SCEP_VERDICT_ALLOW)
        return iscep_error_set(err, ISCEP_PROTOCOL, "not_allowed", "the daemon did not allow: %.*s",
                               (int)code.len, (const char *)code.data);
    bench_meter_record(user, started_mono_ns);
    return ISCEP_OK;
}

static iscep_status run_row(bench_row_state *state, uint32_t count, bench_meter *meter, iscep_error *err)
{
    const bench_local_watch watch = {.on_answer = on_answer, .user = meter};
    return bench_local_load_run(state->load, count, &watch, err);
}

const bench_row bench_row_daemon = {
    .name = "daemon", .needs_daemon = true, .open = open_row, .run = run_row, .close = close_row};
