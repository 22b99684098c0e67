/* See names.h. */
#include "profile/names.h"

#include <string.h>
#include <strings.h>

#include "profile/draft.h"

static const struct {
    const char *name;
    const char *kind;
} attributes[] = {
    {"CN", "CN"},
    {"O", "O"},
    {"OU", "OU"},
    {"C", "C"},
    {"L", "L"},
    {"ST", "ST"},
    {"S", "ST"},
    {"DC", "DC"},
    {"2.5.4.3", "CN"},
    {"2.5.4.10", "O"},
    {"2.5.4.11", "OU"},
    {"2.5.4.6", "C"},
    {"2.5.4.7", "L"},
    {"2.5.4.8", "ST"},
    {"0.9.2342.19200300.100.1.25", "DC"},
    {"E", "1.2.840.113549.1.9.1"},
    {"EMAIL", "1.2.840.113549.1.9.1"},
    {"EMAILADDRESS", "1.2.840.113549.1.9.1"},
    {"UID", "0.9.2342.19200300.100.1.1"},
    {"SERIALNUMBER", "2.5.4.5"},
    {"STREET", "2.5.4.9"},
    {"T", "2.5.4.12"},
    {"TITLE", "2.5.4.12"},
    {"G", "2.5.4.42"},
    {"GN", "2.5.4.42"},
    {"GIVENNAME", "2.5.4.42"},
    {"SN", "2.5.4.4"},
    {"I", "2.5.4.43"},
    {"INITIALS", "2.5.4.43"},
};

static bool is_oid(const char *text)
{
    size_t dots = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '.' && (at == text || at[1] == '.' || at[1] == '\0'))
            return false;
        if (*at != '.' && (*at < '0' || *at > '9'))
            return false;
        dots += *at == '.';
    }
    return dots > 0;
}

const char *iscep_names_attribute(const char *text)
{
    if (strncasecmp(text, "OID.", 4) == 0)
        text += 4;
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
        if (strcasecmp(attributes[i].name, text) == 0)
            return attributes[i].kind;
    return is_oid(text) ? text : NULL;
}

/* --- the subject as text --- */

static bool is_separator(uint8_t byte)
{
    return byte == ',' || byte == ';' || byte == '+';
}

/* What a backslash before it takes the meaning of. */
static bool is_special(uint8_t byte)
{
    return is_separator(byte) || byte == '"' || byte == '\\' || byte == '=';
}

/* One "TYPE=value". */
typedef struct part {
    iscep_buf type; /* what stands before the first "=", or all of it */
    iscep_buf value;
    bool has_type;
    bool is_quoted; /* at this place of it */
} part;

/* Takes what stands at text, one or two bytes, and returns how many. */
static size_t take(part *it, iscep_bytes text)
{
    uint8_t byte = text.data[0];
    const uint8_t *next = text.len > 1 ? text.data + 1 : NULL;
    bool is_doubled = byte == '"' && it->is_quoted && next != NULL && *next == '"';
    bool is_escaped = byte == '\\' && !it->is_quoted && next != NULL && is_special(*next);
    if (is_doubled || is_escaped)
        byte = *next;
    if (byte == '"' && !is_doubled && !is_escaped)
        it->is_quoted = !it->is_quoted;
    else if (byte == '=' && !it->has_type && !it->is_quoted && !is_escaped)
        it->has_type = true;
    else
        iscep_buf_append(it->has_type ? &it->value : &it->type, &byte, 1);
    return is_doubled || is_escaped ? 2 : 1;
}

/* Bytes up to the separator behind the part, or the end. */
static size_t split(part *out, iscep_bytes text)
{
    size_t i = 0;
    while (i < text.len && (out->is_quoted || !is_separator(text.data[i])))
        i += take(out, iscep_bytes_of(text.data + i, text.len - i));
    return i;
}

