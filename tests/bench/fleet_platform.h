/*
 * The platforms that Intune manages, and what each does with several SCEP URLs. Sources: Microsoft, "Create and assign SCEP
 * certificate profiles" (SCEP Server URLs); where that says nothing, the field's experience.
 */
#ifndef BENCH_FLEET_PLATFORM_H
#define BENCH_FLEET_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef enum fleet_platform {
    FLEET_ANDROID,
    FLEET_WINDOWS,
    FLEET_IOS,
    FLEET_IPADOS,
    FLEET_MACOS,
    FLEET_PLATFORMS
} fleet_platform;

typedef struct fleet_rules {
    const char *name;
    bool moves_on; /* when a URL fails in mid-exchange: to the next one, at once */
    bool
        tries_again; /* when an attempt has failed: after RetryDelay, as often as RetryCount says. Otherwise nothing
                             happens until the next policy cycle. */
    bool wants_each; /* a certificate of each URL */
    bool
        renews_with_old; /* RenewalReq, signed with the old certificate; otherwise an enrolment like the first */
} fleet_rules;

const fleet_rules *fleet_rules_of(fleet_platform platform);

/* How many of a hundred devices are of which platform. */
typedef struct fleet_mix {
    uint32_t percent[FLEET_PLATFORMS];
} fleet_mix;

/* "android=40,windows=40,ios=15,macos=5": each at most once, 100 in all. USAGE otherwise. */
iscep_status fleet_mix_parse(fleet_mix *out, const char *text, iscep_error *err) ISCEP_CHECKED;
/* Of so many devices: the shares rounded down, and what is left over goes to the largest remainders. */
void fleet_mix_divide(uint32_t out[FLEET_PLATFORMS], const fleet_mix *mix, uint32_t devices);

#endif
