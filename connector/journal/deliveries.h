/*
 * What is owed to Intune: one delivery for each report. Those of one enrolment go out in the order in which they came:
 * the second cannot be claimed before the first has ended.
 *
 * A claim is a lease: until it ends nobody else gets the delivery. When a process dies its claims end with it (SQLite: at
 * the next open; PostgreSQL: with the lease). Each has a fence, larger than the one before: what somebody says of a claim that
 * another has by now changes nothing, but for Intune's yes, which is true whoever heard it.
 *
 * A database that was restored, or whose failover has lost the last commits, gives out an id a second time. So the first fence
 * of a delivery is a random number, and its low bits count the claims: a process that speaks of a delivery by its id says a
 * fence, too, that it was given with it, and if that is another delivery's, it speaks of one that the journal does not have.
 */
#ifndef ISCEP_JOURNAL_DELIVERIES_H
#define ISCEP_JOURNAL_DELIVERIES_H

#include "journal/enrolments.h"

/* Are both the same delivery's? Those that are older than this rule began at 0, and are told apart by their ids alone. */
enum { ISCEP_FENCE_CLAIM_BITS = 16 };
static inline bool iscep_fences_are_of_one(int64_t fence, int64_t other)
{
    return fence >> ISCEP_FENCE_CLAIM_BITS == other >> ISCEP_FENCE_CLAIM_BITS;
}

typedef enum iscep_delivery_kind { ISCEP_DELIVER_ISSUED = 1, ISCEP_DELIVER_FAILED } iscep_delivery_kind;

/* Borrowed for the length of the callback. */
typedef struct iscep_delivery {
    int64_t id;
    int64_t fence; /* of this claim: says who settles or releases it */
    iscep_delivery_kind kind;
    iscep_enrolment_key key;
    iscep_bytes csr;
    iscep_journal_cert cert; /* issued; der has no bytes */
    uint32_t error_code;     /* failed */
    const char *description; /* failed */
    bool is_deferred;
    bool was_validated; /* the journal has seen the enrolment validated */
    uint32_t attempts;  /* made so far */
    int64_t recorded_unix_ms;
} iscep_delivery;

/* next_due_unix_ms: when the next will be due, of those not given out; 0: there is none. */
typedef void (*iscep_deliveries_fn)(void *user, iscep_status status, const iscep_delivery *deliveries,
                                    size_t count, int64_t next_due_unix_ms, const iscep_error *err);
/*
 * Those that are due, the longest due first, at most limit. A due time further away than max_backoff_ms was set before
 * the clock went backwards, and counts as due.
 */
void iscep_journal_claim_deliveries(iscep_journal *journal, const char *tenant, size_t limit,
                                    int64_t lease_ms, int64_t max_backoff_ms, iscep_deliveries_fn done,
                                    void *user);

typedef enum iscep_delivery_end {
    ISCEP_DELIVERY_ACCEPTED = 1, /* Intune has taken note; the CSR is forgotten */
    ISCEP_DELIVERY_POSTPONED,    /* claimable again at due_unix_ms; the caller keeps no claim */
    ISCEP_DELIVERY_REFUSED, /* Intune said no: withheld if it was strict, dead if it was deferred or a failure */
    ISCEP_DELIVERY_DEAD,    /* too old: into the dead-letter list */
} iscep_delivery_end;

typedef struct iscep_delivery_outcome {
    iscep_delivery_end end;
    int64_t fence; /* of the claim under which the attempt was made: says which delivery it was, too */
    int64_t due_unix_ms;
    bool is_revoked_too; /* REFUSED: a revocation for its CA is queued in the same step */
    const char *code;    /* what Intune or we said; texts may be NULL */
    const char *message;
    const char *request_id;
} iscep_delivery_outcome;
/*
 * The report's state afterwards: WITHHELD also when it was withheld in the meantime, and then stays so. USAGE "delivery_unknown":
 * there is none, or its fences are others.
 */
void iscep_journal_settle_delivery(iscep_journal *journal, int64_t id, const iscep_delivery_outcome *outcome,
                                   iscep_report_fn done, void *user);

/*
 * Decides that this certificate is never delivered, unless Intune has taken note already (then the state is DONE, and
 * nothing changes). Nothing is owed for it any more. With is_revoked_too a revocation for its CA is queued in the same
 * step (revocations.h). fence: any of the delivery's; USAGE "delivery_unknown".
 */
void iscep_journal_withhold(iscep_journal *journal, int64_t delivery_id, int64_t fence, const char *code,
                            const char *message, bool is_revoked_too, iscep_report_fn done, void *user);

/*
 * What a person does to what is owed or dead. ids NULL: all that are dead. tenant: only what is that one's; NULL: everybody's.
 * count: how many it concerned; a certificate in whose place another stands is not retried.
 */
typedef void (*iscep_journal_count_fn)(void *user, iscep_status status, int64_t count,
                                       const iscep_error *err);
void iscep_journal_retry_deliveries(iscep_journal *journal, const char *tenant, const int64_t *ids,
                                    size_t id_count, iscep_journal_count_fn done,
                                    void *user); /* due now, with a new age */
void iscep_journal_purge_deliveries(iscep_journal *journal, const char *tenant, const int64_t *ids,
                                    size_t id_count, iscep_journal_count_fn done,
                                    void *user); /* dead ones only */

#endif
