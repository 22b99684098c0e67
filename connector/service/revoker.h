/*
 * The revocations that Intune asks for: fetched, stored, carried out by the CA that issued, and answered; and our own, of
 * certificates that were withheld. One for each tenant, on the loop's thread. docs/REVOCATION.md.
 */
#ifndef ISCEP_SERVICE_REVOKER_H
#define ISCEP_SERVICE_REVOKER_H

#include "base/json.h"
#include "intune/intune.h"
#include "service/routing.h"

typedef struct iscep_revoker iscep_revoker;

/* Section [revocation]. */
typedef struct iscep_revoker_options {
    bool is_polling;           /* fetch what Intune asks for; otherwise only our own are carried out */
    int64_t poll_interval_ms;  /* between two downloads */
    uint32_t batch;            /* maxRequests of a download, 1 to 500 */
    const char *issuer_filter; /* issuerName of a download; NULL: none */
    bool
        is_foreign_answered; /* of a CA that is not ours: answer NotSupported; otherwise leave it to others */
    bool is_serial_decimal;  /* serial numbers come in decimal; otherwise hex */
    bool is_code_number;     /* errorCode as a number in a string; otherwise its name */
    int64_t retry_for_ms;    /* how long a CA that cannot be had is tried before Intune is told so */
    int64_t max_backoff_ms;
    /* The storm guard: more than storm_limit revocations, or, if those are more than storm_floor, more than
     * storm_percent of the active certificates, asked for within storm_period_ms. 0: not this bound. */
    int64_t storm_limit;
    int64_t storm_percent;
    int64_t storm_floor;
    int64_t storm_period_ms;
} iscep_revoker_options;
extern const iscep_revoker_options iscep_revoker_options_default;

/* Everything given is borrowed and must outlive it. tenant: its name in the configuration. */
iscep_status iscep_revoker_new(iscep_revoker **out, const iscep_env *env, iscep_intune *intune,
                               iscep_journal *journal, const iscep_routing *routing, const char *tenant,
                               const iscep_revoker_options *options, iscep_error *err) ISCEP_CHECKED;
/* After the iscep_intune, and the CAs, were freed (they end what is under way) and before the journal is closed. */
void iscep_revoker_free(iscep_revoker *revoker);

/*
 * As of a service: a round of downloads, an upload and what a CA has been asked for are finished, nothing else is begun, and what was
 * only claimed is given back; and is it idle?
 */
void iscep_revoker_retire(iscep_revoker *revoker);
bool iscep_revoker_is_idle(const iscep_revoker *revoker);
/*
 * Two of one tenant never work side by side: the storm guard of one would not know what the other stores. So revoker begins
 * when before, which is retired by this, is idle or gone. On the same loop, before that turns after iscep_revoker_new; before
 * may be NULL. Told of several, the newest first, it follows the first, which follows those before it.
 */
void iscep_revoker_follow(iscep_revoker *revoker, iscep_revoker *before);

/* Something was queued in the journal: look now. */
void iscep_revoker_wake(iscep_revoker *revoker);
/* Does it ask Intune at all? Otherwise it carries out our own revocations only, and there is nothing to fetch. */
bool iscep_revoker_is_polling(const iscep_revoker *revoker);
/* Fetch from Intune now, whatever the interval says. NULL; otherwise another node does that for this tenant, and this is its name. */
const char *iscep_revoker_poll_now(iscep_revoker *revoker);
/* A person has looked at what the storm guard holds: carry it out. The guard begins to count anew. count: how many. */
void iscep_revoker_approve(iscep_revoker *revoker, iscep_journal_count_fn done, void *user);

/* {"isLeader","leader","lastPollAt","lastPollResult","nextPollAt","isHeld","heldSince","heldReason"}: adds members to object */
void iscep_revoker_describe(const iscep_revoker *revoker, iscep_json *object);

#endif
