/* Strict and deferred: what a SCEP server is told while Intune has, has not, or will never have taken note. */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/support/test_pki.h"
#include "tests/unit/service/service_world.h"

enum { FIRST = SERVICE_WORLD_FIRST_CALL, PATIENT_MS = 20000, IMPATIENT_MS = 100 };

#define REFUSAL "{\"code\":\"ChallengeExpired\"}"

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

TestSuite(reporting, .init = set_up, .fini = tear_down);

static void open_validated(void)
{
    service_world_open(&w);
    service_world_validate(&w);
}

static void answer_call(size_t at, const char *body)
{
    service_world_await_calls(&w, at + 1);
    fake_http_answer_call(&w.cloud.http, at, 200, body);
}

/* The caller's time ends before Intune answers. */
static void report_in_vain(const iscep_buf *cert)
{
    service_world_report(&w, cert, IMPATIENT_MS, &caught);
    service_world_await_answer(&w, &caught);
}

static bool is_in_log(const char *text)
{
    return strstr(fake_env_log(&w.cloud.env), text) != NULL;
}

/* --- strict --- */

Test(reporting, strict_delivers_once_intune_has_taken_note)
{
    open_validated();
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    service_world_await_calls(&w, FIRST + 1);
    service_world_await_journal(&w);
    cr_assert_eq(caught.count, 0, "not before Intune has answered");
    answer_call(FIRST, WORLD_SUCCESS);
    cr_assert_eq(caught.count, 0, "not before that is on disk");
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
    cr_assert_str_eq(service_world_events(&w), "validated issued reported");
}

Test(reporting, what_intune_refuses_is_withheld_for_good)
{
    open_validated();
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    answer_call(FIRST, REFUSAL);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DENY, "ChallengeExpired");
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DENY, "ChallengeExpired");
    cr_assert_eq(w.cloud.http.count, FIRST + 1, "it was told once");
    cr_assert_eq(service_world_revocations(&w), 0, "nobody could revoke it");
}

Test(reporting, what_intune_refuses_is_revoked_where_a_ca_is_configured)
{
    service_world_configure_ca(&w);
    w.options.reporting.is_withheld_revoked = false; /* that is about reports without an answer */
    open_validated();
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    answer_call(FIRST, REFUSAL);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DENY, "ChallengeExpired");
    cr_assert_eq(service_world_revocations(&w), 1);
    cr_assert_eq(w.withheld, 1);
}

/* Time for whatever was postponed. */
static void look_later(void)
{
    fake_env_advance(&w.cloud.env, 5000);
    iscep_service_wake(w.service);
}

Test(reporting, without_an_answer_it_is_held_and_delivered_later)
{
    open_validated();
    report_in_vain(&w.cert);
    assert_answered(&caught, ISCEP_RETRY, "report_pending");
    cr_assert_not_null(strstr(service_world_events(&w), "held"));
    look_later();
    answer_call(FIRST + 1, WORLD_SUCCESS);
    service_world_await_journal(&w);
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DELIVER, "already_reported");
    cr_assert_eq(caught.cert_len, 0);
    cr_assert_eq(w.cloud.http.count, FIRST + 2);
    cr_assert_eq(service_world_revocations(&w), 0);
}

Test(reporting, without_an_answer_it_is_given_up_where_it_can_be_revoked)
{
    service_world_configure_ca(&w);
    open_validated();
    report_in_vain(&w.cert);
    assert_answered(&caught, ISCEP_DENY, "certificate_withheld");
    cr_assert_eq(service_world_revocations(&w), 1);
    cr_assert_eq(w.withheld, 1);
    report_in_vain(&w.cert);
    assert_answered(&caught, ISCEP_DENY, "certificate_withheld");
    cr_assert_eq(service_world_revocations(&w), 1, "once");
}

/* Intune may have taken note of it: a second certificate for the same request would be another story told. */
Test(reporting, a_request_whose_certificate_was_given_up_is_refused_without_asking_intune)
{
    service_world_configure_ca(&w);
    open_validated();
    report_in_vain(&w.cert);
    size_t calls = w.cloud.http.count;
    service_world_verify(&w, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DENY, "certificate_withheld");
    cr_assert_eq(w.cloud.http.count, calls);
}

