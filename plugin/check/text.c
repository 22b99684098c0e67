/* See text.h. */
#include "plugin/check/text.h"

#include <stdint.h>
#include <string.h>

/* How many bytes the character at the start of at has; 0: it is none, or a control character. */
static size_t character_len(const uint8_t *at, size_t len)
{
    static const struct {
        uint8_t mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0x20}, {0xE0, 0xC0, 0xA0}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}};
    for (size_t count = 1; count <= sizeof forms / sizeof forms[0]; count++) {
        if ((at[0] & forms[count - 1].mask) != forms[count - 1].lead || len < count) {
            continue;
        }
        uint32_t character = at[0] & (uint8_t)~forms[count - 1].mask;
        for (size_t i = 1; i < count; i++) {
            if ((at[i] & 0xC0) != 0x80) {
                return 0;
            }
            character = character << 6 | (at[i] & 0x3F);
        }
        const bool is_surrogate = character >= 0xD800 && character <= 0xDFFF;
        const bool is_fine = character >= forms[count - 1].least && character != 0x7F && !is_surrogate &&
                             character <= 0x10FFFF;
        return is_fine ? count : 0;
    }
    return 0;
}

bool text_is_proper(const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        const size_t step = character_len((const uint8_t *)text + at, len - at);
        if (step == 0) {
            return false;
        }
        at += step;
    }
    return true;
}

void text_copy_printable(char *out, size_t out_size, const char *text)
{
    size_t used = 0;
    for (; text[used] != '\0' && used + 1 < out_size; used++) {
        out[used] = text[used] >= 0x20 && text[used] < 0x7F ? text[used] : '?';
    }
    out[used] = '\0';
}
