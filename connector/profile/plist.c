/* See plist.h. */
#include "profile/plist.h"

#include <stdio.h>

#include "profile/draft.h"

iscep_status iscep_plist_root(const iscep_plist **out, const iscep_xml *xml, iscep_error *err)
{
    const iscep_xml_element *root = iscep_xml_root(xml);
    const iscep_plist *value = iscep_xml_is(root, "plist") ? iscep_xml_first(root) : NULL;
    if (value == NULL || iscep_xml_next(value) != NULL)
        return iscep_draft_refuse(iscep_xml_line(root), "the property list", "must hold one value", err);
    *out = value;
    return ISCEP_OK;
}

static iscep_status expect(const iscep_plist *value, const char *type, const char *name, iscep_error *err)
{
    char what[64];
    if (iscep_xml_is(value, type))
        return ISCEP_OK;
    snprintf(what, sizeof what, "must be <%s>", type);
    return iscep_draft_refuse(iscep_xml_line(value), name, what, err);
}

static iscep_status read_text(iscep_buf *out, const iscep_plist *value, const char *type, const char *name,
                              iscep_error *err)
{
    iscep_status status = expect(value, type, name, err);
    return status == ISCEP_OK ? iscep_xml_text(out, value, err) : status;
}

iscep_status iscep_plist_find(const iscep_plist **out, const iscep_plist *dict, const char *key,
                              const char *type, iscep_error *err)
{
    ISCEP_AUTO_BUF name;
    iscep_buf_init(&name, ISCEP_XML_MAX_BYTES);
    const iscep_plist *value = NULL;
    *out = NULL;
    iscep_status status = expect(dict, "dict", "what holds a payload's settings", err);
    const iscep_xml_element *at = status == ISCEP_OK ? iscep_xml_first(dict) : NULL;
    for (; at != NULL; at = iscep_xml_next(value)) {
        name.len = 0;
        value = iscep_xml_next(at);
        status = read_text(&name, at, "key", "the name of a setting", err);
        if (status == ISCEP_OK && value == NULL)
            return iscep_draft_refuse(iscep_xml_line(at), "a <key>", "has no value", err);
        if (status != ISCEP_OK)
            return status;
        if (!iscep_bytes_equal(iscep_buf_bytes(&name), iscep_bytes_of_text(key)))
            continue;
        if (*out != NULL)
            return iscep_draft_refuse(iscep_xml_line(at), key, "stands there twice", err);
        *out = value;
    }
    return status == ISCEP_OK && *out != NULL && type != NULL ? expect(*out, type, key, err) : status;
}

iscep_status iscep_plist_text(iscep_buf *out, const iscep_plist *value, const char *name, iscep_error *err)
{
    return read_text(out, value, "string", name, err);
}

iscep_status iscep_plist_number(int64_t *out, const iscep_plist *value, const char *name, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, ISCEP_XML_MAX_BYTES);
    iscep_status status = read_text(&text, value, "integer", name, err);
    if (status == ISCEP_OK && !iscep_draft_number(out, iscep_draft_trim(iscep_buf_bytes(&text))))
        return iscep_draft_refuse(iscep_xml_line(value), name, "must be a number of 0 or more", err);
    return status;
}

/* Base64 in which editors and plutil put line ends and tabs. */
iscep_status iscep_plist_data(iscep_buf *out, const iscep_plist *value, const char *name, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, ISCEP_XML_MAX_BYTES);
    iscep_status status = read_text(&text, value, "data", name, err);
    if (status != ISCEP_OK)
        return status;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] != ' ' && text.data[i] != '\t' && text.data[i] != '\r' && text.data[i] != '\n')
            text.data[len++] = text.data[i];
    status = iscep_base64_decode(out, iscep_bytes_of(text.data, len), err);
    return status == ISCEP_USAGE ? iscep_draft_refuse(iscep_xml_line(value), name, "must be base64", err)
                                 : status;
}
