/* See tenant.h. */
#include "intune/tenant.h"

#include <string.h>

static bool is_https(const char *url)
{
    return strncmp(url, "https://", 8) == 0 && url[8] != '\0';
}

/* The tenant id becomes a path segment: a GUID or a domain name, nothing that could be another path. */
static bool is_segment(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
    return len > 0 && text[len] == '\0' && text[0] != '.';
}

iscep_status iscep_tenant_check(const iscep_tenant *tenant, iscep_error *err)
{
    if (tenant->tenant_id == NULL || !is_segment(tenant->tenant_id))
        return iscep_error_set(err, ISCEP_CONFIG, "tenant_id",
                               "tenant_id must be the directory (tenant) id, a GUID, or a verified domain");
    if (tenant->client_id == NULL || tenant->client_id[0] == '\0')
        return iscep_error_set(err, ISCEP_CONFIG, "client_id",
                               "client_id must be the application (client) id");
    if (tenant->client_secret == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "client_secret_file", "client_secret_file is missing");
    const struct {
        const char *name;
        const char *url;
    } urls[] = {{"authority", tenant->authority},
                {"graph", tenant->graph},
                {"graph_resource", tenant->graph_resource},
                {"intune_resource", tenant->intune_resource}};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        if (!is_https(urls[i].url))
            return iscep_error_set(err, ISCEP_CONFIG, urls[i].name, "%s must be an https URL, not \"%s\"",
                                   urls[i].name, urls[i].url);
    if (tenant->allowed_host_count == 0)
        return iscep_error_set(err, ISCEP_CONFIG, "allowed_hosts",
                               "allowed_hosts must name at least one host suffix");
    return ISCEP_OK;
}
