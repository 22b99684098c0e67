/* See keys.h. A merge goes over the recent keys that there were when it began, sorted; then they are dropped. */
#include "journal/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "journal/key_filter.h"
#include "journal/recent_keys.h"

enum {
    OLD_PER_RECENT = 8,
    MAX_RECENT = 512 * 1024 /* more would be long to sort */,
    DROPPED_PER_MERGED = 8 /* a range of ids is quickly gone */
};

struct iscep_keys {
    iscep_keys_options options;
    iscep_recent_keys *recent;
    iscep_key_filter *filter; /* of the old ones */
    int64_t next_id;
    int64_t old_count;
    size_t pending;            /* pushed since the transaction began */
    int64_t since_slice;       /* committed since the last slice of a merge */
    iscep_recent_key *merging; /* sorted by hash; NULL: no merge is under way */
    size_t merging_count;
    size_t merged;  /* of these, so far */
    size_t to_drop; /* the oldest ones of recent, once all are merged */
    size_t dropped; /* of these, so far */
};

/* --- hashes --- */

static iscep_status hash_text(uint64_t *out, const char *kind, const char *text, iscep_error *err)
{
    uint8_t digest[ISCEP_SHA256_LEN];
    iscep_status status =
        iscep_sha256_of_pair(digest, iscep_bytes_of_text(kind), iscep_bytes_of_text(text), err);
    if (status == ISCEP_OK)
        memcpy(out, digest, sizeof *out);
    return status;
}

static int64_t as_stored(uint64_t hash)
{
    int64_t stored;
    memcpy(&stored, &hash, sizeof stored);
    return stored;
}

iscep_status iscep_key_range_of_transaction(iscep_key_range *out, const char *transaction_id,
                                            iscep_error *err)
{
    uint64_t hash = 0;
    iscep_status status = hash_text(&hash, "transaction", transaction_id, err);
    hash &= 0xFFFFFFFF00000000u;
    *out = (iscep_key_range){.first = as_stored(hash), .last = as_stored(hash | UINT32_MAX)};
    return status;
}

iscep_status iscep_key_of_enrolment(int64_t *out, const char *transaction_id, const uint8_t csr_sha256[32],
                                    iscep_error *err)
{
    iscep_key_range range;
    uint32_t low;
    iscep_status status = iscep_key_range_of_transaction(&range, transaction_id, err);
    memcpy(&low, csr_sha256, sizeof low);
    *out = range.first | (int64_t)low;
    return status;
}

iscep_status iscep_key_of_serial(int64_t *out, const char *serial, iscep_error *err)
{
    uint64_t hash = 0;
    iscep_status status = hash_text(&hash, "serial", serial, err);
    *out = as_stored(hash);
    return status;
}

/* --- rows --- */

void iscep_row_ids_clear(iscep_row_ids *ids)
{
    free(ids->ids);
    *ids = (iscep_row_ids){0};
}

static iscep_status add_id(iscep_row_ids *ids, int64_t id, iscep_error *err)
{
    if (ids->count == ids->cap) {
        size_t cap = ids->cap == 0 ? 8 : ids->cap * 2;
        int64_t *grown = reallocarray(ids->ids, cap, sizeof *grown);
        if (grown == NULL)
            return iscep_error_nomem(err);
        ids->ids = grown;
        ids->cap = cap;
    }
    ids->ids[ids->count++] = id;
    return ISCEP_OK;
}

static bool has_id(const iscep_row_ids *ids, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++)
        if (ids->ids[i] == id)
            return true;
    return false;
}

/* Without those that are among the first known ones already: a key is both recent and old while it is being merged. */
static iscep_status add_rows(iscep_row_ids *ids, size_t known, iscep_rows *rows, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    while (iscep_rows_step(rows, &status, err)) {
        int64_t id = iscep_rows_number(rows, 0);
        status = has_id(ids, known, id) ? ISCEP_OK : add_id(ids, id, err);
    }
    return status;
}

iscep_status iscep_row_ids_add(iscep_row_ids *ids, iscep_rows *rows, iscep_error *err)
{
    return add_rows(ids, 0, rows, err);
}

