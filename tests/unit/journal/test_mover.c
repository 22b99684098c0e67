/*
 * What moves the spool into the database: past what cannot be moved, and first what somebody waits for. With PostgreSQL only.
 */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>

#include "journal/claims.h"
#include "journal/route.h"
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

TestSuite(mover, .init = set_up, .fini = tear_down);

/* --- what cannot be moved --- */

/* Whenever an enrolment comes into the database, while the condition holds. */
static void refuse_enrolments(const char *condition, const char *sqlstate)
{
    char sql[1024];
    snprintf(sql, sizeof sql,
             "CREATE SEQUENCE tries;"
             "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
             " IF %s THEN RAISE EXCEPTION 'not this one' USING ERRCODE = '%s'; END IF; RETURN NULL; END $$;"
             "CREATE TRIGGER refuse AFTER INSERT ON enrolment FOR EACH ROW EXECUTE FUNCTION refuse()",
             condition, sqlstate);
    test_postgres_run(&d.database, sql);
}

/* Of three that are on the spool, the first is the one that cannot be moved. */
static desk_report spool_three(void)
{
    wire_set(net.wire, WIRE_CUT);
    desk_report first = desk_issue_strict(&d, "t1", "csr1", "01");
    desk_postpone(&d, first.report.delivery_id, d.world.unix_ms);
    for (int i = 2; i <= 3; i++) {
        char id[8], csr[8], serial[8];
        snprintf(id, sizeof id, "t%d", i);
        snprintf(csr, sizeof csr, "csr%d", i);
        snprintf(serial, sizeof serial, "%02d", i);
        desk_postpone(&d, desk_issue_strict(&d, id, csr, serial).report.delivery_id, d.world.unix_ms);
    }
    return first;
}

static void assert_stuck(const char *code)
{
    iscep_journal_standing_facts facts;
    iscep_journal_standing(d.journal, &facts);
    cr_assert_eq(facts.state, ISCEP_JOURNAL_RETURNING, "others can write to the database, and so can we");
    cr_assert_str_eq(facts.why.code, code, "%s", facts.why.message);
    cr_assert_eq(spool_desk_count_in_log(&net, " spool_stuck "), 1, "%s", fake_env_log(&d.world));
}

static void assert_three_are_whole(void)
{
    test_postgres_run(&d.database, "DROP TRIGGER refuse ON enrolment");
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    for (int i = 1; i <= 3; i++) {
        char id[8];
        snprintf(id, sizeof id, "t%d", i);
        spool_desk_assert_known_once(&net, id, "issued, report_postponed");
        cr_assert_eq(spool_desk_count_deliveries(&net, id), 1);
    }
    cr_assert_eq(spool_desk_claim_count(&net), 3);
}

Test(mover, one_that_cannot_be_moved_holds_up_no_other)
{
    desk_report first = spool_three();
    refuse_enrolments("NEW.transaction_id = 't1'", "23514");
    wire_set(net.wire, WIRE_WHOLE);
    spool_desk_await_count(&net, "SELECT COUNT(*) FROM enrolment WHERE transaction_id <> $1", "t1", 2);
    spool_desk_await_spooled(&net, 1);
    spool_desk_await_log(&net, " spool_stuck ");
    assert_stuck("journal_io");
    cr_assert_eq(spool_desk_count_deliveries(&net, "t1"), 0);
    cr_assert_eq(spool_desk_count_deliveries(&net, "t2"), 1);
    cr_assert_eq(spool_desk_count_deliveries(&net, "t3"), 1);
    cr_assert_eq(desk_find(&d, "t1", "csr1").standing, ISCEP_CERT_OWED, "found where it is");
    cr_assert_eq(spool_desk_standing_of(&net, first.report.delivery_id).state, ISCEP_REPORT_OWED);
    assert_three_are_whole();
}

Test(mover, a_disk_that_is_full_holds_up_all_and_is_no_outage)
{
    spool_three();
    refuse_enrolments("nextval('tries') > 0", "53100");
    wire_set(net.wire, WIRE_WHOLE);
    spool_desk_await_log(&net, " spool_stuck ");
    assert_stuck("journal_full");
    cr_assert_eq(spool_desk_count_in_log(&net, " journal_away "), 1, "but for the cut");
    cr_assert_eq(spool_desk_count(&net, "SELECT COUNT(*) FROM enrolment WHERE $1 = ''", ""), 0);
    assert_three_are_whole();
}

