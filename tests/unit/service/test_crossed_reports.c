/*
 * Two decide about one report at the same time, as two nodes do that share a journal: what is on disk first counts. The other node is played
 * by the test, which settles and withholds in the journal itself.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "journal/deliveries.h"
#include "journal/schema.h"
#include "journal/store.h"
#include "tests/support/test_pki.h"
#include "tests/unit/service/service_world.h"

enum { FIRST = SERVICE_WORLD_FIRST_CALL, PATIENT_MS = 20000, IMPATIENT_MS = 400 };

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

TestSuite(crossed_reports, .init = set_up, .fini = tear_down);

/* --- the other node --- */

static int64_t ask_journal(const char *sql)
{
    iscep_store *store = NULL;
    iscep_rows *rows = NULL;
    bool has_row = false;
    cr_assert_eq(iscep_store_open_sqlite(&store, w.journal_path, ISCEP_STORE_READ, NULL), ISCEP_OK);
    cr_assert_eq(iscep_store_query_params(&rows, store, sql, NULL, 0, NULL), ISCEP_OK);
    cr_assert_eq(iscep_rows_next(rows, &has_row, NULL), ISCEP_OK);
    int64_t number = has_row ? iscep_rows_number(rows, 0) : -1;
    iscep_rows_close(rows);
    iscep_store_close(store);
    return number;
}

typedef struct other_word {
    iscep_report_state wanted;
    bool is_said;
} other_word;

static void on_other(void *user, iscep_status status, const iscep_report *report, const iscep_error *err)
{
    other_word *word = user;
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    cr_assert_eq(report->state, word->wanted);
    word->is_said = true;
}

static bool is_said(void *user)
{
    return ((const other_word *)user)->is_said;
}

static void accept_elsewhere(void)
{
    other_word word = {.wanted = ISCEP_REPORT_DONE};
    const iscep_delivery_outcome accepted = {.end = ISCEP_DELIVERY_ACCEPTED,
                                             .fence = ask_journal("SELECT fence FROM delivery"),
                                             .code = "Success"};
    iscep_journal_settle_delivery(w.journal, 1, &accepted, on_other, &word);
    service_world_await(&w, is_said, &word);
}

static void withhold_elsewhere(void)
{
    other_word word = {.wanted = ISCEP_REPORT_WITHHELD};
    iscep_journal_withhold(w.journal, 1, ask_journal("SELECT fence FROM delivery"), "certificate_withheld",
                           "too late", false, on_other, &word);
    service_world_await(&w, is_said, &word);
}

static iscep_store *open_beside(void)
{
    iscep_store *store = NULL;
    cr_assert_eq(iscep_store_open_sqlite(&store, w.journal_path, ISCEP_STORE_WRITE, NULL), ISCEP_OK);
    return store;
}

/* Whatever is recorded from now on: before anything else is asked of it. */
static void accept_at_once(void)
{
    iscep_store *other = open_beside();
    cr_assert_eq(iscep_store_run_script(other,
                                        "CREATE TRIGGER other AFTER INSERT ON delivery"
                                        " BEGIN UPDATE delivery SET state = 2 WHERE id = NEW.id; END",
                                        NULL),
                 ISCEP_OK);
    iscep_store_close(other);
}

/* --- an attempt under way --- */

static void report_until_intune_is_asked(int64_t timeout_ms)
{
    service_world_open(&w);
    service_world_validate(&w);
    service_world_report(&w, &w.cert, timeout_ms, &caught);
    service_world_await_calls(&w, FIRST + 1);
}

Test(crossed_reports, what_intune_has_accepted_of_another_is_delivered_whatever_it_says_now)
{
    report_until_intune_is_asked(PATIENT_MS);
    accept_elsewhere();
    fake_http_answer_call(&w.cloud.http, FIRST, 200, REFUSAL);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DELIVER, "already_reported");
    cr_assert_str_eq(service_world_events(&w), "validated issued reported");
}

Test(crossed_reports, what_another_has_withheld_is_not_delivered_when_intune_accepts_it)
{
    report_until_intune_is_asked(PATIENT_MS);
    withhold_elsewhere();
    fake_http_answer_call(&w.cloud.http, FIRST, 200, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DENY, "certificate_withheld");
    cr_assert_str_eq(service_world_events(&w), "validated issued withheld reported_late");
}

/* --- giving up --- */

