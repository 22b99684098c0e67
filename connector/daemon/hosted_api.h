/*
 * Revocations for a SCEP server's own CA: its plugin asks for work, and says what became of it. docs/LOCAL-API.md,
 * "Revocations for a SCEP server's own CA"; ca/hosted.h.
 */
#ifndef ISCEP_DAEMON_HOSTED_API_H
#define ISCEP_DAEMON_HOSTED_API_H

#include <sys/queue.h>

#include "net/http_server.h"
#include "service/routing.h"

/* Zero but for env and routing, which are borrowed. Must outlive the server, and the CAs. */
typedef struct iscep_hosted_api {
    const iscep_env *env;
    const iscep_routing *routing; /* of the configuration in force */
    /* The index-th of the configurations before, whose results may still come; NULL: there are no more. NULL: there are none. */
    const iscep_routing *(*retired)(void *user, size_t index);
    void *retired_user;
    const uint32_t *plugin_uids; /* borrowed: who is given work and believed, beside root and our own user */
    size_t plugin_uid_count;     /* 0: whoever may open the socket */
    /* A server has come for work where none was: what was left for others may be carried out here. */
    void (*on_attended)(void *user);
    void *attended_user;
    LIST_HEAD(, iscep_hosted_asker) askers; /* who waits for work */
    bool is_stopping;
} iscep_hosted_api;

/* As iscep_admin_api_handle. */
bool iscep_hosted_api_handle(iscep_exchange *exchange, iscep_hosted_api *api, bool *is_known_path);
bool iscep_hosted_api_has(const char *path);
/* Whoever waits for work is told that there is none, and asks again: of other CAs, perhaps. */
void iscep_hosted_api_release(iscep_hosted_api *api);
/* The connector is about to end: whoever waits is told that there is nothing to do, and so is whoever still comes. */
void iscep_hosted_api_stop(iscep_hosted_api *api);

#endif
