/* See x509_facts.h. */
#include "base/x509_facts.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "base/openssl_error.h"
#include "base/pkcs10.h"
#include "base/x509_facts_attributes.h"
#include "base/x509_facts_names.h"
#include "base/x509_facts_store.h"

#define SID_EXTENSION_OID           "1.3.6.1.4.1.311.25.2" /* szOID_NTDS_CA_SECURITY_EXT */
#define TEMPLATE_NAME_EXTENSION_OID "1.3.6.1.4.1.311.20.2" /* szOID_ENROLL_CERTTYPE_EXTENSION */

/* What the two kinds have in common, and the code for "it cannot be read". */
typedef struct source {
    const X509_NAME *subject;
    EVP_PKEY *key; /* NULL: of a kind that OpenSSL does not know */
    const X509_ALGOR *signature;
    const STACK_OF(X509_EXTENSION) * extensions; /* NULL: none */
    const char *extensions_code;
} source;

const char *iscep_key_usage_name(unsigned bit)
{
    static const char *const names[ISCEP_KEY_USAGE_BITS] = {
        "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
        "keyCertSign",      "cRLSign",        "encipherOnly",    "decipherOnly"};
    return bit < ISCEP_KEY_USAGE_BITS ? names[bit] : NULL;
}

/* --- extensions: each reader is false when it cannot be read --- */

