/* The storm guard, and our own revocations, which it leaves alone. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/metrics.h"
#include "service/revoker_parts.h"
#include "tests/unit/service/revoker_world.h"

static iscep_metrics *metrics;

static void set_up(void)
{
    revoker_world_init();
    cr_assert_eq(iscep_metrics_new(&metrics, NULL), ISCEP_OK);
    world.env.metrics = metrics;
}

static void tear_down(void)
{
    revoker_world_clear();
    iscep_metrics_free(metrics);
}

TestSuite(storm, .init = set_up, .fini = tear_down);
TestSuite(own, .init = revoker_world_init, .fini = revoker_world_clear);

static bool is_held(void)
{
    return revoker_world_has_logged("revocations_held");
}

static void start_and_expect_storm(size_t held)
{
    revoker_world_start();
    revoker_world_await(is_held);
    revoker_world_settle();
    cr_assert_eq(revoker_world_counts().held, held);
    cr_assert_eq(revoker_world_counts().waiting, 0);
    cr_assert_eq(blue.count, 0);
    cr_assert_eq(world.uploads, 0);
}

static struct {
    bool is_done;
    int64_t count;
} approved;

static void on_approved(void *user, iscep_status status, int64_t count, const iscep_error *err)
{
    (void)user;
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    approved.is_done = true;
    approved.count = count;
}

static bool is_approved(void)
{
    return approved.is_done;
}

static int64_t approve(void)
{
    approved.is_done = false;
    iscep_revoker_approve(world.revoker, on_approved, NULL);
    revoker_world_await(is_approved);
    return approved.count;
}

static double gauge(iscep_metric metric)
{
    double value = -1;
    (void)iscep_metrics_get(&value, &metrics, 1, metric, (const char *const[]){REVOKER_TENANT, NULL});
    return value;
}

static void assert_described(bool want_held)
{
    ISCEP_AUTO_JSON *json = iscep_json_new_object();
    iscep_revoker_describe(world.revoker, json);
    cr_assert_eq(iscep_json_is_true(json, "isHeld"), want_held);
    cr_assert_eq(iscep_json_text(json, "heldSince") != NULL, want_held);
    cr_assert_eq(iscep_json_text(json, "heldReason") != NULL, want_held);
    cr_assert_eq(gauge(ISCEP_METRIC_STORM_GUARD), want_held ? 1 : 0);
    cr_assert_gt(gauge(ISCEP_METRIC_REVOCATION_POLL), 1700000000);
}

Test(storm, is_held_before_the_first_is_executed_and_carried_out_when_approved)
{
    world.options.storm_limit = 150;
    revoker_world_ask_many(151);
    start_and_expect_storm(151);
    assert_described(true);
    cr_assert_eq(approve(), 151);
    revoker_world_await(all_are_answered);
    assert_described(false);
    cr_assert_eq(blue.count, 151);
    cr_assert_eq(revoker_world_counts().held, 0);
}

/* Nobody is to be woken because nobody asks, where nobody shall. */
Test(storm, who_does_not_ask_intune_shows_neither_leader_nor_poll)
{
    revoker_world_start();
    revoker_world_settle();
    cr_assert_eq(gauge(ISCEP_METRIC_LEADER), 1);
    revoker_world_stop();
    iscep_metrics_forget(metrics, "tenant", REVOKER_TENANT); /* as a restart */
    world.options.is_polling = false;
    revoker_world_start();
    revoker_world_settle();
    cr_assert_eq(gauge(ISCEP_METRIC_LEADER), -1);
    cr_assert_eq(gauge(ISCEP_METRIC_REVOCATION_POLL), -1);
}

Test(storm, as_many_as_the_limit_are_none)
{
    world.options.storm_limit = 150;
    revoker_world_ask_many(150);
    revoker_world_start();
    revoker_world_await(all_are_answered);
    cr_assert_not(is_held());
    cr_assert_eq(blue.count, 150);
}

