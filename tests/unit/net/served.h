/*
 * The HTTP server on a thread of its own, with a handler whose paths do what a test needs:
 *
 *   /echo   200, "METHOD PATH QUERY BODY" and X-Test as it came
 *   /hold   not answered until served_release
 *   /who    200, the peer's uid, or "nobody"
 *   /wait   answered with 204 when the client hangs up; gone is passed then
 *   /raw    the bytes of the request's body as they are, then the connection is closed
 *   /reset  the connection is reset
 *   /large  200 with a body of 100000 bytes
 *   /peer   200, the peer as "door D unix|tcp uid U|- tls|plain certificate|- ADDRESS"
 *   /named/NAME  200, "yes" if the client's certificate bears the name
 *   /NNN    that status, with Retry-After: 7 and Location: /echo
 */
#ifndef ISCEP_TESTS_SERVED_H
#define ISCEP_TESTS_SERVED_H

#include "net/http_server.h"
#include "tests/support/loop_thread.h"
#include "tests/support/temp_dir.h"

enum { SERVED_MAX_HELD = 128 };

struct iscep_tls_options;

typedef struct served {
    iscep_env env;
    loop_thread on;
    iscep_http_server *server;
    temp_dir dir;
    char socket_path[128];
    char ca_file[128];
    uint16_t port; /* plain */
    uint16_t tls_port;
    SSL_CTX *tls;
    gate arrivals; /* one for every request that reached the handler */
    gate drained;
    gate gone;
    iscep_exchange *held[SERVED_MAX_HELD]; /* on the loop's thread */
    size_t held_count;
    size_t most_held;
    uint16_t extra_port; /* of served_listen_tls */
    SSL_CTX *extra_tls;
} served;

/* options NULL: the defaults. The struct must not move afterwards. */
void served_start(served *s, const iscep_http_server_options *options);
void served_stop(served *s);
/* One more port, for TLS as the options say: extra_port. Once. */
void served_listen_tls(served *s, const struct iscep_tls_options *options);
/* A connection that comes in by this door; the client's end. */
int served_adopt(served *s, uint32_t door);
uint32_t served_count_connections(served *s);
/* Answers all held requests with 200 "released". */
void served_release(served *s);
/* How many held requests have lost their client. */
size_t served_count_gone(served *s);

#endif
