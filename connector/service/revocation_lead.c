/*
 * Of the nodes that share a journal one leads for a tenant: it asks Intune for revocations, and judges whether there are too
 * many. Whoever takes over recalls what was known, as after a restart. With a journal of this node's own it always leads.
 */
#include <string.h>

#include "base/metrics.h"
#include "service/revoker_parts.h"

enum {
    TERM_MS = 30 * 1000, /* so long after a leader's end another takes over */
    PROLONG_MS = TERM_MS / 3,
    SOON_MS = 10, /* after another's term, by which it is over by his clock, too */
};

static void ask(void *user);

/* --- what the others want to know --- */

bool iscep_revoker_is_leader(const iscep_revoker *revoker)
{
    const revocation_lead *lead = &revoker->lead;
    return lead->is_recalled && iscep_now_mono_ms(revoker->env) < lead->until_mono_ms;
}

int64_t iscep_revoker_fence(const iscep_revoker *revoker)
{
    return revoker->lead.fence;
}

/* --- to lead, and not to lead --- */

static void plan(iscep_revoker *revoker, int64_t delay_ms)
{
    iscep_timer_arm(revoker->lead.timer, delay_ms);
}

/* What an earlier process or another node has left cannot be read: it is tried again. */
static bool is_read(iscep_revoker *revoker, iscep_status status, const iscep_error *err)
{
    if (revoker->is_retired)
        return false; /* who follows reads it himself */
    if (status == ISCEP_OK)
        return true;
    iscep_log_event(revoker->env->log, iscep_revoker_is_said(err) ? ISCEP_LOG_DEBUG : ISCEP_LOG_ERROR,
                    "revocations_not_started", ISCEP_LOG_TEXT("tenant", revoker->tenant),
                    ISCEP_LOG_TEXT("code", err->code), ISCEP_LOG_TEXT("reason", err->message));
    plan(revoker, iscep_revoker_backoff_ms(revoker, 1, -1));
    return false;
}

/* Where nobody asks Intune nobody is looked for who does. */
static void say_leading(const iscep_revoker *revoker)
{
    if (!revoker->options->is_polling)
        return;
    ISCEP_METRIC_SET(revoker->env->metrics, ISCEP_METRIC_LEADER, iscep_revoker_is_leader(revoker) ? 1 : 0,
                     revoker->tenant);
}

static void on_poll_fact(void *user, iscep_status status, const char *value, const iscep_error *err)
{
    iscep_revoker *revoker = user;
    if (!iscep_revoker_return(revoker) || !is_read(revoker, status, err))
        return;
    iscep_revocation_poll_recall(revoker, value);
    revoker->lead.is_recalled = true;
    revoker->is_started = true;
    say_leading(revoker);
    iscep_storm_guard_judge(revoker);
    iscep_revocation_poll_begin(revoker);
    iscep_revocation_upload_wake(revoker);
}

static void on_guard_fact(void *user, iscep_status status, const char *value, const iscep_error *err)
{
    iscep_revoker *revoker = user;
    if (!iscep_revoker_return(revoker) || !is_read(revoker, status, err))
        return;
    iscep_storm_guard_recall(revoker, value);
    iscep_revoker_leave(revoker);
    iscep_journal_get_fact(revoker->journal, revoker->tenant, REVOCATION_POLL_FACT, on_poll_fact, revoker);
}

static void take_over(iscep_revoker *revoker)
{
    iscep_revoker_leave(revoker);
    iscep_journal_get_fact(revoker->journal, revoker->tenant, ISCEP_STORM_GUARD_FACT, on_guard_fact, revoker);
}

/* What is carried out here all the same is what the leader has let pass. */
static void stand_down(iscep_revoker *revoker)
{
    const bool was_known = revoker->is_started && !revoker->lead.is_recalled;
    revoker->lead.is_recalled = false;
    say_leading(revoker);
    if (was_known || revoker->is_retired)
        return;
    revoker->is_started = true;
    iscep_revocation_poll_stop(revoker);
    iscep_storm_guard_stand_down(revoker);
    iscep_revocation_upload_wake(revoker);
}

