/* A revocation goes from Intune's question to Intune's having the answer, each once. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "desk.h"
#include "journal/claims.h"
#include "revocation_desk.h"
#include "tests/support/test_postgres.h"

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

/* With a process its claims end; where others cannot see that, when their time is up. */
static void die(void)
{
    desk_reopen(&d);
    if (!test_postgres_is_there())
        return;
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 0, "they are the dead one's");
    desk_outlive_leases(&d);
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
    desk_outlive_leases(&d);
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 1);
    die();
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
    desk_settled r =
        desk_settle_revocation(&d, 4095, &(iscep_revocation_outcome){.state = ISCEP_REVOCATION_ENDED});
    cr_assert_eq(r.status, ISCEP_USAGE);
    cr_assert_str_eq(r.error, "revocation_unknown");
    const int64_t unknown = 4095;
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
    die();
    cr_assert_eq(desk_count_revocations(&d, 0).held, 2);
    cr_assert_eq(desk_hold(&d, false).count, 2);
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 3);
    cr_assert_str_eq(desk_events(&d, "t1"), "issued, reported, revocation_asked, revocation_held");
}

Test(revocations, one_that_is_not_judged_is_nobodys)
{
    int64_t fence = desk_lead(&d), number = -1;
    desk_store(&d, fence, "ctx1", "01AB");
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 0);
    cr_assert_eq(desk_claim_revocations(&d, 10).next_due_unix_ms, 0);
    cr_assert_eq(desk_count_revocations(&d, 0).unjudged, 1);
    ISCEP_AUTO_JSON *json = desk_list_revocations(&d, true, 10);
    const iscep_json *first = iscep_json_first(iscep_json_member(json, "revocations"));
    cr_assert_str_eq(iscep_json_text(first, "state"), "unjudged");
    cr_assert(iscep_json_int(json, "unjudged", &number));
    cr_assert_eq(number, 1);
    die();
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 0, "nor is it after the leader's death");
    const iscep_guard_step step = {.fence = desk_lead(&d), .seen = ""};
    cr_assert_eq(desk_step(&d, false, &step).count, 1);
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 1);
}

Test(revocations, one_asked_for_again_is_judged_again)
{
    desk_ask(&d, "ctx1", "01AB");
    int64_t id = desk_claim_revocations(&d, 1).ids[0];
    desk_settle_revocation(&d, id, &(iscep_revocation_outcome){.state = ISCEP_REVOCATION_ENDED});
    desk_store(&d, desk_lead(&d), "ctx1", "01AB");
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 0);
    cr_assert_eq(desk_count_revocations(&d, 0).unjudged, 1);
}

Test(revocations, only_the_leaders_word_counts)
{
    int64_t before = desk_lead(&d), fence = desk_lead(&d);
    desk_count stored = desk_store(&d, before, "ctx1", "01AB");
    cr_assert_eq(stored.status, ISCEP_USAGE);
    cr_assert_str_eq(stored.error, "not_leader");
    cr_assert_eq(desk_store(&d, fence, "ctx1", "01AB").count, 1, "nothing was stored");
    desk_count passed = desk_step(&d, false, &(iscep_guard_step){.fence = before, .seen = ""});
    cr_assert_str_eq(passed.error, "not_leader");
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 0);
    desk_count held =
        desk_step(&d, true, &(iscep_guard_step){.fence = before, .seen = "", .word = "held 1 x"});
    cr_assert_str_eq(held.error, "not_leader");
    cr_assert_eq(desk_count_revocations(&d, 0).unjudged, 1);
}

Test(revocations, a_leader_does_not_undo_unseen_what_a_person_has_said)
{
    int64_t fence = desk_lead(&d);
    desk_store(&d, fence, "ctx1", "01AB");
    cr_assert_eq(
        desk_step(&d, true, &(iscep_guard_step){.fence = fence, .seen = "", .word = "held 1 x"}).count, 1);
    cr_assert_eq(desk_step(&d, false, &(iscep_guard_step){.is_persons = true, .word = "approved 2"}).count,
                 1);
    desk_count held =
        desk_step(&d, true, &(iscep_guard_step){.fence = fence, .seen = "held 1 x", .word = "held 1 x"});
    cr_assert_eq(held.status, ISCEP_USAGE);
    cr_assert_str_eq(held.error, "guard_changed");
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 1);
}

Test(revocations, a_person_approves_what_is_held_and_nothing_that_nobody_has_judged)
{
    int64_t fence = desk_lead(&d);
    desk_store(&d, fence, "ctx1", "01AB");
    desk_hold(&d, true);
    desk_store(&d, fence, "ctx2", "02CD");
    cr_assert_eq(desk_hold(&d, false).count, 1);
    desk_work work = desk_claim_revocations(&d, 10);
    cr_assert_eq(work.count, 1);
    cr_assert_str_eq(work.context[0], "ctx1");
}

