/*
 * GetCert and GetCRL (RFC 8894 3.3.4 and 3.3.5): a certificate of this CA by its serial number, or the CRL that would have
 * it. Both are public; neither concerns the plugin.
 */
#ifndef ISCEP_HOST_QUERY_H
#define ISCEP_HOST_QUERY_H

#include "ca.h"
#include "cert_rep.h"

/* content: the IssuerAndSerialNumber that was asked about. USAGE is the device's fault, which fail_info then names. */
iscep_status iscep_query_answer(iscep_outcome *out, const iscep_host_ca *ca, uint32_t message_type,
                                iscep_bytes content, iscep_fail_info *fail_info,
                                iscep_error *err) ISCEP_CHECKED;

#endif
