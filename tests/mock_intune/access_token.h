/*
 * Access tokens: made for the token endpoint, checked for everybody else. JSON Web Tokens like Entra ID's, version 1.0,
 * signed with RS256. What was checked once is remembered, because a client sends the same token thousands of times.
 */
#ifndef MOCK_ACCESS_TOKEN_H
#define MOCK_ACCESS_TOKEN_H

#include "base/bytes.h"
#include "tenants.h"

#define MOCK_ROLE_GRAPH  "Application.Read.All"
#define MOCK_ROLE_INTUNE "scep_challenge_provider"

#define MOCK_RESOURCE_SIZE    256
#define MOCK_TOKEN_CACHE_SIZE 8

typedef struct mock_state mock_state;

typedef enum mock_token_result {
    MOCK_TOKEN_OK,
    MOCK_TOKEN_MISSING, /* no header field, or not "Bearer" */
    MOCK_TOKEN_INVALID, /* not one of ours, or of a tenant or application that is gone */
    MOCK_TOKEN_EXPIRED,
    MOCK_TOKEN_WRONG_AUDIENCE,
    MOCK_TOKEN_NO_ROLE,
} mock_token_result;

/* What a token with the right signature says. */
typedef struct mock_token_facts {
    char tenant_id[MOCK_NAME_SIZE];
    char client_id[MOCK_NAME_SIZE];
    char audience[MOCK_RESOURCE_SIZE];
    int64_t expires_unix;
    bool has_graph_role;
    bool has_intune_role;
} mock_token_facts;

typedef struct mock_token_cache {
    struct {
        char *token;
        mock_token_facts facts;
    } slots[MOCK_TOKEN_CACHE_SIZE];
    size_t next; /* the slot that is used up next */
} mock_token_cache;

void mock_token_cache_clear(mock_token_cache *cache);

/* What a token is to say. */
typedef struct mock_token_spec {
    const mock_tenant *tenant;
    const char *resource;
    const char *role;     /* NULL: none */
    const char *appidacr; /* how the application proved itself: "1" by a secret, "2" by a certificate */
    int64_t lifetime_s;   /* less than 0: it has expired already */
} mock_token_spec;

iscep_status mock_token_mint(iscep_buf *out, const mock_state *mock, const mock_token_spec *spec,
                             iscep_error *err) ISCEP_CHECKED;
/* authorization: the header field, may be NULL. The resource and the role that the endpoint demands. *tenant is set if
 * OK. */
mock_token_result mock_token_check(const mock_tenant **tenant, mock_state *mock, const char *authorization,
                                   const char *resource, const char *role);

#endif
