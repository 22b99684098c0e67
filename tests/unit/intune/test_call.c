/* From request to verdict in one deadline: which stage may fail how, what is dropped, what is kept, how it ends. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/intune_fixture.h"
#include "tests/support/loop_thread.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { ACTION = WORLD_SETUP_CALLS }; /* the first call to Intune */

static intune_world world;
static iscep_intune *intune;
static caught_verdict caught;

static void set_up(void)
{
    intune_world_init(&world);
    world.tenant.breaker.failures =
        100; /* tables fail often in a row; test_attempts.c is about the breaker */
    cr_assert_eq(iscep_intune_new(&intune, &world.env.env, world.loop, &world.http.base, &world.tenant, NULL),
                 ISCEP_OK);
    caught.loop = world.loop;
}

static void tear_down(void)
{
    iscep_intune_free(intune);
    intune_world_clear(&world);
}

TestSuite(call, .init = set_up, .fini = tear_down);
TestSuite(ready, .init = set_up, .fini = tear_down);

static void validate_within(int64_t timeout_ms)
{
    caught.count = 0;
    caught.is_there = false;
    iscep_intune_validate(intune, "1", iscep_bytes_of("x", 1), FAKE_ENV_MONO_MS + timeout_ms, catch_verdict,
                          &caught);
}

/* The last word: without randomness there is no pause, and so no further attempt. */
static void answer_finally(size_t call, int32_t status, const char *body)
{
    world.env.is_random_broken = true;
    fake_http_answer_call(&world.http, call, status, body);
    world.env.is_random_broken = false;
}

static void fail_finally(size_t call, const char *code)
{
    world.env.is_random_broken = true;
    fake_http_fail_call(&world.http, call, ISCEP_NETWORK, code, "as the test wishes");
    world.env.is_random_broken = false;
}

static void assert_verdict(iscep_decision decision, const char *code)
{
    cr_assert_eq(caught.count, 1);
    cr_assert_eq(caught.verdict.decision, decision, "%s: %s", caught.verdict.code, caught.verdict.message);
    cr_assert_str_eq(caught.verdict.code, code);
}

Test(call, second_one_uses_what_the_first_one_learnt)
{
    validate_within(20000);
    intune_world_answer_setup(&world);
    fake_http_answer_call(&world.http, ACTION, 200, WORLD_SUCCESS);
    assert_verdict(ISCEP_ALLOW, "Success");
    validate_within(20000);
    fake_http_answer_call(&world.http, ACTION + 1, 200, WORLD_SUCCESS);
    assert_verdict(ISCEP_ALLOW, "Success");
    cr_assert_eq(world.http.count, ACTION + 2);
}

Test(call, many_at_once_share_token_and_address)
{
    caught_verdict many[20] = {0};
    for (size_t i = 0; i < COUNT(many); i++)
        iscep_intune_validate(intune, "1", iscep_bytes_of("x", 1), FAKE_ENV_MONO_MS + 20000, catch_verdict,
                              &many[i]);
    intune_world_answer_setup(&world);
    cr_assert_eq(world.http.count, ACTION + COUNT(many));
    for (size_t i = 0; i < COUNT(many); i++)
        fake_http_answer_call(&world.http, ACTION + i, 200,
                              i % 2 == 0 ? WORLD_SUCCESS : "{\"code\":\"ChallengeExpired\"}");
    unsigned allowed = 0;
    for (size_t i = 0; i < COUNT(many); i++) {
        cr_assert_eq(many[i].count, 1);
        allowed += many[i].verdict.decision == ISCEP_ALLOW;
    }
    cr_assert_eq(allowed, COUNT(many) / 2);
}

Test(call, failure_before_intune_was_asked_is_a_retry)
{
    validate_within(20000);
    fail_finally(0, "dns");
    assert_verdict(ISCEP_RETRY, "dns");
    validate_within(20000);
    fake_http_answer_call(&world.http, 1, 200, WORLD_TOKEN_REPLY("g"));
    fake_http_answer_call(&world.http, 2, 200, "{\"value\":[]}");
    assert_verdict(ISCEP_RETRY, "service_not_discovered");
    validate_within(20000);
    fake_http_answer_call(&world.http, 3, 200, WORLD_DISCOVERY_REPLY(WORLD_SERVICE_URI));
    fake_http_answer_call(&world.http, 4, 401,
                          "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000222: expired\"}");
    assert_verdict(ISCEP_RETRY, "AADSTS7000222");
}

