/* A tenant is complete and speaks https, or its first mistake is named. */
#include <criterion/criterion.h>

#include "intune/tenant.h"

static iscep_tenant good_tenant(void)
{
    iscep_tenant tenant = ISCEP_TENANT_INIT;
    tenant.tenant_id = "11111111-2222-4333-8444-555555555555";
    tenant.client_id = "66666666-7777-4888-8999-aaaaaaaaaaaa";
    tenant.client_secret = (const iscep_secret *)(const void *)"never read by the check";
    return tenant;
}

static void assert_refused(iscep_tenant tenant, const char *want_code)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_tenant_check(&tenant, &err), ISCEP_CONFIG, "%s", want_code);
    cr_assert_str_eq(err.code, want_code);
}

Test(tenant, of_the_public_cloud_is_accepted)
{
    iscep_tenant tenant = good_tenant();
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_tenant_check(&tenant, &err), ISCEP_OK, "%s", err.message);
    tenant.tenant_id = "contoso.onmicrosoft.com";
    cr_assert_eq(iscep_tenant_check(&tenant, &err), ISCEP_OK, "%s", err.message);
}

Test(tenant, id_is_one_harmless_path_segment)
{
    static const char *const wrong[] = {NULL,  "",     ".",   "..",       "a/b",  "../common", "a?b",
                                        "a#b", "a%2f", "a b", "\xC3\xBC", ".com", "a\nb",      "a\\b"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        iscep_tenant tenant = good_tenant();
        tenant.tenant_id = wrong[i];
        assert_refused(tenant, "tenant_id");
    }
}

Test(tenant, without_client_secret_or_hosts_is_refused)
{
    iscep_tenant tenant = good_tenant();
    tenant.client_id = NULL;
    assert_refused(tenant, "client_id");
    tenant.client_id = "";
    assert_refused(tenant, "client_id");
    tenant = good_tenant();
    tenant.client_secret = NULL;
    assert_refused(tenant, "client_secret_file");
    tenant = good_tenant();
    tenant.allowed_host_count = 0;
    assert_refused(tenant, "allowed_hosts");
}

Test(tenant, addresses_are_https)
{
    static const char *const wrong[] = {"", "http://x", "https:/x", "https://", "HTTPS//x", "ftp://x", "x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        iscep_tenant tenant = good_tenant();
        tenant.authority = wrong[i];
        assert_refused(tenant, "authority");
        tenant = good_tenant();
        tenant.graph = wrong[i];
        assert_refused(tenant, "graph");
        tenant = good_tenant();
        tenant.graph_resource = wrong[i];
        assert_refused(tenant, "graph_resource");
        tenant = good_tenant();
        tenant.intune_resource = wrong[i];
        assert_refused(tenant, "intune_resource");
    }
}

Test(tenant, needs_a_client_id_unless_a_managed_identity_is_its_only_credential)
{
    const iscep_credential_options machine = {.kind = ISCEP_CREDENTIAL_MANAGED_IDENTITY};
    const iscep_credential_options secret = {.kind = ISCEP_CREDENTIAL_SECRET};
    iscep_tenant tenant = good_tenant();
    iscep_error err = ISCEP_ERROR_INIT;
    tenant.client_secret = NULL;
    tenant.client_id = NULL;
    tenant.credentials[0] = &machine;
    tenant.credential_count = 1;
    cr_assert_eq(iscep_tenant_check(&tenant, &err), ISCEP_OK, "%s", err.message);
    tenant.credentials[1] = &secret;
    tenant.credential_count = 2;
    assert_refused(tenant, "client_id");
}

Test(tenant, paths_cannot_be_anything_else)
{
    static const char *const wrong[] = {NULL,  "",      "/",      "a/",  "a?b", "a#b",
                                        "a b", "a%2fb", "a\r\nb", "a@b", "a\\b"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        iscep_tenant tenant = good_tenant();
        tenant.token_path = wrong[i];
        assert_refused(tenant, "token_path");
        tenant = good_tenant();
        tenant.discovery_path = wrong[i];
        assert_refused(tenant, "discovery_path");
        tenant = good_tenant();
        tenant.scep_path = wrong[i];
        assert_refused(tenant, "scep_path");
        tenant = good_tenant();
        tenant.scep_api_version = wrong[i];
        assert_refused(tenant, "scep_api_version");
    }
}
