/* The client side of RFC 8894 for tests, with OpenSSL's CMS. */
#include "device.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "ossl_auto.h"

const uint8_t TEST_NONCE[32] = "sixteen bytes of nonce, and more";

EVP_PKEY *test_device_key(void)
{
    static int used;
    char path[512];
    snprintf(path, sizeof(path), "%s/device%d.key", ISCEP_TEST_KEYS, ++used);
    OSSL_AUTO(BIO) *pem = BIO_new_file(path, "r");
    EVP_PKEY *key = pem ? PEM_read_bio_PrivateKey(pem, NULL, NULL, NULL) : NULL;
    cr_assert_not_null(key, "%s", path);
    return key;
}

static void add_common_name(X509_NAME *subject, const char *name)
{
    if (name[0] != '\0')
        cr_assert_eq(
            X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const uint8_t *)name, -1, -1, 0), 1);
}

static X509 *self_signed(EVP_PKEY *key, const char *name)
{
    X509 *cert = X509_new();
    cr_assert_not_null(cert);
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    add_common_name(X509_get_subject_name(cert), name);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_set_pubkey(cert, key);
    cr_assert_gt(X509_sign(cert, key, EVP_sha256()), 0);
    return cert;
}

void test_device_init(scep_device *device, const char *name)
{
    device->key = test_device_key();
    device->cert = self_signed(device->key, name);
}

void test_device_clear(scep_device *device)
{
    EVP_PKEY_free(device->key);
    X509_free(device->cert);
}

void test_device_adopt(scep_device *device, X509 *cert)
{
    X509_free(device->cert);
    cr_assert_eq(X509_up_ref(cert), 1);
    device->cert = cert;
}

static void append_der(iscep_buf *out, uint8_t *der, int len)
{
    cr_assert_gt(len, 0);
    iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    cr_assert_eq(iscep_buf_status(out, NULL), ISCEP_OK);
}

static void add_extensions(X509_REQ *csr, const csr_extension *extensions, size_t count)
{
    OSSL_AUTO(X509_EXTENSION_STACK) *stack = sk_X509_EXTENSION_new_null();
    X509V3_CTX context;
    X509V3_set_ctx(&context, NULL, NULL, csr, NULL, 0);
    for (size_t i = 0; i < count; i++) {
        X509_EXTENSION *extension = X509V3_EXT_conf(NULL, &context, extensions[i].name, extensions[i].value);
        cr_assert_not_null(extension, "%s=%s", extensions[i].name, extensions[i].value);
        sk_X509_EXTENSION_push(stack, extension);
    }
    cr_assert_eq(X509_REQ_add_extensions(csr, stack), 1);
}

void test_csr(iscep_buf *out, EVP_PKEY *key, const char *name, const csr_extension *extensions, size_t count)
{
    OSSL_AUTO(X509_REQ) *csr = X509_REQ_new();
    add_common_name(X509_REQ_get_subject_name(csr), name);
    X509_REQ_set_pubkey(csr, key);
    X509_REQ_add1_attr_by_NID(csr, NID_pkcs9_challengePassword, V_ASN1_PRINTABLESTRING,
                              (const uint8_t *)TEST_CHALLENGE, (int)strlen(TEST_CHALLENGE));
    if (count > 0)
        add_extensions(csr, extensions, count);
    cr_assert_gt(X509_REQ_sign(csr, key, EVP_sha256()), 0);
    uint8_t *der = NULL;
    int len = i2d_X509_REQ(csr, &der);
    append_der(out, der, len);
}

static void encipher(BIO *out, const message_options *options)
{
    if (!options->cipher) {
        BIO_write(out, options->content.data, (int)options->content.len);
        return;
    }
    OSSL_AUTO(BIO) *content = BIO_new_mem_buf(options->content.data, (int)options->content.len);
    OSSL_AUTO(X509_STACK) *recipients = sk_X509_new_null();
    sk_X509_push(recipients, options->recipient);
    OSSL_AUTO(CMS_ContentInfo) *cms = CMS_encrypt(recipients, content, options->cipher, CMS_BINARY);
    cr_assert_not_null(cms, "%s", ERR_reason_error_string(ERR_peek_error()));
    cr_assert_eq(i2d_CMS_bio(out, cms), 1);
}

static void add_text(CMS_SignerInfo *signer, const char *oid, int type, const char *text)
{
    cr_assert_eq(CMS_signed_add1_attr_by_txt(signer, oid, type, text, (int)strlen(text)), 1);
}

