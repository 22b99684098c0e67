/* A serial number as the different CAs write it. Ours is upper-case hex, two digits a byte, no leading zero byte. */
#ifndef ISCEP_CA_SERIAL_H
#define ISCEP_CA_SERIAL_H

#include "base/bytes.h"

/* RFC 5280 allows 20 bytes; CAs with more have been seen. */
#define ISCEP_CA_SERIAL_MAX_BYTES 64

/* Is it written as ours is, and no longer than we take? Zero is "00". */
bool iscep_ca_serial_is_right(const char *serial);

/* Appends "255" for "FF". */
void iscep_ca_serial_emit_decimal(iscep_buf *out, const char *serial);
/* Appends "0a:1b" for "0A1B". */
void iscep_ca_serial_emit_colons(iscep_buf *out, const char *serial);

#endif
