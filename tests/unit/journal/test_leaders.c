/* Who leads: one node at a time, as long as it says so in time; and what a leader of before still had is not written. */
#include <criterion/criterion.h>
#include <string.h>

#include "desk_pair.h"
#include "journal/leaders.h"
#include "revocation_desk.h"

enum { TERM_MS = DESK_LEASE_MS, HOUR_MS = 3600 * 1000 };

static desk a, b; /* two nodes; b only where there can be two */

static void set_up(void)
{
    desk_pair_open(&a, &b);
}

static void tear_down(void)
{
    desk_pair_close(&a, &b);
}

TestSuite(leaders, .init = set_up, .fini = tear_down);

/* --- asking --- */

typedef struct answer {
    bool is_done;
    desk *d;
    iscep_status status;
    char error[64];
    iscep_leadership standing;
    char node[64];
} answer;

static void on_standing(void *user, iscep_status status, const iscep_leadership *standing,
                        const iscep_error *err)
{
    answer *out = user;
    out->status = status;
    iscep_text_copy(out->error, sizeof out->error, err->code);
    out->standing = *standing;
    iscep_text_copy(out->node, sizeof out->node, standing->node);
    out->is_done = true;
    iscep_loop_stop(out->d->loop);
}

static answer lead_of(desk *d, const char *tenant, int64_t fence)
{
    answer out = {.d = d};
    iscep_journal_lead(d->journal, tenant, ISCEP_TASK_REVOCATIONS, fence, TERM_MS, on_standing, &out);
    desk_wait(d, &out.is_done);
    cr_assert_eq(out.status, ISCEP_OK, "%s", out.error);
    return out;
}

static void assert_follows(desk *d, int64_t fence, const char *leader)
{
    const answer got = lead_of(d, DESK_TENANT, fence);
    cr_assert_not(got.standing.is_leader);
    cr_assert_eq(got.standing.fence, 0);
    cr_assert_str_eq(got.node, leader);
}

/* One revocation, by whoever has this fence. */
static iscep_status store_with(desk *d, int64_t fence, const char *context)
{
    const desk_count stored = desk_store(d, fence, context, "01");
    cr_assert_str_eq(stored.error, stored.status == ISCEP_OK ? "" : "not_leader");
    cr_assert_eq(stored.count, stored.status == ISCEP_OK ? 1 : 0);
    return stored.status;
}

/* --- with and without others --- */

Test(leaders, a_new_term_ends_the_one_before_of_the_same_process)
{
    const int64_t first = desk_lead(&a), second = desk_lead(&a);
    cr_assert_gt(second, first);
    assert_follows(&a, first, "node-a");
    const answer again = lead_of(&a, DESK_TENANT, second);
    cr_assert(again.standing.is_leader);
    cr_assert_eq(again.standing.fence, second);
}

Test(leaders, only_the_newest_terms_leader_can_write)
{
    const int64_t first = desk_lead(&a);
    cr_assert_eq(store_with(&a, first, "c1"), ISCEP_OK);
    const int64_t second = desk_lead(&a);
    cr_assert_eq(store_with(&a, first, "c2"), ISCEP_USAGE);
    cr_assert_eq(store_with(&a, 0, "c2"), ISCEP_USAGE);
    cr_assert_eq(store_with(&a, second + 1, "c2"), ISCEP_USAGE);
    cr_assert_eq(store_with(&a, second, "c2"), ISCEP_OK);
}

Test(leaders, each_tenant_has_its_own)
{
    const int64_t ours = desk_lead(&a);
    const answer other = lead_of(&a, "fabrikam", 0);
    cr_assert(other.standing.is_leader);
    cr_assert_eq(lead_of(&a, DESK_TENANT, ours).standing.fence, ours);
}

Test(leaders, with_a_journal_of_its_own_a_node_leads_for_ever_and_at_once_after_a_restart)
{
    if (test_postgres_is_there())
        return;
    const answer first = lead_of(&a, DESK_TENANT, 0);
    cr_assert_eq(first.standing.until_mono_ms, ISCEP_LEADS_FOR_EVER);
    a.world.next_random = 200;
    desk_reopen(&a);
    const answer second = lead_of(&a, DESK_TENANT, 0);
    cr_assert(second.standing.is_leader);
    cr_assert_gt(second.standing.fence, first.standing.fence);
}

