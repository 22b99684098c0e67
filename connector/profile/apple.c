/*
 * Apple's configuration profiles: a dict, whose PayloadContent lists payloads, each a dict with a PayloadType. The keys of the SCEP
 * payload are Apple's ("SCEP.PayloadContent", Device Management), and ExtendedKeyUsage, which Apple describes only for ACME: a
 * device that is to ask for what Intune compares must be told of it.
 */
#include "profile/formats.h"

#include <string.h>

#include "profile/draft.h"
#include "profile/names.h"
#include "profile/plist.h"

#define SCEP_TYPE "com.apple.security.scep"

/* Of a payload whose settings are being read. */
typedef struct reading {
    iscep_profile *profile;
    iscep_profile_scep *scep;
    const iscep_plist *settings; /* dict */
} reading;

static iscep_status find_text(const char **out, iscep_profile *profile, const iscep_plist *dict,
                              const char *key, iscep_error *err)
{
    const iscep_plist *value = NULL;
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, ISCEP_XML_MAX_BYTES);
    iscep_status status = iscep_plist_find(&value, dict, key, "string", err);
    if (status == ISCEP_OK && value != NULL)
        status = iscep_plist_text(&text, value, key, err);
    return status == ISCEP_OK ? iscep_draft_text(out, profile, iscep_draft_trim(iscep_buf_bytes(&text)), err)
                              : status;
}

static iscep_status find_number(int64_t *out, const reading *it, const char *key, iscep_error *err)
{
    const iscep_plist *value = NULL;
    iscep_status status = iscep_plist_find(&value, it->settings, key, NULL, err);
    return status == ISCEP_OK && value != NULL ? iscep_plist_number(out, value, key, err) : status;
}

static iscep_status read_url(const reading *it, iscep_error *err)
{
    const iscep_plist *value = NULL;
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, ISCEP_XML_MAX_BYTES);
    iscep_status status = iscep_plist_find(&value, it->settings, "URL", "string", err);
    if (status != ISCEP_OK || value == NULL)
        return status;
    status = iscep_plist_text(&text, value, "URL", err);
    return status == ISCEP_OK ? iscep_draft_add_text(&it->scep->urls, &it->scep->url_count, it->profile,
                                                     iscep_draft_trim(iscep_buf_bytes(&text)), err)
                              : status;
}

static iscep_status read_challenge(const reading *it, iscep_error *err)
{
    const iscep_plist *value = NULL;
    iscep_buf text;
    iscep_status status = iscep_plist_find(&value, it->settings, "Challenge", "string", err);
    if (status != ISCEP_OK || value == NULL)
        return status;
    iscep_buf_init(&text, ISCEP_XML_MAX_BYTES);
    status = iscep_plist_text(&text, value, "Challenge", err);
    iscep_bytes challenge = iscep_draft_trim(iscep_buf_bytes(&text));
    if (status == ISCEP_OK && challenge.len > 0)
        status = iscep_secret_new(&it->scep->challenge, challenge, err);
    iscep_buf_wipe(&text);
    return status;
}

/* --- the subject: an array of RDNs, each an array of pairs, each an array of type and value --- */

static iscep_status read_pair(const reading *it, const iscep_plist *pair, iscep_error *err)
{
    ISCEP_AUTO_BUF type, value;
    iscep_buf_init(&type, ISCEP_XML_MAX_BYTES);
    iscep_buf_init(&value, ISCEP_XML_MAX_BYTES);
    const iscep_plist *first = iscep_xml_is(pair, "array") ? iscep_xml_first(pair) : NULL;
    const iscep_plist *second = first != NULL ? iscep_xml_next(first) : NULL;
    if (second == NULL || iscep_xml_next(second) != NULL)
        return iscep_draft_refuse(iscep_xml_line(pair), "Subject", "must be made of pairs of type and value",
                                  err);
    iscep_status status = iscep_plist_text(&type, first, "Subject", err);
    if (status == ISCEP_OK)
        status = iscep_plist_text(&value, second, "Subject", err);
    const char *kind = status == ISCEP_OK ? iscep_names_attribute(iscep_buf_text(&type)) : NULL;
    if (status == ISCEP_OK && kind == NULL)
        return iscep_draft_refuse(iscep_xml_line(first), "Subject", "has an attribute that nobody knows",
                                  err);
    return status == ISCEP_OK ? iscep_draft_add_name(&it->scep->subject, &it->scep->subject_count,
                                                     it->profile, kind, iscep_buf_bytes(&value), err)
                              : status;
}

