/* From the file that a device was given to the request that it makes: names, usages, challenge, URLs, patience. */
#ifndef BENCH_FLEET_PROFILE_H
#define BENCH_FLEET_PROFILE_H

#include "fleet_order.h"

/* The URLs that the fleet knows. */
typedef struct fleet_urls {
    const char *urls[FLEET_MAX_URLS];
    size_t count;
} fleet_urls;

/*
 * Fills urls, retries, retry_delay_ms and csr of an order that has its identity. file: an Apple configuration profile or
 * SyncML with one SCEP payload, or, for Android, which is given no file, the mock's own JSON. PROTOCOL or USAGE: it cannot be
 * read, or demands what the fleet has not.
 */
iscep_status fleet_profile_apply(fleet_order *out, fleet_platform platform, iscep_bytes file,
                                 const fleet_urls *urls, iscep_error *err) ISCEP_CHECKED;

#endif
