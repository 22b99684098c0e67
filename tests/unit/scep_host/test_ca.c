/* The CA on disk, and the certificates that it makes of wishes. */
#include "ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <openssl/pem.h>

#include "ossl_auto.h"
#include "world.h"

static host_world the_world;

static void set_up(void)
{
    test_world_init(&the_world, false);
    test_world_open_ca(&the_world);
}

static void set_up_without_ca(void)
{
    test_world_init(&the_world, false);
}

static void tear_down(void)
{
    test_world_clear(&the_world);
}

static const char *path_of(const char *name)
{
    static char path[PATH_MAX];
    temp_dir_path(&the_world.dir, path, sizeof(path), name);
    return path;
}

static iscep_status reopen(iscep_error *err)
{
    iscep_host_ca_free(the_world.ca);
    the_world.ca = NULL;
    const iscep_host_ca_options options = {.state_dir = the_world.dir.path, .validity_days = 30};
    return iscep_host_ca_open(&the_world.ca, &the_world.env, the_world.crypto, &options, err);
}

/* The certificate that a device gets which asks for this. */
static X509 *issue(const char *name, const csr_extension *extensions, size_t count)
{
    ISCEP_AUTO_BUF csr;
    iscep_buf_init(&csr, 16384);
    OSSL_AUTO(EVP_PKEY) *key = test_device_key();
    test_csr(&csr, key, name, extensions, count);
    iscep_cert_request request;
    iscep_fail_info fail_info;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(
        iscep_cert_request_parse(&request, the_world.crypto, iscep_buf_bytes(&csr), &fail_info, &err),
        ISCEP_OK);
    X509 *cert = NULL;
    cr_assert_eq(iscep_host_ca_issue(&cert, the_world.ca, &request, &err), ISCEP_OK, "%s", err.message);
    iscep_cert_request_clear(&request);
    return cert;
}

/* An extension as OpenSSL prints it; "" if it is absent. */
static const char *extension_text(const X509 *cert, int nid)
{
    static char text[1024];
    text[0] = '\0';
    int at = X509_get_ext_by_NID(cert, nid, -1);
    if (at < 0)
        return text;
    cr_assert_lt(X509_get_ext_by_NID(cert, nid, at), 0, "twice");
    OSSL_AUTO(BIO) *out = BIO_new(BIO_s_mem());
    cr_assert_eq(X509V3_EXT_print(out, X509_get_ext(cert, at), 0, 0), 1);
    char *data = NULL;
    long len = BIO_get_mem_data(out, &data);
    snprintf(text, sizeof(text), "%.*s", (int)len, data);
    return text;
}

static bool is_critical(const X509 *cert, int nid)
{
    return X509_EXTENSION_get_critical(X509_get_ext(cert, X509_get_ext_by_NID(cert, nid, -1))) == 1;
}

Test(ca, makes_its_key_on_the_first_start_for_nobody_else_to_read, .init = set_up_without_ca,
     .fini = tear_down, .timeout = 120)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(reopen(&err), ISCEP_OK, "%s", err.message);
    struct stat info;
    cr_assert_eq(stat(path_of("ca.key"), &info), 0);
    cr_assert_eq(info.st_mode & 07777, 0600);
    cr_assert_eq(EVP_PKEY_get_bits(iscep_host_ca_identity(the_world.ca)->key.pkey), 3072);
    X509 *cert = iscep_host_ca_cert(the_world.ca);
    cr_assert_str_eq(extension_text(cert, NID_basic_constraints), "CA:TRUE, pathlen:0");
    cr_assert_str_eq(extension_text(cert, NID_key_usage),
                     "Digital Signature, Key Encipherment, Certificate Sign, CRL Sign");
    cr_assert_eq(X509_verify(cert, iscep_host_ca_identity(the_world.ca)->key.pkey), 1);
}

