/* See test_pki.h. */
#include "tests/support/test_pki.h"

#include <criterion/criterion.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

EVP_PKEY *test_pki_new_ec_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    cr_assert_not_null(key);
    return key;
}

EVP_PKEY *test_pki_new_rsa_key(void)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    cr_assert_not_null(key);
    return key;
}

static void set_common_name(X509_NAME *name, const char *common_name)
{
    cr_assert_eq(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"Contoso", -1, -1, 0), 1);
    cr_assert_eq(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0), 1);
}

static void add_challenge_value(X509_ATTRIBUTE *attribute, int type, const char *value)
{
    cr_assert_eq(X509_ATTRIBUTE_set1_data(attribute, type, value, (int)strlen(value)), 1);
}

static X509_ATTRIBUTE *new_challenge_attribute(void)
{
    X509_ATTRIBUTE *attribute = X509_ATTRIBUTE_new();
    cr_assert_not_null(attribute);
    cr_assert_eq(X509_ATTRIBUTE_set1_object(attribute, OBJ_nid2obj(NID_pkcs9_challengePassword)), 1);
    return attribute;
}

/* X509_REQ_add1_attr refuses doubles in newer OpenSSLs, but not in 3.0; the stack is what it is either way. */
static void add_attribute(X509_REQ *req, X509_ATTRIBUTE *attribute)
{
    cr_assert_eq(X509_REQ_add1_attr(req, attribute), 1);
    X509_ATTRIBUTE_free(attribute);
}

static void add_challenges(X509_REQ *req, const test_csr_options *options)
{
    int type = options->challenge_type != 0 ? options->challenge_type : MBSTRING_ASC;
    X509_ATTRIBUTE *attribute = NULL;
    if (options->has_no_value)
        attribute = new_challenge_attribute();
    for (size_t i = 0; i < 2 && options->challenges[i] != NULL; i++) {
        if (attribute != NULL && !options->is_one_attribute) {
            add_attribute(req, attribute);
            attribute = NULL;
        }
        if (attribute == NULL)
            attribute = new_challenge_attribute();
        add_challenge_value(attribute, type, options->challenges[i]);
    }
    if (attribute != NULL)
        add_attribute(req, attribute);
}

void test_pki_emit_csr(iscep_buf *out, const test_csr_options *options)
{
    EVP_PKEY *own_key = options->key == NULL ? test_pki_new_ec_key() : NULL;
    EVP_PKEY *key = options->key != NULL ? options->key : own_key;
    EVP_PKEY *other_key = options->is_signed_by_other_key ? test_pki_new_ec_key() : NULL;
    X509_REQ *req = X509_REQ_new();
    cr_assert_not_null(req);
    set_common_name(X509_REQ_get_subject_name(req), options->common_name != NULL ? options->common_name : "device-1");
    cr_assert_eq(X509_REQ_set_pubkey(req, key), 1);
    add_challenges(req, options);
    cr_assert_gt(X509_REQ_sign(req, other_key != NULL ? other_key : key, EVP_sha256()), 0);
    unsigned char *der = NULL;
    int len = i2d_X509_REQ(req, &der);
    cr_assert_gt(len, 0);
    iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    X509_REQ_free(req);
    EVP_PKEY_free(own_key);
    EVP_PKEY_free(other_key);
}

void test_pki_emit_good_csr(iscep_buf *out, EVP_PKEY *key)
{
    test_pki_emit_csr(out, &(test_csr_options){.key = key, .challenges = {TEST_PKI_CHALLENGE}});
}

static void set_serial(X509 *x509, const char *hex)
{
    BIGNUM *number = NULL;
    cr_assert_gt(BN_hex2bn(&number, hex), 0);
    cr_assert_not_null(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)));
    BN_free(number);
}

static void add_names(X509 *x509, const char *dns_name)
{
    char value[256];
    snprintf(value, sizeof value, "DNS:%s,IP:127.0.0.1", dns_name);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, value);
    cr_assert_not_null(extension);
    cr_assert_eq(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *new_cert(const test_cert_options *options)
{
    X509 *x509 = X509_new();
    cr_assert_not_null(x509);
    cr_assert_eq(X509_set_version(x509, X509_VERSION_3), 1);
    set_serial(x509, options->serial_hex != NULL ? options->serial_hex : "0A1B");
    set_common_name(X509_get_subject_name(x509), options->common_name != NULL ? options->common_name : "device-1");
    set_common_name(X509_get_issuer_name(x509), options->issuer_name != NULL ? options->issuer_name : "Test CA");
    cr_assert_not_null(ASN1_TIME_set(X509_getm_notBefore(x509), 1700000000));
    cr_assert_not_null(ASN1_TIME_adj(X509_getm_notAfter(x509),
                                     (time_t)(options->not_after_unix != 0 ? options->not_after_unix : 1826868000), 0,
                                     0));
    cr_assert_eq(X509_set_pubkey(x509, options->key), 1);
    if (options->dns_name != NULL)
        add_names(x509, options->dns_name);
    cr_assert_gt(X509_sign(x509, options->issuer_key != NULL ? options->issuer_key : options->key, EVP_sha256()), 0);
    return x509;
}

void test_pki_emit_cert(iscep_buf *out, const test_cert_options *options)
{
    X509 *x509 = new_cert(options);
    unsigned char *der = NULL;
    int len = i2d_X509(x509, &der);
    cr_assert_gt(len, 0);
    iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    X509_free(x509);
}

void test_pki_write_tls_files(const char *cert_path, const char *key_path)
{
    EVP_PKEY *key = test_pki_new_ec_key();
    X509 *x509 = new_cert(&(test_cert_options){.key = key,
                                               .common_name = "localhost",
                                               .issuer_name = "localhost",
                                               .dns_name = "localhost",
                                               .not_after_unix = 4102444800}); /* 2100 */
    FILE *cert_file = fopen(cert_path, "w");
    FILE *key_file = fopen(key_path, "w");
    cr_assert(cert_file != NULL && key_file != NULL);
    cr_assert_eq(PEM_write_X509(cert_file, x509), 1);
    cr_assert_eq(PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(cert_file);
    fclose(key_file);
    X509_free(x509);
    EVP_PKEY_free(key);
}
