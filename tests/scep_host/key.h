/*
 * A private key of the host, and where OpenSSL works with it: a file in the state directory, or whatever a provider
 * understands by a URI, so that it may live in a TPM or an HSM and never be in this process.
 */
#ifndef ISCEP_HOST_KEY_H
#define ISCEP_HOST_KEY_H

#include <pthread.h>

#include "base/keystore.h"
#include "crypto.h"

typedef struct iscep_key {
    EVP_PKEY *pkey;
    OSSL_LIB_CTX *context;    /* all that is done with the key is done in here, */
    const char *properties;   /* by what these choose; NULL: by what there is */
    iscep_keystore *keystore; /* which the above belong to; NULL: a file's key, in the host's own context */
    pthread_mutex_t *turn;    /* a key store serves one thread at a time; NULL: any number at once */
} iscep_key;

/* Makes one of RSA, 3072 bits, and keeps it in the file (mode 0600). */
iscep_status iscep_key_make(iscep_key *out, const iscep_crypto *crypto, const char *path,
                            iscep_error *err) ISCEP_CHECKED;
/* CONFIG: others can read the file, or it holds no key that SCEP can use. */
iscep_status iscep_key_load(iscep_key *out, const iscep_crypto *crypto, const char *path,
                            iscep_error *err) ISCEP_CHECKED;
/* From a key store. provider: of OpenSSL; NULL: OpenSSL's own, which know file: and little else. */
iscep_status iscep_key_open(iscep_key *out, const char *uri, const char *provider,
                            iscep_error *err) ISCEP_CHECKED;
void iscep_key_clear(iscep_key *key);

/*
 * Whoever works with pkey, or in context, holds the key meanwhile; until the end of the scope, and of all objects that are
 * declared behind it:
 *
 *     ISCEP_KEY_HELD *held = iscep_key_hold(key);
 */
const iscep_key *iscep_key_hold(const iscep_key *key);
void iscep_key_release(const iscep_key **held);
#define ISCEP_KEY_HELD __attribute__((cleanup(iscep_key_release))) const iscep_key

/* Hold the key themselves. False: see OpenSSL's error queue. */
bool iscep_key_sign_cert(const iscep_key *key, X509 *cert);
bool iscep_key_sign_crl(const iscep_key *key, X509_CRL *crl);

#endif
