/* See description.h. */
#include "intune/description.h"

#include <string.h>

#include "base/error.h"

void iscep_description_cut(char out[ISCEP_DESCRIPTION_SIZE], const char *text, const char *otherwise)
{
    char cut[ISCEP_DESCRIPTION_SIZE];
    size_t len = 0;
    if (text == NULL || text[0] == '\0')
        text = otherwise;
    for (unsigned units = 0; text[len] != '\0';) {
        size_t sequence_len = 1;
        while (((unsigned char)text[len + sequence_len] & 0xC0) == 0x80 && sequence_len < 4)
            sequence_len++;
        units += sequence_len == 4 ? 2 : 1;
        if (units > ISCEP_DESCRIPTION_MAX_CHARS)
            break;
        len += sequence_len;
    }
    memcpy(cut, text, len);
    cut[len] = '\0';
    iscep_text_copy(out, ISCEP_DESCRIPTION_SIZE, cut);
}
