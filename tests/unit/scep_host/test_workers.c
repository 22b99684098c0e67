/* The worker pool. */
#include "workers.h"

#include <stdatomic.h>

#include <criterion/criterion.h>

#include "tests/support/loop_thread.h"

static atomic_int ran;

static void count(void *user)
{
    (void)user;
    atomic_fetch_add(&ran, 1);
}

static gate begun = GATE_INIT;
static gate released = GATE_INIT;

/* A job that says when it has begun, and ends when it may. */
static void wait_for_release(void *user)
{
    (void)user;
    gate_pass(&begun);
    gate_await(&released, 1);
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
    iscep_workers *workers = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_workers_new(&workers, 1, 2, &err), ISCEP_OK);
    cr_assert(iscep_workers_submit(workers, wait_for_release, NULL));
    gate_await(&begun, 1);
    cr_assert(iscep_workers_submit(workers, count, NULL));
    cr_assert(iscep_workers_submit(workers, count, NULL));
    cr_assert_not(iscep_workers_submit(workers, count, NULL));
    gate_pass(&released);
    iscep_workers_free(workers);
    cr_assert_eq(atomic_load(&ran), 2);
}