Test(storm, is_a_share_of_the_active_certificates_too)
{
    world.options.is_polling = false;
    revoker_world_start();
    revoker_world_issue(60, "blue");
    revoker_world_stop();
    world.options.is_polling = true;
    revoker_world_ask_many(13); /* more than 20 % of 60 */
    start_and_expect_storm(13);
}

Test(storm, share_of_a_few_certificates_is_none)
{
    world.options.is_polling = false;
    revoker_world_start();
    revoker_world_issue(50, "blue");
    revoker_world_stop();
    world.options.is_polling = true;
    revoker_world_ask_many(40);
    revoker_world_start();
    revoker_world_await(all_are_answered);
    cr_assert_eq(blue.count, 40);
}

static const char *const later_serials[] = {"100010", "100011", "100012", "100013", "100014", "100015"};

/* 19 of 100 are no storm, though only 85 are active when the last 4 of them come; 21 of 100 are one. */
Test(storm, share_is_of_what_was_active_before)
{
    world.options.is_polling = false;
    revoker_world_start();
    revoker_world_issue(100, "blue");
    revoker_world_stop();
    world.options.is_polling = true;
    revoker_world_ask_many(15);
    revoker_world_start();
    revoker_world_await(all_are_answered);
    revoker_world_settle();
    cr_assert_eq(revoker_world_counts().active_certificates, 85);
    for (size_t i = 0; i < 4; i++)
        revoker_world_ask(later_serials[i], BLUE_ISSUER);
    revoker_world_poll();
    revoker_world_await(all_are_answered);
    cr_assert_not(is_held());
    revoker_world_ask(later_serials[4], BLUE_ISSUER);
    revoker_world_ask(later_serials[5], BLUE_ISSUER);
    revoker_world_poll();
    revoker_world_await(is_held);
    revoker_world_settle();
    cr_assert_eq(revoker_world_counts().held, 2);
    cr_assert_eq(blue.count, 19);
}

/* A connector that was put in place yesterday knows next to nothing: only the number counts. */
Test(storm, share_is_not_of_certificates_that_nobody_knows)
{
    revoker_world_ask_many(60);
    revoker_world_start();
    revoker_world_await(all_are_answered);
    revoker_world_settle();
    revoker_world_ask("0F", BLUE_ISSUER);
    revoker_world_poll();
    revoker_world_await(all_are_answered);
    cr_assert_not(is_held());
    cr_assert_eq(blue.count, 61);
}

Test(storm, bounds_may_be_switched_off)
{
    world.options.storm_limit = world.options.storm_percent = 0;
    revoker_world_ask_many(600);
    revoker_world_start();
    revoker_world_await(all_are_answered);
    cr_assert_eq(blue.count, 600);
}

Test(storm, outlives_the_process)
{
    world.options.storm_limit = 5;
    revoker_world_ask_many(6);
    start_and_expect_storm(6);
    revoker_world_kill();
    world.options.storm_limit = 1000; /* nor does another bound let it go on */
    revoker_world_start();
    revoker_world_settle();
    assert_described(true);
    cr_assert_eq(revoker_world_counts().held, 6);
    cr_assert_eq(blue.count, 0);
    cr_assert_eq(approve(), 6);
    revoker_world_await(all_are_answered);
    cr_assert_eq(blue.count, 6);
}

Test(storm, those_that_come_later_are_held_too)
{
    world.options.storm_limit = 5;
    revoker_world_ask_many(6);
    start_and_expect_storm(6);
    revoker_world_ask("0F", BLUE_ISSUER);
    revoker_world_poll();
    while (revoker_world_counts().held < 7)
        revoker_world_settle();
    cr_assert_eq(blue.count, 0);
    cr_assert_eq(approve(), 7);
    revoker_world_await(all_are_answered);
}

