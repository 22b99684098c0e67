/* See mover.h. */
#include "journal/mover.h"

#include <stdlib.h>
#include <string.h>

#include "journal/put.h"

enum {
    BUSY_SLICE = 16, /* enrolments, while somebody waits */
    MAX_FIRST = 32,  /* that somebody waits for, in a slice of their own */
    CONFLICT_PAUSE_MS = 20,
    GROUPS_PER_COUNT = 256 /* while the database is away */
};

struct iscep_mover {
    const iscep_env *env;
    iscep_engine *home;
    iscep_standing *standing;
    iscep_aliases *aliases;
    iscep_journal_tuning tuning;
    int64_t opened_unix_ms;
    iscep_db target;   /* a connection of its own */
    bool has_more;     /* on the spool; true until it has been looked at */
    int uncounted;     /* groups written since the last count */
    bool is_careful;   /* something cannot be moved: one at a time, to find out which */
    bool was_stuck;    /* something could not be moved in this pass */
    int64_t behind_id; /* of enrolments: this pass has come so far */
    int64_t first_ids[MAX_FIRST];
    size_t first_count;
};

iscep_status iscep_mover_new(iscep_mover **out, const iscep_mover_parts *parts, iscep_error *err)
{
    iscep_mover *mover = calloc(1, sizeof *mover);
    if (mover == NULL)
        return iscep_error_nomem(err);
    mover->env = parts->env;
    mover->home = parts->home;
    mover->standing = parts->standing;
    mover->aliases = parts->aliases;
    mover->tuning = *parts->tuning;
    mover->opened_unix_ms = iscep_now_unix_ms(parts->env);
    mover->has_more = true;
    mover->uncounted = GROUPS_PER_COUNT;
    *out = mover;
    return ISCEP_OK;
}

void iscep_mover_free(iscep_mover *mover)
{
    if (mover == NULL)
        return;
    iscep_store_close(mover->target.store);
    free(mover);
}

/* --- how much there is --- */

static iscep_status number(int64_t *out, iscep_db *db, const char *sql, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    bool has_row = false;
    iscep_status status = iscep_store_query_params(&rows, db->store, sql, NULL, 0, err);
    if (status == ISCEP_OK)
        status = iscep_rows_next(rows, &has_row, err);
    *out = status == ISCEP_OK && has_row ? iscep_rows_number(rows, 0) : 0;
    return status;
}

static void count(iscep_mover *mover, iscep_db *spool)
{
    iscep_error err = ISCEP_ERROR_INIT;
    int64_t enrolments = 0;
    if (number(&enrolments, spool, "SELECT COUNT(*) FROM enrolment", &err) == ISCEP_OK)
        iscep_standing_set_count(mover->standing, enrolments);
    mover->uncounted = 0;
}

void iscep_mover_has_more(iscep_mover *mover)
{
    iscep_standing_add_spooled(mover->standing);
    mover->has_more = true;
    mover->uncounted++;
}

void iscep_mover_put_first(iscep_mover *mover, int64_t id)
{
    for (size_t i = 0; i < mover->first_count; i++)
        if (mover->first_ids[i] == id)
            return;
    if (mover->first_count < MAX_FIRST)
        mover->first_ids[mover->first_count++] = id;
}

/* --- a slice, within both transactions --- */

typedef struct spool_slice {
    iscep_row_ids ids; /* of enrolments */
    bool is_first;     /* those that somebody waits for: the pass has not come to them */
    bool is_last;      /* there is nothing left behind it */
    bool is_empty;     /* nor on the whole spool */
} spool_slice;

/* Nothing is claimed of them, because nothing has been reported; some may have gone already. */
static iscep_status list_first(spool_slice *out, const iscep_mover *mover, iscep_db *spool, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < mover->first_count && status == ISCEP_OK; i++) {
        ISCEP_AUTO_ROWS *rows = NULL;
        status = iscep_store_query(&rows, spool->store, err,
                                   "SELECT e.id FROM enrolment e WHERE e.id = $1 AND NOT EXISTS"
                                   " (SELECT 1 FROM delivery d WHERE d.enrolment_id = e.id)",
                                   iscep_number(mover->first_ids[i]));
        if (status == ISCEP_OK)
            status = iscep_row_ids_add(&out->ids, rows, err);
    }
    out->is_first = out->ids.count > 0;
    return status;
}

static iscep_status list_movable(spool_slice *out, const iscep_mover *mover, iscep_db *spool, size_t limit,
                                 iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(
        &rows, spool->store, err,
        "SELECT e.id FROM enrolment e WHERE e.id > $1 AND NOT EXISTS (SELECT 1 FROM delivery d"
        " WHERE d.enrolment_id = e.id AND d.leased_until_ms > $2) ORDER BY e.id LIMIT $3",
        iscep_number(mover->behind_id), iscep_number(spool->now_lease_ms), iscep_number((int64_t)limit));
    return status == ISCEP_OK ? iscep_row_ids_add(&out->ids, rows, err) : status;
}

