/*
 * Which node does what only one may do, such as asking Intune for a tenant's revocations. A leader has a term: it lasts as
 * long as it is prolonged in time, and its number, the fence, is larger than that of every term before. What a leader
 * writes carries its fence and is refused when another term has begun, so that a node that was paused, or whose clock is
 * wrong, changes nothing. With a journal of this node's own there is nobody else, and it always leads.
 */
#ifndef ISCEP_JOURNAL_LEADERS_H
#define ISCEP_JOURNAL_LEADERS_H

#include "journal/engine.h"

/* The poll for revocations and the storm guard. */
#define ISCEP_TASK_REVOCATIONS "revocations"

/* Borrowed for the length of the callback. */
typedef struct iscep_leadership {
    bool is_leader; /* we */
    int64_t fence;  /* of our term; 0: another leads */
    /* When the term, ours or the other's, ends unless it is prolonged; may be past. In a journal of this node's own it does not. */
    int64_t until_mono_ms;
    const char *node; /* who leads */
} iscep_leadership;

#define ISCEP_LEADS_FOR_EVER INT64_MAX

typedef void (*iscep_leadership_fn)(void *user, iscep_status status, const iscep_leadership *standing,
                                    const iscep_error *err);
/*
 * Begins a term of lease_ms from now (fence 0), unless another node has one; or prolongs the term that has this fence, unless
 * another has begun. A term of this process that was begun before is ended by a new one.
 */
void iscep_journal_lead(iscep_journal *journal, const char *tenant, const char *task, int64_t fence,
                        int64_t lease_ms, iscep_leadership_fn done, void *user);
/* Ends this term, if it has not ended: whoever asks next can lead. Nobody is called back. */
void iscep_journal_resign(iscep_journal *journal, const char *tenant, const char *task, int64_t fence);

/*
 * For other operations, within their transaction and before they write anything: is this term still the newest? Until the
 * transaction ends no other can begin. USAGE "not_leader": it is not.
 */
iscep_status iscep_leader_check(iscep_db *db, const char *tenant, const char *task, int64_t fence,
                                iscep_error *err) ISCEP_CHECKED;

#endif
