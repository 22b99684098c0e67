/*
 * base/x509, behind the check of the signature, where a mutated request never gets: the input is a
 * CertificationRequestInfo, and the target signs it. The key, one of two kinds, stands in the seeds, so a mutation
 * elsewhere leaves a request with proof of possession.
 */
#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <string.h>

#include "tests/fuzz/check.h"
#include "tests/fuzz/csr_checks.h"
#include "tests/fuzz/keys.h"

enum { MAX_LEN = 128 * 1024, MAX_SIGNATURE_LEN = 256 };

/* RFC 8410 and RFC 4055; the NULL is a parameter. */
static const uint8_t ed25519[] = {0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70};
static const uint8_t rsa_with_sha256[] = {0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
                                          0xF7, 0x0D, 0x01, 0x01, 0x0B, 0x05, 0x00};

/* Nobody's key: make_seeds.sh knows it, too. */
static EVP_PKEY *ed25519_key(void)
{
    static const uint8_t seed[32] = "key of nobody, for fuzzing only.";
    static EVP_PKEY *key;
    if (key == NULL)
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed);
    FUZZ_CHECK(key != NULL);
    return key;
}

static iscep_bytes sign(uint8_t signature[MAX_SIGNATURE_LEN], iscep_bytes info, bool is_ed25519)
{
    size_t len = MAX_SIGNATURE_LEN;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY *key = is_ed25519 ? ed25519_key() : fuzz_key_device();
    FUZZ_CHECK(EVP_DigestSignInit(md, NULL, is_ed25519 ? NULL : EVP_sha256(), NULL, key) == 1);
    FUZZ_CHECK(EVP_DigestSign(md, signature, &len, info.data, info.len) == 1);
    EVP_MD_CTX_free(md);
    return iscep_bytes_of(signature, len);
}

static void append_header(iscep_buf *out, int tag, bool is_constructed, size_t len)
{
    uint8_t header[16], *end = header;
    ASN1_put_object(&end, is_constructed, (int)len, tag, V_ASN1_UNIVERSAL);
    iscep_buf_append(out, header, (size_t)(end - header));
}

/* CertificationRequest ::= SEQUENCE { info, AlgorithmIdentifier, BIT STRING } (RFC 2986 4.2) */
static void emit_request(iscep_buf *out, iscep_bytes info)
{
    uint8_t room[MAX_SIGNATURE_LEN];
    ISCEP_AUTO_BUF bits;
    bool is_ed25519 = memmem(info.data, info.len, ed25519, sizeof ed25519) != NULL;
    iscep_bytes signature = sign(room, info, is_ed25519);
    iscep_buf_init(&bits, 2 * MAX_SIGNATURE_LEN);
    append_header(&bits, V_ASN1_BIT_STRING, false, signature.len + 1);
    iscep_buf_append(&bits, "", 1); /* no unused bits */
    iscep_buf_append(&bits, signature.data, signature.len);
    iscep_bytes algorithm = is_ed25519 ? iscep_bytes_of(ed25519, sizeof ed25519)
                                       : iscep_bytes_of(rsa_with_sha256, sizeof rsa_with_sha256);
    append_header(out, V_ASN1_SEQUENCE, true, info.len + algorithm.len + bits.len);
    iscep_buf_append(out, info.data, info.len);
    iscep_buf_append(out, algorithm.data, algorithm.len);
    iscep_buf_append(out, bits.data, bits.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ISCEP_AUTO_BUF request;
    iscep_buf_init(&request, MAX_LEN);
    emit_request(&request, iscep_bytes_of(data, size));
    if (!request.is_overflown)
        (void)csr_checks_parse(iscep_buf_bytes(&request));
    return 0;
}
