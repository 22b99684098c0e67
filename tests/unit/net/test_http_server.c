/* The HTTP server over real sockets: what it serves, and what it refuses, with the status that says why. */
#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"
#include "tests/support/peer.h"
#include "tests/unit/net/served.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static served s;

static void tear_down(void)
{
    served_stop(&s);
}

static void set_up(void)
{
    served_start(&s, NULL);
}

/* Small enough to be exceeded with a line of text, soon enough to be waited for. */
static void set_up_small(void)
{
    served_start(&s, &(iscep_http_server_options){.max_header_len = 512,
                                                  .max_body_len = 100,
                                                  .max_connections = 3,
                                                  .header_timeout_ms = 100,
                                                  .body_timeout_ms = 100,
                                                  .idle_timeout_ms = 100});
}

TestSuite(http_server, .init = set_up, .fini = tear_down);
TestSuite(http_limits, .init = set_up_small, .fini = tear_down);

static void assert_answer(int fd, const char *request, int want_status, const char *want_body)
{
    peer_reply reply;
    peer_ask(fd, request, want_status, &reply);
    cr_assert_str_eq(iscep_buf_text(&reply.body), want_body);
    peer_reply_clear(&reply);
}

/* Sends a request that is refused; wants an error body with this code, and the end of the connection behind it. */
static void assert_refused(int fd, const char *request, int want_status, const char *want_code)
{
    peer_reply reply;
    ISCEP_AUTO_JSON *body = NULL;
    ISCEP_AUTO_BUF rest;
    iscep_buf_init(&rest, 4096);
    peer_ask(fd, request, want_status, &reply);
    cr_assert_str_eq(peer_reply_header(&reply, "Connection"), "close");
    cr_assert_str_eq(peer_reply_header(&reply, "Content-Type"), "application/json");
    cr_assert_eq(iscep_json_parse(&body, iscep_buf_bytes(&reply.body), NULL), ISCEP_OK);
    const iscep_json *error = iscep_json_member(body, "error");
    cr_assert_str_eq(iscep_json_text(error, "code"), want_code);
    cr_assert_not_null(iscep_json_text(error, "message"));
    peer_read_to_end(fd, &rest);
    cr_assert_eq(rest.len, 0, "something came behind the refusal: %s", iscep_buf_text(&rest));
    peer_reply_clear(&reply);
    close(fd);
}

Test(http_server, answers_get_and_post)
{
    int fd = peer_connect_tcp(s.port);
    peer_reply reply;
    peer_ask(fd, "GET /echo?a=1&b=%20 HTTP/1.1\r\nHost: x\r\nX-Test: one\r\n\r\n", 200, &reply);
    cr_assert_str_eq(iscep_buf_text(&reply.body), "GET /echo a=1&b=%20  one");
    cr_assert_str_eq(peer_reply_header(&reply, "Content-Type"), "text/plain");
    cr_assert_not_null(peer_reply_header(&reply, "Date"));
    cr_assert_null(peer_reply_header(&reply, "Connection"));
    peer_reply_clear(&reply);
    assert_answer(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 200,
                  "POST /echo  hello -");
    assert_answer(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 200, "POST /echo   -");
    assert_answer(fd, "DELETE /echo HTTP/1.1\r\nHost: x\r\n\r\n", 200, "DELETE /echo   -");
    assert_answer(fd,
                  "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                  "HTTP2-Settings: AAEAAEAA\r\nContent-Length: 5\r\n\r\nhello",
                  200, "POST /echo  hello -");
    assert_answer(fd, "GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 200,
                  "GET /echo   -");
    close(fd);
}

