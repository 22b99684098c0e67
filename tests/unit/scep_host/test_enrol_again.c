/*
 * Enrolments that take more than one message: a report that nobody takes yet, a certificate that was issued before, and
 * what else a device may ask of the CA.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <openssl/pem.h>

#include "enrolling.h"
#include "ossl_auto.h"

#define HOUR_MS (60 * 60 * 1000)

static int count_revoked(void)
{
    X509_CRL *crl = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_host_ca_crl(the_world.ca, &crl, &err), ISCEP_OK, "%s", err.message);
    const STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);
    int count = revoked ? sk_X509_REVOKED_num(revoked) : 0;
    X509_CRL_free(crl);
    return count;
}

/* The serial number of the only certificate there is. */
static void read_serial(char serial[ISCEP_HOST_SERIAL_SIZE])
{
    char *index = test_read_file(&the_world, "index.txt");
    cr_assert_eq(sscanf(index, "%*c\t%*s\t\t%47s", serial), 1, "%s", index);
    free(index);
}

Test(enrol_again, what_could_not_be_reported_yet_is_reported_to_the_next_poll, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    PLUG({"verify", "allow"}, {"issued_retries", "2"});
    send_request();
    expect_pending();
    expect_files(1, 0, 0);
    the_world.clock_offset_ms += 1001;
    send_poll(&phone, "phone");
    expect_pending();
    the_world.clock_offset_ms += 1001;
    send_poll(&phone, "phone");
    expect_success();
    cr_assert_eq(EVP_PKEY_eq(X509_get0_pubkey(reply.cert), phone.key), 1);
    expect_files(0, 1, 0);
    cr_assert_eq(count_revoked(), 0);
    expect_record("verify 19 " TEST_TRANSACTION "\nissued " TEST_TRANSACTION "\nissued " TEST_TRANSACTION
                  "\nissued " TEST_TRANSACTION "\n");
}

Test(enrol_again, what_could_not_be_reported_yet_is_reported_to_the_same_request, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    PLUG({"verify", "allow"}, {"issued_retries", "1"});
    send_request();
    expect_pending();
    the_world.clock_offset_ms += 1001;
    send_request();
    expect_success();
    expect_files(0, 1, 0);
    expect_record("verify 19 " TEST_TRANSACTION "\nissued " TEST_TRANSACTION "\nissued " TEST_TRANSACTION
                  "\n");
}

Test(enrol_again, what_is_not_reported_is_shown_to_nobody, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    scep_device thief;
    test_device_init(&thief, "phone");
    PLUG({"verify", "allow"}, {"issued", "retry"});
    send_request();
    expect_pending();
    the_world.clock_offset_ms += 1001;
    send_poll(&thief, "phone");
    expect_failure(ISCEP_BAD_MESSAGE_CHECK);
    expect_files(1, 0, 0);
    test_device_clear(&thief);
}

Test(enrol_again, what_is_refused_in_the_end_is_withheld_and_revoked, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    PLUG({"verify", "allow"}, {"issued", "deny"}, {"issued_retries", "1"}, {"code", "Unknown"});
    send_request();
    expect_pending();
    cr_assert_eq(count_revoked(), 0);
    the_world.clock_offset_ms += 1001;
    send_poll(&phone, "phone");
    expect_failure(ISCEP_BAD_REQUEST);
    cr_assert_str_eq(reply.fail_text, "Unknown");
    expect_files(0, 0, 1);
    cr_assert_eq(count_revoked(), 1);
    send_poll(&phone, "phone");
    expect_failure(ISCEP_BAD_CERT_ID);
}

