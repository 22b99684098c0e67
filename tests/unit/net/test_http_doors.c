/* Connections that other listeners accepted: by which door they came, what is counted of it, and how a door closes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/metrics.h"
#include "tests/support/peer.h"
#include "tests/unit/net/served.h"

static served s;
static iscep_metrics *metrics;

static const char *name_of(uint32_t door, void *user)
{
    cr_assert_eq(user, &s);
    return door == 1 ? "api" : "admin";
}

static void set_up(void)
{
    iscep_http_server_options options = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    options.door_name = name_of;
    served_start(&s, &options);
    cr_assert_eq(iscep_metrics_new(&metrics, NULL), ISCEP_OK);
    s.env.metrics = metrics; /* nobody has come yet */
}

static void tear_down(void)
{
    served_stop(&s);
    iscep_metrics_free(metrics);
}

TestSuite(http_doors, .init = set_up, .fini = tear_down);

static double value_of(iscep_metric metric, const char *listener, const char *second)
{
    double value = -1;
    cr_assert(iscep_metrics_get(&value, &metrics, 1, metric, (const char *const[]){listener, second, NULL}),
              "no such series: %s %s", listener, second);
    return value;
}

static void assert_body(int fd, const char *request, const char *want)
{
    peer_reply reply;
    peer_ask(fd, request, 200, &reply);
    cr_assert_str_eq(iscep_buf_text(&reply.body), want);
    peer_reply_clear(&reply);
}

Test(http_doors, handler_is_told_the_door_and_who_came)
{
    char want[64];
    int fd = served_adopt(&s, 1), tcp = peer_connect_tcp(s.port);
    snprintf(want, sizeof want, "door 1 unix uid %u plain - ", geteuid());
    assert_body(fd, "GET /peer HTTP/1.1\r\nHost: x\r\n\r\n", want);
    assert_body(tcp, "GET /peer HTTP/1.1\r\nHost: x\r\n\r\n", "door 0 tcp uid - plain - 127.0.0.1");
    assert_body(fd, "GET /named/anybody HTTP/1.1\r\nHost: x\r\n\r\n", "no");
    close(fd);
    close(tcp);
}

