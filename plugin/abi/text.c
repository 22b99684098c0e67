/* Text that crosses the plugin ABI. Untrusted bytes come in (a peer's, a host's); what goes out keeps the
 * ABI's promise. */
#include "plugin/abi/text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define FORMATTED_MAX 1024

scep_bytes iscep_plugin_bytes_of(const char *text)
{
    return (scep_bytes){.data = (const uint8_t *)text, .len = strlen(text)};
}

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xC0) == 0x80;
}

/* Length of the well-formed UTF-8 sequence (RFC 3629) at the start of at, 0 if there is none within len. */
static size_t sequence_len(const uint8_t *at, size_t len)
{
    const uint8_t lead = at[0];
    if (lead < 0x80) {
        return 1;
    }
    const size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || len < want) {
        return 0;
    }
    for (size_t i = 1; i < want; i++) {
        if (!is_continuation(at[i])) {
            return 0;
        }
    }
    const bool is_overlong = (lead == 0xE0 && at[1] < 0xA0) || (lead == 0xF0 && at[1] < 0x90);
    const bool is_surrogate = lead == 0xED && at[1] > 0x9F;
    const bool is_beyond = lead == 0xF4 && at[1] > 0x8F;
    return is_overlong || is_surrogate || is_beyond ? 0 : want;
}

/* What goes out in place of a sequence: ' ' for a control character (C0, DEL, C1), '?' for no UTF-8, 0 for
 * itself. */
static char replacement_of(const uint8_t *at, size_t len)
{
    const bool is_c0 = len == 1 && (at[0] < 0x20 || at[0] == 0x7F);
    const bool is_c1 = len == 2 && at[0] == 0xC2 && at[1] < 0xA0;
    return len == 0 ? '?' : is_c0 || is_c1 ? ' ' : '\0';
}

void iscep_plugin_text_copy(char *out, size_t out_size, scep_bytes text)
{
    size_t used = 0;
    for (size_t at = 0; at < text.len;) {
        const size_t len = sequence_len(text.data + at, text.len - at);
        const char replacement = replacement_of(text.data + at, len);
        const size_t want = replacement != '\0' ? 1 : len;
        if (used + want >= out_size) {
            break;
        }
        memcpy(out + used, replacement != '\0' ? &replacement : (const char *)text.data + at, want);
        used += want;
        at += len > 0 ? len : 1;
    }
    if (out_size > 0) {
        out[used] = '\0';
    }
}

static void format_into(char *out, size_t out_size, const char *format, va_list arguments)
{
    char text[FORMATTED_MAX];
    if (vsnprintf(text, sizeof text, format, arguments) < 0) {
        text[0] = '\0';
    }
    iscep_plugin_text_copy(out, out_size, iscep_plugin_bytes_of(text));
}

void iscep_plugin_text_fill(scep_text *text, const char *format, ...)
{
    if (text == NULL || text->size <= offsetof(scep_text, text)) {
        return;
    }
    const size_t given = text->size - offsetof(scep_text, text);
    const size_t room = given < sizeof text->text ? given : sizeof text->text;
    va_list arguments;
    va_start(arguments, format);
    format_into(text->text, room, format, arguments);
    va_end(arguments);
}
