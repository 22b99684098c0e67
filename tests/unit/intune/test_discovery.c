/* Discovery: the address that Graph names, if a token may go there; kept while it is good. */
#include <criterion/criterion.h>
#include <string.h>

#include "intune/discovery.h"
#include "tests/support/intune_fixture.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static intune_world world;
static iscep_tokens *tokens;
static iscep_discovery *discovery;

static void set_up(void)
{
    intune_world_init(&world);
    world.tenant.breaker.failures = 100; /* tables fail often in a row; the breaker has tests of its own */
    cr_assert_eq(iscep_tokens_new(&tokens, &world.env.env, &world.http.base, &world.tenant, NULL), ISCEP_OK);
    cr_assert_eq(
        iscep_discovery_new(&discovery, &world.env.env, &world.http.base, tokens, &world.tenant, NULL),
        ISCEP_OK);
}

static void tear_down(void)
{
    iscep_discovery_free(discovery);
    iscep_tokens_free(tokens);
    intune_world_clear(&world);
}

TestSuite(discovery, .init = set_up, .fini = tear_down);

typedef struct got {
    iscep_wait wait;
    unsigned count;
    iscep_status status;
    char uri[256];
    uint64_t generation;
    iscep_error err;
} got;

static void on_uri(void *user, iscep_status status, const char *uri, uint64_t generation,
                   const iscep_error *err)
{
    got *g = user;
    g->count++;
    g->status = status;
    iscep_text_copy(g->uri, sizeof g->uri, uri != NULL ? uri : "(null)");
    g->generation = generation;
    g->err = *err;
}

static void get(got *g)
{
    *g = (got){0};
    iscep_discovery_get(discovery, ISCEP_SITE_SCEP, &g->wait, on_uri, g);
}

/* Graph's token is call 0; it is cached for the rest of the test. */
static void answer_token(void)
{
    fake_http_answer_call(&world.http, 0, 200, WORLD_TOKEN_REPLY(WORLD_GRAPH_TOKEN));
}

static void assert_found(const got *g, const char *uri)
{
    cr_assert_eq(g->count, 1);
    cr_assert_eq(g->status, ISCEP_OK, "%s", g->err.message);
    cr_assert_str_eq(g->uri, uri);
}

Test(discovery, asks_graph_with_graphs_token)
{
    got g;
    get(&g);
    answer_token();
    cr_assert_eq(world.http.count, 2);
    cr_assert_str_eq(world.http.calls[1].method, "GET");
    cr_assert_str_eq(world.http.calls[1].url, WORLD_DISCOVERY_URL);
    cr_assert_str_eq(fake_http_header(&world.http, 1, "Authorization"), "Bearer " WORLD_GRAPH_TOKEN);
    cr_assert_str_eq(fake_http_header(&world.http, 1, "Accept"), "application/json");
    cr_assert_eq(strlen(fake_http_header(&world.http, 1, "client-request-id")), 36);
    cr_assert_null(fake_http_header(&world.http, 1, "Content-Type"));
    cr_assert_eq(world.http.calls[1].body.len, 0);
    fake_http_answer_call(&world.http, 1, 200, WORLD_DISCOVERY_REPLY(WORLD_SERVICE_URI));
    assert_found(&g, WORLD_SERVICE_URI);
}

Test(discovery, is_done_once_for_many_and_cached)
{
    got many[10], later;
    for (size_t i = 0; i < COUNT(many); i++)
        get(&many[i]);
    answer_token();
    fake_http_answer_call(&world.http, 1, 200, WORLD_DISCOVERY_REPLY(WORLD_SERVICE_URI));
    for (size_t i = 0; i < COUNT(many); i++)
        assert_found(&many[i], WORLD_SERVICE_URI);
    fake_env_advance(&world.env, 30 * 60 * 1000);
    get(&later);
    assert_found(&later, WORLD_SERVICE_URI);
    cr_assert_eq(world.http.count, 2);
    cr_assert(iscep_discovery_is_at_hand(discovery, ISCEP_SITE_SCEP));
}

