/* Who answers on the socket may be somebody else: what is no answer to the question is never a yes or a no. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include "ctl/commands.h"
#include "net/http_server.h"
#include "tests/support/loop_thread.h"
#include "tests/support/temp_dir.h"

static iscep_env env;
static loop_thread on;
static iscep_http_server *server;
static temp_dir dir;
static char socket_path[128];
static const char *answer;

static void handle(iscep_exchange *exchange, void *user)
{
    (void)user;
    iscep_exchange_reply(exchange, &(iscep_reply){.status = 200, .body = iscep_bytes_of_text(answer)});
}

static void set_up(void)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_http_server_options limits = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    env = iscep_env_system(NULL);
    temp_dir_make(&dir);
    temp_dir_path(&dir, socket_path, sizeof socket_path, "socket");
    loop_thread_make(&on);
    cr_assert_eq(iscep_http_server_new(&server, &env, on.loop, &limits, handle, NULL, &err), ISCEP_OK);
    cr_assert_eq(iscep_http_server_listen_unix(server, socket_path, 0600, &err), ISCEP_OK);
    loop_thread_start(&on);
}

static void tear_down(void)
{
    loop_thread_stop(&on);
    iscep_http_server_free(server);
    iscep_loop_free(on.loop);
    temp_dir_remove(&dir);
}

TestSuite(daemon_client, .init = set_up, .fini = tear_down);

typedef struct question {
    const char *command;
    const char *words[2];
    size_t word_count;
    const char *answer;
    int exit_code;
} question;

static void assert_exit_codes(const question *questions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const question *asked = &questions[i];
        answer = asked->answer;
        const ctl_request request = {.socket_path = socket_path,
                                     .operands = (char *const *)asked->words,
                                     .operand_count = asked->word_count};
        cr_assert_eq(ctl_command_run(ctl_command_find(asked->command), &request), asked->exit_code,
                     "%s to %s", asked->answer, asked->command);
    }
}

Test(daemon_client, what_does_not_answer_the_question_is_no_answer)
{
    cr_redirect_stderr();
    static const char *const foreign[] = {"{}",
                                          "{\"enrolments\":{},\"deliveries\":{},\"revocations\":null}",
                                          "{\"count\":\"1\",\"started\":false}",
                                          "{\"count\":-1,\"started\":\"yes\"}",
                                          "[]",
                                          "{\"result\":\"refused\",\"message\":\"\",\"digest\":\"0A\"}"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        const question questions[] = {
            {"trace", {"0A"}, 1, foreign[i], CTL_UNKNOWN},
            {"outbox", {"list"}, 1, foreign[i], CTL_UNKNOWN},
            {"outbox", {"show", "5"}, 2, foreign[i], CTL_UNKNOWN},
            {"outbox", {"retry", "5"}, 2, foreign[i], CTL_UNKNOWN},
            {"outbox", {"purge", "5"}, 2, foreign[i], CTL_UNKNOWN},
            {"revocations", {"list"}, 1, foreign[i], CTL_UNKNOWN},
            {"revocations", {"approve"}, 1, foreign[i], CTL_UNKNOWN},
            {"revocations", {"run"}, 1, foreign[i], CTL_UNKNOWN},
            {"reload", {NULL}, 0, foreign[i], CTL_UNKNOWN},
        };
        assert_exit_codes(questions, sizeof questions / sizeof *questions);
    }
}

Test(daemon_client, what_answers_it_is_a_yes_or_a_no)
{
    cr_redirect_stdout();
    static const question questions[] = {
        {"trace", {"0A"}, 1, "{\"enrolments\":[]}", CTL_NO},
        {"outbox", {"list"}, 1, "{\"deliveries\":[]}", CTL_YES},
        {"outbox", {"show", "5"}, 2, "{\"deliveries\":[{\"id\":5}]}", CTL_YES},
        {"outbox", {"retry", "5"}, 2, "{\"count\":1}", CTL_YES},
        {"outbox", {"purge", "5"}, 2, "{\"count\":0}", CTL_NO},
        {"revocations", {"list"}, 1, "{\"revocations\":[]}", CTL_YES},
        {"revocations", {"approve"}, 1, "{\"count\":0}", CTL_NO},
        {"revocations", {"run"}, 1, "{\"started\":true}", CTL_YES},
        {"reload", {NULL}, 0, "{\"result\":\"taken\",\"message\":\"\",\"digest\":\"0A\"}", CTL_YES},
    };
    assert_exit_codes(questions, sizeof questions / sizeof *questions);
}
