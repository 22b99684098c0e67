/* A client assertion says what Entra ID wants to read, for minutes, once, and signed with the certificate's key. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <string.h>

#include "intune/assertion.h"
#include "tests/support/fake_env.h"
#include "tests/support/key_files.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_pki.h"

#define ENDPOINT "https://login.microsoftonline.com/t/oauth2/v2.0/token"
#define NOW_UNIX (FAKE_ENV_UNIX_MS / 1000)

static temp_dir dir;
static fake_env env;
static EVP_PKEY *key;
static iscep_keystore *keystore;

static iscep_keystore *open_keystore(EVP_PKEY *of)
{
    char key_path[128], certificate_path[128];
    iscep_keystore *opened = NULL;
    temp_dir_path(&dir, key_path, sizeof key_path, "key.pem");
    temp_dir_path(&dir, certificate_path, sizeof certificate_path, "cert.pem");
    key_files_write_key(key_path, of, NULL);
    key_files_write_certificate(certificate_path, of, KEY_FILES_EXPIRES);
    const iscep_keystore_source source = {.key = key_path, .certificate = certificate_path};
    cr_assert_eq(iscep_keystore_open(&opened, &source, NULL), ISCEP_OK);
    return opened;
}

static void set_up(void)
{
    temp_dir_make(&dir);
    fake_env_init(&env);
    key = test_pki_new_rsa_key();
    keystore = open_keystore(key);
}

static void tear_down(void)
{
    iscep_keystore_close(keystore);
    EVP_PKEY_free(key);
    fake_env_clear(&env);
    temp_dir_remove(&dir);
}

TestSuite(assertion, .init = set_up, .fini = tear_down);

static iscep_json *emit(iscep_buf *out, iscep_jwt_alg alg)
{
    const iscep_assertion what = {.keystore = keystore, .alg = alg, .client_id = "app", .audience = ENDPOINT};
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_json *claims = NULL;
    iscep_buf_init(out, ISCEP_JWT_MAX_LEN);
    cr_assert_eq(iscep_assertion_emit(out, &what, &env.env, &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(iscep_jwt_verify(&claims, iscep_buf_bytes(out), alg, key, &err), ISCEP_OK, "%s",
                 err.message);
    return claims;
}

static iscep_json *header_of(const iscep_buf *jwt)
{
    ISCEP_AUTO_BUF text;
    iscep_json *header = NULL;
    iscep_buf_init(&text, ISCEP_JWT_MAX_LEN);
    size_t len = (size_t)((const uint8_t *)memchr(jwt->data, '.', jwt->len) - jwt->data);
    cr_assert_eq(iscep_base64url_decode(&text, iscep_bytes_of(jwt->data, len), NULL), ISCEP_OK);
    cr_assert_eq(iscep_json_parse(&header, iscep_buf_bytes(&text), NULL), ISCEP_OK);
    return header;
}

static int64_t number(const iscep_json *claims, const char *name)
{
    int64_t value = 0;
    cr_assert(iscep_json_int(claims, name, &value), "%s", name);
    return value;
}

Test(assertion, says_who_to_whom_and_for_how_long)
{
    ISCEP_AUTO_BUF jwt;
    ISCEP_AUTO_JSON *claims = emit(&jwt, ISCEP_JWT_PS256);
    cr_assert_str_eq(iscep_json_text(claims, "aud"), ENDPOINT);
    cr_assert_str_eq(iscep_json_text(claims, "iss"), "app");
    cr_assert_str_eq(iscep_json_text(claims, "sub"), "app");
    cr_assert_eq(strlen(iscep_json_text(claims, "jti")), 36);
    cr_assert_leq(number(claims, "nbf"), NOW_UNIX);
    cr_assert_leq(number(claims, "iat"), NOW_UNIX);
    cr_assert_gt(number(claims, "exp"), NOW_UNIX);
    cr_assert_leq(number(claims, "exp") - number(claims, "nbf"), 600, "Entra ID allows ten minutes");
}

Test(assertion, names_the_certificate_as_its_algorithm_demands)
{
    ISCEP_AUTO_BUF ps256, rs256;
    ISCEP_AUTO_JSON *unused_ps256 = emit(&ps256, ISCEP_JWT_PS256);
    ISCEP_AUTO_JSON *unused_rs256 = emit(&rs256, ISCEP_JWT_RS256);
    ISCEP_AUTO_JSON *by_sha256 = header_of(&ps256);
    ISCEP_AUTO_JSON *by_sha1 = header_of(&rs256);
    cr_assert(unused_ps256 != NULL && unused_rs256 != NULL);
    cr_assert_str_eq(iscep_json_text(by_sha256, "alg"), "PS256");
    cr_assert_str_eq(iscep_json_text(by_sha256, "x5t#S256"), iscep_keystore_x5t_s256(keystore));
    cr_assert_null(iscep_json_member(by_sha256, "x5t"));
    cr_assert_str_eq(iscep_json_text(by_sha1, "alg"), "RS256");
    cr_assert_str_eq(iscep_json_text(by_sha1, "x5t"), iscep_keystore_x5t(keystore));
    cr_assert_null(iscep_json_member(by_sha1, "x5t#S256"));
}

Test(assertion, is_never_the_same_twice)
{
    ISCEP_AUTO_BUF first_jwt, second_jwt;
    ISCEP_AUTO_JSON *first = emit(&first_jwt, ISCEP_JWT_PS256);
    ISCEP_AUTO_JSON *second = emit(&second_jwt, ISCEP_JWT_PS256);
    cr_assert_str_neq(iscep_json_text(first, "jti"), iscep_json_text(second, "jti"));
}

Test(assertion, signed_with_one_key_is_wrong_for_another)
{
    ISCEP_AUTO_BUF jwt;
    ISCEP_AUTO_JSON *claims = emit(&jwt, ISCEP_JWT_PS256);
    iscep_json *stolen = NULL;
    EVP_PKEY *other = test_pki_new_rsa_key();
    cr_assert_not_null(claims);
    cr_assert_eq(iscep_jwt_verify(&stolen, iscep_buf_bytes(&jwt), ISCEP_JWT_PS256, other, NULL), ISCEP_AUTH);
    cr_assert_eq(iscep_jwt_verify(&stolen, iscep_buf_bytes(&jwt), ISCEP_JWT_RS256, key, NULL), ISCEP_AUTH);
    EVP_PKEY_free(other);
}

Test(assertion, of_a_key_that_is_not_rsa_is_refused)
{
    ISCEP_AUTO_BUF jwt;
    iscep_error err = ISCEP_ERROR_INIT;
    EVP_PKEY *ec = test_pki_new_ec_key();
    iscep_keystore *of_ec = open_keystore(ec);
    const iscep_assertion what = {
        .keystore = of_ec, .alg = ISCEP_JWT_PS256, .client_id = "a", .audience = ENDPOINT};
    iscep_buf_init(&jwt, ISCEP_JWT_MAX_LEN);
    cr_assert_eq(iscep_assertion_emit(&jwt, &what, &env.env, &err), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "jwt_key");
    cr_assert_eq(jwt.len, 0);
    iscep_keystore_close(of_ec);
    EVP_PKEY_free(ec);
}

Test(assertion, is_not_made_without_randomness)
{
    ISCEP_AUTO_BUF jwt;
    const iscep_assertion what = {
        .keystore = keystore, .alg = ISCEP_JWT_PS256, .client_id = "a", .audience = ENDPOINT};
    iscep_buf_init(&jwt, ISCEP_JWT_MAX_LEN);
    env.is_random_broken = true;
    cr_assert_neq(iscep_assertion_emit(&jwt, &what, &env.env, NULL), ISCEP_OK);
    cr_assert_eq(jwt.len, 0);
}
