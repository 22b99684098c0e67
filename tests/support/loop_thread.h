/* An event loop on a thread of its own, and a way to do things on it and wait until they are done. */
#ifndef ISCEP_TESTS_LOOP_THREAD_H
#define ISCEP_TESTS_LOOP_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include "net/loop.h"

typedef struct loop_thread {
    iscep_loop *loop;
    pthread_t thread;
} loop_thread;

/* What is registered between make and start runs later on the loop's thread. */
void loop_thread_make(loop_thread *on);
void loop_thread_start(loop_thread *on);
/* Runs callback on the loop's thread; returns when it has returned. */
void loop_thread_run(loop_thread *on, iscep_callback callback, void *user);
/* Stops and joins; the loop itself stays, for what must be freed before it. */
void loop_thread_stop(loop_thread *on);

/* Runs a loop on the calling thread until *is_done, whose setter also calls iscep_loop_stop; fails after ten seconds. */
void loop_run_until(iscep_loop *loop, const bool *is_done);

/* A promise kept on one thread and waited for on another: the waiting fails the test after ten seconds. */
typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned count;
} gate;
#define GATE_INIT                                                                                            \
    {                                                                                                        \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                               \
    }
void gate_pass(gate *g);                     /* count goes up by one */
void gate_await(gate *g, unsigned at_least); /* until count has reached at_least */
unsigned gate_count(gate *g);

#endif
