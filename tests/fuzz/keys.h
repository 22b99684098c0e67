/* The keys and certificates in tests/fuzz/keys: nobody's, and known to everybody. Loaded once. */
#ifndef FUZZ_KEYS_H
#define FUZZ_KEYS_H

#include <openssl/types.h>

EVP_PKEY *fuzz_key_ca(void);
X509 *fuzz_cert_ca(void);
EVP_PKEY *fuzz_key_device(void);
X509 *fuzz_cert_device(void);

#endif
