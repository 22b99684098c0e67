/* What a request must be before anybody is asked about it, and the facts of a certificate as OpenSSL tells them. */
#include <criterion/criterion.h>
#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/x509.h"
#include "tests/support/test_pki.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { MAX_DER_LEN = 256 * 1024 };

static EVP_PKEY *key;
static iscep_buf csr_der;

static void set_up(void)
{
    key = test_pki_new_ec_key();
    iscep_buf_init(&csr_der, MAX_DER_LEN);
    test_pki_emit_good_csr(&csr_der, key);
}

static void tear_down(void)
{
    iscep_buf_clear(&csr_der);
    EVP_PKEY_free(key);
}

TestSuite(csr, .init = set_up, .fini = tear_down);
TestSuite(cert, .init = set_up, .fini = tear_down);

static void assert_refused(iscep_bytes der, const char *want_code)
{
    iscep_csr *csr = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_csr_parse(&csr, der, &err), ISCEP_USAGE, "%s expected, got %s", want_code, err.code);
    cr_assert_str_eq(err.code, want_code, "%s: %s", err.code, err.message);
    cr_assert_null(csr);
}

static void assert_recipe_refused(const test_csr_options *options, const char *want_code)
{
    ISCEP_AUTO_BUF der;
    iscep_buf_init(&der, MAX_DER_LEN);
    test_pki_emit_csr(&der, options);
    assert_refused(iscep_buf_bytes(&der), want_code);
}

/* The three elements of a CertificationRequest: what is signed, the algorithm, the signature. */
static void split(iscep_bytes parts[3])
{
    const uint8_t *at = csr_der.data + 4; /* a header of 30 82 xx xx or 30 81 xx */
    if (csr_der.data[1] == 0x81)
        at--;
    for (int i = 0; i < 3; i++) {
        parts[i] = iscep_bytes_of(at, iscep_der_element_len(at, (size_t)(csr_der.data + csr_der.len - at)));
        cr_assert_gt(parts[i].len, 0);
        at += parts[i].len;
    }
    cr_assert_eq(at, csr_der.data + csr_der.len);
}

static void emit_sequence(iscep_buf *out, const iscep_bytes *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    const uint8_t header[] = {0x30, 0x82, (uint8_t)(len >> 8), (uint8_t)len};
    cr_assert_gt(len, 255);
    iscep_buf_append(out, header, sizeof header);
    for (size_t i = 0; i < count; i++)
        iscep_buf_append(out, parts[i].data, parts[i].len);
}

Test(csr, with_an_ec_or_rsa_key_is_read)
{
    EVP_PKEY *rsa = test_pki_new_rsa_key();
    EVP_PKEY *keys[] = {key, rsa};
    for (size_t i = 0; i < COUNT(keys); i++) {
        ISCEP_AUTO_BUF der;
        iscep_csr *csr;
        iscep_error err = ISCEP_ERROR_INIT;
        iscep_buf_init(&der, MAX_DER_LEN);
        test_pki_emit_good_csr(&der, keys[i]);
        cr_assert_eq(iscep_csr_parse(&csr, iscep_buf_bytes(&der), &err), ISCEP_OK, "%s", err.message);
        cr_assert(iscep_bytes_equal(iscep_csr_der(csr), iscep_buf_bytes(&der)));
        cr_assert(iscep_bytes_equal(iscep_csr_challenge(csr), iscep_bytes_of_text(TEST_PKI_CHALLENGE)));
        cr_assert_str_eq(iscep_csr_subject(csr), "CN=device-1,O=Contoso");
        iscep_csr_free(csr);
    }
    EVP_PKEY_free(rsa);
}

Test(csr, is_copied)
{
    iscep_csr *csr;
    cr_assert_eq(iscep_csr_parse(&csr, iscep_buf_bytes(&csr_der), NULL), ISCEP_OK);
    memset(csr_der.data, 0xEE, csr_der.len);
    cr_assert_eq(iscep_csr_der(csr).data[0], 0x30);
    cr_assert_eq(iscep_csr_der(csr).len, csr_der.len);
    iscep_csr_free(csr);
    iscep_csr_free(NULL);
}

