/* What base/jose.h promises: its own tokens verify, and nothing else does. */
#include "base/jose.h"

#include <string.h>

#include <criterion/criterion.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

static EVP_PKEY *rsa_key;
static iscep_error err;

static void make_key(void)
{
    rsa_key = EVP_RSA_gen(2048);
    cr_assert_not_null(rsa_key);
    err = (iscep_error)ISCEP_ERROR_INIT;
}

static void free_key(void)
{
    EVP_PKEY_free(rsa_key);
}

TestSuite(jose, .init = make_key, .fini = free_key);

static iscep_json *parse(const char *text)
{
    iscep_json *json = NULL;
    cr_assert_eq(iscep_json_parse(&json, iscep_bytes_of_text(text), NULL), ISCEP_OK, "%s", text);
    return json;
}

static void sign(iscep_buf *out, iscep_jwt_alg alg, const char *claims_text)
{
    ISCEP_AUTO_JSON *claims = parse(claims_text);
    iscep_jwt_header header = {.alg = alg, .kid = "key 1"};
    iscep_buf_init(out, ISCEP_JWT_MAX_LEN);
    cr_assert_eq(iscep_jwt_sign(out, &header, claims, rsa_key, &err), ISCEP_OK, "%s", err.message);
}

static void expect_refused(iscep_bytes token, iscep_jwt_alg alg, EVP_PKEY *key, const char *code)
{
    iscep_json *claims = NULL;
    cr_assert_eq(iscep_jwt_verify(&claims, token, alg, key, &err), ISCEP_AUTH);
    cr_assert_str_eq(err.code, code);
    cr_assert_null(claims);
}

/* A token with the given header text and claims, signed with RS256 as it stands. */
static void sign_header_text(iscep_buf *out, const char *header_text)
{
    uint8_t signature[256];
    size_t signature_len = sizeof(signature);
    iscep_buf_init(out, ISCEP_JWT_MAX_LEN);
    iscep_base64url_encode(out, iscep_bytes_of_text(header_text));
    iscep_buf_append_text(out, ".");
    iscep_base64url_encode(out, iscep_bytes_of_text("{\"exp\":1}"));
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    cr_assert_eq(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, rsa_key), 1);
    cr_assert_eq(EVP_DigestSign(md, signature, &signature_len, out->data, out->len), 1);
    EVP_MD_CTX_free(md);
    iscep_buf_append_text(out, ".");
    iscep_base64url_encode(out, iscep_bytes_of(signature, signature_len));
}

Test(jose, signs_and_verifies_with_both_algorithms)
{
    const iscep_jwt_alg algs[] = {ISCEP_JWT_RS256, ISCEP_JWT_PS256};
    for (size_t i = 0; i < 2; i++) {
        ISCEP_AUTO_BUF token;
        ISCEP_AUTO_JSON *claims = NULL;
        sign(&token, algs[i], "{\"aud\":\"https://api.example//\",\"exp\":2000}");
        cr_assert_eq(iscep_jwt_verify(&claims, iscep_buf_bytes(&token), algs[i], rsa_key, &err), ISCEP_OK);
        cr_assert_str_eq(iscep_json_text(claims, "aud"), "https://api.example//");
    }
}

Test(jose, header_names_the_key_and_the_certificate)
{
    ISCEP_AUTO_BUF token, header_text;
    ISCEP_AUTO_JSON *claims = parse("{}");
    ISCEP_AUTO_JSON *header = NULL;
    iscep_jwt_header wanted = {.alg = ISCEP_JWT_PS256, .kid = "k", .x5t_s256 = "thumb"};
    iscep_buf_init(&token, ISCEP_JWT_MAX_LEN);
    iscep_buf_init(&header_text, 1024);
    cr_assert_eq(iscep_jwt_sign(&token, &wanted, claims, rsa_key, &err), ISCEP_OK);
    size_t header_len = strcspn(iscep_buf_text(&token), ".");
    cr_assert_eq(iscep_base64url_decode(&header_text, iscep_bytes_of(token.data, header_len), &err),
                 ISCEP_OK);
    cr_assert_eq(iscep_json_parse(&header, iscep_buf_bytes(&header_text), &err), ISCEP_OK);
    cr_assert_str_eq(iscep_json_text(header, "alg"), "PS256");
    cr_assert_str_eq(iscep_json_text(header, "kid"), "k");
    cr_assert_str_eq(iscep_json_text(header, "x5t#S256"), "thumb");
    cr_assert_null(iscep_json_member(header, "x5t"));
}

