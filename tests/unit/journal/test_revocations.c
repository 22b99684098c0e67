/* A revocation goes from Intune's question to Intune's having the answer, each once. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "desk.h"
#include "revocation_desk.h"

static desk d;

static void set_up(void)
{
    desk_open(&d);
}

static void tear_down(void)
{
    desk_close(&d);
}

TestSuite(revocations, .init = set_up, .fini = tear_down);

static int64_t report(const char *transaction_id, const char *csr, const char *serial)
{
    desk_report r = desk_issue_strict(&d, transaction_id, csr, serial);
    desk_settle(&d, r.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success");
    return r.report.delivery_id;
}

static int64_t count_active(void)
{
    return desk_count_revocations(&d, 0).active_certificates;
}

/* --- stored and claimed --- */

Test(revocations, one_that_is_downloaded_twice_is_stored_once)
{
    cr_assert_eq(desk_ask(&d, "ctx1", "01AB").count, 1);
    cr_assert_eq(desk_ask(&d, "ctx1", "01AB").count, 0);
    cr_assert_eq(desk_ask(&d, "ctx2", "01AB").count, 1);
    desk_work work = desk_claim_revocations(&d, 10);
    cr_assert_eq(work.count, 2);
    cr_assert_str_eq(work.context[0], "ctx1");
    cr_assert_str_eq(work.context[1], "ctx2");
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 0);
}

Test(revocations, what_the_journal_knows_of_the_serial_comes_along)
{
    report("t1", "csr1", "01AB");
    report("t2", "csr2", "02CD");
    report("t3", "csr3", "02CD");
    desk_ask(&d, "known", "01AB");
    desk_ask(&d, "twice", "02CD");
    desk_ask(&d, "unknown", "03EF");
    desk_ask(&d, "no number", NULL);
    desk_work work = desk_claim_revocations(&d, 10);
    cr_assert_eq(work.count, 4);
    cr_assert_eq(work.known_count[0], 1);
    cr_assert_str_eq(work.known_ca[0], "main");
    cr_assert_str_eq(work.known_subject[0], "CN=device.example");
    cr_assert_eq(work.known_count[1], 2);
    cr_assert_str_eq(work.known_ca[1], "");
    cr_assert_eq(work.known_count[2], 0);
    cr_assert_eq(work.known_count[3], 0);
    cr_assert_not(work.has_serial[3]);
}

Test(revocations, another_tenants_certificate_is_not_known)
{
    iscep_issued_record foreign = desk_cert("t1", "csr1", "01AB");
    foreign.key.tenant = "fabrikam";
    desk_issue(&d, &foreign);
    desk_ask(&d, "ctx1", "01AB");
    cr_assert_eq(desk_claim_revocations(&d, 10).known_count[0], 0);
}

Test(revocations, a_claim_ends_with_its_lease_or_the_process)
{
    desk_ask(&d, "ctx1", "01AB");
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 1);
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 0);
    fake_env_advance(&d.world, DESK_LEASE_MS);
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 1);
    desk_reopen(&d);
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 1);
}

Test(revocations, a_postponed_one_comes_when_it_is_due)
{
    desk_ask(&d, "ctx1", "01AB");
    desk_work work = desk_claim_revocations(&d, 10);
    int64_t due = d.world.unix_ms + 5000;
    cr_assert_eq(desk_settle_revocation(&d, work.ids[0],
                                        &(iscep_revocation_outcome){.state = ISCEP_REVOCATION_WAITING,
                                                                    .due_unix_ms = due,
                                                                    .ca = "chosen",
                                                                    .message = "CA is down"})
                     .status,
                 ISCEP_OK);
    work = desk_claim_revocations(&d, 10);
    cr_assert_eq(work.count, 0);
    cr_assert_eq(work.next_due_unix_ms, due);
    fake_env_advance(&d.world, 5000);
    work = desk_claim_revocations(&d, 10);
    cr_assert_eq(work.count, 1);
    cr_assert_eq(work.attempts[0], 1);
    cr_assert_str_eq(work.ca[0], "chosen");
}

/* --- results --- */

