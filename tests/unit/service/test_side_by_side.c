/*
 * Two services of one tenant on one journal: two workers, or the configurations before and after a reload. Nothing is done
 * twice, nobody waits for what has ended, and what one leaves the other takes up.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "journal/store.h"
#include "tests/unit/service/service_world.h"

enum { FIRST = SERVICE_WORLD_FIRST_CALL, OWED = 3 };

static service_world w;
static iscep_intune *other_intune;
static iscep_service *other;
static caught_answer caught, other_caught;

static void set_up(void)
{
    service_world_init(&w);
}

static void open_other(void)
{
    const iscep_env *env = &w.cloud.env.env;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(
        iscep_intune_new(&other_intune, env, w.cloud.loop, &w.cloud.http.base, &w.cloud.tenant, &err),
        ISCEP_OK, "%s", err.message);
    iscep_intune_inherit(other_intune, w.intune);
    cr_assert_eq(iscep_service_new(&other, env, other_intune, w.journal, &w.routing, &w.options, &err),
                 ISCEP_OK, "%s", err.message);
}

static void close_other(void)
{
    iscep_intune_free(other_intune);
    iscep_service_free(other);
    other_intune = NULL;
    other = NULL;
}

/* As the daemon ends what was before a reload. */
static void close_first(void)
{
    iscep_intune_free(w.intune);
    iscep_service_free(w.service);
    w.intune = NULL;
    w.service = NULL;
}

static void tear_down(void)
{
    close_other();
    service_world_clear(&w);
}

TestSuite(side_by_side, .init = set_up, .fini = tear_down);

static void open_both(void)
{
    service_world_open(&w);
    service_world_validate(&w);
    open_other();
    service_world_await_journal(&w); /* it has looked for what is owed */
}

static void report_to_other(int64_t timeout_ms)
{
    iscep_service_request request = service_world_request(&w);
    iscep_error err = ISCEP_ERROR_INIT;
    other_caught = (caught_answer){0};
    request.deadline_mono_ms = w.cloud.env.mono_ms + timeout_ms;
    cr_assert_eq(iscep_service_report_issued(other, &request, iscep_buf_bytes(&w.cert), catch_answer,
                                             &other_caught, &err),
                 ISCEP_OK, "%s", err.message);
}

/* The same report to both; the first one's is under way, and the other's waits for it. */
static void report_to_both(void)
{
    service_world_report(&w, &w.cert, 20000, &caught);
    service_world_await_calls(&w, FIRST + 1);
    report_to_other(20000);
    service_world_await_journal(&w);
    cr_assert_eq(other_caught.count, 0);
    cr_assert_eq(w.cloud.http.count, FIRST + 1, "Intune is told once");
}

/* --- two workers --- */

