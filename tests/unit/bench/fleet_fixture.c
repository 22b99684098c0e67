/* See fleet_fixture.h. */
#include "fleet_fixture.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <string.h>

enum { MAX_STORY_LEN = 64 * 1024, CYCLE_MS = 60000, SPEED = 10, RETRY_DELAY_MS = 10000 };

static const char *const urls[FIXTURE_URLS] = {"a", "b", "c"};

struct fleet_dialogue {
    fleet_fixture *fixture;
    uint32_t url;
    uint32_t asked;
};

#define FIXTURE_OF(member, pointer)                                                                          \
    ((fleet_fixture *)(void *)((char *)(pointer)-offsetof(fleet_fixture, member)))

static iscep_status fail(iscep_error *err, const char *what)
{
    return iscep_error_set(err, ISCEP_NETWORK, "network", "%s", what);
}

static iscep_status open_dialogue(fleet_scep *scep, fleet_dialogue **out, const char *url, iscep_error *err)
{
    fleet_fixture *fixture = FIXTURE_OF(scep, scep);
    uint32_t at = (uint32_t)(url[0] - 'a');
    iscep_buf_printf(&fixture->story, "open %s, ", url);
    fake_env_advance(&fixture->fake, fixture->servers[at].answer_ms);
    if (fixture->servers[at].is_dead)
        return fail(err, "cannot connect");
    fleet_dialogue *dialogue = malloc(sizeof *dialogue);
    cr_assert(dialogue);
    *dialogue = (fleet_dialogue){.fixture = fixture, .url = at};
    *out = dialogue;
    return ISCEP_OK;
}

static iscep_status ask(fleet_scep *scep, fleet_dialogue *dialogue, const fleet_order *order, bool is_poll,
                        scep_client_answer *out, iscep_error *err)
{
    fleet_fixture *fixture = FIXTURE_OF(scep, scep);
    const fleet_server *server = &fixture->servers[dialogue->url];
    iscep_buf_printf(&fixture->story, "%s%s %s, ", order->old ? "renewing " : "", is_poll ? "poll" : "ask",
                     urls[dialogue->url]);
    fake_env_advance(&fixture->fake, server->answer_ms);
    if (is_poll ? server->dies_polled : server->dies_asked)
        return fail(err, "connection lost");
    if (server->refuses) {
        *out = (scep_client_answer){.kind = SCEP_CLIENT_REFUSED, .fail_info = "badRequest"};
        iscep_text_copy(out->reason, sizeof out->reason, server->refuses);
    } else if (dialogue->asked++ < server->pendings) {
        out->kind = SCEP_CLIENT_PENDING;
    } else {
        *out = (scep_client_answer){.kind = SCEP_CLIENT_ISSUED, .cert = fixture->identity.cert};
        X509_up_ref(out->cert);
    }
    return ISCEP_OK;
}

static void close_dialogue(fleet_scep *scep, fleet_dialogue *dialogue)
{
    (void)scep;
    iscep_buf_append_text(&dialogue->fixture->story, "close, ");
    free(dialogue);
}

static iscep_status give(fleet_intune *intune, fleet_order *out, const fleet_wish *wish, iscep_error *err)
{
    fleet_fixture *fixture = FIXTURE_OF(intune, intune);
    fixture->given++;
    if (fixture->is_intune_away)
        return fail(err, "no profile: timed out");
    if (wish->platform == FLEET_IOS || wish->platform == FLEET_IPADOS)
        out->urls[out->url_count++] = fixture->handed;
    else if (wish->platform == FLEET_MACOS)
        out->urls[out->url_count++] = wish->url;
    else
        for (uint32_t i = 0; i < fixture->url_count; i++)
            out->urls[out->url_count++] = i;
    out->retries = fixture->retries;
    out->retry_delay_ms = RETRY_DELAY_MS;
    out->identity = &fixture->identity;
    snprintf(out->transaction_id, sizeof out->transaction_id, "%u", fixture->given);
    return ISCEP_OK;
}

void fleet_fixture_init(fleet_fixture *fixture, fleet_platform platform, uint64_t seed)
{
    iscep_error err = ISCEP_ERROR_INIT;
    *fixture = (fleet_fixture){.url_count = 2,
                               .retries = 2,
                               .intune = {.give = give},
                               .scep = {.open = open_dialogue, .ask = ask, .close = close_dialogue}};
    fake_env_init(&fixture->fake);
    iscep_buf_init(&fixture->story, MAX_STORY_LEN);
    cr_assert_eq(scep_client_identity_make(&fixture->identity, &err), ISCEP_OK);
    fixture->world = (fleet_world){.env = &fixture->fake.env,
                                   .intune = &fixture->intune,
                                   .scep = &fixture->scep,
                                   .urls = urls,
                                   .policy_cycle_ms = CYCLE_MS,
                                   .policy_cycles = 2,
                                   .speed = SPEED};
    cr_assert_eq(fleet_record_new(&fixture->world.record, &fixture->fake.env, urls, NULL, &err), ISCEP_OK);
    fleet_device_init(&fixture->device, &fixture->world, platform, 1, 0, seed);
    fleet_device_begin(&fixture->device, 0);
}

void fleet_fixture_clear(fleet_fixture *fixture)
{
    fleet_device_clear(&fixture->device);
    fleet_record_free(fixture->world.record);
    scep_client_identity_clear(&fixture->identity);
    iscep_buf_clear(&fixture->story);
    fake_env_clear(&fixture->fake);
}

int64_t fleet_fixture_live(fleet_fixture *fixture)
{
    int64_t due = fleet_device_go_on(&fixture->device);
    while (due != FLEET_ENDED && due - fixture->device.cycle_begun_mono_ms != CYCLE_MS) {
        fake_env_advance(&fixture->fake, due - fixture->fake.mono_ms);
        due = fleet_device_go_on(&fixture->device);
    }
    if (due != FLEET_ENDED)
        fake_env_advance(&fixture->fake, due - fixture->fake.mono_ms);
    return due;
}

const char *fleet_fixture_story(fleet_fixture *fixture)
{
    static char told[4096];
    iscep_text_copy(told, sizeof told, iscep_buf_text(&fixture->story));
    iscep_buf_clear(&fixture->story);
    return told;
}

fleet_events fleet_fixture_events(const fleet_fixture *fixture)
{
    return fleet_record_events(fixture->world.record);
}

uint64_t fleet_fixture_seed(fleet_platform platform, uint32_t first_url)
{
    static fleet_fixture fixture;
    for (uint64_t seed = 1;; seed++) {
        fleet_fixture_init(&fixture, platform, seed);
        fleet_fixture_live(&fixture);
        bool is_it = fleet_fixture_story(&fixture)[5] == (char)('a' + first_url);
        fleet_fixture_clear(&fixture);
        if (is_it)
            return seed;
    }
}
