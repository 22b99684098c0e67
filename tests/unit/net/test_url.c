/* Where a bearer token may go, and forms that say what was meant. */
#include <criterion/criterion.h>

#include "net/url.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static const char *const suffixes[] = {"manage.microsoft.com", "Manage.Microsoft.US"};

Test(url_check, accepts_https_to_an_allowed_host)
{
    static const char *const right[] = {
        "https://manage.microsoft.com",
        "https://manage.microsoft.com/",
        "https://fef.manage.microsoft.com/RACerts/Stateless",
        "https://a.b.c.manage.microsoft.com/x",
        "https://FEF.MANAGE.MICROSOFT.COM/x",
        "HTTPS://fef.manage.microsoft.com/x",
        "https://fef.manage.microsoft.com:8443/x",
        "https://fef.manage.microsoft.us/x",
    };
    for (size_t i = 0; i < COUNT(right); i++) {
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(iscep_url_check(right[i], suffixes, COUNT(suffixes), ISCEP_PROTOCOL, &err), ISCEP_OK,
                     "%s", err.message);
    }
}

Test(url_check, refuses_everything_else)
{
    static const char *const wrong[] = {
        "",
        " ",
        "/",
        "https://",
        "https:///x",
        "https:/manage.microsoft.com/",
        "https:///manage.microsoft.com/",
        "https:manage.microsoft.com/",
        "https://manage.microsoft.com/\xC3\xBC",
        "https://manage.microsoft.com/\xFF",
        "manage.microsoft.com",
        "//manage.microsoft.com/",
        "http://manage.microsoft.com/",
        "http://manage.microsoft.com:443/",
        "ws://manage.microsoft.com/",
        "file:///etc/passwd",
        "javascript:https://manage.microsoft.com",
        "https://evilmanage.microsoft.com/",
        "https://manage.microsoft.com.evil.example/",
        "https://manage.microsoft.community/",
        "https://manage-microsoft.com/",
        "https://microsoft.com/",
        "https://com/",
        "https://.manage.microsoft.com.evil/",
        "https://fef.manage.microsoft.com./",
        "https://user@fef.manage.microsoft.com/",
        "https://user:password@fef.manage.microsoft.com/",
        "https://:@fef.manage.microsoft.com/",
        "https://fef.manage.microsoft.com@evil.example/",
        "https://evil.example/fef.manage.microsoft.com",
        "https://evil.example?fef.manage.microsoft.com",
        "https://evil.example#fef.manage.microsoft.com",
        "https://evil.example\\.manage.microsoft.com/",
        "https://evil.example%2F.manage.microsoft.com/",
        "https://fef%2Emanage.microsoft.com/",
        "https://fef%F.manage.microsoft.com/",
        "https://evil.example%00.manage.microsoft.com/",
        "https://evil.example\t.manage.microsoft.com/",
        "https://evil.example .manage.microsoft.com/",
        "https://evil.example\r\n.manage.microsoft.com/",
        "https://fef.manage.microsoft.com:port/",
        "https://fef.manage.microsoft.com:99999/",
        "https://fef.manage.microsoft.com/#fragment",
        "https://fef.manage.microsoft.com/?query",
        "https://fef.manage.microsoft.com/#",
        "https://fef.manage.microsoft.com/?",
        "https://[::1]/",
        "https://127.0.0.1/",
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(iscep_url_check(wrong[i], suffixes, COUNT(suffixes), ISCEP_PROTOCOL, &err),
                     ISCEP_PROTOCOL, "%s", wrong[i]);
        cr_assert_str_eq(err.code, "url_not_allowed");
    }
}

Test(url_check, status_is_the_callers_choice)
{
    cr_assert_eq(iscep_url_check("http://x", suffixes, 1, ISCEP_CONFIG, NULL), ISCEP_CONFIG);
}

Test(url_check, without_suffixes_nothing_is_allowed)
{
    static const char *const empty[] = {""};
    cr_assert_eq(iscep_url_check("https://manage.microsoft.com", NULL, 0, ISCEP_PROTOCOL, NULL),
                 ISCEP_PROTOCOL);
    cr_assert_eq(iscep_url_check("https://manage.microsoft.com", empty, 1, ISCEP_PROTOCOL, NULL),
                 ISCEP_PROTOCOL);
}

