/* An event is one line, whatever its fields hold, and the line is text or JSON. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"

static iscep_buf captured;

static void keep_line(void *user, const char *line, size_t len)
{
    (void)user;
    iscep_buf_append(&captured, line, len);
}

static iscep_log text_log = {
    .min_level = ISCEP_LOG_INFO, .format = ISCEP_LOG_FORMAT_TEXT, .write = keep_line};
static iscep_log json_log = {
    .min_level = ISCEP_LOG_INFO, .format = ISCEP_LOG_FORMAT_JSON, .write = keep_line};

static void set_up(void)
{
    iscep_buf_init(&captured, 64 * 1024);
}

static void tear_down(void)
{
    iscep_buf_clear(&captured);
}

TestSuite(log, .init = set_up, .fini = tear_down);

/* The line behind its time, which is the only part that changes: "2026-11-22T07:20:00.000Z ". */
static const char *without_time(void)
{
    cr_assert_gt(captured.len, 25);
    return iscep_buf_text(&captured) + 25;
}

Test(log, a_text_line_has_level_event_and_fields)
{
    iscep_log_event(&text_log, ISCEP_LOG_WARN, "token_refused", ISCEP_LOG_TEXT("scope", "graph"),
                    ISCEP_LOG_NUM("http", 401), ISCEP_LOG_NUM("n", -5));
    cr_assert_str_eq(without_time(), "warn  token_refused scope=graph http=401 n=-5\n");
    cr_assert_eq(captured.data[23], 'Z');
}

Test(log, a_text_value_that_could_be_misread_is_quoted)
{
    iscep_log_event(&text_log, ISCEP_LOG_ERROR, "e", ISCEP_LOG_TEXT("a", "two words"),
                    ISCEP_LOG_TEXT("b", ""), ISCEP_LOG_TEXT("c", "say \"x\""),
                    ISCEP_LOG_TEXT("d", "x\n2026 fake=line\x1B\x7F"), ISCEP_LOG_TEXT("e", "\xC3\xBC"));
    cr_assert_str_eq(without_time(), "error e a=\"two words\" b=\"\" c=\"say \\\"x\\\"\" "
                                     "d=\"x\\u000a2026 fake=line\\u001b\\u007f\" e=\xC3\xBC\n");
}

Test(log, a_json_line_is_one_document)
{
    iscep_log_event(&json_log, ISCEP_LOG_INFO, "ready", ISCEP_LOG_TEXT("path", "a\"\\\n\x01z"),
                    ISCEP_LOG_NUM("n", 9007199254740993));
    cr_assert_eq(captured.data[captured.len - 1], '\n');
    cr_assert_eq(memchr(captured.data, '\n', captured.len - 1), NULL);
    ISCEP_AUTO_JSON *line = NULL;
    cr_assert_eq(iscep_json_parse(&line, iscep_buf_bytes(&captured), NULL), ISCEP_OK);
    cr_assert_str_eq(iscep_json_text(line, "level"), "info");
    cr_assert_str_eq(iscep_json_text(line, "event"), "ready");
    cr_assert_str_eq(iscep_json_text(line, "path"), "a\"\\\n\x01z");
    cr_assert_not_null(strstr(iscep_buf_text(&captured), "\"n\":9007199254740993}"));
}

Test(log, an_over_long_event_keeps_its_name_and_loses_its_fields)
{
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    iscep_log_event(&text_log, ISCEP_LOG_INFO, "long", ISCEP_LOG_TEXT("reason", text));
    cr_assert_str_eq(without_time(), "info  long\n");
    iscep_buf_clear(&captured);
    iscep_log_event(&json_log, ISCEP_LOG_INFO, "long", ISCEP_LOG_TEXT("reason", text));
    ISCEP_AUTO_JSON *line = NULL;
    cr_assert_eq(iscep_json_parse(&line, iscep_buf_bytes(&captured), NULL), ISCEP_OK);
    cr_assert_str_eq(iscep_json_text(line, "event"), "long");
    cr_assert_null(iscep_json_member(line, "reason"));
}

Test(log, below_the_level_nothing_is_written)
{
    iscep_log_event(&text_log, ISCEP_LOG_DEBUG, "e", ISCEP_LOG_NUM("n", 1));
    iscep_log_event(NULL, ISCEP_LOG_ERROR, "e", ISCEP_LOG_NUM("n", 1));
    cr_assert_eq(captured.len, 0);
}

Test(log, levels_are_named_in_lower_case)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    iscep_log_level level;
    for (int i = 0; i < 4; i++) {
        cr_assert(iscep_log_level_parse(names[i], &level));
        cr_assert_eq((int)level, i);
    }
    cr_assert_not(iscep_log_level_parse("INFO", &level));
    cr_assert_not(iscep_log_level_parse("", &level));
    cr_assert_not(iscep_log_level_parse("information", &level));
}
