/*
 * What the three files of the HTTP server share: http_server.c (listeners, limits, drain), http_connection.c
 * (one socket: reading, timers, writing) and http_exchange.c (one request and its reply). For them only.
 */
#ifndef ISCEP_NET_HTTP_SERVER_INTERNAL_H
#define ISCEP_NET_HTTP_SERVER_INTERNAL_H

#include <event2/util.h>
#include <http_parser.h>
#include <sys/queue.h>

#include "net/http_server.h"

#define ISCEP_HTTP_MAX_HEADERS 32

typedef struct iscep_http_connection iscep_http_connection;

typedef struct iscep_exchange_header_at {
    uint32_t name_at; /* offsets into head; both are NUL-terminated there */
    uint32_t value_at;
} iscep_exchange_header_at;

struct iscep_exchange {
    iscep_http_connection *connection; /* NULL once it is closed */
    iscep_buf head;                    /* target, names and values, each with a NUL behind it */
    uint32_t query_at;                 /* offset of the query in head, 0: none */
    iscep_exchange_header_at headers[ISCEP_HTTP_MAX_HEADERS];
    size_t header_count;
    iscep_buf body;
    const char *method;
    bool is_keep_alive;
    bool is_gone;
    void (*on_gone)(iscep_exchange *exchange, void *user); /* may be NULL */
    void *gone_user;
};

/* The start of an exchange on a connection; NULL: no memory. */
iscep_exchange *iscep_exchange_new(iscep_http_connection *connection, size_t max_head_len,
                                   size_t max_body_len);
void iscep_exchange_free(iscep_exchange *exchange);
/* Nobody will read the reply; the exchange may be gone afterwards. */
void iscep_exchange_tell_gone(iscep_exchange *exchange);
/* Is what was collected a request that a handler may see? NULL: yes; otherwise what is wrong, for a 400. */
const char *iscep_exchange_find_fault(iscep_exchange *exchange);

LIST_HEAD(iscep_connection_list, iscep_http_connection);

struct iscep_http_server {
    const iscep_env *env;
    iscep_loop *loop;
    iscep_http_server_options options;
    iscep_http_handler handler;
    void *user;
    struct iscep_listener *listeners;
    struct iscep_connection_list connections;
    uint32_t connection_count;
    bool is_draining;
    iscep_callback drained;
    void *drained_user;
    iscep_timer *drained_timer;
    int64_t date_unix_s; /* the second that date shows */
    char date[40];
};

/* A connection just accepted; takes the socket in any case. tls NULL: plain. */
void iscep_http_connection_open(iscep_http_server *server, evutil_socket_t fd, SSL_CTX *tls);
/* Some bytes of the reply; the exchange goes on. */
void iscep_http_connection_send_part(iscep_http_connection *connection, iscep_bytes bytes);
void iscep_http_connection_close(iscep_http_connection *connection, bool is_reset);
bool iscep_http_connection_is_idle(const iscep_http_connection *connection);
/* The bytes of the reply to the current exchange, which this frees; then goes on reading, or closes. */
void iscep_http_connection_send(iscep_http_connection *connection, iscep_bytes head, iscep_bytes body,
                                bool is_last);
iscep_http_connection *iscep_http_connection_next(iscep_http_connection *connection);
bool iscep_http_connection_peer_uid(const iscep_http_connection *connection, uint32_t *uid);
iscep_http_server *iscep_http_connection_server(iscep_http_connection *connection);
/* Told by a connection when it is closed. */
void iscep_http_server_forget(iscep_http_server *server, iscep_http_connection *connection);

#endif
