/*
 * Windows' SyncML: commands Add and Replace, whose items name a node (Target/LocURI) and its value (Data). Those below
 * ClientCertificateInstall/SCEP/<unique id>/Install are one SCEP payload ("ClientCertificateInstall CSP").
 */
#include "profile/formats.h"

#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "profile/draft.h"
#include "profile/names.h"

enum { MAX_SEGMENTS = 12 };

/* The value of one node below Install, and the payload that it belongs to. */
typedef struct setting {
    iscep_profile *profile;
    iscep_profile_scep *scep;
    const char *name;
    iscep_bytes value; /* trimmed */
    int32_t line;
} setting;

/* Which nodes of a payload were seen, and where it hangs: User and Device may have the same unique id. */
typedef struct payload {
    const char *root; /* up to "/Install" */
    uint32_t seen;    /* bits: places in the table of nodes */
} payload;

typedef struct reading {
    iscep_profile *profile;
    payload payloads[ISCEP_PROFILE_MAX_PAYLOADS]; /* as profile->sceps */
} reading;

/* --- the values --- */

static iscep_status refuse(const setting *it, const char *what, iscep_error *err)
{
    return iscep_draft_refuse(it->line, it->name, what, err);
}

static iscep_status read_number(int64_t *out, const setting *it, iscep_error *err)
{
    return iscep_draft_number(out, it->value) ? ISCEP_OK : refuse(it, "must be a number of 0 or more", err);
}

/* Values between separators; empty ones are none. */
static iscep_status read_list(const char ***list, size_t *count, const setting *it, char separator,
                              iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    iscep_bytes rest = it->value;
    while (status == ISCEP_OK && rest.len > 0) {
        const uint8_t *end = memchr(rest.data, separator, rest.len);
        size_t len = end != NULL ? (size_t)(end - rest.data) : rest.len;
        iscep_bytes item = iscep_draft_trim(iscep_bytes_of(rest.data, len));
        if (item.len > 0)
            status = iscep_draft_add_text(list, count, it->profile, item, err);
        len += end != NULL;
        rest = iscep_bytes_of(rest.data + len, rest.len - len);
    }
    return status;
}

static iscep_status read_urls(const setting *it, iscep_error *err)
{
    return read_list(&it->scep->urls, &it->scep->url_count, it, ';', err);
}

static iscep_status read_ext_usages(const setting *it, iscep_error *err)
{
    return read_list(&it->scep->ext_usages, &it->scep->ext_usage_count, it, '+', err);
}

static iscep_status read_subject(const setting *it, iscep_error *err)
{
    return iscep_names_read_subject(it->profile, it->scep, it->value, it->line, err);
}

static iscep_status read_sans(const setting *it, iscep_error *err)
{
    return iscep_names_read_sans(it->profile, it->scep, it->value, it->line, err);
}

/* The first octet of X.509's BIT STRING as a number: digitalSignature is 0x80, there bit 0. */
static iscep_status read_key_usage(const setting *it, iscep_error *err)
{
    int64_t octet = 0;
    iscep_status status = read_number(&octet, it, err);
    if (status == ISCEP_OK && octet > 0xFF)
        return refuse(it, "has bits that nobody knows", err);
    for (unsigned bit = 0; status == ISCEP_OK && bit < 8; bit++)
        if ((octet & 0x80 >> bit) != 0)
            it->scep->key_usage |= 1u << bit;
    return status;
}

static iscep_status read_key_length(const setting *it, iscep_error *err)
{
    return read_number(&it->scep->key_bits, it, err);
}

static iscep_status read_hash(const setting *it, iscep_error *err)
{
    return iscep_draft_text(&it->scep->hash, it->profile, it->value, err);
}

static iscep_status read_challenge(const setting *it, iscep_error *err)
{
    return it->value.len > 0 ? iscep_secret_new(&it->scep->challenge, it->value, err) : ISCEP_OK;
}

static iscep_status read_validity_unit(const setting *it, iscep_error *err)
{
    return iscep_draft_text(&it->scep->validity_unit, it->profile, it->value, err);
}

static iscep_status read_validity_count(const setting *it, iscep_error *err)
{
    return read_number(&it->scep->validity_count, it, err);
}

static iscep_status read_retries(const setting *it, iscep_error *err)
{
    return read_number(&it->scep->retries, it, err);
}

static iscep_status read_retry_delay(const setting *it, iscep_error *err)
{
    enum { MAX_MINUTES = 60 * 24 * 365 };
    int64_t minutes = 0;
    iscep_status status = read_number(&minutes, it, err);
    if (status == ISCEP_OK && minutes > MAX_MINUTES)
        return refuse(it, "is longer than a year", err);
    it->scep->retry_delay_s = minutes * 60;
    return status;
}