static iscep_status add_part(iscep_profile *profile, iscep_profile_scep *scep, part *it, int32_t line,
                             iscep_error *err)
{
    iscep_bytes type = iscep_draft_trim(iscep_buf_bytes(&it->type));
    if (!it->has_type && type.len >= 4 && memcmp(type.data, "{{", 2) == 0)
        return iscep_draft_add_name(&scep->subject, &scep->subject_count, profile, "", type, err);
    const char *word = NULL;
    iscep_status status = iscep_draft_text(&word, profile, type, err);
    const char *kind = word != NULL && it->has_type ? iscep_names_attribute(word) : NULL;
    if (status == ISCEP_OK && kind == NULL)
        return iscep_draft_refuse(line, "SubjectName", "has a part that is no attribute and its value", err);
    return status != ISCEP_OK ? status
                              : iscep_draft_add_name(&scep->subject, &scep->subject_count, profile, kind,
                                                     iscep_draft_trim(iscep_buf_bytes(&it->value)), err);
}

static iscep_status read_part(iscep_profile *profile, iscep_profile_scep *scep, iscep_bytes text, size_t *len,
                              int32_t line, iscep_error *err)
{
    part it = {0};
    iscep_buf_init(&it.type, text.len);
    iscep_buf_init(&it.value, text.len);
    *len = split(&it, text);
    iscep_status status = iscep_buf_status(&it.type, err);
    if (status == ISCEP_OK)
        status = iscep_buf_status(&it.value, err);
    if (status == ISCEP_OK && it.is_quoted)
        status = iscep_draft_refuse(line, "SubjectName", "has a quotation mark without its other half", err);
    if (status == ISCEP_OK)
        status = add_part(profile, scep, &it, line, err);
    iscep_buf_clear(&it.type);
    iscep_buf_clear(&it.value);
    return status;
}

iscep_status iscep_names_read_subject(iscep_profile *profile, iscep_profile_scep *scep, iscep_bytes text,
                                      int32_t line, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    while (status == ISCEP_OK && text.len > 0) {
        size_t len = 0;
        status = read_part(profile, scep, text, &len, line, err);
        len += len < text.len; /* the separator */
        text = iscep_bytes_of(text.data + len, text.len - len);
    }
    return status;
}

/* --- alternative names as text --- */

static iscep_status add_san(iscep_profile *profile, iscep_profile_scep *scep, iscep_bytes pair, int32_t line,
                            iscep_error *err)
{
    static const char *const kinds[] = {[2] = "rfc822", [3] = "dns", [7] = "uri", [8] = "ip", [11] = "upn"};
    const uint8_t *plus = memchr(pair.data, '+', pair.len);
    size_t type_len = plus != NULL ? (size_t)(plus - pair.data) : 0;
    int64_t type = 0;
    if (plus == NULL || !iscep_draft_number(&type, iscep_draft_trim(iscep_bytes_of(pair.data, type_len))))
        return iscep_draft_refuse(line, "SubjectAlternativeNames", "has a part that is not TYPE+VALUE", err);
    iscep_bytes value = iscep_draft_trim(iscep_bytes_of(plus + 1, pair.len - type_len - 1));
    if (type < (int64_t)(sizeof kinds / sizeof *kinds) && kinds[type] != NULL)
        return iscep_draft_add_name(&scep->sans, &scep->san_count, profile, kinds[type], value, err);
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, pair.len + 32);
    iscep_buf_printf(&text, "%lld=", (long long)type);
    iscep_buf_append(&text, value.data, value.len);
    iscep_status status = iscep_buf_status(&text, err);
    return status == ISCEP_OK ? iscep_draft_add_name(&scep->sans, &scep->san_count, profile, "other",
                                                     iscep_buf_bytes(&text), err)
                              : status;
}

iscep_status iscep_names_read_sans(iscep_profile *profile, iscep_profile_scep *scep, iscep_bytes text,
                                   int32_t line, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    while (status == ISCEP_OK && text.len > 0) {
        const uint8_t *end = memchr(text.data, ';', text.len);
        size_t len = end != NULL ? (size_t)(end - text.data) : text.len;
        iscep_bytes pair = iscep_draft_trim(iscep_bytes_of(text.data, len));
        if (pair.len > 0)
            status = add_san(profile, scep, pair, line, err);
        len += end != NULL;
        text = iscep_bytes_of(text.data + len, text.len - len);
    }
    return status;
}
