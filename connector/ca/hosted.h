/*
 * The executor of kind plugin: the SCEP server that hosts the plugin revokes. Its plugin comes and asks for work; a
 * revocation waits here until it is fetched, and is answered UNAVAILABLE when nobody does until its deadline.
 */
#ifndef ISCEP_CA_HOSTED_H
#define ISCEP_CA_HOSTED_H

#include "ca/ca.h"

/* Work for a host. Borrowed for the length of the callback. */
typedef struct iscep_hosted_work {
    const char *id; /* hard to guess, good for one result */
    const char *serial;
    const char *issuer;
    iscep_crl_reason reason;
    int64_t timeout_ms; /* a result that comes later is not heard */
} iscep_hosted_work;

typedef struct iscep_hosted_wait iscep_hosted_wait; /* somebody who asked for work and has got none yet */

/* Exactly once: with work, or with NULL when none came until the deadline or the CA is freed. Perhaps before the call
 * returns; then *out is NULL. */
typedef void (*iscep_hosted_fn)(void *user, const iscep_hosted_work *work);

/* ca must be of kind ISCEP_CA_PLUGIN. */
iscep_status iscep_hosted_take(iscep_hosted_wait **out, iscep_ca *ca, int64_t deadline_mono_ms,
                               iscep_hosted_fn done, void *user, iscep_error *err) ISCEP_CHECKED;
/* Is there work that nobody has fetched? */
bool iscep_hosted_has_work(const iscep_ca *ca);
void iscep_hosted_cancel(iscep_hosted_wait *wait); /* he is gone: done is not called any more */
/* USAGE, "revocation_unknown": nobody waits for this result (any more). */
iscep_status iscep_hosted_settle(iscep_ca *ca, const char *id, const iscep_ca_result *result,
                                 iscep_error *err) ISCEP_CHECKED;

#endif
