/* See digest.h. */
#include "base/digest.h"

#include <openssl/evp.h>

iscep_status iscep_sha256(uint8_t out[ISCEP_SHA256_LEN], iscep_bytes bytes, iscep_error *err)
{
    return EVP_Digest(bytes.data, bytes.len, out, NULL, EVP_sha256(), NULL) == 1 ? ISCEP_OK
                                                                                 : iscep_error_nomem(err);
}

iscep_status iscep_sha256_of_pair(uint8_t out[ISCEP_SHA256_LEN], iscep_bytes first, iscep_bytes second,
                                  iscep_error *err)
{
    const uint64_t first_len = first.len;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool is_done = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
                   EVP_DigestUpdate(ctx, &first_len, sizeof first_len) == 1 &&
                   EVP_DigestUpdate(ctx, first.data, first.len) == 1 &&
                   EVP_DigestUpdate(ctx, second.data, second.len) == 1 &&
                   EVP_DigestFinal_ex(ctx, out, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return is_done ? ISCEP_OK : iscep_error_nomem(err);
}
