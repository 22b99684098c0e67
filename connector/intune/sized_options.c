/* See sized_options.h. */
#include "intune/sized_options.h"

#include <stdint.h>
#include <string.h>

bool iscep_sized_options_read(void *out, size_t out_len, const void *given, size_t oldest_len)
{
    size_t given_len;
    if (given == NULL)
        return false;
    memcpy(&given_len, given, sizeof given_len);
    if (given_len < oldest_len)
        return false;
    const uint8_t *bytes = given;
    for (size_t i = out_len; i < given_len; i++)
        if (bytes[i] != 0)
            return false;
    memset(out, 0, out_len);
    memcpy(out, given, given_len < out_len ? given_len : out_len);
    return true;
}
