/* A request that another loop answers: in whole, when the client hangs up, and when either side ends first. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_server.h"
#include "net/limiter.h"
#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"
#include "tests/support/temp_dir.h"

enum { MAX_HELD = 64 };

static iscep_env env;
static loop_thread home, away;
static pthread_t away_thread;
static iscep_http_server *server;
static iscep_limiter *limiter;
static temp_dir dir;
static char path[128];
static gate lent, arrivals, gone;
static iscep_exchange *held[MAX_HELD]; /* of away's thread */
static unsigned held_count;

/* --- the borrower --- */

static void describe(iscep_exchange *exchange)
{
    char text[256];
    iscep_buf body = iscep_exchange_take_body(exchange);
    iscep_peer peer = iscep_exchange_peer(exchange);
    uint32_t uid = UINT32_MAX;
    cr_assert(iscep_exchange_peer_uid(exchange, &uid));
    const char *field = iscep_exchange_header(exchange, "X-Test");
    snprintf(text, sizeof text, "%s %s %.*s uid %u door %u %s", iscep_exchange_method(exchange),
             iscep_exchange_path(exchange), (int)body.len, body.len > 0 ? (const char *)body.data : "", uid,
             peer.door, field != NULL ? field : "-");
    const iscep_http_header more[] = {{"X-One", "1"}, {"X-Two", "2"}};
    iscep_exchange_reply(exchange, &(iscep_reply){.status = 201,
                                                  .content_type = "text/plain",
                                                  .body = iscep_bytes_of_text(text),
                                                  .headers = more,
                                                  .header_count = 2});
    iscep_buf_clear(&body);
}

static void reply_text(iscep_exchange *exchange, const char *text)
{
    iscep_exchange_reply(exchange, &(iscep_reply){.status = 200, .body = iscep_bytes_of_text(text)});
}

static void end_gone(iscep_exchange *exchange, void *user)
{
    (void)user;
    cr_assert(iscep_exchange_is_gone(exchange));
    cr_assert(pthread_equal(pthread_self(), away_thread));
    reply_text(exchange, "too late");
    gate_pass(&gone);
}

static void answer_away(iscep_exchange *exchange, void *user)
{
    const char *at = iscep_exchange_path(exchange);
    cr_assert_eq(user, &env);
    if (strcmp(at, "/hold") == 0) {
        cr_assert_lt(held_count, MAX_HELD);
        held[held_count++] = exchange;
    } else if (strcmp(at, "/wait") == 0) {
        iscep_exchange_on_gone(exchange, end_gone, NULL);
    } else if (strcmp(at, "/error") == 0) {
        iscep_exchange_reply_error(exchange, 404, "not_here", "it is not here");
    } else if (strcmp(at, "/raw") == 0) {
        iscep_exchange_send_part(exchange, iscep_bytes_of_text("HTTP/1.1 200 "));
        iscep_exchange_reply_raw(exchange, iscep_bytes_of_text("nothing of this"), false);
    } else if (strcmp(at, "/twice") == 0) {
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(iscep_exchange_lend(exchange, home.loop, answer_away, &env, &err), ISCEP_USAGE);
        reply_text(exchange, "once");
    } else {
        describe(exchange);
    }
    gate_pass(&arrivals);
}

static void release_on_loop(void *user)
{
    (void)user;
    while (held_count > 0)
        reply_text(held[--held_count], "released");
}

static void remember_thread(void *user)
{
    (void)user;
    away_thread = pthread_self();
}

/* --- the lender --- */

static void lend(iscep_exchange *exchange, void *user)
{
    cr_assert_eq(iscep_exchange_lend(exchange, away.loop, answer_away, user, NULL), ISCEP_OK);
    gate_pass(&lent);
}

static void start_server(void)
{
    iscep_http_server_options options = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    options.limiter = limiter;
    loop_thread_make(&home);
    cr_assert_eq(iscep_http_server_new(&server, &env, home.loop, &options, lend, &env, NULL), ISCEP_OK);
    cr_assert_eq(iscep_http_server_listen_unix(server, path, 0600, NULL), ISCEP_OK);
    loop_thread_start(&home);
}

static void free_server(void *user)
{
    (void)user;
    iscep_http_server_free(server);
    server = NULL;
}