Test(http_server, reads_chunked_bodies)
{
    int fd = peer_connect_tcp(s.port);
    assert_answer(fd,
                  "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "3\r\nabc\r\n1;ext=1\r\nd\r\n0\r\n\r\n",
                  200, "POST /echo  abcd -");
    assert_answer(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", 200, "GET /echo   -");
    close(fd);
}

Test(http_server, does_not_take_trailers_for_header_fields)
{
    int fd = peer_connect_tcp(s.port);
    assert_answer(fd,
                  "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "3\r\nabc\r\n0\r\nX-Test: smuggled\r\nX-Other: 2\r\n\r\n",
                  200, "POST /echo  abc -");
    assert_answer(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", 200, "GET /echo   -");
    close(fd);
}

Test(http_server, does_not_care_how_bytes_are_cut)
{
    int fd = peer_connect_tcp(s.port);
    peer_reply reply;
    peer_send_dripping(fd, "POST /echo?q HTTP/1.1\r\nHost: x\r\nX-Test:  v \r\nContent-Length: 3\r\n\r\nabc");
    peer_read_reply(fd, &reply);
    cr_assert_str_eq(iscep_buf_text(&reply.body), "POST /echo q abc v");
    peer_reply_clear(&reply);
    peer_send_dripping(
        fd, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n");
    peer_read_reply(fd, &reply);
    cr_assert_str_eq(iscep_buf_text(&reply.body), "POST /echo  ab -");
    peer_reply_clear(&reply);
    close(fd);
}

Test(http_server, answers_pipelined_requests_in_order)
{
    int fd = peer_connect_tcp(s.port);
    peer_reply reply;
    peer_send(fd, "GET /echo?1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /echo?2 HTTP/1.1\r\nHost: "
                  "x\r\nContent-Length: 1\r\n\r\nb"
                  "GET /hold HTTP/1.1\r\nHost: x\r\n\r\nGET /echo?4 HTTP/1.1\r\nHost: x\r\n\r\n");
    static const char *const want[] = {"GET /echo 1  -", "POST /echo 2 b -", "released", "GET /echo 4  -"};
    for (size_t i = 0; i < COUNT(want); i++) {
        if (i == 2) {
            gate_await(&s.arrivals, 3);
            served_release(&s);
        }
        peer_read_reply(fd, &reply);
        cr_assert_str_eq(iscep_buf_text(&reply.body), want[i]);
        peer_reply_clear(&reply);
    }
    close(fd);
}

/* Its body would be taken for the next reply (RFC 9110 9.3.2). */
Test(http_server, answers_head_without_a_body)
{
    int fd = peer_connect_tcp(s.port);
    ISCEP_AUTO_BUF all;
    iscep_buf_init(&all, 4096);
    peer_send(fd, "HEAD /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    peer_read_to_end(fd, &all);
    const char *end = strstr(iscep_buf_text(&all), "\r\n\r\n");
    cr_assert_not_null(end);
    cr_assert_str_eq(end, "\r\n\r\n");
    cr_assert_not_null(strstr(iscep_buf_text(&all), "\r\nContent-Length: 14\r\n"), "as of a GET");
    close(fd);
}

Test(http_server, closes_when_the_client_wants_it)
{
    static const char *const requests[] = {
        "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /echo HTTP/1.0\r\nHost: x\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT(requests); i++) {
        int fd = peer_connect_tcp(s.port);
        ISCEP_AUTO_BUF rest;
        iscep_buf_init(&rest, 4096);
        assert_answer(fd, requests[i], 200, "GET /echo   -");
        cr_assert_eq(peer_read_to_end(fd, &rest), PEER_CLOSED);
        cr_assert_eq(rest.len, 0);
        close(fd);
    }
}

Test(http_server, refuses_what_is_no_request)
{
    static const char *const wrong[] = {
        "GARBAGE\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01", /* TLS to the plain port */
        "GET\r\n\r\n",
        "GET /echo\r\n\r\n",
        "GET /echo HTTP/9\r\n\r\n",
        "get /echo HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://x/echo HTTP/1.1\r\nHost: x\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: x\r\nBad Name: x\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello",
        "GET /echo HTTP/1.1\r\nHost: x\r\nX: a\x01\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: five\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5x\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
    };
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_refused(peer_connect_tcp(s.port), wrong[i], 400, "http_malformed");
    cr_assert_eq(gate_count(&s.arrivals), 0, "none of them reached the handler");
}

Test(http_server, refuses_a_field_that_stands_there_twice)
{
    static const char *const doubles[] = {
        "GET /echo HTTP/1.1\r\nHost: x\r\nX-Test: 1\r\nX-Test: 1\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: x\r\nX-Test: 1\r\nX-Other: 1\r\nx-tEST: 2\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET /echo HTTP/1.1\r\nHost: x\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT(doubles); i++)
        assert_refused(peer_connect_tcp(s.port), doubles[i], 400, "http_malformed");
    int fd = peer_connect_tcp(s.port);
    assert_answer(fd,
                  "GET /echo HTTP/1.1\r\nHost: x\r\nAccept: a\r\nAccept: b\r\nVia: 1 a\r\nVia: 1 b\r\n\r\n",
                  200, "GET /echo   -");
    close(fd);
}

Test(http_server, refuses_too_many_fields)
{
    ISCEP_AUTO_BUF request;
    iscep_buf_init(&request, 8192);
    iscep_buf_append_text(&request, "GET /echo HTTP/1.1\r\n");
    for (int i = 0; i < 65; i++)
        iscep_buf_printf(&request, "X-%d: 1\r\n", i);
    iscep_buf_append_text(&request, "\r\n");
    assert_refused(peer_connect_tcp(s.port), iscep_buf_text(&request), 431, "header_too_large");
}

Test(http_server, answers_one_who_has_closed_his_sending_half)
{
    int fd = peer_connect_tcp(s.port);
    ISCEP_AUTO_BUF all;
    iscep_buf_init(&all, 4096);
    peer_send(fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    shutdown(fd, SHUT_WR);
    gate_await(&s.arrivals, 1);
    served_release(&s);
    cr_assert_eq(peer_read_to_end(fd, &all), PEER_CLOSED);
    cr_assert_not_null(strstr(iscep_buf_text(&all), "released"));
    close(fd);
}

Test(http_server, notices_a_client_who_hung_up_and_replies_into_the_void)
{
    int fd = peer_connect_tcp(s.port);
    peer_send(fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    gate_await(&s.arrivals, 1);
    cr_assert_eq(served_count_gone(&s), 0);
    struct linger at_once = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
    while (served_count_gone(&s) == 0) /* each look is a turn of the loop; ctest bounds it */
        sched_yield();
    served_release(&s);
    int other = peer_connect_tcp(s.port);
    assert_answer(other, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", 200, "GET /echo   -");
    close(other);
}

Test(http_server, tells_at_once_of_a_client_who_hangs_up)
{
    int fd = peer_connect_unix(s.socket_path);
    peer_send(fd, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    gate_await(&s.arrivals, 1);
    cr_assert_eq(gate_count(&s.gone), 0);
    close(fd);
    gate_await(&s.gone, 1);
    int half = peer_connect_tcp(s.port); /* who only closed his sending half still reads */
    iscep_buf reply;
    iscep_buf_init(&reply, 4096);
    peer_send(half, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert_eq(shutdown(half, SHUT_WR), 0);
    gate_await(&s.gone, 2);
    peer_read_to_end(half, &reply);
    cr_assert_eq(strncmp(iscep_buf_text(&reply), "HTTP/1.1 204 No Content\r\n", 25), 0);
    cr_assert_null(strstr(iscep_buf_text(&reply), "Content-Length"));
    iscep_buf_clear(&reply);
    close(half);
}

Test(http_server, knows_who_is_at_the_other_end_of_a_unix_socket_only)
{
    char uid[32];
    peer_reply reply;
    int here = peer_connect_unix(s.socket_path), there = peer_connect_tcp(s.port);
    snprintf(uid, sizeof uid, "%u", geteuid());
    peer_ask(here, "GET /who HTTP/1.1\r\nHost: x\r\n\r\n", 200, &reply);
    cr_assert_str_eq(iscep_buf_text(&reply.body), uid);
    peer_reply_clear(&reply);
    peer_ask(there, "GET /who HTTP/1.1\r\nHost: x\r\n\r\n", 200, &reply);
    cr_assert_str_eq(iscep_buf_text(&reply.body), "nobody");
    peer_reply_clear(&reply);
    close(here);
    close(there);
}

Test(http_server, raw_reply_is_sent_as_it_is)
{
    int fd = peer_connect_tcp(s.port);
    ISCEP_AUTO_BUF all;
    iscep_buf_init(&all, 4096);
    peer_send(fd, "POST /raw HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nHTTP/1.1 ");
    cr_assert_eq(peer_read_to_end(fd, &all), PEER_CLOSED);
    cr_assert_str_eq(iscep_buf_text(&all), "HTTP/1.1 ");
    close(fd);
    fd = peer_connect_tcp(s.port);
    iscep_buf_clear(&all);
    peer_send(fd, "POST /raw HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    cr_assert_eq(peer_read_to_end(fd, &all), PEER_CLOSED);
    cr_assert_eq(all.len, 0);
    close(fd);
}

Test(http_server, reset_is_a_reset)
{
    int fd = peer_connect_tcp(s.port);
    ISCEP_AUTO_BUF all;
    iscep_buf_init(&all, 4096);
    peer_send(fd, "GET /reset HTTP/1.1\r\nHost: x\r\n\r\n");
    cr_assert_eq(peer_read_to_end(fd, &all), PEER_RESET);
    cr_assert_eq(all.len, 0);
    close(fd);
}

Test(http_server, says_continue_to_who_asks)
{
    int fd = peer_connect_tcp(s.port);
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char got[sizeof go_on] = "";
    peer_send(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
    cr_assert_eq(recv(fd, got, sizeof go_on - 1, MSG_WAITALL), sizeof go_on - 1);
    cr_assert_str_eq(got, go_on);
    assert_answer(fd, "ab", 200, "POST /echo  ab -");
    close(fd);
}

Test(http_server, takes_a_large_body_and_sends_one)
{
    static char body[200000];
    memset(body, 'b', sizeof body - 1);
    char head[128];
    int fd = peer_connect_tcp(s.port);
    peer_reply reply;
    snprintf(head, sizeof head, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
             sizeof body - 1);
    peer_send(fd, head);
    peer_ask(fd, body, 200, &reply);
    cr_assert_eq(reply.body.len, sizeof body - 1 + strlen("POST /echo   -"));
    peer_reply_clear(&reply);
    peer_ask(fd, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n", 200, &reply);
    cr_assert_eq(reply.body.len, 100000);
    peer_reply_clear(&reply);
    close(fd);
}

Test(http_server, serves_tls)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    int fd = peer_connect_tcp(s.tls_port);
    char reply[4096];
    size_t len = 0;
    SSL_set_fd(ssl, fd);
    cr_assert_eq(SSL_connect(ssl), 1);
    cr_assert_geq(SSL_version(ssl), TLS1_2_VERSION);
    static const char request[] = "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    cr_assert_eq(SSL_write(ssl, request, sizeof request - 1), sizeof request - 1);
    for (int got; (got = SSL_read(ssl, reply + len, (int)(sizeof reply - 1 - len))) > 0;)
        len += (size_t)got;
    reply[len] = '\0';
    cr_assert_eq(strncmp(reply, "HTTP/1.1 200 OK\r\n", 17), 0);
    cr_assert_not_null(strstr(reply, "GET /echo   -"));
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
}

Test(http_server, refuses_tls_of_the_last_century)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(context, 0);
    cr_assert_eq(SSL_CTX_set_min_proto_version(context, TLS1_VERSION), 1);
    cr_assert_eq(SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION), 1);
    SSL *ssl = SSL_new(context);
    int fd = peer_connect_tcp(s.tls_port);
    SSL_set_fd(ssl, fd);
    cr_assert_leq(SSL_connect(ssl), 0);
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
}

/* --- limits --- */

/* text and then fill times 'x' and then end. */
static const char *filled(const char *text, size_t fill, const char *end)
{
    static char request[8192];
    size_t len = strlen(text);
    memcpy(request, text, len);
    memset(request + len, 'x', fill);
    memcpy(request + len + fill, end, strlen(end) + 1);
    return request;
}

Test(http_limits, header_too_large)
{
    assert_refused(peer_connect_tcp(s.port), filled("GET /echo HTTP/1.1\r\nX-Test: ", 600, "\r\n\r\n"), 431,
                   "header_too_large");
    assert_refused(peer_connect_tcp(s.port), filled("GET /echo?", 600, " HTTP/1.1\r\n\r\n"), 431,
                   "header_too_large");
    assert_refused(peer_connect_tcp(s.port), filled("GET /echo HTTP/1.1\r\nX-", 600, ": 1\r\n\r\n"), 431,
                   "header_too_large");
    assert_refused(peer_connect_tcp(s.port), filled("GET /echo HTTP/1.1\r\nX-Test: ", 4000, ""), 431,
                   "header_too_large"); /* at once, not when it ends */
}

Test(http_limits, body_too_large_by_its_length)
{
    assert_refused(peer_connect_tcp(s.port), "POST /echo HTTP/1.1\r\nContent-Length: 101\r\n\r\n", 413,
                   "body_too_large"); /* before a byte of it came */
    assert_refused(peer_connect_tcp(s.port),
                   filled("POST /echo HTTP/1.1\r\nContent-Length: 101\r\n\r\n", 101, ""), 413,
                   "body_too_large");
    assert_refused(peer_connect_tcp(s.port),
                   "POST /echo HTTP/1.1\r\nContent-Length: 9999999999\r\nExpect: 100-continue\r\n\r\n", 413,
                   "body_too_large");
    cr_assert_eq(gate_count(&s.arrivals), 0);
}

Test(http_limits, body_too_large_by_its_chunks)
{
    assert_refused(
        peer_connect_tcp(s.port),
        filled("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n", 0x65, "\r\n0\r\n\r\n"), 413,
        "body_too_large");
    assert_refused(peer_connect_tcp(s.port),
                   "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "32\r\n01234567890123456789012345678901234567890123456789\r\n"
                   "32\r\n01234567890123456789012345678901234567890123456789\r\n1\r\nx\r\n0\r\n\r\n",
                   413, "body_too_large");
    cr_assert_eq(gate_count(&s.arrivals), 0);
}

Test(http_limits, body_of_exactly_the_maximum_is_taken)
{
    int fd = peer_connect_tcp(s.port);
    peer_reply reply;
    peer_ask(fd, filled("POST /echo HTTP/1.1\r\nContent-Length: 100\r\n\r\n", 100, ""), 200, &reply);
    cr_assert_eq(reply.body.len, 100 + strlen("POST /echo   -"));
    peer_reply_clear(&reply);
    close(fd);
}

Test(http_limits, one_who_is_refused_while_he_sends_reads_the_refusal_and_no_reset)
{
    static uint8_t body[300000];
    ISCEP_AUTO_BUF rest;
    peer_reply reply;
    int fd = peer_connect_tcp(s.port);
    iscep_buf_init(&rest, 64);
    peer_send(fd, "POST /echo HTTP/1.1\r\nContent-Length: 300000\r\n\r\n");
    peer_send_bytes(fd, iscep_bytes_of(body, sizeof body));
    peer_read_reply(fd, &reply);
    cr_assert_eq(reply.status, 413);
    cr_assert_eq(peer_read_to_end(fd, &rest), PEER_CLOSED);
    peer_reply_clear(&reply);
    close(fd);
}

Test(http_limits, late_requests_time_out)
{
    static const char *const parts[] = {
        "",
        "GET /echo HTTP/1.1\r\nHost: x\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhell",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    };
    for (size_t i = 0; i < COUNT(parts); i++)
        assert_refused(peer_connect_tcp(s.port), parts[i], 408, "request_timeout");
}

Test(http_limits, tls_is_agreed_on_in_time_or_not_at_all)
{
    static const char half[] = "\x16\x03\x01\x02\x00\x01\x00"; /* the beginning of a client's hello */
    ISCEP_AUTO_BUF rest;
    int silent = peer_connect_tcp(s.tls_port), half_open = peer_connect_tcp(s.tls_port);
    iscep_buf_init(&rest, 4096);
    peer_send_bytes(half_open, iscep_bytes_of(half, sizeof half - 1));
    peer_read_to_end(silent, &rest);
    peer_read_to_end(half_open, &rest);
    cr_assert_eq(rest.len, 0, "who speaks TLS cannot read it yet");
    close(silent);
    close(half_open);
}

Test(http_limits, idle_connection_is_closed_without_a_word)
{
    int fd = peer_connect_tcp(s.port);
    ISCEP_AUTO_BUF rest;
    iscep_buf_init(&rest, 4096);
    assert_answer(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", 200, "GET /echo   -");
    cr_assert_eq(peer_read_to_end(fd, &rest), PEER_CLOSED);
    cr_assert_eq(rest.len, 0);
    close(fd);
}

Test(http_limits, working_handler_is_not_timed_out)
{
    int fd = peer_connect_tcp(s.port), late = peer_connect_tcp(s.port);
    peer_send(fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    gate_await(&s.arrivals, 1);
    assert_refused(late, "", 408, "request_timeout"); /* so all the timeouts have passed */
    served_release(&s);
    assert_answer(fd, "", 200, "released");
    close(fd);
}

Test(http_limits, one_connection_too_many_is_turned_away)
{
    int held[3];
    for (unsigned i = 0; i < COUNT(held); i++) {
        held[i] = peer_connect_tcp(s.port);
        peer_send(held[i], "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    gate_await(&s.arrivals, 3);
    int extra = peer_connect_tcp(s.port);
    peer_reply reply;
    peer_read_reply(extra, &reply); /* without a request */
    cr_assert_eq(reply.status, 503);
    cr_assert_str_eq(peer_reply_header(&reply, "Retry-After"), "1");
    cr_assert_not_null(strstr(iscep_buf_text(&reply.body), "\"too_many_connections\""));
    ISCEP_AUTO_BUF rest;
    iscep_buf_init(&rest, 64);
    peer_read_to_end(extra, &rest);
    cr_assert_eq(rest.len, 0, "Content-Length is right");
    peer_reply_clear(&reply);
    close(extra);
    served_release(&s);
    for (unsigned i = 0; i < COUNT(held); i++) {
        assert_answer(held[i], "", 200, "released");
        close(held[i]);
    }
}
