/* From an HTTP request to a SCEP operation and back. */
#include "http_front.h"

#include <stdlib.h>
#include <string.h>

#include "ca_certs.h"
#include "net/url.h"
#include "operation.h"

/* A GET carries the whole message in its query: base64, and its '+' and '/' as escapes of three. */
enum { MAX_QUERY_LEN = 128 * 1024, MAX_OPERATION_LEN = 64, MAX_CERTS_LEN = 256 * 1024 };

#define CRL_PATH "/crl"

/* SHA-384 stands here because strongSwan 5.9.8 takes its capability for that of AES. */
static const char CAPABILITIES[] =
    "AES\nPOSTPKIOperation\nRenewal\nSCEPStandard\nSHA-256\nSHA-384\nSHA-512\n";
static const char CAPABILITIES_WITH_NEXT[] =
    "AES\nGetNextCACert\nPOSTPKIOperation\nRenewal\nSCEPStandard\nSHA-256\nSHA-384\nSHA-512\n";

struct iscep_http_front {
    iscep_http_front_options options;
    iscep_operations operations;
    iscep_buf ca_certs;      /* the answer to GetCACert */
    iscep_buf next_ca_certs; /* to GetNextCACert; no bytes: there is none */
    iscep_http_server *server;
    uint16_t port;
};

static void reply_bytes(iscep_exchange *exchange, const char *content_type, iscep_bytes body)
{
    const iscep_reply reply = {.status = 200, .content_type = content_type, .body = body};
    iscep_exchange_reply(exchange, &reply);
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

static void pki_operation(iscep_http_front *front, iscep_endpoint *endpoint, iscep_exchange *exchange)
{
    iscep_buf message;
    iscep_error err = ISCEP_ERROR_INIT;
    if (!iscep_endpoint_is_in_service(endpoint)) {
        iscep_exchange_reply_error(exchange, 503, "out_of_service", "this endpoint is out of service");
        return;
    }
    if (strcmp(iscep_exchange_method(exchange), "POST") == 0) {
        message = iscep_exchange_take_body(exchange);
        iscep_operation_start_message(&front->operations, endpoint, exchange, &message);
        return;
    }
    iscep_buf_init(&message, MAX_QUERY_LEN);
    if (message_of_query(&message, iscep_exchange_query(exchange), &err) == ISCEP_OK) {
        iscep_operation_start_message(&front->operations, endpoint, exchange, &message);
        return;
    }
    iscep_buf_clear(&message);
    iscep_exchange_reply_error(exchange, 400, "message_malformed", "message= is not base64");
}

static void get_ca_caps(iscep_http_front *front, iscep_endpoint *endpoint, iscep_exchange *exchange)
{
    (void)endpoint;
    const char *text = front->next_ca_certs.len > 0 ? CAPABILITIES_WITH_NEXT : CAPABILITIES;
    reply_bytes(exchange, "text/plain", iscep_bytes_of_text(text));
}

static void get_ca_cert(iscep_http_front *front, iscep_endpoint *endpoint, iscep_exchange *exchange)
{
    (void)endpoint;
    reply_bytes(exchange, iscep_ca_certs_type(front->options.ca), iscep_buf_bytes(&front->ca_certs));
}

static void get_next_ca_cert(iscep_http_front *front, iscep_endpoint *endpoint, iscep_exchange *exchange)
{
    (void)endpoint;
    if (front->next_ca_certs.len > 0)
        reply_bytes(exchange, ISCEP_CA_CERTS_NEXT_TYPE, iscep_buf_bytes(&front->next_ca_certs));
    else
        iscep_exchange_reply_error(exchange, 404, "no_next_ca", "it is not known which CA will be next");
}

static const struct {
    const char *name;
    bool is_post_too;
    void (*run)(iscep_http_front *front, iscep_endpoint *endpoint, iscep_exchange *exchange);
} OPERATIONS[] = {
    {"GetCACaps", false, get_ca_caps},
    {"GetCACert", false, get_ca_cert},
    {"GetNextCACert", false, get_next_ca_cert},
    {"PKIOperation", true, pki_operation},
};

static void run_operation(iscep_http_front *front, iscep_endpoint *endpoint, iscep_exchange *exchange,
                          const char *name)
{
    bool is_get = strcmp(iscep_exchange_method(exchange), "GET") == 0;
    bool is_post = strcmp(iscep_exchange_method(exchange), "POST") == 0;
    for (size_t i = 0; i < sizeof(OPERATIONS) / sizeof(OPERATIONS[0]); i++) {
        if (strcmp(OPERATIONS[i].name, name) != 0)
            continue;
        if (is_get || (is_post && OPERATIONS[i].is_post_too))
            OPERATIONS[i].run(front, endpoint, exchange);
        else
            iscep_exchange_reply_error(exchange, 405, "method", "not with this method");
        return;
    }
    iscep_exchange_reply_error(exchange, 400, "operation_unknown",
                               "GetCACaps, GetCACert, GetNextCACert or PKIOperation is expected");
}

static void get_crl(iscep_http_front *front, iscep_exchange *exchange)
{
    if (strcmp(iscep_exchange_method(exchange), "GET") == 0)
        iscep_operation_start_crl(&front->operations, front->options.ca, front->options.workers, exchange);
    else
        iscep_exchange_reply_error(exchange, 405, "method", "not with this method");
}

/* NULL: there is none at that path. */
static iscep_endpoint *endpoint_at(iscep_http_front *front, const char *path)
{
    for (size_t i = 0; i < front->options.endpoint_count; i++) {
        if (strcmp(front->options.endpoints[i].path, path) == 0)
            return &front->options.endpoints[i];
    }
    return NULL;
}

static void handle(iscep_exchange *exchange, void *user)
{
    iscep_http_front *front = user;
    if (strcmp(iscep_exchange_path(exchange), CRL_PATH) == 0) {
        get_crl(front, exchange);
        return;
    }
    iscep_endpoint *endpoint = endpoint_at(front, iscep_exchange_path(exchange));
    if (!endpoint) {
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
    run_operation(front, endpoint, exchange, iscep_buf_text(&name));
}

/* They are the same for everybody. */
static iscep_status make_answers(iscep_http_front *front, iscep_error *err)
{
    const iscep_http_front_options *options = &front->options;
    iscep_buf_init(&front->ca_certs, MAX_CERTS_LEN);
    iscep_buf_init(&front->next_ca_certs, MAX_CERTS_LEN);
    iscep_status status = iscep_ca_certs(&front->ca_certs, options->ca, options->crypto, err);
    if (status == ISCEP_OK && iscep_host_ca_next(options->ca))
        status = iscep_ca_certs_next(&front->next_ca_certs, options->ca, options->crypto, err);
    return status;
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
    front->operations = (iscep_operations){.env = options->env, .loop = options->loop};
    iscep_status status = make_answers(front, err);
    if (status == ISCEP_OK)
        status = listen_on(front, err);
    if (status != ISCEP_OK) {
        iscep_http_front_free(front);
        return status;
    }
    *out = front;
    return ISCEP_OK;
}

void iscep_http_front_settle(iscep_http_front *front)
{
    for (size_t i = 0; i < front->options.endpoint_count; i++)
        iscep_operation_start_settling(&front->operations, &front->options.endpoints[i]);
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
    iscep_operations_cancel(&front->operations);
    iscep_http_server_free(front->server);
    iscep_buf_clear(&front->ca_certs);
    iscep_buf_clear(&front->next_ca_certs);
    free(front);
}
