/* From an HTTP request to a SCEP operation and back. */
#include "http_front.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "net/url.h"

/* A GET carries the whole message in its query: base64, and its '+' and '/' as escapes of three. */
enum { MAX_QUERY_LEN = 128 * 1024, MAX_OPERATION_LEN = 64, MAX_REPLY_LEN = 64 * 1024 * 1024 };

#define CRL_PATH "/crl"

/* SHA-384 stands here because strongSwan 5.9.8 takes its capability for that of AES. */
static const char CAPABILITIES[] =
    "AES\nPOSTPKIOperation\nRenewal\nSCEPStandard\nSHA-256\nSHA-384\nSHA-512\n";

struct iscep_http_front {
    iscep_http_front_options options;
    iscep_http_server *server;
    uint16_t port;
};

/* One request with a worker. The worker owns it until it posts it back to the loop. */
typedef struct operation {
    const iscep_http_front *front;
    iscep_exchange *exchange;
    const struct job_kind *job;
    iscep_buf message;
    iscep_buf reply;
    iscep_status status;
    iscep_error err;
} operation;

/* What a worker does, from message to reply. */
typedef struct job_kind {
    const char *content_type; /* of the reply */
    iscep_status (*run)(operation *op);
} job_kind;

static void reply_bytes(iscep_exchange *exchange, const char *content_type, iscep_bytes body)
{
    const iscep_reply reply = {.status = 200, .content_type = content_type, .body = body};
    iscep_exchange_reply(exchange, &reply);
}

static void reply_failure(iscep_exchange *exchange, const iscep_error *err)
{
    switch (err->status) {
    case ISCEP_USAGE:
        iscep_exchange_reply_error(exchange, 400, err->code, err->message);
        return;
    case ISCEP_THROTTLED:
        iscep_exchange_reply_error(exchange, 503, err->code, err->message);
        return;
    default: /* what went wrong in here is not for strangers */
        iscep_exchange_reply_error(exchange, 500, "internal", "the server failed");
        return;
    }
}

static void free_operation(operation *op)
{
    iscep_buf_clear(&op->message);
    iscep_buf_clear(&op->reply);
    free(op);
}

/* On the loop. */
static void finish(void *user)
{
    operation *op = user;
    if (op->status == ISCEP_OK) {
        reply_bytes(op->exchange, op->job->content_type, iscep_buf_bytes(&op->reply));
    } else {
        iscep_log_event(op->front->options.env->log, ISCEP_LOG_WARN, "message_failed",
                        ISCEP_LOG_TEXT("error", op->err.message));
        reply_failure(op->exchange, &op->err);
    }
    free_operation(op);
}

/* On a worker. */
static void perform(void *user)
{
    operation *op = user;
    const iscep_http_front_options *options = &op->front->options;
    op->status = op->job->run(op);
    iscep_error err = ISCEP_ERROR_INIT;
    if (iscep_loop_post(options->loop, finish, op, &err) !=
        ISCEP_OK) /* nobody else can answer: the client times out */
        iscep_log_event(options->env->log, ISCEP_LOG_ERROR, "reply_lost",
                        ISCEP_LOG_TEXT("error", err.message));
}

static iscep_status answer_message(operation *op)
{
    return iscep_enrol_answer(op->front->options.enrol, iscep_buf_bytes(&op->message), &op->reply, &op->err);
}

static iscep_status answer_crl(operation *op)
{
    X509_CRL *crl = NULL;
    uint8_t *der = NULL;
    iscep_status status = iscep_host_ca_crl(op->front->options.enrol->ca, &crl, &op->err);
    int len = status == ISCEP_OK ? i2d_X509_CRL(crl, &der) : 0;
    if (len > 0)
        iscep_buf_append(&op->reply, der, (size_t)len);
    OPENSSL_free(der);
    X509_CRL_free(crl);
    return status == ISCEP_OK ? iscep_buf_status(&op->reply, &op->err) : status;
}

static const job_kind MESSAGE_JOB = {"application/x-pki-message", answer_message};
static const job_kind CRL_JOB = {"application/pkix-crl", answer_crl};

/* message moves here. */
static void start(iscep_http_front *front, iscep_exchange *exchange, const job_kind *job, iscep_buf *message)
{
    operation *op = calloc(1, sizeof(*op));
    if (!op) {
        iscep_buf_clear(message);
        iscep_exchange_reply_error(exchange, 503, "nomem", "out of memory");
        return;
    }
    op->front = front;
    op->exchange = exchange;
    op->job = job;
    op->message = *message;
    op->err = (iscep_error)ISCEP_ERROR_INIT;
    iscep_buf_init(&op->reply, MAX_REPLY_LEN);
    if (iscep_workers_submit(front->options.workers, perform, op))
        return;
    free_operation(op);
    iscep_exchange_reply_error(exchange, 503, "busy", "too many requests are waiting: try again later");
}

/*
 * Base64 as clients write it into a query: either alphabet, with or without padding, with line breaks, and
 * with a bare '+' that form decoding has made a space.
 */
static void normalise_base64(iscep_buf *out, iscep_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.data[i];
        if (c == '\r' || c == '\n' || c == '=')
            continue;
        c = c == '-' || c == ' ' ? '+' : c == '_' ? '/' : c;
        iscep_buf_append(out, &c, 1);
    }
    while (out->len % 4 != 0 && !out->is_overflown)
        iscep_buf_append_text(out, "=");
}

