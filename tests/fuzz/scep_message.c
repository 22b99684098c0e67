/* See scep_message.h. */
#include "tests/fuzz/scep_message.h"

#include <string.h>

#include "ossl_auto.h"
#include "rfc8894.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/keys.h"

static void add_attributes(CMS_SignerInfo *signer)
{
    static const uint8_t nonce[ISCEP_NONCE_LEN] = "sixteen bytes ..";
    const char *id = SCEP_MESSAGE_TRANSACTION_ID;
    ASN1_TIME *time = ASN1_TIME_set(NULL, SCEP_MESSAGE_TIME_UNIX);
    CMS_signed_add1_attr_by_txt(signer, ISCEP_OID_MESSAGE_TYPE, V_ASN1_PRINTABLESTRING, "19", 2);
    CMS_signed_add1_attr_by_txt(signer, ISCEP_OID_TRANSACTION_ID, V_ASN1_PRINTABLESTRING, id,
                                (int)strlen(id));
    CMS_signed_add1_attr_by_txt(signer, ISCEP_OID_SENDER_NONCE, V_ASN1_OCTET_STRING, nonce, sizeof nonce);
    CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_signingTime, time->type, time, -1);
    ASN1_TIME_free(time);
}

void scep_message_sign(iscep_buf *out, iscep_bytes envelope)
{
    uint8_t *der = NULL;
    OSSL_AUTO(BIO) *content = BIO_new(BIO_s_mem());
    OSSL_AUTO(CMS_ContentInfo) *cms = CMS_sign(NULL, NULL, NULL, NULL, CMS_PARTIAL | CMS_BINARY);
    BIO_write(content, envelope.data, (int)envelope.len);
    CMS_SignerInfo *signer = CMS_add1_signer(cms, fuzz_cert_device(), fuzz_key_device(), EVP_sha256(),
                                             CMS_BINARY | CMS_NOSMIMECAP);
    FUZZ_CHECK(signer != NULL);
    add_attributes(signer);
    FUZZ_CHECK(CMS_final(cms, content, NULL, CMS_BINARY) == 1);
    int len = i2d_CMS_ContentInfo(cms, &der);
    FUZZ_CHECK(len > 0);
    iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
}

void scep_message_encipher(iscep_buf *out, iscep_bytes content)
{
    uint8_t *der = NULL;
    OSSL_AUTO(BIO) *plain = BIO_new_mem_buf(content.data, (int)content.len);
    OSSL_AUTO(X509_STACK) *recipients = sk_X509_new_null();
    sk_X509_push(recipients, fuzz_cert_ca());
    OSSL_AUTO(CMS_ContentInfo) *cms = CMS_encrypt(recipients, plain, EVP_aes_128_cbc(), CMS_BINARY);
    FUZZ_CHECK(cms != NULL);
    int len = i2d_CMS_ContentInfo(cms, &der);
    FUZZ_CHECK(len > 0);
    iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
}
