/* Parsing, verifying and deciphering a device's pkiMessage. Everything in it is hostile until its signature
 * is checked. */
#include "pki_message.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>

#include "base/x509.h"
#include "ossl_auto.h"

/* A device's clock may be this wrong. Phones are often off by minutes; a day finds the ones that lost their
 * clock. */
#define MAX_CLOCK_SKEW_SECONDS (24 * 60 * 60)

static iscep_status malformed(iscep_error *err, const char *what)
{
    return iscep_crypto_error(err, ISCEP_USAGE, "message_malformed", what);
}

/* Where OpenSSL works on a CMS structure: with a key of a key store, that is not the host's own context. */
typedef struct cms_context {
    OSSL_LIB_CTX *library;
    const char *properties;
} cms_context;

/* Exactly one CMS structure of the wanted type that fills the whole input. */
static iscep_status parse_cms(CMS_ContentInfo **out, const cms_context *context, iscep_bytes der, int type,
                              iscep_error *err)
{
    if (der.len > ISCEP_PKI_MESSAGE_MAX_LEN || iscep_der_element_len(der.data, der.len) != der.len ||
        der.len == 0)
        return malformed(err, "the message is not one whole DER element");
    OSSL_AUTO(CMS_ContentInfo) *cms = CMS_ContentInfo_new_ex(context->library, context->properties);
    if (!cms)
        return iscep_error_nomem(err);
    const uint8_t *at = der.data;
    if (!d2i_CMS_ContentInfo(&cms, &at, (long)der.len) || at != der.data + der.len)
        return malformed(err, "the message is not CMS");
    if (OBJ_obj2nid(CMS_get0_type(cms)) != type)
        return malformed(err, "the message is another kind of CMS than SCEP uses");
    *out = cms;
    cms = NULL;
    return ISCEP_OK;
}

/* The one signer; NULL if there is none, or more than one. */
static CMS_SignerInfo *only_signer(CMS_ContentInfo *cms)
{
    STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms);
    return sk_CMS_SignerInfo_num(signers) == 1 ? sk_CMS_SignerInfo_value(signers, 0) : NULL;
}

/* A signed attribute that stands there once, with one value of the given type; NULL otherwise. */
static const ASN1_STRING *attribute(const CMS_SignerInfo *signer, const char *oid, int type)
{
    OSSL_AUTO(ASN1_OBJECT) *object = OBJ_txt2obj(oid, 1);
    const int only_one_with_one_value = -3;
    return CMS_signed_get0_data_by_OBJ(signer, object, only_one_with_one_value, type);
}

static iscep_status read_transaction_id(iscep_pki_message *message, const CMS_SignerInfo *signer,
                                        iscep_error *err)
{
    const ASN1_STRING *id = attribute(signer, ISCEP_OID_TRANSACTION_ID, V_ASN1_PRINTABLESTRING);
    if (!id)
        return malformed(err, "the message does not have exactly one transactionID");
    iscep_bytes text = iscep_bytes_of(ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id));
    return iscep_transaction_id_parse(message->transaction_id, text, err);
}

static iscep_status read_nonce(iscep_pki_message *message, const CMS_SignerInfo *signer, iscep_error *err)
{
    const ASN1_STRING *nonce = attribute(signer, ISCEP_OID_SENDER_NONCE, V_ASN1_OCTET_STRING);
    if (!nonce || ASN1_STRING_length(nonce) != ISCEP_NONCE_LEN)
        return malformed(err, "the message has no senderNonce of 16 bytes");
    memcpy(message->sender_nonce, ASN1_STRING_get0_data(nonce), ISCEP_NONCE_LEN);
    return ISCEP_OK;
}

/* messageType is a number in decimal digits; what is not, is a type that nobody knows. */
static uint32_t read_message_type(const CMS_SignerInfo *signer)
{
    const ASN1_STRING *type = attribute(signer, ISCEP_OID_MESSAGE_TYPE, V_ASN1_PRINTABLESTRING);
    if (!type || ASN1_STRING_length(type) < 1 || ASN1_STRING_length(type) > 3)
        return 0;
    uint32_t number = 0;
    for (int i = 0; i < ASN1_STRING_length(type); i++) {
        uint8_t digit = ASN1_STRING_get0_data(type)[i];
        if (digit < '0' || digit > '9')
            return 0;
        number = number * 10 + (uint32_t)(digit - '0');
    }
    return number;
}

