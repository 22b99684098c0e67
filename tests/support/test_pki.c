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
    cr_assert_eq(
        X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"Contoso", -1, -1, 0), 1);
    cr_assert_eq(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0),
        1);
}

static void add_units(X509_NAME *name, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        cr_assert_eq(X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_ASC,
                                                (const unsigned char *)"one of many units", -1, -1, 0),
                     1);
}

static X509_ATTRIBUTE *new_attribute(int nid)
{
    X509_ATTRIBUTE *attribute = X509_ATTRIBUTE_new();
    cr_assert_not_null(attribute);
    cr_assert_eq(X509_ATTRIBUTE_set1_object(attribute, OBJ_nid2obj(nid)), 1);
    return attribute;
}

static void add_value(X509_ATTRIBUTE *attribute, int type, const char *value)
{
    type = type != 0 ? type : V_ASN1_PRINTABLESTRING;
    cr_assert_eq(X509_ATTRIBUTE_set1_data(attribute, type, value, (int)strlen(value)), 1);
}

static void add_attribute(X509_REQ *req, X509_ATTRIBUTE *attribute)
{
    cr_assert_eq(X509_REQ_add1_attr(req, attribute), 1);
    X509_ATTRIBUTE_free(attribute);
}

/* OpenSSL adds no attribute twice: the second one goes in under a name of the same length, see rename_second. */
static void add_challenges(X509_REQ *req, const test_csr_options *options)
{
    const char *first = options->challenges[0], *second = options->challenges[1];
    if (first == NULL && !options->has_no_value)
        return;
    X509_ATTRIBUTE *attribute = new_attribute(NID_pkcs9_challengePassword);
    if (first != NULL)
        add_value(attribute, options->challenge_type, first);
    if (second != NULL && options->is_one_attribute)
        add_value(attribute, options->challenge_type, second);
    add_attribute(req, attribute);
    if (second != NULL && !options->is_one_attribute) {
        attribute = new_attribute(NID_pkcs9_unstructuredName);
        add_value(attribute, options->challenge_type, second);
        add_attribute(req, attribute);
    }
}

static void append_element(iscep_buf *out, uint8_t tag, iscep_bytes content)
{
    const uint8_t header[] = {tag, 0x82, (uint8_t)(content.len >> 8), (uint8_t)content.len};
    const uint8_t short_header[] = {tag, (uint8_t)content.len};
    if (content.len < 0x80)
        iscep_buf_append(out, short_header, sizeof short_header);
    else if (content.len < 0x100)
        iscep_buf_append(out, (const uint8_t[]){tag, 0x81, (uint8_t)content.len}, 3);
    else
        iscep_buf_append(out, header, sizeof header);
    iscep_buf_append(out, content.data, content.len);
}

/* Appends the signed request anew, with unstructuredName turned into a second challengePassword. */
static void emit_renamed(iscep_buf *out, X509_REQ *req, EVP_PKEY *key)
{
    static const uint8_t unstructured_name[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x02};
    unsigned char *tbs = NULL, *algorithm_der = NULL;
    const X509_ALGOR *algorithm;
    X509_REQ_get0_signature(req, NULL, &algorithm);
    int tbs_len = i2d_re_X509_REQ_tbs(req, &tbs);
    int algorithm_len = i2d_X509_ALGOR(algorithm, &algorithm_der);
    cr_assert(tbs_len > 0 && algorithm_len > 0);
    uint8_t *name = memmem(tbs, (size_t)tbs_len, unstructured_name, sizeof unstructured_name);
    cr_assert_not_null(name);
    name[8] = 0x07; /* challengePassword */
    uint8_t bits[1 + 1024] = {0};
    size_t bits_len = sizeof bits - 1;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    cr_assert_eq(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key), 1);
    cr_assert_eq(EVP_DigestSign(md, bits + 1, &bits_len, tbs, (size_t)tbs_len), 1);
    EVP_MD_CTX_free(md);
    ISCEP_AUTO_BUF content;
    iscep_buf_init(&content, 64 * 1024);
    iscep_buf_append(&content, tbs, (size_t)tbs_len);
    iscep_buf_append(&content, algorithm_der, (size_t)algorithm_len);
    append_element(&content, 0x03, iscep_bytes_of(bits, bits_len + 1));
    append_element(out, 0x30, iscep_buf_bytes(&content));
    OPENSSL_free(tbs);
    OPENSSL_free(algorithm_der);
}

static void emit_req(iscep_buf *out, X509_REQ *req)
{
    unsigned char *der = NULL;
    int len = i2d_X509_REQ(req, &der);
    cr_assert_gt(len, 0);
    iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
}

void test_pki_emit_csr(iscep_buf *out, const test_csr_options *options)
{
    EVP_PKEY *own_key = options->key == NULL ? test_pki_new_ec_key() : NULL;
    EVP_PKEY *key = options->key != NULL ? options->key : own_key;
    EVP_PKEY *other_key = options->is_signed_by_other_key ? test_pki_new_ec_key() : NULL;
    X509_REQ *req = X509_REQ_new();
    cr_assert_not_null(req);
    X509_NAME *name = X509_REQ_get_subject_name(req);
    set_common_name(name, options->common_name != NULL ? options->common_name : "device-1");
    add_units(name, options->name_entries);
    cr_assert_eq(X509_REQ_set_pubkey(req, key), 1);
    add_challenges(req, options);
    cr_assert_gt(X509_REQ_sign(req, other_key != NULL ? other_key : key, EVP_sha256()), 0);
    if (options->challenges[1] != NULL && !options->is_one_attribute)
        emit_renamed(out, req, key);
    else
        emit_req(out, req);
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
    set_common_name(X509_get_subject_name(x509),
                    options->common_name != NULL ? options->common_name : "device-1");
    set_common_name(X509_get_issuer_name(x509),
                    options->issuer_name != NULL ? options->issuer_name : "Test CA");
    cr_assert_not_null(ASN1_TIME_set(X509_getm_notBefore(x509), 1700000000));
    cr_assert_not_null(
        ASN1_TIME_adj(X509_getm_notAfter(x509),
                      (time_t)(options->not_after_unix != 0 ? options->not_after_unix : 1826868000), 0, 0));
    cr_assert_eq(X509_set_pubkey(x509, options->key), 1);
    if (options->dns_name != NULL)
        add_names(x509, options->dns_name);
    cr_assert_gt(
        X509_sign(x509, options->issuer_key != NULL ? options->issuer_key : options->key, EVP_sha256()), 0);
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
