/* Between one loop and many threads: an operation is with one of them at a time. */
#include "operation.h"

#include <stdlib.h>

#include <openssl/x509.h>

#include "pki_message.h"

enum { MAX_REPLY_LEN = 64 * 1024 * 1024, MAX_WAIT_MS = 24 * 60 * 60 * 1000 };

typedef struct iscep_operation operation;

/* What a thread does with it. */
typedef struct job_kind {
    const char *content_type; /* of the reply */
    iscep_status (*run)(operation *op);
} job_kind;

struct iscep_operation {
    LIST_ENTRY(iscep_operation) link; /* while it waits */
    const iscep_env *env;
    iscep_loop *loop;
    iscep_workers *workers;
    const job_kind *kind;
    iscep_job job;        /* from the loop to a thread */
    iscep_loop_item item; /* and back */

    /* The loop's. */
    iscep_operations *operations;
    iscep_exchange *exchange; /* NULL: the client has been answered */
    iscep_timer *patience;    /* until he is answered in any case; NULL: threads do come back */
    iscep_timer *wait;        /* for the plugin; NULL: it does not wait */

    /* Whose turn it is. */
    const iscep_host_ca *ca;
    iscep_endpoint *endpoint;
    iscep_peer peer;
    iscep_buf message;
    iscep_passage *passage;
    iscep_buf reply;
    iscep_status status;
    iscep_error err;
};

/* Ends the exchange. */
static void reply_error(operation *op, int32_t status, const char *code, const char *message)
{
    iscep_exchange_reply_error(op->exchange, status, code, message);
    op->exchange = NULL;
}

/* Whoever has no answer by now gets none. */
static void tell_of_end(operation *op)
{
    if (op->exchange)
        reply_error(op, 503, "ending", "the server ends");
}

/* Also from iscep_loop_free. */
static void free_operation(void *user)
{
    operation *op = user;
    tell_of_end(op);
    iscep_timer_free(op->patience);
    iscep_timer_free(op->wait);
    iscep_passage_free(op->passage);
    iscep_buf_clear(&op->message);
    iscep_buf_clear(&op->reply);
    free(op);
}

static void reply_failure(operation *op)
{
    switch (op->err.status) {
    case ISCEP_USAGE:
        reply_error(op, 400, op->err.code, op->err.message);
        return;
    case ISCEP_THROTTLED:
        reply_error(op, 503, op->err.code, op->err.message);
        return;
    case ISCEP_NETWORK: /* a CA on another host, of which strangers need not know more */
        reply_error(op, 503, "ca_away", "the CA cannot be asked: try again later");
        return;
    default: /* what went wrong in here is not for strangers */
        reply_error(op, 500, "internal", "the server failed");
        return;
    }
}

static void reply(operation *op)
{
    const iscep_reply with_body = {
        .status = 200, .content_type = op->kind->content_type, .body = iscep_buf_bytes(&op->reply)};
    if (op->status != ISCEP_OK) {
        reply_failure(op);
        return;
    }
    iscep_exchange_reply(op->exchange, &with_body);
    op->exchange = NULL;
}

static void finish(operation *op)
{
    if (op->status != ISCEP_OK)
        iscep_log_event(op->env->log, ISCEP_LOG_WARN, "message_failed",
                        ISCEP_LOG_TEXT("error", op->err.message));
    if (op->exchange)
        reply(op);
    free_operation(op);
}

/* The plugin has something to say, or its time is over. */
static void resume(void *user)
{
    operation *op = user;
    LIST_REMOVE(op, link);
    iscep_timer_free(op->wait);
    op->wait = NULL;
    iscep_workers_resume(op->workers, &op->job);
}

static void wait_for_plugin(operation *op, int descriptor, int64_t until_mono_ms)
{
    int64_t delay_ms = until_mono_ms - iscep_now_mono_ms(op->env) + 1;
    if (delay_ms > MAX_WAIT_MS)
        delay_ms = MAX_WAIT_MS;
    op->status = iscep_readable_new(&op->wait, op->loop, descriptor, delay_ms, resume, op, &op->err);
    if (op->status == ISCEP_OK)
        LIST_INSERT_HEAD(&op->operations->waiting, op, link);
    else
        finish(op);
}

/* On the loop, after a thread had it. */
static void on_return(void *user)
{
    operation *op = user;
    int descriptor;
    int64_t until_mono_ms;
    if (op->status == ISCEP_OK && op->passage &&
        iscep_passage_waits(op->passage, &descriptor, &until_mono_ms))
        wait_for_plugin(op, descriptor, until_mono_ms);
    else
        finish(op);
}

/* On a thread. */
static void perform(void *user)
{
    operation *op = user;
    op->status = op->kind->run(op);
    iscep_loop_post_item(op->loop, &op->item);
}

static iscep_status answer_message(operation *op)
{
    if (!op->passage) {
        iscep_status status = iscep_passage_new(&op->passage, &op->endpoint->enrol,
                                                iscep_buf_bytes(&op->message), op->peer.address, &op->err);
        iscep_buf_clear(&op->message);
        if (status != ISCEP_OK)
            return status;
    }
    return iscep_passage_go_on(op->passage, &op->reply, &op->err);
}

