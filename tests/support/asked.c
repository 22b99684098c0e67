/* See asked.h. */
#include "tests/support/asked.h"

#include <criterion/criterion.h>
#include <openssl/conf.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const int64_t year_2100 = 4102444800;

static const EVP_MD *digest_of(const asked *wish)
{
    if (EVP_PKEY_is_a(wish->key, "ED25519"))
        return NULL;
    return wish->digest != NULL ? wish->digest : EVP_sha256();
}

static void set_subject(X509_NAME *name)
{
    cr_assert_eq(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)"device-1", -1, -1, 0), 1);
}

/* Free with NCONF_free. */
static CONF *load_sections(const char *text)
{
    CONF *sections = NCONF_new(NULL);
    BIO *bio = BIO_new_mem_buf(text != NULL ? text : "", -1);
    cr_assert_eq(NCONF_load_bio(sections, bio, NULL), 1);
    BIO_free(bio);
    return sections;
}

static STACK_OF(X509_EXTENSION) * make_extensions(const asked *wish)
{
    STACK_OF(X509_EXTENSION) *made = sk_X509_EXTENSION_new_null();
    CONF *sections = load_sections(wish->sections);
    X509V3_CTX context;
    X509V3_set_ctx(&context, NULL, NULL, NULL, NULL, 0);
    X509V3_set_nconf(&context, sections);
    for (size_t i = 0; i < ASKED_MAX_EXTENSIONS && wish->extensions[i].name != NULL; i++) {
        X509_EXTENSION *one =
            X509V3_EXT_nconf(sections, &context, wish->extensions[i].name, wish->extensions[i].value);
        cr_assert_not_null(one, "%s = %s", wish->extensions[i].name, wish->extensions[i].value);
        cr_assert_gt(sk_X509_EXTENSION_push(made, one), 0);
    }
    NCONF_free(sections);
    return made;
}

void asked_emit_csr(iscep_buf *out, const asked *wish)
{
    X509_REQ *req = X509_REQ_new();
    STACK_OF(X509_EXTENSION) *extensions = make_extensions(wish);
    unsigned char *der = NULL;
    set_subject(X509_REQ_get_subject_name(req));
    cr_assert_eq(X509_REQ_set_pubkey(req, wish->key), 1);
    cr_assert_eq(X509_REQ_add1_attr_by_NID(req, NID_pkcs9_challengePassword, MBSTRING_ASC,
                                           (const uint8_t *)wish->challenge, -1),
                 1);
    if (sk_X509_EXTENSION_num(extensions) > 0)
        cr_assert_eq(X509_REQ_add_extensions(req, extensions), 1);
    cr_assert_gt(X509_REQ_sign(req, wish->key, digest_of(wish)), 0);
    int len = i2d_X509_REQ(req, &der);
    cr_assert_gt(len, 0);
    iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_REQ_free(req);
}

void asked_emit_cert(iscep_buf *out, const asked *wish)
{
    X509 *x509 = X509_new();
    STACK_OF(X509_EXTENSION) *extensions = make_extensions(wish);
    unsigned char *der = NULL;
    cr_assert_eq(X509_set_version(x509, X509_VERSION_3), 1);
    cr_assert_eq(ASN1_INTEGER_set(X509_get_serialNumber(x509), 4711), 1);
    set_subject(X509_get_subject_name(x509));
    set_subject(X509_get_issuer_name(x509));
    cr_assert_not_null(ASN1_TIME_set(X509_getm_notBefore(x509), 1700000000));
    cr_assert_not_null(ASN1_TIME_set(X509_getm_notAfter(x509),
                                     (time_t)(wish->not_after_unix != 0 ? wish->not_after_unix : year_2100)));
    cr_assert_eq(X509_set_pubkey(x509, wish->key), 1);
    for (int i = 0; i < sk_X509_EXTENSION_num(extensions); i++)
        cr_assert_eq(X509_add_ext(x509, sk_X509_EXTENSION_value(extensions, i), -1), 1);
    cr_assert_gt(X509_sign(x509, wish->key, digest_of(wish)), 0);
    int len = i2d_X509(x509, &der);
    cr_assert_gt(len, 0);
    iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_free(x509);
}

/* SEQUENCE { [0] { OID 1.3.6.1.4.1.311.25.2.1, [0] { OCTET STRING sid } } }; every length is below 128. */
const char *asked_sid_extension(const char *sid)
{
    static char text[512];
    size_t len = strlen(sid);
    cr_assert_lt(len, 80);
    int at = snprintf(text, sizeof text, "DER:30%02zXA0%02zX060A2B060104018237190201A0%02zX04%02zX", len + 18,
                      len + 16, len + 2, len);
    for (; *sid != '\0'; sid++)
        at += snprintf(text + at, sizeof text - (size_t)at, "%02X", (unsigned)(unsigned char)*sid);
    return text;
}
