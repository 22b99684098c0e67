/* What a caller of the local API sends: both forms, every member, and every way to get it wrong. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/x509.h"
#include "daemon/local_request.h"
#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"
#include "tests/support/temp_dir.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static loop_thread on;
static iscep_env env;
static iscep_http_server *server;
static temp_dir dir;
static char socket_path[128];

static void append_hex_field(iscep_buf *out, const char *name, iscep_bytes bytes)
{
    iscep_buf_printf(out, " %s=", name);
    iscep_hex_encode(out, bytes);
}

/* Answers with what was understood, as one line. The path says which action: "/validate", "/issued", "/failed". */
static void parse_and_tell(iscep_exchange *exchange, void *user)
{
    (void)user;
    const char *path = iscep_exchange_path(exchange);
    iscep_local_action action = strcmp(path, "/validate") == 0 ? ISCEP_LOCAL_VALIDATE
                                : strcmp(path, "/issued") == 0 ? ISCEP_LOCAL_ISSUED
                                                               : ISCEP_LOCAL_FAILED;
    iscep_local_request request;
    iscep_error err = ISCEP_ERROR_INIT;
    ISCEP_AUTO_BUF line;
    iscep_buf_init(&line, 1024 * 1024);
    if (iscep_local_request_parse(&request, exchange, action, &err) == ISCEP_OK) {
        iscep_buf_printf(&line, "id=%.*s", (int)request.transaction_id.len,
                         (const char *)request.transaction_id.data);
        append_hex_field(&line, "csr", request.csr);
        append_hex_field(&line, "cert", request.cert);
        iscep_buf_printf(&line, " error=%u text=%s timeout=%lld", request.error_code,
                         iscep_buf_text(&request.description), (long long)request.timeout_ms);
        if (request.tenant != NULL)
            iscep_buf_printf(&line, " tenant=%s", request.tenant);
        err.http_status = 200;
    } else {
        cr_assert_eq(err.status, ISCEP_USAGE);
        iscep_buf_append_text(&line, err.code);
    }
    iscep_local_request_clear(&request);
    iscep_exchange_reply(exchange, &(iscep_reply){.status = err.http_status, .body = iscep_buf_bytes(&line)});
}

static void set_up(void)
{
    const iscep_http_server_options limits = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    env = iscep_env_system(NULL);
    temp_dir_make(&dir);
    temp_dir_path(&dir, socket_path, sizeof socket_path, "socket");
    loop_thread_make(&on);
    cr_assert_eq(iscep_http_server_new(&server, &env, on.loop, &limits, parse_and_tell, NULL, NULL),
                 ISCEP_OK);
    cr_assert_eq(iscep_http_server_listen_unix(server, socket_path, 0600, NULL), ISCEP_OK);
    loop_thread_start(&on);
}

static void tear_down(void)
{
    loop_thread_stop(&on);
    iscep_http_server_free(server);
    iscep_loop_free(on.loop);
    temp_dir_remove(&dir);
}

TestSuite(local_request, .init = set_up, .fini = tear_down);

static void assert_told(const char *path, const char *fields, iscep_bytes body, int want_status,
                        const char *want)
{
    ISCEP_AUTO_BUF request;
    peer_reply reply;
    int fd = peer_connect_unix(socket_path);
    iscep_buf_init(&request, 512 * 1024);
    iscep_buf_printf(&request, "POST %s HTTP/1.1\r\nHost: c\r\n%sContent-Length: %zu\r\n\r\n", path, fields,
                     body.len);
    iscep_buf_append(&request, body.data, body.len);
    peer_send_bytes(fd, iscep_buf_bytes(&request));
    peer_read_reply(fd, &reply);
    cr_assert_str_eq(iscep_buf_text(&reply.body), want, "%s %s", path, iscep_buf_text(&request));
    cr_assert_eq(reply.status, want_status, "%s", want);
    peer_reply_clear(&reply);
    close(fd);
}

