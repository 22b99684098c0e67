/* What is over is forgotten in time; what is owed, dead, open, or still valid is not. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "desk.h"
#include "revocation_desk.h"

#define DAY_MS (24ll * 3600 * 1000)

static desk d;

static void open_desk(int64_t retention_days, int64_t max_size_mb)
{
    desk_init(&d);
    d.options.retention_days = retention_days;
    d.options.max_size_mb = max_size_mb;
    d.tuning.sweep_interval_ms = 20;
    desk_start(&d);
}

static void tear_down(void)
{
    desk_close(&d);
}

TestSuite(sweep, .fini = tear_down);

static bool is_known(const char *transaction_id)
{
    ISCEP_AUTO_JSON *json = desk_trace(&d, ISCEP_TRACE_TRANSACTION, transaction_id, 1);
    return iscep_json_first(iscep_json_member(json, "enrolments")) != NULL;
}

/* The journal sweeps on a timer of real time; nothing else can be waited for. */
static void await_forgotten(const char *transaction_id)
{
    for (int i = 0; i < 2000 && is_known(transaction_id); i++)
        desk_flush(&d);
    cr_assert_not(is_known(transaction_id), "%s is still there", transaction_id);
}

static void report(const char *id, int64_t valid_days, iscep_delivery_end end)
{
    iscep_issued_record record = desk_cert(id, "csr", id);
    record.cert.not_after_unix = (d.world.unix_ms + valid_days * DAY_MS) / 1000;
    desk_report r = desk_issue(&d, &record);
    if (end != ISCEP_DELIVERY_POSTPONED)
        desk_settle(&d, r.report.delivery_id, end, "said");
}

Test(sweep, forgets_what_ended_long_ago_and_nothing_else)
{
    open_desk(30, 4096);
    desk_note(&d, "refused", "csr", ISCEP_EVENT_REFUSED, "no");
    report("expired", 1, ISCEP_DELIVERY_ACCEPTED);
    report("valid", 365, ISCEP_DELIVERY_ACCEPTED);
    report("owed", 1, ISCEP_DELIVERY_POSTPONED);
    report("dead", 1, ISCEP_DELIVERY_DEAD);
    report("revoking", 1, ISCEP_DELIVERY_ACCEPTED);
    desk_ask(&d, "ctx1", "revoking");
    desk_note(&d, "asks again", "csr", ISCEP_EVENT_REFUSED, "no");
    fake_env_advance(&d.world, 29 * DAY_MS);
    desk_note(&d, "asks again", "csr", ISCEP_EVENT_REFUSED, "no");
    fake_env_advance(&d.world, 2 * DAY_MS);
    desk_note(&d, "newest", "csr", ISCEP_EVENT_REFUSED, "no");
    desk_flush(&d);
    await_forgotten("expired");
    await_forgotten("refused");
    cr_assert(is_known("valid"));
    cr_assert(is_known("owed"));
    cr_assert(is_known("dead"));
    cr_assert(is_known("revoking"));
    cr_assert(is_known("asks again"));
    cr_assert(is_known("newest"));
    const iscep_enrolment_key key = desk_key("valid", "csr");
    cr_assert_not(iscep_journal_is_new(d.journal, &key));
    cr_assert_eq(desk_find(&d, "expired", "csr").has_cert, false);
    desk_report again = desk_issue_strict(&d, "expired", "csr", "01");
    desk_assert_report(again, ISCEP_REPORT_OWED, true);
}

Test(sweep, forgets_the_oldest_that_ended_when_the_file_is_too_large)
{
    if (test_postgres_is_there())
        cr_skip_test("a database's size is its keeper's affair");
    open_desk(36500, 1);
    char big[4000];
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)('a' + i % 26);
    big[sizeof big - 1] = '\0';
    report("owed", 1, ISCEP_DELIVERY_POSTPONED);
    for (int i = 0; i < 400; i++) {
        char id[16];
        snprintf(id, sizeof id, "t%d", i);
        const iscep_enrolment_key key = desk_key(id, "csr");
        iscep_journal_note(d.journal, &key,
                           &(iscep_journal_event){.kind = ISCEP_EVENT_REFUSED, .message = big});
        fake_env_advance(&d.world, 1000);
    }
    fake_env_advance(&d.world, 3600 * 1000);
    desk_note(&d, "newest", "csr", ISCEP_EVENT_REFUSED, "no");
    desk_flush(&d);
    await_forgotten("t0");
    cr_assert(is_known("owed"));
    cr_assert(is_known("newest"));
    cr_assert(is_known("t399"), "only as many as it takes");
}
