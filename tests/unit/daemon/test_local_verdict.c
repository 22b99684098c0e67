/* Whatever a verdict says, only ISCEP_ALLOW becomes HTTP 200. */
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

/* The path is the decision's number: a verdict of foreign make may hold any. */
static void reply_with(iscep_exchange *exchange, void *user)
{
    (void)user;
    long number = 0;
    cr_assert_eq(sscanf(iscep_exchange_path(exchange), "/%ld", &number), 1);
    iscep_verdict verdict = {.decision = (iscep_decision)number, .retry_after_ms = -1, .code = "code"};
    iscep_local_verdict_reply(exchange, &verdict);
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

Test(local_verdict, only_allow_is_200)
{
    static const struct {
        long decision;
        int want_status;
        const char *want_verdict;
    } cases[] = {
        {ISCEP_ALLOW, 200, "\"verdict\":\"allow\""},
        {ISCEP_DENY, 403, "\"verdict\":\"deny\""},
        {ISCEP_RETRY, 503, "\"verdict\":\"retry\""},
        {ISCEP_DECLINE, 403, "\"verdict\":\"decline\""},
        {3, 403, "\"verdict\":\"deny\""},
        {200, 403, "\"verdict\":\"deny\""},
        {0x7FFFFFFF, 403, "\"verdict\":\"deny\""},
        {ISCEP_ALLOW - 1, 403, "\"verdict\":\"deny\""},
        {ISCEP_ALLOW + 1, 403, "\"verdict\":\"deny\""},
        {ISCEP_ALLOW ^ 1, 403, "\"verdict\":\"deny\""},
        {0x4F4C4C41, 403, "\"verdict\":\"deny\""}, /* ALLOW in the other byte order */
    };
    int fd = peer_connect_unix(socket_path);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char request[128];
        peer_reply reply;
        snprintf(request, sizeof request, "GET /%ld HTTP/1.1\r\nHost: c\r\n\r\n", cases[i].decision);
        peer_ask(fd, request, cases[i].want_status, &reply);
        cr_assert_not_null(strstr(iscep_buf_text(&reply.body), cases[i].want_verdict), "decision %ld",
                           cases[i].decision);
        peer_reply_clear(&reply);
    }
    close(fd);
}
