/* UTF-8, and what only looks like it. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/utf8.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static size_t len_of(const char *text)
{
    return iscep_utf8_len((const uint8_t *)text, strlen(text));
}

Test(utf8, has_one_to_four_bytes)
{
    static const struct {
        const char *text;
        size_t want_len;
    } cases[] = {{"a", 1},
                 {"\x7F", 1},
                 {"\xC2\x80", 2},
                 {"\xDF\xBFx", 2},
                 {"\xE0\xA0\x80", 3},
                 {"\xED\x9F\xBF", 3},
                 {"\xEE\x80\x80", 3},
                 {"\xF0\x90\x80\x80", 4},
                 {"\xF4\x8F\xBF\xBFx", 4}};
    for (size_t i = 0; i < COUNT(cases); i++)
        cr_assert_eq(len_of(cases[i].text), cases[i].want_len, "%zu", i);
}

Test(utf8, is_refused_overlong_as_a_surrogate_and_beyond_unicode)
{
    static const char *const wrong[] = {"",
                                        "\x80",
                                        "\xBF",
                                        "\xC0\x80",
                                        "\xC1\xBF",
                                        "\xE0\x9F\xBF",
                                        "\xED\xA0\x80",
                                        "\xED\xBF\xBF",
                                        "\xF0\x8F\xBF\xBF",
                                        "\xF4\x90\x80\x80",
                                        "\xF5\x80\x80\x80",
                                        "\xFF"};
    for (size_t i = 0; i < COUNT(wrong); i++)
        cr_assert_eq(len_of(wrong[i]), 0, "%zu", i);
}

Test(utf8, cut_anywhere_is_none)
{
    static const char *const whole[] = {"\xC3\xBC", "\xE6\x97\xA5", "\xF0\x9F\x98\x80"};
    for (size_t i = 0; i < COUNT(whole); i++)
        for (size_t len = 0; len < strlen(whole[i]); len++)
            cr_assert_eq(iscep_utf8_len((const uint8_t *)whole[i], len), 0, "%zu %zu", i, len);
}