Test(csr, subject_is_utf8_and_its_control_characters_are_escaped)
{
    static const char *const names[][2] = {{"M\xC3\xBCller", "CN=M\xC3\xBCller,O=Contoso"},
                                           {"a,b+c\"d", "CN=a\\,b\\+c\\\"d,O=Contoso"},
                                           {"line\nbreak", "CN=line\\0Abreak,O=Contoso"}};
    for (size_t i = 0; i < COUNT(names); i++) {
        ISCEP_AUTO_BUF der;
        iscep_csr *csr;
        iscep_buf_init(&der, MAX_DER_LEN);
        test_pki_emit_csr(&der,
                          &(test_csr_options){.key = key, .common_name = names[i][0], .challenges = {"x"}});
        cr_assert_eq(iscep_csr_parse(&csr, iscep_buf_bytes(&der), NULL), ISCEP_OK);
        cr_assert_str_eq(iscep_csr_subject(csr), names[i][1]);
        iscep_csr_free(csr);
    }
}

Test(csr, cut_at_any_byte_is_malformed)
{
    for (size_t len = 0; len < csr_der.len; len++)
        assert_refused(iscep_bytes_of(csr_der.data, len), "csr_malformed");
}

Test(csr, with_a_byte_behind_it_is_malformed)
{
    iscep_buf_append(&csr_der, "", 1);
    assert_refused(iscep_buf_bytes(&csr_der), "csr_malformed");
}

Test(csr, what_is_no_request_is_malformed)
{
    static const char *const others[] = {"", "0", "not DER", "-----BEGIN CERTIFICATE REQUEST-----\n",
                                         "\x30\x00"};
    for (size_t i = 0; i < COUNT(others); i++)
        assert_refused(iscep_bytes_of_text(others[i]), "csr_malformed");
    assert_refused((iscep_bytes){0}, "csr_malformed");
    ISCEP_AUTO_BUF cert;
    iscep_buf_init(&cert, MAX_DER_LEN);
    test_pki_emit_cert(&cert, &(test_cert_options){.key = key});
    assert_refused(iscep_buf_bytes(&cert), "csr_malformed");
}

Test(csr, of_indefinite_length_is_malformed)
{
    iscep_bytes parts[3];
    split(parts);
    ISCEP_AUTO_BUF ber;
    iscep_buf_init(&ber, MAX_DER_LEN);
    iscep_buf_append(&ber, "\x30\x80", 2);
    for (int i = 0; i < 3; i++)
        iscep_buf_append(&ber, parts[i].data, parts[i].len);
    iscep_buf_append(&ber, "\0\0", 2);
    assert_refused(iscep_buf_bytes(&ber), "csr_malformed");
}

/* The algorithm stands outside of what is signed, so nothing but the rules of DER can refuse these. */
Test(csr, with_a_length_in_too_many_octets_is_malformed)
{
    iscep_bytes parts[3];
    split(parts);
    cr_assert_lt(parts[1].data[1], 0x80);
    for (uint8_t octets = 1; octets <= 3; octets++) {
        ISCEP_AUTO_BUF algorithm, der;
        iscep_buf_init(&algorithm, 256);
        iscep_buf_init(&der, MAX_DER_LEN);
        const uint8_t header[] = {0x30, (uint8_t)(0x80 | octets)};
        iscep_buf_append(&algorithm, header, sizeof header);
        iscep_buf_append(&algorithm, "\0\0", (size_t)octets - 1);
        iscep_buf_append(&algorithm, parts[1].data + 1,
                         parts[1].len - 1); /* the short length, and the content */
        const iscep_bytes changed[] = {parts[0], iscep_buf_bytes(&algorithm), parts[2]};
        emit_sequence(&der, changed, 3);
        assert_refused(iscep_buf_bytes(&der), "csr_malformed");
    }
}

/* BER may send a string in pieces, and OpenSSL puts them together; the signature, too, stands outside. */
Test(csr, with_a_string_in_pieces_is_malformed)
{
    iscep_bytes parts[3];
    split(parts);
    cr_assert_lt(parts[2].len, 0x80);
    ISCEP_AUTO_BUF pieces, der;
    iscep_buf_init(&pieces, 256);
    iscep_buf_init(&der, MAX_DER_LEN);
    iscep_buf_append(&pieces, &(uint8_t[]){0x23, (uint8_t)parts[2].len}, 2);
    iscep_buf_append(&pieces, parts[2].data, parts[2].len);
    const iscep_bytes changed[] = {parts[0], parts[1], iscep_buf_bytes(&pieces)};
    emit_sequence(&der, changed, 3);
    assert_refused(iscep_buf_bytes(&der), "csr_malformed");
}

