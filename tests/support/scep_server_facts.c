/* See scep_server_facts.h. */
#include "scep_server_facts.h"

#include <string.h>
#include <strings.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "tests/scep_host/ossl_auto.h"

static bool is_word(const char *line, size_t len, const char *word)
{
    return len == strlen(word) && strncasecmp(line, word, len) == 0;
}

void scep_server_facts_read_caps(scep_server_facts *out, iscep_bytes text)
{
    const char *at = (const char *)text.data, *end = at + text.len;
    while (at < end) {
        const char *line = at;
        while (at < end && *at != '\r' && *at != '\n')
            at++;
        size_t len = (size_t)(at - line);
        bool is_standard = is_word(line, len, "SCEPStandard");
        out->has_aes = out->has_aes || is_standard || is_word(line, len, "AES");
        out->has_post = out->has_post || is_standard || is_word(line, len, "POSTPKIOperation");
        out->has_renewal = out->has_renewal || is_word(line, len, "Renewal");
        while (at < end && (*at == '\r' || *at == '\n'))
            at++;
    }
}

/* The CA is who may sign certificates, or is alone; the RA is who may not. */
static bool choose(scep_server_facts *out, STACK_OF(X509) * certs)
{
    bool is_alone = sk_X509_num(certs) == 1;
    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *cert = sk_X509_value(certs, i);
        X509 **place = is_alone || X509_check_ca(cert) > 0 ? &out->ca : &out->recipient;
        if (*place == NULL && X509_up_ref(cert) == 1)
            *place = cert;
    }
    if (out->ca != NULL && out->recipient == NULL && X509_up_ref(out->ca) == 1)
        out->recipient = out->ca;
    return out->ca != NULL && out->recipient != NULL;
}

static STACK_OF(X509) * read_certs(iscep_bytes body)
{
    const uint8_t *at = body.data;
    X509 *cert = d2i_X509(NULL, &at, (long)body.len);
    if (cert != NULL) {
        STACK_OF(X509) *certs = sk_X509_new_null();
        if (certs != NULL && sk_X509_push(certs, cert) > 0)
            return certs;
        X509_free(cert);
        sk_X509_free(certs);
        return NULL;
    }
    at = body.data;
    OSSL_AUTO(CMS_ContentInfo) *cms = d2i_CMS_ContentInfo(NULL, &at, (long)body.len);
    return cms != NULL ? CMS_get1_certs(cms) : NULL;
}

iscep_status scep_server_facts_read_certs(scep_server_facts *out, iscep_bytes body, iscep_error *err)
{
    STACK_OF(X509) *certs = read_certs(body);
    bool is_known = choose(out, certs);
    sk_X509_pop_free(certs, X509_free);
    ERR_clear_error();
    return is_known ? ISCEP_OK
                    : iscep_error_set(err, ISCEP_PROTOCOL, "ca_cert", "GetCACert has not shown who issues");
}

void scep_server_facts_clear(scep_server_facts *facts)
{
    X509_free(facts->ca);
    X509_free(facts->recipient);
    *facts = (scep_server_facts){0};
}