/* --- with others --- */

Test(leaders, of_two_nodes_one_leads_and_the_other_is_told_who_and_until_when)
{
    if (!test_postgres_is_there())
        return;
    const answer first = lead_of(&a, DESK_TENANT, 0);
    cr_assert(first.standing.is_leader);
    cr_assert_eq(first.standing.until_mono_ms, a.world.mono_ms + TERM_MS);
    const answer other = lead_of(&b, DESK_TENANT, 0);
    cr_assert_not(other.standing.is_leader);
    cr_assert_str_eq(other.node, "node-a");
    cr_assert_geq(other.standing.until_mono_ms, b.world.mono_ms + TERM_MS - desk_blur_ms(&a));
    cr_assert_leq(other.standing.until_mono_ms, b.world.mono_ms + TERM_MS + desk_blur_ms(&a));
}

Test(leaders, a_term_that_is_prolonged_goes_on)
{
    if (!test_postgres_is_there())
        return;
    const int64_t fence = desk_lead(&a);
    for (int i = 0; i < 5; i++) {
        desk_pair_advance(&a, &b, TERM_MS / 2);
        cr_assert_eq(lead_of(&a, DESK_TENANT, fence).standing.fence, fence);
        assert_follows(&b, 0, "node-a");
    }
}

Test(leaders, who_was_paused_beyond_his_term_finds_another_and_writes_nothing)
{
    if (!test_postgres_is_there())
        return;
    const int64_t fence = desk_lead(&a);
    desk_pair_advance(&a, &b, TERM_MS + desk_blur_ms(&a));
    const int64_t others = desk_lead(&b);
    cr_assert_gt(others, fence);
    cr_assert_eq(store_with(&a, fence, "late"), ISCEP_USAGE);
    cr_assert_eq(store_with(&b, others, "in time"), ISCEP_OK);
    assert_follows(&a, fence, "node-b");
    cr_assert_eq(store_with(&a, fence, "later"), ISCEP_USAGE);
}

Test(leaders, a_term_that_ended_and_that_nobody_took_can_still_be_prolonged_and_written_with)
{
    if (!test_postgres_is_there())
        return;
    const int64_t fence = desk_lead(&a);
    desk_pair_advance(&a, &b, HOUR_MS);
    cr_assert_eq(store_with(&a, fence, "c1"), ISCEP_OK);
    cr_assert_eq(lead_of(&a, DESK_TENANT, fence).standing.fence, fence);
    assert_follows(&b, 0, "node-a");
}

Test(leaders, who_resigns_hands_over_at_once_but_not_somebody_elses_term)
{
    if (!test_postgres_is_there())
        return;
    const int64_t fence = desk_lead(&a);
    iscep_journal_resign(b.journal, DESK_TENANT, ISCEP_TASK_REVOCATIONS, fence);
    desk_flush(&b);
    assert_follows(&b, 0, "node-a");
    iscep_journal_resign(a.journal, DESK_TENANT, ISCEP_TASK_REVOCATIONS, fence);
    desk_flush(&a);
    const int64_t others = desk_lead(&b);
    iscep_journal_resign(a.journal, DESK_TENANT, ISCEP_TASK_REVOCATIONS, others);
    desk_flush(&a);
    assert_follows(&a, 0, "node-b");
}

Test(leaders, wall_clocks_an_hour_apart_are_no_matter)
{
    if (!test_postgres_is_there())
        return;
    b.world.unix_ms += HOUR_MS;
    const int64_t fence = desk_lead(&a);
    assert_follows(&b, 0, "node-a");
    a.world.unix_ms -= HOUR_MS;
    cr_assert_eq(lead_of(&a, DESK_TENANT, fence).standing.fence, fence);
    assert_follows(&b, 0, "node-a");
}
