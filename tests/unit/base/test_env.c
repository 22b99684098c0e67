/* GUIDs and times have exactly the form that the wire wants. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/env.h"
#include "tests/support/fake_env.h"

Test(guid, is_a_version_4_in_lower_case)
{
    fake_env fake;
    char guid[ISCEP_GUID_SIZE];
    fake_env_init(&fake);
    fake.next_random = 0xFF;
    cr_assert_eq(iscep_guid_new(guid, &fake.env, NULL), ISCEP_OK);
    cr_assert_str_eq(guid, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    cr_assert_eq(iscep_guid_new(guid, &fake.env, NULL), ISCEP_OK);
    cr_assert_str_eq(guid, "00000000-0000-4000-8000-000000000000");
    fake_env_clear(&fake);
}

Test(guid, of_the_system_differs_each_time)
{
    iscep_env env = iscep_env_system(NULL);
    char one[ISCEP_GUID_SIZE], other[ISCEP_GUID_SIZE];
    cr_assert_eq(iscep_guid_new(one, &env, NULL), ISCEP_OK);
    cr_assert_eq(iscep_guid_new(other, &env, NULL), ISCEP_OK);
    cr_assert_str_neq(one, other);
    cr_assert_eq(strlen(one), 36);
}

Test(guid, is_not_made_without_randomness)
{
    fake_env fake;
    iscep_error err = ISCEP_ERROR_INIT;
    char guid[ISCEP_GUID_SIZE];
    fake_env_init(&fake);
    fake.is_random_broken = true;
    cr_assert_eq(iscep_guid_new(guid, &fake.env, &err), ISCEP_NOMEM);
    cr_assert_str_eq(err.code, "random");
    fake_env_clear(&fake);
}

Test(iso8601, is_utc_with_milliseconds)
{
    static const struct {
        int64_t unix_ms;
        const char *want;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1795332000000, "2026-11-22T07:20:00.000Z"},
        {1795332000007, "2026-11-22T07:20:00.007Z"},
        {951782400999, "2000-02-29T00:00:00.999Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {2147483648000, "2038-01-19T03:14:08.000Z"},
        {253402300799000, "9999-12-31T23:59:59.000Z"}, /* RFC 5280's "no end" */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[ISCEP_ISO8601_SIZE];
        iscep_iso8601_emit(text, cases[i].unix_ms);
        cr_assert_str_eq(text, cases[i].want);
    }
}

Test(iso8601, a_time_is_read_to_the_millisecond)
{
    int64_t unix_ms;
    cr_assert(iscep_iso8601_parse("2026-11-18T11:06:40.123Z", &unix_ms));
    cr_assert_eq(unix_ms, 1795000000123);
}

Test(iso8601, what_is_no_whole_time_is_none)
{
    static const char *const texts[] = {"",
                                        "-",
                                        "2026-11-18",
                                        "2026-11-18T11:06:40Z",
                                        "2026-11-18T11:06:40.123",
                                        "2026-11-18T11:06:40.123z",
                                        "2026-11-18 11:06:40.123Z",
                                        "2026-11-18T11:06:40.123ZZ",
                                        "xxxx-11-18T11:06:40.123Z"};
    int64_t unix_ms;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_not(iscep_iso8601_parse(texts[i], &unix_ms), "%s", texts[i]);
    cr_assert_not(iscep_iso8601_parse(NULL, &unix_ms));
}

Test(clock, of_the_system_goes_forward)
{
    iscep_env env = iscep_env_system(NULL);
    int64_t before = iscep_now_mono_ms(&env);
    cr_assert_geq(iscep_now_mono_ms(&env), before);
    cr_assert_gt(iscep_now_unix_ms(&env), 1700000000000); /* in milliseconds, after 2023 */
}

Test(random, number_is_from_0_to_its_maximum)
{
    fake_env fake;
    int64_t number = -1;
    bool is_seen[4] = {false};
    fake_env_init(&fake);
    for (int i = 0; i < 256; i++) {
        cr_assert_eq(iscep_random_up_to(&number, &fake.env, 3, NULL), ISCEP_OK);
        cr_assert(number >= 0 && number <= 3);
        is_seen[number] = true;
    }
    cr_assert(is_seen[0] && is_seen[1] && is_seen[2] && is_seen[3]);
    cr_assert_eq(iscep_random_up_to(&number, &fake.env, 0, NULL), ISCEP_OK);
    cr_assert_eq(number, 0);
    cr_assert_eq(iscep_random_up_to(&number, &fake.env, INT64_MAX, NULL), ISCEP_OK);
    cr_assert_geq(number, 0);
    fake_env_clear(&fake);
}

Test(random, number_is_not_made_without_randomness)
{
    fake_env fake;
    int64_t number = 7;
    fake_env_init(&fake);
    fake.is_random_broken = true;
    cr_assert_eq(iscep_random_up_to(&number, &fake.env, 3, NULL), ISCEP_NOMEM);
    cr_assert_eq(number, 7);
    fake_env_clear(&fake);
}