Test(jose, another_algorithm_than_the_expected_is_refused)
{
    ISCEP_AUTO_BUF token;
    sign(&token, ISCEP_JWT_PS256, "{}");
    expect_refused(iscep_buf_bytes(&token), ISCEP_JWT_RS256, rsa_key, "jwt_alg");
}

Test(jose, alg_none_crit_and_a_doubled_alg_are_refused)
{
    const char *headers[] = {"{\"alg\":\"none\"}",
                             "{\"alg\":\"HS256\"}",
                             "{\"alg\":\"rs256\"}",
                             "{\"typ\":\"JWT\"}",
                             "{\"alg\":\"RS256\",\"crit\":[\"b64\"]}",
                             "{\"alg\":\"RS256\",\"crit\":1,\"crit\":1}",
                             "{\"alg\":\"RS256\",\"alg\":\"RS256\"}"};
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        ISCEP_AUTO_BUF token;
        sign_header_text(&token, headers[i]);
        expect_refused(iscep_buf_bytes(&token), ISCEP_JWT_RS256, rsa_key, "jwt_alg");
    }
}

Test(jose, a_changed_claim_is_refused)
{
    ISCEP_AUTO_BUF token;
    sign(&token, ISCEP_JWT_RS256, "{\"role\":\"a\"}");
    uint8_t *claims = memchr(token.data, '.', token.len);
    claims[3] = claims[3] == 'A' ? 'B' : 'A';
    expect_refused(iscep_buf_bytes(&token), ISCEP_JWT_RS256, rsa_key, "jwt_signature");
}

Test(jose, a_token_of_another_key_is_refused)
{
    ISCEP_AUTO_BUF token;
    EVP_PKEY *other = EVP_RSA_gen(2048);
    sign(&token, ISCEP_JWT_RS256, "{}");
    expect_refused(iscep_buf_bytes(&token), ISCEP_JWT_RS256, other, "jwt_signature");
    EVP_PKEY_free(other);
}

Test(jose, an_empty_signature_is_refused)
{
    ISCEP_AUTO_BUF token;
    sign(&token, ISCEP_JWT_RS256, "{}");
    const char *text = iscep_buf_text(&token);
    size_t len = (size_t)(strrchr(text, '.') - text) + 1;
    expect_refused(iscep_bytes_of(text, len), ISCEP_JWT_RS256, rsa_key, "jwt_signature");
}

