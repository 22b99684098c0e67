/* scep_intune.so against a stand-in for the daemon: each verdict, each way in which a daemon can fail, each
 * deadline. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake_daemon.h"
#include "loaded_plugin.h"
#include "plugin/socket/deadline.h"

#define SHORT_MS  200u
#define MARGIN_MS 2000 /* what a busy test machine may add; far below LOADED_TIMEOUT_MS */

static loaded_plugin loaded;
static const scep_plugin *plugin;
static char path[64];
static scep_instance *instance;

static void set_up(void)
{
    loaded = loaded_plugin_open();
    plugin = loaded.plugin;
    fresh_socket_path(path);
    instance = loaded_instance(plugin, path, NULL);
}

static void tear_down(void)
{
    plugin->close(instance);
    loaded_plugin_close(&loaded);
    remove_socket_dir(path);
}

TestSuite(socket_backend, .init = set_up, .fini = tear_down, .timeout = 60);

static void assert_retry(const scep_answer *answer, const char *code)
{
    cr_assert_eq(answer->verdict, SCEP_VERDICT_RETRY);
    cr_assert_str_eq(answer->code, code);
    cr_assert_not_null(strstr(answer->message, path), "%s", answer->message);
}

/* One question to a daemon that answers with reply and then does as told. */
static scep_answer ask_scripted(const char *reply, fake_then then)
{
    const fake_step script[] = {{reply, then}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    const scep_answer answer = ask(plugin, instance, "allow-1");
    cr_assert_eq(fake_daemon_request_count(daemon), 1);
    fake_daemon_stop(daemon);
    return answer;
}

TEST_IN_BOTH_FORMS(socket_backend, success_is_allowed)
{
    const scep_answer answer = ask_scripted(FAKE_ALLOW, FAKE_KEEP);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_ALLOW);
    cr_assert_str_eq(answer.code, "");
    cr_assert_str_eq(answer.message, "");
    cr_assert_str_eq(answer.request_id, "");
    cr_assert_eq(answer.retry_after_ms, 0);
}

TEST_IN_BOTH_FORMS(socket_backend, a_refusal_is_passed_on_as_it_is)
{
    const scep_answer answer = ask_scripted(FAKE_DENY, FAKE_CLOSE);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_DENY);
    cr_assert_str_eq(answer.code, "ChallengeExpired");
    cr_assert_str_eq(answer.message, "Too late.");
    cr_assert_str_eq(answer.request_id, "2f4c-0000-guid");
}

TEST_IN_BOTH_FORMS(socket_backend, what_is_not_intunes_is_declined)
{
    const scep_answer answer = ask_scripted(
        FAKE_REPLY("403 Forbidden", "45", "verdict: decline\ncode: csr_challenge_foreign\n"), FAKE_KEEP);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_DECLINE);
    cr_assert_str_eq(answer.code, "csr_challenge_foreign");
}

TEST_IN_BOTH_FORMS(socket_backend, the_daemons_retry_is_passed_on_with_its_time)
{
    const scep_answer answer = ask_scripted(
        FAKE_REPLY("503 Service Unavailable", "73",
                   "verdict: retry\ncode: network\nmessage: Graph is down.\nretryAfterMs: 90000\n"),
        FAKE_KEEP);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_RETRY);
    cr_assert_str_eq(answer.code, "network");
    cr_assert_str_eq(answer.message, "Graph is down.");
    cr_assert_eq(answer.retry_after_ms, 90000);
}

TEST_IN_BOTH_FORMS(socket_backend, the_daemons_texts_are_cut_to_the_hosts_fields)
{
    char body[1500];
    char reply[2000];
    const int len = snprintf(body, sizeof body,
                             "verdict: deny\ncode: %0100d\nmessage: %0700d\nrequestId: %0100d\n", 1, 2, 3);
    snprintf(reply, sizeof reply, FAKE_REPLY("403 Forbidden", "%d", "%s"), len, body);
    const scep_answer answer = ask_scripted(reply, FAKE_KEEP);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_DENY);
    cr_assert_eq(strlen(answer.code), 63);
    cr_assert_eq(strlen(answer.message), 511);
    cr_assert_eq(strlen(answer.request_id), 63);
}