Test(call, address_is_kept_when_the_service_is_only_unwilling)
{
    static const struct {
        int32_t status;
        const char *want_code;
    } cases[] = {{429, "throttled"}, {503, "intune_service"}, {200, "intune_reply_malformed"}};
    validate_within(20000);
    intune_world_answer_setup(&world);
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (i > 0)
            validate_within(20000);
        cr_assert_eq(world.http.count, ACTION + i + 1, "no new discovery after case %zu", i);
        answer_finally(ACTION + i, cases[i].status, "<html>");
        assert_verdict(ISCEP_RETRY, cases[i].want_code);
    }
}

Test(call, address_is_dropped_when_it_answers_like_a_stranger)
{
    static const int32_t statuses[] = {404, 301, 400, 500, 502, 201};
    validate_within(20000);
    intune_world_answer_setup(&world);
    size_t at = ACTION;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        answer_finally(at, statuses[i], WORLD_SUCCESS);
        cr_assert_eq(caught.verdict.decision, ISCEP_RETRY);
        validate_within(20000);
        cr_assert_str_eq(world.http.calls[at + 1].url, WORLD_DISCOVERY_URL, "after %d", statuses[i]);
        fake_http_answer_call(&world.http, at + 1, 200,
                              WORLD_DISCOVERY_REPLY("https://new.manage.microsoft.com/"));
        at += 2;
        cr_assert_str_eq(world.http.calls[at].url,
                         "https://new.manage.microsoft.com/ScepActions/validateRequest");
    }
    fake_http_answer_call(&world.http, at, 200, WORLD_SUCCESS);
    assert_verdict(ISCEP_ALLOW, "Success");
}

/* He waited less than Intune may take: that says nothing about the address. One who waited long enough says something. */
Test(call, address_outlives_an_impatient_caller)
{
    static const struct {
        int64_t waited_ms;
        const char *want_next_url;
    } cases[] = {{50, WORLD_SERVICE_URI "/ScepActions/validateRequest"}, {1000, WORLD_DISCOVERY_URL}};
    validate_within(cases[0].waited_ms);
    intune_world_answer_setup(&world);
    size_t at = ACTION;
    for (size_t i = 0; i < COUNT(cases); i++) {
        fake_env_advance(&world.env, cases[i].waited_ms);
        fail_finally(at, "timeout");
        assert_verdict(ISCEP_RETRY, "timeout");
        int64_t passed_ms = world.env.mono_ms - FAKE_ENV_MONO_MS;
        validate_within(passed_ms + 1000);
        cr_assert_str_eq(world.http.calls[++at].url, cases[i].want_next_url, "after %d ms",
                         (int)cases[i].waited_ms);
    }
}

Test(call, address_is_dropped_when_nobody_answers_there)
{
    validate_within(20000);
    intune_world_answer_setup(&world);
    fail_finally(ACTION, "connect");
    assert_verdict(ISCEP_RETRY, "connect");
    validate_within(20000);
    cr_assert_str_eq(world.http.calls[ACTION + 1].url, WORLD_DISCOVERY_URL);
    fail_finally(ACTION + 1, "dns");
    assert_verdict(ISCEP_RETRY, "dns");
}

Test(call, token_refused_by_intune_is_replaced_once)
{
    validate_within(20000);
    intune_world_answer_setup(&world);
    char first_id[64];
    iscep_text_copy(first_id, sizeof first_id, fake_http_header(&world.http, ACTION, "client-request-id"));
    fake_http_answer_call(&world.http, ACTION, 401, "{}");
    fake_http_answer_call(&world.http, ACTION + 1, 200, WORLD_TOKEN_REPLY("second"));
    cr_assert_str_eq(fake_http_header(&world.http, ACTION + 2, "Authorization"), "Bearer second");
    cr_assert_str_eq(fake_http_header(&world.http, ACTION + 2, "client-request-id"), first_id);
    fake_http_answer_call(&world.http, ACTION + 2, 403, WORLD_SUCCESS);
    assert_verdict(ISCEP_RETRY, "intune_refused_us");
    cr_assert_eq(world.http.count, ACTION + 3);
}

Test(call, deadline_ends_the_wait_for_a_token)
{
    validate_within(20);
    loop_run_until(world.loop, &caught.is_there);
    assert_verdict(ISCEP_RETRY, "timeout");
    cr_assert_eq(fake_http_count_open(&world.http), 1, "the token is for others, too");
    fake_http_answer_call(&world.http, 0, 200, WORLD_TOKEN_REPLY("g"));
    cr_assert_eq(caught.count, 1);
}

Test(call, deadline_ends_the_wait_for_discovery)
{
    validate_within(20);
    fake_http_answer_call(&world.http, 0, 200, WORLD_TOKEN_REPLY("g"));
    loop_run_until(world.loop, &caught.is_there);
    assert_verdict(ISCEP_RETRY, "timeout");
    fake_http_answer_call(&world.http, 1, 200, WORLD_DISCOVERY_REPLY(WORLD_SERVICE_URI));
    cr_assert_eq(caught.count, 1);
    cr_assert_eq(world.http.count, 2, "nobody wants Intune any more");
}

