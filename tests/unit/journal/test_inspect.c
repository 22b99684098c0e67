/* The life of an enrolment, as a person is shown it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

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
    } expected[] = {{"schemaVersion", 1}, {"enrolments", 2}, {"certificates", 2},
                    {"owed", 1},          {"dead", 1},       {"revocationsOpen", 1}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        int64_t number = -1;
        cr_assert(iscep_json_int(json, expected[i].name, &number), "%s", expected[i].name);
        cr_assert_eq(number, expected[i].number, "%s", expected[i].name);
    }
    int64_t bytes = 0;
    cr_assert(iscep_json_int(json, "sizeBytes", &bytes));
    cr_assert_gt(bytes, 4096);
    cr_assert_str_eq(iscep_json_text(json, "path"), d.path);
    cr_assert_str_eq(iscep_json_text(json, "oldestOwedAt"), "2026-11-18T11:06:40.000Z");
    cr_assert(iscep_json_is_true(json, "isHealthy"));
    cr_assert_null(iscep_json_text(json, "reason"));
}
