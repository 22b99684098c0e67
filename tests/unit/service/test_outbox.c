/* What is owed is delivered: by whichever process, in order, without hammering, the same each time, and not for ever. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/test_pki.h"
#include "tests/unit/service/service_world.h"

enum { FIRST = SERVICE_WORLD_FIRST_CALL, OWED = 5 };

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

TestSuite(outbox, .init = set_up, .fini = tear_down);

static bool is_in_log(const char *text)
{
    return strstr(fake_env_log(&w.cloud.env), text) != NULL;
}

/* Looks now; whatever is due has been sent when this returns. */
static void look(void)
{
    iscep_service_wake(w.service);
    service_world_await_journal(&w);
}

/* A report of a request of its own, deferred. */
static void owe(unsigned number)
{
    char id[16];
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_service_request request = service_world_request(&w);
    snprintf(id, sizeof id, "owed-%u", number);
    request.transaction_id = iscep_bytes_of_text(id);
    caught = (caught_answer){0};
    cr_assert_eq(iscep_service_report_issued(w.service, &request, iscep_buf_bytes(&w.cert), catch_answer,
                                             &caught, &err),
                 ISCEP_OK, "%s", err.message);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DELIVER, "report_queued");
}

/* Some reports that an earlier process left behind; token and address are known to the present one. */
static void inherit(unsigned count)
{
    w.options.reporting.is_deferred = true;
    service_world_open(&w);
    for (unsigned i = 0; i < count; i++)
        owe(i);
    service_world_close(&w);
    fake_http_clear(&w.cloud.http);
    fake_http_init(&w.cloud.http);
    service_world_open(&w);
}

static bool is_told_of(size_t at, const char *transaction_id)
{
    char want[64];
    snprintf(want, sizeof want, "\"transactionId\":\"%s\"", transaction_id);
    return strstr((const char *)w.cloud.http.calls[at].body.data, want) != NULL;
}

Test(outbox, what_an_earlier_process_left_is_delivered_with_the_same_content)
{
    char first[16384];
    service_world_open(&w);
    service_world_validate(&w);
    service_world_report(&w, &w.cert, 20000, &caught);
    service_world_await_calls(&w, FIRST + 1);
    snprintf(first, sizeof first, "%s", (const char *)w.cloud.http.calls[FIRST].body.data);
    cr_assert_not_null(strstr(first, "certificateThumbprint"));
    service_world_close(&w);
    service_world_open(&w); /* nobody asks for anything */
    service_world_await_calls(&w, FIRST + 2);
    fake_http_answer_call(&w.cloud.http, FIRST + 1, 200, WORLD_TOKEN_REPLY(WORLD_GRAPH_TOKEN));
    fake_http_answer_call(&w.cloud.http, FIRST + 2, 200, WORLD_DISCOVERY_REPLY(WORLD_SERVICE_URI));
    fake_http_answer_call(&w.cloud.http, FIRST + 3, 200, WORLD_TOKEN_REPLY(WORLD_INTUNE_TOKEN));
    cr_assert_str_eq((const char *)w.cloud.http.calls[FIRST + 4].body.data, first);
    fake_http_answer_call(&w.cloud.http, FIRST + 4, 200, WORLD_SUCCESS);
    service_world_await_journal(&w);
    service_world_report(&w, &w.cert, 20000, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_DELIVER, "already_reported");
}

/* Intune has taken note, and its answer got lost: it is told again, and the same. */
Test(outbox, an_answer_that_got_lost_is_asked_for_again)
{
    service_world_open(&w);
    service_world_validate(&w);
    service_world_report(&w, &w.cert, 20000, &caught);
    service_world_await_calls(&w, FIRST + 1);
    w.cloud.env.is_random_broken = true; /* no pause, and so no second try of the same attempt */
    fake_http_fail_call(&w.cloud.http, FIRST, ISCEP_NETWORK, "cut", "the connection broke");
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_RETRY, "report_pending");
    w.cloud.env.is_random_broken = false;
    fake_env_advance(&w.cloud.env, 5000);
    look();
    service_world_await_calls(&w, FIRST + 2); /* the address may have been at fault */
    fake_http_answer_call(&w.cloud.http, FIRST + 1, 200, WORLD_DISCOVERY_REPLY(WORLD_SERVICE_URI));
    cr_assert_str_eq((const char *)w.cloud.http.calls[FIRST + 2].body.data,
                     (const char *)w.cloud.http.calls[FIRST].body.data);
    fake_http_answer_call(&w.cloud.http, FIRST + 2, 200, WORLD_SUCCESS);
    service_world_await_journal(&w);
    cr_assert(is_in_log("report_delivered"));
}

