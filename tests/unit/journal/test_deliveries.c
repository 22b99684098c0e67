/* What is owed is given out once, in order, and ends in one way only. */
#include <criterion/criterion.h>

#include "desk.h"

static desk d;

static void set_up(void)
{
    desk_open(&d);
}

static void tear_down(void)
{
    desk_close(&d);
}

TestSuite(deliveries, .init = set_up, .fini = tear_down);

/* A deferred one that nobody has claimed. */
static int64_t owe(const char *transaction_id, const char *csr, const char *serial)
{
    iscep_issued_record record = desk_cert(transaction_id, csr, serial);
    record.is_deferred = true;
    record.lease_ms = 0;
    desk_report r = desk_issue(&d, &record);
    desk_assert_report(r, ISCEP_REPORT_OWED, true);
    return r.report.delivery_id;
}

static void assert_empty(desk_claim claim)
{
    cr_assert_eq(claim.status, ISCEP_OK);
    cr_assert_eq(claim.count, 0);
}

/* --- claims --- */

Test(deliveries, one_is_given_out_with_all_that_the_notification_needs)
{
    int64_t id = owe("t1", "csr1", "01AB");
    desk_claim claim = desk_claim_deliveries(&d, 10);
    cr_assert_eq(claim.count, 1);
    cr_assert_eq(claim.ids[0], id);
    cr_assert_eq(claim.kinds[0], ISCEP_DELIVER_ISSUED);
    cr_assert_eq(claim.attempts[0], 0);
    cr_assert_str_eq(claim.csr[0], "csr1");
    cr_assert_str_eq(claim.serial[0], "01AB");
    cr_assert_eq(claim.next_due_unix_ms, 0);
}

Test(deliveries, nobody_else_gets_one_until_the_lease_ends)
{
    owe("t1", "csr1", "01AB");
    cr_assert_eq(desk_claim_deliveries(&d, 10).count, 1);
    assert_empty(desk_claim_deliveries(&d, 10));
    fake_env_advance(&d.world, DESK_LEASE_MS - 1 - desk_blur_ms(&d));
    assert_empty(desk_claim_deliveries(&d, 10));
    fake_env_advance(&d.world, 1 + 2 * desk_blur_ms(&d));
    cr_assert_eq(desk_claim_deliveries(&d, 10).count, 1);
}

Test(deliveries, whoever_records_one_has_it)
{
    desk_issue_strict(&d, "t1", "csr1", "01AB");
    assert_empty(desk_claim_deliveries(&d, 10));
    desk_outlive_leases(&d);
    cr_assert_eq(desk_claim_deliveries(&d, 10).count, 1);
}

Test(deliveries, a_lease_ends_with_the_process)
{
    desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_die(&d);
    desk_claim claim = desk_claim_deliveries(&d, 10);
    cr_assert_eq(claim.count, 1);
    cr_assert_str_eq(claim.csr[0], "csr1");
}

Test(deliveries, a_lease_does_not_care_for_the_wall_clock)
{
    owe("t1", "csr1", "01AB");
    desk_claim_deliveries(&d, 10);
    d.world.unix_ms += 10ll * DESK_BACKOFF_MS;
    assert_empty(desk_claim_deliveries(&d, 10));
    d.world.unix_ms -= 20ll * DESK_BACKOFF_MS;
    assert_empty(desk_claim_deliveries(&d, 10));
}

Test(deliveries, the_longest_due_comes_first_and_the_limit_holds)
{
    int64_t first = owe("t1", "csr1", "01"), second = owe("t2", "csr2", "02"),
            third = owe("t3", "csr3", "03");
    desk_postpone(&d, first, d.world.unix_ms + 500);
    desk_postpone(&d, second, d.world.unix_ms + 200);
    fake_env_advance(&d.world, 1000);
    desk_claim claim = desk_claim_deliveries(&d, 2);
    cr_assert_eq(claim.count, 2);
    cr_assert_eq(claim.ids[0], third);
    cr_assert_eq(claim.ids[1], second);
    cr_assert_eq(claim.next_due_unix_ms, d.world.unix_ms - 500);
}

Test(deliveries, a_postponed_one_comes_when_it_is_due)
{
    int64_t id = owe("t1", "csr1", "01AB");
    desk_claim_deliveries(&d, 1);
    int64_t due = d.world.unix_ms + 5000;
    desk_assert_report(desk_postpone(&d, id, due), ISCEP_REPORT_OWED, false);
    desk_claim none = desk_claim_deliveries(&d, 1);
    assert_empty(none);
    cr_assert_eq(none.next_due_unix_ms, due);
    fake_env_advance(&d.world, 5000);
    desk_claim claim = desk_claim_deliveries(&d, 1);
    cr_assert_eq(claim.count, 1);
    cr_assert_eq(claim.attempts[0], 1);
}

