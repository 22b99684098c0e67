/* Many jobs on a few threads. */
#include <criterion/criterion.h>
#include <stdatomic.h>

#include "fleet_crew.h"

enum { JOBS = 500, STEPS = 4, FOREVER_MS = 60000 };

static iscep_log quiet;
static iscep_env env;
static atomic_int calls[JOBS];
static atomic_int at_work;
static atomic_int most_at_work;

/* Every job waits a little three times, and then ends. */
static int64_t step(void *user, size_t at)
{
    (void)user;
    int busy = atomic_fetch_add(&at_work, 1) + 1, most = atomic_load(&most_at_work);
    while (busy > most && !atomic_compare_exchange_weak(&most_at_work, &most, busy))
        ;
    int count = atomic_fetch_add(&calls[at], 1) + 1;
    atomic_fetch_sub(&at_work, 1);
    return count == STEPS ? INT64_MAX : iscep_now_mono_ms(&env) + (int64_t)(at % 7);
}

static int64_t never_ends(void *user, size_t at)
{
    (void)user;
    atomic_fetch_add(&calls[at], 1);
    return iscep_now_mono_ms(&env) + FOREVER_MS;
}

static fleet_crew *start(int64_t (*go_on)(void *, size_t), uint32_t per_second)
{
    fleet_crew *crew = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    env = iscep_env_system(&quiet);
    const fleet_crew_options options = {
        .env = &env, .threads = 8, .begin_per_second = per_second, .count = JOBS, .go_on = go_on};
    cr_assert_eq(fleet_crew_start(&crew, &options, &err), ISCEP_OK);
    return crew;
}

Test(fleet_crew, takes_every_job_to_its_end)
{
    fleet_crew *crew = start(step, 0);
    cr_assert(fleet_crew_wait(crew, FOREVER_MS));
    fleet_crew_stop(crew);
    for (size_t i = 0; i < JOBS; i++)
        cr_assert_eq(calls[i], STEPS);
    cr_assert_leq(most_at_work, 8);
}

static int64_t base_mono_ms;
static bool is_too_late; /* the machine was busy: some had not begun when the first was due */
static size_t order[JOBS];
static size_t ordered;

/* On one thread: at first it waits for a time of its own, and then ends. 7 has no factor in common with JOBS. */
static int64_t wait_once(void *user, size_t at)
{
    (void)user;
    if (atomic_fetch_add(&calls[at], 1) == 0) {
        is_too_late = is_too_late || iscep_now_mono_ms(&env) >= base_mono_ms;
        return base_mono_ms + (int64_t)(at * 7 % JOBS);
    }
    order[ordered++] = at;
    return INT64_MAX;
}

Test(fleet_crew, takes_who_is_due_first_first)
{
    env = iscep_env_system(&quiet);
    int64_t delay_ms = 50;
    do {
        fleet_crew *crew = NULL;
        iscep_error err = ISCEP_ERROR_INIT;
        const fleet_crew_options options = {.env = &env, .threads = 1, .count = JOBS, .go_on = wait_once};
        for (size_t i = 0; i < JOBS; i++)
            atomic_store(&calls[i], 0);
        is_too_late = false;
        ordered = 0;
        base_mono_ms = iscep_now_mono_ms(&env) + (delay_ms *= 2);
        cr_assert_eq(fleet_crew_start(&crew, &options, &err), ISCEP_OK);
        cr_assert(fleet_crew_wait(crew, FOREVER_MS));
        fleet_crew_stop(crew);
    } while (is_too_late);
    for (size_t i = 0; i < JOBS; i++)
        cr_assert_eq(order[i] * 7 % JOBS, i);
}

Test(fleet_crew, begins_no_faster_than_it_is_told)
{
    env = iscep_env_system(&quiet);
    int64_t begun_mono_ms = iscep_now_mono_ms(&env);
    fleet_crew *crew = start(step, 1000);
    cr_assert(fleet_crew_wait(crew, FOREVER_MS));
    cr_assert_geq(iscep_now_mono_ms(&env) - begun_mono_ms, JOBS - 1);
    fleet_crew_stop(crew);
}

Test(fleet_crew, stops_with_jobs_that_wait)
{
    fleet_crew *crew = start(never_ends, 0);
    while (fleet_crew_look(crew).waiting < JOBS)
        cr_assert_not(fleet_crew_wait(crew, 1));
    fleet_crew_state state = fleet_crew_look(crew);
    cr_assert_eq(state.fresh, 0);
    cr_assert_eq(state.busy, 0);
    fleet_crew_stop(crew);
    for (size_t i = 0; i < JOBS; i++)
        cr_assert_eq(calls[i], 1);
}
