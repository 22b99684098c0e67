/* One thread, in order, and the loop hears of it. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>

#include "net/worker.h"
#include "tests/support/loop_thread.h"

typedef struct task {
    gate *may_work; /* NULL: at once */
    gate *has_begun;
    pthread_t worked_on;
    atomic_bool is_worked;
    bool is_done;
    pthread_t done_on;
    unsigned order;
} task;

static iscep_loop *loop;
static iscep_worker *worker;
static unsigned done_count;

static void set_up(void)
{
    cr_assert_eq(iscep_loop_new(&loop, NULL), ISCEP_OK);
    cr_assert_eq(iscep_worker_new(&worker, loop, NULL), ISCEP_OK);
}

static void tear_down(void)
{
    iscep_worker_free(worker);
    iscep_loop_free(loop);
}

TestSuite(worker, .init = set_up, .fini = tear_down);

static void work(void *user)
{
    task *t = user;
    if (t->has_begun != NULL)
        gate_pass(t->has_begun);
    if (t->may_work != NULL)
        gate_await(t->may_work, 1);
    t->worked_on = pthread_self();
    atomic_store(&t->is_worked, true);
}

static void done(void *user)
{
    task *t = user;
    cr_assert(atomic_load(&t->is_worked));
    t->is_done = true;
    t->done_on = pthread_self();
    t->order = ++done_count;
    iscep_loop_stop(loop);
}

Test(worker, works_elsewhere_and_reports_here_in_order)
{
    task tasks[10] = {0};
    for (size_t i = 0; i < 10; i++)
        cr_assert_eq(iscep_worker_run(worker, work, done, &tasks[i], NULL), ISCEP_OK);
    for (size_t i = 0; i < 10; i++) {
        loop_run_until(loop, &tasks[i].is_done);
        cr_assert_eq(tasks[i].order, i + 1);
        cr_assert_not(pthread_equal(tasks[i].worked_on, pthread_self()));
        cr_assert(pthread_equal(tasks[i].done_on, pthread_self()));
    }
}

static void *free_worker(void *user)
{
    iscep_worker_free(user);
    return NULL;
}

/* The freeing waits for the first; nobody hears of either. */
Test(worker, that_is_freed_finishes_what_it_has_begun_and_tells_nobody)
{
    gate may_work = GATE_INIT, has_begun = GATE_INIT;
    task first = {.may_work = &may_work, .has_begun = &has_begun}, second = {0};
    pthread_t freeing;
    cr_assert_eq(iscep_worker_run(worker, work, done, &first, NULL), ISCEP_OK);
    cr_assert_eq(iscep_worker_run(worker, work, done, &second, NULL), ISCEP_OK);
    gate_await(&has_begun, 1);
    cr_assert_eq(pthread_create(&freeing, NULL, free_worker, worker), 0);
    cr_assert_not(atomic_load(&first.is_worked));
    gate_pass(&may_work);
    pthread_join(freeing, NULL);
    worker = NULL;
    cr_assert(atomic_load(&first.is_worked));
    cr_assert_not(first.is_done);
    cr_assert_not(second.is_done);
}
