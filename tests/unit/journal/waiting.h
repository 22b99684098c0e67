/* Somebody at a desk who has asked, and waits (desk_wait) until the callback has put the answer into *out. */
#ifndef ISCEP_TESTS_JOURNAL_WAITING_H
#define ISCEP_TESTS_JOURNAL_WAITING_H

#include "desk.h"

typedef struct waiting {
    desk *d;
    bool is_done;
    void *out;
} waiting;

static inline void end_waiting(waiting *w)
{
    w->is_done = true;
    iscep_loop_stop(w->d->loop);
}

#endif