/* He waits for an attempt that goes on for longer than he does. */
Test(crossed_reports, what_another_has_told_is_not_given_up)
{
    caught_answer impatient;
    service_world_configure_ca(&w);
    report_until_intune_is_asked(PATIENT_MS);
    service_world_report(&w, &w.cert, IMPATIENT_MS, &impatient);
    service_world_await_journal(&w);
    accept_elsewhere();
    service_world_await_answer(&w, &impatient);
    assert_answered(&impatient, ISCEP_DELIVER, "already_reported");
    cr_assert_not_null(strstr(fake_env_log(&w.cloud.env), "certificate_withheld"), "which he wanted");
    cr_assert_eq(service_world_revocations(&w), 0);
    cr_assert_eq(w.withheld, 0);
}

/* Whether it is given up is not on disk yet: neither may be said. */
Test(crossed_reports, who_gives_up_while_the_journal_is_slow_is_told_to_ask_again)
{
    service_world_configure_ca(&w);
    report_until_intune_is_asked(IMPATIENT_MS);
    iscep_store *other = open_beside();
    cr_assert_eq(iscep_store_begin(other, ISCEP_STORE_DURABLE, NULL), ISCEP_OK);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_RETRY, "report_pending");
    cr_assert_eq(ask_journal("SELECT state FROM delivery"), ISCEP_DELIVERY_IS_OWED);
    iscep_store_close(other);
    service_world_await_journal(&w);
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DENY, "certificate_withheld");
    cr_assert_eq(service_world_revocations(&w), 1);
}

/* The certificate stays withheld: that was asked of the journal, and is carried out. */
Test(crossed_reports, what_is_given_up_when_the_process_ends_is_given_up)
{
    service_world_configure_ca(&w);
    report_until_intune_is_asked(IMPATIENT_MS);
    iscep_store *other = open_beside();
    cr_assert_eq(iscep_store_begin(other, ISCEP_STORE_DURABLE, NULL), ISCEP_OK);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_RETRY, "report_pending");
    iscep_store_close(other);
    service_world_close(&w);
    cr_assert_eq(ask_journal("SELECT state FROM delivery"), ISCEP_DELIVERY_IS_WITHHELD);
    cr_assert_eq(ask_journal("SELECT COUNT(*) FROM revocation"), 1);
}

/* --- a journal that is slow --- */

Test(crossed_reports, what_is_recorded_too_late_for_its_caller_is_owed_all_the_same)
{
    service_world_open(&w);
    service_world_validate(&w);
    service_world_await_journal(&w);
    iscep_store *other = open_beside();
    cr_assert_eq(iscep_store_begin(other, ISCEP_STORE_DURABLE, NULL), ISCEP_OK);
    service_world_report(&w, &w.cert, IMPATIENT_MS, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_RETRY, "journal_slow");
    cr_assert_eq(w.cloud.http.count, FIRST, "what is not on disk is not told");
    iscep_store_close(other);
    service_world_await_calls(&w, FIRST + 1);
    fake_http_answer_call(&w.cloud.http, FIRST, 200, WORLD_SUCCESS);
    service_world_await_journal(&w);
    cr_assert_str_eq(service_world_events(&w), "validated issued reported");
}

/* --- what is refused as soon as it is recorded --- */

Test(crossed_reports, one_never_validated_stays_refused)
{
    w.options.reporting.is_unvalidated_refused = true;
    service_world_open(&w);
    service_world_warm(&w);
    accept_at_once();
    service_world_report(&w, &w.cert, PATIENT_MS, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DENY, "never_validated");
    cr_assert_eq(w.cloud.http.count, FIRST);
}

Test(crossed_reports, one_that_is_not_what_was_granted_stays_refused)
{
    iscep_buf other;
    iscep_buf_init(&other, 64 * 1024);
    test_pki_emit_cert(&other, &(test_cert_options){.key = w.key, .dns_name = "admin.example"});
    service_world_open(&w);
    service_world_validate(&w);
    accept_at_once();
    iscep_service_request request = service_world_request(&w);
    request.is_delivered_anyway = true;
    caught = (caught_answer){0};
    cr_assert_eq(iscep_service_report_issued(w.service, &request, iscep_buf_bytes(&other), catch_answer,
                                             &caught, NULL),
                 ISCEP_OK);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DENY, "certificate_san_added");
    cr_assert_eq(w.cloud.http.count, FIRST);
    iscep_buf_clear(&other);
}
