/* The calls of libiscep: copied here, started on the loop, and awaited by who wants to wait. See include/iscep/client.h. */
#include <stdlib.h>
#include <string.h>

#include "base/transaction_id.h"
#include "base/x509.h"
#include "intune/client_internal.h"
#include "intune/reply.h"

enum { MAX_TIMEOUT_MS = 24 * 3600 * 1000 }; /* more would only overflow somewhere */

/* --- the calls: copied here, started on the loop --- */

enum action { ACTION_VALIDATE, ACTION_ISSUED, ACTION_FAILED };

typedef struct operation {
    iscep_client *client;
    enum action action;
    char transaction_id[ISCEP_TRANSACTION_ID_SIZE];
    iscep_buf csr;
    iscep_cert *cert;
    uint32_t error_code;
    char *description;
    int64_t deadline_mono_ms;
    iscep_verdict_fn done;
    void *user;
} operation;

static void free_operation(operation *op)
{
    if (op == NULL)
        return;
    iscep_buf_wipe(&op->csr);
    iscep_cert_free(op->cert);
    free(op->description);
    free(op);
}

/* A callback asked again just before the client was freed: the question stands behind the end in the queue. */
static void answer_ended(const operation *op)
{
    iscep_error err;
    iscep_verdict verdict = ISCEP_VERDICT_INIT;
    iscep_error_set(&err, ISCEP_NETWORK, "shutting_down", "the client is being freed");
    iscep_verdict_from_error(&verdict, &err);
    op->done(op->user, &verdict);
}

static void start_on_loop(void *user)
{
    operation *op = user;
    iscep_intune *intune = op->client->intune;
    iscep_bytes csr = iscep_buf_bytes(&op->csr);
    if (intune == NULL) {
        answer_ended(op);
    } else if (op->action == ACTION_VALIDATE) {
        iscep_intune_validate(intune, op->transaction_id, csr, op->deadline_mono_ms, op->done, op->user);
    } else if (op->action == ACTION_ISSUED) {
        iscep_issued_facts facts = {.transaction_id = op->transaction_id,
                                    .csr = csr,
                                    .thumbprint = iscep_cert_thumbprint(op->cert),
                                    .serial = iscep_cert_serial(op->cert),
                                    .not_after_unix = iscep_cert_not_after_unix(op->cert),
                                    .issuer = iscep_cert_issuer(op->cert)};
        iscep_intune_notify_issued(intune, &facts, op->deadline_mono_ms, op->done, op->user);
    } else {
        iscep_failed_facts facts = {.transaction_id = op->transaction_id,
                                    .csr = csr,
                                    .error_code = op->error_code,
                                    .description = op->description};
        iscep_intune_notify_failed(intune, &facts, op->deadline_mono_ms, op->done, op->user);
    }
    free_operation(op);
}

static iscep_status new_operation(operation **out, iscep_client *client, enum action action,
                                  const char *transaction_id, iscep_bytes csr, int64_t timeout_ms,
                                  iscep_verdict_fn done, void *user, iscep_error *err)
{
    iscep_status status = iscep_client_check(client, err);
    if (status != ISCEP_OK)
        return status;
    if (transaction_id == NULL || csr.data == NULL || csr.len == 0 || done == NULL || timeout_ms <= 0)
        return iscep_error_set(err, ISCEP_USAGE, "arguments", "an argument is NULL, empty or not positive");
    operation *op = calloc(1, sizeof *op);
    if (op == NULL)
        return iscep_error_nomem(err);
    op->client = client;
    op->action = action;
    op->deadline_mono_ms =
        iscep_now_mono_ms(&client->env) + (timeout_ms < MAX_TIMEOUT_MS ? timeout_ms : MAX_TIMEOUT_MS);
    op->done = done;
    op->user = user;
    iscep_buf_init(&op->csr, ISCEP_CSR_MAX_LEN);
    iscep_buf_append(&op->csr, csr.data, csr.len);
    status = iscep_transaction_id_parse(op->transaction_id, iscep_bytes_of_text(transaction_id), err);
    if (status == ISCEP_OK && csr.len > ISCEP_CSR_MAX_LEN)
        status = iscep_error_set(err, ISCEP_USAGE, "csr_too_large", "the CSR has more than %u bytes",
                                 ISCEP_CSR_MAX_LEN);
    else if (status == ISCEP_OK && op->csr.is_overflown)
        status = iscep_error_nomem(err);
    if (status != ISCEP_OK) {
        free_operation(op);
        return status;
    }
    *out = op;
    return ISCEP_OK;
}

static iscep_status post_operation(operation *op, iscep_error *err)
{
    iscep_status status = iscep_loop_post(op->client->loop, start_on_loop, op, err);
    if (status != ISCEP_OK)
        free_operation(op);
    return status;
}

iscep_status iscep_client_validate_begin(iscep_client *client, const char *transaction_id, const uint8_t *csr,
                                         size_t csr_len, int64_t timeout_ms, iscep_verdict_fn done,
                                         void *user, iscep_error *err)
{
    operation *op = NULL;
    iscep_status status = new_operation(&op, client, ACTION_VALIDATE, transaction_id,
                                        iscep_bytes_of(csr, csr_len), timeout_ms, done, user, err);
    return status != ISCEP_OK ? status : post_operation(op, err);
}

