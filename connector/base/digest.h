/* SHA-256, where two things must be told apart and neither is kept. */
#ifndef ISCEP_BASE_DIGEST_H
#define ISCEP_BASE_DIGEST_H

#include "base/bytes.h"

#define ISCEP_SHA256_LEN 32

iscep_status iscep_sha256(uint8_t out[ISCEP_SHA256_LEN], iscep_bytes bytes, iscep_error *err) ISCEP_CHECKED;
/* Of both parts in this order; the length of the first is part of it, so no byte can move from one to the other. */
iscep_status iscep_sha256_of_pair(uint8_t out[ISCEP_SHA256_LEN], iscep_bytes first, iscep_bytes second,
                                  iscep_error *err) ISCEP_CHECKED;

#endif
