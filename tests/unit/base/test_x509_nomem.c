/*
 * Memory that runs out at any place while a request is read is never a verdict on the request: NOMEM, or the right facts.
 * But for what OpenSSL 3.0 keeps to itself: its decoders, which read every key but RSA, say only that there is no key, and
 * its check of a signature that there is none.
 */
#include <criterion/criterion.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/x509.h"
#include "base/x509_facts.h"
#include "tests/support/asked.h"
#include "tests/support/scarce_memory.h"
#include "tests/support/test_pki.h"

/* OpenSSL is a library of its own, whose calls the linker does not see: by its hook it uses this program's malloc. */
static void *crypto_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(size);
}

static void *crypto_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return realloc(old, size);
}

static void crypto_free(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    free(memory);
}

/* Before anybody has used OpenSSL: later it refuses. */
__attribute__((constructor)) static void hook_openssl(void)
{
    if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
        abort();
}

static iscep_buf der;

static void set_up(void)
{
    iscep_buf_init(&der, ISCEP_CSR_MAX_LEN);
}

static void tear_down(void)
{
    iscep_buf_clear(&der);
}

TestSuite(x509_nomem, .init = set_up, .fini = tear_down);

static void emit_request(EVP_PKEY *key)
{
    static const char names[] = "[all]\nDNS = a.example\nURI = https://a.example/\nIP = 192.0.2.1\n"
                                "otherName.1 = 1.3.6.1.4.1.311.20.2.3;UTF8:user@contoso.example\n"
                                "otherName.2 = 1.2.3;UTF8:x\nRID = 1.2.3\ndirName = dn\n[dn]\nCN = x\n";
    asked_emit_csr(&der, &(asked){.key = key,
                                  .challenge = TEST_PKI_CHALLENGE,
                                  .sections = names,
                                  .extensions = {{"subjectAltName", "@all"},
                                                 {"keyUsage", "digitalSignature"},
                                                 {"extendedKeyUsage", "clientAuth"},
                                                 {"basicConstraints", "CA:FALSE"},
                                                 {"1.3.6.1.4.1.311.25.2", asked_sid_extension("S-1-5-21")}}});
}

static bool is_right(const iscep_x509_facts *facts, const char *key_type)
{
    return strcmp(facts->key_type, key_type) == 0 && strcmp(facts->subject, "CN=device-1") == 0 &&
           facts->san_count == 7 && facts->extension_count == 5 && facts->attribute_count == 2 &&
           facts->challenge_count == 1 && strcmp(facts->sid_extension, "S-1-5-21") == 0 &&
           strcmp(facts->digest, "SHA256") == 0 && facts->has_key_usage && facts->ext_key_usage_count == 1;
}

/* Lets each allocation in turn fail; true: that one was there. */
static bool fail_at(long at, iscep_status (*read)(void *out, iscep_error *err), void *out,
                    iscep_status *status, iscep_error *err)
{
    scarce_memory_begin(at);
    *status = read(out, err);
    return scarce_memory_end();
}

static iscep_status read_facts(void *out, iscep_error *err)
{
    return iscep_x509_facts_of_request(out, iscep_buf_bytes(&der), err);
}

static iscep_status read_csr(void *out, iscep_error *err)
{
    return iscep_csr_parse(out, iscep_buf_bytes(&der), err);
}

/* How often it was noticed. The first reading is for what OpenSSL sets up once. */
static long try_facts(const char *key_type, const char *or_key_type)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status;
    iscep_x509_facts facts;
    long noticed = 0;
    for (long at = 0; fail_at(at, read_facts, &facts, &status, &err); at++) {
        cr_assert(status == ISCEP_NOMEM || status == ISCEP_OK, "allocation %ld: %s", at, err.code);
        cr_assert(status == ISCEP_NOMEM || is_right(&facts, key_type) || is_right(&facts, or_key_type),
                  "allocation %ld: other facts", at);
        noticed += status == ISCEP_NOMEM;
        iscep_x509_facts_clear(&facts);
    }
    cr_assert(status == ISCEP_OK && is_right(&facts, key_type));
    iscep_x509_facts_clear(&facts);
    return noticed;
}

Test(x509_nomem, is_no_refusal_by_the_facts_of_a_request_with_an_rsa_key)
{
    EVP_PKEY *key = test_pki_new_rsa_key();
    emit_request(key);
    cr_assert_gt(try_facts("RSA", "RSA"), 100);
    EVP_PKEY_free(key);
}

Test(x509_nomem, is_no_refusal_by_the_facts_of_a_request_with_an_ec_key)
{
    EVP_PKEY *key = test_pki_new_ec_key();
    emit_request(key);
    cr_assert_gt(try_facts("EC", "unknown"), 100);
    EVP_PKEY_free(key);
}

Test(x509_nomem, is_not_called_malformed)
{
    EVP_PKEY *key = test_pki_new_rsa_key();
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status;
    iscep_csr *csr = NULL;
    emit_request(key);
    for (long at = 0; fail_at(at, read_csr, &csr, &status, &err); at++) {
        cr_assert(status == ISCEP_NOMEM || status == ISCEP_OK ||
                      strcmp(err.code, "csr_signature_invalid") == 0,
                  "allocation %ld: %s", at, err.code);
        iscep_csr_free(csr);
        csr = NULL;
    }
    cr_assert_eq(status, ISCEP_OK);
    iscep_csr_free(csr);
    EVP_PKEY_free(key);
}

static iscep_status hash(void *out, iscep_error *err)
{
    return iscep_sha256(out, iscep_bytes_of_text("abc"), err);
}

static iscep_status hash_pair(void *out, iscep_error *err)
{
    return iscep_sha256_of_pair(out, iscep_bytes_of_text("abc"), iscep_bytes_of_text("abc"), err);
}

Test(x509_nomem, is_not_called_an_openssl_without_algorithms)
{
    iscep_status (*const each[])(void *out, iscep_error *err) = {hash, hash_pair};
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        uint8_t digest[ISCEP_SHA256_LEN];
        iscep_error err = ISCEP_ERROR_INIT;
        iscep_status status;
        long noticed = 0;
        for (long at = 0; fail_at(at, each[i], digest, &status, &err); at++) {
            cr_assert(status == ISCEP_NOMEM || status == ISCEP_OK, "allocation %ld: %s", at, err.code);
            noticed += status == ISCEP_NOMEM;
        }
        cr_assert_eq(status, ISCEP_OK);
        cr_assert_gt(noticed, 0);
    }
}

/* The sibling: with memory enough, what cannot be read is refused, and is not called a lack of memory. */
Test(x509_nomem, is_not_claimed_of_a_request_that_is_cut)
{
    EVP_PKEY *key = test_pki_new_ec_key();
    emit_request(key);
    for (size_t len = 0; len < der.len; len++) {
        iscep_x509_facts facts;
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(iscep_x509_facts_of_request(&facts, iscep_bytes_of(der.data, len), &err), ISCEP_USAGE);
        cr_assert_str_eq(err.code, "csr_malformed");
    }
    EVP_PKEY_free(key);
}
