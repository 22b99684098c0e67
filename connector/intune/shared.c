/* See shared.h. */
#include "intune/shared.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static void forget(iscep_shared *shared)
{
    if (shared->value != NULL)
        OPENSSL_cleanse(shared->value, strlen(shared->value)); /* it may be a token */
    free(shared->value);
    shared->value = NULL;
}

void iscep_shared_init(iscep_shared *shared)
{
    *shared = (iscep_shared){0};
    TAILQ_INIT(&shared->waiting);
}

void iscep_shared_clear(iscep_shared *shared)
{
    forget(shared);
}

void iscep_shared_wait(iscep_shared *shared, iscep_wait *wait, iscep_shared_fn done, void *user)
{
    *wait = (iscep_wait){.list = &shared->waiting, .done = done, .user = user};
    TAILQ_INSERT_TAIL(&shared->waiting, wait, link);
}

void iscep_wait_cancel(iscep_wait *wait)
{
    if (wait->list != NULL)
        TAILQ_REMOVE(wait->list, wait, link);
    wait->list = NULL;
}

iscep_status iscep_shared_set(iscep_shared *shared, const char *value, iscep_error *err)
{
    char *copy = strdup(value);
    if (copy == NULL)
        return iscep_error_nomem(err);
    forget(shared);
    shared->value = copy;
    shared->generation++;
    return ISCEP_OK;
}

void iscep_shared_drop(iscep_shared *shared, uint64_t generation)
{
    if (shared->generation == generation)
        forget(shared);
}

/* Told from a list of its own, because one who is told may ask again, cancel another, or drop the value. */
void iscep_shared_settle(iscep_shared *shared, iscep_status status, const iscep_error *err)
{
    struct iscep_wait_list told = TAILQ_HEAD_INITIALIZER(told);
    iscep_wait *wait;
    shared->is_fetching = false;
    TAILQ_CONCAT(&told, &shared->waiting, link);
    TAILQ_FOREACH(wait, &told, link)
    wait->list = &told;
    while ((wait = TAILQ_FIRST(&told)) != NULL) {
        iscep_wait_cancel(wait);
        if (status == ISCEP_OK && shared->value == NULL) {
            iscep_error dropped;
            iscep_error_set(&dropped, ISCEP_NETWORK, "dropped", "it was refused as soon as it was there");
            wait->done(wait->user, dropped.status, NULL, 0, &dropped);
        } else {
            wait->done(wait->user, status, status == ISCEP_OK ? shared->value : NULL, shared->generation,
                       err);
        }
    }
}
