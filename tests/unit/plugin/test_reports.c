/*
 * notify_issued and notify_failed when the daemon is away for a moment: a report is said again until it is heard or the
 * host's time is up. A certificate must not be lost because the connector was restarted under it.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fake_daemon.h"
#include "loaded_plugin.h"
#include "plugin/socket/deadline.h"

#define SHORT_MS  1000u
#define MARGIN_MS 2000 /* what a busy test machine may add; far below LOADED_TIMEOUT_MS */
#define FAKE_BUSY "HTTP/1.1 503 Busy\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

static loaded_plugin loaded;
static const scep_plugin *plugin;
static char path[64];
static scep_instance *instance;
static sem_t is_logged;

static void note_log(void *user, int32_t level, const char *message)
{
    (void)user, (void)level, (void)message;
    sem_post(&is_logged);
}

static const scep_host host = {.size = sizeof host, .log = note_log};

static void set_up(void)
{
    sem_init(&is_logged, 0, 0);
    loaded = loaded_plugin_open();
    plugin = loaded.plugin;
    fresh_socket_path(path);
    instance = loaded_instance(plugin, path, &host);
}

static void tear_down(void)
{
    plugin->close(instance);
    loaded_plugin_close(&loaded);
    remove_socket_dir(path);
}

TestSuite(reports, .init = set_up, .fini = tear_down, .timeout = 60);

static scep_answer report_issued_within(uint32_t timeout_ms)
{
    scep_issued issued = issued_of("t1");
    issued.timeout_ms = timeout_ms;
    scep_answer answer = stale_answer();
    cr_assert_eq(put_issued(plugin, instance, &issued, &answer), SCEP_OK);
    cr_assert_eq(answer.cert_len, 0);
    return answer;
}

static scep_answer report_failed(void)
{
    const scep_failed failed = failed_of("t1", "the CA is full");
    scep_answer answer = stale_answer();
    cr_assert_eq(put_failed(plugin, instance, &failed, &answer), SCEP_OK);
    return answer;
}

/* How many requests came is asserted; the answer is the caller's to judge. */
static scep_answer report_scripted(const fake_step *script, size_t steps, size_t want_requests)
{
    fake_daemon *daemon = fake_daemon_start(path, script, steps);
    const scep_answer answer = report_issued_within(LOADED_TIMEOUT_MS);
    cr_assert_eq(fake_daemon_request_count(daemon), want_requests);
    for (size_t i = 0; i < want_requests; i++) {
        cr_assert_not_null(strstr(fake_daemon_request(daemon, i)->head, "POST /v1/issued "));
    }
    fake_daemon_stop(daemon);
    return answer;
}

static void *report_in_thread(void *user)
{
    scep_answer *answer = user;
    *answer = report_issued_within(LOADED_TIMEOUT_MS);
    return NULL;
}

TEST_IN_BOTH_FORMS(reports, wait_for_a_daemon_that_is_being_restarted)
{
    static const fake_step script[] = {{FAKE_ALLOW, FAKE_KEEP}};
    pthread_t reporter;
    scep_answer answer;
    cr_assert_eq(pthread_create(&reporter, NULL, report_in_thread, &answer), 0);
    cr_assert_eq(sem_wait(&is_logged), 0); /* that the daemon is not there */
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    pthread_join(reporter, NULL);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_ALLOW);
    cr_assert_eq(fake_daemon_request_count(daemon), 1);
    fake_daemon_stop(daemon);
}

TEST_IN_BOTH_FORMS(reports, are_said_again_when_the_daemon_dies_over_them)
{
    static const fake_step script[] = {
        {NULL, FAKE_CLOSE}, {"HTTP/1.1 200 OK\r\nContent-", FAKE_CLOSE}, {FAKE_ALLOW, FAKE_KEEP}};
    cr_assert_eq(report_scripted(script, 3, 3).verdict, SCEP_VERDICT_ALLOW);
}

TEST_IN_BOTH_FORMS(reports, are_said_again_to_a_daemon_that_turns_everybody_away)
{
    const fake_step script[] = {{FAKE_BUSY, FAKE_CLOSE}, {FAKE_BUSY, FAKE_CLOSE}, {FAKE_ALLOW, FAKE_KEEP}};
    cr_assert_eq(report_scripted(script, 3, 3).verdict, SCEP_VERDICT_ALLOW);
}

