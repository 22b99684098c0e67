/*
 * A text that many calls need and one request brings: a token, an address. Those who come while it is being
 * fetched wait for the same answer; whoever finds it useless drops it, and only the generation that was found
 * useless goes.
 */
#ifndef ISCEP_INTUNE_SHARED_H
#define ISCEP_INTUNE_SHARED_H

#include <sys/queue.h>

#include "base/bytes.h"

/* value is borrowed for the length of the callback; NULL unless status is ISCEP_OK. */
typedef void (*iscep_shared_fn)(void *user, iscep_status status, const char *value, uint64_t generation,
                                const iscep_error *err);

TAILQ_HEAD(iscep_wait_list, iscep_wait);

/* The waiter's own storage, until it is called or cancelled. */
typedef struct iscep_wait {
    TAILQ_ENTRY(iscep_wait) link;
    struct iscep_wait_list *list; /* NULL: not waiting */
    iscep_shared_fn done;
    void *user;
} iscep_wait;

typedef struct iscep_shared {
    char *value; /* NULL: not known */
    uint64_t generation;
    bool is_fetching;
    struct iscep_wait_list waiting;
} iscep_shared;

void iscep_shared_init(iscep_shared *shared);
void iscep_shared_clear(iscep_shared *shared); /* nobody may be waiting; the value is cleansed */

/* done is called by the next settle, unless cancelled before. */
void iscep_shared_wait(iscep_shared *shared, iscep_wait *wait, iscep_shared_fn done, void *user);
void iscep_wait_cancel(iscep_wait *wait);

/* A new value, with a new generation. NOMEM leaves the old one. */
iscep_status iscep_shared_set(iscep_shared *shared, const char *value, iscep_error *err) ISCEP_CHECKED;
void iscep_shared_drop(iscep_shared *shared, uint64_t generation);
/* The fetch has ended: everyone who waited for it is told. */
void iscep_shared_settle(iscep_shared *shared, iscep_status status, const iscep_error *err);

#endif