Test(ca, is_the_same_after_a_restart, .init = set_up, .fini = tear_down)
{
    OSSL_AUTO(X509) *before = X509_dup(iscep_host_ca_cert(the_world.ca));
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(reopen(&err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(X509_cmp(before, iscep_host_ca_cert(the_world.ca)), 0);
}

Test(ca, does_not_start_with_a_key_that_others_can_read, .init = set_up, .fini = tear_down)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(chmod(path_of("ca.key"), 0640), 0);
    cr_assert_eq(reopen(&err), ISCEP_CONFIG);
    cr_assert_not_null(strstr(err.message, "chmod 600"), "%s", err.message);
}

Test(ca, does_not_start_when_its_key_is_gone_or_another, .init = set_up, .fini = tear_down)
{
    iscep_error err = ISCEP_ERROR_INIT;
    FILE *key_file = fopen(path_of("ca.key"), "w");
    OSSL_AUTO(EVP_PKEY) *other = test_device_key();
    cr_assert_eq(PEM_write_PrivateKey(key_file, other, NULL, NULL, 0, NULL, NULL), 1);
    fclose(key_file);
    cr_assert_eq(reopen(&err), ISCEP_CONFIG, "%s", err.message);
    cr_assert_eq(unlink(path_of("ca.key")), 0);
    cr_assert_eq(reopen(&err), ISCEP_CONFIG, "%s", err.message);
    cr_assert_eq(access(path_of("ca.key"), F_OK), -1);
}

static void set_up_whole(void)
{
    test_world_init(&the_world, false);
    test_world_open_whole_ca(&the_world);
}

static iscep_status reopen_whole(iscep_error *err)
{
    iscep_host_ca_free(the_world.ca);
    the_world.ca = NULL;
    const iscep_host_ca_options options = {
        .state_dir = the_world.dir.path, .validity_days = 30, .has_ra = true, .has_next = true};
    return iscep_host_ca_open(&the_world.ca, &the_world.env, the_world.crypto, &options, err);
}

Test(ca, speaks_scep_itself_where_there_is_no_ra, .init = set_up, .fini = tear_down)
{
    cr_assert_null(iscep_host_ca_ra(the_world.ca));
    cr_assert_null(iscep_host_ca_next(the_world.ca));
    cr_assert_eq(iscep_host_ca_scep(the_world.ca), iscep_host_ca_identity(the_world.ca));
}

Test(ca, issues_the_certificate_of_its_ra, .init = set_up_whole, .fini = tear_down)
{
    X509 *cert = iscep_host_ca_ra(the_world.ca)->cert;
    cr_assert_eq(iscep_host_ca_scep(the_world.ca), iscep_host_ca_ra(the_world.ca));
    cr_assert_eq(X509_verify(cert, iscep_host_ca_identity(the_world.ca)->key.pkey), 1);
    cr_assert_str_eq(extension_text(cert, NID_basic_constraints), "CA:FALSE");
    cr_assert_str_eq(extension_text(cert, NID_key_usage), "Digital Signature, Key Encipherment");
    cr_assert(is_critical(cert, NID_key_usage));
    cr_assert_leq(
        ASN1_TIME_compare(X509_get0_notAfter(cert), X509_get0_notAfter(iscep_host_ca_cert(the_world.ca))), 0);
    cr_assert(iscep_host_ca_vouches_for(the_world.ca, cert), "it is not in the register");
}

Test(ca, has_the_same_ra_and_next_ca_after_a_restart, .init = set_up_whole, .fini = tear_down)
{
    OSSL_AUTO(X509) *ra = X509_dup(iscep_host_ca_ra(the_world.ca)->cert);
    OSSL_AUTO(X509) *next = X509_dup(iscep_host_ca_next(the_world.ca)->cert);
    char *index = test_read_file(&the_world, "index.txt");
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(reopen_whole(&err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(X509_cmp(ra, iscep_host_ca_ra(the_world.ca)->cert), 0);
    cr_assert_eq(X509_cmp(next, iscep_host_ca_next(the_world.ca)->cert), 0);
    char *index_after = test_read_file(&the_world, "index.txt");
    cr_assert_str_eq(index_after, index);
    free(index);
    free(index_after);
}

Test(ca, does_not_start_with_an_ra_of_another_ca, .init = set_up_whole, .fini = tear_down)
{
    iscep_error err = ISCEP_ERROR_INIT;
    char next[PATH_MAX];
    temp_dir_path(&the_world.dir, next, sizeof(next), "next-ca.pem");
    char next_key[PATH_MAX];
    temp_dir_path(&the_world.dir, next_key, sizeof(next_key), "next-ca.key");
    cr_assert_eq(rename(next, path_of("ra.pem")), 0);
    cr_assert_eq(rename(next_key, path_of("ra.key")), 0);
    cr_assert_eq(reopen_whole(&err), ISCEP_CONFIG);
    cr_assert_not_null(strstr(err.message, "ra.pem: the certificate is not of this CA"), "%s", err.message);
}

Test(ca, keeps_its_key_where_it_is_told, .init = set_up_without_ca, .fini = tear_down)
{
    char uri[PATH_MAX + 8];
    snprintf(uri, sizeof(uri), "file:%s/ca.key", ISCEP_TEST_KEYS);
    iscep_host_ca_options options = {.state_dir = the_world.dir.path, .validity_days = 30, .key_uri = uri};
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_host_ca_open(&the_world.ca, &the_world.env, the_world.crypto, &options, &err),
                 ISCEP_OK, "%s", err.message);
    cr_assert_eq(access(path_of("ca.key"), F_OK), -1);
    OSSL_AUTO(X509) *cert = issue("phone", NULL, 0);
    cr_assert_eq(X509_verify(cert, X509_get0_pubkey(iscep_host_ca_cert(the_world.ca))), 1);
    iscep_host_ca_free(the_world.ca);
    the_world.ca = NULL;
    options.key_uri = "file:" ISCEP_TEST_KEYS "/ra.key"; /* not ca.pem's */
    cr_assert_eq(iscep_host_ca_open(&the_world.ca, &the_world.env, the_world.crypto, &options, &err),
                 ISCEP_CONFIG);
    options.key_uri = "file:/nowhere";
    cr_assert_eq(iscep_host_ca_open(&the_world.ca, &the_world.env, the_world.crypto, &options, &err),
                 ISCEP_CONFIG);
    options.key_provider = "no-such-provider";
    cr_assert_eq(iscep_host_ca_open(&the_world.ca, &the_world.env, the_world.crypto, &options, &err),
                 ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "provider");
}

Test(ca, does_not_start_with_a_key_that_scep_cannot_use, .init = set_up_without_ca, .fini = tear_down)
{
    iscep_error err = ISCEP_ERROR_INIT;
    OSSL_AUTO(EVP_PKEY) *elliptic = EVP_EC_gen("P-256");
    FILE *key_file = fopen(path_of("ca.key"), "w");
    cr_assert_eq(PEM_write_PrivateKey(key_file, elliptic, NULL, NULL, 0, NULL, NULL), 1);
    fclose(key_file);
    cr_assert_eq(chmod(path_of("ca.key"), 0600), 0);
    cr_assert_eq(reopen(&err), ISCEP_CONFIG);
    cr_assert_not_null(strstr(err.message, "is not RSA"), "%s", err.message);
}

Test(ca, issues_what_it_is_asked_for, .init = set_up, .fini = tear_down)
{
    static const csr_extension wish[] = {
        {"keyUsage", "digitalSignature,keyEncipherment"},
        {"extendedKeyUsage", "clientAuth,emailProtection,1.3.6.1.4.1.99999.1"},
        {"subjectAltName", "DNS:phone.example,email:a@b.example,IP:192.0.2.1,"
                           "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:a@b.example"},
    };
    OSSL_AUTO(X509) *cert = issue("phone", wish, 3);
    X509 *ca = iscep_host_ca_cert(the_world.ca);
    cr_assert_eq(X509_verify(cert, iscep_host_ca_identity(the_world.ca)->key.pkey), 1);
    cr_assert_eq(X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(ca)), 0);
    cr_assert_eq(X509_get_version(cert), X509_VERSION_3);
    cr_assert_str_eq(extension_text(cert, NID_key_usage), "Digital Signature, Key Encipherment");
    cr_assert_str_eq(extension_text(cert, NID_ext_key_usage),
                     "TLS Web Client Authentication, E-mail Protection, 1.3.6.1.4.1.99999.1");
    cr_assert_str_eq(extension_text(cert, NID_subject_alt_name),
                     "DNS:phone.example, email:a@b.example, "
                     "IP Address:192.0.2.1, othername: UPN::a@b.example");
    cr_assert_str_eq(extension_text(cert, NID_basic_constraints), "CA:FALSE");
    cr_assert(iscep_host_ca_vouches_for(the_world.ca, cert));
    int days = 0;
    int seconds = 0;
    cr_assert_eq(ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)), 1);
    cr_assert_leq(days, 30);
    cr_assert_geq(days, 29);
}

