/* See profile_case.h. */
#include "profile_case.h"

#include <criterion/criterion.h>

iscep_profile profile;
iscep_error err;

void profile_case_tear_down(void)
{
    iscep_profile_clear(&profile);
}

void must_read(const char *text)
{
    err = (iscep_error)ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_profile_read(&profile, iscep_bytes_of_text(text), &err), ISCEP_OK, "%s", err.message);
}

void expect_refusal(const char *text, const char *code)
{
    err = (iscep_error)ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_profile_read(&profile, iscep_bytes_of_text(text), &err), ISCEP_USAGE, "%s", text);
    cr_assert_str_eq(err.code, code, "%s: %s", text, err.message);
    iscep_profile_clear(&profile);
}

void expect_name(const iscep_profile_name *name, const char *kind, const char *value)
{
    cr_assert_str_eq(name->kind, kind);
    cr_assert_str_eq(name->value, value);
}
