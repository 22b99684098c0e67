/* JSON Web Tokens over OpenSSL's signatures. */
#include "base/jose.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#define MIN_RSA_BITS 2048

enum {
    MAX_SIGNATURE_LEN = 1024, /* RSA up to 8192 bits */
    ES256_HALF_LEN = 32,      /* r, and s */
};

/* header "." claims "." signature, each base64url */
typedef struct token_parts {
    iscep_bytes header;
    iscep_bytes claims;
    iscep_bytes signature;
    iscep_bytes signed_part; /* header "." claims */
} token_parts;

static const char *alg_name(iscep_jwt_alg alg)
{
    if (alg == ISCEP_JWT_ES256)
        return "ES256";
    return alg == ISCEP_JWT_PS256 ? "PS256" : "RS256";
}

static bool is_on_p256(const EVP_PKEY *key)
{
    char curve[32];
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
           EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof curve, NULL) == 1 &&
           strcmp(curve, SN_X9_62_prime256v1) == 0;
}

static iscep_status check_key(const EVP_PKEY *key, iscep_jwt_alg alg, iscep_error *err)
{
    if (alg == ISCEP_JWT_ES256 && !is_on_p256(key))
        return iscep_error_set(err, ISCEP_CONFIG, "jwt_key", "the key is not an EC key on the curve P-256");
    if (alg != ISCEP_JWT_ES256 &&
        (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < MIN_RSA_BITS))
        return iscep_error_set(err, ISCEP_CONFIG, "jwt_key", "the key is not an RSA key of at least %d bits",
                               MIN_RSA_BITS);
    return ISCEP_OK;
}

/* RFC 7518, 3.4: r and s of fixed length behind one another. OpenSSL's is their DER; false: it is none. */
static bool ecdsa_to_raw(uint8_t signature[MAX_SIGNATURE_LEN], size_t *len)
{
    const unsigned char *at = signature;
    ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &at, (long)*len);
    bool is_done =
        parts != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(parts), signature, ES256_HALF_LEN) == ES256_HALF_LEN &&
        BN_bn2binpad(ECDSA_SIG_get0_s(parts), signature + ES256_HALF_LEN, ES256_HALF_LEN) == ES256_HALF_LEN;
    ECDSA_SIG_free(parts);
    *len = 2 * (size_t)ES256_HALF_LEN;
    return is_done;
}

/* The other way round, in place. */
static bool ecdsa_from_raw(iscep_buf *signature)
{
    if (signature->len != 2 * (size_t)ES256_HALF_LEN)
        return false;
    ECDSA_SIG *parts = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature->data, ES256_HALF_LEN, NULL);
    BIGNUM *s = BN_bin2bn(signature->data + ES256_HALF_LEN, ES256_HALF_LEN, NULL);
    unsigned char *der = NULL;
    int len = -1;
    if (parts != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(parts, r, s) == 1) {
        r = s = NULL; /* they are parts' now */
        len = i2d_ECDSA_SIG(parts, &der);
    }
    iscep_buf_clear(signature);
    if (len > 0)
        iscep_buf_append(signature, der, (size_t)len);
    OPENSSL_free(der);
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(parts);
    return len > 0 && !signature->is_overflown;
}

static bool use_padding(EVP_PKEY_CTX *ctx, iscep_jwt_alg alg)
{
    if (alg == ISCEP_JWT_ES256)
        return true;
    if (alg != ISCEP_JWT_PS256)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0;
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) > 0;
}

static void emit_header(iscep_buf *out, const iscep_jwt_header *header)
{
    iscep_buf_printf(out, "{\"alg\":\"%s\",\"typ\":\"JWT\"", alg_name(header->alg));
    const struct {
        const char *name;
        const char *value;
    } members[] = {{"kid", header->kid}, {"x5t", header->x5t}, {"x5t#S256", header->x5t_s256}};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (members[i].value == NULL)
            continue;
        iscep_buf_printf(out, ",\"%s\":", members[i].name);
        iscep_json_append_quoted(out, members[i].value);
    }
    iscep_buf_append_text(out, "}");
}

