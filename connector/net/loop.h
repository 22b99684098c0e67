/*
 * The event loop: one per worker thread, libevent inside. Everything registered on a loop runs on the thread
 * that called iscep_loop_run; only iscep_loop_post, iscep_loop_post_item and iscep_loop_stop may be called from other threads.
 */
#ifndef ISCEP_NET_LOOP_H
#define ISCEP_NET_LOOP_H

#include <stdbool.h>

#include "base/error.h"

typedef struct iscep_loop iscep_loop;
typedef struct iscep_timer iscep_timer;
typedef void (*iscep_callback)(void *user);

iscep_status iscep_loop_new(iscep_loop **out, iscep_error *err) ISCEP_CHECKED;
/* Everything registered must have been freed before. */
void iscep_loop_free(iscep_loop *loop);
/* Returns after iscep_loop_stop, once the callbacks already due have run. */
void iscep_loop_run(iscep_loop *loop);
void iscep_loop_stop(iscep_loop *loop);
/*
 * Runs callback(user) soon on the loop's thread, in the order of posting. From any thread. NOMEM is the only
 * error.
 */
iscep_status iscep_loop_post(iscep_loop *loop, iscep_callback callback, void *user,
                             iscep_error *err) ISCEP_CHECKED;
/*
 * The same with the caller's storage, so that it cannot fail. It is the caller's again when callback(user) is called; or
 * dropped(user), if the loop is freed before.
 */
typedef struct iscep_loop_item {
    struct iscep_loop_item *next; /* the loop's */
    iscep_callback callback;
    iscep_callback dropped; /* may be NULL */
    void *user;
    bool is_heap; /* the loop's own: false */
} iscep_loop_item;
void iscep_loop_post_item(iscep_loop *loop, iscep_loop_item *item);
struct event_base *iscep_loop_base(iscep_loop *loop);

iscep_status iscep_timer_new(iscep_timer **out, iscep_loop *loop, iscep_callback callback, void *user,
                             iscep_error *err) ISCEP_CHECKED;
void iscep_timer_free(iscep_timer *timer);
void iscep_timer_arm(iscep_timer *timer, int64_t delay_ms); /* once; arming again moves it */
void iscep_timer_disarm(iscep_timer *timer);

/*
 * Runs callback once: when the descriptor is readable, or after the delay. Freed as a timer, also in callback; not armed again.
 * One that cannot be waited for is never readable.
 */
iscep_status iscep_readable_new(iscep_timer **out, iscep_loop *loop, int descriptor, int64_t delay_ms,
                                iscep_callback callback, void *user, iscep_error *err) ISCEP_CHECKED;

/* Runs callback on the loop's thread when the process gets the signal; freed as a timer. */
iscep_status iscep_signal_new(iscep_timer **out, iscep_loop *loop, int signal_number, iscep_callback callback,
                              void *user, iscep_error *err) ISCEP_CHECKED;

#endif
