/* Several tenants in one mock: what each switch does, and that no tenant sees another's. */
#include <string.h>

#include <criterion/criterion.h>

#include "codes.h"
#include "fixture.h"

#define OTHER     "44444444-4444-4444-4444-444444444444"
#define PRINCIPAL "appId=0000000a-0000-0000-c000-000000000000"

static fixture f;

static void open_fixture(void)
{
    fixture_open(&f);
}

static void close_fixture(void)
{
    fixture_close(&f);
}

TestSuite(tenants, .init = open_fixture, .fini = close_fixture);

static void put(const char *tenant_id, const char *body)
{
    fixture_expect_admin(&f, mock_admin_put_tenant, tenant_id, body, 200);
}

/* Is there a role in a new token? */
static bool has_role(const char *scope)
{
    char form[512], authorization[8192];
    const mock_tenant *tenant = NULL;
    bool is_graph = strcmp(scope, FIXTURE_GRAPH_SCOPE) == 0;
    snprintf(form, sizeof(form), "%s%s", FIXTURE_CREDENTIALS, scope);
    ISCEP_AUTO_JSON *json = fixture_sign_in(&f, FIXTURE_TENANT, form, 200, 0);
    snprintf(authorization, sizeof(authorization), "Bearer %s", iscep_json_text(json, "access_token"));
    mock_token_result result = mock_token_check(
        &tenant, &f.mock, authorization, is_graph ? f.options.graph_resource : f.options.intune_resource,
        is_graph ? MOCK_ROLE_GRAPH : MOCK_ROLE_INTUNE);
    cr_assert(result == MOCK_TOKEN_OK || result == MOCK_TOKEN_NO_ROLE);
    return result == MOCK_TOKEN_OK;
}

static size_t count_services(int32_t want_status)
{
    ISCEP_AUTO_BUF bearer;
    ISCEP_AUTO_JSON *json = NULL;
    mock_reply reply;
    size_t count = 0;
    iscep_buf_init(&bearer, 8192);
    fixture_bearer(&f, &bearer, f.options.graph_resource, MOCK_ROLE_GRAPH);
    mock_request request = {.segment = PRINCIPAL, .authorization = iscep_buf_text(&bearer)};
    fixture_call(&f, mock_handle_discovery, &request, &reply);
    cr_assert_eq(reply.status, want_status);
    cr_assert_eq(iscep_json_parse(&json, iscep_buf_bytes(&reply.body), NULL), ISCEP_OK);
    for (const iscep_json *e = iscep_json_first(iscep_json_member(json, "value")); e != NULL;
         e = iscep_json_next(e))
        count += strcmp(iscep_json_text(e, "providerName"), "ScepRequestValidationFEService") == 0 ||
                 strcmp(iscep_json_text(e, "providerName"), "PkiConnectorFEService") == 0;
    mock_reply_clear(&reply);
    return count;
}

Test(tenants, a_put_is_what_the_tenant_is_and_what_is_absent_is_healthy)
{
    put(FIXTURE_TENANT, "{\"graphRole\":false,\"licence\":false}");
    ISCEP_AUTO_JSON *json = fixture_admin(&f, mock_admin_get_tenant, FIXTURE_TENANT, "", 200);
    cr_assert_str_eq(iscep_json_text(json, "clientId"), FIXTURE_CLIENT);
    cr_assert_not(iscep_json_is_true(json, "graphRole"));
    cr_assert(iscep_json_is_true(json, "intuneRole"));
    cr_assert_not(iscep_json_is_true(json, "conditionalAccessBlocks"));
    put(FIXTURE_TENANT, "{}");
    cr_assert(has_role(FIXTURE_GRAPH_SCOPE));
    cr_assert_eq(count_services(200), 2);
}

