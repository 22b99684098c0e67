/* What each platform does with several URLs, some of which are dead. */
#include <criterion/criterion.h>

#include "fleet_fixture.h"

static fleet_fixture world;

static void begin(fleet_platform platform, uint32_t first_url)
{
    fleet_fixture_init(&world, platform, fleet_fixture_seed(platform, first_url));
}

/* The one certificate there is. */
static const fleet_certificate *the_certificate(void)
{
    fleet_events events = fleet_fixture_events(&world);
    cr_assert_eq(events.certificate_count, 1);
    cr_assert_eq(events.loss_count, 0);
    return &events.certificates[0];
}

static void expect_setback(size_t at, uint32_t url, const char *reason)
{
    fleet_events events = fleet_fixture_events(&world);
    cr_assert_gt(events.setback_count, at);
    cr_assert_eq(events.setbacks[at].url, url);
    cr_assert_str_eq(events.setbacks[at].reason, reason);
}

static void expect_loss(const char *reason)
{
    fleet_events events = fleet_fixture_events(&world);
    cr_assert_eq(events.certificate_count, 0);
    cr_assert_eq(events.loss_count, 1);
    cr_assert_str_eq(events.losses[0].reason, reason);
}

static int64_t waits_ms(void)
{
    return fleet_device_go_on(&world.device) - world.fake.mono_ms;
}

Test(fleet_device, whose_server_answers_has_a_certificate_at_the_first_try)
{
    for (fleet_platform platform = 0; platform < FLEET_PLATFORMS; platform++) {
        fleet_fixture_init(&world, platform, 1);
        world.url_count = 1;
        world.servers[0].answer_ms = 150;
        cr_assert_eq(fleet_fixture_live(&world), FLEET_ENDED);
        cr_assert_str_eq(fleet_fixture_story(&world), "open a, ask a, close, ");
        cr_assert_eq(the_certificate()->took_ms, 300, "both answers count");
        cr_assert_eq(the_certificate()->tries, 1);
        cr_assert_eq(the_certificate()->who.cycle, 1);
        cr_assert_eq(the_certificate()->who.platform, platform);
        fleet_fixture_clear(&world);
    }
}

Test(fleet_device, android_takes_the_first_url_that_answers)
{
    begin(FLEET_ANDROID, 0);
    world.servers[0].is_dead = true;
    cr_assert_eq(fleet_fixture_live(&world), FLEET_ENDED);
    cr_assert_str_eq(fleet_fixture_story(&world), "open a, open b, ask b, close, ");
    cr_assert_eq(the_certificate()->url, 1);
    cr_assert_eq(the_certificate()->tries, 1);
    expect_setback(0, 0, "cannot connect");
    fleet_fixture_clear(&world);
}

Test(fleet_device, android_stays_with_the_url_of_its_exchange_and_begins_anew_when_that_dies)
{
    begin(FLEET_ANDROID, 0);
    world.servers[0].dies_asked = true;
    cr_assert_eq(waits_ms(), 1000, "RetryDelay of 10 s at speed 10, not the other URL at once");
    cr_assert_str_eq(fleet_fixture_story(&world), "open a, ask a, close, ");
    world.servers[0].is_dead = true;
    cr_assert_eq(fleet_fixture_live(&world), FLEET_ENDED);
    cr_assert_eq(the_certificate()->url, 1);
    cr_assert_eq(the_certificate()->tries, 2);
    cr_assert_str_eq(the_certificate()->transaction_id, "1", "the same request, at another server");
    cr_assert_eq(world.given, 1);
    fleet_fixture_clear(&world);
}

Test(fleet_device, android_polls_where_it_has_asked)
{
    begin(FLEET_ANDROID, 1);
    world.servers[1].pendings = 1;
    cr_assert_eq(waits_ms(), 1000);
    cr_assert_eq(fleet_fixture_live(&world), FLEET_ENDED);
    cr_assert_str_eq(fleet_fixture_story(&world), "open b, ask b, poll b, close, ");
    cr_assert_eq(the_certificate()->polls, 1);
    fleet_fixture_clear(&world);
}