Test(side_by_side, who_waits_for_the_other_ones_attempt_is_answered_when_it_ends)
{
    open_both();
    report_to_both();
    fake_http_answer_call(&w.cloud.http, FIRST, 200, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
    service_world_await_answer(&w, &other_caught);
    assert_answered(&other_caught, ISCEP_DELIVER, "already_reported");
    cr_assert_eq(w.cloud.http.count, FIRST + 1);
}

Test(side_by_side, a_refusal_is_the_answer_of_both)
{
    open_both();
    report_to_both();
    fake_http_answer_call(&w.cloud.http, FIRST, 200, "{\"code\":\"Unknown\",\"errorDescription\":\"no\"}");
    service_world_await_answer(&w, &other_caught);
    assert_answered(&caught, ISCEP_DENY, "Unknown");
    assert_answered(&other_caught, ISCEP_DENY, "Unknown");
}

Test(side_by_side, who_waits_is_told_that_the_other_ones_attempt_was_in_vain)
{
    open_both();
    report_to_both();
    fake_http_answer_bytes(&w.cloud.http, FIRST, 429, 60000, iscep_bytes_of_text("{}"));
    service_world_await_answer(&w, &other_caught);
    assert_answered(&other_caught, ISCEP_RETRY, "report_pending");
    cr_assert_eq(other_caught.verdict.retry_after_ms, 60000);
    cr_assert_not_null(strstr(other_caught.verdict.message, "throttled"), "%s", other_caught.verdict.message);
}

/* The first gives the certificate up while the other's caller would still wait. */
Test(side_by_side, what_one_withholds_the_other_does_not_deliver)
{
    service_world_configure_ca(&w);
    open_both();
    service_world_report(&w, &w.cert, 200, &caught);
    service_world_await_calls(&w, FIRST + 1);
    report_to_other(20000);
    service_world_await_answer(&w, &caught); /* the deadline; Intune has not answered */
    assert_answered(&caught, ISCEP_DENY, "certificate_withheld");
    service_world_await_answer(&w, &other_caught);
    assert_answered(&other_caught, ISCEP_DENY, "certificate_withheld");
    cr_assert_eq(service_world_revocations(&w), 1);
}

Test(side_by_side, what_is_owed_is_delivered_by_one_of_them)
{
    w.options.reporting.is_deferred = true;
    open_both();
    service_world_report(&w, &w.cert, 20000, &caught);
    service_world_await_calls(&w, FIRST + 1);
    for (int i = 0; i < 3; i++) {
        iscep_service_wake(w.service);
        iscep_service_wake(other);
        service_world_await_journal(&w);
    }
    cr_assert_eq(w.cloud.http.count, FIRST + 1);
}

/* --- a failover has lost the report, and its id is another's by now, of which Intune has taken note --- */

static void give_the_id_to_another(void)
{
    iscep_store *store = NULL;
    cr_assert_eq(iscep_store_open_sqlite(&store, w.journal_path, ISCEP_STORE_WRITE, NULL), ISCEP_OK);
    cr_assert_eq(iscep_store_run(store, NULL,
                                 "UPDATE delivery SET state = 2, leased_until_ms = 0, fence = fence + $1",
                                 iscep_number(INT64_C(1) << ISCEP_FENCE_CLAIM_BITS)),
                 ISCEP_OK);
    iscep_store_close(store);
}

static void assert_it_is_as_it_was(void)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_store *store = NULL;
    bool has_row = false;
    cr_assert_eq(iscep_store_open_sqlite(&store, w.journal_path, ISCEP_STORE_READ, NULL), ISCEP_OK);
    cr_assert_eq(iscep_store_query(&rows, store, NULL,
                                   "SELECT 1 FROM delivery WHERE state = $1 AND attempts = 0"
                                   " AND is_revocation_asked = 0",
                                   iscep_number(2)),
                 ISCEP_OK);
    cr_assert_eq(iscep_rows_next(rows, &has_row, NULL), ISCEP_OK);
    cr_assert(has_row);
    iscep_rows_close(rows);
    rows = NULL;
    iscep_store_close(store);
}

static void wait_for_what_is_lost(void)
{
    open_both();
    service_world_report(&w, &w.cert, 20000, &caught);
    service_world_await_calls(&w, FIRST + 1);
    report_to_other(600);
    service_world_await_journal(&w);
    cr_assert_eq(other_caught.count, 0);
    give_the_id_to_another();
    service_world_await_answer(&w, &other_caught); /* his time is over */
}

Test(side_by_side, what_became_of_another_report_is_not_what_he_waits_for)
{
    wait_for_what_is_lost();
    assert_answered(&other_caught, ISCEP_RETRY, "report_pending");
    fake_http_answer_call(&w.cloud.http, FIRST, 200, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_RETRY, "delivery_unknown");
    assert_it_is_as_it_was();
}

Test(side_by_side, another_report_is_not_withheld)
{
    service_world_configure_ca(&w);
    wait_for_what_is_lost();
    assert_answered(&other_caught, ISCEP_RETRY, "delivery_unknown");
    cr_assert_eq(service_world_revocations(&w), 0);
    assert_it_is_as_it_was();
}

