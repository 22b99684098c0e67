/* Workload identity federation: the token of a foreign issuer, and each way in which it does not match. */
#include <string.h>

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "assertion.h"
#include "fixture.h"

#define ISSUER  "https://oidc.example/cluster"
#define SUBJECT "system:serviceaccount:scep:connector"
#define NOW_S   (FIXTURE_NOW_MS / 1000)

static fixture f;
static EVP_PKEY *key, *other_key;

static void register_issuer(EVP_PKEY *of, const char *subject)
{
    ISCEP_AUTO_BUF body;
    char *pem = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    cr_assert_eq(PEM_write_bio_PUBKEY(bio, of), 1);
    BIO_write(bio, "", 1);
    BIO_get_mem_data(bio, &pem);
    iscep_buf_init(&body, 16384);
    iscep_buf_printf(&body,
                     "{\"kind\":\"federated\",\"issuer\":\"%s\",\"subject\":\"%s\",\"publicKey\":", ISSUER,
                     subject);
    iscep_json_append_quoted(&body, pem);
    iscep_buf_append_text(&body, "}");
    fixture_expect_admin(&f, mock_admin_add_credential, "", iscep_buf_text(&body), 200);
    BIO_free(bio);
}

static void start(void)
{
    fixture_open(&f);
    key = EVP_RSA_gen(2048);
    other_key = EVP_RSA_gen(2048);
    register_issuer(key, SUBJECT);
}

static void stop(void)
{
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
    fixture_close(&f);
}

TestSuite(federated, .init = start, .fini = stop);

/* What the issuer's token says; NULL is right. aud_in_list: as Kubernetes writes it. */
typedef struct token_spec {
    EVP_PKEY *key;
    iscep_jwt_alg alg;
    const char *iss, *sub, *aud;
    bool is_in_list;
    int64_t nbf, exp;
} token_spec;

#define RIGHT .nbf = -3600, .exp = 24 * 3600

static const char *or_right(const char *given, const char *right)
{
    return given != NULL ? given : right;
}

static void make(iscep_buf *out, const token_spec *spec)
{
    ISCEP_AUTO_JSON *claims = iscep_json_new_object();
    const char *aud = or_right(spec->aud, MOCK_DEFAULT_AUDIENCE);
    iscep_json_add_text(claims, "iss", or_right(spec->iss, ISSUER));
    iscep_json_add_text(claims, "sub", or_right(spec->sub, SUBJECT));
    if (spec->is_in_list)
        iscep_json_append_text(iscep_json_add_array(claims, "aud"), aud);
    else
        iscep_json_add_text(claims, "aud", aud);
    iscep_json_add_int(claims, "nbf", NOW_S + spec->nbf);
    iscep_json_add_int(claims, "exp", NOW_S + spec->exp);
    iscep_jwt_header header = {.alg = spec->alg != 0 ? spec->alg : ISCEP_JWT_RS256, .kid = "k1"};
    cr_assert_eq(iscep_jwt_sign(out, &header, claims, spec->key != NULL ? spec->key : key, NULL), ISCEP_OK);
}

static void expect(const token_spec *spec, int32_t status, int64_t aadsts)
{
    ISCEP_AUTO_BUF form;
    iscep_buf_init(&form, 32768);
    iscep_buf_printf(&form, "%s&client_assertion_type=%s&client_assertion=", FIXTURE_WHO FIXTURE_GRAPH_SCOPE,
                     MOCK_ASSERTION_TYPE);
    make(&form, spec);
    fixture_expect_sign_in(&f, FIXTURE_TENANT, iscep_buf_text(&form), status, aadsts);
}

Test(federated, a_token_of_the_issuer_is_good_again_and_again)
{
    expect(&(token_spec){RIGHT}, 200, 0);
    expect(&(token_spec){RIGHT}, 200, 0);
    expect(&(token_spec){RIGHT, .is_in_list = true}, 200, 0);
}

Test(federated, what_does_not_match_is_named)
{
    const struct {
        const char *what;
        token_spec spec;
        int64_t aadsts;
    } rows[] = {
        {"another issuer", {RIGHT, .iss = "https://oidc.example/other"}, 700211},
        {"a slash more", {RIGHT, .iss = ISSUER "/"}, 700211},
        {"another subject", {RIGHT, .sub = "system:serviceaccount:scep:default"}, 700213},
        {"another case", {RIGHT, .sub = "System:serviceaccount:scep:connector"}, 700213},
        {"another audience", {RIGHT, .aud = "https://kubernetes.default.svc"}, 700212},
        {"another audience in a list",
         {RIGHT, .aud = "https://kubernetes.default.svc", .is_in_list = true},
         700212},
        {"another key", {RIGHT, .key = other_key}, 50013},
        {"another algorithm", {RIGHT, .alg = ISCEP_JWT_PS256}, 50013},
        {"expired", {.nbf = -3600, .exp = 0}, 700024},
        {"not yet valid", {.nbf = 1, .exp = 3600}, 700024},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fprintf(stderr, "%s\n", rows[i].what);
        expect(&rows[i].spec, 401, rows[i].aadsts);
    }
}

/* Its key is rotated by a second credential with the same names. */
Test(federated, an_issuer_may_have_two_keys)
{
    register_issuer(other_key, SUBJECT);
    expect(&(token_spec){RIGHT, .key = other_key}, 200, 0);
    expect(&(token_spec){RIGHT}, 200, 0);
}
