/* One request, and the text of its reply: see http_server.h. */
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/json.h"
#include "base/metrics.h"
#include "net/http_server_internal.h"

enum { MAX_REPLY_HEAD_LEN = 8 * 1024 };

static void describe_caller(iscep_exchange *exchange, const iscep_http_connection *connection)
{
    exchange->peer = connection->peer;
    exchange->client = connection->client;
    if (connection->certificate != NULL && X509_up_ref(connection->certificate) == 1)
        exchange->certificate = connection->certificate;
}

iscep_exchange *iscep_exchange_new(iscep_http_connection *connection, size_t max_head_len,
                                   size_t max_body_len)
{
    iscep_exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL)
        return NULL;
    exchange->connection = connection;
    if (connection != NULL)
        describe_caller(exchange, connection);
    iscep_buf_init(&exchange->head, max_head_len);
    iscep_buf_init(&exchange->body, max_body_len);
    return exchange;
}

void iscep_exchange_free(iscep_exchange *exchange)
{
    if (exchange == NULL)
        return;
    iscep_buf_wipe(&exchange->head); /* may hold an Authorization field */
    iscep_buf_clear(&exchange->body);
    X509_free(exchange->certificate);
    if (exchange->limiter != NULL)
        iscep_limiter_end(exchange->limiter, &exchange->client);
    free(exchange);
}

static const char *header_name(const iscep_exchange *exchange, size_t i)
{
    return (const char *)exchange->head.data + exchange->headers[i].name_at;
}

static const char *header_value(const iscep_exchange *exchange, size_t i)
{
    return (const char *)exchange->head.data + exchange->headers[i].value_at;
}

/* Fields whose value is a list may be sent in several pieces (RFC 9110 5.3); nobody here reads them. */
static bool is_list_field(const char *name)
{
    static const char *const names[] = {"accept",          "accept-encoding",
                                        "accept-language", "cache-control",
                                        "connection",      "cookie",
                                        "forwarded",       "te",
                                        "trailer",         "via",
                                        "x-forwarded-for"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

/* "Content-Length : 5" is a request smuggler's (RFC 9112 5.1), and Debian's http_parser lets it pass. */
static bool has_space_in_name(const iscep_exchange *exchange)
{
    for (size_t i = 0; i < exchange->header_count; i++)
        if (strpbrk(header_name(exchange, i), " \t") != NULL)
            return true;
    return false;
}

static bool has_duplicate_field(const iscep_exchange *exchange)
{
    for (size_t i = 1; i < exchange->header_count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcasecmp(header_name(exchange, i), header_name(exchange, j)) == 0 &&
                !is_list_field(header_name(exchange, i)))
                return true;
    return false;
}

/* White space behind a value is not part of it (RFC 9110 5.5); http_parser leaves it there. */
static void trim_values(iscep_exchange *exchange)
{
    for (size_t i = 0; i < exchange->header_count; i++) {
        char *value = (char *)exchange->head.data + exchange->headers[i].value_at;
        size_t len = strlen(value);
        while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
            value[--len] = '\0';
    }
}

const char *iscep_exchange_find_fault(iscep_exchange *exchange)
{
    char *target = (char *)exchange->head.data;
    if (target == NULL || target[0] != '/')
        return "the request target is not a path";
    if (has_space_in_name(exchange))
        return "a header field's name holds a space";
    trim_values(exchange);
    if (has_duplicate_field(exchange))
        return "a header field stands there twice";
    char *query = strchr(target, '?');
    if (query != NULL) {
        *query = '\0';
        exchange->query_at = (uint32_t)(query + 1 - target);
    }
    return NULL;
}

const char *iscep_exchange_method(const iscep_exchange *exchange)
{
    return exchange->method;
}

const char *iscep_exchange_path(const iscep_exchange *exchange)
{
    return (const char *)exchange->head.data;
}

iscep_bytes iscep_exchange_query(const iscep_exchange *exchange)
{
    if (exchange->query_at == 0)
        return (iscep_bytes){0};
    return iscep_bytes_of_text((const char *)exchange->head.data + exchange->query_at);
}

const char *iscep_exchange_header(const iscep_exchange *exchange, const char *name)
{
    for (size_t i = 0; i < exchange->header_count; i++)
        if (strcasecmp(header_name(exchange, i), name) == 0)
            return header_value(exchange, i);
    return NULL;
}

iscep_bytes iscep_exchange_body(const iscep_exchange *exchange)
{
    return iscep_buf_bytes(&exchange->body);
}

bool iscep_exchange_is_gone(const iscep_exchange *exchange)
{
    return exchange->is_gone;
}

void iscep_exchange_on_gone(iscep_exchange *exchange, void (*on_gone)(iscep_exchange *exchange, void *user),
                            void *user)
{
    exchange->on_gone = on_gone;
    exchange->gone_user = user;
}

void iscep_exchange_tell_gone(iscep_exchange *exchange)
{
    const bool is_news = !exchange->is_gone;
    exchange->is_gone = true;
    if (is_news && exchange->lent != NULL)
        iscep_loan_tell_gone(exchange->lent);
    else if (is_news && exchange->on_gone != NULL)
        exchange->on_gone(exchange, exchange->gone_user);
}

void iscep_exchange_cut(iscep_exchange *exchange)
{
    struct iscep_loan *lent = exchange->lent;
    exchange->connection = NULL;
    iscep_exchange_tell_gone(exchange);
    if (lent != NULL)
        iscep_loan_cut(lent);
}

iscep_buf iscep_exchange_take_body(iscep_exchange *exchange)
{
    iscep_buf body = exchange->body;
    iscep_buf_init(&exchange->body, body.max_len);
    return body;
}

static const char *date_of(iscep_http_server *server)
{
    int64_t now_s = iscep_now_unix_ms(server->env) / 1000;
    if (now_s != server->date_unix_s) {
        time_t now = (time_t)now_s;
        struct tm tm;
        gmtime_r(&now, &tm);
        strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        server->date_unix_s = now_s;
    }
    return server->date;
}

void iscep_exchange_emit_lines(iscep_buf *out, const iscep_reply *reply)
{
    for (size_t i = 0; i < reply->header_count; i++)
        iscep_buf_printf(out, "%s: %s\r\n", reply->headers[i].name, reply->headers[i].value);
}

static void emit_head(iscep_buf *out, iscep_http_server *server, int32_t status, const char *content_type,
                      size_t body_len)
{
    iscep_buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, http_status_str((enum http_status)status),
                     date_of(server));
    if (status != 204) /* which has no body, nor a length (RFC 9110 8.6) */
        iscep_buf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n",
                         content_type != NULL ? content_type : "application/json", body_len);
}

