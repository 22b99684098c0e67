/*
 * What a device is told of this CA before it sends a message (RFC 8894 4.2, 4.7): certificates, for anybody.
 */
#ifndef ISCEP_HOST_CA_CERTS_H
#define ISCEP_HOST_CA_CERTS_H

#include "ca.h"

/* GetCACert, and its content type: the CA's certificate as it is, or with that of its RA in a PKCS#7 without signer. */
const char *iscep_ca_certs_type(const iscep_host_ca *ca);
iscep_status iscep_ca_certs(iscep_buf *out, const iscep_host_ca *ca, const iscep_crypto *crypto,
                            iscep_error *err) ISCEP_CHECKED;

/* GetNextCACert: a PKCS#7 without signer of the certificate of the CA that will be next, signed by the CA that is. Only if
 * there is one. */
#define ISCEP_CA_CERTS_NEXT_TYPE "application/x-x509-next-ca-cert"
iscep_status iscep_ca_certs_next(iscep_buf *out, const iscep_host_ca *ca, const iscep_crypto *crypto,
                                 iscep_error *err) ISCEP_CHECKED;

#endif