Test(discovery, finds_the_service_by_either_name_in_any_case)
{
    static const char *const entries[] = {
        "{\"providerName\":\"ScepRequestValidationFEService\",\"uri\":\"https://a.manage.microsoft.com/x\"}",
        "{\"providerName\":\"SCEPREQUESTVALIDATIONFESERVICE\",\"uri\":\"https://a.manage.microsoft.com/x\"}",
        "{\"serviceName\":\"ScepRequestValidationFEService\",\"uri\":\"https://a.manage.microsoft.com/x\"}",
        "{\"providerName\":null,\"serviceName\":\"screquest\"},"
        "{\"providerName\":\"ScepRequestValidationFEService\",\"uri\":\"https://a.manage.microsoft.com/x\"}",
        "5,null,\"ScepRequestValidationFEService\",[],{},"
        "{\"serviceName\":\"sceprequestvalidationfeservice\",\"uri\":\"https://a.manage.microsoft.com/x\"}",
    };
    for (size_t i = 0; i < COUNT(entries); i++) {
        ISCEP_AUTO_BUF body;
        got g;
        iscep_buf_init(&body, 4096);
        iscep_buf_printf(&body, "{\"value\":[%s]}", entries[i]);
        get(&g);
        if (i == 0)
            answer_token();
        fake_http_answer_call(&world.http, i + 1, 200, iscep_buf_text(&body));
        assert_found(&g, "https://a.manage.microsoft.com/x");
        iscep_discovery_drop(discovery, ISCEP_SITE_SCEP, g.generation);
    }
}

Test(discovery, without_the_service_is_a_config_error)
{
    static const char *const bodies[] = {
        "{}",
        "[]",
        "null",
        "{\"value\":[]}",
        "{\"value\":null}",
        "{\"value\":{\"providerName\":\"ScepRequestValidationFEService\",\"uri\":\"https://"
        "a.manage.microsoft.com\"}}",
        "{\"value\":[{\"providerName\":\"PkiConnectorFEService\",\"uri\":\"https://"
        "a.manage.microsoft.com\"}]}",
        "{\"value\":[{\"providerName\":\"ScepRequestValidationFEService2\",\"uri\":\"https://"
        "a.manage.microsoft.com\"}]}",
        "{\"value\":[{\"providerName\":\"ScepRequestValidationFEService\"}]}",
        "{\"value\":[{\"providerName\":\"ScepRequestValidationFEService\",\"uri\":7}]}",
        "{\"value\":[{\"providerName\":\"ScepRequestValidationFEService\",\"uri\":null}]}",
        "{\"value\":[{\"providerName\":\"ScepRequestValidationFEService\",\"uri\":\"https://"
        "a.manage.microsoft.com\","
        "\"uri\":\"https://evil.example\"}]}",
    };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        got g;
        get(&g);
        if (i == 0)
            answer_token();
        fake_http_answer_call(&world.http, i + 1, 200, bodies[i]);
        cr_assert_eq(g.count, 1);
        cr_assert_eq(g.status, ISCEP_CONFIG, "%s", bodies[i]);
        cr_assert_str_eq(g.err.code, "service_not_discovered");
        cr_assert_not(iscep_discovery_is_at_hand(discovery, ISCEP_SITE_SCEP));
    }
}

