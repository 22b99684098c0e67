/*
 * The storm guard's side of the revocations: how many there are, and whether they may be carried out. One word stands for a
 * tenant, a fact that says whether what Intune asks for is held, and why. The word and the states change in one step, so
 * that whoever leads next finds both, and a person at one node and the leader at another never undo each other's unseen.
 */
#ifndef ISCEP_JOURNAL_REVOCATION_GUARD_H
#define ISCEP_JOURNAL_REVOCATION_GUARD_H

#include "journal/revocations.h"

/* The word's name among the facts: iscep_journal_get_fact. */
#define ISCEP_STORM_GUARD_FACT "storm_guard"

typedef struct iscep_revocation_counts {
    int64_t asked_since;    /* Intune's, stored since the given time, whatever their state */
    int64_t newest_unix_ms; /* when the last of them was stored, by its node's clock; 0: there is none */
    int64_t unjudged;       /* Intune's, as the next three */
    int64_t waiting;
    int64_t held;
    int64_t answerable;
    int64_t active_certificates; /* reported or deferred, neither revoked nor expired */
} iscep_revocation_counts;
typedef void (*iscep_counts_fn)(void *user, iscep_status status, const iscep_revocation_counts *counts,
                                const iscep_error *err);
void iscep_journal_count_revocations(iscep_journal *journal, const char *tenant, int64_t since_unix_ms,
                                     iscep_counts_fn done, void *user);

/* USAGE, and nothing is done: "not_leader", another term has begun; "guard_changed", another word stands. */
typedef struct iscep_guard_step {
    bool is_persons;  /* counts whoever leads, and whatever word stands */
    int64_t fence;    /* of the leader's term */
    const char *seen; /* the word that stands, as far as the leader knows; empty: none */
    const char *word; /* the one that stands from now on */
} iscep_guard_step;
/* What is UNJUDGED or HELD becomes WAITING, due at once; by a person's word what is HELD. count: how many. */
void iscep_journal_pass_revocations(iscep_journal *journal, const char *tenant, const iscep_guard_step *step,
                                    iscep_journal_count_fn done, void *user);
/* What is UNJUDGED, or WAITING and nobody's claim, becomes HELD; our own do not. count: how many. */
void iscep_journal_hold_revocations(iscep_journal *journal, const char *tenant, const iscep_guard_step *step,
                                    iscep_journal_count_fn done, void *user);

#endif
