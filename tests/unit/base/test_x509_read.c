/* Requests and certificates are read as people keep them: DER, or PEM with whatever stands around it. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/x509_make.h"
#include "base/x509_read.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_pki.h"

static iscep_buf csr;

static void set_up(void)
{
    iscep_buf_init(&csr, ISCEP_CSR_MAX_LEN);
    test_pki_emit_good_csr(&csr, NULL);
}

static void tear_down(void)
{
    iscep_buf_clear(&csr);
}

TestSuite(x509_read, .init = set_up, .fini = tear_down);

/* Lines of 64 characters between the words of RFC 7468. */
static void emit_pem(iscep_buf *out, const char *label, iscep_bytes der)
{
    ISCEP_AUTO_BUF base64;
    iscep_buf_init(&base64, 64 * 1024);
    iscep_base64_encode(&base64, der);
    iscep_buf_printf(out, "-----BEGIN %s-----\n", label);
    for (size_t at = 0; at < base64.len; at += 64)
        iscep_buf_printf(out, "%.64s\n", iscep_buf_text(&base64) + at);
    iscep_buf_printf(out, "-----END %s-----\n", label);
}

static void assert_read(iscep_bytes content, iscep_x509_kind expected, iscep_bytes der)
{
    ISCEP_AUTO_BUF found;
    iscep_x509_kind kind;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&found, ISCEP_CERT_MAX_LEN);
    cr_assert_eq(iscep_x509_read(&found, &kind, content, &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(kind, expected);
    cr_assert(iscep_bytes_equal(iscep_buf_bytes(&found), der));
}

Test(x509_read, der_is_taken_as_it_is)
{
    ISCEP_AUTO_BUF cert;
    EVP_PKEY *key = test_pki_new_ec_key();
    iscep_buf_init(&cert, ISCEP_CERT_MAX_LEN);
    test_pki_emit_cert(&cert, &(test_cert_options){.key = key});
    assert_read(iscep_buf_bytes(&csr), ISCEP_X509_REQUEST, iscep_buf_bytes(&csr));
    assert_read(iscep_buf_bytes(&cert), ISCEP_X509_CERTIFICATE, iscep_buf_bytes(&cert));
    EVP_PKEY_free(key);
}

Test(x509_read, a_request_inside_a_request_is_not_read)
{
    ISCEP_AUTO_BUF pem, outer;
    iscep_buf_init(&pem, 64 * 1024);
    iscep_buf_init(&outer, ISCEP_CSR_MAX_LEN);
    iscep_buf_append_text(&pem, "\n");
    emit_pem(&pem, "CERTIFICATE REQUEST", iscep_buf_bytes(&csr));
    test_pki_emit_csr(&outer, &(test_csr_options){.challenges = {iscep_buf_text(&pem)},
                                                  .challenge_type = 12 /* UTF8String */});
    assert_read(iscep_buf_bytes(&outer), ISCEP_X509_REQUEST, iscep_buf_bytes(&outer));
}

Test(x509_read, pem_is_found_between_other_things)
{
    static const char *const labels[] = {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"};
    for (size_t i = 0; i < 2; i++) {
        ISCEP_AUTO_BUF text;
        iscep_buf_init(&text, 64 * 1024);
        iscep_buf_append_text(&text, "a remark\n");
        emit_pem(&text, "PRIVATE KEY", iscep_bytes_of_text("not for us"));
        emit_pem(&text, labels[i], iscep_buf_bytes(&csr));
        iscep_buf_append_text(&text, "another remark\n");
        assert_read(iscep_buf_bytes(&text), ISCEP_X509_REQUEST, iscep_buf_bytes(&csr));
    }
}

Test(x509_read, anything_else_is_refused)
{
    ISCEP_AUTO_BUF key_only;
    iscep_buf_init(&key_only, 1024);
    emit_pem(&key_only, "PRIVATE KEY", iscep_bytes_of_text("not for us"));
    const iscep_bytes wrong[] = {iscep_bytes_of_text(""), iscep_bytes_of_text("hello"),
                                 iscep_bytes_of(csr.data, csr.len - 1), iscep_buf_bytes(&key_only),
                                 iscep_bytes_of_text("-----BEGIN CERTIFICATE-----\n")};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ISCEP_AUTO_BUF found;
        iscep_x509_kind kind;
        iscep_error err = ISCEP_ERROR_INIT;
        iscep_buf_init(&found, ISCEP_CERT_MAX_LEN);
        cr_assert_eq(iscep_x509_read(&found, &kind, wrong[i], &err), ISCEP_USAGE, "row %zu", i);
        cr_assert_str_eq(err.code, "x509_unrecognised");
        cr_assert_eq(found.len, 0);
    }
}

Test(x509_read, a_file_that_cannot_be_read_is_named)
{
    ISCEP_AUTO_BUF found;
    iscep_x509_kind kind;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&found, ISCEP_CERT_MAX_LEN);
    cr_assert_eq(iscep_x509_read_file(&found, &kind, "/nowhere/x.der", &err), ISCEP_USAGE);
    cr_assert_str_eq(err.code, "file");
    cr_assert_not_null(strstr(err.message, "/nowhere/x.der"));
}

/* What doctor sends: whole, signed by its own key, with exactly the challenge that was wanted. */
Test(x509_read, a_request_made_here_is_one)
{
    ISCEP_AUTO_BUF made;
    iscep_csr *parsed = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&made, ISCEP_CSR_MAX_LEN);
    cr_assert_eq(iscep_csr_make(&made, "made here", "a challenge", &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(iscep_csr_parse(&parsed, iscep_buf_bytes(&made), &err), ISCEP_OK, "%s", err.message);
    cr_assert_str_eq(iscep_csr_subject(parsed), "CN=made here");
    cr_assert(iscep_bytes_equal(iscep_csr_challenge(parsed), iscep_bytes_of_text("a challenge")));
    iscep_csr_free(parsed);
}
