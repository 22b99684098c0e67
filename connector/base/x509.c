/* Facts of requests and certificates, from OpenSSL: see x509.h. */
#include "base/x509.h"

#include <limits.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/openssl_error.h"
#include "base/pkcs10.h"
#include "base/x509_name.h"

enum { SHA1_LEN = 20, MAX_DER_DEPTH = 32 };

struct iscep_csr {
    iscep_pkcs10 *request;
    iscep_buf der;
    iscep_buf subject;
    iscep_bytes challenge; /* inside request */
};

struct iscep_cert {
    X509 *x509;
    iscep_buf thumbprint;
    iscep_buf serial;
    iscep_buf issuer;
    iscep_buf subject;
    int64_t not_after_unix;
};

size_t iscep_der_element_len(const uint8_t *data, size_t len)
{
    const unsigned char *at = data;
    long content_len = 0;
    int tag = 0, tag_class = 0;
    if (data == NULL || len == 0 || len > LONG_MAX)
        return 0;
    int flags = ASN1_get_object(&at, &content_len, &tag, &tag_class, (long)len);
    if ((flags & 0x80) != 0 || (flags & 1) != 0 || content_len < 0) /* truncated or indefinite length */
        return 0;
    return (size_t)(at - data) + (size_t)content_len;
}

/* X.690 10.2: strings are primitive, though d2i reads them in pieces; a SEQUENCE or SET is constructed, always. */
static bool has_right_form(int tag, int tag_class, int flags)
{
    bool is_nested = tag == V_ASN1_SEQUENCE || tag == V_ASN1_SET || tag == V_ASN1_EXTERNAL;
    return tag_class != V_ASN1_UNIVERSAL || ((flags & V_ASN1_CONSTRUCTED) != 0) == is_nested;
}

/* X.690 11.2.1: unused bits are zero. OpenSSL clears them as it reads; another reader may take them for set. */
static bool has_right_bits(int tag, int tag_class, const uint8_t *content, size_t len)
{
    if (tag_class != V_ASN1_UNIVERSAL || tag != V_ASN1_BIT_STRING)
        return true;
    if (len == 0 || content[0] > 7 || (len == 1 && content[0] != 0))
        return false;
    return len == 1 || (content[len - 1] & ((1u << content[0]) - 1)) == 0;
}

/*
 * Every element definite, minimal in its length, of the right form, and whole within its parent: what d2i would
 * let pass is not DER.
 */
static bool is_der(const uint8_t *data, size_t len, unsigned depth)
{
    while (len > 0) {
        size_t element_len = iscep_der_element_len(data, len);
        if (element_len == 0 || element_len > len)
            return false;
        const unsigned char *content = data;
        long content_len = 0;
        int tag = 0, tag_class = 0;
        int flags = ASN1_get_object(&content, &content_len, &tag, &tag_class, (long)len);
        size_t header_len = element_len - (size_t)content_len;
        size_t length_octets = content_len < 0x80      ? 1
                               : content_len < 0x100   ? 2
                               : content_len < 0x10000 ? 3
                                                       : 4;
        if ((tag < 31 && header_len != 1 + length_octets) || !has_right_form(tag, tag_class, flags) ||
            !has_right_bits(tag, tag_class, content, (size_t)content_len))
            return false;
        if ((flags & V_ASN1_CONSTRUCTED) != 0 &&
            (depth == MAX_DER_DEPTH || !is_der(content, (size_t)content_len, depth + 1)))
            return false;
        data += element_len;
        len -= element_len;
    }
    return true;
}

bool iscep_der_is_one(const uint8_t *data, size_t len)
{
    return len > 0 && iscep_der_element_len(data, len) == len && is_der(data, len, 0);
}

static const char *text_of(const iscep_buf *buf)
{
    return buf->data == NULL ? "" : (const char *)buf->data;
}