Test(url_join, has_one_slash_between_its_parts)
{
    static const char *const cases[][3] = {
        {"https://h", "p/q", "https://h/p/q"},
        {"https://h/", "p", "https://h/p"},
        {"https://h//", "//p", "https://h/p"},
        {"https://h/a", "/p", "https://h/a/p"},
        {"https://h/a/", ".default", "https://h/a/.default"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        ISCEP_AUTO_BUF out;
        iscep_buf_init(&out, 256);
        iscep_url_join(&out, cases[i][0], cases[i][1]);
        cr_assert_str_eq(iscep_buf_text(&out), cases[i][2]);
    }
}

Test(form, encodes_all_but_the_unreserved)
{
    ISCEP_AUTO_BUF out;
    iscep_buf_init(&out, 256);
    iscep_form_append(&out, "a", iscep_bytes_of_text("azAZ09-._~"));
    iscep_form_append(&out, "b", iscep_bytes_of(" +&=%/\0\xFC\n", 9));
    iscep_form_append(&out, "c", iscep_bytes_of_text(""));
    cr_assert_str_eq(iscep_buf_text(&out), "a=azAZ09-._~&b=%20%2B%26%3D%25%2F%00%FC%0A&c=");
}

Test(form, every_byte_survives_a_round_trip)
{
    uint8_t all[256];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    ISCEP_AUTO_BUF form, back;
    iscep_buf_init(&form, 1024);
    iscep_buf_init(&back, 1024);
    iscep_form_append(&form, "v", iscep_bytes_of(all, sizeof all));
    cr_assert_eq(iscep_form_get(&back, iscep_buf_bytes(&form), "v", NULL), ISCEP_OK);
    cr_assert(iscep_bytes_equal(iscep_buf_bytes(&back), iscep_bytes_of(all, sizeof all)));
}

Test(form, decodes_either_case_and_plus)
{
    ISCEP_AUTO_BUF out;
    iscep_buf_init(&out, 256);
    cr_assert_eq(iscep_form_decode(&out, iscep_bytes_of_text("a+b%2fc%2F%e2%82%AC"), NULL), ISCEP_OK);
    cr_assert_str_eq(iscep_buf_text(&out), "a b/c/\xE2\x82\xAC");
}

Test(form, broken_escapes_are_refused)
{
    static const char *const wrong[] = {"%", "%4", "a%", "a%4", "%zz", "%4g", "%g4", "%%41", "% 41", "%-1"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        ISCEP_AUTO_BUF out;
        iscep_error err = ISCEP_ERROR_INIT;
        iscep_buf_init(&out, 256);
        cr_assert_eq(iscep_form_decode(&out, iscep_bytes_of_text(wrong[i]), &err), ISCEP_USAGE, "%s",
                     wrong[i]);
        cr_assert_str_eq(err.code, "percent_malformed");
    }
}

Test(form, decoding_respects_the_buffers_maximum)
{
    ISCEP_AUTO_BUF out;
    iscep_buf_init(&out, 2);
    cr_assert_eq(iscep_form_decode(&out, iscep_bytes_of_text("abc"), NULL), ISCEP_NOMEM);
}

Test(form, a_parameter_is_there_or_not)
{
    cr_assert(iscep_form_has(iscep_bytes_of_text("b=1&a=2"), "a"));
    cr_assert(iscep_form_has(iscep_bytes_of_text("a=1&a=2"), "a"));
    cr_assert(iscep_form_has(iscep_bytes_of_text("a="), "a"));
    cr_assert_not(iscep_form_has(iscep_bytes_of_text("aa=1&b=a=1&a"), "a"));
    cr_assert_not(iscep_form_has((iscep_bytes){0}, "a"));
}

Test(form, a_parameter_stands_there_exactly_once)
{
    static const struct {
        const char *form;
        iscep_status want;
        const char *value;
    } cases[] = {
        {"a=1", ISCEP_OK, "1"},     {"b=2&a=1&c=3", ISCEP_OK, "1"}, {"a=", ISCEP_OK, ""},
        {"a=b=c", ISCEP_OK, "b=c"}, {"aa=2&a=1", ISCEP_OK, "1"},    {"a=1&", ISCEP_OK, "1"},
        {"&&a=1", ISCEP_OK, "1"},   {"", ISCEP_USAGE, ""},          {"a", ISCEP_USAGE, ""},
        {"A=1", ISCEP_USAGE, ""},   {"a=1&a=1", ISCEP_USAGE, ""},   {"a=1&b&a=2", ISCEP_USAGE, ""},
        {"ab=1", ISCEP_USAGE, ""},  {"a=%", ISCEP_USAGE, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        ISCEP_AUTO_BUF out;
        iscep_buf_init(&out, 64);
        cr_assert_eq(iscep_form_get(&out, iscep_bytes_of_text(cases[i].form), "a", NULL), cases[i].want, "%s",
                     cases[i].form);
        cr_assert_str_eq(iscep_buf_text(&out), cases[i].value);
    }
    ISCEP_AUTO_BUF out;
    iscep_buf_init(&out, 64);
    cr_assert_eq(iscep_form_get(&out, (iscep_bytes){0}, "a", NULL), ISCEP_USAGE);
}
