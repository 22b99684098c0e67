/* The way out: through a proxy that wants to know who asks, past it where that was configured, and by which addresses. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/curl_http.h"
#include "tests/support/tunnel_proxy.h"
#include "tests/unit/net/served.h"

#define DEAD_PROXY  "http://127.0.0.1:1"
#define CREDENTIALS "am9lOnBhc3N3b3JkLWNhbmFyeQ==" /* joe:password-canary */

static served s;
static iscep_loop *loop;
static iscep_http *http;
static iscep_secret *password;
static tunnel_proxy proxy;

static void set_up(void)
{
    served_start(&s, NULL);
    cr_assert_eq(iscep_loop_new(&loop, NULL), ISCEP_OK);
    cr_assert_eq(iscep_secret_new(&password, iscep_bytes_of_text("password-canary"), NULL), ISCEP_OK);
    proxy = (tunnel_proxy){.target_port = s.tls_port};
}

static void tear_down(void)
{
    http->free(http);
    iscep_loop_free(loop);
    iscep_secret_free(password);
    served_stop(&s);
}

TestSuite(way_out, .init = set_up, .fini = tear_down);

static void make_client(iscep_curl_options options)
{
    iscep_error err = ISCEP_ERROR_INIT;
    options.ca_file = s.ca_file;
    cr_assert_eq(iscep_curl_http_new(&http, &s.env, loop, &options, &err), ISCEP_OK, "%s", err.message);
}

typedef struct outcome {
    bool is_done;
    int32_t http_status; /* 0: none */
    iscep_error err;
} outcome;

static void on_done(void *user, iscep_status status, const iscep_http_response *response,
                    const iscep_error *err)
{
    outcome *o = user;
    (void)status;
    *o = (outcome){.is_done = true, .http_status = response != NULL ? response->status : 0, .err = *err};
    iscep_loop_stop(loop);
}

static outcome ask(const char *scheme, const char *host, uint16_t port, bool is_local)
{
    char url[128];
    outcome o = {0};
    snprintf(url, sizeof url, "%s://%s:%u/echo", scheme, host, port);
    const iscep_http_request request = {.method = "GET",
                                        .url = url,
                                        .deadline_mono_ms = iscep_now_mono_ms(&s.env) + 9000,
                                        .max_response_len = 4096,
                                        .is_local = is_local};
    cr_assert_not_null(http->send(http, &request, on_done, &o, NULL));
    loop_run_until(loop, &o.is_done);
    cr_assert_null(strstr(o.err.message, "password-canary"));
    return o;
}

static outcome ask_securely(void)
{
    return ask("https", "localhost", s.tls_port, false);
}

static void assert_refused(const outcome *o, iscep_status want, const char *want_code)
{
    cr_assert_eq(o->http_status, 0);
    cr_assert_eq(o->err.status, want, "%s", o->err.message);
    cr_assert_str_eq(o->err.code, want_code, "%s", o->err.message);
    cr_assert_eq(gate_count(&s.arrivals), 0);
}

static iscep_curl_options through_proxy(const char *user, const iscep_secret *with)
{
    iscep_curl_options options = ISCEP_CURL_OPTIONS_INIT;
    options.proxy = proxy.url;
    options.proxy_user = user;
    options.proxy_password = with;
    return options;
}

Test(way_out, leads_through_a_proxy_that_knows_us)
{
    proxy.credentials = CREDENTIALS;
    tunnel_proxy_start(&proxy);
    make_client(through_proxy("joe", password));
    cr_assert_eq(ask_securely().http_status, 200);
    cr_assert_eq(gate_count(&s.arrivals), 1);
    http->free(http);
    tunnel_proxy_stop(&proxy);
    cr_assert_eq(proxy.tunnels, 1);
    make_client((iscep_curl_options)ISCEP_CURL_OPTIONS_INIT);
}

