/* UTF-8 (RFC 3629), told from what only looks like it. */
#ifndef ISCEP_BASE_UTF8_H
#define ISCEP_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define ISCEP_UTF8_MAX_LEN 4

/* Bytes of the sequence that text begins with: 0 if it is none, is cut, has too long a spelling, or is a surrogate. */
size_t iscep_utf8_len(const uint8_t *text, size_t len);

#endif