static iscep_status read_thumbprint(const setting *it, iscep_error *err)
{
    ISCEP_AUTO_BUF hex;
    iscep_buf_init(&hex, ISCEP_XML_MAX_BYTES);
    for (size_t i = 0; i < it->value.len; i++) {
        char c = (char)it->value.data[i];
        if (c == ' ')
            continue;
        if (c >= 'a' && c <= 'f')
            c = (char)(c - 'a' + 'A');
        if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'F'))
            return refuse(it, "must be hexadecimal", err);
        iscep_buf_append(&hex, &c, 1);
    }
    iscep_status status = iscep_buf_status(&hex, err);
    return status == ISCEP_OK
               ? iscep_draft_text(&it->scep->ca_fingerprint, it->profile, iscep_buf_bytes(&hex), err)
               : status;
}

/* What is not here (KeyProtection, ContainerName, CustomTextToShowInPrompt…) says nothing of the request. */
static const struct {
    const char *name;
    iscep_status (*read)(const setting *it, iscep_error *err);
} nodes[] = {
    {"ServerURL", read_urls},
    {"SubjectName", read_subject},
    {"SubjectAlternativeNames", read_sans},
    {"KeyUsage", read_key_usage},
    {"KeyLength", read_key_length},
    {"EKUMapping", read_ext_usages},
    {"HashAlgorithm", read_hash},
    {"Challenge", read_challenge},
    {"ValidPeriod", read_validity_unit},
    {"ValidPeriodUnits", read_validity_count},
    {"RetryCount", read_retries},
    {"RetryDelay", read_retry_delay},
    {"CAThumbprint", read_thumbprint},
};

/* --- where a value belongs --- */

/* A LocURI taken apart: "." [User|Device] Vendor MSFT ClientCertificateInstall SCEP id Install name. */
typedef struct location {
    iscep_bytes root; /* up to the id */
    iscep_bytes id;
    iscep_bytes name;
} location;

static bool is_word(iscep_bytes segment, const char *word)
{
    return segment.len == strlen(word) && strncasecmp((const char *)segment.data, word, segment.len) == 0;
}

static size_t split(iscep_bytes out[MAX_SEGMENTS], iscep_bytes path)
{
    size_t count = 0;
    const uint8_t *begin = path.data;
    for (size_t i = 0; i <= path.len; i++) {
        if (i < path.len && path.data[i] != '/')
            continue;
        if (count == MAX_SEGMENTS)
            return 0;
        out[count++] = iscep_bytes_of(begin, (size_t)(path.data + i - begin));
        begin = path.data + i + 1;
    }
    return count;
}

/* False: it is no setting of a SCEP payload. */
static bool locate(location *out, iscep_bytes path)
{
    static const char *const words[] = {"Vendor", "MSFT", "ClientCertificateInstall", "SCEP"};
    enum { WORD_COUNT = sizeof words / sizeof *words };
    iscep_bytes segments[MAX_SEGMENTS];
    size_t count = path.len > 0 ? split(segments, path) : 0;
    size_t at = count > 1 && (is_word(segments[1], "User") || is_word(segments[1], "Device")) ? 2 : 1;
    if (count != at + WORD_COUNT + 3 || !is_word(segments[0], "."))
        return false;
    for (size_t i = 0; i < WORD_COUNT; i++)
        if (!is_word(segments[at + i], words[i]))
            return false;
    out->id = segments[at + WORD_COUNT];
    out->name = segments[at + WORD_COUNT + 2];
    out->root = iscep_bytes_of(path.data, (size_t)(out->id.data + out->id.len - path.data));
    return out->id.len > 0 && is_word(segments[at + WORD_COUNT + 1], "Install");
}

/* The payload's place in the profile, where it is put if it is new. */
static iscep_status find_payload(size_t *out, reading *it, const location *at, iscep_error *err)
{
    iscep_profile_scep *scep = NULL;
    for (size_t i = 0; i < it->profile->scep_count; i++) {
        *out = i;
        if (iscep_bytes_equal(iscep_bytes_of_text(it->payloads[i].root), at->root))
            return ISCEP_OK;
    }
    iscep_status status = iscep_draft_add_scep(&scep, it->profile, err);
    if (status != ISCEP_OK)
        return status;
    *out = it->profile->scep_count - 1;
    status = iscep_draft_text(&scep->identifier, it->profile, at->id, err);
    return status == ISCEP_OK ? iscep_draft_text(&it->payloads[*out].root, it->profile, at->root, err)
                              : status;
}

