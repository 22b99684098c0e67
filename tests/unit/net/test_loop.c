/* The loop: what other threads post runs on its thread and in order; timers fire once, when they are due. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/support/loop_thread.h"

enum { THREADS = 4, POSTS = 1000 };

static pthread_t loop_thread_id;
static unsigned last_seen[THREADS];
static unsigned seen;
static gate all_seen = GATE_INIT;

typedef struct post {
    unsigned thread;
    unsigned number;
} post;

static void check_post(void *user)
{
    const post *p = user;
    cr_assert(pthread_equal(pthread_self(), loop_thread_id));
    cr_assert_eq(p->number, last_seen[p->thread] + 1, "out of order");
    last_seen[p->thread] = p->number;
    if (++seen == THREADS * POSTS)
        gate_pass(&all_seen);
}

typedef struct poster {
    pthread_t id;
    iscep_loop *loop;
    post posts[POSTS];
} poster;

static void *post_many(void *user)
{
    poster *me = user;
    for (unsigned i = 0; i < POSTS; i++)
        cr_assert_eq(iscep_loop_post(me->loop, check_post, &me->posts[i], NULL), ISCEP_OK);
    return NULL;
}

static void remember_thread(void *user)
{
    (void)user;
    loop_thread_id = pthread_self();
}

Test(loop, runs_what_threads_post_in_each_ones_order)
{
    static poster posters[THREADS];
    loop_thread on;
    loop_thread_make(&on);
    loop_thread_start(&on);
    loop_thread_run(&on, remember_thread, NULL);
    for (unsigned t = 0; t < THREADS; t++) {
        posters[t].loop = on.loop;
        for (unsigned i = 0; i < POSTS; i++)
            posters[t].posts[i] = (post){.thread = t, .number = i + 1};
        cr_assert_eq(pthread_create(&posters[t].id, NULL, post_many, &posters[t]), 0);
    }
    gate_await(&all_seen, 1);
    for (unsigned t = 0; t < THREADS; t++)
        pthread_join(posters[t].id, NULL);
    loop_thread_stop(&on);
    iscep_loop_free(on.loop);
}

/* --- on one thread: what happened, in order --- */

typedef struct diary {
    iscep_loop *loop;
    char text[64];
    size_t len;
    bool is_done;
    iscep_timer *timer;
} diary;

static void note_a(void *user)
{
    diary *d = user;
    d->text[d->len++] = 'a';
}

static void note_b(void *user)
{
    diary *d = user;
    d->text[d->len++] = 'b';
}

static void end(void *user)
{
    diary *d = user;
    d->text[d->len++] = '.';
    d->is_done = true;
    iscep_loop_stop(d->loop);
}

static void note_and_post(void *user)
{
    note_a(user);
    cr_assert_eq(iscep_loop_post(((diary *)user)->loop, note_b, user, NULL), ISCEP_OK);
}

static diary new_diary(void)
{
    diary d = {0};
    cr_assert_eq(iscep_loop_new(&d.loop, NULL), ISCEP_OK);
    return d;
}

Test(loop, stop_before_run_still_runs_what_was_posted)
{
    diary d = new_diary();
    cr_assert_eq(iscep_loop_post(d.loop, note_a, &d, NULL), ISCEP_OK);
    cr_assert_eq(iscep_loop_post(d.loop, end, &d, NULL), ISCEP_OK);
    loop_run_until(d.loop, &d.is_done);
    cr_assert_str_eq(d.text, "a.");
    iscep_loop_free(d.loop);
}

Test(loop, callback_may_post)
{
    diary d = new_diary();
    iscep_timer *timer;
    cr_assert_eq(iscep_loop_post(d.loop, note_and_post, &d, NULL), ISCEP_OK);
    cr_assert_eq(iscep_timer_new(&timer, d.loop, end, &d, NULL), ISCEP_OK);
    iscep_timer_arm(timer, 20);
    loop_run_until(d.loop, &d.is_done);
    cr_assert_str_eq(d.text, "ab.");
    iscep_timer_free(timer);
    iscep_loop_free(d.loop);
}

Test(loop, free_forgets_what_was_never_run)
{
    diary d = new_diary();
    cr_assert_eq(iscep_loop_post(d.loop, note_a, &d, NULL), ISCEP_OK);
    iscep_loop_free(d.loop);
    iscep_loop_free(NULL);
    cr_assert_eq(d.len, 0);
}

