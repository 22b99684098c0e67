/* How often a call asks, when it stops asking, and what the breaker makes of it. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/intune_fixture.h"
#include "tests/support/loop_thread.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { TIMEOUT_MS = 20000, MAX_ANSWERS = 16 };

static intune_world world;
static iscep_intune *intune;
static caught_verdict caught;

/* What the endpoints answer, one after the other; the last one is repeated. */
typedef struct script {
    fake_http_answer answers[MAX_ANSWERS];
    size_t count;
    size_t asked;
} script;
static script action, discovery, token;

static fake_http_answer next_of(script *s, fake_http_answer otherwise)
{
    if (s->count == 0)
        return otherwise;
    size_t at = s->asked < s->count ? s->asked : s->count - 1;
    s->asked++;
    return s->answers[at];
}

static fake_http_answer respond(void *user, const fake_http_call *call)
{
    (void)user;
    if (strcmp(call->url, WORLD_DISCOVERY_URL) == 0)
        return next_of(&discovery,
                       (fake_http_answer){200, 0, WORLD_DISCOVERY_REPLY(WORLD_SERVICE_URI), NULL});
    if (strcmp(call->url, WORLD_TOKEN_URL) == 0)
        return next_of(&token, (fake_http_answer){200, 0, WORLD_TOKEN_REPLY("t"), NULL});
    return next_of(&action, (fake_http_answer){200, 0, WORLD_SUCCESS, NULL});
}

static void make_intune(uint32_t breaker_failures)
{
    world.tenant.breaker = (iscep_breaker_limits){.failures = breaker_failures, .open_ms = 5000};
    cr_assert_eq(iscep_intune_new(&intune, &world.env.env, world.loop, &world.http.base, &world.tenant, NULL),
                 ISCEP_OK);
}

static void set_up(void)
{
    intune_world_init(&world);
    fake_http_respond_with(&world.http, world.loop, respond, NULL);
    caught.loop = world.loop;
}

static void tear_down(void)
{
    iscep_intune_free(intune);
    intune_world_clear(&world);
}

TestSuite(attempts, .init = set_up, .fini = tear_down);

static iscep_call *start(int64_t timeout_ms)
{
    caught.count = 0;
    caught.is_there = false;
    return iscep_intune_validate(intune, "1", iscep_bytes_of("x", 1), world.env.mono_ms + timeout_ms,
                                 catch_verdict, &caught);
}

static void validate(int64_t timeout_ms)
{
    if (start(timeout_ms) != NULL)
        loop_run_until(world.loop, &caught.is_there);
    cr_assert_eq(caught.count, 1);
}

static void plan(script *s, const fake_http_answer *answers, size_t count)
{
    memcpy(s->answers, answers, count * sizeof *answers);
    s->count = count;
    s->asked = 0;
}

static void assert_verdict(iscep_decision decision, const char *code)
{
    cr_assert_eq(caught.verdict.decision, decision, "%s: %s", caught.verdict.code, caught.verdict.message);
    cr_assert_str_eq(caught.verdict.code, code);
}

static const fake_http_answer success = {200, 0, WORLD_SUCCESS, NULL};
static const fake_http_answer unavailable = {503, 0, "<html>", NULL};

Test(attempts, failures_that_pass_are_invisible)
{
    const fake_http_answer cases[][2] = {
        {unavailable, success},         {{500, 0, "{}", NULL}, success}, {{429, 0, "{}", NULL}, success},
        {{0, 0, NULL, "cut"}, success}, {{0, 0, NULL, "dns"}, success},
    };
    make_intune(100);
    for (size_t i = 0; i < COUNT(cases); i++) {
        plan(&action, cases[i], 2);
        validate(TIMEOUT_MS);
        assert_verdict(ISCEP_ALLOW, "Success");
        cr_assert_eq(action.asked, 2, "case %zu", i);
        cr_assert_str_eq(caught.verdict.message, "", "nothing is left of the failure");
        cr_assert_eq(caught.verdict.retry_after_ms, -1);
    }
}

Test(attempts, end_with_a_refusal_which_is_an_answer)
{
    const fake_http_answer answers[] = {
        unavailable, {200, 0, "{\"code\":\"ChallengeExpired\"}", NULL}, success};
    make_intune(100);
    plan(&action, answers, COUNT(answers));
    validate(TIMEOUT_MS);
    assert_verdict(ISCEP_DENY, "ChallengeExpired");
    cr_assert_eq(action.asked, 2);
    cr_assert_eq(caught.verdict.retry_after_ms, -1);
}

