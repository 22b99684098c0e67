/*
 * One descriptor for whatever a question waits for: an epoll set of the connection, while there is one, and a timer for pauses
 * and the deadline. It becomes readable when it is time to go on.
 */
#ifndef ISCEP_PLUGIN_WAIT_SET_H
#define ISCEP_PLUGIN_WAIT_SET_H

#include "plugin/socket/wait.h"

typedef struct iscep_wait_set {
    int epoll; /* the descriptor */
    int timer;
    int watched;      /* the connection; -1: none */
    int64_t alarm_ms; /* what timer is set to; 0: nothing yet */
} iscep_wait_set;

/* 0, or an errno: nothing is open then. */
int iscep_wait_set_open(iscep_wait_set *set);
/* Only closes, so that a forked child may do it, too. */
void iscep_wait_set_close(iscep_wait_set *set);

/* From now on it waits for this; nothing else may be watched. 0, or an errno. */
int iscep_wait_set_watch(iscep_wait_set *set, const iscep_wait *wait);
/*
 * No more of the connection. Before it is closed or used: a set lets go of a closed descriptor only when a forked child has no
 * copy of it either.
 */
void iscep_wait_set_unwatch(iscep_wait_set *set);
/* Readable from now on. */
void iscep_wait_set_ring(iscep_wait_set *set);

#endif
