/* A pkiMessage (RFC 8894 3) as the device in tests/fuzz/keys signs it. Always the same bytes for the same content. */
#ifndef FUZZ_SCEP_MESSAGE_H
#define FUZZ_SCEP_MESSAGE_H

#include "base/bytes.h"

#define SCEP_MESSAGE_TRANSACTION_ID "3F2A77"
#define SCEP_MESSAGE_TIME_UNIX      1795000000 /* its signingTime */

/* Appends the message around envelope. */
void scep_message_sign(iscep_buf *out, iscep_bytes envelope);
/* Appends an envelope for the CA around content; another one each time. */
void scep_message_encipher(iscep_buf *out, iscep_bytes content);

#endif
