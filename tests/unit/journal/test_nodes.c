/* The nodes in the journal: each as it last said, forgotten when it has said nothing for a week. */
#include <criterion/criterion.h>
#include <string.h>

#include "desk_pair.h"
#include "journal/nodes.h"
#include "revocation_desk.h"
#include "waiting.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

static desk a, b; /* two nodes; b only where there can be two */
static iscep_json *document;

static void set_up(void)
{
    desk_pair_open(&a, &b);
}

static void tear_down(void)
{
    iscep_json_free(document);
    desk_pair_close(&a, &b);
}

TestSuite(nodes, .init = set_up, .fini = tear_down);

static void on_beaten(void *user, iscep_status status, bool is_name_taken, const iscep_error *err)
{
    waiting *w = user;
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    *(bool *)w->out = is_name_taken;
    end_waiting(w);
}

/* Is the name taken? */
static bool beat(desk *d, const char *version, const char *state, bool is_first)
{
    bool is_name_taken = false;
    waiting w = {.d = d, .out = &is_name_taken};
    const iscep_node_facts facts = {.version = version,
                                    .config_digest = "abc",
                                    .health = "working",
                                    .state = state,
                                    .spooled = 3,
                                    .started_unix_ms = FAKE_ENV_UNIX_MS};
    iscep_journal_beat(d->journal, &facts, is_first, on_beaten, &w);
    desk_wait(d, &w.is_done);
    return is_name_taken;
}

static void on_nodes(void *user, iscep_status status, iscep_json *json, const iscep_error *err)
{
    waiting *w = user;
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    iscep_json_free(document);
    document = json;
    end_waiting(w);
}

/* The index-th of all; NULL: there are not so many. */
static const iscep_json *node_at(desk *d, size_t index)
{
    waiting w = {.d = d};
    iscep_journal_nodes(d->journal, on_nodes, &w);
    desk_wait(d, &w.is_done);
    const iscep_json *node = iscep_json_first(iscep_json_member(document, "nodes"));
    while (node != NULL && index-- > 0)
        node = iscep_json_next(node);
    return node;
}

Test(nodes, nobody_has_beaten_in_an_empty_journal)
{
    cr_assert_null(node_at(&a, 0));
    cr_assert_gt(iscep_json_int_or_0(document, "schemaVersion"), 1);
}

Test(nodes, a_node_is_as_it_said)
{
    cr_assert_not(beat(&a, "1.2.3", "database", true));
    const iscep_json *node = node_at(&a, 0);
    cr_assert(iscep_json_has_text(node, "name", "node-a"));
    cr_assert(iscep_json_has_text(node, "instance", iscep_journal_instance(a.journal)));
    cr_assert(iscep_json_is_true(node, "isSelf"));
    cr_assert(iscep_json_has_text(node, "version", "1.2.3"));
    cr_assert(iscep_json_has_text(node, "configDigest", "abc"));
    cr_assert(iscep_json_has_text(node, "health", "working"));
    cr_assert(iscep_json_has_text(node, "state", "database"));
    cr_assert_eq(iscep_json_int_or_0(node, "spooled"), 3);
    cr_assert(iscep_json_has_text(node, "startedAt", "2026-11-18T11:06:40.000Z"));
    cr_assert_leq(iscep_json_int_or_0(node, "seenMsAgo"), desk_blur_ms(&a));
    cr_assert_null(iscep_json_first(iscep_json_member(node, "leads")));
    cr_assert_null(iscep_json_next(node));
}

Test(nodes, the_last_beat_counts)
{
    beat(&a, "1", "database", true);
    beat(&a, "2", "stopped", false);
    const iscep_json *node = node_at(&a, 0);
    cr_assert(iscep_json_has_text(node, "version", "2"));
    cr_assert(iscep_json_has_text(node, "state", "stopped"));
    cr_assert_null(node_at(&a, 1));
    fake_env_advance(&a.world, 90000);
    cr_assert_geq(iscep_json_int_or_0(node_at(&a, 0), "seenMsAgo"), 90000 - desk_blur_ms(&a));
}

Test(nodes, who_leads_is_told_by_tenant_while_his_term_lasts)
{
    beat(&a, "1", "database", true);
    desk_lead(&a);
    const iscep_json *leads = iscep_json_first(iscep_json_member(node_at(&a, 0), "leads"));
    cr_assert_str_eq(iscep_json_as_text(leads), DESK_TENANT);
    fake_env_advance(&a.world, DESK_LEASE_MS + 1000);
    cr_assert_null(iscep_json_first(iscep_json_member(node_at(&a, 0), "leads")));
}

/* --- several --- */

Test(nodes, each_sees_the_other_and_which_is_itself)
{
    if (!test_postgres_is_there())
        return;
    beat(&a, "1", "database", true);
    beat(&b, "2", "returning", true);
    cr_assert(iscep_json_has_text(node_at(&a, 1), "version", "2"));
    cr_assert_not(iscep_json_is_true(node_at(&a, 1), "isSelf"));
    cr_assert(iscep_json_is_true(node_at(&b, 1), "isSelf"));
    cr_assert(iscep_json_has_text(node_at(&b, 0), "name", "node-a"));
}

Test(nodes, a_clock_is_compared_with_the_databases)
{
    if (!test_postgres_is_there())
        return;
    beat(&a, "1", "database", true);
    b.world.unix_ms += DAY_MS;
    beat(&b, "1", "database", true);
    const int64_t first_ms = iscep_json_int_or_0(node_at(&a, 0), "clockOffsetMs");
    const int64_t apart_ms = iscep_json_int_or_0(node_at(&a, 1), "clockOffsetMs") - first_ms;
    cr_assert_lt(apart_ms - DAY_MS, desk_blur_ms(&a));
    cr_assert_gt(apart_ms - DAY_MS, -desk_blur_ms(&a));
}

Test(nodes, two_of_one_name_notice)
{
    if (!test_postgres_is_there())
        return;
    iscep_journal_close(b.journal);
    b.journal = NULL;
    b.options.node = "node-a";
    desk_start(&b);
    cr_assert_not(beat(&a, "1", "database", true));
    cr_assert_not(beat(&b, "1", "database", true)); /* as it would be after a restart */
    cr_assert(beat(&a, "1", "database", false));
    cr_assert(beat(&b, "1", "database", false));
}

Test(nodes, who_has_said_nothing_for_a_week_is_forgotten_by_the_others)
{
    if (!test_postgres_is_there())
        return;
    beat(&a, "1", "database", true);
    beat(&b, "1", "database", true);
    fake_env_advance(&b.world, 6 * DAY_MS);
    beat(&b, "1", "database", false);
    cr_assert_not_null(node_at(&b, 1));
    fake_env_advance(&b.world, 2 * DAY_MS);
    beat(&b, "1", "database", false);
    cr_assert(iscep_json_has_text(node_at(&b, 0), "name", "node-b"));
    cr_assert_null(node_at(&b, 1));
}
