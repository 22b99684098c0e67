/* See jwk.h. */
#include "base/jwk.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "base/secret.h"

enum { MIN_RSA_BITS = 2048, P256_LEN = 32, MAX_NUMBER_LEN = 1024, THUMBPRINT_SIZE = 44 };

struct iscep_jwk {
    EVP_PKEY *key;
    iscep_jwt_alg alg;
    char thumbprint[THUMBPRINT_SIZE];
};

/* --- from a JWK --- */

/* A member's bytes; the text, which may be the secret, is cleansed. False: there is none. */
static bool take_number(BIGNUM **out, const iscep_json *json, const char *name)
{
    ISCEP_AUTO_BUF bytes;
    iscep_buf_init(&bytes, MAX_NUMBER_LEN);
    const char *text = iscep_json_text(json, name);
    bool is_right = text != NULL && *text != '\0' &&
                    iscep_base64url_decode(&bytes, iscep_bytes_of_text(text), NULL) == ISCEP_OK;
    *out = is_right ? BN_secure_new() : NULL;
    if (*out != NULL && BN_bin2bn(bytes.data, (int)bytes.len, *out) == NULL) {
        BN_clear_free(*out);
        *out = NULL;
    }
    iscep_buf_wipe(&bytes);
    if (text != NULL)
        OPENSSL_cleanse((char *)text, strlen(text)); /* the document is not read again */
    return *out != NULL;
}

static EVP_PKEY *key_of_params(const char *type, OSSL_PARAM_BLD *builder)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return key;
}

/* RFC 7518, 6.2. */
static EVP_PKEY *read_ec(const iscep_json *json)
{
    uint8_t point[1 + 2 * P256_LEN] = {POINT_CONVERSION_UNCOMPRESSED};
    BIGNUM *x = NULL, *y = NULL, *d = NULL;
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    const char *curve = iscep_json_text(json, "crv");
    if (builder != NULL && curve != NULL && strcmp(curve, "P-256") == 0 && take_number(&x, json, "x") &&
        take_number(&y, json, "y") && take_number(&d, json, "d") &&
        BN_bn2binpad(x, point + 1, P256_LEN) == P256_LEN &&
        BN_bn2binpad(y, point + 1 + P256_LEN, P256_LEN) == P256_LEN &&
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, SN_X9_62_prime256v1, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1)
        key = key_of_params("EC", builder);
    OSSL_PARAM_BLD_free(builder);
    BN_free(x);
    BN_free(y);
    BN_clear_free(d);
    return key;
}

