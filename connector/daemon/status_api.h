/*
 * GET /v1/status: how the connector is, right now, in one document (docs/LOCAL-API.md): for the status page, for
 * intune-scepctl status, and for scripts. What is wrong in it, in words, is judged by status_problems.c.
 */
#ifndef ISCEP_DAEMON_STATUS_API_H
#define ISCEP_DAEMON_STATUS_API_H

#include "base/metrics.h"
#include "daemon/api.h"
#include "daemon/heartbeat.h"
#include "daemon/recent.h"
#include "daemon/sandbox_outcome.h"
#include "journal/inspect.h"
#include "service/crowd.h"

typedef struct iscep_status_tenant {
    const iscep_config_tenant *config;
    const iscep_intune *intune;   /* the one on the keeper's loop; NULL: whether it is ready is not known */
    const iscep_revoker *revoker; /* NULL: nothing is revoked */
    const iscep_crowd *crowd;     /* who waits, on all workers */
} iscep_status_tenant;

typedef struct iscep_status_listener {
    const iscep_listener_options *options;
    const char *address;  /* as it listens: "unix:/run/…", "tcp:127.0.0.1:8443" */
    int64_t expires_unix; /* of its TLS certificate; 0: it has none */
} iscep_status_listener;

/*
 * Where it all comes from. On the keeper's loop. The struct lives as long as the journal, which calls back; what it points
 * at is that of the configuration in force, and changes with it (tenant_count 0: they have ended).
 */
typedef struct iscep_status_sources {
    const iscep_env *env;
    const char *config_path;
    const iscep_config *config;
    int64_t started_unix_ms;
    int64_t loaded_unix_ms;                    /* when the configuration in force was read */
    const struct iscep_reload_outcome *reload; /* NULL, or its time is 0: there was none */
    const iscep_sandbox_outcome *sandbox;      /* NULL: the process is not ours to confine */
    const iscep_status_tenant *tenants;
    size_t tenant_count;
    const iscep_status_listener *listeners;
    size_t listener_count;
    iscep_journal *journal;
    const iscep_heartbeat *heartbeat; /* NULL: the other nodes are not looked at */
    iscep_recent *recent;
    iscep_metrics *const *metrics; /* the registries of all workers */
    size_t metrics_count;
} iscep_status_sources;

/* Answers now or, when the journal has been asked, later. */
void iscep_status_api_handle(iscep_exchange *exchange, const iscep_status_sources *sources);

/* What the journal holds of one tenant. */
typedef struct iscep_status_totals {
    char tenant[64];
    bool is_known; /* it has answered */
    int64_t owed;
    int64_t dead;
    int64_t oldest_owed_unix_ms; /* 0: nothing is owed */
    int64_t waiting;             /* revocations; likewise the next two */
    int64_t held;
    int64_t answerable;
    int64_t journal_bytes;
} iscep_status_totals;

/* The document itself, as far as there is memory for it. Free with iscep_json_free. */
iscep_json *iscep_status_document(const iscep_status_sources *sources, const iscep_status_totals *totals,
                                  size_t totals_count);

#endif
