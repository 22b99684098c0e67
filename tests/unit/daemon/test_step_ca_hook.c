/* step-ca's webhooks over a socket: who is answered, with what, and what becomes of it (docs/step-ca.md). */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/test_pki.h"
#include "tests/unit/daemon/hook_world.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static hook_world w;
static iscep_buf asking, success, failure; /* good bodies */
static peer_reply reply;

static void set_up(void)
{
    hook_world_make(&w);
    hook_emit_challenge(&asking, iscep_buf_bytes(&w.csr), TEST_PKI_CHALLENGE);
    hook_emit_success(&success, iscep_buf_bytes(&w.csr), iscep_buf_bytes(&w.cert));
    hook_emit_failure(&failure, iscep_buf_bytes(&w.csr), "the CA is down");
}

static void tear_down(void)
{
    hook_world_stop(&w);
    iscep_buf_clear(&asking);
    iscep_buf_clear(&success);
    iscep_buf_clear(&failure);
}

TestSuite(step_ca_hook, .init = set_up, .fini = tear_down);

static void ask(void)
{
    hook_world_ask(&w, iscep_buf_bytes(&asking), &reply);
}

static void notify(const iscep_buf *body)
{
    hook_world_notify(&w, iscep_buf_bytes(body), &reply);
}

/* --- challenges --- */

Test(step_ca_hook, allows_what_intune_allows_and_nothing_else)
{
    static const struct {
        fake_http_answer answer;
        int want_status;
        bool want_allow;
        const char *want_code;
    } cases[] = {
        {{.status = 200, .body = WORLD_SUCCESS}, 200, true, NULL},
        {{.status = 200, .body = "{\"code\":\"ChallengeExpired\"}"}, 200, false, "ChallengeExpired"},
        {{.status = 200, .body = "{\"code\":\"success\"}"}, 200, false, "success"},
        {{.status = 200, .body = "<html>"}, 503, false, "intune_reply_malformed"},
        {{.status = 201, .body = WORLD_SUCCESS}, 503, false, "intune_status"},
        {{.status = 500, .body = WORLD_SUCCESS}, 503, false, "intune_service"},
        {{.code = "connect"}, 503, false, "connect"},
    };
    hook_world_start(&w);
    for (size_t i = 0; i < COUNT(cases); i++) {
        hook_world_answer(&w, cases[i].answer);
        ask();
        assert_hook_reply(&reply, cases[i].want_status, cases[i].want_allow, cases[i].want_code);
    }
}

Test(step_ca_hook, answers_in_time_for_step_ca_to_ask_again)
{
    w.hook_options.answer_within_ms = 300;
    hook_world_start(&w);
    hook_world_answer(&w, (fake_http_answer){0}); /* Intune is silent */
    const int64_t began_ms = iscep_now_mono_ms(&w.env);
    ask();
    assert_hook_reply(&reply, 503, false, "timeout");
    cr_assert_geq(iscep_now_mono_ms(&w.env) - began_ms, 250, "it has waited for Intune");
}

Test(step_ca_hook, asks_intune_anew_what_was_issued_before)
{
    hook_world_start(&w);
    ask();
    assert_hook_reply(&reply, 200, true, NULL);
    notify(&success);
    assert_hook_reply(&reply, 200, true, NULL);
    hook_world_await_call(&w, "/successNotification", 1);
    ask(); /* there is no way to tell step-ca to deliver what it has */
    assert_hook_reply(&reply, 200, true, NULL);
    cr_assert_eq(hook_world_count_calls_to(&w, "/validateRequest"), 2);
}

Test(step_ca_hook, a_challenge_that_is_not_the_csrs_is_refused_unasked)
{
    iscep_buf other;
    hook_emit_challenge(&other, iscep_buf_bytes(&w.csr), TEST_PKI_CHALLENGE "x");
    hook_world_start(&w);
    hook_world_ask(&w, iscep_buf_bytes(&other), &reply);
    assert_hook_reply(&reply, 200, false, "csr_challenge_differs");
    cr_assert_eq(hook_world_count_calls(&w), 0);
    iscep_buf_clear(&other);
}

/* A renewal may come without a challenge, and Intune can say nothing about one. */
Test(step_ca_hook, a_renewal_without_a_challenge_is_refused)
{
    iscep_buf bare, body;
    iscep_buf_init(&bare, 64 * 1024);
    test_pki_emit_csr(&bare, &(test_csr_options){.key = w.key});
    hook_emit_challenge(&body, iscep_buf_bytes(&bare), NULL);
    hook_world_start(&w);
    hook_world_ask(&w, iscep_buf_bytes(&body), &reply);
    assert_hook_reply(&reply, 200, false, "csr_challenge_missing");
    cr_assert_eq(hook_world_count_calls(&w), 0);
    iscep_buf_clear(&bare);
    iscep_buf_clear(&body);
}

