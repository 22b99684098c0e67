/* The retry policy: what is asked again, how often, and after which pause. */
#include <criterion/criterion.h>
#include <string.h>

#include "net/retry.h"
#include "tests/support/fake_env.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { PLENTY_MS = 3600 * 1000 };

static fake_env fake;

static void set_up(void)
{
    fake_env_init(&fake);
}

static void tear_down(void)
{
    fake_env_clear(&fake);
}

TestSuite(retry, .init = set_up, .fini = tear_down);

static iscep_error failure_of(iscep_status status, int32_t http_status, const char *code)
{
    iscep_error err;
    iscep_error_fill(&err, status, code, "as the test wishes");
    err.http_status = http_status;
    return err;
}

static int64_t pause_after(iscep_endpoint endpoint, uint32_t attempts, const iscep_error *failure,
                           int64_t left_ms)
{
    return iscep_retry_pause_ms(endpoint, attempts, failure, FAKE_ENV_MONO_MS + left_ms, &fake.env);
}

Test(retry, is_for_what_may_be_otherwise_next_time)
{
    static const struct {
        iscep_status status;
        int32_t http_status;
        const char *code;
        bool want;
    } cases[] = {
        {ISCEP_NETWORK, 0, "cut", true},
        {ISCEP_NETWORK, 0, "dns", true},
        {ISCEP_NETWORK, 0, "timeout", true},
        {ISCEP_NETWORK, 0, "tls_untrusted", false},
        {ISCEP_SERVICE, 500, "intune_service", true},
        {ISCEP_SERVICE, 503, "intune_service", true},
        {ISCEP_SERVICE, 400, "token_reply", false},
        {ISCEP_THROTTLED, 429, "throttled", true},
        {ISCEP_THROTTLED, 0, "circuit_open", false},
        {ISCEP_THROTTLED, 0, "timeout", false},
        {ISCEP_AUTH, 401, "intune_refused_us", false},
        {ISCEP_AUTH, 400, "AADSTS7000215", false},
        {ISCEP_PROTOCOL, 200, "intune_reply_malformed", false},
        {ISCEP_PROTOCOL, 404, "intune_status", false},
        {ISCEP_CONFIG, 200, "service_not_discovered", false},
        {ISCEP_USAGE, 0, "csr_malformed", false},
        {ISCEP_NOMEM, 0, "nomem", false},
        {ISCEP_STORAGE, 0, "disk", false},
        {ISCEP_OK, 0, "", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        iscep_error err = failure_of(cases[i].status, cases[i].http_status, cases[i].code);
        cr_assert_eq(iscep_retry_may_help(&err), cases[i].want, "case %zu", i);
        cr_assert_eq(pause_after(ISCEP_ENDPOINT_VALIDATE, 1, &err, PLENTY_MS) >= 0, cases[i].want, "case %zu",
                     i);
    }
}

Test(retry, is_made_as_often_as_the_endpoints_row_says)
{
    static const uint32_t want_attempts[ISCEP_ENDPOINT_COUNT] = {3, 3, 4, 6, 3};
    const iscep_error err = failure_of(ISCEP_SERVICE, 503, "service");
    for (int endpoint = 0; endpoint < ISCEP_ENDPOINT_COUNT; endpoint++) {
        uint32_t attempts = 1;
        while (pause_after((iscep_endpoint)endpoint, attempts, &err, PLENTY_MS) >= 0)
            attempts++;
        cr_assert_eq(attempts, want_attempts[endpoint], "%s", iscep_endpoint_name((iscep_endpoint)endpoint));
    }
}

Test(retry, pause_is_anything_up_to_a_ceiling_that_doubles_up_to_the_cap)
{
    static const int64_t ceilings_ms[] = {250, 500, 1000, 2000, 4000}; /* of notify, whose cap is 8000 */
    const iscep_error err = failure_of(ISCEP_NETWORK, 0, "cut");
    for (size_t i = 0; i < COUNT(ceilings_ms); i++) {
        int64_t least = PLENTY_MS, most = 0;
        for (int byte = 0; byte < 256; byte++) {
            fake.next_random = (uint8_t)byte;
            int64_t pause_ms = pause_after(ISCEP_ENDPOINT_NOTIFY, (uint32_t)i + 1, &err, PLENTY_MS);
            least = pause_ms < least ? pause_ms : least;
            most = pause_ms > most ? pause_ms : most;
        }
        cr_assert_leq(most, ceilings_ms[i]);
        cr_assert_geq(most, ceilings_ms[i] * 9 / 10, "attempt %zu: %lld", i + 1, (long long)most);
        cr_assert_leq(least, ceilings_ms[i] / 10);
        cr_assert_geq(least, 0);
    }
}

Test(retry, pause_is_at_least_what_the_service_asked_for)
{
    iscep_error err = failure_of(ISCEP_THROTTLED, 429, "throttled");
    err.retry_after_ms = 7000;
    cr_assert_eq(pause_after(ISCEP_ENDPOINT_VALIDATE, 1, &err, 7001), 7000);
    cr_assert_eq(pause_after(ISCEP_ENDPOINT_VALIDATE, 1, &err, 7000), -1,
                 "nothing is left of the deadline then");
    cr_assert_eq(pause_after(ISCEP_ENDPOINT_VALIDATE, 4, &err, PLENTY_MS), -1);
}

Test(retry, never_outlasts_the_deadline)
{
    const iscep_error err = failure_of(ISCEP_SERVICE, 503, "service");
    for (int byte = 0; byte < 256; byte++) {
        fake.next_random = (uint8_t)byte;
        cr_assert_lt(pause_after(ISCEP_ENDPOINT_VALIDATE, 1, &err, 100), 100);
    }
    cr_assert_eq(pause_after(ISCEP_ENDPOINT_VALIDATE, 1, &err, 0), -1);
    cr_assert_eq(pause_after(ISCEP_ENDPOINT_VALIDATE, 1, &err, -1000), -1);
}

Test(retry, is_not_made_without_randomness)
{
    const iscep_error err = failure_of(ISCEP_SERVICE, 503, "service");
    fake.is_random_broken = true;
    cr_assert_eq(pause_after(ISCEP_ENDPOINT_VALIDATE, 1, &err, PLENTY_MS), -1);
}
