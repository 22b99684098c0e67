/* Tokens: asked for once however many need one, used while they are good, and renewed before they are not. */
#include <criterion/criterion.h>
#include <string.h>

#include "intune/token.h"
#include "tests/support/intune_fixture.h"

#define COUNT(table)   (sizeof(table) / sizeof(table)[0])
#define LIFETIME_MS    (WORLD_LIFETIME_S * 1000)
#define RENEWAL_DUE_MS (LIFETIME_MS - LIFETIME_MS / 10)

static intune_world world;
static iscep_tokens *tokens;

static void set_up(void)
{
    intune_world_init(&world);
    world.tenant.breaker.failures = 100; /* tables fail often in a row; the breaker has tests of its own */
    cr_assert_eq(iscep_tokens_new(&tokens, &world.env.env, &world.http.base, &world.tenant, NULL), ISCEP_OK);
}

static void tear_down(void)
{
    iscep_tokens_free(tokens);
    intune_world_clear(&world);
}

TestSuite(token, .init = set_up, .fini = tear_down);

typedef struct got {
    iscep_wait wait;
    unsigned count;
    iscep_status status;
    char token[256];
    uint64_t generation;
    iscep_error err;
} got;

static void on_token(void *user, iscep_status status, const char *token, uint64_t generation,
                     const iscep_error *err)
{
    got *g = user;
    g->count++;
    g->status = status;
    iscep_text_copy(g->token, sizeof g->token, token != NULL ? token : "(null)");
    g->generation = generation;
    g->err = *err;
}

static void get(got *g)
{
    *g = (got){0};
    iscep_token_get(tokens, ISCEP_SCOPE_INTUNE, &g->wait, on_token, g);
}

static void assert_got(const got *g, const char *token)
{
    cr_assert_eq(g->count, 1);
    cr_assert_eq(g->status, ISCEP_OK, "%s", g->err.message);
    cr_assert_str_eq(g->token, token);
}

static void answer(size_t call, const char *token)
{
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, 1024);
    iscep_buf_printf(&body, "{\"token_type\":\"Bearer\",\"expires_in\":%d,\"access_token\":\"%s\"}",
                     WORLD_LIFETIME_S, token);
    fake_http_answer_call(&world.http, call, 200, iscep_buf_text(&body));
}

Test(token, is_asked_for_with_exactly_this_form)
{
    got g;
    get(&g);
    cr_assert_eq(world.http.count, 1);
    const fake_http_call *call = &world.http.calls[0];
    cr_assert_str_eq(call->method, "POST");
    cr_assert_str_eq(call->url, WORLD_TOKEN_URL);
    cr_assert_str_eq(iscep_buf_text(&world.http.calls[0].body),
                     "grant_type=client_credentials&client_id=" WORLD_CLIENT_ID
                     "&client_secret=secret-canary~%20%2B%26%3D%25"
                     "&scope=https%3A%2F%2Fapi.manage.microsoft.com%2F%2F.default");
    cr_assert_str_eq(fake_http_header(&world.http, 0, "Content-Type"), "application/x-www-form-urlencoded");
    cr_assert_null(fake_http_header(&world.http, 0, "Authorization"));
    cr_assert_leq(call->deadline_mono_ms, FAKE_ENV_MONO_MS + 15000);
    answer(0, "t1");
    assert_got(&g, "t1");
}

Test(token, for_graph_has_graphs_scope)
{
    got g = {0};
    iscep_token_get(tokens, ISCEP_SCOPE_GRAPH, &g.wait, on_token, &g);
    static const char want[] = "&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default";
    const char *form = iscep_buf_text(&world.http.calls[0].body);
    cr_assert_str_eq(form + strlen(form) - strlen(want), want);
    fake_http_answer_call(&world.http, 0, 200, WORLD_TOKEN_REPLY("g"));
    assert_got(&g, "g");
    cr_assert(iscep_token_is_at_hand(tokens, ISCEP_SCOPE_GRAPH));
    cr_assert_not(iscep_token_is_at_hand(tokens, ISCEP_SCOPE_INTUNE));
}

Test(token, is_asked_for_once_by_many_waiters)
{
    got many[20];
    for (size_t i = 0; i < COUNT(many); i++)
        get(&many[i]);
    cr_assert_eq(world.http.count, 1);
    answer(0, "t1");
    for (size_t i = 0; i < COUNT(many); i++)
        assert_got(&many[i], "t1");
}