iscep_status iscep_pki_message_parse(iscep_pki_message *out, const iscep_crypto *crypto, iscep_bytes der,
                                     iscep_error *err)
{
    *out = (iscep_pki_message){0};
    iscep_buf_init(&out->content, ISCEP_CSR_MAX_LEN);
    const cms_context context = {.library = iscep_crypto_context(crypto)};
    iscep_status status = parse_cms(&out->signed_data, &context, der, NID_pkcs7_signed, err);
    if (status != ISCEP_OK)
        return status;
    const CMS_SignerInfo *signer = only_signer(out->signed_data);
    if (!signer)
        return malformed(err, "the message does not have exactly one signer");
    status = read_transaction_id(out, signer, err);
    if (status == ISCEP_OK)
        status = read_nonce(out, signer, err);
    out->message_type = read_message_type(signer);
    return status;
}

void iscep_pki_message_clear(iscep_pki_message *message)
{
    CMS_ContentInfo_free(message->signed_data);
    X509_free(message->signer);
    iscep_buf_wipe(&message->content);
    *message = (iscep_pki_message){0};
}

static iscep_status refuse(iscep_fail_info *out, iscep_fail_info fail_info, iscep_error *err, const char *why)
{
    *out = fail_info;
    return iscep_crypto_error(err, ISCEP_USAGE, iscep_fail_info_name(fail_info), why);
}

static iscep_status check_digest(CMS_SignerInfo *signer, const iscep_crypto *crypto,
                                 iscep_fail_info *fail_info, iscep_error *err)
{
    X509_ALGOR *algorithm = NULL;
    const ASN1_OBJECT *digest = NULL;
    CMS_SignerInfo_get0_algs(signer, NULL, NULL, &algorithm, NULL);
    X509_ALGOR_get0(&digest, NULL, NULL, algorithm);
    if (!iscep_crypto_allows_digest(crypto, OBJ_obj2nid(digest)))
        return refuse(fail_info, ISCEP_BAD_ALG, err,
                      "the digest of the signature is not SHA-256, SHA-384 or SHA-512");
    return ISCEP_OK;
}

/* signingTime is optional (RFC 8894 3.2.1); when it is there it must be about now. */
static iscep_status check_signing_time(const CMS_SignerInfo *signer, int64_t now_unix,
                                       iscep_fail_info *fail_info, iscep_error *err)
{
    int at = CMS_signed_get_attr_by_NID(signer, NID_pkcs9_signingTime, -1);
    if (at < 0)
        return ISCEP_OK;
    const ASN1_TYPE *value = X509_ATTRIBUTE_get0_type(CMS_signed_get_attr(signer, at), 0);
    struct tm signed_at = {0};
    if (!value || (value->type != V_ASN1_UTCTIME && value->type != V_ASN1_GENERALIZEDTIME) ||
        ASN1_TIME_to_tm(value->value.asn1_string, &signed_at) != 1)
        return refuse(fail_info, ISCEP_BAD_TIME, err, "signingTime is not a time");
    int64_t skew = (int64_t)timegm(&signed_at) - now_unix;
    if (skew > MAX_CLOCK_SKEW_SECONDS || skew < -MAX_CLOCK_SKEW_SECONDS)
        return refuse(fail_info, ISCEP_BAD_TIME, err,
                      "signingTime is more than a day off: check the device's clock");
    return ISCEP_OK;
}

/* Leaves the signer in the message and the signed content, still enciphered, in out. */
static iscep_status verify(iscep_pki_message *message, BIO *out, iscep_fail_info *fail_info, iscep_error *err)
{
    /* The signer's certificate is self-signed, or for a renewal checked against the CA by the caller. */
    const unsigned flags = CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY;
    if (CMS_verify(message->signed_data, NULL, NULL, NULL, out, flags) != 1)
        return refuse(fail_info, ISCEP_BAD_MESSAGE_CHECK, err, "the signature does not match");
    OSSL_AUTO(X509_STACK) *signers = CMS_get0_signers(message->signed_data);
    if (sk_X509_num(signers) != 1 || X509_up_ref(sk_X509_value(signers, 0)) != 1)
        return refuse(fail_info, ISCEP_BAD_MESSAGE_CHECK, err,
                      "the signer's certificate is not in the message");
    message->signer = sk_X509_value(signers, 0);
    return ISCEP_OK;
}

/* CMS has no accessor for the cipher of an envelope; PKCS#7, which is the same encoding here, has. */
static int envelope_cipher(iscep_bytes envelope)
{
    const uint8_t *at = envelope.data;
    OSSL_AUTO(PKCS7) *pkcs7 = d2i_PKCS7(NULL, &at, (long)envelope.len);
    if (!pkcs7 || !PKCS7_type_is_enveloped(pkcs7) || !pkcs7->d.enveloped || !pkcs7->d.enveloped->enc_data)
        return NID_undef;
    const ASN1_OBJECT *cipher = NULL;
    X509_ALGOR_get0(&cipher, NULL, NULL, pkcs7->d.enveloped->enc_data->algorithm);
    return OBJ_obj2nid(cipher);
}

