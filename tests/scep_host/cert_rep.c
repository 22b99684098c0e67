/* Building a CertRep, from the inside out: certificate, envelope, signature with SCEP's attributes. */
#include "cert_rep.h"

#include <stdio.h>
#include <string.h>

#include <openssl/asn1.h>

#include "ossl_auto.h"

void iscep_outcome_clear(iscep_outcome *outcome)
{
    X509_free(outcome->cert);
    X509_CRL_free(outcome->crl);
    *outcome = (iscep_outcome)ISCEP_OUTCOME_INIT;
}

static iscep_status failed(iscep_error *err, const char *what)
{
    return iscep_crypto_error(err, ISCEP_SERVICE, "cert_rep", what);
}

/* A CMS SignedData without signer that only carries the certificate, or the CRL (RFC 8894 3.4). */
static iscep_status wrap(BIO *out, const iscep_crypto *crypto, const iscep_outcome *outcome, iscep_error *err)
{
    const unsigned flags = CMS_DETACHED | CMS_PARTIAL | CMS_BINARY;
    OSSL_AUTO(CMS_ContentInfo) *cms =
        CMS_sign_ex(NULL, NULL, NULL, NULL, flags, iscep_crypto_context(crypto), NULL);
    if (!cms || (outcome->cert && CMS_add1_cert(cms, outcome->cert) != 1) ||
        (outcome->crl && CMS_add1_crl(cms, outcome->crl) != 1) || i2d_CMS_bio(out, cms) != 1)
        return failed(err, "the certificate or CRL cannot be wrapped");
    return ISCEP_OK;
}

/* AES in any case, for every client that speaks SCEP today reads it; 256 bits if the device used more than
 * 128. */
static const EVP_CIPHER *reply_cipher(int request_cipher)
{
    return request_cipher == NID_aes_256_cbc || request_cipher == NID_aes_192_cbc ? EVP_aes_256_cbc()
                                                                                  : EVP_aes_128_cbc();
}

static iscep_status encipher(BIO *out, BIO *plain, const iscep_crypto *crypto,
                             const iscep_pki_message *message, iscep_error *err)
{
    OSSL_AUTO(X509_STACK) *recipients = sk_X509_new_null();
    if (!recipients || sk_X509_push(recipients, message->signer) < 1)
        return iscep_error_nomem(err);
    OSSL_AUTO(CMS_ContentInfo) *cms = CMS_encrypt_ex(recipients, plain, reply_cipher(message->cipher),
                                                     CMS_BINARY, iscep_crypto_context(crypto), NULL);
    if (!cms || i2d_CMS_bio(out, cms) != 1)
        return failed(err, "the reply cannot be enciphered for the device");
    return ISCEP_OK;
}

/* With SUCCESS the envelope; otherwise nothing, which is signed as a zero-length OCTET STRING: certmonger
 * cannot read a reply whose content is absent. */
static iscep_status write_content(BIO *out, const iscep_crypto *crypto, const iscep_pki_message *message,
                                  const iscep_outcome *outcome, iscep_error *err)
{
    if (outcome->status != ISCEP_PKI_SUCCESS)
        return ISCEP_OK;
    if ((!outcome->cert && !outcome->crl) || !message->signer)
        return failed(err, "a success without a certificate or without a device");
    OSSL_AUTO(BIO) *plain = BIO_new(BIO_s_mem());
    if (!plain)
        return iscep_error_nomem(err);
    iscep_status status = wrap(plain, crypto, outcome, err);
    return status == ISCEP_OK ? encipher(out, plain, crypto, message, err) : status;
}

static bool add_text(CMS_SignerInfo *signer, const char *oid, const char *text)
{
    return CMS_signed_add1_attr_by_txt(signer, oid, V_ASN1_PRINTABLESTRING, text, (int)strlen(text)) == 1;
}

static bool add_number(CMS_SignerInfo *signer, const char *oid, uint32_t number)
{
    char digits[12];
    snprintf(digits, sizeof(digits), "%u", number);
    return add_text(signer, oid, digits);
}