Test(jose, what_is_no_token_is_refused)
{
    const char *texts[] = {
        "", ".", "..", "a.b", "a.b.c", "eyJhbGciOiJSUzI1NiJ9.e30.=", "eyJhbGciOiJSUzI1NiJ9.e30.a+b/"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        expect_refused(iscep_bytes_of_text(texts[i]), ISCEP_JWT_RS256, rsa_key, "jwt_malformed");
}

Test(jose, signed_claims_that_are_no_object_are_refused)
{
    ISCEP_AUTO_BUF token;
    sign(&token, ISCEP_JWT_RS256, "[1]");
    expect_refused(iscep_buf_bytes(&token), ISCEP_JWT_RS256, rsa_key, "jwt_malformed");
}

Test(jose, a_token_beyond_the_limit_is_refused)
{
    static char big[ISCEP_JWT_MAX_LEN + 1];
    memset(big, 'A', sizeof(big));
    expect_refused(iscep_bytes_of(big, sizeof(big)), ISCEP_JWT_RS256, rsa_key, "jwt_malformed");
}

Test(jose, weak_and_foreign_keys_are_refused)
{
    EVP_PKEY *keys[] = {EVP_RSA_gen(1024), EVP_EC_gen("P-256")};
    for (size_t i = 0; i < 2; i++) {
        ISCEP_AUTO_BUF token;
        ISCEP_AUTO_JSON *claims = parse("{}");
        iscep_jwt_header header = {.alg = ISCEP_JWT_RS256};
        iscep_buf_init(&token, ISCEP_JWT_MAX_LEN);
        cr_assert_eq(iscep_jwt_sign(&token, &header, claims, keys[i], &err), ISCEP_CONFIG);
        cr_assert_str_eq(err.code, "jwt_key");
        cr_assert_eq(token.len, 0);
        EVP_PKEY_free(keys[i]);
    }
}

Test(jose, times_are_checked_to_the_second)
{
    const struct {
        const char *claims;
        iscep_status status;
        const char *code;
    } rows[] = {
        {"{\"exp\":101}", ISCEP_OK, ""},
        {"{\"exp\":101,\"nbf\":100}", ISCEP_OK, ""},
        {"{\"exp\":100}", ISCEP_AUTH, "jwt_expired"},
        {"{}", ISCEP_AUTH, "jwt_expired"},
        {"{\"exp\":\"101\"}", ISCEP_AUTH, "jwt_expired"},
        {"{\"exp\":101,\"exp\":101}", ISCEP_AUTH, "jwt_expired"},
        {"{\"exp\":101,\"nbf\":101}", ISCEP_AUTH, "jwt_not_yet_valid"},
        {"{\"exp\":101,\"nbf\":\"1\"}", ISCEP_AUTH, "jwt_not_yet_valid"},
        {"{\"exp\":101,\"nbf\":1,\"nbf\":1}", ISCEP_AUTH, "jwt_not_yet_valid"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ISCEP_AUTO_JSON *claims = parse(rows[i].claims);
        iscep_error e = ISCEP_ERROR_INIT;
        cr_assert_eq(iscep_jwt_check_time(claims, 100, &e), rows[i].status, "%s", rows[i].claims);
        cr_assert_str_eq(e.code, rows[i].code);
    }
}

static iscep_bytes part_of(const iscep_buf *token, unsigned nth)
{
    const uint8_t *at = token->data, *end = token->data + token->len;
    for (; nth > 0; nth--)
        at = (const uint8_t *)memchr(at, '.', (size_t)(end - at)) + 1;
    const uint8_t *dot = memchr(at, '.', (size_t)(end - at));
    return iscep_bytes_of(at, (size_t)((dot != NULL ? dot : end) - at));
}

static void sign_es256(iscep_buf *out, EVP_PKEY *key)
{
    ISCEP_AUTO_JSON *claims = parse("{\"exp\":2000}");
    iscep_jwt_header header = {.alg = ISCEP_JWT_ES256, .kid = "k"};
    iscep_buf_init(out, ISCEP_JWT_MAX_LEN);
    cr_assert_eq(iscep_jwt_sign(out, &header, claims, key, &err), ISCEP_OK, "%s", err.message);
}

/* RFC 7518, 3.4: r and s have 32 bytes each, also those that begin with zeros, which one signature in 128 has. */
Test(jose, es256_signature_is_64_raw_bytes_and_verifies)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    for (unsigned i = 0; i < 600; i++) {
        ISCEP_AUTO_BUF token, raw;
        ISCEP_AUTO_JSON *claims = NULL;
        sign_es256(&token, key);
        iscep_buf_init(&raw, 1024);
        cr_assert_eq(iscep_base64url_decode(&raw, part_of(&token, 2), NULL), ISCEP_OK);
        cr_assert_eq(raw.len, 64);
        cr_assert_eq(iscep_jwt_verify(&claims, iscep_buf_bytes(&token), ISCEP_JWT_ES256, key, &err),
                     ISCEP_OK);
    }
    EVP_PKEY_free(key);
}

Test(jose, es256_token_that_was_changed_or_is_of_another_key_is_refused)
{
    EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
    ISCEP_AUTO_BUF token, changed;
    sign_es256(&token, key);
    expect_refused(iscep_buf_bytes(&token), ISCEP_JWT_ES256, other, "jwt_signature");
    expect_refused(iscep_buf_bytes(&token), ISCEP_JWT_RS256, rsa_key, "jwt_alg");
    iscep_buf_init(&changed, ISCEP_JWT_MAX_LEN);
    iscep_bytes signature = part_of(&token, 2);
    iscep_buf_append(&changed, token.data, (size_t)(signature.data - token.data));
    iscep_base64url_encode(&changed, iscep_bytes_of((const uint8_t[64]){0}, 64)); /* r = s = 0 */
    expect_refused(iscep_buf_bytes(&changed), ISCEP_JWT_ES256, key, "jwt_signature");
    changed.len -= 4;
    expect_refused(iscep_buf_bytes(&changed), ISCEP_JWT_ES256, key, "jwt_signature");
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

Test(jose, es256_wants_a_key_on_its_curve)
{
    EVP_PKEY *keys[] = {EVP_EC_gen("P-384"), EVP_EC_gen("secp256k1"), rsa_key};
    ISCEP_AUTO_JSON *claims = parse("{}");
    iscep_jwt_header header = {.alg = ISCEP_JWT_ES256};
    for (size_t i = 0; i < 3; i++) {
        ISCEP_AUTO_BUF token;
        iscep_buf_init(&token, ISCEP_JWT_MAX_LEN);
        cr_assert_eq(iscep_jwt_sign(&token, &header, claims, keys[i], &err), ISCEP_CONFIG);
        cr_assert_str_eq(err.code, "jwt_key");
        cr_assert_eq(token.len, 0);
    }
    EVP_PKEY_free(keys[0]);
    EVP_PKEY_free(keys[1]);
}