Test(discovery, never_takes_a_token_to_a_stranger)
{
    static const char *const uris[] = {
        "https://evil.example/RACerts",
        "https://manage.microsoft.com.evil.example/",
        "https://evilmanage.microsoft.com/",
        "https://microsoft.com/",
        "http://fef.manage.microsoft.com/RACerts",
        "ftp://fef.manage.microsoft.com/RACerts",
        "https://user@fef.manage.microsoft.com/",
        "https://user:pw@fef.manage.microsoft.com/",
        "https://fef.manage.microsoft.com@evil.example/",
        "https://fef.manage.microsoft.com:x@evil.example/",
        "https://evil.example/?.manage.microsoft.com",
        "https://evil.example/#.manage.microsoft.com",
        "https://evil.example\\\\.manage.microsoft.com/",
        "https://evil.example%2f.manage.microsoft.com/",
        "https://fef.manage.microsoft.com/RACerts?redirect=https://evil.example",
        "https://fef.manage.microsoft.com/RACerts#x",
        "//fef.manage.microsoft.com/",
        "fef.manage.microsoft.com",
        "",
        "https://",
    };
    for (size_t i = 0; i < COUNT(uris); i++) {
        ISCEP_AUTO_BUF body;
        got g;
        iscep_buf_init(&body, 4096);
        iscep_buf_printf(&body,
                         "{\"value\":[{\"providerName\":\"ScepRequestValidationFEService\",\"uri\":\"%s\"}]}",
                         uris[i]);
        get(&g);
        if (i == 0)
            answer_token();
        fake_http_answer_call(&world.http, i + 1, 200, iscep_buf_text(&body));
        cr_assert_eq(g.status, ISCEP_PROTOCOL, "%s", uris[i]);
        cr_assert_str_eq(g.err.code, "url_not_allowed");
        cr_assert_str_eq(g.uri, "(null)");
    }
}

