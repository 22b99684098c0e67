/*
 * One device on its way to one certificate: from Intune's profile over the URLs that it names, with the patience and the
 * impatience of its platform. A device of macOS with several URLs is several of these.
 */
#ifndef BENCH_FLEET_DEVICE_H
#define BENCH_FLEET_DEVICE_H

#include "fleet_record.h"
#include "fleet_scep.h"

/* The same for all devices; all is borrowed. */
typedef struct fleet_world {
    const iscep_env *env;
    fleet_intune *intune;
    fleet_scep *scep;
    fleet_record *record;
    const char *const *urls; /* as they may stand in profiles */
    int64_t policy_cycle_ms;
    uint32_t policy_cycles; /* in each wave; then the device ends without a certificate */
    uint32_t speed;         /* RetryDelay is divided by this */
} fleet_world;

typedef struct fleet_device fleet_device;
struct fleet_device {
    const fleet_world *world;
    chance random;
    uint32_t own_url; /* macOS */

    /* This wave. */
    fleet_subject who;
    int64_t begun_mono_ms; /* 0: not yet */
    int64_t cycle_begun_mono_ms;
    uint32_t tries_of_cycle;
    uint32_t polls_of_try;
    uint32_t tries; /* in all cycles */
    uint32_t polls;
    char reason[FLEET_REASON_SIZE];        /* of the last setback */
    int64_t (*step)(fleet_device *device); /* what is next; NULL: it has ended */
    fleet_order order;
    fleet_route route;
    fleet_dialogue *dialogue; /* NULL: none is open */

    scep_client_identity held; /* the certificate it has, and its borrowed key; none: NULL */
};

void fleet_device_init(fleet_device *device, const fleet_world *world, fleet_platform platform,
                       uint32_t number, uint32_t own_url, uint64_t seed);
void fleet_device_clear(fleet_device *device);
/* Wants a certificate from now on: its first, or one more. Not while it is under way to another. */
void fleet_device_begin(fleet_device *device, uint32_t wave);

/* Goes on until it has to wait: returns until when (monotonic ms), or FLEET_ENDED. */
#define FLEET_ENDED INT64_MAX
int64_t fleet_device_go_on(fleet_device *device);
/* Gives up what is under way. */
void fleet_device_interrupt(fleet_device *device);

#endif
