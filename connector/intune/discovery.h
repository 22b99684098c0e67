/*
 * Where this tenant's Intune services are: Microsoft Graph knows (the endpoints of Intune's service
 * principal). One answer names them all. Each address is cached, and dropped by whoever finds nobody, or a
 * stranger, there; the others stay.
 */
#ifndef ISCEP_INTUNE_DISCOVERY_H
#define ISCEP_INTUNE_DISCOVERY_H

#include "intune/authed.h"

typedef struct iscep_discovery iscep_discovery;

typedef enum iscep_site {
    ISCEP_SITE_SCEP, /* ScepRequestValidationFEService: validate and notify */
    ISCEP_SITE_PKI,  /* PkiConnectorFEService: revocations */
    ISCEP_SITE_COUNT
} iscep_site;

iscep_status iscep_discovery_new(iscep_discovery **out, const iscep_env *env, iscep_http *http,
                                 iscep_tokens *tokens, const iscep_tenant *tenant,
                                 iscep_error *err) ISCEP_CHECKED;
/* Nobody may be waiting. */
void iscep_discovery_free(iscep_discovery *discovery);

/* The site's URI. Calls done once (shared.h), at once if it is known. */
void iscep_discovery_get(iscep_discovery *discovery, iscep_site site, iscep_wait *wait, iscep_shared_fn done,
                         void *user);
void iscep_discovery_drop(iscep_discovery *discovery, iscep_site site, uint64_t generation);
/* The addresses that from has, and that are not known yet. Both ask the same, and would check the answer alike. */
void iscep_discovery_inherit(iscep_discovery *discovery, const iscep_discovery *from);
bool iscep_discovery_is_at_hand(const iscep_discovery *discovery, iscep_site site);

#endif
