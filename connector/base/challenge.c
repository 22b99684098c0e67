/* See challenge.h. */
#include "base/challenge.h"

#include <string.h>

#include "base/x509.h"

/* ContentInfo ::= SEQUENCE { contentType OBJECT IDENTIFIER, … }; all types of PKCS#7 are below this OID. */
static const uint8_t pkcs7[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07}; /* 1.2.840.113549.1.7 */

enum { TAG_SEQUENCE = 0x30, TAG_OID = 0x06, OID_LEN = sizeof pkcs7 + 1 };

static bool is_content_info(iscep_bytes der)
{
    if (der.len == 0 || der.data[0] != TAG_SEQUENCE || iscep_der_element_len(der.data, der.len) != der.len)
        return false;
    size_t header_len = der.data[1] < 0x80 ? 2 : 2u + (der.data[1] & 0x7Fu);
    iscep_bytes content = iscep_bytes_of(der.data + header_len, der.len - header_len);
    return content.len >= 2 + OID_LEN && content.data[0] == TAG_OID && content.data[1] == OID_LEN &&
           memcmp(content.data + 2, pkcs7, sizeof pkcs7) == 0;
}

bool iscep_challenge_is_like_intune(iscep_bytes challenge)
{
    ISCEP_AUTO_BUF der;
    iscep_buf_init(&der, ISCEP_CSR_MAX_LEN);
    return iscep_base64_decode(&der, challenge, NULL) == ISCEP_OK && is_content_info(iscep_buf_bytes(&der));
}
