/* Managed identity: who may ask the metadata service, and what it answers. */
#include <string.h>

#include <criterion/criterion.h>

#include "fixture.h"

#define VERSION  "api-version=2018-02-01"
#define RESOURCE "&resource=https%3A%2F%2Fapi.manage.microsoft.com%2F"
#define GRAPH    "&resource=https%3A%2F%2Fgraph.microsoft.com"

static fixture f;

static void open_fixture(void)
{
    fixture_open(&f);
    fixture_expect_admin(&f, mock_admin_add_credential, "", "{\"kind\":\"managedIdentity\"}", 200);
}

static void close_fixture(void)
{
    fixture_close(&f);
}

TestSuite(imds, .init = open_fixture, .fini = close_fixture);

static iscep_json *ask(const char *metadata, const char *forwarded_for, const char *query, int32_t status)
{
    mock_reply reply;
    iscep_json *json = NULL;
    mock_request request = {.segment = "",
                            .query = iscep_bytes_of_text(query),
                            .metadata = metadata,
                            .forwarded_for = forwarded_for};
    fixture_call(&f, mock_handle_imds, &request, &reply);
    cr_assert_eq(reply.status, status, "%d: %s", reply.status, iscep_buf_text(&reply.body));
    cr_assert_eq(iscep_json_parse(&json, iscep_buf_bytes(&reply.body), NULL), ISCEP_OK);
    mock_reply_clear(&reply);
    return json;
}

static void expect_refused(const char *metadata, const char *forwarded_for, const char *query,
                           const char *error, const char *description)
{
    ISCEP_AUTO_JSON *json = ask(metadata, forwarded_for, query, 400);
    cr_assert_str_eq(iscep_json_text(json, "error"), error);
    const char *found = iscep_json_text(json, "error_description");
    cr_assert_eq(strncmp(found, description, strlen(description)), 0, "%s", found);
    cr_assert_null(iscep_json_text(json, "access_token"));
}

Test(imds, hands_out_a_token_with_all_numbers_as_text)
{
    const mock_tenant *tenant = NULL;
    char authorization[8192];
    ISCEP_AUTO_JSON *json = ask("true", NULL, VERSION RESOURCE, 200);
    cr_assert_str_eq(iscep_json_text(json, "token_type"), "Bearer");
    cr_assert_str_eq(iscep_json_text(json, "expires_in"), "3599");
    cr_assert_str_eq(iscep_json_text(json, "expires_on"), "1795335599");
    cr_assert_str_eq(iscep_json_text(json, "not_before"), "1795332000");
    cr_assert_str_eq(iscep_json_text(json, "resource"), "https://api.manage.microsoft.com/");
    cr_assert_str_eq(iscep_json_text(json, "client_id"), FIXTURE_CLIENT);
    snprintf(authorization, sizeof(authorization), "Bearer %s", iscep_json_text(json, "access_token"));
    cr_assert_eq(
        mock_token_check(&tenant, &f.mock, authorization, f.options.intune_resource, MOCK_ROLE_INTUNE),
        MOCK_TOKEN_OK);
    iscep_json_free(ask("True", NULL, VERSION GRAPH "&client_id=" FIXTURE_CLIENT, 200));
}

Test(imds, refuses_who_does_not_ask_as_it_wants)
{
    const char *metadata = "Required metadata header not specified";
    expect_refused(NULL, NULL, VERSION RESOURCE, "invalid_request", metadata);
    expect_refused("false", NULL, VERSION RESOURCE, "invalid_request", metadata);
    expect_refused("true", "10.0.0.1", VERSION RESOURCE, "invalid_request", "Bad request. The header X-Forw");
    expect_refused("true", NULL, RESOURCE, "invalid_request", "Bad request. api-version");
    expect_refused("true", NULL, "api-version=2017-01-01" RESOURCE, "invalid_request",
                   "Bad request. api-version");
    expect_refused("true", NULL, VERSION, "invalid_request", "Required query variable 'resource' is missing");
    expect_refused("true", NULL, VERSION RESOURCE "&client_id=another", "invalid_request",
                   "Identity not found");
    expect_refused("true", NULL, VERSION "&resource=https%3A%2F%2Fapi.manage.microsoft.com",
                   "invalid_resource", "AADSTS500011: ");
}

Test(imds, several_identities_must_be_told_apart)
{
    fixture_expect_admin(&f, mock_admin_put_tenant, "fabrikam", "{\"clientId\":\"another\"}", 200);
    fixture_expect_admin(&f, mock_admin_add_credential, "",
                         "{\"kind\":\"managedIdentity\",\"clientId\":\"another\",\"tenantId\":\"fabrikam\"}",
                         200);
    expect_refused("true", NULL, VERSION RESOURCE, "invalid_request",
                   "Multiple user assigned identities exist");
    ISCEP_AUTO_JSON *json = ask("true", NULL, VERSION RESOURCE "&client_id=another", 200);
    cr_assert_str_eq(iscep_json_text(json, "client_id"), "another");
}

Test(imds, the_tenant_decides_as_for_everybody)
{
    fixture_expect_admin(&f, mock_admin_put_tenant, FIXTURE_TENANT, "{\"conditionalAccessBlocks\":true}",
                         200);
    expect_refused("true", NULL, VERSION RESOURCE, "invalid_grant", "AADSTS53003: ");
}

Test(imds, a_machine_without_identity_gets_nothing)
{
    fixture_expect_admin(&f, mock_admin_reset, "", "", 200);
    expect_refused("true", NULL, VERSION RESOURCE, "invalid_request", "Identity not found");
}