Test(outbox, no_more_than_so_many_are_under_way)
{
    w.options.reporting.max_in_flight = 2;
    inherit(OWED);
    service_world_await_calls(&w, 1);
    intune_world_answer_setup(&w.cloud);
    service_world_await_journal(&w);
    cr_assert_eq(w.cloud.http.count, WORLD_SETUP_CALLS + 2);
    for (size_t i = 0; i < OWED; i++) {
        service_world_await_journal(&w);
        cr_assert_leq(fake_http_count_open(&w.cloud.http), 2);
        fake_http_answer_call(&w.cloud.http, WORLD_SETUP_CALLS + i, 200, WORLD_SUCCESS);
    }
    service_world_await_journal(&w);
    cr_assert_eq(w.cloud.http.count, WORLD_SETUP_CALLS + OWED);
}

Test(outbox, the_longest_due_goes_first)
{
    w.options.reporting.max_in_flight = 1;
    inherit(3);
    service_world_await_calls(&w, 1);
    intune_world_answer_setup(&w.cloud);
    for (size_t i = 0; i < 3; i++) {
        char id[16];
        snprintf(id, sizeof id, "owed-%zu", i);
        service_world_await_calls(&w, WORLD_SETUP_CALLS + i + 1);
        cr_assert(is_told_of(WORLD_SETUP_CALLS + i, id), "%zu", i);
        fake_http_answer_call(&w.cloud.http, WORLD_SETUP_CALLS + i, 200, WORLD_SUCCESS);
    }
}

Test(outbox, retry_after_stops_everything_until_then)
{
    w.options.reporting.is_deferred = true;
    service_world_open(&w);
    service_world_warm(&w);
    owe(0);
    service_world_await_calls(&w, FIRST + 1);
    fake_http_answer_bytes(&w.cloud.http, FIRST, 429, 60000, iscep_bytes_of_text("{}"));
    service_world_await_journal(&w);
    owe(1); /* taken, and not told */
    fake_env_advance(&w.cloud.env, 59000);
    look();
    cr_assert_eq(w.cloud.http.count, FIRST + 1);
    fake_env_advance(&w.cloud.env, 2000);
    look();
    cr_assert_eq(w.cloud.http.count, FIRST + 3);
}

Test(outbox, without_one_a_moment_is_left_all_the_same)
{
    w.options.reporting.is_deferred = true;
    service_world_open(&w);
    service_world_warm(&w);
    owe(0);
    service_world_await_calls(&w, FIRST + 1);
    /* It cannot be asked again within this attempt. */
    fake_env_advance(&w.cloud.env, w.options.reporting.attempt_timeout_ms - 1);
    fake_http_answer_call(&w.cloud.http, FIRST, 429, "{}");
    service_world_await_journal(&w);
    owe(1);
    fake_env_advance(&w.cloud.env, 4000);
    look();
    cr_assert_eq(w.cloud.http.count, FIRST + 1);
    fake_env_advance(&w.cloud.env, 2000);
    look();
    cr_assert_eq(w.cloud.http.count, FIRST + 3);
}

