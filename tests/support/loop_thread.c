/* See loop_thread.h. */
#include "tests/support/loop_thread.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <time.h>

enum { PATIENCE_S = 10 };

void gate_pass(gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->count++;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

unsigned gate_count(gate *g)
{
    pthread_mutex_lock(&g->lock);
    unsigned count = g->count;
    pthread_mutex_unlock(&g->lock);
    return count;
}

void gate_await(gate *g, unsigned at_least)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    int error = 0;
    pthread_mutex_lock(&g->lock);
    while (g->count < at_least && error == 0)
        error = pthread_cond_timedwait(&g->changed, &g->lock, &until);
    pthread_mutex_unlock(&g->lock);
    cr_assert_geq(gate_count(g), at_least, "waited %d s for %u, got %u", PATIENCE_S, at_least, gate_count(g));
}

void loop_thread_make(loop_thread *on)
{
    cr_assert_eq(iscep_loop_new(&on->loop, NULL), ISCEP_OK);
}

static void *run_loop(void *user)
{
    loop_thread *on = user;
    iscep_loop_run(on->loop);
    return NULL;
}

/* A peer that hangs up is no reason to die: as the daemon's main says. */
void loop_thread_start(loop_thread *on)
{
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(pthread_create(&on->thread, NULL, run_loop, on), 0);
}

typedef struct errand {
    iscep_callback callback;
    void *user;
    gate done;
} errand;

static void run_errand(void *user)
{
    errand *e = user;
    e->callback(e->user);
    gate_pass(&e->done);
}

void loop_thread_run(loop_thread *on, iscep_callback callback, void *user)
{
    errand e = {.callback = callback, .user = user, .done = GATE_INIT};
    cr_assert_eq(iscep_loop_post(on->loop, run_errand, &e, NULL), ISCEP_OK);
    gate_await(&e.done, 1);
}

void loop_thread_stop(loop_thread *on)
{
    iscep_loop_stop(on->loop);
    pthread_join(on->thread, NULL);
}

typedef struct patience {
    iscep_loop *loop;
    bool is_over;
} patience;

static void on_impatient(void *user)
{
    patience *p = user;
    p->is_over = true;
    iscep_loop_stop(p->loop);
}

void loop_run_until(iscep_loop *loop, const bool *is_done)
{
    patience p = {.loop = loop};
    iscep_timer *timer;
    cr_assert_eq(iscep_timer_new(&timer, loop, on_impatient, &p, NULL), ISCEP_OK);
    iscep_timer_arm(timer, PATIENCE_S * 1000);
    while (!*is_done && !p.is_over)
        iscep_loop_run(loop); /* a stop of earlier may end it too soon */
    iscep_timer_free(timer);
    cr_assert(*is_done, "not done within %d s", PATIENCE_S);
}
