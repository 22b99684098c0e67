/*
 * What the CA knows of its certificates, on disk: which it has issued, which are revoked, and the CRL that says so.
 *
 *     DIR/index.txt  DIR/index.txt.attr  DIR/index.txt.lock  DIR/crlnumber  DIR/crl.pem
 *
 * The files are those of openssl ca(1), and others may change them too, under the same lock: nothing of them is kept in
 * memory. Threads: any.
 */
#ifndef ISCEP_HOST_CA_REGISTER_H
#define ISCEP_HOST_CA_REGISTER_H

#include "base/env.h"
#include "cert_index.h"
#include "crl.h"

typedef struct iscep_ca_register {
    const iscep_env *env;
    const iscep_crypto *crypto;
    const char *dir;
    const iscep_identity *ca;
} iscep_ca_register;

/* Makes what is not there, and a CRL unless there is a current one. CONFIG: there is a CRL, and no index.txt any more. */
iscep_status iscep_ca_register_open(const iscep_ca_register *reg, iscep_error *err) ISCEP_CHECKED;

/* On disk when it returns ISCEP_OK. */
iscep_status iscep_ca_register_add(const iscep_ca_register *reg, const X509 *cert,
                                   iscep_error *err) ISCEP_CHECKED;

/* serial in hex. */
iscep_status iscep_ca_register_find(const iscep_ca_register *reg, iscep_bytes serial, iscep_cert_state *state,
                                    iscep_error *err) ISCEP_CHECKED;

/* before: what it was. If it was VALID or REVOKED, it is revoked and in the CRL when this returns ISCEP_OK; otherwise
 * nothing was done. reason: CRLReason, kept from the first time. */
iscep_status iscep_ca_register_revoke(const iscep_ca_register *reg, iscep_bytes serial, uint32_t reason,
                                      iscep_cert_state *before, iscep_error *err) ISCEP_CHECKED;

/* The current CRL; made anew if index.txt has changed or its time is nearly over. Free with X509_CRL_free. */
iscep_status iscep_ca_register_crl(const iscep_ca_register *reg, X509_CRL **out,
                                   iscep_error *err) ISCEP_CHECKED;

#endif
