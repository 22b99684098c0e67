/*
 * The HTTP/1.1 server behind every listener of this project: libevent's buffered sockets, http_parser's
 * parser, and the limits that stand between a stranger and our memory. One handler gets every request when
 * its body is whole and may answer at once or later, on the loop's thread. What is malformed or over a limit
 * is answered with a 4xx whose body is {"error":{"code":…,"message":…}}, and the connection is closed.
 */
#ifndef ISCEP_NET_HTTP_SERVER_H
#define ISCEP_NET_HTTP_SERVER_H

#include <openssl/types.h>

#include "base/env.h"
#include "net/http.h"
#include "net/loop.h"

typedef struct iscep_http_server iscep_http_server;
typedef struct iscep_exchange iscep_exchange; /* one request and its reply */

typedef void (*iscep_http_handler)(iscep_exchange *exchange, void *user);

typedef struct iscep_http_server_options {
    size_t max_header_len;    /* request line and header fields together: 431 beyond */
    size_t max_body_len;      /* 413 beyond */
    uint32_t max_connections; /* beyond: 503 with Retry-After at once */
    int64_t
        header_timeout_ms;   /* from the first byte of a request (or the connection) to its blank line: 408 */
    int64_t body_timeout_ms; /* from the blank line to the last byte of the body: 408 */
    int64_t idle_timeout_ms; /* between requests on a kept connection: closed without a word */
} iscep_http_server_options;

#define ISCEP_HTTP_SERVER_OPTIONS_INIT                                                                       \
    {                                                                                                        \
        .max_header_len = 16 * 1024, .max_body_len = 256 * 1024, .max_connections = 20000,                   \
        .header_timeout_ms = 10000, .body_timeout_ms = 20000, .idle_timeout_ms = 60000                       \
    }

iscep_status iscep_http_server_new(iscep_http_server **out, const iscep_env *env, iscep_loop *loop,
                                   const iscep_http_server_options *options, iscep_http_handler handler,
                                   void *user, iscep_error *err) ISCEP_CHECKED;
/*
 * A Unix socket. A dead socket file at path is replaced, a live one is an error; the file goes when the
 * server does.
 */
iscep_status iscep_http_server_listen_unix(iscep_http_server *server, const char *path, uint32_t mode,
                                           iscep_error *err) ISCEP_CHECKED;
/*
 * TCP; port 0 takes a free one. tls NULL: plain. tls is borrowed and must outlive the server. bound_port may
 * be NULL.
 */
iscep_status iscep_http_server_listen_tcp(iscep_http_server *server, const char *host, uint16_t port,
                                          SSL_CTX *tls, uint16_t *bound_port, iscep_error *err) ISCEP_CHECKED;
/* No new connections, idle ones are closed, what is in flight is finished; then drained(user) is called once.
 */
void iscep_http_server_drain(iscep_http_server *server, iscep_callback drained, void *user);
/* Closes everything at once; exchanges still unanswered stay valid until they are replied to (into the void).
 */
void iscep_http_server_free(iscep_http_server *server);

/* The request. Everything is borrowed until the reply. */
const char *iscep_exchange_method(const iscep_exchange *exchange);
const char *iscep_exchange_path(const iscep_exchange *exchange); /* as sent, before '?' */
iscep_bytes iscep_exchange_query(
    const iscep_exchange *exchange); /* after '?', not decoded; no bytes if none */
/*
 * A header field by name, without case; NULL if absent. A field sent twice is refused with 400 before the
 * handler.
 */
const char *iscep_exchange_header(const iscep_exchange *exchange, const char *name);
iscep_bytes iscep_exchange_body(const iscep_exchange *exchange);
bool iscep_exchange_is_gone(
    const iscep_exchange *exchange); /* the client hung up: nobody will read the reply */
/* on_gone is called once, when the client hangs up before the reply; it may reply, so that the exchange ends. */
void iscep_exchange_on_gone(iscep_exchange *exchange, void (*on_gone)(iscep_exchange *exchange, void *user),
                            void *user);
/* Who is at the other end of a Unix socket, as the kernel says (SO_PEERCRED); false of TCP, and of who is gone. */
bool iscep_exchange_peer_uid(const iscep_exchange *exchange, uint32_t *uid);
/* The body's buffer moves to the caller, who clears it: for handlers that need it after the reply. */
iscep_buf iscep_exchange_take_body(iscep_exchange *exchange);

typedef struct iscep_reply {
    int32_t status;
    const char *content_type; /* NULL: application/json */
    iscep_bytes body;
    const iscep_http_header *headers; /* besides Content-Type, Content-Length, Date and Connection */
    size_t header_count;
} iscep_reply;

/* Each ends the exchange: it must not be touched afterwards. Data is copied. */
void iscep_exchange_reply(iscep_exchange *exchange, const iscep_reply *reply);
void iscep_exchange_reply_error(iscep_exchange *exchange, int32_t status, const char *code,
                                const char *message);
/*
 * For stand-ins that must misbehave: these bytes as they are (may be none), then the connection is closed;
 * with is_reset the peer gets an RST.
 */
void iscep_exchange_reply_raw(iscep_exchange *exchange, iscep_bytes bytes, bool is_reset);
/* For stand-ins that answer piece by piece: these bytes as they are; iscep_exchange_reply_raw ends the exchange. */
void iscep_exchange_send_part(iscep_exchange *exchange, iscep_bytes bytes);

#endif