static int64_t answer(const char *context, int32_t error_code)
{
    desk_ask(&d, context, "01AB");
    desk_work work = desk_claim_revocations(&d, 1);
    cr_assert_eq(work.count, 1);
    desk_settle_revocation(&d, work.ids[0],
                           &(iscep_revocation_outcome){.state = ISCEP_REVOCATION_ANSWERABLE,
                                                       .is_revoked = error_code == 0,
                                                       .error_code = error_code,
                                                       .message = error_code == 0 ? NULL : "no"});
    return work.ids[0];
}

Test(revocations, a_result_is_claimed_once_until_intune_has_taken_it)
{
    int64_t id = answer("ctx1", 4004);
    desk_results results = desk_claim_results(&d, 10);
    cr_assert_eq(results.count, 1);
    cr_assert_eq(results.ids[0], id);
    cr_assert_eq(results.error_code[0], 4004);
    cr_assert_str_eq(results.context[0], "ctx1");
    cr_assert_eq(desk_claim_results(&d, 10).count, 0);
    desk_settle_results(&d, &id, 1, false, d.world.unix_ms + 1000);
    cr_assert_eq(desk_claim_results(&d, 10).count, 0);
    fake_env_advance(&d.world, 1000);
    cr_assert_eq(desk_claim_results(&d, 10).count, 1);
    desk_settle_results(&d, &id, 1, true, 0);
    fake_env_advance(&d.world, 10 * DESK_LEASE_MS);
    cr_assert_eq(desk_claim_results(&d, 10).count, 0);
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 0);
}

Test(revocations, one_asked_for_again_is_answered_again_but_not_executed_again)
{
    int64_t id = answer("ctx1", 0);
    desk_settle_results(&d, &id, 1, true, 0);
    cr_assert_eq(desk_ask(&d, "ctx1", "01AB").count, 0);
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 0);
    desk_results results = desk_claim_results(&d, 10);
    cr_assert_eq(results.count, 1);
    cr_assert_eq(results.error_code[0], 0);
}

Test(revocations, one_that_may_be_retried_or_was_left_unanswered_is_tried_again)
{
    int64_t id = answer("ctx1", 4101);
    desk_settle_results(&d, &id, 1, true, 0);
    desk_ask(&d, "ctx2", "02");
    desk_work work = desk_claim_revocations(&d, 10);
    desk_settle_revocation(&d, work.ids[0], &(iscep_revocation_outcome){.state = ISCEP_REVOCATION_ENDED});
    cr_assert_eq(desk_claim_results(&d, 10).count, 0);
    desk_ask(&d, "ctx1", "01AB");
    desk_ask(&d, "ctx2", "02");
    work = desk_claim_revocations(&d, 10);
    cr_assert_eq(work.count, 2);
    cr_assert_eq(work.attempts[0], 0);
    cr_assert_eq(desk_claim_results(&d, 10).count, 0);
}

Test(revocations, asking_again_meanwhile_changes_nothing)
{
    answer("ctx1", 4004);
    desk_claim_results(&d, 10);
    desk_ask(&d, "ctx1", "01AB");
    cr_assert_eq(desk_claim_results(&d, 10).count, 0, "it is being uploaded");
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 0);
}

Test(revocations, an_unknown_one_is_a_mistake)
{
    desk_count r =
        desk_settle_revocation(&d, 4711, &(iscep_revocation_outcome){.state = ISCEP_REVOCATION_ENDED});
    cr_assert_eq(r.status, ISCEP_USAGE);
    cr_assert_str_eq(r.error, "revocation_unknown");
    const int64_t unknown = 4711;
    cr_assert_eq(desk_settle_results(&d, &unknown, 1, true, 0).status, ISCEP_OK,
                 "it has ended and is forgotten");
}

/* --- what it does to the certificate --- */

Test(revocations, a_revoked_certificate_is_not_delivered_again)
{
    report("t1", "csr1", "01AB");
    cr_assert_eq(count_active(), 1);
    answer("ctx1", 0);
    cr_assert_not(desk_find(&d, "t1", "csr1").has_cert);
    cr_assert_eq(count_active(), 0);
    cr_assert_str_eq(desk_events(&d, "t1"), "issued, reported, revocation_asked, revoked");
    desk_assert_report(desk_issue_strict(&d, "t1", "csr1", "02CD"), ISCEP_REPORT_OWED, true);
}