static iscep_status read_setting(reading *it, const location *at, iscep_bytes value, int32_t line,
                                 iscep_error *err)
{
    size_t node = 0, place = 0;
    while (node < sizeof nodes / sizeof *nodes && !is_word(at->name, nodes[node].name))
        node++;
    iscep_status status = find_payload(&place, it, at, err);
    if (status != ISCEP_OK || node == sizeof nodes / sizeof *nodes)
        return status;
    const setting found = {.profile = it->profile,
                           .scep = &it->profile->sceps[place],
                           .name = nodes[node].name,
                           .value = value,
                           .line = line};
    if ((it->payloads[place].seen & 1u << node) != 0)
        return refuse(&found, "stands there twice", err);
    it->payloads[place].seen |= 1u << node;
    return nodes[node].read(&found, err);
}

/* --- the document --- */

/* As everything else in the document. */
static bool is_text(iscep_bytes bytes)
{
    for (size_t i = 0, len; i < bytes.len; i += len) {
        len = iscep_utf8_len(bytes.data + i, bytes.len - i);
        if (len == 0 || bytes.data[i] == '\0')
            return false;
    }
    return true;
}

/* A <Format> of b64: Data is base64. */
static iscep_status read_data(iscep_buf *out, const iscep_xml_element *item, iscep_error *err)
{
    ISCEP_AUTO_BUF format;
    iscep_buf_init(&format, ISCEP_XML_MAX_BYTES);
    const iscep_xml_element *meta = iscep_xml_child(item, "Meta");
    const iscep_xml_element *type = meta != NULL ? iscep_xml_child(meta, "Format") : NULL;
    const iscep_xml_element *data = iscep_xml_child(item, "Data");
    iscep_status status = type != NULL ? iscep_xml_text(&format, type, err) : ISCEP_OK;
    if (status == ISCEP_OK && data != NULL)
        status = iscep_xml_text(out, data, err);
    if (status != ISCEP_OK || !is_word(iscep_draft_trim(iscep_buf_bytes(&format)), "b64"))
        return status;
    iscep_buf plain;
    iscep_buf_init(&plain, ISCEP_XML_MAX_BYTES);
    status = iscep_base64_decode(&plain, iscep_draft_trim(iscep_buf_bytes(out)), err);
    if (status == ISCEP_USAGE || (status == ISCEP_OK && !is_text(iscep_buf_bytes(&plain))))
        status = iscep_draft_refuse(iscep_xml_line(item), "Data", "must be base64 of text", err);
    iscep_buf_wipe(out);
    *out = plain;
    return status;
}

static iscep_status read_item(reading *it, const iscep_xml_element *item, iscep_error *err)
{
    ISCEP_AUTO_BUF path;
    location at;
    iscep_buf_init(&path, ISCEP_XML_MAX_BYTES);
    const iscep_xml_element *target = iscep_xml_child(item, "Target");
    const iscep_xml_element *uri = target != NULL ? iscep_xml_child(target, "LocURI") : NULL;
    iscep_status status = uri != NULL ? iscep_xml_text(&path, uri, err) : ISCEP_OK;
    if (status != ISCEP_OK || !locate(&at, iscep_draft_trim(iscep_buf_bytes(&path))))
        return status;
    iscep_buf data;
    iscep_buf_init(&data, ISCEP_XML_MAX_BYTES);
    status = read_data(&data, item, err);
    if (status == ISCEP_OK)
        status = read_setting(it, &at, iscep_draft_trim(iscep_buf_bytes(&data)), iscep_xml_line(item), err);
    iscep_buf_wipe(&data);
    return status;
}

static bool is_setting_command(const iscep_xml_element *element)
{
    return iscep_xml_is(element, "Add") || iscep_xml_is(element, "Replace");
}

/* As deep as the document, which base/xml.h bounds. */
static iscep_status read_commands(reading *it, const iscep_xml_element *parent, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (const iscep_xml_element *child = iscep_xml_first(parent); status == ISCEP_OK && child != NULL;
         child = iscep_xml_next(child)) {
        if (is_setting_command(parent) && iscep_xml_is(child, "Item"))
            status = read_item(it, child, err);
        else
            status = read_commands(it, child, err);
    }
    return status;
}

iscep_status iscep_profile_read_windows(iscep_profile *out, const iscep_xml *xml, iscep_error *err)
{
    reading it = {.profile = out};
    iscep_status status = read_commands(&it, iscep_xml_root(xml), err);
    for (size_t i = 0; status == ISCEP_OK && i < out->scep_count; i++)
        if (out->sceps[i].validity_count > 0 && out->sceps[i].validity_unit == NULL)
            out->sceps[i].validity_unit = "Days"; /* the CSP's default */
    return status;
}
