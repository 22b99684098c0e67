/* The real transport against the real server: TLS, limits, deadlines, the queue, and every way to fail. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "net/curl_http.h"
#include "tests/support/peer.h"
#include "tests/unit/net/served.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { PATIENCE_MS = 10000, MAX_LEN = 64 * 1024 };

static served s;
static iscep_loop *loop;
static iscep_http *http;

static void make_client(iscep_curl_options options)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_curl_http_new(&http, &s.env, loop, &options, &err), ISCEP_OK, "%s", err.message);
}

/* What most tests use: trusts the server. */
static iscep_curl_options trusting(void)
{
    iscep_curl_options options = ISCEP_CURL_OPTIONS_INIT;
    options.ca_file = s.ca_file;
    options.user_agent = "test/1";
    return options;
}

static void set_up(void)
{
    served_start(&s, NULL);
    cr_assert_eq(iscep_loop_new(&loop, NULL), ISCEP_OK);
}

static void tear_down(void)
{
    if (http != NULL)
        http->free(http);
    iscep_loop_free(loop);
    served_stop(&s);
}

TestSuite(curl_http, .init = set_up, .fini = tear_down);

typedef struct outcome {
    bool is_done;
    unsigned count;
    iscep_status status;
    iscep_error err;
    int32_t http_status;
    int64_t retry_after_ms;
    size_t body_len;
    char body[256];
} outcome;

static void on_done(void *user, iscep_status status, const iscep_http_response *response,
                    const iscep_error *err)
{
    outcome *o = user;
    o->is_done = true;
    o->count++;
    o->status = status;
    o->err = *err;
    cr_assert_eq(response != NULL, status == ISCEP_OK);
    if (response != NULL) {
        o->http_status = response->status;
        o->retry_after_ms = response->retry_after_ms;
        o->body_len = response->body.len;
        snprintf(o->body, sizeof o->body, "%.*s", (int)response->body.len,
                 response->body.data != NULL ? (const char *)response->body.data : "");
    }
    iscep_loop_stop(loop); /* whoever waits for this one sees it; who waits for another one goes on */
}

static iscep_http_call *send_to(outcome *o, const char *method, const char *url, const char *body,
                                int64_t timeout_ms)
{
    static const iscep_http_header headers[] = {{"X-Test", "a b"}, {"Content-Type", "application/json"}};
    iscep_error err = ISCEP_ERROR_INIT;
    *o = (outcome){0};
    const iscep_http_request request = {.method = method,
                                        .url = url,
                                        .headers = headers,
                                        .header_count = COUNT(headers),
                                        .body = iscep_bytes_of_text(body),
                                        .deadline_mono_ms = iscep_now_mono_ms(&s.env) + timeout_ms,
                                        .max_response_len = MAX_LEN};
    iscep_http_call *call = http->send(http, &request, on_done, o, &err);
    cr_assert_not_null(call, "%s", err.message);
    cr_assert_eq(o->count, 0, "done must not come from inside send");
    return call;
}

static const char *url_of(const char *path)
{
    static char url[256];
    snprintf(url, sizeof url, "https://localhost:%u%s", s.tls_port, path);
    return url;
}

static outcome ask(const char *method, const char *url, const char *body, int64_t timeout_ms)
{
    outcome o;
    send_to(&o, method, url, body, timeout_ms);
    loop_run_until(loop, &o.is_done);
    cr_assert_eq(o.count, 1);
    return o;
}

static void assert_failed(const outcome *o, iscep_status want, const char *want_code)
{
    cr_assert_eq(o->status, want, "%s: %s", o->err.code, o->err.message);
    cr_assert_str_eq(o->err.code, want_code, "%s", o->err.message);
    cr_assert_eq(o->err.status, want);
    cr_assert_not_null(strstr(o->err.message, "localhost"), "the message names whom: %s", o->err.message);
}

