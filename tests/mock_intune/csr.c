/* See csr.h. */
#include "csr.h"

#include <openssl/evp.h>

#include "codes.h"
#include "san.h"

#define CHALLENGE_MAX_LEN (64u * 1024u)

/* Index of the attribute; -1: absent, -2: there twice, or it does not have exactly one value. */
static int find_attribute(const X509_REQ *req, int nid)
{
    int at = X509_REQ_get_attr_by_NID(req, nid, -1);
    if (at < 0)
        return -1;
    if (X509_REQ_get_attr_by_NID(req, nid, at) >= 0)
        return -2;
    return X509_ATTRIBUTE_count(X509_REQ_get_attr(req, at)) == 1 ? at : -2;
}

static const char *read_challenge(mock_csr *csr)
{
    int at = find_attribute(csr->req, NID_pkcs9_challengePassword);
    if (at == -1)
        return MOCK_CHALLENGE_MISSING;
    if (at == -2)
        return MOCK_CSR_DECODING_FAILED;
    const ASN1_TYPE *value = X509_ATTRIBUTE_get0_type(X509_REQ_get_attr(csr->req, at), 0);
    int type = ASN1_TYPE_get(value);
    if (type != V_ASN1_PRINTABLESTRING && type != V_ASN1_UTF8STRING && type != V_ASN1_IA5STRING)
        return MOCK_CSR_DECODING_FAILED;
    const ASN1_STRING *text = value->value.asn1_string;
    if (ASN1_STRING_length(text) == 0)
        return MOCK_CHALLENGE_MISSING;
    iscep_buf_append(&csr->challenge, ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
    return csr->challenge.is_overflown ? MOCK_CSR_DECODING_FAILED : MOCK_SUCCESS;
}

/* An extension request that is there but cannot be read must not pass for one that asks for nothing. */
static bool read_extensions(mock_csr *csr)
{
    int pkcs9 = find_attribute(csr->req, NID_ext_req);
    int microsoft = find_attribute(csr->req, NID_ms_ext_req);
    if (pkcs9 == -2 || microsoft == -2 || (pkcs9 >= 0 && microsoft >= 0))
        return false;
    if (pkcs9 == -1 && microsoft == -1)
        return true;
    csr->extensions = X509_REQ_get_extensions(csr->req);
    return csr->extensions != NULL;
}

static bool is_self_signed(const mock_csr *csr)
{
    EVP_PKEY *key = X509_REQ_get0_pubkey(csr->req);
    return key != NULL && X509_REQ_verify(csr->req, key) == 1;
}

static bool decode(mock_csr *csr, iscep_bytes base64)
{
    ISCEP_AUTO_BUF der;
    iscep_buf_init(&der, MOCK_CSR_MAX_LEN);
    if (iscep_base64_decode(&der, base64, NULL) != ISCEP_OK || der.len == 0)
        return false;
    const uint8_t *at = der.data;
    csr->req = d2i_X509_REQ(NULL, &at, (long)der.len);
    return csr->req != NULL && at == der.data + der.len && is_self_signed(csr) &&
           EVP_Digest(der.data, der.len, csr->sha256, NULL, EVP_sha256(), NULL) == 1;
}

const char *mock_csr_parse(mock_csr *out, iscep_bytes base64)
{
    *out = (mock_csr){0};
    iscep_buf_init(&out->challenge, CHALLENGE_MAX_LEN);
    if (!decode(out, base64) || !read_extensions(out))
        return MOCK_CSR_DECODING_FAILED;
    return read_challenge(out);
}

void mock_csr_clear(mock_csr *csr)
{
    X509_REQ_free(csr->req);
    sk_X509_EXTENSION_pop_free(csr->extensions, X509_EXTENSION_free);
    iscep_buf_wipe(&csr->challenge);
    csr->req = NULL;
    csr->extensions = NULL;
}

int mock_csr_key_bits(const mock_csr *csr)
{
    return EVP_PKEY_get_bits(X509_REQ_get0_pubkey(csr->req));
}

/* The decoded extension, which the caller frees; NULL with the reason in presence. */
static void *extension(const mock_csr *csr, int nid, mock_presence *presence)
{
    int critical = -1; /* -1 afterwards: absent; -2: there more than once */
    void *decoded = X509V3_get_d2i(csr->extensions, nid, &critical, NULL);
    if (decoded != NULL)
        *presence = MOCK_PRESENT;
    else
        *presence = critical == -1 ? MOCK_ABSENT : MOCK_UNREADABLE;
    return decoded;
}

mock_presence mock_csr_key_usage(const mock_csr *csr, uint32_t *bits)
{
    static const uint32_t flags[] = {
        KU_DIGITAL_SIGNATURE, KU_NON_REPUDIATION, KU_KEY_ENCIPHERMENT, KU_DATA_ENCIPHERMENT, KU_KEY_AGREEMENT,
        KU_KEY_CERT_SIGN,     KU_CRL_SIGN,        KU_ENCIPHER_ONLY,    KU_DECIPHER_ONLY,
    };
    mock_presence presence;
    ASN1_BIT_STRING *usage = extension(csr, NID_key_usage, &presence);
    *bits = 0;
    for (int i = 0; usage != NULL && i < (int)(sizeof(flags) / sizeof(flags[0])); i++)
        if (ASN1_BIT_STRING_get_bit(usage, i))
            *bits |= flags[i];
    ASN1_BIT_STRING_free(usage);
    return presence;
}

mock_presence mock_csr_ext_key_usage(const mock_csr *csr, mock_textset *oids)
{
    mock_presence presence;
    EXTENDED_KEY_USAGE *usages = extension(csr, NID_ext_key_usage, &presence);
    for (int i = 0; usages != NULL && i < sk_ASN1_OBJECT_num(usages); i++) {
        char oid[128];
        int len = OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(usages, i), 1);
        if (len <= 0 || (size_t)len >= sizeof(oid) || mock_textset_add(oids, oid, NULL) != ISCEP_OK)
            presence = MOCK_UNREADABLE;
    }
    EXTENDED_KEY_USAGE_free(usages);
    return presence;
}

mock_presence mock_csr_sans(const mock_csr *csr, mock_textset *sans)
{
    mock_presence presence;
    GENERAL_NAMES *names = extension(csr, NID_subject_alt_name, &presence);
    for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++)
        if (!mock_san_add(sans, sk_GENERAL_NAME_value(names, i)))
            presence = MOCK_UNREADABLE;
    GENERAL_NAMES_free(names);
    return presence;
}
