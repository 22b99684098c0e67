/* The local API end to end, over its Unix socket: docs/LOCAL-API.md, line by line. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "tests/support/peer.h"
#include "tests/support/test_pki.h"
#include "tests/unit/daemon/local_daemon.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static local_daemon d;
static EVP_PKEY *key;
static iscep_buf csr, cert;
static int fd;

static void set_up(void)
{
    local_daemon_make(&d);
    local_daemon_start(&d);
    key = test_pki_new_ec_key();
    iscep_buf_init(&csr, 64 * 1024);
    iscep_buf_init(&cert, 64 * 1024);
    test_pki_emit_good_csr(&csr, key);
    test_pki_emit_cert(&cert, &(test_cert_options){.key = key, .not_after_unix = 4102444800});
    fd = peer_connect_unix(d.socket_path);
}

static void tear_down(void)
{
    close(fd);
    local_daemon_stop(&d);
    EVP_PKEY_free(key);
    iscep_buf_clear(&csr);
    iscep_buf_clear(&cert);
}

TestSuite(local_api, .init = set_up, .fini = tear_down);

/* A raw request: path, header fields (each with its line end), body. */
static void post(const char *path, const char *fields, iscep_bytes body, peer_reply *reply)
{
    ISCEP_AUTO_BUF request;
    iscep_buf_init(&request, 256 * 1024);
    iscep_buf_printf(&request, "POST %s HTTP/1.1\r\nHost: connector\r\n%sContent-Length: %zu\r\n\r\n", path,
                     fields, body.len);
    iscep_buf_append(&request, body.data, body.len);
    peer_send_bytes(fd, iscep_buf_bytes(&request));
    peer_read_reply(fd, reply);
}

#define RAW_FIELDS "Content-Type: application/pkcs10\r\nX-Scep-Transaction-Id: 1F2E3D\r\n"

static void validate(const char *more_fields, peer_reply *reply)
{
    char fields[512];
    snprintf(fields, sizeof fields, RAW_FIELDS "%s", more_fields);
    post("/v1/validate", fields, iscep_buf_bytes(&csr), reply);
}

/* The members of a verdict in JSON. */
static void assert_verdict(peer_reply *reply, int want_status, const char *want_verdict,
                           const char *want_code)
{
    ISCEP_AUTO_JSON *body = NULL;
    cr_assert_eq(reply->status, want_status, "%s", iscep_buf_text(&reply->body));
    cr_assert_str_eq(peer_reply_header(reply, "Content-Type"), "application/json");
    cr_assert_eq(iscep_json_parse(&body, iscep_buf_bytes(&reply->body), NULL), ISCEP_OK);
    cr_assert_str_eq(iscep_json_text(body, "verdict"), want_verdict);
    cr_assert_str_eq(iscep_json_text(body, "code"), want_code);
    cr_assert_not_null(iscep_json_text(body, "message"));
    cr_assert_not_null(iscep_json_text(body, "requestId"));
}