Test(curl_http, gets_and_posts)
{
    make_client(trusting());
    outcome o = ask("POST", url_of("/echo?q=1"), "{\"a\":1}", PATIENCE_MS);
    cr_assert_eq(o.status, ISCEP_OK, "%s", o.err.message);
    cr_assert_eq(o.http_status, 200);
    cr_assert_str_eq(o.body, "POST /echo q=1 {\"a\":1} a b");
    cr_assert_eq(o.retry_after_ms, -1);
    o = ask("GET", url_of("/echo"), "", PATIENCE_MS);
    cr_assert_str_eq(o.body, "GET /echo   a b");
    o = ask("POST", url_of("/echo"), "", PATIENCE_MS);
    cr_assert_str_eq(o.body, "POST /echo   a b");
    o = ask("GET", url_of("/echo"), "", PATIENCE_MS); /* nothing of the POST is left */
    cr_assert_str_eq(o.body, "GET /echo   a b");
}

Test(curl_http, hands_on_any_status_and_follows_no_redirect)
{
    static const int32_t statuses[] = {201, 204, 301, 302, 303, 307, 308, 400, 401, 403, 404, 429, 500, 503};
    make_client(trusting());
    for (size_t i = 0; i < COUNT(statuses); i++) {
        char path[16];
        snprintf(path, sizeof path, "/%d", statuses[i]);
        outcome o = ask("POST", url_of(path), "x", PATIENCE_MS);
        cr_assert_eq(o.status, ISCEP_OK);
        cr_assert_eq(o.http_status, statuses[i]);
        cr_assert_eq(o.retry_after_ms, 7000, "Retry-After: 7");
    }
    cr_assert_eq(gate_count(&s.arrivals), COUNT(statuses), "Location was left alone");
}

Test(curl_http, retry_after_that_makes_no_sense_is_none)
{
    static const char *const values[] = {"soon", "-5", "", "0", "99999999999999999999"};
    make_client(trusting());
    for (size_t i = 0; i < COUNT(values); i++) {
        char raw[256];
        snprintf(raw, sizeof raw, "HTTP/1.1 503 X\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n",
                 values[i]);
        outcome o = ask("POST", url_of("/raw"), raw, PATIENCE_MS);
        cr_assert_eq(o.status, ISCEP_OK);
        cr_assert_eq(o.retry_after_ms, -1, "%s", values[i]);
    }
}

Test(curl_http, over_long_body_is_refused)
{
    make_client(trusting());
    outcome o = ask("GET", url_of("/large"), "", PATIENCE_MS);
    assert_failed(&o, ISCEP_PROTOCOL, "response_too_large");
    char raw[1024];
    snprintf(raw, sizeof raw, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nx", MAX_LEN + 1);
    o = ask("POST", url_of("/raw"), raw, PATIENCE_MS); /* by its length alone */
    assert_failed(&o, ISCEP_PROTOCOL, "response_too_large");
    o = ask("GET", url_of("/echo"), "", PATIENCE_MS);
    cr_assert_eq(o.status, ISCEP_OK, "the next call is not hurt");
}

Test(curl_http, over_long_body_without_a_length_is_refused)
{
    static char raw[MAX_LEN + 200];
    strcpy(raw, "HTTP/1.1 200 OK\r\n\r\n");
    memset(raw + strlen(raw), 'x', MAX_LEN + 1);
    make_client(trusting());
    outcome o = ask("POST", url_of("/raw"), raw, PATIENCE_MS);
    assert_failed(&o, ISCEP_PROTOCOL, "response_too_large");
}

Test(curl_http, cut_reply_is_no_reply)
{
    static const char *const cuts[] = {
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"code\":\"Success\"}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n{\"code\":\"Success\"}\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n{\"code\"",
    };
    make_client(trusting());
    for (size_t i = 0; i < COUNT(cuts); i++) {
        outcome o = ask("POST", url_of("/raw"), cuts[i], PATIENCE_MS);
        assert_failed(&o, ISCEP_NETWORK, "cut");
    }
    outcome o = ask("GET", url_of("/reset"), "", PATIENCE_MS);
    assert_failed(&o, ISCEP_NETWORK, "cut");
}

Test(curl_http, what_is_no_http_is_no_reply)
{
    make_client(trusting());
    outcome o = ask("POST", url_of("/raw"), "SSH-2.0-OpenSSH_9.2\r\n\r\n{\"code\":\"Success\"}", PATIENCE_MS);
    cr_assert_neq(o.status, ISCEP_OK, "HTTP/0.9 is not spoken here");
}

Test(curl_http, connection_refused_is_told)
{
    char url[64];
    make_client(trusting());
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, but it does not listen */
    struct sockaddr_storage address = {.ss_family = AF_INET};
    socklen_t len = 16; /* sizeof(struct sockaddr_in) */
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, len), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    const uint8_t *port = (const uint8_t *)&address + 2;
    snprintf(url, sizeof url, "https://localhost:%u/", (unsigned)(port[0] << 8 | port[1]));
    outcome o = ask("GET", url, "", PATIENCE_MS);
    assert_failed(&o, ISCEP_NETWORK, "connect");
}

