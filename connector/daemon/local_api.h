/* What a SCEP server asks and reports: docs/LOCAL-API.md. Each answers the exchange, now or later. */
#ifndef ISCEP_DAEMON_LOCAL_API_H
#define ISCEP_DAEMON_LOCAL_API_H

#include "daemon/api.h"

void iscep_local_api_validate(iscep_exchange *exchange, const iscep_api *api);
void iscep_local_api_issued(iscep_exchange *exchange, const iscep_api *api);
void iscep_local_api_failed(iscep_exchange *exchange, const iscep_api *api);
/* The tenants' tokens and addresses are known, and the journal can be written. */
void iscep_local_api_readyz(iscep_exchange *exchange, const iscep_api *api);

#endif
