/* See aliases.h. A ring, searched from its newest end: who asks by an old number asks soon, and seldom. */
#include "journal/aliases.h"

#include <pthread.h>
#include <stdlib.h>

enum { KEPT = 8192 };

typedef struct alias {
    int64_t spool_id;
    int64_t database_id;
} alias;

struct iscep_aliases {
    alias *added; /* in the transaction that is under way: only for the thread that moves */
    size_t added_count;
    size_t added_cap;
    pthread_mutex_t lock; /* guards what follows */
    size_t count;         /* ever added */
    alias ring[KEPT];
};

iscep_status iscep_aliases_new(iscep_aliases **out, iscep_error *err)
{
    iscep_aliases *aliases = calloc(1, sizeof *aliases);
    if (aliases == NULL)
        return iscep_error_nomem(err);
    pthread_mutex_init(&aliases->lock, NULL);
    *out = aliases;
    return ISCEP_OK;
}

void iscep_aliases_free(iscep_aliases *aliases)
{
    if (aliases == NULL)
        return;
    pthread_mutex_destroy(&aliases->lock);
    free(aliases->added);
    free(aliases);
}

/* Without memory whoever knows it by its old number does not find it. */
void iscep_aliases_add(iscep_aliases *aliases, int64_t spool_id, int64_t database_id)
{
    if (aliases->added_count == aliases->added_cap) {
        size_t cap = aliases->added_cap == 0 ? 64 : aliases->added_cap * 2;
        alias *grown = reallocarray(aliases->added, cap, sizeof *grown);
        if (grown == NULL)
            return;
        aliases->added = grown;
        aliases->added_cap = cap;
    }
    aliases->added[aliases->added_count++] = (alias){.spool_id = spool_id, .database_id = database_id};
}

void iscep_aliases_committed(iscep_aliases *aliases)
{
    pthread_mutex_lock(&aliases->lock);
    for (size_t i = 0; i < aliases->added_count; i++)
        aliases->ring[aliases->count++ % KEPT] = aliases->added[i];
    pthread_mutex_unlock(&aliases->lock);
    aliases->added_count = 0;
}

void iscep_aliases_rolled_back(iscep_aliases *aliases)
{
    aliases->added_count = 0;
}

/* The newest with that number, or one that is all 0. */
static alias find(iscep_aliases *aliases, int64_t spool_id, int64_t database_id)
{
    alias found = {0};
    pthread_mutex_lock(&aliases->lock);
    size_t kept = aliases->count < KEPT ? aliases->count : KEPT;
    for (size_t i = 1; i <= kept && found.spool_id == 0; i++) {
        const alias *at = &aliases->ring[(aliases->count - i) % KEPT];
        if (at->spool_id == spool_id || at->database_id == database_id)
            found = *at;
    }
    pthread_mutex_unlock(&aliases->lock);
    return found;
}

int64_t iscep_aliases_in_database(iscep_aliases *aliases, int64_t spool_id)
{
    return find(aliases, spool_id, -1).database_id;
}

int64_t iscep_aliases_on_spool(iscep_aliases *aliases, int64_t database_id)
{
    return find(aliases, -1, database_id).spool_id;
}