Test(token, is_cached_until_the_last_tenth_of_its_life)
{
    got first, later;
    get(&first);
    answer(0, "t1");
    fake_env_advance(&world.env, RENEWAL_DUE_MS - 1);
    get(&later);
    assert_got(&later, "t1");
    cr_assert_eq(later.generation, first.generation);
    cr_assert_eq(world.http.count, 1);
}

Test(token, is_renewed_before_it_expires_while_the_old_one_serves)
{
    got g;
    get(&g);
    answer(0, "t1");
    fake_env_advance(&world.env, RENEWAL_DUE_MS);
    get(&g);
    assert_got(&g, "t1"); /* at once */
    cr_assert_eq(world.http.count, 2);
    get(&g);
    assert_got(&g, "t1");
    cr_assert_eq(world.http.count, 2, "one renewal at a time");
    answer(1, "t2");
    get(&g);
    assert_got(&g, "t2");
    cr_assert_eq(g.generation, 2);
    cr_assert_eq(world.http.count, 2);
}

Test(token, old_one_still_serves_when_its_renewal_fails)
{
    got g;
    get(&g);
    answer(0, "t1");
    fake_env_advance(&world.env, RENEWAL_DUE_MS);
    get(&g);
    fake_http_fail_call(&world.http, 1, ISCEP_NETWORK, "connect", "refused");
    get(&g);
    assert_got(&g, "t1");
    cr_assert_eq(world.http.count, 2, "the next attempt waits a little");
    fake_env_advance(&world.env, 10000);
    get(&g);
    assert_got(&g, "t1");
    cr_assert_eq(world.http.count, 3);
    answer(2, "t2");
}

Test(token, that_expired_is_not_served)
{
    got g;
    get(&g);
    answer(0, "t1");
    fake_env_advance(&world.env, LIFETIME_MS);
    cr_assert_not(iscep_token_is_at_hand(tokens, ISCEP_SCOPE_INTUNE));
    get(&g);
    cr_assert_eq(g.count, 0);
    fake_http_answer_call(&world.http, 1, 503, "{}");
    cr_assert_eq(g.count, 1);
    cr_assert_eq(g.status, ISCEP_SERVICE);
    cr_assert_str_eq(g.token, "(null)");
}

Test(token, that_was_refused_is_dropped_by_its_generation_only)
{
    got g;
    get(&g);
    answer(0, "t1");
    iscep_token_drop(tokens, ISCEP_SCOPE_INTUNE, g.generation);
    get(&g);
    cr_assert_eq(g.count, 0);
    answer(1, "t2");
    assert_got(&g, "t2");
    iscep_token_drop(tokens, ISCEP_SCOPE_INTUNE, g.generation - 1); /* a slow answer to the old token */
    get(&g);
    assert_got(&g, "t2");
    iscep_token_drop(tokens, ISCEP_SCOPE_GRAPH, g.generation);
    get(&g);
    assert_got(&g, "t2");
    cr_assert_eq(world.http.count, 2);
}

