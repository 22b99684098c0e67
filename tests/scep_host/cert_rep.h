/*
 * The CertRep that answers a pkiMessage (RFC 8894 3.2.1.3 and 3.3.2): signed by the CA or its RA, and when it carries a
 * certificate or a CRL, enciphered for the key that signed the request.
 */
#ifndef ISCEP_HOST_CERT_REP_H
#define ISCEP_HOST_CERT_REP_H

#include "base/env.h"
#include "pki_message.h"

/* What became of a request. Starts as a failure: ISCEP_OUTCOME_INIT. */
typedef struct iscep_outcome {
    iscep_pki_status status;
    iscep_fail_info fail_info; /* with FAILURE */
    char text[640];            /* with FAILURE: failInfoText for a person; empty: none */
    X509 *cert;                /* with SUCCESS one of the two: owned */
    X509_CRL *crl;
} iscep_outcome;

#define ISCEP_OUTCOME_INIT                                                                                   \
    {                                                                                                        \
        .status = ISCEP_PKI_FAILURE, .fail_info = ISCEP_BAD_REQUEST                                          \
    }

void iscep_outcome_clear(iscep_outcome *outcome);

typedef struct iscep_cert_rep_signer {
    const iscep_env *env; /* for the nonce */
    const iscep_crypto *crypto;
    const iscep_identity *identity;
} iscep_cert_rep_signer;

/* Appends the CertRep's DER. A SUCCESS needs a message that was opened. */
iscep_status iscep_cert_rep_build(iscep_buf *out, const iscep_cert_rep_signer *signer,
                                  const iscep_pki_message *message, const iscep_outcome *outcome,
                                  iscep_error *err) ISCEP_CHECKED;

#endif
