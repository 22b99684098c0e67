/*
 * step-ca, or a stand-in as strict as it: what its revoke API and its JWK provisioner check is checked here, the token's
 * signature and every claim included, and its replies are given.
 */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "base/jose.h"
#include "base/jwk.h"
#include "tests/support/key_files.h"
#include "tests/support/test_pki.h"
#include "tests/unit/ca/bench.h"

enum { MAX_SEEN = 8 };

typedef struct stand_in {
    unsigned asked;
    EVP_PKEY *key; /* the provisioner's, its public half alone */
    iscep_jwt_alg alg;
    char kid[64];
    int32_t status;
    const char *body;
    int64_t want_reason_code;
    const char *want_reason;
    char seen[MAX_SEEN][64]; /* jti */
} stand_in;

static bench b;
static stand_in step;

static bool is_text(const char *value, const char *want)
{
    return value != NULL && strcmp(value, want) == 0;
}

static bool is_new(const char *jti)
{
    if (jti == NULL || strlen(jti) < 32)
        return false;
    for (unsigned i = 0; i < step.asked && i < MAX_SEEN; i++)
        if (strcmp(step.seen[i], jti) == 0)
            return false;
    snprintf(step.seen[step.asked % MAX_SEEN], sizeof step.seen[0], "%s", jti);
    return true;
}

static bool has_right_header(const char *token)
{
    ISCEP_AUTO_BUF text;
    ISCEP_AUTO_JSON *header = NULL;
    iscep_buf_init(&text, 4096);
    return iscep_base64url_decode(&text, iscep_bytes_of(token, strcspn(token, ".")), NULL) == ISCEP_OK &&
           iscep_json_parse(&header, iscep_buf_bytes(&text), NULL) == ISCEP_OK &&
           is_text(iscep_json_text(header, "kid"), step.kid) &&
           is_text(iscep_json_text(header, "typ"), "JWT");
}

/* Why the token is refused; NULL: it is right. */
static const char *judge_token(const char *token, const char *serial)
{
    ISCEP_AUTO_JSON *claims = NULL;
    char audience[128];
    int64_t now_unix = iscep_now_unix_ms(&b.env) / 1000, iat = 0, exp = 0;
    snprintf(audience, sizeof audience, "%s/1.0/revoke", b.url);
    if (token == NULL || !has_right_header(token))
        return "no provisioner of that kid";
    if (iscep_jwt_verify(&claims, iscep_bytes_of_text(token), step.alg, step.key, NULL) != ISCEP_OK)
        return "signature";
    if (iscep_jwt_check_time(claims, now_unix, NULL) != ISCEP_OK || !iscep_json_int(claims, "iat", &iat) ||
        iat > now_unix || !iscep_json_int(claims, "exp", &exp) || exp - iat > 300)
        return "time";
    if (!is_text(iscep_json_text(claims, "iss"), "connector") ||
        !is_text(iscep_json_text(claims, "aud"), audience))
        return "issuer or audience";
    return is_text(iscep_json_text(claims, "sub"), serial) && is_new(iscep_json_text(claims, "jti"))
               ? NULL
               : "subject or id";
}

static void reply(iscep_exchange *exchange, int32_t status, const char *message)
{
    char body[256];
    snprintf(body, sizeof body, "{\"status\":%d,\"message\":\"%s\"}", (int)status, message);
    iscep_exchange_reply(exchange, &(iscep_reply){.status = status, .body = iscep_bytes_of_text(body)});
}

static void judge(iscep_exchange *exchange)
{
    ISCEP_AUTO_JSON *body = NULL;
    const char *fault = NULL;
    int64_t reason_code = -1;
    if (!is_text(iscep_exchange_method(exchange), "POST") ||
        !is_text(iscep_exchange_path(exchange), "/1.0/revoke"))
        reply(exchange, 404, "no such page");
    else if (iscep_json_parse(&body, iscep_exchange_body(exchange), NULL) != ISCEP_OK ||
             !iscep_json_is_true(body, "passive") || !iscep_json_int(body, "reasonCode", &reason_code) ||
             reason_code != step.want_reason_code ||
             !is_text(iscep_json_text(body, "reason"), step.want_reason) ||
             !is_text(iscep_json_text(body, "serial"), "2587"))
        reply(exchange, 400, "the stand-in did not like the body");
    else if ((fault = judge_token(iscep_json_text(body, "ott"), "2587")) != NULL)
        reply(exchange, 401, fault);
    else
        iscep_exchange_reply(exchange,
                             &(iscep_reply){.status = step.status, .body = iscep_bytes_of_text(step.body)});
}

static void handle(iscep_exchange *exchange, void *user)
{
    (void)user;
    judge(exchange);
    step.asked++;
}

/* The provisioner's key as a PEM file; the stand-in gets the public half. */
static void use_key(EVP_PKEY *key)
{
    iscep_jwk *jwk = NULL;
    b.options.provisioner_key = bench_path(&b, "provisioner.pem");
    key_files_write_key(b.options.provisioner_key, key, NULL);
    cr_assert_eq(iscep_jwk_load(&jwk, b.options.provisioner_key, NULL), ISCEP_OK);
    snprintf(step.kid, sizeof step.kid, "%s", iscep_jwk_thumbprint(jwk));
    step.alg = iscep_jwk_alg(jwk);
    iscep_jwk_free(jwk);
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    const unsigned char *at = der;
    EVP_PKEY_free(step.key);
    step.key = d2i_PUBKEY(NULL, &at, len);
    cr_assert_not_null(step.key);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
}

