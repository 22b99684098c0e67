/*
 * Whoever was away for longer than his lease, and comes back: what he says of it changes nothing, but for Intune's yes. And if
 * the id is another delivery's by now, not even that.
 */
#include <criterion/criterion.h>

#include "desk.h"
#include "journal/claims.h"

static desk d;
static int64_t id;
static int64_t old_fence; /* of the one who was away */

/* One is claimed, the lease ends, and another has it. */
static void set_up(void)
{
    desk_open(&d);
    id = desk_issue_strict(&d, "t1", "csr1", "01AB").report.delivery_id;
    old_fence = desk_fence(id);
    desk_outlive_leases(&d);
    cr_assert_eq(desk_claim_deliveries(&d, 10).count, 1);
    cr_assert_gt(desk_fence(id), old_fence);
}

static void tear_down(void)
{
    desk_close(&d);
}

TestSuite(fences, .init = set_up, .fini = tear_down);

static void assert_still_claimed(void)
{
    desk_claim claim = desk_claim_deliveries(&d, 10);
    cr_assert_eq(claim.count, 0);
    cr_assert_eq(claim.next_due_unix_ms, 0, "it is neither due nor forgotten: somebody has it");
}

Test(fences, what_is_said_too_late_changes_nothing)
{
    static const iscep_delivery_end ends[] = {ISCEP_DELIVERY_POSTPONED, ISCEP_DELIVERY_REFUSED,
                                              ISCEP_DELIVERY_DEAD};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        desk_assert_report(desk_settle_as(&d, id, old_fence, ends[i], "late"), ISCEP_REPORT_OWED, false);
        assert_still_claimed();
    }
    cr_assert_str_eq(desk_events(&d, "t1"), "issued");
    desk_assert_report(desk_settle(&d, id, ISCEP_DELIVERY_REFUSED, "no"), ISCEP_REPORT_WITHHELD, false);
}

Test(fences, intunes_yes_is_true_whoever_heard_it)
{
    desk_assert_report(desk_settle_as(&d, id, old_fence, ISCEP_DELIVERY_ACCEPTED, "Success"),
                       ISCEP_REPORT_DONE, false);
    desk_assert_report(desk_settle(&d, id, ISCEP_DELIVERY_POSTPONED, "network"), ISCEP_REPORT_DONE, false);
    cr_assert_str_eq(desk_events(&d, "t1"), "issued, reported");
}

Test(fences, a_claim_is_not_given_back_by_who_has_it_no_more)
{
    iscep_journal_release_delivery(d.journal, id, old_fence);
    assert_still_claimed();
    iscep_journal_release_delivery(d.journal, id, desk_fence(id));
    cr_assert_eq(desk_claim_deliveries(&d, 10).count, 1);
}

Test(fences, one_who_repeats_a_report_has_a_claim_of_his_own)
{
    const int64_t second = desk_fence(id);
    desk_assert_report(desk_postpone(&d, id, d.world.unix_ms + 60000), ISCEP_REPORT_OWED, false);
    desk_report again = desk_issue_strict(&d, "t1", "csr1", "01AB");
    cr_assert(again.report.is_claimed);
    cr_assert_gt(again.report.fence, second);
    desk_settle_as(&d, id, second, ISCEP_DELIVERY_POSTPONED, "late");
    assert_still_claimed();
}

Test(fences, a_person_who_has_it_tried_again_takes_it_from_nobody)
{
    cr_assert_eq(desk_retry(&d, &id, 1).count, 1);
    assert_still_claimed();
    desk_assert_report(desk_settle(&d, id, ISCEP_DELIVERY_ACCEPTED, "Success"), ISCEP_REPORT_DONE, false);
}

/* --- another delivery --- */

static int64_t fence_of_another(void)
{
    return desk_fence(id) + (INT64_C(1) << ISCEP_FENCE_CLAIM_BITS);
}

static void assert_unknown(desk_report said)
{
    cr_assert_eq(said.status, ISCEP_USAGE);
    cr_assert_str_eq(said.error, "delivery_unknown");
}

