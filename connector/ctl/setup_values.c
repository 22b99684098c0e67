/* See setup_values.h. */
#include "ctl/setup_values.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "ctl/guid.h"

enum { MAX_SECRET_LEN = 256 }; /* Entra's have 40 characters */

#define SUBSTITUTE 0x1A /* for a character that no secret has */

static iscep_bytes trim(iscep_bytes text)
{
    while (text.len > 0 && isspace(text.data[0]))
        text = iscep_bytes_of(text.data + 1, text.len - 1);
    while (text.len > 0 && isspace(text.data[text.len - 1]))
        text.len--;
    return text;
}

static iscep_bytes without_braces(iscep_bytes text)
{
    if (text.len >= 2 && text.data[0] == '{' && text.data[text.len - 1] == '}')
        return trim(iscep_bytes_of(text.data + 1, text.len - 2));
    return text;
}

/* --- ids --- */

static const char placeholder[] = "00000000-0000-0000-0000-000000000000";

const char *ctl_setup_read_guid(char out[ISCEP_GUID_SIZE], const char *text)
{
    const iscep_bytes guid = without_braces(trim(iscep_bytes_of_text(text)));
    if (!ctl_is_guid(guid))
        return "must be a GUID, such as 11111111-2222-3333-4444-555555555555: copy it from the application's "
               "Overview";
    for (size_t i = 0; i < guid.len; i++)
        out[i] = (char)tolower(guid.data[i]);
    out[guid.len] = '\0';
    return strcmp(out, placeholder) == 0
               ? "is that of the examples, all zeros: copy yours from the application's Overview"
               : NULL;
}

/* --- the secret --- */

static bool begins_with(iscep_bytes text, const char *mark, size_t len)
{
    return text.len >= len && memcmp(text.data, mark, len) == 0;
}

/* UTF-16 behind its byte order mark, of which a secret has only ASCII's characters. high: where of two bytes the high one is. */
static void decode_utf16(iscep_buf *out, iscep_bytes raw, size_t high)
{
    for (size_t i = 2; i < raw.len; i += 2) {
        const bool is_ascii = i + 1 < raw.len && raw.data[i + high] == 0;
        const uint8_t byte = is_ascii ? raw.data[i + 1 - high] : SUBSTITUTE;
        iscep_buf_append(out, &byte, 1);
    }
}

static void decode(iscep_buf *out, iscep_bytes raw)
{
    if (begins_with(raw, "\xFF\xFE", 2))
        decode_utf16(out, raw, 1);
    else if (begins_with(raw, "\xFE\xFF", 2))
        decode_utf16(out, raw, 0);
    else if (begins_with(raw, "\xEF\xBB\xBF", 3))
        iscep_buf_append(out, raw.data + 3, raw.len - 3);
    else
        iscep_buf_append(out, raw.data, raw.len);
}

static bool is_one_word(iscep_bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= ' ' || text.data[i] >= 0x7F)
            return false;
    return true;
}

/* NULL: this can be a secret's value. */
static const char *judge_secret(iscep_bytes value)
{
    if (value.len == 0)
        return "is empty";
    if (ctl_is_guid(without_braces(value)))
        return "is a secret's ID, not its Value: under Certificates & secrets these are two columns. A Value "
               "is shown only when it is made; if it is lost, make a new secret";
    if (value.len > MAX_SECRET_LEN)
        return "is too long for a client secret: it must be the Value and nothing else";
    if (!is_one_word(value))
        return "holds a blank, a line end or a character that no client secret has: it must be the Value and "
               "nothing else";
    return memmem(value.data, value.len, "***", 3) != NULL
               ? "is masked: Entra shows a Value only when it is made. Make a new secret, and copy that one"
               : NULL;
}

const char *ctl_setup_read_secret(iscep_secret **out, iscep_bytes raw)
{
    iscep_buf text;
    iscep_buf_init(&text, raw.len);
    decode(&text, raw);
    const iscep_bytes value = trim(iscep_buf_bytes(&text));
    const char *wrong = text.is_overflown ? "does not fit into memory" : judge_secret(value);
    if (wrong == NULL && iscep_secret_new(out, value, NULL) != ISCEP_OK)
        wrong = "does not fit into memory";
    iscep_buf_wipe(&text);
    return wrong;
}

/* --- settings --- */

#define LETTERS "abcdefghijklmnopqrstuvwxyz"

/* Copies text[0..len) if it consists of these characters. */
static bool take_word(char *out, size_t out_size, const char *text, size_t len, const char *characters)
{
    if (len == 0 || len >= out_size || strspn(text, characters) < len)
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

/* Of a file that the connector opens: it does not run in the directory of who sets it up. */
static bool is_relative_path(const ctl_setting *setting)
{
    const size_t len = strlen(setting->key);
    return len > 5 && strcmp(setting->key + len - 5, "_file") == 0 && setting->value[0] != '/';
}

const char *ctl_setup_read_setting(ctl_setting *out, const char *text)
{
    const size_t name_len = strcspn(text, "=");
    const char *colon = memchr(text, ':', name_len);
    const char *key = colon != NULL ? colon + 1 : text;
    *out = (ctl_setting){.value = text + name_len + (text[name_len] == '=')};
    const bool is_section_right =
        colon == NULL || take_word(out->section, sizeof out->section, text, (size_t)(colon - text),
                                   LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/");
    if (text[name_len] == '\0' || !is_section_right ||
        !take_word(out->key, sizeof out->key, key, (size_t)(text + name_len - key), LETTERS "0123456789_"))
        return "must be KEY=VALUE, or SECTION:KEY=VALUE";
    if (out->value[0] == '\0')
        return "must have a value";
    for (const char *at = out->value; *at != '\0'; at++)
        if (iscntrl((unsigned char)*at))
            return "must be one line";
    return is_relative_path(out) ? "must name its file by an absolute path" : NULL;
}
