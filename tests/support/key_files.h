/* Keys and certificates as files, the way an administrator keeps them. */
#ifndef ISCEP_TESTS_KEY_FILES_H
#define ISCEP_TESTS_KEY_FILES_H

#include <openssl/types.h>
#include <stdint.h>

#define KEY_FILES_PASSWORD "file-password-canary"
#define KEY_FILES_EXPIRES  4102444800 /* 2100 */

/* PEM; encrypted if there is a password. */
void key_files_write_key(const char *path, EVP_PKEY *key, const char *password);
/* PEM; self-signed, until expires_unix. */
void key_files_write_certificate(const char *path, EVP_PKEY *key, int64_t expires_unix);
/* The key, its certificate, and before it a CA's certificate that does not belong to the key. */
void key_files_write_pkcs12(const char *path, EVP_PKEY *key, const char *password);

#endif