iscep_status iscep_client_issued_begin(iscep_client *client, const char *transaction_id, const uint8_t *csr,
                                       size_t csr_len, const uint8_t *cert, size_t cert_len,
                                       int64_t timeout_ms, iscep_verdict_fn done, void *user,
                                       iscep_error *err)
{
    operation *op = NULL;
    iscep_status status = new_operation(&op, client, ACTION_ISSUED, transaction_id,
                                        iscep_bytes_of(csr, csr_len), timeout_ms, done, user, err);
    if (status != ISCEP_OK)
        return status;
    status = iscep_cert_parse(&op->cert, iscep_bytes_of(cert, cert_len), err);
    if (status != ISCEP_OK) {
        free_operation(op);
        return status;
    }
    return post_operation(op, err);
}

iscep_status iscep_client_failed_begin(iscep_client *client, const char *transaction_id, const uint8_t *csr,
                                       size_t csr_len, uint32_t error_code, const char *description,
                                       int64_t timeout_ms, iscep_verdict_fn done, void *user,
                                       iscep_error *err)
{
    operation *op = NULL;
    iscep_status status = new_operation(&op, client, ACTION_FAILED, transaction_id,
                                        iscep_bytes_of(csr, csr_len), timeout_ms, done, user, err);
    if (status != ISCEP_OK)
        return status;
    op->error_code = error_code;
    op->description = strdup(description != NULL ? description : "");
    if (op->description == NULL) {
        free_operation(op);
        return iscep_error_nomem(err);
    }
    return post_operation(op, err);
}

/* --- the waiting forms --- */

typedef struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t is_done_cond;
    bool is_done;
    iscep_verdict verdict;
} waiter;

#define WAITER_INIT                                                                                          \
    {                                                                                                        \
        .lock = PTHREAD_MUTEX_INITIALIZER, .is_done_cond = PTHREAD_COND_INITIALIZER                          \
    }

static void wake_waiter(void *user, const iscep_verdict *verdict)
{
    waiter *waiting = user;
    pthread_mutex_lock(&waiting->lock);
    waiting->verdict = *verdict;
    waiting->is_done = true;
    pthread_cond_signal(&waiting->is_done_cond);
    pthread_mutex_unlock(&waiting->lock);
}

/* The verdict is DENY from the beginning. Inside a callback, the thread that would answer is the one that waits. */
static iscep_status may_wait(iscep_verdict *verdict, iscep_error *err)
{
    if (verdict == NULL)
        return iscep_error_set(err, ISCEP_USAGE, "arguments", "verdict is NULL");
    *verdict = (iscep_verdict)ISCEP_VERDICT_INIT;
    if (iscep_client_is_in_callback())
        return iscep_error_set(err, ISCEP_USAGE, "in_callback",
                               "a call that waits was made inside a callback: use the form with _begin");
    return ISCEP_OK;
}

/* The answer always comes: every call has a deadline on the loop. */
static iscep_status await(waiter *waiting, iscep_verdict *verdict)
{
    pthread_mutex_lock(&waiting->lock);
    while (!waiting->is_done)
        pthread_cond_wait(&waiting->is_done_cond, &waiting->lock);
    pthread_mutex_unlock(&waiting->lock);
    *verdict = waiting->verdict;
    return ISCEP_OK;
}

iscep_status iscep_client_validate(iscep_client *client, const char *transaction_id, const uint8_t *csr,
                                   size_t csr_len, int64_t timeout_ms, iscep_verdict *verdict,
                                   iscep_error *err)
{
    waiter waiting = WAITER_INIT;
    iscep_status status = may_wait(verdict, err);
    if (status == ISCEP_OK)
        status = iscep_client_validate_begin(client, transaction_id, csr, csr_len, timeout_ms, wake_waiter,
                                             &waiting, err);
    return status == ISCEP_OK ? await(&waiting, verdict) : status;
}

iscep_status iscep_client_issued(iscep_client *client, const char *transaction_id, const uint8_t *csr,
                                 size_t csr_len, const uint8_t *cert, size_t cert_len, int64_t timeout_ms,
                                 iscep_verdict *verdict, iscep_error *err)
{
    waiter waiting = WAITER_INIT;
    iscep_status status = may_wait(verdict, err);
    if (status == ISCEP_OK)
        status = iscep_client_issued_begin(client, transaction_id, csr, csr_len, cert, cert_len, timeout_ms,
                                           wake_waiter, &waiting, err);
    return status == ISCEP_OK ? await(&waiting, verdict) : status;
}

iscep_status iscep_client_failed(iscep_client *client, const char *transaction_id, const uint8_t *csr,
                                 size_t csr_len, uint32_t error_code, const char *description,
                                 int64_t timeout_ms, iscep_verdict *verdict, iscep_error *err)
{
    waiter waiting = WAITER_INIT;
    iscep_status status = may_wait(verdict, err);
    if (status == ISCEP_OK)
        status = iscep_client_failed_begin(client, transaction_id, csr, csr_len, error_code, description,
                                           timeout_ms, wake_waiter, &waiting, err);
    return status == ISCEP_OK ? await(&waiting, verdict) : status;
}
