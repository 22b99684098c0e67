/*
 * A journal whose database is behind a network that fails: what was acknowledged is in the database afterwards, once, wherever it was
 * recorded. With PostgreSQL only.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "desk.h"
#include "journal/claims.h"
#include "journal/history.h"
#include "journal/route.h"
#include "revocation_desk.h"
#include "spool_desk.h"
#include "tests/support/loop_thread.h"

static desk d;
static spool_desk net;

static void set_up(void)
{
    spool_desk_open(&net, &d);
}

static void tear_down(void)
{
    spool_desk_close(&net);
}

TestSuite(spool, .init = set_up, .fini = tear_down);

/* --- away --- */

static void report_and_settle_while(wire_state state)
{
    desk_report first = desk_issue_strict(&d, "t1", "csr1", "01");
    desk_assert_report(desk_settle(&d, first.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success"),
                       ISCEP_REPORT_DONE, false);
    wire_set(net.wire, state);
    desk_note(&d, "t2", "csr2", ISCEP_EVENT_VALIDATED, "Success");
    desk_report second = desk_issue_strict(&d, "t2", "csr2", "02");
    desk_assert_report(second, ISCEP_REPORT_OWED, true);
    cr_assert(second.report.is_claimed);
    cr_assert(second.report.was_validated);
    cr_assert_neq(second.report.delivery_id & ISCEP_SPOOL_BIT, 0);
    desk_assert_report(desk_settle(&d, second.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success"),
                       ISCEP_REPORT_DONE, false);
}

static void assert_back_and_whole(void)
{
    wire_set(net.wire, WIRE_WHOLE);
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    spool_desk_assert_known_once(&net, "t1", "issued, reported");
    spool_desk_assert_known_once(&net, "t2", "validated, issued, reported");
    cr_assert_eq(spool_desk_count_deliveries(&net, "t2"), 1);
    cr_assert_eq(desk_find(&d, "t1", "csr1").standing, ISCEP_CERT_DELIVERABLE);
    cr_assert_eq(desk_find(&d, "t2", "csr2").standing, ISCEP_CERT_DELIVERABLE);
    cr_assert_eq(spool_desk_claim_count(&net), 0, "nothing is owed");
}

Test(spool, reports_go_on_when_the_network_is_cut)
{
    iscep_journal_standing_facts facts;
    report_and_settle_while(WIRE_CUT);
    iscep_journal_standing(d.journal, &facts);
    cr_assert_eq(facts.state, ISCEP_JOURNAL_AWAY);
    cr_assert_str_eq(facts.why.code, "journal_away");
    cr_assert(iscep_journal_is_healthy(d.journal, NULL), "the spool can be written");
    cr_assert_eq(desk_find(&d, "t1", "csr1").standing, ISCEP_CERT_NONE, "nobody knows here");
    cr_assert_eq(desk_find(&d, "t2", "csr2").standing, ISCEP_CERT_DELIVERABLE);
    assert_back_and_whole();
    cr_assert_not_null(strstr(fake_env_log(&d.world), "journal_away"));
    cr_assert_not_null(strstr(fake_env_log(&d.world), "journal_back"));
    cr_assert_not_null(strstr(fake_env_log(&d.world), "spool_drained"));
    cr_assert_null(strstr(fake_env_log(&d.world), "journal_failed"));
}

Test(spool, and_when_nothing_answers_any_more)
{
    report_and_settle_while(WIRE_HUNG);
    wire_set(net.wire, WIRE_CUT); /* those that hung would deliver late what they held up */
    assert_back_and_whole();
}

Test(spool, what_was_committed_without_an_answer_is_not_doubled)
{
    report_and_settle_while(WIRE_DEAF_TO_ENROLMENTS);
    /* the database commits when it gets there, of which nobody is told any more */
    spool_desk_await_count(&net, "SELECT COUNT(*) FROM enrolment WHERE transaction_id = $1", "t2", 1);
    wire_set(net.wire, WIRE_CUT);
    assert_back_and_whole();
}

Test(spool, what_all_nodes_must_see_waits_for_the_database)
{
    desk_report here = desk_issue_strict(&d, "t1", "csr1", "01");
    wire_set(net.wire, WIRE_CUT);
    desk_fact fact = desk_set_fact(&d, "name", "value");
    cr_assert_eq(fact.status, ISCEP_STORAGE);
    cr_assert_str_eq(fact.error, "journal_away");
    cr_assert_str_eq(desk_get_fact(&d, "name").error, "journal_away");
    cr_assert_str_eq(desk_settle(&d, here.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success").error,
                     "journal_away", "its row is there");
    wire_set(net.wire, WIRE_WHOLE);
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    cr_assert_eq(desk_set_fact(&d, "name", "value").status, ISCEP_OK);
    desk_assert_report(desk_settle(&d, here.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success"),
                       ISCEP_REPORT_DONE, false);
}

Test(spool, a_node_starts_while_the_database_is_away)
{
    iscep_journal_standing_facts facts;
    iscep_journal_close(d.journal);
    wire_set(net.wire, WIRE_CUT);
    desk_start(&d);
    iscep_journal_standing(d.journal, &facts);
    cr_assert_eq(facts.state, ISCEP_JOURNAL_AWAY);
    desk_report report = desk_issue_strict(&d, "t1", "csr1", "01");
    desk_assert_report(report, ISCEP_REPORT_OWED, true);
    desk_reopen(&d); /* and again, with something on the spool */
    cr_assert_eq(desk_find(&d, "t1", "csr1").standing, ISCEP_CERT_OWED);
    wire_set(net.wire, WIRE_WHOLE);
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    spool_desk_assert_known_once(&net, "t1", "issued");
    cr_assert_eq(desk_find(&d, "t1", "csr1").standing, ISCEP_CERT_OWED);
    cr_assert_eq(spool_desk_claim_count(&net), 1, "what the dead process had claimed can be claimed");
}

Test(spool, one_lost_connection_is_no_outage)
{
    desk_issue_strict(&d, "t1", "csr1", "01");
    cr_assert_gt(spool_desk_count(&net,
                                  "SELECT COUNT(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity"
                                  " WHERE application_name = $1",
                                  net.name),
                 0, "each is gone when this is counted; the upkeep may have a new one already");
    desk_report next = desk_issue_strict(&d, "t2", "csr2", "02");
    desk_assert_report(next, ISCEP_REPORT_OWED, true);
    cr_assert_eq(next.report.delivery_id & ISCEP_SPOOL_BIT, 0);
    cr_assert_eq(desk_find(&d, "t2", "csr2").standing, ISCEP_CERT_OWED);
    cr_assert_eq(desk_set_fact(&d, "name", "value").status, ISCEP_OK);
    cr_assert_eq(spool_desk_state(&net), ISCEP_JOURNAL_HERE);
    cr_assert_null(strstr(fake_env_log(&d.world), "journal_away"));
}

/* What moves has a connection of its own. It ends in the middle of the first slice. */
Test(spool, nor_is_one_that_is_lost_while_something_is_moved)
{
    wire_set(net.wire, WIRE_CUT);
    desk_issue_strict(&d, "t1", "csr1", "01");
    test_postgres_run(
        &d.database,
        "CREATE SEQUENCE slices;"
        "CREATE FUNCTION end_first() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('slices') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;"
        " RETURN NULL; END $$;"
        "CREATE TRIGGER end_first AFTER INSERT ON enrolment FOR EACH ROW EXECUTE FUNCTION end_first()");
    d.world.mono_ms += 10 * DESK_LEASE_MS;
    wire_set(net.wire, WIRE_WHOLE);
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    cr_assert_eq(spool_desk_count(&net, "SELECT last_value FROM slices WHERE $1 = ''", ""), 2);
    cr_assert_eq(spool_desk_count_in_log(&net, " journal_away "), 1);
    cr_assert_eq(spool_desk_count_in_log(&net, " journal_back "), 1);
    cr_assert_eq(spool_desk_count_deliveries(&net, "t1"), 1);
}

/* --- returning --- */

Test(spool, a_claim_under_way_is_not_moved_until_it_has_ended)
{
    wire_set(net.wire, WIRE_CUT);
    desk_report held = desk_issue_strict(&d, "t1", "csr1", "01");
    desk_report free_one = desk_issue_strict(&d, "t2", "csr2", "02");
    desk_postpone(&d, free_one.report.delivery_id, d.world.unix_ms);
    wire_set(net.wire, WIRE_WHOLE);
    spool_desk_await(&net, ISCEP_JOURNAL_RETURNING);
    spool_desk_await_spooled(&net, 1);
    cr_assert_eq(spool_desk_count_deliveries(&net, "t1"), 0);
    cr_assert_eq(spool_desk_count_deliveries(&net, "t2"), 1);
    cr_assert_eq(desk_find(&d, "t1", "csr1").standing, ISCEP_CERT_OWED, "found where it is");
    cr_assert_eq(desk_find(&d, "t2", "csr2").standing, ISCEP_CERT_OWED);
    desk_report again = desk_issue_strict(&d, "t1", "csr1", "01");
    desk_assert_report(again, ISCEP_REPORT_OWED, false);
    cr_assert_eq(again.report.delivery_id, held.report.delivery_id);
    cr_assert_not(again.report.is_claimed, "somebody has it");
    desk_assert_report(desk_settle(&d, held.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success"),
                       ISCEP_REPORT_DONE, false);
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    spool_desk_assert_known_once(&net, "t1", "issued, reported");
}

Test(spool, what_comes_while_returning_goes_to_the_database)
{
    wire_set(net.wire, WIRE_CUT);
    desk_report held = desk_issue_strict(&d, "t1", "csr1", "01");
    wire_set(net.wire, WIRE_WHOLE);
    spool_desk_await(&net, ISCEP_JOURNAL_RETURNING);
    desk_report fresh = desk_issue_strict(&d, "t2", "csr2", "02");
    cr_assert_eq(fresh.report.delivery_id & ISCEP_SPOOL_BIT, 0);
    cr_assert_eq(spool_desk_count_deliveries(&net, "t2"), 1);
    cr_assert_eq(desk_set_fact(&d, "name", "value").status, ISCEP_OK);
    desk_settle(&d, held.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success");
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
}

Test(spool, what_was_noted_on_the_spool_is_known_to_who_reports_while_returning)
{
    wire_set(net.wire, WIRE_CUT);
    desk_report held = desk_issue_strict(&d, "t1", "csr1", "01");
    desk_note(&d, "t2", "csr2", ISCEP_EVENT_VALIDATED, "Success");
    wire_set(net.wire, WIRE_WHOLE);
    spool_desk_await(&net, ISCEP_JOURNAL_RETURNING);
    desk_report report = desk_issue_strict(&d, "t2", "csr2", "02");
    cr_assert(report.report.was_validated);
    cr_assert_eq(report.report.delivery_id & ISCEP_SPOOL_BIT, 0);
    desk_settle(&d, held.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success");
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    spool_desk_assert_known_once(&net, "t2", "validated, issued");
}

Test(spool, whoever_knows_a_delivery_by_its_number_on_the_spool_finds_it)
{
    wire_set(net.wire, WIRE_CUT);
    desk_report report = desk_issue_strict(&d, "t1", "csr1", "01");
    int64_t id = report.report.delivery_id;
    desk_postpone(&d, id, d.world.unix_ms);
    wire_set(net.wire, WIRE_WHOLE);
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    cr_assert_eq(spool_desk_standing_of(&net, id).state, ISCEP_REPORT_OWED);
    desk_claim claim = desk_claim_deliveries(&d, 10);
    cr_assert_eq(claim.count, 1);
    cr_assert_eq(claim.ids[0], id, "and is told that number");
    desk_assert_report(desk_withhold(&d, id, true), ISCEP_REPORT_WITHHELD, false);
    cr_assert_eq(desk_find(&d, "t1", "csr1").standing, ISCEP_CERT_WITHHELD);
    wire_set(net.wire, WIRE_CUT);
    desk_report next = desk_issue_strict(&d, "t2", "csr2", "02");
    cr_assert_neq(next.report.delivery_id, id, "no number is given twice");
    cr_assert_str_eq(desk_settle(&d, id, ISCEP_DELIVERY_ACCEPTED, "Success").error, "journal_away");
}

Test(spool, a_number_that_nobody_has_is_unknown)
{
    cr_assert_str_eq(desk_settle(&d, 77 | ISCEP_SPOOL_BIT, ISCEP_DELIVERY_ACCEPTED, "Success").error,
                     "delivery_unknown");
}

/* The spool is asked where it is by now, and nothing is written there. */
Test(spool, asking_for_a_number_is_no_return)
{
    iscep_journal_standing_facts before, after;
    wire_set(net.wire, WIRE_CUT);
    desk_report report = desk_issue_strict(&d, "t1", "csr1", "01");
    wire_set(net.wire, WIRE_WHOLE);
    d.world.mono_ms += 10 * DESK_LEASE_MS;
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    iscep_journal_standing(d.journal, &before);
    d.world.unix_ms += 5000;
    cr_assert_eq(spool_desk_standing_of(&net, report.report.delivery_id).state, ISCEP_REPORT_OWED);
    desk_withhold(&d, report.report.delivery_id, true);
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    iscep_journal_standing(d.journal, &after);
    cr_assert_eq(after.since_unix_ms, before.since_unix_ms);
}

/* --- numbers that come again --- */

static void await_a_failed_move(void)
{
    spool_desk_await_count(&net, "SELECT COUNT(*) FROM delivery_id_seq WHERE is_called AND $1 = ''", "", 1);
}

static int64_t state_of_delivery(const char *transaction_id)
{
    return spool_desk_count(&net,
                            "SELECT d.state FROM delivery d JOIN enrolment e ON e.id = d.enrolment_id"
                            " WHERE e.transaction_id = $1",
                            transaction_id);
}

/* The database crashes while a slice is being moved: the numbers that it gave to that go to others. */
Test(spool, a_number_that_a_failed_move_had_belongs_to_whom_it_is_given)
{
    desk other;
    wire_set(net.wire, WIRE_CUT);
    desk_report held = desk_issue_strict(&d, "held", "csr1", "01");
    desk_postpone(&d, held.report.delivery_id, d.world.unix_ms + DESK_BACKOFF_MS);
    test_postgres_run(&d.database,
                      "CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS"
                      " $$ BEGIN RAISE EXCEPTION 'crash'; END $$;"
                      "CREATE CONSTRAINT TRIGGER crash AFTER INSERT ON delivery DEFERRABLE INITIALLY DEFERRED"
                      " FOR EACH ROW EXECUTE FUNCTION crash()");
    wire_set(net.wire, WIRE_WHOLE);
    await_a_failed_move();
    wire_set(net.wire, WIRE_CUT);
    spool_desk_await(&net, ISCEP_JOURNAL_AWAY);
    test_postgres_run(&d.database,
                      "DROP TRIGGER crash ON delivery; ALTER TABLE delivery ALTER COLUMN id RESTART");
    desk_init(&other);
    other.options.database = &d.database.options;
    desk_start(&other);
    desk_report given = desk_issue_strict(&other, "given", "csr2", "02");
    desk_postpone(&other, given.report.delivery_id, other.world.unix_ms);
    desk_close(&other);
    wire_set(net.wire, WIRE_WHOLE);
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    desk_claim claim = desk_claim_deliveries(&d, 1);
    cr_assert_eq(claim.count, 1);
    cr_assert_str_eq(claim.serial[0], "02");
    desk_settle(&d, claim.ids[0], ISCEP_DELIVERY_ACCEPTED, "Success");
    cr_assert_eq(state_of_delivery("given"), ISCEP_DELIVERY_IS_DONE);
    cr_assert_eq(state_of_delivery("held"), ISCEP_DELIVERY_IS_OWED, "Intune has not been told");
}

/* --- two records of one thing --- */

Test(spool, done_beats_owed)
{
    desk_report here = desk_issue_strict(&d, "t1", "csr1", "01");
    desk_assert_report(here, ISCEP_REPORT_OWED, true);
    wire_set(net.wire, WIRE_CUT);
    desk_report again = desk_issue_strict(&d, "t1", "csr1", "01");
    desk_assert_report(again, ISCEP_REPORT_OWED, true);
    desk_settle(&d, again.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success");
    wire_set(net.wire, WIRE_WHOLE);
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    cr_assert_eq(spool_desk_count_deliveries(&net, "t1"), 1);
    cr_assert_eq(spool_desk_standing_of(&net, here.report.delivery_id).state, ISCEP_REPORT_DONE);
    cr_assert_eq(spool_desk_count(&net, "SELECT COUNT(*) FROM owed_csr WHERE $1 = ''", ""), 0);
}

Test(spool, and_owed_does_not_undo_done)
{
    desk_report here = desk_issue_strict(&d, "t1", "csr1", "01");
    desk_settle(&d, here.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success");
    wire_set(net.wire, WIRE_CUT);
    desk_report again = desk_issue_strict(&d, "t1", "csr1", "01");
    desk_postpone(&d, again.report.delivery_id, d.world.unix_ms);
    wire_set(net.wire, WIRE_WHOLE);
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    cr_assert_eq(spool_desk_count_deliveries(&net, "t1"), 1);
    cr_assert_eq(spool_desk_standing_of(&net, here.report.delivery_id).state, ISCEP_REPORT_DONE);
    cr_assert_str_eq(desk_standing_as(&d, again.report.delivery_id, again.report.fence).error,
                     "delivery_unknown", "the one that was there first is the one that is left");
    cr_assert_eq(spool_desk_claim_count(&net), 0);
}

Test(spool, another_certificate_is_recorded_all_the_same)
{
    desk_report here = desk_issue_strict(&d, "t1", "csr1", "01");
    desk_settle(&d, here.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success");
    cr_assert_eq(desk_issue_strict(&d, "t1", "csr1", "02").report.state, ISCEP_REPORT_OTHER);
    wire_set(net.wire, WIRE_CUT);
    desk_report second = desk_issue_strict(&d, "t1", "csr1", "02");
    desk_assert_report(second, ISCEP_REPORT_OWED, true);
    desk_settle(&d, second.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success");
    wire_set(net.wire, WIRE_WHOLE);
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    cr_assert_eq(spool_desk_count(&net,
                                  "SELECT COUNT(*) FROM delivery d JOIN enrolment e ON e.id = d.enrolment_id"
                                  " WHERE e.transaction_id = $1 AND d.state = 2",
                                  "t1"),
                 2);
    cr_assert_str_eq(desk_find(&d, "t1", "csr1").serial, "02");
}

Test(spool, a_failure_that_was_reported_twice_is_one)
{
    desk_report here = desk_fail(&d, "t1", "csr1", 5, "no room");
    desk_postpone(&d, here.report.delivery_id, d.world.unix_ms);
    wire_set(net.wire, WIRE_CUT);
    desk_report again = desk_fail(&d, "t1", "csr1", 5, "no room");
    desk_settle(&d, again.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success");
    desk_report another = desk_fail(&d, "t1", "csr1", 6, "no more");
    desk_settle(&d, another.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success");
    wire_set(net.wire, WIRE_WHOLE);
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    cr_assert_eq(spool_desk_count_deliveries(&net, "t1"), 2);
    cr_assert_eq(spool_desk_claim_count(&net), 0, "both have been told");
}

Test(spool, what_was_withheld_takes_its_revocation_along)
{
    wire_set(net.wire, WIRE_CUT);
    desk_report report = desk_issue_strict(&d, "t1", "csr1", "01");
    desk_assert_report(desk_withhold(&d, report.report.delivery_id, true), ISCEP_REPORT_WITHHELD, false);
    wire_set(net.wire, WIRE_WHOLE);
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    cr_assert_eq(
        spool_desk_count(&net,
                         "SELECT COUNT(*) FROM revocation r JOIN certificate c ON c.id = r.delivery_id"
                         " WHERE c.serial = $1 AND r.state = 1 AND r.context IS NULL",
                         "01"),
        1);
    spool_desk_assert_known_once(&net, "t1", "issued, withheld, revocation_asked");
}

/* --- an installation that had no database until today --- */

enum { OLD = 150, OLD_REVOCATIONS = 3 };

static void make_installation(void)
{
    const iscep_postgres_options *database = d.options.database;
    iscep_journal_close(d.journal);
    d.options.database = NULL;
    desk_start(&d);
    for (int i = 0; i < OLD; i++) {
        char id[16], serial[16];
        snprintf(id, sizeof id, "old%d", i);
        snprintf(serial, sizeof serial, "%04X", (unsigned)i);
        desk_note(&d, id, "csr", ISCEP_EVENT_VALIDATED, "Success");
        desk_report report = desk_issue_strict(&d, id, "csr", serial);
        iscep_delivery_end end = i % 3 == 0 ? ISCEP_DELIVERY_ACCEPTED : ISCEP_DELIVERY_REFUSED;
        if (i % 3 != 2)
            desk_settle(&d, report.report.delivery_id, end, "said");
    }
    for (int i = 0; i < OLD_REVOCATIONS; i++) { /* of certificates that nobody knows */
        char context[16];
        snprintf(context, sizeof context, "old%d", i);
        cr_assert_eq(desk_ask(&d, context, "FFFF").count, 1);
    }
    cr_assert_eq(desk_set_fact(&d, "last_poll", "yesterday").status, ISCEP_OK);
    iscep_journal_close(d.journal);
    d.options.database = database;
}

static void assert_installation(void)
{
    static const char *const events[] = {"validated, issued, reported",
                                         "validated, issued, report_refused, withheld", "validated, issued"};
    cr_assert_eq(spool_desk_count(&net, "SELECT COUNT(*) FROM enrolment WHERE tenant = $1", DESK_TENANT),
                 OLD);
    cr_assert_eq(spool_desk_count(&net, "SELECT COUNT(*) FROM certificate WHERE subject <> $1", ""), OLD);
    cr_assert_eq(
        spool_desk_count(&net, "SELECT COUNT(*) FROM delivery WHERE state = 2 AND tenant = $1", DESK_TENANT),
        OLD / 3);
    for (int i = 0; i < OLD; i++) {
        char id[16];
        snprintf(id, sizeof id, "old%d", i);
        cr_assert_str_eq(desk_events(&d, id), events[i % 3], "%s", id);
    }
    cr_assert_eq(spool_desk_count(&net,
                                  "SELECT COUNT(*) FROM revocation WHERE context LIKE $1 AND serial = 'FFFF'"
                                  " AND delivery_id = 0",
                                  "old%"),
                 OLD_REVOCATIONS);
    cr_assert_str_eq(desk_get_fact(&d, "last_poll").value, "yesterday");
}

Test(spool, a_whole_installation_is_moved)
{
    make_installation();
    desk_start(&d);
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    assert_installation();
    cr_assert_eq(spool_desk_claim_count(&net), OLD / 3);
    desk_reopen(&d);
    /* While its threads look, too; test_standing.c has it for certain. */
    for (int looks = 0; looks < 1000; looks++)
        cr_assert_eq(spool_desk_state(&net), ISCEP_JOURNAL_HERE);
}

static int slices_left;

/* The database has the slice, and the spool has it still. */
static void die_here(void)
{
    if (slices_left-- == 0)
        kill(getpid(), SIGKILL);
}

static void move_until_killed(int slices)
{
    slices_left = slices;
    d.tuning.on_moved = die_here;
    desk_come_back(&d);
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    _exit(0);
}

Test(spool, killed_between_the_two_commits_nothing_is_lost_or_doubled, .timeout = 60)
{
    make_installation();
    d.journal = NULL;
    iscep_loop_free(d.loop);
    spool_desk_leave(&net);
    d.tuning.moved_at_once = 40;
    for (int slices = 0; slices < 3; slices++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            spool_desk_come_back(&net);
            move_until_killed(slices);
        }
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    spool_desk_come_back(&net);
    desk_come_back(&d);
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    assert_installation();
}

/* --- a stream --- */

enum { STREAM = 240, DISTURBED_EVERY = 12 };

/* In turn, each from whole, and back. */
static void disturb(int i)
{
    static const wire_state states[] = {WIRE_CUT, WIRE_WHOLE, WIRE_DEAF, WIRE_WHOLE, WIRE_HUNG, WIRE_WHOLE};
    if (i % DISTURBED_EVERY == 0)
        wire_set(net.wire, states[i / DISTURBED_EVERY % 6]);
}

Test(spool, every_record_that_was_acknowledged_is_found_once, .timeout = 60)
{
    for (int i = 0; i < STREAM; i++) {
        char id[16], serial[16];
        snprintf(id, sizeof id, "t%d", i);
        snprintf(serial, sizeof serial, "%04X", (unsigned)i);
        disturb(i);
        desk_note(&d, id, "csr", ISCEP_EVENT_VALIDATED, "Success");
        desk_report report = desk_issue_strict(&d, id, "csr", serial);
        cr_assert_eq(report.status, ISCEP_OK, "%s", report.error);
        desk_report end = desk_settle(&d, report.report.delivery_id, ISCEP_DELIVERY_ACCEPTED, "Success");
        if (end.status != ISCEP_OK)
            cr_assert_str_eq(end.error, "journal_away", "its row is in the database");
    }
    wire_set(net.wire, WIRE_CUT);
    wire_set(net.wire, WIRE_WHOLE);
    d.world.mono_ms += 10 * DESK_LEASE_MS;
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    for (int i = 0; i < STREAM; i++) {
        char id[16];
        snprintf(id, sizeof id, "t%d", i);
        cr_assert_eq(spool_desk_count_deliveries(&net, id), 1, "%s", id);
        const char *events = desk_events(&d, id);
        cr_assert(strcmp(events, "validated, issued, reported") == 0 ||
                      strcmp(events, "validated, issued") == 0,
                  "%s: %s", id, events);
    }
}
