/* The keys of the fleet: few, made at the start, and shared by many devices, because each costs as much as forty enrolments. */
#ifndef BENCH_FLEET_KEYS_H
#define BENCH_FLEET_KEYS_H

#include "tests/support/scep_client.h"

#define FLEET_MAX_KEYS 256
#define FLEET_KEY_BITS 2048

typedef struct fleet_keys {
    scep_client_identity identities[FLEET_MAX_KEYS];
    size_t count;
} fleet_keys;

/* Clear it in both cases. */
iscep_status fleet_keys_make(fleet_keys *out, size_t count, iscep_error *err) ISCEP_CHECKED;
void fleet_keys_clear(fleet_keys *keys);

#endif
