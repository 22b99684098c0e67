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

static void emit_issuer(iscep_buf *out, const mock_state *mock)
{
    iscep_buf_init(out, ISSUER_MAX_LEN);
    iscep_buf_printf(out, "https://sts.windows.net/%s/", mock->options->tenant_id);
}

static iscep_json *make_claims(const mock_state *mock, const char *resource, const char *role)
{
    ISCEP_AUTO_BUF issuer;
    char id[ISCEP_GUID_SIZE];
    int64_t now = mock_now_unix(mock);
    iscep_json *claims = iscep_json_new_object();
    emit_issuer(&issuer, mock);
    mock_guid(id, mock);
    iscep_json_add_text(claims, "aud", resource);
    iscep_json_add_text(claims, "iss", iscep_buf_text(&issuer));
    iscep_json_add_int(claims, "iat", now);
    iscep_json_add_int(claims, "nbf", now);
    iscep_json_add_int(claims, "exp", now + mock->settings.token_lifetime_s);
    iscep_json_add_text(claims, "appid", mock->options->client_id);
    iscep_json_add_text(claims, "appidacr", "1"); /* authenticated by a secret */
    iscep_json_add_text(claims, "idp", iscep_buf_text(&issuer));
    if (role != NULL)
        iscep_json_append_text(iscep_json_add_array(claims, "roles"), role);
    iscep_json_add_text(claims, "tid", mock->options->tenant_id);
    iscep_json_add_text(claims, "uti", id);
    iscep_json_add_text(claims, "ver", "1.0");
    return claims;
}

iscep_status mock_token_mint(iscep_buf *out, mock_state *mock, const char *resource, const char *role,
                             iscep_error *err)
{
    ISCEP_AUTO_JSON *claims = make_claims(mock, resource, role);
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

/* False unless we have signed it, for our tenant and our application. */
static bool read_token(mock_token_facts *out, const mock_state *mock, const char *token)
{
    ISCEP_AUTO_BUF issuer;
    ISCEP_AUTO_JSON *claims = NULL;
    emit_issuer(&issuer, mock);
    if (iscep_jwt_verify(&claims, iscep_bytes_of_text(token), ISCEP_JWT_RS256, mock->pki.token_key, NULL) !=
        ISCEP_OK)
        return false;
    const char *audience = iscep_json_text(claims, "aud");
    if (audience == NULL || !is_text(claims, "iss", iscep_buf_text(&issuer)) ||
        !is_text(claims, "tid", mock->options->tenant_id) ||
        !is_text(claims, "appid", mock->options->client_id))
        return false;
    iscep_text_copy(out->audience, sizeof(out->audience), audience);
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

mock_token_result mock_token_check(mock_state *mock, const char *authorization, const char *resource,
                                   const char *role)
{
    static const char scheme[] = "Bearer ";
    mock_token_facts facts;
    if (authorization == NULL || strncasecmp(authorization, scheme, strlen(scheme)) != 0)
        return MOCK_TOKEN_MISSING;
    if (!get_facts(&facts, mock, authorization + strlen(scheme)))
        return MOCK_TOKEN_INVALID;
    if (facts.expires_unix <= mock_now_unix(mock))
        return MOCK_TOKEN_EXPIRED;
    if (strcmp(facts.audience, resource) != 0)
        return MOCK_TOKEN_WRONG_AUDIENCE;
    bool is_allowed = strcmp(role, MOCK_ROLE_GRAPH) == 0 ? facts.has_graph_role : facts.has_intune_role;
    return is_allowed ? MOCK_TOKEN_OK : MOCK_TOKEN_NO_ROLE;
}
