/* One tenant in the status document: docs/LOCAL-API.md, "tenants". */
#ifndef ISCEP_DAEMON_STATUS_TENANT_H
#define ISCEP_DAEMON_STATUS_TENANT_H

#include "daemon/status_api.h"

/* Fills an empty object. totals NULL: the journal has not answered. */
void iscep_status_tenant_describe(iscep_json *object, const iscep_status_sources *sources,
                                  const iscep_status_tenant *tenant, const iscep_status_totals *totals);

#endif
