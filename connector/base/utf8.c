/* See utf8.h. */
#include "base/utf8.h"

#include <stdbool.h>

size_t iscep_utf8_len(const uint8_t *text, size_t len)
{
    if (len == 0)
        return 0;
    if (text[0] < 0x80)
        return 1;
    size_t needed = text[0] < 0xC2 || text[0] > 0xF4 ? 0 : text[0] < 0xE0 ? 2 : text[0] < 0xF0 ? 3 : 4;
    if (needed > len)
        return 0;
    for (size_t i = 1; i < needed; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    bool is_outside = (text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xED && text[1] >= 0xA0) ||
                      (text[0] == 0xF0 && text[1] < 0x90) || (text[0] == 0xF4 && text[1] >= 0x90);
    return is_outside ? 0 : needed;
}
