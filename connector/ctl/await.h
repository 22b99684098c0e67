/* For commands that have nothing to do but wait: runs the loop until a callback says that it has its answer. */
#ifndef ISCEP_CTL_AWAIT_H
#define ISCEP_CTL_AWAIT_H

#include <stdbool.h>

#include "net/loop.h"

typedef struct ctl_await {
    iscep_loop *loop;
    bool is_done;
} ctl_await;

/* The answer may be there before it is waited for. */
static inline void ctl_await_done(ctl_await *await)
{
    await->is_done = true;
    iscep_loop_stop(await->loop);
}

static inline void ctl_await_answer(ctl_await *await)
{
    if (!await->is_done)
        iscep_loop_run(await->loop);
    await->is_done = false;
}

#endif
