/* Client assertions: the one that is right, and all that are wrong in one thing. */
#include <string.h>

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "assertion.h"
#include "fixture.h"

#define ENDPOINT    "https://mock.example/" FIXTURE_TENANT "/oauth2/v2.0/token"
#define NOW_S       (FIXTURE_NOW_MS / 1000)
#define CERT_LIFE_S (100 * 24 * 3600)

static fixture f;
static EVP_PKEY *key, *other_key;
static char key_id[ISCEP_GUID_SIZE];
static char x5t[MOCK_THUMBPRINT_SIZE], x5t_s256[MOCK_THUMBPRINT_SIZE];

static BIO *make_certificate(EVP_PKEY *of)
{
    BIO *pem = BIO_new(BIO_s_mem());
    X509 *cert = X509_new();
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    ASN1_TIME_set(X509_getm_notBefore(cert), NOW_S - 60);
    ASN1_TIME_set(X509_getm_notAfter(cert), NOW_S + CERT_LIFE_S);
    X509_set_pubkey(cert, of);
    cr_assert_gt(X509_sign(cert, of, EVP_sha256()), 0);
    cr_assert_eq(PEM_write_bio_X509(pem, cert), 1);
    X509_free(cert);
    return pem;
}

/* Registers the certificate as an administrator does, and learns its thumbprints. */
static void register_certificate(void)
{
    ISCEP_AUTO_BUF body;
    char *text = NULL;
    BIO *pem = make_certificate(key);
    BIO_write(pem, "", 1);
    BIO_get_mem_data(pem, &text);
    iscep_buf_init(&body, 16384);
    iscep_buf_append_text(&body, "{\"kind\":\"certificate\",\"certificate\":");
    iscep_json_append_quoted(&body, text);
    iscep_buf_append_text(&body, "}");
    ISCEP_AUTO_JSON *json = fixture_admin(&f, mock_admin_add_credential, "", iscep_buf_text(&body), 200);
    iscep_text_copy(x5t, sizeof(x5t), iscep_json_text(json, "x5t"));
    iscep_text_copy(x5t_s256, sizeof(x5t_s256), iscep_json_text(json, "x5t#S256"));
    iscep_text_copy(key_id, sizeof(key_id), iscep_json_text(json, "keyId"));
    BIO_free(pem);
}

static void start(void)
{
    fixture_open(&f);
    key = EVP_RSA_gen(2048);
    other_key = EVP_RSA_gen(2048);
    register_certificate();
}

static void stop(void)
{
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
    fixture_close(&f);
}

TestSuite(assertion, .init = start, .fini = stop);

/* What is in an assertion; NULL and 0 leave it as it is right, "" leaves it out. */
typedef struct token_spec {
    iscep_jwt_alg alg; /* 0: PS256 */
    EVP_PKEY *key;
    const char *x5t, *x5t_s256;
    const char *iss, *sub, *aud, *jti;
    int64_t nbf, exp; /* seconds from now; NOT_THERE leaves it out */
} token_spec;

#define NOT_THERE (-1000000)
#define RIGHT     .nbf = -10, .exp = 300

static void add_claim(iscep_json *claims, const char *name, const char *given, const char *right)
{
    const char *value = given != NULL ? given : right;
    if (value[0] != '\0')
        iscep_json_add_text(claims, name, value);
}

static void add_time(iscep_json *claims, const char *name, int64_t from_now)
{
    if (from_now != NOT_THERE)
        iscep_json_add_int(claims, name, NOW_S + from_now);
}

static const char *thumbprint(const char *given, const char *right)
{
    const char *value = given != NULL ? given : right;
    return value[0] != '\0' ? value : NULL;
}

static void make(iscep_buf *out, const token_spec *spec)
{
    static int count;
    char jti[32];
    ISCEP_AUTO_JSON *claims = iscep_json_new_object();
    snprintf(jti, sizeof(jti), "jti-%d", count++);
    add_claim(claims, "iss", spec->iss, FIXTURE_CLIENT);
    add_claim(claims, "sub", spec->sub, FIXTURE_CLIENT);
    add_claim(claims, "aud", spec->aud, ENDPOINT);
    add_claim(claims, "jti", spec->jti, jti);
    add_time(claims, "nbf", spec->nbf);
    add_time(claims, "exp", spec->exp);
    bool is_rs256 = spec->alg == ISCEP_JWT_RS256;
    iscep_jwt_header header = {.alg = is_rs256 ? ISCEP_JWT_RS256 : ISCEP_JWT_PS256,
                               .x5t = thumbprint(spec->x5t, is_rs256 ? x5t : ""),
                               .x5t_s256 = thumbprint(spec->x5t_s256, is_rs256 ? "" : x5t_s256)};
    cr_assert_eq(iscep_jwt_sign(out, &header, claims, spec->key != NULL ? spec->key : key, NULL), ISCEP_OK);
}

static void expect_token_of(const char *token, int32_t status, int64_t aadsts)
{
    ISCEP_AUTO_BUF form;
    iscep_buf_init(&form, 32768);
    iscep_buf_printf(&form, "%s&client_assertion_type=%s&client_assertion=", FIXTURE_WHO FIXTURE_GRAPH_SCOPE,
                     MOCK_ASSERTION_TYPE);
    iscep_buf_append_text(&form, token);
    fixture_expect_sign_in(&f, FIXTURE_TENANT, iscep_buf_text(&form), status, aadsts);
}

static void expect(const token_spec *spec, int32_t status, int64_t aadsts)
{
    ISCEP_AUTO_BUF token;
    iscep_buf_init(&token, ISCEP_JWT_MAX_LEN);
    make(&token, spec);
    expect_token_of(iscep_buf_text(&token), status, aadsts);
}

