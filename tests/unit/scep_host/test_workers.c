/* The worker pool. */
#include "workers.h"

#include <pthread.h>
#include <stdatomic.h>

#include <criterion/criterion.h>

static atomic_int ran;

static void count(void *user)
{
    (void)user;
    atomic_fetch_add(&ran, 1);
}

/* A job that says when it has begun, and ends when it may. */
typedef struct test_gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool has_begun;
    bool may_end;
} test_gate;

static void wait_at_gate(void *user)
{
    test_gate *gate = user;
    pthread_mutex_lock(&gate->lock);
    gate->has_begun = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->may_end)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void wait_until_begun(test_gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    while (!gate->has_begun)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void open_gate(test_gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->may_end = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

Test(workers, run_all_that_was_queued_before_they_end, .timeout = 30)
{
    iscep_workers *workers = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_workers_new(&workers, 4, 1000, &err), ISCEP_OK);
    for (int i = 0; i < 1000; i++)
        cr_assert(iscep_workers_submit(workers, count, NULL));
    iscep_workers_free(workers);
    cr_assert_eq(atomic_load(&ran), 1000);
}

Test(workers, refuse_what_does_not_fit_into_the_queue, .timeout = 30)
{
    static test_gate the_gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    iscep_workers *workers = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_workers_new(&workers, 1, 2, &err), ISCEP_OK);
    cr_assert(iscep_workers_submit(workers, wait_at_gate, &the_gate));
    wait_until_begun(&the_gate);
    cr_assert(iscep_workers_submit(workers, count, NULL));
    cr_assert(iscep_workers_submit(workers, count, NULL));
    cr_assert_not(iscep_workers_submit(workers, count, NULL));
    open_gate(&the_gate);
    iscep_workers_free(workers);
    cr_assert_eq(atomic_load(&ran), 2);
}
