/*
 * Who we are and where Intune is, for one tenant. Borrowed by everything in intune/: it must outlive
 * iscep_intune.
 */
#ifndef ISCEP_INTUNE_TENANT_H
#define ISCEP_INTUNE_TENANT_H

#include "base/secret.h"

#define ISCEP_TENANT_MAX_HOSTS 16

typedef struct iscep_tenant {
    const char *tenant_id;
    const char *client_id;
    const iscep_secret *client_secret;
    const char *authority;       /* https://login.microsoftonline.com */
    const char *graph;           /* https://graph.microsoft.com: where Graph answers */
    const char *graph_resource;  /* what a token for Graph is for; the same in every real cloud */
    const char *intune_resource; /* ends in a slash, which the token's aud must have, too */
    const char *allowed_hosts[ISCEP_TENANT_MAX_HOSTS]; /* suffixes that a discovered host must have */
    size_t allowed_host_count;
    const char *caller_info; /* shown to administrators in Intune */
    const char *issuer_name; /* of the CA, in notifications; NULL: the certificate's issuer */
} iscep_tenant;

#define ISCEP_DEFAULT_AUTHORITY    "https://login.microsoftonline.com"
#define ISCEP_DEFAULT_GRAPH        "https://graph.microsoft.com"
#define ISCEP_DEFAULT_INTUNE       "https://api.manage.microsoft.com/"
#define ISCEP_DEFAULT_ALLOWED_HOST "manage.microsoft.com"
#define ISCEP_PRODUCT              "intune-scep-connector/" ISCEP_VERSION

/* What a tenant has before anything was configured: the public cloud. */
#define ISCEP_TENANT_INIT                                                                                    \
    {                                                                                                        \
        .authority = ISCEP_DEFAULT_AUTHORITY, .graph = ISCEP_DEFAULT_GRAPH,                                  \
        .graph_resource = ISCEP_DEFAULT_GRAPH, .intune_resource = ISCEP_DEFAULT_INTUNE,                      \
        .allowed_hosts = {ISCEP_DEFAULT_ALLOWED_HOST}, .allowed_host_count = 1, .caller_info = ISCEP_PRODUCT \
    }

/* Are the required members there and the addresses https? CONFIG with the member's name otherwise. */
iscep_status iscep_tenant_check(const iscep_tenant *tenant, iscep_error *err) ISCEP_CHECKED;

#endif
