/* A reload replaces the revoker: what is under way is finished by the old one, the rest is the new one's, and never both at once. */
#include <criterion/criterion.h>

#include "tests/unit/service/revoker_world.h"

enum { FLEET = 30 };

static iscep_revoker *old, *third;
static iscep_intune *new_intune;

static void tear_down(void)
{
    iscep_revoker_free(third);
    if (new_intune != NULL) { /* the world's is the old one's, and ends first */
        iscep_intune *freed = world.intune;
        world.intune = new_intune;
        iscep_intune_free(freed);
    }
    iscep_revoker_free(old);
    revoker_world_clear();
}

TestSuite(revoker_reload, .init = revoker_world_init, .fini = tear_down);

static iscep_revoker *make(iscep_intune *intune)
{
    iscep_revoker *made = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_revoker_new(&made, &world.env, intune, world.journal, &world.routing, REVOKER_TENANT,
                                   &world.options, &err),
                 ISCEP_OK, "%s", err.message);
    return made;
}

/* As the daemon reloads: the world's revoker is the new one from now on. */
static void reload(void)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(
        iscep_intune_new(&new_intune, &world.env, world.loop, &world.http->base, &world.tenant, &err),
        ISCEP_OK);
    old = world.revoker;
    world.revoker = make(new_intune);
    iscep_revoker_follow(world.revoker, old);
}

static bool is_asked(void)
{
    return blue.count > 0;
}

static bool is_full(void)
{
    return blue.open_count == 4;
}

static bool is_old_idle(void)
{
    return iscep_revoker_is_idle(old);
}

Test(revoker_reload, what_a_ca_was_asked_for_is_finished_and_not_asked_for_again)
{
    blue.outcome = 0;
    revoker_world_ask_many(1);
    revoker_world_start();
    revoker_world_await(is_asked);
    reload();
    revoker_world_settle();
    cr_assert_not(iscep_revoker_is_idle(old));
    fake_ca_answer(&blue, 0, ISCEP_CA_REVOKED, "");
    revoker_world_await(is_old_idle);
    revoker_world_await(all_are_answered); /* by the new one */
    cr_assert_eq(blue.count, 1);
    cr_assert_str_eq(world.asked[0].code, "None");
}

Test(revoker_reload, what_was_only_claimed_is_the_new_ones_at_once)
{
    blue.outcome = 0;
    revoker_world_ask_many(10);
    revoker_world_start();
    revoker_world_await(is_full);
    reload();
    blue.outcome = ISCEP_CA_REVOKED;
    for (size_t i = 0; i < 4; i++)
        fake_ca_answer(&blue, i, ISCEP_CA_REVOKED, "");
    revoker_world_await(all_are_answered);
    cr_assert_eq(blue.count, 10);
    for (size_t i = 0; i < world.asked_count; i++)
        cr_assert_not(world.asked[i].is_contradicted);
}

Test(revoker_reload, the_new_one_waits_for_the_old_one)
{
    blue.outcome = 0;
    revoker_world_ask_many(1);
    revoker_world_start();
    revoker_world_await(is_asked);
    const unsigned downloads = world.downloads;
    reload();
    revoker_world_ask("0B", BLUE_ISSUER);
    iscep_revoker_poll_now(old);
    iscep_revoker_poll_now(world.revoker);
    iscep_revoker_wake(old);
    iscep_revoker_wake(world.revoker);
    revoker_world_settle();
    cr_assert_eq(world.downloads, downloads);
    fake_ca_answer(&blue, 0, ISCEP_CA_REVOKED, "");
    blue.outcome = ISCEP_CA_REVOKED;
    revoker_world_await(all_are_answered); /* what was wanted while it waited is done then */
    cr_assert_eq(blue.count, 2);
}

static bool is_in_the_middle(void)
{
    return world.downloads >= 3;
}

static bool is_held(void)
{
    return revoker_world_has_logged("revocations_held");
}

