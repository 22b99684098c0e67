/* Text for the host: always UTF-8, never a control character, always ended. */
#include <criterion/criterion.h>
#include <string.h>

#include "plugin/abi/text.h"

Test(text, is_made_fit_for_a_host)
{
    static const struct {
        const char *in;
        const char *want;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"a\nb\r\tc\x1B[2J\x7F", "a b  c [2J "},
        {"\xC2\x85next", " next"}, /* C1 */
        {"\xC2\xA0\xC3\xBC\xE2\x82\xAC\xF0\x9F\x94\x91", "\xC2\xA0\xC3\xBC\xE2\x82\xAC\xF0\x9F\x94\x91"},
        {"\xC3", "?"}, /* cut */
        {"\xE2\x82", "??"},
        {"\xC3"
         "A",
         "?A"}, /* a start without its continuation */
        {"\xF0\x9F\x94"
         "A",
         "???A"},
        {"\x80\xBF", "??"}, /* continuation without a start */
        {"\xC0\xAF", "??"}, /* overlong */
        {"\xE0\x80\xAF", "???"},
        {"\xF0\x80\x80\xAF", "????"},
        {"\xED\xA0\x80", "???"},      /* surrogate */
        {"\xF4\x90\x80\x80", "????"}, /* beyond U+10FFFF */
        {"\xFF\xFE", "??"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[64];
        memset(out, 'x', sizeof out);
        iscep_plugin_text_copy(out, sizeof out, iscep_plugin_bytes_of(cases[i].in));
        cr_assert_str_eq(out, cases[i].want, "%zu", i);
    }
}

Test(text, is_cut_between_two_characters)
{
    static const struct {
        size_t size;
        const char *want;
    } cases[] = {{1, ""},          {2, "a"},         {3, "a"},
                 {4, "a\xC3\xBC"}, {5, "a\xC3\xBC"}, {7, "a\xC3\xBC\xE2\x82\xAC"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[8];
        memset(out, 'x', sizeof out);
        iscep_plugin_text_copy(out, cases[i].size, iscep_plugin_bytes_of("a\xC3\xBC\xE2\x82\xAC"));
        cr_assert_str_eq(out, cases[i].want, "%zu", i);
        cr_assert_eq(out[cases[i].size], 'x');
    }
}

Test(text, nothing_is_written_into_no_room)
{
    char out[1] = {'x'};
    iscep_plugin_text_copy(out, 0, iscep_plugin_bytes_of("a"));
    cr_assert_eq(out[0], 'x');
}

Test(text, a_hosts_struct_is_filled_as_far_as_it_goes)
{
    scep_text text;
    memset(&text, 'x', sizeof text);
    text.size = offsetof(scep_text, text);
    iscep_plugin_text_fill(&text, "unseen");
    cr_assert_eq(text.text[0], 'x');
    text.size = offsetof(scep_text, text) + 4;
    iscep_plugin_text_fill(&text, "%s", "abcdef");
    cr_assert_str_eq(text.text, "abc");
    cr_assert_eq(text.text[4], 'x');
    iscep_plugin_text_fill(NULL, "nobody listens");
}
