/* Which URL a device tries next, in one attempt. */
#ifndef BENCH_FLEET_ROUTE_H
#define BENCH_FLEET_ROUTE_H

#include "fleet_platform.h"
#include "tests/support/chance.h"

#define FLEET_MAX_URLS 8

typedef struct fleet_route {
    uint32_t order[FLEET_MAX_URLS]; /* of the URLs that the profile names */
    size_t count;
    size_t at;
} fleet_route;

/* A new attempt: the profile's URLs in an order of chance. count: 1 to FLEET_MAX_URLS. */
void fleet_route_begin(fleet_route *out, const uint32_t *urls, size_t count, chance *random);

static inline uint32_t fleet_route_url(const fleet_route *route)
{
    return route->order[route->at];
}

/*
 * The URL at hand has failed; has_answered: not before it had told what it is. True: another one is at hand. False: the
 * attempt has failed.
 */
bool fleet_route_move_on(fleet_route *route, const fleet_rules *rules, bool has_answered);

#endif