static void assert_nothing_is_said_as(int64_t fence)
{
    static const iscep_delivery_end ends[] = {ISCEP_DELIVERY_ACCEPTED, ISCEP_DELIVERY_POSTPONED,
                                              ISCEP_DELIVERY_REFUSED, ISCEP_DELIVERY_DEAD};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        assert_unknown(desk_settle_as(&d, id, fence, ends[i], "another's"));
    assert_unknown(desk_withhold_as(&d, id, fence, true));
    assert_unknown(desk_standing_as(&d, id, fence));
    iscep_journal_release_delivery(d.journal, id, fence);
    assert_still_claimed();
}

Test(fences, what_is_said_of_another_delivery_changes_nothing)
{
    assert_nothing_is_said_as(fence_of_another());
    assert_nothing_is_said_as(0);
    cr_assert_str_eq(desk_events(&d, "t1"), "issued");
    desk_assert_report(desk_settle(&d, id, ISCEP_DELIVERY_ACCEPTED, "Success"), ISCEP_REPORT_DONE, false);
    assert_unknown(desk_standing_as(&d, id, fence_of_another()));
    assert_unknown(desk_settle_as(&d, id, fence_of_another(), ISCEP_DELIVERY_ACCEPTED, "Success"));
    cr_assert_str_eq(desk_events(&d, "t1"), "issued, reported");
}

Test(fences, any_of_a_delivery_says_which_it_is)
{
    desk_report found = desk_standing_as(&d, id, old_fence);
    desk_assert_report(found, ISCEP_REPORT_OWED, false);
    cr_assert_eq(found.report.fence, desk_fence(id));
    desk_assert_report(desk_withhold_as(&d, id, old_fence, false), ISCEP_REPORT_WITHHELD, false);
}

Test(fences, of_two_deliveries_are_told_apart)
{
    const int64_t issued = desk_issue_strict(&d, "t2", "csr2", "02CD").report.fence;
    const int64_t failed = desk_fail(&d, "t3", "csr3", 7, "no").report.fence;
    cr_assert_not(iscep_fences_are_of_one(issued, failed));
    cr_assert_not(iscep_fences_are_of_one(issued, 0));
    cr_assert(iscep_fences_are_of_one(desk_fence(id), old_fence));
    cr_assert_eq(issued & ((1 << ISCEP_FENCE_CLAIM_BITS) - 1), 0, "claims are counted from here");
}

Test(fences, who_cannot_say_which_it_is_records_nothing)
{
    d.world.is_random_broken = true;
    cr_assert_str_eq(desk_issue_strict(&d, "t2", "csr2", "02CD").error, "random");
    cr_assert_str_eq(desk_fail(&d, "t2", "csr2", 7, "no").error, "random");
    d.world.is_random_broken = false;
    cr_assert_not(desk_find(&d, "t2", "csr2").has_cert);
    cr_assert(desk_issue_strict(&d, "t2", "csr2", "02CD").report.is_first);
}

/* What a failover, or a backup, has lost; SQLite gives out the largest id there is, plus 1. */
static const char lost[] = "DELETE FROM owed_csr; DELETE FROM certificate; DELETE FROM event;"
                           " DELETE FROM delivery; DELETE FROM enrolment;";
#define NEXT_ID " SELECT setval(pg_get_serial_sequence('delivery', 'id'), 1, false);"

static void lose_everything(void)
{
    iscep_store *store = NULL;
    if (d.options.database == NULL) {
        cr_assert_eq(iscep_store_open_sqlite(&store, d.path, ISCEP_STORE_WRITE, NULL), ISCEP_OK);
        cr_assert_eq(iscep_store_run_script(store, lost, NULL), ISCEP_OK);
        iscep_store_close(store);
    } else {
        test_postgres_run(&d.database, lost);
        test_postgres_run(&d.database, NEXT_ID);
    }
}

Test(fences, an_id_that_comes_back_is_not_the_delivery_that_was_lost)
{
    const int64_t lost_id = id, lost_fence = desk_fence(id);
    lose_everything();
    id = desk_issue_strict(&d, "t2", "csr2", "02CD").report.delivery_id;
    cr_assert_eq(id, lost_id);
    assert_nothing_is_said_as(lost_fence);
    desk_assert_report(desk_settle(&d, id, ISCEP_DELIVERY_ACCEPTED, "Success"), ISCEP_REPORT_DONE, false);
    assert_unknown(desk_standing_as(&d, id, lost_fence));
    cr_assert_str_eq(desk_events(&d, "t2"), "issued, reported");
}
