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

/* Does a request count against the limits on requests? What must always be answered (/livez) does not. user is the handler's. */
typedef bool (*iscep_http_exempt_fn)(const iscep_exchange *exchange, void *user);
/* What the listener behind a door is called, for metrics and logs; borrowed for the call. user is the handler's. */
typedef const char *(*iscep_http_door_name_fn)(uint32_t door, void *user);

typedef struct iscep_http_server_options {
    /* net/limiter.h; borrowed, and must outlive every exchange. NULL: only max_connections, of this server */
    struct iscep_limiter *limiter;
    iscep_http_exempt_fn is_exempt;    /* NULL: every request counts */
    iscep_http_door_name_fn door_name; /* NULL: "" */
    size_t max_header_len;             /* request line and header fields together: 431 beyond */
    size_t max_body_len;               /* 413 beyond */
    uint32_t max_connections;          /* without a limiter; beyond: see below */
    int64_t
        header_timeout_ms; /* from the first byte of a request (or the connection, TLS included) to its blank line: 408 */
    int64_t body_timeout_ms; /* from the blank line to the last byte of the body: 408 */
    int64_t idle_timeout_ms; /* between requests on a kept connection: closed without a word */
} iscep_http_server_options;

/*
 * A full house: of this server's connections that have nothing under way (silent, in the middle of a header, idle) the one
 * that has been so for the longest is closed for the newcomer; if there is none, of those whose body or whose reply has been
 * on its way for more than a second. If a client has too many, it is one of his. Only if there is none is the newcomer turned away:
 * 503 with Retry-After at once, without a word if he wants TLS. A request beyond the limits is answered 503 with
 * Retry-After, and its connection is kept.
 */

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
/*
 * A connection that a listener of somebody else's accepted (net/listener.h); takes fd in any case. On the loop's thread. tls NULL:
 * plain; otherwise its own reference is taken. Buffers, and an SSL object, are made only when the first byte has come, so
 * that who connects and says nothing costs little. door is told to handlers again (iscep_peer).
 */
void iscep_http_server_adopt(iscep_http_server *server, int fd, SSL_CTX *tls, uint32_t door);
/* Takes effect for what comes from now on. */
void iscep_http_server_set_options(iscep_http_server *server, const iscep_http_server_options *options);
uint32_t iscep_http_server_connection_count(const iscep_http_server *server);
/* Connections of this door are closed: idle ones now, the others behind their answer. */
void iscep_http_server_close_door(iscep_http_server *server, uint32_t door);
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
/* Who is at the other end of a Unix socket, as the kernel says (SO_PEERCRED); false of TCP. */
bool iscep_exchange_peer_uid(const iscep_exchange *exchange, uint32_t *uid);
/* Who is at the other end, as far as the connection tells; also after he has hung up. */
typedef struct iscep_peer {
    uint32_t door;
    bool is_unix;
    bool has_uid; /* of a Unix socket, as the kernel says (SO_PEERCRED) */
    uint32_t uid;
    bool is_encrypted;
    bool has_certificate; /* which the TLS context's CA vouches for */
    char address[46];     /* of TCP, without the port; else empty */
} iscep_peer;
iscep_peer iscep_exchange_peer(const iscep_exchange *exchange);
/*
 * Does the client's certificate bear one of these names? Its DNS names are compared, without case and without
 * wildcards; only if it has no alternative name of that kind, its common name (RFC 6125 6.4.4).
 */
bool iscep_exchange_peer_has_name(const iscep_exchange *exchange, const char *const *names, size_t count);

/*
 * The request is handled on another loop: handler(copy, user) is called there, and its reply goes back to the caller. The copy is
 * like any exchange (body, header, peer, on_gone), but for three things: it is not lent again (USAGE), send_part does nothing
 * with it, and reply_raw only closes the caller's connection. exchange itself must not be touched any more. NOMEM: nothing was
 * lent. The exchange's server, loop and client may go before the reply; the other loop must live until then.
 */
iscep_status iscep_exchange_lend(iscep_exchange *exchange, iscep_loop *loop, iscep_http_handler handler,
                                 void *user, iscep_error *err) ISCEP_CHECKED;

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