/* --- the term --- */

static void say_changed(const iscep_revoker *revoker, const iscep_leadership *standing)
{
    if (strcmp(revoker->lead.node, standing->node) == 0 || standing->until_mono_ms == ISCEP_LEADS_FOR_EVER)
        return;
    iscep_log_event(revoker->env->log, ISCEP_LOG_INFO, standing->is_leader ? "leading" : "following",
                    ISCEP_LOG_TEXT("tenant", revoker->tenant), ISCEP_LOG_TEXT("leader", standing->node));
}

static void lead_on(iscep_revoker *revoker, const iscep_leadership *standing)
{
    revocation_lead *lead = &revoker->lead;
    const bool is_same = lead->fence == standing->fence && lead->is_recalled;
    const bool has_lapsed = !iscep_revoker_is_leader(revoker);
    lead->fence = standing->fence;
    lead->until_mono_ms = standing->until_mono_ms;
    if (standing->until_mono_ms != ISCEP_LEADS_FOR_EVER)
        plan(revoker, PROLONG_MS);
    if (!is_same) {
        lead->is_recalled = false;
        take_over(revoker);
    } else if (has_lapsed) {
        iscep_revocation_poll_begin(revoker);
    }
    say_leading(revoker);
}

/* Asks again when the other's term is over, or looks whether he has resigned. */
static void follow(iscep_revoker *revoker, const iscep_leadership *standing)
{
    const int64_t left_ms = standing->until_mono_ms - iscep_now_mono_ms(revoker->env) + SOON_MS;
    revoker->lead.fence = 0;
    stand_down(revoker);
    plan(revoker, left_ms < SOON_MS ? SOON_MS : left_ms < PROLONG_MS ? left_ms : PROLONG_MS);
}

/* While nobody can be asked the term goes on until its end, and then nothing is begun. */
static void on_standing(void *user, iscep_status status, const iscep_leadership *standing,
                        const iscep_error *err)
{
    iscep_revoker *revoker = user;
    if (!iscep_revoker_return(revoker))
        return;
    revoker->lead.is_asking = false;
    if (status != ISCEP_OK) {
        say_leading(revoker);
        if (revoker->is_started)
            plan(revoker, iscep_revoker_backoff_ms(revoker, 1, -1));
        else
            (void)is_read(revoker, status, err);
        return;
    }
    say_changed(revoker, standing);
    iscep_text_copy(revoker->lead.node, sizeof revoker->lead.node, standing->node);
    if (standing->is_leader)
        lead_on(revoker, standing);
    else
        follow(revoker, standing);
}

/* Who was retired leads until what it has begun has ended, so that this is taken; and never begins a term. */
static void ask(void *user)
{
    iscep_revoker *revoker = user;
    revocation_lead *lead = &revoker->lead;
    if (lead->is_asking || (revoker->is_retired && (lead->fence == 0 || iscep_revoker_is_idle(revoker))))
        return;
    lead->is_asking = true;
    iscep_revoker_leave(revoker);
    iscep_journal_lead(revoker->journal, revoker->tenant, ISCEP_TASK_REVOCATIONS, lead->fence, TERM_MS,
                       on_standing, revoker);
}

iscep_status iscep_revocation_lead_init(iscep_revoker *revoker, iscep_error *err)
{
    return iscep_timer_new(&revoker->lead.timer, revoker->loop, ask, revoker, err);
}

void iscep_revocation_lead_begin(iscep_revoker *revoker)
{
    ask(revoker);
}

void iscep_revocation_lead_end(iscep_revoker *revoker)
{
    iscep_timer_free(revoker->lead.timer);
    if (revoker->lead.fence != 0)
        iscep_journal_resign(revoker->journal, revoker->tenant, ISCEP_TASK_REVOCATIONS, revoker->lead.fence);
}
