/* Several nodes on one database, at the same moment: each thing is done once, whoever does it. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "desk.h"
#include "journal/sweep.h"

enum { NODES = 4, OWED = 2000, RACES = 60, CLAIM_LIMIT = 7 };

static desk nodes[NODES];

static void set_up(void)
{
    for (size_t i = 0; i < NODES; i++) {
        desk_init(&nodes[i]);
        nodes[i].options.database = &nodes[0].database.options;
        nodes[i].options.connections = 1;
        desk_start(&nodes[i]);
    }
}

static void tear_down(void)
{
    for (size_t i = 0; i < NODES; i++)
        desk_close(&nodes[i]);
}

TestSuite(shared, .init = set_up, .fini = tear_down);

static void on_each_node(void *(*work)(void *))
{
    pthread_t threads[NODES];
    for (size_t i = 0; i < NODES; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, work, &nodes[i]), 0);
    for (size_t i = 0; i < NODES; i++)
        pthread_join(threads[i], NULL);
}

static int64_t ask_number(const char *sql)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    bool has_row = false;
    iscep_store *store = test_postgres_open(&nodes[0].database, ISCEP_STORE_READ);
    cr_assert_eq(iscep_store_query_params(&rows, store, sql, NULL, 0, NULL), ISCEP_OK);
    cr_assert_eq(iscep_rows_next(rows, &has_row, NULL), ISCEP_OK);
    const int64_t number = iscep_rows_number(rows, 0);
    iscep_store_close(store);
    return number;
}

/* --- claims --- */

static atomic_int given_out[OWED + 1];

static void owe_many(void)
{
    test_postgres_run(
        &nodes[0].database,
        "INSERT INTO enrolment (tenant, transaction_id, csr_sha256, is_validated, first_unix_ms)"
        " SELECT 'contoso', 't' || i, sha256(int8send(i)), 1, 0 FROM generate_series(1, 2000) i;"
        "INSERT INTO delivery (enrolment_id, tenant, kind, state, is_deferred, error_code, description, "
        "attempts,"
        " recorded_unix_ms, due_unix_ms, leased_until_ms, not_after_unix, is_active, is_revoked,"
        " is_revocation_asked)"
        " SELECT id, 'contoso', 2, 1, 0, 1, '', 0, 1000, 1000 + id, 0, 0, 0, 0, 0 FROM enrolment ORDER BY id;"
        "INSERT INTO owed_csr (id, der) SELECT id, 'csr' FROM delivery");
}

static void *claim_until_none_is_left(void *user)
{
    desk *d = user;
    desk_claim claim;
    do {
        claim = desk_claim_deliveries(d, CLAIM_LIMIT);
        for (size_t i = 0; i < claim.count; i++)
            atomic_fetch_add(&given_out[claim.ids[i]], 1);
    } while (claim.status == ISCEP_OK && (claim.count > 0 || claim.next_due_unix_ms != 0));
    cr_assert_eq(claim.status, ISCEP_OK, "%s", claim.error);
    return NULL;
}

Test(shared, each_delivery_is_given_out_once)
{
    owe_many();
    on_each_node(claim_until_none_is_left);
    for (int i = 1; i <= OWED; i++)
        cr_assert_eq(given_out[i], 1, "delivery %d was given out %d times", i, given_out[i]);
    cr_assert_eq(ask_number("SELECT COUNT(*) FROM delivery WHERE fence = 1 AND leased_until_ms > 0"), OWED);
}

Test(shared, what_a_dead_node_had_claimed_another_takes_when_the_lease_ends)
{
    owe_many();
    desk_claim dead = desk_claim_deliveries(&nodes[0], 3);
    cr_assert_eq(dead.count, 3);
    fake_env_advance(&nodes[1].world, DESK_LEASE_MS - 1000);
    cr_assert_neq(desk_claim_deliveries(&nodes[1], 1).ids[0], dead.ids[0]);
    fake_env_advance(&nodes[1].world, 2000);
    desk_claim taken = desk_claim_deliveries(&nodes[1], 3);
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(taken.ids[i], dead.ids[i]);
}

Test(shared, a_wall_clock_that_is_wrong_takes_nothing_from_anybody)
{
    owe_many();
    nodes[1].world.unix_ms += 3600 * 1000;
    desk_claim right = desk_claim_deliveries(&nodes[0], 5), wrong = desk_claim_deliveries(&nodes[1], 5);
    cr_assert_eq(right.count, 5);
    cr_assert_eq(wrong.count, 5);
    for (size_t i = 0; i < 5; i++)
        cr_assert_lt(right.ids[i], wrong.ids[0], "each has others");
    desk_assert_report(desk_settle(&nodes[0], right.ids[0], ISCEP_DELIVERY_POSTPONED, "network"),
                       ISCEP_REPORT_OWED, false);
}

