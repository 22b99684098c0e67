/* What comes from clipboards and editors is cleaned, and what is something else is refused by a sentence that says what it is. */
#include "ctl/setup_values.h"

#include <criterion/criterion.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define GUID         "11111111-2222-3333-4444-aaaaaaaaaaaa"
#define NO_GUID                                                                                              \
    "must be a GUID, such as 11111111-2222-3333-4444-555555555555: copy it from the application's Overview"
#define OTHER_CHARACTERS                                                                                     \
    "holds a blank, a line end or a character that no client secret has: it must be the Value and nothing "  \
    "else"

Test(setup_values, an_id_is_read_in_any_case_with_braces_and_blanks)
{
    static const char *const texts[] = {GUID, "11111111-2222-3333-4444-AAAAAAAAAAAA",
                                        "{11111111-2222-3333-4444-aaaaAAAAaaaa}", " \t" GUID "\r\n",
                                        " { " GUID " } "};
    for (size_t i = 0; i < COUNT(texts); i++) {
        char guid[ISCEP_GUID_SIZE];
        cr_assert_null(ctl_setup_read_guid(guid, texts[i]), "%s", texts[i]);
        cr_assert_str_eq(guid, GUID);
    }
}

Test(setup_values, what_is_no_id_is_refused)
{
    static const char *const texts[] = {"",
                                        "contoso.onmicrosoft.com",
                                        "11111111-2222-3333-4444-aaaaaaaaaaa",
                                        GUID "a",
                                        GUID " " GUID,
                                        "{" GUID,
                                        "{{" GUID "}}",
                                        "11111111222233334444aaaaaaaaaaaa",
                                        "1111111-12222-3333-4444-aaaaaaaaaaaa",
                                        "11111111-2222-3333-4444-aaaaaaaaaaag",
                                        "\xEF\xBC\x91" GUID};
    char guid[ISCEP_GUID_SIZE];
    for (size_t i = 0; i < COUNT(texts); i++)
        cr_assert_str_eq(ctl_setup_read_guid(guid, texts[i]), NO_GUID, "%s", texts[i]);
    cr_assert_str_eq(ctl_setup_read_guid(guid, "00000000-0000-0000-0000-000000000000"),
                     "is that of the examples, all zeros: copy yours from the application's Overview");
}

/* --- secrets --- */

typedef struct file {
    const char *bytes;
    size_t len;
} file;
#define FILE_OF(text)                                                                                        \
    {                                                                                                        \
        text, sizeof(text) - 1                                                                               \
    }

Test(setup_values, a_secret_is_freed_of_what_editors_add)
{
    static const file files[] = {
        FILE_OF("aB8~c.d_e-f"),
        FILE_OF("aB8~c.d_e-f\n"),
        FILE_OF("  aB8~c.d_e-f \r\n\n"),
        FILE_OF("\xEF\xBB\xBF"
                "aB8~c.d_e-f\r\n"),
        FILE_OF("\xFF\xFE"
                "a\0B\0008\0~\0c\0.\0d\0_\0e\0-\0f\0\r\0\n\0"),
        FILE_OF("\xFE\xFF"
                "\0a\0B\0008\0~\0c\0.\0d\0_\0e\0-\0f\0\n"),
    };
    for (size_t i = 0; i < COUNT(files); i++) {
        iscep_secret *secret = NULL;
        const char *wrong = ctl_setup_read_secret(&secret, iscep_bytes_of(files[i].bytes, files[i].len));
        cr_assert_null(wrong, "%zu: %s", i, wrong);
        cr_assert(iscep_secret_equals(secret, iscep_bytes_of_text("aB8~c.d_e-f")), "%zu", i);
        iscep_secret_free(secret);
    }
}