Test(csr, put_together_again_unchanged_is_still_accepted)
{
    iscep_bytes parts[3];
    ISCEP_AUTO_BUF rsa_csr;
    iscep_csr *csr;
    EVP_PKEY *rsa = test_pki_new_rsa_key();
    iscep_buf_clear(&csr_der);
    test_pki_emit_good_csr(&csr_der, rsa);
    split(parts);
    iscep_buf_init(&rsa_csr, MAX_DER_LEN);
    emit_sequence(&rsa_csr, parts, 3);
    cr_assert_eq(iscep_csr_parse(&csr, iscep_buf_bytes(&rsa_csr), NULL), ISCEP_OK);
    iscep_csr_free(csr);
    EVP_PKEY_free(rsa);
}

Test(csr, nested_deeper_than_any_request_is_malformed)
{
    uint8_t der[2 * 60];
    for (size_t i = 0; i < 60; i++) {
        der[2 * i] = 0x30;
        der[2 * i + 1] = (uint8_t)(sizeof der - 2 * i - 2);
    }
    assert_refused(iscep_bytes_of(der, sizeof der), "csr_malformed");
}

Test(csr, larger_than_64_kib_is_too_large)
{
    static uint8_t zeros[ISCEP_CSR_MAX_LEN + 1];
    assert_refused(iscep_bytes_of(zeros, sizeof zeros), "csr_too_large");
    assert_refused(iscep_bytes_of(zeros, sizeof zeros - 1), "csr_malformed");
}

Test(csr, with_an_endless_name_is_the_callers_mistake)
{
    ISCEP_AUTO_BUF der;
    iscep_csr *csr = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&der, MAX_DER_LEN);
    test_pki_emit_csr(&der, &(test_csr_options){.key = key, .challenges = {"x"}, .name_entries = 500});
    cr_assert_eq(iscep_csr_parse(&csr, iscep_buf_bytes(&der), &err), ISCEP_USAGE);
    cr_assert_str_eq(err.code, "name_too_long");
    cr_assert_null(csr);
}

Test(csr, signed_by_another_key_is_no_proof_of_possession)
{
    assert_recipe_refused(
        &(test_csr_options){.key = key, .challenges = {"x"}, .is_signed_by_other_key = true},
        "csr_signature_invalid");
}

/* OpenSSL verifies this signature, which was made without a private key: the key is the point at infinity. */
Test(csr, whose_key_anybody_can_sign_with_is_no_proof_of_possession)
{
    static const uint8_t infinity[] = {
        0x30, 0x81, 0x9C, 0x30, 0x45, 0x02, 0x01, 0x00, 0x30, 0x0C, 0x31, 0x0A, 0x30, 0x08, 0x06, 0x03,
        0x55, 0x04, 0x03, 0x0C, 0x01, 0x78, 0x30, 0x19, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE,
        0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x02, 0x00,
        0x00, 0xA0, 0x17, 0x30, 0x15, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x07,
        0x31, 0x08, 0x0C, 0x06, 0x73, 0x65, 0x63, 0x72, 0x65, 0x74, 0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86,
        0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02, 0x03, 0x47, 0x00, 0x30, 0x44, 0x02, 0x20, 0x6B, 0x17, 0xD1,
        0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5, 0x63, 0xA4, 0x40, 0xF2, 0x77, 0x03, 0x7D,
        0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4, 0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96, 0x02, 0x20, 0x2D,
        0xCA, 0xD9, 0x37, 0x77, 0xB5, 0x43, 0x10, 0x89, 0x65, 0xA6, 0x4A, 0xBA, 0x16, 0x18, 0x3D, 0xF4,
        0x06, 0xA9, 0xAE, 0x77, 0x50, 0x0B, 0x75, 0x3A, 0xEB, 0x77, 0xDB, 0x39, 0xF7, 0x83, 0x1D};
    assert_refused(iscep_bytes_of(infinity, sizeof infinity), "csr_signature_invalid");
}

