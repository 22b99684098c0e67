/* The policy at work on real requests and certificates: what it refuses, Intune is not asked about, nor told of. */
#include <criterion/criterion.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "tests/support/asked.h"
#include "tests/support/test_pki.h"
#include "tests/unit/service/service_world.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

#define SID "S-1-5-21-1-2-3-500"

#define DNS_LINE "DNS = laptop-1.contoso.example\n"
#define UPN_LINE "otherName = 1.3.6.1.4.1.311.20.2.3;UTF8:user@contoso.example\n"
#define SID_LINE "URI = " ISCEP_SID_URI_PREFIX SID "\n"

/* Alternative names, for {"subjectAltName", "@all"}. */
static const char lists[] = "[all]\n" DNS_LINE UPN_LINE SID_LINE "[without_sid]\n" DNS_LINE UPN_LINE
                            "[without_upn]\n" DNS_LINE SID_LINE "[and_more]\n" DNS_LINE UPN_LINE SID_LINE
                            "DNS.2 = dc-1.contoso.example\n";

static service_world w;
static iscep_policy *policy;
static caught_answer caught;
static EVP_PKEY *key;

static void set_up(void)
{
    service_world_init(&w);
    service_world_open(&w);
    policy = &w.options.policy;
    key = w.key;
}

static void tear_down(void)
{
    service_world_clear(&w);
}

TestSuite(policy, .init = set_up, .fini = tear_down);

/* Asks about the request; the test fails if the call itself does. */
static void verify(const asked *wish)
{
    ISCEP_AUTO_BUF csr;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&csr, 64 * 1024);
    asked_emit_csr(&csr, wish);
    caught = (caught_answer){0};
    const iscep_service_request request = {.transaction_id = iscep_bytes_of_text("1F2E3D"),
                                           .csr = iscep_buf_bytes(&csr),
                                           .deadline_mono_ms = FAKE_ENV_MONO_MS + 20000};
    cr_assert_eq(iscep_service_verify(w.service, &request, catch_answer, &caught, &err), ISCEP_OK, "%s",
                 err.message);
}

static void assert_answered_unasked(iscep_decision decision, const char *code)
{
    cr_assert_eq(w.cloud.http.count, 0, "%s: nobody was asked", code);
    cr_assert_eq(caught.count, 1, "%s", code);
    cr_assert_eq(caught.verdict.decision, decision, "%s", code);
    cr_assert_str_eq(caught.verdict.code, code);
    cr_assert_str_eq(caught.verdict.request_id, "");
    cr_assert_null(strstr(fake_env_log(&w.cloud.env), TEST_PKI_CHALLENGE));
}

Test(policy, a_right_request_reaches_intune_and_its_names_are_logged_as_facts)
{
    verify(&(asked){.key = key,
                    .challenge = TEST_PKI_CHALLENGE,
                    .sections = lists,
                    .extensions = {{"subjectAltName", "@all"},
                                   {"keyUsage", "critical,digitalSignature,keyEncipherment"},
                                   {"extendedKeyUsage", "clientAuth"},
                                   {"basicConstraints", "critical,CA:FALSE"},
                                   {"1.3.6.1.4.1.311.25.2", asked_sid_extension(SID)}}});
    cr_assert_eq(caught.count, 0, "%s", caught.verdict.message);
    intune_world_answer_setup(&w.cloud);
    fake_http_answer_call(&w.cloud.http, WORLD_SETUP_CALLS, 200, WORLD_SUCCESS);
    cr_assert_eq(caught.verdict.decision, ISCEP_ALLOW);
    cr_assert_not_null(strstr(fake_env_log(&w.cloud.env), "has_sid=yes has_upn=yes"), "%s",
                       fake_env_log(&w.cloud.env));
    cr_assert_null(strstr(fake_env_log(&w.cloud.env), "S-1-5-21"));
}

Test(policy, a_request_without_names_is_logged_so)
{
    verify(&(asked){.key = key, .challenge = TEST_PKI_CHALLENGE});
    intune_world_answer_setup(&w.cloud);
    fake_http_answer_call(&w.cloud.http, WORLD_SETUP_CALLS, 200, WORLD_SUCCESS);
    cr_assert_eq(caught.verdict.decision, ISCEP_ALLOW);
    cr_assert_not_null(strstr(fake_env_log(&w.cloud.env), "has_sid=no has_upn=no"));
}

