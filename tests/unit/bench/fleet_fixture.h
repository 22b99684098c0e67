/* A world for devices of the fleet in which nothing is real: servers that do as they are told, Intune, and the clock. */
#ifndef TEST_FLEET_FIXTURE_H
#define TEST_FLEET_FIXTURE_H

#include "fleet_device.h"
#include "tests/support/fake_env.h"

#define FIXTURE_URLS 3

typedef struct fleet_server {
    bool is_dead;        /* does not answer */
    bool dies_asked;     /* answers at first, and is dead when it is asked */
    bool dies_polled;    /* the same with the first poll */
    const char *refuses; /* failInfoText; NULL: it does not */
    uint32_t pendings;   /* it says so often */
    int64_t answer_ms;   /* each answer takes so long */
} fleet_server;

typedef struct fleet_fixture {
    fake_env fake;
    fleet_server servers[FIXTURE_URLS];
    bool is_intune_away;
    size_t url_count; /* that profiles name */
    uint32_t handed;  /* to iOS and iPadOS */
    uint32_t given;   /* profiles */
    int64_t retries;  /* as profiles say */
    scep_client_identity identity;
    iscep_buf story; /* "open a, ask a, poll a, close" */
    fleet_intune intune;
    fleet_scep scep;
    fleet_world world;
    fleet_device device;
} fleet_fixture;

/* One device; profiles name two URLs, RetryCount 2 and RetryDelay 10 s; two cycles of a minute, speed 10. */
void fleet_fixture_init(fleet_fixture *fixture, fleet_platform platform, uint64_t seed);
void fleet_fixture_clear(fleet_fixture *fixture);
/* Until the device has ended or waits for its next policy cycle; the clock goes on meanwhile. */
int64_t fleet_fixture_live(fleet_fixture *fixture);
/* What the servers have seen since this was called last. */
const char *fleet_fixture_story(fleet_fixture *fixture);
fleet_events fleet_fixture_events(const fleet_fixture *fixture);

/* A seed with which the device begins with this URL (0 or 1) of two. */
uint64_t fleet_fixture_seed(fleet_platform platform, uint32_t first_url);

#endif
