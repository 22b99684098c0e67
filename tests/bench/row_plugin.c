/* scep_intune.so in a SCEP server: blocking calls, one thread for each request in flight. */
#include "rows.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin_file.h"

enum { STACK_LEN = 128 * 1024 };

struct bench_row_state {
    bench_plugin plugin;
    iscep_bytes csr;
    pthread_t *threads;
    uint32_t thread_count;
    bench_meter *meter;
    atomic_int_fast64_t left; /* requests not begun yet; negative: none */
    atomic_uint numbered;     /* threads that have taken a number */
    pthread_mutex_t lock;     /* guards failure */
    iscep_error failure;
};

static void close_row(bench_row_state *state)
{
    if (state == NULL)
        return;
    bench_plugin_close(&state->plugin);
    pthread_mutex_destroy(&state->lock);
    free(state->threads);
    free(state);
}

static iscep_status open_row(bench_row_state **out, const bench_world *world, uint32_t in_flight,
                             iscep_error *err)
{
    bench_row_state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return iscep_error_nomem(err);
    pthread_mutex_init(&state->lock, NULL);
    state->csr = world->csr;
    state->thread_count = in_flight;
    state->threads = calloc(in_flight, sizeof *state->threads);
    iscep_status status = state->threads == NULL
                              ? iscep_error_nomem(err)
                              : bench_plugin_open(&state->plugin, world->plugin_file, "socket",
                                                  world->daemon->socket_path, err);
    if (status != ISCEP_OK) {
        close_row(state);
        return status;
    }
    *out = state;
    return ISCEP_OK;
}

static void fail_run(bench_row_state *state, const char *code, const char *message)
{
    atomic_store(&state->left, 0);
    pthread_mutex_lock(&state->lock);
    iscep_error_set(&state->failure, ISCEP_PROTOCOL, "not_allowed", "%s: %s", code, message);
    pthread_mutex_unlock(&state->lock);
}

static void *ask_in_turn(void *user)
{
    bench_row_state *state = user;
    char transaction_id[sizeof BENCH_TRANSACTION_ID +
                        16]; /* the daemon would answer equal questions with one call */
    int id_len = snprintf(transaction_id, sizeof transaction_id, "%s-%u", BENCH_TRANSACTION_ID,
                          atomic_fetch_add(&state->numbered, 1));
    const scep_request request = {.size = sizeof request,
                                  .message_type = SCEP_MESSAGE_PKCS_REQ,
                                  .timeout_ms = BENCH_ANSWER_TIMEOUT_MS,
                                  .transaction_id = {(const uint8_t *)transaction_id, (size_t)id_len},
                                  .csr_der = {state->csr.data, state->csr.len}};
    while (atomic_fetch_sub(&state->left, 1) > 0) {
        scep_answer answer = {.size = sizeof answer};
        int64_t started_mono_ns = bench_now_mono_ns();
        if (state->plugin.table->verify_request(state->plugin.instance, &request, &answer) != SCEP_OK ||
            answer.verdict != SCEP_VERDICT_ALLOW)
            fail_run(state, answer.code, answer.message);
        else
            bench_meter_record(state->meter, started_mono_ns);
    }
    return NULL;
}

static iscep_status run_row(bench_row_state *state, uint32_t count, bench_meter *meter, iscep_error *err)
{
    pthread_attr_t small;
    uint32_t begun = 0;
    state->meter = meter;
    state->failure = (iscep_error)ISCEP_ERROR_INIT;
    atomic_store(&state->left, count);
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK_LEN);
    while (begun < state->thread_count &&
           pthread_create(&state->threads[begun], &small, ask_in_turn, state) == 0)
        begun++;
    pthread_attr_destroy(&small);
    if (begun < state->thread_count)
        fail_run(state, "threads", "not all threads could be started");
    for (uint32_t i = 0; i < begun; i++)
        pthread_join(state->threads[i], NULL);
    if (state->failure.status != ISCEP_OK)
        *err = state->failure;
    return state->failure.status;
}

const bench_row bench_row_plugin = {
    .name = "plugin", .needs_daemon = true, .open = open_row, .run = run_row, .close = close_row};
