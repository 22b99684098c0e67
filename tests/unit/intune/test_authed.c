/* A request with a bearer token: after a refusal one new token is tried, and only one. */
#include <criterion/criterion.h>
#include <string.h>

#include "intune/authed.h"
#include "tests/support/intune_fixture.h"

static intune_world world;
static iscep_tokens *tokens;
static iscep_authed authed;

static struct {
    unsigned count;
    iscep_status status;
    int32_t http_status;
    iscep_error err;
} done;

static void on_done(void *user, iscep_status status, const iscep_http_response *response,
                    const iscep_error *err)
{
    (void)user;
    done.count++;
    done.status = status;
    done.http_status = response != NULL ? response->status : 0;
    done.err = *err;
}

static void set_up(void)
{
    intune_world_init(&world);
    cr_assert_eq(iscep_tokens_new(&tokens, &world.env.env, &world.http.base, &world.tenant, NULL), ISCEP_OK);
    authed = (iscep_authed){
        .upstream = {.env = &world.env.env, .tenant = &world.tenant, .endpoint = ISCEP_ENDPOINT_VALIDATE},
        .http = &world.http.base,
        .tokens = tokens,
        .scope = ISCEP_SCOPE_INTUNE,
        .method = "POST",
        .url = "https://fef.manage.microsoft.com/x",
        .request_id = "the-request-id",
        .api_version = "2018-02-20",
        .body = iscep_bytes_of_text("{\"a\":1}"),
        .deadline_mono_ms = FAKE_ENV_MONO_MS + 1234,
        .max_response_len = 4711,
        .done = on_done};
}

static void tear_down(void)
{
    iscep_tokens_free(tokens);
    intune_world_clear(&world);
}

TestSuite(authed, .init = set_up, .fini = tear_down);

static void answer_token(size_t call, const char *token)
{
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, 64 * 1024 + 1024);
    iscep_buf_printf(&body, "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"%s\"}", token);
    fake_http_answer_call(&world.http, call, 200, iscep_buf_text(&body));
}

static void assert_sent(size_t call, const char *authorization)
{
    cr_assert_eq(world.http.count, call + 1);
    cr_assert_str_eq(world.http.calls[call].method, "POST");
    cr_assert_str_eq(world.http.calls[call].url, "https://fef.manage.microsoft.com/x");
    cr_assert_str_eq(fake_http_header(&world.http, call, "Authorization"), authorization);
    cr_assert_str_eq(fake_http_header(&world.http, call, "client-request-id"), "the-request-id");
    cr_assert_str_eq(fake_http_header(&world.http, call, "api-version"), "2018-02-20");
    cr_assert_str_eq(fake_http_header(&world.http, call, "Content-Type"), "application/json");
    cr_assert_str_eq(iscep_buf_text(&world.http.calls[call].body), "{\"a\":1}");
    cr_assert_eq(world.http.calls[call].deadline_mono_ms, FAKE_ENV_MONO_MS + 1234);
    cr_assert_eq(world.http.calls[call].max_response_len, 4711);
}

Test(authed, is_sent_with_the_token)
{
    iscep_authed_send(&authed);
    answer_token(0, "t1");
    assert_sent(1, "Bearer t1");
    cr_assert_eq(done.count, 0);
    fake_http_answer_call(&world.http, 1, 200, "ok");
    cr_assert_eq(done.count, 1);
    cr_assert_eq(done.status, ISCEP_OK);
    cr_assert_eq(done.http_status, 200);
}

Test(authed, refused_is_sent_once_more_with_a_new_token)
{
    static const int32_t refusals[] = {401, 403};
    for (size_t i = 0; i < 2; i++) {
        size_t at = i * 4;
        done.count = 0;
        iscep_authed_send(&authed);
        answer_token(at, "t1");
        fake_http_answer_call(&world.http, at + 1, refusals[i], "{}");
        cr_assert_eq(done.count, 0);
        answer_token(at + 2, "t2");
        assert_sent(at + 3, "Bearer t2");
        fake_http_answer_call(&world.http, at + 3, 200, "ok");
        cr_assert_eq(done.count, 1);
        cr_assert_eq(done.http_status, 200);
        iscep_token_drop(tokens, ISCEP_SCOPE_INTUNE, authed.generation);
    }
}

