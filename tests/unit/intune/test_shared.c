/* One value for many waiters; only the generation that was found useless is dropped. */
#include <criterion/criterion.h>

#include "intune/shared.h"

typedef struct told {
    unsigned count;
    iscep_status status;
    char value[32];
    uint64_t generation;
} told;

static void on_value(void *user, iscep_status status, const char *value, uint64_t generation,
                     const iscep_error *err)
{
    (void)err;
    told *t = user;
    t->count++;
    t->status = status;
    iscep_text_copy(t->value, sizeof t->value, value != NULL ? value : "(null)");
    t->generation = generation;
}

static const iscep_error none = ISCEP_ERROR_INIT;

Test(shared, tells_everyone_who_waited_once_and_in_order)
{
    iscep_shared shared;
    iscep_wait waits[3];
    told tolds[3] = {0};
    iscep_shared_init(&shared);
    for (int i = 0; i < 3; i++)
        iscep_shared_wait(&shared, &waits[i], on_value, &tolds[i]);
    cr_assert_eq(iscep_shared_set(&shared, "v1", NULL), ISCEP_OK);
    iscep_shared_settle(&shared, ISCEP_OK, &none);
    iscep_shared_settle(&shared, ISCEP_OK, &none);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(tolds[i].count, 1);
        cr_assert_eq(tolds[i].status, ISCEP_OK);
        cr_assert_str_eq(tolds[i].value, "v1");
        cr_assert_eq(tolds[i].generation, 1);
    }
    iscep_shared_clear(&shared);
}

Test(shared, failure_reaches_the_waiters_without_a_value)
{
    iscep_shared shared;
    iscep_wait wait;
    told t = {0};
    iscep_error err;
    iscep_shared_init(&shared);
    cr_assert_eq(iscep_shared_set(&shared, "old", NULL), ISCEP_OK);
    iscep_shared_wait(&shared, &wait, on_value, &t);
    (void)iscep_error_set(&err, ISCEP_AUTH, "x", "y");
    iscep_shared_settle(&shared, ISCEP_AUTH, &err);
    cr_assert_eq(t.status, ISCEP_AUTH);
    cr_assert_str_eq(t.value, "(null)");
    iscep_shared_clear(&shared);
}

Test(shared, one_who_cancelled_is_not_told)
{
    iscep_shared shared;
    iscep_wait waits[2];
    told tolds[2] = {0};
    iscep_shared_init(&shared);
    iscep_shared_wait(&shared, &waits[0], on_value, &tolds[0]);
    iscep_shared_wait(&shared, &waits[1], on_value, &tolds[1]);
    iscep_wait_cancel(&waits[0]);
    iscep_wait_cancel(&waits[0]); /* again is nothing */
    cr_assert_eq(iscep_shared_set(&shared, "v", NULL), ISCEP_OK);
    iscep_shared_settle(&shared, ISCEP_OK, &none);
    cr_assert_eq(tolds[0].count, 0);
    cr_assert_eq(tolds[1].count, 1);
    iscep_shared_clear(&shared);
}

Test(shared, only_the_generation_found_useless_is_dropped)
{
    iscep_shared shared;
    iscep_shared_init(&shared);
    cr_assert_eq(iscep_shared_set(&shared, "one", NULL), ISCEP_OK);
    uint64_t first = shared.generation;
    cr_assert_eq(iscep_shared_set(&shared, "two", NULL), ISCEP_OK);
    iscep_shared_drop(&shared, first);
    cr_assert_str_eq(shared.value, "two");
    iscep_shared_drop(&shared, shared.generation);
    cr_assert_null(shared.value);
    cr_assert_eq(iscep_shared_set(&shared, "three", NULL), ISCEP_OK);
    cr_assert_eq(shared.generation, 3); /* never reused */
    iscep_shared_clear(&shared);
}

/* A waiter that, when told, drops the value, cancels its neighbour and waits again. */
typedef struct meddler {
    iscep_shared *shared;
    iscep_wait wait;
    iscep_wait *neighbour;
    unsigned count;
} meddler;

static void meddle(void *user, iscep_status status, const char *value, uint64_t generation,
                   const iscep_error *err)
{
    (void)status;
    (void)value;
    (void)err;
    meddler *m = user;
    m->count++;
    iscep_shared_drop(m->shared, generation);
    iscep_wait_cancel(m->neighbour);
    iscep_shared_wait(m->shared, &m->wait, meddle, m);
}

Test(shared, a_waiter_may_meddle_when_told)
{
    iscep_shared shared;
    iscep_wait neighbour_wait, last_wait;
    told neighbour = {0}, last = {0};
    iscep_shared_init(&shared);
    meddler m = {.shared = &shared, .neighbour = &neighbour_wait};
    iscep_shared_wait(&shared, &m.wait, meddle, &m);
    iscep_shared_wait(&shared, &neighbour_wait, on_value, &neighbour);
    iscep_shared_wait(&shared, &last_wait, on_value, &last);
    cr_assert_eq(iscep_shared_set(&shared, "v", NULL), ISCEP_OK);
    iscep_shared_settle(&shared, ISCEP_OK, &none);
    cr_assert_eq(m.count, 1, "who waits again is not told by the same settle");
    cr_assert_eq(neighbour.count, 0);
    cr_assert_eq(last.count, 1);
    cr_assert_eq(last.status, ISCEP_NETWORK, "the value was dropped before its turn");
    cr_assert_str_eq(last.value, "(null)");
    iscep_wait_cancel(&m.wait);
    iscep_shared_clear(&shared);
}
