/* The use cases: what is wrong is refused before anybody is asked, what is right is asked, and nothing secret is told. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/json.h"
#include "service/service.h"
#include "tests/support/test_pki.h"
#include "tests/unit/service/service_world.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { ACTION = WORLD_SETUP_CALLS };

static service_world w;
static caught_answer caught;
static iscep_buf cert, other_csr;

static void set_up(void)
{
    service_world_init(&w);
    service_world_open(&w);
    iscep_buf_init(&cert, 64 * 1024);
    iscep_buf_init(&other_csr, 64 * 1024);
    test_pki_emit_good_csr(&other_csr, NULL);
    test_pki_emit_cert(&cert, &(test_cert_options){.key = w.key, .not_after_unix = 1795332000});
}

static void tear_down(void)
{
    service_world_clear(&w);
    iscep_buf_clear(&cert);
    iscep_buf_clear(&other_csr);
}

TestSuite(service, .init = set_up, .fini = tear_down);

static iscep_service_request good_request(void)
{
    return service_world_request(&w);
}

typedef enum use_case { VERIFY, ISSUED, FAILED, USE_CASE_COUNT } use_case;

static iscep_status run(use_case which, const iscep_service_request *request, iscep_error *err)
{
    caught = (caught_answer){0};
    switch (which) {
    case VERIFY:
        return iscep_service_verify(w.service, request, catch_answer, &caught, err);
    case ISSUED:
        return iscep_service_report_issued(w.service, request, iscep_buf_bytes(&cert), catch_answer, &caught,
                                           err);
    default:
        return iscep_service_report_failed(w.service, request, 0x80004005, "the CA is down", catch_answer,
                                           &caught, err);
    }
}

static void assert_refused(const iscep_service_request *request, const char *want_code)
{
    for (use_case which = VERIFY; which < USE_CASE_COUNT; which++) {
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(run(which, request, &err), ISCEP_USAGE, "%s", want_code);
        cr_assert_str_eq(err.code, want_code);
        cr_assert_eq(caught.count, 0);
        cr_assert_eq(w.cloud.http.count, 0, "nobody was asked");
    }
}

Test(service, refuses_bad_transaction_ids_unasked)
{
    static const iscep_bytes wrong[] = {{NULL, 0},
                                        {(const uint8_t *)"", 0},
                                        {(const uint8_t *)"a\0b", 3},
                                        {(const uint8_t *)"a\n", 2},
                                        {(const uint8_t *)"\xC3\xBC", 2}};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        iscep_service_request request = good_request();
        request.transaction_id = wrong[i];
        assert_refused(&request, "transaction_id");
    }
}

Test(service, refuses_bad_requests_unasked)
{
    static const uint8_t zeros[64 * 1024 + 1];
    ISCEP_AUTO_BUF forged, no_challenge, two_challenges;
    iscep_buf_init(&forged, 64 * 1024);
    iscep_buf_init(&no_challenge, 64 * 1024);
    iscep_buf_init(&two_challenges, 64 * 1024);
    test_pki_emit_csr(&forged, &(test_csr_options){.challenges = {"x"}, .is_signed_by_other_key = true});
    test_pki_emit_csr(&no_challenge, &(test_csr_options){.key = w.key});
    test_pki_emit_csr(&two_challenges, &(test_csr_options){.key = w.key, .challenges = {"x", "y"}});
    const struct {
        iscep_bytes csr;
        const char *want_code;
    } cases[] = {
        {{NULL, 0}, "csr_malformed"},
        {iscep_bytes_of("x", 1), "csr_malformed"},
        {iscep_bytes_of(w.csr.data, w.csr.len - 1), "csr_malformed"},
        {iscep_buf_bytes(&cert), "csr_malformed"},
        {iscep_bytes_of(zeros, sizeof zeros), "csr_too_large"},
        {iscep_buf_bytes(&forged), "csr_signature_invalid"},
        {iscep_buf_bytes(&no_challenge), "csr_challenge_missing"},
        {iscep_buf_bytes(&two_challenges), "csr_challenge_duplicate"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        iscep_service_request request = good_request();
        request.csr = cases[i].csr;
        assert_refused(&request, cases[i].want_code);
    }
}

Test(service, refuses_a_certificate_for_another_key_unasked)
{
    iscep_service_request request = good_request();
    iscep_error err = ISCEP_ERROR_INIT;
    request.csr = iscep_buf_bytes(&other_csr);
    cr_assert_eq(run(ISSUED, &request, &err), ISCEP_USAGE);
    cr_assert_str_eq(err.code, "certificate_key_mismatch");
    cr_assert_eq(caught.count, 0);
    cr_assert_eq(w.cloud.http.count, 0);
}

Test(service, refuses_a_malformed_certificate_unasked)
{
    iscep_service_request request = good_request();
    iscep_error err = ISCEP_ERROR_INIT;
    const iscep_bytes wrong[] = {
        {NULL, 0}, iscep_bytes_of("x", 1), iscep_buf_bytes(&w.csr), iscep_bytes_of(cert.data, cert.len - 1)};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        cr_assert_eq(iscep_service_report_issued(w.service, &request, wrong[i], catch_answer, &caught, &err),
                     ISCEP_USAGE);
        cr_assert_str_eq(err.code, "certificate_malformed");
    }
    cr_assert_eq(caught.count, 0);
    cr_assert_eq(w.cloud.http.count, 0);
}

Test(service, asks_the_action_that_belongs_to_the_use_case)
{
    static const char *const paths[] = {"/ScepActions/validateRequest", "/ScepActions/successNotification",
                                        "/ScepActions/failureNotification"};
    for (use_case which = VERIFY; which < USE_CASE_COUNT; which++) {
        iscep_service_request request = good_request();
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(run(which, &request, &err), ISCEP_OK, "%s", err.message);
        if (which == VERIFY)
            intune_world_answer_setup(&w.cloud);
        service_world_await_calls(&w, ACTION + which + 1);
        const char *url = w.cloud.http.calls[ACTION + which].url;
        cr_assert_str_eq(url + strlen(WORLD_SERVICE_URI), paths[which]);
        fake_http_answer_call(&w.cloud.http, ACTION + which, 200, WORLD_SUCCESS);
        service_world_await_answer(&w, &caught);
        cr_assert_eq(caught.verdict.decision, ISCEP_ALLOW);
    }
}

Test(service, inputs_may_go_as_soon_as_it_has_returned)
{
    iscep_service_request request = good_request();
    iscep_error err = ISCEP_ERROR_INIT;
    ISCEP_AUTO_BUF want;
    iscep_buf_init(&want, 128 * 1024);
    iscep_base64_encode(&want, iscep_buf_bytes(&w.csr));
    cr_assert_eq(run(VERIFY, &request, &err), ISCEP_OK);
    memset(w.csr.data, 0, w.csr.len);
    intune_world_answer_setup(&w.cloud);
    cr_assert_not_null(strstr((const char *)w.cloud.http.calls[ACTION].body.data, iscep_buf_text(&want)));
    fake_http_answer_call(&w.cloud.http, ACTION, 200, WORLD_SUCCESS);
}

Test(service, reports_the_certificates_facts)
{
    iscep_service_request request = good_request();
    iscep_error err = ISCEP_ERROR_INIT;
    ISCEP_AUTO_JSON *sent = NULL;
    cr_assert_eq(run(ISSUED, &request, &err), ISCEP_OK);
    service_world_await_calls(&w, 1);
    intune_world_answer_setup(&w.cloud);
    cr_assert_eq(iscep_json_parse(&sent, iscep_buf_bytes(&w.cloud.http.calls[ACTION].body), NULL), ISCEP_OK);
    const iscep_json *notification = iscep_json_member(sent, "notification");
    uint8_t digest[20];
    cr_assert_eq(EVP_Digest(cert.data, cert.len, digest, NULL, EVP_sha1(), NULL), 1);
    ISCEP_AUTO_BUF thumbprint;
    iscep_buf_init(&thumbprint, 40);
    iscep_hex_encode(&thumbprint, iscep_bytes_of(digest, sizeof digest));
    cr_assert_str_eq(iscep_json_text(notification, "transactionId"), "1F2E3D");
    cr_assert_str_eq(iscep_json_text(notification, "certificateThumbprint"), iscep_buf_text(&thumbprint));
    cr_assert_str_eq(iscep_json_text(notification, "certificateSerialNumber"), "0A1B");
    cr_assert_str_eq(iscep_json_text(notification, "certificateExpirationDateUtc"),
                     "2026-11-22T07:20:00.000Z");
    cr_assert_str_eq(iscep_json_text(notification, "certificateAuthority"), "CN=Test CA,O=Contoso");
    fake_http_answer_call(&w.cloud.http, ACTION, 200, WORLD_SUCCESS);
}

Test(service, hands_every_verdict_through_unchanged)
{
    static const struct {
        int32_t status;
        const char *body;
        iscep_decision want;
        const char *want_code;
        const char *want_in_log;
    } cases[] = {
        {200, WORLD_SUCCESS, ISCEP_ALLOW, "Success", "verdict=allow"},
        {200, "{\"code\":\"ChallengeExpired\"}", ISCEP_DENY, "ChallengeExpired", "verdict=deny"},
        {503, WORLD_SUCCESS, ISCEP_RETRY, "intune_service", "verdict=retry"},
        {200, "<html>", ISCEP_RETRY, "intune_reply_malformed", "verdict=retry"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        iscep_service_request request = good_request();
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(run(VERIFY, &request, &err), ISCEP_OK);
        if (i == 0)
            intune_world_answer_setup(&w.cloud);
        service_world_await_calls(&w, ACTION + i + 1);
        iscep_buf_clear(&w.cloud.env.log_text);
        fake_env_advance(&w.cloud.env, 25);
        w.cloud.env.is_random_broken = true; /* no pause, and so no second attempt */
        fake_http_answer_call(&w.cloud.http, ACTION + i, cases[i].status, cases[i].body);
        w.cloud.env.is_random_broken = false;
        cr_assert_eq(caught.count, 1);
        cr_assert_eq(caught.verdict.decision, cases[i].want);
        cr_assert_str_eq(caught.verdict.code, cases[i].want_code);
        cr_assert_not_null(strstr(fake_env_log(&w.cloud.env), cases[i].want_in_log), "%s",
                           fake_env_log(&w.cloud.env));
        cr_assert_not_null(strstr(fake_env_log(&w.cloud.env), "request_verified transaction_id=1F2E3D"));
        cr_assert_not_null(strstr(fake_env_log(&w.cloud.env), caught.verdict.request_id));
        cr_assert_not_null(strstr(fake_env_log(&w.cloud.env), " ms=25 "));
    }
}