Test(local_api, each_verdict_has_its_status_and_only_yes_is_200)
{
    static const struct {
        fake_http_answer answer;
        int want_status;
        const char *want_verdict;
        const char *want_code;
        const char *want_retry_after;
    } cases[] = {
        {{.status = 200, .body = WORLD_SUCCESS}, 200, "allow", "Success", NULL},
        {{.status = 200, .body = "{\"code\":\"ChallengeExpired\"}"}, 403, "deny", "ChallengeExpired", NULL},
        {{.status = 200, .body = "{\"code\":\"success\"}"}, 403, "deny", "success", NULL},
        {{.status = 200, .body = "<html>"}, 503, "retry", "intune_reply_malformed", "5"},
        {{.status = 201, .body = WORLD_SUCCESS}, 503, "retry", "intune_status", "5"},
        {{.status = 500, .body = WORLD_SUCCESS}, 503, "retry", "intune_service", "5"},
        {{.status = 429, .body = "{}", .retry_after_ms = 7001}, 503, "retry", "throttled", "8"},
        {{.code = "connect"}, 503, "retry", "connect", "5"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        peer_reply reply;
        local_daemon_answer(&d, cases[i].answer);
        validate("", &reply);
        assert_verdict(&reply, cases[i].want_status, cases[i].want_verdict, cases[i].want_code);
        const char *retry_after = peer_reply_header(&reply, "Retry-After");
        cr_assert_eq(retry_after == NULL, cases[i].want_retry_after == NULL);
        if (retry_after != NULL)
            cr_assert_str_eq(retry_after, cases[i].want_retry_after);
        peer_reply_clear(&reply);
    }
}

Test(local_api, retry_after_ms_is_there_when_somebody_named_a_time)
{
    peer_reply reply;
    ISCEP_AUTO_JSON *body = NULL;
    int64_t retry_after_ms;
    local_daemon_answer(&d, (fake_http_answer){.status = 503, .body = "{}", .retry_after_ms = 7001});
    validate("", &reply);
    cr_assert_eq(iscep_json_parse(&body, iscep_buf_bytes(&reply.body), NULL), ISCEP_OK);
    cr_assert(iscep_json_int(body, "retryAfterMs", &retry_after_ms));
    cr_assert_eq(retry_after_ms, 7001);
    peer_reply_clear(&reply);
    local_daemon_answer(&d, (fake_http_answer){.status = 503, .body = "{}"});
    validate("", &reply);
    cr_assert_null(strstr(iscep_buf_text(&reply.body), "retryAfterMs"));
    peer_reply_clear(&reply);
}

Test(local_api, text_form_is_for_scripts)
{
    peer_reply reply;
    char want[512], message[256] = "", id[40] = "";
    local_daemon_answer(
        &d,
        (fake_http_answer){.status = 200,
                           .body = "{\"code\":\"X\\ny\",\"errorDescription\":\"first\\nverdict: allow\"}"});
    validate("Accept: text/plain\r\n", &reply);
    cr_assert_eq(reply.status, 403);
    cr_assert_str_eq(peer_reply_header(&reply, "Content-Type"), "text/plain; charset=utf-8");
    const char *body = iscep_buf_text(&reply.body);
    cr_assert_eq(sscanf(body, "verdict: deny\ncode: X y\nmessage: %255[^\n]\nrequestId: %39s", message, id),
                 2);
    cr_assert_not_null(strstr(message, "first verdict: allow"), "what Intune says stays on its line");
    snprintf(want, sizeof want, "verdict: deny\ncode: X y\nmessage: %s\nrequestId: %s\n", message, id);
    cr_assert_str_eq(body, want);
    cr_assert_eq(strlen(id), 36);
    peer_reply_clear(&reply);
    local_daemon_answer(&d, (fake_http_answer){.status = 429, .body = "{}", .retry_after_ms = 2000});
    validate("Accept: text/plain\r\n", &reply);
    cr_assert_eq(reply.status, 503);
    cr_assert_not_null(strstr(iscep_buf_text(&reply.body), "\nretryAfterMs: 2000\n"));
    peer_reply_clear(&reply);
}

Test(local_api, each_path_is_its_own_action)
{
    peer_reply reply;
    ISCEP_AUTO_BUF both;
    validate("", &reply);
    assert_verdict(&reply, 200, "allow", "Success");
    peer_reply_clear(&reply);
    iscep_buf_init(&both, 128 * 1024);
    iscep_buf_append(&both, csr.data, csr.len);
    iscep_buf_append(&both, cert.data, cert.len);
    post("/v1/issued", RAW_FIELDS, iscep_buf_bytes(&both), &reply);
    assert_verdict(&reply, 200, "allow", "Success");
    peer_reply_clear(&reply);
    post("/v1/failed", RAW_FIELDS "X-Scep-Error-Code: 2147500037\r\nX-Scep-Error-Description: CA%20down\r\n",
         iscep_buf_bytes(&csr), &reply);
    assert_verdict(&reply, 200, "allow", "Success");
    peer_reply_clear(&reply);
    cr_assert_eq(local_daemon_count_calls(&d), WORLD_SETUP_CALLS + 3);
    static const char *const actions[] = {"validateRequest", "successNotification", "failureNotification"};
    for (size_t i = 0; i < COUNT(actions); i++)
        cr_assert_not_null(strstr(d.world.http.calls[WORLD_SETUP_CALLS + i].url, actions[i]));
    const char *sent = (const char *)d.world.http.calls[WORLD_SETUP_CALLS + 2].body.data;
    cr_assert_not_null(strstr(sent, "\"hResult\":-2147467259,\"errorDescription\":\"CA down\""));
}

Test(local_api, json_does_the_same)
{
    peer_reply reply;
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, 256 * 1024);
    iscep_buf_append_text(&body, "{\"transactionId\":\"1F2E3D\",\"csr\":\"");
    iscep_base64_encode(&body, iscep_buf_bytes(&csr));
    iscep_buf_append_text(&body, "\",\"certificate\":\"");
    iscep_base64_encode(&body, iscep_buf_bytes(&cert));
    iscep_buf_append_text(&body, "\"}");
    post("/v1/issued", "Content-Type: application/json; charset=utf-8\r\n", iscep_buf_bytes(&body), &reply);
    assert_verdict(&reply, 200, "allow", "Success");
    peer_reply_clear(&reply);
}

