/*
 * From what is random, a transaction id or a serial number, to the id of its row: by a hash of 64 bits, which is a hint.
 * Whoever finds rows compares them in full.
 *
 * An index over random values costs a page written for each row as soon as it is large. So new keys are appended to a
 * table and held in memory, and are merged into the large, sorted one many at a time, a slice between two groups of
 * jobs (docs/decisions/0007-the-journal.md).
 */
#ifndef ISCEP_JOURNAL_KEYS_H
#define ISCEP_JOURNAL_KEYS_H

#include "journal/store.h"

typedef struct iscep_keys iscep_keys;

typedef struct iscep_keys_options {
    int64_t min_recent; /* merging begins beyond this many, and beyond an eighth of the old ones */
    int64_t merged_at_once;
} iscep_keys_options;
#define ISCEP_KEYS_OPTIONS_INIT                                                                              \
    {                                                                                                        \
        .min_recent = 131072, .merged_at_once = 1024                                                         \
    }

/* The hashes of one transaction id are neighbours: a range. */
typedef struct iscep_key_range {
    int64_t first;
    int64_t last;
} iscep_key_range;
iscep_status iscep_key_range_of_transaction(iscep_key_range *out, const char *transaction_id,
                                            iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_key_of_enrolment(int64_t *out, const char *transaction_id, const uint8_t csr_sha256[32],
                                    iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_key_of_serial(int64_t *out, const char *serial, iscep_error *err) ISCEP_CHECKED;

/* Ids of rows, growing. */
typedef struct iscep_row_ids {
    int64_t *ids;
    size_t count;
    size_t cap;
} iscep_row_ids;
void iscep_row_ids_clear(iscep_row_ids *ids);
/* The first column of all rows. */
iscep_status iscep_row_ids_add(iscep_row_ids *ids, iscep_rows *rows, iscep_error *err) ISCEP_CHECKED;
#define ISCEP_AUTO_ROW_IDS __attribute__((cleanup(iscep_row_ids_clear))) iscep_row_ids

iscep_status iscep_keys_open(iscep_keys **out, iscep_store *store, const iscep_keys_options *options,
                             iscep_error *err) ISCEP_CHECKED;
void iscep_keys_close(iscep_keys *keys); /* NULL is allowed */

/* keys NULL, here and below: the database has indexes of its own, and this says nothing and does nothing. */

/* False: it is certainly not there. Any thread; at once. */
bool iscep_keys_may_have(iscep_keys *keys, int64_t hash);
/* The rows that a hash may mean. Any thread, with a connection of that thread. */
iscep_status iscep_keys_find(iscep_keys *keys, iscep_store *store, int64_t hash, iscep_row_ids *out,
                             iscep_error *err) ISCEP_CHECKED;
/* The same of a range, by reading all recent ones: for people. */
iscep_status iscep_keys_find_range(iscep_store *store, const iscep_key_range *range, iscep_row_ids *out,
                                   iscep_error *err) ISCEP_CHECKED;

/* The writer's. Within a transaction; then one of the other two, as it ended. */
iscep_status iscep_keys_add(iscep_keys *keys, iscep_store *store, int64_t hash, int64_t row_id,
                            iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_keys_remove(iscep_keys *keys, iscep_store *store, int64_t hash, int64_t row_id,
                               iscep_error *err) ISCEP_CHECKED;
void iscep_keys_committed(iscep_keys *keys);
void iscep_keys_rolled_back(iscep_keys *keys);

/* Is there something to merge? Then one slice of it, in a transaction of its own. */
bool iscep_keys_need_merge(const iscep_keys *keys);
/* Have so many keys come since the last slice that the next is due even if there is other work? So a merge takes about as
 * long as it takes until the next is needed. */
bool iscep_keys_merge_is_due(const iscep_keys *keys);
iscep_status iscep_keys_merge_slice(iscep_keys *keys, iscep_store *store, iscep_error *err) ISCEP_CHECKED;

#endif