static void assert_json(const char *path, const char *body, int want_status, const char *want)
{
    assert_told(path, "Content-Type: application/json\r\n", iscep_bytes_of_text(body), want_status, want);
}

Test(local_request, json_is_understood)
{
    assert_json("/validate", "{\"transactionId\":\"1 F\",\"csr\":\"MAA=\"}", 200,
                "id=1 F csr=3000 cert= error=0 text= timeout=0");
    assert_json("/issued", "{\"certificate\":\"MAEB\",\"csr\":\"MAA=\",\"transactionId\":\"1\"}", 200,
                "id=1 csr=3000 cert=300101 error=0 text= timeout=0");
    assert_json(
        "/failed",
        "{\"transactionId\":\"1\",\"csr\":\"MAA=\",\"errorCode\":4294967295,\"description\":\"\\u00fc!\"}",
        200, "id=1 csr=3000 cert= error=4294967295 text=\xC3\xBC! timeout=0");
    assert_told("/validate", "Content-Type: Application/JSON;charset=utf-8\r\nX-Scep-Timeout-Ms: 1500\r\n",
                iscep_bytes_of_text("{\"transactionId\":\"1\",\"csr\":\"MAA=\"}"), 200,
                "id=1 csr=3000 cert= error=0 text= timeout=1500");
}

Test(local_request, json_may_name_a_tenant)
{
    assert_json("/validate", "{\"tenant\":\"contoso\",\"transactionId\":\"1\",\"csr\":\"MAA=\"}", 200,
                "id=1 csr=3000 cert= error=0 text= timeout=0 tenant=contoso");
    assert_json("/issued",
                "{\"certificate\":\"MAEB\",\"csr\":\"MAA=\",\"transactionId\":\"1\",\"tenant\":\"\"}", 200,
                "id=1 csr=3000 cert=300101 error=0 text= timeout=0 tenant=");
    assert_json("/failed",
                "{\"transactionId\":\"1\",\"csr\":\"MAA=\",\"errorCode\":0,\"description\":\"\","
                "\"tenant\":\"contoso\"}",
                200, "id=1 csr=3000 cert= error=0 text= timeout=0 tenant=contoso");
}

Test(local_request, json_names_a_tenant_once_and_as_text)
{
    static const char *const wrong[] = {"\"tenant\":1", "\"tenant\":null", "\"tenant\":[\"a\"]",
                                        "\"tenant\":\"a\",\"tenant\":\"a\"",
                                        "\"tenant\":\"a\",\"tenant\":\"b\""};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"transactionId\":\"1\",\"csr\":\"MAA=\",%s}", wrong[i]);
        assert_json("/validate", body, 400, "json_member");
    }
}

Test(local_request, json_that_is_none_is_refused)
{
    static const char *const wrong[] = {"",
                                        "{",
                                        "[]",
                                        "null",
                                        "\"x\"",
                                        "{\"transactionId\":\"1\",\"csr\":\"MAA=\"} x",
                                        "{\"transactionId\":\"1\\u0000\",\"csr\":\"MAA=\"}"};
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_json("/validate", wrong[i], 400, "body_not_json");
}