Test(policy, requests_that_break_a_rule_are_denied_unasked)
{
    EVP_PKEY *short_key = EVP_RSA_gen(1024), *edwards = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    EVP_PKEY *odd_curve = EVP_EC_gen("secp256k1"), *rsa = test_pki_new_rsa_key();
    const struct {
        const char *code;
        asked wish;
    } cases[] = {
        {"csr_key_size", {.key = short_key}},
        {"csr_key_type", {.key = edwards}},
        {"csr_curve", {.key = odd_curve}},
        {"csr_digest", {.key = rsa, .digest = EVP_sha1()}},
        {"csr_ca_rights", {.key = key, .extensions = {{"basicConstraints", "CA:TRUE"}}}},
        {"csr_ca_rights", {.key = key, .extensions = {{"keyUsage", "digitalSignature,keyCertSign"}}}},
        {"csr_ca_rights", {.key = key, .extensions = {{"keyUsage", "cRLSign"}}}},
        {"csr_extension", {.key = key, .extensions = {{"1.2.3.4", "DER:0500"}}}},
        {"csr_extension", {.key = key, .extensions = {{"certificatePolicies", "DER:3000"}}}},
        {"csr_san_type", {.key = key, .extensions = {{"subjectAltName", "otherName:1.2.3;UTF8:x"}}}},
        {"csr_san_type", {.key = key, .extensions = {{"subjectAltName", "RID:1.2.3"}}}},
        {"csr_sid_unapproved",
         {.key = key, .extensions = {{"1.3.6.1.4.1.311.25.2", asked_sid_extension(SID)}}}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        asked wish = cases[i].wish;
        wish.challenge = TEST_PKI_CHALLENGE;
        verify(&wish);
        assert_answered_unasked(ISCEP_DENY, cases[i].code);
    }
    EVP_PKEY_free(short_key);
    EVP_PKEY_free(edwards);
    EVP_PKEY_free(odd_curve);
    EVP_PKEY_free(rsa);
}

Test(policy, a_foreign_challenge_is_asked_about_denied_or_declined)
{
    const asked wish = {.key = key, .challenge = TEST_PKI_CHALLENGE};
    policy->csr.foreign_challenge = ISCEP_FOREIGN_DENY;
    verify(&wish);
    assert_answered_unasked(ISCEP_DENY, "csr_challenge_foreign");
    policy->csr.foreign_challenge = ISCEP_FOREIGN_DECLINE;
    verify(&wish);
    assert_answered_unasked(ISCEP_DECLINE, "csr_challenge_foreign");
    cr_assert_not_null(strstr(fake_env_log(&w.cloud.env), "verdict=decline code=csr_challenge_foreign"));
    policy->csr.foreign_challenge = ISCEP_FOREIGN_ASK;
    verify(&wish);
    cr_assert_gt(w.cloud.http.count, 0);
}

/* DECLINE must not become the way around a missing challenge. */
Test(policy, a_missing_challenge_is_refused_even_where_foreign_ones_are_declined)
{
    ISCEP_AUTO_BUF csr;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&csr, 64 * 1024);
    test_pki_emit_csr(&csr, &(test_csr_options){.key = key});
    policy->csr.foreign_challenge = ISCEP_FOREIGN_DECLINE;
    const iscep_service_request request = {.transaction_id = iscep_bytes_of_text("1F2E3D"),
                                           .csr = iscep_buf_bytes(&csr),
                                           .deadline_mono_ms = FAKE_ENV_MONO_MS + 20000};
    cr_assert_eq(iscep_service_verify(w.service, &request, catch_answer, &caught, &err), ISCEP_USAGE);
    cr_assert_str_eq(err.code, "csr_challenge_missing");
    cr_assert_eq(caught.count, 0);
    cr_assert_eq(w.cloud.http.count, 0);
}

