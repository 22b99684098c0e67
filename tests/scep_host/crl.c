/* Making a CRL from the index, and telling whether there has to be a new one. */
#include "crl.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#include "cert_index.h"
#include "ossl_auto.h"

enum { VALIDITY_DAYS = 7, SECONDS_PER_DAY = 24 * 60 * 60, MAX_TIME_LEN = 15, MAX_SERIAL_LEN = 128 };

static iscep_status failed(iscep_error *err, const char *what)
{
    return iscep_crypto_error(err, ISCEP_SERVICE, "crl", what);
}

static ASN1_INTEGER *serial_of(const iscep_index_entry *entry)
{
    char hex[MAX_SERIAL_LEN + 1];
    BIGNUM *number = NULL;
    if (entry->serial.len > MAX_SERIAL_LEN)
        return NULL;
    snprintf(hex, sizeof(hex), "%.*s", (int)entry->serial.len, (const char *)entry->serial.data);
    ASN1_INTEGER *serial = BN_hex2bn(&number, hex) > 0 ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
    BN_free(number);
    return serial;
}

/* A revoked certificate whose date cannot be read is revoked all the same. */
static bool set_date(X509_REVOKED *revoked, const iscep_index_entry *entry, ASN1_TIME *otherwise)
{
    char text[MAX_TIME_LEN + 2]; /* what is too long stays too long */
    snprintf(text, sizeof(text), "%.*s", (int)entry->revoked_at.len, (const char *)entry->revoked_at.data);
    ASN1_TIME *date = ASN1_TIME_new();
    bool is_date = date && ASN1_TIME_set_string(date, text) == 1;
    bool is_set = X509_REVOKED_set_revocationDate(revoked, is_date ? date : otherwise) == 1;
    ASN1_TIME_free(date);
    return is_set;
}

/* unspecified is said by saying nothing (RFC 5280 5.3.1). */
static bool set_reason(X509_REVOKED *revoked, const iscep_index_entry *entry)
{
    uint32_t reason = iscep_cert_index_reason(entry->reason);
    if (reason == 0)
        return true;
    ASN1_ENUMERATED *code = ASN1_ENUMERATED_new();
    bool is_set = code && ASN1_ENUMERATED_set(code, (long)reason) == 1 &&
                  X509_REVOKED_add1_ext_i2d(revoked, NID_crl_reason, code, 0, X509V3_ADD_DEFAULT) == 1;
    ASN1_ENUMERATED_free(code);
    return is_set;
}

static bool add_entry(X509_CRL *crl, const iscep_index_entry *entry)
{
    X509_REVOKED *revoked = X509_REVOKED_new();
    ASN1_INTEGER *serial = serial_of(entry);
    bool is_added = revoked && serial && X509_REVOKED_set_serialNumber(revoked, serial) == 1 &&
                    set_date(revoked, entry, (ASN1_TIME *)X509_CRL_get0_lastUpdate(crl)) &&
                    set_reason(revoked, entry) && X509_CRL_add0_revoked(crl, revoked) == 1;
    ASN1_INTEGER_free(serial);
    if (!is_added)
        X509_REVOKED_free(revoked);
    return is_added;
}

static bool add_entries(X509_CRL *crl, iscep_bytes index)
{
    iscep_index_entry entry;
    while (iscep_cert_index_next(&index, &entry)) {
        if (entry.is_revoked && !add_entry(crl, &entry))
            return false;
    }
    return X509_CRL_sort(crl) == 1;
}

static bool set_times(X509_CRL *crl, int64_t now_unix)
{
    ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)now_unix);
    ASN1_TIME *next = ASN1_TIME_adj(NULL, (time_t)now_unix, VALIDITY_DAYS, 0);
    bool is_set =
        now && next && X509_CRL_set1_lastUpdate(crl, now) == 1 && X509_CRL_set1_nextUpdate(crl, next) == 1;
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
    return is_set;
}

static bool add_extensions(X509_CRL *crl, X509 *issuer, const BIGNUM *number)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, NULL, NULL, crl, 0);
    X509_EXTENSION *key_id =
        X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    ASN1_INTEGER *crl_number = BN_to_ASN1_INTEGER(number, NULL);
    bool is_added = key_id && crl_number && X509_CRL_add_ext(crl, key_id, -1) == 1 &&
                    X509_CRL_add1_ext_i2d(crl, NID_crl_number, crl_number, 0, X509V3_ADD_DEFAULT) == 1;
    X509_EXTENSION_free(key_id);
    ASN1_INTEGER_free(crl_number);
    return is_added;
}

iscep_status iscep_crl_make(X509_CRL **out, const iscep_crl_signer *signer, iscep_bytes index,
                            const BIGNUM *number, iscep_error *err)
{
    OSSL_AUTO(X509_CRL) *crl = X509_CRL_new_ex(iscep_crypto_context(signer->crypto), NULL);
    if (!crl)
        return iscep_error_nomem(err);
    if (X509_CRL_set_version(crl, X509_CRL_VERSION_2) != 1 ||
        X509_CRL_set_issuer_name(crl, X509_get_subject_name(signer->ca->cert)) != 1 ||
        !set_times(crl, signer->now_unix) || !add_entries(crl, index) ||
        !add_extensions(crl, signer->ca->cert, number))
        return failed(err, "the CRL cannot be filled: is a revoked serial number of index.txt too long?");
    if (!iscep_key_sign_crl(&signer->ca->key, crl))
        return failed(err, "the CRL cannot be signed");
    *out = crl;
    crl = NULL;
    return ISCEP_OK;
}

static bool has_entries(X509_CRL *crl, iscep_bytes index)
{
    int count = 0;
    iscep_index_entry entry;
    while (iscep_cert_index_next(&index, &entry)) {
        if (!entry.is_revoked)
            continue;
        X509_REVOKED *revoked = NULL;
        ASN1_INTEGER *serial = serial_of(&entry);
        bool is_listed = serial && X509_CRL_get0_by_serial(crl, &revoked, serial) == 1;
        ASN1_INTEGER_free(serial);
        if (!is_listed)
            return false;
        count++;
    }
    const STACK_OF(X509_REVOKED) *listed = X509_CRL_get_REVOKED(crl);
    return count == (listed ? sk_X509_REVOKED_num(listed) : 0);
}

bool iscep_crl_is_current(X509_CRL *crl, const iscep_crl_signer *signer, iscep_bytes index)
{
    time_t now = (time_t)signer->now_unix;
    time_t tomorrow = now + SECONDS_PER_DAY;
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
    bool is_current = X509_CRL_verify(crl, X509_get0_pubkey(signer->ca->cert)) == 1 && next &&
                      X509_cmp_time(next, &tomorrow) > 0 &&
                      X509_cmp_time(X509_CRL_get0_lastUpdate(crl), &now) < 0 && has_entries(crl, index);
    ERR_clear_error();
    return is_current;
}

BIGNUM *iscep_crl_number(const X509_CRL *crl)
{
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    BIGNUM *out = number ? ASN1_INTEGER_to_BN(number, NULL) : NULL;
    ASN1_INTEGER_free(number);
    return out;
}