/*
 * The number of the newest delivery stays, in a row that is nobody's, so that none is ever given twice: somebody may know one that was
 * moved by it.
 */
static iscep_status keep_newest_id(iscep_db *spool, int64_t newest, iscep_error *err)
{
    int64_t left = 0;
    iscep_status status = number(&left, spool, "SELECT MAX(id) FROM delivery", err);
    if (status != ISCEP_OK || left >= newest)
        return status;
    status =
        iscep_store_run(spool->store, err, "DELETE FROM delivery WHERE enrolment_id = $1", iscep_number(0));
    if (status != ISCEP_OK)
        return status;
    return iscep_store_run(
        spool->store, err,
        "INSERT INTO delivery (id, enrolment_id, tenant, kind, state, is_deferred, error_code, attempts,"
        " recorded_unix_ms, due_unix_ms, leased_until_ms, not_after_unix, is_active, is_revoked,"
        " is_revocation_asked) VALUES ($1, 0, '', 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)",
        iscep_number(newest));
}

static iscep_status put_enrolments(const iscep_put *put, const spool_slice *slice, iscep_error *err)
{
    int64_t newest = 0;
    iscep_status status = number(&newest, put->from, "SELECT MAX(id) FROM delivery", err);
    for (size_t i = 0; i < slice->ids.count && status == ISCEP_OK; i++)
        status = iscep_put_enrolment(put, slice->ids.ids[i], err);
    return status == ISCEP_OK ? keep_newest_id(put->from, newest, err) : status;
}

/* Not before the enrolments, of which some may still be held up by a claim. */
static iscep_status put_rest(const iscep_put *put, spool_slice *slice, int64_t limit, iscep_error *err)
{
    int64_t left = 0;
    iscep_status status = number(&left, put->from, "SELECT COUNT(*) FROM enrolment", err);
    if (status != ISCEP_OK || left > 0)
        return status;
    status = iscep_put_revocations(put, limit, err);
    if (status == ISCEP_OK)
        status = iscep_put_facts(put, err);
    if (status == ISCEP_OK)
        status = number(&left, put->from, "SELECT COUNT(*) FROM revocation", err);
    slice->is_last = left == 0;
    slice->is_empty = left == 0;
    return status;
}

static iscep_status put_slice(const iscep_mover *mover, const iscep_put *put, spool_slice *slice,
                              size_t limit, iscep_error *err)
{
    iscep_status status = list_first(slice, mover, put->from, err);
    if (status == ISCEP_OK && !slice->is_first)
        status = list_movable(slice, mover, put->from, limit, err);
    if (status != ISCEP_OK)
        return status;
    if (slice->ids.count > 0)
        return put_enrolments(put, slice, err);
    slice->is_last = true;
    return put_rest(put, slice, (int64_t)limit, err);
}

/* --- both transactions --- */

static iscep_status begin_both(iscep_mover *mover, iscep_db *spool, iscep_error *err)
{
    iscep_db *target = &mover->target;
    iscep_status status = ISCEP_OK;
    if (target->store == NULL)
        status = iscep_engine_connect(mover->home, &target->store, ISCEP_STORE_WRITE, err);
    if (status == ISCEP_OK)
        status = iscep_store_begin(target->store, ISCEP_STORE_DURABLE, err);
    if (status == ISCEP_OK)
        status = iscep_store_begin(spool->store, ISCEP_STORE_LAZY, err);
    if (status != ISCEP_OK)
        return status;
    int64_t now_mono_ms = iscep_now_mono_ms(mover->env);
    target->now_unix_ms = spool->now_unix_ms = iscep_now_unix_ms(mover->env);
    target->now_lease_ms = iscep_store_lease_clock_ms(target->store, now_mono_ms);
    spool->now_lease_ms = iscep_store_lease_clock_ms(spool->store, now_mono_ms);
    return ISCEP_OK;
}

/* In this order: what the spool still has is put again, what it has no more would be gone. */
static iscep_status commit_both(iscep_mover *mover, iscep_db *spool, iscep_error *err)
{
    iscep_status status = iscep_store_commit(mover->target.store, err);
    if (status != ISCEP_OK)
        return status;
    iscep_aliases_committed(mover->aliases);
    if (mover->tuning.on_moved != NULL)
        mover->tuning.on_moved();
    return iscep_store_commit(spool->store, err);
}

