/* IssuerAndSubject, the content of a CertPoll (RFC 8894 3.3.3): which certificate is waited for. */
#ifndef ISCEP_HOST_ISSUER_AND_SUBJECT_H
#define ISCEP_HOST_ISSUER_AND_SUBJECT_H

#include <openssl/types.h>

#include "base/bytes.h"

/* Is this DER an IssuerAndSubject, and are its names these two? */
bool iscep_issuer_and_subject_match(iscep_bytes der, const X509_NAME *issuer, const X509_NAME *subject);

#endif