Test(call, deadline_ends_the_wait_for_intunes_token)
{
    validate_within(20);
    fake_http_answer_call(&world.http, 0, 200, WORLD_TOKEN_REPLY("g"));
    fake_http_answer_call(&world.http, 1, 200, WORLD_DISCOVERY_REPLY(WORLD_SERVICE_URI));
    loop_run_until(world.loop, &caught.is_there);
    assert_verdict(ISCEP_RETRY, "timeout");
    fake_http_answer_call(&world.http, 2, 200, WORLD_TOKEN_REPLY("i"));
    cr_assert_eq(caught.count, 1);
    cr_assert_eq(world.http.count, 3);
}

Test(call, deadline_ends_the_wait_for_the_answer)
{
    validate_within(20);
    intune_world_answer_setup(&world);
    loop_run_until(world.loop, &caught.is_there);
    assert_verdict(ISCEP_RETRY, "timeout");
    cr_assert(world.http.calls[ACTION].is_cancelled);
    cr_assert_eq(strlen(caught.verdict.request_id), 36);
}

Test(call, deadline_that_has_passed_is_a_retry_at_once)
{
    validate_within(-5);
    loop_run_until(world.loop, &caught.is_there);
    assert_verdict(ISCEP_RETRY, "timeout");
}

Test(call, free_answers_what_is_in_flight_in_every_stage)
{
    caught_verdict waiting[3] = {0};
    iscep_intune_validate(intune, "1", iscep_bytes_of("x", 1), FAKE_ENV_MONO_MS + 20000, catch_verdict,
                          &waiting[0]);
    intune_world_answer_setup(&world);
    for (size_t i = 1; i < COUNT(waiting); i++)
        iscep_intune_validate(intune, "1", iscep_bytes_of("x", 1), FAKE_ENV_MONO_MS + 20000, catch_verdict,
                              &waiting[i]);
    fake_http_answer_call(&world.http, ACTION, 401, "{}"); /* the first one waits for a second token */
    iscep_intune_free(intune);
    intune = NULL;
    for (size_t i = 0; i < COUNT(waiting); i++) {
        cr_assert_eq(waiting[i].count, 1);
        cr_assert_eq(waiting[i].verdict.decision, ISCEP_RETRY);
        cr_assert_str_eq(waiting[i].verdict.code, "shutting_down");
    }
    cr_assert_eq(fake_http_count_open(&world.http), 0);
}

Test(call, free_before_the_first_answer_cancels_and_answers)
{
    validate_within(20000);
    iscep_intune_free(intune);
    intune = NULL;
    assert_verdict(ISCEP_RETRY, "shutting_down");
    cr_assert(world.http.calls[0].is_cancelled);
}

Test(ready, after_warm_up_and_not_before)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_not(iscep_intune_is_ready(intune, &err));
    cr_assert_str_eq(err.code, "starting");
    iscep_intune_warm_up(intune);
    iscep_intune_warm_up(intune); /* one at a time */
    cr_assert_eq(world.http.count, 1);
    intune_world_answer_setup(&world);
    cr_assert(iscep_intune_is_ready(intune, &err));
    cr_assert_eq(world.http.count, WORLD_SETUP_CALLS);
}

Test(ready, tells_why_not)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_intune_warm_up(intune);
    fake_http_answer_call(&world.http, 0, 401,
                          "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: no\"}");
    cr_assert_not(iscep_intune_is_ready(intune, &err));
    cr_assert_eq(err.status, ISCEP_AUTH);
    cr_assert_str_eq(err.code, "AADSTS7000215");
    iscep_intune_warm_up(intune);
    fake_http_answer_call(&world.http, 1, 200, WORLD_TOKEN_REPLY("g"));
    fake_http_answer_call(&world.http, 2, 200, "{\"value\":[]}");
    cr_assert_not(iscep_intune_is_ready(intune, &err));
    cr_assert_str_eq(err.code, "service_not_discovered");
}

Test(ready, no_longer_when_the_token_has_expired)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_intune_warm_up(intune);
    intune_world_answer_setup(&world);
    fake_env_advance(&world.env, WORLD_LIFETIME_S * 1000);
    cr_assert_not(iscep_intune_is_ready(intune, &err));
    cr_assert_str_eq(err.code, "not_ready");
}

Test(ready, warm_up_is_abandoned_by_free)
{
    iscep_intune_warm_up(intune);
    iscep_intune_free(intune);
    intune = NULL;
    cr_assert_eq(fake_http_count_open(&world.http), 0);
}
