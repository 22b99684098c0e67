/*
 * What the local API answers to a person, by intune-scepctl: docs/LOCAL-API.md, "For the operator". Whoever may open the
 * socket may look; what changes something needs root, the daemon's own user, or one of admin_uids.
 */
#ifndef ISCEP_DAEMON_ADMIN_API_H
#define ISCEP_DAEMON_ADMIN_API_H

#include "daemon/heartbeat.h"
#include "net/http_server.h"
#include "service/revoker.h"
#include "service/service.h"

/* A tenant as the operator's requests concern it. */
typedef struct iscep_admin_tenant {
    const char *name;
    iscep_service *service;
    iscep_revoker *revoker;
} iscep_admin_tenant;

/*
 * What the handlers need. Everything is borrowed. The struct outlives the server and the journal, which calls back; the tenants are
 * those of the configuration in force, and change with it.
 */
typedef struct iscep_admin_api {
    const iscep_env *env;
    iscep_journal *journal;
    iscep_heartbeat *heartbeat; /* NULL: it has ended, or there is none */
    const iscep_admin_tenant *tenants;
    size_t tenant_count; /* 0: they have ended, and the journal still calls back */
    /* Which tenant is the listener tied to that this came through? NULL: none; as a function: there is no such listener. */
    const char *(*door_tenant)(const iscep_exchange *exchange, void *user);
    void *door_user;
    const uint32_t *admin_uids;
    size_t admin_uid_count;
} iscep_admin_api;

/* True: the request was for one of its routes, and is (or will be) answered. is_known_path: it has the path at least. */
bool iscep_admin_api_handle(iscep_exchange *exchange, const iscep_admin_api *api, bool *is_known_path);
/* Is the path one of its routes? */
bool iscep_admin_api_has(const char *path);
/* May he who asks change something? False: he was answered, logged and put on record. uid: who it is. */
bool iscep_admin_api_admit(iscep_exchange *exchange, const iscep_admin_api *api, const char *action,
                           int64_t *uid);

#endif
