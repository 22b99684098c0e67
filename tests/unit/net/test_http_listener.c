/* Where the HTTP server listens, what it does with a socket file that is already there, and its orderly end. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/peer.h"
#include "tests/unit/net/served.h"

static served s;

static void set_up(void)
{
    served_start(&s, NULL);
}

static void tear_down(void)
{
    served_stop(&s);
}

TestSuite(http_listener, .init = set_up, .fini = tear_down);

static void assert_echo(int fd)
{
    peer_reply reply;
    peer_ask(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", 200, &reply);
    cr_assert_str_eq(iscep_buf_text(&reply.body), "GET /echo   -");
    peer_reply_clear(&reply);
}

Test(http_listener, unix_socket_has_its_mode_and_goes_with_the_server)
{
    struct stat st;
    cr_assert_eq(stat(s.socket_path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
    int fd = peer_connect_unix(s.socket_path);
    assert_echo(fd);
    close(fd);
}

typedef struct second_server {
    iscep_status status;
    iscep_error err;
    const char *path;
} second_server;

static void never_called(iscep_exchange *exchange, void *user)
{
    (void)exchange;
    (void)user;
    cr_assert_fail("no request was expected");
}

/* Tries to listen on path with a server of its own, which is gone afterwards. */
static second_server listen_again(const char *path)
{
    second_server second = {.path = path};
    iscep_loop *loop;
    iscep_http_server *server;
    const iscep_http_server_options options = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    cr_assert_eq(iscep_loop_new(&loop, NULL), ISCEP_OK);
    cr_assert_eq(iscep_http_server_new(&server, &s.env, loop, &options, never_called, NULL, NULL), ISCEP_OK);
    second.status = iscep_http_server_listen_unix(server, path, 0600, &second.err);
    iscep_http_server_free(server);
    iscep_loop_free(loop);
    return second;
}

Test(http_listener, live_unix_socket_is_not_taken_over)
{
    second_server second = listen_again(s.socket_path);
    cr_assert_eq(second.status, ISCEP_CONFIG);
    cr_assert_str_eq(second.err.code, "listen");
    cr_assert_not_null(strstr(second.err.message, s.socket_path));
    int fd = peer_connect_unix(s.socket_path);
    assert_echo(fd);
    close(fd);
}

Test(http_listener, dead_unix_socket_is_replaced_but_a_file_is_not)
{
    char path[128];
    temp_dir_path(&s.dir, path, sizeof path, "dead");
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd); /* as after kill -9 */
    second_server second = listen_again(path);
    cr_assert_eq(second.status, ISCEP_OK, "%s", second.err.message);
    cr_assert_eq(access(path, F_OK), -1, "the socket file goes with its server");
    temp_dir_write(&s.dir, path, sizeof path, "file", "precious");
    second = listen_again(path);
    cr_assert_eq(second.status, ISCEP_CONFIG);
    cr_assert_eq(access(path, F_OK), 0);
}

Test(http_listener, over_long_socket_path_is_refused)
{
    char path[256];
    memset(path, 'x', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    second_server second = listen_again(path);
    cr_assert_eq(second.status, ISCEP_CONFIG);
    cr_assert_str_eq(second.err.code, "listen");
}

static void on_drained(void *user)
{
    gate_pass(user);
}

static void drain_on_loop(void *user)
{
    served *draining = user;
    iscep_http_server_drain(draining->server, on_drained, &draining->drained);
}

Test(http_listener, drain_finishes_what_is_in_flight_and_closes_the_rest)
{
    int busy = peer_connect_tcp(s.port), idle = peer_connect_tcp(s.port);
    ISCEP_AUTO_BUF rest;
    peer_reply reply;
    iscep_buf_init(&rest, 4096);
    assert_echo(idle);
    peer_send(busy, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    gate_await(&s.arrivals, 2);
    loop_thread_run(&s.on, drain_on_loop, &s);
    cr_assert_eq(peer_read_to_end(idle, &rest), PEER_CLOSED);
    cr_assert_eq(gate_count(&s.drained), 0, "the busy one is not done");
    cr_assert_eq(access(s.socket_path, F_OK), -1, "nobody new is let in");
    served_release(&s);
    peer_ask(busy, "", 200, &reply);
    cr_assert_str_eq(iscep_buf_text(&reply.body), "released");
    cr_assert_str_eq(peer_reply_header(&reply, "Connection"), "close");
    cr_assert_eq(peer_read_to_end(busy, &rest), PEER_CLOSED);
    peer_reply_clear(&reply);
    close(busy);
    close(idle);
    gate_await(&s.drained, 1);
    loop_thread_run(&s.on, drain_on_loop, &s); /* again is nothing */
    cr_assert_eq(gate_count(&s.drained), 1);
}

Test(http_listener, drain_without_connections_is_over_at_once)
{
    loop_thread_run(&s.on, drain_on_loop, &s);
    gate_await(&s.drained, 1);
}