/* What another node had claimed and gives back waits with the rest. */
Test(revocations, while_one_is_held_none_is_given_out)
{
    desk_ask(&d, "ctx1", "01AB");
    desk_work work = desk_claim_revocations(&d, 1);
    desk_store(&d, desk_lead(&d), "ctx2", "02CD");
    cr_assert_eq(desk_hold(&d, true).count, 1);
    desk_settle_revocation(
        &d, work.ids[0],
        &(iscep_revocation_outcome){.state = ISCEP_REVOCATION_WAITING, .due_unix_ms = d.world.unix_ms});
    work = desk_claim_revocations(&d, 10);
    cr_assert_eq(work.count, 0);
    cr_assert_eq(work.next_due_unix_ms, 0);
    cr_assert_eq(desk_hold(&d, false).count, 1);
    cr_assert_eq(desk_claim_revocations(&d, 10).count, 2);
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

/* --- claims that another has by now --- */

static desk_settled settle_as(int64_t id, int64_t fence, iscep_revocation_state state, int32_t error_code)
{
    return desk_settle_revocation(
        &d, id,
        &(iscep_revocation_outcome){.state = state,
                                    .fence = fence,
                                    .due_unix_ms = d.world.unix_ms,
                                    .is_revoked = state == ISCEP_REVOCATION_ANSWERABLE && error_code == 0,
                                    .error_code = error_code,
                                    .message = "as the test wishes"});
}

/* Two claims of the same, the first one's lease over. */
static int64_t claim_twice(int64_t *stale, int64_t *fresh)
{
    desk_ask(&d, "ctx1", "01AB");
    desk_work first = desk_claim_revocations(&d, 1);
    desk_outlive_leases(&d);
    desk_work second = desk_claim_revocations(&d, 1);
    cr_assert_eq(second.ids[0], first.ids[0]);
    cr_assert_gt(second.fences[0], first.fences[0]);
    *stale = first.fences[0];
    *fresh = second.fences[0];
    return first.ids[0];
}

Test(revocations, who_lost_the_claim_postpones_and_refuses_nothing)
{
    int64_t stale, fresh, id = claim_twice(&stale, &fresh);
    cr_assert_not(settle_as(id, stale, ISCEP_REVOCATION_WAITING, 0).is_taken);
    cr_assert_eq(desk_claim_revocations(&d, 1).count, 0, "it is still the other's");
    cr_assert_not(settle_as(id, stale, ISCEP_REVOCATION_ANSWERABLE, 4004).is_taken);
    cr_assert_eq(desk_claim_results(&d, 1).count, 0);
    cr_assert(settle_as(id, fresh, ISCEP_REVOCATION_ANSWERABLE, 0).is_taken);
    cr_assert_eq(desk_claim_results(&d, 1).error_code[0], 0);
}

Test(revocations, that_it_is_revoked_is_true_whoever_says_it)
{
    report("t1", "csr1", "01AB");
    int64_t stale, fresh, id = claim_twice(&stale, &fresh);
    cr_assert(settle_as(id, stale, ISCEP_REVOCATION_ANSWERABLE, 0).is_taken);
    cr_assert_not(desk_find(&d, "t1", "csr1").has_cert);
    cr_assert_not(settle_as(id, fresh, ISCEP_REVOCATION_WAITING, 0).is_taken);
    cr_assert_not(settle_as(id, fresh, ISCEP_REVOCATION_ANSWERABLE, 4101).is_taken);
    desk_results results = desk_claim_results(&d, 10);
    cr_assert_eq(results.count, 1);
    cr_assert_eq(results.error_code[0], 0);
}

Test(revocations, what_was_answered_is_not_answered_again)
{
    int64_t stale, fresh, id = claim_twice(&stale, &fresh);
    cr_assert(settle_as(id, fresh, ISCEP_REVOCATION_ANSWERABLE, 0).is_taken);
    desk_claim_results(&d, 1);
    desk_settle_results(&d, &id, 1, true, 0);
    cr_assert_not(settle_as(id, stale, ISCEP_REVOCATION_ANSWERABLE, 0).is_taken);
    fake_env_advance(&d.world, 10 * DESK_LEASE_MS);
    cr_assert_eq(desk_claim_results(&d, 1).count, 0);
    cr_assert_eq(desk_claim_revocations(&d, 1).count, 0);
}

Test(revocations, a_late_success_goes_before_a_failure_that_nobody_was_told)
{
    int64_t stale, fresh, id = claim_twice(&stale, &fresh);
    cr_assert(settle_as(id, fresh, ISCEP_REVOCATION_ANSWERABLE, 4101).is_taken);
    cr_assert(settle_as(id, stale, ISCEP_REVOCATION_ANSWERABLE, 0).is_taken);
    cr_assert_eq(desk_claim_results(&d, 1).error_code[0], 0);
}

Test(revocations, a_late_success_does_not_cross_an_answer_under_way)
{
    int64_t stale, fresh, id = claim_twice(&stale, &fresh);
    cr_assert(settle_as(id, fresh, ISCEP_REVOCATION_ANSWERABLE, 4101).is_taken);
    cr_assert_eq(desk_claim_results(&d, 1).count, 1);
    cr_assert_not(settle_as(id, stale, ISCEP_REVOCATION_ANSWERABLE, 0).is_taken);
    desk_settle_results(&d, &id, 1, true, 0);
    cr_assert_eq(desk_claim_results(&d, 1).count, 0);
}

/* The commit was there, and its confirmation was lost. */
Test(revocations, the_holder_may_say_it_twice)
{
    desk_ask(&d, "ctx1", "01AB");
    desk_work work = desk_claim_revocations(&d, 1);
    for (int i = 0; i < 2; i++)
        cr_assert(settle_as(work.ids[0], work.fences[0], ISCEP_REVOCATION_ANSWERABLE, 4004).is_taken);
    cr_assert_eq(desk_claim_results(&d, 10).count, 1);
}

Test(revocations, results_are_settled_by_who_has_them)
{
    int64_t id = answer("ctx1", 4004);
    desk_results first = desk_claim_results(&d, 1);
    desk_outlive_leases(&d);
    desk_results second = desk_claim_results(&d, 1);
    const iscep_claimed stale = {id, first.fences[0]}, fresh = {id, second.fences[0]};
    desk_settle_claimed(&d, &stale, false, d.world.unix_ms);
    cr_assert_eq(desk_claim_results(&d, 1).count, 0, "it is still the other's");
    desk_settle_claimed(&d, &stale, true, 0);
    desk_settle_claimed(&d, &fresh, false, d.world.unix_ms);
    cr_assert_eq(desk_claim_results(&d, 1).count, 1);
}

Test(revocations, who_lost_the_claim_gives_nothing_back)
{
    int64_t stale, fresh, id = claim_twice(&stale, &fresh);
    iscep_journal_release_revocation(d.journal, &(iscep_claimed){id, stale});
    cr_assert_eq(desk_claim_revocations(&d, 1).count, 0);
    iscep_journal_release_revocation(d.journal, &(iscep_claimed){id, fresh});
    cr_assert_eq(desk_claim_revocations(&d, 1).count, 1);
}

/* --- CAs that a node cannot reach --- */

static int64_t bring_to(const char *context, const char *ca)
{
    desk_ask(&d, context, "01AB");
    desk_work work = desk_claim_revocations(&d, 1);
    const iscep_revocation_outcome left = {.state = ISCEP_REVOCATION_WAITING,
                                           .is_untried = true,
                                           .due_unix_ms = d.world.unix_ms,
                                           .ca = ca,
                                           .message = "nobody is there"};
    cr_assert(desk_settle_revocation(&d, work.ids[0], &left).is_taken);
    return work.ids[0];
}

Test(revocations, one_whose_ca_is_elsewhere_is_left_for_who_has_it)
{
    int64_t id = bring_to("ctx1", "east");
    desk_work work = desk_claim_without(&d, "east", DESK_BACKOFF_MS);
    cr_assert_eq(work.count, 0);
    cr_assert_eq(work.next_due_unix_ms, 0);
    work = desk_claim_without(&d, "west", DESK_BACKOFF_MS);
    cr_assert_eq(work.count, 1);
    cr_assert_eq(work.ids[0], id);
    cr_assert_str_eq(work.ca[0], "east");
    cr_assert_eq(work.attempts[0], 0, "nobody was asked");
}

/* Names are compared as a whole, each with its letters. */
Test(revocations, a_ca_is_not_taken_for_another_of_a_similar_name)
{
    bring_to("ctx1", "east_1");
    cr_assert_eq(desk_claim_without(&d, "east-1", DESK_BACKOFF_MS).count, 1);
    bring_to("ctx2", "east");
    cr_assert_eq(desk_claim_without(&d, "East", DESK_BACKOFF_MS).count, 1);
    bring_to("ctx3", "east");
    cr_assert_eq(desk_claim_without(&d, "northeast", DESK_BACKOFF_MS).count, 1);
}

Test(revocations, somebody_answers_when_intune_has_waited_long_enough)
{
    bring_to("ctx1", "east");
    fake_env_advance(&d.world, 60000);
    cr_assert_eq(desk_claim_without(&d, "east", 60001).count, 0);
    cr_assert_eq(desk_claim_without(&d, "east", 60000).count, 1);
}