Test(tenants, consent_is_by_role)
{
    put(FIXTURE_TENANT, "{\"graphRole\":false}");
    cr_assert_not(has_role(FIXTURE_GRAPH_SCOPE));
    cr_assert(has_role(FIXTURE_INTUNE_SCOPE));
    put(FIXTURE_TENANT, "{\"intuneRole\":false}");
    cr_assert(has_role(FIXTURE_GRAPH_SCOPE));
    cr_assert_not(has_role(FIXTURE_INTUNE_SCOPE));
}

Test(tenants, without_a_licence_discovery_does_not_name_the_services)
{
    put(FIXTURE_TENANT, "{\"licence\":false}");
    cr_assert_eq(count_services(200), 0);
}

Test(tenants, each_misfortune_has_its_number)
{
    const struct {
        const char *body, *scope;
        int32_t status;
        int64_t aadsts;
    } rows[] = {
        {"{\"applicationEnabled\":false}", FIXTURE_GRAPH_SCOPE, 400, 7000112},
        {"{\"intunePrincipal\":false}", FIXTURE_INTUNE_SCOPE, 400, 500011},
        {"{\"intunePrincipal\":false}", FIXTURE_GRAPH_SCOPE, 200, 0},
        {"{\"conditionalAccessBlocks\":true}", FIXTURE_GRAPH_SCOPE, 400, 53003},
        {"{\"clientId\":\"another\"}", FIXTURE_GRAPH_SCOPE, 400, 700016},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char form[512];
        snprintf(form, sizeof(form), "%s%s", FIXTURE_CREDENTIALS, rows[i].scope);
        put(FIXTURE_TENANT, rows[i].body);
        fixture_expect_sign_in(&f, FIXTURE_TENANT, form, rows[i].status, rows[i].aadsts);
    }
}

/* Nobody learns without a right secret what is wrong in the tenant. */
Test(tenants, the_secret_is_looked_at_first)
{
    put(FIXTURE_TENANT, "{\"applicationEnabled\":false,\"conditionalAccessBlocks\":true}");
    fixture_expect_sign_in(&f, FIXTURE_TENANT, FIXTURE_WHO "&client_secret=x" FIXTURE_GRAPH_SCOPE, 401,
                           7000215);
}

Test(tenants, what_makes_no_sense_is_refused)
{
    char long_id[MOCK_NAME_SIZE + 1];
    memset(long_id, 'a', sizeof(long_id) - 1);
    long_id[sizeof(long_id) - 1] = '\0';
    fixture_expect_admin(&f, mock_admin_put_tenant, OTHER, "{\"graphRole\":1}", 400);
    fixture_expect_admin(&f, mock_admin_put_tenant, OTHER, "{\"licensed\":true}", 400);
    fixture_expect_admin(&f, mock_admin_put_tenant, OTHER, "{\"clientId\":\"\"}", 400);
    fixture_expect_admin(&f, mock_admin_put_tenant, long_id, "{}", 400);
    fixture_expect_admin(&f, mock_admin_get_tenant, OTHER, "", 404);
    fixture_expect_admin(&f, mock_admin_remove_tenant, OTHER, "", 404);
    fixture_expect_admin(&f, mock_admin_remove_tenant, FIXTURE_TENANT, "", 409);
    cr_assert_eq(f.mock.tenants.count, 1);
}

Test(tenants, have_a_maximum)
{
    for (int i = 1; i < MOCK_TENANTS_MAX; i++) {
        char id[16];
        snprintf(id, sizeof(id), "t%d", i);
        put(id, "{}");
    }
    fixture_expect_admin(&f, mock_admin_put_tenant, "one-more", "{}", 409);
    put(FIXTURE_TENANT, "{}"); /* it is there already */
}

