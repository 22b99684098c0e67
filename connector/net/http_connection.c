/*
 * One accepted socket, in one of the phases of iscep_http_phase. A single timer bounds every phase but working, whose bound
 * is the handler's business; TLS is agreed on within the time of the first header. Until the first byte has come there
 * is a descriptor and two events, and neither buffers nor SSL.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/http_server_internal.h"

enum {
    LINGER_MS = 2000,           /* how long a refused client may go on sending before it is cut off */
    READ_AHEAD_LEN = 32 * 1024, /* what may wait in the input buffer while a request is worked on */
    MAX_UNREAD_LEN = 64 * 1024, /* of replies that the client does not read: his next request waits for him */
    TLS_HANDSHAKE = 0x16,       /* the first byte of every TLS client (RFC 8446 5.1), and of no HTTP client */
};

static const iscep_http_fault fault_timeout = {408, "request_timeout", "the request did not arrive in time"};

/* --- phases --- */

/* Among those who can be closed for a newcomer, as the last. NULL: among none. */
static void wait_in(iscep_http_connection *connection, struct iscep_connection_queue *queue)
{
    if (connection->queue != NULL)
        TAILQ_REMOVE(connection->queue, connection, waiting);
    if (queue != NULL)
        TAILQ_INSERT_TAIL(queue, connection, waiting);
    connection->queue = queue;
}

static size_t unread_len(const iscep_http_connection *connection)
{
    return connection->bev == NULL ? 0 : evbuffer_get_length(bufferevent_get_output(connection->bev));
}

/* Something is under way as long as a body, or a reply, is. */
static void set_phase(iscep_http_connection *connection, iscep_http_phase phase)
{
    iscep_http_server *server = connection->server;
    connection->phase = phase;
    connection->since_mono_ms = iscep_now_mono_ms(server->env);
    if (phase == ISCEP_HTTP_WORKING || phase == ISCEP_HTTP_CLOSING)
        wait_in(connection, NULL);
    else
        wait_in(connection,
                phase == ISCEP_HTTP_BODY || unread_len(connection) > 0 ? &server->moving : &server->resting);
}

void iscep_http_connection_enter(iscep_http_connection *connection, iscep_http_phase phase)
{
    const iscep_http_server_options *options = &connection->server->options;
    set_phase(connection, phase);
    switch (phase) {
    case ISCEP_HTTP_IDLE:
        iscep_timer_arm(connection->timer, options->idle_timeout_ms);
        break;
    case ISCEP_HTTP_SILENT: /* who says nothing is as late as who speaks slowly */
    case ISCEP_HTTP_HEADER:
        iscep_timer_arm(connection->timer, options->header_timeout_ms);
        break;
    case ISCEP_HTTP_BODY:
        iscep_timer_arm(connection->timer, options->body_timeout_ms);
        break;
    case ISCEP_HTTP_WORKING:
        iscep_timer_disarm(connection->timer);
        break;
    case ISCEP_HTTP_CLOSING:
        iscep_timer_arm(connection->timer, LINGER_MS);
        break;
    }
}

/* --- reading --- */

static void refuse(iscep_http_connection *connection, const iscep_http_fault *why)
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
    size_t parsed = http_parser_execute(&connection->parser, &iscep_http_parser_settings, data, len);
    enum http_errno error = HTTP_PARSER_ERRNO(&connection->parser);
    if (error == HPE_PAUSED) {
        http_parser_pause(&connection->parser, 0);
        evbuffer_drain(input, parsed);
        if (iscep_http_admit_request(connection))
            connection->server->handler(connection->exchange, connection->server->user);
        return true;
    }
    evbuffer_drain(input, len);
    if (error == HPE_OK)
        return true;
    const iscep_http_fault *why = connection->fault;
    if (why == NULL)
        why = error == HPE_HEADER_OVERFLOW ? &iscep_http_fault_head_too_large : &iscep_http_fault_malformed;
    refuse(connection, why);
    return false;
}

/* Who asks and does not read is not answered into our memory. */
static bool has_more_to_parse(const iscep_http_connection *connection)
{
    return !connection->is_closed && connection->phase != ISCEP_HTTP_WORKING &&
           connection->phase != ISCEP_HTTP_CLOSING &&
           (connection->phase != ISCEP_HTTP_IDLE || unread_len(connection) <= MAX_UNREAD_LEN) &&
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
        if (connection->phase == ISCEP_HTTP_IDLE)
            iscep_http_connection_enter(connection, ISCEP_HTTP_HEADER);
        if (!parse_piece(connection, bufferevent_get_input(connection->bev)))
            break;
    }
    connection->is_parsing = false; /* NOLINT(clang-analyzer-unix.Malloc): still alive, see above */
    if (connection->is_closed)
        free(connection);
}

static void on_read(struct bufferevent *bev, void *user)
{
    iscep_http_connection *connection = user;
    if (connection->phase == ISCEP_HTTP_CLOSING) {
        struct evbuffer *input = bufferevent_get_input(bev);
        evbuffer_drain(input, evbuffer_get_length(input));
    } else {
        parse_input(connection);
    }
}

