/* Pauses between attempts, each twice as long as the one before. */
#ifndef ISCEP_PLUGIN_PAUSE_H
#define ISCEP_PLUGIN_PAUSE_H

#include <stdint.h>

typedef struct iscep_pause {
    int first_ms;
    int max_ms;
    int last_ms; /* 0: the next one is the first */
} iscep_pause;

/* Until a connector that is away, or turns everybody away, is asked again. */
#define ISCEP_PAUSE_AWAY ((iscep_pause){.first_ms = 50, .max_ms = 1000})
/* Until a connector with a full queue takes a connection. */
#define ISCEP_PAUSE_QUEUE ((iscep_pause){.first_ms = 1, .max_ms = 50})

static inline void iscep_pause_reset(iscep_pause *pause)
{
    pause->last_ms = 0;
}

static inline int iscep_pause_next(iscep_pause *pause)
{
    const int next_ms = pause->last_ms == 0 ? pause->first_ms : pause->last_ms * 2;
    pause->last_ms = next_ms < pause->max_ms ? next_ms : pause->max_ms;
    return pause->last_ms;
}

#endif
