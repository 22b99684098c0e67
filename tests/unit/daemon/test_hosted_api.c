/* Revocations for a SCEP server's own CA: work is given to who waits for it, once, and not to who is gone. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/hosted_api.h"
#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"
#include "tests/support/temp_dir.h"

enum { MAX_RESULTS = 8 };

static iscep_env env;
static loop_thread on;
static iscep_http_server *server;
static iscep_hosted_api api;
static temp_dir dir;
static char socket_path[128];
static const iscep_ca_options ca_options[] = {
    {.name = "lab", .kind = ISCEP_CA_PLUGIN, .timeout_ms = 60000, .max_in_flight = 4},
    {.name = "other", .kind = ISCEP_CA_PLUGIN, .timeout_ms = 60000, .max_in_flight = 4},
};
static iscep_ca *cas[2];
static iscep_routing routing;
static gate arrivals;
/* What became of the revocations; on the loop's thread, read after a gate. */
static iscep_ca_outcome outcomes[MAX_RESULTS];
static char messages[MAX_RESULTS][64];
static gate results;

static void handle(iscep_exchange *exchange, void *user)
{
    bool is_known = false;
    (void)user;
    if (!iscep_hosted_api_handle(exchange, &api, &is_known))
        iscep_exchange_reply_error(exchange, is_known ? 405 : 404, "no", "no");
    gate_pass(&arrivals);
}

static void set_up(void)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_http_server_options limits = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    env = iscep_env_system(NULL);
    arrivals = (gate)GATE_INIT;
    results = (gate)GATE_INIT;
    temp_dir_make(&dir);
    cr_assert_eq(chmod(dir.path, 0755), 0);
    temp_dir_path(&dir, socket_path, sizeof socket_path, "socket");
    loop_thread_make(&on);
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(iscep_ca_new(&cas[i], &env, on.loop, &ca_options[i], &err), ISCEP_OK);
    routing = (iscep_routing){.cas = cas, .count = 1};
    api = (iscep_hosted_api){.env = &env, .routing = &routing};
    cr_assert_eq(iscep_http_server_new(&server, &env, on.loop, &limits, handle, NULL, &err), ISCEP_OK);
    cr_assert_eq(iscep_http_server_listen_unix(server, socket_path, 0666, &err), ISCEP_OK);
    loop_thread_start(&on);
}

static void tear_down(void)
{
    loop_thread_stop(&on);
    for (size_t i = 0; i < 2; i++)
        iscep_ca_free(cas[i]);
    iscep_http_server_free(server);
    iscep_loop_free(on.loop);
    temp_dir_remove(&dir);
}

TestSuite(hosted_api, .init = set_up, .fini = tear_down);

static void on_result(void *user, const iscep_ca_result *result)
{
    const size_t at = gate_count(&results);
    (void)user;
    outcomes[at] = result->outcome;
    iscep_text_copy(messages[at], sizeof messages[at], result->message);
    gate_pass(&results);
}

static void revoke_now(void *user)
{
    const iscep_ca_request request = {.serial = user,
                                      .issuer = "CN=\xC3\xA9,O=\"a\"\nb",
                                      .reason = ISCEP_CRL_CESSATION_OF_OPERATION,
                                      .deadline_mono_ms = iscep_now_mono_ms(&env) + 60000};
    iscep_ca_revoke(cas[0], &request, on_result, NULL);
}

static void ask_to_revoke(const char *serial)
{
    loop_thread_run(&on, revoke_now, (void *)(uintptr_t)serial);
}

/* fields: header lines, each with its end. */
static void send_request(int fd, const char *path, const char *fields)
{
    char request[1024];
    snprintf(request, sizeof request, "POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: 0\r\n\r\n", path,
             fields);
    peer_send(fd, request);
}

static int ask_for_work(const char *fields)
{
    int fd = peer_connect_unix(socket_path);
    send_request(fd, "/v1/revocations/next", fields);
    return fd;
}

static void read_reply(int fd, int status, iscep_buf *body)
{
    peer_reply reply;
    peer_read_reply(fd, &reply);
    cr_assert_eq(reply.status, status, "%d: %s", reply.status, iscep_buf_text(&reply.body));
    if (body != NULL) {
        iscep_buf_init(body, 4096);
        iscep_buf_append(body, reply.body.data, reply.body.len);
    }
    peer_reply_clear(&reply);
}