/* --- notifications --- */

Test(step_ca_hook, a_certificate_is_on_disk_before_the_answer_and_intune_is_told_later)
{
    hook_world_start(&w); /* report = strict, for those who can withhold */
    ask();
    assert_hook_reply(&reply, 200, true, NULL);
    hook_world_answer(&w, (fake_http_answer){.code = "connect"});
    notify(&success);
    assert_hook_reply(&reply, 200, true, NULL);
    hook_world_answer(&w, (fake_http_answer){.status = 200, .body = WORLD_SUCCESS});
    const char *sent = hook_world_await_call(&w, "/successNotification", 2);
    cr_assert_not_null(strstr(sent, "\"transactionId\":\"" HOOK_TXID "\""));
    cr_assert_not_null(strstr(sent, "\"certificateSerialNumber\":\"0A1B\""));
}

Test(step_ca_hook, a_failure_is_reported_with_what_step_ca_says_of_it)
{
    hook_world_start(&w);
    notify(&failure);
    assert_hook_reply(&reply, 200, true, NULL);
    const char *sent = hook_world_await_call(&w, "/failureNotification", 1);
    cr_assert_not_null(strstr(sent, "\"hResult\":-2147467259,\"errorDescription\":\"the CA is down\""), "%s",
                       sent);
}

Test(step_ca_hook, a_failure_with_a_number_is_reported_with_it)
{
    static const struct {
        const char *members;
        const char *want;
    } cases[] = {
        {",\"scepErrorCode\":2,\"scepErrorDescription\":\"x\"", "\"hResult\":2,\"errorDescription\":\"x\""},
        {",\"scepErrorCode\":-1", "\"hResult\":-1,\"errorDescription\":\"The SCEP server gave no reason.\""},
        {",\"scepErrorCode\":4294967295", "\"hResult\":-1,"},
        {"", "\"hResult\":-2147467259,\"errorDescription\":\"The SCEP server gave no reason.\""},
    };
    hook_world_start(&w);
    for (size_t i = 0; i < COUNT(cases); i++) {
        iscep_buf body;
        hook_emit_challenge(&body, iscep_buf_bytes(&w.csr), NULL);
        body.len--; /* the last brace */
        iscep_buf_printf(&body, "%s}", cases[i].members);
        notify(&body);
        assert_hook_reply(&reply, 200, true, NULL);
        const char *sent = hook_world_await_call(&w, "/failureNotification", i + 1);
        cr_assert_not_null(strstr(sent, cases[i].want), "case %zu: %s", i, sent);
        iscep_buf_clear(&body);
    }
}

Test(step_ca_hook, a_repeated_notification_is_one_report)
{
    hook_world_start(&w);
    ask();
    assert_hook_reply(&reply, 200, true, NULL);
    for (size_t i = 0; i < 3; i++) {
        notify(&success);
        assert_hook_reply(&reply, 200, true, NULL);
        hook_world_await_call(&w, "/successNotification", 1);
    }
    ask(); /* what went out meanwhile went out before this */
    assert_hook_reply(&reply, 200, true, NULL);
    cr_assert_eq(hook_world_count_calls_to(&w, "/successNotification"), 1);
}

Test(step_ca_hook, a_certificate_of_another_key_is_not_believed)
{
    EVP_PKEY *other = test_pki_new_ec_key();
    iscep_buf cert, body;
    iscep_buf_init(&cert, 64 * 1024);
    test_pki_emit_cert(&cert, &(test_cert_options){.key = other, .not_after_unix = 4102444800});
    hook_emit_success(&body, iscep_buf_bytes(&w.csr), iscep_buf_bytes(&cert));
    hook_world_start(&w);
    notify(&body);
    assert_hook_reply(&reply, 400, false, "certificate_key_mismatch");
    cr_assert_eq(hook_world_count_calls(&w), 0);
    iscep_buf_clear(&cert);
    iscep_buf_clear(&body);
    EVP_PKEY_free(other);
}

/* --- bodies --- */

/* %s stands for the CSR's base64. */
#define CSR       "\"x509CertificateRequest\":{\"raw\":\"%s\"}"
#define ID        "\"scepTransactionID\":\"1F2E3D\""
#define CHALLENGE "\"scepChallenge\":\"" TEST_PKI_CHALLENGE "\""

