/* Which answer of the CA is which answer of the ABI. */
#include "revoke.h"

/* CRLReason (RFC 5280 5.3.1): 7 is not used, and 8, removeFromCRL, is no revocation. */
static bool is_reason(uint32_t reason)
{
    return reason <= 10 && reason != 7 && reason != 8;
}

int32_t iscep_revoke(const iscep_host_ca *ca, const char *serial, uint32_t reason, iscep_error *err)
{
    iscep_cert_state before;
    if (!is_reason(reason)) {
        iscep_error_fill(err, ISCEP_USAGE, "reason", "%u is no reason for a revocation", reason);
        return SCEP_REVOKE_REFUSED;
    }
    if (iscep_host_ca_revoke(ca, serial, reason, &before, err) != ISCEP_OK)
        return SCEP_REVOKE_LATER;
    switch (before) {
    case ISCEP_CERT_VALID:
        return SCEP_REVOKE_DONE;
    case ISCEP_CERT_REVOKED:
        return SCEP_REVOKE_ALREADY;
    case ISCEP_CERT_AMBIGUOUS:
        iscep_error_fill(err, ISCEP_USAGE, "serial", "index.txt has this serial number more than once");
        return SCEP_REVOKE_REFUSED;
    case ISCEP_CERT_UNKNOWN:
        break;
    }
    iscep_error_fill(err, ISCEP_USAGE, "serial", "index.txt does not have this serial number");
    return SCEP_REVOKE_UNKNOWN;
}
