/*
 * The tenants that exist, each with its own state: which application it knows, what an administrator has granted, and
 * what Microsoft's portal could have gone wrong in. All switches stand for "healthy" until a test throws one.
 */
#ifndef MOCK_TENANTS_H
#define MOCK_TENANTS_H

#include "challenge.h"
#include "strict_json.h"

#define MOCK_TENANTS_MAX 64

typedef struct mock_tenant {
    char id[MOCK_NAME_SIZE];
    char client_id[MOCK_NAME_SIZE]; /* the one application that has a service principal here */
    bool has_graph_role;            /* admin consent: tokens minted from now on carry the role, or do not */
    bool has_intune_role;
    bool has_licence;            /* without: discovery does not name Intune's services */
    bool is_application_enabled; /* "enabled for users to sign in" of the enterprise application */
    bool has_intune_principal;   /* the Intune API has a service principal, so that tokens for it exist */
    bool is_blocked_by_policy;   /* by Conditional Access for workload identities */
    int64_t downloaded_mono_ms;  /* when revocations were last downloaded; -1: never */
} mock_tenant;

typedef struct mock_tenants {
    mock_tenant items[MOCK_TENANTS_MAX];
    size_t count; /* never 0 once the mock is open: the first is the default */
} mock_tenants;

/* A healthy tenant that was never downloaded from. */
void mock_tenant_init(mock_tenant *out, const char *id, const char *client_id);
/* The members of a tenant in JSON, for tables of rules. */
#define MOCK_TENANT_RULES                                                                                    \
    {"clientId", MOCK_JSON_TEXT, false}, {"graphRole", MOCK_JSON_BOOL, false},                               \
        {"intuneRole", MOCK_JSON_BOOL, false}, {"licence", MOCK_JSON_BOOL, false},                           \
        {"applicationEnabled", MOCK_JSON_BOOL, false}, {"intunePrincipal", MOCK_JSON_BOOL, false},           \
    {                                                                                                        \
        "conditionalAccessBlocks", MOCK_JSON_BOOL, false                                                     \
    }
/* json was checked with MOCK_TENANT_RULES; what is absent is as in a healthy tenant. NULL, or what is wrong. */
const char *mock_tenant_read(mock_tenant *out, const char *id, const char *client_id, const iscep_json *json);
void mock_tenant_emit(iscep_json *out, const mock_tenant *tenant);

/* Without case. NULL if there is none. Borrowed until the next put or remove. */
mock_tenant *mock_tenants_find(mock_tenants *tenants, const char *id);
/* Adds the tenant, or takes the place of the one with its id, whose downloads it remembers. false: too many. */
bool mock_tenants_put(mock_tenants *tenants, const mock_tenant *tenant);
void mock_tenants_remove(mock_tenants *tenants, mock_tenant *tenant);

#endif