Test(fleet_device, android_whose_server_dies_while_it_is_pending_fails_the_whole_attempt)
{
    begin(FLEET_ANDROID, 0);
    world.servers[0].pendings = 1;
    world.servers[0].dies_polled = true;
    cr_assert_eq(waits_ms(), 1000);
    fake_env_advance(&world.fake, 1000);
    cr_assert_eq(waits_ms(), 1000, "a new attempt, later");
    cr_assert_str_eq(fleet_fixture_story(&world), "open a, ask a, poll a, close, ");
    expect_setback(0, 0, "connection lost");
    fleet_fixture_clear(&world);
}

Test(fleet_device, windows_goes_on_to_the_next_url_in_mid_exchange)
{
    begin(FLEET_WINDOWS, 0);
    world.servers[0].dies_asked = true;
    cr_assert_eq(fleet_fixture_live(&world), FLEET_ENDED);
    cr_assert_str_eq(fleet_fixture_story(&world), "open a, ask a, close, open b, ask b, close, ");
    cr_assert_eq(the_certificate()->tries, 1);
    cr_assert_str_eq(the_certificate()->transaction_id, "1");
    fleet_fixture_clear(&world);
}

Test(fleet_device, windows_asks_the_next_url_when_the_one_it_polls_dies)
{
    begin(FLEET_WINDOWS, 1);
    world.servers[1].pendings = 2;
    world.servers[1].dies_polled = true;
    cr_assert_eq(fleet_fixture_live(&world), FLEET_ENDED);
    cr_assert_str_eq(fleet_fixture_story(&world), "open b, ask b, poll b, close, open a, ask a, close, ");
    cr_assert_eq(the_certificate()->url, 0);
    fleet_fixture_clear(&world);
}

Test(fleet_device, with_all_urls_dead_tries_as_often_as_the_profile_says_and_again_with_the_next_cycle)
{
    static const fleet_platform platforms[] = {FLEET_ANDROID, FLEET_WINDOWS};
    for (size_t i = 0; i < 2; i++) {
        fleet_fixture_init(&world, platforms[i], 1);
        world.servers[0].is_dead = world.servers[1].is_dead = true;
        cr_assert_neq(fleet_fixture_live(&world), FLEET_ENDED);
        cr_assert_eq(fleet_fixture_events(&world).setback_count, 6, "three attempts at two URLs");
        cr_assert_eq(fleet_fixture_live(&world), FLEET_ENDED);
        cr_assert_eq(fleet_fixture_events(&world).setback_count, 12);
        cr_assert_eq(world.given, 2);
        expect_loss("cannot connect");
        fleet_fixture_clear(&world);
    }
}

Test(fleet_device, ios_has_no_second_try_until_the_next_cycle)
{
    fleet_fixture_init(&world, FLEET_IOS, 1);
    world.servers[0].is_dead = true;
    world.handed = 0;
    cr_assert_eq(waits_ms(), 60000);
    cr_assert_str_eq(fleet_fixture_story(&world), "open a, ");
    world.handed = 1;
    fake_env_advance(&world.fake, 60000);
    cr_assert_eq(fleet_fixture_live(&world), FLEET_ENDED);
    cr_assert_str_eq(fleet_fixture_story(&world), "open b, ask b, close, ");
    cr_assert_eq(the_certificate()->who.cycle, 2);
    cr_assert_eq(the_certificate()->took_ms, 60000, "since its first profile");
    cr_assert_str_eq(the_certificate()->transaction_id, "2", "a new profile is a new request");
    fleet_fixture_clear(&world);
}

Test(fleet_device, ipados_that_is_handed_the_dead_url_each_time_ends_without)
{
    fleet_fixture_init(&world, FLEET_IPADOS, 1);
    world.world.policy_cycles = 3;
    world.servers[0].is_dead = true;
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(waits_ms(), 60000, "after each cycle");
        fake_env_advance(&world.fake, 60000);
    }
    cr_assert_eq(fleet_fixture_live(&world), FLEET_ENDED);
    cr_assert_str_eq(fleet_fixture_story(&world), "open a, open a, open a, ");
    expect_loss("cannot connect");
    fleet_fixture_clear(&world);
}

Test(fleet_device, macos_wants_the_certificate_of_its_own_url_and_of_no_other)
{
    fleet_fixture_init(&world, FLEET_MACOS, 1);
    world.device.own_url = 1;
    world.servers[1].is_dead = true;
    cr_assert_neq(fleet_fixture_live(&world), FLEET_ENDED);
    world.servers[1].is_dead = false;
    cr_assert_eq(fleet_fixture_live(&world), FLEET_ENDED);
    cr_assert_str_eq(fleet_fixture_story(&world), "open b, open b, ask b, close, ");
    cr_assert_eq(the_certificate()->url, 1);
    fleet_fixture_clear(&world);
}

