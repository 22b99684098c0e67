/*
 * One accepted socket. It is in one of four phases: reading a request (header, then body), working (the
 * handler has the request), idle (kept open between requests) and closing (the last reply is on its way out).
 * A single timer bounds every phase but working, whose bound is the handler's business.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "net/http_server_internal.h"

enum {
    LINGER_MS = 2000,                 /* how long a refused client may go on sending before it is cut off */
    MAX_BODY_RESERVE_LEN = 16 * 1024, /* what the mere promise of a body may cost us */
    READ_AHEAD_LEN = 32 * 1024,       /* what may wait in the input buffer while a request is worked on */
};

enum phase { PHASE_IDLE, PHASE_HEADER, PHASE_BODY, PHASE_WORKING, PHASE_CLOSING };

/* Why a request ends before a handler sees it. */
typedef struct fault {
    int32_t status;
    const char *code;
    const char *message;
} fault;

static const fault fault_malformed = {400, "http_malformed", "not an HTTP/1.1 request"};
static const fault fault_head_too_large = {431, "header_too_large", "the request's header is too large"};
static const fault fault_body_too_large = {413, "body_too_large", "the request's body is too large"};
static const fault fault_timeout = {408, "request_timeout", "the request did not arrive in time"};
static const fault fault_nomem = {503, "nomem", "out of memory"};

struct iscep_http_connection {
    LIST_ENTRY(iscep_http_connection) link;
    iscep_http_server *server;
    struct bufferevent *bev;
    iscep_timer *timer;
    http_parser parser;
    enum phase phase;
    bool is_parsing;  /* parse_input is on the stack: whoever changes the phase leaves reading on to it */
    bool is_in_value; /* the last header piece was of a value */
    bool is_eof;      /* the client has closed its sending half */
    iscep_exchange *exchange; /* while reading and working */
    const fault *fault;       /* found by a parser callback */
};

static iscep_http_connection *of_parser(http_parser *parser)
{
    return parser->data;
}

static void enter(iscep_http_connection *connection, enum phase phase)
{
    const iscep_http_server_options *options = &connection->server->options;
    connection->phase = phase;
    switch (phase) {
    case PHASE_IDLE:
        iscep_timer_arm(connection->timer, options->idle_timeout_ms);
        break;
    case PHASE_HEADER:
        iscep_timer_arm(connection->timer, options->header_timeout_ms);
        break;
    case PHASE_BODY:
        iscep_timer_arm(connection->timer, options->body_timeout_ms);
        break;
    case PHASE_WORKING:
        iscep_timer_disarm(connection->timer);
        break;
    case PHASE_CLOSING:
        iscep_timer_arm(connection->timer, LINGER_MS);
        break;
    }
}

/* --- what http_parser finds --- */

/* -1, not 1: from on_headers_complete, http_parser takes 1 and 2 for "there is no body". */
static int give_up(iscep_http_connection *connection, const fault *why)
{
    connection->fault = why;
    return -1;
}

