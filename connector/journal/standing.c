/* See standing.h. */
#include "journal/standing.h"

#include <pthread.h>
#include <stdlib.h>

#define SAID_AGAIN_AFTER_MS (INT64_C(3600) * 1000) /* what cannot be moved and is tried each second */

/* What the log says: counted, so that nothing is left out that began and ended between two looks. */
typedef struct happenings {
    int64_t left;
    int64_t back;
    int64_t drained;
} happenings;

struct iscep_standing {
    const iscep_env *env;
    pthread_mutex_t lock; /* guards what follows */
    bool is_away;
    bool is_spool_empty;
    int64_t since_unix_ms;
    iscep_error why; /* it was lost the last time */
    bool is_stuck;
    iscep_error stuck; /* why something cannot be moved */
    bool was_stuck_told;
    int64_t stuck_told_mono_ms;
    int64_t spooled;
    int64_t moved; /* since the spool was empty */
    happenings happened;
    happenings told;
    iscep_bell *changed;
};

iscep_status iscep_standing_new(iscep_standing **out, const iscep_env *env, iscep_error *err)
{
    iscep_standing *standing = calloc(1, sizeof *standing);
    if (standing == NULL)
        return iscep_error_nomem(err);
    standing->env = env;
    standing->since_unix_ms = iscep_now_unix_ms(env);
    standing->why = standing->stuck = (iscep_error)ISCEP_ERROR_INIT;
    pthread_mutex_init(&standing->lock, NULL);
    *out = standing;
    return ISCEP_OK;
}

void iscep_standing_free(iscep_standing *standing)
{
    if (standing == NULL)
        return;
    pthread_mutex_destroy(&standing->lock);
    free(standing);
}

/* --- said --- */

static iscep_journal_whereabouts state_locked(const iscep_standing *standing)
{
    if (standing->is_away)
        return ISCEP_JOURNAL_AWAY;
    return standing->is_spool_empty ? ISCEP_JOURNAL_HERE : ISCEP_JOURNAL_RETURNING;
}

static void end_change_locked(iscep_standing *standing, iscep_journal_whereabouts before)
{
    if (state_locked(standing) == before)
        return;
    standing->since_unix_ms = iscep_now_unix_ms(standing->env);
    if (standing->changed != NULL)
        iscep_bell_ring(standing->changed);
}

void iscep_standing_set_reached(iscep_standing *standing, const iscep_error *err)
{
    pthread_mutex_lock(&standing->lock);
    iscep_journal_whereabouts before = state_locked(standing);
    bool was_away = standing->is_away;
    standing->is_away = err != NULL;
    if (err != NULL)
        standing->why = *err;
    standing->happened.left += standing->is_away && !was_away;
    standing->happened.back += !standing->is_away && was_away;
    end_change_locked(standing, before);
    pthread_mutex_unlock(&standing->lock);
}

void iscep_standing_set_empty(iscep_standing *standing)
{
    pthread_mutex_lock(&standing->lock);
    iscep_journal_whereabouts before = state_locked(standing);
    standing->happened.drained += !standing->is_spool_empty && standing->moved > 0;
    standing->is_spool_empty = true;
    standing->spooled = 0;
    standing->is_stuck = false;
    end_change_locked(standing, before);
    pthread_mutex_unlock(&standing->lock);
}

static void set_spooled_locked(iscep_standing *standing, int64_t count)
{
    iscep_journal_whereabouts before = state_locked(standing);
    standing->is_spool_empty = standing->is_spool_empty && count == 0;
    standing->spooled = count;
    end_change_locked(standing, before);
}

void iscep_standing_add_spooled(iscep_standing *standing)
{
    pthread_mutex_lock(&standing->lock);
    set_spooled_locked(standing, standing->spooled > 0 ? standing->spooled : 1);
    pthread_mutex_unlock(&standing->lock);
}