Test(local_api, what_is_wrong_is_refused_unasked)
{
    static const struct {
        const char *path;
        const char *fields;
        const char *body; /* NULL: the good CSR */
        int want_status;
        const char *want_code;
    } cases[] = {
        {"/v1/validate", "", NULL, 415, "content_type"},
        {"/v1/validate", "Content-Type: text/plain\r\n", NULL, 415, "content_type"},
        {"/v1/validate", "Content-Type: application/pkcs10x\r\n", NULL, 415, "content_type"},
        {"/v1/validate", "Content-Type: application/pkcs10\r\n", NULL, 400, "transaction_id"},
        {"/v1/validate", "Content-Type: application/pkcs10\r\nX-Scep-Transaction-Id: \r\n", NULL, 400,
         "transaction_id"},
        {"/v1/validate", RAW_FIELDS, "", 400, "csr_malformed"},
        {"/v1/validate", RAW_FIELDS, "junk", 400, "csr_malformed"},
        {"/v1/validate", "Content-Type: application/json\r\n", NULL, 400, "body_not_json"},
        {"/v1/issued", RAW_FIELDS, NULL, 400, "body_malformed"},
        {"/v1/failed", RAW_FIELDS, NULL, 400, "error_code"},
        {"/v1/validate", RAW_FIELDS "X-Scep-Timeout-Ms: 0\r\n", NULL, 400, "timeout_invalid"},
        {"/v1/nothing", RAW_FIELDS, NULL, 404, "path_not_found"},
        {"/", RAW_FIELDS, NULL, 405, "method_not_allowed"},
        {"/v1/validate/", RAW_FIELDS, NULL, 404, "path_not_found"},
        {"/V1/VALIDATE", RAW_FIELDS, NULL, 404, "path_not_found"},
        {"/v1/../v1/validate", RAW_FIELDS, NULL, 404, "path_not_found"},
        {"/livez", RAW_FIELDS, NULL, 405, "method_not_allowed"},
        {"/readyz", RAW_FIELDS, NULL, 405, "method_not_allowed"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        peer_reply reply;
        post(cases[i].path, cases[i].fields,
             cases[i].body != NULL ? iscep_bytes_of_text(cases[i].body) : iscep_buf_bytes(&csr), &reply);
        assert_verdict(&reply, cases[i].want_status, "deny", cases[i].want_code);
        peer_reply_clear(&reply);
    }
    cr_assert_eq(local_daemon_count_calls(&d), 0);
}

Test(local_api, get_is_no_way_to_ask_for_a_verdict)
{
    static const char *const paths[] = {"/v1/validate", "/v1/issued", "/v1/failed"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        char request[128];
        peer_reply reply;
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: c\r\n\r\n", paths[i]);
        peer_ask(fd, request, 405, &reply);
        assert_verdict(&reply, 405, "deny", "method_not_allowed");
        peer_reply_clear(&reply);
    }
}

Test(local_api, forged_request_is_a_deny_of_our_own)
{
    peer_reply reply;
    csr.data[csr.len - 1] ^= 1;
    validate("", &reply);
    assert_verdict(&reply, 400, "deny", "csr_signature_invalid");
    cr_assert_not_null(strstr(iscep_buf_text(&reply.body), "\"requestId\":\"\""));
    peer_reply_clear(&reply);
    cr_assert_eq(local_daemon_count_calls(&d), 0);
}

Test(local_api, certificate_for_another_key_is_refused)
{
    peer_reply reply;
    ISCEP_AUTO_BUF both;
    iscep_buf_init(&both, 128 * 1024);
    test_pki_emit_good_csr(&both, NULL);
    iscep_buf_append(&both, cert.data, cert.len);
    post("/v1/issued", RAW_FIELDS, iscep_buf_bytes(&both), &reply);
    assert_verdict(&reply, 400, "deny", "certificate_key_mismatch");
    peer_reply_clear(&reply);
}

Test(local_api, answers_within_the_callers_time)
{
    peer_reply reply;
    local_daemon_answer(&d, (fake_http_answer){0}); /* Intune says nothing */
    int64_t before_ms = iscep_now_mono_ms(&d.env);
    validate("X-Scep-Timeout-Ms: 80\r\n", &reply);
    assert_verdict(&reply, 503, "retry", "timeout");
    cr_assert_lt(iscep_now_mono_ms(&d.env) - before_ms, LOCAL_DAEMON_TIMEOUT_MS);
    peer_reply_clear(&reply);
}

Test(local_api, callers_time_is_at_most_ours)
{
    peer_reply reply;
    d.open.config.request_timeout_ms = 80; /* before the first request: nobody reads it yet */
    local_daemon_answer(&d, (fake_http_answer){0});
    validate("X-Scep-Timeout-Ms: 2147483647\r\n", &reply);
    assert_verdict(&reply, 503, "retry", "timeout");
    peer_reply_clear(&reply);
    validate("", &reply);
    assert_verdict(&reply, 503, "retry", "timeout");
    peer_reply_clear(&reply);
}

Test(local_api, a_caller_who_hung_up_harms_nobody)
{
    peer_reply reply;
    ISCEP_AUTO_BUF request;
    iscep_buf_init(&request, 128 * 1024);
    int other = peer_connect_unix(d.socket_path);
    local_daemon_answer(&d, (fake_http_answer){0});
    iscep_buf_printf(&request,
                     "POST /v1/validate HTTP/1.1\r\nHost: c\r\n" RAW_FIELDS
                     "X-Scep-Timeout-Ms: 60\r\nContent-Length: %zu\r\n\r\n",
                     csr.len);
    iscep_buf_append(&request, csr.data, csr.len);
    peer_send_bytes(other, iscep_buf_bytes(&request));
    close(other);
    validate("X-Scep-Timeout-Ms: 120\r\n", &reply); /* outlives the other one's deadline */
    assert_verdict(&reply, 503, "retry", "timeout");
    peer_reply_clear(&reply);
}

Test(local_api, is_alive_at_once_and_ready_when_it_knows_token_and_address)
{
    peer_reply reply;
    peer_ask(fd, "GET /livez HTTP/1.1\r\nHost: c\r\n\r\n", 200, &reply);
    peer_reply_clear(&reply);
    peer_ask(fd, "GET /readyz HTTP/1.1\r\nHost: c\r\n\r\n", 503, &reply);
    cr_assert_not_null(strstr(iscep_buf_text(&reply.body), "\"starting\""));
    peer_reply_clear(&reply);
    validate("", &reply); /* by now the warm-up that readyz began, or this, has fetched both */
    peer_reply_clear(&reply);
    peer_ask(fd, "GET /readyz HTTP/1.1\r\nHost: c\r\n\r\n", 200, &reply);
    peer_reply_clear(&reply);
}

static void expect_readiness(const char *fields, int want_status, const char *want_body)
{
    char request[256];
    peer_reply reply;
    snprintf(request, sizeof request, "GET /readyz HTTP/1.1\r\nHost: c\r\n%s\r\n", fields);
    peer_ask(fd, request, want_status, &reply);
    cr_assert_str_eq(iscep_buf_text(&reply.body), want_body);
    peer_reply_clear(&reply);
}

#define TEXT "Accept: text/plain\r\n"

/* For the plugin, which knows no JSON. */
Test(local_api, says_whether_it_is_ready_in_lines_to_who_wants_text)
{
    peer_reply reply;
    expect_readiness(TEXT, 503, "code: starting\nmessage: Intune has not been asked yet\n");
    validate("", &reply);
    peer_reply_clear(&reply);
    expect_readiness(TEXT, 200, "status: ok\n");
    expect_readiness("Accept: text/plain, */*\r\n", 200, "{\"status\":\"ok\"}\n");
}

static const iscep_config_tenant fabrikam = {.name = "fabrikam"};
static iscep_seat two_seats[2];

/* fabrikam's token and address are not known: nobody has asked for them. */
static void move_in(void *user)
{
    (void)user;
    two_seats[0] = d.open.seat;
    two_seats[1] = (iscep_seat){.config = &fabrikam};
    cr_assert_eq(
        iscep_intune_new(&two_seats[1].intune, &d.env, d.on.loop, &d.world.http.base, &d.world.tenant, NULL),
        ISCEP_OK);
    d.open.api.seats = two_seats;
    d.open.api.seat_count = 2;
}

static void move_out(void *user)
{
    (void)user;
    d.open.api.seat_count = 1;
    iscep_intune_free(two_seats[1].intune);
}

Test(local_api, is_ready_for_one_tenant_though_not_for_another)
{
    peer_reply reply;
    loop_thread_run(&d.on, move_in, NULL);
    validate("X-Scep-Tenant: contoso\r\n", &reply);
    assert_verdict(&reply, 200, "allow", "Success");
    peer_reply_clear(&reply);
    expect_readiness(TEXT "X-Scep-Tenant: contoso\r\n", 200, "status: ok\n");
    expect_readiness(TEXT "X-Scep-Tenant: nobody\r\n", 404,
                     "code: tenant_unknown\nmessage: the connector has no such [tenant/NAME]\n");
    expect_readiness(TEXT, 503, "code: starting\nmessage: Intune has not been asked yet\n");
    loop_thread_run(&d.on, move_out, NULL);
}

Test(local_api, of_a_tied_listener_is_ready_for_its_tenant_alone)
{
    peer_reply reply;
    loop_thread_run(&d.on, move_in, NULL);
    d.open.config.listeners[0].tenant = "contoso";
    validate("", &reply);
    peer_reply_clear(&reply);
    expect_readiness(TEXT, 200, "status: ok\n");
    peer_ask(fd, "GET /readyz HTTP/1.1\r\nHost: c\r\n" TEXT "X-Scep-Tenant: fabrikam\r\n\r\n", 403, &reply);
    cr_assert_not_null(strstr(iscep_buf_text(&reply.body), "code: tenant_not_here\n"));
    peer_reply_clear(&reply);
    loop_thread_run(&d.on, move_out, NULL);
}

static void break_discovery(void *user)
{
    ((local_daemon *)user)->world.discovery_answer =
        (fake_http_answer){.status = 200, .body = "{\"value\":[]}"};
}

Test(local_api, not_ready_says_why)
{
    peer_reply reply;
    loop_thread_run(&d.on, break_discovery, &d);
    validate("", &reply);
    assert_verdict(&reply, 503, "retry", "service_not_discovered");
    peer_reply_clear(&reply);
    bool is_told = false;
    while (!is_told &&
           local_daemon_count_calls(&d) < 20) { /* until the warm-up that readyz began has failed */
        peer_ask(fd, "GET /readyz HTTP/1.1\r\nHost: c\r\n\r\n", 503, &reply);
        is_told = strstr(iscep_buf_text(&reply.body), "service_not_discovered") != NULL;
        peer_reply_clear(&reply);
    }
    cr_assert(is_told);
}