TEST_IN_BOTH_FORMS(reports, of_failure_are_said_again_too)
{
    static const fake_step script[] = {{NULL, FAKE_CLOSE}, {FAKE_ALLOW, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 2);
    cr_assert_eq(report_failed().verdict, SCEP_VERDICT_ALLOW);
    cr_assert_eq(fake_daemon_request_count(daemon), 2);
    fake_daemon_stop(daemon);
}

/* What the daemon has decided, or somebody else has said, is the answer: asking again is the host's affair. */
TEST_IN_BOTH_FORMS(reports, that_were_answered_are_not_said_again)
{
    const struct {
        const char *reply;
        int32_t verdict;
        const char *code;
    } cases[] = {
        {fake_reply("503 Later", "verdict: retry\ncode: network\n"), SCEP_VERDICT_RETRY, "network"},
        {fake_reply("403 No", "verdict: deny\ncode: Unknown\n"), SCEP_VERDICT_DENY, "Unknown"},
        {fake_reply("200 OK", "verdict: deliver\n"), SCEP_VERDICT_ALLOW, ""},
        {fake_reply("409 Conflict", "verdict: deliver\n"), SCEP_VERDICT_RETRY, "connector_reply_unusable"},
        {"SSH-2.0-OpenSSH_9.2\r\n", SCEP_VERDICT_RETRY, "connector_reply_unusable"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const fake_step script[] = {{cases[i].reply, FAKE_CLOSE}, {FAKE_ALLOW, FAKE_KEEP}};
        const scep_answer answer = report_scripted(script, 2, 1);
        cr_assert_eq(answer.verdict, cases[i].verdict, "%zu", i);
        cr_assert_str_eq(answer.code, cases[i].code, "%zu", i);
    }
}

TEST_IN_BOTH_FORMS(reports, of_failure_may_be_answered_with_deliver)
{
    const fake_step script[] = {{fake_reply("200 OK", "verdict: deliver\n"), FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    cr_assert_eq(report_failed().verdict, SCEP_VERDICT_ALLOW);
    fake_daemon_stop(daemon);
}

static scep_answer report_for_a_short_time(int64_t *elapsed_ms)
{
    const int64_t start_ms = iscep_mono_ms();
    const scep_answer answer = report_issued_within(SHORT_MS);
    *elapsed_ms = iscep_mono_ms() - start_ms;
    return answer;
}

TEST_IN_BOTH_FORMS(reports, to_nobody_end_with_the_hosts_time)
{
    int64_t elapsed_ms;
    const scep_answer answer = report_for_a_short_time(&elapsed_ms);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_RETRY);
    cr_assert_str_eq(answer.code, "connector_unreachable");
    cr_assert_lt(elapsed_ms, (int64_t)SHORT_MS + MARGIN_MS);
}

TEST_IN_BOTH_FORMS(reports, to_a_hung_daemon_cost_the_deadline_and_no_more)
{
    static const fake_step script[] = {{NULL, FAKE_HANG}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    int64_t elapsed_ms;
    const scep_answer answer = report_for_a_short_time(&elapsed_ms);
    cr_assert_str_eq(answer.code, "connector_timeout");
    cr_assert_geq(elapsed_ms, (int64_t)SHORT_MS);
    cr_assert_lt(elapsed_ms, (int64_t)SHORT_MS + MARGIN_MS);
    cr_assert_eq(fake_daemon_request_count(daemon), 1);
    fake_daemon_stop(daemon);
}

/* Pauses of 50, 100, 200 and 400 ms fit into a second. */
TEST_IN_BOTH_FORMS(reports, are_not_said_in_a_busy_loop)
{
    static const fake_step script[] = {{NULL, FAKE_CLOSE}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    int64_t elapsed_ms;
    const scep_answer answer = report_for_a_short_time(&elapsed_ms);
    cr_assert_str_eq(answer.code, "connector_reply_cut");
    cr_assert_geq(fake_daemon_request_count(daemon), 2);
    cr_assert_leq(fake_daemon_request_count(daemon), 5);
    fake_daemon_stop(daemon);
}

TEST_IN_BOTH_FORMS(reports, heed_when_the_daemon_wants_to_be_asked_again)
{
    static const fake_step script[] = {{"HTTP/1.1 503 Busy\r\nContent-Type: application/json\r\nRetry-After: "
                                        "60\r\nContent-Length: 2\r\n\r\n{}",
                                        FAKE_CLOSE}};
    const scep_answer answer = report_scripted(script, 1, 1);
    cr_assert_str_eq(answer.code, "connector_busy");
    cr_assert_eq(answer.retry_after_ms, 60000);
}
