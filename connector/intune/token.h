/*
 * Access tokens from Entra ID by client credentials (OAuth 2.0, RFC 6749 4.4): one cached per scope, renewed
 * in the background before it expires, one request in flight per scope however many wait for it.
 */
#ifndef ISCEP_INTUNE_TOKEN_H
#define ISCEP_INTUNE_TOKEN_H

#include "base/env.h"
#include "intune/credential_set.h"
#include "intune/shared.h"
#include "intune/tenant.h"
#include "net/http.h"

typedef enum iscep_scope { ISCEP_SCOPE_GRAPH, ISCEP_SCOPE_INTUNE, ISCEP_SCOPE_COUNT } iscep_scope;

typedef struct iscep_tokens iscep_tokens;

iscep_status iscep_tokens_new(iscep_tokens **out, const iscep_env *env, iscep_http *http,
                              const iscep_tenant *tenant, iscep_error *err) ISCEP_CHECKED;
/* Nobody may be waiting. */
void iscep_tokens_free(iscep_tokens *tokens);

/* Calls done once (shared.h), at once if the token is at hand; until then iscep_wait_cancel ends it. */
void iscep_token_get(iscep_tokens *tokens, iscep_scope scope, iscep_wait *wait, iscep_shared_fn done,
                     void *user);
/*
 * Somebody refused the token of this generation: the next get fetches a new one. An older generation is
 * ignored.
 */
void iscep_token_drop(iscep_tokens *tokens, iscep_scope scope, uint64_t generation);
/* Those that from has, while they are good, for as long as they are; not in the place of newer ones. Both are for the same. */
void iscep_tokens_inherit(iscep_tokens *tokens, const iscep_tokens *from);
/* What tokens are asked for with; borrowed. */
const iscep_credential_set *iscep_tokens_credentials(const iscep_tokens *tokens);
bool iscep_token_is_at_hand(const iscep_tokens *tokens, iscep_scope scope);

#endif