/* --- writing --- */

/* The last reply has left: half-close, so that a client still sending reads it before it is cut off. */
static void say_goodbye(iscep_http_connection *connection)
{
    SSL *ssl = bufferevent_openssl_get_ssl(connection->bev);
    if (ssl != NULL)
        SSL_shutdown(ssl);
    if (connection->is_eof || shutdown(connection->fd, SHUT_WR) != 0)
        iscep_http_connection_close(connection, false);
}

static void on_written(struct bufferevent *bev, void *user)
{
    (void)bev;
    iscep_http_connection *connection = user;
    if (unread_len(connection) > 0)
        return;
    if (connection->phase == ISCEP_HTTP_CLOSING) {
        say_goodbye(connection);
    } else if (connection->queue == &connection->server->moving && connection->phase != ISCEP_HTTP_BODY) {
        wait_in(connection, &connection->server->resting);
        parse_input(connection); /* the next request may have waited for this */
    }
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
    iscep_http_connection_enter(connection, is_last ? ISCEP_HTTP_CLOSING : ISCEP_HTTP_IDLE);
    if (is_last && evbuffer_get_length(output) == 0)
        on_written(connection->bev, connection);
    else if (!is_last && !connection->is_parsing)
        parse_input(connection); /* the next request may be waiting in the buffer */
}

void iscep_http_connection_send_part(iscep_http_connection *connection, iscep_bytes bytes)
{
    bufferevent_write(connection->bev, bytes.data, bytes.len);
}

/* --- the first byte --- */

static void log_debug(const iscep_http_connection *connection, const char *event, const char *reason)
{
    iscep_log_event(connection->server->env->log, ISCEP_LOG_DEBUG, event,
                    ISCEP_LOG_TEXT("listener", connection->door->name),
                    ISCEP_LOG_TEXT("client", connection->client.text), ISCEP_LOG_TEXT("reason", reason));
}

static void on_handshaken(iscep_http_connection *connection)
{
    connection->is_shaking_hands = false;
    connection->certificate = iscep_http_peer_certificate(bufferevent_openssl_get_ssl(connection->bev));
    connection->peer.has_certificate = connection->certificate != NULL;
}

static void log_failed_handshake(const iscep_http_connection *connection)
{
    const char *reason = ERR_reason_error_string(bufferevent_get_openssl_error(connection->bev));
    log_debug(connection, "tls_failed", reason != NULL ? reason : "the client hung up");
}

static void on_event(struct bufferevent *bev, short what, void *user)
{
    iscep_http_connection *connection = user;
    if ((what & BEV_EVENT_CONNECTED) != 0) {
        on_handshaken(connection);
        return;
    }
    if (connection->is_shaking_hands)
        log_failed_handshake(connection);
    connection->is_eof = (what & BEV_EVENT_EOF) != 0;
    if (connection->is_eof && connection->phase == ISCEP_HTTP_WORKING)
        iscep_exchange_tell_gone(
            connection->exchange); /* it may have closed its sending half only: still answer */
    else if (connection->is_eof && evbuffer_get_length(bufferevent_get_output(bev)) > 0)
        iscep_http_connection_enter(connection, ISCEP_HTTP_CLOSING);
    else
        iscep_http_connection_close(connection, false);
}

static struct bufferevent *new_bufferevent(const iscep_http_connection *connection)
{
    struct event_base *base = iscep_loop_base(connection->server->loop);
    if (connection->tls == NULL)
        return bufferevent_socket_new(base, connection->fd, BEV_OPT_CLOSE_ON_FREE);
    SSL *ssl = SSL_new(connection->tls);
    if (ssl == NULL)
        return NULL;
    struct bufferevent *bev = bufferevent_openssl_socket_new(
        base, connection->fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (bev == NULL)
        SSL_free(ssl);
    else
        bufferevent_openssl_set_allow_dirty_shutdown(
            bev, 1); /* lengths are explicit: a missing close_notify is EOF */
    return bev;
}

/* From here on the connection is read. false: there was no memory for that, and it is closed. */
static bool begin_to_read(iscep_http_connection *connection)
{
    event_free(connection->first_byte);
    connection->first_byte = NULL;
    connection->bev = new_bufferevent(connection);
    if (connection->bev == NULL) {
        iscep_http_connection_close(connection, true);
        return false;
    }
    connection->is_shaking_hands = connection->tls != NULL;
    SSL_CTX_free(connection->tls); /* the SSL object has its own reference */
    connection->tls = NULL;
    bufferevent_setcb(connection->bev, on_read, on_written, on_event, connection);
    bufferevent_setwatermark(connection->bev, EV_READ, 0, READ_AHEAD_LEN);
    bufferevent_enable(connection->bev, EV_READ | EV_WRITE);
    set_phase(connection, ISCEP_HTTP_HEADER); /* its time has been running since the connection was made */
    return true;
}

/* Whoever speaks plain HTTP to a port for TLS can read plain HTTP. */
static void refuse_plain(iscep_http_connection *connection)
{
    log_debug(connection, "tls_failed", "plain HTTP on a port for TLS");
    iscep_http_say(connection->fd, "400 Bad Request", "tls_expected", "this port speaks TLS");
    iscep_http_connection_close(connection, false);
}

static void on_first_byte(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    iscep_http_connection *connection = user;
    uint8_t first;
    ssize_t got = recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0)
        iscep_http_connection_close(connection, false);
    else if (connection->tls != NULL && first != TLS_HANDSHAKE)
        refuse_plain(connection);
    else if (begin_to_read(connection) && !connection->is_shaking_hands && first == TLS_HANDSHAKE)
        log_debug(connection, "http_failed", "TLS on a plain port"); /* and the parser answers 400 */
}