static void lose_everything(void)
{
    iscep_store *store = NULL;
    cr_assert_eq(iscep_store_open_sqlite(&store, w.journal_path, ISCEP_STORE_WRITE, NULL), ISCEP_OK);
    cr_assert_eq(iscep_store_run_script(store,
                                        "DELETE FROM owed_csr; DELETE FROM certificate; DELETE FROM event;"
                                        " DELETE FROM delivery; DELETE FROM enrolment",
                                        NULL),
                 ISCEP_OK);
    iscep_store_close(store);
}

static void report_next(void)
{
    iscep_service_request request = service_world_request(&w);
    iscep_error err = ISCEP_ERROR_INIT;
    request.transaction_id = iscep_bytes_of_text("next");
    other_caught = (caught_answer){0};
    cr_assert_eq(iscep_service_report_issued(w.service, &request, iscep_buf_bytes(&w.cert2), catch_answer,
                                             &other_caught, &err),
                 ISCEP_OK, "%s", err.message);
}

/* Both have the same number, at the same service. */
Test(side_by_side, each_has_an_attempt_of_his_own_and_hears_of_no_other)
{
    open_both();
    service_world_report(&w, &w.cert, 20000, &caught);
    service_world_await_calls(&w, FIRST + 1);
    lose_everything();
    report_next();
    service_world_await_calls(&w, FIRST + 2);
    fake_http_answer_call(&w.cloud.http, FIRST, 200, WORLD_SUCCESS);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_RETRY, "delivery_unknown");
    cr_assert_eq(other_caught.count, 0);
    fake_http_answer_call(&w.cloud.http, FIRST + 1, 200, WORLD_SUCCESS);
    service_world_await_answer(&w, &other_caught);
    assert_answered(&other_caught, ISCEP_ALLOW, "Success");
}

/* --- one ends --- */

static bool is_pending_read(void *user)
{
    (void)user;
    return caught.count > 0;
}

Test(side_by_side, one_may_end_while_its_caller_waits_for_the_other)
{
    open_both();
    report_to_both();
    close_other();
    cr_assert_eq(other_caught.count, 1);
    assert_answered(&other_caught, ISCEP_RETRY, "shutting_down");
    fake_http_answer_call(&w.cloud.http, FIRST, 200, WORLD_SUCCESS);
    service_world_await(&w, is_pending_read, NULL);
    service_world_await_journal(&w);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
}

static iscep_status verify_at(iscep_service *service, const char *id, caught_answer *answer, iscep_error *err)
{
    iscep_service_request request = service_world_request(&w);
    request.transaction_id = iscep_bytes_of_text(id);
    *answer = (caught_answer){0};
    *err = (iscep_error)ISCEP_ERROR_INIT;
    return iscep_service_verify(service, &request, catch_answer, answer, err);
}

static void assert_turned_away(iscep_service *service)
{
    caught_answer answer;
    iscep_error err;
    cr_assert_eq(verify_at(service, "one-too-many", &answer, &err), ISCEP_THROTTLED);
    cr_assert_str_eq(err.code, "too_many_requests_of_tenant");
    cr_assert_eq(err.retry_after_ms, 1000);
    cr_assert_eq(answer.count, 0);
}

Test(side_by_side, a_tenants_requests_are_counted_on_all_workers_together)
{
    iscep_crowd crowd = {.max = 2};
    iscep_error err;
    w.options.crowd = &crowd;
    open_both();
    cr_assert_eq(verify_at(w.service, "first", &caught, &err), ISCEP_OK);
    cr_assert_eq(verify_at(other, "second", &other_caught, &err), ISCEP_OK);
    assert_turned_away(w.service);
    assert_turned_away(other);
    fake_http_answer_call(&w.cloud.http, FIRST, 200, WORLD_SUCCESS);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
    cr_assert_eq(verify_at(other, "third", &caught, &err), ISCEP_OK);
    assert_turned_away(w.service);
    close_other(); /* whoever waits there is answered */
    cr_assert_eq(crowd.count, 0);
}