static void set_up(void)
{
    bench_start(&b, ISCEP_CA_STEP);
    step = (stand_in){.status = 200,
                      .body = "{\"status\":\"ok\"}",
                      .want_reason_code = 5,
                      .want_reason = "cessationOfOperation"};
    bench_serve(&b, handle, NULL, NULL);
    b.options.provisioner = "connector";
    use_key(test_pki_new_ec_key());
}

static void tear_down(void)
{
    EVP_PKEY_free(step.key);
    bench_stop(&b);
}

TestSuite(step_ca, .init = set_up, .fini = tear_down);

Test(step_ca, believes_a_token_of_an_ec_key)
{
    cr_assert_eq(step.alg, ISCEP_JWT_ES256);
    bench_expect(&b, "0A1B", ISCEP_CA_REVOKED, "200");
    bench_expect(&b, "0A1B", ISCEP_CA_REVOKED, "200"); /* the next token has an id of its own */
    cr_assert_eq(step.asked, 2);
}

Test(step_ca, believes_a_token_of_an_rsa_key)
{
    use_key(test_pki_new_rsa_key());
    cr_assert_eq(step.alg, ISCEP_JWT_RS256);
    bench_expect(&b, "0A1B", ISCEP_CA_REVOKED, "200");
}

Test(step_ca, knows_the_key_by_the_configured_name)
{
    b.options.provisioner_kid = "my key";
    bench_expect(&b, "0A1B", ISCEP_CA_UNAUTHORIZED, "401");
    snprintf(step.kid, sizeof step.kid, "my key");
    bench_expect(&b, "0A1B", ISCEP_CA_REVOKED, "");
}

Test(step_ca, does_not_believe_another_key_or_provisioner)
{
    char kid[64];
    bench_open(&b); /* with the first key; then the stand-in is given another */
    memcpy(kid, step.kid, sizeof kid);
    use_key(test_pki_new_ec_key());
    memcpy(step.kid, kid, sizeof kid);
    bench_expect(&b, "0A1B", ISCEP_CA_UNAUTHORIZED, "401");
    iscep_ca_free(b.ca);
    b.ca = NULL;
    use_key(test_pki_new_ec_key());
    b.options.provisioner = "somebody";
    bench_expect(&b, "0A1B", ISCEP_CA_UNAUTHORIZED, "401");
}

Test(step_ca, is_told_the_reason)
{
    iscep_ca_request request = bench_request(&b, "0A1B");
    request.reason = ISCEP_CRL_KEY_COMPROMISE;
    step.want_reason_code = 1;
    step.want_reason = "keyCompromise";
    cr_assert_eq(bench_ask(&b, &request).outcome, ISCEP_CA_REVOKED);
}

Test(step_ca, url_may_end_in_a_slash)
{
    char url[80];
    snprintf(url, sizeof url, "%s/", b.url);
    b.options.url = url;
    bench_expect(&b, "0A1B", ISCEP_CA_REVOKED, "");
}

Test(step_ca, replies_have_these_meanings)
{
    static const struct {
        int32_t status;
        const char *body;
        iscep_ca_outcome outcome;
        const char *message;
    } cases[] = {
        {200, "{\"status\":\"okay\"}", ISCEP_CA_FAILED, "200"},
        {200, "{\"status\":true}", ISCEP_CA_FAILED, "200"},
        {200, "ok", ISCEP_CA_FAILED, "none"},
        {201, "{\"status\":\"ok\"}", ISCEP_CA_FAILED, "201"},
        {400,
         "{\"status\":400,\"message\":\"The request could not be completed: certificate with serial number "
         "'2587' is "
         "already revoked.\"}",
         ISCEP_CA_ALREADY_REVOKED, "already revoked"},
        {400, "{\"status\":400,\"message\":\"reasonCode out of bounds\"}", ISCEP_CA_INVALID, "out of bounds"},
        {400, "already revoked", ISCEP_CA_FAILED, "400"},
        {401, "{\"status\":401}", ISCEP_CA_UNAUTHORIZED, "401"},
        {403, "{\"status\":403}", ISCEP_CA_UNAUTHORIZED, "403"},
        {404, "{\"status\":404,\"message\":\"already revoked\"}", ISCEP_CA_FAILED, "404"},
        {429, "{}", ISCEP_CA_BUSY, "429"},
        {500, "{\"status\":500,\"message\":\"already revoked\"}", ISCEP_CA_FAILED, "500"},
        {501, "{\"status\":501}", ISCEP_CA_UNSUPPORTED, "501"}, /* it keeps no database */
        {503, "", ISCEP_CA_BUSY, "503"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        step.status = cases[i].status;
        step.body = cases[i].body;
        bench_expect(&b, "0A1B", cases[i].outcome, cases[i].message);
    }
}

Test(step_ca, that_does_not_answer_is_unavailable)
{
    iscep_http_server_free(b.server);
    b.server = NULL;
    bench_expect(&b, "0A1B", ISCEP_CA_UNAVAILABLE, "localhost");
}

Test(step_ca, options_that_are_wrong_are_refused)
{
    b.options.provisioner_key = bench_write(&b, "key", "no key");
    bench_assert_refused(&b, "is no private key");
    b.options.provisioner_key = "/nonexistent";
    bench_assert_refused(&b, "/nonexistent");
    b.options.provisioner_key = NULL;
    bench_assert_refused(&b, "provisioner_key is missing");
    b.options.provisioner = NULL;
    bench_assert_refused(&b, "provisioner is missing");
}
