/* See revoker.h. */
#include "service/revoker.h"

#include <stdlib.h>
#include <string.h>

#include "service/revoker_parts.h"

enum {
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS,
    FIRST_BACKOFF_MS = 5000,
    MAX_RETRY_AFTER_MS = HOUR_MS,
    LOOK_MS = 100, /* between two looks whether the one before has ended */
};

/*
 * The storm guard's bound is generous. A wipe or an offboarding revokes a handful at a time, a busy day of a large tenant
 * some hundred; an edited profile revokes everybody. In a small tenant 500 is everybody, so a share counts, too; below 50
 * certificates a share is a handful, which a person may well mean.
 */
const iscep_revoker_options iscep_revoker_options_default = {
    .poll_interval_ms = 15 * MINUTE_MS,
    .batch = 100,
    .retry_for_ms = DAY_MS,
    .max_backoff_ms = 10 * MINUTE_MS,
    .storm_limit = 500,
    .storm_percent = 20,
    .storm_floor = 50,
    .storm_period_ms = DAY_MS,
};

/* --- a life that the journal's callbacks may prolong --- */

static void destroy(iscep_revoker *revoker)
{
    if (revoker->after != NULL)
        revoker->after->before = NULL;
    iscep_storm_guard_clear(revoker);
    iscep_revocation_work_clear(revoker);
    iscep_revocation_upload_clear(revoker);
    free(revoker);
}

void iscep_revoker_leave(iscep_revoker *revoker)
{
    revoker->operations++;
}

bool iscep_revoker_return(iscep_revoker *revoker)
{
    revoker->operations--;
    if (!revoker->is_freed)
        return true;
    if (revoker->operations == 0)
        destroy(revoker);
    return false;
}

void iscep_revoker_free(iscep_revoker *revoker)
{
    if (revoker == NULL)
        return;
    if (revoker->before != NULL)
        revoker->before->after = NULL;
    iscep_revocation_lead_end(revoker);
    iscep_timer_free(revoker->start_timer);
    iscep_timer_free(revoker->poll.timer);
    iscep_timer_free(revoker->guard.timer);
    iscep_timer_free(revoker->work.timer);
    iscep_timer_free(revoker->upload.timer);
    revoker->is_freed = true;
    if (revoker->operations == 0)
        destroy(revoker);
}

int64_t iscep_revoker_backoff_ms(const iscep_revoker *revoker, uint32_t failures, int64_t retry_after_ms)
{
    int64_t cap_ms = revoker->options->max_backoff_ms, jitter_ms = 0;
    int64_t pause_ms = cap_ms < FIRST_BACKOFF_MS ? cap_ms : FIRST_BACKOFF_MS;
    for (uint32_t i = 1; i < failures && pause_ms < cap_ms; i++)
        pause_ms *= 2;
    pause_ms = pause_ms < cap_ms ? pause_ms : cap_ms;
    if (iscep_random_up_to(&jitter_ms, revoker->env, pause_ms / 2, NULL) == ISCEP_OK)
        pause_ms -= jitter_ms;
    if (retry_after_ms > MAX_RETRY_AFTER_MS)
        retry_after_ms = MAX_RETRY_AFTER_MS;
    return pause_ms > retry_after_ms ? pause_ms : retry_after_ms;
}

bool iscep_revoker_is_said(const iscep_error *err)
{
    return strcmp(err->code, "journal_away") == 0;
}

/* --- the start --- */

/* Once: two at the same time would each begin a round. */
static void begin(void *user)
{
    iscep_revoker *revoker = user;
    if (revoker->before != NULL && !iscep_revoker_is_idle(revoker->before)) {
        iscep_timer_arm(revoker->start_timer, LOOK_MS);
        return;
    }
    if (revoker->before != NULL)
        revoker->before->after = NULL;
    revoker->before = NULL;
    iscep_revocation_lead_begin(revoker);
}

