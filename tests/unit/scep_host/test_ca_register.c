/* The CA's register on disk: revoking, the CRL, and sharing both with openssl ca(1). */
#include "ca_register.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <openssl/pem.h>

#include "ossl_auto.h"
#include "revoke.h"
#include "state_file.h"
#include "world.h"

#define DAY_MS (24LL * 60 * 60 * 1000)

static host_world the_world;
static iscep_error err;
static EVP_PKEY *key; /* of all certificates here */

static void set_up(void)
{
    key = test_device_key();
    test_world_init(&the_world, false);
    test_world_open_ca(&the_world);
}

static void tear_down(void)
{
    EVP_PKEY_free(key);
    test_world_clear(&the_world);
}

TestSuite(ca_register, .init = set_up, .fini = tear_down, .timeout = 60);

static const char *path_of(const char *name)
{
    static char path[PATH_MAX];
    temp_dir_path(&the_world.dir, path, sizeof(path), name);
    return path;
}

static void parse_request(iscep_cert_request *request)
{
    ISCEP_AUTO_BUF csr;
    iscep_fail_info fail_info;
    iscep_buf_init(&csr, 16384);
    test_csr(&csr, key, "phone", NULL, 0);
    cr_assert_eq(iscep_cert_request_parse(request, the_world.crypto, iscep_buf_bytes(&csr), &fail_info, &err),
                 ISCEP_OK);
}

/* Its serial number as index.txt has it. */
static void issue(char serial[ISCEP_HOST_SERIAL_SIZE])
{
    iscep_cert_request request;
    OSSL_AUTO(X509) *cert = NULL;
    parse_request(&request);
    cr_assert_eq(iscep_host_ca_issue(&cert, the_world.ca, &request, &err), ISCEP_OK, "%s", err.message);
    iscep_cert_request_clear(&request);
    iscep_host_serial(serial, cert);
}

/* What crl.pem says of the serial number: its reason; -1 without one; -2: it is not listed. */
static long listed_reason(const char *serial)
{
    OSSL_AUTO(BIO) *pem = BIO_new_file(path_of("crl.pem"), "r");
    OSSL_AUTO(X509_CRL) *crl = PEM_read_bio_X509_CRL(pem, NULL, NULL, NULL);
    cr_assert_eq(X509_CRL_verify(crl, iscep_host_ca_identity(the_world.ca)->key.pkey), 1);
    OSSL_AUTO(BIGNUM) *number = NULL;
    BN_hex2bn(&number, serial);
    ASN1_INTEGER *wanted = BN_to_ASN1_INTEGER(number, NULL);
    X509_REVOKED *entry = NULL;
    int found = X509_CRL_get0_by_serial(crl, &entry, wanted);
    ASN1_INTEGER_free(wanted);
    if (found != 1)
        return -2;
    ASN1_ENUMERATED *code = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
    long reason = code ? ASN1_ENUMERATED_get(code) : -1;
    ASN1_ENUMERATED_free(code);
    return reason;
}

static unsigned long crl_number(void)
{
    X509_CRL *crl = NULL;
    cr_assert_eq(iscep_host_ca_crl(the_world.ca, &crl, &err), ISCEP_OK, "%s", err.message);
    OSSL_AUTO(BIGNUM) *number = iscep_crl_number(crl);
    cr_assert_not_null(number);
    X509_CRL_free(crl);
    return BN_get_word(number);
}

static void expect_index(const char *wanted, bool is_there)
{
    char *index = test_read_file(&the_world, "index.txt");
    cr_assert_eq(strstr(index, wanted) != NULL, is_there, "%s: %s", wanted, index);
    free(index);
}

/* What a shell command in the CA's directory prints. */
static void expect_command(const char *command, const char *wanted)
{
    char line[PATH_MAX + 1024];
    char printed[16384];
    snprintf(line, sizeof(line), "cd '%s' && { %s; } 2>&1", the_world.dir.path, command);
    FILE *output = popen(line, "r");
    size_t len = fread(printed, 1, sizeof(printed) - 1, output);
    printed[len] = '\0';
    int status = pclose(output);
    cr_assert_eq(status, 0, "%s: %s", command, printed);
    cr_assert_not_null(strstr(printed, wanted), "%s: %s", command, printed);
}