Test(setup_values, a_secret_that_cannot_be_one_is_refused)
{
    static const char id[] =
        "is a secret's ID, not its Value: under Certificates & secrets these are two "
        "columns. A Value is shown only when it is made; if it is lost, make a new secret";
    static const struct {
        file file;
        const char *wrong;
    } cases[] = {
        {FILE_OF(""), "is empty"},
        {FILE_OF(" \r\n\t"), "is empty"},
        {FILE_OF("\xEF\xBB\xBF\n"), "is empty"},
        {FILE_OF("\xFF\xFE"), "is empty"},
        {FILE_OF(GUID), id},
        {FILE_OF("{" GUID "}\n"), id},
        {FILE_OF("\xEF\xBB\xBF" GUID), id},
        {FILE_OF("one two"), OTHER_CHARACTERS},
        {FILE_OF("Value: abcdef"), OTHER_CHARACTERS},
        {FILE_OF("one\ntwo"), OTHER_CHARACTERS},
        {FILE_OF("a\0b"), OTHER_CHARACTERS},
        {FILE_OF("a\0b\0c\0"), OTHER_CHARACTERS}, /* UTF-16 that does not say so */
        {FILE_OF("\xFF\xFE"
                 "a\0b"),
         OTHER_CHARACTERS}, /* half a character */
        {FILE_OF("\xFF\xFE"
                 "a\0b\1"),
         OTHER_CHARACTERS},
        {FILE_OF("pass\xC3\xA9"), OTHER_CHARACTERS},
        {FILE_OF("aB8******************"),
         "is masked: Entra shows a Value only when it is made. Make a new secret, and copy that one"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        iscep_secret *secret = NULL;
        const char *wrong =
            ctl_setup_read_secret(&secret, iscep_bytes_of(cases[i].file.bytes, cases[i].file.len));
        cr_assert_not_null(wrong, "%zu", i);
        cr_assert_str_eq(wrong, cases[i].wrong, "%zu", i);
        cr_assert_null(secret);
    }
}

Test(setup_values, a_secret_has_at_most_256_characters)
{
    char text[257];
    iscep_secret *secret = NULL;
    memset(text, 'x', sizeof text);
    cr_assert_null(ctl_setup_read_secret(&secret, iscep_bytes_of(text, 256)));
    iscep_secret_free(secret);
    secret = NULL;
    cr_assert_str_eq(ctl_setup_read_secret(&secret, iscep_bytes_of(text, 257)),
                     "is too long for a client secret: it must be the Value and nothing else");
    cr_assert_null(secret);
}

/* --- settings --- */

Test(setup_values, a_setting_is_the_tenants_or_names_its_section)
{
    static const struct {
        const char *text, *section, *key, *value;
    } cases[] = {
        {"cloud=china", "", "cloud", "china"},
        {"authority=https://localhost:1/a=b", "", "authority", "https://localhost:1/a=b"},
        {"journal:path=/j.db", "journal", "path", "/j.db"},
        {"listener/api-1:address=tcp:0.0.0.0:1", "listener/api-1", "address", "tcp:0.0.0.0:1"},
        {"ca_file=/a b", "", "ca_file", "/a b"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        ctl_setting setting;
        cr_assert_null(ctl_setup_read_setting(&setting, cases[i].text), "%s", cases[i].text);
        cr_assert_str_eq(setting.section, cases[i].section);
        cr_assert_str_eq(setting.key, cases[i].key);
        cr_assert_str_eq(setting.value, cases[i].value);
    }
}

Test(setup_values, a_setting_cannot_smuggle_in_other_lines)
{
    static const char form[] = "must be KEY=VALUE, or SECTION:KEY=VALUE";
    static const struct {
        const char *text, *wrong;
    } cases[] = {
        {"", form},
        {"cloud", form},
        {"=china", form},
        {"a b=c", form},
        {"[x]=c", form},
        {"#cloud=c", form},
        {"a\nb=c", form},
        {":a=b", form},
        {"x]:a=b", form},
        {"x\n[y:a=b", form},
        {"a:b:c=d", form},
        {"cloud=", "must have a value"},
        {"cloud=china\n[connector]", "must be one line"},
        {"cloud=china\r", "must be one line"},
        {"ca_file=ca.pem", "must name its file by an absolute path"},
        {"database:database_password_file=x", "must name its file by an absolute path"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        ctl_setting setting;
        const char *wrong = ctl_setup_read_setting(&setting, cases[i].text);
        cr_assert_not_null(wrong, "%s", cases[i].text);
        cr_assert_str_eq(wrong, cases[i].wrong, "%s", cases[i].text);
    }
    char long_key[100];
    memset(long_key, 'k', sizeof long_key);
    memcpy(long_key + sizeof long_key - 3, "=v", 3);
    ctl_setting setting;
    cr_assert_str_eq(ctl_setup_read_setting(&setting, long_key), form);
}