Test(ca, copies_names_with_the_sid_of_the_device_among_them, .init = set_up, .fini = tear_down)
{
    /* SEQUENCE { [2] "p.example", [6] "tag:microsoft.com,2022-09-14:sid:S-1-5-21-1001" } */
    static const csr_extension names[] = {
        {"subjectAltName",
         "DER:30:3b:82:09:70:2e:65:78:61:6d:70:6c:65:86:2e:74:61:67:3a:6d:69:63:72:6f:73:6f:66:74:2e:"
         "63:6f:6d:2c:32:30:32:32:2d:30:39:2d:31:34:3a:73:69:64:3a:53:2d:31:2d:35:2d:32:31:2d:31:30:"
         "30:31"}};
    OSSL_AUTO(X509) *cert = issue("phone", names, 1);
    cr_assert_str_eq(extension_text(cert, NID_subject_alt_name),
                     "DNS:p.example, URI:tag:microsoft.com,2022-09-14:sid:S-1-5-21-1001");
    cr_assert_not(is_critical(cert, NID_subject_alt_name));
    OSSL_AUTO(X509) *nameless = issue("", names, 1);
    cr_assert(is_critical(nameless, NID_subject_alt_name), "it is the only name: RFC 5280 4.1.2.6");
}

/* Whatever is asked for. */
static void expect_no_power(const X509 *cert)
{
    cr_assert_str_eq(extension_text(cert, NID_basic_constraints), "CA:FALSE");
    cr_assert(is_critical(cert, NID_basic_constraints));
    cr_assert(is_critical(cert, NID_key_usage));
    const char *usage = extension_text(cert, NID_key_usage);
    cr_assert_null(strstr(usage, "Sign,"), "%s", usage);
    cr_assert_null(strstr(usage, "CRL"), "%s", usage);
    cr_assert_eq(X509_check_ca((X509 *)cert), 0);
    static const int permitted[] = {NID_basic_constraints,      NID_key_usage,
                                    NID_ext_key_usage,          NID_subject_alt_name,
                                    NID_subject_key_identifier, NID_authority_key_identifier};
    for (int i = 0; i < X509_get_ext_count(cert); i++) {
        int nid = OBJ_obj2nid(X509_EXTENSION_get_object(X509_get_ext(cert, i)));
        bool is_permitted = false;
        for (size_t j = 0; j < sizeof(permitted) / sizeof(permitted[0]); j++)
            is_permitted = is_permitted || nid == permitted[j];
        cr_assert(is_permitted, "extension %s", OBJ_nid2sn(nid));
    }
}

