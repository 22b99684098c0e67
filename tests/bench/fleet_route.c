/* See fleet_route.h. */
#include "fleet_route.h"

void fleet_route_begin(fleet_route *out, const uint32_t *urls, size_t count, chance *random)
{
    *out = (fleet_route){.count = count};
    for (size_t i = 0; i < count; i++) { /* Fisher and Yates, inside out */
        size_t j = (size_t)chance_between(random, 0, (int32_t)i);
        out->order[i] = out->order[j];
        out->order[j] = urls[i];
    }
}

bool fleet_route_move_on(fleet_route *route, const fleet_rules *rules, bool has_answered)
{
    bool may_change = rules->moves_on || (rules->tries_again && !has_answered);
    if (!may_change || route->at + 1 == route->count)
        return false;
    route->at++;
    return true;
}
