/*
 * What the local API answers to a person, by intune-scepctl: docs/LOCAL-API.md, "For the operator". Whoever may open the
 * socket may look; what changes something needs root, the daemon's own user, or one of admin_uids.
 */
#ifndef ISCEP_DAEMON_ADMIN_API_H
#define ISCEP_DAEMON_ADMIN_API_H

#include "net/http_server.h"
#include "service/revoker.h"
#include "service/service.h"

/* What the handlers need. Everything is borrowed, and must outlive the server. */
typedef struct iscep_admin_api {
    const iscep_env *env;
    iscep_journal *journal;
    iscep_service *service; /* NULL: it has ended, and the journal still calls back */
    iscep_revoker *revoker; /* NULL: nothing is revoked, or the same */
    const uint32_t *admin_uids;
    size_t admin_uid_count;
} iscep_admin_api;

/* True: the request was for one of its routes, and is (or will be) answered. is_known_path: it has the path at least. */
bool iscep_admin_api_handle(iscep_exchange *exchange, const iscep_admin_api *api, bool *is_known_path);

#endif