Test(enrol_again, what_is_not_reported_within_an_hour_is_withheld_and_revoked, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    PLUG({"verify", "allow"}, {"issued", "retry"});
    send_request();
    expect_pending();
    the_world.clock_offset_ms += HOUR_MS - 1000;
    iscep_enrol_sweep(&enrol);
    expect_files(1, 0, 0);
    send_poll(&phone, "phone");
    expect_pending();
    the_world.clock_offset_ms += 1001;
    iscep_enrol_sweep(&enrol);
    expect_files(0, 0, 1);
    cr_assert_eq(count_revoked(), 1);
    send_poll(&phone, "phone");
    expect_failure(ISCEP_BAD_CERT_ID);
}

/* A fleet is revoked while one of it still waits: that its report is accepted now makes it no better. */
Test(enrol_again, what_was_revoked_while_it_waited_is_not_delivered, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    char serial[ISCEP_HOST_SERIAL_SIZE];
    iscep_cert_state before;
    iscep_error err = ISCEP_ERROR_INIT;
    PLUG({"verify", "allow"}, {"issued_retries", "1"});
    send_request();
    expect_pending();
    read_serial(serial);
    cr_assert_eq(iscep_host_ca_revoke(the_world.ca, serial, 4, &before, &err), ISCEP_OK);
    the_world.clock_offset_ms += 1001;
    send_poll(&phone, "phone");
    expect_failure(ISCEP_BAD_REQUEST);
    cr_assert_null(reply.cert);
    expect_files(0, 0, 1);
}

Test(enrol_again, a_poll_that_comes_too_late_finds_it_withheld, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    PLUG({"verify", "allow"}, {"issued_retries", "1"});
    send_request();
    expect_pending();
    the_world.clock_offset_ms += HOUR_MS + 1;
    send_poll(&phone, "phone");
    expect_failure(ISCEP_BAD_CERT_ID);
    expect_files(0, 0, 1);
}

/* The certificate of this name in a file, for the plugin to deliver: the same request, the host's memory gone. */
static void write_cert(char path[PATH_MAX], const X509 *cert, size_t cut)
{
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);
    temp_dir_path(&the_world.dir, path, PATH_MAX, "delivery.der");
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(der, 1, (size_t)len - cut, file), (size_t)len - cut);
    fclose(file);
    OPENSSL_free(der);
}

static void restart_host(void)
{
    const iscep_transactions_options table = ISCEP_TRANSACTIONS_OPTIONS_INIT;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_transactions_free(enrol.transactions);
    cr_assert_eq(iscep_transactions_new(&enrol.transactions, &the_world.env, &table, &err), ISCEP_OK);
}

/* What an earlier enrolment has left with the plugin. */
static X509 *enrol_once(char path[PATH_MAX])
{
    PLUG({"verify", "allow"});
    send_request();
    expect_success();
    X509 *cert = X509_dup(reply.cert);
    write_cert(path, cert, 0);
    restart_host();
    return cert;
}

Test(enrol_again, a_restarted_host_delivers_what_was_issued_before, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    char path[PATH_MAX];
    OSSL_AUTO(X509) *first = enrol_once(path);
    PLUG({"verify", "deliver"}, {"cert", path});
    send_request();
    expect_success();
    cr_assert_eq(X509_cmp(reply.cert, first), 0);
    expect_files(0, 1, 0);
    send_request(); /* and from memory now */
    expect_success();
    expect_record("verify 19 " TEST_TRANSACTION "\nissued " TEST_TRANSACTION "\nverify 19 " TEST_TRANSACTION
                  "\n");
}

Test(enrol_again, a_crash_between_report_and_delivery_is_made_good, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    char path[PATH_MAX];
    PLUG({"verify", "allow"}, {"issued", "retry"});
    send_request();
    expect_pending();
    expect_files(1, 0, 0);
    char serial[ISCEP_HOST_SERIAL_SIZE];
    read_serial(serial);
    char name[PATH_MAX];
    char pem_path[PATH_MAX];
    snprintf(name, sizeof(name), "unreported/%s.pem", serial);
    temp_dir_path(&the_world.dir, pem_path, sizeof(pem_path), name);
    OSSL_AUTO(BIO) *pem = BIO_new_file(pem_path, "r");
    OSSL_AUTO(X509) *cert = PEM_read_bio_X509(pem, NULL, NULL, NULL);
    write_cert(path, cert, 0);
    restart_host();
    PLUG({"verify", "deliver"}, {"cert", path});
    send_request();
    expect_success();
    cr_assert_eq(X509_cmp(reply.cert, cert), 0);
    expect_files(0, 1, 0);
}

