/* A full house: who is let in, who goes for him, who is turned away; and what very many silent connections cost. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/metrics.h"
#include "net/limiter.h"
#include "tests/support/peer.h"
#include "tests/unit/net/served.h"
#include "tests/unit/net/tls_client.h"

enum { SILENT_COUNT = 2000, MAX_SILENT_LEN = 1024 };

static served s;
static iscep_env limiter_env;
static iscep_limiter *limiter;
static iscep_metrics *metrics;
static int fds[SILENT_COUNT];

static bool is_exempt(const iscep_exchange *exchange, void *user)
{
    cr_assert_eq(user, &s);
    return strcmp(iscep_exchange_path(exchange), "/204") == 0;
}

static const char *name_of(uint32_t door, void *user)
{
    (void)user;
    return door == 0 ? "here" : "elsewhere";
}

static void start(iscep_limits limits)
{
    iscep_http_server_options options = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    limiter_env = iscep_env_system(NULL);
    cr_assert_eq(iscep_limiter_new(&limiter, &limiter_env, &limits, NULL), ISCEP_OK);
    cr_assert_eq(iscep_metrics_new(&metrics, NULL), ISCEP_OK);
    options.limiter = limiter;
    options.is_exempt = is_exempt;
    options.door_name = name_of;
    options.header_timeout_ms = options.body_timeout_ms = options.idle_timeout_ms = 60000;
    served_start(&s, &options);
    s.env.metrics = metrics;
}

static void tear_down(void)
{
    served_stop(&s);
    iscep_limiter_free(limiter);
    iscep_metrics_free(metrics);
}

TestSuite(http_house, .fini = tear_down);

static double turned_away(const char *why)
{
    double value = 0;
    (void)iscep_metrics_get(&value, &metrics, 1, ISCEP_METRIC_HTTP_TURNED_AWAY,
                            (const char *const[]){"here", why, NULL});
    return value;
}

static void assert_echo(int fd)
{
    peer_reply reply;
    peer_ask(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", 200, &reply);
    peer_reply_clear(&reply);
}

/* A request that the handler has, and keeps. */
static int hold(void)
{
    unsigned before = gate_count(&s.arrivals);
    int fd = peer_connect_tcp(s.port);
    peer_send(fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    gate_await(&s.arrivals, before + 1);
    return fd;
}

static int connect_counted(uint16_t port)
{
    uint32_t before = served_count_connections(&s);
    int fd = peer_connect_tcp(port);
    while (served_count_connections(&s) == before) /* each look is a turn of the loop */
        continue;
    return fd;
}

static void assert_closed(int fd)
{
    ISCEP_AUTO_BUF rest;
    iscep_buf_init(&rest, 4096);
    peer_read_to_end(fd, &rest);
    cr_assert_eq(rest.len, 0, "%s", iscep_buf_text(&rest));
    close(fd);
}

static void assert_busy(int fd, const char *request, const char *want_code)
{
    peer_reply reply;
    char want[64];
    snprintf(want, sizeof want, "\"code\":\"%s\"", want_code);
    peer_ask(fd, request, 503, &reply);
    cr_assert_str_eq(peer_reply_header(&reply, "Retry-After"), "1");
    cr_assert_not_null(strstr(iscep_buf_text(&reply.body), want), "%s", iscep_buf_text(&reply.body));
    peer_reply_clear(&reply);
}

/* --- connections --- */

Test(http_house, of_those_who_have_nothing_under_way_the_longest_goes)
{
    start((iscep_limits){.max_connections = 4});
    int idle = connect_counted(s.port), silent = connect_counted(s.port), slow = connect_counted(s.port);
    int held = hold();
    assert_echo(idle);                         /* so that the silent one is the longest */
    peer_send(slow, "GET /echo HTTP/1.1\r\n"); /* and this one is the last, if the loop has seen it */
    served_count_connections(&s);
    int first = peer_connect_tcp(s.port);
    assert_echo(first);
    assert_closed(silent);
    cr_assert_eq(turned_away("made_room"), 1);
    cr_assert_eq(served_count_connections(&s), 4);
    served_release(&s);
    peer_reply reply;
    peer_ask(held, "", 200, &reply);
    peer_reply_clear(&reply);
    const int left[] = {idle, slow, held, first};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        close(left[i]);
}

Test(http_house, when_all_are_at_work_the_newcomer_is_turned_away)
{
    start((iscep_limits){.max_connections = 2});
    int a = hold(), b = hold();
    int plain = peer_connect_tcp(s.port), tls = peer_connect_tcp(s.tls_port);
    ISCEP_AUTO_BUF rest;
    iscep_buf_init(&rest, 64);
    assert_busy(plain, "", "too_many_connections");
    peer_read_to_end(plain, &rest);
    cr_assert_eq(rest.len, 0, "Content-Length is right");
    assert_closed(tls); /* who could not have read it */
    cr_assert_eq(turned_away("too_many_connections"), 2);
    cr_assert_eq(turned_away("made_room"), 0);
    close(plain);
    served_release(&s);
    close(a);
    close(b);
}

Test(http_house, bodies_on_their_way_stay_unless_they_are_slow)
{
    start((iscep_limits){.max_connections = 2});
    int a = hold(), slow = peer_connect_tcp(s.port);
    peer_send(slow, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\na");
    char byte;
    cr_assert_eq(recv(slow, &byte, 1, 0), 1); /* its header is whole */
    unsigned tries = 0;
    for (int status = 503; status == 503; tries++) {
        peer_reply reply;
        int fd = peer_connect_tcp(s.port);
        peer_send(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
        peer_read_reply(fd, &reply);
        status = reply.status;
        peer_reply_clear(&reply);
        close(fd);
    }
    cr_assert_gt(tries, 1, "at first it was not slow");
    cr_assert_eq(turned_away("made_room"), 1);
    ISCEP_AUTO_BUF rest;
    iscep_buf_init(&rest, 4096);
    peer_read_to_end(slow, &rest);
    cr_assert_null(strstr(iscep_buf_text(&rest), " 200 "));
    served_release(&s);
    close(a);
    close(slow);
}

Test(http_house, client_with_too_many_makes_room_among_his_own)
{
    start((iscep_limits){.max_connections_per_client = 2});
    int local = served_adopt(&s, 0); /* the longest of all, but not his */
    int first = connect_counted(s.port), held = hold();
    int third = peer_connect_tcp(s.port);
    assert_echo(third);
    assert_closed(first);
    assert_echo(local);
    int also_held = peer_connect_tcp(s.port); /* third goes for him */
    peer_send(also_held, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    gate_await(&s.arrivals, 4);
    int extra = peer_connect_tcp(s.port);
    assert_busy(extra, "", "too_many_of_client");
    assert_echo(local);
    for (int i = 0; i < 5; i++)
        close(served_adopt(&s, 0));
    served_release(&s);
    const int left[] = {local, held, third, also_held, extra};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        close(left[i]);
}

/* It is his own affair that he has too many: nobody else goes for him, however full the house is. */
Test(http_house, client_with_too_many_makes_room_among_his_own_in_a_full_house_too)
{
    start((iscep_limits){.max_connections = 3, .max_connections_per_client = 2});
    int local = served_adopt(&s, 0), a = hold(), b = hold();
    int extra = peer_connect_tcp(s.port);
    assert_busy(extra, "", "too_many_of_client");
    cr_assert_eq(turned_away("made_room"), 0);
    assert_echo(local);
    served_release(&s);
    const int left[] = {local, a, b, extra};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        close(left[i]);
}

/* --- who does not read --- */

enum { UNREAD_COUNT = 1000, LARGE_LEN = 100000 }; /* of /large */

/* All of them at once, and nothing is read. Returns when the server does nothing more about them. */
static int ask_and_not_read(void)
{
    static const char request[] = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = peer_connect_tcp(s.port);
    for (unsigned i = 0; i < UNREAD_COUNT; i++)
        peer_send(fd, request);
    unsigned arrivals = 0;
    for (unsigned unchanged = 0; unchanged < 50; unchanged++) { /* each look is a turn of the loop */
        served_count_connections(&s);
        if (gate_count(&s.arrivals) == arrivals)
            continue;
        arrivals = gate_count(&s.arrivals);
        unchanged = 0;
    }
    return fd;
}

static void read_all_large(int fd)
{
    for (unsigned i = 0; i < UNREAD_COUNT; i++) {
        peer_reply reply;
        peer_ask(fd, "", 200, &reply);
        cr_assert_eq(reply.body.len, LARGE_LEN);
        peer_reply_clear(&reply);
    }
}

Test(http_house, who_does_not_read_is_not_answered_into_our_memory)
{
    start((iscep_limits){0});
    int fd = ask_and_not_read();
    cr_assert_lt(gate_count(&s.arrivals), UNREAD_COUNT / 2, "the kernel's buffers hold no 50 MB");
    read_all_large(fd);
    assert_echo(fd);
    close(fd);
}

Test(http_house, who_has_not_had_his_answer_yet_does_not_go_for_a_newcomer)
{
    start((iscep_limits){.max_connections = 2});
    int held = hold(), reader = ask_and_not_read();
    assert_busy(peer_connect_tcp(s.port), "", "too_many_connections");
    cr_assert_eq(turned_away("made_room"), 0);
    read_all_large(reader);
    int newcomer = peer_connect_tcp(s.port); /* now there is nothing under way */
    assert_echo(newcomer);
    assert_closed(reader);
    served_release(&s);
    close(held);
    close(newcomer);
}

/* --- requests --- */

Test(http_house, request_too_many_is_told_so_and_its_connection_stays)
{
    start((iscep_limits){.max_in_flight = 1});
    int held = hold(), fd = peer_connect_tcp(s.port);
    assert_busy(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "too_many_requests");
    assert_busy(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", "too_many_requests");
    peer_reply reply;
    peer_ask(fd, "GET /204 HTTP/1.1\r\nHost: x\r\n\r\n", 204, &reply); /* exempt */
    peer_reply_clear(&reply);
    cr_assert_eq(gate_count(&s.arrivals), 2);
    cr_assert_eq(turned_away("too_many_requests"), 2);
    served_release(&s);
    assert_echo(fd);
    assert_echo(fd);
    close(held);
    close(fd);
}

Test(http_house, requests_of_one_client_do_not_fill_the_house)
{
    start((iscep_limits){.max_in_flight = 3, .max_in_flight_per_client = 1});
    int held = hold(), fd = peer_connect_tcp(s.port), local = peer_connect_unix(s.socket_path);
    assert_busy(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", "too_many_requests_of_client");
    assert_echo(local);
    close(held); /* who hangs up is still in flight: the handler has his request */
    while (served_count_gone(&s) == 0)
        continue;
    assert_busy(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", "too_many_requests_of_client");
    served_release(&s);
    assert_echo(fd);
    close(fd);
    close(local);
}

Test(http_house, who_comes_too_often_is_told_when_to_come_again)
{
    start((iscep_limits){.max_requests_per_second = 1, .max_burst = 2});
    int fd = peer_connect_tcp(s.port), local = peer_connect_unix(s.socket_path);
    peer_send(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\nGET /echo HTTP/1.1\r\nHost: x\r\n\r\n"
                  "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"); /* three within a second */
    peer_reply reply;
    peer_ask(fd, "", 200, &reply);
    peer_reply_clear(&reply);
    peer_ask(fd, "", 200, &reply);
    peer_reply_clear(&reply);
    assert_busy(fd, "", "too_often");
    assert_echo(local);
    close(fd);
    close(local);
}

/* --- very many --- */

static int64_t mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void allow_descriptors(void)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_geq(limit.rlim_cur, 2 * SILENT_COUNT + 100);
}

static void assert_tls_echo(uint16_t port)
{
    char body[64];
    tls_client client;
    int64_t before_ms = mono_ms();
    cr_assert(tls_client_open(&client, &(tls_client_options){.port = port}));
    cr_assert_eq(tls_client_get(&client, "/echo", body, sizeof body), 200);
    cr_log_info("answered in %lld ms", (long long)(mono_ms() - before_ms));
    cr_assert_lt(mono_ms() - before_ms, 2000);
    tls_client_close(&client);
}

Test(http_house, silent_tls_connections_cost_little_and_hinder_nobody)
{
    allow_descriptors();
    mallopt(M_ARENA_MAX, 1); /* so that mallinfo2 sees the loop's memory */
    start((iscep_limits){.max_connections = SILENT_COUNT + 1});
    assert_tls_echo(s.tls_port); /* what is made once is made */
    while (served_count_connections(&s) > 0)
        continue;
    size_t before = mallinfo2().uordblks;
    for (unsigned i = 0; i < SILENT_COUNT; i++)
        fds[i] = peer_connect_tcp(s.tls_port);
    while (served_count_connections(&s) < SILENT_COUNT)
        continue;
    size_t each = (mallinfo2().uordblks - before) / SILENT_COUNT;
    cr_log_info("%zu bytes for a silent connection", each);
    cr_assert_lt(each, MAX_SILENT_LEN);
    assert_tls_echo(s.tls_port);
    while (served_count_connections(&s) > SILENT_COUNT)
        continue;
    cr_assert_eq(turned_away("made_room"), 0);
    for (unsigned i = 0; i < SILENT_COUNT; i++)
        close(fds[i]);
}

Test(http_house, house_full_of_silent_tls_connections_still_answers)
{
    allow_descriptors();
    start((iscep_limits){.max_connections = SILENT_COUNT});
    for (unsigned i = 0; i < SILENT_COUNT; i++)
        fds[i] = peer_connect_tcp(s.tls_port);
    while (served_count_connections(&s) < SILENT_COUNT)
        continue;
    for (unsigned i = 0; i < 3; i++)
        peer_send(fds[SILENT_COUNT - 1 - i], "\x16\x03\x01"); /* half-open ones are no better */
    assert_tls_echo(s.tls_port);
    assert_closed(fds[0]);
    cr_assert_geq(turned_away("made_room"), 1);
    for (unsigned i = 1; i < SILENT_COUNT; i++)
        close(fds[i]);
}
