/*
 * One revocation in the files of an openssl ca(1), from the lock to the CRL. Blocks, on files and on the lock: not for
 * the loop's thread.
 *
 * Order: index.txt, then crlnumber, then the CRL; each is replaced at once, so a fault between two of them leaves a
 * state that the next call mends: an entry that is marked and not yet on the CRL is found, and the CRL made anew.
 */
#ifndef ISCEP_CA_OPENSSL_JOB_H
#define ISCEP_CA_OPENSSL_JOB_H

#include <stdatomic.h>

#include "base/keystore.h"
#include "ca/ca.h"
#include "base/serial.h"

typedef struct iscep_openssl_job {
    const iscep_env *env;
    const iscep_ca_options *options;
    const atomic_bool *is_stopping; /* ends the wait for the lock */
    char serial[ISCEP_SERIAL_SIZE];
    iscep_crl_reason reason;
    int64_t lock_by_mono_ms; /* whoever has waited until then gives up */
    iscep_ca_outcome outcome;
    char message[384];
} iscep_openssl_job;

/* Sets outcome and message. */
void iscep_openssl_job_run(iscep_openssl_job *job);

/* The CA's key and certificate. Free with iscep_keystore_close. */
iscep_status iscep_openssl_open_signer(iscep_keystore **out, const iscep_ca_options *options,
                                       iscep_error *err) ISCEP_CHECKED;

#endif
