/*
 * The recent keys in memory: the table recent_key as a hash table, in the order of its ids. Any thread may look something
 * up; one changes it.
 */
#ifndef ISCEP_JOURNAL_RECENT_KEYS_H
#define ISCEP_JOURNAL_RECENT_KEYS_H

#include "base/bytes.h"

typedef struct iscep_recent_keys iscep_recent_keys;

typedef struct iscep_recent_key {
    int64_t id; /* in the table */
    int64_t hash;
    int64_t row_id;
} iscep_recent_key;

iscep_status iscep_recent_keys_new(iscep_recent_keys **out, iscep_error *err) ISCEP_CHECKED;
void iscep_recent_keys_free(iscep_recent_keys *recent); /* NULL is allowed */

/* The newest first: the next older one than key, or the newest if key->id is 0. False: there is none. */
bool iscep_recent_keys_find(iscep_recent_keys *recent, int64_t hash, iscep_recent_key *key);

/* The writer's. Ids grow. */
iscep_status iscep_recent_keys_push(iscep_recent_keys *recent, const iscep_recent_key *key,
                                    iscep_error *err) ISCEP_CHECKED;
void iscep_recent_keys_pop(iscep_recent_keys *recent, size_t count);
void iscep_recent_keys_drop_oldest(iscep_recent_keys *recent, size_t count);
size_t iscep_recent_keys_count(const iscep_recent_keys *recent);
const iscep_recent_key *iscep_recent_keys_at(const iscep_recent_keys *recent,
                                             size_t index); /* 0: the oldest */

#endif
