/* Where a journal with a database says that it stands, from one thing that happens to the next. */
#include "journal/standing.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/fake_env.h"

static fake_env world;
static iscep_standing *standing;

static void set_up(void)
{
    iscep_error err = ISCEP_ERROR_INIT;
    fake_env_init(&world);
    cr_assert_eq(iscep_standing_new(&standing, &world.env, &err), ISCEP_OK);
}

static void tear_down(void)
{
    iscep_standing_free(standing);
    fake_env_clear(&world);
}

TestSuite(standing, .init = set_up, .fini = tear_down);

static void expect(iscep_journal_whereabouts state, int64_t spooled, const char *why)
{
    iscep_journal_standing_facts facts;
    iscep_standing_get(standing, &facts);
    cr_assert_eq(facts.state, state);
    cr_assert_eq(iscep_standing_state(standing), state);
    cr_assert_eq(facts.spooled, spooled);
    cr_assert_str_eq(facts.why.message, why);
}

static void lose(const char *why)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_error_set(&err, ISCEP_STORAGE, "database", "%s", why);
    iscep_standing_set_reached(standing, &err);
}

Test(standing, is_returning_until_somebody_has_looked_at_the_spool)
{
    expect(ISCEP_JOURNAL_RETURNING, 0, "");
    iscep_standing_set_empty(standing);
    expect(ISCEP_JOURNAL_HERE, 0, "");
}

Test(standing, does_not_leave_for_a_count_of_nothing)
{
    iscep_standing_set_empty(standing);
    fake_env_advance(&world, 1000);
    iscep_standing_set_count(standing, 0);
    expect(ISCEP_JOURNAL_HERE, 0, "");
    iscep_standing_set_count(standing, 3);
    expect(ISCEP_JOURNAL_RETURNING, 3, "");
}

Test(standing, is_not_emptied_by_a_count_of_nothing)
{
    iscep_standing_set_count(standing, 0);
    expect(ISCEP_JOURNAL_RETURNING, 0, "");
    iscep_standing_add_spooled(standing);
    iscep_standing_set_count(standing, 0);
    expect(ISCEP_JOURNAL_RETURNING, 0, "");
}

Test(standing, what_comes_on_an_empty_spool_is_one_until_it_is_counted)
{
    iscep_standing_set_empty(standing);
    iscep_standing_add_spooled(standing);
    expect(ISCEP_JOURNAL_RETURNING, 1, "");
    iscep_standing_set_count(standing, 7);
    iscep_standing_add_spooled(standing);
    expect(ISCEP_JOURNAL_RETURNING, 7, "");
}

Test(standing, says_what_was_lost_and_what_came_back)
{
    iscep_standing_set_empty(standing);
    lose("no route");
    iscep_standing_add_spooled(standing);
    expect(ISCEP_JOURNAL_AWAY, 1, "no route");
    iscep_standing_set_reached(standing, NULL);
    expect(ISCEP_JOURNAL_RETURNING, 1, "");
    iscep_standing_add_moved(standing, 1);
    iscep_standing_set_empty(standing);
    expect(ISCEP_JOURNAL_HERE, 0, "");
    iscep_standing_tell(standing);
    iscep_standing_tell(standing);
    const char *log = fake_env_log(&world);
    const char *events[] = {" journal_away ", " journal_back ", " spool_drained "};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        const char *found = strstr(log, events[i]);
        cr_assert_not_null(found, "%s: %s", events[i], log);
        cr_assert_null(strstr(found + 1, events[i]), "once: %s", log);
    }
}

Test(standing, what_cannot_be_moved_is_said_until_it_is_gone)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_error_set(&err, ISCEP_STORAGE, "rights", "not allowed");
    iscep_standing_set_stuck(standing, &err);
    expect(ISCEP_JOURNAL_RETURNING, 0, "not allowed");
    iscep_standing_set_empty(standing);
    expect(ISCEP_JOURNAL_HERE, 0, "");
    iscep_standing_add_spooled(standing);
    expect(ISCEP_JOURNAL_RETURNING, 1, "");
}