/* OpenSSL would read BER, and pass over what stands behind the value: another reader may not. */
static bool is_whole(const X509_EXTENSION *extension)
{
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data((X509_EXTENSION *)extension);
    return iscep_der_is_one(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
}

/* NULL when it is absent; *is_sound is false when it is there but broken. It stands there once: list_extensions. */
static void *decode(const STACK_OF(X509_EXTENSION) * extensions, int nid, bool *is_sound)
{
    int at = extensions == NULL ? -1 : X509v3_get_ext_by_NID(extensions, nid, -1);
    *is_sound = at < 0;
    if (at < 0 || !is_whole(X509v3_get_ext(extensions, at)))
        return NULL;
    void *decoded = X509V3_EXT_d2i(X509v3_get_ext(extensions, at));
    *is_sound = decoded != NULL;
    return decoded;
}

static bool read_sans(iscep_x509_facts *facts, const STACK_OF(X509_EXTENSION) * extensions)
{
    bool is_sound;
    GENERAL_NAMES *names = decode(extensions, NID_subject_alt_name, &is_sound);
    int count = names == NULL ? 0 : sk_GENERAL_NAME_num(names);
    if (count > ISCEP_FACTS_MAX_SANS)
        is_sound = false;
    for (int i = 0; i < count && is_sound; i++) {
        iscep_san san = iscep_facts_read_san(facts, sk_GENERAL_NAME_value(names, i));
        facts->store->sans[facts->san_count++] = san;
        is_sound = san.value != NULL;
    }
    GENERAL_NAMES_free(names);
    return is_sound;
}

static bool read_key_usage(iscep_x509_facts *facts, const STACK_OF(X509_EXTENSION) * extensions)
{
    bool is_sound;
    ASN1_BIT_STRING *usage = decode(extensions, NID_key_usage, &is_sound);
    facts->has_key_usage = usage != NULL;
    for (int bit = 0; usage != NULL && bit < ISCEP_KEY_USAGE_BITS; bit++)
        if (ASN1_BIT_STRING_get_bit(usage, bit) == 1)
            facts->key_usage |= 1u << bit;
    ASN1_BIT_STRING_free(usage);
    return is_sound;
}

static bool read_ext_key_usage(iscep_x509_facts *facts, const STACK_OF(X509_EXTENSION) * extensions)
{
    bool is_sound;
    EXTENDED_KEY_USAGE *usages = decode(extensions, NID_ext_key_usage, &is_sound);
    int count = usages == NULL ? 0 : sk_ASN1_OBJECT_num(usages);
    facts->has_ext_key_usage = usages != NULL;
    if (count > ISCEP_FACTS_MAX_EXT_KEY_USAGES)
        is_sound = false;
    for (int i = 0; i < count && is_sound; i++) {
        const char *oid = iscep_facts_keep_oid(facts, sk_ASN1_OBJECT_value(usages, i));
        facts->store->ext_key_usage[facts->ext_key_usage_count++] = oid;
        is_sound = oid != NULL;
    }
    EXTENDED_KEY_USAGE_free(usages);
    return is_sound;
}

static bool read_basic_constraints(iscep_x509_facts *facts, const STACK_OF(X509_EXTENSION) * extensions)
{
    bool is_sound;
    BASIC_CONSTRAINTS *constraints = decode(extensions, NID_basic_constraints, &is_sound);
    facts->has_basic_constraints = constraints != NULL;
    facts->is_ca = constraints != NULL && constraints->ca != 0;
    BASIC_CONSTRAINTS_free(constraints);
    return is_sound;
}

static bool is_listed(const iscep_x509_facts *facts, const char *oid)
{
    for (size_t i = 0; i < facts->extension_count; i++)
        if (strcmp(facts->store->extensions[i], oid) == 0)
            return true;
    return false;
}

static bool list_extensions(iscep_x509_facts *facts, const STACK_OF(X509_EXTENSION) * extensions)
{
    int count = extensions == NULL ? 0 : sk_X509_EXTENSION_num(extensions);
    if (count > ISCEP_FACTS_MAX_EXTENSIONS)
        return false;
    for (int i = 0; i < count; i++) {
        const char *oid =
            iscep_facts_keep_oid(facts, X509_EXTENSION_get_object(sk_X509_EXTENSION_value(extensions, i)));
        if (oid == NULL || is_listed(facts, oid))
            return false;
        facts->store->extensions[facts->extension_count++] = oid;
    }
    return true;
}

/* GeneralNames with one otherName 1.3.6.1.4.1.311.25.2.1, an OCTET STRING that holds the SID as text. */
static const char *keep_sid(iscep_x509_facts *facts, const GENERAL_NAMES *names)
{
    const GENERAL_NAME *name = sk_GENERAL_NAME_num(names) == 1 ? sk_GENERAL_NAME_value(names, 0) : NULL;
    char oid[ISCEP_FACTS_MAX_OID_LEN];
    if (name == NULL || name->type != GEN_OTHERNAME ||
        OBJ_obj2txt(oid, sizeof oid, name->d.otherName->type_id, 1) <= 0 ||
        strcmp(oid, SID_EXTENSION_OID ".1") != 0 || name->d.otherName->value->type != V_ASN1_OCTET_STRING)
        return NULL;
    return iscep_facts_keep_ascii(facts, name->d.otherName->value->value.octet_string);
}

static bool read_sid_extension(iscep_x509_facts *facts, const STACK_OF(X509_EXTENSION) * extensions)
{
    facts->sid_extension = iscep_facts_keep(facts, iscep_bytes_of_text(""));
    for (size_t i = 0; i < facts->extension_count; i++) {
        if (strcmp(facts->store->extensions[i], SID_EXTENSION_OID) != 0)
            continue;
        const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(sk_X509_EXTENSION_value(extensions, (int)i));
        const unsigned char *start = ASN1_STRING_get0_data(value), *at = start;
        GENERAL_NAMES *names = d2i_GENERAL_NAMES(NULL, &at, ASN1_STRING_length(value));
        bool is_sound = names != NULL && iscep_der_is_one(start, (size_t)ASN1_STRING_length(value));
        facts->sid_extension = is_sound ? keep_sid(facts, names) : NULL;
        GENERAL_NAMES_free(names);
    }
    return facts->sid_extension != NULL;
}

/* A character string of no characters, as its DER: a client that was given no template may say so. */
static bool is_empty_text(const ASN1_OCTET_STRING *value)
{
    const unsigned char *der = ASN1_STRING_get0_data(value);
    return ASN1_STRING_length(value) == 2 && der[1] == 0 &&
           (der[0] == V_ASN1_BMPSTRING || der[0] == V_ASN1_UTF8STRING || der[0] == V_ASN1_PRINTABLESTRING ||
            der[0] == V_ASN1_IA5STRING);
}

static void read_template_name(iscep_x509_facts *facts, const STACK_OF(X509_EXTENSION) * extensions)
{
    for (size_t i = 0; i < facts->extension_count; i++)
        if (strcmp(facts->store->extensions[i], TEMPLATE_NAME_EXTENSION_OID) == 0)
            facts->is_template_name_empty =
                is_empty_text(X509_EXTENSION_get_data(sk_X509_EXTENSION_value(extensions, (int)i)));
}

/* --- key and signature --- */

/* OpenSSL gives parameters that equal a named curve's its name; RFC 5480, 2.1.1 forbids to write them out. */
static bool has_own_parameters(const EVP_PKEY *key)
{
    int is_explicit = 0;
    return EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit) == 1 &&
           is_explicit != 0;
}

static bool read_key(iscep_x509_facts *facts, EVP_PKEY *key)
{
    char curve[64] = "";
    const char *type = key == NULL ? NULL : EVP_PKEY_get0_type_name(key);
    int bits = key == NULL ? 0 : EVP_PKEY_get_bits(key);
    if (key != NULL &&
        (EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL) != 1 || has_own_parameters(key)))
        curve[0] = '\0';
    facts->key_type = iscep_facts_keep(facts, iscep_bytes_of_text(type != NULL ? type : "unknown"));
    facts->curve = iscep_facts_keep(facts, iscep_bytes_of_text(curve));
    facts->key_bits = bits > 0 ? (uint32_t)bits : 0;
    return facts->key_type != NULL && facts->curve != NULL;
}

