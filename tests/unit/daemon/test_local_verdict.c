/* Whatever a verdict says, only a yes becomes HTTP 200; to a request DELIVER is none. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/local_verdict.h"
#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"
#include "tests/support/temp_dir.h"

static loop_thread on;
static iscep_env env;
static iscep_http_server *server;
static temp_dir dir;
static char socket_path[128];

/*
 * The path is who was asked, what is said, and the length of the certificate: a verdict of foreign make may hold any
 * number.
 */
static void reply_with(iscep_exchange *exchange, void *user)
{
    static const uint8_t cert[65536] = {0x30, 0x03, 0x02, 0x01, 0x07};
    (void)user;
    char whom = 0;
    long number = 0;
    size_t cert_len = 0;
    cr_assert_eq(sscanf(iscep_exchange_path(exchange), "/%c/%ld/%zu", &whom, &number, &cert_len), 3);
    iscep_verdict verdict = {.decision = (iscep_decision)number, .retry_after_ms = -1, .code = "code"};
    if (whom == 'v')
        iscep_local_verdict_reply_verified(exchange, &verdict, iscep_bytes_of(cert, cert_len));
    else
        iscep_local_verdict_reply_reported(exchange, &verdict);
}

static void set_up(void)
{
    const iscep_http_server_options limits = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    env = iscep_env_system(NULL);
    temp_dir_make(&dir);
    temp_dir_path(&dir, socket_path, sizeof socket_path, "socket");
    loop_thread_make(&on);
    cr_assert_eq(iscep_http_server_new(&server, &env, on.loop, &limits, reply_with, NULL, NULL), ISCEP_OK);
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

TestSuite(local_verdict, .init = set_up, .fini = tear_down);

/* Asks at path and compares the body's beginning. */
static void assert_reply(int fd, const char *path, const char *fields, int want_status, const char *want)
{
    char request[256];
    peer_reply reply;
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: c\r\n%s\r\n", path, fields);
    peer_ask(fd, request, want_status, &reply);
    cr_assert_eq(strncmp(iscep_buf_text(&reply.body), want, strlen(want)), 0, "%s: %s", path,
                 iscep_buf_text(&reply.body));
    peer_reply_clear(&reply);
}

Test(local_verdict, only_allow_is_200)
{
    static const struct {
        long decision;
        int want_status;
        const char *want;
    } cases[] = {
        {ISCEP_ALLOW, 200, "{\"verdict\":\"allow\""},
        {ISCEP_DENY, 403, "{\"verdict\":\"deny\""},
        {ISCEP_RETRY, 503, "{\"verdict\":\"retry\""},
        {ISCEP_DECLINE, 403, "{\"verdict\":\"decline\""},
        {3, 403, "{\"verdict\":\"deny\""},
        {200, 403, "{\"verdict\":\"deny\""},
        {0x7FFFFFFF, 403, "{\"verdict\":\"deny\""},
        {ISCEP_ALLOW - 1, 403, "{\"verdict\":\"deny\""},
        {ISCEP_ALLOW + 1, 403, "{\"verdict\":\"deny\""},
        {ISCEP_ALLOW ^ 1, 403, "{\"verdict\":\"deny\""},
        {ISCEP_DELIVER + 1, 403, "{\"verdict\":\"deny\""},
        {0x4F4C4C41, 403, "{\"verdict\":\"deny\""}, /* ALLOW in the other byte order */
    };
    int fd = peer_connect_unix(socket_path);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (const char *whom = "vr"; *whom != '\0'; whom++) {
            char path[64];
            snprintf(path, sizeof path, "/%c/%ld/5", *whom, cases[i].decision);
            assert_reply(fd, path, "", cases[i].want_status, cases[i].want);
        }
    }
    close(fd);
}

Test(local_verdict, deliver_is_a_yes_to_a_report_and_none_to_a_request)
{
    char verified[64], without[64], reported[64];
    int fd = peer_connect_unix(socket_path);
    snprintf(verified, sizeof verified, "/v/%d/5", ISCEP_DELIVER);
    snprintf(without, sizeof without, "/v/%d/0", ISCEP_DELIVER);
    snprintf(reported, sizeof reported, "/r/%d/5", ISCEP_DELIVER);
    assert_reply(fd, verified, "", 409,
                 "{\"verdict\":\"deliver\",\"code\":\"code\",\"message\":\"\",\"requestId\":\"\","
                 "\"certificate\":\"MAMCAQc=\"}\n");
    assert_reply(fd, verified, "Accept: text/plain\r\n", 409,
                 "verdict: deliver\ncode: code\nmessage: \nrequestId: \ncertificate: MAMCAQc=\n");
    assert_reply(fd, without, "", 403, "{\"verdict\":\"deny\"");
    assert_reply(fd, reported, "", 200,
                 "{\"verdict\":\"deliver\",\"code\":\"code\",\"message\":\"\",\"requestId\":\"\"}\n");
    close(fd);
}

Test(local_verdict, the_largest_certificate_fits)
{
    char path[64];
    int fd = peer_connect_unix(socket_path);
    snprintf(path, sizeof path, "/v/%d/65536", ISCEP_DELIVER);
    assert_reply(fd, path, "", 409, "{\"verdict\":\"deliver\"");
    close(fd);
}