Test(fleet_device, polls_as_often_as_the_profile_says_and_no_more)
{
    fleet_fixture_init(&world, FLEET_IOS, 1);
    world.servers[0].pendings = 2;
    cr_assert_eq(fleet_fixture_live(&world), FLEET_ENDED);
    cr_assert_eq(the_certificate()->polls, 2);
    fleet_fixture_clear(&world);

    fleet_fixture_init(&world, FLEET_IOS, 1);
    world.servers[0].pendings = 3;
    cr_assert_neq(fleet_fixture_live(&world), FLEET_ENDED);
    cr_assert_str_eq(fleet_fixture_story(&world), "open a, ask a, poll a, poll a, close, ");
    expect_setback(0, 0, "pending longer than the profile's retries");
    fleet_fixture_clear(&world);
}

Test(fleet_device, takes_a_refusal_for_an_answer)
{
    for (fleet_platform platform = 0; platform < FLEET_PLATFORMS; platform++) {
        fleet_fixture_init(&world, platform, 1);
        world.url_count = 1;
        world.servers[0].refuses = "ChallengeExpired: it is too old";
        cr_assert_eq(waits_ms(), 60000, "nothing before the next cycle");
        cr_assert_str_eq(fleet_fixture_story(&world), "open a, ask a, close, ");
        expect_setback(0, 0, "refused: badRequest, ChallengeExpired");
        fleet_fixture_clear(&world);
    }
}

Test(fleet_device, without_a_profile_waits_for_the_next_cycle)
{
    fleet_fixture_init(&world, FLEET_WINDOWS, 1);
    world.is_intune_away = true;
    cr_assert_eq(waits_ms(), 60000);
    expect_setback(0, FLEET_NO_URL, "no profile: timed out");
    world.is_intune_away = false;
    fake_env_advance(&world.fake, 60000);
    cr_assert_eq(fleet_fixture_live(&world), FLEET_ENDED);
    cr_assert_eq(the_certificate()->who.cycle, 2);
    fleet_fixture_clear(&world);
}

Test(fleet_device, whose_failure_took_longer_than_a_cycle_begins_the_next_at_once)
{
    fleet_fixture_init(&world, FLEET_IOS, 1);
    world.servers[0].is_dead = true;
    world.servers[0].answer_ms = 70000;
    cr_assert_eq(fleet_fixture_live(&world), FLEET_ENDED);
    cr_assert_str_eq(fleet_fixture_story(&world), "open a, open a, ");
    fleet_fixture_clear(&world);
}

Test(fleet_device, renews_with_its_old_certificate_if_its_platform_does)
{
    for (fleet_platform platform = 0; platform < FLEET_PLATFORMS; platform++) {
        fleet_fixture_init(&world, platform, 1);
        world.url_count = 1;
        fleet_fixture_live(&world);
        fleet_fixture_story(&world);
        fleet_device_begin(&world.device, 1);
        cr_assert_eq(fleet_fixture_live(&world), FLEET_ENDED);
        cr_assert_str_eq(fleet_fixture_story(&world), platform == FLEET_WINDOWS
                                                          ? "open a, renewing ask a, close, "
                                                          : "open a, ask a, close, ");
        fleet_events events = fleet_fixture_events(&world);
        cr_assert_eq(events.certificate_count, 2);
        cr_assert_eq(events.certificates[1].who.wave, 1);
        cr_assert_eq(events.wanted[platform], 2);
        fleet_fixture_clear(&world);
    }
}

Test(fleet_device, that_is_interrupted_is_lost_and_hangs_up)
{
    fleet_fixture_init(&world, FLEET_ANDROID, 1);
    world.servers[0].pendings = world.servers[1].pendings = 1;
    cr_assert_eq(waits_ms(), 1000);
    fleet_fixture_story(&world);
    fleet_device_interrupt(&world.device);
    cr_assert_str_eq(fleet_fixture_story(&world), "close, ");
    expect_loss("interrupted");
    fleet_device_interrupt(&world.device);
    cr_assert_eq(fleet_fixture_events(&world).loss_count, 1, "once");
    fleet_fixture_clear(&world);
}