Test(ca, gives_no_power_to_whoever_asks_for_it, .init = set_up, .fini = tear_down)
{
    static const csr_extension wish[] = {
        {"basicConstraints", "critical,CA:TRUE"},
        {"keyUsage", "critical,digitalSignature,keyCertSign,cRLSign"},
        {"extendedKeyUsage",
         "anyExtendedKeyUsage,OCSPSigning,timeStamping,cmcCA,cmcRA,1.3.6.1.4.1.311.20.2.1,clientAuth"},
        {"nameConstraints", "permitted;DNS:.example"},
        {"certificatePolicies", "DER:30:07:30:05:06:03:2a:03:04"},
        {"1.3.6.1.4.1.99999.2", "DER:05:00"},
    };
    OSSL_AUTO(X509) *cert = issue("phone", wish, sizeof(wish) / sizeof(wish[0]));
    expect_no_power(cert);
    cr_assert_str_eq(extension_text(cert, NID_key_usage), "Digital Signature");
    cr_assert_str_eq(extension_text(cert, NID_ext_key_usage), "TLS Web Client Authentication");
}

Test(ca, gives_the_default_to_who_asks_for_power_alone_or_for_nothing, .init = set_up, .fini = tear_down)
{
    static const csr_extension wish[] = {{"keyUsage", "keyCertSign,cRLSign"},
                                         {"extendedKeyUsage", "anyExtendedKeyUsage,OCSPSigning"}};
    OSSL_AUTO(X509) *powerless = issue("phone", wish, 2);
    OSSL_AUTO(X509) *modest = issue("phone", NULL, 0);
    X509 *certs[] = {powerless, modest};
    for (size_t i = 0; i < 2; i++) {
        expect_no_power(certs[i]);
        cr_assert_str_eq(extension_text(certs[i], NID_key_usage), "Digital Signature, Key Encipherment");
        cr_assert_str_eq(extension_text(certs[i], NID_ext_key_usage), "TLS Web Client Authentication");
    }
}

