/* A device whose answer got lost asks again: it gets the certificate that it has already, and never a second one. */
#include <criterion/criterion.h>
#include <string.h>

#include "journal/leaders.h"
#include "journal/revocations.h"
#include "tests/support/test_pki.h"
#include "tests/unit/service/service_world.h"

enum { FIRST = SERVICE_WORLD_FIRST_CALL };

static service_world w;
static caught_answer caught;

static void set_up(void)
{
    service_world_init(&w);
    service_world_open(&w);
}

static void tear_down(void)
{
    service_world_clear(&w);
}

TestSuite(replay, .init = set_up, .fini = tear_down);

/* Validated, issued, reported: FIRST + 1 calls. */
static void enrol(const iscep_buf *cert)
{
    service_world_validate(&w);
    service_world_report(&w, cert, 20000, &caught);
    service_world_await_calls(&w, FIRST + 1);
    fake_http_answer_call(&w.cloud.http, FIRST, 200, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
}

static void assert_delivered(void)
{
    service_world_verify(&w, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DELIVER, "already_issued");
    cr_assert_eq(caught.cert_len, w.cert.len);
    cr_assert_arr_eq(caught.cert, w.cert.data, w.cert.len);
}

/* Intune is asked, call number at, and its answer counts. */
static void assert_asked(const iscep_service_request *request, size_t at)
{
    iscep_error err = ISCEP_ERROR_INIT;
    caught = (caught_answer){0};
    cr_assert_eq(iscep_service_verify(w.service, request, catch_answer, &caught, &err), ISCEP_OK, "%s",
                 err.message);
    service_world_await_calls(&w, at + 1);
    cr_assert_not_null(strstr(w.cloud.http.calls[at].url, "/validateRequest"));
    fake_http_answer_call(&w.cloud.http, at, 200, "{\"code\":\"ChallengeExpired\"}");
    assert_answered(&caught, ISCEP_DENY, "ChallengeExpired");
    cr_assert_eq(caught.cert_len, 0);
}

Test(replay, the_certificate_that_was_reported_is_delivered_again_unasked)
{
    enrol(&w.cert);
    assert_delivered();
    assert_delivered();
    cr_assert_eq(w.cloud.http.count, FIRST + 1);
    cr_assert_str_eq(service_world_events(&w), "validated issued reported replayed");
    cr_assert_not_null(strstr(fake_env_log(&w.cloud.env),
                              "request_verified transaction_id=1F2E3D verdict=deliver code=already_issued"));
}

Test(replay, survives_the_end_of_the_process)
{
    enrol(&w.cert);
    service_world_close(&w);
    service_world_open(&w);
    assert_delivered();
}

Test(replay, another_csr_of_the_same_transaction_is_another_request)
{
    iscep_buf other;
    iscep_buf_init(&other, 64 * 1024);
    enrol(&w.cert);
    test_pki_emit_good_csr(&other, w.key); /* the same key, another signature */
    iscep_service_request request = service_world_request(&w);
    request.csr = iscep_buf_bytes(&other);
    assert_asked(&request, FIRST + 1);
    iscep_buf_clear(&other);
}

Test(replay, another_transaction_of_the_same_csr_is_another_request)
{
    enrol(&w.cert);
    iscep_service_request request = service_world_request(&w);
    request.transaction_id = iscep_bytes_of_text("1F2E3E");
    assert_asked(&request, FIRST + 1);
}

Test(replay, who_cannot_deliver_it_has_intune_asked)
{
    enrol(&w.cert);
    iscep_service_request request = service_world_request(&w);
    request.is_replay_unwanted = true;
    assert_asked(&request, FIRST + 1);
}

Test(replay, a_certificate_that_intune_does_not_know_yet_is_not_delivered)
{
    service_world_validate(&w);
    service_world_report(&w, &w.cert, 300, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_RETRY, "report_pending");
    service_world_verify(&w, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_RETRY, "report_pending");
    cr_assert_eq(caught.verdict.retry_after_ms, 5000);
    cr_assert_eq(caught.cert_len, 0);
    fake_env_advance(&w.cloud.env, 5000); /* time for another attempt */
    iscep_service_wake(w.service);
    service_world_await_calls(&w, FIRST + 2);
    fake_http_answer_call(&w.cloud.http, FIRST + 1, 200, WORLD_SUCCESS);
    service_world_await_journal(&w);
    assert_delivered();
    cr_assert_eq(w.cloud.http.count, FIRST + 2);
}

Test(replay, an_expired_certificate_is_not_delivered)
{
    iscep_buf short_lived;
    iscep_buf_init(&short_lived, 64 * 1024);
    test_pki_emit_cert(&short_lived,
                       &(test_cert_options){.key = w.key, .not_after_unix = w.cloud.env.unix_ms / 1000 + 60});
    enrol(&short_lived);
    fake_env_advance(&w.cloud.env, 61000);
    const iscep_service_request request = service_world_request(&w);
    assert_asked(&request, FIRST + 1);
    iscep_buf_clear(&short_lived);
}

Test(replay, a_withheld_certificate_is_not_delivered_and_no_other_is_issued)
{
    service_world_validate(&w);
    service_world_report(&w, &w.cert, 20000, &caught);
    service_world_await_calls(&w, FIRST + 1);
    fake_http_answer_call(&w.cloud.http, FIRST, 200, "{\"code\":\"Unknown\"}");
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DENY, "Unknown");
    service_world_verify(&w, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DENY, "certificate_withheld");
    cr_assert_eq(caught.cert_len, 0);
}

