/*
 * The storm guard: who edits a SCEP profile may find that Intune revokes the certificates of the whole fleet. So what was
 * fetched is counted before the first of it is carried out, and too many wait for a person. That they wait is written
 * down before anything else: a restart changes nothing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/audit.h"
#include "base/metrics.h"
#include "service/revoker_parts.h"

enum { HOUR_MS = 3600 * 1000 };

static void hold(iscep_revoker *revoker);
static void count(iscep_revoker *revoker);

/* --- what a restart must not forget: "held SINCE REASON" or "approved AT", in Unix milliseconds --- */

void iscep_storm_guard_recall(iscep_revoker *revoker, const char *fact)
{
    storm_guard *guard = &revoker->guard;
    char *rest = NULL;
    if (fact == NULL || guard->approved_unix_ms != 0) /* a person was faster */
        return;
    if (strncmp(fact, "approved ", 9) == 0) {
        guard->approved_unix_ms = strtoll(fact + 9, NULL, 10);
        return;
    }
    bool is_right = strncmp(fact, "held ", 5) == 0;
    guard->is_held = true;
    guard->held_unix_ms = is_right ? strtoll(fact + 5, &rest, 10) : iscep_now_unix_ms(revoker->env);
    iscep_text_copy(guard->reason, sizeof guard->reason,
                    is_right && *rest == ' ' ? rest + 1
                                             : "the journal's note about the storm guard cannot be read");
}

/* --- the judgement --- */

static void show_guard(const iscep_revoker *revoker)
{
    ISCEP_METRIC_SET(revoker->env->metrics, ISCEP_METRIC_STORM_GUARD, revoker->guard.is_held ? 1 : 0,
                     revoker->tenant);
}

/* Tries the step again in which the journal has failed. Nothing is carried out until it works. */
static void try_later(iscep_revoker *revoker, const iscep_error *err)
{
    iscep_log_event(revoker->env->log, ISCEP_LOG_ERROR, "revocations_not_judged",
                    ISCEP_LOG_TEXT("tenant", revoker->tenant), ISCEP_LOG_TEXT("code", err->code),
                    ISCEP_LOG_TEXT("reason", err->message));
    iscep_timer_arm(revoker->guard.timer, iscep_revoker_backoff_ms(revoker, 1, -1));
}

static void end_judging(iscep_revoker *revoker)
{
    storm_guard *guard = &revoker->guard;
    guard->is_judging = false;
    show_guard(revoker);
    if (guard->is_judgement_wanted) {
        iscep_storm_guard_judge(revoker);
        return;
    }
    guard->is_closed = guard->is_held || guard->is_storing;
    if (guard->is_held)
        iscep_timer_arm(guard->timer, HOUR_MS);
    iscep_revocation_work_wake(revoker);
}

static void say_held(iscep_revoker *revoker)
{
    const storm_guard *guard = &revoker->guard;
    iscep_log_event(revoker->env->log, ISCEP_LOG_ERROR, "revocations_held",
                    ISCEP_LOG_TEXT("tenant", revoker->tenant), ISCEP_LOG_NUM("held", guard->held_count),
                    ISCEP_LOG_TEXT("reason", guard->reason),
                    ISCEP_LOG_TEXT("advice", "look at intune-scepctl revocations list, then approve them"));
}

/* How many are held by now, those of earlier rounds included. */
static void on_held_counts(void *user, iscep_status status, const iscep_revocation_counts *counts,
                           const iscep_error *err)
{
    iscep_revoker *revoker = user;
    if (!iscep_revoker_return(revoker))
        return;
    if (status != ISCEP_OK) {
        try_later(revoker, err);
        return;
    }
    bool is_more = counts->held > revoker->guard.held_count;
    revoker->guard.held_count = counts->held;
    if (is_more) {
        say_held(revoker);
        iscep_audit_event(revoker->env->audit, "revocations_held", ISCEP_LOG_TEXT("tenant", revoker->tenant),
                          ISCEP_LOG_NUM("held", counts->held),
                          ISCEP_LOG_TEXT("reason", revoker->guard.reason));
    }
    end_judging(revoker);
}

static void on_held(void *user, iscep_status status, int64_t held, const iscep_error *err)
{
    iscep_revoker *revoker = user;
    (void)held;
    if (!iscep_revoker_return(revoker))
        return;
    if (status != ISCEP_OK)
        try_later(revoker, err);
    else
        count(revoker);
}

