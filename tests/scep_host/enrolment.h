/* One request for a certificate, as the plugin and the table of transactions see it. Borrowed bytes
 * throughout. */
#ifndef ISCEP_HOST_ENROLMENT_H
#define ISCEP_HOST_ENROLMENT_H

#include "base/bytes.h"

typedef struct iscep_enrolment {
    const char *transaction_id; /* SCEP transactionID, NUL-terminated */
    uint32_t message_type;      /* SCEP_MESSAGE_PKCS_REQ or SCEP_MESSAGE_RENEWAL_REQ */
    iscep_bytes csr;            /* PKCS#10, DER; the challenge password is inside */
    iscep_bytes signer_cert;    /* DER of the certificate that signed the message */
} iscep_enrolment;

#endif
