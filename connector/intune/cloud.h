/* Microsoft's clouds: where each has Entra ID, Graph and Intune. One table; docs/CREDENTIALS.md shows it. */
#ifndef ISCEP_INTUNE_CLOUD_H
#define ISCEP_INTUNE_CLOUD_H

#include "intune/tenant.h"

typedef struct iscep_cloud {
    const char *name;
    const char *authority;
    const char *graph; /* also what a token for Graph is for */
    const char *intune_resource;
    const char *allowed_host;
} iscep_cloud;

/* NULL: no such cloud. iscep_cloud_names lists them, by commas. */
const iscep_cloud *iscep_cloud_find(const char *name);
const char *iscep_cloud_names(void);
/* One after the other, from 0; NULL behind the last. */
const iscep_cloud *iscep_cloud_at(size_t index);

/* Every address that the tenant does not have yet. */
void iscep_cloud_fill(iscep_tenant *tenant, const iscep_cloud *cloud);

#endif
