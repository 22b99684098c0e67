/*
 * What is owed to Intune is delivered: in due order, again and again with growing pauses, until Intune has taken note or
 * refuses, or it is too old. What is owed is in the journal; here is only what is under way. One for each tenant, on the
 * loop's thread.
 *
 * While Intune is known not to answer (an open circuit, Retry-After) nothing is attempted at all. What a delivery tells
 * Intune is what the journal stored, so that every attempt has the same content.
 */
#ifndef ISCEP_SERVICE_OUTBOX_H
#define ISCEP_SERVICE_OUTBOX_H

#include "intune/intune.h"
#include "journal/deliveries.h"
#include "service/routing.h"

typedef struct iscep_outbox iscep_outbox;

/* How an attempt ended, once the journal knows it. Borrowed for the length of the callback. */
typedef struct iscep_outbox_result {
    int64_t id;                   /* of the delivery */
    int64_t fence;                /* and one of its fences (deliveries.h) */
    const iscep_verdict *verdict; /* what Intune, or the way to it, said */
    iscep_status status; /* not ISCEP_OK: the journal could not take it down, err says why; report is NULL */
    const iscep_error *err;
    const iscep_report *report;
    int64_t next_mono_ms; /* OWED: when the next attempt is made */
} iscep_outbox_result;

typedef struct iscep_outbox_options {
    const char *tenant;          /* its name in the configuration */
    bool is_unvalidated_refused; /* a certificate of an enrolment never validated is withheld, not reported */
    int64_t dead_after_ms;
    int64_t max_backoff_ms;
    uint32_t max_in_flight;     /* of those that nobody waits for */
    int64_t attempt_timeout_ms; /* Intune's time for these; a claim outlives an attempt by half of it */
    /* What became of an attempt: first, what it came to; then, once that is on disk, where the delivery stands. */
    void (*on_tried)(void *user, int64_t id, int64_t fence, const iscep_verdict *verdict);
    void (*on_result)(void *user, const iscep_outbox_result *result);
    void *user;
} iscep_outbox_options;

/* Everything given is borrowed and must outlive it. Looks for what an earlier process left as soon as the loop runs. */
iscep_status iscep_outbox_new(iscep_outbox **out, const iscep_env *env, iscep_intune *intune,
                              iscep_journal *journal, const iscep_routing *routing,
                              const iscep_outbox_options *options, iscep_error *err) ISCEP_CHECKED;
/* After the iscep_intune was freed. What is owed stays owed, and what was claimed and not tried is given back. */
void iscep_outbox_free(iscep_outbox *outbox);

/* An attempt at a delivery that the caller has claimed; deadline 0: nobody waits for it. Everything is copied. */
void iscep_outbox_attempt(iscep_outbox *outbox, const iscep_delivery *delivery, int64_t deadline_mono_ms);
/* Something became due: look now. */
void iscep_outbox_wake(iscep_outbox *outbox);
/* Something will be due then: look then, if nothing is to be looked for before. */
void iscep_outbox_look_at(iscep_outbox *outbox, int64_t mono_ms);

/*
 * Another outbox has taken over: nothing more is claimed from the journal. What is under way, and what callers have claimed, ends
 * here.
 */
void iscep_outbox_retire(iscep_outbox *outbox);
bool iscep_outbox_is_idle(const iscep_outbox *outbox); /* nothing is under way */
/* Is an attempt at this delivery under way here? Then its end is told. */
bool iscep_outbox_is_trying(const iscep_outbox *outbox, int64_t id, int64_t fence);

/* Until when nothing is attempted; in the past: it may be. */
int64_t iscep_outbox_paused_until_mono_ms(const iscep_outbox *outbox);
/* For how long a delivery must be claimed whose attempt has this deadline; 0 while nothing is attempted. */
int64_t iscep_outbox_lease_ms(const iscep_outbox *outbox, int64_t deadline_mono_ms);

#endif