static void add_attributes(CMS_SignerInfo *signer, const message_options *options)
{
    add_text(signer, ISCEP_OID_MESSAGE_TYPE, V_ASN1_PRINTABLESTRING, options->message_type);
    if (options->transaction_id)
        add_text(signer, ISCEP_OID_TRANSACTION_ID, options->transaction_id_type, options->transaction_id);
    if (options->nonce_len > 0)
        CMS_signed_add1_attr_by_txt(signer, ISCEP_OID_SENDER_NONCE, V_ASN1_OCTET_STRING, TEST_NONCE,
                                    options->nonce_len);
    ASN1_TIME *signing_time = ASN1_TIME_set(NULL, time(NULL) + options->signing_time_offset);
    CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_signingTime, signing_time->type, signing_time, -1);
    ASN1_TIME_free(signing_time);
}

/* A signature by another key than the certificate's needs a certificate that lies about its key. */
static X509 *signing_cert(const message_options *options)
{
    X509 *cert = X509_dup(options->device->cert);
    if (options->signer_key)
        X509_set_pubkey(cert, (EVP_PKEY *)options->signer_key);
    return cert;
}

static void add_signer(CMS_ContentInfo *cms, const message_options *options)
{
    EVP_PKEY *key = options->signer_key ? (EVP_PKEY *)options->signer_key : options->device->key;
    OSSL_AUTO(X509) *cert = signing_cert(options);
    CMS_SignerInfo *signer = CMS_add1_signer(cms, cert, key, options->digest, CMS_BINARY | CMS_NOSMIMECAP);
    cr_assert_not_null(signer, "%s", ERR_reason_error_string(ERR_peek_error()));
    add_attributes(signer, options);
}

void test_message(iscep_buf *out, const message_options *options)
{
    OSSL_AUTO(BIO) *envelope = BIO_new(BIO_s_mem());
    encipher(envelope, options);
    OSSL_AUTO(CMS_ContentInfo) *cms = CMS_sign(NULL, NULL, NULL, NULL, CMS_PARTIAL | CMS_BINARY);
    add_signer(cms, options);
    if (options->second_signer)
        CMS_add1_signer(cms, options->second_signer->cert, options->second_signer->key, options->digest,
                        CMS_BINARY);
    cr_assert_eq(CMS_final(cms, envelope, NULL, CMS_BINARY), 1);
    uint8_t *der = NULL;
    int len = i2d_CMS_ContentInfo(cms, &der);
    append_der(out, der, len);
}

void test_issuer_and_subject(iscep_buf *out, const X509_NAME *issuer, const char *subject)
{
    uint8_t names[2048];
    uint8_t *end = names;
    OSSL_AUTO(X509_NAME) *name = X509_NAME_new();
    add_common_name(name, subject);
    int len = i2d_X509_NAME(issuer, &end) + i2d_X509_NAME(name, &end);
    uint8_t header[8];
    uint8_t *header_end = header;
    ASN1_put_object(&header_end, 1, len, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    iscep_buf_append(out, header, (size_t)(header_end - header));
    iscep_buf_append(out, names, (size_t)len);
}

static const ASN1_STRING *attribute(const CMS_SignerInfo *signer, const char *oid, int type)
{
    OSSL_AUTO(ASN1_OBJECT) *object = OBJ_txt2obj(oid, 1);
    return CMS_signed_get0_data_by_OBJ(signer, object, -3, type);
}

static void read_text(char *out, size_t size, const CMS_SignerInfo *signer, const char *oid, int type)
{
    const ASN1_STRING *text = attribute(signer, oid, type);
    out[0] = '\0';
    if (text)
        snprintf(out, size, "%.*s", ASN1_STRING_length(text), (const char *)ASN1_STRING_get0_data(text));
}

static void read_nonce(iscep_buf *out, const CMS_SignerInfo *signer, const char *oid)
{
    const ASN1_STRING *nonce = attribute(signer, oid, V_ASN1_OCTET_STRING);
    iscep_buf_init(out, 64);
    if (nonce)
        iscep_buf_append(out, ASN1_STRING_get0_data(nonce), (size_t)ASN1_STRING_length(nonce));
}

static void verify_by_ca(CMS_ContentInfo *cms, X509 *ca, BIO *content)
{
    OSSL_AUTO(X509_STACK) *certs = sk_X509_new_null();
    sk_X509_push(certs, ca);
    const unsigned flags = CMS_NO_SIGNER_CERT_VERIFY | CMS_NOINTERN | CMS_BINARY;
    cr_assert_eq(CMS_verify(cms, certs, NULL, NULL, content, flags), 1,
                 "the CertRep is not signed by the CA");
}

/* One certificate or one CRL, and no signer. */
static void read_degenerate(cert_rep *out, CMS_ContentInfo *degenerate)
{
    STACK_OF(X509) *certs = CMS_get1_certs(degenerate);
    STACK_OF(X509_CRL) *crls = CMS_get1_crls(degenerate);
    int cert_count = certs ? sk_X509_num(certs) : 0;
    int crl_count = crls ? sk_X509_CRL_num(crls) : 0;
    cr_assert_eq(cert_count + crl_count, 1);
    cr_assert_eq(sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(degenerate)), 0);
    out->cert = cert_count > 0 ? sk_X509_pop(certs) : NULL;
    out->crl = crl_count > 0 ? sk_X509_CRL_pop(crls) : NULL;
    sk_X509_free(certs);
    sk_X509_CRL_free(crls);
}

