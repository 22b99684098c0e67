/*
 * Client assertions (RFC 7523): a JSON Web Token in the place of a secret, signed with the key of a certificate that the
 * application has registered. A token of a foreign issuer is a federated credential's business (federated.h).
 */
#ifndef MOCK_ASSERTION_H
#define MOCK_ASSERTION_H

#include "jwt_peek.h"
#include "mock.h"
#include "refusal.h"

#define MOCK_ASSERTION_TYPE       "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#define MOCK_ASSERTION_LIFETIME_S 600 /* at most so far from now may its end be */

/* What is presented, by whom, and where. */
typedef struct mock_assertion {
    const char *client_id;
    iscep_bytes token;
    const mock_jwt_peek *peek;  /* of token */
    const char *token_endpoint; /* the URL that aud has to be */
} mock_assertion;

/*
 * True if a registered certificate that has not ended signed it (PS256 and x5t#S256, or RS256 and x5t) and it says what it
 * has to: aud is the token endpoint, iss and sub are the client id, nbf and exp enclose now, exp is at most ten minutes
 * away, jti was not seen before. Otherwise false, and why is filled.
 */
bool mock_assertion_check(mock_state *mock, const mock_assertion *assertion, mock_refusal *why);
/* Are nbf and exp there and around now? max_lifetime_s -1: exp may be as far away as it likes. */
bool mock_assertion_is_in_time(const mock_state *mock, const iscep_json *claims, int64_t max_lifetime_s,
                               mock_refusal *why);

#endif
