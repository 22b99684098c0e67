/*
 * What the files of the HTTP server share, for them only: http_server.c (options, doors, drain), http_admit.c (the limits:
 * who may come in, and what may begin), http_connection.c (one socket: reading, timers, writing), http_parse.c (what the
 * parser finds), http_peer.c (who is at the other end), http_exchange.c (one request and its reply), http_lend.c (an
 * exchange that another loop answers).
 */
#ifndef ISCEP_NET_HTTP_SERVER_INTERNAL_H
#define ISCEP_NET_HTTP_SERVER_INTERNAL_H

#include <event2/util.h>
#include <http_parser.h>
#include <sys/queue.h>

#include "net/http_server.h"
#include "net/limiter.h"

#define ISCEP_HTTP_MAX_HEADERS 32

typedef struct iscep_http_connection iscep_http_connection;

/* --- one request: http_exchange.c --- */

typedef struct iscep_exchange_header_at {
    uint32_t name_at; /* offsets into head; both are NUL-terminated there */
    uint32_t value_at;
} iscep_exchange_header_at;

struct iscep_exchange {
    iscep_http_connection *connection; /* NULL once it is closed, and of a copy */
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
    iscep_peer peer;
    X509 *certificate; /* the client's; NULL: none */
    iscep_client_id client;
    struct iscep_limiter *limiter; /* which counts it as in flight; NULL: none does */
    struct iscep_loan *lent;       /* another loop has its copy */
    struct iscep_loan *borrowed;   /* it is such a copy */
};

/* The start of an exchange on a connection (NULL: on none); NULL: no memory. */
iscep_exchange *iscep_exchange_new(iscep_http_connection *connection, size_t max_head_len,
                                   size_t max_body_len);
void iscep_exchange_free(iscep_exchange *exchange);
/* Nobody will read the reply; the exchange may be gone afterwards. */
void iscep_exchange_tell_gone(iscep_exchange *exchange);
/* Its connection is closed; the exchange is the handler's, until he replies. */
void iscep_exchange_cut(iscep_exchange *exchange);
/* Is what was collected a request that a handler may see? NULL: yes; otherwise what is wrong, for a 400. */
const char *iscep_exchange_find_fault(iscep_exchange *exchange);
/* As iscep_exchange_reply_error, with 503 and Retry-After. */
void iscep_exchange_reply_busy(iscep_exchange *exchange, const char *code, int32_t retry_after_s);
/* A reply whose own header fields are lines already. */
void iscep_exchange_reply_lines(iscep_exchange *exchange, int32_t status, const char *content_type,
                                iscep_bytes lines, iscep_bytes body);
void iscep_exchange_emit_lines(iscep_buf *out, const iscep_reply *reply);

/* --- an exchange that another loop answers: http_lend.c --- */

/* The copy is answered, and freed; NULL: there is no answer, the caller's connection is closed. */
void iscep_loan_answer(iscep_exchange *copy, const iscep_reply *reply);
/* On the lender's loop: the caller is gone, and maybe back; then, his connection is closed for good. */
void iscep_loan_tell_gone(struct iscep_loan *loan);
void iscep_loan_cut(struct iscep_loan *loan);

/* --- one socket: http_connection.c, http_parse.c --- */

typedef enum iscep_http_phase {
    ISCEP_HTTP_SILENT, /* not a byte has come */
    ISCEP_HTTP_IDLE,   /* kept open between requests */
    ISCEP_HTTP_HEADER,
    ISCEP_HTTP_BODY,
    ISCEP_HTTP_WORKING, /* the handler has the request */
    ISCEP_HTTP_CLOSING  /* the last reply is on its way out */
} iscep_http_phase;

/* Why a request ends before a handler sees it. */
typedef struct iscep_http_fault {
    int32_t status;
    const char *code;
    const char *message;
} iscep_http_fault;

TAILQ_HEAD(iscep_connection_queue, iscep_http_connection);
LIST_HEAD(iscep_connection_list, iscep_http_connection);

