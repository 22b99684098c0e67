/* See recent_keys.h: chains through an array, whose places are the order of the ids. */
#include "journal/recent_keys.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 4096 /* a power of two */ };

typedef struct entry {
    iscep_recent_key key;
    uint32_t next; /* place of the next older one in the chain, counted from 1; 0: none */
} entry;

struct iscep_recent_keys {
    pthread_mutex_t lock; /* against those who look something up; the writer reads without it */
    entry *entries;
    size_t count;
    size_t capacity;  /* of entries, and of chains */
    uint32_t *chains; /* place of the newest, counted from 1 */
};

/* Hashes of one transaction id differ in their lower half only, and those of serial numbers in both. */
static size_t chain_of(const iscep_recent_keys *recent, int64_t hash)
{
    return (size_t)((uint64_t)hash * 0x9E3779B97F4A7C15u >> 32) & (recent->capacity - 1);
}

static void link_entry(iscep_recent_keys *recent, size_t place)
{
    uint32_t *chain = &recent->chains[chain_of(recent, recent->entries[place].key.hash)];
    recent->entries[place].next = *chain;
    *chain = (uint32_t)place + 1;
}

static void link_all(iscep_recent_keys *recent)
{
    memset(recent->chains, 0, recent->capacity * sizeof *recent->chains);
    for (size_t i = 0; i < recent->count; i++)
        link_entry(recent, i);
}

static iscep_status resize(iscep_recent_keys *recent, size_t capacity, iscep_error *err)
{
    entry *entries = capacity > UINT32_MAX / 2 ? NULL : calloc(capacity, sizeof *entries);
    uint32_t *chains = entries == NULL ? NULL : calloc(capacity, sizeof *chains);
    if (chains == NULL) {
        free(entries);
        return iscep_error_nomem(err);
    }
    if (recent->count > 0)
        memcpy(entries, recent->entries, recent->count * sizeof *entries);
    pthread_mutex_lock(&recent->lock);
    entry *old_entries = recent->entries;
    uint32_t *old_chains = recent->chains;
    recent->entries = entries;
    recent->chains = chains;
    recent->capacity = capacity;
    link_all(recent);
    pthread_mutex_unlock(&recent->lock);
    free(old_entries);
    free(old_chains);
    return ISCEP_OK;
}

iscep_status iscep_recent_keys_new(iscep_recent_keys **out, iscep_error *err)
{
    iscep_recent_keys *recent = calloc(1, sizeof *recent);
    if (recent == NULL)
        return iscep_error_nomem(err);
    pthread_mutex_init(&recent->lock, NULL);
    if (resize(recent, FIRST_CAPACITY, err) != ISCEP_OK) {
        iscep_recent_keys_free(recent);
        return ISCEP_NOMEM;
    }
    *out = recent;
    return ISCEP_OK;
}

void iscep_recent_keys_free(iscep_recent_keys *recent)
{
    if (recent == NULL)
        return;
    pthread_mutex_destroy(&recent->lock);
    free(recent->entries);
    free(recent->chains);
    free(recent);
}

/* Places change between two calls, when the oldest are dropped; ids do not. */
bool iscep_recent_keys_find(iscep_recent_keys *recent, int64_t hash, iscep_recent_key *key)
{
    pthread_mutex_lock(&recent->lock);
    size_t at = recent->chains[chain_of(recent, hash)];
    while (at != 0 && (recent->entries[at - 1].key.hash != hash ||
                       (key->id != 0 && recent->entries[at - 1].key.id >= key->id)))
        at = recent->entries[at - 1].next;
    if (at != 0)
        *key = recent->entries[at - 1].key;
    pthread_mutex_unlock(&recent->lock);
    return at != 0;
}

iscep_status iscep_recent_keys_push(iscep_recent_keys *recent, const iscep_recent_key *key, iscep_error *err)
{
    if (recent->count == recent->capacity) {
        iscep_status status = resize(recent, recent->capacity * 2, err);
        if (status != ISCEP_OK)
            return status;
    }
    pthread_mutex_lock(&recent->lock);
    recent->entries[recent->count] = (entry){.key = *key};
    link_entry(recent, recent->count++);
    pthread_mutex_unlock(&recent->lock);
    return ISCEP_OK;
}

void iscep_recent_keys_pop(iscep_recent_keys *recent, size_t count)
{
    pthread_mutex_lock(&recent->lock);
    for (; count > 0 && recent->count > 0; count--) {
        const entry *newest = &recent->entries[--recent->count];
        recent->chains[chain_of(recent, newest->key.hash)] = newest->next;
    }
    pthread_mutex_unlock(&recent->lock);
}

void iscep_recent_keys_drop_oldest(iscep_recent_keys *recent, size_t count)
{
    pthread_mutex_lock(&recent->lock);
    recent->count -= count;
    memmove(recent->entries, recent->entries + count, recent->count * sizeof *recent->entries);
    link_all(recent);
    pthread_mutex_unlock(&recent->lock);
}

size_t iscep_recent_keys_count(const iscep_recent_keys *recent)
{
    return recent->count;
}

const iscep_recent_key *iscep_recent_keys_at(const iscep_recent_keys *recent, size_t index)
{
    return &recent->entries[index].key;
}
