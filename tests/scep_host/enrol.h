/*
 * The life of an enrolment, from a device's message to the CertRep that answers it:
 *
 *     open and check -> claim the transaction -> ask the plugin --allow--> issue -> report it --allow--> deliver
 *                                                   |                                  |
 *                                                   |--decline--> ask the next         |--retry--> park, PENDING
 *                                                   |--retry--> park, PENDING          `--else--> withhold, FAILURE
 *                                                   |--deliver--> check, deliver
 *                                                   `--else--> FAILURE
 *
 * Plugins are a chain: the first that does not decline decides, and is told what became of it. When all have declined, and
 * where there is none, the endpoint's static challenge decides, and nobody is told.
 *
 * A poll for a parked transaction, and the same request once more, enter again where it was parked: at "ask the plugin", or
 * with a certificate at "report it". What is parked with a certificate and beyond its lifetime is withheld. A request that
 * was answered with a certificate gets the same certificate again. A CA on another host that cannot be asked is waited for in
 * the same way, until the host's patience ends; then, and also if nobody asks any more, the plugin is told of the failure.
 *
 * While a plugin with the form that does not block is asked, nobody waits: the passage stands still, and is gone on with
 * when the plugin's descriptor is readable.
 */
#ifndef ISCEP_HOST_ENROL_H
#define ISCEP_HOST_ENROL_H

#include "base/secret.h"
#include "ca.h"
#include "plugin_host.h"
#include "transactions.h"

/* What the enrolments of an endpoint need; all borrowed. Threads: any number may use one at once. */
typedef struct iscep_enrol {
    const iscep_env *env;
    const iscep_crypto *crypto;
    const iscep_host_ca *ca;
    iscep_plugin_host *const *plugins; /* in the order in which they are asked */
    size_t plugin_count;
    const iscep_secret *static_challenge; /* NULL: what all plugins decline is refused */
    iscep_transactions *transactions;
    int64_t pending_retry_ms; /* the plugin is not asked again sooner, unless it names a time itself */
    int64_t ca_patience_ms;   /* what a CA that cannot be asked keeps waiting longer has failed */
} iscep_enrol;

/* One message on its way. Threads: one at a time. */
typedef struct iscep_passage iscep_passage;

/* peer: the device's address; may be NULL. USAGE: it is no pkiMessage that could be answered. Nothing is borrowed. */
iscep_status iscep_passage_new(iscep_passage **out, const iscep_enrol *enrol, iscep_bytes message,
                               const char *peer, iscep_error *err) ISCEP_CHECKED;
/* One for a transaction that has waited too long for its CA; it has no reply. *out is NULL if there is none. */
iscep_status iscep_passage_new_abandoned(iscep_passage **out, const iscep_enrol *enrol,
                                         iscep_error *err) ISCEP_CHECKED;
/*
 * As far as it can go: to its end, where the CertRep that answers the message is appended; a refusal is a CertRep too. Or to
 * where a plugin has to be waited for. THROTTLED: too much is under way; others: the host failed; then it is at its end, too.
 * Blocks as long as a plugin with the blocking form does.
 */
iscep_status iscep_passage_go_on(iscep_passage *passage, iscep_buf *reply, iscep_error *err) ISCEP_CHECKED;

/* What to wait for before it is gone on with: this descriptor, readable, or that time. False: it is at its end. */
bool iscep_passage_waits(const iscep_passage *passage, int *descriptor, int64_t *until_mono_ms);
/* Also of one that waits: its transaction is parked. NULL is allowed. */
void iscep_passage_free(iscep_passage *passage);

/* Withholds what could not be reported in its time. Each passage does so too; this is for when nobody asks. */
void iscep_enrol_sweep(const iscep_enrol *enrol);

#endif
