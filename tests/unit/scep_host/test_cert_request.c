/* CSRs that are refused before anybody is asked about them, with the failInfo that says why. */
#include "cert_request.h"

#include <string.h>

#include <criterion/criterion.h>

#include "ossl_auto.h"
#include "world.h"

static host_world the_world;
static iscep_buf csr;

static void set_up(void)
{
    test_world_init(&the_world, false);
    iscep_buf_init(&csr, 128 * 1024);
}

static void tear_down(void)
{
    iscep_buf_clear(&csr);
    test_world_clear(&the_world);
}

static iscep_status parse(iscep_cert_request *request, iscep_bytes der, iscep_fail_info *fail_info)
{
    iscep_error err = ISCEP_ERROR_INIT;
    return iscep_cert_request_parse(request, the_world.crypto, der, fail_info, &err);
}

static void expect_refused(iscep_bytes der, iscep_fail_info expected)
{
    iscep_cert_request request;
    iscep_fail_info fail_info = ISCEP_BAD_CERT_ID;
    cr_assert_eq(parse(&request, der, &fail_info), ISCEP_USAGE);
    cr_assert_eq(fail_info, expected, "%s", iscep_fail_info_name(fail_info));
    iscep_cert_request_clear(&request);
}

static void make_csr(EVP_PKEY *key, const csr_extension *extensions, size_t count)
{
    iscep_buf_clear(&csr);
    test_csr(&csr, key, "phone", extensions, count);
    EVP_PKEY_free(key);
}

Test(cert_request, is_read_with_what_it_asks_for, .init = set_up, .fini = tear_down)
{
    static const csr_extension extensions[] = {{"keyUsage", "digitalSignature"},
                                               {"extendedKeyUsage", "clientAuth"},
                                               {"subjectAltName", "DNS:d.example"}};
    make_csr(test_device_key(), extensions, 3);
    iscep_cert_request request;
    iscep_fail_info fail_info;
    cr_assert_eq(parse(&request, iscep_buf_bytes(&csr), &fail_info), ISCEP_OK);
    cr_assert_not_null(request.csr);
    cr_assert_eq(ASN1_BIT_STRING_get_bit(request.key_usage, 0), 1);
    cr_assert_eq(sk_ASN1_OBJECT_num(request.extended_key_usage), 1);
    cr_assert_eq(sk_GENERAL_NAME_num(request.alternative_names), 1);
    iscep_cert_request_clear(&request);
}

Test(cert_request, may_ask_for_nothing_but_a_name, .init = set_up, .fini = tear_down)
{
    make_csr(test_device_key(), NULL, 0);
    iscep_cert_request request;
    iscep_fail_info fail_info;
    cr_assert_eq(parse(&request, iscep_buf_bytes(&csr), &fail_info), ISCEP_OK);
    cr_assert_null(request.key_usage);
    cr_assert_null(request.extended_key_usage);
    cr_assert_null(request.alternative_names);
    iscep_cert_request_clear(&request);
}

Test(cert_request, is_one_whole_der_element, .init = set_up, .fini = tear_down)
{
    make_csr(test_device_key(), NULL, 0);
    size_t whole = csr.len;
    iscep_buf_append(&csr, "", 1);
    expect_refused(iscep_buf_bytes(&csr), ISCEP_BAD_REQUEST);
    for (size_t len = 0; len < whole; len += 41)
        expect_refused(iscep_bytes_of(csr.data, len), ISCEP_BAD_REQUEST);
    expect_refused(iscep_bytes_of_text("-----BEGIN CERTIFICATE REQUEST-----"), ISCEP_BAD_REQUEST);
}

Test(cert_request, is_signed_by_its_own_key, .init = set_up, .fini = tear_down)
{
    make_csr(test_device_key(), NULL, 0);
    csr.data[csr.len - 1] ^= 1;
    expect_refused(iscep_buf_bytes(&csr), ISCEP_BAD_REQUEST);
}

Test(cert_request, with_a_key_that_scep_cannot_use_is_bad_alg, .init = set_up, .fini = tear_down)
{
    make_csr(EVP_EC_gen("P-256"), NULL, 0);
    expect_refused(iscep_buf_bytes(&csr), ISCEP_BAD_ALG);
    make_csr(EVP_RSA_gen(1024), NULL, 0);
    expect_refused(iscep_buf_bytes(&csr), ISCEP_BAD_ALG);
}

Test(cert_request, with_an_extension_twice_is_bad_request, .init = set_up, .fini = tear_down)
{
    static const csr_extension twice[] = {{"subjectAltName", "DNS:a.example"},
                                          {"subjectAltName", "DNS:b.example"}};
    make_csr(test_device_key(), twice, 2);
    expect_refused(iscep_buf_bytes(&csr), ISCEP_BAD_REQUEST);
}

Test(cert_request, with_an_extension_that_cannot_be_read_is_bad_request, .init = set_up, .fini = tear_down)
{
    static const csr_extension garbage[] = {{"subjectAltName", "DER:04:02:41:42"}};
    make_csr(test_device_key(), garbage, 1);
    expect_refused(iscep_buf_bytes(&csr), ISCEP_BAD_REQUEST);
    static const csr_extension usage[] = {{"keyUsage", "DER:05:00"}};
    make_csr(test_device_key(), usage, 1);
    expect_refused(iscep_buf_bytes(&csr), ISCEP_BAD_REQUEST);
}

/* "good.example\0.evil.example" is one name to us and another to who reads C strings. */
Test(cert_request, with_a_nul_in_a_name_is_bad_request, .init = set_up, .fini = tear_down)
{
    static const csr_extension names[] = {{"subjectAltName", "DER:30:05:82:03:61:00:62"}};
    make_csr(test_device_key(), names, 1);
    expect_refused(iscep_buf_bytes(&csr), ISCEP_BAD_REQUEST);
}

/* Is what the CSR's signature covers still in it? */
static bool has_same_wish(const X509_REQ *changed, iscep_bytes original)
{
    uint8_t *wish = NULL;
    int len = i2d_re_X509_REQ_tbs((X509_REQ *)changed, &wish);
    bool is_same = len > 0 && memmem(original.data, original.len, wish, (size_t)len) != NULL;
    OPENSSL_free(wish);
    return is_same;
}

Test(cert_request, never_says_what_was_not_signed, .init = set_up, .fini = tear_down)
{
    static const csr_extension extensions[] = {{"subjectAltName", "DNS:d.example"}};
    make_csr(test_device_key(), extensions, 1);
    ISCEP_AUTO_BUF changed;
    iscep_buf_init(&changed, csr.max_len);
    iscep_buf_append(&changed, csr.data, csr.len);
    for (size_t i = 0; i < csr.len; i++) {
        changed.data[i] ^= 0x55;
        iscep_cert_request request;
        iscep_fail_info fail_info;
        if (parse(&request, iscep_buf_bytes(&changed), &fail_info) == ISCEP_OK)
            cr_assert(has_same_wish(request.csr, iscep_buf_bytes(&csr)), "byte %zu", i);
        iscep_cert_request_clear(&request);
        changed.data[i] ^= 0x55;
    }
}
