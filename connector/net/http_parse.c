/* What http_parser finds in a connection's bytes, and what of it is put into the exchange: see http_server_internal.h. */
#include <event2/bufferevent.h>
#include <string.h>
#include <strings.h>

#include "net/http_server_internal.h"

enum { MAX_BODY_RESERVE_LEN = 16 * 1024 }; /* what the mere promise of a body may cost us */

const iscep_http_fault iscep_http_fault_malformed = {400, "http_malformed", "not an HTTP/1.1 request"};
const iscep_http_fault iscep_http_fault_head_too_large = {431, "header_too_large",
                                                          "the request's header is too large"};
static const iscep_http_fault fault_body_too_large = {413, "body_too_large",
                                                      "the request's body is too large"};
static const iscep_http_fault fault_nomem = {503, "nomem", "out of memory"};

static iscep_http_connection *of_parser(http_parser *parser)
{
    return parser->data;
}

/* -1, not 1: from on_headers_complete, http_parser takes 1 and 2 for "there is no body". */
static int give_up(iscep_http_connection *connection, const iscep_http_fault *why)
{
    connection->fault = why;
    return -1;
}

static int append_head(iscep_http_connection *connection, const char *data, size_t len)
{
    iscep_buf *head = &connection->exchange->head;
    iscep_buf_append(head, data, len);
    return head->is_overflown ? give_up(connection, &iscep_http_fault_head_too_large) : 0;
}

static int on_message_begin(http_parser *parser)
{
    iscep_http_connection *connection = of_parser(parser);
    const iscep_http_server_options *options = &connection->server->options;
    connection->is_in_value = true; /* the first field starts a new header */
    connection->exchange = iscep_exchange_new(connection, options->max_header_len, options->max_body_len);
    return connection->exchange == NULL ? give_up(connection, &fault_nomem) : 0;
}

static int on_url(http_parser *parser, const char *data, size_t len)
{
    return append_head(of_parser(parser), data, len);
}

static int on_header_field(http_parser *parser, const char *data, size_t len)
{
    iscep_http_connection *connection = of_parser(parser);
    iscep_exchange *exchange = connection->exchange;
    if (connection->phase == ISCEP_HTTP_BODY)
        return 0; /* a trailer (RFC 9110 6.5): nobody here reads them, and they must not pass for header fields */
    if (connection->is_in_value) {
        connection->is_in_value = false;
        if (exchange->header_count == ISCEP_HTTP_MAX_HEADERS)
            return give_up(connection, &iscep_http_fault_head_too_large);
        if (append_head(connection, "", 1) != 0) /* ends the target or the last value */
            return -1;
        exchange->headers[exchange->header_count++].name_at = (uint32_t)exchange->head.len;
    }
    return append_head(connection, data, len);
}

static int on_header_value(http_parser *parser, const char *data, size_t len)
{
    iscep_http_connection *connection = of_parser(parser);
    iscep_exchange *exchange = connection->exchange;
    if (connection->phase == ISCEP_HTTP_BODY)
        return 0;
    if (!connection->is_in_value) {
        connection->is_in_value = true;
        if (append_head(connection, "", 1) != 0) /* ends the name */
            return -1;
        exchange->headers[exchange->header_count - 1].value_at = (uint32_t)exchange->head.len;
    }
    return append_head(connection, data, len);
}

static int on_headers_complete(http_parser *parser)
{
    iscep_http_connection *connection = of_parser(parser);
    iscep_exchange *exchange = connection->exchange;
    if (append_head(connection, "", 1) != 0)
        return -1;
    if (iscep_exchange_find_fault(exchange) != NULL || parser->http_major != 1 ||
        parser->method == HTTP_CONNECT)
        return give_up(connection, &iscep_http_fault_malformed);
    parser->upgrade =
        0; /* an offer to speak something else is not taken up (RFC 9110 7.8): Java's client makes one */
    bool has_length = (parser->flags & F_CONTENTLENGTH) != 0;
    if (has_length && parser->content_length > connection->server->options.max_body_len)
        return give_up(connection, &fault_body_too_large);
    exchange->method = http_method_str((enum http_method)parser->method);
    exchange->is_keep_alive = http_should_keep_alive(parser) != 0;
    const char *expect = iscep_exchange_header(exchange, "Expect");
    if (expect != NULL && strcasecmp(expect, "100-continue") == 0)
        bufferevent_write(connection->bev, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    iscep_http_connection_enter(connection, ISCEP_HTTP_BODY);
    return 0;
}

static int on_body(http_parser *parser, const char *data, size_t len)
{
    iscep_http_connection *connection = of_parser(parser);
    iscep_buf *body = &connection->exchange->body;
    if (body->cap == 0 &&
        parser->content_length <= MAX_BODY_RESERVE_LEN) /* one allocation of the right size */
        iscep_buf_reserve(body, len + (size_t)parser->content_length);
    iscep_buf_append(body, data, len);
    return body->is_overflown ? give_up(connection, &fault_body_too_large) : 0;
}

static int on_message_complete(http_parser *parser)
{
    iscep_http_connection_enter(of_parser(parser), ISCEP_HTTP_WORKING);
    http_parser_pause(parser, 1); /* one request at a time: what is behind it waits */
    return 0;
}

const http_parser_settings iscep_http_parser_settings = {
    .on_message_begin = on_message_begin,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};
