/* Certificates in CMS structures, without a signer and with one. */
#include "ca_certs.h"

#include "ossl_auto.h"

static iscep_status failed(iscep_error *err, const char *what)
{
    return iscep_crypto_error(err, ISCEP_SERVICE, "ca_certs", what);
}

static iscep_status emit(iscep_buf *out, const CMS_ContentInfo *cms, iscep_error *err)
{
    uint8_t *der = NULL;
    int len = i2d_CMS_ContentInfo(cms, &der);
    if (len <= 0)
        return failed(err, "certificates cannot be encoded");
    iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    return iscep_buf_status(out, err);
}

/* second: NULL is allowed. */
static iscep_status wrap(iscep_buf *out, const iscep_crypto *crypto, X509 *first, X509 *second,
                         iscep_error *err)
{
    const unsigned flags = CMS_DETACHED | CMS_PARTIAL | CMS_BINARY;
    OSSL_AUTO(CMS_ContentInfo) *cms =
        CMS_sign_ex(NULL, NULL, NULL, NULL, flags, iscep_crypto_context(crypto), NULL);
    if (!cms || CMS_add1_cert(cms, first) != 1 || (second && CMS_add1_cert(cms, second) != 1))
        return failed(err, "certificates cannot be wrapped");
    return emit(out, cms, err);
}

const char *iscep_ca_certs_type(const iscep_host_ca *ca)
{
    return iscep_host_ca_ra(ca) ? "application/x-x509-ca-ra-cert" : "application/x-x509-ca-cert";
}

iscep_status iscep_ca_certs(iscep_buf *out, const iscep_host_ca *ca, const iscep_crypto *crypto,
                            iscep_error *err)
{
    const iscep_identity *ra = iscep_host_ca_ra(ca);
    if (ra)
        return wrap(out, crypto, iscep_host_ca_cert(ca), ra->cert, err);
    iscep_bytes der = iscep_buf_bytes(&iscep_host_ca_identity(ca)->der);
    iscep_buf_append(out, der.data, der.len);
    return iscep_buf_status(out, err);
}

/* The digest is named: a key of a key store may have none that OpenSSL takes without being told. */
static iscep_status sign(iscep_buf *out, const iscep_identity *signer, iscep_bytes content, iscep_error *err)
{
    const unsigned flags = CMS_PARTIAL | CMS_BINARY | CMS_NOSMIMECAP;
    ISCEP_KEY_HELD *key = iscep_key_hold(&signer->key);
    OSSL_AUTO(BIO) *plain = BIO_new_mem_buf(content.data, (int)content.len);
    OSSL_AUTO(CMS_ContentInfo) *cms =
        CMS_sign_ex(NULL, NULL, NULL, NULL, flags, key->context, key->properties);
    bool is_signed = plain && cms && CMS_add1_signer(cms, signer->cert, key->pkey, EVP_sha256(), flags) &&
                     CMS_final(cms, plain, NULL, CMS_BINARY) == 1;
    return is_signed ? emit(out, cms, err) : failed(err, "the next certificate cannot be signed");
}

iscep_status iscep_ca_certs_next(iscep_buf *out, const iscep_host_ca *ca, const iscep_crypto *crypto,
                                 iscep_error *err)
{
    ISCEP_AUTO_BUF certs;
    iscep_buf_init(&certs, out->max_len);
    iscep_status status = wrap(&certs, crypto, iscep_host_ca_next(ca)->cert, NULL, err);
    if (status != ISCEP_OK)
        return status;
    return sign(out, iscep_host_ca_identity(ca), iscep_buf_bytes(&certs), err);
}