TEST_IN_BOTH_FORMS(socket_backend, replies_that_are_no_verdict_are_retries)
{
    static const char *const cases[] = {
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
        "19\r\n\r\n{\"verdict\":\"allow\"}",
        FAKE_REPLY("200 OK", "14", "verdict: deny\n"),
        FAKE_REPLY("403 Forbidden", "15", "verdict: allow\n"),
        FAKE_REPLY("503 Busy", "15", "verdict: allow\n"),
        FAKE_REPLY("200 OK", "17", "verdict: decline\n"),
        FAKE_REPLY("200 OK", "16", "verdict: allowed\n"),
        FAKE_REPLY("200 OK", "30", "verdict: allow\nverdict: allow\n"),
        FAKE_ALLOW FAKE_ALLOW,
        "HTTP/1.1 413 Too Large\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const scep_answer answer = ask_scripted(cases[i], FAKE_CLOSE);
        assert_retry(&answer, "connector_reply_unusable");
    }
}

TEST_IN_BOTH_FORMS(socket_backend, being_turned_away_at_the_door_is_a_retry_with_its_time)
{
    const scep_answer answer =
        ask_scripted("HTTP/1.1 503 Busy\r\nContent-Type: application/json\r\nRetry-After: "
                     "2\r\nContent-Length: 2\r\n\r\n{}",
                     FAKE_CLOSE);
    assert_retry(&answer, "connector_busy");
    cr_assert_eq(answer.retry_after_ms, 2000);
}

TEST_IN_BOTH_FORMS(socket_backend, a_cut_reply_is_a_retry)
{
    static const char whole[] = FAKE_ALLOW;
    for (size_t len = 0; len < sizeof whole - 1; len += 9) {
        char cut[sizeof whole];
        memcpy(cut, whole, len);
        cut[len] = '\0';
        const scep_answer answer = ask_scripted(cut, FAKE_CLOSE);
        assert_retry(&answer, "connector_reply_cut");
    }
}

TEST_IN_BOTH_FORMS(socket_backend, an_endless_header_is_cut_off)
{
    const scep_answer answer = ask_scripted("HTTP/1.1 200 OK\r\n", FAKE_ENDLESS);
    assert_retry(&answer, "connector_reply_unusable");
}

static scep_answer ask_for_a_short_time(uint32_t timeout_ms, int64_t *elapsed_ms)
{
    const int64_t start_ms = iscep_mono_ms();
    const scep_answer answer = ask_within(plugin, instance, "allow-1", timeout_ms);
    *elapsed_ms = iscep_mono_ms() - start_ms;
    return answer;
}

TEST_IN_BOTH_FORMS(socket_backend, a_hung_daemon_costs_the_deadline_and_no_more)
{
    static const fake_step scripts[] = {{NULL, FAKE_HANG}, {"HTTP/1.1 200 OK\r\n", FAKE_HANG}};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        fake_daemon *daemon = fake_daemon_start(path, &scripts[i], 1);
        int64_t elapsed_ms;
        const scep_answer answer = ask_for_a_short_time(SHORT_MS, &elapsed_ms);
        assert_retry(&answer, "connector_timeout");
        cr_assert_not_null(strstr(answer.message, "within 200 ms"));
        cr_assert_geq(elapsed_ms, SHORT_MS);
        cr_assert_lt(elapsed_ms, SHORT_MS + MARGIN_MS);
        fake_daemon_stop(daemon);
    }
}

/* The listener exists, its queue is full, and nobody accepts: connect itself would block. */
TEST_IN_BOTH_FORMS(socket_backend, a_daemon_that_does_not_accept_costs_the_deadline_and_no_more)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(listener, 0), 0);
    const int waiting = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(waiting, (struct sockaddr *)&address, sizeof address), 0);
    int64_t elapsed_ms;
    const scep_answer answer = ask_for_a_short_time(SHORT_MS, &elapsed_ms);
    assert_retry(&answer, "connector_timeout");
    cr_assert_geq(elapsed_ms, SHORT_MS);
    cr_assert_lt(elapsed_ms, SHORT_MS + MARGIN_MS);
    close(waiting);
    close(listener);
}

static void on_alarm(int number)
{
    (void)number;
}

