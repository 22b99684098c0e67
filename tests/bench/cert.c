/* See cert.h. */
#include "cert.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>

enum { CLOCK_SKEW_S = 3600, VALID_S = 365 * 86400 };

struct bench_issuer {
    EVP_PKEY *key;
    X509 *draft; /* all but the serial number and the signature */
};

static bool draft(X509 *out, X509_REQ *csr)
{
    X509_NAME *issuer = X509_get_issuer_name(out); /* the draft's own */
    return X509_set_version(out, X509_VERSION_3) == 1 &&
           X509_NAME_add_entry_by_txt(issuer, "CN", MBSTRING_UTF8, (const unsigned char *)"Bench CA", -1, -1,
                                      0) == 1 &&
           X509_set_subject_name(out, X509_REQ_get_subject_name(csr)) == 1 &&
           X509_set_pubkey(out, X509_REQ_get0_pubkey(csr)) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(out), -CLOCK_SKEW_S) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(out), VALID_S) != NULL;
}

iscep_status bench_issuer_new(bench_issuer **out, iscep_bytes csr, iscep_error *err)
{
    const unsigned char *der = csr.data;
    X509_REQ *request = d2i_X509_REQ(NULL, &der, (long)csr.len);
    bench_issuer *issuer = calloc(1, sizeof *issuer);
    bool is_made = false;
    if (request != NULL && issuer != NULL) {
        issuer->key = EVP_EC_gen("P-256");
        issuer->draft = X509_new();
        is_made = issuer->key != NULL && issuer->draft != NULL && draft(issuer->draft, request);
    }
    X509_REQ_free(request);
    if (!is_made) {
        bench_issuer_free(issuer);
        return iscep_error_nomem(err);
    }
    *out = issuer;
    return ISCEP_OK;
}

void bench_issuer_free(bench_issuer *issuer)
{
    if (issuer == NULL)
        return;
    X509_free(issuer->draft);
    EVP_PKEY_free(issuer->key);
    free(issuer);
}

iscep_status bench_issue(iscep_buf *out, const bench_issuer *issuer, uint64_t serial, iscep_error *err)
{
    unsigned char *der = NULL;
    int len = -1;
    if (ASN1_INTEGER_set_uint64(X509_get_serialNumber(issuer->draft), serial) == 1 &&
        X509_sign(issuer->draft, issuer->key, EVP_sha256()) > 0)
        len = i2d_X509(issuer->draft, &der);
    if (len > 0)
        iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    return len > 0 ? iscep_buf_status(out, err) : iscep_error_nomem(err);
}