/* The id of work given as lines. */
static void read_work(int fd, char id[64])
{
    iscep_buf body;
    read_reply(fd, 200, &body);
    cr_assert_eq(sscanf(iscep_buf_text(&body), "id: %63s", id), 1, "%s", iscep_buf_text(&body));
    iscep_buf_clear(&body);
}

static void send_result(const char *id, const char *outcome, int status)
{
    char fields[512];
    int fd = peer_connect_unix(socket_path);
    snprintf(fields, sizeof fields,
             "X-Scep-Revocation-Id: %s\r\nX-Scep-Revocation-Outcome: %s\r\nX-Scep-Error-Description: "
             "so+be%%20it\r\n",
             id, outcome);
    send_request(fd, "/v1/revocations/result", fields);
    read_reply(fd, status, NULL);
    close(fd);
}

#define TEXT "Accept: text/plain\r\n"
#define WAIT "X-Scep-Wait-Ms: 60000\r\n"

Test(hosted_api, work_that_is_there_is_given_at_once)
{
    char id[64], expected[256];
    iscep_buf body;
    ask_to_revoke("0A1B");
    int fd = ask_for_work(TEXT);
    read_reply(fd, 200, &body);
    cr_assert_eq(sscanf(iscep_buf_text(&body), "id: %63s", id), 1);
    snprintf(expected, sizeof expected,
             "id: %s\nserialNumber: 0A1B\nissuer: CN=\xC3\xA9,O=\"a\" b\nreason: 5\ntimeoutMs: ", id);
    cr_assert_eq(strncmp(iscep_buf_text(&body), expected, strlen(expected)), 0, "%s", iscep_buf_text(&body));
    iscep_buf_clear(&body);
    close(fd);
    send_result(id, "revoked", 200);
    gate_await(&results, 1);
    cr_assert_eq(outcomes[0], ISCEP_CA_REVOKED);
    cr_assert_str_eq(messages[0], "so be it");
    send_result(id, "revoked", 404); /* once */
}

Test(hosted_api, who_waits_is_given_work_when_it_comes)
{
    iscep_buf body;
    int fd = ask_for_work(WAIT);
    gate_await(&arrivals, 1);
    ask_to_revoke("7F");
    read_reply(fd, 200, &body);
    cr_assert_not_null(
        strstr(
            iscep_buf_text(&body),
            "\"serialNumber\":\"7F\",\"issuer\":\"CN=\xC3\xA9,O=\\\"a\\\" b\",\"reason\":5,\"timeoutMs\":"),
        "%s", iscep_buf_text(&body));
    iscep_buf_clear(&body);
    close(fd);
}

Test(hosted_api, without_work_and_time_there_is_nothing_to_do)
{
    int fd = ask_for_work("");
    read_reply(fd, 204, NULL);
    send_request(fd, "/v1/revocations/next", "X-Scep-Wait-Ms: 1\r\n"); /* the connection lives on */
    read_reply(fd, 204, NULL);
    close(fd);
}

Test(hosted_api, every_outcome_has_its_word)
{
    static const struct {
        const char *word;
        iscep_ca_outcome outcome;
    } cases[] = {{"revoked", ISCEP_CA_REVOKED},
                 {"already_revoked", ISCEP_CA_ALREADY_REVOKED},
                 {"not_found", ISCEP_CA_NOT_FOUND},
                 {"refused", ISCEP_CA_REFUSED},
                 {"failed", ISCEP_CA_FAILED}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char id[64];
        ask_to_revoke("01");
        int fd = ask_for_work(TEXT);
        read_work(fd, id);
        close(fd);
        send_result(id, cases[i].word, 200);
        gate_await(&results, i + 1);
        cr_assert_eq(outcomes[i], cases[i].outcome);
    }
}

Test(hosted_api, a_result_that_says_nothing_clear_changes_nothing)
{
    static const char *const outcomes_sent[] = {"", "Revoked", "unavailable", "revoked revoked", "0"};
    char id[64];
    ask_to_revoke("01");
    int fd = ask_for_work(TEXT);
    read_work(fd, id);
    close(fd);
    for (size_t i = 0; i < sizeof outcomes_sent / sizeof *outcomes_sent; i++)
        send_result(id, outcomes_sent[i], 400);
    send_result("guessed", "revoked", 404);
    send_result("", "revoked", 404);
    cr_assert_eq(gate_count(&results), 0);
    send_result(id, "not_found", 200);
    gate_await(&results, 1);
    cr_assert_eq(outcomes[0], ISCEP_CA_NOT_FOUND);
}

