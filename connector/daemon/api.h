/*
 * What an HTTP request finds in the daemon: one route table, and before each route its door (docs/LOCAL-API.md). Each worker
 * has an iscep_api for the configuration in force; a handler looks everything up in it when the request comes, and keeps
 * nothing of it for later: after a reload it is gone.
 */
#ifndef ISCEP_DAEMON_API_H
#define ISCEP_DAEMON_API_H

#include "daemon/admin_api.h"
#include "daemon/config.h"
#include "daemon/door.h"
#include "daemon/hosted_api.h"
#include "daemon/step_ca_hook.h"
#include "net/http_server.h"
#include "service/revoker.h"
#include "service/service.h"

/* A tenant as one worker has it. */
typedef struct iscep_seat {
    const iscep_config_tenant *config;
    iscep_http *http;
    iscep_intune *intune;
    iscep_service *service;
    iscep_service_options options;
} iscep_seat;

/* How the last reload ended. */
typedef struct iscep_reload_outcome {
    int64_t at_unix_ms; /* 0: there was none */
    bool is_taken;
    char message[512]; /* refused: why; taken: what else there is to say, or empty */
    char digest[65];   /* of the configuration in force */
} iscep_reload_outcome;

/* What only the main thread has; its loop answers such requests, whichever worker they came to. */
typedef struct iscep_keeper_api {
    iscep_loop *loop;
    void *handler_user; /* of iscep_api_handle, there */
    iscep_admin_api *admin;
    iscep_hosted_api *hosted;
    iscep_callback reload; /* reads the configuration again, and puts what came of it into outcome */
    void *reload_user;
    const iscep_reload_outcome *outcome;
    void (*reply_metrics)(iscep_exchange *exchange, void *user);
    void (*reply_status)(iscep_exchange *exchange, void *user);
    void *reply_user;
} iscep_keeper_api;

typedef struct iscep_api {
    const iscep_env *env;
    const iscep_config *config;
    iscep_doors *doors;
    iscep_journal *journal; /* for /readyz; NULL: it is not looked at */
    const iscep_seat *seats;
    size_t seat_count;
    iscep_step_ca *const *hooks;    /* as config->step_cas */
    const iscep_keeper_api *keeper; /* NULL: what needs it is not there */
    bool is_on_keeper;              /* this is the worker whose loop is the keeper's */
} iscep_api;

/* An iscep_http_handler; user points at a pointer to the worker's iscep_api in force. */
void iscep_api_handle(iscep_exchange *exchange, void *user);
/* Is it answered whatever the limits on requests say? */
bool iscep_api_is_exempt(const iscep_exchange *exchange);

/*
 * Whose request is it? What the listener is tied to; else what the request names, wherever: in the path (/t/NAME/v1/…), in the
 * header X-Scep-Tenant, or as member of its JSON (named: NULL if it has none); else the only tenant. What contradicts the
 * listener, or itself, is refused: USAGE with its http_status, "tenant_missing", "tenant_unknown", "tenant_not_here" or
 * "tenant_contradictory".
 */
iscep_status iscep_api_choose_tenant(const iscep_seat **out, const iscep_api *api,
                                     const iscep_exchange *exchange, const char *named,
                                     iscep_error *err) ISCEP_CHECKED;
/* The same for what may also be about all of them: NULL when neither the listener nor the request names one. */
iscep_status iscep_api_find_tenant(const iscep_seat **out, const iscep_api *api,
                                   const iscep_exchange *exchange, const char *named,
                                   iscep_error *err) ISCEP_CHECKED;
/* The path without /t/NAME. Borrowed from the exchange. */
const char *iscep_api_path(const iscep_exchange *exchange);

#endif
