/*
 * The life of an enrolment, from a device's message to the CertRep that answers it:
 *
 *     open and check -> claim the transaction -> ask the plugin --allow--> issue -> report it --allow--> deliver
 *                                                   |                                  |
 *                                                   |--retry--> park, PENDING          |--retry--> park, PENDING
 *                                                   |--deliver--> check, deliver       `--else--> withhold, FAILURE
 *                                                   `--else--> FAILURE
 *
 * A poll for a parked transaction, and the same request once more, enter again where it was parked: at "ask the plugin", or
 * with a certificate at "report it". What is parked with a certificate and beyond its lifetime is withheld. A request that
 * was answered with a certificate gets the same certificate again.
 */
#ifndef ISCEP_HOST_ENROL_H
#define ISCEP_HOST_ENROL_H

#include "ca.h"
#include "plugin_host.h"
#include "transactions.h"

/* What an enrolment needs; all borrowed. Threads: any number may use one at once. */
typedef struct iscep_enrol {
    const iscep_env *env;
    const iscep_crypto *crypto;
    const iscep_host_ca *ca;
    iscep_plugin_host *plugin;
    iscep_transactions *transactions;
    int64_t pending_retry_ms; /* the plugin is not asked again sooner, unless it names a time itself */
} iscep_enrol;

/*
 * Appends the CertRep that answers the message. A refusal is a CertRep too. USAGE: it is no pkiMessage that
 * could be answered; THROTTLED: too much is under way; others: the host failed. Blocks as long as the plugin
 * does.
 */
iscep_status iscep_enrol_answer(const iscep_enrol *enrol, iscep_bytes message, iscep_buf *reply,
                                iscep_error *err) ISCEP_CHECKED;

/* Withholds what could not be reported in its time. Each answer does so too; this is for when nobody asks. */
void iscep_enrol_sweep(const iscep_enrol *enrol);

#endif