Test(hosted_api, the_ca_must_be_clear)
{
    static const struct {
        size_t ca_count;
        const char *fields;
        int status;
    } cases[] = {
        {1, "", 204},
        {1, "X-Scep-Ca: lab\r\n", 204},
        {1, "X-Scep-Ca: other\r\n", 400},
        {1, "X-Scep-Ca: \r\n", 400},
        {2, "", 400},
        {2, "X-Scep-Ca: other\r\n", 204},
        {0, "", 400},
        {1, "X-Scep-Wait-Ms: 60001\r\n", 400},
        {1, "X-Scep-Wait-Ms: -1\r\n", 400},
        {1, "X-Scep-Wait-Ms: 1s\r\n", 400},
        {1, "X-Scep-Wait-Ms: \r\n", 400},
        {1, "X-Scep-Wait-Ms: 99999999999999999999\r\n", 400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        routing.count = cases[i].ca_count;
        int fd = ask_for_work(cases[i].fields);
        read_reply(fd, cases[i].status, NULL);
        close(fd);
    }
}

static void count_askers(void *user)
{
    bool *is_empty = user;
    *is_empty = LIST_EMPTY(&api.askers);
}

/* The work goes to the next who asks: he who hung up has not swallowed it. */
Test(hosted_api, who_hangs_up_waits_no_longer)
{
    char id[64];
    int gone = ask_for_work(WAIT);
    gate_await(&arrivals, 1);
    close(gone);
    bool is_empty = false;
    const int64_t deadline_ms = iscep_now_mono_ms(&env) + 10000;
    while (!is_empty && iscep_now_mono_ms(&env) < deadline_ms)
        loop_thread_run(&on, count_askers, &is_empty);
    cr_assert(is_empty);
    ask_to_revoke("01");
    int fd = ask_for_work(TEXT);
    read_work(fd, id);
    close(fd);
}

/* The work would be lost to the server that revokes, and "revoked" said of what is not. */
Test(hosted_api, somebody_else_gets_no_work_and_is_not_believed)
{
    enum { NOBODY = 65534 };
    static const uint32_t hosts[] = {NOBODY - 1, NOBODY};
    char id[64], fields[256];
    if (geteuid() != 0)
        cr_skip_test("only root can be somebody else");
    api.plugin_uids = hosts;
    api.plugin_uid_count = 1;
    ask_to_revoke("01");
    int fd = ask_for_work(TEXT);
    read_work(fd, id);
    close(fd);
    cr_assert_eq(seteuid(NOBODY), 0); /* of the whole process, so only while the connection is made */
    fd = peer_connect_unix(socket_path);
    cr_assert_eq(seteuid(0), 0);
    send_request(fd, "/v1/revocations/next", WAIT);
    read_reply(fd, 403, NULL);
    snprintf(fields, sizeof fields, "X-Scep-Revocation-Id: %s\r\nX-Scep-Revocation-Outcome: revoked\r\n", id);
    send_request(fd, "/v1/revocations/result", fields);
    read_reply(fd, 403, NULL);
    cr_assert_eq(gate_count(&results), 0);
    api.plugin_uid_count = 2;
    send_request(fd, "/v1/revocations/result", fields);
    read_reply(fd, 200, NULL);
    close(fd);
}

static void stop_now(void *user)
{
    (void)user;
    iscep_hosted_api_stop(&api);
}

Test(hosted_api, at_the_end_everybody_is_told_that_there_is_nothing_to_do)
{
    int first = ask_for_work(WAIT), second = ask_for_work(WAIT);
    gate_await(&arrivals, 2);
    loop_thread_run(&on, stop_now, NULL);
    read_reply(first, 204, NULL);
    read_reply(second, 204, NULL);
    ask_to_revoke("01");
    send_request(first, "/v1/revocations/next", WAIT);
    read_reply(first, 204, NULL);
    close(first);
    close(second);
}

Test(hosted_api, it_is_asked_by_post)
{
    peer_reply reply;
    int fd = peer_connect_unix(socket_path);
    peer_ask(fd, "GET /v1/revocations/next HTTP/1.1\r\nHost: x\r\n\r\n", 405, &reply);
    peer_reply_clear(&reply);
    peer_ask(fd, "GET /v1/revocations/nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 404, &reply);
    peer_reply_clear(&reply);
    close(fd);
}