Test(reporting, it_is_kept_where_so_configured_or_of_an_unknown_ca)
{
    service_world_configure_ca(&w);
    w.options.reporting.is_withheld_revoked = false;
    open_validated();
    report_in_vain(&w.cert);
    assert_answered(&caught, ISCEP_RETRY, "report_pending");
    cr_assert_eq(service_world_revocations(&w), 0);
    service_world_close(&w);
    w.options.reporting.is_withheld_revoked = true;
    w.ca_options.issuer = "CN=Another CA,O=Contoso";
    service_world_open(&w);
    report_in_vain(&w.cert);
    assert_answered(&caught, ISCEP_RETRY, "report_pending");
    cr_assert_eq(service_world_revocations(&w), 0);
}

Test(reporting, a_late_acceptance_changes_nothing)
{
    caught_answer second;
    service_world_configure_ca(&w);
    open_validated();
    service_world_report(&w, &w.cert, PATIENT_MS, &second); /* his attempt outlives the other's patience */
    service_world_await_calls(&w, FIRST + 1);
    report_in_vain(&w.cert);
    assert_answered(&caught, ISCEP_DENY, "certificate_withheld");
    answer_call(FIRST, WORLD_SUCCESS);
    service_world_await_journal(&w);
    cr_assert(is_in_log("report_accepted_late"));
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DENY, "certificate_withheld");
    assert_answered(&second, ISCEP_DENY, "certificate_withheld");
    cr_assert_not_null(strstr(service_world_events(&w), "reported_late"));
    cr_assert_eq(service_world_revocations(&w), 1);
}

