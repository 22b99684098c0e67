/* One request, and the text of its reply: see http_server.h. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/json.h"
#include "net/http_server_internal.h"

enum { MAX_REPLY_HEAD_LEN = 8 * 1024 };

iscep_exchange *iscep_exchange_new(iscep_http_connection *connection, size_t max_head_len,
                                   size_t max_body_len)
{
    iscep_exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL)
        return NULL;
    exchange->connection = connection;
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
    if (is_news && exchange->on_gone != NULL)
        exchange->on_gone(exchange, exchange->gone_user);
}

bool iscep_exchange_peer_uid(const iscep_exchange *exchange, uint32_t *uid)
{
    return exchange->connection != NULL && iscep_http_connection_peer_uid(exchange->connection, uid);
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

static void emit_head(iscep_buf *out, iscep_http_server *server, const iscep_reply *reply, bool is_last)
{
    iscep_buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", reply->status,
                     http_status_str((enum http_status)reply->status), date_of(server));
    if (reply->status != 204) /* which has no body, nor a length (RFC 9110 8.6) */
        iscep_buf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n",
                         reply->content_type != NULL ? reply->content_type : "application/json",
                         reply->body.len);
    for (size_t i = 0; i < reply->header_count; i++)
        iscep_buf_printf(out, "%s: %s\r\n", reply->headers[i].name, reply->headers[i].value);
    iscep_buf_append_text(out, is_last ? "Connection: close\r\n\r\n" : "\r\n");
}

void iscep_exchange_reply(iscep_exchange *exchange, const iscep_reply *reply)
{
    iscep_http_connection *connection = exchange->connection;
    if (connection == NULL) {
        iscep_exchange_free(exchange);
        return;
    }
    iscep_http_server *server = iscep_http_connection_server(connection);
    bool is_last = !exchange->is_keep_alive || server->is_draining || exchange->is_gone;
    ISCEP_AUTO_BUF head;
    iscep_buf_init(&head, MAX_REPLY_HEAD_LEN);
    emit_head(&head, server, reply, is_last);
    if (head.is_overflown)
        iscep_exchange_reply_raw(exchange, (iscep_bytes){0}, false);
    else
        iscep_http_connection_send(connection, iscep_buf_bytes(&head), reply->body, is_last);
}

void iscep_exchange_reply_error(iscep_exchange *exchange, int32_t status, const char *code,
                                const char *message)
{
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, MAX_REPLY_HEAD_LEN);
    iscep_buf_append_text(&body, "{\"error\":{\"code\":");
    iscep_json_append_quoted(&body, code);
    iscep_buf_append_text(&body, ",\"message\":");
    iscep_json_append_quoted(&body, message);
    iscep_buf_append_text(&body, "}}\n");
    iscep_exchange_reply(exchange, &(iscep_reply){.status = status, .body = iscep_buf_bytes(&body)});
}

void iscep_exchange_reply_raw(iscep_exchange *exchange, iscep_bytes bytes, bool is_reset)
{
    iscep_http_connection *connection = exchange->connection;
    if (connection != NULL && !is_reset) {
        iscep_http_connection_send(connection, bytes, (iscep_bytes){0}, true);
        return;
    }
    if (connection != NULL)
        iscep_http_connection_close(connection, true);
    iscep_exchange_free(exchange);
}

void iscep_exchange_send_part(iscep_exchange *exchange, iscep_bytes bytes)
{
    if (exchange->connection != NULL)
        iscep_http_connection_send_part(exchange->connection, bytes);
}