/* Exactly one challengePassword attribute with exactly one value that is a string and not empty. */
static iscep_status find_challenge(iscep_csr *csr, iscep_error *err)
{
    const STACK_OF(X509_ATTRIBUTE) *attributes = iscep_pkcs10_attributes(csr->request);
    int at = X509at_get_attr_by_NID(attributes, NID_pkcs9_challengePassword, -1);
    if (at < 0)
        return iscep_error_set(
            err, ISCEP_USAGE, "csr_challenge_missing",
            "the CSR carries no challengePassword attribute: the profile's challenge did not arrive");
    if (X509at_get_attr_by_NID(attributes, NID_pkcs9_challengePassword, at) >= 0 ||
        X509_ATTRIBUTE_count(X509at_get_attr(attributes, at)) > 1)
        return iscep_error_set(err, ISCEP_USAGE, "csr_challenge_duplicate",
                               "the CSR carries more than one challengePassword");
    const ASN1_TYPE *value = X509_ATTRIBUTE_get0_type(X509at_get_attr(attributes, at), 0);
    int type = value == NULL ? V_ASN1_UNDEF : value->type;
    if (type != V_ASN1_PRINTABLESTRING && type != V_ASN1_UTF8STRING && type != V_ASN1_IA5STRING &&
        type != V_ASN1_T61STRING)
        return iscep_error_set(err, ISCEP_USAGE, "csr_challenge_missing",
                               "the CSR's challengePassword is not a character string");
    const ASN1_STRING *text = value->value.asn1_string;
    if (ASN1_STRING_length(text) <= 0)
        return iscep_error_set(err, ISCEP_USAGE, "csr_challenge_missing",
                               "the CSR's challengePassword is empty");
    csr->challenge = iscep_bytes_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
    return ISCEP_OK;
}

static iscep_status parse_csr(iscep_csr *csr, iscep_bytes der, iscep_error *err)
{
    iscep_buf_init(&csr->der, ISCEP_CSR_MAX_LEN);
    iscep_buf_append(&csr->der, der.data, der.len);
    if (csr->der.is_overflown)
        return iscep_error_nomem(err);
    if (!is_der(csr->der.data, der.len, 0))
        return iscep_error_set(err, ISCEP_USAGE, "csr_malformed", "not a PKCS#10 request in DER (RFC 2986)");
    iscep_status status = iscep_pkcs10_parse(&csr->request, iscep_buf_bytes(&csr->der), err);
    if (status != ISCEP_OK)
        return status;
    if (iscep_pkcs10_key(csr->request) == NULL)
        return iscep_error_set(err, ISCEP_USAGE, "csr_malformed", "the CSR's public key cannot be read");
    if (!iscep_pkcs10_is_signed(csr->request))
        return iscep_openssl_was_out_of_memory()
                   ? iscep_error_nomem(err)
                   : iscep_error_set(err, ISCEP_USAGE, "csr_signature_invalid",
                                     "the CSR's signature is not by its own key: no proof of possession");
    status = iscep_x509_name_emit(&csr->subject, iscep_pkcs10_subject(csr->request), err);
    return status != ISCEP_OK ? status : find_challenge(csr, err);
}

iscep_status iscep_csr_parse(iscep_csr **out, iscep_bytes der, iscep_error *err)
{
    if (der.len > ISCEP_CSR_MAX_LEN)
        return iscep_error_set(err, ISCEP_USAGE, "csr_too_large",
                               "the CSR has %zu bytes, at most %u are accepted", der.len, ISCEP_CSR_MAX_LEN);
    iscep_csr *csr = calloc(1, sizeof *csr);
    if (csr == NULL)
        return iscep_error_nomem(err);
    iscep_status status = parse_csr(csr, der, err);
    if (status != ISCEP_OK) {
        iscep_csr_free(csr);
        iscep_openssl_forget();
        return status;
    }
    *out = csr;
    return ISCEP_OK;
}

void iscep_csr_free(iscep_csr *csr)
{
    if (csr == NULL)
        return;
    iscep_pkcs10_free(csr->request);
    iscep_buf_wipe(&csr->der); /* holds the challenge */
    iscep_buf_clear(&csr->subject);
    free(csr);
}

iscep_bytes iscep_csr_der(const iscep_csr *csr)
{
    return iscep_buf_bytes(&csr->der);
}

iscep_bytes iscep_csr_challenge(const iscep_csr *csr)
{
    return csr->challenge;
}

const char *iscep_csr_subject(const iscep_csr *csr)
{
    return text_of(&csr->subject);
}

