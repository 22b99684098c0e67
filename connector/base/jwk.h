/* A private key that signs tokens, from a JWK (RFC 7517, not encrypted) or a PEM file, and the name it goes by. */
#ifndef ISCEP_BASE_JWK_H
#define ISCEP_BASE_JWK_H

#include "base/jose.h"

typedef struct iscep_jwk iscep_jwk;

/* CONFIG: the file cannot be read, or holds no private key that is RSA or on the curve P-256. */
iscep_status iscep_jwk_load(iscep_jwk **out, const char *path, iscep_error *err) ISCEP_CHECKED;
void iscep_jwk_free(iscep_jwk *jwk);

/* Borrowed. */
EVP_PKEY *iscep_jwk_key(const iscep_jwk *jwk);
iscep_jwt_alg iscep_jwk_alg(const iscep_jwk *jwk);      /* RS256 or ES256, as the key is */
const char *iscep_jwk_thumbprint(const iscep_jwk *jwk); /* RFC 7638: base64url of SHA-256 */

#endif
