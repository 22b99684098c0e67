/* Certificates and keys as PEM files of the state directory. */
#ifndef ISCEP_HOST_PEM_FILE_H
#define ISCEP_HOST_PEM_FILE_H

#include "crypto.h"

/* On disk when it returns ISCEP_OK; of a key mode 0600, and not enciphered. */
iscep_status iscep_pem_write_cert(const char *path, const X509 *cert, iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_pem_write_key(const char *path, const EVP_PKEY *key, iscep_error *err) ISCEP_CHECKED;

/* NULL if it cannot be read: see OpenSSL's error queue. Free with X509_free, EVP_PKEY_free. */
X509 *iscep_pem_read_cert(const iscep_crypto *crypto, const char *path);
EVP_PKEY *iscep_pem_read_key(const iscep_crypto *crypto, const char *path);

#endif