static void write_openssl_config(void)
{
    char path[PATH_MAX];
    temp_dir_write(&the_world.dir, path, sizeof(path), "ca.conf",
                   "[ca]\ndefault_ca = own\n[own]\ndatabase = index.txt\ncrlnumber = crlnumber\n"
                   "certificate = ca.pem\nprivate_key = ca.key\ndefault_md = sha256\ndefault_crl_days = 7\n"
                   "crl_extensions = crl\n[crl]\nauthorityKeyIdentifier = keyid:always\n");
}

Test(ca_register, has_every_certificate_before_anybody_has_it)
{
    char serial[ISCEP_HOST_SERIAL_SIZE];
    char line[128];
    issue(serial);
    snprintf(line, sizeof(line), "\t\t%s\tunknown\t/CN=phone\n", serial);
    expect_index(line, true);
    char *attributes = test_read_file(&the_world, "index.txt.attr");
    cr_assert_str_eq(attributes, "unique_subject = no\n");
    free(attributes);
    expect_command("openssl crl -in crl.pem -CAfile ca.pem -noout", "verify OK");
    cr_assert_eq(listed_reason(serial), -2);
}

Test(ca_register, revokes_for_a_reason_and_says_so_in_the_crl)
{
    static const struct {
        uint32_t reason;
        long listed;
        const char *named;
    } cases[] = {{0, -1, "Z\t"},
                 {1, 1, ",keyCompromise\t"},
                 {5, 5, ",cessationOfOperation\t"},
                 {6, 6, ",certificateHold\t"},
                 {9, -1, "Z\t"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char serial[ISCEP_HOST_SERIAL_SIZE];
        issue(serial);
        cr_assert_eq(iscep_revoke(the_world.ca, serial, cases[i].reason, &err), SCEP_REVOKE_DONE, "%s",
                     err.message);
        cr_assert_eq(listed_reason(serial), cases[i].listed, "%u", cases[i].reason);
        char line[128];
        snprintf(line, sizeof(line), "%s%s\tunknown", cases[i].named, serial);
        expect_index(line, true);
    }
    expect_command("openssl crl -in crl.pem -CAfile ca.pem -noout", "verify OK");
}

Test(ca_register, revokes_once)
{
    char serial[ISCEP_HOST_SERIAL_SIZE];
    issue(serial);
    cr_assert_eq(iscep_revoke(the_world.ca, serial, 1, &err), SCEP_REVOKE_DONE);
    unsigned long number = crl_number();
    cr_assert_eq(iscep_revoke(the_world.ca, serial, 4, &err), SCEP_REVOKE_ALREADY);
    cr_assert_eq(listed_reason(serial), 1, "the first reason stays");
    cr_assert_eq(crl_number(), number, "nothing has changed");
}

Test(ca_register, does_not_revoke_what_it_does_not_know_or_for_no_reason)
{
    static const struct {
        const char *serial;
        uint32_t reason;
        int32_t want;
    } cases[] = {{"0A1B", 4, SCEP_REVOKE_UNKNOWN},     {"", 4, SCEP_REVOKE_UNKNOWN},
                 {"../../ca", 4, SCEP_REVOKE_UNKNOWN}, {"\t", 4, SCEP_REVOKE_UNKNOWN},
                 {"0A1B", 8, SCEP_REVOKE_REFUSED},     {"0A1B", 7, SCEP_REVOKE_REFUSED},
                 {"0A1B", 11, SCEP_REVOKE_REFUSED}};
    char serial[ISCEP_HOST_SERIAL_SIZE];
    issue(serial);
    char *before = test_read_file(&the_world, "index.txt");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_eq(iscep_revoke(the_world.ca, cases[i].serial, cases[i].reason, &err), cases[i].want, "%zu",
                     i);
        cr_assert_neq(err.message[0], '\0');
    }
    char *after = test_read_file(&the_world, "index.txt");
    cr_assert_str_eq(after, before);
    free(before);
    free(after);
}

Test(ca_register, refuses_to_guess_which_of_two)
{
    char path[PATH_MAX];
    temp_dir_write(&the_world.dir, path, sizeof(path), "index.txt",
                   "V\t271122120000Z\t\t77\tunknown\t/CN=a\nV\t271122120000Z\t\t0077\tunknown\t/CN=b\n");
    cr_assert_eq(iscep_revoke(the_world.ca, "77", 4, &err), SCEP_REVOKE_REFUSED);
    expect_index("R\t", false);
}