static void expect_no_delivery(const char *path)
{
    size_t issued = test_count_files(&the_world, "issued");
    PLUG({"verify", "deliver"}, {"cert", path});
    send_request();
    expect_failure(ISCEP_BAD_REQUEST);
    cr_assert_null(reply.cert);
    expect_files(0, issued, 0);
    char *record = test_read_file(&the_world, "record");
    const char *last = strrchr(record, 'v');
    cr_assert_str_eq(last, "verify 19 " TEST_TRANSACTION "\n", "nothing was issued instead: %s", record);
    free(record);
}

Test(enrol_again, what_was_revoked_meanwhile_is_not_delivered, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    char path[PATH_MAX];
    char serial[ISCEP_HOST_SERIAL_SIZE];
    iscep_cert_state before;
    iscep_error err = ISCEP_ERROR_INIT;
    OSSL_AUTO(X509) *cert = enrol_once(path);
    iscep_host_serial(serial, cert);
    cr_assert_eq(iscep_host_ca_revoke(the_world.ca, serial, 4, &before, &err), ISCEP_OK);
    expect_no_delivery(path);
}

Test(enrol_again, what_has_expired_is_not_delivered, .init = enrolling_set_up, .fini = enrolling_tear_down)
{
    char path[PATH_MAX];
    const int64_t days = 31;
    OSSL_AUTO(X509) *cert = enrol_once(path);
    the_world.clock_offset_ms += days * 24 * HOUR_MS;
    PLUG({"verify", "deliver"}, {"cert", path});
    message_options late = request();
    late.signing_time_offset = days * 24 * 60 * 60;
    send_message(&late);
    expect_failure(ISCEP_BAD_REQUEST);
}

Test(enrol_again, a_certificate_of_another_key_is_not_delivered, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    char path[PATH_MAX];
    scep_device other;
    OSSL_AUTO(X509) *cert = enrol_once(path);
    test_device_init(&other, "other");
    test_device_clear(&phone);
    phone = other;
    iscep_buf_clear(&csr);
    test_csr(&csr, phone.key, "phone", NULL, 0);
    expect_no_delivery(path);
}

Test(enrol_again, a_certificate_of_another_ca_is_not_delivered, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    char path[PATH_MAX];
    write_cert(path, phone.cert, 0); /* the right key, self-signed */
    expect_no_delivery(path);
}

Test(enrol_again, a_cut_certificate_is_not_delivered, .init = enrolling_set_up, .fini = enrolling_tear_down)
{
    char path[PATH_MAX];
    OSSL_AUTO(X509) *cert = enrol_once(path);
    write_cert(path, cert, 1);
    expect_no_delivery(path);
    PLUG({"verify", "deliver"}); /* no certificate at all */
    send_request();
    expect_failure(ISCEP_BAD_REQUEST);
}

static void append_issuer_and_serial(iscep_buf *out, const X509_NAME *issuer, const ASN1_INTEGER *serial)
{
    uint8_t *der = NULL;
    PKCS7_ISSUER_AND_SERIAL *asked = PKCS7_ISSUER_AND_SERIAL_new();
    X509_NAME_set(&asked->issuer, issuer);
    ASN1_INTEGER_free(asked->serial);
    asked->serial = ASN1_INTEGER_dup(serial);
    int len = i2d_PKCS7_ISSUER_AND_SERIAL(asked, &der);
    cr_assert_gt(len, 0);
    iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    PKCS7_ISSUER_AND_SERIAL_free(asked);
}