/* There it would be taken for the next reply (RFC 9110 9.3.2, 15.3.5). */
static bool has_no_body(const iscep_exchange *exchange, int32_t status)
{
    return status == 204 || (exchange->method != NULL && strcmp(exchange->method, "HEAD") == 0);
}

static void count_reply(const iscep_http_connection *connection, int32_t status)
{
    char text[12];
    snprintf(text, sizeof text, "%d", status);
    ISCEP_METRIC_ADD(connection->server->env->metrics, ISCEP_METRIC_HTTP_REQUESTS, 1, connection->door->name,
                     text);
}

void iscep_exchange_reply_lines(iscep_exchange *exchange, int32_t status, const char *content_type,
                                iscep_bytes lines, iscep_bytes body)
{
    iscep_http_connection *connection = exchange->connection;
    if (connection == NULL) {
        iscep_exchange_free(exchange);
        return;
    }
    iscep_http_server *server = connection->server;
    bool is_last =
        !exchange->is_keep_alive || server->is_draining || connection->is_leaving || exchange->is_gone;
    ISCEP_AUTO_BUF head;
    iscep_buf_init(&head, MAX_REPLY_HEAD_LEN);
    emit_head(&head, server, status, content_type, body.len);
    iscep_buf_append(&head, lines.data, lines.len);
    iscep_buf_append_text(&head, is_last ? "Connection: close\r\n\r\n" : "\r\n");
    if (head.is_overflown) {
        iscep_exchange_reply_raw(exchange, (iscep_bytes){0}, false);
        return;
    }
    count_reply(connection, status);
    iscep_http_connection_send(connection, iscep_buf_bytes(&head),
                               !has_no_body(exchange, status) ? body : (iscep_bytes){0}, is_last);
}

void iscep_exchange_reply(iscep_exchange *exchange, const iscep_reply *reply)
{
    if (exchange->borrowed != NULL) {
        iscep_loan_answer(exchange, reply);
        return;
    }
    ISCEP_AUTO_BUF lines;
    iscep_buf_init(&lines, MAX_REPLY_HEAD_LEN);
    iscep_exchange_emit_lines(&lines, reply);
    if (lines.is_overflown)
        iscep_exchange_reply_raw(exchange, (iscep_bytes){0}, false);
    else
        iscep_exchange_reply_lines(exchange, reply->status, reply->content_type, iscep_buf_bytes(&lines),
                                   reply->body);
}

static void reply_error(iscep_exchange *exchange, int32_t status, const char *code, const char *message,
                        const iscep_http_header *headers, size_t header_count)
{
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, MAX_REPLY_HEAD_LEN);
    iscep_buf_append_text(&body, "{\"error\":{\"code\":");
    iscep_json_append_quoted(&body, code);
    iscep_buf_append_text(&body, ",\"message\":");
    iscep_json_append_quoted(&body, message);
    iscep_buf_append_text(&body, "}}\n");
    iscep_exchange_reply(exchange, &(iscep_reply){.status = status,
                                                  .body = iscep_buf_bytes(&body),
                                                  .headers = headers,
                                                  .header_count = header_count});
}

void iscep_exchange_reply_error(iscep_exchange *exchange, int32_t status, const char *code,
                                const char *message)
{
    reply_error(exchange, status, code, message, NULL, 0);
}

void iscep_exchange_reply_busy(iscep_exchange *exchange, const char *code, int32_t retry_after_s)
{
    char seconds[12];
    snprintf(seconds, sizeof seconds, "%d", retry_after_s);
    const iscep_http_header retry_after = {"Retry-After", seconds};
    reply_error(exchange, 503, code, "try again shortly", &retry_after, 1);
}

void iscep_exchange_reply_raw(iscep_exchange *exchange, iscep_bytes bytes, bool is_reset)
{
    iscep_http_connection *connection = exchange->connection;
    if (exchange->borrowed != NULL) {
        iscep_loan_answer(exchange, NULL);
        return;
    }
    if (connection != NULL && !is_reset) {
        iscep_http_connection_send(connection, bytes, (iscep_bytes){0}, true);
        return;
    }
    exchange->on_gone = NULL; /* it is we who end it */
    if (connection != NULL)
        iscep_http_connection_close(connection, true);
    iscep_exchange_free(exchange);
}

void iscep_exchange_send_part(iscep_exchange *exchange, iscep_bytes bytes)
{
    if (exchange->connection != NULL)
        iscep_http_connection_send_part(exchange->connection, bytes);
}