Test(local_request, json_members_are_known_there_once_and_of_their_type)
{
    static const struct {
        const char *path;
        const char *body;
        const char *want;
    } cases[] = {
        {"/validate", "{}", "json_member"},
        {"/validate", "{\"csr\":\"MAA=\"}", "json_member"},
        {"/validate", "{\"transactionId\":\"1\"}", "json_member"},
        {"/validate", "{\"transactionId\":1,\"csr\":\"MAA=\"}", "json_member"},
        {"/validate", "{\"transactionId\":\"1\",\"csr\":null}", "json_member"},
        {"/validate", "{\"transactionId\":\"1\",\"csr\":[\"MAA=\"]}", "json_member"},
        {"/validate", "{\"transactionId\":\"1\",\"transactionId\":\"1\",\"csr\":\"MAA=\"}", "json_member"},
        {"/validate", "{\"transactionId\":\"1\",\"csr\":\"MAA=\",\"csr\":\"MAA=\"}", "json_member"},
        {"/validate", "{\"transactionId\":\"1\",\"csr\":\"MAA=\",\"x\":1}", "json_unknown_member"},
        {"/validate", "{\"TransactionId\":\"1\",\"csr\":\"MAA=\"}", "json_unknown_member"},
        {"/validate", "{\"transactionId\":\"1\",\"csr\":\"MAA=\",\"certificate\":\"MAA=\"}",
         "json_unknown_member"},
        {"/validate", "{\"transactionId\":\"1\",\"csr\":\"MAA=\",\"errorCode\":1}", "json_unknown_member"},
        {"/issued", "{\"transactionId\":\"1\",\"csr\":\"MAA=\"}", "json_member"},
        {"/issued", "{\"transactionId\":\"1\",\"csr\":\"MAA=\",\"certificate\":false}", "json_member"},
        {"/failed", "{\"transactionId\":\"1\",\"csr\":\"MAA=\",\"errorCode\":1}", "json_member"},
        {"/failed", "{\"transactionId\":\"1\",\"csr\":\"MAA=\",\"description\":\"x\"}", "json_member"},
        {"/failed", "{\"transactionId\":\"1\",\"csr\":\"MAA=\",\"errorCode\":\"1\",\"description\":\"x\"}",
         "json_member"},
        {"/failed", "{\"transactionId\":\"1\",\"csr\":\"MAA=\",\"errorCode\":-1,\"description\":\"x\"}",
         "json_member"},
        {"/failed", "{\"transactionId\":\"1\",\"csr\":\"MAA=\",\"errorCode\":1.5,\"description\":\"x\"}",
         "json_member"},
        {"/failed",
         "{\"transactionId\":\"1\",\"csr\":\"MAA=\",\"errorCode\":4294967296,\"description\":\"x\"}",
         "json_member"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_json(cases[i].path, cases[i].body, 400, cases[i].want);
}

Test(local_request, base64_is_strict)
{
    static const char *const wrong[] = {"MAA", "MAA==", "MAA=\\n", " MAA=", "MA-_", "*"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char body[256];
        snprintf(body, sizeof body, "{\"transactionId\":\"1\",\"csr\":\"%s\"}", wrong[i]);
        assert_json("/validate", body, 400, "base64_malformed");
        snprintf(body, sizeof body, "{\"transactionId\":\"1\",\"csr\":\"MAA=\",\"certificate\":\"%s\"}",
                 wrong[i]);
        assert_json("/issued", body, 400, "base64_malformed");
    }
}

Test(local_request, csr_that_cannot_fit_is_too_large)
{
    static uint8_t zeros[ISCEP_CSR_MAX_LEN + 3];
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, 512 * 1024);
    iscep_buf_append_text(&body, "{\"transactionId\":\"1\",\"csr\":\"");
    iscep_base64_encode(&body, iscep_bytes_of(zeros, sizeof zeros));
    iscep_buf_append_text(&body, "\"}");
    assert_json("/validate", iscep_buf_text(&body), 413, "body_too_large");
}

Test(local_request, long_description_is_cut_and_not_lost)
{
    static char text[5001];
    memset(text, 'x', sizeof text - 1);
    ISCEP_AUTO_BUF body, want;
    iscep_buf_init(&body, 16 * 1024);
    iscep_buf_init(&want, 16 * 1024);
    iscep_buf_printf(
        &body, "{\"transactionId\":\"1\",\"csr\":\"MAA=\",\"errorCode\":1,\"description\":\"%s\"}", text);
    iscep_buf_printf(&want, "id=1 csr=3000 cert= error=1 text=%.4096s timeout=0", text);
    assert_json("/failed", iscep_buf_text(&body), 200, iscep_buf_text(&want));
}

#define RAW "Content-Type: application/pkcs10\r\nX-Scep-Transaction-Id: 1F\r\n"

Test(local_request, raw_der_is_understood)
{
    assert_told("/validate", RAW, iscep_bytes_of("\x30\x00", 2), 200,
                "id=1F csr=3000 cert= error=0 text= timeout=0");
    assert_told("/issued", RAW, iscep_bytes_of("\x30\x01\xAA\x30\x02\xBB\xCC", 7), 200,
                "id=1F csr=3001AA cert=3002BBCC error=0 text= timeout=0");
    assert_told("/failed",
                RAW "X-Scep-Error-Code: 2147500037\r\nX-Scep-Error-Description: CA%20%C3%BC+%2B\r\n"
                    "X-Scep-Timeout-Ms: 1\r\n",
                iscep_bytes_of("\x30\x00", 2), 200,
                "id=1F csr=3000 cert= error=2147500037 text=CA \xC3\xBC + timeout=1");
    assert_told("/failed", RAW "X-Scep-Error-Code: 0\r\n", iscep_bytes_of("\x30\x00", 2), 200,
                "id=1F csr=3000 cert= error=0 text= timeout=0");
}

Test(local_request, raw_without_its_fields_is_refused)
{
    static const struct {
        const char *path;
        const char *fields;
        int want_status;
        const char *want;
    } cases[] = {
        {"/validate", "", 415, "content_type"},
        {"/validate", "Content-Type: application/octet-stream\r\n", 415, "content_type"},
        {"/validate", "Content-Type: application/json-patch+json\r\n", 415, "content_type"},
        {"/validate", "Content-Type: application/jso\r\n", 415, "content_type"},
        {"/validate", "Content-Type: \r\n", 415, "content_type"},
        {"/validate", "Content-Type: application/pkcs10\r\n", 400, "transaction_id"},
        {"/failed", RAW, 400, "error_code"},
        {"/failed", RAW "X-Scep-Error-Code: \r\n", 400, "error_code"},
        {"/failed", RAW "X-Scep-Error-Code: -1\r\n", 400, "error_code"},
        {"/failed", RAW "X-Scep-Error-Code: 0x80004005\r\n", 400, "error_code"},
        {"/failed", RAW "X-Scep-Error-Code: 4294967296\r\n", 400, "error_code"},
        {"/failed", RAW "X-Scep-Error-Code: 99999999999999999999\r\n", 400, "error_code"},
        {"/failed", RAW "X-Scep-Error-Code: 1\r\nX-Scep-Error-Description: 100%\r\n", 400,
         "error_description"},
        {"/failed", RAW "X-Scep-Error-Code: 1\r\nX-Scep-Error-Description: %zz\r\n", 400,
         "error_description"},
        {"/issued", RAW, 400, "body_malformed"}, /* no certificate behind the CSR */
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_told(cases[i].path, cases[i].fields, iscep_bytes_of("\x30\x00", 2), cases[i].want_status,
                    cases[i].want);
}

Test(local_request, raw_pair_that_cannot_be_told_apart_is_refused)
{
    static const iscep_bytes wrong[] = {
        {(const uint8_t *)"", 0},
        {(const uint8_t *)"\x30", 1},
        {(const uint8_t *)"\x30\x05\x00", 3},             /* cut */
        {(const uint8_t *)"\x30\x80\x00\x00\x30\x00", 6}, /* indefinite length */
    };
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_told("/issued", RAW, wrong[i], 400, "body_malformed");
}

Test(local_request, timeout_is_a_positive_number)
{
    static const char *const wrong[] = {"0", "", "-1", "1s", "1.5", " ", "2147483648", "99999999999"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char fields[256];
        snprintf(fields, sizeof fields, RAW "X-Scep-Timeout-Ms: %s\r\n", wrong[i]);
        assert_told("/validate", fields, iscep_bytes_of("\x30\x00", 2), 400, "timeout_invalid");
    }
    assert_told("/validate", RAW "X-Scep-Timeout-Ms: 2147483647\r\n", iscep_bytes_of("\x30\x00", 2), 200,
                "id=1F csr=3000 cert= error=0 text= timeout=2147483647");
}
