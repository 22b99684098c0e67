/* See access_token.h. */
#include "access_token.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/jose.h"
#include "mock.h"

#define ISSUER_MAX_LEN 256

void mock_token_cache_clear(mock_token_cache *cache)
{
    for (size_t i = 0; i < MOCK_TOKEN_CACHE_SIZE; i++)
        free(cache->slots[i].token);
    *cache = (mock_token_cache){0};
}

static void emit_issuer(iscep_buf *out, const char *tenant_id)
{
    iscep_buf_printf(out, "https://sts.windows.net/%s/", tenant_id);
}

static iscep_json *make_claims(const mock_state *mock, const mock_token_spec *spec)
{
    ISCEP_AUTO_BUF issuer;
    char id[ISCEP_GUID_SIZE];
    int64_t now = mock_now_unix(mock);
    int64_t issued = spec->lifetime_s < 0 ? now + spec->lifetime_s - 1 : now;
    iscep_json *claims = iscep_json_new_object();
    iscep_buf_init(&issuer, ISSUER_MAX_LEN);
    emit_issuer(&issuer, spec->tenant->id);
    mock_guid(id, mock);
    iscep_json_add_text(claims, "aud", spec->resource);
    iscep_json_add_text(claims, "iss", iscep_buf_text(&issuer));
    iscep_json_add_int(claims, "iat", issued);
    iscep_json_add_int(claims, "nbf", issued);
    iscep_json_add_int(claims, "exp", now + spec->lifetime_s);
    iscep_json_add_text(claims, "appid", spec->tenant->client_id);
    iscep_json_add_text(claims, "appidacr", spec->appidacr);
    iscep_json_add_text(claims, "idp", iscep_buf_text(&issuer));
    if (spec->role != NULL)
        iscep_json_append_text(iscep_json_add_array(claims, "roles"), spec->role);
    iscep_json_add_text(claims, "tid", spec->tenant->id);
    iscep_json_add_text(claims, "uti", id);
    iscep_json_add_text(claims, "ver", "1.0");
    return claims;
}

iscep_status mock_token_mint(iscep_buf *out, const mock_state *mock, const mock_token_spec *spec,
                             iscep_error *err)
{
    ISCEP_AUTO_JSON *claims = make_claims(mock, spec);
    iscep_jwt_header header = {.alg = ISCEP_JWT_RS256, .kid = mock->pki.token_key_id};
    return iscep_jwt_sign(out, &header, claims, mock->pki.token_key, err);
}

static bool has_role(const iscep_json *claims, const char *role)
{
    const iscep_json *roles = iscep_json_member(claims, "roles");
    for (const iscep_json *r = iscep_json_is_array(roles) ? iscep_json_first(roles) : NULL; r != NULL;
         r = iscep_json_next(r))
        if (iscep_json_as_text(r) != NULL && strcmp(iscep_json_as_text(r), role) == 0)
            return true;
    return false;
}

static bool is_text(const iscep_json *claims, const char *name, const char *wanted)
{
    const char *found = iscep_json_text(claims, name);
    return found != NULL && strcmp(found, wanted) == 0;
}

static bool copy_claim(char *out, size_t out_size, const iscep_json *claims, const char *name)
{
    const char *text = iscep_json_text(claims, name);
    if (text == NULL || strlen(text) >= out_size)
        return false;
    iscep_text_copy(out, out_size, text);
    return true;
}

/* False unless we have signed it. */
static bool read_token(mock_token_facts *out, const mock_state *mock, const char *token)
{
    ISCEP_AUTO_BUF issuer;
    ISCEP_AUTO_JSON *claims = NULL;
    iscep_buf_init(&issuer, ISSUER_MAX_LEN);
    if (iscep_jwt_verify(&claims, iscep_bytes_of_text(token), ISCEP_JWT_RS256, mock->pki.token_key, NULL) !=
            ISCEP_OK ||
        !copy_claim(out->tenant_id, sizeof(out->tenant_id), claims, "tid") ||
        !copy_claim(out->client_id, sizeof(out->client_id), claims, "appid") ||
        !copy_claim(out->audience, sizeof(out->audience), claims, "aud"))
        return false;
    emit_issuer(&issuer, out->tenant_id);
    if (!is_text(claims, "iss", iscep_buf_text(&issuer)))
        return false;
    out->has_graph_role = has_role(claims, MOCK_ROLE_GRAPH);
    out->has_intune_role = has_role(claims, MOCK_ROLE_INTUNE);
    return iscep_json_int(claims, "exp", &out->expires_unix);
}

static void remember(mock_token_cache *cache, const char *token, const mock_token_facts *facts)
{
    char *copy = strdup(token);
    if (copy == NULL)
        return; /* it will be verified again */
    size_t slot = cache->next++ % MOCK_TOKEN_CACHE_SIZE;
    free(cache->slots[slot].token);
    cache->slots[slot].token = copy;
    cache->slots[slot].facts = *facts;
}

static bool get_facts(mock_token_facts *out, mock_state *mock, const char *token)
{
    for (size_t i = 0; i < MOCK_TOKEN_CACHE_SIZE; i++) {
        if (mock->tokens.slots[i].token == NULL || strcmp(mock->tokens.slots[i].token, token) != 0)
            continue;
        *out = mock->tokens.slots[i].facts;
        return true;
    }
    if (!read_token(out, mock, token))
        return false;
    remember(&mock->tokens, token, out);
    return true;
}

mock_token_result mock_token_check(const mock_tenant **tenant, mock_state *mock, const char *authorization,
                                   const char *resource, const char *role)
{
    static const char scheme[] = "Bearer ";
    mock_token_facts facts;
    if (authorization == NULL || strncasecmp(authorization, scheme, strlen(scheme)) != 0)
        return MOCK_TOKEN_MISSING;
    if (!get_facts(&facts, mock, authorization + strlen(scheme)))
        return MOCK_TOKEN_INVALID;
    *tenant = mock_tenants_find(&mock->tenants, facts.tenant_id);
    if (*tenant == NULL || strcmp((*tenant)->client_id, facts.client_id) != 0)
        return MOCK_TOKEN_INVALID;
    if (facts.expires_unix <= mock_now_unix(mock))
        return MOCK_TOKEN_EXPIRED;
    if (strcmp(facts.audience, resource) != 0)
        return MOCK_TOKEN_WRONG_AUDIENCE;
    bool is_allowed = strcmp(role, MOCK_ROLE_GRAPH) == 0 ? facts.has_graph_role : facts.has_intune_role;
    return is_allowed ? MOCK_TOKEN_OK : MOCK_TOKEN_NO_ROLE;
}
