/* See scep_client.h. */
#include "scep_client.h"

#include <stdio.h>
#include <string.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "tests/scep_host/ossl_auto.h"
#include "tests/scep_host/rfc8894.h"

static iscep_status broken(iscep_error *err, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return iscep_error_set(err, ISCEP_PROTOCOL, "scep", "%s%s%s", what, reason != NULL ? ": " : "",
                           reason != NULL ? reason : "");
}

static iscep_status append_der(iscep_buf *out, uint8_t *der, int len, iscep_error *err)
{
    if (len <= 0)
        return broken(err, "cannot be encoded");
    iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    return iscep_buf_status(out, err);
}

/* --- who asks --- */

static X509_NAME *new_name(void)
{
    X509_NAME *subject = X509_NAME_new();
    if (subject != NULL)
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const uint8_t *)"a device", -1, -1, 0);
    return subject;
}

static bool fill_certificate(X509 *cert, EVP_PKEY *key)
{
    OSSL_AUTO(X509_NAME) *name = new_name();
    return X509_set_version(cert, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(cert), -60) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(cert), 24L * 3600) != NULL && name != NULL &&
           X509_set_subject_name(cert, name) == 1 && X509_set_issuer_name(cert, name) == 1 &&
           X509_set_pubkey(cert, key) == 1 && X509_sign(cert, key, EVP_sha256()) > 0;
}

iscep_status scep_client_identity_make(scep_client_identity *out, iscep_error *err)
{
    *out = (scep_client_identity){.key = EVP_RSA_gen(2048), .cert = X509_new()};
    if (out->key != NULL && out->cert != NULL && fill_certificate(out->cert, out->key))
        return ISCEP_OK;
    scep_client_identity_clear(out);
    return broken(err, "no key or certificate for a device");
}

void scep_client_identity_clear(scep_client_identity *identity)
{
    EVP_PKEY_free(identity->key);
    X509_free(identity->cert);
    *identity = (scep_client_identity){0};
}

/* --- the question --- */

