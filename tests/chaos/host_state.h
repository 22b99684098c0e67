/* What scep-host's CA has on disk: certificates withheld, its index.txt, its CRL. Serial numbers without leading zeros. */
#ifndef CHAOS_HOST_STATE_H
#define CHAOS_HOST_STATE_H

#include <openssl/x509.h>

#include "text_set.h"

/* Upper-case hex without leading zeros: the form in which serial numbers are compared here. */
iscep_status chaos_serial_add(chaos_text_set *out, const char *hex, iscep_error *err) ISCEP_CHECKED;
iscep_status chaos_serial_add_number(chaos_text_set *out, const ASN1_INTEGER *serial,
                                     iscep_error *err) ISCEP_CHECKED;
iscep_status chaos_thumbprint_add(chaos_text_set *out, const X509 *cert, iscep_error *err) ISCEP_CHECKED;

/* The certificates in DIR/withheld. Not sealed. */
iscep_status chaos_host_withheld(const char *dir, chaos_text_set *serials, iscep_error *err) ISCEP_CHECKED;
/* DIR/index.txt, as openssl ca(1) writes it: all serial numbers, and those that are marked R. */
iscep_status chaos_host_index(const char *dir, chaos_text_set *issued, chaos_text_set *revoked,
                              iscep_error *err) ISCEP_CHECKED;
/* DIR/crl.pem, which the CA must have signed. */
iscep_status chaos_host_crl(const char *dir, X509 *ca, chaos_text_set *revoked,
                            iscep_error *err) ISCEP_CHECKED;

#endif
