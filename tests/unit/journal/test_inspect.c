/* The life of an enrolment, as a person is shown it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "desk.h"
#include "journal/inspect_json.h"
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

TestSuite(inspect, .init = set_up, .fini = tear_down);

static int count_enrolments(iscep_trace_by by, const char *what, size_t limit)
{
    ISCEP_AUTO_JSON *json = desk_trace(&d, by, what, limit);
    int count = 0;
    for (const iscep_json *e = iscep_json_first(iscep_json_member(json, "enrolments")); e != NULL;
         e = iscep_json_next(e))
        count++;
    return count;
}

static void note_subject(const char *transaction_id, const char *subject)
{
    const iscep_enrolment_key key = desk_key(transaction_id, "csr");
    const iscep_journal_event event = {.kind = ISCEP_EVENT_VALIDATED, .subject = subject};
    iscep_journal_note(d.journal, &key, &event);
    desk_flush(&d);
}

Test(inspect, a_trace_tells_the_whole_life)
{
    desk_note(&d, "t1", "csr1", ISCEP_EVENT_VALIDATED, "Success");
    desk_report r = desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_postpone(&d, r.report.delivery_id, d.world.unix_ms + 60000);
    ISCEP_AUTO_JSON *json = desk_trace(&d, ISCEP_TRACE_TRANSACTION, "t1", 10);
    const iscep_json *e = iscep_json_first(iscep_json_member(json, "enrolments"));
    cr_assert_str_eq(iscep_json_text(e, "tenant"), DESK_TENANT);
    cr_assert_str_eq(iscep_json_text(e, "transactionId"), "t1");
    cr_assert_str_eq(iscep_json_text(e, "subject"), "CN=device.example");
    cr_assert_str_eq(iscep_json_text(e, "state"), "owed");
    cr_assert_str_eq(iscep_json_text(e, "firstAt"), "2026-11-18T11:06:40.000Z");
    cr_assert_eq(strlen(iscep_json_text(e, "csrSha256")), 64);
    const iscep_json *cert = iscep_json_first(iscep_json_member(e, "certificates"));
    cr_assert_str_eq(iscep_json_text(cert, "serialNumber"), "01AB");
    cr_assert_str_eq(iscep_json_text(cert, "state"), "owed");
    cr_assert_str_eq(iscep_json_text(cert, "notAfter"), "2027-11-18T11:06:40.000Z");
    cr_assert_str_eq(iscep_json_text(cert, "ca"), "main");
    const iscep_json *owed = iscep_json_first(iscep_json_member(e, "owed"));
    cr_assert_str_eq(iscep_json_text(owed, "code"), "network");
    cr_assert_str_eq(iscep_json_text(owed, "dueAt"), "2026-11-18T11:07:40.000Z");
    const iscep_json *event = iscep_json_first(iscep_json_member(e, "events"));
    cr_assert_str_eq(iscep_json_text(event, "event"), "validated");
    cr_assert_str_eq(iscep_json_text(event, "code"), "Success");
    cr_assert_not(iscep_json_is_true(json, "isMore"));
}

Test(inspect, a_trace_holds_no_csr)
{
    desk_issue_strict(&d, "t1", "a-challenge-in-a-csr", "01AB");
    ISCEP_AUTO_JSON *json = desk_trace(&d, ISCEP_TRACE_TRANSACTION, "t1", 10);
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, 65536);
    cr_assert_eq(iscep_json_emit(&text, json, NULL), ISCEP_OK);
    cr_assert_null(strstr(iscep_buf_text(&text), "challenge"));
}

Test(inspect, a_transaction_id_and_a_serial_number_are_compared_whole)
{
    desk_issue_strict(&d, "t1", "csr1", "01AB");
    desk_issue_strict(&d, "t1", "csr2", "02CD");
    cr_assert_eq(count_enrolments(ISCEP_TRACE_TRANSACTION, "t1", 10), 2);
    cr_assert_eq(count_enrolments(ISCEP_TRACE_TRANSACTION, "t", 10), 0);
    cr_assert_eq(count_enrolments(ISCEP_TRACE_TRANSACTION, "T1", 10), 0);
    cr_assert_eq(count_enrolments(ISCEP_TRACE_SERIAL, "01AB", 10), 1);
    cr_assert_eq(count_enrolments(ISCEP_TRACE_SERIAL, "01A", 10), 0);
}

Test(inspect, a_subject_is_found_by_a_part_of_it)
{
    note_subject("t1", "CN=Anna's iPad,O=Contoso");
    note_subject("t2", "CN=100%_sure");
    cr_assert_eq(count_enrolments(ISCEP_TRACE_SUBJECT, "anna'S", 10), 1);
    cr_assert_eq(count_enrolments(ISCEP_TRACE_SUBJECT, "cn=", 10), 2);
    cr_assert_eq(count_enrolments(ISCEP_TRACE_SUBJECT, "%", 10), 1, "no wildcard");
    cr_assert_eq(count_enrolments(ISCEP_TRACE_SUBJECT, "_", 10), 1);
    cr_assert_eq(count_enrolments(ISCEP_TRACE_SUBJECT, "\\", 10), 0);
    cr_assert_eq(count_enrolments(ISCEP_TRACE_SUBJECT, "bob", 10), 0);
}

Test(inspect, the_newest_come_first_and_the_rest_is_said)
{
    for (int i = 0; i < 5; i++) {
        char subject[32], id[8];
        snprintf(id, sizeof id, "t%d", i);
        snprintf(subject, sizeof subject, "CN=device-%d", i);
        note_subject(id, subject);
    }
    ISCEP_AUTO_JSON *json = desk_trace(&d, ISCEP_TRACE_SUBJECT, "device", 2);
    const iscep_json *first = iscep_json_first(iscep_json_member(json, "enrolments"));
    cr_assert_str_eq(iscep_json_text(first, "transactionId"), "t4");
    cr_assert_str_eq(iscep_json_text(iscep_json_next(first), "transactionId"), "t3");
    cr_assert_null(iscep_json_next(iscep_json_next(first)));
    cr_assert(iscep_json_is_true(json, "isMore"));
}

Test(inspect, figures_tell_how_the_journal_is)
{
    desk_issue_strict(&d, "t1", "csr1", "01");
    desk_report dead = desk_issue_strict(&d, "t2", "csr2", "02");
    desk_settle(&d, dead.report.delivery_id, ISCEP_DELIVERY_DEAD, "too_old");
    desk_ask(&d, "ctx1", "01");
    ISCEP_AUTO_JSON *json = desk_stats(&d);
    static const struct {
        const char *name;
        int64_t number;
    } expected[] = {{"schemaVersion", 2}, {"enrolments", 2}, {"certificates", 2},
                    {"owed", 1},          {"dead", 1},       {"revocationsOpen", 1}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        int64_t number = -1;
        cr_assert(iscep_json_int(json, expected[i].name, &number), "%s", expected[i].name);
        cr_assert_eq(number, expected[i].number, "%s", expected[i].name);
    }
    int64_t bytes = 0;
    cr_assert(iscep_json_int(json, "sizeBytes", &bytes));
    cr_assert_gt(bytes, 4096);
    cr_assert_str_eq(iscep_json_text(json, "path"), d.options.database == NULL ? d.path : "PostgreSQL");
    cr_assert_str_eq(iscep_json_text(json, "oldestOwedAt"), "2026-11-18T11:06:40.000Z");
    cr_assert(iscep_json_is_true(json, "isHealthy"));
    cr_assert_null(iscep_json_text(json, "reason"));
}

/* Nobody is told that it was reported, or revoked, because a newer program has a word for it that we do not know. */
Test(inspect, a_state_that_is_none_of_ours_is_unknown)
{
    cr_assert_str_eq(iscep_delivery_state_name(ISCEP_DELIVERY_IS_DONE), "reported");
    cr_assert_str_eq(iscep_delivery_state_name((iscep_delivery_state)0), "unknown");
    cr_assert_str_eq(iscep_delivery_state_name((iscep_delivery_state)6), "unknown");
    cr_assert_str_eq(iscep_revocation_state_name(0), "unknown");
    cr_assert_str_eq(iscep_revocation_state_name(-1), "unknown");
    cr_assert_str_eq(iscep_revocation_state_name(99), "unknown");
}