/* RFC 7518, 6.3. */
static EVP_PKEY *read_rsa(const iscep_json *json)
{
    static const struct {
        const char *member;
        const char *param;
    } parts[] = {
        {"n", OSSL_PKEY_PARAM_RSA_N},          {"e", OSSL_PKEY_PARAM_RSA_E},
        {"d", OSSL_PKEY_PARAM_RSA_D},          {"p", OSSL_PKEY_PARAM_RSA_FACTOR1},
        {"q", OSSL_PKEY_PARAM_RSA_FACTOR2},    {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
        {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
    };
    enum { PART_COUNT = sizeof parts / sizeof *parts };
    BIGNUM *numbers[PART_COUNT] = {0};
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    bool is_complete = builder != NULL;
    for (size_t i = 0; i < PART_COUNT && is_complete; i++)
        is_complete = take_number(&numbers[i], json, parts[i].member) &&
                      OSSL_PARAM_BLD_push_BN(builder, parts[i].param, numbers[i]) == 1;
    EVP_PKEY *key = is_complete ? key_of_params("RSA", builder) : NULL;
    OSSL_PARAM_BLD_free(builder);
    for (size_t i = 0; i < PART_COUNT; i++)
        BN_clear_free(numbers[i]);
    return key;
}

/* Does the public half belong to the private one? */
static bool is_pair(EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool is_right = ctx != NULL && EVP_PKEY_pairwise_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return is_right;
}

static EVP_PKEY *read_jwk(iscep_bytes text)
{
    ISCEP_AUTO_JSON *json = NULL;
    if (iscep_json_parse(&json, text, NULL) != ISCEP_OK)
        return NULL;
    const char *type = iscep_json_text(json, "kty");
    EVP_PKEY *key = NULL;
    if (type != NULL && strcmp(type, "EC") == 0)
        key = read_ec(json);
    else if (type != NULL && strcmp(type, "RSA") == 0)
        key = read_rsa(json);
    if (key == NULL || is_pair(key))
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

/* --- from PEM --- */

static int tell_no_password(char *out, int size, int is_writing, void *user)
{
    (void)out;
    (void)size;
    (void)is_writing;
    (void)user;
    return -1;
}

static EVP_PKEY *read_pem(iscep_bytes text)
{
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, tell_no_password, NULL) : NULL;
    BIO_free(bio);
    return key;
}

/* --- its name --- */

static void emit_number(iscep_buf *out, const EVP_PKEY *key, const char *param, int len)
{
    uint8_t bytes[MAX_NUMBER_LEN];
    BIGNUM *number = NULL;
    int used = -1;
    if (EVP_PKEY_get_bn_param(key, param, &number) == 1 && BN_num_bytes(number) <= MAX_NUMBER_LEN)
        used = BN_bn2binpad(number, bytes, len > 0 ? len : BN_num_bytes(number));
    BN_free(number);
    if (used > 0)
        iscep_base64url_encode(out, iscep_bytes_of(bytes, (size_t)used));
    else
        out->is_overflown = true;
}

/* RFC 7638, 3.2: the public members alone, by name, without blanks. */
static void emit_public(iscep_buf *out, const EVP_PKEY *key, iscep_jwt_alg alg)
{
    const bool is_ec = alg == ISCEP_JWT_ES256;
    iscep_buf_append_text(out, is_ec ? "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" : "{\"e\":\"");
    emit_number(out, key, is_ec ? OSSL_PKEY_PARAM_EC_PUB_X : OSSL_PKEY_PARAM_RSA_E, is_ec ? P256_LEN : 0);
    iscep_buf_append_text(out, is_ec ? "\",\"y\":\"" : "\",\"kty\":\"RSA\",\"n\":\"");
    emit_number(out, key, is_ec ? OSSL_PKEY_PARAM_EC_PUB_Y : OSSL_PKEY_PARAM_RSA_N, is_ec ? P256_LEN : 0);
    iscep_buf_append_text(out, "\"}");
}

static bool name_key(iscep_jwk *jwk)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    ISCEP_AUTO_BUF text, name;
    iscep_buf_init(&text, 4 * (size_t)MAX_NUMBER_LEN);
    iscep_buf_init(&name, THUMBPRINT_SIZE);
    emit_public(&text, jwk->key, jwk->alg);
    if (text.is_overflown || EVP_Digest(text.data, text.len, digest, &digest_len, EVP_sha256(), NULL) != 1)
        return false;
    iscep_base64url_encode(&name, iscep_bytes_of(digest, digest_len));
    iscep_text_copy(jwk->thumbprint, sizeof jwk->thumbprint, iscep_buf_text(&name));
    return !name.is_overflown;
}

static bool choose_alg(iscep_jwk *jwk)
{
    bool is_rsa = EVP_PKEY_get_base_id(jwk->key) == EVP_PKEY_RSA;
    jwk->alg = is_rsa ? ISCEP_JWT_RS256 : ISCEP_JWT_ES256;
    return !is_rsa ||
           EVP_PKEY_get_bits(jwk->key) >= MIN_RSA_BITS; /* of another curve, x is too long to be named */
}

static iscep_status no_key(iscep_error *err, const char *path)
{
    ERR_clear_error();
    return iscep_error_set(err, ISCEP_CONFIG, "jwk",
                           "%s is no private key: a JWK or PEM that is RSA or P-256, and not encrypted",
                           path);
}

iscep_status iscep_jwk_load(iscep_jwk **out, const char *path, iscep_error *err)
{
    iscep_secret *file = NULL;
    iscep_status status = iscep_secret_load(&file, path, err);
    if (status != ISCEP_OK)
        return status;
    iscep_jwk *jwk = calloc(1, sizeof *jwk);
    if (jwk == NULL) {
        iscep_secret_free(file);
        return iscep_error_nomem(err);
    }
    iscep_bytes text = iscep_secret_reveal(file);
    size_t blanks = strspn((const char *)text.data, " \t\r\n");
    jwk->key = text.data[blanks] == '{' ? read_jwk(text) : read_pem(text);
    iscep_secret_free(file);
    if (jwk->key == NULL || !choose_alg(jwk) || !name_key(jwk)) {
        iscep_jwk_free(jwk);
        return no_key(err, path);
    }
    *out = jwk;
    return ISCEP_OK;
}

void iscep_jwk_free(iscep_jwk *jwk)
{
    if (jwk == NULL)
        return;
    EVP_PKEY_free(jwk->key);
    free(jwk);
}

EVP_PKEY *iscep_jwk_key(const iscep_jwk *jwk)
{
    return jwk->key;
}

iscep_jwt_alg iscep_jwk_alg(const iscep_jwk *jwk)
{
    return jwk->alg;
}

const char *iscep_jwk_thumbprint(const iscep_jwk *jwk)
{
    return jwk->thumbprint;
}
