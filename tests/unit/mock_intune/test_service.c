/* The running mock on a real socket: its routes, and what each fault looks like to a client. Plain HTTP. */
#include "service.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "codes.h"
#include "fixture.h"
#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"

static fixture f;
static mock_service service;
static loop_thread on;
static iscep_http_server *server;
static uint16_t port;
static iscep_buf validate_request; /* a whole HTTP request that Intune would answer with Success */

#define VALIDATE_PATH "/RACerts/StatelessScepRequestValidationService/ScepActions/validateRequest"
#define SUCCESS_BODY  "{\"code\":\"Success\",\"errorDescription\":\"\"}"

static void make_validate_request(void)
{
    ISCEP_AUTO_BUF challenge, csr, bearer, body;
    iscep_buf *bufs[] = {&challenge, &csr, &bearer, &body, &validate_request};
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
        iscep_buf_init(bufs[i], 262144);
    fixture_mint(&f, &challenge, "{\"subject\":\"CN=d\"}");
    fixture_make_csr(&csr, &(csr_spec){.subject = "CN=d", .challenge = iscep_buf_text(&challenge)});
    fixture_bearer(&f, &bearer, f.options.intune_resource, MOCK_ROLE_INTUNE);
    fixture_validate_body(&body, "a+b/c=", iscep_buf_text(&csr));
    iscep_buf_printf(&validate_request, "POST " VALIDATE_PATH " HTTP/1.1\r\nHost: m\r\nAuthorization: %s\r\n",
                     iscep_buf_text(&bearer));
    iscep_buf_printf(&validate_request,
                     "api-version: 2018-02-20\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                     "client-request-id: aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee\r\n\r\n",
                     body.len);
    iscep_buf_append(&validate_request, body.data, body.len);
}

static void start(void)
{
    iscep_http_server_options limits = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    fixture_open(&f);
    make_validate_request();
    loop_thread_make(&on);
    service = (mock_service){.mock = &f.mock, .loop = on.loop};
    cr_assert_eq(mock_service_start(&service, NULL, NULL), ISCEP_OK);
    cr_assert_eq(
        iscep_http_server_new(&server, &f.mock.env, on.loop, &limits, mock_service_handle, &service, NULL),
        ISCEP_OK);
    cr_assert_eq(iscep_http_server_listen_tcp(server, "127.0.0.1", 0, NULL, &port, NULL), ISCEP_OK);
    loop_thread_start(&on);
}

static void stop(void)
{
    loop_thread_stop(&on);
    iscep_http_server_free(server);
    mock_service_clear(&service);
    iscep_loop_free(on.loop);
    iscep_buf_clear(&validate_request);
    fixture_close(&f);
}

TestSuite(service, .init = start, .fini = stop);

/* One request on a connection of its own; want_body NULL: any. */
static void expect(const char *request, int want_status, const char *want_body)
{
    peer_reply reply;
    int fd = peer_connect_tcp(port);
    peer_ask(fd, request, want_status, &reply);
    if (want_body != NULL)
        cr_assert_str_eq(iscep_buf_text(&reply.body), want_body);
    peer_reply_clear(&reply);
    close(fd);
}

static void expect_validated(void)
{
    expect(iscep_buf_text(&validate_request), 200, SUCCESS_BODY);
}

static void add_fault(const char *json)
{
    char request[512];
    snprintf(request, sizeof(request),
             "POST /admin/faults HTTP/1.1\r\nHost: m\r\nContent-Length: %zu\r\n\r\n%s", strlen(json), json);
    expect(request, 200, NULL);
}

static void clear_faults(void)
{
    expect("DELETE /admin/faults HTTP/1.1\r\nHost: m\r\n\r\n", 200, "[]");
}

static void await_no_faults(void)
{
    bool is_none = false;
    for (int tries = 0; !is_none && tries < 10000; tries++) {
        peer_reply reply;
        int fd = peer_connect_tcp(port);
        peer_ask(fd, "GET /admin/faults HTTP/1.1\r\nHost: m\r\n\r\n", 200, &reply);
        is_none = strcmp(iscep_buf_text(&reply.body), "[]") == 0;
        peer_reply_clear(&reply);
        close(fd);
    }
    cr_assert(is_none);
}

/* Sends the validate request and reads until the connection ends. */
static peer_end validate_to_end(iscep_buf *out)
{
    int fd = peer_connect_tcp(port);
    peer_send_bytes(fd, iscep_buf_bytes(&validate_request));
    peer_end end = peer_read_to_end(fd, out);
    close(fd);
    return end;
}