/* … and so is e = 1: the padded digest is its own signature. */
Test(csr, with_an_rsa_exponent_of_one_is_no_proof_of_possession)
{
    static const uint8_t exponent_one[] = {
        0x30, 0x82, 0x02, 0x66, 0x30, 0x82, 0x01, 0x4E, 0x02, 0x01, 0x00, 0x30, 0x0C, 0x31, 0x0A, 0x30, 0x08,
        0x06, 0x03, 0x55, 0x04, 0x03, 0x0C, 0x01, 0x78, 0x30, 0x82, 0x01, 0x20, 0x30, 0x0D, 0x06, 0x09, 0x2A,
        0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0D, 0x00, 0x30, 0x82,
        0x01, 0x08, 0x02, 0x82, 0x01, 0x01, 0x00, 0x80, 0x5B, 0x25, 0xC6, 0x67, 0xD0, 0x4D, 0x3A, 0xB2, 0xB7,
        0x79, 0x48, 0x79, 0xB1, 0x9D, 0x03, 0xAD, 0x3A, 0x26, 0xC3, 0xED, 0xF7, 0x9E, 0x2D, 0x38, 0xDD, 0x78,
        0xED, 0x06, 0x04, 0x5D, 0x32, 0xE8, 0x5E, 0xAD, 0x0E, 0xD3, 0x8E, 0x2D, 0x88, 0x26, 0x05, 0xEF, 0x6A,
        0x2C, 0xC4, 0xEB, 0x18, 0xA9, 0xA4, 0x5F, 0xE0, 0xB4, 0xCD, 0xBC, 0x77, 0x74, 0xD3, 0x53, 0xD1, 0x80,
        0xEE, 0x69, 0xAE, 0xA2, 0x7F, 0xE5, 0x0B, 0x35, 0xE9, 0x2E, 0xB0, 0xDF, 0x31, 0xA1, 0x5D, 0xC1, 0x0F,
        0x59, 0xCC, 0x95, 0xD9, 0x05, 0x09, 0xB7, 0xF9, 0x45, 0xF0, 0x5F, 0xC9, 0x88, 0x6F, 0x52, 0x2B, 0x7C,
        0x8F, 0x9E, 0xA3, 0x99, 0xE2, 0xF1, 0x63, 0x2B, 0xF7, 0xD5, 0x32, 0x00, 0x8C, 0x7C, 0x57, 0xF3, 0x80,
        0x17, 0xAA, 0xC9, 0x9B, 0x1C, 0x29, 0xC6, 0x73, 0x5B, 0x67, 0xDF, 0x60, 0x8F, 0x06, 0xB8, 0x87, 0xB5,
        0x61, 0x8B, 0xA9, 0x95, 0xB5, 0x33, 0x08, 0x04, 0x92, 0x67, 0x33, 0x76, 0x87, 0x61, 0xDF, 0xD3, 0x4E,
        0x62, 0x04, 0xEC, 0x5C, 0xFA, 0x92, 0x4A, 0x62, 0xFC, 0x3B, 0x2D, 0xC2, 0xF0, 0x05, 0xBD, 0x0B, 0xBA,
        0x66, 0xCB, 0x93, 0x5E, 0x78, 0x91, 0x46, 0x25, 0x72, 0xA4, 0x0B, 0x26, 0x10, 0xF0, 0x55, 0x5B, 0x8C,
        0xBE, 0x36, 0x96, 0xE9, 0xF6, 0xBF, 0x50, 0x3D, 0xD8, 0xBE, 0x06, 0xF9, 0xDE, 0x8E, 0x9D, 0x7A, 0x98,
        0xD0, 0x85, 0xE7, 0xD8, 0x18, 0x06, 0x9D, 0x72, 0x99, 0xE6, 0x49, 0x06, 0x40, 0xA8, 0x4B, 0xEA, 0x99,
        0x4B, 0xB9, 0x86, 0xB6, 0xCB, 0x1C, 0xF0, 0x31, 0xD2, 0x56, 0x7D, 0x8B, 0xC4, 0x0F, 0xB8, 0xF9, 0xDB,
        0xBF, 0xCC, 0x1A, 0x22, 0x99, 0x10, 0x88, 0x8E, 0x10, 0x81, 0x42, 0xE7, 0x92, 0xA6, 0xC0, 0x2D, 0x7A,
        0x51, 0xC7, 0xFD, 0x46, 0x8F, 0xC2, 0x16, 0xDD, 0x02, 0x01, 0x01, 0xA0, 0x17, 0x30, 0x15, 0x06, 0x09,
        0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x07, 0x31, 0x08, 0x0C, 0x06, 0x73, 0x65, 0x63, 0x72,
        0x65, 0x74, 0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B, 0x05, 0x00,
        0x03, 0x82, 0x01, 0x01, 0x00, 0x00, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
        0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20, 0x1C, 0xA5, 0x1B, 0xFD, 0x0A, 0x0F, 0xC8, 0xA7, 0x4D,
        0x33, 0x8A, 0x86, 0x78, 0x35, 0x5F, 0x79, 0x1D, 0xEE, 0xBC, 0x84, 0x16, 0xB5, 0x57, 0x78, 0x98, 0x86,
        0x45, 0xEF, 0x66, 0x43, 0x14, 0xFB};
    assert_refused(iscep_bytes_of(exponent_one, sizeof exponent_one), "csr_signature_invalid");
}