/* The desks' clocks stand in another year than the database's. */
Test(shared, who_is_not_of_one_mind_with_the_database_s_clock_declares_nothing_too_old)
{
    desk_close(&nodes[1]);
    desk_init(&nodes[1]);
    nodes[1].options.database = &nodes[0].database.options;
    nodes[1].options.retention_days = 1;
    nodes[1].tuning.max_clock_error_ms = 3600 * 1000;
    desk_start(&nodes[1]);
    const int64_t id = desk_issue_strict(&nodes[1], "t", "csr", "01").report.delivery_id;
    desk_assert_report(desk_settle(&nodes[1], id, ISCEP_DELIVERY_DEAD, "too_old"), ISCEP_REPORT_OWED, false);
    desk_claim again = desk_claim_deliveries(&nodes[0], 1);
    cr_assert_eq(again.ids[0], id);
    desk_assert_report(desk_settle(&nodes[0], id, ISCEP_DELIVERY_DEAD, "too_old"), ISCEP_REPORT_DEAD, false);
}

/* --- one enrolment, at all nodes at once --- */

static atomic_int firsts;
static atomic_int others;

/* They are there already, as after a validation: what keeps the nodes apart is the row's lock, and not that there can be only one. */
static void validate_all(void)
{
    for (int i = 0; i < RACES; i++) {
        char id[16];
        snprintf(id, sizeof id, "t%d", i);
        desk_note(&nodes[0], id, "csr", ISCEP_EVENT_VALIDATED, "Success");
    }
    desk_flush(&nodes[0]);
}

static void race(desk *d, bool is_same_cert)
{
    for (int i = 0; i < RACES; i++) {
        char id[16], serial[32];
        snprintf(id, sizeof id, "t%d", i);
        snprintf(serial, sizeof serial, is_same_cert ? "%04X" : "%04X%02X", (unsigned)i,
                 (unsigned)(d - nodes));
        iscep_issued_record record = desk_cert(id, "csr", serial);
        record.cert.der = iscep_bytes_of_text(serial); /* desk_cert's is for one thread */
        desk_report r = desk_issue(d, &record);
        cr_assert_eq(r.status, ISCEP_OK, "%s", r.error);
        atomic_fetch_add(&firsts, r.report.is_first);
        atomic_fetch_add(&others, r.report.state == ISCEP_REPORT_OTHER);
    }
}

static void *race_with_the_same(void *user)
{
    race(user, true);
    return NULL;
}

static void *race_with_another(void *user)
{
    race(user, false);
    return NULL;
}

Test(shared, the_same_certificate_reported_everywhere_is_one_delivery)
{
    validate_all();
    on_each_node(race_with_the_same);
    cr_assert_eq(firsts, RACES);
    cr_assert_eq(others, 0);
    cr_assert_eq(ask_number("SELECT COUNT(*) FROM enrolment"), RACES);
    cr_assert_eq(ask_number("SELECT COUNT(*) FROM delivery"), RACES);
}

static void assert_one_stands(void)
{
    on_each_node(race_with_another);
    cr_assert_eq(firsts, RACES);
    cr_assert_eq(others, RACES * (NODES - 1));
    cr_assert_eq(ask_number("SELECT COUNT(*) FROM enrolment"), RACES);
    cr_assert_eq(ask_number("SELECT COUNT(*) FROM delivery WHERE state = 1"), RACES);
}

Test(shared, of_several_certificates_for_one_request_one_stands)
{
    validate_all();
    assert_one_stands();
}

Test(shared, that_nobody_has_validated_is_one_all_the_same)
{
    assert_one_stands();
}

static void *note_many(void *user)
{
    for (int i = 0; i < RACES; i++) {
        char id[16];
        snprintf(id, sizeof id, "t%d", i % 5);
        desk_note(user, id, "csr", ISCEP_EVENT_REFUSED, "no");
    }
    desk_flush(user);
    return NULL;
}

/* Raising the count of the last event is a decision by what was read. */
Test(shared, no_event_is_lost_or_counted_twice)
{
    on_each_node(note_many);
    cr_assert_eq(ask_number("SELECT COUNT(*) FROM enrolment"), 5);
    cr_assert_eq(ask_number("SELECT COUNT(*) FROM event"), 5);
    cr_assert_eq(ask_number("SELECT CAST(SUM(times) AS BIGINT) FROM event"), NODES * RACES);
}

/* --- a database that somebody has been at --- */

Test(shared, nobody_is_given_a_certificate_whose_state_is_no_number)
{
    desk_issue_strict(&nodes[0], "t", "csr", "01");
    test_postgres_run(&nodes[0].database, "ALTER TABLE delivery ALTER COLUMN state TYPE NUMERIC");
    const desk_found found = desk_find(&nodes[1], "t", "csr");
    cr_assert_eq(found.status, ISCEP_STORAGE);
    cr_assert_str_eq(found.error, "journal_corrupt");
    cr_assert_not(found.has_cert);
}

