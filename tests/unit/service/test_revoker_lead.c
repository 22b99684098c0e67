/* Of several nodes one asks Intune for revocations: who does not lead asks nothing, and who led stores nothing any more. */
#include <criterion/criterion.h>
#include <string.h>

#include "journal/leaders.h"
#include "tests/support/test_postgres.h"
#include "tests/unit/service/revoker_world.h"

enum { TERM_MS = 30000 };

static test_postgres database;

static void set_up(void)
{
    revoker_world_init();
    if (!test_postgres_is_there())
        return;
    test_postgres_make(&database);
    world.journal_options.database = &database.options;
    world.journal_options.node = "node-a";
}

TestSuite(revoker_lead, .init = set_up, .fini = revoker_world_clear);

static void on_standing(void *user, iscep_status status, const iscep_leadership *standing,
                        const iscep_error *err)
{
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    cr_assert(standing->is_leader);
    iscep_loop_stop(user);
}

/* Begins a term, through a journal of that loop. */
static void lead_instead(iscep_journal *journal, iscep_loop *loop)
{
    iscep_journal_lead(journal, REVOKER_TENANT, ISCEP_TASK_REVOCATIONS, 0, TERM_MS, on_standing, loop);
    iscep_loop_run(loop);
}

static bool has_refused_to_store(void)
{
    return revoker_world_has_logged("revocation_poll_failed") && revoker_world_has_logged("code=not_leader");
}

static bool has_polled(void)
{
    return world.downloads > 0 && !revoker_world_has_logged("revocation_poll_failed") &&
           revoker_world_has_logged("revocations_polled");
}

/* As if this process had been stopped in the middle of a download, for longer than its term. */
Test(revoker_lead, what_comes_after_another_has_begun_to_lead_is_not_stored)
{
    revoker_world_start();
    revoker_world_await(has_polled);
    lead_instead(world.journal, world.loop);
    revoker_world_ask_many(1);
    revoker_world_poll();
    revoker_world_await(has_refused_to_store);
    cr_assert_eq(revoker_world_counts().asked_since, 0);
    cr_assert_eq(blue.count, 0);
}

/* Another node, which was first. */
typedef struct other_node {
    temp_dir dir;
    char path[128];
    iscep_loop *loop;
    iscep_journal *journal;
} other_node;

static void open_other(other_node *other)
{
    iscep_journal_options options = world.journal_options;
    iscep_error err = ISCEP_ERROR_INIT;
    temp_dir_make(&other->dir);
    temp_dir_path(&other->dir, other->path, sizeof other->path, "spool.db");
    options.path = other->path;
    options.node = "node-b";
    cr_assert_eq(iscep_loop_new(&other->loop, NULL), ISCEP_OK);
    cr_assert_eq(iscep_journal_open(&other->journal, &world.env, other->loop, &options, &err), ISCEP_OK, "%s",
                 err.message);
}

static void close_other(other_node *other)
{
    iscep_journal_close(other->journal);
    iscep_loop_free(other->loop);
    temp_dir_remove(&other->dir);
}

static bool is_following(void)
{
    return revoker_world_has_logged("following tenant=contoso leader=node-b");
}

Test(revoker_lead, who_follows_asks_nothing_and_says_who_leads)
{
    other_node other;
    ISCEP_AUTO_JSON *described = iscep_json_new_object();
    if (!test_postgres_is_there())
        return;
    open_other(&other);
    lead_instead(other.journal, other.loop);
    revoker_world_start();
    revoker_world_await(is_following);
    cr_assert_str_eq(iscep_revoker_poll_now(world.revoker), "node-b");
    revoker_world_settle();
    cr_assert_eq(world.downloads, 0);
    iscep_revoker_describe(world.revoker, described);
    cr_assert_not(iscep_json_is_true(described, "isLeader"));
    cr_assert(iscep_json_has_text(described, "leader", "node-b"));
    cr_assert(iscep_json_is_null(iscep_json_member(described, "nextPollAt")));
    close_other(&other);
}

Test(revoker_lead, who_is_alone_leads_and_says_so)
{
    ISCEP_AUTO_JSON *described = iscep_json_new_object();
    revoker_world_start();
    revoker_world_await(has_polled);
    iscep_revoker_describe(world.revoker, described);
    cr_assert(iscep_json_is_true(described, "isLeader"));
    cr_assert_null(iscep_revoker_poll_now(world.revoker));
}