Test(discovery, failures_have_their_class)
{
    static const struct {
        int32_t status;
        const char *body;
        iscep_status want;
        const char *want_code;
    } cases[] = {
        {429, "{}", ISCEP_THROTTLED, "throttled"},
        {500, "{}", ISCEP_SERVICE, "graph_service"},
        {503, "<html>", ISCEP_SERVICE, "graph_service"},
        {404, "{}", ISCEP_PROTOCOL, "graph_status"},
        {404, "{\"error\":{\"code\":\"Request_ResourceNotFound\"}}", ISCEP_CONFIG, "service_not_discovered"},
        {404, "{\"error\":{\"code\":\"Request_ResourceNotFound2\"}}", ISCEP_PROTOCOL, "graph_status"},
        {404, "{\"code\":\"Request_ResourceNotFound\"}", ISCEP_PROTOCOL, "graph_status"},
        {404, "<html>Request_ResourceNotFound", ISCEP_PROTOCOL, "graph_status"},
        {410, "{\"error\":{\"code\":\"Request_ResourceNotFound\"}}", ISCEP_PROTOCOL, "graph_status"},
        {302, "", ISCEP_PROTOCOL, "graph_status"},
        {201, WORLD_DISCOVERY_REPLY(WORLD_SERVICE_URI), ISCEP_PROTOCOL, "graph_status"},
        {200, "<html>", ISCEP_PROTOCOL, "json_malformed"},
        {200, "", ISCEP_PROTOCOL, "json_malformed"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        got g;
        get(&g);
        if (i == 0)
            answer_token();
        fake_http_answer_bytes(&world.http, i + 1, cases[i].status, 9000, iscep_bytes_of_text(cases[i].body));
        cr_assert_eq(g.status, cases[i].want, "case %zu", i);
        cr_assert_str_eq(g.err.code, cases[i].want_code);
        cr_assert_eq(g.err.http_status, cases[i].status);
        cr_assert_eq(g.err.retry_after_ms, 9000);
        cr_assert_eq(strncmp(g.err.message, "discovery: ", 11), 0);
    }
}

Test(discovery, refused_by_graph_names_the_permission)
{
    got g;
    get(&g);
    answer_token();
    fake_http_answer_call(&world.http, 1, 403, "{}");
    fake_http_answer_call(&world.http, 2, 200, WORLD_TOKEN_REPLY("another")); /* one new token is tried */
    cr_assert_str_eq(fake_http_header(&world.http, 3, "Authorization"), "Bearer another");
    fake_http_answer_call(&world.http, 3, 403, "{}");
    cr_assert_eq(g.status, ISCEP_AUTH);
    cr_assert_str_eq(g.err.code, "graph_refused");
    cr_assert_not_null(strstr(g.err.message, "Application.Read.All"));
    cr_assert_eq(world.http.count, 4);
}

Test(discovery, fails_with_the_token_it_cannot_get)
{
    got g;
    get(&g);
    fake_http_answer_call(&world.http, 0, 401,
                          "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: no\"}");
    cr_assert_eq(g.count, 1);
    cr_assert_eq(g.status, ISCEP_AUTH);
    cr_assert_str_eq(g.err.code, "AADSTS7000215");
    cr_assert_eq(strncmp(g.err.message, "discovery: token: ", 18), 0);
    cr_assert_eq(world.http.count, 1);
}

Test(discovery, drop_of_an_older_generation_is_ignored)
{
    got g;
    get(&g);
    answer_token();
    fake_http_answer_call(&world.http, 1, 200, WORLD_DISCOVERY_REPLY(WORLD_SERVICE_URI));
    uint64_t first = g.generation;
    iscep_discovery_drop(discovery, ISCEP_SITE_SCEP, first);
    cr_assert_not(iscep_discovery_is_at_hand(discovery, ISCEP_SITE_SCEP));
    get(&g);
    fake_http_answer_call(&world.http, 2, 200, WORLD_DISCOVERY_REPLY("https://b.manage.microsoft.com/y"));
    assert_found(&g, "https://b.manage.microsoft.com/y");
    iscep_discovery_drop(discovery, ISCEP_SITE_SCEP, first);
    cr_assert(iscep_discovery_is_at_hand(discovery, ISCEP_SITE_SCEP));
}

Test(discovery, without_randomness_fails_and_recovers)
{
    got g;
    world.env.is_random_broken = true;
    get(&g);
    cr_assert_eq(g.count, 1);
    cr_assert_eq(g.status, ISCEP_NOMEM);
    world.env.is_random_broken = false;
    get(&g);
    answer_token();
    fake_http_answer_call(&world.http, 1, 200, WORLD_DISCOVERY_REPLY(WORLD_SERVICE_URI));
    assert_found(&g, WORLD_SERVICE_URI);
}

Test(discovery, is_not_asked_of_a_dead_graph_by_everyone)
{
    got g;
    iscep_discovery_free(discovery);
    world.tenant.breaker = (iscep_breaker_limits){.failures = 2, .open_ms = 5000};
    cr_assert_eq(
        iscep_discovery_new(&discovery, &world.env.env, &world.http.base, tokens, &world.tenant, NULL),
        ISCEP_OK);
    for (size_t i = 0; i < 2; i++) {
        get(&g);
        if (i == 0)
            answer_token();
        fake_http_answer_call(&world.http, i + 1, 500, "");
    }
    get(&g);
    cr_assert_eq(g.count, 1);
    cr_assert_str_eq(g.err.code, "circuit_open");
    cr_assert_eq(world.http.count, 3);
    fake_env_advance(&world.env, 5000);
    get(&g);
    fake_http_answer_call(&world.http, 3, 200, WORLD_DISCOVERY_REPLY(WORLD_SERVICE_URI));
    assert_found(&g, WORLD_SERVICE_URI);
}

Test(discovery, without_a_token_is_no_failure_of_graph)
{
    got g;
    iscep_discovery_free(discovery);
    world.tenant.breaker = (iscep_breaker_limits){.failures = 1, .open_ms = 5000};
    cr_assert_eq(
        iscep_discovery_new(&discovery, &world.env.env, &world.http.base, tokens, &world.tenant, NULL),
        ISCEP_OK);
    for (size_t i = 0; i < 5; i++) {
        get(&g);
        fake_http_answer_call(&world.http, i, 503, "");
        cr_assert_str_eq(g.err.code, "token_service");
    }
    get(&g);
    fake_http_answer_call(&world.http, 5, 200, WORLD_TOKEN_REPLY(WORLD_GRAPH_TOKEN));
    fake_http_answer_call(&world.http, 6, 200, WORLD_DISCOVERY_REPLY(WORLD_SERVICE_URI));
    assert_found(&g, WORLD_SERVICE_URI);
}

Test(discovery, in_flight_is_cancelled_by_free)
{
    got g;
    get(&g);
    answer_token();
    iscep_wait_cancel(&g.wait);
    iscep_discovery_free(discovery);
    discovery = NULL;
    cr_assert(world.http.calls[1].is_cancelled);
    cr_assert_eq(g.count, 0);
}