Test(deliveries, a_clock_set_back_does_not_bury_one)
{
    int64_t id = owe("t1", "csr1", "01AB");
    desk_postpone(&d, id, d.world.unix_ms + DESK_BACKOFF_MS);
    d.world.unix_ms -= 1;
    cr_assert_eq(desk_claim_deliveries(&d, 1).count, 1, "further away than any backoff");
    desk_postpone(&d, id, d.world.unix_ms + DESK_BACKOFF_MS);
    assert_empty(desk_claim_deliveries(&d, 1));
}

Test(deliveries, another_tenant_gets_nothing_of_it)
{
    iscep_issued_record record = desk_cert("t1", "csr1", "01AB");
    record.key.tenant = "fabrikam";
    record.lease_ms = 0;
    desk_issue(&d, &record);
    assert_empty(desk_claim_deliveries(&d, 10));
}

Test(deliveries, the_second_of_an_enrolment_waits_for_the_first_to_end)
{
    desk_report failed = desk_fail(&d, "t1", "csr1", 7, "no key");
    desk_report issued = desk_issue_strict(&d, "t1", "csr1", "01AB");
    cr_assert_not(issued.report.is_claimed);
    desk_claim none = desk_claim_deliveries(&d, 10);
    assert_empty(none);
    cr_assert_eq(none.next_due_unix_ms, 0, "the first is given out, the second behind it");
    desk_postpone(&d, failed.report.delivery_id, d.world.unix_ms + 5000);
    none = desk_claim_deliveries(&d, 10);
    assert_empty(none);
    cr_assert_eq(none.next_due_unix_ms, d.world.unix_ms + 5000);
    desk_settle(&d, failed.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success");
    desk_claim claim = desk_claim_deliveries(&d, 10);
    cr_assert_eq(claim.count, 1);
    cr_assert_eq(claim.ids[0], issued.report.delivery_id);
}

Test(deliveries, a_dead_first_does_not_hold_up_the_second)
{
    desk_report failed = desk_fail(&d, "t1", "csr1", 7, "no key");
    desk_report issued = desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_settle(&d, failed.report.delivery_id, ISCEP_DELIVERY_DEAD, "too_old");
    desk_claim claim = desk_claim_deliveries(&d, 10);
    cr_assert_eq(claim.count, 1);
    cr_assert_eq(claim.ids[0], issued.report.delivery_id);
}

/* --- ends --- */

Test(deliveries, one_that_is_accepted_is_owed_no_more)
{
    int64_t id = owe("t1", "csr1", "01AB");
    desk_assert_report(desk_settle(&d, id, ISCEP_DELIVERY_ACCEPTED, "Success"), ISCEP_REPORT_DONE, false);
    fake_env_advance(&d.world, 10 * DESK_LEASE_MS);
    assert_empty(desk_claim_deliveries(&d, 10));
}

Test(deliveries, what_intune_refuses_is_withheld_if_strict_and_dead_otherwise)
{
    desk_report strict = desk_issue_strict(&d, "t1", "csr1", "01");
    desk_report refused =
        desk_settle(&d, strict.report.delivery_id, ISCEP_DELIVERY_REFUSED, "ChallengeExpired");
    desk_assert_report(refused, ISCEP_REPORT_WITHHELD, false);
    cr_assert_str_eq(refused.code, "ChallengeExpired");
    int64_t deferred = owe("t2", "csr2", "02");
    desk_assert_report(desk_settle(&d, deferred, ISCEP_DELIVERY_REFUSED, "no"), ISCEP_REPORT_DEAD, false);
    desk_report failed = desk_fail(&d, "t3", "csr3", 1, "no key");
    desk_assert_report(desk_settle(&d, failed.report.delivery_id, ISCEP_DELIVERY_REFUSED, "no"),
                       ISCEP_REPORT_DEAD, false);
    cr_assert_str_eq(desk_events(&d, "t1"), "issued, report_refused, withheld");
    cr_assert_str_eq(desk_events(&d, "t2"), "issued, report_refused, dead");
    cr_assert_str_eq(desk_events(&d, "t3"), "failed, report_refused, dead");
}

Test(deliveries, an_unknown_one_is_a_mistake_and_harms_nobody)
{
    int64_t id = owe("t1", "csr1", "01AB");
    desk_report r = desk_settle(&d, id + 1, ISCEP_DELIVERY_ACCEPTED, "Success");
    cr_assert_eq(r.status, ISCEP_USAGE);
    cr_assert_str_eq(r.error, "delivery_unknown");
    cr_assert_eq(desk_withhold(&d, id + 1, true).status, ISCEP_USAGE);
    cr_assert(iscep_journal_is_healthy(d.journal, NULL));
    cr_assert_eq(desk_claim_deliveries(&d, 10).count, 1);
}

/* --- withheld, and the attempt that ends meanwhile --- */

Test(deliveries, a_withheld_one_is_owed_no_more)
{
    desk_report r = desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_report withheld = desk_withhold(&d, r.report.delivery_id, false);
    desk_assert_report(withheld, ISCEP_REPORT_WITHHELD, false);
    cr_assert_str_eq(withheld.code, "too_late");
    cr_assert_str_eq(withheld.message, "nobody answered");
    fake_env_advance(&d.world, 10 * DESK_LEASE_MS);
    assert_empty(desk_claim_deliveries(&d, 10));
    cr_assert_str_eq(desk_events(&d, "t1"), "issued, withheld");
}

Test(deliveries, an_acceptance_after_withholding_changes_nothing_but_is_noted)
{
    desk_report r = desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_withhold(&d, r.report.delivery_id, false);
    desk_report late = desk_settle(&d, r.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success");
    desk_assert_report(late, ISCEP_REPORT_WITHHELD, false);
    cr_assert_str_eq(late.code, "too_late");
    cr_assert_not(desk_find(&d, "t1", "csr1").has_cert);
    cr_assert_str_eq(desk_events(&d, "t1"), "issued, withheld, reported_late");
}

Test(deliveries, a_failure_is_nothing_that_could_be_withheld)
{
    desk_report r = desk_fail(&d, "t1", "csr1", 5, "no room");
    desk_report refused = desk_withhold(&d, r.report.delivery_id, true);
    cr_assert_eq(refused.status, ISCEP_USAGE);
    cr_assert_str_eq(refused.error, "delivery_kind");
    desk_outlive_leases(&d);
    cr_assert_eq(desk_claim_deliveries(&d, 10).count, 1, "it is owed as before");
    cr_assert_str_eq(desk_events(&d, "t1"), "failed");
}

Test(deliveries, withholding_after_the_acceptance_changes_nothing)
{
    desk_report r = desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_settle(&d, r.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success");
    desk_report late = desk_withhold(&d, r.report.delivery_id, true);
    desk_assert_report(late, ISCEP_REPORT_DONE, false);
    cr_assert(desk_find(&d, "t1", "csr1").has_cert);
    ISCEP_AUTO_JSON *json = desk_list_revocations(&d, false, 10);
    cr_assert_null(iscep_json_first(iscep_json_member(json, "revocations")));
    cr_assert_str_eq(desk_events(&d, "t1"), "issued, reported");
}

Test(deliveries, a_postponement_after_withholding_does_not_revive)
{
    desk_report r = desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_withhold(&d, r.report.delivery_id, false);
    desk_assert_report(desk_postpone(&d, r.report.delivery_id, d.world.unix_ms), ISCEP_REPORT_WITHHELD,
                       false);
    assert_empty(desk_claim_deliveries(&d, 10));
    cr_assert_str_eq(desk_events(&d, "t1"), "issued, withheld");
}

Test(deliveries, withholding_queues_one_revocation_however_often_it_is_asked)
{
    desk_report r = desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_settle(&d, r.report.delivery_id, ISCEP_DELIVERY_REFUSED, "no");
    desk_assert_report(desk_withhold(&d, r.report.delivery_id, true), ISCEP_REPORT_WITHHELD, false);
    desk_assert_report(desk_withhold(&d, r.report.delivery_id, true), ISCEP_REPORT_WITHHELD, false);
    ISCEP_AUTO_JSON *json = desk_list_revocations(&d, true, 10);
    const iscep_json *one = iscep_json_first(iscep_json_member(json, "revocations"));
    cr_assert_str_eq(iscep_json_text(one, "serialNumber"), "01AB");
    cr_assert_str_eq(iscep_json_text(one, "ca"), "main");
    cr_assert_null(iscep_json_text(one, "requestContext"));
    cr_assert_null(iscep_json_next(one));
    cr_assert_str_eq(desk_events(&d, "t1"), "issued, report_refused, withheld, revocation_asked");
}

Test(deliveries, an_acceptance_of_a_dead_one_is_the_truth)
{
    desk_report r = desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_settle(&d, r.report.delivery_id, ISCEP_DELIVERY_DEAD, "too_old");
    desk_assert_report(desk_settle(&d, r.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success"),
                       ISCEP_REPORT_DONE, false);
    cr_assert(desk_find(&d, "t1", "csr1").has_cert);
    cr_assert_str_eq(desk_events(&d, "t1"), "issued, dead, reported_late");
}

/* --- what a person does --- */

/* Intune would be told of two certificates for one request. */
Test(deliveries, a_dead_one_is_not_retried_once_another_certificate_stands_in_its_place)
{
    int64_t dead = owe("t1", "csr1", "01AB");
    desk_settle(&d, dead, ISCEP_DELIVERY_DEAD, "too_old");
    int64_t standing = owe("t1", "csr1", "01AC");
    desk_settle(&d, standing, ISCEP_DELIVERY_ACCEPTED, "Success");
    cr_assert_eq(desk_retry(&d, NULL, 0).count, 0);
    assert_empty(desk_claim_deliveries(&d, 10));
    cr_assert_eq(desk_purge(&d, &dead, 1).count, 1);
}

Test(deliveries, dead_ones_are_retried_with_a_new_age)
{
    int64_t id = owe("t1", "csr1", "01AB");
    desk_settle(&d, id, ISCEP_DELIVERY_DEAD, "too_old");
    assert_empty(desk_claim_deliveries(&d, 10));
    fake_env_advance(&d.world, 1000000);
    desk_count count = desk_retry(&d, NULL, 0);
    cr_assert_eq(count.status, ISCEP_OK);
    cr_assert_eq(count.count, 1);
    desk_claim claim = desk_claim_deliveries(&d, 10);
    cr_assert_eq(claim.count, 1);
    cr_assert_eq(claim.attempts[0], 0);
    cr_assert_str_eq(claim.csr[0], "csr1");
    cr_assert_str_eq(desk_events(&d, "t1"), "issued, dead, retried");
}

Test(deliveries, only_dead_ones_are_purged_and_only_owed_and_dead_ones_retried)
{
    int64_t owed = owe("t1", "csr1", "01"), done = owe("t2", "csr2", "02"), dead = owe("t3", "csr3", "03");
    desk_postpone(&d, owed, d.world.unix_ms + 5000);
    desk_settle(&d, done, ISCEP_DELIVERY_ACCEPTED, "Success");
    desk_settle(&d, dead, ISCEP_DELIVERY_DEAD, "too_old");
    const int64_t ids[] = {owed, done, dead, 4711};
    cr_assert_eq(desk_purge(&d, ids, 4).count, 1);
    cr_assert_eq(desk_purge(&d, ids, 0).count, 0);
    assert_empty(desk_claim_deliveries(&d, 10));
    cr_assert_eq(desk_retry(&d, ids, 4).count, 1, "purged is purged, owed is due now");
    cr_assert_eq(desk_claim_deliveries(&d, 10).count, 1);
    desk_assert_report(desk_settle(&d, dead, ISCEP_DELIVERY_ACCEPTED, "Success"), ISCEP_REPORT_DEAD, false);
    cr_assert_str_eq(desk_events(&d, "t3"), "issued, dead, purged, reported_late");
}

Test(deliveries, a_retry_takes_nothing_away_from_who_has_claimed_it)
{
    int64_t id = owe("t1", "csr1", "01AB");
    desk_claim_deliveries(&d, 1);
    cr_assert_eq(desk_retry(&d, &id, 1).count, 1);
    assert_empty(desk_claim_deliveries(&d, 1));
}

Test(deliveries, the_list_shows_what_is_owed_and_what_is_dead)
{
    desk_note(&d, "t1", "csr1", ISCEP_EVENT_VALIDATED, NULL);
    int64_t owed = owe("t1", "csr1", "01");
    fake_env_advance(&d.world, 1000);
    int64_t dead = owe("t2", "csr2", "02");
    desk_settle(&d, dead, ISCEP_DELIVERY_DEAD, "too_old");
    ISCEP_AUTO_JSON *all = desk_list_deliveries(&d, 0, false, 1);
    const iscep_json *first = iscep_json_first(iscep_json_member(all, "deliveries"));
    int64_t number = 0;
    cr_assert(iscep_json_int(first, "id", &number));
    cr_assert_eq(number, owed);
    cr_assert_str_eq(iscep_json_text(first, "transactionId"), "t1");
    cr_assert_str_eq(iscep_json_text(first, "state"), "owed");
    cr_assert_str_eq(iscep_json_text(first, "kind"), "issued");
    cr_assert_str_eq(iscep_json_text(first, "subject"), "CN=device.example");
    cr_assert_null(iscep_json_next(first));
    cr_assert(iscep_json_is_true(all, "isMore"));
    cr_assert(iscep_json_int(all, "owed", &number));
    cr_assert_eq(number, 1);
    ISCEP_AUTO_JSON *only_dead = desk_list_deliveries(&d, 0, true, 10);
    const iscep_json *second = iscep_json_first(iscep_json_member(only_dead, "deliveries"));
    cr_assert_str_eq(iscep_json_text(second, "state"), "dead");
    cr_assert_str_eq(iscep_json_text(second, "code"), "too_old");
    cr_assert_null(iscep_json_next(second));
    cr_assert_not(iscep_json_is_true(only_dead, "isMore"));
    ISCEP_AUTO_JSON *one = desk_list_deliveries(&d, dead, false, 1);
    cr_assert_str_eq(iscep_json_text(iscep_json_first(iscep_json_member(one, "deliveries")), "serialNumber"),
                     "02");
}
