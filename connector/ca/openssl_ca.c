/*
 * The executor of kind openssl-ca: marks the entry in index.txt and writes a fresh CRL. The work itself is
 * openssl_job.c's, on a thread of its own, one revocation after the other.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca/index_txt.h"
#include "ca/kind.h"
#include "ca/openssl_job.h"
#include "net/worker.h"

enum { SHARE_FOR_WORK = 10 }; /* the last tenth of the time is not for waiting for the lock */

/* Lives until the worker has done it, whoever still waits for it. */
typedef struct task {
    LIST_ENTRY(task) link;
    iscep_openssl_job job;
    iscep_ca_call *call; /* NULL: it has been answered */
} task;

typedef struct openssl_ca {
    iscep_worker *worker; /* NULL until the first revocation */
    atomic_bool is_stopping;
    LIST_HEAD(, task) tasks;
} openssl_ca;

static iscep_status check_options(const iscep_ca_options *options, iscep_error *err)
{
    const struct {
        const char *value;
        const char *name;
    } needed[] = {{options->index_file, "index_file"},
                  {options->crl_file, "crl_file"},
                  {options->crl_number_file, "crl_number_file"},
                  {options->ca_certificate, "ca_certificate"},
                  {options->ca_key, "ca_key"}};
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < sizeof needed / sizeof *needed && status == ISCEP_OK; i++)
        status = iscep_ca_require(needed[i].value, needed[i].name, err);
    if (status == ISCEP_OK && options->crl_days < 1)
        status = iscep_error_set(err, ISCEP_CONFIG, "ca", "crl_days is less than 1");
    for (size_t i = 0; i < 3 && status == ISCEP_OK;
         i += 2) /* the CRL may be missing until it is first made */
        if (access(needed[i].value, R_OK) != 0)
            status = iscep_error_set(err, ISCEP_CONFIG, "ca", "%s: %s cannot be read", needed[i].name,
                                     needed[i].value);
    return status;
}

static iscep_status open_openssl(iscep_ca *ca, iscep_error *err)
{
    iscep_keystore *signer = NULL;
    iscep_status status = check_options(ca->options, err);
    if (status == ISCEP_OK)
        status = iscep_openssl_open_signer(&signer, ca->options, err);
    iscep_keystore_close(
        signer); /* opened for each CRL, so that a new key is noticed and none lies in memory */
    if (status != ISCEP_OK)
        return status;
    openssl_ca *state = calloc(1, sizeof *state);
    if (state == NULL)
        return iscep_error_nomem(err);
    LIST_INIT(&state->tasks);
    ca->state = state;
    return ISCEP_OK;
}

static void free_task(task *t)
{
    LIST_REMOVE(t, link);
    free(t);
}

static void work(void *user)
{
    task *t = user;
    iscep_openssl_job_run(&t->job);
}

static void on_done(void *user)
{
    task *t = user;
    if (t->call != NULL)
        iscep_ca_answer(t->call, t->job.outcome, "%s", t->job.message);
    free_task(t);
}

static task *new_task(openssl_ca *state, iscep_ca_call *call)
{
    task *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    int64_t left_ms = iscep_ca_time_left_ms(call);
    t->job =
        (iscep_openssl_job){.env = call->ca->env,
                            .options = call->ca->options,
                            .is_stopping = &state->is_stopping,
                            .reason = call->request.reason,
                            .lock_by_mono_ms = call->request.deadline_mono_ms - left_ms / SHARE_FOR_WORK};
    memcpy(t->job.serial, call->request.serial, strlen(call->request.serial) + 1);
    t->call = call;
    LIST_INSERT_HEAD(&state->tasks, t, link);
    return t;
}

static void start_openssl(iscep_ca_call *call)
{
    openssl_ca *state = call->ca->state;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = ISCEP_OK;
    if (iscep_index_reason(call->request.reason) == NULL) {
        iscep_ca_answer(call, ISCEP_CA_UNSUPPORTED, "openssl ca knows no reason %s",
                        iscep_crl_reason_name(call->request.reason));
        return;
    }
    if (state->worker == NULL)
        status = iscep_worker_new(&state->worker, call->ca->loop, &err);
    task *t = status == ISCEP_OK ? new_task(state, call) : NULL;
    if (t == NULL) {
        iscep_ca_answer(call, ISCEP_CA_FAILED, "out of memory or threads");
        return;
    }
    call->state = t;
    if (iscep_worker_run(state->worker, work, on_done, t, &err) == ISCEP_OK)
        return;
    free_task(t);
    iscep_ca_answer(call, ISCEP_CA_FAILED, "%s", err.message);
}

/* The work goes on: what is half done must be finished. Nobody hears of it. */
static void abandon_openssl(iscep_ca_call *call)
{
    task *t = call->state;
    t->call = NULL;
}

static void close_openssl(iscep_ca *ca)
{
    openssl_ca *state = ca->state;
    if (state == NULL)
        return;
    atomic_store(&state->is_stopping, true);
    iscep_worker_free(state->worker);
    while (!LIST_EMPTY(&state->tasks))
        free_task(LIST_FIRST(&state->tasks)); /* NOLINT(clang-analyzer-unix.Malloc): it leaves the list */
    free(state);
}

const iscep_ca_executor iscep_ca_openssl = {
    .open = open_openssl, .start = start_openssl, .abandon = abandon_openssl, .close = close_openssl};
