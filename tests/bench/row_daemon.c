/* intune-scepd as a script or a foreign SCEP server sees it: HTTP/1.1 on kept connections, at one door or another. */
#include "rows.h"

#include <openssl/ssl.h>
#include <stdlib.h>

#include "doors.h"
#include "scep_plugin.h"

struct bench_row_state {
    bench_subject subject;
    SSL_CTX *tls;
    bench_door door;
    bench_load *load;
};

static void close_row(bench_row_state *state)
{
    if (state == NULL)
        return;
    bench_load_close(state->load);
    SSL_CTX_free(state->tls);
    free(state);
}

static bench_row_state *new_state(const bench_world *world)
{
    bench_row_state *state = calloc(1, sizeof *state);
    if (state != NULL)
        state->subject = (bench_subject){.csr = world->csr,
                                         .challenge = world->challenge,
                                         .transaction_id = BENCH_TRANSACTION_ID,
                                         .timeout_ms = BENCH_ANSWER_TIMEOUT_MS};
    return state;
}

/* Takes state. */
static iscep_status open_load(bench_row_state **out, bench_row_state *state, uint32_t in_flight,
                              iscep_error *err)
{
    const bench_load_options options = {.doors = &state->door, .door_count = 1, .connections = in_flight};
    iscep_status status = bench_load_open(&state->load, &options, err);
    if (status == ISCEP_OK)
        *out = state;
    else
        close_row(state);
    return status;
}

static iscep_status open_unix(bench_row_state **out, const bench_world *world, uint32_t in_flight,
                              iscep_error *err)
{
    bench_row_state *state = new_state(world);
    if (state == NULL)
        return iscep_error_nomem(err);
    state->door = bench_door_unix(world->daemon, &state->subject);
    return open_load(out, state, in_flight, err);
}

typedef bench_door (*tls_door)(const bench_daemon *daemon, const bench_subject *subject, SSL_CTX *tls);

static iscep_status open_tls(bench_row_state **out, const bench_world *world, uint32_t in_flight,
                             tls_door door, iscep_error *err)
{
    bench_row_state *state = new_state(world);
    if (state == NULL)
        return iscep_error_nomem(err);
    iscep_status status = bench_tls_client(&state->tls, world->stack->ca_file, err);
    if (status != ISCEP_OK) {
        close_row(state);
        return status;
    }
    state->door = door(world->daemon, &state->subject, state->tls);
    return open_load(out, state, in_flight, err);
}

static iscep_status open_api_tls(bench_row_state **out, const bench_world *world, uint32_t in_flight,
                                 iscep_error *err)
{
    return open_tls(out, world, in_flight, bench_door_tls, err);
}

static iscep_status open_step_ca(bench_row_state **out, const bench_world *world, uint32_t in_flight,
                                 iscep_error *err)
{
    return open_tls(out, world, in_flight, bench_door_step_ca, err);
}

static iscep_status on_answer(void *user, const bench_answer *answer, int64_t started_mono_ns,
                              iscep_error *err)
{
    if (answer->verdict != SCEP_VERDICT_ALLOW)
        return iscep_error_set(err, ISCEP_PROTOCOL, "not_allowed", "the daemon did not allow: %.*s",
                               (int)answer->code.len, (const char *)answer->code.data);
    bench_meter_record(user, started_mono_ns);
    return ISCEP_OK;
}

static iscep_status run_paced(bench_row_state *state, uint32_t count, int64_t interval_ns, bench_meter *meter,
                              iscep_error *err)
{
    const bench_load_watch watch = {.on_answer = on_answer, .user = meter};
    return bench_load_run(state->load, count, interval_ns, &watch, err);
}

static iscep_status run_row(bench_row_state *state, uint32_t count, bench_meter *meter, iscep_error *err)
{
    return run_paced(state, count, 0, meter, err);
}

const bench_row bench_row_daemon = {.name = "daemon",
                                    .needs_daemon = true,
                                    .open = open_unix,
                                    .run = run_row,
                                    .run_paced = run_paced,
                                    .close = close_row};
const bench_row bench_row_unix = {
    .name = "unix", .needs_daemon = true, .open = open_unix, .run = run_row, .close = close_row};
const bench_row bench_row_tls = {
    .name = "tls", .needs_daemon = true, .open = open_api_tls, .run = run_row, .close = close_row};
const bench_row bench_row_step_ca = {
    .name = "step-ca", .needs_daemon = true, .open = open_step_ca, .run = run_row, .close = close_row};
