/* See oracle_text.h. */
#include "tests/fuzz/oracle_text.h"

#include <string.h>

/* One row a length: the first byte's range, and the range of the code points that need this length. */
static const struct {
    uint8_t first_min, first_max, first_bits;
    uint32_t min, max;
} forms[] = {{0x00, 0x7F, 7, 0, 0x7F},
             {0xC0, 0xDF, 5, 0x80, 0x7FF},
             {0xE0, 0xEF, 4, 0x800, 0xFFFF},
             {0xF0, 0xF7, 3, 0x10000, 0x10FFFF}};

size_t oracle_utf8_len(const uint8_t *data, size_t len)
{
    for (size_t form = 0; len > 0 && form < sizeof forms / sizeof *forms; form++) {
        if (data[0] < forms[form].first_min || data[0] > forms[form].first_max)
            continue;
        uint32_t code_point = data[0] & ((1u << forms[form].first_bits) - 1);
        for (size_t i = 1; i <= form; i++) {
            if (i >= len || data[i] < 0x80 || data[i] > 0xBF)
                return 0;
            code_point = code_point << 6 | (data[i] & 0x3F);
        }
        bool is_surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
        bool is_right = code_point >= forms[form].min && code_point <= forms[form].max && !is_surrogate;
        return is_right ? form + 1 : 0;
    }
    return 0;
}

bool oracle_is_line(const char *text)
{
    size_t len = strlen(text);
    for (size_t at = 0; at < len;) {
        size_t sequence_len = oracle_utf8_len((const uint8_t *)text + at, len - at);
        if (sequence_len == 0 || (uint8_t)text[at] < 0x20 || text[at] == 0x7F)
            return false;
        at += sequence_len;
    }
    return true;
}

bool oracle_is_visible_ascii(const char *text)
{
    size_t at = 0;
    while (text[at] > 0x20 && text[at] < 0x7F)
        at++;
    return at > 0 && text[at] == '\0';
}

bool oracle_is_decimal(const char *text, uint64_t max)
{
    uint64_t number = 0;
    size_t at = 0;
    for (; text[at] >= '0' && text[at] <= '9'; at++) {
        number = number * 10 + (uint64_t)(text[at] - '0');
        if (number > max)
            return false;
    }
    return at > 0 && text[at] == '\0';
}