Test(curl_http, untrusted_certificate_is_told)
{
    iscep_curl_options options = trusting();
    options.ca_file = NULL; /* the system's */
    make_client(options);
    outcome o = ask("GET", url_of("/echo"), "", PATIENCE_MS);
    assert_failed(&o, ISCEP_NETWORK, "tls_untrusted");
    cr_assert_eq(gate_count(&s.arrivals), 0);
}

Test(curl_http, certificate_for_another_name_is_untrusted)
{
    char url[64];
    make_client(trusting());
    snprintf(url, sizeof url, "https://localhost.localdomain:%u/echo", s.tls_port);
    outcome o = ask("GET", url, "", PATIENCE_MS);
    cr_assert_neq(o.status, ISCEP_OK);
    cr_assert_eq(gate_count(&s.arrivals), 0);
}

Test(curl_http, missing_ca_file_is_a_config_error)
{
    iscep_curl_options options = trusting();
    options.ca_file = "/nonexistent/ca.pem";
    make_client(options);
    outcome o = ask("GET", url_of("/echo"), "", PATIENCE_MS);
    assert_failed(&o, ISCEP_CONFIG, "ca_file");
}

Test(curl_http, plain_http_is_refused_unless_allowed)
{
    char url[64];
    snprintf(url, sizeof url, "http://localhost:%u/echo", s.port);
    make_client(trusting());
    outcome o = ask("GET", url, "", PATIENCE_MS);
    assert_failed(&o, ISCEP_PROTOCOL, "not_https");
    cr_assert_eq(gate_count(&s.arrivals), 0);
    http->free(http);
    iscep_curl_options options = trusting();
    options.allow_plain_http = true;
    make_client(options);
    o = ask("GET", url, "", PATIENCE_MS);
    cr_assert_eq(o.status, ISCEP_OK, "%s", o.err.message);
}

Test(curl_http, other_protocols_are_refused)
{
    static const char *const urls[] = {"ftp://localhost/x", "file:///etc/passwd", "gopher://localhost/"};
    make_client(trusting());
    for (size_t i = 0; i < COUNT(urls); i++) {
        outcome o = ask("GET", urls[i], "", PATIENCE_MS);
        cr_assert_eq(o.status, ISCEP_PROTOCOL, "%s", o.err.message);
        cr_assert_str_eq(o.err.code, "not_https");
    }
}

Test(curl_http, deadline_is_kept_in_flight)
{
    make_client(trusting());
    int64_t before_ms = iscep_now_mono_ms(&s.env);
    outcome o = ask("GET", url_of("/hold"), "", 200);
    assert_failed(&o, ISCEP_NETWORK, "timeout");
    cr_assert_geq(iscep_now_mono_ms(&s.env) - before_ms, 190);
    o = ask("GET", url_of("/echo"), "", -1); /* passed already */
    assert_failed(&o, ISCEP_THROTTLED, "timeout");
}