/* --- closing --- */

static void on_timeout(void *user)
{
    iscep_http_connection *connection = user;
    const bool is_mute =
        connection->tls != NULL || connection->is_shaking_hands; /* nothing can be said yet */
    if (is_mute)
        log_debug(connection, "tls_failed", "no handshake in time");
    switch (connection->phase) {
    case ISCEP_HTTP_SILENT:
    case ISCEP_HTTP_HEADER:
    case ISCEP_HTTP_BODY:
        if (is_mute)
            iscep_http_connection_close(connection, false);
        else if (connection->bev != NULL || begin_to_read(connection))
            refuse(connection, &fault_timeout);
        break;
    default:
        iscep_http_connection_close(connection, connection->phase == ISCEP_HTTP_CLOSING);
    }
}

/* Everything but the struct. */
static void release(iscep_http_connection *connection)
{
    iscep_timer_free(connection->timer);
    if (connection->first_byte != NULL)
        event_free(connection->first_byte);
    if (connection->bev != NULL)
        bufferevent_free(connection->bev);
    else
        evutil_closesocket(connection->fd);
    SSL_CTX_free(connection->tls);
    X509_free(connection->certificate);
    if (connection->limiter != NULL)
        iscep_limiter_disconnect(connection->limiter, &connection->client);
    if (connection->door != NULL)
        iscep_http_door_leave(connection->server, connection->door);
}

void iscep_http_connection_close(iscep_http_connection *connection, bool is_reset)
{
    if (is_reset) {
        struct linger at_once = {.l_onoff = 1, .l_linger = 0};
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    iscep_exchange *exchange = connection->exchange;
    connection->exchange = NULL;
    if (exchange != NULL && connection->phase == ISCEP_HTTP_WORKING)
        iscep_exchange_cut(exchange);
    else
        iscep_exchange_free(exchange);
    wait_in(connection, NULL);
    release(connection);
    LIST_REMOVE(connection, link);
    connection->is_closed = true;
    iscep_http_server_forget(connection->server);
    if (!connection->is_parsing)
        free(connection);
}

void iscep_http_connection_discard(iscep_http_connection *connection)
{
    release(connection);
    free(connection);
}

/* A request may be there already that has not been read. */
static bool has_unread(const iscep_http_connection *connection)
{
    uint8_t first;
    return recv(connection->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void iscep_http_connection_leave(iscep_http_connection *connection)
{
    connection->is_leaving = true;
    if ((connection->phase != ISCEP_HTTP_IDLE && connection->phase != ISCEP_HTTP_SILENT) ||
        has_unread(connection))
        return;
    if (unread_len(connection) > 0)
        iscep_http_connection_enter(connection, ISCEP_HTTP_CLOSING);
    else
        iscep_http_connection_close(connection, false);
}

/* --- opening --- */

iscep_http_connection *iscep_http_connection_new(iscep_http_server *server, evutil_socket_t fd, SSL_CTX *tls,
                                                 uint32_t door)
{
    iscep_http_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        evutil_closesocket(fd);
        return NULL;
    }
    connection->server = server;
    connection->fd = fd;
    if (tls != NULL && SSL_CTX_up_ref(tls) == 1)
        connection->tls = tls;
    connection->peer.door = door;
    connection->peer.is_encrypted = tls != NULL;
    connection->door = iscep_http_door_enter(server, door);
    connection->first_byte =
        event_new(iscep_loop_base(server->loop), fd, EV_READ | EV_PERSIST, on_first_byte, connection);
    if (connection->tls != tls || connection->door == NULL || connection->first_byte == NULL ||
        !iscep_http_peer_read(&connection->peer, &connection->client, fd) ||
        iscep_timer_new(&connection->timer, server->loop, on_timeout, connection, NULL) != ISCEP_OK) {
        iscep_http_connection_discard(connection);
        return NULL;
    }
    return connection;
}

void iscep_http_connection_start(iscep_http_connection *connection)
{
    iscep_http_server *server = connection->server;
    const int on = 1;
    if (!connection->peer.is_unix) /* what we write is whole: nothing to wait for */
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    http_parser_init(&connection->parser, HTTP_REQUEST);
    connection->parser.data = connection;
    LIST_INSERT_HEAD(&server->connections, connection, link);
    server->connection_count++;
    iscep_http_connection_enter(connection, ISCEP_HTTP_SILENT);
    event_add(connection->first_byte, NULL);
}
