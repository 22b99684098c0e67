/*
 * Many devices at once, each of which behaves as a real client does: it sends its request, polls while it is PENDING, and
 * asks again with the same CSR and transaction when a reply is lost. If it is told that its certificate was withheld,
 * it begins anew.
 */
#ifndef CHAOS_FLEET_H
#define CHAOS_FLEET_H

#include <openssl/x509.h>

#include "base/env.h"
#include "intune.h"
#include "tests/support/chance.h"
#include "text_set.h"

#define CHAOS_NAME_SIZE        32
#define CHAOS_TRANSACTION_SIZE 48

typedef struct chaos_fleet chaos_fleet;

typedef struct chaos_fleet_options {
    const iscep_env *env;
    const char *scep_url;
    X509 *ca; /* borrowed */
    chaos_intune intune;
    const char *prefix; /* of names and transactions, so that two runs do not meet */
    uint32_t devices;   /* at a time; when one has its certificate, the next begins */
    uint64_t seed;
} chaos_fleet_options;

typedef struct chaos_fleet_counts {
    int64_t begun; /* devices */
    int64_t delivered;
    int64_t withheld;        /* transactions that were told so; their device has begun anew */
    int64_t refused;         /* devices that were refused for another reason: none should be */
    int64_t without_verdict; /* devices that gave up */
    int64_t pending;         /* replies */
    int64_t lost;            /* replies */
} chaos_fleet_counts;

iscep_status chaos_fleet_start(chaos_fleet **out, const chaos_fleet_options *options,
                               iscep_error *err) ISCEP_CHECKED;
/* No device begins any more; those under way go on until deadline_mono_ms. Waits for them. */
void chaos_fleet_finish(chaos_fleet *fleet, int64_t deadline_mono_ms);
/* After chaos_fleet_finish. */
void chaos_fleet_free(chaos_fleet *fleet);

chaos_fleet_counts chaos_fleet_count(chaos_fleet *fleet);
/* The transaction of one of the certificates delivered; false: there is none. */
bool chaos_fleet_pick(chaos_fleet *fleet, chance *random, char out[CHAOS_TRANSACTION_SIZE]);
/* All certificates that devices have. After chaos_fleet_finish. */
iscep_status chaos_fleet_delivered(const chaos_fleet *fleet, chaos_text_set *thumbprints,
                                   chaos_text_set *serials, iscep_error *err) ISCEP_CHECKED;

#endif