Test(reporting, what_would_be_given_up_is_worth_another_attempt)
{
    service_world_configure_ca(&w);
    open_validated();
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    answer_call(FIRST, "<html>");
    service_world_await_journal(&w);
    cr_assert_eq(caught.count, 0, "there is time left");
    look_later();
    answer_call(FIRST + 1, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
    cr_assert_eq(service_world_revocations(&w), 0);
}

Test(reporting, a_failed_attempt_is_no_refusal)
{
    open_validated();
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    answer_call(FIRST, "<html>");
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_RETRY, "report_pending");
    cr_assert_not_null(strstr(caught.verdict.message, "intune_reply_malformed"));
    cr_assert_neq(caught.verdict.request_id[0], '\0');
    service_world_report(&w, &w.cert, PATIENT_MS, &caught); /* asked again: told again, at once */
    answer_call(FIRST + 1, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
}

Test(reporting, the_same_report_at_the_same_time_is_one_report)
{
    caught_answer second;
    open_validated();
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    service_world_report(&w, &w.cert, PATIENT_MS, &second);
    service_world_await_journal(&w);
    answer_call(FIRST, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    service_world_await_answer(&w, &second);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
    assert_answered(&second, ISCEP_ALLOW, "Success");
    cr_assert_eq(w.cloud.http.count, FIRST + 1);
}

Test(reporting, who_waits_longer_learns_that_it_was_given_up)
{
    caught_answer second;
    service_world_configure_ca(&w);
    open_validated();
    service_world_report(&w, &w.cert, PATIENT_MS, &second);
    service_world_await_journal(&w);
    report_in_vain(&w.cert);
    assert_answered(&caught, ISCEP_DENY, "certificate_withheld");
    assert_answered(&second, ISCEP_DENY, "certificate_withheld");
}

Test(reporting, a_second_certificate_for_the_same_request_is_refused)
{
    open_validated();
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    answer_call(FIRST, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    service_world_report(&w, &w.cert2, PATIENT_MS, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DENY, "already_issued_other");
    cr_assert_eq(w.cloud.http.count, FIRST + 1);
    cr_assert_eq(service_world_revocations(&w), 0, "nobody could revoke it");
}

/* A device that failed over has had two CAs issue for one request. The first reported is the one. */
Test(reporting, a_second_certificate_is_revoked_and_the_first_is_delivered)
{
    service_world_configure_ca(&w);
    open_validated();
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    answer_call(FIRST, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    for (int i = 0; i < 2; i++) {
        service_world_report(&w, &w.cert2, PATIENT_MS, &caught);
        service_world_await_answer(&w, &caught);
        assert_answered(&caught, ISCEP_DENY, "already_issued_other");
        cr_assert_eq(service_world_revocations(&w), 1);
    }
    cr_assert_eq(w.withheld, 1);
    cr_assert_str_eq(service_world_events(&w), "validated issued reported issued withheld revocation_asked");
    service_world_verify(&w, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DELIVER, "already_issued");
    cr_assert(iscep_bytes_equal(iscep_bytes_of(caught.cert, caught.cert_len), iscep_buf_bytes(&w.cert)));
    cr_assert_eq(w.cloud.http.count, FIRST + 1);
}

/* The first is owed yet: neither may be delivered, and then it is the first. */
Test(reporting, a_second_certificate_does_not_overtake_the_first)
{
    caught_answer second;
    service_world_configure_ca(&w);
    open_validated();
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    service_world_await_calls(&w, FIRST + 1);
    service_world_report(&w, &w.cert2, PATIENT_MS, &second);
    service_world_await_answer(&w, &second);
    assert_answered(&second, ISCEP_DENY, "already_issued_other");
    answer_call(FIRST, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
    cr_assert_eq(service_world_revocations(&w), 1);
}

Test(reporting, a_second_certificate_is_fine_once_the_first_was_given_up)
{
    open_validated();
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    answer_call(FIRST, REFUSAL);
    service_world_await_answer(&w, &caught);
    service_world_report(&w, &w.cert2, PATIENT_MS, &caught);
    answer_call(FIRST + 1, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
}

/* --- a request that was never validated --- */

Test(reporting, a_report_of_a_request_never_validated_is_told_and_marked)
{
    service_world_open(&w);
    service_world_warm(&w);
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    answer_call(FIRST, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
    cr_assert(is_in_log("never_validated transaction_id=1F2E3D"));
    cr_assert_not_null(strstr(service_world_events(&w), "never_validated"));
}

Test(reporting, it_is_refused_and_never_told_where_so_configured)
{
    w.options.reporting.is_unvalidated_refused = true;
    service_world_open(&w);
    service_world_warm(&w);
    for (int i = 0; i < 2; i++) {
        service_world_report(&w, &w.cert, PATIENT_MS, &caught);
        service_world_await_answer(&w, &caught);
        assert_answered(&caught, ISCEP_DENY, "never_validated");
    }
    iscep_service_wake(w.service);
    service_world_await_journal(&w);
    cr_assert_eq(w.cloud.http.count, FIRST);
}

/* The process ends between the record and the decision: there is none. */
Test(reporting, it_is_never_told_even_if_the_process_ends_at_once)
{
    w.options.reporting.is_unvalidated_refused = true;
    service_world_open(&w);
    service_world_warm(&w);
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    service_world_close(&w); /* the journal carries out what it was asked for */
    service_world_open(&w);
    service_world_await_journal(&w);
    cr_assert_eq(w.cloud.http.count, FIRST);
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DENY, "never_validated");
}

Test(reporting, a_validated_one_is_not_refused)
{
    w.options.reporting.is_unvalidated_refused = true;
    open_validated();
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    answer_call(FIRST, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
}

/* --- deferred --- */

Test(reporting, deferred_delivers_as_soon_as_it_is_on_disk)
{
    w.options.reporting.is_deferred = true;
    open_validated();
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    cr_assert_eq(caught.count, 0, "not before it is on disk");
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DELIVER, "report_queued");
    answer_call(FIRST, WORLD_SUCCESS);
    cr_assert_str_eq(service_world_events(&w), "validated issued reported");
    cr_assert(is_in_log("report_delivered"));
}

Test(reporting, a_deferred_report_that_intune_refuses_is_dead_and_loud)
{
    w.options.reporting.is_deferred = true;
    service_world_configure_ca(&w);
    open_validated();
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    service_world_await_answer(&w, &caught);
    answer_call(FIRST, REFUSAL);
    service_world_await_journal(&w);
    cr_assert(is_in_log("error report_dead transaction_id=1F2E3D"));
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DENY, "ChallengeExpired");
    cr_assert_eq(service_world_revocations(&w), 0, "the device has it: a person decides");
}

Test(reporting, a_deferred_certificate_is_replayed_though_intune_does_not_know_it)
{
    w.options.reporting.is_deferred = true;
    open_validated();
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    service_world_await_answer(&w, &caught);
    service_world_verify(&w, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DELIVER, "already_issued");
    cr_assert_eq(caught.cert_len, w.cert.len);
}

/* --- failures --- */

Test(reporting, a_failure_waits_for_intune)
{
    open_validated();
    service_world_report_failed(&w, PATIENT_MS, &caught);
    answer_call(FIRST, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
    cr_assert_not_null(strstr(w.cloud.http.calls[FIRST].url, "/failureNotification"));
    cr_assert_str_eq(service_world_events(&w), "validated failed failure_reported");
}

Test(reporting, a_failure_that_intune_refuses_is_refused)
{
    open_validated();
    service_world_report_failed(&w, PATIENT_MS, &caught);
    answer_call(FIRST, REFUSAL);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DENY, "ChallengeExpired");
}

Test(reporting, deferred_answers_a_failure_at_once)
{
    w.options.reporting.is_deferred = true;
    open_validated();
    service_world_report_failed(&w, PATIENT_MS, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DELIVER, "report_queued");
}

Test(reporting, a_failure_reported_first_is_told_first)
{
    open_validated();
    service_world_report_failed(&w, IMPATIENT_MS, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_RETRY, "report_pending");
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    service_world_await_journal(&w);
    cr_assert_eq(w.cloud.http.count, FIRST + 1, "the failure is still owed");
    look_later();
    answer_call(FIRST + 1, WORLD_SUCCESS);
    cr_assert_not_null(strstr(w.cloud.http.calls[FIRST + 1].url, "/failureNotification"));
    answer_call(FIRST + 2, WORLD_SUCCESS);
    cr_assert_not_null(strstr(w.cloud.http.calls[FIRST + 2].url, "/successNotification"));
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
}

/* --- a journal that cannot be written --- */

/* No file may grow: what happens when there is no room, but to this process alone. */
static void let_files_grow(bool may_grow)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = may_grow ? limit.rlim_max : 1;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static bool is_healthy(void *user)
{
    (void)user;
    return iscep_journal_is_healthy(w.journal, NULL);
}

static void assert_retry_of_journal(void)
{
    service_world_await_answer(&w, &caught);
    cr_assert_eq(caught.verdict.decision, ISCEP_RETRY);
    cr_assert_eq(strncmp(caught.verdict.code, "journal_", 8), 0, "%s", caught.verdict.code);
    cr_assert_not_null(strstr(caught.verdict.message, "advice:"), "%s", caught.verdict.message);
}

Test(reporting, what_cannot_be_recorded_is_neither_told_nor_delivered)
{
    open_validated();
    service_world_await_journal(&w);
    let_files_grow(false);
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    assert_retry_of_journal();
    service_world_report_failed(&w, PATIENT_MS, &caught);
    assert_retry_of_journal();
    service_world_verify(&w, &caught); /* nor is anything issued that could not be recorded */
    assert_retry_of_journal();
    cr_assert_eq(w.cloud.http.count, FIRST);
    let_files_grow(true);
    service_world_await(&w, is_healthy, NULL);
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    answer_call(FIRST, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
}

Test(reporting, what_intune_has_accepted_is_not_delivered_before_that_is_on_disk)
{
    open_validated();
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    service_world_await_calls(&w, FIRST + 1);
    let_files_grow(false);
    answer_call(FIRST, WORLD_SUCCESS);
    assert_retry_of_journal();
    cr_assert(is_in_log("error report_unsettled transaction_id=1F2E3D"));
    let_files_grow(true);
    service_world_await(&w, is_healthy, NULL);
    fake_env_advance(&w.cloud.env, 120000); /* the claim has run out */
    iscep_service_wake(w.service);
    answer_call(FIRST + 1, WORLD_SUCCESS);
    service_world_await_journal(&w);
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DELIVER, "already_reported");
    cr_assert_str_eq((const char *)w.cloud.http.calls[FIRST + 1].body.data,
                     (const char *)w.cloud.http.calls[FIRST].body.data);
}

/* --- the end of the process --- */

Test(reporting, who_waits_when_it_ends_is_told_to_ask_again)
{
    caught_answer verified;
    open_validated();
    service_world_verify(&w, &verified);
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    service_world_close(&w); /* before the journal has called back */
    assert_answered(&caught, ISCEP_RETRY, "shutting_down");
    assert_answered(&verified, ISCEP_RETRY, "shutting_down");
}

Test(reporting, what_was_under_way_when_it_ends_stays_owed)
{
    open_validated();
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    service_world_await_calls(&w, FIRST + 1);
    service_world_close(&w);
    assert_answered(&caught, ISCEP_RETRY, "shutting_down");
    service_world_open(&w);
    service_world_verify(&w, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_RETRY, "report_pending");
}