Test(attempts, are_counted_in_the_verdict_and_logged)
{
    make_intune(100);
    plan(&action, &unavailable, 1);
    validate(TIMEOUT_MS);
    assert_verdict(ISCEP_RETRY, "intune_service");
    cr_assert_eq(action.asked, 4);
    cr_assert_not_null(strstr(caught.verdict.message, "HTTP 503 (4 attempts); advice: "), "%s",
                       caught.verdict.message);
    cr_assert_not_null(strstr(fake_env_log(&world.env), "attempt=3"));
}

Test(attempts, are_one_for_what_would_not_change)
{
    static const fake_http_answer answers[] = {
        {400, 0, "{}", NULL}, {404, 0, "{}", NULL},     {302, 0, "", NULL},
        {200, 0, "{", NULL},  {200, 0, "<html>", NULL}, {0, 0, NULL, "tls_untrusted"},
    };
    make_intune(100);
    for (size_t i = 0; i < COUNT(answers); i++) {
        plan(&action, &answers[i], 1);
        validate(TIMEOUT_MS);
        cr_assert_eq(caught.verdict.decision, ISCEP_RETRY);
        cr_assert_eq(action.asked, 1, "case %zu", i);
        cr_assert_not_null(strstr(caught.verdict.message, "(1 attempt)"), "%s", caught.verdict.message);
    }
}

Test(attempts, respect_retry_after_and_the_deadline)
{
    const fake_http_answer throttled = {429, 30000, "{}", NULL};
    make_intune(100);
    plan(&action, &throttled, 1);
    validate(TIMEOUT_MS); /* thirty seconds are more than he will wait */
    assert_verdict(ISCEP_RETRY, "throttled");
    cr_assert_eq(action.asked, 1);
    cr_assert_eq(caught.verdict.retry_after_ms, 30000);
}

Test(attempts, cover_token_and_address_too)
{
    const fake_http_answer good_token = {200, 0, WORLD_TOKEN_REPLY("t"), NULL};
    const fake_http_answer good_address = {200, 0, WORLD_DISCOVERY_REPLY(WORLD_SERVICE_URI), NULL};
    make_intune(100);
    plan(&token, (const fake_http_answer[]){unavailable, good_token}, 2);
    plan(&discovery, (const fake_http_answer[]){unavailable, good_address}, 2);
    validate(TIMEOUT_MS);
    assert_verdict(ISCEP_ALLOW, "Success");
    cr_assert_eq(discovery.asked, 2);
}

Test(attempts, at_a_token_are_as_many_as_its_row_says)
{
    make_intune(100);
    plan(&token, &unavailable, 1);
    validate(TIMEOUT_MS);
    assert_verdict(ISCEP_RETRY, "token_service");
    cr_assert_eq(token.asked, 3);
}

static unsigned asked_whether_wanted;

static bool is_not_wanted(void *user)
{
    cr_assert_eq(user, &caught);
    asked_whether_wanted++;
    return false;
}

Test(attempts, end_when_nobody_waits_any_more)
{
    make_intune(100);
    plan(&action, &unavailable, 1);
    iscep_call *call = start(TIMEOUT_MS);
    cr_assert_not_null(call);
    iscep_call_heed(call, is_not_wanted);
    loop_run_until(world.loop, &caught.is_there);
    assert_verdict(ISCEP_RETRY, "intune_service");
    cr_assert_eq(action.asked, 1);
    cr_assert_eq(asked_whether_wanted, 1);
}

Test(attempts, open_the_circuit_and_a_probe_closes_it)
{
    make_intune(4);
    plan(&action, &unavailable, 1);
    validate(TIMEOUT_MS); /* four attempts */
    assert_verdict(ISCEP_RETRY, "intune_service");
    for (int i = 0; i < 100; i++) {
        cr_assert_null(start(TIMEOUT_MS), "answered at once");
        assert_verdict(ISCEP_RETRY, "circuit_open");
        cr_assert_eq(caught.verdict.retry_after_ms, 5000);
        cr_assert_not_null(strstr(caught.verdict.message, "Intune answered HTTP 503"));
    }
    cr_assert_eq(action.asked, 4);
    fake_env_advance(&world.env, 5000);
    plan(&action, &success, 1);
    validate(TIMEOUT_MS);
    assert_verdict(ISCEP_ALLOW, "Success");
    cr_assert_not_null(strstr(fake_env_log(&world.env), "circuit_closed"));
}