Test(revocations, a_failed_one_leaves_the_certificate)
{
    report("t1", "csr1", "01AB");
    int64_t id = answer("ctx1", 4000);
    cr_assert(desk_find(&d, "t1", "csr1").has_cert);
    desk_settle_results(&d, &id, 1, true, 0);
    cr_assert_str_eq(desk_events(&d, "t1"),
                     "issued, reported, revocation_asked, revocation_failed, revocation_answered");
}

Test(revocations, one_of_two_certificates_with_the_serial_is_not_guessed)
{
    report("t1", "csr1", "01AB");
    report("t2", "csr2", "01AB");
    answer("ctx1", 0);
    cr_assert(desk_find(&d, "t1", "csr1").has_cert);
    cr_assert(desk_find(&d, "t2", "csr2").has_cert);
}

Test(revocations, our_own_ends_without_an_answer)
{
    desk_report r = desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_withhold(&d, r.report.delivery_id, true);
    desk_work work = desk_claim_revocations(&d, 10);
    cr_assert_eq(work.count, 1);
    cr_assert_str_eq(work.context[0], "");
    cr_assert_eq(work.known_count[0], 1);
    cr_assert_str_eq(work.known_ca[0], "main");
    cr_assert_str_eq(work.ca[0], "main");
    desk_settle_revocation(
        &d, work.ids[0],
        &(iscep_revocation_outcome){.state = ISCEP_REVOCATION_ANSWERABLE, .is_revoked = true});
    cr_assert_eq(desk_claim_results(&d, 10).count, 0);
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 0);
    cr_assert_str_eq(desk_events(&d, "t1"), "issued, withheld, revocation_asked, revoked");
}

/* --- the storm guard's --- */

Test(revocations, what_the_storm_guard_counts)
{
    report("t1", "csr1", "01");
    iscep_issued_record deferred = desk_cert("t2", "csr2", "02"), expired = desk_cert("t3", "csr3", "03");
    deferred.is_deferred = true;
    desk_issue(&d, &deferred);
    expired.is_deferred = true;
    expired.cert.not_after_unix = d.world.unix_ms / 1000;
    desk_issue(&d, &expired);
    desk_issue_strict(&d, "t4", "csr4", "04");
    desk_ask(&d, "early", "0A");
    fake_env_advance(&d.world, 1000);
    int64_t since = d.world.unix_ms;
    desk_ask(&d, "ctx1", "0B");
    answer("ctx2", 0);
    iscep_revocation_counts counts = desk_count_revocations(&d, since);
    cr_assert_eq(counts.asked_since, 2);
    cr_assert_eq(counts.waiting, 2);
    cr_assert_eq(counts.held, 0);
    cr_assert_eq(counts.answerable, 1);
    cr_assert_eq(counts.active_certificates, 2);
}

Test(revocations, held_ones_are_not_given_out_until_they_are_approved)
{
    report("t1", "csr1", "01AB");
    desk_ask(&d, "ctx1", "01AB");
    desk_ask(&d, "ctx2", "02CD");
    desk_report own = desk_issue_strict(&d, "t2", "csr2", "03");
    desk_withhold(&d, own.report.delivery_id, true);
    cr_assert_eq(desk_hold(&d, true).count, 2);
    desk_work work = desk_claim_revocations(&d, 10);
    cr_assert_eq(work.count, 1, "our own is not Intune's storm");
    desk_reopen(&d);
    cr_assert_eq(desk_count_revocations(&d, 0).held, 2);
    cr_assert_eq(desk_hold(&d, false).count, 2);
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 3);
    cr_assert_str_eq(desk_events(&d, "t1"), "issued, reported, revocation_asked, revocation_held");
}

Test(revocations, the_list_shows_their_states)
{
    answer("ctx1", 4004);
    desk_ask(&d, "ctx2", "02");
    answer("ctx3", 4004);
    ISCEP_AUTO_JSON *json = desk_list_revocations(&d, true, 10);
    const iscep_json *first = iscep_json_first(iscep_json_member(json, "revocations"));
    int64_t number = 0;
    cr_assert_str_eq(iscep_json_text(first, "requestContext"), "ctx1");
    cr_assert_str_eq(iscep_json_text(first, "state"), "answerable");
    cr_assert(iscep_json_int(first, "errorCode", &number));
    cr_assert_eq(number, 4004);
    cr_assert(iscep_json_int(json, "waiting", &number));
    cr_assert_eq(number, 1);
    cr_assert(iscep_json_int(json, "answerable", &number));
    cr_assert_eq(number, 2);
}