static bool add_nonce(CMS_SignerInfo *signer, const char *oid, const uint8_t nonce[ISCEP_NONCE_LEN])
{
    return CMS_signed_add1_attr_by_txt(signer, oid, V_ASN1_OCTET_STRING, nonce, ISCEP_NONCE_LEN) == 1;
}

/* The text is UTF-8 whatever the plugin said: iscep_text_copy saw to it. */
static bool add_failure(CMS_SignerInfo *signer, const iscep_outcome *outcome)
{
    if (!add_number(signer, ISCEP_OID_FAIL_INFO, outcome->fail_info))
        return false;
    const char *text = outcome->text;
    if (text[0] == '\0')
        return true;
    return CMS_signed_add1_attr_by_txt(signer, ISCEP_OID_FAIL_INFO_TEXT, V_ASN1_UTF8STRING, text,
                                       (int)strlen(text)) == 1;
}

static iscep_status add_attributes(CMS_SignerInfo *signer, const iscep_env *env,
                                   const iscep_pki_message *message, const iscep_outcome *outcome,
                                   iscep_error *err)
{
    uint8_t nonce[ISCEP_NONCE_LEN];
    iscep_status status = env->random(env->user, nonce, sizeof(nonce), err);
    if (status != ISCEP_OK)
        return status;
    bool is_whole = add_text(signer, ISCEP_OID_TRANSACTION_ID, message->transaction_id) &&
                    add_number(signer, ISCEP_OID_MESSAGE_TYPE, ISCEP_MESSAGE_CERT_REP) &&
                    add_number(signer, ISCEP_OID_PKI_STATUS, outcome->status) &&
                    add_nonce(signer, ISCEP_OID_RECIPIENT_NONCE, message->sender_nonce) &&
                    add_nonce(signer, ISCEP_OID_SENDER_NONCE, nonce) &&
                    (outcome->status != ISCEP_PKI_FAILURE || add_failure(signer, outcome));
    return is_whole ? ISCEP_OK : failed(err, "an attribute cannot be added");
}

static iscep_status emit(iscep_buf *out, CMS_ContentInfo *cms, iscep_error *err)
{
    uint8_t *der = NULL;
    int len = i2d_CMS_ContentInfo(cms, &der);
    if (len <= 0)
        return failed(err, "the reply cannot be encoded");
    iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    return iscep_buf_status(out, err);
}

static iscep_status sign(iscep_buf *out, BIO *content, const iscep_cert_rep_signer *signer,
                         const iscep_pki_message *message, const iscep_outcome *outcome, iscep_error *err)
{
    const unsigned flags = CMS_PARTIAL | CMS_BINARY | CMS_NOSMIMECAP;
    ISCEP_KEY_HELD *key = iscep_key_hold(&signer->identity->key);
    OSSL_AUTO(CMS_ContentInfo) *cms =
        CMS_sign_ex(NULL, NULL, NULL, NULL, flags, key->context, key->properties);
    CMS_SignerInfo *info =
        cms ? CMS_add1_signer(cms, signer->identity->cert, key->pkey, EVP_sha256(), flags) : NULL;
    if (!info)
        return failed(err, "the reply cannot be signed");
    iscep_status status = add_attributes(info, signer->env, message, outcome, err);
    if (status != ISCEP_OK)
        return status;
    if (CMS_final(cms, content, NULL, CMS_BINARY) != 1)
        return failed(err, "the reply cannot be signed");
    return emit(out, cms, err);
}

iscep_status iscep_cert_rep_build(iscep_buf *out, const iscep_cert_rep_signer *signer,
                                  const iscep_pki_message *message, const iscep_outcome *outcome,
                                  iscep_error *err)
{
    OSSL_AUTO(BIO) *content = BIO_new(BIO_s_mem());
    if (!content)
        return iscep_error_nomem(err);
    BIO_set_mem_eof_return(content, 0);
    iscep_status status = write_content(content, signer->crypto, message, outcome, err);
    return status == ISCEP_OK ? sign(out, content, signer, message, outcome, err) : status;
}
