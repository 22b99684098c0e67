/*
 * A certificate of the host's own, with its key: the CA's, the RA's, and that of the CA that will be next. Both are made on
 * the first start, and used again on the next:
 *
 *     DIR/NAME.pem  DIR/NAME.key (mode 0600; unless the key is in a key store)
 */
#ifndef ISCEP_HOST_IDENTITY_H
#define ISCEP_HOST_IDENTITY_H

#include "base/env.h"
#include "issuer.h"
#include "key.h"

typedef struct iscep_identity {
    X509 *cert;
    iscep_key key;
    iscep_buf der; /* of the certificate */
    char *cert_path;
    bool is_new; /* it was made just now */
} iscep_identity;

typedef struct iscep_identity_plan {
    const iscep_env *env;
    const iscep_crypto *crypto;
    const char *dir;
    const char *name;    /* of the files */
    const char *subject; /* the common name */
    bool is_ca;
    const iscep_identity *issuer; /* NULL: it is self-signed */
    /* Another host makes the certificate, of which a copy is kept; of a CA it has the key, too. NULL: it is made here */
    iscep_issuer *authority;
    const char *key_uri;      /* its key is in a key store; NULL: in a file */
    const char *key_provider; /* of OpenSSL; NULL: OpenSSL's own */
} iscep_identity_plan;

/* CONFIG: certificate and key, or certificate and issuer, do not belong together, or a half of it is gone. Clear in either
 * case. */
iscep_status iscep_identity_open(iscep_identity *out, const iscep_identity_plan *plan,
                                 iscep_error *err) ISCEP_CHECKED;
void iscep_identity_clear(iscep_identity *identity);

#endif
