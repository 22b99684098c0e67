/* What the devices of tests send and understand. */
#include <criterion/criterion.h>
#include <string.h>

#include <openssl/pkcs7.h>

#include "base/x509.h"
#include "tests/scep_host/ossl_auto.h"
#include "tests/support/scep_client.h"
#include "tests/support/scep_client_csr.h"
#include "tests/support/scep_server_facts.h"
#include "tests/support/test_pki.h"

static const scep_client_name subject[] = {{"CN", "d\xc3\xa9vice"}, {"E", "a@b.example"}, {"1.2.3.4", "x"}};
static const scep_client_name sans[] = {
    {"dns", "d.example"}, {"rfc822", "a@b.example"}, {"uri", "https://d/"}, {"upn", "u@b.example"}};
static const char *const usages[] = {"1.3.6.1.5.5.7.3.2", "1.2.840.1"};

static scep_client_csr good_csr(void)
{
    return (scep_client_csr){.subject = subject,
                             .subject_count = 3,
                             .sans = sans,
                             .san_count = 4,
                             .key_usage = 1 | 4,
                             .ext_usages = usages,
                             .ext_usage_count = 2,
                             .challenge = "TUlJ+/=="};
}

Test(scep_client, makes_a_csr_with_all_that_a_profile_demands)
{
    ISCEP_AUTO_BUF der;
    iscep_csr *facts = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    OSSL_AUTO(EVP_PKEY) *key = test_pki_new_rsa_key();
    const scep_client_csr csr = good_csr();
    iscep_buf_init(&der, ISCEP_CSR_MAX_LEN);
    cr_assert_eq(scep_client_csr_emit(&der, key, &csr, &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(iscep_csr_parse(&facts, iscep_buf_bytes(&der), &err), ISCEP_OK, "%s", err.message);
    cr_assert(iscep_bytes_equal(iscep_csr_challenge(facts), iscep_bytes_of_text(csr.challenge)));
    iscep_csr_free(facts);

    const uint8_t *at = der.data;
    OSSL_AUTO(X509_REQ) *req = d2i_X509_REQ(NULL, &at, (long)der.len);
    OSSL_AUTO(X509_EXTENSION_STACK) *extensions = X509_REQ_get_extensions(req);
    GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
    EXTENDED_KEY_USAGE *ext_usages = X509V3_get_d2i(extensions, NID_ext_key_usage, NULL, NULL);
    OSSL_AUTO(ASN1_BIT_STRING) *key_usage = X509V3_get_d2i(extensions, NID_key_usage, NULL, NULL);
    cr_assert_eq(sk_GENERAL_NAME_num(names), 4);
    cr_assert_eq(sk_ASN1_OBJECT_num(ext_usages), 2);
    cr_assert(ASN1_BIT_STRING_get_bit(key_usage, 0));
    cr_assert_not(ASN1_BIT_STRING_get_bit(key_usage, 1));
    cr_assert(ASN1_BIT_STRING_get_bit(key_usage, 2));
    GENERAL_NAMES_free(names);
    EXTENDED_KEY_USAGE_free(ext_usages);
}

Test(scep_client, makes_no_csr_with_less_than_the_profile_demands)
{
    static const scep_client_name unknown[] = {{"x400", "x"}};
    static const scep_client_name no_attribute[] = {{"NOSUCH", "x"}};
    static const char *const no_oid[] = {"clientAuthentication?"};
    OSSL_AUTO(EVP_PKEY) *key = test_pki_new_rsa_key();
    scep_client_csr cases[] = {good_csr(), good_csr(), good_csr()};
    cases[0].sans = unknown, cases[0].san_count = 1;
    cases[1].subject = no_attribute, cases[1].subject_count = 1;
    cases[2].ext_usages = no_oid, cases[2].ext_usage_count = 1;
    for (size_t i = 0; i < 3; i++) {
        ISCEP_AUTO_BUF der;
        iscep_error err = ISCEP_ERROR_INIT;
        iscep_buf_init(&der, ISCEP_CSR_MAX_LEN);
        cr_assert_eq(scep_client_csr_emit(&der, key, &cases[i], &err), ISCEP_USAGE, "%zu", i);
        cr_assert_eq(der.len, 0);
    }
}

Test(scep_server_facts, knows_capabilities_as_whole_words_in_any_case)
{
    static const struct {
        const char *text;
        bool has_aes, has_post, has_renewal;
    } cases[] = {{"AES\nPOSTPKIOperation\r\nRenewal", true, true, true},
                 {"scepstandard\n", true, true, false},
                 {"aes\r\nrenewal\r\n", true, false, true},
                 {"AES256\nXAES\nPOST\nRenewals", false, false, false},
                 {"", false, false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scep_server_facts facts = {0};
        scep_server_facts_read_caps(&facts, iscep_bytes_of_text(cases[i].text));
        cr_assert_eq(facts.has_aes, cases[i].has_aes, "%zu", i);
        cr_assert_eq(facts.has_post, cases[i].has_post, "%zu", i);
        cr_assert_eq(facts.has_renewal, cases[i].has_renewal, "%zu", i);
    }
}

static X509 *new_cert(EVP_PKEY *key, bool is_ca)
{
    X509 *cert = X509_new();
    X509_EXTENSION *basic =
        X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "CA:FALSE");
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), is_ca ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_add_ext(cert, basic, -1);
    X509_sign(cert, key, EVP_sha256());
    X509_EXTENSION_free(basic);
    return cert;
}

Test(scep_server_facts, tells_the_ca_from_its_ra_in_either_order)
{
    OSSL_AUTO(EVP_PKEY) *key = test_pki_new_rsa_key();
    OSSL_AUTO(X509) *ca = new_cert(key, true);
    OSSL_AUTO(X509) *ra = new_cert(key, false);
    for (int is_turned = 0; is_turned < 2; is_turned++) {
        scep_server_facts facts = {0};
        iscep_error err = ISCEP_ERROR_INIT;
        OSSL_AUTO(PKCS7) *both = PKCS7_new();
        PKCS7_set_type(both, NID_pkcs7_signed);
        PKCS7_content_new(both, NID_pkcs7_data);
        PKCS7_add_certificate(both, is_turned ? ra : ca);
        PKCS7_add_certificate(both, is_turned ? ca : ra);
        uint8_t *der = NULL;
        int len = i2d_PKCS7(both, &der);
        cr_assert_eq(scep_server_facts_read_certs(&facts, iscep_bytes_of(der, (size_t)len), &err), ISCEP_OK);
        cr_assert_eq(X509_cmp(facts.ca, ca), 0);
        cr_assert_eq(X509_cmp(facts.recipient, ra), 0);
        scep_server_facts_clear(&facts);
        OPENSSL_free(der);
    }
}

Test(scep_server_facts, of_a_server_that_shows_no_ca_are_none)
{
    static const char *const bodies[] = {"", "<html>", "\x30\x80", "\x30\x03\x02\x01\x01"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        scep_server_facts facts = {0};
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(scep_server_facts_read_certs(&facts, iscep_bytes_of_text(bodies[i]), &err),
                     ISCEP_PROTOCOL);
        cr_assert_null(facts.ca);
    }
}
