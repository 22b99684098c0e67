/* What the metrics say of tokens, circuits and each request to Entra ID, Graph and Intune; and that the log names the request. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/metrics.h"
#include "intune/call.h"
#include "tests/support/intune_fixture.h"

enum { TIMEOUT_MS = 20000 };

static intune_world world;
static iscep_intune *intune;
static iscep_metrics *metrics;
static caught_verdict caught;

static void set_up(void)
{
    intune_world_init(&world);
    cr_assert_eq(iscep_metrics_new(&metrics, NULL), ISCEP_OK);
    world.env.env.metrics = metrics;
    world.tenant.name = "home";
    world.tenant.breaker = (iscep_breaker_limits){.failures = 2, .open_ms = 5000};
    cr_assert_eq(iscep_intune_new(&intune, &world.env.env, world.loop, &world.http.base, &world.tenant, NULL),
                 ISCEP_OK);
}

static void tear_down(void)
{
    iscep_intune_free(intune);
    iscep_metrics_free(metrics);
    intune_world_clear(&world);
}

TestSuite(measured, .init = set_up, .fini = tear_down);

static double value_of(iscep_metric metric, const char *a, const char *b, const char *c)
{
    double value = 0;
    if (!iscep_metrics_get(&value, &metrics, 1, metric, (const char *const[]){a, b, c, NULL}))
        return -1;
    return value;
}

/* How many requests to an endpoint ended so, and that their seconds add up. */
static void assert_requests(const char *endpoint, const char *outcome, int count, const char *seconds)
{
    ISCEP_AUTO_BUF page;
    ISCEP_AUTO_BUF want;
    iscep_buf_init(&page, 1024 * 1024);
    iscep_buf_init(&want, 1024);
    iscep_metrics_emit(&page, &metrics, 1);
    iscep_buf_printf(&want, "_sum{tenant=\"home\",endpoint=\"%s\",outcome=\"%s\"} %s\n", endpoint, outcome,
                     seconds);
    cr_assert_not_null(strstr(iscep_buf_text(&page), iscep_buf_text(&want)), "%s%s", iscep_buf_text(&want),
                       iscep_buf_text(&page));
    iscep_buf_clear(&want);
    iscep_buf_printf(&want, "_count{tenant=\"home\",endpoint=\"%s\",outcome=\"%s\"} %d\n", endpoint, outcome,
                     count);
    cr_assert_not_null(strstr(iscep_buf_text(&page), iscep_buf_text(&want)), "%s%s", iscep_buf_text(&want),
                       iscep_buf_text(&page));
}

static iscep_call *ask(void)
{
    return iscep_intune_validate(intune, "TX-1", iscep_bytes_of("x", 1), world.env.mono_ms + TIMEOUT_MS,
                                 catch_verdict, &caught);
}

Test(measured, each_request_is_timed_by_whom_it_asked_and_how_it_ended)
{
    ask();
    fake_env_advance(&world.env, 30);
    intune_world_answer_setup(&world);
    fake_env_advance(&world.env, 250);
    fake_http_answer_call(&world.http, WORLD_SETUP_CALLS, 200, WORLD_SUCCESS);
    cr_assert_eq(caught.verdict.decision, ISCEP_ALLOW);
    assert_requests("validate", "ok", 1, "0.25");
    assert_requests("discovery", "ok", 1, "0");
    assert_requests("token", "ok", 2,
                    "0.03"); /* the first was asked for before the 30 ms, the second after */
}

Test(measured, tokens_are_counted_and_their_end_is_known)
{
    ask();
    intune_world_answer_setup(&world);
    const double end = (double)(FAKE_ENV_UNIX_MS / 1000 + WORLD_LIFETIME_S);
    cr_assert_eq(value_of(ISCEP_METRIC_TOKENS, "home", "graph", "fetched"), 1);
    cr_assert_eq(value_of(ISCEP_METRIC_TOKENS, "home", "intune", "fetched"), 1);
    cr_assert_eq(value_of(ISCEP_METRIC_TOKEN_EXPIRY, "home", "graph", NULL), end);
    cr_assert_eq(value_of(ISCEP_METRIC_TOKEN_EXPIRY, "home", "intune", NULL), end);
}