Test(ca_register, keeps_lines_that_it_does_not_understand)
{
    char serial[ISCEP_HOST_SERIAL_SIZE];
    char path[PATH_MAX];
    temp_dir_write(&the_world.dir, path, sizeof(path), "index.txt", "# a note\r\n\n\x01\x02 cut");
    issue(serial);
    cr_assert_eq(iscep_revoke(the_world.ca, serial, 4, &err), SCEP_REVOKE_DONE);
    expect_index("# a note\r\n\n\x01\x02 cut\nR\t", true);
}

/* Without it everything would be valid again, and nothing ever have been issued: neither is said. */
Test(ca_register, says_nothing_without_its_index)
{
    char serial[ISCEP_HOST_SERIAL_SIZE];
    X509_CRL *crl = NULL;
    issue(serial);
    cr_assert_eq(iscep_revoke(the_world.ca, serial, 4, &err), SCEP_REVOKE_DONE);
    cr_assert_eq(unlink(path_of("index.txt")), 0);
    cr_assert_eq(iscep_revoke(the_world.ca, serial, 4, &err), SCEP_REVOKE_LATER);
    cr_assert_eq(iscep_host_ca_crl(the_world.ca, &crl, &err), ISCEP_STORAGE);
    cr_assert_eq(iscep_ca_register_add(&(iscep_ca_register){.dir = the_world.dir.path},
                                       iscep_host_ca_cert(the_world.ca), &err),
                 ISCEP_STORAGE, "nor is a new one begun");
    cr_assert_eq(listed_reason(serial), 4, "the CRL is as it was");
}

Test(ca_register, does_not_begin_a_new_index_beside_an_old_crl)
{
    iscep_host_ca_free(the_world.ca);
    the_world.ca = NULL;
    cr_assert_eq(unlink(path_of("index.txt")), 0);
    const iscep_host_ca_options options = {.state_dir = the_world.dir.path, .validity_days = 30};
    cr_assert_eq(iscep_host_ca_open(&the_world.ca, &the_world.env, the_world.crypto, &options, &err),
                 ISCEP_CONFIG);
    cr_assert_not_null(strstr(err.message, "index.txt"), "%s", err.message);
}

Test(ca_register, makes_a_new_crl_before_the_old_one_ends)
{
    unsigned long number = crl_number();
    the_world.clock_offset_ms += 5 * DAY_MS;
    cr_assert_eq(crl_number(), number, "good for another two days");
    the_world.clock_offset_ms += DAY_MS + 1000;
    cr_assert_eq(crl_number(), number + 1);
    the_world.clock_offset_ms -= 30 * DAY_MS;
    cr_assert_eq(crl_number(), number + 2, "one of the future is none");
}

Test(ca_register, gives_no_number_to_two_crls)
{
    unsigned long number = crl_number();
    cr_assert_eq(unlink(path_of("crlnumber")), 0);
    the_world.clock_offset_ms += 8 * DAY_MS;
    cr_assert_eq(crl_number(), number + 1);
    cr_assert_eq(unlink(path_of("crl.pem")), 0);
    cr_assert_eq(crl_number(), number + 2);
}

Test(ca_register, replaces_a_crl_that_somebody_has_damaged)
{
    char path[PATH_MAX];
    char serial[ISCEP_HOST_SERIAL_SIZE];
    issue(serial);
    cr_assert_eq(iscep_revoke(the_world.ca, serial, 4, &err), SCEP_REVOKE_DONE);
    temp_dir_write(&the_world.dir, path, sizeof(path), "crl.pem", "-----BEGIN X509 CRL-----\nMAA=\n");
    crl_number();
    cr_assert_eq(listed_reason(serial), 4);
}

/* The entry is marked and the CRL cannot be written: it is not done, and asking again gets it done. */
Test(ca_register, owes_the_crl_until_it_is_written)
{
    char serial[ISCEP_HOST_SERIAL_SIZE];
    issue(serial);
    cr_assert_eq(unlink(path_of("crl.pem")), 0);
    cr_assert_eq(mkdir(path_of("crl.pem"), 0700), 0);
    cr_assert_eq(iscep_revoke(the_world.ca, serial, 4, &err), SCEP_REVOKE_LATER);
    expect_index("R\t", true);
    cr_assert_eq(iscep_revoke(the_world.ca, serial, 4, &err), SCEP_REVOKE_LATER);
    cr_assert_eq(rmdir(path_of("crl.pem")), 0);
    cr_assert_eq(iscep_revoke(the_world.ca, serial, 4, &err), SCEP_REVOKE_ALREADY);
    cr_assert_eq(listed_reason(serial), 4);
}