/* The filter last: a key that is merged is in it before it leaves the recent ones. */
bool iscep_keys_may_have(iscep_keys *keys, int64_t hash)
{
    iscep_recent_key key = {0};
    if (keys == NULL)
        return true;
    return iscep_recent_keys_find(keys->recent, hash, &key) || iscep_key_filter_may_have(keys->filter, hash);
}

/* Memory first: a key leaves it only after it is in old_key. */
static iscep_status find_recent(iscep_keys *keys, int64_t hash, iscep_row_ids *out, iscep_error *err)
{
    iscep_recent_key key = {0};
    iscep_status status = ISCEP_OK;
    while (status == ISCEP_OK && iscep_recent_keys_find(keys->recent, hash, &key))
        status = add_id(out, key.row_id, err);
    return status;
}

iscep_status iscep_keys_find(iscep_keys *keys, iscep_store *store, int64_t hash, iscep_row_ids *out,
                             iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = find_recent(keys, hash, out, err);
    if (status != ISCEP_OK || !iscep_key_filter_may_have(keys->filter, hash))
        return status;
    status = iscep_store_query(&rows, store, err, "SELECT row_id FROM old_key WHERE hash = $1",
                               iscep_number(hash));
    return status == ISCEP_OK ? add_rows(out, out->count, rows, err) : status;
}

iscep_status iscep_keys_find_range(iscep_store *store, const iscep_key_range *range, iscep_row_ids *out,
                                   iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(&rows, store, err,
                                            "SELECT row_id FROM recent_key WHERE hash BETWEEN $1 AND $2"
                                            " UNION SELECT row_id FROM old_key WHERE hash BETWEEN $1 AND $2"
                                            " ORDER BY row_id DESC",
                                            iscep_number(range->first), iscep_number(range->last));
    return status == ISCEP_OK ? iscep_row_ids_add(out, rows, err) : status;
}

/* --- opening --- */

static iscep_status load_recent(iscep_keys *keys, iscep_store *store, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query_params(
        &rows, store, "SELECT id, hash, row_id FROM recent_key ORDER BY id", NULL, 0, err);
    while (iscep_rows_step(rows, &status, err)) {
        const iscep_recent_key key = {.id = iscep_rows_number(rows, 0),
                                      .hash = iscep_rows_number(rows, 1),
                                      .row_id = iscep_rows_number(rows, 2)};
        keys->next_id = key.id + 1;
        status = iscep_recent_keys_push(keys->recent, &key, err);
    }
    return status;
}

/* How many old ones there are decides only when to merge: it is counted along, in a fact that belongs to no tenant. */
static iscep_status load_old_count(iscep_keys *keys, iscep_store *store, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query_params(
        &rows, store, "SELECT value FROM fact WHERE tenant = '' AND name = 'old_keys'", NULL, 0, err);
    if (iscep_rows_step(rows, &status, err) && iscep_rows_text(rows, 0) != NULL)
        keys->old_count = strtoll(iscep_rows_text(rows, 0), NULL, 10);
    return status;
}

static iscep_status load_filter(iscep_keys *keys, iscep_store *store, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_key_filter_new(&keys->filter, keys->old_count, err);
    if (status == ISCEP_OK)
        status = iscep_store_query_params(&rows, store, "SELECT hash FROM old_key", NULL, 0, err);
    while (iscep_rows_step(rows, &status, err))
        iscep_key_filter_add(keys->filter, iscep_rows_number(rows, 0));
    return status;
}

iscep_status iscep_keys_open(iscep_keys **out, iscep_store *store, const iscep_keys_options *options,
                             iscep_error *err)
{
    iscep_keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL)
        return iscep_error_nomem(err);
    keys->options = *options;
    keys->next_id = 1;
    iscep_status status = iscep_recent_keys_new(&keys->recent, err);
    if (status == ISCEP_OK)
        status = load_recent(keys, store, err);
    if (status == ISCEP_OK)
        status = load_old_count(keys, store, err);
    if (status == ISCEP_OK)
        status = load_filter(keys, store, err);
    if (status != ISCEP_OK) {
        iscep_keys_close(keys);
        return status;
    }
    *out = keys;
    return ISCEP_OK;
}

