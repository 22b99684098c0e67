/*
 * What the keeper shows of everything: the sources of the status document and of the metrics, as the configuration in force
 * has them. On the keeper's loop.
 */
#ifndef ISCEP_DAEMON_OVERVIEW_H
#define ISCEP_DAEMON_OVERVIEW_H

#include "daemon/gate.h"
#include "daemon/generation.h"
#include "daemon/status_api.h"

enum {
    ISCEP_OVERVIEW_ADDRESS_SIZE = 300,
    ISCEP_OVERVIEW_DIGEST_LEN = 12, /* as much as intune-scepctl nodes shows */
};

/* Lives as long as the journal, which calls back. */
typedef struct iscep_overview {
    iscep_status_sources sources; /* what does not change is filled in by whoever makes it */
    iscep_status_tenant tenants[ISCEP_CONFIG_MAX_TENANTS];
    iscep_status_listener listeners[ISCEP_CONFIG_MAX_LISTENERS];
    char addresses[ISCEP_CONFIG_MAX_LISTENERS][ISCEP_OVERVIEW_ADDRESS_SIZE];
    iscep_metrics *metrics[ISCEP_CONFIG_MAX_WORKERS];
    char digest[ISCEP_OVERVIEW_DIGEST_LEN + 1];
} iscep_overview;

/* This generation is in force now. */
void iscep_overview_show(iscep_overview *overview, const iscep_generation *generation,
                         const iscep_gate *gate);
/* The gauges of what was configured before, and is not in force now, must not stand there for ever. Done by show; and once more when
 * nothing runs with that configuration any longer, which until then might set them again. */
void iscep_overview_forget(iscep_overview *overview, const iscep_config *before);
/* None is any more: whom the journal calls back finds it gone. */
void iscep_overview_clear(iscep_overview *overview);

/* GET /metrics: asks the journal what is owed, of each tenant, and answers. */
void iscep_overview_reply_metrics(iscep_exchange *exchange, const iscep_overview *overview);

#endif