Test(timer, fires_once_and_in_order_of_time)
{
    diary d = new_diary();
    iscep_timer *first, *second, *last;
    cr_assert_eq(iscep_timer_new(&last, d.loop, end, &d, NULL), ISCEP_OK);
    cr_assert_eq(iscep_timer_new(&second, d.loop, note_b, &d, NULL), ISCEP_OK);
    cr_assert_eq(iscep_timer_new(&first, d.loop, note_a, &d, NULL), ISCEP_OK);
    iscep_timer_arm(last, 60);
    iscep_timer_arm(second, 30);
    iscep_timer_arm(first, 0);
    loop_run_until(d.loop, &d.is_done);
    cr_assert_str_eq(d.text, "ab.");
    iscep_timer_free(first);
    iscep_timer_free(second);
    iscep_timer_free(last);
    iscep_loop_free(d.loop);
}

Test(timer, disarmed_or_freed_does_not_fire_and_armed_again_moves)
{
    diary d = new_diary();
    iscep_timer *disarmed, *freed, *moved, *last;
    cr_assert_eq(iscep_timer_new(&disarmed, d.loop, note_a, &d, NULL), ISCEP_OK);
    cr_assert_eq(iscep_timer_new(&freed, d.loop, note_a, &d, NULL), ISCEP_OK);
    cr_assert_eq(iscep_timer_new(&moved, d.loop, note_b, &d, NULL), ISCEP_OK);
    cr_assert_eq(iscep_timer_new(&last, d.loop, end, &d, NULL), ISCEP_OK);
    iscep_timer_arm(disarmed, 5);
    iscep_timer_arm(freed, 5);
    iscep_timer_arm(moved, 60000);
    iscep_timer_arm(moved, -1); /* in the past: at once */
    iscep_timer_arm(last, 40);
    iscep_timer_disarm(disarmed);
    iscep_timer_free(freed);
    iscep_timer_free(NULL);
    loop_run_until(d.loop, &d.is_done);
    cr_assert_str_eq(d.text, "b.");
    iscep_timer_free(disarmed);
    iscep_timer_free(moved);
    iscep_timer_free(last);
    iscep_loop_free(d.loop);
}

Test(readable, is_called_when_the_descriptor_is_and_once)
{
    diary d = new_diary();
    iscep_timer *readable, *silent, *last;
    int full = eventfd(1, EFD_CLOEXEC);
    int empty = eventfd(0, EFD_CLOEXEC);
    cr_assert_eq(iscep_readable_new(&readable, d.loop, full, 60000, note_a, &d, NULL), ISCEP_OK);
    cr_assert_eq(iscep_readable_new(&silent, d.loop, empty, 60000, note_b, &d, NULL), ISCEP_OK);
    cr_assert_eq(iscep_timer_new(&last, d.loop, end, &d, NULL), ISCEP_OK);
    iscep_timer_arm(last, 40);
    loop_run_until(d.loop, &d.is_done);
    cr_assert_str_eq(d.text, "a.");
    iscep_timer_free(readable);
    iscep_timer_free(silent);
    iscep_timer_free(last);
    iscep_loop_free(d.loop);
    close(full);
    close(empty);
}

/* A regular file cannot be waited for by epoll. */
Test(readable, is_called_after_the_delay_when_it_is_not_or_cannot_be)
{
    int empty = eventfd(0, EFD_CLOEXEC);
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    const int descriptors[] = {empty, file, -1, 12345};
    for (size_t i = 0; i < sizeof descriptors / sizeof *descriptors; i++) {
        diary d = new_diary();
        iscep_timer *readable;
        cr_assert_eq(iscep_readable_new(&readable, d.loop, descriptors[i], 20, end, &d, NULL), ISCEP_OK);
        loop_run_until(d.loop, &d.is_done);
        cr_assert_str_eq(d.text, ".", "%zu", i);
        iscep_timer_free(readable);
        iscep_loop_free(d.loop);
    }
    close(empty);
    close(file);
}

Test(signal, is_delivered_on_the_loops_thread)
{
    diary d = new_diary();
    iscep_timer *on_signal;
    cr_assert_eq(iscep_signal_new(&on_signal, d.loop, SIGUSR1, end, &d, NULL), ISCEP_OK);
    raise(SIGUSR1);
    loop_run_until(d.loop, &d.is_done);
    cr_assert_str_eq(d.text, ".");
    iscep_timer_free(on_signal);
    iscep_loop_free(d.loop);
}
