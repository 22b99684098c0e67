/* Callers that deliver what was issued whatever they are told, as step-ca does: deferred always, and revoked if refused. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/test_pki.h"
#include "tests/unit/service/service_world.h"

enum { FIRST = SERVICE_WORLD_FIRST_CALL };

static service_world w;
static caught_answer caught;

static void set_up(void)
{
    service_world_init(&w);
}

static void tear_down(void)
{
    service_world_clear(&w);
}

TestSuite(delivered_anyway, .init = set_up, .fini = tear_down);

static iscep_service_request request_of_step_ca(void)
{
    iscep_service_request request = service_world_request(&w);
    request.is_delivered_anyway = true;
    request.is_replay_unwanted = true;
    return request;
}

static void report(const iscep_buf *cert)
{
    const iscep_service_request request = request_of_step_ca();
    caught = (caught_answer){0};
    cr_assert_eq(
        iscep_service_report_issued(w.service, &request, iscep_buf_bytes(cert), catch_answer, &caught, NULL),
        ISCEP_OK);
    service_world_await_answer(&w, &caught);
}

/* A certificate for the same key with a name that nobody asked for. */
static void emit_cert_with_another_name(iscep_buf *out)
{
    iscep_buf_init(out, 64 * 1024);
    test_pki_emit_cert(out, &(test_cert_options){.key = w.key,
                                                 .serial_hex = "0A1D",
                                                 .dns_name = "admin.example",
                                                 .not_after_unix = 4102444800});
}

Test(delivered_anyway, is_answered_as_soon_as_it_is_on_disk_also_where_others_wait)
{
    service_world_open(&w); /* report = strict */
    service_world_validate(&w);
    report(&w.cert);
    assert_answered(&caught, ISCEP_DELIVER, "report_queued");
    service_world_await_calls(&w, FIRST + 1);
    fake_http_answer_call(&w.cloud.http, FIRST, 503, "{}");
    report(&w.cert);
    assert_answered(&caught, ISCEP_DELIVER, "report_queued");
    cr_assert_eq(service_world_revocations(&w), 0);
}

Test(delivered_anyway, failures_too)
{
    const iscep_service_request request = request_of_step_ca();
    service_world_open(&w);
    service_world_validate(&w);
    cr_assert_eq(
        iscep_service_report_failed(w.service, &request, 5, "the CA is down", catch_answer, &caught, NULL),
        ISCEP_OK);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DELIVER, "report_queued");
    service_world_await_calls(&w, FIRST + 1);
    cr_assert_not_null(strstr(w.cloud.http.calls[FIRST].url, "failureNotification"));
}

Test(delivered_anyway, what_was_not_granted_is_revoked_and_not_reported)
{
    iscep_buf other;
    emit_cert_with_another_name(&other);
    service_world_configure_ca(&w);
    service_world_open(&w);
    service_world_validate(&w);
    report(&other);
    assert_answered(&caught, ISCEP_DENY, "certificate_san_added");
    cr_assert_eq(service_world_revocations(&w), 1);
    cr_assert_eq(w.withheld, 1, "the revoker is told");
    report(&other); /* step-ca asks once more when an answer got lost */
    assert_answered(&caught, ISCEP_DENY, "certificate_san_added");
    cr_assert_eq(service_world_revocations(&w), 1);
    service_world_await_journal(&w);
    cr_assert_eq(w.cloud.http.count, FIRST, "Intune is not told");
    cr_assert_str_eq(service_world_events(&w), "validated issued withheld revocation_asked");
    iscep_buf_clear(&other);
}

Test(delivered_anyway, without_a_ca_that_revokes_it_is_at_least_on_record)
{
    iscep_buf other;
    emit_cert_with_another_name(&other);
    service_world_open(&w);
    service_world_validate(&w);
    report(&other);
    assert_answered(&caught, ISCEP_DENY, "certificate_san_added");
    cr_assert_eq(service_world_revocations(&w), 0);
    cr_assert_str_eq(service_world_events(&w), "validated issued withheld");
    cr_assert_not_null(strstr(fake_env_log(&w.cloud.env), "certificate_withheld"));
    iscep_buf_clear(&other);
}

Test(delivered_anyway, a_withheld_certificate_of_others_is_not_recorded_as_issued)
{
    iscep_buf other;
    emit_cert_with_another_name(&other);
    service_world_configure_ca(&w);
    service_world_open(&w);
    service_world_validate(&w);
    service_world_report(&w, &other, 20000, &caught);
    assert_answered(&caught, ISCEP_DENY, "certificate_san_added");
    cr_assert_eq(service_world_revocations(&w), 0, "who asked for it withholds it");
    cr_assert_str_eq(service_world_events(&w), "validated withheld");
    iscep_buf_clear(&other);
}

/* --- the challenge as the caller read it --- */

Test(delivered_anyway, another_challenge_than_the_csrs_is_refused_unasked)
{
    static const struct {
        const char *challenge;
        iscep_decision want;
    } cases[] = {
        {TEST_PKI_CHALLENGE "x", ISCEP_DENY},
        {"x" TEST_PKI_CHALLENGE, ISCEP_DENY},
        {"other", ISCEP_DENY},
        {TEST_PKI_CHALLENGE, ISCEP_ALLOW},
        {NULL, ISCEP_ALLOW}, /* he does not say */
    };
    service_world_open(&w);
    service_world_warm(&w);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        iscep_service_request request = request_of_step_ca();
        const size_t calls = w.cloud.http.count;
        request.challenge = iscep_bytes_of_text(cases[i].challenge);
        caught = (caught_answer){0};
        cr_assert_eq(iscep_service_verify(w.service, &request, catch_answer, &caught, NULL), ISCEP_OK);
        if (cases[i].want == ISCEP_ALLOW) {
            service_world_await_calls(&w, calls + 1);
            fake_http_answer_call(&w.cloud.http, calls, 200, WORLD_SUCCESS);
        }
        service_world_await_answer(&w, &caught);
        assert_answered(&caught, cases[i].want,
                        cases[i].want == ISCEP_ALLOW ? "Success" : "csr_challenge_differs");
        cr_assert_eq(w.cloud.http.count, calls + (cases[i].want == ISCEP_ALLOW ? 1 : 0), "case %zu", i);
    }
    cr_assert_null(strstr(fake_env_log(&w.cloud.env), TEST_PKI_CHALLENGE), "a challenge is not for logs");
}
