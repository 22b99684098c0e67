/* The token endpoint, and discovery with what it hands out. */
#include "fixture.h"

#include <string.h>

#include <criterion/criterion.h>

#include "base/jose.h"
#include "codes.h"

static fixture f;

static void open_fixture(void)
{
    fixture_open(&f);
}

static void close_fixture(void)
{
    fixture_close(&f);
}

TestSuite(entra, .init = open_fixture, .fini = close_fixture);

#define FORM         FIXTURE_FORM
#define CREDENTIALS  FIXTURE_CREDENTIALS
#define GRAPH_SCOPE  FIXTURE_GRAPH_SCOPE
#define INTUNE_SCOPE FIXTURE_INTUNE_SCOPE

static iscep_json *ask(const char *tenant, const char *content_type, const char *form, int32_t *status)
{
    mock_reply reply;
    iscep_json *json = NULL;
    mock_request request = {
        .segment = tenant, .content_type = content_type, .body = iscep_bytes_of_text(form)};
    fixture_call(&f, mock_handle_token, &request, &reply);
    cr_assert_eq(iscep_json_parse(&json, iscep_buf_bytes(&reply.body), NULL), ISCEP_OK);
    *status = reply.status;
    mock_reply_clear(&reply);
    return json;
}

static void expect_token(const char *form, const char *audience, const char *role)
{
    int32_t status = 0;
    ISCEP_AUTO_JSON *json = ask(FIXTURE_TENANT, FORM, form, &status);
    ISCEP_AUTO_JSON *claims = NULL;
    int64_t expires = 0, lifetime = 0;
    cr_assert_eq(status, 200);
    cr_assert_str_eq(iscep_json_text(json, "token_type"), "Bearer");
    cr_assert(iscep_json_int(json, "expires_in", &lifetime) && lifetime == 3599);
    iscep_bytes token = iscep_bytes_of_text(iscep_json_text(json, "access_token"));
    cr_assert_eq(iscep_jwt_verify(&claims, token, ISCEP_JWT_RS256, f.mock.pki.token_key, NULL), ISCEP_OK);
    cr_assert_str_eq(iscep_json_text(claims, "aud"), audience);
    cr_assert_str_eq(iscep_json_text(claims, "tid"), FIXTURE_TENANT);
    cr_assert_str_eq(iscep_json_text(claims, "appid"), FIXTURE_CLIENT);
    cr_assert_str_eq(iscep_json_as_text(iscep_json_first(iscep_json_member(claims, "roles"))), role);
    cr_assert(iscep_json_int(claims, "exp", &expires) && expires == FIXTURE_NOW_MS / 1000 + 3599);
}

Test(entra, hands_out_a_token_for_each_resource)
{
    expect_token(CREDENTIALS GRAPH_SCOPE, "https://graph.microsoft.com", "Application.Read.All");
    expect_token(CREDENTIALS INTUNE_SCOPE, "https://api.manage.microsoft.com/", "scep_challenge_provider");
}

Test(entra, refuses_in_the_words_of_the_original)
{
    const char *wrong_tenant = "33333333-1111-1111-1111-111111111111";
    const struct {
        const char *tenant, *content_type, *form;
        int32_t status;
        const char *error, *description;
    } rows[] = {
        {FIXTURE_TENANT, FORM, "", 400, "invalid_request", "AADSTS900144: "},
        {FIXTURE_TENANT, "application/json", CREDENTIALS GRAPH_SCOPE, 400, "invalid_request",
         "AADSTS900144: "},
        {FIXTURE_TENANT, NULL, CREDENTIALS GRAPH_SCOPE, 400, "invalid_request", "AADSTS900144: "},
        {FIXTURE_TENANT, FORM, CREDENTIALS, 400, "invalid_request", "AADSTS900144: "},
        {FIXTURE_TENANT, FORM, CREDENTIALS GRAPH_SCOPE INTUNE_SCOPE, 400, "invalid_request",
         "AADSTS900144: "},
        {wrong_tenant, FORM, CREDENTIALS GRAPH_SCOPE, 400, "invalid_request", "AADSTS90002: "},
        {FIXTURE_TENANT, FORM, "grant_type=password&client_id=a&client_secret=b&scope=c", 400,
         "unsupported_grant_type", "AADSTS70003: "},
        {FIXTURE_TENANT, FORM,
         "grant_type=client_credentials&client_id=a&client_secret=" FIXTURE_SECRET GRAPH_SCOPE, 400,
         "unauthorized_client", "AADSTS700016: "},
        {FIXTURE_TENANT, FORM, "grant_type=client_credentials&client_id=" FIXTURE_CLIENT GRAPH_SCOPE, 401,
         "invalid_client", "AADSTS7000218: "},
        {FIXTURE_TENANT, FORM,
         "grant_type=client_credentials&client_id=" FIXTURE_CLIENT "&client_secret=the~secre" GRAPH_SCOPE,
         401, "invalid_client", "AADSTS7000215: Invalid client secret provided."},
        {FIXTURE_TENANT, FORM,
         "grant_type=client_credentials&client_id=" FIXTURE_CLIENT "&client_secret=the~secret%00" GRAPH_SCOPE,
         401, "invalid_client", "AADSTS7000218: "},
        {FIXTURE_TENANT, FORM, CREDENTIALS "&client_assertion=a.b.c" GRAPH_SCOPE, 400, "invalid_request",
         "AADSTS9002313: "},
        {FIXTURE_TENANT, FORM, FIXTURE_WHO "&client_assertion=a.b.c" GRAPH_SCOPE, 400, "invalid_request",
         "AADSTS900144: "},
        {FIXTURE_TENANT, FORM, FIXTURE_WHO "&client_assertion_type=jwt&client_assertion=a.b.c" GRAPH_SCOPE,
         400, "invalid_request", "AADSTS9002313: "},
        {FIXTURE_TENANT, FORM, CREDENTIALS "&scope=https://api.manage.microsoft.com/.default", 400,
         "invalid_scope", "AADSTS70011: "},
        {FIXTURE_TENANT, FORM, CREDENTIALS "&scope=https://graph.microsoft.com/User.Read", 400,
         "invalid_scope", "AADSTS70011: "},
        {FIXTURE_TENANT, FORM, CREDENTIALS "&scope=https://graph.microsoft.com/.default openid", 400,
         "invalid_scope", "AADSTS70011: "},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int32_t status = 0;
        ISCEP_AUTO_JSON *json = ask(rows[i].tenant, rows[i].content_type, rows[i].form, &status);
        const char *description = iscep_json_text(json, "error_description");
        cr_assert_eq(status, rows[i].status, "row %zu: %d %s", i, status, description);
        cr_assert_str_eq(iscep_json_text(json, "error"), rows[i].error, "row %zu", i);
        cr_assert_eq(strncmp(description, rows[i].description, strlen(rows[i].description)), 0, "%s",
                     description);
        cr_assert(iscep_json_is_array(iscep_json_member(json, "error_codes")));
        cr_assert_not_null(iscep_json_text(json, "trace_id"));
        cr_assert_null(iscep_json_text(json, "access_token"));
    }
}