iscep_status iscep_revoker_new(iscep_revoker **out, const iscep_env *env, iscep_intune *intune,
                               iscep_journal *journal, const iscep_routing *routing, const char *tenant,
                               const iscep_revoker_options *options, iscep_error *err)
{
    iscep_revoker *revoker = calloc(1, sizeof *revoker);
    if (revoker == NULL)
        return iscep_error_nomem(err);
    revoker->env = env;
    revoker->loop = iscep_intune_loop(intune);
    revoker->intune = intune;
    revoker->journal = journal;
    revoker->routing = routing;
    revoker->tenant = tenant;
    revoker->options = options;
    TAILQ_INIT(&revoker->work.items);
    iscep_journal_standing_facts standing;
    iscep_journal_standing(journal, &standing);
    revoker->is_shared = standing.is_shared;
    iscep_status status = iscep_timer_new(&revoker->start_timer, revoker->loop, begin, revoker, err);
    if (status == ISCEP_OK)
        status = iscep_revocation_lead_init(revoker, err);
    if (status == ISCEP_OK)
        status = iscep_revocation_poll_init(revoker, err);
    if (status == ISCEP_OK)
        status = iscep_storm_guard_init(revoker, err);
    if (status == ISCEP_OK)
        status = iscep_revocation_work_init(revoker, err);
    if (status == ISCEP_OK)
        status = iscep_revocation_upload_init(revoker, err);
    if (status != ISCEP_OK) {
        iscep_revoker_free(revoker);
        return status;
    }
    iscep_timer_arm(revoker->start_timer, 0); /* by then it knows whom it follows */
    *out = revoker;
    return ISCEP_OK;
}

/* --- another takes over --- */

void iscep_revoker_retire(iscep_revoker *revoker)
{
    revoker->is_retired = true;
    iscep_timer_disarm(revoker->start_timer);
    iscep_timer_disarm(revoker->poll.timer);
    iscep_timer_disarm(revoker->guard.timer);
    if (revoker->upload.batch == NULL)
        iscep_timer_disarm(revoker->upload.timer);
    iscep_revocation_work_retire(revoker);
}

bool iscep_revoker_is_idle(const iscep_revoker *revoker)
{
    return revoker->is_retired && !revoker->is_freed && revoker->before == NULL && revoker->operations == 0 &&
           !revoker->poll.is_under_way && revoker->upload.batch == NULL && revoker->work.item_count == 0;
}

/* Who has not begun yet has nothing to end: it is the one before it that is waited for. */
void iscep_revoker_follow(iscep_revoker *revoker, iscep_revoker *before)
{
    if (before == NULL || revoker->before != NULL)
        return;
    iscep_revoker_retire(before);
    revoker->before = before->before != NULL ? before->before : before;
    before->before = NULL;
    revoker->before->after = revoker;
    revoker->poll.is_wanted_again = before->poll.is_wanted_again; /* somebody was told that it would be */
    iscep_timer_arm(revoker->start_timer, 0);
}

/* --- what others ask of it --- */

void iscep_revoker_wake(iscep_revoker *revoker)
{
    iscep_revocation_work_wake(revoker);
    iscep_revocation_upload_wake(revoker);
}

bool iscep_revoker_is_polling(const iscep_revoker *revoker)
{
    return revoker->options->is_polling;
}

const char *iscep_revoker_poll_now(iscep_revoker *revoker)
{
    if (revoker->is_started && !iscep_revoker_is_leader(revoker))
        return revoker->lead.node;
    iscep_revocation_poll_now(revoker);
    return NULL;
}

static void describe_time(iscep_json *object, const char *name, int64_t unix_ms)
{
    char text[ISCEP_ISO8601_SIZE];
    iscep_iso8601_emit(text, unix_ms);
    iscep_json_add_text(object, name, unix_ms > 0 ? text : NULL);
}

void iscep_revoker_describe(const iscep_revoker *revoker, iscep_json *object)
{
    const revocation_poll *poll = &revoker->poll;
    const storm_guard *guard = &revoker->guard;
    iscep_json_add_bool(object, "isLeader", iscep_revoker_is_leader(revoker));
    iscep_json_add_text(object, "leader", revoker->lead.node[0] != '\0' ? revoker->lead.node : NULL);
    describe_time(object, "lastPollAt", poll->last_unix_ms);
    iscep_json_add_text(object, "lastPollResult", poll->result[0] != '\0' ? poll->result : NULL);
    describe_time(object, "nextPollAt", poll->next_unix_ms);
    iscep_json_add_bool(object, "isHeld", guard->is_held);
    describe_time(object, "heldSince", guard->is_held ? guard->held_unix_ms : 0);
    iscep_json_add_text(object, "heldReason", guard->is_held ? guard->reason : NULL);
}
