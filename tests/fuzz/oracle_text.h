/* What the targets demand of text, written without the code under test. */
#ifndef FUZZ_ORACLE_TEXT_H
#define FUZZ_ORACLE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the UTF-8 sequence (RFC 3629) that data begins with; 0 if there is none. */
size_t oracle_utf8_len(const uint8_t *data, size_t len);
/* Valid UTF-8 without control characters: what may stand in a log line or a verdict. */
bool oracle_is_line(const char *text);
bool oracle_is_visible_ascii(const char *text); /* and not empty */
/* Decimal digits only, at least one, no larger than max. */
bool oracle_is_decimal(const char *text, uint64_t max);

#endif