Test(storm, counting_begins_anew_after_an_approval)
{
    world.options.storm_limit = 5;
    revoker_world_ask_many(6);
    start_and_expect_storm(6);
    approve();
    revoker_world_await(all_are_answered);
    revoker_world_stop();
    for (size_t i = 0; i < 5; i++) {
        char serial[8];
        snprintf(serial, sizeof serial, "%zX", 0x20 + i);
        revoker_world_ask(serial, BLUE_ISSUER);
    }
    revoker_world_start(); /* the approval survives, too */
    revoker_world_poll();
    revoker_world_await(all_are_answered);
    cr_assert_eq(blue.count, 11);
}

static bool blue_is_full(void)
{
    return blue.open_count == 4;
}

/* Those that a CA has already go on; those that were claimed and not begun are held with the rest. */
Test(storm, stops_what_was_claimed_before)
{
    world.options.storm_limit = 10;
    blue.outcome = 0;
    revoker_world_ask_many(10);
    revoker_world_start();
    revoker_world_await(blue_is_full);
    revoker_world_ask("0F", BLUE_ISSUER);
    revoker_world_poll();
    revoker_world_await(is_held);
    blue.outcome = ISCEP_CA_REVOKED;
    for (size_t i = 0; i < 4; i++)
        fake_ca_answer(&blue, i, ISCEP_CA_REVOKED, "");
    revoker_world_settle();
    cr_assert_eq(blue.count, 4);
    cr_assert_eq(revoker_world_counts().held, 7);
    approve();
    revoker_world_await(all_are_answered);
    cr_assert_eq(blue.count, 11);
}

static bool is_stored;

static void on_stored(void *user, iscep_status status, int64_t count, const iscep_error *err)
{
    (void)user;
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    cr_assert_eq(count, 1);
    is_stored = true;
}

static bool is_in_journal(void)
{
    return is_stored;
}

/* As a round stores it that has not come to its end. */
static void store_one(const char *serial)
{
    asked_revocation *asked = revoker_world_ask(serial, BLUE_ISSUER);
    const iscep_revocation_request request = {.context = asked->context,
                                              .serial_text = serial,
                                              .serial = serial,
                                              .issuer = BLUE_ISSUER,
                                              .configuration = ""};
    asked->is_handed_out = true;
    is_stored = false;
    iscep_journal_store_revocations(world.journal, REVOKER_TENANT, iscep_revoker_fence(world.revoker),
                                    &request, 1, on_stored, NULL);
    revoker_world_await(is_in_journal);
}

/* A judgement that counted before the round's store knows nothing of what the store has brought. */
Test(storm, judgement_under_way_does_not_let_go_what_is_being_stored)
{
    revoker_world_start();
    revoker_world_poll();
    revoker_world_settle();
    iscep_storm_guard_judge(world.revoker);
    iscep_storm_guard_close(world.revoker); /* as the poll does before it stores */
    store_one("0A");
    revoker_world_settle();
    cr_assert_not(world.revoker->guard.is_judging);
    cr_assert_eq(revoker_world_counts().unjudged, 1);
    iscep_storm_guard_judge_round(world.revoker);
    revoker_world_await(all_are_answered);
}

/* Who led was killed between the store and the judgement. */
Test(storm, what_was_left_unjudged_is_judged_by_who_leads_next)
{
    world.options.is_polling = false;
    world.options.storm_limit = 1;
    revoker_world_start();
    revoker_world_settle();
    store_one("0A");
    revoker_world_kill();
    cr_assert_eq(blue.count, 0);
    revoker_world_start();
    revoker_world_await(all_are_answered);
    store_one("0B");
    store_one("0C");
    revoker_world_kill();
    revoker_world_start();
    revoker_world_await(is_held);
    revoker_world_settle();
    cr_assert_eq(blue.count, 1);
    cr_assert_eq(revoker_world_counts().held, 2);
}

/* Whoever hands out for ever would never have them judged. */
Test(storm, round_without_end_is_cut_short_and_judged)
{
    world.options.batch = 1;
    world.options.storm_limit = 50;
    revoker_world_ask_many(110);
    revoker_world_start();
    revoker_world_await(is_held);
    revoker_world_settle();
    cr_assert_eq(world.downloads, 100);
    cr_assert_eq(revoker_world_counts().held, 100);
    cr_assert_eq(blue.count, 0);
}