static void set_up(void)
{
    const iscep_limits limits = {.max_in_flight = MAX_HELD};
    env = iscep_env_system(NULL);
    lent = arrivals = gone = (gate)GATE_INIT;
    cr_assert_eq(iscep_limiter_new(&limiter, &env, &limits, NULL), ISCEP_OK);
    temp_dir_make(&dir);
    temp_dir_path(&dir, path, sizeof path, "socket");
    loop_thread_make(&away);
    loop_thread_start(&away);
    loop_thread_run(&away, remember_thread, NULL);
    start_server();
}

static void tear_down(void)
{
    if (server != NULL)
        loop_thread_run(&home, free_server, NULL);
    loop_thread_stop(&home);
    loop_thread_run(&away, release_on_loop, NULL);
    loop_thread_stop(&away);
    iscep_loop_free(home.loop);
    iscep_loop_free(away.loop);
    for (int i = 0; i < MAX_HELD; i++) /* nothing is in flight any more */
        cr_assert_null(iscep_limiter_begin(limiter, &(iscep_client_id){.text = "uid 1"}, &(int32_t){0}));
    iscep_limiter_free(limiter);
    temp_dir_remove(&dir);
}

TestSuite(http_lend, .init = set_up, .fini = tear_down);

static void assert_body(int fd, const char *request, int want_status, const char *want)
{
    peer_reply reply;
    peer_ask(fd, request, want_status, &reply);
    cr_assert_str_eq(iscep_buf_text(&reply.body), want);
    peer_reply_clear(&reply);
}

