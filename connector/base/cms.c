/* See cms.h. */
#include "base/cms.h"

#include <limits.h>

#include <openssl/asn1.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/openssl_error.h"
#include "base/x509_name.h"

/* Seconds since 1970; 0: the time cannot be read. */
static int64_t unix_of(const ASN1_TIME *time)
{
    int days = 0, seconds = 0;
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    bool is_read = epoch != NULL && time != NULL && ASN1_TIME_diff(&days, &seconds, epoch, time) == 1;
    ASN1_TIME_free(epoch);
    return is_read ? (int64_t)days * 86400 + seconds : 0;
}

static int64_t signing_time_of(const CMS_SignerInfo *info)
{
    X509_ATTRIBUTE *attribute =
        CMS_signed_get_attr(info, CMS_signed_get_attr_by_NID(info, NID_pkcs9_signingTime, -1));
    ASN1_TYPE *value = attribute != NULL ? X509_ATTRIBUTE_get0_type(attribute, 0) : NULL;
    if (value == NULL || (value->type != V_ASN1_UTCTIME && value->type != V_ASN1_GENERALIZEDTIME))
        return 0;
    return unix_of(value->value.asn1_string);
}

/* The certificate that the signer names, if it is inside. */
static iscep_status add_name_of(iscep_buf *out, CMS_ContentInfo *cms, CMS_SignerInfo *info, iscep_error *err)
{
    STACK_OF(X509) *certs = CMS_get1_certs(cms);
    iscep_status status = ISCEP_OK;
    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *cert = sk_X509_value(certs, i);
        if (CMS_SignerInfo_cert_cmp(info, cert) != 0)
            continue;
        status = iscep_x509_name_emit(out, X509_get_subject_name(cert), err);
        break;
    }
    sk_X509_pop_free(certs, X509_free);
    return status;
}

static iscep_status look(iscep_cms_facts *out, CMS_ContentInfo *cms, size_t max_len, iscep_error *err)
{
    if (OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed)
        return iscep_error_set(err, ISCEP_USAGE, "cms_not_signed",
                               "the CMS message is encrypted, or of another type than signed data");
    ASN1_OCTET_STRING **content = CMS_get0_content(cms);
    if (content == NULL || *content == NULL)
        return iscep_error_set(err, ISCEP_USAGE, "cms_no_content",
                               "the CMS message is a signature alone: what is signed is not in it");
    size_t len = (size_t)ASN1_STRING_length(*content);
    if (len > max_len)
        return iscep_error_set(err, ISCEP_USAGE, "cms_too_large", "what is signed is larger than %zu bytes",
                               max_len);
    iscep_buf_append(&out->content, ASN1_STRING_get0_data(*content), len);
    iscep_status status = iscep_buf_status(&out->content, err);
    STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms);
    if (status != ISCEP_OK || sk_CMS_SignerInfo_num(signers) <= 0)
        return status;
    CMS_SignerInfo *first = sk_CMS_SignerInfo_value(signers, 0);
    out->signed_unix = signing_time_of(first);
    return add_name_of(&out->signer, cms, first, err);
}

iscep_status iscep_cms_look(iscep_cms_facts *out, iscep_bytes der, size_t max_content_len, iscep_error *err)
{
    const uint8_t *at = der.data;
    *out = (iscep_cms_facts){0};
    iscep_buf_init(&out->content, max_content_len);
    iscep_buf_init(&out->signer, 0);
    if (der.len > LONG_MAX)
        return iscep_error_set(err, ISCEP_USAGE, "cms_too_large", "the CMS message is too large");
    iscep_openssl_forget();
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)der.len);
    iscep_status status = ISCEP_OK;
    if (cms == NULL && iscep_openssl_was_out_of_memory())
        status = iscep_error_nomem(err);
    else if (cms == NULL || at != der.data + der.len)
        status = iscep_error_set(err, ISCEP_USAGE, "cms_malformed", "it is not exactly one CMS message");
    else
        status = look(out, cms, max_content_len, err);
    CMS_ContentInfo_free(cms);
    iscep_openssl_forget();
    return status;
}

void iscep_cms_facts_clear(iscep_cms_facts *facts)
{
    iscep_buf_wipe(&facts->content);
    iscep_buf_clear(&facts->signer);
}
