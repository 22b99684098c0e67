/*
 * JSON Web Tokens (RFC 7519) in the compact form (RFC 7515): RS256 and PS256 (RFC 7518, 3.3 and 3.5), the two that
 * Entra ID knows, and ES256 (3.4), which step-ca's provisioners sign with.
 *
 * Who verifies names the one algorithm that may appear: what a token's header says about itself never chooses
 * how the token is checked. Threads: no state; a key may be used by any thread.
 */
#ifndef ISCEP_BASE_JOSE_H
#define ISCEP_BASE_JOSE_H

#include <openssl/types.h>

#include "base/json.h"

#define ISCEP_JWT_MAX_LEN (16u * 1024u)

typedef enum iscep_jwt_alg { ISCEP_JWT_RS256 = 1, ISCEP_JWT_PS256 = 2, ISCEP_JWT_ES256 = 3 } iscep_jwt_alg;

/*
 * The JOSE header; NULL leaves a member out. Entra ID finds the certificate of a client assertion by x5t
 * (with RS256) or x5t#S256 (with PS256).
 */
typedef struct iscep_jwt_header {
    iscep_jwt_alg alg;
    const char *kid;
    const char *x5t;      /* base64url of the certificate's SHA-1 */
    const char *x5t_s256; /* base64url of the certificate's SHA-256 */
} iscep_jwt_header;

/*
 * Appends the token to out. key: a private RSA key of at least 2048 bits; for ES256, one on the curve P-256; else CONFIG
 * "jwt_key".
 */
iscep_status iscep_jwt_sign(iscep_buf *out, const iscep_jwt_header *header, const iscep_json *claims,
                            EVP_PKEY *key, iscep_error *err) ISCEP_CHECKED;

/* A key that a provider of its own holds, where only that provider can use it (keystore.h). */
typedef struct iscep_jwt_key {
    EVP_PKEY *key;
    OSSL_LIB_CTX *library;  /* NULL: OpenSSL's default context */
    const char *properties; /* which provider signs; NULL: any that can */
} iscep_jwt_key;
iscep_status iscep_jwt_sign_with(iscep_buf *out, const iscep_jwt_header *header, const iscep_json *claims,
                                 const iscep_jwt_key *key, iscep_error *err) ISCEP_CHECKED;

/*
 * Hands out the claims of a token whose signature is right; the caller frees them with iscep_json_free. AUTH
 * otherwise, with code jwt_malformed, jwt_alg (another algorithm, or a critical extension that we do not
 * know) or jwt_signature. What the claims say is not looked at.
 */
iscep_status iscep_jwt_verify(iscep_json **claims, iscep_bytes token, iscep_jwt_alg alg, EVP_PKEY *key,
                              iscep_error *err) ISCEP_CHECKED;

/*
 * AUTH "jwt_expired" unless exp is a number in the future, "jwt_not_yet_valid" if nbf is there and not in the
 * past.
 */
iscep_status iscep_jwt_check_time(const iscep_json *claims, int64_t now_unix, iscep_error *err) ISCEP_CHECKED;

#endif