static const struct hostile_body {
    iscep_step_ca_event event;
    const char *body;
    int want_status;
    const char *want_code;
} hostile_bodies[] = {
    {ISCEP_STEP_CA_CHALLENGE, "", 400, "body_not_json"},
    {ISCEP_STEP_CA_CHALLENGE, "[]", 400, "body_not_json"},
    {ISCEP_STEP_CA_CHALLENGE, "\"allow\"", 400, "body_not_json"},
    {ISCEP_STEP_CA_CHALLENGE, "{" ID "," CSR "," CHALLENGE "}x", 400, "body_not_json"},
    {ISCEP_STEP_CA_CHALLENGE, "{" ID "," CSR "," CHALLENGE, 400, "body_not_json"},
    {ISCEP_STEP_CA_CHALLENGE, "{" CSR "," CHALLENGE "}", 400, "json_member"},
    {ISCEP_STEP_CA_CHALLENGE, "{" ID "," CHALLENGE "}", 400, "json_member"},
    {ISCEP_STEP_CA_CHALLENGE, "{" ID "," ID "," CSR "," CHALLENGE "}", 400, "json_member"},
    {ISCEP_STEP_CA_CHALLENGE, "{" ID "," CSR "," CSR "," CHALLENGE "}", 400, "json_member"},
    {ISCEP_STEP_CA_CHALLENGE, "{" ID "," CSR "," CHALLENGE "," CHALLENGE "}", 400, "json_member"},
    {ISCEP_STEP_CA_CHALLENGE, "{\"scepTransactionID\":\"\"," CSR "," CHALLENGE "}", 400, "json_member"},
    {ISCEP_STEP_CA_CHALLENGE, "{\"scepTransactionID\":1," CSR "," CHALLENGE "}", 400, "json_member"},
    {ISCEP_STEP_CA_CHALLENGE, "{\"scepTransactionID\":null," CSR "," CHALLENGE "}", 400, "json_member"},
    {ISCEP_STEP_CA_CHALLENGE, "{\"ScepTransactionID\":\"1F2E3D\"," CSR "," CHALLENGE "}", 400, "json_member"},
    {ISCEP_STEP_CA_CHALLENGE, "{" ID "," CSR ",\"scepChallenge\":1}", 400, "json_member"},
    {ISCEP_STEP_CA_CHALLENGE, "{" ID "," CSR ",\"scepChallenge\":null}", 400, "json_member"},
    {ISCEP_STEP_CA_CHALLENGE, "{" ID ",\"x509CertificateRequest\":\"%s\"," CHALLENGE "}", 400, "json_member"},
    {ISCEP_STEP_CA_CHALLENGE, "{" ID ",\"x509CertificateRequest\":{}," CHALLENGE "}", 400, "json_member"},
    {ISCEP_STEP_CA_CHALLENGE, "{" ID ",\"x509CertificateRequest\":{\"raw\":\"\"}}", 400, "json_member"},
    {ISCEP_STEP_CA_CHALLENGE, "{" ID ",\"x509CertificateRequest\":{\"raw\":[\"%s\"]}}", 400, "json_member"},
    {ISCEP_STEP_CA_CHALLENGE, "{" ID ",\"x509CertificateRequest\":{\"raw\":\"%s\",\"raw\":\"%s\"}}", 400,
     "json_member"},
    {ISCEP_STEP_CA_CHALLENGE, "{" ID ",\"x509CertificateRequest\":{\"raw\":\"%s \"}}", 400,
     "base64_malformed"},
    {ISCEP_STEP_CA_CHALLENGE, "{" ID ",\"x509CertificateRequest\":{\"raw\":\"-_-_\"}}", 400,
     "base64_malformed"},
    /* From here on it is the device's doing, which step-ca hands on: an answer, no. */
    {ISCEP_STEP_CA_CHALLENGE, "{" ID ",\"x509CertificateRequest\":{\"raw\":\"AAAA\"}," CHALLENGE "}", 200,
     "csr_malformed"},
    {ISCEP_STEP_CA_CHALLENGE, "{\"scepTransactionID\":\"a\\nb\"," CSR "," CHALLENGE "}", 200,
     "transaction_id"},
    {ISCEP_STEP_CA_NOTIFY, "{}", 400, "json_member"},
    {ISCEP_STEP_CA_NOTIFY, "{" ID "," CSR ",\"x509Certificate\":null}", 400, "json_member"},
    {ISCEP_STEP_CA_NOTIFY, "{" ID "," CSR ",\"x509Certificate\":{}}", 400, "json_member"},
    {ISCEP_STEP_CA_NOTIFY, "{" ID "," CSR ",\"x509Certificate\":{\"raw\":\"!\"}}", 400, "base64_malformed"},
    {ISCEP_STEP_CA_NOTIFY, "{" ID "," CSR ",\"x509Certificate\":{\"raw\":\"AAAA\"}}", 400,
     "certificate_malformed"},
    {ISCEP_STEP_CA_NOTIFY, "{" ID "," CSR ",\"x509Certificate\":{\"raw\":\"AAAA\"},\"scepErrorCode\":1}", 400,
     "json_member"},
    {ISCEP_STEP_CA_NOTIFY,
     "{" ID "," CSR ",\"x509Certificate\":{\"raw\":\"AAAA\"},\"scepErrorDescription\":\"x\"}", 400,
     "json_member"},
    {ISCEP_STEP_CA_NOTIFY, "{" ID "," CSR ",\"scepErrorDescription\":5}", 400, "json_member"},
    {ISCEP_STEP_CA_NOTIFY, "{" ID "," CSR ",\"scepErrorCode\":\"5\"}", 400, "json_member"},
    {ISCEP_STEP_CA_NOTIFY, "{" ID "," CSR ",\"scepErrorCode\":1.5}", 400, "json_member"},
    {ISCEP_STEP_CA_NOTIFY, "{" ID "," CSR ",\"scepErrorCode\":4294967296}", 400, "json_member"},
    {ISCEP_STEP_CA_NOTIFY, "{" ID "," CSR ",\"scepErrorCode\":-2147483649}", 400, "json_member"},
};