Test(policy, a_request_over_the_configured_length_is_not_even_parsed)
{
    const iscep_service_request request = {.transaction_id = iscep_bytes_of_text("1F2E3D"),
                                           .csr = iscep_bytes_of_text("no CSR at all"),
                                           .deadline_mono_ms = FAKE_ENV_MONO_MS + 20000};
    iscep_error err = ISCEP_ERROR_INIT;
    policy->csr.max_csr_len = 12;
    cr_assert_eq(iscep_service_verify(w.service, &request, catch_answer, &caught, &err), ISCEP_USAGE);
    cr_assert_str_eq(err.code, "csr_too_large");
    policy->csr.max_csr_len = 13;
    cr_assert_eq(iscep_service_verify(w.service, &request, catch_answer, &caught, &err), ISCEP_USAGE);
    cr_assert_str_eq(err.code, "csr_malformed");
    cr_assert_eq(w.cloud.http.count, 0);
}

/* What cannot be read, nobody can judge: neither these rules nor the CA in the same way. */
Test(policy, a_sid_extension_that_cannot_be_read_is_refused_unasked)
{
    static const char *const values[] = {
        "DER:0500",                                           /* no GeneralNames */
        "DER:3000",                                           /* none */
        "DER:30108203612E62820961",                           /* cut */
        "DER:3003820161",                                     /* a DNS name */
        "DER:3015A013060A2B060104018237190202A0050403532D31", /* another OID */
        "DER:3015A013060A2B060104018237190201A0050C03532D31", /* no OCTET STRING */
        "DER:3015A013060A2B060104018237190201A0050403530031", /* a NUL in it */
        "DER:"
        "302AA013060A2B060104018237190201A0050403532D31A013060A2B060104018237190201A0050403532D3"
        "1",                                                    /* two */
        "DER:3015A013060A2B060104018237190201A0050403532D3100", /* a byte behind it */
    };
    policy->csr.extensions = ISCEP_RULE_ANY;
    for (size_t i = 0; i < COUNT(values); i++) {
        ISCEP_AUTO_BUF csr;
        iscep_error err = ISCEP_ERROR_INIT;
        iscep_buf_init(&csr, 64 * 1024);
        asked_emit_csr(&csr, &(asked){.key = key,
                                      .challenge = TEST_PKI_CHALLENGE,
                                      .extensions = {{"1.3.6.1.4.1.311.25.2", values[i]}}});
        const iscep_service_request request = {.transaction_id = iscep_bytes_of_text("1F2E3D"),
                                               .csr = iscep_buf_bytes(&csr),
                                               .deadline_mono_ms = FAKE_ENV_MONO_MS + 20000};
        cr_assert_eq(iscep_service_verify(w.service, &request, catch_answer, &caught, &err), ISCEP_USAGE,
                     "%zu", i);
        cr_assert_str_eq(err.code, "csr_extensions_malformed", "%zu", i);
        cr_assert_eq(caught.count, 0);
        cr_assert_eq(w.cloud.http.count, 0);
    }
}

/* --- after issuance --- */

static iscep_status report(const asked *csr_wish, const asked *cert_wish, iscep_error *err)
{
    ISCEP_AUTO_BUF csr, cert;
    iscep_buf_init(&csr, 64 * 1024);
    iscep_buf_init(&cert, 64 * 1024);
    asked_emit_csr(&csr, csr_wish);
    asked_emit_cert(&cert, cert_wish);
    caught = (caught_answer){0};
    const iscep_service_request request = {.transaction_id = iscep_bytes_of_text("1F2E3D"),
                                           .csr = iscep_buf_bytes(&csr),
                                           .deadline_mono_ms = FAKE_ENV_MONO_MS + 20000};
    return iscep_service_report_issued(w.service, &request, iscep_buf_bytes(&cert), catch_answer, &caught,
                                       err);
}

typedef struct issuance {
    const char *code;
    asked cert;
} issuance;

enum { WRONG_COUNT = 8 };

/* What a CA can make of a request with SAN_ALL that nobody granted. */
static void make_wrong(issuance wrong[WRONG_COUNT])
{
    const issuance made[WRONG_COUNT] = {
        {"certificate_sid_missing", {.extensions = {{"subjectAltName", "@without_sid"}}}},
        {"certificate_sid_missing", {.not_after_unix = 0}},
        {"certificate_san_missing", {.extensions = {{"subjectAltName", "@without_upn"}}}},
        {"certificate_san_added", {.extensions = {{"subjectAltName", "@and_more"}}}},
        {"certificate_extensions_malformed",
         {.extensions = {{"subjectAltName", "@all"},
                         {"subjectAltName", "@all"}}}}, /* which of them counts? */
        {"certificate_expired",
         {.not_after_unix = FAKE_ENV_UNIX_MS / 1000, .extensions = {{"subjectAltName", "@all"}}}},
        {"certificate_ca_rights",
         {.extensions = {{"subjectAltName", "@all"}, {"basicConstraints", "critical,CA:TRUE"}}}},
        {"certificate_ca_rights", {.extensions = {{"subjectAltName", "@all"}, {"keyUsage", "keyCertSign"}}}},
    };
    memcpy(wrong, made, sizeof made);
    for (size_t i = 0; i < WRONG_COUNT; i++)
        wrong[i].cert.key = key, wrong[i].cert.sections = lists;
}