Test(service, knows_its_paths_and_methods)
{
    expect("GET / HTTP/1.1\r\nHost: m\r\n\r\n", 404, NULL);
    expect("GET /admin HTTP/1.1\r\nHost: m\r\n\r\n", 404, NULL);
    expect("GET //oauth2/v2.0/token HTTP/1.1\r\nHost: m\r\n\r\n", 404, NULL);
    expect("GET /t/oauth2/v2.0/token HTTP/1.1\r\nHost: m\r\n\r\n", 405, NULL);
    expect("GET " VALIDATE_PATH " HTTP/1.1\r\nHost: m\r\n\r\n", 405, NULL);
    expect("GET /admin/transactions HTTP/1.1\r\nHost: m\r\n\r\n", 200, "[]");
    expect("GET /admin/devices/%zz HTTP/1.1\r\nHost: m\r\n\r\n", 405, NULL);
    expect("DELETE /admin/devices/%zz HTTP/1.1\r\nHost: m\r\n\r\n", 400, NULL);
    expect("DELETE /admin/devices/%00 HTTP/1.1\r\nHost: m\r\n\r\n", 400, NULL);
}

Test(service, a_transaction_is_found_under_its_encoded_id)
{
    expect("GET /admin/transactions/a+b%2Fc= HTTP/1.1\r\nHost: m\r\n\r\n", 404, NULL);
    expect_validated();
    expect("GET /admin/transactions/a+b%2Fc= HTTP/1.1\r\nHost: m\r\n\r\n", 200, NULL);
    expect("GET /admin/transactions/a%2Bb%2fc%3D HTTP/1.1\r\nHost: m\r\n\r\n", 200, NULL);
}

Test(service, reset_forgets_everything)
{
    expect_validated();
    add_fault("{\"endpoint\":\"all\",\"kind\":\"refuse\"}");
    expect("POST /admin/reset HTTP/1.1\r\nHost: m\r\nContent-Length: 0\r\n\r\n", 200, NULL);
    expect("GET /admin/transactions HTTP/1.1\r\nHost: m\r\n\r\n", 200, "[]");
    expect("GET /admin/faults HTTP/1.1\r\nHost: m\r\n\r\n", 200, "[]");
    expect_validated();
}

Test(service, status_answers_in_the_shape_of_intune_with_retry_after)
{
    peer_reply reply;
    ISCEP_AUTO_JSON *json = NULL;
    int fd = peer_connect_tcp(port);
    add_fault("{\"endpoint\":\"validate\",\"kind\":\"status\",\"status\":429,\"retryAfter\":7,\"times\":1}");
    peer_ask(fd, iscep_buf_text(&validate_request), 429, &reply);
    cr_assert_str_eq(peer_reply_header(&reply, "Retry-After"), "7");
    cr_assert_eq(iscep_json_parse(&json, iscep_buf_bytes(&reply.body), NULL), ISCEP_OK);
    cr_assert_str_eq(iscep_json_text(iscep_json_member(json, "error"), "code"), "TooManyRequests");
    peer_reply_clear(&reply);
    close(fd);
    expect_validated();
}

Test(service, a_code_is_sent_as_it_was_given)
{
    add_fault("{\"endpoint\":\"validate\",\"kind\":\"code\",\"code\":\"success\",\"times\":1}");
    expect(iscep_buf_text(&validate_request), 200,
           "{\"code\":\"success\",\"errorDescription\":\"A fault of intune-mock.\"}");
    expect_validated();
}

Test(service, redirect_names_another_place)
{
    peer_reply reply;
    int fd = peer_connect_tcp(port);
    add_fault("{\"endpoint\":\"validate\",\"kind\":\"redirect\",\"location\":\"https://x.example/y\"}");
    peer_ask(fd, iscep_buf_text(&validate_request), 302, &reply);
    cr_assert_str_eq(peer_reply_header(&reply, "Location"), "https://x.example/y");
    peer_reply_clear(&reply);
    close(fd);
}

Test(service, cut_and_reset_end_the_connection_without_a_byte)
{
    ISCEP_AUTO_BUF got;
    iscep_buf_init(&got, 4096);
    add_fault("{\"endpoint\":\"validate\",\"kind\":\"cut\",\"times\":1}");
    add_fault("{\"endpoint\":\"validate\",\"kind\":\"reset\",\"times\":1}");
    cr_assert_eq(validate_to_end(&got), PEER_CLOSED);
    cr_assert_eq(validate_to_end(&got), PEER_RESET);
    cr_assert_eq(got.len, 0);
    expect("GET /admin/transactions HTTP/1.1\r\nHost: m\r\n\r\n", 200, "[]");
}