static void fill_in(iscep_buf *out, const char *template, const char *csr)
{
    for (const char *at = template; *at != '\0'; at++) {
        if (at[0] == '%' && at[1] == 's') {
            iscep_buf_append_text(out, csr);
            at++;
        } else {
            iscep_buf_append(out, at, 1);
        }
    }
}

Test(step_ca_hook, hostile_bodies_are_refused_unasked)
{
    ISCEP_AUTO_BUF csr;
    iscep_buf_init(&csr, 64 * 1024);
    iscep_base64_encode(&csr, iscep_buf_bytes(&w.csr));
    hook_world_start(&w);
    for (size_t i = 0; i < COUNT(hostile_bodies); i++) {
        ISCEP_AUTO_BUF body;
        iscep_buf_init(&body, 64 * 1024);
        fill_in(&body, hostile_bodies[i].body, iscep_buf_text(&csr));
        if (hostile_bodies[i].event == ISCEP_STEP_CA_CHALLENGE)
            hook_world_ask(&w, iscep_buf_bytes(&body), &reply);
        else
            notify(&body);
        cr_log_info("body %zu", i);
        assert_hook_reply(&reply, hostile_bodies[i].want_status, false, hostile_bodies[i].want_code);
    }
    cr_assert_eq(hook_world_count_calls(&w), 0);
}

Test(step_ca_hook, a_body_larger_than_any_csr_is_refused)
{
    ISCEP_AUTO_BUF big;
    iscep_buf body;
    iscep_buf_init(&big, 128 * 1024);
    memset(iscep_buf_reserve(&big, 70 * 1024), 0x30, 70 * 1024);
    big.len = 70 * 1024;
    hook_emit_challenge(&body, iscep_buf_bytes(&big), TEST_PKI_CHALLENGE);
    hook_world_start(&w);
    hook_world_ask(&w, iscep_buf_bytes(&body), &reply);
    assert_hook_reply(&reply, 413, false, "body_too_large");
    iscep_buf_clear(&body);
}

Test(step_ca_hook, the_members_order_and_others_beside_them_do_not_matter)
{
    ISCEP_AUTO_BUF csr, body;
    iscep_buf_init(&csr, 64 * 1024);
    iscep_buf_init(&body, 64 * 1024);
    iscep_base64_encode(&csr, iscep_buf_bytes(&w.csr));
    fill_in(
        &body,
        "{" CHALLENGE
        ",\"new\":{\"raw\":[1,{\"x\":null}]},\"x509CertificateRequest\":{\"x\":1,\"raw\":\"%s\"},\"new2\":"
        "true,\"scepTransactionID\":\"\\u0031F2E3D\"}",
        iscep_buf_text(&csr));
    hook_world_start(&w);
    hook_world_ask(&w, iscep_buf_bytes(&body), &reply);
    assert_hook_reply(&reply, 200, true, NULL);
    cr_assert_not_null(
        strstr(hook_world_await_call(&w, "/validateRequest", 1), "\"transactionId\":\"" HOOK_TXID "\""));
}

Test(step_ca_hook, no_secret_and_no_challenge_is_logged)
{
    hook_world_start(&w);
    ask();
    assert_hook_reply(&reply, 200, true, NULL);
    hook_world_answer(&w, (fake_http_answer){.status = 200, .body = "{\"code\":\"ChallengeExpired\"}"});
    ask();
    assert_hook_reply(&reply, 200, false, "ChallengeExpired");
    hook_world_notify(&w, iscep_buf_bytes(&asking), &reply); /* the right body at the wrong webhook */
    assert_hook_reply(&reply, 200, true, NULL);
    const char *log = hook_world_log(&w);
    cr_assert_not_null(strstr(log, HOOK_TXID));
    cr_assert_null(strstr(log, TEST_PKI_CHALLENGE));
    cr_assert_null(strstr(log, "secret-canary"));
}