Test(tenants, a_token_dies_with_its_tenant)
{
    ISCEP_AUTO_BUF bearer;
    const mock_tenant *tenant = NULL;
    iscep_buf_init(&bearer, 8192);
    put(OTHER, "{}");
    fixture_bearer_of(&f, &bearer, OTHER, f.options.intune_resource, MOCK_ROLE_INTUNE);
    const char *authorization = iscep_buf_text(&bearer);
    cr_assert_eq(
        mock_token_check(&tenant, &f.mock, authorization, f.options.intune_resource, MOCK_ROLE_INTUNE),
        MOCK_TOKEN_OK);
    cr_assert_str_eq(tenant->id, OTHER);
    fixture_expect_admin(&f, mock_admin_remove_tenant, OTHER, "", 200);
    cr_assert_eq(
        mock_token_check(&tenant, &f.mock, authorization, f.options.intune_resource, MOCK_ROLE_INTUNE),
        MOCK_TOKEN_INVALID);
}

Test(tenants, a_challenge_is_for_one_tenant)
{
    ISCEP_AUTO_BUF challenge, csr, body;
    iscep_buf *bufs[] = {&challenge, &csr, &body};
    for (size_t i = 0; i < 3; i++)
        iscep_buf_init(bufs[i], 131072);
    put(OTHER, "{}");
    fixture_mint(&f, &challenge, "{\"subject\":\"CN=d\",\"tenantId\":\"" OTHER "\"}");
    fixture_make_csr(&csr, &(csr_spec){.subject = "CN=d", .challenge = iscep_buf_text(&challenge)});
    fixture_validate_body(&body, "T", iscep_buf_text(&csr));
    fixture_expect(&f, mock_handle_validate, iscep_buf_text(&body), 200, MOCK_BAD_TENANT);
    ISCEP_AUTO_JSON *json =
        fixture_intune(&f, mock_handle_validate, OTHER, "2018-02-20", iscep_buf_text(&body), 200);
    cr_assert_str_eq(iscep_json_text(json, "code"), MOCK_SUCCESS);
    cr_assert(mock_transaction_has_success(mock_record_find(f.mock.record, OTHER, "T")));
    cr_assert_not(mock_transaction_has_success(mock_record_find(f.mock.record, FIXTURE_TENANT, "T")));
}

Test(tenants, a_notification_reaches_only_its_own_tenant)
{
    ISCEP_AUTO_BUF challenge, csr, body, note;
    iscep_buf *bufs[] = {&challenge, &csr, &body, &note};
    for (size_t i = 0; i < 4; i++)
        iscep_buf_init(bufs[i], 131072);
    put(OTHER, "{}");
    fixture_mint(&f, &challenge, "{\"subject\":\"CN=d\"}");
    fixture_make_csr(&csr, &(csr_spec){.subject = "CN=d", .challenge = iscep_buf_text(&challenge)});
    fixture_validate_body(&body, "T", iscep_buf_text(&csr));
    fixture_expect(&f, mock_handle_validate, iscep_buf_text(&body), 200, MOCK_SUCCESS);
    iscep_buf_printf(&note,
                     "{\"notification\":{\"transactionId\":\"T\",\"hResult\":1,\"errorDescription\":\"x\","
                     "\"callerInfo\":\"t\",\"certificateRequest\":\"%s\"}}",
                     iscep_buf_text(&csr));
    ISCEP_AUTO_JSON *json =
        fixture_intune(&f, mock_handle_failure, OTHER, "2018-02-20", iscep_buf_text(&note), 200);
    cr_assert_str_eq(iscep_json_text(json, "code"), MOCK_UNKNOWN);
    fixture_expect(&f, mock_handle_failure, iscep_buf_text(&note), 200, MOCK_SUCCESS);
}

Test(tenants, a_reset_brings_back_those_of_the_command_line)
{
    put(OTHER, "{}");
    put(FIXTURE_TENANT, "{\"graphRole\":false}");
    fixture_expect_admin(&f, mock_admin_reset, "", "", 200);
    cr_assert_eq(f.mock.tenants.count, 1);
    cr_assert(f.mock.tenants.items[0].has_graph_role);
}
