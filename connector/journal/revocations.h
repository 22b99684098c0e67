/*
 * Revocations in the journal, from the request to the result that Intune has taken. Each is stored before it is acted on.
 *
 *     UNJUDGED -> (storm guard) -> WAITING -> (CA) -> ANSWERABLE -> (Intune took the result) -> ENDED
 *        `-> HELD, until approved --^ |
 *                                     `-> ENDED at once: of a CA that is not ours, left unanswered; or our own
 *                                         (nobody waits for a result)
 *
 * Only the leader of a tenant stores and judges (leaders.h, revocation_guard.h); what is WAITING any node may claim and carry
 * out, and any node may claim results and give them to Intune.
 */
#ifndef ISCEP_JOURNAL_REVOCATIONS_H
#define ISCEP_JOURNAL_REVOCATIONS_H

#include "journal/deliveries.h"

typedef enum iscep_revocation_state {
    ISCEP_REVOCATION_WAITING = 1,
    ISCEP_REVOCATION_HELD,
    ISCEP_REVOCATION_ANSWERABLE,
    ISCEP_REVOCATION_ENDED,
    ISCEP_REVOCATION_UNJUDGED, /* nobody can claim it */
} iscep_revocation_state;
/* "waiting", "held"…; "unknown" for what is none. Static storage. */
const char *iscep_revocation_state_name(int64_t state);

/* A revocation as Intune asked for it. */
typedef struct iscep_revocation_request {
    const char *context;     /* requestContext, opaque; one tenant's contexts are unique */
    const char *serial_text; /* as it came */
    const char
        *serial; /* as a number: upper-case hex, two digits a byte, no leading zero byte; NULL: it is none */
    const char *issuer;        /* may be empty */
    const char *configuration; /* caConfiguration, may be empty */
} iscep_revocation_request;

/*
 * Stores what was downloaded, all or nothing, UNJUDGED. One that is there already is not stored again: if it had ended with
 * a final result, that result becomes ANSWERABLE again; if with one that may be retried, or unanswered, it is UNJUDGED
 * again. count: how many are new. fence: of the leader's term; USAGE "not_leader": another has begun.
 */
void iscep_journal_store_revocations(iscep_journal *journal, const char *tenant, int64_t fence,
                                     const iscep_revocation_request *requests, size_t request_count,
                                     iscep_journal_count_fn done, void *user);

/* One to be carried out. Borrowed for the length of the callback. */
typedef struct iscep_revocation {
    int64_t id;
    int64_t fence; /* of this claim: whoever claims it next has a larger one */
    const char *tenant;
    const char *context; /* NULL: our own, for a withheld certificate */
    const char *serial_text;
    const char *serial; /* NULL: not a number */
    const char *issuer;
    const char *configuration;
    const char
        *ca; /* the [ca/NAME] that an earlier attempt chose, or that the withheld certificate has; or NULL */
    uint32_t attempts; /* made so far */
    int64_t stored_unix_ms;
    /* What the journal knows of the serial number: how many certificates have it, and the one if it is one. */
    size_t known_count;
    iscep_journal_cert known;
    const char *known_ca;
} iscep_revocation;

typedef void (*iscep_revocations_fn)(void *user, iscep_status status, const iscep_revocation *revocations,
                                     size_t count, int64_t next_due_unix_ms, const iscep_error *err);
/* Which are wanted; a lease and the clock as in deliveries.h. */
typedef struct iscep_revocation_claim {
    const char *tenant;
    size_t limit;
    int64_t lease_ms;
    int64_t max_backoff_ms;
    /*
     * The [ca/NAME]s that this node cannot serve at the moment. What an earlier attempt has brought to one of them is left for
     * a node that can; but once Intune has waited for patience_ms, anybody may have it, so that it is answered.
     */
    const char *const *absent_cas;
    size_t absent_ca_count;
    int64_t patience_ms;
} iscep_revocation_claim;
/* Those WAITING and due, the oldest first. While one of the tenant's is HELD, only our own. */
void iscep_journal_claim_revocations(iscep_journal *journal, const iscep_revocation_claim *claim,
                                     iscep_revocations_fn done, void *user);

typedef struct iscep_revocation_outcome {
    iscep_revocation_state
        state;       /* WAITING: postponed until due_unix_ms; ANSWERABLE; ENDED: nobody is to be answered */
    int64_t fence;   /* of the claim */
    bool is_untried; /* WAITING: no CA was asked, it does not count as an attempt */
    int64_t due_unix_ms;
    bool is_revoked;     /* it is revoked at its CA now: the certificate is marked, too */
    const char *ca;      /* texts may be NULL */
    int32_t error_code;  /* for Intune: 0, 4000… */
    const char *message; /* for Intune and for people */
} iscep_revocation_outcome;
/*
 * is_taken: the revocation stands as the outcome says. Otherwise somebody else has claimed it since, and his word counts; but
 * that it is revoked is the truth, whoever says it, and is taken while nobody has answered.
 */
typedef void (*iscep_revocation_settled_fn)(void *user, iscep_status status, bool is_taken,
                                            const iscep_error *err);
void iscep_journal_settle_revocation(iscep_journal *journal, int64_t id,
                                     const iscep_revocation_outcome *outcome,
                                     iscep_revocation_settled_fn done, void *user);

/* A result for Intune. Borrowed for the length of the callback. */
typedef struct iscep_revocation_result {
    int64_t id;
    int64_t fence;
    const char *context;
    int32_t error_code; /* 0: succeeded */
    const char *message;
} iscep_revocation_result;
typedef void (*iscep_results_fn)(void *user, iscep_status status, const iscep_revocation_result *results,
                                 size_t count, int64_t next_due_unix_ms, const iscep_error *err);
void iscep_journal_claim_results(iscep_journal *journal, const char *tenant, size_t limit, int64_t lease_ms,
                                 int64_t max_backoff_ms, iscep_results_fn done, void *user);

/* What was claimed, for who settles it. */
typedef struct iscep_claimed {
    int64_t id;
    int64_t fence;
} iscep_claimed;
/*
 * is_taken: Intune has them, they have ended. Otherwise claimable again at due_unix_ms. Those that somebody else has claimed
 * since stay as they are: he uploads the same.
 */
void iscep_journal_settle_results(iscep_journal *journal, const iscep_claimed *results, size_t count,
                                  bool is_taken, int64_t due_unix_ms, iscep_journal_fn done, void *user);

#endif