static iscep_status answer_crl(operation *op)
{
    X509_CRL *crl = NULL;
    uint8_t *der = NULL;
    iscep_status status = iscep_host_ca_crl(op->ca, &crl, &op->err);
    int len = status == ISCEP_OK ? i2d_X509_CRL(crl, &der) : 0;
    if (len > 0)
        iscep_buf_append(&op->reply, der, (size_t)len);
    OPENSSL_free(der);
    X509_CRL_free(crl);
    return status == ISCEP_OK ? iscep_buf_status(&op->reply, &op->err) : status;
}

/* One after the other, as far as it goes without waiting for a plugin. */
static iscep_status settle_abandoned(operation *op)
{
    int descriptor;
    int64_t until_mono_ms;
    for (;;) {
        iscep_status status = op->passage
                                  ? ISCEP_OK
                                  : iscep_passage_new_abandoned(&op->passage, &op->endpoint->enrol, &op->err);
        if (status == ISCEP_OK && op->passage)
            status = iscep_passage_go_on(op->passage, &op->reply, &op->err);
        if (status != ISCEP_OK || !op->passage ||
            iscep_passage_waits(op->passage, &descriptor, &until_mono_ms))
            return status;
        iscep_passage_free(op->passage);
        op->passage = NULL;
    }
}

/* On a thread too, for it runs the plugin's code. */
static iscep_status end_passage(operation *op)
{
    iscep_passage_free(op->passage);
    op->passage = NULL;
    return ISCEP_OK;
}

static const job_kind MESSAGE_JOB = {"application/x-pki-message", answer_message};
static const job_kind CRL_JOB = {"application/pkix-crl", answer_crl};
static const job_kind SETTLE_JOB = {NULL, settle_abandoned}; /* without a reply, as the next */
static const job_kind END_JOB = {NULL, end_passage};

/* Answers, if there is somebody to be answered and it fails: NULL. */
static operation *new_operation(iscep_operations *operations, const job_kind *kind, iscep_workers *workers,
                                iscep_exchange *exchange)
{
    operation *op = calloc(1, sizeof(*op));
    if (!op && exchange)
        iscep_exchange_reply_error(exchange, 503, "nomem", "out of memory");
    if (!op)
        return NULL;
    *op = (operation){.env = operations->env,
                      .loop = operations->loop,
                      .workers = workers,
                      .kind = kind,
                      .job = {.run = perform, .user = op},
                      .item = {.callback = on_return, .dropped = free_operation, .user = op},
                      .operations = operations,
                      .exchange = exchange,
                      .err = (iscep_error)ISCEP_ERROR_INIT};
    iscep_buf_init(&op->message, ISCEP_PKI_MESSAGE_MAX_LEN);
    iscep_buf_init(&op->reply, MAX_REPLY_LEN);
    return op;
}

static void submit(operation *op)
{
    if (iscep_workers_submit(op->workers, &op->job))
        return;
    reply_error(op, 503, "busy", "too many requests are waiting: try again later");
    free_operation(op);
}

/* The thread does not come back, or the queue before it does not move. */
static void lose_patience(void *user)
{
    operation *op = user;
    iscep_log_event(op->env->log, ISCEP_LOG_ERROR, "answer_overdue",
                    ISCEP_LOG_TEXT("endpoint", op->endpoint->path));
    reply_error(op, 503, "overdue", "no answer could be had in time: try again later");
}

void iscep_operation_start_message(iscep_operations *operations, iscep_endpoint *endpoint,
                                   iscep_exchange *exchange, iscep_buf *message)
{
    operation *op = new_operation(operations, &MESSAGE_JOB, endpoint->workers, exchange);
    if (!op) {
        iscep_buf_clear(message);
        return;
    }
    op->endpoint = endpoint;
    op->peer = iscep_exchange_peer(exchange);
    op->message = *message;
    op->status = iscep_timer_new(&op->patience, op->loop, lose_patience, op, &op->err);
    if (op->status != ISCEP_OK) {
        finish(op);
        return;
    }
    iscep_timer_arm(op->patience, endpoint->patience_ms);
    submit(op);
}

void iscep_operation_start_crl(iscep_operations *operations, const iscep_host_ca *ca, iscep_workers *workers,
                               iscep_exchange *exchange)
{
    operation *op = new_operation(operations, &CRL_JOB, workers, exchange);
    if (!op)
        return;
    op->ca = ca;
    submit(op);
}

void iscep_operation_start_settling(iscep_operations *operations, iscep_endpoint *endpoint)
{
    operation *op = new_operation(operations, &SETTLE_JOB, endpoint->workers, NULL);
    if (!op)
        return; /* the next time */
    op->endpoint = endpoint;
    iscep_workers_resume(op->workers, &op->job);
}

void iscep_operations_cancel(iscep_operations *operations)
{
    operation *op;
    while ((op = LIST_FIRST(&operations->waiting)) != NULL) {
        LIST_REMOVE(op, link);
        tell_of_end(op);
        op->kind = &END_JOB;
        iscep_workers_resume(op->workers, &op->job);
    }
}