void iscep_standing_set_count(iscep_standing *standing, int64_t count)
{
    pthread_mutex_lock(&standing->lock);
    set_spooled_locked(standing, count);
    pthread_mutex_unlock(&standing->lock);
}

void iscep_standing_add_moved(iscep_standing *standing, int64_t count)
{
    pthread_mutex_lock(&standing->lock);
    standing->moved += count;
    standing->spooled = standing->spooled > count ? standing->spooled - count : 0;
    pthread_mutex_unlock(&standing->lock);
}

void iscep_standing_set_stuck(iscep_standing *standing, const iscep_error *err)
{
    pthread_mutex_lock(&standing->lock);
    standing->is_stuck = err != NULL;
    if (err != NULL)
        standing->stuck = *err;
    if (err != NULL && standing->changed != NULL)
        iscep_bell_ring(standing->changed);
    pthread_mutex_unlock(&standing->lock);
}

/* --- asked --- */

iscep_journal_whereabouts iscep_standing_state(iscep_standing *standing)
{
    pthread_mutex_lock(&standing->lock);
    iscep_journal_whereabouts state = state_locked(standing);
    pthread_mutex_unlock(&standing->lock);
    return state;
}

void iscep_standing_get(iscep_standing *standing, iscep_journal_standing_facts *out)
{
    pthread_mutex_lock(&standing->lock);
    *out = (iscep_journal_standing_facts){.is_shared = true,
                                          .state = state_locked(standing),
                                          .since_unix_ms = standing->since_unix_ms,
                                          .why = ISCEP_ERROR_INIT,
                                          .spooled = standing->spooled};
    if (standing->is_away)
        out->why = standing->why;
    else if (standing->is_stuck)
        out->why = standing->stuck;
    pthread_mutex_unlock(&standing->lock);
}

void iscep_standing_watch(iscep_standing *standing, iscep_bell *changed)
{
    pthread_mutex_lock(&standing->lock);
    standing->changed = changed;
    pthread_mutex_unlock(&standing->lock);
}

static void log_error(const iscep_log *log, iscep_log_level level, const char *event, const iscep_error *err)
{
    iscep_log_event(log, level, event, ISCEP_LOG_TEXT("code", err->code),
                    ISCEP_LOG_TEXT("reason", err->message));
}

/* Once, and again if it lasts. */
static bool is_stuck_news_locked(iscep_standing *standing)
{
    const int64_t now_mono_ms = iscep_now_mono_ms(standing->env);
    bool is_news = standing->is_stuck && (!standing->was_stuck_told ||
                                          now_mono_ms - standing->stuck_told_mono_ms >= SAID_AGAIN_AFTER_MS);
    if (is_news)
        standing->stuck_told_mono_ms = now_mono_ms;
    standing->was_stuck_told = is_news || (standing->was_stuck_told && !standing->is_spool_empty);
    return is_news;
}

void iscep_standing_tell(iscep_standing *standing)
{
    const iscep_log *log = standing->env->log;
    pthread_mutex_lock(&standing->lock);
    const happenings now = standing->happened, before = standing->told;
    const iscep_error why = standing->why, stuck = standing->stuck;
    int64_t moved = standing->moved, spooled = standing->spooled;
    const bool is_stuck_news = is_stuck_news_locked(standing);
    standing->told = now;
    if (now.drained > before.drained)
        standing->moved = 0;
    pthread_mutex_unlock(&standing->lock);
    if (now.left > before.left)
        log_error(log, ISCEP_LOG_WARN, "journal_away", &why);
    if (now.back > before.back)
        iscep_log_event(log, ISCEP_LOG_INFO, "journal_back", ISCEP_LOG_NUM("spooled", spooled));
    if (is_stuck_news)
        log_error(log, ISCEP_LOG_ERROR, "spool_stuck", &stuck);
    if (now.drained > before.drained)
        iscep_log_event(log, ISCEP_LOG_INFO, "spool_drained", ISCEP_LOG_NUM("moved", moved));
}
