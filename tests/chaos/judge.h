/* Compares what devices have, what Intune was told, and what the CA has revoked, when everything has come to rest. */
#ifndef CHAOS_JUDGE_H
#define CHAOS_JUDGE_H

#include "figures.h"
#include "fleet.h"
#include "program.h"

/* How the connector reports: section [journal] of its configuration. */
typedef enum chaos_mode {
    CHAOS_STRICT_KEEP,   /* report = strict, withheld = keep */
    CHAOS_STRICT_REVOKE, /* report = strict, withheld = revoke */
    CHAOS_DEFERRED,      /* report = deferred */
} chaos_mode;

typedef struct chaos_case {
    chaos_mode mode;
    chaos_fleet *fleet; /* finished */
    chaos_program *connector;
    chaos_program *host;
    chaos_intune intune;
    const char *host_dir; /* scep-host's state */
    X509 *ca;
    const char *connector_log;
    bool is_reloading; /* the configuration was replaced again and again */
    int64_t reloads;   /* how often the connector was told */
} chaos_case;

/* Does the connector owe nothing any more, neither a report nor a revocation nor its answer? */
bool chaos_is_at_rest(const chaos_case *it);
iscep_status chaos_judge(chaos_figures *out, const chaos_case *it, iscep_error *err) ISCEP_CHECKED;

#endif