static void send_query(const char *type, const X509_NAME *issuer, const ASN1_INTEGER *serial)
{
    ISCEP_AUTO_BUF content;
    iscep_buf_init(&content, 4096);
    append_issuer_and_serial(&content, issuer, serial);
    message_options options = request();
    options.message_type = type;
    options.content = iscep_buf_bytes(&content);
    send_message(&options);
}

Test(enrol_again, the_crl_is_given_to_whoever_asks, .init = enrolling_set_up, .fini = enrolling_tear_down)
{
    char serial[ISCEP_HOST_SERIAL_SIZE];
    iscep_cert_state before;
    iscep_error err = ISCEP_ERROR_INIT;
    PLUG({"verify", "allow"});
    send_request();
    OSSL_AUTO(X509) *cert = X509_dup(reply.cert);
    iscep_host_serial(serial, cert);
    cr_assert_eq(iscep_host_ca_revoke(the_world.ca, serial, 1, &before, &err), ISCEP_OK);
    send_query("22", X509_get_issuer_name(cert), X509_get0_serialNumber(cert));
    cr_assert_str_eq(reply.pki_status, "0", "%s", reply.fail_text);
    cr_assert_null(reply.cert);
    X509_REVOKED *entry = NULL;
    cr_assert_eq(X509_CRL_verify(reply.crl, iscep_host_ca_identity(the_world.ca)->key.pkey), 1);
    cr_assert_eq(X509_CRL_get0_by_serial(reply.crl, &entry, X509_get0_serialNumber(cert)), 1);
    send_query("22", X509_get_subject_name(phone.cert), X509_get0_serialNumber(cert));
    expect_failure(ISCEP_BAD_CERT_ID);
}

Test(enrol_again, a_certificate_is_given_by_its_serial_number, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    PLUG({"verify", "allow"});
    send_request();
    OSSL_AUTO(X509) *cert = X509_dup(reply.cert);
    send_query("21", X509_get_issuer_name(cert), X509_get0_serialNumber(cert));
    expect_success();
    cr_assert_eq(X509_cmp(reply.cert, cert), 0);
    ASN1_INTEGER *unknown = ASN1_INTEGER_new();
    ASN1_INTEGER_set(unknown, 7);
    send_query("21", X509_get_issuer_name(cert), unknown);
    expect_failure(ISCEP_BAD_CERT_ID);
    ASN1_INTEGER_free(unknown);
}

/* What is issued and not reported must not leave by another door. */
Test(enrol_again, a_certificate_that_nobody_may_have_is_not_given_by_its_number, .init = enrolling_set_up,
     .fini = enrolling_tear_down)
{
    X509_NAME *issuer = X509_get_subject_name(iscep_host_ca_cert(the_world.ca));
    PLUG({"verify", "allow"}, {"issued", "retry"});
    send_request();
    char serial[ISCEP_HOST_SERIAL_SIZE];
    BIGNUM *number = NULL;
    read_serial(serial);
    cr_assert_gt(BN_hex2bn(&number, serial), 0);
    ASN1_INTEGER *asked = BN_to_ASN1_INTEGER(number, NULL);
    send_query("21", issuer, asked);
    expect_failure(ISCEP_BAD_CERT_ID);
    ASN1_INTEGER_free(asked);
    BN_free(number);
}

Test(enrol_again, a_query_that_is_none_is_bad_request, .init = enrolling_set_up, .fini = enrolling_tear_down)
{
    static const char *const types[] = {"21", "22"};
    PLUG({"verify", "allow"});
    for (size_t i = 0; i < 2; i++) {
        message_options options = request(); /* a CSR is no IssuerAndSerialNumber */
        options.message_type = types[i];
        send_message(&options);
        expect_failure(ISCEP_BAD_REQUEST);
    }
    expect_record("");
}