void iscep_keys_close(iscep_keys *keys)
{
    if (keys == NULL)
        return;
    iscep_recent_keys_free(keys->recent);
    iscep_key_filter_free(keys->filter);
    free(keys->merging);
    free(keys);
}

/* --- writing --- */

iscep_status iscep_keys_add(iscep_keys *keys, iscep_store *store, int64_t hash, int64_t row_id,
                            iscep_error *err)
{
    if (keys == NULL)
        return ISCEP_OK;
    const iscep_recent_key key = {.id = keys->next_id, .hash = hash, .row_id = row_id};
    iscep_status status =
        iscep_store_run(store, err, "INSERT INTO recent_key (id, hash, row_id) VALUES ($1, $2, $3)",
                        iscep_number(key.id), iscep_number(hash), iscep_number(row_id));
    if (status == ISCEP_OK)
        status = iscep_recent_keys_push(keys->recent, &key, err);
    if (status == ISCEP_OK) {
        keys->next_id++;
        keys->pending++;
    }
    return status;
}

static void end_merge(iscep_keys *keys)
{
    free(keys->merging);
    keys->merging = NULL;
    keys->merging_count = keys->merged = keys->dropped = 0;
}

/* In memory it stays, as a hint that leads nowhere. A merge that has it on its list begins anew, without it. */
iscep_status iscep_keys_remove(iscep_keys *keys, iscep_store *store, int64_t hash, int64_t row_id,
                               iscep_error *err)
{
    iscep_recent_key key = {0};
    iscep_status status = ISCEP_OK;
    if (keys == NULL)
        return ISCEP_OK;
    if (keys->merged < keys->merging_count)
        end_merge(keys);
    while (status == ISCEP_OK && iscep_recent_keys_find(keys->recent, hash, &key))
        if (key.row_id == row_id)
            status =
                iscep_store_run(store, err, "DELETE FROM recent_key WHERE id = $1", iscep_number(key.id));
    if (status == ISCEP_OK)
        status = iscep_store_run(store, err, "DELETE FROM old_key WHERE hash = $1 AND row_id = $2",
                                 iscep_number(hash), iscep_number(row_id));
    return status;
}

void iscep_keys_committed(iscep_keys *keys)
{
    if (keys == NULL)
        return;
    keys->since_slice += (int64_t)keys->pending;
    keys->pending = 0;
}

void iscep_keys_rolled_back(iscep_keys *keys)
{
    if (keys == NULL)
        return;
    iscep_recent_keys_pop(keys->recent, keys->pending);
    keys->next_id -= (int64_t)keys->pending;
    keys->pending = 0;
}

/* --- merging --- */

static int compare_hashes(const void *a, const void *b)
{
    int64_t left = ((const iscep_recent_key *)a)->hash, right = ((const iscep_recent_key *)b)->hash;
    return (left > right) - (left < right);
}

bool iscep_keys_need_merge(const iscep_keys *keys)
{
    if (keys == NULL)
        return false;
    int64_t bound = keys->old_count / OLD_PER_RECENT;
    if (bound > MAX_RECENT)
        bound = MAX_RECENT;
    if (bound < keys->options.min_recent)
        bound = keys->options.min_recent;
    return keys->merging != NULL || (int64_t)iscep_recent_keys_count(keys->recent) > bound;
}

/* A little faster than keys come: the merge must end before the next. */
bool iscep_keys_merge_is_due(const iscep_keys *keys)
{
    return iscep_keys_need_merge(keys) && keys->since_slice >= keys->options.merged_at_once * 3 / 4;
}

/* From the table, because what was forgotten is in memory still. */
static iscep_status list_recent(iscep_recent_key *out, size_t *count, size_t max, iscep_store *store,
                                iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status =
        iscep_store_query_params(&rows, store, "SELECT hash, row_id FROM recent_key", NULL, 0, err);
    for (*count = 0; *count < max && iscep_rows_step(rows, &status, err); ++*count)
        out[*count] =
            (iscep_recent_key){.hash = iscep_rows_number(rows, 0), .row_id = iscep_rows_number(rows, 1)};
    return status;
}