Test(side_by_side, who_waits_is_counted_without_a_limit_too)
{
    iscep_crowd crowd = {.max = 0};
    iscep_error err;
    w.options.crowd = &crowd;
    open_both();
    cr_assert_eq(verify_at(w.service, "first", &caught, &err), ISCEP_OK);
    cr_assert_eq(verify_at(other, "second", &other_caught, &err), ISCEP_OK);
    cr_assert_eq(crowd.count, 2);
    fake_http_answer_call(&w.cloud.http, FIRST, 200, WORLD_SUCCESS);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
    cr_assert_eq(crowd.count, 1);
    close_other();
    cr_assert_eq(crowd.count, 0);
}

Test(side_by_side, what_is_wrong_does_not_stay_in_the_crowd)
{
    iscep_crowd crowd = {.max = 1};
    iscep_error err;
    w.options.crowd = &crowd;
    open_both();
    cr_assert_eq(verify_at(w.service, "\n", &caught, &err), ISCEP_USAGE);
    cr_assert_eq(verify_at(w.service, "right", &caught, &err), ISCEP_OK);
    cr_assert_eq(crowd.count, 1);
}

/* step-ca says it once: nobody may turn it away. */
Test(side_by_side, a_report_of_what_is_delivered_anyway_is_taken_in_a_full_house)
{
    iscep_crowd crowd = {.max = 1};
    iscep_error err;
    w.options.crowd = &crowd;
    open_both();
    cr_assert_eq(verify_at(w.service, "first", &caught, &err), ISCEP_OK);
    iscep_service_request request = service_world_request(&w);
    request.is_delivered_anyway = true;
    other_caught = (caught_answer){0};
    cr_assert_eq(iscep_service_report_issued(other, &request, iscep_buf_bytes(&w.cert), catch_answer,
                                             &other_caught, &err),
                 ISCEP_OK, "%s", err.message);
    service_world_await_answer(&w, &other_caught);
    assert_answered(&other_caught, ISCEP_DELIVER, "report_queued");
}

/* --- before and after a reload --- */

Test(side_by_side, a_retired_one_ends_what_is_under_way_and_is_idle_then)
{
    open_both();
    cr_assert(iscep_service_is_idle(w.service));
    service_world_report(&w, &w.cert, 20000, &caught);
    service_world_await_calls(&w, FIRST + 1);
    iscep_service_retire(w.service);
    cr_assert_not(iscep_service_is_idle(w.service));
    fake_http_answer_call(&w.cloud.http, FIRST, 200, WORLD_SUCCESS);
    cr_assert_not(iscep_service_is_idle(w.service), "the journal has yet to take it down");
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
    service_world_await_journal(&w);
    cr_assert(iscep_service_is_idle(w.service));
}

Test(side_by_side, a_request_under_way_keeps_a_retired_one_busy)
{
    open_both();
    iscep_service_request request = service_world_request(&w);
    iscep_error err = ISCEP_ERROR_INIT;
    caught = (caught_answer){0};
    request.transaction_id = iscep_bytes_of_text("another");
    cr_assert_eq(iscep_service_verify(w.service, &request, catch_answer, &caught, &err), ISCEP_OK);
    iscep_service_retire(w.service);
    cr_assert_not(iscep_service_is_idle(w.service));
    fake_http_answer_call(&w.cloud.http, FIRST, 200, WORLD_SUCCESS);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
    cr_assert(iscep_service_is_idle(w.service));
}

