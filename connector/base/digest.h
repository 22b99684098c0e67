/* SHA-256, where two things must be told apart and neither is kept; and HMAC-SHA256, by which he who shares a secret is
 * known. */
#ifndef ISCEP_BASE_DIGEST_H
#define ISCEP_BASE_DIGEST_H

#include "base/bytes.h"

#define ISCEP_SHA256_LEN 32

iscep_status iscep_sha256(uint8_t out[ISCEP_SHA256_LEN], iscep_bytes bytes, iscep_error *err) ISCEP_CHECKED;
/* Of both parts in this order; the length of the first is part of it, so no byte can move from one to the other. */
iscep_status iscep_sha256_of_pair(uint8_t out[ISCEP_SHA256_LEN], iscep_bytes first, iscep_bytes second,
                                  iscep_error *err) ISCEP_CHECKED;
/*
 * Is hex the HMAC-SHA256 (RFC 2104) of bytes, as 64 digits in lower case and nothing else? key may have no bytes. The digits are
 * compared in constant time. Also false when there is no memory.
 */
bool iscep_hmac_sha256_is(const char *hex, iscep_bytes key, iscep_bytes bytes);

#endif