struct iscep_http_connection {
    LIST_ENTRY(iscep_http_connection) link;
    TAILQ_ENTRY(iscep_http_connection) waiting; /* in queue */
    struct iscep_connection_queue *queue;       /* of those who can be closed for a newcomer; NULL: in none */
    iscep_http_server *server;
    struct iscep_http_door *door;
    iscep_peer peer;
    iscep_client_id client;
    struct iscep_limiter *limiter; /* which counts it; NULL: none does */
    evutil_socket_t fd;
    SSL_CTX *tls;             /* until the first byte has come; NULL: plain */
    struct event *first_byte; /* likewise */
    struct bufferevent *bev;  /* from then on */
    X509 *certificate;        /* the client's, if he has shown a good one */
    iscep_timer *timer;
    http_parser parser;
    iscep_http_phase phase;
    int64_t since_mono_ms; /* when it entered the phase */
    bool is_shaking_hands; /* TLS is not agreed on yet */
    bool is_parsing;  /* parse_input is on the stack: whoever changes the phase leaves reading on to it */
    bool is_in_value; /* the last header piece was of a value */
    bool is_eof;      /* the client has closed its sending half */
    bool is_leaving;  /* its door is closed: the next reply is the last */
    bool is_closed;   /* and freed when parse_input returns */
    iscep_exchange *exchange;      /* while reading and working */
    const iscep_http_fault *fault; /* found by a parser callback */
};

extern const http_parser_settings iscep_http_parser_settings;
extern const iscep_http_fault iscep_http_fault_malformed, iscep_http_fault_head_too_large;

void iscep_http_connection_enter(iscep_http_connection *connection, iscep_http_phase phase);
/* Takes the socket in any case. NULL: he is gone, or there is no memory. Then it is started, or discarded. */
iscep_http_connection *iscep_http_connection_new(iscep_http_server *server, evutil_socket_t fd, SSL_CTX *tls,
                                                 uint32_t door);
void iscep_http_connection_start(iscep_http_connection *connection);
void iscep_http_connection_discard(iscep_http_connection *connection);
/* Some bytes of the reply; the exchange goes on. */
void iscep_http_connection_send_part(iscep_http_connection *connection, iscep_bytes bytes);
void iscep_http_connection_close(iscep_http_connection *connection, bool is_reset);
/* Its door closes: at once if nothing is under way, otherwise behind the answer. */
void iscep_http_connection_leave(iscep_http_connection *connection);
/* The bytes of the reply to the current exchange, which this frees; then goes on reading, or closes. */
void iscep_http_connection_send(iscep_http_connection *connection, iscep_bytes head, iscep_bytes body,
                                bool is_last);

/* --- who is at the other end: http_peer.c --- */

/* false: he is gone. */
bool iscep_http_peer_read(iscep_peer *peer, iscep_client_id *client, evutil_socket_t fd);
/* The certificate that the client has proved to be his and the CA vouches for, with a reference; NULL: none. */
X509 *iscep_http_peer_certificate(SSL *ssl);

/* --- the server: http_server.c, http_admit.c --- */

/* What comes in by one listener. */
struct iscep_http_door {
    LIST_ENTRY(iscep_http_door) link;
    uint32_t number;
    uint32_t connection_count; /* none: it is freed */
    char name[64];
};
LIST_HEAD(iscep_door_list, iscep_http_door);

struct iscep_http_server {
    const iscep_env *env;
    iscep_loop *loop;
    iscep_http_server_options options;
    iscep_http_handler handler;
    void *user;
    struct iscep_own_listener *listeners;
    struct iscep_connection_list connections;
    struct iscep_connection_queue resting; /* nothing under way, the longest first */
    struct iscep_connection_queue moving;  /* a body or a reply is on its way, the longest first */
    struct iscep_door_list doors;
    uint32_t connection_count;
    bool is_draining;
    iscep_callback drained;
    void *drained_user;
    iscep_timer *drained_timer;
    int64_t turned_away_mono_ms; /* when that was logged last */
    int64_t turned_away_count;   /* not logged yet */
    int64_t date_unix_s;         /* the second that date shows */
    char date[40];
};

/* One connection more; NULL: no memory. */
struct iscep_http_door *iscep_http_door_enter(iscep_http_server *server, uint32_t number);
void iscep_http_door_leave(iscep_http_server *server, struct iscep_http_door *door);

/* May who comes come in? He is counted then, and somebody else may have been closed for him. Otherwise he is told. */
bool iscep_http_admit_connection(iscep_http_connection *connection);
/*
 * To a socket that nobody reads: status ("503 Service Unavailable", and maybe a field behind a line end), code and message,
 * as far as they can go at once. Neither needs quoting.
 */
void iscep_http_say(evutil_socket_t fd, const char *status, const char *code, const char *message);
/* May the request begin? It is counted then; otherwise it has been answered. */
bool iscep_http_admit_request(iscep_http_connection *connection);

/* Told by a connection when it is closed. */
void iscep_http_server_forget(iscep_http_server *server);

#endif