Test(measured, a_token_that_is_refused_is_no_token_that_failed)
{
    ask();
    fake_http_answer_call(&world.http, 0, 401,
                          "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: wrong\"}");
    cr_assert_eq(value_of(ISCEP_METRIC_TOKENS, "home", "graph", "refused"), 1);
    cr_assert_eq(value_of(ISCEP_METRIC_TOKENS, "home", "graph", "failed"), -1);
    cr_assert_eq(value_of(ISCEP_METRIC_TOKEN_EXPIRY, "home", "graph", NULL), -1);
    assert_requests("token", "refused", 1, "0");
}

Test(measured, a_token_that_nobody_answers_has_failed)
{
    ask();
    fake_http_fail_call(&world.http, 0, ISCEP_NETWORK, "connect", "nobody listens");
    cr_assert_eq(value_of(ISCEP_METRIC_TOKENS, "home", "graph", "failed"), 1);
    assert_requests("token", "network", 1, "0");
}

Test(measured, both_tries_with_a_refused_token_count)
{
    ask();
    intune_world_answer_setup(&world);
    fake_http_answer_call(&world.http, WORLD_SETUP_CALLS, 401, "{}");
    fake_http_answer_call(&world.http, WORLD_SETUP_CALLS + 1, 200, WORLD_TOKEN_REPLY("another"));
    fake_http_answer_call(&world.http, WORLD_SETUP_CALLS + 2, 403, "{}");
    assert_requests("validate", "refused", 2, "0");
}

Test(measured, what_is_waited_for_in_vain_is_a_timeout)
{
    iscep_call *call = ask();
    intune_world_answer_setup(&world);
    fake_env_advance(&world.env, TIMEOUT_MS + 1);
    iscep_call_abandon(call, "timeout", "Intune did not answer in time");
    assert_requests("validate", "timeout", 1, "20.001");
}

Test(measured, what_the_end_of_the_process_cuts_off_tells_nothing)
{
    ask();
    intune_world_answer_setup(&world);
    iscep_intune_free(intune);
    intune = NULL;
    ISCEP_AUTO_BUF page;
    iscep_buf_init(&page, 1024 * 1024);
    iscep_metrics_emit(&page, &metrics, 1);
    cr_assert_null(strstr(iscep_buf_text(&page), "endpoint=\"validate\",outcome="));
}

static void fail_attempt(void)
{
    size_t at = world.http.count;
    ask();
    if (world.http.count == at) /* the setup is done */
        return;
    fake_http_answer_call(&world.http, at, 503, "");
}

Test(measured, a_circuit_shows_its_state_and_the_log_whose_it_is)
{
    ask();
    intune_world_answer_setup(&world);
    fake_http_answer_call(&world.http, WORLD_SETUP_CALLS, 200, WORLD_SUCCESS);
    cr_assert_eq(value_of(ISCEP_METRIC_BREAKER_OPEN, "home", "validate", NULL), 0);
    fail_attempt();
    fake_env_advance(&world.env, 1000);
    fail_attempt();
    cr_assert_eq(value_of(ISCEP_METRIC_BREAKER_OPEN, "home", "validate", NULL), 2);
    cr_assert_eq(value_of(ISCEP_METRIC_BREAKER_OPEN, "home", "notify", NULL), 0);
    cr_assert_not_null(strstr(fake_env_log(&world.env), "warn  circuit_opened endpoint=validate"));
    assert_requests("validate", "service", 2, "0");
    fake_env_advance(&world.env, 6000);
    size_t probe = world.http.count;
    ask();
    cr_assert_eq(value_of(ISCEP_METRIC_BREAKER_OPEN, "home", "validate", NULL), 1);
    fake_http_answer_call(&world.http, probe, 200, WORLD_SUCCESS);
    cr_assert_eq(value_of(ISCEP_METRIC_BREAKER_OPEN, "home", "validate", NULL), 0);
}

Test(measured, a_failed_try_names_the_transaction_and_what_microsoft_knows_it_by)
{
    ask();
    intune_world_answer_setup(&world);
    const char *request_id = fake_http_header(&world.http, WORLD_SETUP_CALLS, "client-request-id");
    char want[128];
    cr_assert_not_null(request_id);
    snprintf(want, sizeof want, "client_request_id=%s ", request_id);
    fake_http_answer_call(&world.http, WORLD_SETUP_CALLS, 503, "");
    const char *line =
        strstr(fake_env_log(&world.env), "attempt_failed transaction_id=TX-1 endpoint=validate");
    cr_assert_not_null(line, "%s", fake_env_log(&world.env));
    cr_assert_not_null(strstr(line, want), "%s", line);
    cr_assert_not_null(strstr(line, "tenant=home\n"), "%s", line);
}