static iscep_status read_subject(const reading *it, iscep_error *err)
{
    const iscep_plist *subject = NULL;
    iscep_status status = iscep_plist_find(&subject, it->settings, "Subject", "array", err);
    const iscep_plist *rdn = subject != NULL ? iscep_xml_first(subject) : NULL;
    for (; status == ISCEP_OK && rdn != NULL; rdn = iscep_xml_next(rdn)) {
        if (!iscep_xml_is(rdn, "array"))
            return iscep_draft_refuse(iscep_xml_line(rdn), "Subject", "must be an array of arrays", err);
        for (const iscep_plist *pair = iscep_xml_first(rdn); status == ISCEP_OK && pair != NULL;
             pair = iscep_xml_next(pair))
            status = read_pair(it, pair, err);
    }
    return status;
}

/* --- alternative names: a dict of a text or an array of texts a kind --- */

static const char *san_kind(const char *key)
{
    static const struct {
        const char *key;
        const char *kind;
    } kinds[] = {{"dNSName", "dns"},
                 {"rfc822Name", "rfc822"},
                 {"ntPrincipalName", "upn"},
                 {"uniformResourceIdentifier", "uri"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].key, key) == 0)
            return kinds[i].kind;
    return NULL;
}

static iscep_status add_san(const reading *it, const char *key, const iscep_plist *value, iscep_error *err)
{
    const char *kind = san_kind(key);
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, 2 * ISCEP_XML_MAX_BYTES);
    if (kind == NULL)
        iscep_buf_printf(&text, "%s=", key);
    iscep_status status = iscep_plist_text(&text, value, "SubjectAltName", err);
    return status == ISCEP_OK
               ? iscep_draft_add_name(&it->scep->sans, &it->scep->san_count, it->profile,
                                      kind != NULL ? kind : "other", iscep_buf_bytes(&text), err)
               : status;
}

static iscep_status add_sans(const reading *it, const char *key, const iscep_plist *value, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    if (!iscep_xml_is(value, "array"))
        return add_san(it, key, value, err);
    for (const iscep_plist *each = iscep_xml_first(value); status == ISCEP_OK && each != NULL;
         each = iscep_xml_next(each))
        status = add_san(it, key, each, err);
    return status;
}

static iscep_status read_sans(const reading *it, iscep_error *err)
{
    const iscep_plist *sans = NULL;
    const iscep_plist *value = NULL;
    size_t kind_count = 0;
    iscep_status status = iscep_plist_find(&sans, it->settings, "SubjectAltName", "dict", err);
    const iscep_plist *key = status == ISCEP_OK && sans != NULL ? iscep_xml_first(sans) : NULL;
    while (status == ISCEP_OK && key != NULL) {
        ISCEP_AUTO_BUF name;
        iscep_buf_init(&name, ISCEP_XML_MAX_BYTES);
        if (++kind_count > ISCEP_PROFILE_MAX_VALUES)
            return iscep_draft_refuse(iscep_xml_line(key), "SubjectAltName", "has too many kinds", err);
        status = iscep_xml_text(&name, key, err);
        if (status == ISCEP_OK) /* finds it again, and that it stands there once */
            status = iscep_plist_find(&value, sans, iscep_buf_text(&name), NULL, err);
        if (status == ISCEP_OK && value == NULL)
            return iscep_draft_refuse(iscep_xml_line(key), "SubjectAltName", "is not made of pairs", err);
        if (status == ISCEP_OK)
            status = add_sans(it, iscep_buf_text(&name), value, err);
        key = status == ISCEP_OK ? iscep_xml_next(value) : NULL;
    }
    return status;
}

/* --- the rest --- */

static iscep_status read_ext_usages(const reading *it, iscep_error *err)
{
    const iscep_plist *usages = NULL;
    iscep_status status = iscep_plist_find(&usages, it->settings, "ExtendedKeyUsage", "array", err);
    for (const iscep_plist *usage = usages != NULL ? iscep_xml_first(usages) : NULL;
         status == ISCEP_OK && usage != NULL; usage = iscep_xml_next(usage)) {
        ISCEP_AUTO_BUF text;
        iscep_buf_init(&text, ISCEP_XML_MAX_BYTES);
        status = iscep_plist_text(&text, usage, "ExtendedKeyUsage", err);
        if (status == ISCEP_OK)
            status = iscep_draft_add_text(&it->scep->ext_usages, &it->scep->ext_usage_count, it->profile,
                                          iscep_draft_trim(iscep_buf_bytes(&text)), err);
    }
    return status;
}

