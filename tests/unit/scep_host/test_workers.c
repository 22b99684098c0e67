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
    static iscep_job jobs[1000];
    for (int i = 0; i < 1000; i++) {
        jobs[i] = (iscep_job){.run = count};
        cr_assert(iscep_workers_submit(workers, &jobs[i]));
    }
    iscep_workers_free(workers);
    cr_assert_eq(atomic_load(&ran), 1000);
}

Test(workers, refuse_what_does_not_fit_into_the_queue, .timeout = 30)
{
    iscep_workers *workers = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_workers_new(&workers, 1, 2, &err), ISCEP_OK);
    iscep_job waiting = {.run = wait_for_release};
    iscep_job jobs[] = {{.run = count}, {.run = count}, {.run = count}, {.run = count}};
    cr_assert(iscep_workers_submit(workers, &waiting));
    gate_await(&begun, 1);
    cr_assert(iscep_workers_submit(workers, &jobs[0]));
    cr_assert(iscep_workers_submit(workers, &jobs[1]));
    cr_assert_not(iscep_workers_submit(workers, &jobs[2]));
    iscep_workers_resume(workers, &jobs[3]); /* what was begun is not turned away */
    gate_pass(&released);
    iscep_workers_free(workers);
    cr_assert_eq(atomic_load(&ran), 3);
}

Test(workers, are_waited_for_as_long_as_one_likes, .timeout = 30)
{
    iscep_workers *workers = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_workers_new(&workers, 2, 2, &err), ISCEP_OK);
    cr_assert(iscep_workers_await_idle(workers, 0));
    iscep_job waiting = {.run = wait_for_release};
    cr_assert(iscep_workers_submit(workers, &waiting));
    gate_await(&begun, 1);
    cr_assert_not(iscep_workers_await_idle(workers, 10));
    gate_pass(&released);
    cr_assert(iscep_workers_await_idle(workers, 10000));
    iscep_workers_free(workers);
}