static void owe(iscep_service *service, unsigned number)
{
    char id[16];
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_service_request request = service_world_request(&w);
    snprintf(id, sizeof id, "owed-%u", number);
    request.transaction_id = iscep_bytes_of_text(id);
    caught = (caught_answer){0};
    cr_assert_eq(
        iscep_service_report_issued(service, &request, iscep_buf_bytes(&w.cert), catch_answer, &caught, &err),
        ISCEP_OK, "%s", err.message);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DELIVER, "report_queued");
}

Test(side_by_side, a_retired_one_begins_nothing_that_waits)
{
    w.options.reporting.is_deferred = true;
    w.options.reporting.max_in_flight = 1;
    w.cloud.tenant.breaker.failures = 100;
    open_both();
    close_other();
    owe(w.service, 0);
    service_world_await_calls(&w, FIRST + 1);
    w.cloud.env.is_random_broken = true; /* no second try within the attempt */
    fake_http_answer_call(&w.cloud.http, FIRST, 500, "{}");
    service_world_await_journal(&w);
    w.cloud.env.is_random_broken = false;
    fake_env_advance(&w.cloud.env, 5000); /* it is due again */
    iscep_service_retire(w.service);
    iscep_service_wake(w.service);
    service_world_await_journal(&w);
    cr_assert_eq(w.cloud.http.count, FIRST + 1);
    open_other();
    service_world_await_calls(&w, FIRST + 2);
    fake_http_answer_call(&w.cloud.http, FIRST + 1, 200, WORLD_SUCCESS);
    service_world_await_journal(&w);
    cr_assert(iscep_service_is_idle(other));
}

/* The journal has given it out when the outbox is retired: it is tried, not left to lie until the lease ends. */
Test(side_by_side, what_was_being_claimed_is_tried)
{
    w.options.reporting.is_deferred = true;
    service_world_open(&w);
    service_world_validate(&w);
    owe(w.service, 0);
    service_world_await_calls(&w, FIRST + 1);
    service_world_close(&w); /* it stays owed */
    service_world_open(&w);
    iscep_service_wake(w.service);
    iscep_service_retire(w.service);
    cr_assert_not(iscep_service_is_idle(w.service));
    service_world_await_calls(&w, FIRST + 2);
    intune_world_answer_all(&w.cloud);
    cr_assert_not(iscep_service_is_idle(w.service));
}

/* The drain's time is over: what was under way is the other's at once, and not when the claim has run out. */
Test(side_by_side, what_was_under_way_when_one_ended_is_taken_up_at_once)
{
    open_both();
    service_world_report(&w, &w.cert, 20000, &caught);
    service_world_await_calls(&w, FIRST + 1);
    iscep_service_retire(w.service);
    close_first();
    assert_answered(&caught, ISCEP_RETRY, "shutting_down");
    cr_assert(w.cloud.http.calls[FIRST].is_cancelled);
    iscep_service_wake(other); /* the daemon does, when it has freed what was before */
    service_world_await_calls(&w, FIRST + 2);
    cr_assert_str_eq((const char *)w.cloud.http.calls[FIRST + 1].body.data,
                     (const char *)w.cloud.http.calls[FIRST].body.data);
    fake_http_answer_call(&w.cloud.http, FIRST + 1, 200, WORLD_SUCCESS);
    service_world_await_journal(&w);
    cr_assert_str_eq(service_world_events(&w), "validated issued reported");
}

/* He waits at the new one for what the old one has claimed, and the old one ends. */
Test(side_by_side, who_waits_is_served_by_the_new_one_when_the_old_one_ends)
{
    open_both();
    report_to_both();
    iscep_service_retire(w.service);
    close_first();
    service_world_await_calls(&w, FIRST + 2); /* nobody has woken anybody */
    fake_http_answer_call(&w.cloud.http, FIRST + 1, 200, WORLD_SUCCESS);
    service_world_await_answer(&w, &other_caught);
    assert_answered(&other_caught, ISCEP_ALLOW, "Success");
}
