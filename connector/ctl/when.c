/* See when.h. */
#include "ctl/when.h"

#include <stdio.h>

void ctl_when_emit(char out[CTL_WHEN_SIZE], int64_t unix_ms, int64_t now_unix_ms)
{
    static const struct {
        int64_t from_s, unit_s;
        const char *name;
    } units[] = {{2 * 86400, 86400, "days"}, {2 * 3600, 3600, "h"}, {120, 60, "min"}, {1, 1, "s"}};
    const int64_t distance_ms = unix_ms - now_unix_ms;
    const int64_t distance_s = ((distance_ms < 0 ? -distance_ms : distance_ms) + 500) / 1000;
    snprintf(out, CTL_WHEN_SIZE, "now");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (distance_s < units[i].from_s)
            continue;
        snprintf(out, CTL_WHEN_SIZE, distance_ms < 0 ? "%lld %s ago" : "in %lld %s",
                 (long long)(distance_s / units[i].unit_s), units[i].name);
        return;
    }
}
