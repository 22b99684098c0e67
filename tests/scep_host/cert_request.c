/* Parsing and checking a PKCS#10 request before anybody is asked about it. */
#include "cert_request.h"

#include "base/x509.h"
#include "ossl_auto.h"

static iscep_status refuse(iscep_fail_info *out, iscep_fail_info fail_info, iscep_error *err, const char *why)
{
    *out = fail_info;
    return iscep_crypto_error(err, ISCEP_USAGE, iscep_fail_info_name(fail_info), why);
}

static iscep_status parse_csr(iscep_cert_request *request, const iscep_crypto *crypto, iscep_bytes der,
                              iscep_fail_info *fail_info, iscep_error *err)
{
    if (der.len == 0 || der.len > ISCEP_CSR_MAX_LEN || iscep_der_element_len(der.data, der.len) != der.len)
        return refuse(fail_info, ISCEP_BAD_REQUEST, err, "the CSR is not one whole DER element");
    request->csr = X509_REQ_new_ex(iscep_crypto_context(crypto), NULL);
    if (!request->csr)
        return iscep_error_nomem(err);
    const uint8_t *at = der.data;
    if (!d2i_X509_REQ(&request->csr, &at, (long)der.len) || at != der.data + der.len)
        return refuse(fail_info, ISCEP_BAD_REQUEST, err, "the CSR cannot be read");
    return ISCEP_OK;
}

static iscep_status check_key(const iscep_cert_request *request, const iscep_crypto *crypto,
                              iscep_fail_info *fail_info, iscep_error *err)
{
    EVP_PKEY *key = X509_REQ_get0_pubkey(request->csr);
    if (!iscep_crypto_allows_key(key))
        return refuse(fail_info, ISCEP_BAD_ALG, err, "the key is not RSA of 2048 to 8192 bits");
    if (X509_REQ_verify_ex(request->csr, key, iscep_crypto_context(crypto), NULL) != 1)
        return refuse(fail_info, ISCEP_BAD_REQUEST, err, "the CSR is not signed by its own key");
    return ISCEP_OK;
}

/* A name that other programs will read as a C string must be one: visible ASCII, nothing else. */
static bool is_plain_text(const ASN1_STRING *text)
{
    const uint8_t *data = ASN1_STRING_get0_data(text);
    for (int i = 0; i < ASN1_STRING_length(text); i++) {
        if (data[i] <= 0x20 || data[i] > 0x7e)
            return false;
    }
    return ASN1_STRING_length(text) > 0;
}

static bool are_plain_names(const GENERAL_NAMES *names)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        int type = 0;
        const void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        if ((type == GEN_DNS || type == GEN_EMAIL || type == GEN_URI) && !is_plain_text(value))
            return false;
    }
    return true;
}

/* The value of an extension; is_wrong when it stands there twice or cannot be read. */
static void *read_extension(const X509_EXTENSION_STACK *extensions, int nid, bool *is_wrong)
{
    const int is_absent = -1;
    int is_critical = 0;
    void *value = X509V3_get_d2i(extensions, nid, &is_critical, NULL);
    if (!value && is_critical != is_absent)
        *is_wrong = true;
    return value;
}

static iscep_status read_extensions(iscep_cert_request *request, iscep_fail_info *fail_info, iscep_error *err)
{
    bool is_wrong = false;
    OSSL_AUTO(X509_EXTENSION_STACK) *extensions = X509_REQ_get_extensions(request->csr);
    request->key_usage = read_extension(extensions, NID_key_usage, &is_wrong);
    request->extended_key_usage = read_extension(extensions, NID_ext_key_usage, &is_wrong);
    request->alternative_names = read_extension(extensions, NID_subject_alt_name, &is_wrong);
    if (is_wrong)
        return refuse(fail_info, ISCEP_BAD_REQUEST, err,
                      "an extension in the CSR is double or cannot be read");
    if (request->alternative_names && !are_plain_names(request->alternative_names))
        return refuse(fail_info, ISCEP_BAD_REQUEST, err,
                      "a subject alternative name holds unprintable characters");
    return ISCEP_OK;
}

iscep_status iscep_cert_request_parse(iscep_cert_request *out, const iscep_crypto *crypto, iscep_bytes der,
                                      iscep_fail_info *fail_info, iscep_error *err)
{
    *out = (iscep_cert_request){0};
    iscep_status status = parse_csr(out, crypto, der, fail_info, err);
    if (status == ISCEP_OK)
        status = check_key(out, crypto, fail_info, err);
    if (status == ISCEP_OK)
        status = read_extensions(out, fail_info, err);
    return status;
}

void iscep_cert_request_clear(iscep_cert_request *request)
{
    X509_REQ_free(request->csr);
    ASN1_BIT_STRING_free(request->key_usage);
    EXTENDED_KEY_USAGE_free(request->extended_key_usage);
    GENERAL_NAMES_free(request->alternative_names);
    *request = (iscep_cert_request){0};
}