Test(assertion, both_documented_pairs_are_good)
{
    expect(&(token_spec){RIGHT}, 200, 0);
    expect(&(token_spec){RIGHT, .alg = ISCEP_JWT_RS256}, 200, 0);
    expect(&(token_spec){.nbf = 0, .exp = MOCK_ASSERTION_LIFETIME_S}, 200, 0);
}

Test(assertion, what_is_wrong_in_one_thing_is_refused_for_it)
{
    const struct {
        const char *what;
        token_spec spec;
        int32_t status;
        int64_t aadsts;
    } rows[] = {
        {"another key", {RIGHT, .key = other_key}, 401, 700027},
        {"a certificate nobody registered", {RIGHT, .x5t_s256 = "AAAA"}, 401, 700027},
        {"no thumbprint", {RIGHT, .x5t_s256 = ""}, 400, 50027},
        {"PS256 with x5t", {RIGHT, .x5t = x5t, .x5t_s256 = ""}, 400, 50027},
        {"RS256 with x5t#S256", {RIGHT, .alg = ISCEP_JWT_RS256, .x5t = "", .x5t_s256 = x5t_s256}, 400, 50027},
        {"the SHA-256 as x5t", {RIGHT, .alg = ISCEP_JWT_RS256, .x5t = x5t_s256}, 401, 700027},
        {"no issuer", {RIGHT, .iss = ""}, 401, 700021},
        {"another issuer", {RIGHT, .iss = "another"}, 401, 700021},
        {"no subject", {RIGHT, .sub = ""}, 401, 700021},
        {"another subject", {RIGHT, .sub = "another"}, 401, 700021},
        {"no audience", {RIGHT, .aud = ""}, 401, 700023},
        {"the audience of another tenant",
         {RIGHT, .aud = "https://mock.example/x/oauth2/v2.0/token"},
         401,
         700023},
        {"the authority as audience", {RIGHT, .aud = "https://mock.example/"}, 401, 700023},
        {"expired", {.nbf = -600, .exp = 0}, 401, 700024},
        {"not yet valid", {.nbf = 1, .exp = 300}, 401, 700024},
        {"longer than ten minutes", {.nbf = -10, .exp = MOCK_ASSERTION_LIFETIME_S + 1}, 401, 700024},
        {"no end", {.nbf = -10, .exp = NOT_THERE}, 401, 700024},
        {"no beginning", {.nbf = NOT_THERE, .exp = 300}, 401, 700024},
        {"no jti", {RIGHT, .jti = ""}, 400, 50027},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fprintf(stderr, "%s\n", rows[i].what);
        expect(&rows[i].spec, rows[i].status, rows[i].aadsts);
    }
}

Test(assertion, what_is_no_token_is_refused)
{
    const char *tokens[] = {"x", "a.b", "a.b.c", "e30.e30", "e30.W10.c2ln", "..", "e30.e30.c2ln.x"};
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
        expect_token_of(tokens[i], 400, 50027);
}

/* "alg":"none", and the public key as an HMAC secret: the two classics. */
Test(assertion, an_algorithm_is_not_chosen_by_the_sender)
{
    const char *names[] = {"none", "HS256", "RS512", "ps256"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ISCEP_AUTO_BUF token, header;
        iscep_buf_init(&token, 4096);
        iscep_buf_init(&header, 1024);
        iscep_buf_printf(&header, "{\"alg\":\"%s\",\"x5t#S256\":\"%s\"}", names[i], x5t_s256);
        iscep_base64url_encode(&token, iscep_buf_bytes(&header));
        iscep_buf_append_text(&token, ".e30.");
        expect_token_of(iscep_buf_text(&token), 400, 50027);
    }
}

Test(assertion, is_good_once)
{
    expect(&(token_spec){RIGHT, .jti = "the same"}, 200, 0);
    expect(&(token_spec){RIGHT, .jti = "the same"}, 401, 50013);
    expect(&(token_spec){RIGHT, .jti = "another"}, 200, 0);
    fixture_expect_admin(&f, mock_admin_reset, "", "", 200);
    register_certificate();
    expect(&(token_spec){RIGHT, .jti = "the same"}, 200, 0);
}

/* A refused assertion has not used up its jti. */
Test(assertion, a_refused_jti_may_come_again)
{
    expect(&(token_spec){RIGHT, .jti = "once", .aud = "elsewhere"}, 401, 700023);
    expect(&(token_spec){RIGHT, .jti = "once"}, 200, 0);
}

Test(assertion, a_certificate_ends)
{
    ISCEP_AUTO_BUF token;
    fixture_expect_admin(&f, mock_admin_change_credential, key_id, "{\"expiresInSeconds\":60}", 200);
    expect(&(token_spec){RIGHT}, 200, 0);
    iscep_buf_init(&token, ISCEP_JWT_MAX_LEN);
    make(&token, &(token_spec){RIGHT});
    f.now_ms += 60 * 1000;
    expect_token_of(iscep_buf_text(&token), 401, 700027);
}

Test(assertion, a_certificate_ends_where_it_says)
{
    const mock_credential *found = mock_credentials_find(&f.mock.credentials, key_id);
    cr_assert_eq(found->expires_unix, NOW_S + CERT_LIFE_S);
}

Test(assertion, a_removed_certificate_is_unknown)
{
    fixture_expect_admin(&f, mock_admin_remove_credential, key_id, "", 200);
    expect(&(token_spec){RIGHT}, 401, 700027);
}