static int32_t discover(const char *authorization, const char *principal, iscep_json **json)
{
    mock_reply reply;
    mock_request request = {.segment = principal, .authorization = authorization};
    fixture_call(&f, mock_handle_discovery, &request, &reply);
    cr_assert_eq(iscep_json_parse(json, iscep_buf_bytes(&reply.body), NULL), ISCEP_OK);
    int32_t status = reply.status;
    mock_reply_clear(&reply);
    return status;
}

#define PRINCIPAL "appId=0000000a-0000-0000-c000-000000000000"

Test(entra, discovery_names_both_services_among_others)
{
    ISCEP_AUTO_BUF bearer;
    ISCEP_AUTO_JSON *json = NULL;
    const char *scep = NULL, *pki = NULL;
    size_t count = 0;
    iscep_buf_init(&bearer, 8192);
    fixture_bearer(&f, &bearer, f.options.graph_resource, MOCK_ROLE_GRAPH);
    cr_assert_eq(discover(iscep_buf_text(&bearer), PRINCIPAL, &json), 200);
    for (const iscep_json *e = iscep_json_first(iscep_json_member(json, "value")); e != NULL;
         e = iscep_json_next(e)) {
        count++;
        if (strcmp(iscep_json_text(e, "providerName"), "ScepRequestValidationFEService") == 0)
            scep = iscep_json_text(e, "uri");
        if (strcmp(iscep_json_text(e, "providerName"), "PkiConnectorFEService") == 0)
            pki = iscep_json_text(e, "uri");
    }
    cr_assert_eq(count, 4);
    cr_assert_str_eq(scep, "https://mock.example/RACerts/StatelessScepRequestValidationService");
    cr_assert_str_eq(pki, "https://mock.example/StatelessPkiConnectorService");
}

Test(entra, discovery_refuses_who_has_no_right)
{
    const struct {
        const char *resource, *role, *principal, *code;
        int32_t status;
    } rows[] = {
        {f.options.intune_resource, MOCK_ROLE_GRAPH, PRINCIPAL, "InvalidAuthenticationToken", 401},
        {f.options.graph_resource, NULL, PRINCIPAL, "Authorization_RequestDenied", 403},
        {f.options.graph_resource, MOCK_ROLE_INTUNE, PRINCIPAL, "Authorization_RequestDenied", 403},
        {f.options.graph_resource, MOCK_ROLE_GRAPH, "appId=other", "Request_ResourceNotFound", 404},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ISCEP_AUTO_BUF bearer;
        ISCEP_AUTO_JSON *json = NULL;
        iscep_buf_init(&bearer, 8192);
        fixture_bearer(&f, &bearer, rows[i].resource, rows[i].role);
        cr_assert_eq(discover(iscep_buf_text(&bearer), rows[i].principal, &json), rows[i].status, "row %zu",
                     i);
        cr_assert_str_eq(iscep_json_text(iscep_json_member(json, "error"), "code"), rows[i].code, "row %zu",
                         i);
    }
}

/* Admin consent that comes late: the old token stays as it is, only a new one has the role. */
Test(entra, a_role_is_granted_to_new_tokens_only)
{
    ISCEP_AUTO_JSON *claims = NULL, *json = NULL;
    int32_t status = 0;
    iscep_json_free(fixture_admin(&f, mock_admin_put_tenant, FIXTURE_TENANT, "{\"intuneRole\":false}", 200));
    json = ask(FIXTURE_TENANT, FORM, CREDENTIALS INTUNE_SCOPE, &status);
    iscep_bytes token = iscep_bytes_of_text(iscep_json_text(json, "access_token"));
    cr_assert_eq(iscep_jwt_verify(&claims, token, ISCEP_JWT_RS256, f.mock.pki.token_key, NULL), ISCEP_OK);
    cr_assert_null(iscep_json_member(claims, "roles"));
    expect_token(CREDENTIALS GRAPH_SCOPE, "https://graph.microsoft.com", "Application.Read.All");
}