/* Another node has a row of the slice. */
Test(mover, a_slice_that_another_is_in_the_way_of_is_moved_a_little_later)
{
    spool_three();
    refuse_enrolments("nextval('tries') < 4", "55P03");
    wire_set(net.wire, WIRE_WHOLE);
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    cr_assert_eq(spool_desk_count(&net, "SELECT last_value FROM tries WHERE $1 = ''", ""), 3 + 3);
    cr_assert_eq(spool_desk_count_in_log(&net, " spool_stuck "), 0);
    cr_assert_eq(spool_desk_count_in_log(&net, " journal_away "), 1, "but for the cut");
    assert_three_are_whole();
}

/* --- what somebody waits for --- */

static gate moved = GATE_INIT, asked = GATE_INIT;
static atomic_bool is_spooled;                     /* before, a slice is the look at an empty spool */
static int64_t awaited_at_second, other_at_second; /* in the database, when the second slice is */

static int64_t count_enrolments(const char *transaction_id)
{
    return spool_desk_count(&net, "SELECT COUNT(*) FROM enrolment WHERE transaction_id = $1", transaction_id);
}

/* On the mover's thread: the first slice ends when somebody has asked. */
static void end_slice(void)
{
    if (!atomic_load(&is_spooled))
        return;
    gate_pass(&moved);
    if (gate_count(&moved) == 1)
        gate_await(&asked, 1);
    if (gate_count(&moved) == 2) {
        awaited_at_second = count_enrolments("awaited");
        other_at_second = count_enrolments("other");
    }
}

typedef struct answers {
    unsigned count;
    bool is_done;
    iscep_report reports[2];
} answers;

static void on_answer(void *user, iscep_status status, const iscep_report *report, const iscep_error *err)
{
    answers *got = user;
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    got->reports[got->count++] = *report;
    got->is_done = got->count == 2;
    if (got->is_done)
        iscep_loop_stop(d.loop);
}

static void note_three(void)
{
    static const char *const ids[] = {"first", "other", "awaited"};
    iscep_journal_close(d.journal);
    d.tuning.moved_at_once = 1;
    d.tuning.on_moved = end_slice;
    desk_start(&d);
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    wire_set(net.wire, WIRE_CUT);
    for (size_t i = 0; i < 3; i++)
        desk_note(&d, ids[i], "csr", ISCEP_EVENT_VALIDATED, "Success");
    spool_desk_await(&net, ISCEP_JOURNAL_AWAY);
    spool_desk_await_spooled(&net, 3);
    atomic_store(&is_spooled, true);
}

Test(mover, a_request_whose_certificate_is_reported_is_moved_before_the_others)
{
    answers got = {0};
    note_three();
    wire_set(net.wire, WIRE_WHOLE);
    gate_await(&moved, 1);
    cr_assert_eq(spool_desk_state(&net), ISCEP_JOURNAL_RETURNING);
    const iscep_issued_record record = desk_cert("awaited", "csr", "01");
    for (int i = 0; i < 2; i++) /* by two, at the same time */
        iscep_journal_record_issued(d.journal, &record, on_answer, &got);
    gate_pass(&asked);
    desk_wait(&d, &got.is_done);
    cr_assert(got.reports[0].was_validated);
    cr_assert_eq(got.reports[0].delivery_id & ISCEP_SPOOL_BIT, 0);
    cr_assert_eq(got.reports[1].delivery_id, got.reports[0].delivery_id);
    cr_assert_eq(got.reports[0].is_first + got.reports[1].is_first, 1);
    spool_desk_await(&net, ISCEP_JOURNAL_HERE);
    cr_assert_eq(awaited_at_second, 1);
    cr_assert_eq(other_at_second, 0);
    spool_desk_assert_known_once(&net, "awaited", "validated, issued");
    spool_desk_assert_known_once(&net, "first", "validated");
    spool_desk_assert_known_once(&net, "other", "validated");
}