/* A timer without SA_RESTART fires all the time: each wait ends early with EINTR. */
TEST_IN_BOTH_FORMS(socket_backend, interrupted_waits_go_on_until_the_deadline)
{
    const struct sigaction action = {.sa_handler = on_alarm};
    const struct itimerval often = {.it_interval = {0, 5000}, .it_value = {0, 5000}};
    const struct itimerval never = {.it_interval = {0, 0}};
    const fake_step script[] = {{NULL, FAKE_HANG}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    int64_t elapsed_ms;
    const scep_answer answer = ask_for_a_short_time(SHORT_MS, &elapsed_ms);
    setitimer(ITIMER_REAL, &never, NULL);
    assert_retry(&answer, "connector_timeout");
    cr_assert_geq(elapsed_ms, SHORT_MS);
    cr_assert_lt(elapsed_ms, SHORT_MS + MARGIN_MS);
    fake_daemon_stop(daemon);
}

TEST_IN_BOTH_FORMS(socket_backend, a_daemon_that_takes_no_bytes_raises_no_sigpipe)
{
    const fake_step script[] = {{FAKE_ALLOW, FAKE_DEAF}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    signal(SIGPIPE, SIG_DFL);
    cr_assert_eq(ask(plugin, instance, "allow-1").verdict, SCEP_VERDICT_ALLOW);
    const scep_answer answer = ask_within(plugin, instance, "allow-2", SHORT_MS);
    assert_retry(&answer, "connector_timeout");
    cr_assert_eq(fake_daemon_request_count(daemon), 1);
    fake_daemon_stop(daemon);
}

TEST_IN_BOTH_FORMS(socket_backend, the_instances_timeout_counts_when_the_host_names_none)
{
    const scep_host host = {.size = sizeof host};
    const scep_config_entry config[] = {{"socket", path}, {"timeout_ms", "150"}};
    scep_instance *hasty = NULL;
    cr_assert_eq(plugin->open(&host, config, 2, &hasty, NULL), SCEP_OK);
    const fake_step script[] = {{NULL, FAKE_HANG}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    const int64_t start_ms = iscep_mono_ms();
    const scep_answer answer = ask_within(plugin, hasty, "allow-1", 0);
    assert_retry(&answer, "connector_timeout");
    cr_assert_lt(iscep_mono_ms() - start_ms, 150 + MARGIN_MS);
    plugin->close(hasty);
    fake_daemon_stop(daemon);
}

TEST_IN_BOTH_FORMS(socket_backend, every_question_is_for_the_instances_tenant)
{
    const scep_host host = {.size = sizeof host};
    const scep_config_entry config[] = {{"socket", path}, {"tenant", "contoso"}};
    const fake_step script[] = {{FAKE_ALLOW, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    const scep_issued issued = issued_of("allow-2");
    const scep_failed failed = failed_of("allow-3", "");
    scep_answer answer = {.size = sizeof answer};
    scep_instance *tied = NULL;
    cr_assert_eq(plugin->open(&host, config, 2, &tied, NULL), SCEP_OK);
    ask(plugin, tied, "allow-1");
    cr_assert_eq(put_issued(plugin, tied, &issued, &answer), SCEP_OK);
    cr_assert_eq(put_failed(plugin, tied, &failed, &answer), SCEP_OK);
    ask(plugin, instance, "allow-4"); /* which has none */
    for (size_t i = 0; i < 3; i++) {
        cr_assert_str_eq(fake_request_header(fake_daemon_request(daemon, i), "X-Scep-Tenant"), "contoso");
    }
    cr_assert_null(fake_request_header(fake_daemon_request(daemon, 3), "X-Scep-Tenant"));
    plugin->close(tied);
    fake_daemon_stop(daemon);
}

TEST_IN_BOTH_FORMS(socket_backend, an_absent_daemon_is_named_with_what_to_do)
{
    const scep_answer answer = ask(plugin, instance, "allow-1");
    assert_retry(&answer, "connector_unreachable");
    cr_assert_not_null(strstr(answer.message, "No such file or directory"));
    cr_assert_not_null(strstr(answer.message, "systemctl status intune-scepd"));
}

TEST_IN_BOTH_FORMS(socket_backend, a_socket_file_without_a_daemon_is_a_retry)
{
    const fake_step script[] = {{FAKE_ALLOW, FAKE_KEEP}};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    const int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(dead, (struct sockaddr *)&address, sizeof address), 0);
    close(dead);
    scep_answer answer = ask(plugin, instance, "allow-1");
    assert_retry(&answer, "connector_unreachable");
    cr_assert_not_null(strstr(answer.message, "Connection refused"));
    unlink(path);
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    answer = ask(plugin, instance, "allow-1");
    cr_assert_eq(answer.verdict, SCEP_VERDICT_ALLOW);
    fake_daemon_stop(daemon);
}

/* What arrives at the daemon is what the host gave. */
TEST_IN_BOTH_FORMS(socket_backend, requests_carry_the_hosts_bytes)
{
    const fake_step script[] = {{FAKE_ALLOW, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    const scep_request request = request_of("id + / = 1");
    const scep_issued issued = issued_of("id-2");
    const scep_failed failed = failed_of("id-3", "CA: f\xC3\xBCll");
    scep_answer answer = stale_answer();
    cr_assert_eq(put_request(plugin, instance, &request, &answer), SCEP_OK);
    cr_assert_eq(put_issued(plugin, instance, &issued, &answer), SCEP_OK);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_ALLOW);
    cr_assert_eq(put_failed(plugin, instance, &failed, &answer), SCEP_OK);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_ALLOW);

    const fake_request *got = fake_daemon_request(daemon, 0);
    cr_assert_eq(strncmp(got->head, "POST /v1/validate HTTP/1.1\r\n", 28), 0);
    cr_assert_str_eq(fake_request_header(got, "X-Scep-Transaction-Id"), "id + / = 1");
    cr_assert_str_eq(fake_request_header(got, "Accept"), "text/plain");
    cr_assert_str_eq(fake_request_header(got, "Content-Type"), "application/pkcs10");
    const long told_ms = strtol(fake_request_header(got, "X-Scep-Timeout-Ms"), NULL, 10);
    cr_assert(told_ms > (long)LOADED_TIMEOUT_MS / 2 && told_ms <= (long)LOADED_TIMEOUT_MS - 250);
    cr_assert_eq(got->body_len, request.csr_der.len);
    cr_assert_arr_eq(got->body, request.csr_der.data, got->body_len);

    got = fake_daemon_request(daemon, 1);
    cr_assert_eq(strncmp(got->head, "POST /v1/issued HTTP/1.1\r\n", 26), 0);
    cr_assert_eq(got->body_len, issued.csr_der.len + issued.cert_der.len);
    cr_assert_arr_eq(got->body, issued.csr_der.data, issued.csr_der.len);
    cr_assert_arr_eq(got->body + issued.csr_der.len, issued.cert_der.data, issued.cert_der.len);

    got = fake_daemon_request(daemon, 2);
    cr_assert_eq(strncmp(got->head, "POST /v1/failed HTTP/1.1\r\n", 26), 0);
    cr_assert_str_eq(fake_request_header(got, "X-Scep-Error-Code"), "2148073494");
    cr_assert_str_eq(fake_request_header(got, "X-Scep-Error-Description"), "CA%3A%20f%C3%BCll");
    cr_assert_eq(got->body_len, failed.csr_der.len);
    cr_assert_eq(fake_daemon_connection_count(daemon), 1);
    fake_daemon_stop(daemon);
}

TEST_IN_BOTH_FORMS(socket_backend, the_largest_request_arrives_whole)
{
    static uint8_t big[64 * 1024];
    for (size_t i = 0; i < sizeof big; i++) {
        big[i] = (uint8_t)(i * 31 >> 3);
    }
    const fake_step script[] = {{FAKE_ALLOW, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    scep_issued issued = issued_of("allow-1");
    issued.csr_der = issued.cert_der = (scep_bytes){.data = big, .len = sizeof big};
    scep_answer answer = stale_answer();
    cr_assert_eq(put_issued(plugin, instance, &issued, &answer), SCEP_OK);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_ALLOW);
    const fake_request *got = fake_daemon_request(daemon, 0);
    cr_assert_eq(got->body_len, 2 * sizeof big);
    cr_assert_eq(memcmp(got->body, big, sizeof big), 0);
    cr_assert_eq(memcmp(got->body + sizeof big, big, sizeof big), 0);
    fake_daemon_stop(daemon);
}

TEST_IN_BOTH_FORMS(socket_backend, a_connection_is_kept_unless_the_daemon_says_close)
{
    const fake_step script[] = {{FAKE_ALLOW, FAKE_KEEP},
                                {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: "
                                 "text/plain\r\nContent-Length: 15\r\n\r\nverdict: allow\n",
                                 FAKE_KEEP},
                                {FAKE_ALLOW, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 3);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(ask(plugin, instance, "allow-1").verdict, SCEP_VERDICT_ALLOW);
    }
    cr_assert_eq(fake_daemon_request(daemon, 1)->connection, 0);
    cr_assert_eq(fake_daemon_request(daemon, 2)->connection, 1);
    fake_daemon_stop(daemon);
}

TEST_IN_BOTH_FORMS(socket_backend, a_restarted_daemon_is_found_again)
{
    const fake_step script[] = {{FAKE_ALLOW, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    cr_assert_eq(ask(plugin, instance, "allow-1").verdict, SCEP_VERDICT_ALLOW);
    fake_daemon_stop(daemon);
    scep_answer answer = ask(plugin, instance, "allow-1");
    assert_retry(&answer, "connector_unreachable");
    daemon = fake_daemon_start(path, script, 1);
    cr_assert_eq(ask(plugin, instance, "allow-1").verdict, SCEP_VERDICT_ALLOW);
    fake_daemon_stop(daemon);
    daemon = fake_daemon_start(path, script, 1);
    cr_assert_eq(ask(plugin, instance, "allow-1").verdict, SCEP_VERDICT_ALLOW);
    cr_assert_eq(fake_daemon_request_count(daemon), 1);
    fake_daemon_stop(daemon);
}

TEST_IN_BOTH_FORMS(socket_backend, an_idle_connection_that_ended_is_not_used)
{
    const fake_step script[] = {{FAKE_ALLOW, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    cr_assert_eq(ask(plugin, instance, "allow-1").verdict, SCEP_VERDICT_ALLOW);
    fake_daemon_hang_up(daemon, 0);
    cr_assert_eq(ask(plugin, instance, "allow-1").verdict, SCEP_VERDICT_ALLOW);
    cr_assert_eq(fake_daemon_request_count(daemon), 2);
    cr_assert_eq(fake_daemon_request(daemon, 1)->connection, 1);
    fake_daemon_stop(daemon);
}

/* Bytes nobody asked for would be taken for the answer to the next request. */
TEST_IN_BOTH_FORMS(socket_backend, an_unasked_allow_is_no_answer)
{
    const fake_step script[] = {{FAKE_ALLOW, FAKE_KEEP}, {FAKE_DENY, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 2);
    cr_assert_eq(ask(plugin, instance, "allow-1").verdict, SCEP_VERDICT_ALLOW);
    fake_daemon_inject(daemon, 0, FAKE_ALLOW);
    cr_assert_eq(ask(plugin, instance, "deny-1").verdict, SCEP_VERDICT_DENY);
    cr_assert_eq(fake_daemon_request(daemon, 1)->connection, 1);
    fake_daemon_stop(daemon);
}

TEST_IN_BOTH_FORMS(socket_backend, a_late_allow_is_no_answer_to_the_next_request)
{
    const fake_step script[] = {{NULL, FAKE_HANG}, {FAKE_DENY, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 2);
    cr_assert_eq(ask_within(plugin, instance, "allow-1", SHORT_MS).verdict, SCEP_VERDICT_RETRY);
    cr_assert(fake_daemon_wait(daemon, 1, LOADED_TIMEOUT_MS));
    const scep_answer answer = ask(plugin, instance, "deny-1");
    cr_assert_eq(answer.verdict, SCEP_VERDICT_DENY);
    cr_assert_eq(fake_daemon_request(daemon, 1)->connection, 1);
    fake_daemon_stop(daemon);
}

TEST_IN_BOTH_FORMS(socket_backend, a_request_lost_on_a_kept_connection_is_sent_again_once)
{
    const fake_step script[] = {{FAKE_ALLOW, FAKE_KEEP}, {NULL, FAKE_CLOSE}, {FAKE_DENY, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 3);
    cr_assert_eq(ask(plugin, instance, "allow-1").verdict, SCEP_VERDICT_ALLOW);
    const scep_answer answer = ask(plugin, instance, "deny-2");
    cr_assert_eq(answer.verdict, SCEP_VERDICT_DENY);
    cr_assert_str_eq(answer.code, "ChallengeExpired");
    cr_assert_eq(fake_daemon_request_count(daemon), 3);
    cr_assert_eq(fake_daemon_request(daemon, 1)->connection, 0);
    cr_assert_eq(fake_daemon_request(daemon, 2)->connection, 1);
    cr_assert_str_eq(fake_request_header(fake_daemon_request(daemon, 2), "X-Scep-Transaction-Id"), "deny-2");
    fake_daemon_stop(daemon);
}

TEST_IN_BOTH_FORMS(socket_backend, a_request_lost_twice_is_a_retry)
{
    const fake_step script[] = {{FAKE_ALLOW, FAKE_KEEP}, {NULL, FAKE_CLOSE}};
    fake_daemon *daemon = fake_daemon_start(path, script, 2);
    cr_assert_eq(ask(plugin, instance, "allow-1").verdict, SCEP_VERDICT_ALLOW);
    const scep_answer answer = ask(plugin, instance, "allow-2");
    assert_retry(&answer, "connector_reply_cut");
    cr_assert_eq(fake_daemon_request_count(daemon), 3);
    fake_daemon_stop(daemon);
}

TEST_IN_BOTH_FORMS(socket_backend, a_reply_cut_on_a_kept_connection_is_not_asked_again)
{
    const fake_step script[] = {{FAKE_ALLOW, FAKE_KEEP}, {"H", FAKE_CLOSE}, {FAKE_ALLOW, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 3);
    cr_assert_eq(ask(plugin, instance, "allow-1").verdict, SCEP_VERDICT_ALLOW);
    const scep_answer answer = ask(plugin, instance, "allow-2");
    assert_retry(&answer, "connector_reply_cut");
    cr_assert_eq(fake_daemon_request_count(daemon), 2);
    fake_daemon_stop(daemon);
}

/* The descriptor in this process that is connected to the daemon; -1 if there is none. */
static int find_plugins_descriptor(void)
{
    for (int fd = 0; fd < 1024; fd++) {
        struct sockaddr_un peer = {.sun_family = AF_UNSPEC};
        socklen_t len = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.sun_family == AF_UNIX &&
            strncmp(peer.sun_path, path, sizeof peer.sun_path) == 0) {
            return fd;
        }
    }
    return -1;
}

/* A host that closes every descriptor, as daemons do, and opens its own: they must stay untouched. */
TEST_IN_BOTH_FORMS(socket_backend, a_descriptor_that_the_host_took_back_is_left_alone)
{
    const fake_step script[] = {{FAKE_ALLOW, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    cr_assert_eq(ask(plugin, instance, "allow-1").verdict, SCEP_VERDICT_ALLOW);
    const int taken = find_plugins_descriptor();
    cr_assert_geq(taken, 0);
    int ends[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    cr_assert_eq(dup2(ends[0], taken), taken);
    cr_assert_eq(ask(plugin, instance, "allow-2").verdict, SCEP_VERDICT_ALLOW);
    cr_assert_eq(write(taken, "mine", 4), 4, "the plugin closed what is not its own");
    char got[64];
    cr_assert_eq(recv(ends[1], got, sizeof got, MSG_DONTWAIT), 4,
                 "the plugin wrote into what is not its own");
    close(taken);
    close(ends[0]);
    close(ends[1]);
    fake_daemon_stop(daemon);
}

TEST_IN_BOTH_FORMS(socket_backend, the_standard_descriptors_are_never_taken)
{
    const fake_step script[] = {{FAKE_ALLOW, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    const int saved = dup(STDIN_FILENO);
    close(STDIN_FILENO);
    const scep_answer answer = ask(plugin, instance, "allow-1");
    struct stat facts;
    const int is_taken = fstat(STDIN_FILENO, &facts) == 0;
    dup2(saved, STDIN_FILENO);
    close(saved);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_ALLOW);
    cr_assert_not(is_taken);
    fake_daemon_stop(daemon);
}

typedef struct logged {
    int count;
    int32_t level;
    char message[512];
} logged;

static void note_log(void *user, int32_t level, const char *message)
{
    logged *lines = user;
    lines->count++;
    lines->level = level;
    snprintf(lines->message, sizeof lines->message, "%s", message);
}

TEST_IN_BOTH_FORMS(socket_backend, the_log_hears_of_loss_and_return_once)
{
    logged lines = {.count = 0};
    const scep_host host = {.size = sizeof host, .user = &lines, .log = note_log};
    scep_instance *logging = loaded_instance(plugin, path, &host);
    ask(plugin, logging, "allow-1");
    ask(plugin, logging, "allow-1");
    cr_assert_eq(lines.count, 1);
    cr_assert_eq(lines.level, SCEP_LOG_WARN);
    cr_assert_not_null(strstr(lines.message, path));
    const fake_step script[] = {{FAKE_ALLOW, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    ask(plugin, logging, "allow-1");
    ask(plugin, logging, "allow-1");
    cr_assert_eq(lines.count, 2);
    cr_assert_eq(lines.level, SCEP_LOG_INFO);
    cr_assert_not_null(strstr(lines.message, "answers again"));
    plugin->close(logging);
    fake_daemon_stop(daemon);
}