static iscep_status begin_merge(iscep_keys *keys, iscep_store *store, iscep_error *err)
{
    size_t max = iscep_recent_keys_count(keys->recent), count = 0;
    iscep_recent_key *merging = calloc(max, sizeof *merging);
    if (merging == NULL)
        return iscep_error_nomem(err);
    iscep_status status = list_recent(merging, &count, max, store, err);
    if (status != ISCEP_OK) {
        free(merging);
        return status;
    }
    qsort(merging, count, sizeof *merging, compare_hashes);
    keys->merging = merging;
    keys->merging_count = count;
    keys->to_drop = max;
    keys->merged = keys->dropped = 0;
    return ISCEP_OK;
}

static size_t slice_end(size_t from, size_t slice, size_t count)
{
    return count - from < slice ? count : from + slice;
}

static iscep_status store_old_count(iscep_store *store, int64_t count, iscep_error *err)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, count);
    return iscep_store_run(store, err,
                           "INSERT INTO fact (tenant, name, value) VALUES ('', 'old_keys', $1)"
                           " ON CONFLICT (tenant, name) DO UPDATE SET value = excluded.value",
                           iscep_text(text));
}

static iscep_status copy_keys(const iscep_keys *keys, iscep_store *store, size_t end, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (size_t i = keys->merged; i < end && status == ISCEP_OK; i++)
        status = iscep_store_run(store, err,
                                 "INSERT INTO old_key (hash, row_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                                 iscep_number(keys->merging[i].hash), iscep_number(keys->merging[i].row_id));
    if (status == ISCEP_OK)
        status = store_old_count(store, keys->old_count + (int64_t)(end - keys->merged), err);
    return status;
}

/* The recent keys are in the order of their ids, and those copied are the oldest. */
static iscep_status drop_keys(const iscep_keys *keys, iscep_store *store, size_t end, iscep_error *err)
{
    int64_t first = iscep_recent_keys_at(keys->recent, keys->dropped)->id;
    int64_t last = iscep_recent_keys_at(keys->recent, end - 1)->id;
    return iscep_store_run(store, err, "DELETE FROM recent_key WHERE id BETWEEN $1 AND $2",
                           iscep_number(first), iscep_number(last));
}

static void end_slice(iscep_keys *keys, bool is_dropping, size_t end)
{
    if (!is_dropping) {
        for (size_t i = keys->merged; i < end; i++)
            iscep_key_filter_add(keys->filter, keys->merging[i].hash);
        keys->old_count += (int64_t)(end - keys->merged);
        keys->merged = end;
        return;
    }
    keys->dropped = end;
    if (end < keys->to_drop)
        return;
    iscep_recent_keys_drop_oldest(keys->recent, keys->to_drop);
    end_merge(keys);
}

iscep_status iscep_keys_merge_slice(iscep_keys *keys, iscep_store *store, iscep_error *err)
{
    iscep_status status = keys->merging == NULL ? begin_merge(keys, store, err) : ISCEP_OK;
    keys->since_slice = 0;
    if (status != ISCEP_OK)
        return status;
    bool is_dropping = keys->merged == keys->merging_count;
    size_t slice = (size_t)keys->options.merged_at_once;
    size_t end = is_dropping ? slice_end(keys->dropped, slice * DROPPED_PER_MERGED, keys->to_drop)
                             : slice_end(keys->merged, slice, keys->merging_count);
    status = iscep_store_begin(store, ISCEP_STORE_LAZY, err);
    if (status == ISCEP_OK)
        status = is_dropping ? drop_keys(keys, store, end, err) : copy_keys(keys, store, end, err);
    if (status == ISCEP_OK)
        status = iscep_store_commit(store, err);
    if (status == ISCEP_OK)
        end_slice(keys, is_dropping, end);
    else
        iscep_store_rollback(store);
    return status;
}