Test(attempts, end_at_a_circuit_that_they_have_opened_themselves)
{
    make_intune(2);
    plan(&action, &unavailable, 1);
    validate(TIMEOUT_MS);
    assert_verdict(ISCEP_RETRY, "intune_service");
    cr_assert_eq(action.asked, 2);
    cr_assert_eq(caught.verdict.retry_after_ms, 5000, "until the probe");
    cr_assert_not_null(strstr(caught.verdict.message, "(2 attempts)"), "%s", caught.verdict.message);
}

Test(attempts, that_intune_refuses_never_open_the_circuit)
{
    const fake_http_answer refusal = {200, 0, "{\"code\":\"ChallengeExpired\"}", NULL};
    make_intune(1);
    plan(&action, &refusal, 1);
    for (int i = 0; i < 20; i++) {
        validate(TIMEOUT_MS);
        assert_verdict(ISCEP_DENY, "ChallengeExpired");
    }
}

Test(attempts, at_notifications_have_a_circuit_of_their_own)
{
    const iscep_failed_facts facts = {.transaction_id = "1", .csr = iscep_bytes_of("x", 1), .error_code = 1};
    make_intune(4);
    plan(&action, &unavailable, 1);
    validate(TIMEOUT_MS);
    plan(&action, &success, 1);
    caught.is_there = false;
    iscep_intune_notify_failed(intune, &facts, world.env.mono_ms + TIMEOUT_MS, catch_verdict, &caught);
    loop_run_until(world.loop, &caught.is_there);
    assert_verdict(ISCEP_ALLOW, "Success");
}

/* The fake clock stands still, so a test decides how long somebody has waited. */
static void time_out_after(int64_t waited_ms)
{
    iscep_call *call = start(20);
    cr_assert_not_null(call);
    fake_env_advance(&world.env, waited_ms);
    loop_run_until(world.loop, &caught.is_there);
    assert_verdict(ISCEP_RETRY, "timeout");
}

Test(attempts, of_impatient_callers_are_no_failures_of_intune)
{
    const fake_http_answer silence = {0, 0, NULL, NULL};
    make_intune(1);
    validate(TIMEOUT_MS); /* token and address are known from here on */
    plan(&action, &silence, 1);
    for (int i = 0; i < 5; i++)
        time_out_after(30);
    time_out_after(1500);
    cr_assert_null(start(TIMEOUT_MS));
    assert_verdict(ISCEP_RETRY, "circuit_open");
}

Test(attempts, that_were_never_sent_are_no_failures_of_intune)
{
    const fake_http_answer silence = {0, 0, NULL, NULL};
    make_intune(1);
    plan(&token, &silence, 1);
    time_out_after(1500);
    iscep_call *call = start(20);
    cr_assert_not_null(call, "the circuit is closed");
    loop_run_until(world.loop, &caught.is_there);
}

Test(attempts, cut_short_by_the_deadline_tell_how_the_one_before_ended)
{
    const fake_http_answer unavailable_then_silence[] = {unavailable, {0, 0, NULL, NULL}};
    make_intune(100);
    validate(TIMEOUT_MS);
    plan(&action, unavailable_then_silence, 2);
    caught.is_there = false;
    cr_assert_not_null(start(600));
    fake_env_advance(&world.env, 600); /* once the second attempt is out, its deadline has passed at once */
    loop_run_until(world.loop, &caught.is_there);
    assert_verdict(ISCEP_RETRY, "intune_service");
    cr_assert_not_null(strstr(caught.verdict.message, "(1 attempt)"), "%s", caught.verdict.message);
}

Test(attempts, go_on_for_who_waits_longer)
{
    const fake_http_answer silence_then_success[] = {{0, 0, NULL, NULL}, success};
    make_intune(100);
    validate(TIMEOUT_MS);
    plan(&action, silence_then_success, 2);
    iscep_call *call = start(50);
    iscep_call_extend(call, world.env.mono_ms + TIMEOUT_MS);
    iscep_call_extend(call, world.env.mono_ms + 10); /* nobody can make it shorter */
    size_t sent = world.http.count - 1;
    bool is_sent = world.http.calls[sent].is_open;
    cr_assert(is_sent);
    fake_env_advance(&world.env, 50);
    fake_http_fail_call(&world.http, sent, ISCEP_NETWORK, "timeout", "the first one's deadline");
    action.asked = 1;
    loop_run_until(world.loop, &caught.is_there);
    assert_verdict(ISCEP_ALLOW, "Success");
}