Test(outbox, strict_callers_are_told_how_long_that_is)
{
    service_world_open(&w);
    service_world_validate(&w);
    service_world_report(&w, &w.cert, 20000, &caught);
    service_world_await_calls(&w, FIRST + 1);
    fake_http_answer_bytes(&w.cloud.http, FIRST, 429, 60000, iscep_bytes_of_text("{}"));
    service_world_await_answer(&w, &caught); /* at once: there is nothing to wait for */
    assert_answered(&caught, ISCEP_RETRY, "report_pending");
    cr_assert_eq(caught.verdict.retry_after_ms, 60000);
    fake_env_advance(&w.cloud.env, 1000);
    service_world_report(&w, &w.cert, 20000, &caught);
    service_world_await_answer(&w, &caught);
    assert_answered(&caught, ISCEP_RETRY, "report_pending");
    cr_assert_eq(caught.verdict.retry_after_ms, 59000);
    cr_assert_eq(w.cloud.http.count, FIRST + 1);
}

Test(outbox, an_open_circuit_is_not_knocked_at)
{
    w.cloud.tenant.breaker.failures = 1;
    w.cloud.tenant.breaker.open_ms = 10000;
    inherit(OWED);
    service_world_await_calls(&w, 1);
    intune_world_answer_setup(&w.cloud);
    service_world_await_journal(&w);
    w.cloud.env.is_random_broken = true;
    for (size_t i = 0; i < OWED; i++)
        fake_http_answer_call(&w.cloud.http, WORLD_SETUP_CALLS + i, 500, "{}");
    w.cloud.env.is_random_broken = false;
    service_world_await_journal(&w);
    look();
    cr_assert_eq(w.cloud.http.count, WORLD_SETUP_CALLS + OWED);
    fake_env_advance(&w.cloud.env, 10001);
    look(); /* one probe: the others find the circuit half open */
    cr_assert_eq(w.cloud.http.count, WORLD_SETUP_CALLS + OWED + 1);
}

Test(outbox, a_delivery_that_is_too_old_is_dead)
{
    w.options.reporting.dead_after_ms = 60000;
    w.options.reporting.max_backoff_ms = 1000;
    inherit(1);
    service_world_await_calls(&w, 1);
    intune_world_answer_setup(&w.cloud);
    fake_http_answer_call(&w.cloud.http, WORLD_SETUP_CALLS, 200, "<html>");
    service_world_await_journal(&w);
    fake_env_advance(&w.cloud.env, 59000);
    look();
    service_world_await_calls(&w, WORLD_SETUP_CALLS + 2);
    fake_http_answer_call(&w.cloud.http, WORLD_SETUP_CALLS + 1, 200, "<html>");
    service_world_await_journal(&w);
    cr_assert_not(is_in_log("report_dead"));
    fake_env_advance(&w.cloud.env, 1001);
    look();
    service_world_await_calls(&w, WORLD_SETUP_CALLS + 3);
    fake_http_answer_call(&w.cloud.http, WORLD_SETUP_CALLS + 2, 200, "<html>");
    service_world_await_journal(&w);
    cr_assert(is_in_log("error report_dead transaction_id=owed-0"));
    fake_env_advance(&w.cloud.env, 3600000);
    look();
    cr_assert_eq(w.cloud.http.count, WORLD_SETUP_CALLS + 3);
}

static void on_retried(void *user, iscep_status status, int64_t count, const iscep_error *err)
{
    (void)err;
    cr_assert_eq(status, ISCEP_OK);
    *(int64_t *)user = count;
}

Test(outbox, a_person_has_a_dead_one_tried_again)
{
    int64_t count = -1;
    inherit(1);
    service_world_await_calls(&w, 1);
    intune_world_answer_setup(&w.cloud);
    fake_http_answer_call(&w.cloud.http, WORLD_SETUP_CALLS, 200, "{\"code\":\"Unknown\"}");
    service_world_await_journal(&w);
    cr_assert(is_in_log("report_dead"));
    iscep_journal_retry_deliveries(w.journal, NULL, NULL, 0, on_retried, &count);
    service_world_await_journal(&w);
    cr_assert_eq(count, 1);
    look();
    service_world_await_calls(&w, WORLD_SETUP_CALLS + 2);
    fake_http_answer_call(&w.cloud.http, WORLD_SETUP_CALLS + 1, 200, WORLD_SUCCESS);
    service_world_await_journal(&w);
    cr_assert(is_in_log("info  report_delivered"));
}