Test(authed, refused_twice_gives_up_and_drops_the_second_token_too)
{
    iscep_authed_send(&authed);
    answer_token(0, "t1");
    fake_http_answer_call(&world.http, 1, 401, "{}");
    answer_token(2, "t2");
    fake_http_answer_call(&world.http, 3, 403, "{}");
    cr_assert_eq(done.count, 1);
    cr_assert_eq(done.status, ISCEP_OK);
    cr_assert_eq(done.http_status, 403);
    cr_assert_eq(world.http.count, 4);
    cr_assert_not(iscep_token_is_at_hand(tokens, ISCEP_SCOPE_INTUNE));
}

Test(authed, other_statuses_are_handed_on_and_keep_the_token)
{
    static const int32_t statuses[] = {200, 201, 302, 400, 404, 429, 500, 503};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        done.count = 0;
        iscep_authed_send(&authed);
        if (i == 0)
            answer_token(0, "t1");
        fake_http_answer_call(&world.http, i + 1, statuses[i], "{}");
        cr_assert_eq(done.count, 1);
        cr_assert_eq(done.http_status, statuses[i]);
    }
    cr_assert(iscep_token_is_at_hand(tokens, ISCEP_SCOPE_INTUNE));
}

Test(authed, refused_with_an_old_token_leaves_a_newer_one_alone)
{
    iscep_authed other = authed;
    iscep_authed_send(&authed);
    answer_token(0, "t1");
    iscep_authed_send(&other);
    fake_http_answer_call(&world.http, 1, 401, "{}");
    answer_token(3, "t2");
    fake_http_answer_call(&world.http, 4, 200, "ok");
    fake_http_answer_call(&world.http, 2, 401, "{}"); /* was sent with t1 */
    assert_sent(5, "Bearer t2");                      /* no third token was asked for */
    fake_http_answer_call(&world.http, 5, 200, "ok");
    cr_assert_eq(done.count, 2);
}

Test(authed, without_a_token_is_not_sent)
{
    iscep_authed_send(&authed);
    fake_http_fail_call(&world.http, 0, ISCEP_NETWORK, "dns", "no such host");
    cr_assert_eq(done.count, 1);
    cr_assert_eq(done.status, ISCEP_NETWORK);
    cr_assert_str_eq(done.err.code, "dns");
    cr_assert_eq(world.http.count, 1);
}

Test(authed, second_token_that_fails_ends_it)
{
    iscep_authed_send(&authed);
    answer_token(0, "t1");
    fake_http_answer_call(&world.http, 1, 401, "{}");
    fake_http_answer_call(&world.http, 2, 503, "");
    cr_assert_eq(done.count, 1);
    cr_assert_eq(done.status, ISCEP_SERVICE);
}

Test(authed, failure_of_the_network_is_handed_on)
{
    iscep_authed_send(&authed);
    answer_token(0, "t1");
    fake_http_fail_call(&world.http, 1, ISCEP_NETWORK, "cut", "connection lost");
    cr_assert_eq(done.count, 1);
    cr_assert_eq(done.status, ISCEP_NETWORK);
    cr_assert_str_eq(done.err.code, "cut");
    cr_assert(iscep_token_is_at_hand(tokens, ISCEP_SCOPE_INTUNE));
}

Test(authed, cannot_be_sent_is_an_answer_too)
{
    iscep_authed_send(&authed);
    world.http.is_refusing = true;
    answer_token(0, "t1");
    cr_assert_eq(done.count, 1);
    cr_assert_eq(done.status, ISCEP_NOMEM);
}

Test(authed, get_without_body_and_version_has_no_such_fields)
{
    authed.method = "GET";
    authed.body = (iscep_bytes){0};
    authed.api_version = NULL;
    iscep_authed_send(&authed);
    answer_token(0, "t1");
    cr_assert_null(fake_http_header(&world.http, 1, "Content-Type"));
    cr_assert_null(fake_http_header(&world.http, 1, "api-version"));
    fake_http_answer_call(&world.http, 1, 200, "ok");
}

Test(authed, cancelled_in_any_stage_is_never_answered)
{
    iscep_authed_send(&authed);
    iscep_authed_cancel(&authed); /* waiting for the token */
    answer_token(0, "t1");
    iscep_authed_send(&authed);
    iscep_authed_cancel(&authed); /* sent */
    cr_assert(world.http.calls[1].is_cancelled);
    iscep_authed_send(&authed);
    fake_http_answer_call(&world.http, 2, 401, "{}");
    iscep_authed_cancel(&authed); /* waiting for the second token */
    answer_token(3, "t2");
    iscep_authed_cancel(&authed); /* again is nothing */
    cr_assert_eq(done.count, 0);
    cr_assert_eq(world.http.count, 4);
}
