/*
 * Who we are and where Intune is, for one tenant. Borrowed by everything in intune/: it must outlive
 * iscep_intune.
 */
#ifndef ISCEP_INTUNE_TENANT_H
#define ISCEP_INTUNE_TENANT_H

#include "base/secret.h"
#include "iscep/client.h"
#include "net/breaker.h"

#define ISCEP_TENANT_MAX_HOSTS       16
#define ISCEP_TENANT_MAX_CREDENTIALS 2

typedef struct iscep_tenant {
    const char *name; /* in the configuration, for logs and metrics; NULL: it has none */
    const char *tenant_id;
    const char *client_id; /* may be NULL if every credential is a managed identity */
    /* The first is used first, the other one when Entra ID refuses it. */
    const iscep_credential_options *credentials[ISCEP_TENANT_MAX_CREDENTIALS];
    size_t credential_count;
    const iscep_secret *client_secret; /* instead of credentials: a secret that is in memory already */
    const char *authority;             /* https://login.microsoftonline.com */
    const char *graph;                 /* https://graph.microsoft.com: where Graph answers */
    const char *graph_resource;        /* what a token for Graph is for; the same in every real cloud */
    const char *intune_resource;       /* ends in a slash, which the token's aud must have, too */
    const char *token_path;            /* behind authority and tenant id */
    const char *discovery_path;        /* behind graph */
    const char *scep_path;             /* behind the discovered address */
    const char *scep_api_version;
    const char *revocation_path; /* behind the discovered address of the other service */
    const char *revocation_api_version;
    const char *allowed_hosts[ISCEP_TENANT_MAX_HOSTS]; /* suffixes that a discovered host must have */
    size_t allowed_host_count;
    const char *caller_info;      /* shown to administrators in Intune */
    const char *issuer_name;      /* of the CA, in notifications; NULL: the certificate's issuer */
    int64_t fetch_timeout_ms;     /* for one request for a token or an address */
    iscep_breaker_limits breaker; /* the same for each endpoint */
} iscep_tenant;

/* In logs and metrics. */
static inline const char *iscep_tenant_label(const iscep_tenant *tenant)
{
    return tenant->name != NULL ? tenant->name : "";
}

#define ISCEP_DEFAULT_AUTHORITY    "https://login.microsoftonline.com"
#define ISCEP_DEFAULT_GRAPH        "https://graph.microsoft.com"
#define ISCEP_DEFAULT_INTUNE       "https://api.manage.microsoft.com/"
#define ISCEP_DEFAULT_ALLOWED_HOST "manage.microsoft.com"
#define ISCEP_DEFAULT_TOKEN_PATH   "oauth2/v2.0/token"
/* Intune's application id in every tenant's directory. */
#define ISCEP_DEFAULT_DISCOVERY_PATH                                                                         \
    "v1.0/servicePrincipals/appId=0000000a-0000-0000-c000-000000000000/endpoints"
#define ISCEP_DEFAULT_SCEP_PATH "ScepActions"
#define ISCEP_SCEP_API_VERSION  "2018-02-20"
#define ISCEP_PRODUCT           "intune-scep-connector/" ISCEP_VERSION

#define ISCEP_DEFAULT_REVOCATION_PATH "CertificateAuthorityRequests"
#define ISCEP_REVOCATION_API_VERSION  "5019-05-05" /* it really says 5019 */

/* What does not depend on the cloud: cloud.h fills in the rest. */
#define ISCEP_TENANT_ANY_CLOUD                                                                               \
    .token_path = ISCEP_DEFAULT_TOKEN_PATH, .discovery_path = ISCEP_DEFAULT_DISCOVERY_PATH,                  \
    .scep_path = ISCEP_DEFAULT_SCEP_PATH, .scep_api_version = ISCEP_SCEP_API_VERSION,                        \
    .revocation_path = ISCEP_DEFAULT_REVOCATION_PATH,                                                        \
    .revocation_api_version = ISCEP_REVOCATION_API_VERSION, .caller_info = ISCEP_PRODUCT,                    \
    .fetch_timeout_ms = 10000, .breaker = ISCEP_BREAKER_LIMITS_INIT
#define ISCEP_TENANT_INIT_ANY_CLOUD                                                                          \
    {                                                                                                        \
        ISCEP_TENANT_ANY_CLOUD                                                                               \
    }

/* What a tenant has before anything was configured: the public cloud. */
#define ISCEP_TENANT_INIT                                                                                    \
    {                                                                                                        \
        .authority = ISCEP_DEFAULT_AUTHORITY, .graph = ISCEP_DEFAULT_GRAPH,                                  \
        .graph_resource = ISCEP_DEFAULT_GRAPH, .intune_resource = ISCEP_DEFAULT_INTUNE,                      \
        .allowed_hosts = {ISCEP_DEFAULT_ALLOWED_HOST}, .allowed_host_count = 1, ISCEP_TENANT_ANY_CLOUD       \
    }

/*
 * Are the required members there, the addresses https, the paths harmless? CONFIG with the member's name
 * otherwise. What is in the credentials' files is not looked at.
 */
iscep_status iscep_tenant_check(const iscep_tenant *tenant, iscep_error *err) ISCEP_CHECKED;
/*
 * Is a token or an address that one has got good for the other, too? Only if all is the same that they were asked for by, asked
 * of and checked against. A credential is the same whose kind, files and key are; what is in the files may have changed.
 */
bool iscep_tenant_has_same_access(const iscep_tenant *tenant, const iscep_tenant *other);

#endif
