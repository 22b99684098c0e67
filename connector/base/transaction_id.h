/* The SCEP transactionID (RFC 8894 3.2.1.1): opaque to us, but a PrintableString of bounded length. */
#ifndef ISCEP_BASE_TRANSACTION_ID_H
#define ISCEP_BASE_TRANSACTION_ID_H

#include "base/bytes.h"

#define ISCEP_TRANSACTION_ID_MAX_LEN 255
#define ISCEP_TRANSACTION_ID_SIZE    (ISCEP_TRANSACTION_ID_MAX_LEN + 1)

/*
 * Copies it as a C string. USAGE, "transaction_id", unless it is 1 to 255 bytes of printable ASCII. Clients
 * in the field use more characters than a PrintableString may have ('_', '*'); control characters and NUL
 * nobody needs.
 */
iscep_status iscep_transaction_id_parse(char out[ISCEP_TRANSACTION_ID_SIZE], iscep_bytes text,
                                        iscep_error *err) ISCEP_CHECKED;

#endif