static iscep_status emit_serial(iscep_buf *out, const X509 *x509, iscep_error *err)
{
    iscep_buf_init(out, 2 * ISCEP_CERT_MAX_LEN);
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), NULL);
    char *hex = number == NULL ? NULL : BN_bn2hex(number); /* upper case, whole bytes but for zero */
    BN_free(number);
    if (hex == NULL)
        return iscep_error_nomem(err);
    iscep_buf_append_text(out, strcmp(hex, "0") == 0 ? "00" : hex[0] == '-' ? hex + 1 : hex);
    OPENSSL_free(hex);
    iscep_buf_text(out);
    return iscep_buf_status(out, err);
}

static iscep_status read_not_after(int64_t *unix_s, const X509 *x509, iscep_error *err)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(x509), &tm) != 1)
        return iscep_error_set(err, ISCEP_USAGE, "certificate_malformed",
                               "the certificate's notAfter cannot be read");
    *unix_s = (int64_t)timegm(&tm);
    return ISCEP_OK;
}

static iscep_status parse_cert(iscep_cert *cert, iscep_bytes der, iscep_error *err)
{
    const unsigned char *at = der.data;
    bool is_sound = der.len > 0 && der.len <= ISCEP_CERT_MAX_LEN && is_der(at, der.len, 0);
    cert->x509 = is_sound ? d2i_X509(NULL, &at, (long)der.len) : NULL;
    if (cert->x509 == NULL || at != der.data + der.len)
        return iscep_error_set(err, ISCEP_USAGE, "certificate_malformed",
                               "not an X.509 certificate in DER of at most %u bytes", ISCEP_CERT_MAX_LEN);
    uint8_t digest[SHA1_LEN];
    if (EVP_Digest(der.data, der.len, digest, NULL, EVP_sha1(), NULL) != 1)
        return iscep_error_nomem(err);
    iscep_buf_init(&cert->thumbprint, 2 * SHA1_LEN);
    iscep_hex_encode(&cert->thumbprint, iscep_bytes_of(digest, sizeof digest));
    iscep_buf_text(&cert->thumbprint);
    iscep_status status = iscep_buf_status(&cert->thumbprint, err);
    if (status == ISCEP_OK)
        status = emit_serial(&cert->serial, cert->x509, err);
    if (status == ISCEP_OK)
        status = iscep_x509_name_emit(&cert->issuer, X509_get_issuer_name(cert->x509), err);
    if (status == ISCEP_OK)
        status = iscep_x509_name_emit(&cert->subject, X509_get_subject_name(cert->x509), err);
    return status != ISCEP_OK ? status : read_not_after(&cert->not_after_unix, cert->x509, err);
}

iscep_status iscep_cert_parse(iscep_cert **out, iscep_bytes der, iscep_error *err)
{
    iscep_cert *cert = calloc(1, sizeof *cert);
    if (cert == NULL)
        return iscep_error_nomem(err);
    iscep_status status = parse_cert(cert, der, err);
    if (status != ISCEP_OK) {
        iscep_cert_free(cert);
        ERR_clear_error();
        return status;
    }
    *out = cert;
    return ISCEP_OK;
}

void iscep_cert_free(iscep_cert *cert)
{
    if (cert == NULL)
        return;
    X509_free(cert->x509);
    iscep_buf_clear(&cert->thumbprint);
    iscep_buf_clear(&cert->serial);
    iscep_buf_clear(&cert->issuer);
    iscep_buf_clear(&cert->subject);
    free(cert);
}

const char *iscep_cert_thumbprint(const iscep_cert *cert)
{
    return text_of(&cert->thumbprint);
}

const char *iscep_cert_serial(const iscep_cert *cert)
{
    return text_of(&cert->serial);
}

const char *iscep_cert_issuer(const iscep_cert *cert)
{
    return text_of(&cert->issuer);
}

const char *iscep_cert_subject(const iscep_cert *cert)
{
    return text_of(&cert->subject);
}

int64_t iscep_cert_not_after_unix(const iscep_cert *cert)
{
    return cert->not_after_unix;
}

bool iscep_cert_has_key_of(const iscep_cert *cert, const iscep_csr *csr)
{
    const EVP_PKEY *of_cert = X509_get0_pubkey(cert->x509);
    const EVP_PKEY *of_csr = iscep_pkcs10_key(csr->request);
    bool is_same = of_cert != NULL && of_csr != NULL && EVP_PKEY_eq(of_cert, of_csr) == 1;
    ERR_clear_error(); /* keys of two kinds leave one behind */
    return is_same;
}