static int append_head(iscep_http_connection *connection, const char *data, size_t len)
{
    iscep_buf *head = &connection->exchange->head;
    iscep_buf_append(head, data, len);
    return head->is_overflown ? give_up(connection, &fault_head_too_large) : 0;
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
    if (connection->phase == PHASE_BODY)
        return 0; /* a trailer (RFC 9110 6.5): nobody here reads them, and they must not pass for header fields */
    if (connection->is_in_value) {
        connection->is_in_value = false;
        if (exchange->header_count == ISCEP_HTTP_MAX_HEADERS)
            return give_up(connection, &fault_head_too_large);
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
    if (connection->phase == PHASE_BODY)
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
    if (iscep_exchange_find_fault(exchange) != NULL || parser->http_major != 1 || parser->upgrade != 0)
        return give_up(connection, &fault_malformed);
    bool has_length = (parser->flags & F_CONTENTLENGTH) != 0;
    if (has_length && parser->content_length > connection->server->options.max_body_len)
        return give_up(connection, &fault_body_too_large);
    exchange->method = http_method_str((enum http_method)parser->method);
    exchange->is_keep_alive = http_should_keep_alive(parser) != 0;
    const char *expect = iscep_exchange_header(exchange, "Expect");
    if (expect != NULL && strcasecmp(expect, "100-continue") == 0)
        bufferevent_write(connection->bev, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    enter(connection, PHASE_BODY);
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
    enter(of_parser(parser), PHASE_WORKING);
    http_parser_pause(parser, 1); /* one request at a time: what is behind it waits */
    return 0;
}

static const http_parser_settings parser_settings = {
    .on_message_begin = on_message_begin,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* --- reading --- */

static void refuse(iscep_http_connection *connection, const fault *why)
{
    iscep_exchange *exchange = connection->exchange;
    if (exchange == NULL) {
        exchange = connection->exchange = iscep_exchange_new(connection, 1, 1);
        if (exchange == NULL) {
            iscep_http_connection_close(connection, true);
            return;
        }
    }
    exchange->is_keep_alive = false;
    iscep_exchange_reply_error(exchange, why->status, why->code, why->message);
}

/* Feeds one contiguous piece of input to the parser. false: the connection is no longer reading. */
static bool parse_piece(iscep_http_connection *connection, struct evbuffer *input)
{
    size_t len = evbuffer_get_contiguous_space(input);
    const char *data = (const char *)evbuffer_pullup(input, (ev_ssize_t)len);
    size_t parsed = http_parser_execute(&connection->parser, &parser_settings, data, len);
    enum http_errno error = HTTP_PARSER_ERRNO(&connection->parser);
    if (error == HPE_PAUSED) {
        http_parser_pause(&connection->parser, 0);
        evbuffer_drain(input, parsed);
        connection->server->handler(connection->exchange, connection->server->user);
        return true;
    }
    evbuffer_drain(input, len);
    if (error == HPE_OK)
        return true;
    const fault *why = connection->fault;
    if (why == NULL)
        why = error == HPE_HEADER_OVERFLOW ? &fault_head_too_large : &fault_malformed;
    refuse(connection, why);
    return false;
}

static bool has_more_to_parse(const iscep_http_connection *connection)
{
    return connection->bev != NULL && connection->phase != PHASE_WORKING &&
           connection->phase != PHASE_CLOSING &&
           evbuffer_get_length(bufferevent_get_input(connection->bev)) > 0;
}

/*
 * The handler may reply at once, which may close the connection: is_parsing keeps the struct alive until
 * here.
 */
static void parse_input(iscep_http_connection *connection)
{
    connection->is_parsing = true;
    while (has_more_to_parse(connection)) {
        if (connection->phase == PHASE_IDLE)
            enter(connection, PHASE_HEADER);
        if (!parse_piece(connection, bufferevent_get_input(connection->bev)))
            break;
    }
    connection->is_parsing = false; /* NOLINT(clang-analyzer-unix.Malloc): still alive, see above */
    if (connection->bev == NULL)
        free(connection);
}

static void on_read(struct bufferevent *bev, void *user)
{
    iscep_http_connection *connection = user;
    if (connection->phase == PHASE_CLOSING) {
        struct evbuffer *input = bufferevent_get_input(bev);
        evbuffer_drain(input, evbuffer_get_length(input));
    } else {
        parse_input(connection);
    }
}

/* --- writing and closing --- */

/* The last reply has left: half-close, so that a client still sending reads it before it is cut off. */
static void on_written(struct bufferevent *bev, void *user)
{
    iscep_http_connection *connection = user;
    if (connection->phase != PHASE_CLOSING || evbuffer_get_length(bufferevent_get_output(bev)) > 0)
        return;
    SSL *ssl = bufferevent_openssl_get_ssl(bev);
    if (ssl != NULL)
        SSL_shutdown(ssl);
    if (connection->is_eof || shutdown(bufferevent_getfd(bev), SHUT_WR) != 0)
        iscep_http_connection_close(connection, false);
}

static void on_event(struct bufferevent *bev, short what, void *user)
{
    iscep_http_connection *connection = user;
    if ((what & BEV_EVENT_CONNECTED) != 0)
        return;
    connection->is_eof = (what & BEV_EVENT_EOF) != 0;
    if (connection->is_eof && connection->phase == PHASE_WORKING)
        iscep_exchange_tell_gone(
            connection->exchange); /* it may have closed its sending half only: still answer */
    else if (connection->is_eof && evbuffer_get_length(bufferevent_get_output(bev)) > 0)
        enter(connection, PHASE_CLOSING);
    else
        iscep_http_connection_close(connection, false);
}

static void on_timeout(void *user)
{
    iscep_http_connection *connection = user;
    if (connection->phase == PHASE_HEADER || connection->phase == PHASE_BODY)
        refuse(connection, &fault_timeout);
    else
        iscep_http_connection_close(connection, connection->phase == PHASE_CLOSING);
}

void iscep_http_connection_send(iscep_http_connection *connection, iscep_bytes head, iscep_bytes body,
                                bool is_last)
{
    struct evbuffer *output = bufferevent_get_output(connection->bev);
    evbuffer_add(output, head.data, head.len);
    if (body.len > 0)
        evbuffer_add(output, body.data, body.len);
    iscep_exchange_free(connection->exchange);
    connection->exchange = NULL;
    enter(connection, is_last ? PHASE_CLOSING : PHASE_IDLE);
    if (is_last && evbuffer_get_length(output) == 0)
        on_written(connection->bev, connection);
    else if (!is_last && !connection->is_parsing)
        parse_input(connection); /* the next request may be waiting in the buffer */
}

void iscep_http_connection_send_part(iscep_http_connection *connection, iscep_bytes bytes)
{
    bufferevent_write(connection->bev, bytes.data, bytes.len);
}

void iscep_http_connection_close(iscep_http_connection *connection, bool is_reset)
{
    evutil_socket_t fd = bufferevent_getfd(connection->bev);
    if (is_reset) {
        struct linger at_once = {.l_onoff = 1, .l_linger = 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    iscep_exchange *exchange = connection->exchange;
    if (exchange != NULL && connection->phase == PHASE_WORKING) { /* the handler's, until it replies */
        exchange->connection = NULL;
        iscep_exchange_tell_gone(exchange);
    } else {
        iscep_exchange_free(exchange);
    }
    connection->exchange = NULL;
    iscep_timer_free(connection->timer);
    bufferevent_free(connection->bev);
    connection->bev = NULL;
    LIST_REMOVE(connection, link);
    iscep_http_server_forget(connection->server, connection);
    if (!connection->is_parsing)
        free(connection);
}

bool iscep_http_connection_is_idle(const iscep_http_connection *connection)
{
    return connection->phase == PHASE_IDLE;
}

/* Of a TCP connection the kernel knows nobody, and says -1. */
bool iscep_http_connection_peer_uid(const iscep_http_connection *connection, uint32_t *uid)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t len = sizeof peer;
    if (getsockopt(bufferevent_getfd(connection->bev), SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
        len != sizeof peer || peer.uid == (uid_t)-1)
        return false;
    *uid = peer.uid;
    return true;
}

iscep_http_connection *iscep_http_connection_next(iscep_http_connection *connection)
{
    return LIST_NEXT(connection, link);
}

iscep_http_server *iscep_http_connection_server(iscep_http_connection *connection)
{
    return connection->server;
}

/* --- opening --- */

static struct bufferevent *new_bufferevent(iscep_http_server *server, evutil_socket_t fd, SSL_CTX *tls)
{
    struct event_base *base = iscep_loop_base(server->loop);
    if (tls == NULL)
        return bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    SSL *ssl = SSL_new(tls);
    if (ssl == NULL)
        return NULL;
    struct bufferevent *bev =
        bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (bev == NULL)
        SSL_free(ssl);
    else
        bufferevent_openssl_set_allow_dirty_shutdown(
            bev, 1); /* lengths are explicit: a missing close_notify is EOF */
    return bev;
}

void iscep_http_connection_open(iscep_http_server *server, evutil_socket_t fd, SSL_CTX *tls)
{
    iscep_http_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        evutil_closesocket(fd);
        return;
    }
    connection->server = server;
    connection->bev = new_bufferevent(server, fd, tls);
    if (connection->bev == NULL)
        evutil_closesocket(fd);
    if (connection->bev == NULL ||
        iscep_timer_new(&connection->timer, server->loop, on_timeout, connection, NULL) != ISCEP_OK) {
        if (connection->bev != NULL)
            bufferevent_free(connection->bev);
        free(connection);
        return;
    }
    http_parser_init(&connection->parser, HTTP_REQUEST);
    connection->parser.data = connection;
    LIST_INSERT_HEAD(&server->connections, connection, link);
    server->connection_count++;
    bufferevent_setcb(connection->bev, on_read, on_written, on_event, connection);
    bufferevent_setwatermark(connection->bev, EV_READ, 0, READ_AHEAD_LEN);
    bufferevent_enable(connection->bev, EV_READ | EV_WRITE);
    enter(connection, PHASE_HEADER); /* a connection that says nothing is as late as one that speaks slowly */
}
