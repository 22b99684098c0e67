/* See digest.h. */
#include "base/digest.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/openssl_error.h"

/* Of memory that it lacks OpenSSL often says nothing, or something else. */
static bool is_there_sha256(void)
{
    EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
    EVP_MD_free(md);
    return md != NULL;
}

/* A provider that the system's openssl.cnf names and nobody can load leaves OpenSSL without any algorithm. */
static iscep_status no_sha256(iscep_error *err)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    const char *said = reason == NULL ? "no reason given" : reason;
    if (iscep_openssl_was_out_of_memory() || is_there_sha256())
        return iscep_error_nomem(err);
    return iscep_error_set(err, ISCEP_CONFIG, "openssl",
                           "OpenSSL has no SHA-256 (%s): see openssl.cnf, and OPENSSL_CONF", said);
}

iscep_status iscep_sha256(uint8_t out[ISCEP_SHA256_LEN], iscep_bytes bytes, iscep_error *err)
{
    iscep_openssl_forget();
    return EVP_Digest(bytes.data, bytes.len, out, NULL, EVP_sha256(), NULL) == 1 ? ISCEP_OK : no_sha256(err);
}

iscep_status iscep_sha256_of_pair(uint8_t out[ISCEP_SHA256_LEN], iscep_bytes first, iscep_bytes second,
                                  iscep_error *err)
{
    const uint64_t first_len = first.len;
    iscep_openssl_forget();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool is_done = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
                   EVP_DigestUpdate(ctx, &first_len, sizeof first_len) == 1 &&
                   EVP_DigestUpdate(ctx, first.data, first.len) == 1 &&
                   EVP_DigestUpdate(ctx, second.data, second.len) == 1 &&
                   EVP_DigestFinal_ex(ctx, out, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return is_done ? ISCEP_OK : no_sha256(err);
}

bool iscep_hmac_sha256_is(const char *hex, iscep_bytes key, iscep_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    static const uint8_t no_key[1]; /* NULL would not mean an empty one */
    const void *key_data = key.len > 0 ? key.data : no_key;
    uint8_t mac[ISCEP_SHA256_LEN];
    char want[2 * ISCEP_SHA256_LEN];
    if (strlen(hex) != sizeof want || key.len > INT_MAX ||
        HMAC(EVP_sha256(), key_data, (int)key.len, bytes.data, bytes.len, mac, NULL) == NULL)
        return false;
    for (size_t i = 0; i < sizeof mac; i++) {
        want[2 * i] = digits[mac[i] >> 4];
        want[2 * i + 1] = digits[mac[i] & 0x0F];
    }
    return CRYPTO_memcmp(want, hex, sizeof want) == 0;
}
