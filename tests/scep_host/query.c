/* Answering what needs no decision. */
#include "query.h"

#include <openssl/err.h>

#include "base/x509.h"
#include "ossl_auto.h"

static iscep_status refuse(iscep_fail_info *out, iscep_fail_info fail_info, iscep_error *err, const char *why)
{
    *out = fail_info;
    return iscep_crypto_error(err, ISCEP_USAGE, iscep_fail_info_name(fail_info), why);
}

/* NULL: it is none, or something is behind it. */
static PKCS7_ISSUER_AND_SERIAL *parse(iscep_bytes der)
{
    const uint8_t *at = der.data;
    if (der.len == 0 || iscep_der_element_len(der.data, der.len) != der.len)
        return NULL;
    return d2i_PKCS7_ISSUER_AND_SERIAL(NULL, &at, (long)der.len);
}

static iscep_status find_cert(iscep_outcome *out, const iscep_host_ca *ca, const ASN1_INTEGER *serial,
                              iscep_fail_info *fail_info, iscep_error *err)
{
    out->cert = iscep_host_ca_find_issued(ca, serial);
    if (!out->cert)
        return refuse(fail_info, ISCEP_BAD_CERT_ID, err, "no such certificate was issued");
    out->status = ISCEP_PKI_SUCCESS;
    return ISCEP_OK;
}

static iscep_status find_crl(iscep_outcome *out, const iscep_host_ca *ca, iscep_error *err)
{
    iscep_status status = iscep_host_ca_crl(ca, &out->crl, err);
    if (status == ISCEP_OK)
        out->status = ISCEP_PKI_SUCCESS;
    return status;
}

iscep_status iscep_query_answer(iscep_outcome *out, const iscep_host_ca *ca, uint32_t message_type,
                                iscep_bytes content, iscep_fail_info *fail_info, iscep_error *err)
{
    PKCS7_ISSUER_AND_SERIAL *asked = parse(content);
    iscep_status status;
    if (!asked)
        status = refuse(fail_info, ISCEP_BAD_REQUEST, err, "the query is no IssuerAndSerialNumber");
    else if (X509_NAME_cmp(asked->issuer, X509_get_subject_name(iscep_host_ca_cert(ca))) != 0)
        status = refuse(fail_info, ISCEP_BAD_CERT_ID, err, "the query is about another CA");
    else if (message_type == ISCEP_MESSAGE_GET_CERT)
        status = find_cert(out, ca, asked->serial, fail_info, err);
    else
        status = find_crl(out, ca, err);
    PKCS7_ISSUER_AND_SERIAL_free(asked);
    return status;
}
