/* See sweep.h. A pass goes through the enrolments from the oldest on. */
#include "journal/sweep.h"

#include "journal/history.h"

enum { LOOKED_AT_ONCE = 200, AGE_INTERVAL_MS = 3600 * 1000, MB = 1024 * 1024 };

void iscep_sweep_init(iscep_sweep *sweep, const iscep_journal_options *options)
{
    *sweep = (iscep_sweep){.retention_ms = options->retention_days * 24 * 3600 * 1000,
                           .max_bytes = options->max_size_mb * MB};
}

/* A database does not give back the room of what it forgets, and is its keeper's affair. */
static iscep_status is_small_enough(bool *out, const iscep_sweep *sweep, iscep_db *db, iscep_error *err)
{
    int64_t bytes = 0;
    iscep_status status =
        iscep_store_is_shared(db->store) ? ISCEP_OK : iscep_store_used_bytes(db->store, &bytes, err);
    *out = bytes <= sweep->max_bytes;
    return status;
}

iscep_status iscep_sweep_begin(iscep_sweep *sweep, iscep_db *db, iscep_error *err)
{
    bool is_small = true;
    iscep_status status = is_small_enough(&is_small, sweep, db, err);
    if (status != ISCEP_OK || sweep->is_under_way || !db->is_clock_right)
        return status;
    sweep->now_unix_ms = db->now_unix_ms;
    sweep->behind_id = 0;
    sweep->is_for_size = !is_small;
    /* The second of these: the clock went backwards. */
    bool is_time = db->now_unix_ms >= sweep->next_age_unix_ms ||
                   sweep->next_age_unix_ms - db->now_unix_ms > AGE_INTERVAL_MS;
    sweep->is_under_way = sweep->is_for_size || is_time;
    if (is_time)
        sweep->next_age_unix_ms = db->now_unix_ms + AGE_INTERVAL_MS;
    return ISCEP_OK;
}

/* --- which --- */

/* The newest enrolment and delivery stay, so that an id is never given twice. */
#define FORGETTABLE                                                                                          \
    "SELECT e.id FROM enrolment e WHERE e.id > $1 AND e.id <= $2 AND e.first_unix_ms < $3"                   \
    " AND e.id < (SELECT MAX(id) FROM enrolment)"                                                            \
    " AND NOT EXISTS (SELECT 1 FROM event v WHERE v.enrolment_id = e.id AND v.last_unix_ms >= $3)"           \
    " AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.enrolment_id = e.id AND (d.state IN (1, 4)"           \
    " OR d.not_after_unix * 1000 >= $4 OR d.id = (SELECT MAX(id) FROM delivery)"                             \
    " OR EXISTS (SELECT 1 FROM revocation r WHERE r.delivery_id = d.id AND r.state <> 4)))"

/* The last of the next enrolments to look at; 0: there are no more. */
static iscep_status find_slice_end(int64_t *out, const iscep_sweep *sweep, iscep_db *db,
                                   int64_t before_unix_ms, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(&rows, db->store, err,
                                            "SELECT MAX(id) FROM (SELECT id, first_unix_ms FROM enrolment "
                                            "WHERE id > $1 ORDER BY id LIMIT $2) AS next"
                                            " WHERE first_unix_ms < $3",
                                            iscep_number(sweep->behind_id), iscep_number(LOOKED_AT_ONCE),
                                            iscep_number(before_unix_ms));
    *out = iscep_rows_step(rows, &status, err) ? iscep_rows_number(rows, 0) : 0;
    return status;
}

static iscep_status find_forgettable(iscep_row_ids *out, const iscep_sweep *sweep, iscep_db *db,
                                     const char *sql, int64_t behind_id, int64_t last_id,
                                     int64_t before_unix_ms, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status =
        iscep_store_query(&rows, db->store, err, sql, iscep_number(behind_id), iscep_number(last_id),
                          iscep_number(before_unix_ms), iscep_number(sweep->now_unix_ms));
    return status == ISCEP_OK ? iscep_row_ids_add(out, rows, err) : status;
}

/* Other nodes write, too: those rows are locked, and then looked at again, because somebody may have been just before us. */
static iscep_status find_in_slice(iscep_row_ids *out, const iscep_sweep *sweep, iscep_db *db, int64_t last_id,
                                  int64_t before_unix_ms, iscep_error *err)
{
    ISCEP_AUTO_ROW_IDS locked = {0};
    if (!iscep_store_is_shared(db->store))
        return find_forgettable(out, sweep, db, FORGETTABLE, sweep->behind_id, last_id, before_unix_ms, err);
    iscep_status status = find_forgettable(&locked, sweep, db, FORGETTABLE ISCEP_SKIP_LOCKED("e"),
                                           sweep->behind_id, last_id, before_unix_ms, err);
    for (size_t i = 0; i < locked.count && status == ISCEP_OK; i++)
        status = find_forgettable(out, sweep, db, FORGETTABLE, locked.ids[i] - 1, locked.ids[i],
                                  before_unix_ms, err);
    return status;
}

/* --- forgetting one --- */

