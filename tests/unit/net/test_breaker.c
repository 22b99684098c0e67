/* The circuit breaker: closed, open, half open, and who counts as a failure. */
#include <criterion/criterion.h>
#include <string.h>

#include "net/breaker.h"
#include "tests/support/fake_env.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { FAILURES = 3, OPEN_MS = 5000, LATER_MS = 1000 };

static fake_env fake;
static iscep_breaker breaker;

static void set_up(void)
{
    const iscep_breaker_limits limits = {.failures = FAILURES, .open_ms = OPEN_MS};
    fake_env_init(&fake);
    iscep_breaker_init(&breaker, &fake.env, "home", "validate", &limits);
}

static void tear_down(void)
{
    fake_env_clear(&fake);
}

TestSuite(breaker, .init = set_up, .fini = tear_down);

static iscep_error failure_of(iscep_status status, int32_t http_status)
{
    iscep_error err;
    iscep_error_fill(&err, status, "some_code", "the text of the failure");
    err.http_status = http_status;
    return err;
}

static iscep_pass enter(void)
{
    iscep_pass pass = 0;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_breaker_enter(&breaker, &pass, &err), ISCEP_OK, "%s", err.message);
    cr_assert_neq(pass, 0);
    return pass;
}

static iscep_error refused(void)
{
    iscep_pass pass = 0;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_breaker_enter(&breaker, &pass, &err), ISCEP_THROTTLED);
    cr_assert_eq(err.status, ISCEP_THROTTLED);
    cr_assert_str_eq(err.code, "circuit_open");
    cr_assert_eq(pass, 0);
    return err;
}

static void fail_once(void)
{
    const iscep_error err = failure_of(ISCEP_SERVICE, 503);
    iscep_breaker_fail(&breaker, enter(), &err);
}

static void open_it(void)
{
    for (int i = 0; i < FAILURES; i++)
        fail_once();
    cr_assert_eq(breaker.state, ISCEP_BREAKER_OPEN);
}

Test(breaker, opens_after_so_many_failures_in_a_row)
{
    for (int i = 0; i < FAILURES - 1; i++)
        fail_once();
    cr_assert_eq(breaker.state, ISCEP_BREAKER_CLOSED);
    fail_once();
    iscep_error err = refused();
    cr_assert_eq(err.retry_after_ms, OPEN_MS);
    cr_assert_not_null(strstr(err.message, "the text of the failure"));
    cr_assert_not_null(strstr(err.message, "3 failures"));
    cr_assert_not_null(strstr(fake_env_log(&fake), "circuit_opened"));
    fake_env_advance(&fake, OPEN_MS - 1);
    err = refused();
    cr_assert_eq(err.retry_after_ms, 1, "the time that is left");
}

Test(breaker, stays_closed_while_successes_come_between)
{
    for (int i = 0; i < 10 * FAILURES; i++) {
        fail_once();
        if (i % (FAILURES - 1) == FAILURES - 2) {
            enter();
            iscep_breaker_succeed(&breaker);
        }
    }
    cr_assert_eq(breaker.state, ISCEP_BREAKER_CLOSED);
    cr_assert_null(strstr(fake_env_log(&fake), "circuit_"));
}

Test(breaker, lets_exactly_one_probe_through_and_closes_when_it_succeeds)
{
    open_it();
    fake_env_advance(&fake, OPEN_MS);
    enter();
    for (int i = 0; i < 100; i++)
        cr_assert_eq(refused().retry_after_ms, OPEN_MS);
    fake_env_advance(&fake, 10 * OPEN_MS);
    refused(); /* the probe is still out */
    iscep_breaker_succeed(&breaker);
    for (int i = 0; i < 100; i++)
        enter();
    cr_assert_not_null(strstr(fake_env_log(&fake), "circuit_closed"));
}

Test(breaker, opens_again_when_the_probe_fails)
{
    const iscep_error err = failure_of(ISCEP_NETWORK, 0);
    open_it();
    fake_env_advance(&fake, OPEN_MS);
    iscep_breaker_fail(&breaker, enter(), &err);
    cr_assert_eq(refused().retry_after_ms, OPEN_MS);
    fake_env_advance(&fake, OPEN_MS);
    enter();
    iscep_breaker_succeed(&breaker);
    fail_once(); /* the count begins anew */
    cr_assert_eq(breaker.state, ISCEP_BREAKER_CLOSED);
}

