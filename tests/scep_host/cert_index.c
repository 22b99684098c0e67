/* Reading and changing the lines of index.txt. */
#include "cert_index.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "crypto.h"
#include "ossl_auto.h"

/* The names that openssl ca(1) knows; it makes no CRL of an index with another. So revocations for other reasons stand
 * there without one. */
static const struct {
    uint32_t reason;
    const char *name;
} reasons[] = {
    {1, "keyCompromise"}, {2, "CACompromise"},         {3, "affiliationChanged"},
    {4, "superseded"},    {5, "cessationOfOperation"}, {6, "certificateHold"},
};

uint32_t iscep_cert_index_reason(iscep_bytes name)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (name.len == strlen(reasons[i].name) &&
            strncasecmp(reasons[i].name, (const char *)name.data, name.len) == 0)
            return reasons[i].reason;
    }
    return 0;
}

static const char *name_of(uint32_t reason)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].reason == reason)
            return reasons[i].name;
    }
    return NULL;
}

/* What stands before the separator; it and the separator are taken off rest. All of rest if there is none. */
static iscep_bytes cut(iscep_bytes *rest, char separator)
{
    const uint8_t *end = rest->len > 0 ? memchr(rest->data, separator, rest->len) : NULL;
    size_t len = end ? (size_t)(end - rest->data) : rest->len;
    iscep_bytes part = iscep_bytes_of(rest->data, len);
    size_t taken = end ? len + 1 : len;
    *rest = iscep_bytes_of(rest->len > 0 ? rest->data + taken : NULL, rest->len - taken);
    return part;
}

static bool is_hex(iscep_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return text.len > 0;
}

static bool parse_line(iscep_bytes line, iscep_index_entry *entry)
{
    *entry = (iscep_index_entry){.line = line};
    iscep_bytes rest = line;
    iscep_bytes status = cut(&rest, '\t');
    entry->expires = cut(&rest, '\t');
    iscep_bytes revocation = cut(&rest, '\t');
    entry->serial = cut(&rest, '\t');
    entry->rest = rest;
    bool has_subject = rest.len > 0 && memchr(rest.data, '\t', rest.len);
    if (status.len != 1 || !strchr("VRE", status.data[0]) || !has_subject || !is_hex(entry->serial))
        return false;
    entry->is_revoked = status.data[0] == 'R';
    if (entry->is_revoked) {
        entry->revoked_at = cut(&revocation, ',');
        entry->reason = cut(&revocation, ',');
    }
    return true;
}

bool iscep_cert_index_next(iscep_bytes *rest, iscep_index_entry *entry)
{
    while (rest->len > 0) {
        if (parse_line(cut(rest, '\n'), entry))
            return true;
    }
    return false;
}

static iscep_bytes without_zeros(iscep_bytes hex)
{
    while (hex.len > 1 && hex.data[0] == '0')
        hex = iscep_bytes_of(hex.data + 1, hex.len - 1);
    return hex;
}

static bool is_same_number(iscep_bytes a, iscep_bytes b)
{
    a = without_zeros(a);
    b = without_zeros(b);
    return a.len == b.len && strncasecmp((const char *)a.data, (const char *)b.data, a.len) == 0;
}

iscep_cert_state iscep_cert_index_find(iscep_bytes text, iscep_bytes serial, iscep_index_entry *entry)
{
    iscep_index_entry at;
    iscep_cert_state state = ISCEP_CERT_UNKNOWN;
    while (is_hex(serial) && iscep_cert_index_next(&text, &at)) {
        if (!is_same_number(at.serial, serial))
            continue;
        if (state != ISCEP_CERT_UNKNOWN)
            return ISCEP_CERT_AMBIGUOUS;
        state = at.is_revoked ? ISCEP_CERT_REVOKED : ISCEP_CERT_VALID;
        *entry = at;
    }
    return state;
}

static void append_text(iscep_buf *out, char *text)
{
    iscep_buf_append_text(out, text ? text : "");
    OPENSSL_free(text);
}

iscep_status iscep_cert_index_add(iscep_buf *out, const X509 *cert, iscep_error *err)
{
    const ASN1_TIME *end = X509_get0_notAfter(cert);
    OSSL_AUTO(BIGNUM) *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    char *hex = serial ? BN_bn2hex(serial) : NULL;
    char *subject = X509_NAME_oneline(X509_get_subject_name(cert), NULL, 0); /* control characters as \xHH */
    bool is_whole = hex && subject;
    iscep_buf_printf(out, "V\t%.*s\t\t", ASN1_STRING_length(end), (const char *)ASN1_STRING_get0_data(end));
    append_text(out, hex);
    iscep_buf_append_text(out, "\tunknown\t");
    append_text(out, subject);
    iscep_buf_append_text(out, "\n");
    return is_whole ? iscep_buf_status(out, err) : iscep_error_nomem(err);
}

static iscep_status append_revoked(iscep_buf *out, const iscep_index_entry *entry, int64_t now_unix,
                                   uint32_t reason, iscep_error *err)
{
    const char *name = name_of(reason);
    ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)now_unix);
    if (!now)
        return iscep_error_nomem(err);
    iscep_buf_printf(out, "R\t%.*s\t%.*s%s%s\t%.*s\t", (int)entry->expires.len,
                     (const char *)entry->expires.data, ASN1_STRING_length(now),
                     (const char *)ASN1_STRING_get0_data(now), name ? "," : "", name ? name : "",
                     (int)entry->serial.len, (const char *)entry->serial.data);
    iscep_buf_append(out, entry->rest.data, entry->rest.len);
    ASN1_TIME_free(now);
    return iscep_buf_status(out, err);
}

iscep_status iscep_cert_index_revoke(iscep_buf *out, iscep_bytes text, const iscep_index_entry *entry,
                                     int64_t now_unix, uint32_t reason, iscep_error *err)
{
    const uint8_t *end = entry->line.data + entry->line.len;
    iscep_buf_append(out, text.data, (size_t)(entry->line.data - text.data));
    iscep_status status = append_revoked(out, entry, now_unix, reason, err);
    if (status != ISCEP_OK)
        return status;
    iscep_buf_append(out, end, (size_t)(text.data + text.len - end));
    return iscep_buf_status(out, err);
}
