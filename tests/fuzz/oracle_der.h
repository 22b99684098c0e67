/* DER, read without OpenSSL: one element at a time, and what a PKCS#10 request says of its challenge. */
#ifndef FUZZ_ORACLE_DER_H
#define FUZZ_ORACLE_DER_H

#include "base/bytes.h"

enum { DER_INTEGER = 0x02, DER_OID = 0x06, DER_SEQUENCE = 0x30, DER_SET = 0x31, DER_ATTRIBUTES = 0xA0 };

typedef struct oracle_der {
    uint8_t tag; /* the identifier octet: class, constructed or not, number */
    iscep_bytes content;
    iscep_bytes whole; /* header and content */
} oracle_der;

/* Takes one element with a one-octet tag and a minimal definite length off rest; false if there is none. */
bool oracle_der_take(iscep_bytes *rest, oracle_der *out);
/* As take, and the tag must be this one. */
bool oracle_der_take_tag(iscep_bytes *rest, uint8_t tag, oracle_der *out);

/*
 * The one value of the one challengePassword of a CertificationRequest (RFC 2986, RFC 2985 5.4.1): a PrintableString,
 * UTF8String, IA5String or TeletexString that is not empty. False if there is none, or more than one.
 */
bool oracle_der_challenge(iscep_bytes csr, iscep_bytes *challenge);
/* The serialNumber's content octets of a certificate (RFC 5280 4.1). */
bool oracle_der_serial(iscep_bytes cert, iscep_bytes *serial);

#endif
