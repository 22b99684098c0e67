/* See guid.h. */
#include "ctl/guid.h"

#include <ctype.h>

#include "base/env.h"

bool ctl_is_guid(iscep_bytes text)
{
    if (text.len != ISCEP_GUID_SIZE - 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text.data[i] != '-' : !isxdigit(text.data[i]))
            return false;
    }
    return true;
}