Test(csr, changed_after_it_was_signed_is_refused)
{
    uint8_t *name = memmem(csr_der.data, csr_der.len, "device-1", 8);
    cr_assert_not_null(name);
    name[7] = '2';
    assert_refused(iscep_buf_bytes(&csr_der), "csr_signature_invalid");
    name[7] = '1';
    uint8_t *challenge = memmem(csr_der.data, csr_der.len, TEST_PKI_CHALLENGE, 8);
    cr_assert_not_null(challenge);
    challenge[0] ^= 1;
    assert_refused(iscep_buf_bytes(&csr_der), "csr_signature_invalid");
}

Test(csr, with_a_changed_or_empty_signature_is_refused)
{
    csr_der.data[csr_der.len - 1] ^= 1;
    assert_refused(iscep_buf_bytes(&csr_der), "csr_signature_invalid");
    iscep_bytes parts[3];
    csr_der.data[csr_der.len - 1] ^= 1;
    ISCEP_AUTO_BUF rsa_csr;
    EVP_PKEY *rsa = test_pki_new_rsa_key();
    iscep_buf_clear(&csr_der);
    test_pki_emit_good_csr(&csr_der, rsa);
    split(parts);
    iscep_buf_init(&rsa_csr, MAX_DER_LEN);
    const iscep_bytes unsigned_parts[] = {parts[0], parts[1], iscep_bytes_of("\x03\x01\x00", 3)};
    emit_sequence(&rsa_csr, unsigned_parts, 3);
    assert_refused(iscep_buf_bytes(&rsa_csr), "csr_signature_invalid");
    EVP_PKEY_free(rsa);
}

Test(csr, without_a_challenge_is_told_so)
{
    assert_recipe_refused(&(test_csr_options){.key = key}, "csr_challenge_missing");
    assert_recipe_refused(&(test_csr_options){.key = key, .challenges = {""}}, "csr_challenge_missing");
    assert_recipe_refused(&(test_csr_options){.key = key, .has_no_value = true}, "csr_challenge_missing");
    assert_recipe_refused(
        &(test_csr_options){.key = key, .challenges = {"x"}, .challenge_type = V_ASN1_OCTET_STRING},
        "csr_challenge_missing");
}

Test(csr, with_two_challenges_is_refused_however_they_are_put)
{
    assert_recipe_refused(&(test_csr_options){.key = key, .challenges = {"one", "two"}},
                          "csr_challenge_duplicate");
    assert_recipe_refused(&(test_csr_options){.key = key, .challenges = {"one", "one"}},
                          "csr_challenge_duplicate");
    assert_recipe_refused(
        &(test_csr_options){.key = key, .challenges = {"one", "two"}, .is_one_attribute = true},
        "csr_challenge_duplicate");
    assert_recipe_refused(
        &(test_csr_options){.key = key, .challenges = {"one", ""}, .is_one_attribute = true},
        "csr_challenge_duplicate");
}

