/*
 * The storm guard: who edits a SCEP profile may find that Intune revokes the certificates of the whole fleet. So what was
 * fetched is stored as unjudged, which nobody can claim, and counted; then it passes, or too many wait for a person. The
 * leader judges. What it decides is in the journal in the same step that carries it out, so that whoever leads next, or
 * starts again, goes on from there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/audit.h"
#include "base/metrics.h"
#include "service/revoker_parts.h"

enum {
    HOUR_MS = 3600 * 1000,
    LOOK_MS = 10000, /* between two looks at what other nodes have written */
    WORD_SIZE = 256,
};

/* --- the journal's word: "", "held SINCE REASON" or "approved AT", in Unix milliseconds --- */

static void read_word(iscep_revoker *revoker, iscep_journal_text_fn done)
{
    iscep_revoker_leave(revoker);
    iscep_journal_get_fact(revoker->journal, revoker->tenant, ISCEP_STORM_GUARD_FACT, done, revoker);
}

static void show_guard(const iscep_revoker *revoker)
{
    ISCEP_METRIC_SET(revoker->env->metrics, ISCEP_METRIC_STORM_GUARD, revoker->guard.is_held ? 1 : 0,
                     revoker->tenant);
}

static void take_held(iscep_revoker *revoker, const char *word)
{
    storm_guard *guard = &revoker->guard;
    char *rest = NULL;
    bool is_right = strncmp(word, "held ", 5) == 0;
    guard->is_held = true;
    guard->say_mono_ms = iscep_now_mono_ms(revoker->env) + HOUR_MS;
    guard->held_unix_ms = is_right ? strtoll(word + 5, &rest, 10) : iscep_now_unix_ms(revoker->env);
    iscep_text_copy(guard->reason, sizeof guard->reason,
                    is_right && *rest == ' ' ? rest + 1
                                             : "the journal's note about the storm guard cannot be read");
    iscep_revocation_work_let_go(revoker);
}

/* The same word as before changes nothing: what was made of it meanwhile stays. */
static void take_word(iscep_revoker *revoker, const char *fact)
{
    storm_guard *guard = &revoker->guard;
    const char *word = fact != NULL ? fact : "";
    if (guard->word != NULL && strcmp(guard->word, word) == 0)
        return;
    free(guard->word);
    guard->word = strdup(word); /* NULL, no memory: it is read again */
    guard->is_held = false;
    guard->held_count = 0;
    guard->approved_unix_ms = 0;
    if (strncmp(word, "approved ", 9) == 0)
        guard->approved_unix_ms = strtoll(word + 9, NULL, 10);
    else if (word[0] != '\0')
        take_held(revoker, word);
    show_guard(revoker);
}

void iscep_storm_guard_recall(iscep_revoker *revoker, const char *fact)
{
    revoker->guard.is_storing = false;
    take_word(revoker, fact);
}

/* --- the next look --- */

static void plan_look(iscep_revoker *revoker)
{
    const storm_guard *guard = &revoker->guard;
    int64_t left_ms = guard->say_mono_ms - iscep_now_mono_ms(revoker->env);
    if (revoker->is_retired)
        return;
    if (revoker->is_shared)
        iscep_timer_arm(guard->timer, LOOK_MS);
    else if (guard->is_held)
        iscep_timer_arm(guard->timer, left_ms > 0 ? left_ms : 0);
}

/* --- the judgement --- */

/* What the journal has answered is of use if we still lead. */
static bool may_judge(const iscep_revoker *revoker)
{
    return !revoker->is_retired && iscep_revoker_is_leader(revoker);
}

static void end_judging(iscep_revoker *revoker)
{
    storm_guard *guard = &revoker->guard;
    guard->is_judging = false;
    if (guard->is_judgement_wanted && may_judge(revoker)) {
        iscep_storm_guard_judge(revoker);
        return;
    }
    plan_look(revoker);
    iscep_revocation_work_wake(revoker);
}

/* Judges anew in a moment: the journal has failed, or somebody else has spoken. Nothing is carried out until then. */
static void try_later(iscep_revoker *revoker, const iscep_error *err)
{
    bool is_failure = strcmp(err->code, "guard_changed") != 0;
    if (!may_judge(revoker)) {
        end_judging(revoker);
        return;
    }
    if (is_failure)
        iscep_log_event(revoker->env->log, iscep_revoker_is_said(err) ? ISCEP_LOG_DEBUG : ISCEP_LOG_ERROR,
                        "revocations_not_judged", ISCEP_LOG_TEXT("tenant", revoker->tenant),
                        ISCEP_LOG_TEXT("code", err->code), ISCEP_LOG_TEXT("reason", err->message));
    iscep_timer_arm(revoker->guard.timer, iscep_revoker_backoff_ms(revoker, 1, -1));
}