Test(service, processed_means_that_only_the_reply_is_lost)
{
    ISCEP_AUTO_BUF got;
    iscep_buf_init(&got, 4096);
    add_fault("{\"endpoint\":\"validate\",\"kind\":\"cut\",\"processed\":true,\"times\":1}");
    cr_assert_eq(validate_to_end(&got), PEER_CLOSED);
    cr_assert_eq(got.len, 0);
    expect("GET /admin/transactions/a+b%2Fc= HTTP/1.1\r\nHost: m\r\n\r\n", 200, NULL);
}

Test(service, truncate_promises_more_than_comes)
{
    ISCEP_AUTO_BUF got;
    iscep_buf_init(&got, 4096);
    add_fault("{\"endpoint\":\"validate\",\"kind\":\"truncate\",\"times\":1}");
    cr_assert_eq(validate_to_end(&got), PEER_CLOSED);
    cr_assert_str_eq(iscep_buf_text(&got), "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                           "Content-Length: 40\r\n\r\n{\"code\":\"Success\",\"e");
}

/* A sensible client stops at its own limit; so do we, long before the end. */
Test(service, huge_promises_a_hundred_mebibytes_and_means_it)
{
    enum { enough = 16 * 1024 * 1024 };
    ISCEP_AUTO_BUF got;
    int fd = peer_connect_tcp(port);
    iscep_buf_init(&got, enough + 65536);
    add_fault("{\"endpoint\":\"validate\",\"kind\":\"huge\",\"times\":1}");
    peer_send_bytes(fd, iscep_buf_bytes(&validate_request));
    while (got.len < enough) {
        ssize_t len = recv(fd, iscep_buf_reserve(&got, 65536), 65536, 0);
        cr_assert_gt(len, 0);
        got.len += (size_t)len;
    }
    cr_assert_not_null(strstr(iscep_buf_text(&got), "\r\nContent-Length: 104857600\r\n"));
    close(fd);
    expect_validated();
}

Test(service, deep_is_json_that_no_sane_parser_follows_to_the_ground)
{
    static const char beginning[] = "{\"code\":\"Success\",\"errorDescription\":[[[";
    add_fault("{\"endpoint\":\"validate\",\"kind\":\"deep\",\"times\":1}");
    peer_reply reply;
    int fd = peer_connect_tcp(port);
    peer_ask(fd, iscep_buf_text(&validate_request), 200, &reply);
    const char *body = iscep_buf_text(&reply.body);
    cr_assert_eq(strncmp(body, beginning, strlen(beginning)), 0);
    cr_assert_eq(strspn(strchr(body, '['), "["), 100000);
    cr_assert_str_eq(body + strlen(body) - 3, "]]}");
    peer_reply_clear(&reply);
    close(fd);
    expect_validated();
}

Test(service, content_type_spoils_only_the_name_of_an_honest_reply)
{
    peer_reply reply;
    int fd = peer_connect_tcp(port);
    add_fault("{\"endpoint\":\"validate\",\"kind\":\"contentType\",\"times\":1}");
    peer_ask(fd, iscep_buf_text(&validate_request), 200, &reply);
    cr_assert_str_eq(peer_reply_header(&reply, "Content-Type"), "text/html");
    cr_assert_str_eq(iscep_buf_text(&reply.body), SUCCESS_BODY);
    peer_reply_clear(&reply);
    close(fd);
}

Test(service, drip_sends_the_honest_reply_byte_by_byte)
{
    peer_reply reply;
    int fd = peer_connect_tcp(port);
    add_fault("{\"endpoint\":\"validate\",\"kind\":\"drip\",\"pauseMs\":1,\"times\":1}");
    peer_send_bytes(fd, iscep_buf_bytes(&validate_request));
    expect_validated(); /* meanwhile */
    peer_read_reply(fd, &reply);
    cr_assert_eq(reply.status, 200);
    cr_assert_str_eq(iscep_buf_text(&reply.body), SUCCESS_BODY);
    peer_reply_clear(&reply);
    close(fd);
}

/* The client gives up, or the mock ends: nothing must be left over; AddressSanitizer looks on. */
Test(service, a_drip_that_nobody_waits_for_is_given_up)
{
    char byte;
    add_fault("{\"endpoint\":\"validate\",\"kind\":\"drip\",\"pauseMs\":1,\"times\":1}");
    add_fault("{\"endpoint\":\"validate\",\"kind\":\"drip\",\"pauseMs\":3600000,\"times\":1}");
    int leaving = peer_connect_tcp(port), waiting = peer_connect_tcp(port);
    peer_send_bytes(leaving, iscep_buf_bytes(&validate_request));
    cr_assert_eq(recv(leaving, &byte, 1, 0), 1);
    close(leaving);
    peer_send_bytes(waiting, iscep_buf_bytes(&validate_request));
    cr_assert_eq(recv(waiting, &byte, 1, 0), 1); /* the head comes at once */
    expect_validated();
    close(waiting);
}

#define TOKEN_FORM FIXTURE_CREDENTIALS FIXTURE_INTUNE_SCOPE

/* Asks for a token over the wire, and what the SCEP actions think of it. */
static mock_token_result check_handed_out(int64_t *lifetime_s)
{
    char request[1024], authorization[8192];
    const mock_tenant *tenant = NULL;
    peer_reply reply;
    ISCEP_AUTO_JSON *json = NULL;
    int fd = peer_connect_tcp(port);
    snprintf(request, sizeof(request),
             "POST /" FIXTURE_TENANT "/oauth2/v2.0/token HTTP/1.1\r\nHost: m\r\nContent-Type: " FIXTURE_FORM
             "\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(TOKEN_FORM), TOKEN_FORM);
    peer_ask(fd, request, 200, &reply);
    cr_assert_eq(iscep_json_parse(&json, iscep_buf_bytes(&reply.body), NULL), ISCEP_OK);
    cr_assert(iscep_json_int(json, "expires_in", lifetime_s));
    snprintf(authorization, sizeof(authorization), "Bearer %s", iscep_json_text(json, "access_token"));
    peer_reply_clear(&reply);
    close(fd);
    return mock_token_check(&tenant, &f.mock, authorization, f.options.intune_resource, MOCK_ROLE_INTUNE);
}

Test(service, a_token_may_be_for_another_or_of_yesterday_and_not_say_so)
{
    int64_t lifetime_s = 0;
    add_fault("{\"endpoint\":\"token\",\"kind\":\"audience\",\"times\":1}");
    add_fault("{\"endpoint\":\"token\",\"kind\":\"expired\",\"times\":1}");
    cr_assert_eq(check_handed_out(&lifetime_s), MOCK_TOKEN_WRONG_AUDIENCE);
    cr_assert_eq(check_handed_out(&lifetime_s), MOCK_TOKEN_EXPIRED);
    cr_assert_eq(lifetime_s, 3599);
    cr_assert_eq(check_handed_out(&lifetime_s), MOCK_TOKEN_OK);
}

Test(service, refuse_spares_only_the_admin)
{
    ISCEP_AUTO_BUF got;
    iscep_buf_init(&got, 4096);
    add_fault("{\"endpoint\":\"all\",\"kind\":\"refuse\"}");
    cr_assert_eq(validate_to_end(&got), PEER_RESET);
    cr_assert_eq(validate_to_end(&got), PEER_RESET);
    clear_faults();
    expect_validated();
}

Test(service, who_waits_does_not_hold_up_the_others)
{
    peer_reply reply;
    int slow = peer_connect_tcp(port);
    add_fault("{\"endpoint\":\"validate\",\"kind\":\"latency\",\"latencyMs\":300,\"times\":1}");
    peer_send_bytes(slow, iscep_buf_bytes(&validate_request));
    expect_validated();
    peer_read_reply(slow, &reply);
    cr_assert_str_eq(iscep_buf_text(&reply.body), SUCCESS_BODY);
    peer_reply_clear(&reply);
    close(slow);
}

Test(service, who_hangs_is_answered_when_the_fault_is_cleared)
{
    peer_reply reply;
    int fd = peer_connect_tcp(port);
    add_fault("{\"endpoint\":\"validate\",\"kind\":\"hang\",\"times\":1}");
    peer_send_bytes(fd, iscep_buf_bytes(&validate_request));
    await_no_faults(); /* the request that hangs has taken it */
    expect_validated();
    clear_faults();
    peer_read_reply(fd, &reply);
    cr_assert_str_eq(iscep_buf_text(&reply.body), SUCCESS_BODY);
    peer_reply_clear(&reply);
    close(fd);
}

Test(service, who_hangs_at_the_end_is_let_go)
{
    int fd = peer_connect_tcp(port);
    add_fault("{\"endpoint\":\"validate\",\"kind\":\"hang\"}");
    peer_send_bytes(fd, iscep_buf_bytes(&validate_request));
    expect("GET /admin/faults HTTP/1.1\r\nHost: m\r\n\r\n", 200, NULL);
    close(fd); /* stop() must not find anything left over; AddressSanitizer looks on */
}
