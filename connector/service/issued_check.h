/*
 * Is the certificate what was granted? Intune approved the CSR's alternative names; a CA that leaves one out or adds
 * one issues something else, and nobody notices until a device cannot log on. docs/CONFIGURATION.md, issued_check.
 */
#ifndef ISCEP_SERVICE_ISSUED_CHECK_H
#define ISCEP_SERVICE_ISSUED_CHECK_H

#include "base/x509_facts.h"
#include "iscep/client.h"

typedef enum iscep_issued_mode {
    ISCEP_ISSUED_OFF,     /* not checked */
    ISCEP_ISSUED_WARN,    /* logged, and reported to Intune as if nothing were wrong */
    ISCEP_ISSUED_WITHHOLD /* DENY: not reported, so that the SCEP server does not deliver it */
} iscep_issued_mode;

/*
 * True: nothing is wrong. Otherwise refusal is a DENY with a code of service/refusals.h. The alternative names are
 * compared as sets; DNS names, e-mail addresses and principal names without regard to case. A SID extension in the
 * certificate must be one that the CSR asks for, in its names or in that extension.
 */
bool iscep_issued_check_pass(const iscep_x509_facts *csr, const iscep_x509_facts *cert, int64_t now_unix,
                             iscep_verdict *refusal) ISCEP_CHECKED;

#endif