/* The journal has come back. Without an answer nothing goes on until it is asked again. */
static bool may_go_on(iscep_revoker *revoker, iscep_status status, const iscep_error *err)
{
    if (!iscep_revoker_return(revoker))
        return false;
    if (status != ISCEP_OK)
        try_later(revoker, err);
    return status == ISCEP_OK;
}

static void say_held(iscep_revoker *revoker)
{
    storm_guard *guard = &revoker->guard;
    guard->say_mono_ms = iscep_now_mono_ms(revoker->env) + HOUR_MS;
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
    if (!may_go_on(revoker, status, err))
        return;
    storm_guard *guard = &revoker->guard;
    bool is_more = guard->is_held && counts->held > guard->held_count;
    guard->held_count = counts->held;
    if (is_more) {
        say_held(revoker);
        iscep_audit_event(revoker->env->audit, "revocations_held", ISCEP_LOG_TEXT("tenant", revoker->tenant),
                          ISCEP_LOG_NUM("held", counts->held), ISCEP_LOG_TEXT("reason", guard->reason));
    }
    end_judging(revoker);
}

static void on_held_word(void *user, iscep_status status, const char *fact, const iscep_error *err)
{
    iscep_revoker *revoker = user;
    if (!may_go_on(revoker, status, err))
        return;
    take_word(revoker, fact);
    iscep_revoker_leave(revoker);
    iscep_journal_count_revocations(revoker->journal, revoker->tenant, 0, on_held_counts, revoker);
}

static void on_held(void *user, iscep_status status, int64_t held, const iscep_error *err)
{
    iscep_revoker *revoker = user;
    (void)held;
    if (!may_go_on(revoker, status, err))
        return;
    read_word(revoker, on_held_word);
}

/* What was claimed here and not begun is given back first, and is held with the rest. */
static void hold(iscep_revoker *revoker, const char *word)
{
    const iscep_guard_step step = {
        .fence = iscep_revoker_fence(revoker), .seen = revoker->guard.word, .word = word};
    iscep_revocation_work_let_go(revoker);
    iscep_revoker_leave(revoker);
    iscep_journal_hold_revocations(revoker->journal, revoker->tenant, &step, on_held, revoker);
}

static void trip(iscep_revoker *revoker)
{
    char word[WORD_SIZE];
    snprintf(word, sizeof word, "held %" PRId64 " %s", iscep_now_unix_ms(revoker->env),
             revoker->guard.reason);
    hold(revoker, word);
}

static void on_passed(void *user, iscep_status status, int64_t passed, const iscep_error *err)
{
    iscep_revoker *revoker = user;
    (void)passed;
    if (!may_go_on(revoker, status, err))
        return;
    end_judging(revoker);
}

static void pass(iscep_revoker *revoker)
{
    const char *word = revoker->guard.word;
    const iscep_guard_step step = {.fence = iscep_revoker_fence(revoker), .seen = word, .word = word};
    iscep_revoker_leave(revoker);
    iscep_journal_pass_revocations(revoker->journal, revoker->tenant, &step, on_passed, revoker);
}