Test(service, own_refusals_are_logged_too)
{
    iscep_service_request request = good_request();
    iscep_error err = ISCEP_ERROR_INIT;
    request.csr = iscep_bytes_of("x", 1);
    cr_assert_eq(run(VERIFY, &request, &err), ISCEP_USAGE);
    cr_assert_not_null(strstr(fake_env_log(&w.cloud.env),
                              "request_verified transaction_id=1F2E3D verdict=deny code=csr_malformed"));
}

/* All that must never be told: the challenge, the CSR in any half of its base64, tokens, the secret. */
static void assert_log_tells_no_secret(void)
{
    ISCEP_AUTO_BUF base64;
    iscep_buf_init(&base64, 128 * 1024);
    iscep_base64_encode(&base64, iscep_buf_bytes(&w.csr));
    char head[33], middle[33];
    snprintf(head, sizeof head, "%.32s", iscep_buf_text(&base64));
    snprintf(middle, sizeof middle, "%.32s", iscep_buf_text(&base64) + base64.len / 2);
    const char *const canaries[] = {TEST_PKI_CHALLENGE, head,         middle,          WORLD_GRAPH_TOKEN,
                                    WORLD_INTUNE_TOKEN, WORLD_SECRET, "secret-canary", "Bearer"};
    cr_assert_gt(w.cloud.env.log_text.len, 0);
    for (size_t i = 0; i < COUNT(canaries); i++)
        cr_assert_null(strstr(fake_env_log(&w.cloud.env), canaries[i]), "the log tells %s", canaries[i]);
}