Test(ca, gives_every_certificate_its_own_serial_number, .init = set_up, .fini = tear_down)
{
    OSSL_AUTO(X509) *first = issue("phone", NULL, 0);
    OSSL_AUTO(X509) *second = issue("phone", NULL, 0);
    cr_assert_neq(ASN1_INTEGER_cmp(X509_get0_serialNumber(first), X509_get0_serialNumber(second)), 0);
    char serial[ISCEP_HOST_SERIAL_SIZE];
    iscep_host_serial(serial, first);
    cr_assert_eq(strlen(serial), 32);
    cr_assert_lt(serial[0], '8', "negative");
}

Test(ca, issues_nothing_that_outlives_it, .init = set_up, .fini = tear_down)
{
    the_world.clock_offset_ms = 3640LL * 24 * 60 * 60 * 1000;
    OSSL_AUTO(X509) *cert = issue("phone", NULL, 0);
    X509 *ca = iscep_host_ca_cert(the_world.ca);
    cr_assert_eq(ASN1_TIME_compare(X509_get0_notAfter(cert), X509_get0_notAfter(ca)), 0);
}

Test(ca, keeps_what_it_issued_and_moves_what_is_withheld, .init = set_up, .fini = tear_down)
{
    OSSL_AUTO(X509) *cert = issue("phone", NULL, 0);
    cr_assert_eq(test_count_files(&the_world, "unreported"), 1);
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_host_ca_withhold(the_world.ca, cert, &err), ISCEP_OK);
    cr_assert_eq(test_count_files(&the_world, "unreported"), 0);
    char serial[ISCEP_HOST_SERIAL_SIZE];
    char name[80];
    iscep_host_serial(serial, cert);
    snprintf(name, sizeof(name), "withheld/%s.pem", serial);
    cr_assert_eq(access(path_of(name), F_OK), 0);
    cr_assert_not(iscep_host_ca_vouches_for(the_world.ca, cert), "it is revoked");
    cr_assert_null(iscep_host_ca_find_issued(the_world.ca, X509_get0_serialNumber(cert)));
    cr_assert_eq(iscep_host_ca_withhold(the_world.ca, cert, &err), ISCEP_OK, "once more is no harm");
    cr_assert_eq(test_count_files(&the_world, "withheld"), 1);
}

Test(ca, counts_what_nobody_has, .init = set_up, .fini = tear_down)
{
    cr_assert_eq(iscep_host_ca_count_unreported(the_world.ca), 0);
    OSSL_AUTO(X509) *first = issue("phone", NULL, 0);
    OSSL_AUTO(X509) *second = issue("phone", NULL, 0);
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_host_ca_count_unreported(the_world.ca), 2);
    cr_assert_eq(iscep_host_ca_deliver(the_world.ca, first, &err), ISCEP_OK);
    cr_assert_eq(iscep_host_ca_count_unreported(the_world.ca), 1);
}

/* Its name says that it is revoked. */
Test(ca, has_nothing_among_the_withheld_that_could_not_be_revoked, .init = set_up, .fini = tear_down)
{
    OSSL_AUTO(X509) *cert = issue("phone", NULL, 0);
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(unlink(path_of("crl.pem")), 0);
    cr_assert_eq(mkdir(path_of("crl.pem"), 0700), 0); /* so that it cannot be written, for root either */
    cr_assert_eq(iscep_host_ca_withhold(the_world.ca, cert, &err), ISCEP_STORAGE);
    cr_assert_eq(test_count_files(&the_world, "unreported"), 1);
    cr_assert_eq(test_count_files(&the_world, "withheld"), 0);
    cr_assert_eq(rmdir(path_of("crl.pem")), 0);
    cr_assert_eq(iscep_host_ca_withhold(the_world.ca, cert, &err), ISCEP_OK);
    cr_assert_eq(test_count_files(&the_world, "withheld"), 1);
}

