/* An error says one line of text, of which no byte is a control character and no UTF-8 sequence is cut. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/error.h"

Test(error, is_filled_whole_and_gives_its_status_back)
{
    iscep_error err = {.http_status = 500, .retry_after_ms = 7000, .code = "old", .message = "old"};
    cr_assert_eq(iscep_error_set(&err, ISCEP_NETWORK, "dns", "%s: no such host", "example.com"),
                 ISCEP_NETWORK);
    cr_assert_eq(err.status, ISCEP_NETWORK);
    cr_assert_eq(err.http_status, 0);
    cr_assert_eq(err.retry_after_ms, -1);
    cr_assert_str_eq(err.code, "dns");
    cr_assert_str_eq(err.message, "example.com: no such host");
}

Test(error, without_a_place_is_still_a_status)
{
    cr_assert_eq(iscep_error_set(NULL, ISCEP_AUTH, "x", "y"), ISCEP_AUTH);
    cr_assert_eq(iscep_error_nomem(NULL), ISCEP_NOMEM);
    iscep_error_prefix(NULL, "context");
}

Test(error, without_a_code_has_an_empty_one)
{
    iscep_error err = {.code = "old"};
    cr_assert_eq(iscep_error_set(&err, ISCEP_CONFIG, NULL, "m"), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "");
}

Test(error, gathers_context_on_the_way_up)
{
    iscep_error err;
    (void)iscep_error_set(&err, ISCEP_NETWORK, "connect", "connection refused");
    iscep_error_prefix(&err, "token");
    iscep_error_prefix(&err, "validate");
    cr_assert_str_eq(err.message, "validate: token: connection refused");
    cr_assert_str_eq(err.code, "connect");
}

Test(error, message_is_one_line)
{
    iscep_error err;
    (void)iscep_error_set(&err, ISCEP_AUTH, "a\nb", "first\r\nsecond\tthird\x1B[31m\x7F");
    cr_assert_str_eq(err.code, "a b");
    cr_assert_str_eq(err.message, "first  second third [31m ");
}

Test(error, a_long_message_is_cut_and_ended)
{
    char text[4096];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    iscep_error err;
    (void)iscep_error_set(&err, ISCEP_SERVICE, text, "%s", text);
    cr_assert_eq(strlen(err.code), sizeof err.code - 1);
    cr_assert_eq(strlen(err.message), sizeof err.message - 1);
    iscep_error_prefix(&err, text);
    cr_assert_eq(strlen(err.message), sizeof err.message - 1);
}

Test(text_copy, never_cuts_inside_a_utf8_sequence)
{
    static const struct {
        const char *in;
        size_t size;
        const char *want;
    } cases[] = {
        {"ab\xC3\xBC", 5, "ab\xC3\xBC"},
        {"ab\xC3\xBC", 4, "ab"},
        {"ab\xC3\xBC", 3, "ab"},
        {"\xE2\x82\xAC\xE2\x82\xAC", 6, "\xE2\x82\xAC"},
        {"\xE2\x82\xAC\xE2\x82\xAC", 4, "\xE2\x82\xAC"},
        {"\xE2\x82\xAC", 3, ""},
        {"\xF0\x9F\x94\x91!", 5, "\xF0\x9F\x94\x91"},
        {"\xF0\x9F\x94\x91!", 4, ""},
        {"", 1, ""},
        {"abc", 1, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[16];
        memset(out, '#', sizeof out);
        iscep_text_copy(out, cases[i].size, cases[i].in);
        cr_assert_str_eq(out, cases[i].want, "case %zu", i);
        cr_assert_eq(out[cases[i].size], '#', "case %zu wrote past its room", i);
    }
}

Test(text_copy, lets_only_utf8_without_controls_through)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"a\xFFz", "a?z"},
        {"a\xC3z", "a?z"},
        {"a\xC3", "a?"},
        {"\x80", "?"},
        {"\xC0\x80", "??"},
        {"\xE0\x80\x80", "???"},
        {"\xED\xA0\x80", "???"},
        {"\xF4\x90\x80\x80", "????"},
        {"\xF0\x80\x80\x80", "????"},
        {"\xC2\x9B"
         "31m",
         " 31m"},
        {"\xC2\xA0", "\xC2\xA0"},
        {"\xED\x9F\xBF", "\xED\x9F\xBF"},
        {"\x1B[31m\x7F", " [31m "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[16];
        iscep_text_copy(out, sizeof out, cases[i].in);
        cr_assert_str_eq(out, cases[i].want, "case %zu: %s", i, out);
    }
}

Test(text_copy, writes_nothing_into_no_room)
{
    char out = '#';
    iscep_text_copy(&out, 0, "abc");
    cr_assert_eq(out, '#');
}

Test(status, has_a_name_each)
{
    static const char *const names[] = {"ok",      "config",   "auth",    "network", "throttled",
                                        "service", "protocol", "storage", "usage",   "nomem"};
    for (int status = ISCEP_OK; status <= ISCEP_NOMEM; status++)
        cr_assert_str_eq(iscep_status_name((iscep_status)status), names[status]);
    cr_assert_str_eq(iscep_status_name((iscep_status)4711), "unknown");
}
