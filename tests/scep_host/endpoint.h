/*
 * A SCEP endpoint: a path, the plugins that decide on what comes there, and threads of its own, so that a plugin that does
 * not come back costs this endpoint and no other. Whatever may run a plugin's code runs on these threads.
 */
#ifndef ISCEP_HOST_ENDPOINT_H
#define ISCEP_HOST_ENDPOINT_H

#include "enrol.h"
#include "workers.h"

#define ISCEP_ENDPOINT_MAX_PLUGINS       8
#define ISCEP_ENDPOINT_MAX_PLUGIN_CONFIG 32

/* One of a chain. Texts are borrowed until the endpoint is open. */
typedef struct iscep_plugin_choice {
    const char *path; /* of the shared object */
    scep_config_entry config[ISCEP_ENDPOINT_MAX_PLUGIN_CONFIG];
    size_t config_count;
    uint32_t timeout_ms;
    iscep_plugin_form form;
} iscep_plugin_choice;

typedef struct iscep_endpoint_plan {
    const char *path; /* "/scep"; borrowed until the endpoint is closed */
    iscep_plugin_choice plugins[ISCEP_ENDPOINT_MAX_PLUGINS];
    size_t plugin_count;
    const char *static_challenge_file; /* NULL: what all plugins decline is refused */
} iscep_endpoint_plan;

/* What all endpoints share; borrowed. */
typedef struct iscep_endpoint_host {
    const iscep_env *env;
    const iscep_crypto *crypto;
    const iscep_host_ca *ca;
    iscep_plugin_revoke revoke;
    void *revoke_user;
    int64_t pending_retry_ms;
    int64_t ca_timeout_ms;  /* for each question to a CA on another host; 0: there is none */
    int64_t ca_patience_ms; /* iscep_enrol */
    uint32_t workers;       /* threads of each */
} iscep_endpoint_host;

typedef struct iscep_endpoint {
    const char *path;
    iscep_plugin_host *plugins[ISCEP_ENDPOINT_MAX_PLUGINS];
    size_t plugin_count;
    iscep_secret *static_challenge;
    iscep_transactions *transactions;
    iscep_workers *workers;
    iscep_enrol enrol;   /* of the above */
    int64_t patience_ms; /* a device has an answer by then, whatever the plugins do */
    const iscep_env *env;
    iscep_job health;
    iscep_job closing;
} iscep_endpoint;

/* Close in either case. */
iscep_status iscep_endpoint_open(iscep_endpoint *endpoint, const iscep_endpoint_host *host,
                                 const iscep_endpoint_plan *plan, iscep_error *err) ISCEP_CHECKED;
/* Has the plugins say how they are, without waiting for it. */
void iscep_endpoint_check_health(iscep_endpoint *endpoint);
/* False: a plugin has damaged the host. */
bool iscep_endpoint_is_in_service(const iscep_endpoint *endpoint);

/* Waits for what is with the threads. False: some do not come back, and nothing may be freed that they may need. */
bool iscep_endpoint_settle(iscep_endpoint *endpoint) ISCEP_CHECKED;
/* After it has settled, and each passage is gone. False: a plugin does not close; as above. */
bool iscep_endpoint_close(iscep_endpoint *endpoint) ISCEP_CHECKED;

#endif