static void hold(iscep_revoker *revoker)
{
    iscep_revocation_work_let_go(revoker);
    iscep_revoker_leave(revoker);
    iscep_journal_hold_revocations(revoker->journal, revoker->tenant, true, on_held, revoker);
}

static void on_noted(void *user, iscep_status status, const iscep_error *err)
{
    iscep_revoker *revoker = user;
    if (!iscep_revoker_return(revoker))
        return;
    revoker->guard.is_held = status == ISCEP_OK;
    show_guard(revoker);
    if (status != ISCEP_OK)
        try_later(revoker, err);
    else
        hold(revoker);
}

static void trip(iscep_revoker *revoker)
{
    storm_guard *guard = &revoker->guard;
    char fact[sizeof guard->reason + 32];
    guard->held_unix_ms = iscep_now_unix_ms(revoker->env);
    guard->held_count = 0;
    snprintf(fact, sizeof fact, "held %" PRId64 " %s", guard->held_unix_ms, guard->reason);
    iscep_revoker_leave(revoker);
    iscep_journal_set_fact(revoker->journal, revoker->tenant, STORM_GUARD_FACT, fact, on_noted, revoker);
}

/* Those that were carried out within the period were active at its beginning. */
static int64_t active_before(const iscep_revocation_counts *counts)
{
    int64_t carried_out = counts->asked_since - counts->waiting - counts->held;
    return counts->active_certificates + (carried_out > 0 ? carried_out : 0);
}

/* Fills in the reason if it is a storm. */
static bool is_storm(storm_guard *guard, const iscep_revoker_options *options,
                     const iscep_revocation_counts *counts)
{
    long long hours = (options->storm_period_ms + HOUR_MS - 1) / HOUR_MS;
    int64_t active = active_before(counts);
    bool is_fleet = counts->active_certificates > options->storm_floor; /* whatever was carried out before */
    if (options->storm_limit > 0 && counts->asked_since > options->storm_limit) {
        snprintf(guard->reason, sizeof guard->reason,
                 "%" PRId64 " revocations were asked for within %lld h, more than %" PRId64 " (storm_limit)",
                 counts->asked_since, hours, options->storm_limit);
        return true;
    }
    if (options->storm_percent == 0 || !is_fleet ||
        counts->asked_since * 100 <= active * options->storm_percent)
        return false;
    snprintf(guard->reason, sizeof guard->reason,
             "%" PRId64 " revocations were asked for within %lld h, more than %" PRId64 " %% of %" PRId64
             " active certificates (storm_percent)",
             counts->asked_since, hours, options->storm_percent, active);
    return true;
}

static void on_counts(void *user, iscep_status status, const iscep_revocation_counts *counts,
                      const iscep_error *err)
{
    iscep_revoker *revoker = user;
    if (!iscep_revoker_return(revoker))
        return;
    if (status != ISCEP_OK)
        try_later(revoker, err);
    else if (revoker->guard.approved_unix_ms > revoker->guard.counted_from_unix_ms)
        count(revoker); /* a person was faster */
    else if (is_storm(&revoker->guard, revoker->options, counts))
        trip(revoker);
    else
        end_judging(revoker);
}

/* An approval that is yet to come was given when the clock was ahead: until then the guard would count nothing. */
static void heed_clock(iscep_revoker *revoker)
{
    int64_t now_unix_ms = iscep_now_unix_ms(revoker->env);
    if (revoker->guard.approved_unix_ms > now_unix_ms)
        revoker->guard.approved_unix_ms = now_unix_ms;
}

static void count(iscep_revoker *revoker)
{
    storm_guard *guard = &revoker->guard;
    heed_clock(revoker);
    int64_t from_unix_ms = iscep_now_unix_ms(revoker->env) - revoker->options->storm_period_ms;
    guard->counted_from_unix_ms =
        from_unix_ms > guard->approved_unix_ms ? from_unix_ms : guard->approved_unix_ms;
    iscep_revoker_leave(revoker);
    iscep_journal_count_revocations(revoker->journal, revoker->tenant, guard->counted_from_unix_ms,
                                    guard->is_held ? on_held_counts : on_counts, revoker);
}

static void on_leftovers(void *user, iscep_status status, int64_t released, const iscep_error *err)
{
    iscep_revoker *revoker = user;
    (void)released;
    if (!iscep_revoker_return(revoker))
        return;
    revoker->guard.is_consistent = status == ISCEP_OK;
    if (status == ISCEP_OK)
        count(revoker);
    else
        try_later(revoker, err);
}