/* The key of what is looked for is none: "there is no such enrolment" would have it issued again. */
Test(shared, what_cannot_be_read_is_not_taken_for_what_is_not_there)
{
    desk_issue_strict(&nodes[0], "t", "csr", "01");
    test_postgres_run(&nodes[0].database, "ALTER TABLE enrolment ALTER COLUMN id DROP IDENTITY;"
                                          "ALTER TABLE enrolment ALTER COLUMN id TYPE NUMERIC");
    const desk_found found = desk_find(&nodes[1], "t", "csr");
    cr_assert_eq(found.status, ISCEP_STORAGE);
    cr_assert_str_eq(found.error, "journal_corrupt");
}

Test(shared, a_withheld_certificate_stays_so_whatever_the_reason)
{
    const int64_t id = desk_issue_strict(&nodes[0], "t", "csr", "01").report.delivery_id;
    desk_withhold(&nodes[0], id, false);
    test_postgres_run(&nodes[0].database, "UPDATE delivery SET code = NULL");
    cr_assert_eq(desk_find(&nodes[1], "t", "csr").standing, ISCEP_CERT_WITHHELD);
}

/* --- in each other's way --- */

static void make_conflicts(int count)
{
    char sql[512];
    snprintf(
        sql, sizeof sql,
        "CREATE SEQUENCE tries;"
        "CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF nextval('tries') <= %d"
        " THEN RAISE EXCEPTION 'in the way' USING ERRCODE = '55P03'; END IF; RETURN NULL; END $$;"
        "CREATE TRIGGER conflict AFTER INSERT ON delivery FOR EACH ROW EXECUTE FUNCTION conflict()",
        count);
    test_postgres_run(&nodes[0].database, sql);
}

Test(shared, what_another_node_is_in_the_way_of_is_tried_again)
{
    make_conflicts(4);
    desk_assert_report(desk_issue_strict(&nodes[0], "t", "csr", "01"), ISCEP_REPORT_OWED, true);
    cr_assert_eq(ask_number("SELECT last_value FROM tries"), 5);
    cr_assert_eq(ask_number("SELECT COUNT(*) FROM delivery"), 1);
}

Test(shared, but_not_for_ever)
{
    make_conflicts(1000);
    desk_report refused = desk_issue_strict(&nodes[0], "t", "csr", "01");
    cr_assert_eq(refused.status, ISCEP_STORAGE);
    cr_assert_str_eq(refused.error, "journal_conflict");
    cr_assert_eq(ask_number("SELECT last_value FROM tries"), 7);
    cr_assert_eq(ask_number("SELECT COUNT(*) FROM enrolment"), 0);
}

/* --- one forgets at a time --- */

static int64_t forget_old(iscep_sweep *sweep, iscep_db *db)
{
    db->now_unix_ms += 7200 * 1000; /* a pass an hour */
    cr_assert_eq(iscep_sweep_begin(sweep, db, NULL), ISCEP_OK);
    cr_assert(sweep->is_under_way);
    cr_assert_eq(iscep_sweep_slice(sweep, db, NULL), ISCEP_OK);
    return ask_number("SELECT COUNT(*) FROM enrolment");
}

Test(shared, while_one_node_forgets_no_other_does)
{
    const iscep_journal_options options = {.retention_days = 1, .max_size_mb = 0};
    iscep_store *other = test_postgres_open(&nodes[0].database, ISCEP_STORE_WRITE);
    iscep_db db = {.store = test_postgres_open(&nodes[0].database, ISCEP_STORE_WRITE),
                   .now_unix_ms = FAKE_ENV_UNIX_MS,
                   .is_clock_right = true};
    iscep_sweep sweep;
    bool is_ours = false;
    test_postgres_run(
        &nodes[0].database,
        "INSERT INTO enrolment (tenant, transaction_id, csr_sha256, is_validated, first_unix_ms)"
        " SELECT 'contoso', 't' || i, sha256(int8send(i)), 1, 0 FROM generate_series(1, 3) i");
    iscep_sweep_init(&sweep, &options);
    cr_assert_eq(iscep_store_begin(other, ISCEP_STORE_DURABLE, NULL), ISCEP_OK);
    cr_assert_eq(iscep_store_try_lock(&is_ours, other, ISCEP_LOCK_SWEEP, NULL), ISCEP_OK);
    cr_assert(is_ours);
    cr_assert_eq(forget_old(&sweep, &db), 3);
    cr_assert_not(sweep.is_under_way, "the other's pass is as good as ours");
    cr_assert_eq(iscep_store_commit(other, NULL), ISCEP_OK);
    cr_assert_eq(forget_old(&sweep, &db), 1, "the newest stays");
    db.is_clock_right = false;
    sweep.is_under_way = false;
    db.now_unix_ms += 7200 * 1000;
    cr_assert_eq(iscep_sweep_begin(&sweep, &db, NULL), ISCEP_OK);
    cr_assert_not(sweep.is_under_way, "who knows how late it is");
    iscep_store_close(other);
    iscep_store_close(db.store);
}
