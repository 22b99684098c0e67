/* The log in journald: what a stand-in for it receives, in a mount namespace of the test's own. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "base/journald_log.h"
#include "tests/support/fake_journald.h"

static iscep_buf lines;
static iscep_journald_log target;
static iscep_log event_log;

static void keep_line(void *user, const char *line, size_t len)
{
    (void)user;
    iscep_buf_append(&lines, line, len);
}

static void set_up(void)
{
    iscep_buf_init(&lines, 64 * 1024);
    event_log = (iscep_log){.min_level = ISCEP_LOG_INFO, .write = keep_line};
    iscep_journald_log_attach(&target, &event_log, "intune-scepd");
}

static void tear_down(void)
{
    iscep_buf_clear(&lines);
}

TestSuite(journald_log, .init = set_up, .fini = tear_down);

static size_t count_lines(const char *event)
{
    size_t count = 0;
    for (const char *at = iscep_buf_text(&lines); (at = strstr(at, event)) != NULL; at += strlen(event))
        count++;
    return count;
}

Test(journald_log, an_event_is_an_entry_with_its_fields)
{
    char entry[FAKE_JOURNALD_MAX_LEN];
    fake_journald_hide_the_real_one();
    int journald = fake_journald_listen();
    iscep_log_event(&event_log, ISCEP_LOG_WARN, "request_verified", ISCEP_LOG_TEXT("transaction_id", "3F 2C"),
                    ISCEP_LOG_NUM("ms", 12));
    fake_journald_receive(journald, entry);
    cr_assert_str_eq(entry, "MESSAGE=request_verified transaction_id=\"3F 2C\" ms=12\n"
                            "PRIORITY=4\n"
                            "SYSLOG_IDENTIFIER=intune-scepd\n"
                            "ISCEP_EVENT=request_verified\n"
                            "TRANSACTION_ID=3F 2C\n"
                            "MS=12\n");
    cr_assert_eq(lines.len, 0);
}

/* In journald's protocol a value with a line end has its length before it: it cannot pass for another field. */
Test(journald_log, a_line_end_in_a_value_makes_no_field)
{
    char entry[FAKE_JOURNALD_MAX_LEN];
    fake_journald_hide_the_real_one();
    int journald = fake_journald_listen();
    iscep_log_event(&event_log, ISCEP_LOG_ERROR, "token_failed", ISCEP_LOG_TEXT("reason", "x\n_UID=0"));
    fake_journald_receive(journald, entry);
    cr_assert_not_null(strstr(entry, "PRIORITY=3\n"), "%s", entry);
    cr_assert_not_null(strstr(entry, "\nREASON\n"), "%s", entry); /* then eight bytes of length */
    cr_assert_null(strstr(entry, "REASON="), "%s", entry);
}

Test(journald_log, what_is_not_wanted_is_not_sent_and_what_is_too_long_loses_its_fields)
{
    char entry[FAKE_JOURNALD_MAX_LEN], text[20000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    fake_journald_hide_the_real_one();
    int journald = fake_journald_listen();
    iscep_log_event(&event_log, ISCEP_LOG_DEBUG, "attempt_failed", ISCEP_LOG_NUM("n", 1));
    iscep_log_event(&event_log, ISCEP_LOG_INFO, "ready", ISCEP_LOG_TEXT("reason", text));
    fake_journald_receive(journald, entry);
    cr_assert_str_eq(entry, "MESSAGE=ready\nPRIORITY=6\nSYSLOG_IDENTIFIER=intune-scepd\nISCEP_EVENT=ready\n");
}

Test(journald_log, without_journald_lines_go_where_they_went_and_that_is_said_once)
{
    char entry[FAKE_JOURNALD_MAX_LEN];
    fake_journald_hide_the_real_one();
    iscep_log_event(&event_log, ISCEP_LOG_INFO, "ready", ISCEP_LOG_NUM("n", 1));
    iscep_log_event(&event_log, ISCEP_LOG_INFO, "ready", ISCEP_LOG_NUM("n", 2));
    cr_assert_eq(count_lines("warn  journald_missing reason=\"journald does not listen at "), 1);
    cr_assert_eq(count_lines("info  ready n="), 2);
    cr_assert_lt(strstr(iscep_buf_text(&lines), "journald_missing"), strstr(iscep_buf_text(&lines), "ready"));

    int journald = fake_journald_listen(); /* it is back */
    iscep_log_event(&event_log, ISCEP_LOG_INFO, "ready", ISCEP_LOG_NUM("n", 3));
    fake_journald_receive(journald, entry);
    cr_assert_eq(count_lines("ready"), 2);
    fake_journald_close(journald);
    iscep_log_event(&event_log, ISCEP_LOG_INFO, "ready", ISCEP_LOG_NUM("n", 4));
    cr_assert_eq(count_lines("journald_missing"), 2);
    cr_assert_eq(count_lines("ready n=4"), 1);
}