Test(http_doors, connections_and_requests_are_counted_by_listener)
{
    int api = served_adopt(&s, 1), again = served_adopt(&s, 1), admin = served_adopt(&s, 2);
    peer_reply reply;
    assert_body(api, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", "GET /echo   -");
    assert_body(api, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", "GET /echo   -");
    peer_ask(admin, "GET /404 HTTP/1.1\r\nHost: x\r\n\r\n", 404, &reply);
    peer_reply_clear(&reply);
    cr_assert_eq(value_of(ISCEP_METRIC_CONNECTIONS, "api", NULL), 2);
    cr_assert_eq(value_of(ISCEP_METRIC_CONNECTIONS, "admin", NULL), 1);
    cr_assert_eq(value_of(ISCEP_METRIC_HTTP_REQUESTS, "api", "200"), 2);
    cr_assert_eq(value_of(ISCEP_METRIC_HTTP_REQUESTS, "admin", "404"), 1);
    close(again);
    ISCEP_AUTO_BUF rest;
    iscep_buf_init(&rest, 4096);
    peer_send(api, "nonsense\r\n\r\n");
    peer_read_to_end(api, &rest);
    cr_assert_eq(value_of(ISCEP_METRIC_HTTP_REQUESTS, "api", "400"), 1);
    close(api);
    while (served_count_connections(&s) > 1) /* each look is a turn of the loop */
        continue;
    cr_assert_eq(value_of(ISCEP_METRIC_CONNECTIONS, "api", NULL), 0);
    cr_assert_eq(value_of(ISCEP_METRIC_CONNECTIONS, "admin", NULL), 1);
    close(admin);
}

static void close_door_on_loop(void *user)
{
    iscep_http_server_close_door(user, 1);
}

Test(http_doors, closed_door_ends_what_is_idle_now_and_the_rest_behind_its_answer)
{
    int idle = served_adopt(&s, 1), silent = served_adopt(&s, 1), busy = served_adopt(&s, 1),
        half = served_adopt(&s, 1), other = served_adopt(&s, 2);
    ISCEP_AUTO_BUF rest;
    peer_reply reply;
    iscep_buf_init(&rest, 4096);
    assert_body(idle, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", "GET /echo   -");
    assert_body(other, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", "GET /echo   -");
    peer_send(busy, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    gate_await(&s.arrivals, 3);
    peer_send(half, "GET /echo HTTP/1.1\r\n");
    loop_thread_run(&s.on, close_door_on_loop, s.server);
    cr_assert_eq(peer_read_to_end(idle, &rest), PEER_CLOSED);
    cr_assert_eq(peer_read_to_end(silent, &rest), PEER_CLOSED);
    cr_assert_eq(rest.len, 0);
    cr_assert_eq(served_count_connections(&s), 3);
    served_release(&s);
    peer_ask(busy, "", 200, &reply);
    cr_assert_str_eq(peer_reply_header(&reply, "Connection"), "close");
    peer_reply_clear(&reply);
    cr_assert_eq(peer_read_to_end(busy, &rest), PEER_CLOSED);
    peer_ask(half, "Host: x\r\n\r\n", 200, &reply);
    cr_assert_str_eq(peer_reply_header(&reply, "Connection"), "close");
    peer_reply_clear(&reply);
    assert_body(other, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", "GET /echo   -");
    int new = served_adopt(&s, 1);
    assert_body(new, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", "GET /echo   -");
    const int all[] = {idle, silent, busy, half, other, new};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        close(all[i]);
}

/* A reply that is still on its way is no idleness. */
Test(http_doors, answer_that_is_being_read_is_read_to_its_end_though_the_door_closes)
{
    static const char request[] = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = served_adopt(&s, 1);
    ISCEP_AUTO_BUF rest;
    iscep_buf_init(&rest, 4096);
    unsigned answered = 0;
    for (bool is_stuck = false; !is_stuck; answered = gate_count(&s.arrivals)) {
        peer_send(fd, request);
        for (unsigned turns = 0; turns < 50 && gate_count(&s.arrivals) == answered; turns++)
            served_count_connections(&s);
        is_stuck = gate_count(&s.arrivals) == answered;
    }
    loop_thread_run(&s.on, close_door_on_loop, s.server);
    for (unsigned i = 0; i < answered; i++) {
        peer_reply reply;
        peer_ask(fd, "", 200, &reply);
        cr_assert_eq(reply.body.len, 100000);
        peer_reply_clear(&reply);
    }
    cr_assert_eq(peer_read_to_end(fd, &rest), PEER_CLOSED);
    cr_assert_eq(rest.len, 0);
    close(fd);
}

typedef struct late {
    int fd;
    served *s;
} late;

/* A request arrives in the kernel, and the door closes before the loop has seen it. */
static void send_and_close_door(void *user)
{
    const late *l = user;
    peer_send(l->fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    iscep_http_server_close_door(l->s->server, 1);
}

Test(http_doors, request_that_has_arrived_is_answered_though_the_door_closes)
{
    late silent = {.fd = served_adopt(&s, 1), .s = &s}, idle = {.fd = served_adopt(&s, 1), .s = &s};
    assert_body(idle.fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", "GET /echo   -");
    late *both[] = {&silent, &idle};
    for (size_t i = 0; i < 2; i++) {
        peer_reply reply;
        loop_thread_run(&s.on, send_and_close_door, both[i]);
        if (i == 0) /* the idle one had sent nothing then */
            idle.fd = served_adopt(&s, 1);
        peer_ask(both[i]->fd, "", 200, &reply);
        cr_assert_str_eq(peer_reply_header(&reply, "Connection"), "close");
        peer_reply_clear(&reply);
        close(both[i]->fd);
    }
}

static void set_options_on_loop(void *user)
{
    iscep_http_server_options options = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    served *of = user;
    options.max_body_len = 3;
    iscep_http_server_set_options(of->server, &options);
}

Test(http_doors, new_options_hold_for_the_next_request)
{
    int fd = served_adopt(&s, 1);
    peer_reply reply;
    assert_body(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nfour", "POST /echo  four -");
    loop_thread_run(&s.on, set_options_on_loop, &s);
    assert_body(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nfou", "POST /echo  fou -");
    peer_ask(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nfour", 413, &reply);
    peer_reply_clear(&reply);
    close(fd);
}
