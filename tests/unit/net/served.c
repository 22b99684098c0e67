/* See served.h. */
#include "tests/unit/net/served.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/tls.h"
#include "tests/support/test_pki.h"

static void reply_text(iscep_exchange *exchange, int32_t status, iscep_bytes body)
{
    const iscep_http_header headers[] = {{"Retry-After", "7"}, {"Location", "/echo"}};
    iscep_exchange_reply(exchange, &(iscep_reply){.status = status,
                                                  .content_type = "text/plain",
                                                  .body = body,
                                                  .headers = headers,
                                                  .header_count = status == 200 ? 0 : 2});
}

static void reply_echo(iscep_exchange *exchange)
{
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, 1024 * 1024);
    iscep_bytes query = iscep_exchange_query(exchange), sent = iscep_exchange_body(exchange);
    const char *test_field = iscep_exchange_header(exchange, "x-test");
    iscep_buf_printf(&body, "%s %s %.*s ", iscep_exchange_method(exchange), iscep_exchange_path(exchange),
                     (int)query.len, query.data != NULL ? (const char *)query.data : "");
    iscep_buf_append(&body, sent.data, sent.len);
    iscep_buf_printf(&body, " %s", test_field != NULL ? test_field : "-");
    reply_text(exchange, 200, iscep_buf_bytes(&body));
}

static void reply_peer(iscep_exchange *exchange)
{
    char text[32] = "nobody";
    uint32_t uid;
    if (iscep_exchange_peer_uid(exchange, &uid))
        snprintf(text, sizeof text, "%u", uid);
    reply_text(exchange, 200, iscep_bytes_of_text(text));
}

static void describe_peer(iscep_exchange *exchange)
{
    char uid[16] = "-", text[160];
    iscep_peer peer = iscep_exchange_peer(exchange);
    if (peer.has_uid)
        snprintf(uid, sizeof uid, "%u", peer.uid);
    snprintf(text, sizeof text, "door %u %s uid %s %s %s %s", peer.door, peer.is_unix ? "unix" : "tcp", uid,
             peer.is_encrypted ? "tls" : "plain", peer.has_certificate ? "certificate" : "-", peer.address);
    reply_text(exchange, 200, iscep_bytes_of_text(text));
}

static void reply_named(iscep_exchange *exchange)
{
    const char *name = iscep_exchange_path(exchange) + strlen("/named/");
    const char *const names[] = {"nobody.example", name};
    cr_assert_not(iscep_exchange_peer_has_name(exchange, names, 0));
    reply_text(exchange, 200,
               iscep_bytes_of_text(iscep_exchange_peer_has_name(exchange, names, 2) ? "yes" : "no"));
}

static void end_gone(iscep_exchange *exchange, void *user)
{
    served *s = user;
    cr_assert(iscep_exchange_is_gone(exchange));
    iscep_exchange_reply(exchange, &(iscep_reply){.status = 204});
    gate_pass(&s->gone);
}

static void handle(iscep_exchange *exchange, void *user)
{
    static const char large[100000];
    served *s = user;
    const char *path = iscep_exchange_path(exchange);
    if (strcmp(path, "/hold") == 0) {
        cr_assert_lt(s->held_count, SERVED_MAX_HELD);
        s->held[s->held_count++] = exchange;
        s->most_held = s->held_count > s->most_held ? s->held_count : s->most_held;
    } else if (strcmp(path, "/who") == 0) {
        reply_peer(exchange);
    } else if (strcmp(path, "/peer") == 0) {
        describe_peer(exchange);
    } else if (strncmp(path, "/named/", 7) == 0) {
        reply_named(exchange);
    } else if (strcmp(path, "/wait") == 0) {
        iscep_exchange_on_gone(exchange, end_gone, s);
    } else if (strcmp(path, "/raw") == 0) {
        iscep_exchange_reply_raw(exchange, iscep_exchange_body(exchange), false);
    } else if (strcmp(path, "/reset") == 0) {
        iscep_exchange_reply_raw(exchange, (iscep_bytes){0}, true);
    } else if (strcmp(path, "/large") == 0) {
        reply_text(exchange, 200, iscep_bytes_of(large, sizeof large));
    } else if (strcmp(path, "/echo") == 0) {
        reply_echo(exchange);
    } else {
        reply_text(exchange, (int32_t)strtol(path + 1, NULL, 10), iscep_bytes_of_text("status"));
    }
    gate_pass(&s->arrivals);
}