/* The digest of MGF1, the only mask generation there is; absent is SHA-1 (RFC 4055, 3.1). */
static int digest_of_mask(const X509_ALGOR *mask)
{
    const ASN1_OBJECT *algorithm = NULL;
    int type = 0;
    const void *value = NULL;
    if (mask == NULL)
        return NID_sha1;
    X509_ALGOR_get0(&algorithm, &type, &value, mask);
    if (OBJ_obj2nid(algorithm) != NID_mgf1 || type != V_ASN1_SEQUENCE)
        return NID_undef;
    const unsigned char *at = ASN1_STRING_get0_data(value);
    X509_ALGOR *digest = d2i_X509_ALGOR(NULL, &at, ASN1_STRING_length(value));
    int nid = digest == NULL ? NID_undef : OBJ_obj2nid(digest->algorithm);
    X509_ALGOR_free(digest);
    return nid;
}

/* RSASSA-PSS has its digests in the parameters; absent is SHA-1 (RFC 4055, 3.1). */
static void find_pss_digests(int *digest, int *mask_digest, const X509_ALGOR *signature)
{
    int type = 0;
    const void *value = NULL;
    X509_ALGOR_get0(NULL, &type, &value, signature);
    *digest = *mask_digest = NID_undef;
    if (type != V_ASN1_SEQUENCE)
        return;
    const unsigned char *at = ASN1_STRING_get0_data(value);
    RSA_PSS_PARAMS *params = d2i_RSA_PSS_PARAMS(NULL, &at, ASN1_STRING_length(value));
    if (params != NULL) {
        *digest = params->hashAlgorithm == NULL ? NID_sha1 : OBJ_obj2nid(params->hashAlgorithm->algorithm);
        *mask_digest = digest_of_mask(params->maskGenAlgorithm);
    }
    RSA_PSS_PARAMS_free(params);
}

static const char *keep_digest(iscep_x509_facts *facts, int nid)
{
    return iscep_facts_keep(facts, iscep_bytes_of_text(nid == NID_undef ? "" : OBJ_nid2sn(nid)));
}

static bool read_signature(iscep_x509_facts *facts, const X509_ALGOR *signature)
{
    const ASN1_OBJECT *algorithm = NULL;
    int digest = NID_undef, mask_digest = NID_undef;
    X509_ALGOR_get0(&algorithm, NULL, NULL, signature);
    int nid = OBJ_obj2nid(algorithm);
    if (nid == NID_rsassaPss)
        find_pss_digests(&digest, &mask_digest, signature);
    else if (OBJ_find_sigid_algs(nid, &digest, NULL) != 1)
        digest = NID_undef;
    facts->has_mask = nid == NID_rsassaPss;
    facts->digest = keep_digest(facts, digest);
    facts->mask_digest = keep_digest(facts, mask_digest);
    facts->signature = nid == NID_undef ? iscep_facts_keep_oid(facts, algorithm)
                                        : iscep_facts_keep(facts, iscep_bytes_of_text(OBJ_nid2ln(nid)));
    return facts->digest != NULL && facts->mask_digest != NULL && facts->signature != NULL;
}

/* --- the two kinds --- */

static iscep_status read_source(iscep_x509_facts *facts, const source *from, iscep_error *err)
{
    iscep_status status = iscep_facts_keep_name(&facts->subject, facts, from->subject, err);
    if (status != ISCEP_OK)
        return status;
    facts->issuer = iscep_facts_keep(facts, iscep_bytes_of_text(""));
    if (facts->issuer == NULL || !read_key(facts, from->key) || !read_signature(facts, from->signature))
        return iscep_error_nomem(err);
    if (!list_extensions(facts, from->extensions) || !read_sans(facts, from->extensions) ||
        !read_key_usage(facts, from->extensions) || !read_ext_key_usage(facts, from->extensions) ||
        !read_basic_constraints(facts, from->extensions) || !read_sid_extension(facts, from->extensions))
        return iscep_error_set(err, ISCEP_USAGE, from->extensions_code,
                               "an extension cannot be read, or stands there twice");
    read_template_name(facts, from->extensions);
    return ISCEP_OK;
}

/* How many values all attributes of this kind have together; *first is one of them, or stays as it was. */
static size_t count_values(ASN1_TYPE **first, const STACK_OF(X509_ATTRIBUTE) * attributes, int nid)
{
    size_t count = 0;
    for (int at = X509at_get_attr_by_NID(attributes, nid, -1); at >= 0;
         at = X509at_get_attr_by_NID(attributes, nid, at)) {
        X509_ATTRIBUTE *attribute = X509at_get_attr(attributes, at);
        if (X509_ATTRIBUTE_count(attribute) > 0)
            *first = X509_ATTRIBUTE_get0_type(attribute, 0);
        count += (size_t)X509_ATTRIBUTE_count(attribute);
    }
    return count;
}

