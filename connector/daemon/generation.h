/*
 * Everything that one configuration makes, but for what outlives it (journal, audit trail, sockets, workers): CAs, revokers,
 * and on each worker every tenant's client and service. A reload makes the next generation beside the one in force; if that
 * fails, it has never been. Then requests find the new one, and the old one ends what it has begun.
 *
 * On the keeper's thread.
 */
#ifndef ISCEP_DAEMON_GENERATION_H
#define ISCEP_DAEMON_GENERATION_H

#include <sys/queue.h>

#include "daemon/runner.h"

typedef struct iscep_generation {
    STAILQ_ENTRY(iscep_generation) link; /* for its owner */
    int64_t retired_mono_ms;             /* the same */
    iscep_config *config;
    iscep_doors *doors;
    iscep_step_ca *hooks[ISCEP_CONFIG_MAX_STEP_CAS];
    iscep_ca *cas[ISCEP_CONFIG_MAX_CAS];
    iscep_routing routing;
    iscep_revoker *revokers[ISCEP_CONFIG_MAX_TENANTS];
    iscep_crowd crowds[ISCEP_CONFIG_MAX_TENANTS]; /* of the tenants, on all workers */
    iscep_admin_tenant admin_tenants[ISCEP_CONFIG_MAX_TENANTS];
    struct iscep_generation_part *parts; /* one a worker */
    size_t part_count;
} iscep_generation;

/* What a generation is made for, and with. Borrowed. */
typedef struct iscep_generation_needs {
    iscep_runner *const *runners; /* the first is the keeper's */
    size_t runner_count;
    const iscep_keeper_api *keeper;
    iscep_generation *before; /* whose tokens are taken over; NULL: there is none */
    void (*on_answered)(void *user, iscep_runner *runner,
                        const iscep_answer *answer); /* on the runner's thread */
    iscep_callback on_withheld;                      /* on any runner's thread */
    void *user;
} iscep_generation_needs;

/* Takes config, also if it fails. */
iscep_status iscep_generation_new(iscep_generation **out, const iscep_generation_needs *needs,
                                  iscep_config *config, iscep_error *err) ISCEP_CHECKED;
/* Requests that come from now on find it. */
void iscep_generation_enter(iscep_generation *generation);
/*
 * Takes over from before: its revokers begin when those of the same tenants have ended. Before the loop turns. Then, the newest
 * first, from those before that, for tenants that were gone meanwhile.
 */
void iscep_generation_follow(iscep_generation *generation, iscep_generation *before);
/* Begins nothing any more. */
void iscep_generation_retire(iscep_generation *generation);
bool iscep_generation_is_idle(iscep_generation *generation);
/* Who still waits for an answer gets RETRY. No worker may find it any more. NULL is allowed. */
void iscep_generation_free(iscep_generation *generation);

/* A tenant as the keeper has it. */
const iscep_seat *iscep_generation_keeper_seat(const iscep_generation *generation, size_t tenant);
void iscep_generation_wake_revokers(iscep_generation *generation);
/* Something that is owed is free to be claimed: a generation that was freed has given it back. */
void iscep_generation_wake_services(iscep_generation *generation);
/* Tokens and addresses are fetched before they are needed. */
void iscep_generation_warm_up(iscep_generation *generation);

#endif