Test(token, refusals_by_entra_are_auth_with_entras_code)
{
    static const struct {
        int32_t status;
        const char *body;
        const char *want_code;
    } cases[] = {
        {401,
         "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid client secret "
         "provided. Trace ID: "
         "x\\r\\nTimestamp: y\",\"error_codes\":[7000215]}",
         "AADSTS7000215"},
        {400,
         "{\"error\":\"unauthorized_client\",\"error_description\":\"AADSTS700016: Application not found\"}",
         "AADSTS700016"},
        {400, "{\"error\":\"invalid_request\",\"error_description\":\"no number here\"}", "invalid_request"},
        {400, "{\"error\":\"invalid_request\",\"error_description\":\"AADSTS: none\"}", "invalid_request"},
        {403, "{\"error\":\"access_denied\",\"error_description\":\"AADSTS53003: blocked\"}", "AADSTS53003"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        got g;
        get(&g);
        fake_http_answer_call(&world.http, i, cases[i].status, cases[i].body);
        cr_assert_eq(g.count, 1);
        cr_assert_eq(g.status, ISCEP_AUTH, "case %zu", i);
        cr_assert_eq(g.err.status, ISCEP_AUTH);
        cr_assert_str_eq(g.err.code, cases[i].want_code);
        cr_assert_eq(g.err.http_status, cases[i].status);
        cr_assert_null(strpbrk(g.err.message, "\r\n"));
    }
}

Test(token, failures_that_are_no_refusal_have_their_own_class)
{
    static const struct {
        int32_t status;
        const char *body;
        iscep_status want;
        const char *want_code;
    } cases[] = {
        {429, "{}", ISCEP_THROTTLED, "throttled"},
        {500, "<html>", ISCEP_SERVICE, "token_service"},
        {503, "{\"error\":\"x\",\"error_description\":\"y\"}", ISCEP_SERVICE, "token_service"},
        {400, "{}", ISCEP_SERVICE, "token_reply"},
        {302, "", ISCEP_PROTOCOL, "json_malformed"},
        {401, "<html>proxy</html>", ISCEP_PROTOCOL, "json_malformed"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        got g;
        get(&g);
        fake_http_answer_bytes(&world.http, i, cases[i].status, 7000, iscep_bytes_of_text(cases[i].body));
        cr_assert_eq(g.status, cases[i].want, "case %zu: %s", i, g.err.message);
        cr_assert_str_eq(g.err.code, cases[i].want_code);
        cr_assert_eq(g.err.retry_after_ms, 7000);
        cr_assert_eq(strncmp(g.err.message, "token: ", 7), 0);
    }
}

Test(token, malformed_replies_are_protocol_errors)
{
    static const char *const bodies[] = {
        "",
        "{",
        "null",
        "[]",
        "{}",
        "<html></html>",
        "{\"token_type\":\"Bearer\",\"expires_in\":3600}",
        "{\"token_type\":\"Bearer\",\"access_token\":\"t\"}",
        "{\"expires_in\":3600,\"access_token\":\"t\"}",
        "{\"token_type\":\"MAC\",\"expires_in\":3600,\"access_token\":\"t\"}",
        "{\"token_type\":\"Bearer\",\"expires_in\":0,\"access_token\":\"t\"}",
        "{\"token_type\":\"Bearer\",\"expires_in\":-5,\"access_token\":\"t\"}",
        "{\"token_type\":\"Bearer\",\"expires_in\":1.5,\"access_token\":\"t\"}",
        "{\"token_type\":\"Bearer\",\"expires_in\":\"soon\",\"access_token\":\"t\"}",
        "{\"token_type\":\"Bearer\",\"expires_in\":\"\",\"access_token\":\"t\"}",
        "{\"token_type\":\"Bearer\",\"expires_in\":\"3600s\",\"access_token\":\"t\"}",
        "{\"token_type\":\"Bearer\",\"expires_in\":\" 3600\",\"access_token\":\"t\"}",
        "{\"token_type\":\"Bearer\",\"expires_in\":true,\"access_token\":\"t\"}",
        "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"\"}",
        "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":1}",
        "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"a b\"}",
        "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"a\\r\\nX-Evil: 1\"}",
        "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"a\\u0000b\"}",
        "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"\\u00fc\"}",
        "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"t\",\"access_token\":\"u\"}",
        "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"t\"} x",
    };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        got g;
        get(&g);
        fake_http_answer_call(&world.http, i, 200, bodies[i]);
        cr_assert_eq(g.count, 1);
        cr_assert_eq(g.status, ISCEP_PROTOCOL, "%s", bodies[i]);
        cr_assert_str_eq(g.token, "(null)");
        cr_assert_not(iscep_token_is_at_hand(tokens, ISCEP_SCOPE_INTUNE));
    }
}

Test(token, lifetime_may_be_a_number_in_a_string_and_is_bounded)
{
    got g;
    get(&g);
    fake_http_answer_call(&world.http, 0, 200,
                          "{\"token_type\":\"bearer\",\"expires_in\":\"3600\",\"access_token\":\"t\"}");
    assert_got(&g, "t");
    fake_env_advance(&world.env, LIFETIME_MS - 1);
    cr_assert(iscep_token_is_at_hand(tokens, ISCEP_SCOPE_INTUNE));
    fake_env_advance(&world.env, 1);
    cr_assert_not(iscep_token_is_at_hand(tokens, ISCEP_SCOPE_INTUNE));
    get(&g);
    fake_http_answer_call(&world.http, 1, 200,
                          "{\"token_type\":\"Bearer\",\"expires_in\":99999999999,\"access_token\":\"t\"}");
    fake_env_advance(&world.env, 24 * 3600 * 1000);
    cr_assert_not(iscep_token_is_at_hand(tokens, ISCEP_SCOPE_INTUNE),
                  "a day is the longest that is believed");
}