/* IssuerAndSubject (RFC 8894 3.3.3): which certificate the poll is about. */
static iscep_status emit_issuer_and_subject(iscep_buf *out, const scep_client_question *question,
                                            iscep_error *err)
{
    const uint8_t *csr_at = question->csr.data;
    OSSL_AUTO(X509_REQ) *csr = d2i_X509_REQ(NULL, &csr_at, (long)question->csr.len);
    if (csr == NULL)
        return broken(err, "the CSR");
    uint8_t *issuer_der = NULL, *subject_der = NULL;
    int issuer_len = i2d_X509_NAME(X509_get_subject_name(question->ca), &issuer_der);
    int subject_len = i2d_X509_NAME(X509_REQ_get_subject_name(csr), &subject_der);
    uint8_t header[8], *header_end = header;
    if (issuer_len > 0 && subject_len > 0) {
        ASN1_put_object(&header_end, 1, issuer_len + subject_len, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
        iscep_buf_append(out, header, (size_t)(header_end - header));
        iscep_buf_append(out, issuer_der, (size_t)issuer_len);
        iscep_buf_append(out, subject_der, (size_t)subject_len);
    }
    OPENSSL_free(issuer_der);
    OPENSSL_free(subject_der);
    return out->len > 0 ? iscep_buf_status(out, err) : broken(err, "issuer and subject");
}

static iscep_status encipher(BIO *out, iscep_bytes content, const scep_client_question *question,
                             iscep_error *err)
{
    const EVP_CIPHER *cipher = question->has_only_des3 ? EVP_des_ede3_cbc() : EVP_aes_128_cbc();
    OSSL_AUTO(BIO) *plain = BIO_new_mem_buf(content.data, (int)content.len);
    OSSL_AUTO(X509_STACK) *recipients = sk_X509_new_null();
    if (plain == NULL || recipients == NULL || sk_X509_push(recipients, question->recipient) < 1)
        return iscep_error_nomem(err);
    OSSL_AUTO(CMS_ContentInfo) *cms = CMS_encrypt(recipients, plain, cipher, CMS_BINARY);
    return cms != NULL && i2d_CMS_bio(out, cms) == 1 ? ISCEP_OK : broken(err, "the envelope");
}

static bool add_text(CMS_SignerInfo *signer, const char *oid, const char *text)
{
    return CMS_signed_add1_attr_by_txt(signer, oid, V_ASN1_PRINTABLESTRING, text, (int)strlen(text)) == 1;
}

static bool add_attributes(CMS_SignerInfo *signer, const scep_client_question *question)
{
    uint8_t nonce[ISCEP_NONCE_LEN];
    char message[4];
    snprintf(message, sizeof(message), "%d", (int)question->message);
    return RAND_bytes(nonce, sizeof(nonce)) == 1 && add_text(signer, ISCEP_OID_MESSAGE_TYPE, message) &&
           add_text(signer, ISCEP_OID_TRANSACTION_ID, question->transaction_id) &&
           CMS_signed_add1_attr_by_txt(signer, ISCEP_OID_SENDER_NONCE, V_ASN1_OCTET_STRING, nonce,
                                       sizeof(nonce)) == 1;
}

static iscep_status sign(iscep_buf *out, BIO *envelope, const scep_client_question *question,
                         iscep_error *err)
{
    const unsigned flags = CMS_PARTIAL | CMS_BINARY | CMS_NOSMIMECAP;
    OSSL_AUTO(CMS_ContentInfo) *cms = CMS_sign(NULL, NULL, NULL, NULL, flags);
    CMS_SignerInfo *signer = cms == NULL ? NULL
                                         : CMS_add1_signer(cms, question->signer->cert, question->signer->key,
                                                           EVP_sha256(), flags);
    if (signer == NULL || !add_attributes(signer, question) ||
        CMS_final(cms, envelope, NULL, CMS_BINARY) != 1)
        return broken(err, "the signature");
    uint8_t *der = NULL;
    int len = i2d_CMS_ContentInfo(cms, &der);
    return append_der(out, der, len, err);
}

iscep_status scep_client_question_emit(iscep_buf *out, const scep_client_question *question, iscep_error *err)
{
    ISCEP_AUTO_BUF names;
    iscep_buf_init(&names, 4096);
    OSSL_AUTO(BIO) *envelope = BIO_new(BIO_s_mem());
    iscep_status status = envelope != NULL ? ISCEP_OK : iscep_error_nomem(err);
    bool is_poll = question->message == SCEP_CLIENT_CERT_POLL;
    if (status == ISCEP_OK && is_poll)
        status = emit_issuer_and_subject(&names, question, err);
    if (status == ISCEP_OK)
        status = encipher(envelope, is_poll ? iscep_buf_bytes(&names) : question->csr, question, err);
    return status == ISCEP_OK ? sign(out, envelope, question, err) : status;
}

/* --- the answer --- */

static void read_text(char *out, size_t size, const CMS_SignerInfo *signer, const char *oid, int type)
{
    OSSL_AUTO(ASN1_OBJECT) *object = OBJ_txt2obj(oid, 1);
    const ASN1_STRING *text = CMS_signed_get0_data_by_OBJ(signer, object, -3, type);
    size_t len = text != NULL ? (size_t)ASN1_STRING_length(text) : 0;
    if (len >= size)
        len = size - 1;
    if (len > 0)
        memcpy(out, ASN1_STRING_get0_data(text), len);
    out[len] = '\0';
}

/* The content of a CertRep that the CA or its RA has signed for this transaction; NULL otherwise. */
static BIO *verify(CMS_ContentInfo *cms, const scep_client_question *question)
{
    OSSL_AUTO(X509_STACK) *certs = sk_X509_new_null();
    char transaction_id[256], type[8];
    BIO *content = BIO_new(BIO_s_mem());
    bool is_signed = certs != NULL && content != NULL && sk_X509_push(certs, question->recipient) > 0 &&
                     CMS_verify(cms, certs, NULL, NULL, content,
                                CMS_NO_SIGNER_CERT_VERIFY | CMS_NOINTERN | CMS_BINARY) == 1;
    if (is_signed) {
        const CMS_SignerInfo *signer = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
        read_text(transaction_id, sizeof(transaction_id), signer, ISCEP_OID_TRANSACTION_ID,
                  V_ASN1_PRINTABLESTRING);
        read_text(type, sizeof(type), signer, ISCEP_OID_MESSAGE_TYPE, V_ASN1_PRINTABLESTRING);
        if (strcmp(transaction_id, question->transaction_id) == 0 && strcmp(type, "3") == 0)
            return content;
    }
    BIO_free_all(content);
    return NULL;
}

/* The one certificate in the envelope, if it is for our key. */
static X509 *open_envelope(BIO *envelope, const scep_client_question *question)
{
    OSSL_AUTO(CMS_ContentInfo) *cms = d2i_CMS_bio(envelope, NULL);
    OSSL_AUTO(BIO) *plain = BIO_new(BIO_s_mem());
    if (cms == NULL || plain == NULL ||
        CMS_decrypt(cms, question->signer->key, question->signer->cert, NULL, plain, CMS_BINARY) != 1)
        return NULL;
    OSSL_AUTO(CMS_ContentInfo) *degenerate = d2i_CMS_bio(plain, NULL);
    STACK_OF(X509) *certs = degenerate != NULL ? CMS_get1_certs(degenerate) : NULL;
    X509 *cert = sk_X509_num(certs) == 1 ? sk_X509_pop(certs) : NULL;
    sk_X509_pop_free(certs, X509_free);
    if (cert != NULL && EVP_PKEY_eq(X509_get0_pubkey(cert), question->key) == 1)
        return cert;
    X509_free(cert);
    return NULL;
}

static iscep_status read_refusal(scep_client_answer *out, const CMS_SignerInfo *signer)
{
    char info[8], text[480];
    read_text(info, sizeof(info), signer, ISCEP_OID_FAIL_INFO, V_ASN1_PRINTABLESTRING);
    read_text(text, sizeof(text), signer, ISCEP_OID_FAIL_INFO_TEXT, V_ASN1_UTF8STRING);
    iscep_text_copy(out->reason, sizeof(out->reason), text[0] != '\0' ? text : info);
    out->fail_info = iscep_fail_info_name(info[0] >= '0' && info[1] == '\0' ? (iscep_fail_info)(info[0] - '0')
                                                                            : ISCEP_BAD_REQUEST);
    out->kind = SCEP_CLIENT_REFUSED;
    return ISCEP_OK;
}

iscep_status scep_client_answer_parse(scep_client_answer *out, iscep_bytes der,
                                      const scep_client_question *question, iscep_error *err)
{
    const uint8_t *at = der.data;
    char pki_status[8];
    *out = (scep_client_answer){0};
    OSSL_AUTO(CMS_ContentInfo) *cms = d2i_CMS_ContentInfo(NULL, &at, (long)der.len);
    OSSL_AUTO(BIO) *envelope = cms != NULL ? verify(cms, question) : NULL;
    if (envelope == NULL)
        return broken(err, "no CertRep of the CA for this transaction");
    const CMS_SignerInfo *signer = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
    read_text(pki_status, sizeof(pki_status), signer, ISCEP_OID_PKI_STATUS, V_ASN1_PRINTABLESTRING);
    if (strcmp(pki_status, "2") == 0)
        return read_refusal(out, signer);
    if (strcmp(pki_status, "3") == 0) {
        out->kind = SCEP_CLIENT_PENDING;
        return ISCEP_OK;
    }
    out->cert = strcmp(pki_status, "0") == 0 ? open_envelope(envelope, question) : NULL;
    if (out->cert == NULL)
        return broken(err, "a success without a certificate for our key");
    out->kind = SCEP_CLIENT_ISSUED;
    return ISCEP_OK;
}

void scep_client_answer_clear(scep_client_answer *answer)
{
    X509_free(answer->cert);
    answer->cert = NULL;
}