/* Of a storm, each of the two would have seen a half, and neither half is one. */
Test(revoker_reload, storm_guard_judges_the_whole_of_a_round_that_a_reload_fell_into)
{
    world.options.batch = 1;
    world.options.storm_limit = FLEET - 1;
    revoker_world_ask_many(FLEET);
    revoker_world_start();
    revoker_world_await(is_in_the_middle);
    reload();
    cr_assert_lt(world.downloads, FLEET);
    cr_assert_not(iscep_revoker_is_idle(old));
    revoker_world_await(is_held);
    revoker_world_settle();
    cr_assert_eq(revoker_world_counts().held, FLEET);
    cr_assert_eq(blue.count, 0);
}

/* The drain's time is over: its client and its CAs end what is under way. */
Test(revoker_reload, what_was_cut_off_is_done_again_by_the_new_one)
{
    blue.outcome = 0;
    revoker_world_ask_many(1);
    revoker_world_start();
    revoker_world_await(is_asked);
    reload();
    iscep_intune_free(world.intune);
    world.intune = new_intune;
    new_intune = NULL;
    blue.outcome = ISCEP_CA_ALREADY_REVOKED;
    fake_ca_answer(&blue, 0, ISCEP_CA_UNAVAILABLE, "the connector is stopping");
    iscep_revoker_free(old);
    old = NULL;
    revoker_world_await(all_are_answered);
    cr_assert_eq(blue.count, 2);
    cr_assert_str_eq(world.asked[0].code, "None");
}

Test(revoker_reload, a_second_reload_waits_for_the_first_ones_old_one)
{
    blue.outcome = 0;
    revoker_world_ask_many(1);
    revoker_world_start();
    revoker_world_await(is_asked);
    reload();
    iscep_revoker *second = world.revoker;
    third = make(new_intune);
    iscep_revoker_follow(third, second);
    revoker_world_settle();
    cr_assert(iscep_revoker_is_idle(second), "it has never begun");
    revoker_world_ask("0B", BLUE_ISSUER);
    iscep_revoker_poll_now(third);
    revoker_world_settle();
    cr_assert_eq(world.downloads, 1);
    fake_ca_answer(&blue, 0, ISCEP_CA_REVOKED, "");
    blue.outcome = ISCEP_CA_REVOKED;
    revoker_world_await(all_are_answered);
}

Test(revoker_reload, a_new_one_may_end_before_it_has_begun)
{
    blue.outcome = 0;
    revoker_world_ask_many(1);
    revoker_world_start();
    revoker_world_await(is_asked);
    reload();
    iscep_revoker_free(world.revoker);
    world.revoker = old;
    old = NULL;
    fake_ca_answer(&blue, 0, ISCEP_CA_REVOKED, "");
    revoker_world_settle();
    cr_assert(iscep_revoker_is_idle(world.revoker));
    cr_assert_not(world.asked[0].is_taken, "the result is for whoever comes next");
}

static bool has_polled(void)
{
    return world.downloads > 0 && revoker_world_has_logged("revocation_poll_failed");
}

/* Each would end the round of the other: the guard would judge, and open, in the middle of what is still being stored. */
Test(revoker_reload, one_round_is_begun_where_the_old_one_had_nothing_to_end)
{
    world.options.batch = 1;
    world.options.max_backoff_ms = 60000; /* the old one does not come back */
    world.is_download_broken = true;
    revoker_world_start();
    revoker_world_await(has_polled);
    revoker_world_settle();
    world.is_download_broken = false;
    revoker_world_ask_many(FLEET);
    world.downloads = 0;
    reload();
    revoker_world_await(all_are_answered);
    revoker_world_settle();
    cr_assert_eq(world.downloads, FLEET + 1, "%u", world.downloads);
}

Test(revoker_reload, one_that_has_nothing_to_do_is_idle_at_once)
{
    revoker_world_start();
    revoker_world_poll();
    revoker_world_settle();
    reload();
    revoker_world_settle();
    cr_assert(iscep_revoker_is_idle(old));
    cr_assert_not(iscep_revoker_is_idle(world.revoker), "it is at work");
}
