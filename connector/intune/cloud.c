/* See cloud.h. */
#include "intune/cloud.h"

#include <string.h>

/*
 * public: Microsoft's documentation and reference client. The others: from the national clouds' pages of Entra ID
 * and Graph ("National cloud deployments") and from other products' documents; China's resource is inferred from
 * its host names. Nobody of us has used those three with the real service.
 */
static const iscep_cloud clouds[] = {
    {"public", ISCEP_DEFAULT_AUTHORITY, ISCEP_DEFAULT_GRAPH, ISCEP_DEFAULT_INTUNE,
     ISCEP_DEFAULT_ALLOWED_HOST},
    {"gcc-high", "https://login.microsoftonline.us", "https://graph.microsoft.us",
     "https://api.manage.microsoft.us/", "manage.microsoft.us"},
    {"dod", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us",
     "https://api.manage.microsoft.us/", "manage.microsoft.us"},
    {"china", "https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn",
     "https://api.manage.microsoftonline.cn/", "manage.microsoftonline.cn"},
};

const iscep_cloud *iscep_cloud_find(const char *name)
{
    for (size_t i = 0; i < sizeof clouds / sizeof *clouds; i++)
        if (strcmp(clouds[i].name, name) == 0)
            return &clouds[i];
    return NULL;
}

const iscep_cloud *iscep_cloud_at(size_t index)
{
    return index < sizeof clouds / sizeof *clouds ? &clouds[index] : NULL;
}

const char *iscep_cloud_names(void)
{
    return "public, gcc-high, dod, china";
}

static void fill(const char **address, const char *preset)
{
    if (*address == NULL)
        *address = preset;
}

void iscep_cloud_fill(iscep_tenant *tenant, const iscep_cloud *cloud)
{
    fill(&tenant->authority, cloud->authority);
    fill(&tenant->graph, cloud->graph);
    fill(&tenant->graph_resource, cloud->graph);
    fill(&tenant->intune_resource, cloud->intune_resource);
    if (tenant->allowed_host_count == 0)
        tenant->allowed_hosts[tenant->allowed_host_count++] = cloud->allowed_host;
}