static iscep_status append_signature(iscep_buf *token, iscep_jwt_alg alg, const iscep_jwt_key *key,
                                     iscep_error *err)
{
    uint8_t signature[MAX_SIGNATURE_LEN]; /* OpenSSL refuses to write past it */
    size_t signature_len = sizeof(signature);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL; /* md's */
    bool is_signed =
        md != NULL &&
        EVP_DigestSignInit_ex(md, &ctx, "SHA256", key->library, key->properties, key->key, NULL) > 0 &&
        use_padding(ctx, alg) && EVP_DigestSign(md, signature, &signature_len, token->data, token->len) > 0;
    EVP_MD_CTX_free(md);
    if (is_signed && alg == ISCEP_JWT_ES256)
        is_signed = ecdsa_to_raw(signature, &signature_len);
    if (!is_signed)
        return iscep_error_set(err, ISCEP_CONFIG, "jwt_key", "the token could not be signed with this key");
    iscep_buf_append_text(token, ".");
    iscep_base64url_encode(token, iscep_bytes_of(signature, signature_len));
    return iscep_buf_status(token, err);
}

iscep_status iscep_jwt_sign_with(iscep_buf *out, const iscep_jwt_header *header, const iscep_json *claims,
                                 const iscep_jwt_key *key, iscep_error *err)
{
    ISCEP_AUTO_BUF header_json, claims_json, token;
    iscep_buf_init(&header_json, ISCEP_JWT_MAX_LEN);
    iscep_buf_init(&claims_json, ISCEP_JWT_MAX_LEN);
    iscep_buf_init(&token, ISCEP_JWT_MAX_LEN);
    iscep_status status = check_key(key->key, header->alg, err);
    if (status != ISCEP_OK)
        return status;
    emit_header(&header_json, header);
    if ((status = iscep_buf_status(&header_json, err)) != ISCEP_OK)
        return status;
    if ((status = iscep_json_emit(&claims_json, claims, err)) != ISCEP_OK)
        return status;
    iscep_base64url_encode(&token, iscep_buf_bytes(&header_json));
    iscep_buf_append_text(&token, ".");
    iscep_base64url_encode(&token, iscep_buf_bytes(&claims_json));
    if ((status = iscep_buf_status(&token, err)) != ISCEP_OK)
        return status;
    if ((status = append_signature(&token, header->alg, key, err)) != ISCEP_OK)
        return status;
    iscep_buf_append(out, token.data, token.len);
    return iscep_buf_status(out, err);
}

iscep_status iscep_jwt_sign(iscep_buf *out, const iscep_jwt_header *header, const iscep_json *claims,
                            EVP_PKEY *key, iscep_error *err)
{
    return iscep_jwt_sign_with(out, header, claims, &(iscep_jwt_key){.key = key}, err);
}

static iscep_status malformed(iscep_error *err)
{
    return iscep_error_set(err, ISCEP_AUTH, "jwt_malformed", "the token is not a signed JSON Web Token");
}

static bool split(token_parts *out, iscep_bytes token)
{
    if (token.len == 0 || token.len > ISCEP_JWT_MAX_LEN)
        return false;
    const uint8_t *end = token.data + token.len;
    const uint8_t *first = memchr(token.data, '.', token.len);
    if (first == NULL)
        return false;
    const uint8_t *second = memchr(first + 1, '.', (size_t)(end - first - 1));
    if (second == NULL)
        return false;
    out->header = iscep_bytes_of(token.data, (size_t)(first - token.data));
    out->claims = iscep_bytes_of(first + 1, (size_t)(second - first - 1));
    out->signature = iscep_bytes_of(second + 1, (size_t)(end - second - 1));
    out->signed_part = iscep_bytes_of(token.data, (size_t)(second - token.data));
    return true;
}

