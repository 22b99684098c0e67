/* The configuration that setup writes is edited as text: values come into their lines, comments stay, nothing else moves. */
#include "ctl/setup_draft.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/daemon/config_case.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static void set(const char *before, const char *section, const char *key, const char *value,
                const char *expected)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, 4096);
    iscep_buf_append_text(&text, before);
    ctl_draft_set(&text, section, key, value);
    cr_assert_str_eq(iscep_buf_text(&text), expected);
}

Test(setup_draft, a_line_that_sets_the_key_gets_the_value)
{
    set("[a]\nx = 1\ny = 2\n", "a", "x", "3", "[a]\nx = 3\ny = 2\n");
    set("[a]\nx=1", "a", "x", "3", "[a]\nx = 3");
    set("[a]\n#x = 0\nx = 1\n", "a", "x", "3", "[a]\n#x = 0\nx = 3\n");
    set("[b]\nx = 1\n[a]\nx = 1\n[c]\nx = 1\n", "a", "x", "3", "[b]\nx = 1\n[a]\nx = 3\n[c]\nx = 1\n");
}

Test(setup_draft, of_two_sections_of_a_name_the_first_is_meant)
{
    set("[a]\nx = 1\n[b]\n#[a]\n#x = 2\n", "a", "x", "3", "[a]\nx = 3\n[b]\n#[a]\n#x = 2\n");
}

Test(setup_draft, a_line_that_shows_the_key_becomes_one_that_sets_it)
{
    set("[a]\n# x = prose\n#x = 1\n#y = 2\n", "a", "x", "3", "[a]\n# x = prose\nx = 3\n#y = 2\n");
    set("# why\n#[a]\n#x = 1\n#y = 2\n", "a", "x", "3", "# why\n[a]\nx = 3\n#y = 2\n");
}

Test(setup_draft, a_key_that_is_not_shown_stands_behind_the_last_of_its_section)
{
    set("[a]\nx = 1\n#y = 2\n\n# of b\n[b]\n", "a", "z", "3", "[a]\nx = 1\n#y = 2\nz = 3\n\n# of b\n[b]\n");
    set("[a]\n# only prose\n", "a", "z", "3", "[a]\nz = 3\n# only prose\n");
    set("[a]\nxx = 1\nx_y = 1\n", "a", "x", "3", "[a]\nxx = 1\nx_y = 1\nx = 3\n");
}

Test(setup_draft, a_section_that_is_not_shown_is_appended)
{
    set("[a]\nx = 1\n", "b/c", "x", "3", "[a]\nx = 1\n\n[b/c]\nx = 3\n");
    set("[a/b]\nx = 1\n# [a]\n", "a", "x", "3", "[a/b]\nx = 1\n# [a]\n\n[a]\nx = 3\n");
}

Test(setup_draft, what_does_not_fit_is_an_error_and_not_half_a_text)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, 16);
    iscep_buf_append_text(&text, "[a]\nx = 1\n");
    ctl_draft_set(&text, "a", "x", "0123456789");
    cr_assert(text.is_overflown);
    ctl_draft_set(&text, "a", "x", "0");
    cr_assert(text.is_overflown, "and stays one");
}

Test(setup_draft, the_tenant_gets_its_name)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, 4096);
    iscep_buf_append_text(&text, "# [tenant/x]\n[connector]\n[tenant/contoso]\na = b\n[tenant/contoso]");
    ctl_draft_name_tenant(&text, "hq");
    cr_assert_str_eq(iscep_buf_text(&text),
                     "# [tenant/x]\n[connector]\n[tenant/hq]\na = b\n[tenant/contoso]");
    iscep_buf_clear(&text);
    iscep_buf_append_text(&text, "[tenant");
    ctl_draft_name_tenant(&text, "hq");
    cr_assert_str_eq(iscep_buf_text(&text), "[tenant");
}

/* --- the whole --- */

TestSuite(setup_draft_whole, .init = config_case_set_up, .fini = config_case_tear_down);

static void make(iscep_buf *out, const ctl_setting *more, size_t count)
{
    ctl_setting settings[8] = {{"", "tenant_id", "contoso.example"},
                               {"", "client_id", "app"},
                               {"journal", "path", "~/journal.db"},
                               {"", "client_secret_file", "~/secret"}};
    iscep_error err = ISCEP_ERROR_INIT;
    memcpy(&settings[4], more, count * sizeof *more);
    iscep_buf_init(out, 64 * 1024);
    cr_assert_eq(ctl_draft_make(out, "hq", settings, 4 + count, &err), ISCEP_OK, "%s", err.message);
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)) != NULL; text++)
        count++;
    return count;
}

Test(setup_draft_whole, loads_and_has_its_comments)
{
    ISCEP_AUTO_BUF text;
    const ctl_setting more[] = {
        {"ca/issuing", "kind", "plugin"}, {"", "cloud", "china"}, {"", "cloud", "dod"}};
    make(&text, more, COUNT(more));
    const iscep_config *config = config_case_good(iscep_buf_text(&text));
    cr_assert_eq(config->tenant_count, 1);
    cr_assert_str_eq(config->tenants[0].name, "hq");
    cr_assert_str_eq(config->tenants[0].tenant.tenant_id, "contoso.example");
    cr_assert_str_eq(config->tenants[0].cloud->name, "dod", "the later one counts");
    cr_assert_eq(config->ca_count, 1);
    cr_assert_str_eq(strrchr(config->journal.path, '/'), "/journal.db");
    cr_assert_eq(count_of(iscep_buf_text(&text), "00000000-"), 0, "no example is left");
    cr_assert_eq(count_of(iscep_buf_text(&text), "[tenant/"), 1);
    cr_assert_gt(count_of(iscep_buf_text(&text), "\n# "), 8, "the comments");
}

Test(setup_draft_whole, a_key_that_nobody_knows_is_refused_by_the_reader)
{
    ISCEP_AUTO_BUF text;
    const ctl_setting more[] = {{"", "clowd", "china"}};
    make(&text, more, COUNT(more));
    config_case_refused(iscep_buf_text(&text), "unknown key \"clowd\" in [tenant/hq]");
}
