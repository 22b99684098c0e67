/* A cloud's preset fills what was not configured, and nothing else. */
#include <criterion/criterion.h>
#include <string.h>

#include "intune/cloud.h"

static iscep_tenant tenant_in(const char *cloud)
{
    iscep_tenant tenant = ISCEP_TENANT_INIT_ANY_CLOUD;
    cr_assert_not_null(iscep_cloud_find(cloud), "%s", cloud);
    iscep_cloud_fill(&tenant, iscep_cloud_find(cloud));
    return tenant;
}

Test(cloud, has_these_addresses)
{
    static const struct {
        const char *name, *authority, *graph, *resource, *host;
    } want[] = {
        {"public", "https://login.microsoftonline.com", "https://graph.microsoft.com",
         "https://api.manage.microsoft.com/", "manage.microsoft.com"},
        {"gcc-high", "https://login.microsoftonline.us", "https://graph.microsoft.us",
         "https://api.manage.microsoft.us/", "manage.microsoft.us"},
        {"dod", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us",
         "https://api.manage.microsoft.us/", "manage.microsoft.us"},
        {"china", "https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn",
         "https://api.manage.microsoftonline.cn/", "manage.microsoftonline.cn"},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        iscep_tenant tenant = tenant_in(want[i].name);
        cr_assert_str_eq(tenant.authority, want[i].authority);
        cr_assert_str_eq(tenant.graph, want[i].graph);
        cr_assert_str_eq(tenant.graph_resource, want[i].graph);
        cr_assert_str_eq(tenant.intune_resource, want[i].resource);
        cr_assert_eq(tenant.allowed_host_count, 1);
        cr_assert_str_eq(tenant.allowed_hosts[0], want[i].host);
        cr_assert_not_null(strstr(iscep_cloud_names(), want[i].name));
    }
}

Test(cloud, of_the_public_preset_is_what_a_tenant_has_anyway)
{
    const iscep_tenant filled = tenant_in("public"), plain = ISCEP_TENANT_INIT;
    cr_assert_str_eq(filled.authority, plain.authority);
    cr_assert_str_eq(filled.graph, plain.graph);
    cr_assert_str_eq(filled.intune_resource, plain.intune_resource);
    cr_assert_str_eq(filled.allowed_hosts[0], plain.allowed_hosts[0]);
}

Test(cloud, does_not_touch_what_was_configured)
{
    iscep_tenant tenant = ISCEP_TENANT_INIT_ANY_CLOUD;
    tenant.graph = "https://graph.example";
    tenant.intune_resource = "https://intune.example/";
    tenant.allowed_hosts[tenant.allowed_host_count++] = "example";
    iscep_cloud_fill(&tenant, iscep_cloud_find("dod"));
    cr_assert_str_eq(tenant.graph, "https://graph.example");
    cr_assert_str_eq(tenant.intune_resource, "https://intune.example/");
    cr_assert_str_eq(tenant.allowed_hosts[0], "example");
    cr_assert_eq(tenant.allowed_host_count, 1);
    cr_assert_str_eq(tenant.authority, "https://login.microsoftonline.us");
}

Test(cloud, that_nobody_knows_is_not_found)
{
    static const char *const unknown[] = {"", "Public", "gcc", "gcc-high ", "usgov", "germany"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        cr_assert_null(iscep_cloud_find(unknown[i]), "%s", unknown[i]);
}