/* Those that were carried out within the period were active at its beginning. */
static int64_t active_before(const iscep_revocation_counts *counts)
{
    int64_t carried_out = counts->asked_since - counts->unjudged - counts->waiting - counts->held;
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

/* What a round is still storing has not been counted: the round's own judgement lets it pass. */
static void on_counts(void *user, iscep_status status, const iscep_revocation_counts *counts,
                      const iscep_error *err)
{
    iscep_revoker *revoker = user;
    if (!may_go_on(revoker, status, err))
        return;
    if (may_judge(revoker) && is_storm(&revoker->guard, revoker->options, counts))
        trip(revoker);
    else if (may_judge(revoker) && !revoker->guard.is_storing)
        pass(revoker);
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
    iscep_journal_count_revocations(revoker->journal, revoker->tenant, guard->counted_from_unix_ms, on_counts,
                                    revoker);
}

/* Held already: what has come since is held, too. */
static void on_word(void *user, iscep_status status, const char *fact, const iscep_error *err)
{
    iscep_revoker *revoker = user;
    if (!may_go_on(revoker, status, err))
        return;
    take_word(revoker, fact);
    if (!may_judge(revoker) || revoker->guard.word == NULL)
        end_judging(revoker);
    else if (revoker->guard.is_held)
        hold(revoker, revoker->guard.word);
    else
        count(revoker);
}

void iscep_storm_guard_close(iscep_revoker *revoker)
{
    heed_clock(revoker);
    revoker->guard.is_storing = true;
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
    if (!may_judge(revoker))
        return;
    guard->is_judgement_wanted = guard->is_judging;
    if (guard->is_judging)
        return;
    guard->is_judging = true;
    read_word(revoker, on_word);
}

/* --- how others have left it --- */

static void on_look(void *user, iscep_status status, const char *fact, const iscep_error *err)
{
    iscep_revoker *revoker = user;
    (void)err; /* the journal says itself what is wrong with it */
    if (!iscep_revoker_return(revoker))
        return;
    if (status == ISCEP_OK && !revoker->guard.is_judging)
        take_word(revoker, fact);
    if (revoker->guard.is_held && may_judge(revoker))
        iscep_storm_guard_judge(revoker); /* what another node had claimed, and gave back, is held, too */
    else if (!revoker->guard.is_judging)
        plan_look(revoker);
}

static void on_timer(void *user)
{
    iscep_revoker *revoker = user;
    const storm_guard *guard = &revoker->guard;
    if (guard->is_judging) {
        read_word(revoker, on_word);
        return;
    }
    if (guard->is_held && may_judge(revoker) && iscep_now_mono_ms(revoker->env) >= guard->say_mono_ms)
        say_held(revoker);
    read_word(revoker, on_look);
}

void iscep_storm_guard_stand_down(iscep_revoker *revoker)
{
    storm_guard *guard = &revoker->guard;
    guard->is_storing = guard->is_judgement_wanted = false;
    if (!guard->is_judging && !revoker->is_retired)
        iscep_timer_arm(guard->timer, 0);
    iscep_revocation_work_wake(revoker);
}

iscep_status iscep_storm_guard_init(iscep_revoker *revoker, iscep_error *err)
{
    return iscep_timer_new(&revoker->guard.timer, revoker->loop, on_timer, revoker, err);
}

void iscep_storm_guard_clear(iscep_revoker *revoker)
{
    free(revoker->guard.word);
}

/* --- a person's word --- */

typedef struct approval {
    iscep_revoker *revoker;
    char word[WORD_SIZE];
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
        take_word(revoker, given->word);
        iscep_log_event(revoker->env->log, ISCEP_LOG_WARN, "revocations_approved",
                        ISCEP_LOG_TEXT("tenant", revoker->tenant), ISCEP_LOG_NUM("released", released));
        iscep_audit_event(revoker->env->audit, "revocations_approved",
                          ISCEP_LOG_TEXT("tenant", revoker->tenant), ISCEP_LOG_NUM("released", released));
    }
    iscep_storm_guard_judge(revoker);
    iscep_revocation_work_wake(revoker);
    end_approval(given, status, released, err);
}

/* Counting begins behind what there is, whose clock is another node's. */
static void on_approval_counts(void *user, iscep_status status, const iscep_revocation_counts *counts,
                               const iscep_error *err)
{
    approval *given = user;
    iscep_revoker *revoker = given->revoker;
    if (!iscep_revoker_return(revoker) || status != ISCEP_OK) {
        end_approval(given, status, 0, err);
        return;
    }
    int64_t now_unix_ms = iscep_now_unix_ms(revoker->env);
    snprintf(given->word, sizeof given->word, "approved %" PRId64,
             counts->newest_unix_ms < now_unix_ms ? now_unix_ms : counts->newest_unix_ms + 1);
    const iscep_guard_step step = {.is_persons = true, .word = given->word};
    iscep_revoker_leave(revoker);
    iscep_journal_pass_revocations(revoker->journal, revoker->tenant, &step, on_released, given);
}

void iscep_revoker_approve(iscep_revoker *revoker, iscep_journal_count_fn done, void *user)
{
    iscep_error err = ISCEP_ERROR_INIT;
    approval *given = malloc(sizeof *given);
    if (given == NULL) {
        iscep_error_set(&err, ISCEP_NOMEM, "nomem", "out of memory");
        done(user, err.status, 0, &err);
        return;
    }
    *given = (approval){.revoker = revoker, .done = done, .user = user};
    iscep_revoker_leave(revoker);
    iscep_journal_count_revocations(revoker->journal, revoker->tenant, 0, on_approval_counts, given);
}