static iscep_status take_content(iscep_pki_message *message, BIO *plain, iscep_fail_info *fail_info,
                                 iscep_error *err)
{
    char *data = NULL;
    long len = BIO_get_mem_data(plain, &data);
    if (len <= 0)
        return refuse(fail_info, ISCEP_BAD_REQUEST, err, "the envelope is empty");
    iscep_buf_append(&message->content, data, (size_t)len);
    if (iscep_buf_status(&message->content, NULL) != ISCEP_OK)
        return refuse(fail_info, ISCEP_BAD_REQUEST, err, "the request in the envelope is too large");
    return ISCEP_OK;
}

static bool is_enciphered_for(CMS_ContentInfo *enveloped, X509 *cert)
{
    STACK_OF(CMS_RecipientInfo) *recipients = CMS_get0_RecipientInfos(enveloped);
    for (int i = 0; i < sk_CMS_RecipientInfo_num(recipients); i++) {
        CMS_RecipientInfo *recipient = sk_CMS_RecipientInfo_value(recipients, i);
        if (CMS_RecipientInfo_type(recipient) == CMS_RECIPINFO_TRANS &&
            CMS_RecipientInfo_ktri_cert_cmp(recipient, cert) == 0)
            return true;
    }
    return false;
}

/*
 * A session key that does not unwrap is replaced with a random one when OpenSSL is not told the recipient's certificate,
 * so that a device does not learn whether it was RSA's padding or the content that was wrong (RFC 3218). For the same
 * reason all failures have one text, without OpenSSL's words.
 */
static bool decrypt(CMS_ContentInfo *enveloped, EVP_PKEY *key, BIO *plain)
{
    bool is_plain = CMS_decrypt(enveloped, key, NULL, NULL, plain, CMS_BINARY) == 1;
    ERR_clear_error();
    return is_plain;
}

static iscep_status decipher(iscep_pki_message *message, iscep_bytes envelope, const iscep_pki_opener *opener,
                             iscep_fail_info *fail_info, iscep_error *err)
{
    message->cipher = envelope_cipher(envelope);
    ISCEP_KEY_HELD *key = iscep_key_hold(&opener->recipient->key);
    const cms_context context = {.library = key->context, .properties = key->properties};
    OSSL_AUTO(CMS_ContentInfo) *enveloped = NULL;
    if (message->cipher == NID_undef ||
        parse_cms(&enveloped, &context, envelope, NID_pkcs7_enveloped, NULL) != ISCEP_OK)
        return refuse(fail_info, ISCEP_BAD_MESSAGE_CHECK, err, "the signed content is not an envelope");
    if (!iscep_crypto_allows_cipher(opener->crypto, message->cipher))
        return refuse(fail_info, ISCEP_BAD_ALG, err, "the envelope's cipher is not permitted");
    if (!is_enciphered_for(enveloped, opener->recipient->cert))
        return refuse(fail_info, ISCEP_BAD_MESSAGE_CHECK, err, "the envelope is not for this CA");
    OSSL_AUTO(BIO) *plain = BIO_new(BIO_s_secmem());
    if (!plain)
        return iscep_error_nomem(err);
    if (!decrypt(enveloped, key->pkey, plain))
        return refuse(fail_info, ISCEP_BAD_MESSAGE_CHECK, err, "the envelope does not open");
    return take_content(message, plain, fail_info, err);
}

iscep_status iscep_pki_message_open(iscep_pki_message *message, const iscep_pki_opener *opener,
                                    iscep_fail_info *fail_info, iscep_error *err)
{
    CMS_SignerInfo *signer = only_signer(message->signed_data);
    OSSL_AUTO(BIO) *envelope = BIO_new(BIO_s_mem());
    if (!envelope)
        return iscep_error_nomem(err);
    iscep_status status = check_digest(signer, opener->crypto, fail_info, err);
    if (status == ISCEP_OK)
        status = verify(message, envelope, fail_info, err);
    if (status == ISCEP_OK)
        status = check_signing_time(signer, opener->now_unix, fail_info, err);
    if (status != ISCEP_OK)
        return status;
    char *data = NULL;
    long len = BIO_get_mem_data(envelope, &data);
    status = decipher(message, iscep_bytes_of(data, len > 0 ? (size_t)len : 0), opener, fail_info, err);
    CMS_ContentInfo_free(message->signed_data); /* with all that a stranger has put beside what is needed */
    message->signed_data = NULL;
    return status;
}
