/* A tenant's scale unit moves: the old address is forgotten, and the same request finds the new one. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/intune_fixture.h"
#include "tests/support/loop_thread.h"

#define OLD_UNIT "https://old.manage.microsoft.com/RACerts/Service"
#define NEW_UNIT "https://new.manage.microsoft.com/RACerts/Service"

static intune_world world;
static iscep_intune *intune;
static caught_verdict caught;
static unsigned discoveries;
static bool has_moved, is_gone;   /* is_gone: the new unit does not answer either */
static fake_http_answer old_unit; /* how the old one answers after the move */

static fake_http_answer respond(void *user, const fake_http_call *call)
{
    (void)user;
    const fake_http_answer yes = {.status = 200, .body = WORLD_SUCCESS};
    if (strcmp(call->url, WORLD_TOKEN_URL) == 0)
        return (fake_http_answer){.status = 200, .body = WORLD_TOKEN_REPLY("t")};
    if (strcmp(call->url, WORLD_DISCOVERY_URL) == 0) {
        discoveries++;
        return (fake_http_answer){.status = 200,
                                  .body = has_moved ? WORLD_DISCOVERY_REPLY(NEW_UNIT)
                                                    : WORLD_DISCOVERY_REPLY(OLD_UNIT)};
    }
    if (strncmp(call->url, OLD_UNIT "/", sizeof OLD_UNIT) == 0)
        return has_moved ? old_unit : yes;
    cr_assert_eq(strncmp(call->url, NEW_UNIT "/", sizeof NEW_UNIT), 0, "%s", call->url);
    return is_gone ? (fake_http_answer){.code = "connect"} : yes;
}

static void set_up(void)
{
    intune_world_init(&world);
    fake_http_respond_with(&world.http, world.loop, respond, NULL);
    cr_assert_eq(iscep_intune_new(&intune, &world.env.env, world.loop, &world.http.base, &world.tenant, NULL),
                 ISCEP_OK);
    caught.loop = world.loop;
}

static void tear_down(void)
{
    iscep_intune_free(intune);
    intune_world_clear(&world);
}

TestSuite(scale_unit, .init = set_up, .fini = tear_down);

static iscep_decision validate(void)
{
    caught.is_there = false;
    iscep_intune_validate(intune, "1", iscep_bytes_of("x", 1), world.env.mono_ms + 20000, catch_verdict,
                          &caught);
    loop_run_until(world.loop, &caught.is_there);
    return caught.verdict.decision;
}

static void assert_found_again_after(fake_http_answer goodbye)
{
    cr_assert_eq(validate(), ISCEP_ALLOW);
    has_moved = true;
    old_unit = goodbye;
    cr_assert_eq(validate(), ISCEP_ALLOW, "%s", caught.verdict.message);
    cr_assert_eq(discoveries, 2);
}

Test(scale_unit, whose_name_is_gone_is_found_again_by_the_same_request)
{
    assert_found_again_after((fake_http_answer){.code = "dns"});
}

Test(scale_unit, that_nobody_serves_is_found_again_by_the_same_request)
{
    assert_found_again_after((fake_http_answer){.code = "connect"});
}

Test(scale_unit, that_answers_like_a_stranger_is_forgotten)
{
    cr_assert_eq(validate(), ISCEP_ALLOW);
    has_moved = true;
    old_unit = (fake_http_answer){.status = 404, .body = "{}"};
    cr_assert_eq(validate(), ISCEP_RETRY);
    cr_assert_eq(validate(), ISCEP_ALLOW);
    cr_assert_eq(discoveries, 2);
}

Test(scale_unit, that_is_nowhere_is_a_retry)
{
    has_moved = is_gone = true;
    cr_assert_eq(validate(), ISCEP_RETRY);
    cr_assert_str_eq(caught.verdict.code, "connect");
    is_gone = false;
    cr_assert_eq(validate(), ISCEP_ALLOW);
}
