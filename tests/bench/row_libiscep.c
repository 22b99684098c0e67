/* libiscep in the process of its user: iscep_client_validate_begin, whose callback begins the next request. */
#include "rows.h"

#include <pthread.h>
#include <stdlib.h>

#include "iscep/client.h"

typedef struct slot {
    bench_row_state *state;
    int64_t started_mono_ns;
} slot;

struct bench_row_state {
    iscep_client *client;
    iscep_bytes csr;
    slot *slots;
    uint32_t slot_count;
    bench_meter *meter;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t is_over_cond;
    uint32_t left;   /* not begun yet */
    uint32_t flying; /* begun, not answered */
    iscep_error failure;
};

static void close_row(bench_row_state *state)
{
    if (state == NULL)
        return;
    iscep_client_free(state->client);
    pthread_cond_destroy(&state->is_over_cond);
    pthread_mutex_destroy(&state->lock);
    free(state->slots);
    free(state);
}

static iscep_status open_row(bench_row_state **out, const bench_world *world, uint32_t in_flight,
                             iscep_error *err)
{
    bench_row_state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return iscep_error_nomem(err);
    pthread_mutex_init(&state->lock, NULL);
    pthread_cond_init(&state->is_over_cond, NULL);
    state->csr = world->csr;
    state->slot_count = in_flight;
    state->slots = calloc(in_flight, sizeof *state->slots);
    iscep_client_options options = ISCEP_CLIENT_OPTIONS_INIT;
    options.tenant_id = BENCH_TENANT_ID;
    options.client_id = BENCH_CLIENT_ID;
    options.client_secret_file = world->stack->secret_file;
    options.authority = world->intune->url;
    options.graph = world->intune->url;
    options.allowed_hosts = "localhost";
    options.ca_file = world->stack->ca_file;
    options.max_connections = BENCH_MAX_CONNECTIONS;
    iscep_status status =
        state->slots != NULL ? iscep_client_new(&state->client, &options, err) : iscep_error_nomem(err);
    if (status != ISCEP_OK) {
        close_row(state);
        return status;
    }
    *out = state;
    return ISCEP_OK;
}

static void on_verdict(void *user, const iscep_verdict *verdict);

static iscep_status begin(slot *idle, iscep_error *err)
{
    const bench_row_state *state = idle->state;
    idle->started_mono_ns = bench_now_mono_ns();
    return iscep_client_validate_begin(state->client, BENCH_TRANSACTION_ID, state->csr.data, state->csr.len,
                                       BENCH_ANSWER_TIMEOUT_MS, on_verdict, idle, err);
}

/* One more may begin? The first failure ends the run. */
static bool take_turn(bench_row_state *state, const iscep_error *failure)
{
    pthread_mutex_lock(&state->lock);
    if (failure != NULL) {
        state->failure = *failure;
        state->left = 0;
    }
    bool has_turn = state->left > 0;
    if (has_turn)
        state->left--;
    else if (--state->flying == 0)
        pthread_cond_signal(&state->is_over_cond);
    pthread_mutex_unlock(&state->lock);
    return has_turn;
}

static void on_verdict(void *user, const iscep_verdict *verdict)
{
    slot *done = user;
    bench_row_state *state = done->state;
    iscep_error err = ISCEP_ERROR_INIT;
    if (verdict->decision == ISCEP_ALLOW)
        bench_meter_record(state->meter, done->started_mono_ns);
    else
        iscep_error_set(&err, ISCEP_PROTOCOL, "not_allowed", "%s: %s", verdict->code, verdict->message);
    if (take_turn(state, err.status == ISCEP_OK ? NULL : &err) && begin(done, &err) != ISCEP_OK)
        take_turn(state, &err);
}

static iscep_status run_row(bench_row_state *state, uint32_t count, bench_meter *meter, iscep_error *err)
{
    uint32_t begun = count < state->slot_count ? count : state->slot_count;
    state->meter = meter;
    state->left = count - begun;
    state->flying = begun;
    state->failure = (iscep_error)ISCEP_ERROR_INIT;
    for (uint32_t i = 0; i < begun; i++) {
        iscep_error failure;
        state->slots[i].state = state;
        if (begin(&state->slots[i], &failure) != ISCEP_OK)
            take_turn(state, &failure);
    }
    pthread_mutex_lock(&state->lock);
    while (state->flying > 0)
        pthread_cond_wait(&state->is_over_cond, &state->lock);
    pthread_mutex_unlock(&state->lock);
    if (state->failure.status != ISCEP_OK)
        *err = state->failure;
    return state->failure.status;
}

const bench_row bench_row_libiscep = {
    .name = "libiscep", .open = open_row, .run = run_row, .close = close_row};
