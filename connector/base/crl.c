/* See crl.h. */
#include "base/crl.h"

#include <limits.h>
#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

struct iscep_crl {
    X509_CRL *list;
    const iscep_keystore *issuer;
};

static iscep_status failed(iscep_error *err, const char *code, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return iscep_error_set(err, ISCEP_CONFIG, code, "%s%s%s", what, reason != NULL ? ": " : "",
                           reason != NULL ? reason : "");
}

/* NULL: it is no number. */
static ASN1_INTEGER *parse_number(const char *hex)
{
    BIGNUM *number = NULL;
    ASN1_INTEGER *integer = NULL;
    size_t len = strspn(hex, "0123456789abcdefABCDEF");
    if (len > 0 && hex[len] == '\0' && BN_hex2bn(&number, hex) == (int)len)
        integer = BN_to_ASN1_INTEGER(number, NULL);
    BN_free(number);
    return integer;
}

static bool set_times(X509_CRL *list, const iscep_crl_facts *facts)
{
    ASN1_TIME *this_update = ASN1_TIME_set(NULL, (time_t)facts->this_update_unix);
    ASN1_TIME *next_update = ASN1_TIME_set(NULL, (time_t)facts->next_update_unix);
    bool is_done = this_update != NULL && next_update != NULL &&
                   X509_CRL_set1_lastUpdate(list, this_update) == 1 &&
                   X509_CRL_set1_nextUpdate(list, next_update) == 1;
    ASN1_TIME_free(this_update);
    ASN1_TIME_free(next_update);
    return is_done;
}

/* By the CA's subjectKeyIdentifier; of a CA that has none, by its issuer and serial number. */
static bool add_key_identifier(X509_CRL *list, X509 *issuer)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, NULL, NULL, list, 0);
    X509_EXTENSION *extension =
        X509V3_EXT_nconf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid,issuer");
    bool is_done = extension != NULL && X509_CRL_add_ext(list, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return is_done;
}

static bool add_number(X509_CRL *list, const char *hex)
{
    ASN1_INTEGER *number = parse_number(hex);
    bool is_done = number != NULL && X509_CRL_add1_ext_i2d(list, NID_crl_number, number, 0, 0) == 1;
    ASN1_INTEGER_free(number);
    return is_done;
}

iscep_status iscep_crl_new(iscep_crl **out, const iscep_keystore *issuer, const iscep_crl_facts *facts,
                           iscep_error *err)
{
    X509 *certificate = iscep_keystore_certificate(issuer);
    iscep_crl *crl = calloc(1, sizeof *crl);
    if (crl == NULL)
        return iscep_error_nomem(err);
    crl->issuer = issuer;
    crl->list = X509_CRL_new();
    if (crl->list == NULL || X509_CRL_set_version(crl->list, X509_CRL_VERSION_2) != 1 ||
        X509_CRL_set_issuer_name(crl->list, X509_get_subject_name(certificate)) != 1 ||
        !set_times(crl->list, facts) || !add_key_identifier(crl->list, certificate) ||
        !add_number(crl->list, facts->number)) {
        iscep_crl_free(crl);
        return failed(err, "crl", "a CRL cannot be begun with this certificate, number or time");
    }
    *out = crl;
    return ISCEP_OK;
}

static bool set_reason(X509_REVOKED *revoked, int32_t reason)
{
    if (reason == 0)
        return true;
    ASN1_ENUMERATED *value = ASN1_ENUMERATED_new();
    bool is_done = value != NULL && ASN1_ENUMERATED_set(value, reason) == 1 &&
                   X509_REVOKED_add1_ext_i2d(revoked, NID_crl_reason, value, 0, 0) == 1;
    ASN1_ENUMERATED_free(value);
    return is_done;
}

iscep_status iscep_crl_add(iscep_crl *crl, const iscep_crl_entry *entry, iscep_error *err)
{
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_INTEGER *serial = parse_number(entry->serial);
    ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)entry->revoked_unix);
    bool is_done = revoked != NULL && serial != NULL && when != NULL &&
                   X509_REVOKED_set_serialNumber(revoked, serial) == 1 &&
                   X509_REVOKED_set_revocationDate(revoked, when) == 1 &&
                   set_reason(revoked, entry->reason) && X509_CRL_add0_revoked(crl->list, revoked) == 1;
    if (!is_done)
        X509_REVOKED_free(revoked);
    ASN1_INTEGER_free(serial);
    ASN1_TIME_free(when);
    return is_done ? ISCEP_OK : failed(err, "crl", "an entry of the CRL cannot be made");
}

/* EdDSA has a digest of its own. */
static const EVP_MD *digest_for(const EVP_PKEY *key)
{
    int type = EVP_PKEY_get_base_id(key);
    return type == EVP_PKEY_ED25519 || type == EVP_PKEY_ED448 ? NULL : EVP_sha256();
}

iscep_status iscep_crl_sign(iscep_buf *out, iscep_crl *crl, bool is_pem, iscep_error *err)
{
    EVP_PKEY *key = iscep_keystore_key(crl->issuer).key;
    if (X509_CRL_sort(crl->list) != 1 || X509_CRL_sign(crl->list, key, digest_for(key)) <= 0)
        return failed(err, "crl_key", "the CA's key does not sign a CRL");
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    long len = 0;
    if (bio != NULL &&
        (is_pem ? PEM_write_bio_X509_CRL(bio, crl->list) : i2d_X509_CRL_bio(bio, crl->list)) == 1)
        len = BIO_get_mem_data(bio, &data);
    if (len > 0)
        iscep_buf_append(out, data, (size_t)len);
    BIO_free(bio);
    return len > 0 ? iscep_buf_status(out, err) : iscep_error_nomem(err);
}

void iscep_crl_free(iscep_crl *crl)
{
    if (crl == NULL)
        return;
    X509_CRL_free(crl->list);
    free(crl);
}

/* --- looking into one --- */

static X509_CRL *parse_list(iscep_bytes list)
{
    if (list.len == 0 || list.len > INT_MAX)
        return NULL;
    const unsigned char *at = list.data;
    X509_CRL *parsed = d2i_X509_CRL(NULL, &at, (long)list.len);
    if (parsed != NULL)
        return parsed;
    BIO *bio = BIO_new_mem_buf(list.data, (int)list.len);
    parsed = bio != NULL ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    return parsed;
}

bool iscep_crl_names(iscep_bytes list, const char *serial)
{
    X509_REVOKED *revoked = NULL;
    X509_CRL *parsed = parse_list(list);
    ASN1_INTEGER *number = parse_number(serial);
    bool is_named =
        parsed != NULL && number != NULL && X509_CRL_get0_by_serial(parsed, &revoked, number) == 1;
    ASN1_INTEGER_free(number);
    X509_CRL_free(parsed);
    return is_named;
}