/* The clock was ahead when a person approved, and was then set right. */
Test(storm, approval_of_a_clock_that_was_ahead_does_not_switch_the_guard_off)
{
    world.options.storm_limit = 5;
    revoker_world_start();
    revoker_world_settle();
    world.revoker->guard.approved_unix_ms = iscep_now_unix_ms(&world.env) + INT64_C(365) * 24 * 3600 * 1000;
    revoker_world_ask_many(6);
    revoker_world_poll();
    revoker_world_await(is_held);
    cr_assert_eq(blue.count, 0);
}

Test(storm, approving_when_nothing_is_held_is_harmless)
{
    revoker_world_start();
    revoker_world_settle();
    cr_assert_eq(approve(), 0);
    revoker_world_ask("0A", BLUE_ISSUER);
    revoker_world_poll();
    revoker_world_await(all_are_answered);
}

/* --- our own --- */

static bool is_withheld;

static void on_withheld(void *user, iscep_status status, const iscep_report *report, const iscep_error *err)
{
    (void)user;
    (void)report;
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    is_withheld = true;
}

static void on_recorded(void *user, iscep_status status, const iscep_report *report, const iscep_error *err)
{
    (void)user;
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    iscep_journal_withhold(world.journal, report->delivery_id, report->fence, "certificate_withheld",
                           "as the test wishes", true, on_withheld, NULL);
}

static bool withholding_is_done(void)
{
    return is_withheld;
}

static void withhold_one(void)
{
    const iscep_issued_record record = {.key = {.tenant = REVOKER_TENANT, .transaction_id = "own"},
                                        .csr = iscep_bytes_of("csr", 3),
                                        .cert = {.der = iscep_bytes_of("der", 3),
                                                 .serial = "0ABC",
                                                 .thumbprint = "00",
                                                 .issuer = BLUE_ISSUER,
                                                 .subject = "CN=x",
                                                 .not_after_unix = 4102444800},
                                        .ca = "blue",
                                        .lease_ms = 1000};
    is_withheld = false;
    iscep_journal_record_issued(world.journal, &record, on_recorded, NULL);
    revoker_world_await(withholding_is_done);
    iscep_revoker_wake(world.revoker);
}

static bool own_is_revoked(void)
{
    return revoker_world_has_logged(" revoked ");
}

Test(own, withheld_certificate_is_revoked_and_nobody_is_told)
{
    world.options.is_polling = false;
    revoker_world_start();
    withhold_one();
    revoker_world_await(own_is_revoked);
    revoker_world_settle();
    cr_assert_eq(blue.count, 1);
    cr_assert_str_eq(blue.requests[0].serial, "0ABC");
    cr_assert_str_eq(blue.requests[0].issuer, BLUE_ISSUER);
    cr_assert_eq(blue.requests[0].cert_len, 3);
    cr_assert_eq(blue.requests[0].reason, ISCEP_CRL_CESSATION_OF_OPERATION);
    cr_assert_eq(world.http->count, 0);
}

static bool blue_was_asked_thrice(void)
{
    return blue.count >= 3;
}

Test(own, is_tried_for_ever)
{
    world.options.is_polling = false;
    world.options.retry_for_ms = 0;
    blue.outcome = ISCEP_CA_UNAVAILABLE;
    revoker_world_start();
    withhold_one();
    revoker_world_await(blue_was_asked_thrice);
    blue.outcome = ISCEP_CA_REVOKED;
    revoker_world_await(own_is_revoked);
}

Test(own, is_not_held_by_the_storm_guard)
{
    world.options.storm_limit = 5;
    revoker_world_ask_many(6);
    start_and_expect_storm(6);
    withhold_one();
    revoker_world_await(own_is_revoked);
    revoker_world_settle();
    cr_assert_eq(blue.count, 1);
    cr_assert_eq(revoker_world_counts().held, 6);
}
