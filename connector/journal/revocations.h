/*
 * Revocations in the journal, from the request to the result that Intune has taken. Each is stored before it is acted on.
 *
 *     WAITING -> (CA) -> ANSWERABLE -> (Intune took the result) -> ENDED
 *        |  \-> HELD by the storm guard, until approved -> WAITING
 *         `-> ENDED at once: of a CA that is not ours, left unanswered; or our own (nobody waits for a result)
 */
#ifndef ISCEP_JOURNAL_REVOCATIONS_H
#define ISCEP_JOURNAL_REVOCATIONS_H

#include "journal/deliveries.h"

typedef enum iscep_revocation_state {
    ISCEP_REVOCATION_WAITING = 1,
    ISCEP_REVOCATION_HELD,
    ISCEP_REVOCATION_ANSWERABLE,
    ISCEP_REVOCATION_ENDED,
} iscep_revocation_state;

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
 * Stores what was downloaded, all or nothing. One that is there already is not stored again: if it had ended with a
 * final result, that result becomes ANSWERABLE again; if with one that may be retried, or unanswered, it is WAITING
 * again. count: how many are new.
 */
void iscep_journal_store_revocations(iscep_journal *journal, const char *tenant,
                                     const iscep_revocation_request *requests, size_t request_count,
                                     iscep_journal_count_fn done, void *user);

/* One to be carried out. Borrowed for the length of the callback. */
typedef struct iscep_revocation {
    int64_t id;
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
/* Those WAITING and due, the oldest first; a lease and the clock as in deliveries.h. */
void iscep_journal_claim_revocations(iscep_journal *journal, const char *tenant, size_t limit,
                                     int64_t lease_ms, int64_t max_backoff_ms, iscep_revocations_fn done,
                                     void *user);

typedef struct iscep_revocation_outcome {
    iscep_revocation_state
        state; /* WAITING: postponed until due_unix_ms; ANSWERABLE; ENDED: nobody is to be answered */
    int64_t due_unix_ms;
    bool is_revoked;     /* it is revoked at its CA now: the certificate is marked, too */
    const char *ca;      /* texts may be NULL */
    int32_t error_code;  /* for Intune: 0, 4000… */
    const char *message; /* for Intune and for people */
} iscep_revocation_outcome;
void iscep_journal_settle_revocation(iscep_journal *journal, int64_t id,
                                     const iscep_revocation_outcome *outcome, iscep_journal_fn done,
                                     void *user);

/* A result for Intune. Borrowed for the length of the callback. */
typedef struct iscep_revocation_result {
    int64_t id;
    const char *context;
    int32_t error_code; /* 0: succeeded */
    const char *message;
} iscep_revocation_result;
typedef void (*iscep_results_fn)(void *user, iscep_status status, const iscep_revocation_result *results,
                                 size_t count, int64_t next_due_unix_ms, const iscep_error *err);
void iscep_journal_claim_results(iscep_journal *journal, const char *tenant, size_t limit, int64_t lease_ms,
                                 int64_t max_backoff_ms, iscep_results_fn done, void *user);
/* is_taken: Intune has them, they have ended. Otherwise claimable again at due_unix_ms. */
void iscep_journal_settle_results(iscep_journal *journal, const int64_t *ids, size_t id_count, bool is_taken,
                                  int64_t due_unix_ms, iscep_journal_fn done, void *user);

/* For the storm guard. */
typedef struct iscep_revocation_counts {
    int64_t asked_since; /* Intune's, stored since the given time, whatever their state */
    int64_t waiting;
    int64_t held;
    int64_t answerable;
    int64_t active_certificates; /* reported or deferred, neither revoked nor expired */
} iscep_revocation_counts;
typedef void (*iscep_counts_fn)(void *user, iscep_status status, const iscep_revocation_counts *counts,
                                const iscep_error *err);
void iscep_journal_count_revocations(iscep_journal *journal, const char *tenant, int64_t since_unix_ms,
                                     iscep_counts_fn done, void *user);
/* All of Intune's that wait are held (is_held), or all that are held wait again. count: how many. */
void iscep_journal_hold_revocations(iscep_journal *journal, const char *tenant, bool is_held,
                                    iscep_journal_count_fn done, void *user);

#endif