static iscep_status move_slice(iscep_mover *mover, iscep_db *spool, spool_slice *slice, size_t limit,
                               iscep_error *err)
{
    const iscep_put put = {.from = spool,
                           .to = &mover->target,
                           .aliases = mover->aliases,
                           .opened_unix_ms = mover->opened_unix_ms};
    iscep_status status = begin_both(mover, spool, err);
    if (status == ISCEP_OK)
        status = put_slice(mover, &put, slice, limit, err);
    if (status == ISCEP_OK)
        status = commit_both(mover, spool, err);
    if (status == ISCEP_OK) {
        iscep_keys_committed(spool->keys);
        return ISCEP_OK;
    }
    if (mover->target.store != NULL)
        iscep_store_rollback(mover->target.store);
    iscep_store_rollback(spool->store);
    iscep_keys_rolled_back(spool->keys);
    iscep_aliases_rolled_back(mover->aliases);
    return status;
}

/* A connection that broke since the last slice is no outage. What may have been committed is put again. */
static iscep_status move_slice_again(iscep_mover *mover, iscep_db *spool, spool_slice *slice, size_t limit,
                                     iscep_error *err)
{
    int64_t began_mono_ms = iscep_now_mono_ms(mover->env);
    iscep_status status = move_slice(mover, spool, slice, limit, err);
    if (!iscep_engine_may_be_there(mover->home, status, err, began_mono_ms))
        return status;
    iscep_row_ids_clear(&slice->ids);
    *slice = (spool_slice){0};
    *err = (iscep_error)ISCEP_ERROR_INIT;
    return move_slice(mover, spool, slice, limit, err);
}

/* --- and what comes of it --- */

static bool is_disks(const iscep_error *err)
{
    return strcmp(err->code, "journal_full") == 0 || strcmp(err->code, "journal_read_only") == 0;
}

/* A full disk may be either's, and is no reason to leave a database that others can write. */
static bool is_lost(const iscep_mover *mover, iscep_status status, const iscep_error *err)
{
    return !is_disks(err) && iscep_engine_is_away(mover->home, status, err);
}

/* The one that cannot be moved stays, until the next pass; the others are moved. A disk has no room for any of them. */
static int64_t go_around(iscep_mover *mover, const spool_slice *slice, const iscep_error *err)
{
    mover->was_stuck = true;
    if (is_disks(err)) {
        iscep_standing_set_stuck(mover->standing, err);
        return mover->tuning.probe_ms;
    }
    if (!mover->is_careful) {
        mover->is_careful = true;
        return 0;
    }
    iscep_standing_set_stuck(mover->standing, err);
    mover->is_careful = false;
    if (slice->ids.count > 0 && !slice->is_first)
        mover->behind_id = slice->ids.ids[0];
    return slice->ids.count > 0 ? 0 : mover->tuning.probe_ms;
}

static int64_t end_badly(iscep_mover *mover, const spool_slice *slice, iscep_status status,
                         const iscep_error *err)
{
    if (iscep_error_is_conflict(status, err))
        return CONFLICT_PAUSE_MS;
    if (!is_lost(mover, status, err))
        return go_around(mover, slice, err);
    iscep_engine_lost(mover->home, err);
    return -1;
}

static int64_t end_well(iscep_mover *mover, const spool_slice *slice)
{
    iscep_standing_add_moved(mover->standing, (int64_t)slice->ids.count);
    if (slice->ids.count > 0 && !slice->is_first)
        mover->behind_id = slice->ids.ids[slice->ids.count - 1];
    if (slice->is_empty) {
        mover->has_more = false;
        iscep_standing_set_empty(mover->standing);
    }
    if (slice->is_last) {
        mover->behind_id = 0;
        if (!mover->was_stuck)
            iscep_standing_set_stuck(mover->standing, NULL);
        mover->was_stuck = false;
    }
    return slice->is_empty ? -1 : slice->is_last ? mover->tuning.probe_ms : 0;
}

int64_t iscep_mover_slice(iscep_mover *mover, iscep_db *spool, bool is_idle)
{
    iscep_error err = ISCEP_ERROR_INIT;
    spool_slice slice = {0};
    size_t limit =
        is_idle || mover->tuning.moved_at_once < BUSY_SLICE ? mover->tuning.moved_at_once : BUSY_SLICE;
    if (!mover->has_more)
        return -1;
    if (mover->uncounted >= GROUPS_PER_COUNT || (mover->uncounted > 0 && is_idle))
        count(mover, spool);
    if (iscep_standing_state(mover->standing) == ISCEP_JOURNAL_AWAY)
        return mover->uncounted > 0 ? mover->tuning.probe_ms : -1;
    iscep_status status = move_slice_again(mover, spool, &slice, mover->is_careful ? 1 : limit, &err);
    mover->first_count = 0; /* whoever waits says so again */
    int64_t next_ms = status == ISCEP_OK ? end_well(mover, &slice) : end_badly(mover, &slice, status, &err);
    iscep_row_ids_clear(&slice.ids);
    return next_ms;
}
