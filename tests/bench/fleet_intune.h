/* intune-mock as the fleet's Intune: it makes a profile for each device, with a challenge inside. */
#ifndef BENCH_FLEET_INTUNE_H
#define BENCH_FLEET_INTUNE_H

#include <pthread.h>

#include "fleet_keys.h"
#include "fleet_profile.h"
#include "fleet_wire.h"

#define FLEET_MAX_WIRES 512

typedef struct fleet_mock {
    fleet_intune intune; /* what the devices get */
    const char *url;     /* base of the mock's, without /admin */
    const fleet_urls *urls;
    const fleet_keys *keys;
    fleet_wire_options wire;
    pthread_mutex_t lock;
    fleet_wire *idle[FLEET_MAX_WIRES]; /* connections that nobody uses at the moment */
    size_t idle_count;
} fleet_mock;

/* All is borrowed. The struct must not move afterwards. */
void fleet_mock_init(fleet_mock *out, const char *url, const fleet_urls *urls, const fleet_keys *keys,
                     const fleet_wire_options *wire);
void fleet_mock_clear(fleet_mock *mock);

#endif
