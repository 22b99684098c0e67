/*
 * What a question under way waits for. Nothing in here but iscep_wait_block ever waits: whoever is asked goes on as far as it can
 * and then says what for, and the form of the call, blocking or not (wait_set.h), decides how that is waited for.
 */
#ifndef ISCEP_PLUGIN_WAIT_H
#define ISCEP_PLUGIN_WAIT_H

#include <stdint.h>

typedef struct iscep_wait {
    int fd;           /* -1: for the time alone */
    short events;     /* as poll(2) has them; the end of the connection is always one */
    int64_t until_ms; /* when to go on whatever happens: deadline.h */
} iscep_wait;

/* May return early: whoever goes on looks for itself. */
void iscep_wait_block(const iscep_wait *wait);

#endif
