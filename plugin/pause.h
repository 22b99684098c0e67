/* Pauses between attempts: 50 ms, doubling to one second. */
#ifndef ISCEP_PLUGIN_PAUSE_H
#define ISCEP_PLUGIN_PAUSE_H

#include <stdint.h>

#define ISCEP_PAUSE_FIRST_MS 50
#define ISCEP_PAUSE_MAX_MS   1000

/* All zero: the next pause is the first. */
typedef struct iscep_pause {
    int last_ms;
} iscep_pause;

static inline void iscep_pause_reset(iscep_pause *pause)
{
    pause->last_ms = 0;
}

static inline int iscep_pause_next(iscep_pause *pause)
{
    const int next_ms = pause->last_ms == 0 ? ISCEP_PAUSE_FIRST_MS : pause->last_ms * 2;
    pause->last_ms = next_ms < ISCEP_PAUSE_MAX_MS ? next_ms : ISCEP_PAUSE_MAX_MS;
    return pause->last_ms;
}

#endif