Test(ca_register, goes_on_with_what_openssl_ca_has_done)
{
    char first[ISCEP_HOST_SERIAL_SIZE];
    char second[ISCEP_HOST_SERIAL_SIZE];
    char command[PATH_MAX];
    issue(first);
    issue(second);
    write_openssl_config();
    snprintf(command, sizeof(command),
             "openssl ca -config ca.conf -revoke unreported/%s.pem -crl_reason superseded", first);
    expect_command(command, "Database updated");
    unsigned long number = crl_number();
    cr_assert_eq(listed_reason(first), 4);
    cr_assert_eq(iscep_revoke(the_world.ca, second, 1, &err), SCEP_REVOKE_DONE);
    cr_assert_gt(crl_number(), number);
}

Test(ca_register, is_read_by_openssl_ca)
{
    char serial[ISCEP_HOST_SERIAL_SIZE];
    char command[PATH_MAX];
    issue(serial);
    cr_assert_eq(iscep_revoke(the_world.ca, serial, 9, &err), SCEP_REVOKE_DONE);
    write_openssl_config();
    snprintf(command, sizeof(command), "openssl ca -config ca.conf -status %s || true", serial);
    expect_command(command, "=Revoked (R)");
    expect_command("openssl ca -config ca.conf -gencrl -out crl.pem && openssl crl -in crl.pem -noout -text",
                   serial);
    unsigned long number = crl_number();
    the_world.clock_offset_ms += 8 * DAY_MS;
    cr_assert_eq(crl_number(), number + 1);
    snprintf(
        command, sizeof(command),
        "openssl verify -no_check_time -crl_check -CAfile ca.pem -CRLfile crl.pem unreported/%s.pem || true",
        serial);
    expect_command(command, "certificate revoked");
}

static int32_t revoked_under_lock;

static void *revoke_in_thread(void *user)
{
    iscep_error own = ISCEP_ERROR_INIT;
    revoked_under_lock = iscep_revoke(the_world.ca, user, 4, &own);
    return NULL;
}

Test(ca_register, waits_for_others_who_hold_the_lock)
{
    char serial[ISCEP_HOST_SERIAL_SIZE];
    pthread_t revoker;
    int lock = -1;
    issue(serial);
    cr_assert_eq(iscep_state_lock_take(&lock, path_of("index.txt.lock"), &err), ISCEP_OK);
    cr_assert_eq(pthread_create(&revoker, NULL, revoke_in_thread, serial), 0);
    cr_assert_neq(pthread_tryjoin_np(revoker, NULL), 0);
    expect_index("R\t", false);
    iscep_state_lock_release(lock);
    pthread_join(revoker, NULL);
    cr_assert_eq(revoked_under_lock, SCEP_REVOKE_DONE);
}

typedef struct worker {
    pthread_t thread;
    const iscep_cert_request *request;
    unsigned failures;
} worker;

static void *issue_and_revoke(void *user)
{
    worker *self = user;
    for (int i = 0; i < 6; i++) {
        iscep_error own = ISCEP_ERROR_INIT;
        char serial[ISCEP_HOST_SERIAL_SIZE];
        OSSL_AUTO(X509) *cert = NULL;
        if (iscep_host_ca_issue(&cert, the_world.ca, self->request, &own) != ISCEP_OK) {
            self->failures++;
            continue;
        }
        iscep_host_serial(serial, cert);
        self->failures += iscep_revoke(the_world.ca, serial, 4, &own) != SCEP_REVOKE_DONE;
    }
    return NULL;
}

Test(ca_register, loses_no_line_when_many_write_at_once)
{
    worker workers[6];
    iscep_cert_request request;
    parse_request(&request);
    for (size_t i = 0; i < 6; i++) {
        workers[i] = (worker){.request = &request};
        cr_assert_eq(pthread_create(&workers[i].thread, NULL, issue_and_revoke, &workers[i]), 0);
    }
    for (size_t i = 0; i < 6; i++) {
        pthread_join(workers[i].thread, NULL);
        cr_assert_eq(workers[i].failures, 0);
    }
    iscep_cert_request_clear(&request);
    X509_CRL *crl = NULL;
    cr_assert_eq(iscep_host_ca_crl(the_world.ca, &crl, &err), ISCEP_OK);
    cr_assert_eq(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), 36);
    X509_CRL_free(crl);
    expect_index("V\t", false);
}