static void listen_everywhere(served *s)
{
    char key_file[128];
    iscep_error err = ISCEP_ERROR_INIT;
    temp_dir_path(&s->dir, s->socket_path, sizeof s->socket_path, "socket");
    temp_dir_path(&s->dir, s->ca_file, sizeof s->ca_file, "cert.pem");
    temp_dir_path(&s->dir, key_file, sizeof key_file, "key.pem");
    test_pki_write_tls_files(s->ca_file, key_file);
    cr_assert_eq(iscep_tls_server_new(&s->tls, s->ca_file, key_file, &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(iscep_http_server_listen_unix(s->server, s->socket_path, 0600, &err), ISCEP_OK, "%s",
                 err.message);
    cr_assert_eq(iscep_http_server_listen_tcp(s->server, "127.0.0.1", 0, NULL, &s->port, &err), ISCEP_OK);
    cr_assert_eq(iscep_http_server_listen_tcp(s->server, "127.0.0.1", 0, s->tls, &s->tls_port, &err),
                 ISCEP_OK);
}

void served_start(served *s, const iscep_http_server_options *options)
{
    const iscep_http_server_options defaults = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    *s = (served){
        .env = iscep_env_system(NULL), .arrivals = GATE_INIT, .drained = GATE_INIT, .gone = GATE_INIT};
    temp_dir_make(&s->dir);
    loop_thread_make(&s->on);
    cr_assert_eq(iscep_http_server_new(&s->server, &s->env, s->on.loop, options != NULL ? options : &defaults,
                                       handle, s, NULL),
                 ISCEP_OK);
    listen_everywhere(s);
    loop_thread_start(&s->on);
}

typedef struct extra_port {
    served *s;
    iscep_status status;
} extra_port;

static void listen_on_loop(void *user)
{
    extra_port *extra = user;
    extra->status = iscep_http_server_listen_tcp(extra->s->server, "127.0.0.1", 0, extra->s->extra_tls,
                                                 &extra->s->extra_port, NULL);
}

void served_listen_tls(served *s, const iscep_tls_options *options)
{
    iscep_error err = ISCEP_ERROR_INIT;
    extra_port extra = {.s = s};
    cr_assert_eq(iscep_tls_server_make(&s->extra_tls, options, &err), ISCEP_OK, "%s", err.message);
    loop_thread_run(&s->on, listen_on_loop, &extra);
    cr_assert_eq(extra.status, ISCEP_OK);
}

typedef struct adoption {
    served *s;
    int fd;
    uint32_t door;
} adoption;

static void adopt_on_loop(void *user)
{
    const adoption *a = user;
    iscep_http_server_adopt(a->s->server, a->fd, NULL, a->door);
}

int served_adopt(served *s, uint32_t door)
{
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    cr_assert_eq(fcntl(pair[0], F_SETFL, 0), 0); /* the client's end blocks */
    adoption a = {.s = s, .fd = pair[1], .door = door};
    loop_thread_run(&s->on, adopt_on_loop, &a);
    return pair[0];
}

typedef struct connection_count {
    served *s;
    uint32_t count;
} connection_count;

static void count_on_loop(void *user)
{
    connection_count *connections = user;
    connections->count = iscep_http_server_connection_count(connections->s->server);
}

uint32_t served_count_connections(served *s)
{
    connection_count connections = {.s = s};
    loop_thread_run(&s->on, count_on_loop, &connections);
    return connections.count;
}

static void release_on_loop(void *user)
{
    served *s = user;
    for (size_t i = 0; i < s->held_count; i++)
        reply_text(s->held[i], 200, iscep_bytes_of_text("released"));
    s->held_count = 0;
}

typedef struct gone_count {
    const served *s;
    size_t count;
} gone_count;

static void count_gone_on_loop(void *user)
{
    gone_count *gone = user;
    for (size_t i = 0; i < gone->s->held_count; i++)
        gone->count += iscep_exchange_is_gone(gone->s->held[i]);
}

size_t served_count_gone(served *s)
{
    gone_count gone = {.s = s};
    loop_thread_run(&s->on, count_gone_on_loop, &gone);
    return gone.count;
}

void served_release(served *s)
{
    loop_thread_run(&s->on, release_on_loop, s);
}

void served_stop(served *s)
{
    loop_thread_stop(&s->on);
    iscep_http_server_free(s->server);
    release_on_loop(s); /* into the void */
    iscep_tls_server_free(s->tls);
    iscep_tls_server_free(s->extra_tls);
    iscep_loop_free(s->on.loop);
    temp_dir_remove(&s->dir);
}