static asked with_all_names(void)
{
    return (asked){.key = key,
                   .challenge = TEST_PKI_CHALLENGE,
                   .sections = lists,
                   .extensions = {{"subjectAltName", "@all"}}};
}

Test(policy, the_certificate_that_was_granted_is_reported)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const asked wish = with_all_names();
    cr_assert_eq(report(&wish, &wish, &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(caught.count, 0, "%s", caught.verdict.message);
    service_world_await_calls(&w, 1);
    intune_world_answer_setup(&w.cloud);
    fake_http_answer_call(&w.cloud.http, WORLD_SETUP_CALLS, 200, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    cr_assert_eq(caught.verdict.decision, ISCEP_ALLOW);
    cr_assert_null(strstr(fake_env_log(&w.cloud.env), "issued_check"));
}

Test(policy, another_certificate_is_withheld_and_intune_not_told)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const asked wish = with_all_names();
    issuance wrong[WRONG_COUNT];
    make_wrong(wrong);
    for (size_t i = 0; i < WRONG_COUNT; i++) {
        cr_assert_eq(report(&wish, &wrong[i].cert, &err), ISCEP_OK, "%s", err.message);
        assert_answered_unasked(ISCEP_DENY, wrong[i].code);
    }
}

Test(policy, another_certificate_is_reported_with_a_warning_where_so_configured)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const asked wish = with_all_names();
    issuance wrong[WRONG_COUNT];
    make_wrong(wrong);
    policy->issued_check = ISCEP_ISSUED_WARN;
    intune_world_answer_all(&w.cloud);
    for (size_t i = 0; i < WRONG_COUNT; i++) {
        char want[128];
        snprintf(want, sizeof want, "warn  issued_check transaction_id=1F2E3D code=%s ", wrong[i].code);
        cr_assert_eq(report(&wish, &wrong[i].cert, &err), ISCEP_OK, "%s", err.message);
        service_world_await_answer(&w, &caught);
        cr_assert_eq(caught.verdict.decision, ISCEP_ALLOW);
        cr_assert_not_null(strstr(fake_env_log(&w.cloud.env), want), "%s: %s", want,
                           fake_env_log(&w.cloud.env));
        iscep_buf_clear(&w.cloud.env.log_text);
    }
}

Test(policy, nothing_is_compared_where_it_is_switched_off)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const asked wish = with_all_names();
    policy->issued_check = ISCEP_ISSUED_OFF;
    cr_assert_eq(report(&wish, &(asked){.key = key}, &err), ISCEP_OK);
    service_world_await_calls(&w, 1);
    intune_world_answer_setup(&w.cloud);
    fake_http_answer_call(&w.cloud.http, WORLD_SETUP_CALLS, 200, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    cr_assert_eq(caught.verdict.decision, ISCEP_ALLOW);
    cr_assert_null(strstr(fake_env_log(&w.cloud.env), "issued_check"));
}

/* Off or not: a certificate for another key belongs to another request. */
Test(policy, another_key_is_refused_always)
{
    EVP_PKEY *other = test_pki_new_ec_key();
    const asked wish = with_all_names();
    asked cert = with_all_names();
    cert.key = other;
    for (int mode = ISCEP_ISSUED_OFF; mode <= ISCEP_ISSUED_WITHHOLD; mode++) {
        iscep_error err = ISCEP_ERROR_INIT;
        policy->issued_check = (iscep_issued_mode)mode;
        cr_assert_eq(report(&wish, &cert, &err), ISCEP_USAGE);
        cr_assert_str_eq(err.code, "certificate_key_mismatch");
        cr_assert_eq(w.cloud.http.count, 0);
    }
    EVP_PKEY_free(other);
}