/* Some read the first extensionRequest and no other, a CA perhaps another: more than one is refused. */
static bool get_requested(STACK_OF(X509_EXTENSION) * *out, const STACK_OF(X509_ATTRIBUTE) * attributes)
{
    ASN1_TYPE *value = NULL;
    size_t count =
        count_values(&value, attributes, NID_ext_req) + count_values(&value, attributes, NID_ms_ext_req);
    if (count == 0)
        return true;
    if (count > 1 || value == NULL || value->type != V_ASN1_SEQUENCE)
        return false;
    const unsigned char *start = ASN1_STRING_get0_data(value->value.sequence), *at = start;
    *out = d2i_X509_EXTENSIONS(NULL, &at, ASN1_STRING_length(value->value.sequence));
    return *out != NULL && at == start + ASN1_STRING_length(value->value.sequence);
}

static iscep_status read_request(iscep_x509_facts *facts, const iscep_pkcs10 *request, iscep_error *err)
{
    const STACK_OF(X509_ATTRIBUTE) *attributes = iscep_pkcs10_attributes(request);
    STACK_OF(X509_EXTENSION) *extensions = NULL;
    iscep_status status = ISCEP_OK;
    if (!iscep_facts_read_attributes(facts, attributes))
        status = iscep_error_set(err, ISCEP_USAGE, "csr_malformed", "the CSR has more attributes than any");
    else if (!get_requested(&extensions, attributes))
        status = iscep_error_set(err, ISCEP_USAGE, "csr_extensions_malformed",
                                 "the CSR's extensions cannot be read, or are requested twice");
    if (status == ISCEP_OK)
        status = read_source(facts,
                             &(source){.subject = iscep_pkcs10_subject(request),
                                       .key = iscep_pkcs10_key(request),
                                       .signature = iscep_pkcs10_signature(request),
                                       .extensions = extensions,
                                       .extensions_code = "csr_extensions_malformed"},
                             err);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return status;
}

static bool read_time(int64_t *out, const ASN1_TIME *time)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    *out = (int64_t)timegm(&tm);
    return true;
}

static iscep_status read_cert(iscep_x509_facts *facts, X509 *x509, iscep_error *err)
{
    source from = {.subject = X509_get_subject_name(x509),
                   .key = X509_get0_pubkey(x509),
                   .extensions = X509_get0_extensions(x509),
                   .extensions_code = "certificate_extensions_malformed"};
    X509_get0_signature(NULL, &from.signature, x509);
    if (!read_time(&facts->not_before_unix, X509_get0_notBefore(x509)) ||
        !read_time(&facts->not_after_unix, X509_get0_notAfter(x509)))
        return iscep_error_set(err, ISCEP_USAGE, "certificate_malformed",
                               "the certificate's validity cannot be read");
    iscep_status status = read_source(facts, &from, err);
    return status != ISCEP_OK ? status
                              : iscep_facts_keep_name(&facts->issuer, facts, X509_get_issuer_name(x509), err);
}

/* Nothing is left behind: neither half the facts, nor errors in OpenSSL's queue. */
static iscep_status finish(iscep_x509_facts *facts, iscep_status status, iscep_error *err)
{
    if (facts->store != NULL && iscep_facts_were_out_of_memory(facts)) /* whatever was made of it */
        status = iscep_error_nomem(err);
    if (status != ISCEP_OK)
        iscep_x509_facts_clear(facts);
    iscep_openssl_forget();
    return status;
}

iscep_status iscep_x509_facts_of_request(iscep_x509_facts *out, iscep_bytes der, iscep_error *err)
{
    iscep_pkcs10 *request = NULL;
    iscep_openssl_forget();
    iscep_status status = iscep_facts_init(out, err);
    if (status == ISCEP_OK)
        status = iscep_pkcs10_parse(&request, der, err);
    if (status == ISCEP_OK)
        status = read_request(out, request, err);
    iscep_pkcs10_free(request);
    return finish(out, status, err);
}

iscep_status iscep_x509_facts_of_cert(iscep_x509_facts *out, iscep_bytes der, iscep_error *err)
{
    const unsigned char *at = der.data;
    iscep_openssl_forget();
    X509 *x509 = der.len > 0 && der.len <= ISCEP_CERT_MAX_LEN ? d2i_X509(NULL, &at, (long)der.len) : NULL;
    iscep_status status = iscep_facts_init(out, err);
    if (status == ISCEP_OK && (x509 == NULL || at != der.data + der.len))
        status =
            iscep_error_set(err, ISCEP_USAGE, "certificate_malformed", "not an X.509 certificate in DER");
    if (status == ISCEP_OK)
        status = read_cert(out, x509, err);
    X509_free(x509);
    return finish(out, status, err);
}
