/* One device, from its challenge to its certificate. */
#ifndef CHAOS_DEVICE_H
#define CHAOS_DEVICE_H

#include "fleet.h"
#include "tests/support/scep_client.h"

typedef enum chaos_ending {
    CHAOS_DELIVERED = 1,
    CHAOS_WITHHELD, /* that certificate was given up: begin anew */
    CHAOS_REFUSED,
    CHAOS_NO_VERDICT, /* nobody said in time */
} chaos_ending;

typedef struct chaos_device {
    const chaos_fleet_options *world;
    const scep_client_identity *identity;
    chance *random;
    char name[CHAOS_NAME_SIZE];
    char transaction_id[CHAOS_TRANSACTION_SIZE];
    bool (*is_over)(void *user); /* is it time to give up? */
    void *user;
    /* What came of it. */
    X509 *cert; /* delivered; the caller's */
    char reason[512];
    int64_t pending;
    int64_t lost;
} chaos_device;

chaos_ending chaos_device_enrol(chaos_device *device);

#endif