/*
 * Held already: what has come since is held, too. Otherwise nothing may be, and the first time that is made sure of: an
 * earlier process may have ended between the note of an approval and the release.
 */
static void judge_again(iscep_revoker *revoker)
{
    if (revoker->guard.is_held) {
        hold(revoker);
    } else if (revoker->guard.is_consistent) {
        count(revoker);
    } else {
        iscep_revoker_leave(revoker);
        iscep_journal_hold_revocations(revoker->journal, revoker->tenant, false, on_leftovers, revoker);
    }
}

void iscep_storm_guard_close(iscep_revoker *revoker)
{
    heed_clock(revoker);
    revoker->guard.is_closed = revoker->guard.is_storing = true;
}

void iscep_storm_guard_judge_round(iscep_revoker *revoker)
{
    revoker->guard.is_storing = false;
    iscep_storm_guard_judge(revoker);
}

/* Who was retired begins nothing: whoever follows judges for himself. */
void iscep_storm_guard_judge(iscep_revoker *revoker)
{
    storm_guard *guard = &revoker->guard;
    if (revoker->is_retired)
        return;
    guard->is_judgement_wanted = guard->is_judging;
    if (guard->is_judging)
        return;
    guard->is_closed = guard->is_judging = true;
    judge_again(revoker);
}

/* Once an hour while they are held, or a moment after the journal has failed. */
static void on_timer(void *user)
{
    iscep_revoker *revoker = user;
    if (!revoker->guard.is_judging) {
        say_held(revoker);
        iscep_timer_arm(revoker->guard.timer, HOUR_MS);
        return;
    }
    judge_again(revoker);
}

iscep_status iscep_storm_guard_init(iscep_revoker *revoker, iscep_error *err)
{
    revoker->guard.is_closed = true;
    return iscep_timer_new(&revoker->guard.timer, revoker->loop, on_timer, revoker, err);
}

/* --- a person's word --- */

typedef struct approval {
    iscep_revoker *revoker;
    int64_t at_unix_ms;
    iscep_journal_count_fn done;
    void *user;
} approval;

static void end_approval(approval *given, iscep_status status, int64_t released, const iscep_error *err)
{
    given->done(given->user, status, released, err);
    free(given);
}

static void on_released(void *user, iscep_status status, int64_t released, const iscep_error *err)
{
    approval *given = user;
    iscep_revoker *revoker = given->revoker;
    if (!iscep_revoker_return(revoker)) {
        end_approval(given, status, released, err);
        return;
    }
    if (status == ISCEP_OK) {
        iscep_log_event(revoker->env->log, ISCEP_LOG_WARN, "revocations_approved",
                        ISCEP_LOG_TEXT("tenant", revoker->tenant), ISCEP_LOG_NUM("released", released));
        iscep_audit_event(revoker->env->audit, "revocations_approved",
                          ISCEP_LOG_TEXT("tenant", revoker->tenant), ISCEP_LOG_NUM("released", released));
    }
    iscep_storm_guard_judge(revoker);
    end_approval(given, status, released, err);
}

static void release(approval *given)
{
    iscep_revoker_leave(given->revoker);
    iscep_journal_hold_revocations(given->revoker->journal, given->revoker->tenant, false, on_released,
                                   given);
}

static void on_approval_noted(void *user, iscep_status status, const iscep_error *err)
{
    approval *given = user;
    iscep_revoker *revoker = given->revoker;
    if (!iscep_revoker_return(revoker) || status != ISCEP_OK) {
        end_approval(given, status, 0, err);
        return;
    }
    revoker->guard.is_held = false;
    show_guard(revoker);
    revoker->guard.approved_unix_ms = given->at_unix_ms;
    revoker->guard.held_count = 0;
    release(given);
}

void iscep_revoker_approve(iscep_revoker *revoker, iscep_journal_count_fn done, void *user)
{
    char fact[40];
    iscep_error err = ISCEP_ERROR_INIT;
    approval *given = malloc(sizeof *given);
    if (given == NULL) {
        iscep_error_set(&err, ISCEP_NOMEM, "nomem", "out of memory");
        done(user, err.status, 0, &err);
        return;
    }
    *given = (approval){revoker, iscep_now_unix_ms(revoker->env), done, user};
    snprintf(fact, sizeof fact, "approved %" PRId64, given->at_unix_ms);
    iscep_revoker_leave(revoker);
    iscep_journal_set_fact(revoker->journal, revoker->tenant, STORM_GUARD_FACT, fact, on_approval_noted,
                           given);
}
