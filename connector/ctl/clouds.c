/* See clouds.h. */
#include "ctl/clouds.h"

#include <string.h>
#include <strings.h>

#include "intune/cloud.h"

typedef struct host {
    const char *name;
    size_t len;
} host;

static host host_of(const char *address)
{
    const char *scheme_end = strstr(address, "://");
    const char *name = scheme_end != NULL ? scheme_end + 3 : address;
    return (host){name, strcspn(name, ":/?#")};
}

/* The same host, or one below it: whole labels, without case. */
static bool is_under(host below, host above)
{
    size_t behind = below.len - above.len;
    if (below.len < above.len || strncasecmp(below.name + behind, above.name, above.len) != 0)
        return false;
    return behind == 0 || below.name[behind - 1] == '.';
}

static bool has(const iscep_cloud *cloud, const char *address)
{
    const char *const own[] = {cloud->authority, cloud->graph, cloud->intune_resource, cloud->allowed_host};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (is_under(host_of(address), host_of(own[i])))
            return true;
    return false;
}

const char *ctl_cloud_of(const char *address)
{
    for (size_t i = 0; iscep_cloud_at(i) != NULL; i++)
        if (has(iscep_cloud_at(i), address))
            return iscep_cloud_at(i)->name;
    return NULL;
}

static bool has_all(const iscep_cloud *cloud, const char *const *addresses, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ctl_cloud_of(addresses[i]) != NULL && !has(cloud, addresses[i]))
            return false;
    return true;
}

bool ctl_is_one_cloud(const char *const *addresses, size_t count)
{
    for (size_t i = 0; iscep_cloud_at(i) != NULL; i++)
        if (has_all(iscep_cloud_at(i), addresses, count))
            return true;
    return false;
}

bool ctl_signs_for_microsoft(const char *issuer)
{
    static const char *const organisations[] = {"DigiCert Inc", "DigiCert, Inc.", "\"DigiCert, Inc.\"",
                                                "Microsoft Corporation"};
    const char *at = strstr(issuer, "O = ");
    if (at == NULL)
        return false;
    at += strlen("O = ");
    for (size_t i = 0; i < sizeof organisations / sizeof *organisations; i++) {
        size_t len = strlen(organisations[i]);
        if (strncmp(at, organisations[i], len) == 0 &&
            (at[len] == '\0' || at[len] == ',' || at[len] == ';')) /* the whole name */
            return true;
    }
    return false;
}
