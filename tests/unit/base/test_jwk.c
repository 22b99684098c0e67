/* Provisioners' keys: what they are named and sign, and files that hold no key. */
#include <criterion/criterion.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#include "base/jwk.h"
#include "tests/support/key_files.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_pki.h"

/* RFC 7515, A.3.1: an EC key; its thumbprint was computed with Python's hashlib. */
#define X    "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y    "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define D    "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
#define NAME "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"
#define EC(x, y, d)                                                                                          \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" x "\",\"y\":\"" y "\",\"d\":\"" d "\",\"kid\":\"other\"}"

static temp_dir dir;
static char path[128];
static iscep_error err;

static void set_up(void)
{
    temp_dir_make(&dir);
    temp_dir_path(&dir, path, sizeof path, "key");
    err = (iscep_error)ISCEP_ERROR_INIT;
}

static void tear_down(void)
{
    temp_dir_remove(&dir);
}

TestSuite(jwk, .init = set_up, .fini = tear_down);

static iscep_jwk *load(void)
{
    iscep_jwk *jwk = NULL;
    cr_assert_eq(iscep_jwk_load(&jwk, path, &err), ISCEP_OK, "%s", err.message);
    return jwk;
}

static void assert_signs(const iscep_jwk *jwk)
{
    ISCEP_AUTO_BUF token;
    ISCEP_AUTO_JSON *claims = iscep_json_new_object(), *read = NULL;
    iscep_buf_init(&token, ISCEP_JWT_MAX_LEN);
    iscep_json_add_int(claims, "exp", 1);
    const iscep_jwt_header header = {.alg = iscep_jwk_alg(jwk), .kid = iscep_jwk_thumbprint(jwk)};
    cr_assert_eq(iscep_jwt_sign(&token, &header, claims, iscep_jwk_key(jwk), &err), ISCEP_OK, "%s",
                 err.message);
    cr_assert_eq(iscep_jwt_verify(&read, iscep_buf_bytes(&token), header.alg, iscep_jwk_key(jwk), &err),
                 ISCEP_OK);
}

Test(jwk, ec_key_is_read_named_and_signs)
{
    temp_dir_write(&dir, path, sizeof path, "key", "\n  " EC(X, Y, D));
    iscep_jwk *jwk = load();
    cr_assert_eq(iscep_jwk_alg(jwk), ISCEP_JWT_ES256);
    cr_assert_str_eq(iscep_jwk_thumbprint(jwk), NAME);
    assert_signs(jwk);
    iscep_jwk_free(jwk);
}

static void append_member(iscep_buf *out, const EVP_PKEY *key, const char *name, const char *param)
{
    uint8_t bytes[512];
    BIGNUM *number = NULL;
    cr_assert_eq(EVP_PKEY_get_bn_param(key, param, &number), 1);
    int len = BN_bn2bin(number, bytes);
    BN_free(number);
    iscep_buf_printf(out, ",\"%s\":\"", name);
    iscep_base64url_encode(out, iscep_bytes_of(bytes, (size_t)len));
    iscep_buf_append_text(out, "\"");
}

Test(jwk, rsa_key_has_one_name_as_jwk_and_as_pem)
{
    static const char *const members[][2] = {
        {"n", OSSL_PKEY_PARAM_RSA_N},          {"e", OSSL_PKEY_PARAM_RSA_E},
        {"d", OSSL_PKEY_PARAM_RSA_D},          {"p", OSSL_PKEY_PARAM_RSA_FACTOR1},
        {"q", OSSL_PKEY_PARAM_RSA_FACTOR2},    {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
        {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1}};
    EVP_PKEY *key = test_pki_new_rsa_key();
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, 16 * 1024);
    iscep_buf_append_text(&text, "{\"kty\":\"RSA\"");
    for (size_t i = 0; i < 8; i++)
        append_member(&text, key, members[i][0], members[i][1]);
    iscep_buf_append_text(&text, "}");
    temp_dir_write(&dir, path, sizeof path, "key", iscep_buf_text(&text));
    iscep_jwk *from_jwk = load();
    key_files_write_key(path, key, NULL);
    iscep_jwk *from_pem = load();
    cr_assert_eq(iscep_jwk_alg(from_jwk), ISCEP_JWT_RS256);
    cr_assert_str_eq(iscep_jwk_thumbprint(from_jwk), iscep_jwk_thumbprint(from_pem));
    cr_assert_eq(strlen(iscep_jwk_thumbprint(from_jwk)), 43);
    assert_signs(from_jwk);
    assert_signs(from_pem);
    iscep_jwk_free(from_jwk);
    iscep_jwk_free(from_pem);
    EVP_PKEY_free(key);
}

static void assert_refused(const char *what)
{
    iscep_jwk *jwk = NULL;
    cr_assert_eq(iscep_jwk_load(&jwk, path, &err), ISCEP_CONFIG, "%s", what);
    cr_assert_null(jwk);
    cr_assert_null(strstr(err.message, D), "a part of the key is in the message");
}

Test(jwk, that_is_no_usable_key_is_refused)
{
    static const char *const wrong[] = {
        "{}",
        "{\"kty\":\"oct\",\"k\":\"AAAA\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\"}", /* public */
        "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" X "\",\"y\":\"" Y "\",\"d\":\"" D "\"}",
        EC(X, Y, "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LM"), /* of another point */
        EC(X, X, D),                                             /* not on the curve */
        EC(X, Y, ""),
        EC(X, Y, "jps*"),
        EC(X, Y, D) "x",
        "{\"kty\":\"RSA\",\"n\":\"" X "\",\"e\":\"AQAB\"}",
        "no key at all",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        temp_dir_write(&dir, path, sizeof path, "key", wrong[i]);
        assert_refused(wrong[i]);
    }
    cr_assert_eq(remove(path), 0);
    assert_refused("no file");
}

Test(jwk, pem_of_another_kind_of_key_is_refused_and_nobody_is_asked_for_a_password)
{
    EVP_PKEY *keys[] = {EVP_EC_gen("P-384"), EVP_RSA_gen(1024), EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
    for (size_t i = 0; i < 3; i++) {
        key_files_write_key(path, keys[i], NULL);
        assert_refused("another kind");
        EVP_PKEY_free(keys[i]);
    }
    EVP_PKEY *good = test_pki_new_ec_key();
    key_files_write_key(path, good, KEY_FILES_PASSWORD);
    assert_refused("encrypted");
    EVP_PKEY_free(good);
}
