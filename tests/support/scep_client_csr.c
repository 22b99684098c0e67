/* See scep_client_csr.h. */
#include "scep_client_csr.h"

#include <string.h>

#include <openssl/err.h>

#include "tests/scep_host/ossl_auto.h"

#define OID_UPN "1.3.6.1.4.1.311.20.2.3" /* Microsoft's user principal name, as otherName */

enum { USAGE_BITS = 9 };

static iscep_status unusable(iscep_error *err, const char *what)
{
    ERR_clear_error();
    return iscep_error_set(err, ISCEP_USAGE, "csr", "%s cannot be put into a CSR", what);
}

static bool set_subject(X509_REQ *req, const scep_client_csr *csr)
{
    OSSL_AUTO(X509_NAME) *name = X509_NAME_new();
    for (size_t i = 0; name != NULL && i < csr->subject_count; i++) {
        const scep_client_name *part = &csr->subject[i];
        const char *kind = strcmp(part->kind, "E") == 0 ? "emailAddress" : part->kind;
        if (X509_NAME_add_entry_by_txt(name, kind, MBSTRING_UTF8, (const uint8_t *)part->value, -1, -1, 0) !=
            1)
            return false;
    }
    return name != NULL && X509_REQ_set_subject_name(req, name) == 1;
}

static GENERAL_NAME *new_ia5_name(int type, const char *value)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    if (name != NULL && text != NULL && ASN1_STRING_set(text, value, -1) == 1) {
        GENERAL_NAME_set0_value(name, type, text);
        return name;
    }
    ASN1_IA5STRING_free(text);
    GENERAL_NAME_free(name);
    return NULL;
}

static GENERAL_NAME *new_upn(const char *value)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_OBJECT *oid = OBJ_txt2obj(OID_UPN, 1);
    ASN1_TYPE *wrapped = ASN1_TYPE_new();
    ASN1_UTF8STRING *text = ASN1_UTF8STRING_new();
    if (name != NULL && oid != NULL && wrapped != NULL && text != NULL &&
        ASN1_STRING_set(text, value, -1) == 1) {
        ASN1_TYPE_set(wrapped, V_ASN1_UTF8STRING, text);
        GENERAL_NAME_set0_othername(name, oid, wrapped);
        return name;
    }
    ASN1_UTF8STRING_free(text);
    ASN1_TYPE_free(wrapped);
    ASN1_OBJECT_free(oid);
    GENERAL_NAME_free(name);
    return NULL;
}

static GENERAL_NAME *new_san(const scep_client_name *san)
{
    if (strcmp(san->kind, "dns") == 0)
        return new_ia5_name(GEN_DNS, san->value);
    if (strcmp(san->kind, "rfc822") == 0)
        return new_ia5_name(GEN_EMAIL, san->value);
    if (strcmp(san->kind, "uri") == 0)
        return new_ia5_name(GEN_URI, san->value);
    return strcmp(san->kind, "upn") == 0 ? new_upn(san->value) : NULL;
}

static bool add_extension(X509_EXTENSION_STACK *all, int nid, void *value)
{
    X509_EXTENSION *extension = X509V3_EXT_i2d(nid, 0, value);
    if (extension != NULL && sk_X509_EXTENSION_push(all, extension) > 0)
        return true;
    X509_EXTENSION_free(extension);
    return false;
}

static bool add_sans(X509_EXTENSION_STACK *all, const scep_client_csr *csr)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool is_whole = names != NULL;
    for (size_t i = 0; is_whole && i < csr->san_count; i++) {
        GENERAL_NAME *name = new_san(&csr->sans[i]);
        is_whole = name != NULL && sk_GENERAL_NAME_push(names, name) > 0;
        if (!is_whole)
            GENERAL_NAME_free(name);
    }
    is_whole = is_whole && add_extension(all, NID_subject_alt_name, names);
    GENERAL_NAMES_free(names);
    return is_whole;
}

static bool add_key_usage(X509_EXTENSION_STACK *all, uint32_t usage)
{
    OSSL_AUTO(ASN1_BIT_STRING) *bits = ASN1_BIT_STRING_new();
    if (bits == NULL)
        return false;
    for (int bit = 0; bit < USAGE_BITS; bit++)
        if ((usage >> bit & 1) != 0 && ASN1_BIT_STRING_set_bit(bits, bit, 1) != 1)
            return false;
    return add_extension(all, NID_key_usage, bits);
}

static bool add_ext_usages(X509_EXTENSION_STACK *all, const scep_client_csr *csr)
{
    EXTENDED_KEY_USAGE *usages = EXTENDED_KEY_USAGE_new();
    bool is_whole = usages != NULL;
    for (size_t i = 0; is_whole && i < csr->ext_usage_count; i++) {
        ASN1_OBJECT *oid = OBJ_txt2obj(csr->ext_usages[i], 1);
        is_whole = oid != NULL && sk_ASN1_OBJECT_push(usages, oid) > 0;
        if (!is_whole)
            ASN1_OBJECT_free(oid);
    }
    is_whole = is_whole && add_extension(all, NID_ext_key_usage, usages);
    EXTENDED_KEY_USAGE_free(usages);
    return is_whole;
}

static bool add_extensions(X509_REQ *req, const scep_client_csr *csr)
{
    OSSL_AUTO(X509_EXTENSION_STACK) *all = sk_X509_EXTENSION_new_null();
    if (all == NULL || (csr->san_count > 0 && !add_sans(all, csr)) ||
        (csr->key_usage != 0 && !add_key_usage(all, csr->key_usage)) ||
        (csr->ext_usage_count > 0 && !add_ext_usages(all, csr)))
        return false;
    return sk_X509_EXTENSION_num(all) == 0 || X509_REQ_add_extensions(req, all) == 1;
}

iscep_status scep_client_csr_emit(iscep_buf *out, EVP_PKEY *key, const scep_client_csr *csr, iscep_error *err)
{
    OSSL_AUTO(X509_REQ) *req = X509_REQ_new();
    uint8_t *der = NULL;
    if (req == NULL || X509_REQ_set_pubkey(req, key) != 1)
        return iscep_error_nomem(err);
    if (!set_subject(req, csr))
        return unusable(err, "the subject");
    if (!add_extensions(req, csr))
        return unusable(err, "an alternative name or a usage");
    if (X509_REQ_add1_attr_by_NID(req, NID_pkcs9_challengePassword, V_ASN1_PRINTABLESTRING,
                                  (const uint8_t *)csr->challenge, (int)strlen(csr->challenge)) != 1)
        return unusable(err, "the challenge");
    int len = X509_REQ_sign(req, key, EVP_sha256()) > 0 ? i2d_X509_REQ(req, &der) : 0;
    if (len <= 0)
        return unusable(err, "the signature");
    iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    return iscep_buf_status(out, err);
}