static iscep_status parse_part(iscep_json **out, iscep_bytes part, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, ISCEP_JWT_MAX_LEN);
    if (iscep_base64url_decode(&text, part, NULL) != ISCEP_OK)
        return malformed(err);
    if (iscep_json_parse(out, iscep_buf_bytes(&text), NULL) != ISCEP_OK)
        return malformed(err);
    if (iscep_json_is_object(*out))
        return ISCEP_OK;
    iscep_json_free(*out);
    *out = NULL;
    return malformed(err);
}

static bool has_member(const iscep_json *json, const char *name)
{
    for (const iscep_json *m = iscep_json_first(json); m != NULL; m = iscep_json_next(m))
        if (strcmp(iscep_json_name(m), name) == 0)
            return true;
    return false;
}

/* RFC 7515, 4.1.11: whoever does not understand what "crit" lists must refuse; we understand none. */
static iscep_status check_header(iscep_bytes part, iscep_jwt_alg alg, iscep_error *err)
{
    ISCEP_AUTO_JSON *header = NULL;
    iscep_status status = parse_part(&header, part, err);
    if (status != ISCEP_OK)
        return status;
    const char *name = iscep_json_text(header, "alg");
    if (name == NULL || strcmp(name, alg_name(alg)) != 0 || has_member(header, "crit"))
        return iscep_error_set(err, ISCEP_AUTH, "jwt_alg", "the token is not signed with %s", alg_name(alg));
    return ISCEP_OK;
}

static iscep_status check_signature(const token_parts *parts, iscep_jwt_alg alg, EVP_PKEY *key,
                                    iscep_error *err)
{
    ISCEP_AUTO_BUF signature;
    iscep_buf_init(&signature, ISCEP_JWT_MAX_LEN);
    if (iscep_base64url_decode(&signature, parts->signature, NULL) != ISCEP_OK)
        return malformed(err);
    if (alg == ISCEP_JWT_ES256 && !ecdsa_from_raw(&signature))
        return iscep_error_set(err, ISCEP_AUTH, "jwt_signature", "the token's signature is wrong");
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (md == NULL)
        return iscep_error_nomem(err);
    EVP_PKEY_CTX *ctx = NULL; /* md's */
    bool is_right = EVP_DigestVerifyInit(md, &ctx, EVP_sha256(), NULL, key) > 0 && use_padding(ctx, alg) &&
                    EVP_DigestVerify(md, signature.data, signature.len, parts->signed_part.data,
                                     parts->signed_part.len) == 1;
    EVP_MD_CTX_free(md);
    if (!is_right)
        return iscep_error_set(err, ISCEP_AUTH, "jwt_signature", "the token's signature is wrong");
    return ISCEP_OK;
}

iscep_status iscep_jwt_verify(iscep_json **claims, iscep_bytes token, iscep_jwt_alg alg, EVP_PKEY *key,
                              iscep_error *err)
{
    token_parts parts;
    iscep_status status = check_key(key, alg, err);
    if (status != ISCEP_OK)
        return status;
    if (!split(&parts, token))
        return malformed(err);
    if ((status = check_header(parts.header, alg, err)) != ISCEP_OK)
        return status;
    if ((status = check_signature(&parts, alg, key, err)) != ISCEP_OK)
        return status;
    return parse_part(claims, parts.claims, err);
}

iscep_status iscep_jwt_check_time(const iscep_json *claims, int64_t now_unix, iscep_error *err)
{
    int64_t exp = 0, nbf = 0;
    if (!iscep_json_int(claims, "exp", &exp) || exp <= now_unix)
        return iscep_error_set(err, ISCEP_AUTH, "jwt_expired", "the token has expired");
    if (has_member(claims, "nbf") && (!iscep_json_int(claims, "nbf", &nbf) || nbf > now_unix))
        return iscep_error_set(err, ISCEP_AUTH, "jwt_not_yet_valid", "the token is not valid yet");
    return ISCEP_OK;
}
