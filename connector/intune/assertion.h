/*
 * The client assertion: a JSON Web Token, signed with the key of a certificate that Entra ID knows, by which an
 * application says "I am client_id" instead of sending a secret (RFC 7523, 2.2; Microsoft: "Certificate
 * credentials"). Good for minutes and for one use.
 */
#ifndef ISCEP_INTUNE_ASSERTION_H
#define ISCEP_INTUNE_ASSERTION_H

#include "base/env.h"
#include "base/jose.h"
#include "base/keystore.h"

/* Of another's making too, such as a federated token. */
#define ISCEP_ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

typedef struct iscep_assertion {
    const iscep_keystore *keystore;
    iscep_jwt_alg alg;     /* PS256 names the certificate by SHA-256, RS256 by SHA-1 */
    const char *client_id; /* iss and sub */
    const char *audience;  /* the token endpoint's URL */
} iscep_assertion;

/* Appends it to out. CONFIG "jwt_key" if the key cannot sign it. */
iscep_status iscep_assertion_emit(iscep_buf *out, const iscep_assertion *assertion, const iscep_env *env,
                                  iscep_error *err) ISCEP_CHECKED;

#endif