Test(csr, challenge_may_be_any_of_the_character_strings)
{
    static const int types[] = {V_ASN1_PRINTABLESTRING, V_ASN1_UTF8STRING, V_ASN1_IA5STRING,
                                V_ASN1_T61STRING};
    for (size_t i = 0; i < COUNT(types); i++) {
        ISCEP_AUTO_BUF der;
        iscep_csr *csr;
        iscep_buf_init(&der, MAX_DER_LEN);
        test_pki_emit_csr(&der,
                          &(test_csr_options){.key = key, .challenges = {"pw"}, .challenge_type = types[i]});
        cr_assert_eq(iscep_csr_parse(&csr, iscep_buf_bytes(&der), NULL), ISCEP_OK, "type %d", types[i]);
        cr_assert(iscep_bytes_equal(iscep_csr_challenge(csr), iscep_bytes_of_text("pw")));
        iscep_csr_free(csr);
    }
}

Test(csr, no_error_repeats_the_challenge)
{
    ISCEP_AUTO_BUF der;
    iscep_csr *csr = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&der, MAX_DER_LEN);
    test_pki_emit_csr(
        &der, &(test_csr_options){.key = key, .challenges = {TEST_PKI_CHALLENGE, TEST_PKI_CHALLENGE}});
    cr_assert_eq(iscep_csr_parse(&csr, iscep_buf_bytes(&der), &err), ISCEP_USAGE);
    cr_assert_null(strstr(err.message, TEST_PKI_CHALLENGE));
}

/* --- certificates --- */

static void parse_cert(iscep_cert **out, iscep_buf *der, const test_cert_options *options)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(der, MAX_DER_LEN);
    test_pki_emit_cert(der, options);
    cr_assert_eq(iscep_cert_parse(out, iscep_buf_bytes(der), &err), ISCEP_OK, "%s", err.message);
}

Test(cert, facts_are_those_that_openssl_tells)
{
    ISCEP_AUTO_BUF der, thumbprint;
    iscep_cert *cert;
    parse_cert(&cert, &der,
               &(test_cert_options){.key = key,
                                    .common_name = "device-1",
                                    .issuer_name = "Contoso M\xC3\xBCnchen CA",
                                    .serial_hex = "01F2E3D4C5B6A798",
                                    .not_after_unix = 1795332000});
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len;
    cr_assert_eq(EVP_Digest(der.data, der.len, digest, &digest_len, EVP_sha1(), NULL), 1);
    iscep_buf_init(&thumbprint, 64);
    iscep_hex_encode(&thumbprint, iscep_bytes_of(digest, digest_len));
    cr_assert_eq(digest_len, 20);
    cr_assert_str_eq(iscep_cert_thumbprint(cert), iscep_buf_text(&thumbprint));
    cr_assert_str_eq(iscep_cert_serial(cert), "01F2E3D4C5B6A798");
    cr_assert_str_eq(iscep_cert_issuer(cert), "CN=Contoso M\xC3\xBCnchen CA,O=Contoso");
    cr_assert_str_eq(iscep_cert_subject(cert), "CN=device-1,O=Contoso");
    cr_assert_eq(iscep_cert_not_after_unix(cert), 1795332000);
    iscep_cert_free(cert);
    iscep_cert_free(NULL);
}

#define HEX_10_BYTES "7F1E2D3C4B5A69788796"
#define HEX_50_BYTES HEX_10_BYTES HEX_10_BYTES HEX_10_BYTES HEX_10_BYTES HEX_10_BYTES

Test(cert, serial_has_whole_bytes_and_no_sign)
{
    static const char *const serials[][2] = {
        {"0", "00"},
        {"1", "01"},
        {"0A", "0A"},
        {"80", "80"},
        {"FF", "FF"},
        {"1234", "1234"},
        {"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"},
        {HEX_50_BYTES HEX_50_BYTES HEX_50_BYTES, HEX_50_BYTES HEX_50_BYTES HEX_50_BYTES},
        {"-7F", "7F"},
    };
    for (size_t i = 0; i < COUNT(serials); i++) {
        ISCEP_AUTO_BUF der;
        iscep_cert *cert;
        parse_cert(&cert, &der, &(test_cert_options){.key = key, .serial_hex = serials[i][0]});
        cr_assert_str_eq(iscep_cert_serial(cert), serials[i][1]);
        iscep_cert_free(cert);
    }
}

