/* SEQUENCE { issuer Name, subject Name }, read with nothing left over. */
#include "issuer_and_subject.h"

#include <openssl/err.h>

#include "base/x509.h"
#include "ossl_auto.h"

static bool match(iscep_bytes der, const X509_NAME *issuer, const X509_NAME *subject)
{
    const uint8_t *at = der.data;
    const uint8_t *end = der.data + der.len;
    long content_len = 0;
    int tag = 0;
    int class = 0;
    if (der.len == 0 || iscep_der_element_len(der.data, der.len) != der.len)
        return false;
    ASN1_get_object(&at, &content_len, &tag, &class, (long)der.len);
    if (tag != V_ASN1_SEQUENCE || class != V_ASN1_UNIVERSAL)
        return false;
    OSSL_AUTO(X509_NAME) *first = d2i_X509_NAME(NULL, &at, end - at);
    OSSL_AUTO(X509_NAME) *second = first ? d2i_X509_NAME(NULL, &at, end - at) : NULL;
    return second && at == end && X509_NAME_cmp(first, issuer) == 0 && X509_NAME_cmp(second, subject) == 0;
}

bool iscep_issuer_and_subject_match(iscep_bytes der, const X509_NAME *issuer, const X509_NAME *subject)
{
    bool is_match = match(der, issuer, subject);
    ERR_clear_error();
    return is_match;
}
