/*
 * How many requests of one tenant wait for their answer, on all workers together: so that one tenant whose Intune is slow does
 * not fill the house. Any thread.
 */
#ifndef ISCEP_SERVICE_CROWD_H
#define ISCEP_SERVICE_CROWD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct iscep_crowd {
    uint32_t max; /* 0: as many as come */
    atomic_uint count;
} iscep_crowd;

/* False: it is full. Otherwise leave it once. */
static inline bool iscep_crowd_enter(iscep_crowd *crowd)
{
    const unsigned before = atomic_fetch_add_explicit(&crowd->count, 1, memory_order_relaxed);
    if (crowd->max == 0 || before < crowd->max)
        return true;
    atomic_fetch_sub_explicit(&crowd->count, 1, memory_order_relaxed);
    return false;
}

static inline void iscep_crowd_leave(iscep_crowd *crowd)
{
    atomic_fetch_sub_explicit(&crowd->count, 1, memory_order_relaxed);
}

#endif
