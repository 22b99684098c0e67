/* See health.h. */
#include "journal/health.h"

#include <pthread.h>
#include <stdlib.h>

struct iscep_health {
    pthread_mutex_t lock;
    bool is_good;
    iscep_error reason;
    iscep_bell *changed;
};

iscep_status iscep_health_new(iscep_health **out, iscep_error *err)
{
    iscep_health *health = calloc(1, sizeof *health);
    if (health == NULL)
        return iscep_error_nomem(err);
    pthread_mutex_init(&health->lock, NULL);
    health->is_good = true;
    *out = health;
    return ISCEP_OK;
}

void iscep_health_free(iscep_health *health)
{
    if (health == NULL)
        return;
    pthread_mutex_destroy(&health->lock);
    free(health);
}

void iscep_health_set(iscep_health *health, const iscep_error *err)
{
    pthread_mutex_lock(&health->lock);
    bool is_good = err == NULL;
    if (!is_good)
        health->reason = *err;
    if (is_good != health->is_good && health->changed != NULL)
        iscep_bell_ring(health->changed);
    health->is_good = is_good;
    pthread_mutex_unlock(&health->lock);
}

void iscep_health_watch(iscep_health *health, iscep_bell *changed)
{
    pthread_mutex_lock(&health->lock);
    health->changed = changed;
    pthread_mutex_unlock(&health->lock);
}

bool iscep_health_is_good(iscep_health *health, iscep_error *err)
{
    pthread_mutex_lock(&health->lock);
    bool is_good = health->is_good;
    if (!is_good && err != NULL)
        *err = health->reason;
    pthread_mutex_unlock(&health->lock);
    return is_good;
}