/* --- several tenants --- */

static int64_t issue_for(const char *tenant, const char *serial)
{
    iscep_issued_record record = desk_cert("t1", "csr1", serial);
    record.key.tenant = tenant;
    const desk_report r = desk_issue(&d, &record);
    cr_assert_eq(r.status, ISCEP_OK, "%s", r.error);
    return r.report.delivery_id;
}

static void assert_numbers(const iscep_json *json, const char *list, int count, const char *name,
                           int64_t want)
{
    int found = 0;
    int64_t number = -1;
    for (const iscep_json *at = iscep_json_first(iscep_json_member(json, list)); at != NULL;
         at = iscep_json_next(at)) {
        if (d.only_tenant != NULL)
            cr_assert_str_eq(iscep_json_text(at, "tenant"), d.only_tenant);
        found++;
    }
    cr_assert_eq(found, count, "%s of %s", list, d.only_tenant);
    cr_assert(iscep_json_int(json, name, &number));
    cr_assert_eq(number, want, "%s of %s", name, d.only_tenant);
}

Test(inspect, the_same_request_in_two_tenants_is_two_and_each_can_be_looked_at_alone)
{
    issue_for(DESK_TENANT, "01AB");
    issue_for("fabrikam", "01AB");
    static const struct {
        const char *tenant;
        int count;
    } cases[] = {{NULL, 2}, {DESK_TENANT, 1}, {"fabrikam", 1}, {"fabrika", 0}, {"", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        d.only_tenant = cases[i].tenant;
        cr_assert_eq(count_enrolments(ISCEP_TRACE_TRANSACTION, "t1", 10), cases[i].count);
        cr_assert_eq(count_enrolments(ISCEP_TRACE_SERIAL, "01AB", 10), cases[i].count);
        cr_assert_eq(count_enrolments(ISCEP_TRACE_SUBJECT, "device", 10), cases[i].count);
    }
}

Test(inspect, what_is_owed_and_dead_is_each_tenants_own)
{
    desk_settle(&d, issue_for(DESK_TENANT, "01AB"), ISCEP_DELIVERY_DEAD, "network");
    const int64_t foreign = issue_for("fabrikam", "01AC");
    static const struct {
        const char *tenant;
        int open, dead;
    } cases[] = {{NULL, 2, 1}, {DESK_TENANT, 1, 1}, {"fabrikam", 1, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        d.only_tenant = cases[i].tenant;
        ISCEP_AUTO_JSON *all = desk_list_deliveries(&d, 0, false, 10);
        ISCEP_AUTO_JSON *dead = desk_list_deliveries(&d, 0, true, 10);
        assert_numbers(all, "deliveries", cases[i].open, "dead", cases[i].dead);
        assert_numbers(dead, "deliveries", cases[i].dead, "owed", cases[i].open - cases[i].dead);
    }
    d.only_tenant = DESK_TENANT;
    ISCEP_AUTO_JSON *hidden = desk_list_deliveries(&d, foreign, false, 1);
    assert_numbers(hidden, "deliveries", 0, "dead", 1);
}

Test(inspect, revocations_are_each_tenants_own)
{
    desk_withhold(&d, issue_for(DESK_TENANT, "01AB"), true);
    desk_withhold(&d, issue_for("fabrikam", "01AC"), true);
    static const char *const tenants[] = {DESK_TENANT, "fabrikam"};
    for (size_t i = 0; i < 2; i++) {
        d.only_tenant = tenants[i];
        ISCEP_AUTO_JSON *open = desk_list_revocations(&d, true, 10);
        ISCEP_AUTO_JSON *all = desk_list_revocations(&d, false, 10);
        assert_numbers(open, "revocations", 1, "waiting", 1);
        assert_numbers(all, "revocations", 1, "waiting", 1);
    }
    d.only_tenant = NULL;
    ISCEP_AUTO_JSON *both = desk_list_revocations(&d, true, 10);
    assert_numbers(both, "revocations", 2, "waiting", 2);
}

Test(inspect, a_person_changes_nothing_of_another_tenant)
{
    const int64_t own = issue_for(DESK_TENANT, "01AB"), foreign = issue_for("fabrikam", "01AC");
    const int64_t both[] = {own, foreign};
    desk_settle(&d, own, ISCEP_DELIVERY_DEAD, "network");
    desk_settle(&d, foreign, ISCEP_DELIVERY_DEAD, "network");
    d.only_tenant = DESK_TENANT;
    cr_assert_eq(desk_retry(&d, NULL, 0).count, 1, "all of that tenant");
    cr_assert_eq(desk_retry(&d, &foreign, 1).count, 0);
    cr_assert_eq(desk_purge(&d, both, 2).count, 0, "one is owed again, the other is not theirs");
    d.only_tenant = NULL;
    cr_assert_eq(desk_purge(&d, NULL, 0).count, 1);
}

/* --- what a monitor asks --- */

static void assert_total(const iscep_json *totals, const char *name, int64_t expected)
{
    int64_t number = -1;
    cr_assert(iscep_json_int(totals, name, &number), "%s", name);
    cr_assert_eq(number, expected, "%s: %lld", name, (long long)number);
}

/* Two owed, of which one is leased; one dead, one done; two revocations waiting, and one that can be answered. */
static void make_open_ones(void)
{
    desk_postpone(&d, desk_issue_strict(&d, "t1", "csr1", "01").report.delivery_id, d.world.unix_ms + 1000);
    fake_env_advance(&d.world, 5000);
    desk_issue_strict(&d, "t2", "csr2", "02");
    desk_settle(&d, desk_issue_strict(&d, "t3", "csr3", "03").report.delivery_id, ISCEP_DELIVERY_DEAD,
                "too_old");
    desk_settle(&d, desk_issue_strict(&d, "t4", "csr4", "04").report.delivery_id, ISCEP_DELIVERY_ACCEPTED,
                "Success");
    desk_ask(&d, "ctx1", "04");
    const desk_work work = desk_claim_revocations(&d, 1);
    const iscep_revocation_outcome outcome = {.state = ISCEP_REVOCATION_ANSWERABLE, .is_revoked = true};
    cr_assert_eq(desk_settle_revocation(&d, work.ids[0], &outcome).status, ISCEP_OK);
    desk_ask(&d, "ctx2", "01");
    desk_ask(&d, "ctx3", "02");
}

Test(inspect, totals_say_what_is_open)
{
    make_open_ones();
    ISCEP_AUTO_JSON *totals = desk_totals(&d, DESK_TENANT);
    assert_total(totals, "owed", 2);
    assert_total(totals, "dead", 1);
    cr_assert_str_eq(iscep_json_text(totals, "oldestOwedAt"), "2026-11-18T11:06:40.000Z");
    assert_total(totals, "waiting", 2);
    assert_total(totals, "held", 0);
    assert_total(totals, "answerable", 1);
    int64_t bytes = 0;
    cr_assert(iscep_json_int(totals, "sizeBytes", &bytes));
    cr_assert_gt(bytes, 4096);
}

Test(inspect, totals_hold_nothing_of_another_tenant)
{
    static const char *const names[] = {"owed", "dead", "waiting", "held", "answerable"};
    make_open_ones();
    ISCEP_AUTO_JSON *totals = desk_totals(&d, "fabrikam");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_total(totals, names[i], 0);
    cr_assert_null(iscep_json_text(totals, "oldestOwedAt"));
}

Test(inspect, totals_see_what_the_storm_guard_holds)
{
    make_open_ones();
    desk_hold(&d, true);
    ISCEP_AUTO_JSON *totals = desk_totals(&d, DESK_TENANT);
    assert_total(totals, "waiting", 0);
    assert_total(totals, "held", 2);
    assert_total(totals, "answerable", 1);
}
