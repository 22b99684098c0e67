/*
 * Who signs certificates, and keeps the register of what was signed and revoked: this process (issuer_local.h), or a CA that
 * is another host (issuer_remote.h). NETWORK from any of them: nobody can be asked now; later perhaps. Threads: any.
 */
#ifndef ISCEP_HOST_ISSUER_H
#define ISCEP_HOST_ISSUER_H

#include "cert_index.h"
#include "cert_request.h"

typedef struct iscep_issuer iscep_issuer;

struct iscep_issuer {
    /* The CA's own certificate. Free with X509_free, as the next. */
    iscep_status (*fetch_ca)(iscep_issuer *issuer, X509 **out, iscep_error *err);
    iscep_status (*sign)(iscep_issuer *issuer, X509 **out, const iscep_cert_request *request,
                         iscep_error *err);
    /* What was signed goes into the register, on disk, unless sign has done so. */
    iscep_status (*enter)(iscep_issuer *issuer, const X509 *cert, iscep_error *err);
    /* As iscep_ca_register_find, _revoke and _crl. */
    iscep_status (*find)(iscep_issuer *issuer, const char *serial, iscep_cert_state *state, iscep_error *err);
    iscep_status (*revoke)(iscep_issuer *issuer, const char *serial, uint32_t reason,
                           iscep_cert_state *before, iscep_error *err);
    iscep_status (*crl)(iscep_issuer *issuer, X509_CRL **out, iscep_error *err);
    void (*free)(iscep_issuer *issuer);
};

#endif
