/*
 * base/jose: a token from a stranger. It is accepted only if its last part is a signature, checked here with
 * OpenSSL's lowest interface, over all before it, and its header names our algorithm and nothing critical.
 */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/jose.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/keys.h"
#include "tests/fuzz/oracle_json.h"

static bool is_signature(iscep_bytes signature, iscep_bytes text)
{
    uint8_t digest[32];
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(fuzz_key_ca(), NULL);
    FUZZ_CHECK(EVP_Digest(text.data, text.len, digest, NULL, EVP_sha256(), NULL) == 1);
    bool is_right = EVP_PKEY_verify_init(ctx) > 0 &&
                    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0 &&
                    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) > 0 &&
                    EVP_PKEY_verify(ctx, signature.data, signature.len, digest, sizeof digest) == 1;
    EVP_PKEY_CTX_free(ctx);
    return is_right;
}

static void check_header(iscep_bytes header)
{
    static oracle_json_member crit;
    const char *alg = oracle_json_text(header, "alg");
    FUZZ_CHECK(alg != NULL && strcmp(alg, "RS256") == 0);
    FUZZ_CHECK(oracle_json_read(header, "crit", &crit) && crit.count == 0);
}

/* Part number at (from 0) of the token, decoded. */
static void decode_part(iscep_buf *out, iscep_bytes token, unsigned at)
{
    iscep_bytes rest = token;
    for (; at > 0; at--) {
        const uint8_t *dot = memchr(rest.data, '.', rest.len);
        FUZZ_CHECK(dot != NULL);
        rest = iscep_bytes_of(dot + 1, rest.len - (size_t)(dot + 1 - rest.data));
    }
    const uint8_t *end = memchr(rest.data, '.', rest.len);
    if (end != NULL)
        rest.len = (size_t)(end - rest.data);
    iscep_buf_init(out, token.len + 3);
    FUZZ_CHECK(iscep_base64url_decode(out, rest, NULL) == ISCEP_OK);
}

static void check_accepted(const iscep_json *claims, iscep_bytes token)
{
    ISCEP_AUTO_BUF header, payload, signature;
    const uint8_t *last_dot = memrchr(token.data, '.', token.len);
    decode_part(&header, token, 0);
    decode_part(&payload, token, 1);
    decode_part(&signature, token, 2);
    check_header(iscep_buf_bytes(&header));
    FUZZ_CHECK(oracle_json_read(iscep_buf_bytes(&payload), "", NULL) && iscep_json_is_object(claims));
    FUZZ_CHECK(is_signature(iscep_buf_bytes(&signature),
                            iscep_bytes_of(token.data, (size_t)(last_dot - token.data))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ISCEP_AUTO_JSON *claims = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_bytes token = iscep_bytes_of(data, size);
    iscep_status status = iscep_jwt_verify(&claims, token, ISCEP_JWT_RS256, fuzz_key_ca(), &err);
    if (status == ISCEP_OK)
        check_accepted(claims, token);
    else
        FUZZ_CHECK(claims == NULL && status == ISCEP_AUTH && err.code[0] != '\0');
    return 0;
}