Test(ca, keeps_what_it_delivers_where_it_can_be_asked_for, .init = set_up, .fini = tear_down)
{
    OSSL_AUTO(X509) *cert = issue("phone", NULL, 0);
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_null(iscep_host_ca_find_issued(the_world.ca, X509_get0_serialNumber(cert)),
                   "nobody has it yet");
    cr_assert_eq(iscep_host_ca_deliver(the_world.ca, cert, &err), ISCEP_OK);
    cr_assert_eq(iscep_host_ca_deliver(the_world.ca, cert, &err), ISCEP_OK, "a second time");
    cr_assert_eq(test_count_files(&the_world, "issued"), 1);
    cr_assert_eq(test_count_files(&the_world, "unreported"), 0);
    OSSL_AUTO(X509) *found = iscep_host_ca_find_issued(the_world.ca, X509_get0_serialNumber(cert));
    cr_assert_eq(X509_cmp(found, cert), 0);
}

Test(ca, tells_where_its_crl_is_only_when_told, .init = set_up, .fini = tear_down)
{
    OSSL_AUTO(X509) *plain = issue("phone", NULL, 0);
    cr_assert_str_eq(extension_text(plain, NID_crl_distribution_points), "");
    const iscep_host_ca_options options = {
        .state_dir = the_world.dir.path, .validity_days = 30, .crl_url = "http://127.0.0.1:8080/crl"};
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_host_ca_free(the_world.ca);
    cr_assert_eq(iscep_host_ca_open(&the_world.ca, &the_world.env, the_world.crypto, &options, &err),
                 ISCEP_OK);
    OSSL_AUTO(X509) *cert = issue("phone", NULL, 0);
    const char *text = extension_text(cert, NID_crl_distribution_points);
    cr_assert_not_null(strstr(text, "URI:http://127.0.0.1:8080/crl"), "%s", text);
}

Test(ca, issues_nothing_that_its_register_does_not_have, .init = set_up, .fini = tear_down)
{
    ISCEP_AUTO_BUF csr;
    iscep_cert_request request;
    iscep_fail_info fail_info;
    iscep_error err = ISCEP_ERROR_INIT;
    OSSL_AUTO(EVP_PKEY) *key = test_device_key();
    iscep_buf_init(&csr, 16384);
    test_csr(&csr, key, "phone", NULL, 0);
    cr_assert_eq(
        iscep_cert_request_parse(&request, the_world.crypto, iscep_buf_bytes(&csr), &fail_info, &err),
        ISCEP_OK);
    cr_assert_eq(unlink(path_of("index.txt")), 0);
    cr_assert_eq(mkdir(path_of("index.txt"), 0700), 0); /* so that it cannot be written, for root either */
    X509 *cert = NULL;
    cr_assert_eq(iscep_host_ca_issue(&cert, the_world.ca, &request, &err), ISCEP_STORAGE);
    cr_assert_null(cert);
    cr_assert_eq(test_count_files(&the_world, "unreported"), 0);
    iscep_cert_request_clear(&request);
}

Test(ca, vouches_for_nothing_that_its_register_does_not_have, .init = set_up, .fini = tear_down)
{
    OSSL_AUTO(X509) *cert = issue("phone", NULL, 0);
    cr_assert(iscep_host_ca_vouches_for(the_world.ca, cert));
    cr_assert_eq(truncate(path_of("index.txt"), 0), 0);
    cr_assert_not(iscep_host_ca_vouches_for(the_world.ca, cert));
}

Test(ca, vouches_only_for_what_it_issued_and_only_while_it_is_valid, .init = set_up, .fini = tear_down)
{
    OSSL_AUTO(X509) *cert = issue("phone", NULL, 0);
    scep_device stranger;
    test_device_init(&stranger, "scep-host demo CA"); /* the CA's name, and not its key */
    cr_assert(iscep_host_ca_vouches_for(the_world.ca, cert));
    cr_assert_not(iscep_host_ca_vouches_for(the_world.ca, stranger.cert));
    cr_assert_not(iscep_host_ca_vouches_for(the_world.ca, iscep_host_ca_cert(the_world.ca)),
                  "the CA is no device");
    the_world.clock_offset_ms = 31LL * 24 * 60 * 60 * 1000;
    cr_assert_not(iscep_host_ca_vouches_for(the_world.ca, cert), "expired");
    the_world.clock_offset_ms = -24LL * 60 * 60 * 1000;
    cr_assert_not(iscep_host_ca_vouches_for(the_world.ca, cert), "not yet valid");
    test_device_clear(&stranger);
}
