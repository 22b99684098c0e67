/*
 * The host's own certification authority: one self-signed RSA key in --state DIR, made on the first start and
 * used again on the next, and a copy of every certificate that it has issued.
 *
 *     DIR/ca.pem  DIR/ca.key (mode 0600)  DIR/issued/SERIAL.pem  DIR/withheld/SERIAL.pem
 */
#ifndef ISCEP_HOST_CA_H
#define ISCEP_HOST_CA_H

#include "base/env.h"
#include "cert_request.h"

typedef struct iscep_host_ca iscep_host_ca;

typedef struct iscep_host_ca_options {
    const char *state_dir;
    uint32_t validity_days; /* of what it issues, within its own validity */
} iscep_host_ca_options;

/* env and crypto are borrowed. */
iscep_status iscep_host_ca_open(iscep_host_ca **out, const iscep_env *env, const iscep_crypto *crypto,
                                const iscep_host_ca_options *options, iscep_error *err) ISCEP_CHECKED;
void iscep_host_ca_free(iscep_host_ca *ca);

/* Borrowed. */
X509 *iscep_host_ca_cert(const iscep_host_ca *ca);
EVP_PKEY *iscep_host_ca_key(const iscep_host_ca *ca);
iscep_bytes iscep_host_ca_der(const iscep_host_ca *ca);
const char *iscep_host_ca_path(const iscep_host_ca *ca); /* of ca.pem */

/* Issues, and has the certificate on disk before it returns. Free with X509_free. Threads: any. */
iscep_status iscep_host_ca_issue(X509 **out, const iscep_host_ca *ca, const iscep_cert_request *request,
                                 iscep_error *err) ISCEP_CHECKED;
/* Moves a certificate that was issued but must not be delivered from issued/ to withheld/. */
iscep_status iscep_host_ca_withhold(const iscep_host_ca *ca, const X509 *cert,
                                    iscep_error *err) ISCEP_CHECKED;

/* Did this CA issue it, and is it valid now? */
bool iscep_host_ca_vouches_for(const iscep_host_ca *ca, X509 *cert);

/* The serial number as the file name has it: upper-case hex. */
#define ISCEP_HOST_SERIAL_SIZE 48
void iscep_host_serial(char out[ISCEP_HOST_SERIAL_SIZE], const X509 *cert);

#endif