Test(curl_http, deadline_is_kept_in_the_queue)
{
    iscep_curl_options options = trusting();
    options.max_connections = 1;
    outcome busy, waiting;
    make_client(options);
    send_to(&busy, "GET", url_of("/hold"), "", PATIENCE_MS);
    send_to(&waiting, "GET", url_of("/echo"), "", 150);
    loop_run_until(loop, &waiting.is_done);
    assert_failed(&waiting, ISCEP_THROTTLED, "timeout"); /* a limit of ours, not a silent server */
    cr_assert_eq(busy.count, 0);
    cr_assert_leq(gate_count(&s.arrivals), 1, "the waiting one was never sent");
}

/* Releases what the server holds, again and again, until everyone is answered. */
static void release_often(void *user)
{
    iscep_timer **timer = user;
    served_release(&s);
    iscep_timer_arm(*timer, 5);
}

Test(curl_http, never_has_more_connections_than_allowed_and_answers_all)
{
    static outcome outcomes[50];
    iscep_curl_options options = trusting();
    options.max_connections = 2;
    iscep_timer *timer;
    make_client(options);
    cr_assert_eq(iscep_timer_new(&timer, loop, release_often, &timer, NULL), ISCEP_OK);
    for (size_t i = 0; i < COUNT(outcomes); i++)
        send_to(&outcomes[i], "GET", url_of("/hold"), "", PATIENCE_MS);
    iscep_timer_arm(timer, 5);
    for (size_t i = 0; i < COUNT(outcomes); i++) {
        loop_run_until(loop, &outcomes[i].is_done);
        cr_assert_eq(outcomes[i].status, ISCEP_OK, "%s", outcomes[i].err.message);
        cr_assert_str_eq(outcomes[i].body, "released");
    }
    iscep_timer_free(timer);
    cr_assert_eq(s.most_held, 2, "both are used, and no third");
}

/* Lets what was sent leave: a call to another origin goes through the same loop, and fails. */
static void turn_the_loop(void)
{
    outcome o = ask("GET", "ftp://localhost/", "", PATIENCE_MS);
    cr_assert_str_eq(o.err.code, "not_https");
}

Test(curl_http, cancelled_call_is_never_answered)
{
    iscep_curl_options options = trusting();
    options.max_connections = 1;
    outcome in_flight, queued, last;
    make_client(options);
    iscep_http_call *first = send_to(&in_flight, "GET", url_of("/hold"), "", PATIENCE_MS);
    iscep_http_call *second = send_to(&queued, "GET", url_of("/echo?queued"), "", PATIENCE_MS);
    turn_the_loop();
    http->cancel(http, first);
    http->cancel(http, second);
    send_to(&last, "GET", url_of("/echo?last"), "", PATIENCE_MS); /* the one connection is free again */
    loop_run_until(loop, &last.is_done);
    cr_assert_str_eq(last.body, "GET /echo last  a b");
    cr_assert_eq(in_flight.count, 0);
    cr_assert_eq(queued.count, 0);
}

Test(curl_http, free_cancels_what_is_left)
{
    iscep_curl_options options = trusting();
    options.max_connections = 1;
    outcome in_flight, queued;
    make_client(options);
    send_to(&in_flight, "GET", url_of("/hold"), "", PATIENCE_MS);
    send_to(&queued, "GET", url_of("/echo"), "", PATIENCE_MS);
    turn_the_loop();
    http->free(http);
    http = NULL;
    cr_assert_eq(in_flight.count + queued.count, 0);
}

Test(curl_http, uses_no_proxy_of_the_environment)
{
    setenv("https_proxy", "http://127.0.0.1:1", 1);
    setenv("HTTPS_PROXY", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    make_client(trusting());
    outcome o = ask("GET", url_of("/echo"), "", PATIENCE_MS);
    cr_assert_eq(o.status, ISCEP_OK, "%s", o.err.message);
}

Test(curl_http, uses_the_configured_proxy)
{
    iscep_curl_options options = trusting();
    options.proxy = "http://127.0.0.1:1";
    make_client(options);
    outcome o = ask("GET", url_of("/echo"), "", PATIENCE_MS);
    assert_failed(&o, ISCEP_NETWORK, "connect");
    cr_assert_eq(gate_count(&s.arrivals), 0);
}