static iscep_status read_fingerprint(const reading *it, iscep_error *err)
{
    const iscep_plist *value = NULL;
    ISCEP_AUTO_BUF bytes, hex;
    iscep_buf_init(&bytes, ISCEP_XML_MAX_BYTES);
    iscep_buf_init(&hex, 2 * ISCEP_XML_MAX_BYTES);
    iscep_status status = iscep_plist_find(&value, it->settings, "CAFingerprint", NULL, err);
    if (status != ISCEP_OK || value == NULL)
        return status;
    status = iscep_plist_data(&bytes, value, "CAFingerprint", err);
    iscep_hex_encode(&hex, iscep_buf_bytes(&bytes));
    if (status == ISCEP_OK)
        status = iscep_buf_status(&hex, err);
    return status == ISCEP_OK
               ? iscep_draft_text(&it->scep->ca_fingerprint, it->profile, iscep_buf_bytes(&hex), err)
               : status;
}

static iscep_status read_key(const reading *it, iscep_error *err)
{
    int64_t usage = 0;
    const char *type = NULL;
    iscep_status status = find_text(&type, it->profile, it->settings, "Key Type", err);
    if (status == ISCEP_OK && type != NULL)
        it->scep->key_type = type;
    if (status == ISCEP_OK)
        status = find_number(&it->scep->key_bits, it, "Keysize", err);
    if (status == ISCEP_OK)
        status = find_number(&usage, it, "Key Usage", err);
    if (status == ISCEP_OK && usage >= 1 << 9)
        return iscep_draft_refuse(iscep_xml_line(it->settings), "Key Usage", "has bits that nobody knows",
                                  err);
    it->scep->key_usage = (uint32_t)usage;
    return status;
}

static iscep_status read_retry_delay(const reading *it, iscep_error *err)
{
    enum { MAX_SECONDS = 60 * 60 * 24 * 365 };
    iscep_status status = find_number(&it->scep->retry_delay_s, it, "RetryDelay", err);
    if (status == ISCEP_OK && it->scep->retry_delay_s > MAX_SECONDS)
        return iscep_draft_refuse(iscep_xml_line(it->settings), "RetryDelay", "is longer than a year", err);
    return status;
}

typedef iscep_status part_fn(const reading *it, iscep_error *err);

static iscep_status read_settings(const reading *it, iscep_error *err)
{
    static part_fn *const parts[] = {read_url, read_challenge,  read_subject,    read_sans,
                                     read_key, read_ext_usages, read_fingerprint};
    iscep_status status = find_text(&it->scep->ca_name, it->profile, it->settings, "Name", err);
    for (size_t i = 0; status == ISCEP_OK && i < sizeof parts / sizeof *parts; i++)
        status = parts[i](it, err);
    if (status == ISCEP_OK)
        status = find_number(&it->scep->retries, it, "Retries", err);
    return status == ISCEP_OK ? read_retry_delay(it, err) : status;
}

static iscep_status read_payload(iscep_profile *out, const iscep_plist *payload, iscep_error *err)
{
    const char *type = NULL;
    reading it = {.profile = out};
    iscep_status status = find_text(&type, out, payload, "PayloadType", err);
    if (status != ISCEP_OK || type == NULL || strcmp(type, SCEP_TYPE) != 0)
        return status;
    status = iscep_plist_find(&it.settings, payload, "PayloadContent", "dict", err);
    if (status == ISCEP_OK && it.settings == NULL)
        return iscep_draft_refuse(iscep_xml_line(payload), "the SCEP payload", "has no PayloadContent", err);
    if (status == ISCEP_OK)
        status = iscep_draft_add_scep(&it.scep, out, err);
    if (status == ISCEP_OK)
        status = find_text(&it.scep->identifier, out, payload, "PayloadIdentifier", err);
    return status == ISCEP_OK ? read_settings(&it, err) : status;
}

iscep_status iscep_profile_read_apple(iscep_profile *out, const iscep_xml *xml, iscep_error *err)
{
    const iscep_plist *root = NULL;
    const iscep_plist *payloads = NULL;
    iscep_status status = iscep_plist_root(&root, xml, err);
    if (status == ISCEP_OK)
        status = find_text(&out->name, out, root, "PayloadDisplayName", err);
    if (status == ISCEP_OK)
        status = find_text(&out->organization, out, root, "PayloadOrganization", err);
    if (status == ISCEP_OK)
        status = iscep_plist_find(&payloads, root, "PayloadContent", "array", err);
    for (const iscep_plist *payload = payloads != NULL ? iscep_xml_first(payloads) : NULL;
         status == ISCEP_OK && payload != NULL; payload = iscep_xml_next(payload))
        status = read_payload(out, payload, err);
    return status;
}
