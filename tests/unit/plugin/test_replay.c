/* verify_request when a certificate was issued for the request before: only to a host with room, and only a whole one. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fake_daemon.h"
#include "loaded_plugin.h"

#define DELIVER fake_reply("409 Conflict", "verdict: deliver\ncertificate: MAMCAQc=\nrequestId: 2f4c-1\n")

static const uint8_t der[] = {0x30, 0x03, 0x02, 0x01, 0x07};

static loaded_plugin loaded;
static const scep_plugin *plugin;
static char path[64];
static scep_instance *instance;
static uint8_t room[65536];

static void set_up(void)
{
    loaded = loaded_plugin_open();
    plugin = loaded.plugin;
    fresh_socket_path(path);
    instance = loaded_instance(plugin, path, NULL);
    memset(room, 'x', sizeof room);
}

static void tear_down(void)
{
    plugin->close(instance);
    loaded_plugin_close(&loaded);
    remove_socket_dir(path);
}

TestSuite(replay, .init = set_up, .fini = tear_down, .timeout = 60);

/* One question to a daemon with that reply; answer says how much room there is. */
static void ask_scripted(const char *reply, scep_answer *answer, const char *replay_header)
{
    const fake_step script[] = {{reply, FAKE_CLOSE}};
    const scep_request request = request_of("t1");
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    cr_assert_eq(put_request(plugin, instance, &request, answer), SCEP_OK);
    cr_assert_eq(fake_daemon_request_count(daemon), 1);
    const char *header = fake_request_header(fake_daemon_request(daemon, 0), "X-Scep-Replay");
    cr_assert_eq(header != NULL, replay_header != NULL);
    if (header != NULL) {
        cr_assert_str_eq(header, replay_header);
    }
    fake_daemon_stop(daemon);
}

static scep_answer answer_with_room(size_t capacity)
{
    scep_answer answer = stale_answer();
    answer.cert_der = room;
    answer.cert_capacity = capacity;
    return answer;
}

static void expect_unusable(const scep_answer *answer)
{
    cr_assert_eq(answer->verdict, SCEP_VERDICT_RETRY);
    cr_assert_str_eq(answer->code, "connector_reply_unusable");
    cr_assert_eq(answer->cert_len, 0);
}

TEST_IN_BOTH_FORMS(replay, hands_over_the_certificate_of_before)
{
    scep_answer answer = answer_with_room(sizeof room);
    ask_scripted(DELIVER, &answer, NULL);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_DELIVER);
    cr_assert_eq(answer.cert_len, sizeof der);
    cr_assert_arr_eq(room, der, sizeof der);
    cr_assert_eq(room[sizeof der], 'x');
    cr_assert_eq(answer.cert_der, room, "where the room is stays the host's");
    cr_assert_eq(answer.cert_capacity, sizeof room);
    cr_assert_str_eq(answer.request_id, "2f4c-1");
    cr_assert_eq(answer.retry_after_ms, 0);
}

TEST_IN_BOTH_FORMS(replay, hands_over_64_kib)
{
    static char reply[100000];
    static char base64[87385];
    memset(base64, 'A', sizeof base64 - 1);
    memcpy(base64, "MIL//A", 6);
    memcpy(base64 + 87380, "AA==", 4);
    snprintf(reply, sizeof reply, FAKE_REPLY("409 Conflict", "%zu", "verdict: deliver\ncertificate: %s\n"),
             sizeof base64 + 31 - 1, base64);
    scep_answer answer = answer_with_room(sizeof room);
    ask_scripted(reply, &answer, NULL);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_DELIVER);
    cr_assert_eq(answer.cert_len, 65536);
    cr_assert_eq(room[0], 0x30);
}

TEST_IN_BOTH_FORMS(replay, is_not_wanted_by_a_host_without_room)
{
    scep_answer roomless[] = {stale_answer(), answer_with_room(0)};
    roomless[0].cert_capacity = sizeof room; /* and no pointer */
    for (size_t i = 0; i < 2; i++) {
        ask_scripted(DELIVER, &roomless[i], "no");
        cr_assert_eq(roomless[i].verdict, SCEP_VERDICT_RETRY, "%zu", i);
        cr_assert_str_eq(roomless[i].code, "connector_reply_unusable", "%zu", i);
        cr_assert_eq(room[0], 'x', "%zu", i);
    }
}

TEST_IN_BOTH_FORMS(replay, into_too_little_room_is_a_retry_that_says_so)
{
    scep_answer answer = answer_with_room(sizeof der - 1);
    ask_scripted(DELIVER, &answer, NULL);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_RETRY);
    cr_assert_str_eq(answer.code, "certificate_room");
    cr_assert_eq(answer.cert_len, 0);
    cr_assert_eq(room[0], 'x');
}

TEST_IN_BOTH_FORMS(replay, of_what_is_no_whole_certificate_is_unusable)
{
    const char *const replies[] = {
        fake_reply("409 Conflict", "verdict: deliver\n"),
        fake_reply("409 Conflict", "verdict: deliver\ncertificate: \n"),
        fake_reply("409 Conflict", "verdict: deliver\ncertificate: MAMCAQc\n"),
        fake_reply("409 Conflict", "verdict: deliver\ncertificate: MAQCAQc=\n"),
        fake_reply("409 Conflict", "verdict: deliver\ncertificate: MAMCAQcA\n"),
        fake_reply("409 Conflict", "verdict: deliver\ncertificate: AgEHAgEH\n"),
        fake_reply("409 Conflict", "verdict: deliver\ncertificate: MAMCAQc=\ncertificate: MAMCAQc=\n"),
    };
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        scep_answer answer = answer_with_room(sizeof room);
        ask_scripted(replies[i], &answer, NULL);
        expect_unusable(&answer);
    }
}

/* A yes to a request is "allow" with 200, and nothing else. */
TEST_IN_BOTH_FORMS(replay, is_never_a_yes)
{
    const char *const replies[] = {
        fake_reply("200 OK", "verdict: deliver\ncertificate: MAMCAQc=\n"),
        fake_reply("200 OK", "verdict: deliver\n"),
        fake_reply("409 Conflict", "verdict: allow\ncertificate: MAMCAQc=\n"),
        fake_reply("403 Forbidden", "verdict: deliver\ncertificate: MAMCAQc=\n"),
    };
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        scep_answer answer = answer_with_room(sizeof room);
        ask_scripted(replies[i], &answer, NULL);
        expect_unusable(&answer);
        cr_assert_eq(room[0], 'x');
    }
}

TEST_IN_BOTH_FORMS(replay, an_allow_hands_over_no_certificate)
{
    scep_answer answer = answer_with_room(sizeof room);
    ask_scripted(fake_reply("200 OK", "verdict: allow\ncertificate: MAMCAQc=\n"), &answer, NULL);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_ALLOW);
    cr_assert_eq(answer.cert_len, 0);
    cr_assert_eq(room[0], 'x');
}
