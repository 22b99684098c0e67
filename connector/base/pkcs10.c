/* See pkcs10.h. */
#include "base/pkcs10.h"

#include <openssl/asn1t.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <stdlib.h>

#include "base/openssl_error.h"
#include "base/x509.h"

/* What follows is laid out by hand: clang-format takes the templates for functions. */
/* clang-format off */

/* CertificationRequest; the signed part stays as it came, because the signature is over these bytes. */
typedef struct frame {
    ASN1_STRING *info;
    X509_ALGOR *algorithm;
    ASN1_BIT_STRING *signature;
} frame;

ASN1_SEQUENCE(frame) = {
    ASN1_SIMPLE(frame, info, ASN1_SEQUENCE),
    ASN1_SIMPLE(frame, algorithm, X509_ALGOR),
    ASN1_SIMPLE(frame, signature, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(frame);

/* CertificationRequestInfo. Clients without attributes leave them out: RFC 2986 forbids it, everybody accepts it. */
typedef struct request_info {
    ASN1_INTEGER *version;
    X509_NAME *subject;
    ASN1_STRING *key;
    STACK_OF(X509_ATTRIBUTE) *attributes;
} request_info;

ASN1_SEQUENCE(request_info) = {
    ASN1_SIMPLE(request_info, version, ASN1_INTEGER),
    ASN1_SIMPLE(request_info, subject, X509_NAME),
    ASN1_SIMPLE(request_info, key, ASN1_SEQUENCE),
    ASN1_IMP_SET_OF_OPT(request_info, attributes, X509_ATTRIBUTE, 0),
} static_ASN1_SEQUENCE_END(request_info);

/* SubjectPublicKeyInfo (RFC 5280, 4.1.2.7) */
typedef struct key_info {
    X509_ALGOR *algorithm;
    ASN1_BIT_STRING *bits;
} key_info;

ASN1_SEQUENCE(key_info) = {
    ASN1_SIMPLE(key_info, algorithm, X509_ALGOR),
    ASN1_SIMPLE(key_info, bits, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(key_info);

/* clang-format on */

struct iscep_pkcs10 {
    frame *frame;
    request_info *info;
    EVP_PKEY *key;
};

/* One value of that type and nothing behind it; NULL otherwise. */
static void *parse_item(const unsigned char *data, int len, const ASN1_ITEM *item)
{
    const unsigned char *at = data;
    ASN1_VALUE *value = ASN1_item_d2i(NULL, &at, len, item);
    if (value != NULL && at == data + len)
        return value;
    ASN1_item_free(value, item);
    return NULL;
}

/* rsaEncryption with NULL as its parameters, as RFC 3279, 2.3.1 wants it. */
static bool is_plain_rsa(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *object;
    int parameter_type;
    X509_ALGOR_get0(&object, &parameter_type, NULL, algorithm);
    return OBJ_obj2nid(object) == NID_rsaEncryption && parameter_type == V_ASN1_NULL;
}

static EVP_PKEY *parse_rsa_key(const ASN1_BIT_STRING *bits)
{
    const unsigned char *at = ASN1_STRING_get0_data(bits);
    const unsigned char *end = at + ASN1_STRING_length(bits);
    EVP_PKEY *key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, ASN1_STRING_length(bits));
    if (key != NULL && at == end)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

static EVP_PKEY *parse_key(const ASN1_STRING *der)
{
    const unsigned char *at = ASN1_STRING_get0_data(der);
    key_info *parts = parse_item(at, ASN1_STRING_length(der), ASN1_ITEM_rptr(key_info));
    EVP_PKEY *key = NULL;
    if (parts != NULL)
        key = is_plain_rsa(parts->algorithm) ? parse_rsa_key(parts->bits)
                                             : d2i_PUBKEY(NULL, &at, ASN1_STRING_length(der));
    ASN1_item_free((ASN1_VALUE *)parts, ASN1_ITEM_rptr(key_info));
    return key;
}

/* RFC 2986, 4.1: 0, and no other. What another version would mean, nobody knows. */
static bool is_version_0(const ASN1_INTEGER *version)
{
    int64_t number;
    return ASN1_INTEGER_get_int64(&number, version) == 1 && number == 0;
}

static bool parse_parts(iscep_pkcs10 *request, iscep_bytes der)
{
    request->frame = parse_item(der.data, (int)der.len, ASN1_ITEM_rptr(frame));
    if (request->frame == NULL)
        return false;
    const ASN1_STRING *info = request->frame->info;
    request->info =
        parse_item(ASN1_STRING_get0_data(info), ASN1_STRING_length(info), ASN1_ITEM_rptr(request_info));
    if (request->info == NULL || !is_version_0(request->info->version))
        return false;
    request->key = parse_key(request->info->key);
    return true;
}

iscep_status iscep_pkcs10_parse(iscep_pkcs10 **out, iscep_bytes der, iscep_error *err)
{
    iscep_openssl_forget();
    iscep_pkcs10 *request = calloc(1, sizeof *request);
    if (request == NULL)
        return iscep_error_nomem(err);
    bool is_read = der.len > 0 && der.len <= ISCEP_CSR_MAX_LEN && parse_parts(request, der);
    bool was_out_of_memory = iscep_openssl_was_out_of_memory(); /* then a key may only seem unreadable */
    if (is_read && !was_out_of_memory) {
        *out = request;
        return ISCEP_OK;
    }
    iscep_pkcs10_free(request);
    if (was_out_of_memory)
        return iscep_error_nomem(err);
    return iscep_error_set(err, ISCEP_USAGE, "csr_malformed", "not a PKCS#10 request in DER (RFC 2986)");
}

void iscep_pkcs10_free(iscep_pkcs10 *request)
{
    if (request == NULL)
        return;
    EVP_PKEY_free(request->key);
    ASN1_item_free((ASN1_VALUE *)request->info, ASN1_ITEM_rptr(request_info));
    ASN1_item_free((ASN1_VALUE *)request->frame, ASN1_ITEM_rptr(frame));
    free(request);
}

/* With e = 1 the padded digest is its own signature. */
static bool has_sound_exponent(const EVP_PKEY *key)
{
    BIGNUM *e = NULL;
    bool is_sound =
        EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_odd(e) && !BN_is_one(e);
    BN_free(e);
    return is_sound;
}

/* With the point at infinity as the key a signature can be made up. */
static bool is_sound_point(EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool is_sound = ctx != NULL && EVP_PKEY_public_check_quick(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return is_sound;
}

/* False: anybody can sign with this key, so that a signature proves nothing. OpenSSL verifies it all the same. */
static bool can_prove_possession(EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS"))
        return has_sound_exponent(key);
    return !EVP_PKEY_is_a(key, "EC") || is_sound_point(key);
}

bool iscep_pkcs10_is_signed(const iscep_pkcs10 *request)
{
    const frame *signed_frame = request->frame;
    return request->key != NULL && can_prove_possession(request->key) &&
           ASN1_item_verify(ASN1_ITEM_rptr(ASN1_SEQUENCE), signed_frame->algorithm, signed_frame->signature,
                            signed_frame->info, request->key) == 1;
}

const X509_ALGOR *iscep_pkcs10_signature(const iscep_pkcs10 *request)
{
    return request->frame->algorithm;
}

const X509_NAME *iscep_pkcs10_subject(const iscep_pkcs10 *request)
{
    return request->info->subject;
}

EVP_PKEY *iscep_pkcs10_key(const iscep_pkcs10 *request)
{
    return request->key;
}

const STACK_OF(X509_ATTRIBUTE) * iscep_pkcs10_attributes(const iscep_pkcs10 *request)
{
    return request->info->attributes;
}