Test(way_out, ends_at_a_proxy_that_does_not_know_us)
{
    iscep_secret *wrong = NULL;
    cr_assert_eq(iscep_secret_new(&wrong, iscep_bytes_of_text("wrong"), NULL), ISCEP_OK);
    proxy.credentials = CREDENTIALS;
    tunnel_proxy_start(&proxy);
    const iscep_curl_options strangers[] = {through_proxy(NULL, NULL), through_proxy("joe", NULL),
                                            through_proxy("joe", wrong), through_proxy("jane", password)};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        if (i > 0)
            http->free(http);
        make_client(strangers[i]);
        outcome o = ask_securely();
        assert_refused(&o, ISCEP_NETWORK, "proxy_auth");
    }
    tunnel_proxy_stop(&proxy);
    cr_assert_eq(proxy.tunnels, 0);
    iscep_secret_free(wrong);
}

Test(way_out, ends_at_a_proxy_that_refuses)
{
    proxy.is_refusing = true;
    tunnel_proxy_start(&proxy);
    make_client(through_proxy(NULL, NULL));
    outcome o = ask_securely();
    assert_refused(&o, ISCEP_NETWORK, "proxy_refused");
    cr_assert_not_null(strstr(o.err.message, "403"), "%s", o.err.message);
    tunnel_proxy_stop(&proxy);
}

Test(way_out, leads_past_the_proxy_for_the_hosts_named)
{
    iscep_curl_options options = ISCEP_CURL_OPTIONS_INIT;
    options.proxy = DEAD_PROXY;
    options.no_proxy = "example.com,localhost";
    make_client(options);
    cr_assert_eq(ask_securely().http_status, 200);
}

Test(way_out, leads_past_the_proxy_for_nobody_else)
{
    iscep_curl_options options = ISCEP_CURL_OPTIONS_INIT;
    options.proxy = DEAD_PROXY;
    options.no_proxy = "example.com";
    setenv("no_proxy", "localhost", 1);
    setenv("NO_PROXY", "localhost", 1);
    make_client(options);
    outcome o = ask_securely();
    assert_refused(&o, ISCEP_NETWORK, "connect");
    http->free(http);
    options.no_proxy = NULL; /* the environment is not asked in its place */
    make_client(options);
    o = ask_securely();
    assert_refused(&o, ISCEP_NETWORK, "connect");
}

Test(way_out, of_a_local_request_is_plain_and_past_the_proxy)
{
    iscep_curl_options options = ISCEP_CURL_OPTIONS_INIT;
    options.proxy = DEAD_PROXY;
    make_client(options);
    cr_assert_eq(ask("http", "127.0.0.1", s.port, true).http_status, 200);
}

Test(way_out, of_no_other_request_is_plain)
{
    make_client((iscep_curl_options)ISCEP_CURL_OPTIONS_INIT);
    outcome o = ask("http", "127.0.0.1", s.port, false);
    assert_refused(&o, ISCEP_PROTOCOL, "not_https");
    cr_assert_eq(ask("http", "127.0.0.1", s.port, true).http_status, 200);
    cr_assert_eq(gate_count(&s.arrivals), 1);
    o = ask("http", "127.0.0.1", s.port, false); /* nothing of the local request is left */
    cr_assert_str_eq(o.err.code, "not_https");
    cr_assert_eq(gate_count(&s.arrivals), 1);
}

Test(way_out, is_by_the_ip_version_configured)
{
    iscep_curl_options options = ISCEP_CURL_OPTIONS_INIT;
    options.ip_version = ISCEP_IP_V6; /* the server listens on 127.0.0.1 only */
    make_client(options);
    outcome o = ask_securely();
    cr_assert_eq(o.http_status, 0);
    cr_assert_eq(o.err.status, ISCEP_NETWORK);
    http->free(http);
    options.ip_version = ISCEP_IP_V4;
    make_client(options);
    cr_assert_eq(ask_securely().http_status, 200);
}

Test(way_out, to_a_name_that_does_not_resolve_is_told_as_dns)
{
    make_client((iscep_curl_options)ISCEP_CURL_OPTIONS_INIT);
    outcome o = ask("https", "bad..name", s.tls_port, false);
    assert_refused(&o, ISCEP_NETWORK, "dns");
}