Test(cert, not_after_reaches_beyond_2050)
{
    static const int64_t ends[] = {1, 2524607999, 2524608000, 4102444800, 253402300799};
    for (size_t i = 0; i < COUNT(ends); i++) {
        ISCEP_AUTO_BUF der;
        iscep_cert *cert;
        parse_cert(&cert, &der, &(test_cert_options){.key = key, .not_after_unix = ends[i]});
        cr_assert_eq(iscep_cert_not_after_unix(cert), ends[i]);
        iscep_cert_free(cert);
    }
}

static void assert_cert_refused(iscep_bytes der)
{
    iscep_cert *cert = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_cert_parse(&cert, der, &err), ISCEP_USAGE);
    cr_assert_str_eq(err.code, "certificate_malformed");
    cr_assert_null(cert);
}

Test(cert, cut_or_with_something_behind_it_is_malformed)
{
    ISCEP_AUTO_BUF der;
    iscep_buf_init(&der, MAX_DER_LEN);
    test_pki_emit_cert(&der, &(test_cert_options){.key = key});
    for (size_t len = 0; len < der.len; len++)
        assert_cert_refused(iscep_bytes_of(der.data, len));
    iscep_buf_append(&der, "", 1);
    assert_cert_refused(iscep_buf_bytes(&der));
    assert_cert_refused(iscep_buf_bytes(&csr_der));
    assert_cert_refused((iscep_bytes){0});
}

Test(cert, of_indefinite_length_is_malformed)
{
    ISCEP_AUTO_BUF der, ber;
    iscep_buf_init(&der, MAX_DER_LEN);
    iscep_buf_init(&ber, MAX_DER_LEN);
    test_pki_emit_cert(&der, &(test_cert_options){.key = key});
    size_t header_len = der.data[1] == 0x81 ? 3 : 4;
    iscep_buf_append(&ber, "\x30\x80", 2);
    iscep_buf_append(&ber, der.data + header_len, der.len - header_len);
    iscep_buf_append(&ber, "\0\0", 2);
    assert_cert_refused(iscep_buf_bytes(&ber));
}

Test(cert, larger_than_64_kib_is_malformed)
{
    static uint8_t zeros[ISCEP_CERT_MAX_LEN + 1];
    assert_cert_refused(iscep_bytes_of(zeros, sizeof zeros));
}

Test(cert, has_the_key_of_its_request_or_of_another)
{
    EVP_PKEY *other = test_pki_new_ec_key(), *rsa = test_pki_new_rsa_key();
    EVP_PKEY *const keys[] = {key, other, rsa};
    iscep_csr *csr;
    cr_assert_eq(iscep_csr_parse(&csr, iscep_buf_bytes(&csr_der), NULL), ISCEP_OK);
    for (size_t i = 0; i < COUNT(keys); i++) {
        ISCEP_AUTO_BUF der;
        iscep_cert *cert;
        parse_cert(&cert, &der, &(test_cert_options){.key = keys[i], .issuer_key = other});
        cr_assert_eq(iscep_cert_has_key_of(cert, csr), i == 0, "key %zu", i);
        iscep_cert_free(cert);
    }
    iscep_csr_free(csr);
    EVP_PKEY_free(other);
    EVP_PKEY_free(rsa);
}

Test(der_element, length_is_known_only_if_it_is_whole)
{
    static const struct {
        const char *bytes;
        size_t len;
        size_t want;
    } cases[] = {
        {"\x30\x00", 2, 2},
        {"\x30\x01\x00", 3, 3},
        {"\x30\x01\x00\xFF", 4, 3},
        {"\x30\x81\x01\x00", 4, 4},
        {"\x30", 1, 0},
        {"\x30\x01", 2, 0},
        {"\x30\x82\x01", 3, 0},
        {"\x30\x80\x00\x00", 4, 0},
        {"\x30\x84\xFF\xFF\xFF\xFF", 6, 0},
        {"\x30\x88\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 10, 0},
        {"", 0, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        cr_assert_eq(iscep_der_element_len((const uint8_t *)cases[i].bytes, cases[i].len), cases[i].want,
                     "case %zu", i);
    cr_assert_eq(iscep_der_element_len(NULL, 0), 0);
}
