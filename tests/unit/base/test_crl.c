/* A CRL that OpenSSL accepts, and what it says. (The openssl program judges whole ones in tests/unit/ca.) */
#include <criterion/criterion.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "base/crl.h"
#include "tests/support/key_files.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_pki.h"

static temp_dir dir;
static EVP_PKEY *key;
static iscep_keystore *issuer;
static iscep_error err;

static void set_up(void)
{
    char key_path[128], cert_path[128];
    temp_dir_make(&dir);
    temp_dir_path(&dir, key_path, sizeof key_path, "key.pem");
    temp_dir_path(&dir, cert_path, sizeof cert_path, "cert.pem");
    key = test_pki_new_ec_key();
    key_files_write_key(key_path, key, NULL);
    key_files_write_certificate(cert_path, key, KEY_FILES_EXPIRES);
    err = (iscep_error)ISCEP_ERROR_INIT;
    const iscep_keystore_source source = {.key = key_path, .certificate = cert_path};
    cr_assert_eq(iscep_keystore_open(&issuer, &source, &err), ISCEP_OK, "%s", err.message);
}

static void tear_down(void)
{
    iscep_keystore_close(issuer);
    EVP_PKEY_free(key);
    temp_dir_remove(&dir);
}

TestSuite(crl, .init = set_up, .fini = tear_down);

static const iscep_crl_facts facts = {
    .number = "FF00", .this_update_unix = 1795332000, .next_update_unix = 1795332000 + 86400};

static void emit(iscep_buf *out, bool is_pem)
{
    iscep_crl *crl = NULL;
    iscep_buf_init(out, 64 * 1024);
    cr_assert_eq(iscep_crl_new(&crl, issuer, &facts, &err), ISCEP_OK, "%s", err.message);
    const iscep_crl_entry entries[] = {{"0B", 1795331000, 0}, {"0A", 1795330000, 4}};
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(iscep_crl_add(crl, &entries[i], &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(iscep_crl_sign(out, crl, is_pem, &err), ISCEP_OK, "%s", err.message);
    iscep_crl_free(crl);
}

static int64_t enumerated(X509_REVOKED *revoked)
{
    int64_t value = -1;
    ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(revoked, NID_crl_reason, NULL, NULL);
    if (reason != NULL)
        cr_assert_eq(ASN1_ENUMERATED_get_int64(&value, reason), 1);
    ASN1_ENUMERATED_free(reason);
    return value;
}

Test(crl, says_what_it_was_told_and_verifies)
{
    ISCEP_AUTO_BUF der;
    emit(&der, false);
    const unsigned char *at = der.data;
    X509_CRL *list = d2i_X509_CRL(NULL, &at, (long)der.len);
    cr_assert_not_null(list);
    cr_assert_eq(X509_CRL_verify(list, key), 1);
    cr_assert_eq(X509_CRL_get_version(list), X509_CRL_VERSION_2);
    cr_assert_eq(ASN1_TIME_cmp_time_t(X509_CRL_get0_lastUpdate(list), (time_t)facts.this_update_unix), 0);
    cr_assert_eq(ASN1_TIME_cmp_time_t(X509_CRL_get0_nextUpdate(list), (time_t)facts.next_update_unix), 0);
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(list, NID_crl_number, NULL, NULL);
    int64_t value = 0;
    cr_assert_eq(ASN1_INTEGER_get_int64(&value, number), 1);
    cr_assert_eq(value, 0xFF00);
    ASN1_INTEGER_free(number);
    cr_assert_geq(X509_CRL_get_ext_by_NID(list, NID_authority_key_identifier, -1), 0);
    STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(list);
    cr_assert_eq(sk_X509_REVOKED_num(entries), 2);
    X509_REVOKED *first = sk_X509_REVOKED_value(entries, 0), *second = sk_X509_REVOKED_value(entries, 1);
    cr_assert_eq(ASN1_INTEGER_get(X509_REVOKED_get0_serialNumber(first)), 0x0A);
    cr_assert_eq(enumerated(first), 4);
    cr_assert_eq(ASN1_TIME_cmp_time_t(X509_REVOKED_get0_revocationDate(first), 1795330000), 0);
    cr_assert_eq(enumerated(second), -1); /* unspecified is said by saying nothing */
    X509_CRL_free(list);
}

Test(crl, names_what_is_on_it_in_der_and_pem)
{
    for (int is_pem = 0; is_pem < 2; is_pem++) {
        ISCEP_AUTO_BUF list;
        emit(&list, is_pem == 1);
        cr_assert(iscep_crl_names(iscep_buf_bytes(&list), "0A"));
        cr_assert(iscep_crl_names(iscep_buf_bytes(&list), "0B"));
        cr_assert_not(iscep_crl_names(iscep_buf_bytes(&list), "0C"));
        cr_assert_not(iscep_crl_names(iscep_buf_bytes(&list), ""));
        cr_assert_not(iscep_crl_names(iscep_bytes_of(list.data, list.len / 2), "0A"));
    }
    cr_assert_not(iscep_crl_names((iscep_bytes){0}, "0A"));
    cr_assert_not(iscep_crl_names(iscep_bytes_of_text("no list"), "0A"));
}

Test(crl, numbers_that_are_none_are_refused)
{
    static const char *const wrong[] = {"", "-1", "0x1", "1 ", "G"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        iscep_crl *crl = NULL;
        iscep_crl_facts bad = facts;
        bad.number = wrong[i];
        cr_assert_eq(iscep_crl_new(&crl, issuer, &bad, &err), ISCEP_CONFIG, "%s", wrong[i]);
        cr_assert_null(crl);
        cr_assert_eq(iscep_crl_new(&crl, issuer, &facts, &err), ISCEP_OK);
        cr_assert_eq(iscep_crl_add(crl, &(iscep_crl_entry){.serial = wrong[i]}, &err), ISCEP_CONFIG, "%s",
                     wrong[i]);
        iscep_crl_free(crl);
    }
}