static iscep_status message_of_query(iscep_buf *out, iscep_bytes query, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    ISCEP_AUTO_BUF base64;
    iscep_buf_init(&text, MAX_QUERY_LEN);
    iscep_buf_init(&base64, MAX_QUERY_LEN + 3);
    iscep_status status = iscep_form_get(&text, query, "message", err);
    if (status != ISCEP_OK)
        return status;
    normalise_base64(&base64, iscep_buf_bytes(&text));
    return iscep_base64_decode(out, iscep_buf_bytes(&base64), err);
}

static void pki_operation(iscep_http_front *front, iscep_exchange *exchange)
{
    iscep_buf message;
    if (strcmp(iscep_exchange_method(exchange), "POST") == 0) {
        message = iscep_exchange_take_body(exchange);
        start(front, exchange, &MESSAGE_JOB, &message);
        return;
    }
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&message, MAX_QUERY_LEN);
    if (message_of_query(&message, iscep_exchange_query(exchange), &err) == ISCEP_OK) {
        start(front, exchange, &MESSAGE_JOB, &message);
        return;
    }
    iscep_buf_clear(&message);
    iscep_exchange_reply_error(exchange, 400, "message_malformed", "message= is not base64");
}

static void get_ca_caps(iscep_http_front *front, iscep_exchange *exchange)
{
    (void)front;
    reply_bytes(exchange, "text/plain", iscep_bytes_of_text(CAPABILITIES));
}

static void get_ca_cert(iscep_http_front *front, iscep_exchange *exchange)
{
    reply_bytes(exchange, "application/x-x509-ca-cert", iscep_host_ca_der(front->options.enrol->ca));
}

static const struct {
    const char *name;
    bool is_post_too;
    void (*run)(iscep_http_front *front, iscep_exchange *exchange);
} OPERATIONS[] = {
    {"GetCACaps", false, get_ca_caps},
    {"GetCACert", false, get_ca_cert},
    {"PKIOperation", true, pki_operation},
};

static void run_operation(iscep_http_front *front, iscep_exchange *exchange, const char *name)
{
    bool is_get = strcmp(iscep_exchange_method(exchange), "GET") == 0;
    bool is_post = strcmp(iscep_exchange_method(exchange), "POST") == 0;
    for (size_t i = 0; i < sizeof(OPERATIONS) / sizeof(OPERATIONS[0]); i++) {
        if (strcmp(OPERATIONS[i].name, name) != 0)
            continue;
        if (is_get || (is_post && OPERATIONS[i].is_post_too))
            OPERATIONS[i].run(front, exchange);
        else
            iscep_exchange_reply_error(exchange, 405, "method", "not with this method");
        return;
    }
    iscep_exchange_reply_error(exchange, 400, "operation_unknown",
                               "GetCACaps, GetCACert or PKIOperation is expected");
}

static void get_crl(iscep_http_front *front, iscep_exchange *exchange)
{
    iscep_buf nothing;
    iscep_buf_init(&nothing, 0);
    if (strcmp(iscep_exchange_method(exchange), "GET") == 0)
        start(front, exchange, &CRL_JOB, &nothing);
    else
        iscep_exchange_reply_error(exchange, 405, "method", "not with this method");
}

static void handle(iscep_exchange *exchange, void *user)
{
    iscep_http_front *front = user;
    if (strcmp(iscep_exchange_path(exchange), CRL_PATH) == 0) {
        get_crl(front, exchange);
        return;
    }
    if (strcmp(iscep_exchange_path(exchange), front->options.path) != 0) {
        iscep_exchange_reply_error(exchange, 404, "not_found", "the SCEP endpoint is elsewhere");
        return;
    }
    iscep_error err = ISCEP_ERROR_INIT;
    ISCEP_AUTO_BUF name;
    iscep_buf_init(&name, MAX_OPERATION_LEN);
    if (iscep_form_get(&name, iscep_exchange_query(exchange), "operation", &err) != ISCEP_OK) {
        iscep_exchange_reply_error(exchange, 400, "operation_missing", "operation= is expected once");
        return;
    }
    run_operation(front, exchange, iscep_buf_text(&name));
}

static iscep_status listen_on(iscep_http_front *front, iscep_error *err)
{
    const iscep_http_front_options *options = &front->options;
    iscep_http_server_options limits = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    limits.max_header_len = MAX_QUERY_LEN + 16 * 1024;
    limits.max_body_len = ISCEP_PKI_MESSAGE_MAX_LEN;
    iscep_status status =
        iscep_http_server_new(&front->server, options->env, options->loop, &limits, handle, front, err);
    if (status != ISCEP_OK)
        return status;
    return iscep_http_server_listen_tcp(front->server, options->host, options->port, NULL, &front->port, err);
}

iscep_status iscep_http_front_new(iscep_http_front **out, const iscep_http_front_options *options,
                                  iscep_error *err)
{
    iscep_http_front *front = calloc(1, sizeof(*front));
    if (!front)
        return iscep_error_nomem(err);
    front->options = *options;
    iscep_status status = listen_on(front, err);
    if (status != ISCEP_OK) {
        iscep_http_front_free(front);
        return status;
    }
    *out = front;
    return ISCEP_OK;
}

uint16_t iscep_http_front_port(const iscep_http_front *front)
{
    return front->port;
}

void iscep_http_front_drain(iscep_http_front *front, iscep_callback drained, void *user)
{
    iscep_http_server_drain(front->server, drained, user);
}

void iscep_http_front_free(iscep_http_front *front)
{
    if (!front)
        return;
    iscep_http_server_free(front->server);
    free(front);
}