static iscep_status forget_enrolment_key(iscep_db *db, int64_t id, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    int64_t hash = 0;
    iscep_status status =
        iscep_store_query(&rows, db->store, err,
                          "SELECT transaction_id, csr_sha256 FROM enrolment WHERE id = $1", iscep_number(id));
    if (!iscep_rows_step(rows, &status, err) || iscep_rows_bytes(rows, 1).len != 32)
        return status;
    status = iscep_key_of_enrolment(&hash, iscep_rows_text(rows, 0), iscep_rows_bytes(rows, 1).data, err);
    return status == ISCEP_OK ? iscep_keys_remove(db->keys, db->store, hash, id, err) : status;
}

static iscep_status forget_serial_key(iscep_db *db, int64_t id, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    int64_t hash = 0;
    iscep_status status = iscep_store_query(&rows, db->store, err,
                                            "SELECT serial FROM certificate WHERE id = $1", iscep_number(id));
    if (!iscep_rows_step(rows, &status, err))
        return status;
    status = iscep_key_of_serial(&hash, iscep_rows_text(rows, 0), err);
    return status == ISCEP_OK ? iscep_keys_remove(db->keys, db->store, hash, id, err) : status;
}

static iscep_status forget_certs(iscep_db *db, int64_t enrolment_id, iscep_error *err)
{
    ISCEP_AUTO_ROW_IDS ids = {0};
    iscep_status status;
    {
        ISCEP_AUTO_ROWS *rows = NULL;
        status = iscep_store_query(&rows, db->store, err, "SELECT id FROM delivery WHERE enrolment_id = $1",
                                   iscep_number(enrolment_id));
        if (status == ISCEP_OK)
            status = iscep_row_ids_add(&ids, rows, err);
    }
    for (size_t i = 0; i < ids.count && status == ISCEP_OK; i++) {
        status = forget_serial_key(db, ids.ids[i], err);
        if (status == ISCEP_OK)
            status = iscep_store_run(db->store, err, "DELETE FROM certificate WHERE id = $1",
                                     iscep_number(ids.ids[i]));
        if (status == ISCEP_OK)
            status = iscep_store_run(db->store, err, "DELETE FROM owed_csr WHERE id = $1",
                                     iscep_number(ids.ids[i]));
    }
    return status;
}

iscep_status iscep_sweep_forget(iscep_db *db, int64_t id, iscep_error *err)
{
    iscep_status status = forget_enrolment_key(db, id, err);
    if (status == ISCEP_OK)
        status = forget_certs(db, id, err);
    if (status == ISCEP_OK)
        status =
            iscep_store_run(db->store, err, "DELETE FROM delivery WHERE enrolment_id = $1", iscep_number(id));
    if (status == ISCEP_OK)
        status =
            iscep_store_run(db->store, err, "DELETE FROM event WHERE enrolment_id = $1", iscep_number(id));
    if (status == ISCEP_OK)
        status = iscep_store_run(db->store, err, "DELETE FROM enrolment WHERE id = $1", iscep_number(id));
    return status;
}

/* Ended ones, and not the newest. */
static iscep_status forget_revocations(iscep_db *db, int64_t before_unix_ms, iscep_error *err)
{
    return iscep_store_run(
        db->store, err,
        "DELETE FROM revocation WHERE state = 4 AND id IN (SELECT id FROM revocation WHERE state = 4"
        " AND ended_unix_ms < $1 AND id < (SELECT MAX(id) FROM revocation) ORDER BY id LIMIT $2)",
        iscep_number(before_unix_ms), iscep_number(LOOKED_AT_ONCE));
}

/* --- a slice --- */

static iscep_status forget_slice(iscep_sweep *sweep, iscep_db *db, int64_t *end, int64_t before_unix_ms,
                                 iscep_error *err)
{
    ISCEP_AUTO_ROW_IDS ids = {0};
    iscep_status status = find_slice_end(end, sweep, db, before_unix_ms, err);
    if (status == ISCEP_OK && *end != 0)
        status = find_in_slice(&ids, sweep, db, *end, before_unix_ms, err);
    for (size_t i = 0; i < ids.count && status == ISCEP_OK; i++)
        status = iscep_sweep_forget(db, ids.ids[i], err);
    return status == ISCEP_OK ? forget_revocations(db, before_unix_ms, err) : status;
}

iscep_status iscep_sweep_slice(iscep_sweep *sweep, iscep_db *db, iscep_error *err)
{
    int64_t end = 0;
    bool is_small = false, is_ours = false;
    iscep_status status = iscep_store_begin(db->store, ISCEP_STORE_LAZY, err);
    if (status == ISCEP_OK)
        status = iscep_store_try_lock(&is_ours, db->store, ISCEP_LOCK_SWEEP, err);
    if (status == ISCEP_OK && is_ours)
        status = is_small_enough(&is_small, sweep, db, err);
    bool is_by_size = sweep->is_for_size && !is_small;
    int64_t before = is_by_size ? sweep->now_unix_ms : sweep->now_unix_ms - sweep->retention_ms;
    if (status == ISCEP_OK && is_ours) /* otherwise another node is at it */
        status = forget_slice(sweep, db, &end, before, err);
    if (status == ISCEP_OK)
        status = iscep_store_commit(db->store, err);
    if (status != ISCEP_OK) {
        iscep_store_rollback(db->store);
        return status;
    }
    if (end == 0)
        sweep->is_under_way = false;
    else
        sweep->behind_id = end;
    return ISCEP_OK;
}