Test(breaker, gives_the_probes_place_to_the_next_when_it_told_nothing)
{
    const iscep_error local = failure_of(ISCEP_NOMEM, 0);
    open_it();
    fake_env_advance(&fake, OPEN_MS);
    iscep_breaker_forgo(&breaker, enter());
    iscep_breaker_fail(&breaker, enter(), &local);
    enter();
    iscep_breaker_succeed(&breaker);
    cr_assert_eq(breaker.state, ISCEP_BREAKER_CLOSED);
}

Test(breaker, hears_nobody_but_the_probe_while_it_is_half_open)
{
    const iscep_error err = failure_of(ISCEP_SERVICE, 500);
    iscep_pass early = enter();
    open_it();
    iscep_breaker_fail(&breaker, early, &err);
    fake_env_advance(&fake, OPEN_MS);
    iscep_pass probe = enter();
    iscep_breaker_fail(&breaker, early, &err);
    iscep_breaker_forgo(&breaker, early);
    cr_assert_eq(breaker.state, ISCEP_BREAKER_HALF_OPEN);
    iscep_breaker_fail(&breaker, probe, &err);
    cr_assert_eq(breaker.state, ISCEP_BREAKER_OPEN);
}

Test(breaker, closes_for_a_success_of_whoever_entered_before)
{
    enter();
    open_it();
    iscep_breaker_succeed(&breaker);
    enter();
    cr_assert_eq(breaker.state, ISCEP_BREAKER_CLOSED);
}

Test(breaker, counts_what_fails_together_once)
{
    const iscep_error err = failure_of(ISCEP_NETWORK, 0);
    iscep_pass together[10 * FAILURES];
    for (size_t i = 0; i < COUNT(together); i++)
        together[i] = enter();
    for (size_t i = 0; i < COUNT(together); i++)
        iscep_breaker_fail(&breaker, together[i], &err); /* one connection, cut */
    cr_assert_eq(breaker.state, ISCEP_BREAKER_CLOSED);
    cr_assert_eq(breaker.failures, 1);
}

Test(breaker, counts_what_began_together_and_fails_one_after_the_other)
{
    const iscep_error err = failure_of(ISCEP_NETWORK, 0);
    iscep_pass together[FAILURES];
    for (size_t i = 0; i < COUNT(together); i++)
        together[i] = enter();
    for (size_t i = 0; i < COUNT(together); i++) {
        fake_env_advance(&fake, LATER_MS);
        iscep_breaker_fail(&breaker, together[i], &err); /* callers give up, one by one */
    }
    cr_assert_eq(breaker.state, ISCEP_BREAKER_OPEN);
}

Test(breaker, opens_for_faults_of_the_service_and_for_nothing_else)
{
    static const struct {
        iscep_status status;
        int32_t http_status;
        bool want_open;
    } cases[] = {
        {ISCEP_NETWORK, 0, true},     {ISCEP_SERVICE, 500, true},   {ISCEP_THROTTLED, 429, true},
        {ISCEP_AUTH, 401, true},      {ISCEP_CONFIG, 200, true},    {ISCEP_PROTOCOL, 200, true},
        {ISCEP_PROTOCOL, 302, true},  {ISCEP_PROTOCOL, 404, true},  {ISCEP_PROTOCOL, 400, false},
        {ISCEP_PROTOCOL, 413, false}, {ISCEP_PROTOCOL, 422, false}, {ISCEP_THROTTLED, 0, false},
        {ISCEP_NOMEM, 0, false},      {ISCEP_USAGE, 0, false},      {ISCEP_STORAGE, 0, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const iscep_error err = failure_of(cases[i].status, cases[i].http_status);
        iscep_breaker_succeed(&breaker);
        for (int n = 0; n < 2 * FAILURES; n++)
            if (breaker.state == ISCEP_BREAKER_CLOSED)
                iscep_breaker_fail(&breaker, enter(), &err);
        cr_assert_eq(breaker.state == ISCEP_BREAKER_OPEN, cases[i].want_open, "case %zu", i);
    }
}

Test(breaker, stays_open_as_long_as_the_service_asked_within_reason)
{
    static const struct {
        int64_t asked_ms;
        int64_t want_ms;
    } cases[] = {{-1, OPEN_MS}, {0, OPEN_MS}, {1000, OPEN_MS}, {20000, 20000}, {INT32_MAX, 300000}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        iscep_error err = failure_of(ISCEP_THROTTLED, 429);
        err.retry_after_ms = cases[i].asked_ms;
        iscep_breaker_succeed(&breaker);
        for (int n = 0; n < FAILURES; n++)
            iscep_breaker_fail(&breaker, enter(), &err);
        cr_assert_eq(refused().retry_after_ms, cases[i].want_ms, "case %zu", i);
    }
}