static void on_counted(void *user, iscep_status status, int64_t count, const iscep_error *err)
{
    (void)user;
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    cr_assert_eq(count, 1);
}

static void on_revocation_settled(void *user, iscep_status status, bool is_taken, const iscep_error *err)
{
    (void)user;
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    cr_assert(is_taken);
}

static void on_leading(void *user, iscep_status status, const iscep_leadership *standing,
                       const iscep_error *err)
{
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    *(int64_t *)user = standing->fence;
}

/* Intune has asked for it, and the CA has done it. */
static void have_it_revoked(void)
{
    const iscep_revocation_request request = {
        .context = "c", .serial_text = "0A1B", .serial = "0A1B", .issuer = "", .configuration = ""};
    const iscep_revocation_outcome done = {
        .state = ISCEP_REVOCATION_ANSWERABLE, .is_revoked = true, .message = ""};
    int64_t fence = 0;
    iscep_journal_lead(w.journal, SERVICE_WORLD_TENANT, ISCEP_TASK_REVOCATIONS, 0, 60000, on_leading, &fence);
    service_world_await_journal(&w);
    iscep_journal_store_revocations(w.journal, SERVICE_WORLD_TENANT, fence, &request, 1, on_counted, NULL);
    iscep_journal_settle_revocation(w.journal, 1, &done, on_revocation_settled, NULL);
    service_world_await_journal(&w);
}

Test(replay, a_revoked_certificate_is_not_delivered_when_it_is_reported_again)
{
    enrol(&w.cert);
    have_it_revoked();
    service_world_report(&w, &w.cert, 20000, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DENY, "certificate_revoked");
}

/* Held first: Intune had taken note, its answer was lost, and meanwhile it wants the certificate revoked. */
Test(replay, a_certificate_revoked_while_it_was_held_is_not_delivered)
{
    service_world_validate(&w);
    service_world_report(&w, &w.cert, 300, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_RETRY, "report_pending");
    have_it_revoked();
    fake_env_advance(&w.cloud.env, 5000);
    service_world_report(&w, &w.cert, 20000, &caught);
    service_world_await_calls(&w, FIRST + 2);
    fake_http_answer_call(&w.cloud.http, FIRST + 1, 200, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DENY, "certificate_revoked");
}

/* Deferred, and Intune has not answered yet. */
Test(replay, a_certificate_revoked_before_intune_was_told_is_not_delivered)
{
    service_world_close(&w);
    w.options.reporting.is_deferred = true;
    service_world_open(&w);
    service_world_validate(&w);
    service_world_report(&w, &w.cert, 20000, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DELIVER, "report_queued");
    have_it_revoked();
    service_world_report(&w, &w.cert, 20000, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DENY, "certificate_revoked");
}

Test(replay, the_local_rules_come_first)
{
    enrol(&w.cert);
    w.options.policy.csr.max_challenge_len = 3;
    service_world_verify(&w, &caught);
    assert_answered(&caught, ISCEP_DENY, "csr_challenge_length");
    cr_assert_eq(caught.cert_len, 0);
}

Test(replay, every_outcome_is_in_the_journal)
{
    service_world_validate(&w);
    const iscep_service_request request = service_world_request(&w);
    assert_asked(&request, FIRST);
    service_world_verify(&w, &caught);
    service_world_await_calls(&w, FIRST + 2);
    fake_http_answer_call(&w.cloud.http, FIRST + 1, 200, "<html>");
    assert_answered(&caught, ISCEP_RETRY, "intune_reply_malformed");
    w.options.policy.csr.max_challenge_len = 3;
    service_world_verify(&w, &caught);
    cr_assert_str_eq(service_world_events(&w), "validated refused unanswered refused");
}