Test(token, failure_of_the_network_keeps_its_class_and_the_next_get_tries_again)
{
    got g;
    get(&g);
    fake_http_fail_call(&world.http, 0, ISCEP_NETWORK, "dns", "no such host");
    cr_assert_eq(g.status, ISCEP_NETWORK);
    cr_assert_str_eq(g.err.code, "dns");
    cr_assert_str_eq(g.err.message, "token: no such host");
    get(&g);
    answer(1, "t1");
    assert_got(&g, "t1");
}

/* A tenant whose breaker opens soon, and the tokens of the test made anew. */
static void renew_tokens_with_breaker(uint32_t failures)
{
    iscep_tokens_free(tokens);
    world.tenant.breaker = (iscep_breaker_limits){.failures = failures, .open_ms = 5000};
    cr_assert_eq(iscep_tokens_new(&tokens, &world.env.env, &world.http.base, &world.tenant, NULL), ISCEP_OK);
}

Test(token, is_not_asked_of_a_dead_entra_by_everyone)
{
    got g;
    renew_tokens_with_breaker(3);
    for (size_t i = 0; i < 3; i++) {
        get(&g);
        fake_http_answer_call(&world.http, i, 503, "");
    }
    for (size_t i = 0; i < 100; i++) {
        get(&g);
        cr_assert_eq(g.count, 1, "told at once");
        cr_assert_str_eq(g.err.code, "circuit_open");
        cr_assert_eq(g.err.retry_after_ms, 5000);
        cr_assert_not_null(strstr(g.err.message, "Entra ID answered HTTP 503"));
    }
    cr_assert_eq(world.http.count, 3);
    fake_env_advance(&world.env, 5000);
    got probe;
    get(&probe);
    answer(3, "t1");
    assert_got(&probe, "t1");
    get(&g);
    assert_got(&g, "t1");
}

Test(token, that_serves_is_handed_out_while_the_circuit_is_open)
{
    got g;
    renew_tokens_with_breaker(1);
    get(&g);
    answer(0, "t1");
    fake_env_advance(&world.env, RENEWAL_DUE_MS);
    get(&g);
    fake_http_answer_call(&world.http, 1, 503, "");
    fake_env_advance(&world.env, 1000);
    get(&g);
    assert_got(&g, "t1");
    cr_assert_eq(world.http.count, 2);
}

Test(token, request_that_cannot_be_sent_fails_at_once)
{
    got g;
    world.http.is_refusing = true;
    get(&g);
    cr_assert_eq(g.count, 1);
    cr_assert_eq(g.status, ISCEP_NOMEM);
}

Test(token, waiter_who_left_is_not_called)
{
    got stays, leaves;
    get(&stays);
    get(&leaves);
    iscep_wait_cancel(&leaves.wait);
    answer(0, "t1");
    assert_got(&stays, "t1");
    cr_assert_eq(leaves.count, 0);
}

Test(token, request_in_flight_is_cancelled_by_free)
{
    got g;
    get(&g);
    iscep_wait_cancel(&g.wait);
    iscep_tokens_free(tokens);
    tokens = NULL;
    cr_assert(world.http.calls[0].is_cancelled);
    cr_assert_eq(g.count, 0);
}

Test(token, and_secret_are_in_no_log_line)
{
    got g;
    get(&g);
    answer(0, WORLD_INTUNE_TOKEN);
    iscep_token_drop(tokens, ISCEP_SCOPE_INTUNE, g.generation);
    get(&g);
    fake_http_answer_call(&world.http, 1, 401,
                          "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: no\"}");
    cr_assert_not_null(strstr(fake_env_log(&world.env), "token_issued"));
    cr_assert_not_null(strstr(fake_env_log(&world.env), "code=AADSTS7000215"));
    cr_assert_null(strstr(fake_env_log(&world.env), WORLD_INTUNE_TOKEN));
    cr_assert_null(strstr(fake_env_log(&world.env), "secret-canary"));
}