Test(service, log_holds_no_secret_whatever_happens)
{
    static const struct {
        int32_t status;
        const char *body;
    } replies[] = {{200, WORLD_SUCCESS}, {200, "{\"code\":\"ChallengeExpired\"}"},
                   {401, "{}"},          {500, "<html>"},
                   {429, "{}"},          {200, "not JSON"}};
    iscep_error err = ISCEP_ERROR_INIT;
    intune_world_answer_all(&w.cloud);
    for (size_t i = 0; i < COUNT(replies); i++) {
        for (use_case which = VERIFY; which < USE_CASE_COUNT; which++) {
            const char id[] = {(char)('a' + i), (char)('a' + which)};
            iscep_service_request request = good_request();
            request.transaction_id = iscep_bytes_of(id, sizeof id);
            request.deadline_mono_ms = FAKE_ENV_MONO_MS + 300;
            w.cloud.action_answer = (fake_http_answer){.status = replies[i].status, .body = replies[i].body};
            cr_assert_eq(run(which, &request, &err), ISCEP_OK);
            service_world_await_answer(&w, &caught);
        }
    }
    iscep_service_request request = good_request();
    w.csr.data[w.csr.len - 1] ^= 1;
    cr_assert_eq(run(VERIFY, &request, &err), ISCEP_USAGE);
    w.csr.data[w.csr.len - 1] ^= 1;
    assert_log_tells_no_secret();
}