static void read_certificate(cert_rep *out, BIO *envelope, const scep_device *device)
{
    char *data = NULL;
    long len = BIO_get_mem_data(envelope, &data);
    const uint8_t *at = (const uint8_t *)data;
    OSSL_AUTO(PKCS7) *pkcs7 = d2i_PKCS7(NULL, &at, len);
    cr_assert_not_null(pkcs7);
    out->cipher = OBJ_obj2nid(pkcs7->d.enveloped->enc_data->algorithm->algorithm);
    OSSL_AUTO(CMS_ContentInfo) *cms = d2i_CMS_bio(envelope, NULL);
    OSSL_AUTO(BIO) *plain = BIO_new(BIO_s_mem());
    cr_assert_eq(CMS_decrypt(cms, device->key, device->cert, NULL, plain, CMS_BINARY), 1);
    OSSL_AUTO(CMS_ContentInfo) *degenerate = d2i_CMS_bio(plain, NULL);
    read_degenerate(out, degenerate);
}

void test_cert_rep_read(cert_rep *out, iscep_bytes der, X509 *ca, const scep_device *device)
{
    *out = (cert_rep){0};
    const uint8_t *at = der.data;
    OSSL_AUTO(CMS_ContentInfo) *cms = d2i_CMS_ContentInfo(NULL, &at, (long)der.len);
    cr_assert_not_null(cms, "the reply is not CMS");
    OSSL_AUTO(BIO) *content = BIO_new(BIO_s_mem());
    verify_by_ca(cms, ca, content);
    ASN1_OCTET_STRING **econtent = CMS_get0_content(cms);
    out->content_len = econtent && *econtent ? ASN1_STRING_length(*econtent) : -1;
    const CMS_SignerInfo *signer = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
    read_text(out->message_type, sizeof(out->message_type), signer, ISCEP_OID_MESSAGE_TYPE,
              V_ASN1_PRINTABLESTRING);
    read_text(out->pki_status, sizeof(out->pki_status), signer, ISCEP_OID_PKI_STATUS, V_ASN1_PRINTABLESTRING);
    read_text(out->fail_info, sizeof(out->fail_info), signer, ISCEP_OID_FAIL_INFO, V_ASN1_PRINTABLESTRING);
    read_text(out->fail_text, sizeof(out->fail_text), signer, ISCEP_OID_FAIL_INFO_TEXT, V_ASN1_UTF8STRING);
    read_text(out->transaction_id, sizeof(out->transaction_id), signer, ISCEP_OID_TRANSACTION_ID,
              V_ASN1_PRINTABLESTRING);
    read_nonce(&out->sender_nonce, signer, ISCEP_OID_SENDER_NONCE);
    read_nonce(&out->recipient_nonce, signer, ISCEP_OID_RECIPIENT_NONCE);
    if (strcmp(out->pki_status, "0") == 0)
        read_certificate(out, content, device);
}

void test_cert_rep_clear(cert_rep *reply)
{
    iscep_buf_clear(&reply->sender_nonce);
    iscep_buf_clear(&reply->recipient_nonce);
    X509_free(reply->cert);
    X509_CRL_free(reply->crl);
}
