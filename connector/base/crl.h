/*
 * Certificate revocation lists (RFC 5280, 5), made and looked into: version 2, complete, with crlNumber and
 * authorityKeyIdentifier, signed with the CA's own key.
 */
#ifndef ISCEP_BASE_CRL_H
#define ISCEP_BASE_CRL_H

#include "base/keystore.h"

typedef struct iscep_crl iscep_crl; /* one that is being made */

typedef struct iscep_crl_facts {
    const char *number; /* hex, without a sign */
    int64_t this_update_unix;
    int64_t next_update_unix;
} iscep_crl_facts;

typedef struct iscep_crl_entry {
    const char *serial; /* hex */
    int64_t revoked_unix;
    int32_t reason; /* CRLReason, RFC 5280 5.3.1; 0 (unspecified) is left out, as 5.3.1 wants it */
} iscep_crl_entry;

/* issuer is borrowed until iscep_crl_sign. Free with iscep_crl_free. */
iscep_status iscep_crl_new(iscep_crl **out, const iscep_keystore *issuer, const iscep_crl_facts *facts,
                           iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_crl_add(iscep_crl *crl, const iscep_crl_entry *entry, iscep_error *err) ISCEP_CHECKED;
/* Appends the signed list. CONFIG "crl_key": the key does not sign. */
iscep_status iscep_crl_sign(iscep_buf *out, iscep_crl *crl, bool is_pem, iscep_error *err) ISCEP_CHECKED;
void iscep_crl_free(iscep_crl *crl);

/* Does this list, PEM or DER, name the serial number? False also when it is no list. Its signature is not looked at. */
bool iscep_crl_names(iscep_bytes list, const char *serial);

#endif
