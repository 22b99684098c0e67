/* The local API's route table: docs/LOCAL-API.md. */
#ifndef ISCEP_DAEMON_LOCAL_API_H
#define ISCEP_DAEMON_LOCAL_API_H

#include "daemon/admin_api.h"
#include "daemon/hosted_api.h"
#include "net/http_server.h"
#include "service/service.h"

/* What the handlers need; borrowed by the server they serve. */
typedef struct iscep_local_api {
    const iscep_env *env;
    iscep_intune *intune;
    iscep_service *service;
    const iscep_journal *journal; /* for /readyz; NULL: it is not looked at */
    int64_t request_timeout_ms;
    const iscep_admin_api *admin; /* NULL: those routes are not there */
    iscep_hosted_api *hosted;     /* NULL: those neither */
} iscep_local_api;

/* An iscep_http_handler; user is the iscep_local_api. */
void iscep_local_api_handle(iscep_exchange *exchange, void *user);

#endif