static void reset(int fd)
{
    struct linger at_once = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

/* --- answers --- */

Test(http_lend, is_answered_by_the_other_loop)
{
    char want[128];
    peer_reply reply;
    int fd = peer_connect_unix(path);
    snprintf(want, sizeof want, "POST /x abc uid %u door 0 v", geteuid());
    for (int i = 0; i < 3; i++) {
        peer_ask(fd, "POST /x HTTP/1.1\r\nHost: x\r\nX-Test: v\r\nContent-Length: 3\r\n\r\nabc", 201, &reply);
        cr_assert_str_eq(iscep_buf_text(&reply.body), want);
        cr_assert_str_eq(peer_reply_header(&reply, "Content-Type"), "text/plain");
        cr_assert_str_eq(peer_reply_header(&reply, "X-One"), "1");
        cr_assert_str_eq(peer_reply_header(&reply, "X-Two"), "2");
        cr_assert_null(peer_reply_header(&reply, "Connection"));
        peer_reply_clear(&reply);
    }
    assert_body(fd, "GET /error HTTP/1.1\r\nHost: x\r\n\r\n", 404,
                "{\"error\":{\"code\":\"not_here\",\"message\":\"it is not here\"}}\n");
    assert_body(fd, "GET /twice HTTP/1.1\r\nHost: x\r\n\r\n", 200, "once");
    close(fd);
}

Test(http_lend, pipelined_requests_are_answered_in_order)
{
    int fd = peer_connect_unix(path);
    peer_send(fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\nGET /error HTTP/1.1\r\nHost: x\r\n\r\n");
    gate_await(&arrivals, 1);
    loop_thread_run(&away, release_on_loop, NULL);
    assert_body(fd, "", 200, "released");
    assert_body(fd, "", 404, "{\"error\":{\"code\":\"not_here\",\"message\":\"it is not here\"}}\n");
    close(fd);
}

Test(http_lend, raw_reply_only_closes)
{
    int fd = peer_connect_unix(path);
    ISCEP_AUTO_BUF all;
    iscep_buf_init(&all, 4096);
    peer_send(fd, "GET /raw HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert_eq(peer_read_to_end(fd, &all), PEER_CLOSED);
    cr_assert_eq(all.len, 0);
    close(fd);
}

/* --- who hangs up --- */

Test(http_lend, borrower_is_told_of_who_hangs_up)
{
    int fd = peer_connect_unix(path);
    peer_send(fd, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    gate_await(&arrivals, 1);
    cr_assert_eq(gate_count(&gone), 0);
    reset(fd);
    gate_await(&gone, 1);
}

Test(http_lend, who_has_closed_his_sending_half_is_answered)
{
    int fd = peer_connect_unix(path);
    ISCEP_AUTO_BUF all;
    iscep_buf_init(&all, 4096);
    peer_send(fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert_eq(shutdown(fd, SHUT_WR), 0);
    gate_await(&arrivals, 1);
    loop_thread_run(&away, release_on_loop, NULL);
    cr_assert_eq(peer_read_to_end(fd, &all), PEER_CLOSED);
    cr_assert_not_null(strstr(iscep_buf_text(&all), "released"));
    close(fd);
}

Test(http_lend, reply_to_who_hung_up_goes_into_the_void)
{
    int fd = peer_connect_unix(path), other = peer_connect_unix(path);
    peer_send(fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    gate_await(&arrivals, 1);
    close(fd);
    loop_thread_run(&away, release_on_loop, NULL);
    assert_body(other, "GET /twice HTTP/1.1\r\nHost: x\r\n\r\n", 200, "once");
    close(other);
}

/* --- who ends first --- */

Test(http_lend, server_and_loop_may_go_before_the_reply)
{
    int fd = peer_connect_unix(path), waiting = peer_connect_unix(path);
    ISCEP_AUTO_BUF all;
    iscep_buf_init(&all, 4096);
    peer_send(fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_send(waiting, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    gate_await(&arrivals, 2);
    loop_thread_run(&home, free_server, NULL);
    gate_await(&gone, 1);
    cr_assert_eq(peer_read_to_end(fd, &all), PEER_CLOSED);
    cr_assert_eq(all.len, 0);
    loop_thread_stop(&home);
    iscep_loop_free(home.loop);
    loop_thread_run(&away, release_on_loop, NULL);
    loop_thread_make(&home);
    loop_thread_start(&home);
    close(fd);
    close(waiting);
}

Test(http_lend, loop_may_go_with_the_answer_in_its_queue)
{
    int fd = peer_connect_unix(path);
    peer_send(fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    gate_await(&arrivals, 1);
    loop_thread_stop(&home);
    loop_thread_run(&away, release_on_loop, NULL); /* posts to a loop that runs no more */
    free_server(NULL);
    iscep_loop_free(home.loop);
    loop_thread_make(&home);
    loop_thread_start(&home);
    close(fd);
}

Test(http_lend, borrowers_loop_that_ends_first_answers_busy)
{
    loop_thread_stop(&away); /* what is lent now waits in its queue */
    int fd = peer_connect_unix(path);
    peer_send(fd, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    gate_await(&lent, 1);
    iscep_loop_free(away.loop);
    peer_reply reply;
    peer_ask(fd, "", 503, &reply);
    cr_assert_str_eq(peer_reply_header(&reply, "Retry-After"), "1");
    cr_assert_eq(gate_count(&arrivals), 0);
    peer_reply_clear(&reply);
    close(fd);
    loop_thread_make(&away);
    loop_thread_start(&away);
}

/* --- races, for the sanitizers --- */

/* Clients who ask, and hang up at any moment. */
static void *ask_and_hang_up(void *user)
{
    static const char *const requests[] = {"GET /x HTTP/1.1\r\nHost: x\r\n\r\n",
                                           "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n",
                                           "GET /error HTTP/1.1\r\nHost: x\r\n\r\n"};
    for (int i = 0; i < 100; i++) {
        int fd = peer_connect_unix(path);
        char byte;
        peer_send(fd, requests[i % 3]);
        if (i % 3 == 0 && i % 2 == 0)
            cr_assert_eq(recv(fd, &byte, 1, 0), 1);
        close(fd);
    }
    return user;
}

Test(http_lend, survives_clients_who_come_and_go)
{
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, ask_and_hang_up, NULL), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    int fd = peer_connect_unix(path);
    assert_body(fd, "GET /twice HTTP/1.1\r\nHost: x\r\n\r\n", 200, "once");
    close(fd);
}

Test(http_lend, survives_servers_that_end_while_answers_are_under_way)
{
    for (unsigned round = 0; round < 30; round++) {
        int fds[8];
        for (int i = 0; i < 8; i++) {
            fds[i] = peer_connect_unix(path);
            peer_send(fds[i], i % 2 == 0 ? "GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
                                         : "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
        }
        gate_await(&lent, round * 8 + 1);
        loop_thread_run(&home, free_server, NULL);
        loop_thread_stop(&home);
        for (int i = 0; i < 8; i++)
            close(fds[i]);
        iscep_loop_free(home.loop);
        start_server();
        lent.count = (round + 1) * 8; /* those of the end may not have been lent */
    }
}
