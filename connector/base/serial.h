/*
 * Certificate serial numbers as numbers. Everybody writes them differently: in either case, with 0x, colons, spaces,
 * leading zeros, or in decimal. Here one number has one spelling: upper-case hex, two digits a byte, no leading zero byte.
 */
#ifndef ISCEP_BASE_SERIAL_H
#define ISCEP_BASE_SERIAL_H

#include "base/bytes.h"

/* RFC 5280 4.1.2.2 allows 20 bytes; CAs with more have been seen, so that more must be readable to be refused by name. */
#define ISCEP_SERIAL_MAX_BYTES 64
#define ISCEP_SERIAL_SIZE      (2 * ISCEP_SERIAL_MAX_BYTES + 1)

/*
 * False if text is no number: empty, negative, with other characters, or longer than 64 bytes. Zero is "00". In hex,
 * colons or spaces stand between whole bytes; only the first group may have an odd number of digits.
 */
bool iscep_serial_parse(char out[ISCEP_SERIAL_SIZE], const char *text, bool is_decimal);

/* Is it in the one spelling already? The functions below take no other. */
bool iscep_serial_is_canonical(const char *serial);
void iscep_serial_emit_decimal(iscep_buf *out, const char *serial); /* appends "255" for "FF" */
void iscep_serial_emit_colons(iscep_buf *out, const char *serial);  /* appends "0a:1b" for "0A1B" */

#endif
