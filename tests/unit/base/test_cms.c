/* A CMS message looked at from outside: what is signed and by whom; and what has nothing to show. */
#include <criterion/criterion.h>
#include <openssl/cms.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

#include "base/cms.h"
#include "tests/support/test_pki.h"

enum { MAX_CONTENT = 4096 };

static EVP_PKEY *key;
static X509 *cert;
static iscep_error err;

static void set_up(void)
{
    ISCEP_AUTO_BUF der;
    iscep_buf_init(&der, 64 * 1024);
    key = test_pki_new_ec_key();
    test_pki_emit_cert(&der, &(test_cert_options){.key = key, .common_name = "profile signer"});
    const uint8_t *at = der.data;
    cert = d2i_X509(NULL, &at, (long)der.len);
    cr_assert_not_null(cert);
    err = (iscep_error)ISCEP_ERROR_INIT;
}

static void tear_down(void)
{
    X509_free(cert);
    EVP_PKEY_free(key);
}

TestSuite(cms, .init = set_up, .fini = tear_down);

static void emit(iscep_buf *out, CMS_ContentInfo *cms)
{
    uint8_t *der = NULL;
    int len = i2d_CMS_ContentInfo(cms, &der);
    cr_assert_gt(len, 0);
    iscep_buf_init(out, 64 * 1024);
    iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
}

static void sign(iscep_buf *out, const char *content, unsigned flags)
{
    BIO *in = BIO_new_mem_buf(content, -1);
    CMS_ContentInfo *cms = CMS_sign(cert, key, NULL, in, CMS_BINARY | flags);
    BIO_free(in);
    emit(out, cms);
}

static void expect_refusal(iscep_bytes der, const char *code)
{
    iscep_cms_facts facts;
    cr_assert_eq(iscep_cms_look(&facts, der, MAX_CONTENT, &err), ISCEP_USAGE);
    cr_assert_str_eq(err.code, code, "%s", err.message);
    iscep_cms_facts_clear(&facts);
}

Test(cms, content_signer_and_time_are_shown)
{
    ISCEP_AUTO_BUF der;
    iscep_cms_facts facts;
    int64_t now = time(NULL);
    sign(&der, "the content", 0);
    cr_assert_eq(iscep_cms_look(&facts, iscep_buf_bytes(&der), MAX_CONTENT, &err), ISCEP_OK, "%s",
                 err.message);
    cr_assert_str_eq(iscep_buf_text(&facts.content), "the content");
    cr_assert_str_eq(iscep_buf_text(&facts.signer), "CN=profile signer,O=Contoso");
    cr_assert(facts.signed_unix >= now - 1 && facts.signed_unix <= now + 60);
    iscep_cms_facts_clear(&facts);
}

Test(cms, a_signer_whose_certificate_is_elsewhere_is_not_named)
{
    ISCEP_AUTO_BUF der;
    iscep_cms_facts facts;
    sign(&der, "the content", CMS_NOCERTS | CMS_NOATTR);
    cr_assert_eq(iscep_cms_look(&facts, iscep_buf_bytes(&der), MAX_CONTENT, &err), ISCEP_OK);
    cr_assert_eq(facts.signer.len, 0);
    cr_assert_eq(facts.signed_unix, 0);
    iscep_cms_facts_clear(&facts);
}

Test(cms, a_signature_alone_has_no_content)
{
    ISCEP_AUTO_BUF der;
    sign(&der, "the content", CMS_DETACHED);
    expect_refusal(iscep_buf_bytes(&der), "cms_no_content");
}

Test(cms, what_is_encrypted_is_not_signed)
{
    ISCEP_AUTO_BUF der;
    BIO *in = BIO_new_mem_buf("the content", -1);
    STACK_OF(X509) *recipients = sk_X509_new_null();
    sk_X509_push(recipients, cert);
    CMS_ContentInfo *cms = CMS_encrypt(recipients, in, EVP_aes_128_cbc(), CMS_BINARY);
    sk_X509_free(recipients);
    BIO_free(in);
    emit(&der, cms);
    expect_refusal(iscep_buf_bytes(&der), "cms_not_signed");
}

Test(cms, something_else_is_malformed)
{
    ISCEP_AUTO_BUF der, long_content;
    sign(&der, "the content", 0);
    expect_refusal(iscep_bytes_of(NULL, 0), "cms_malformed");
    expect_refusal(iscep_bytes_of(der.data, der.len - 1), "cms_malformed");
    iscep_buf_append_text(&der, "x");
    expect_refusal(iscep_buf_bytes(&der), "cms_malformed");
    char text[MAX_CONTENT + 2];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    sign(&long_content, text, 0);
    expect_refusal(iscep_buf_bytes(&long_content), "cms_too_large");
}
