/*
 * Users and groups of this machine, by name or by number. Not getpwnam(3), whose answer is the process's: that may be a SCEP
 * server's, whose threads ask, too.
 */
#include <grp.h>
#include <pwd.h>

#include "daemon/config_key.h"

enum { ENTRY_SIZE = 64 * 1024 }; /* a group with thousands of members */

static bool read_id(uint32_t *out, const char *text)
{
    return iscep_config_read_number32(out, text, 0, UINT32_MAX - 1) == NULL;
}

bool iscep_config_find_user(uint32_t *out, const char *name)
{
    char texts[ENTRY_SIZE];
    struct passwd entry, *found = NULL;
    if (getpwnam_r(name, &entry, texts, sizeof texts, &found) != 0 || found == NULL)
        return read_id(out, name);
    *out = found->pw_uid;
    return true;
}

bool iscep_config_find_group(uint32_t *out, const char *name)
{
    char texts[ENTRY_SIZE];
    struct group entry, *found = NULL;
    if (getgrnam_r(name, &entry, texts, sizeof texts, &found) != 0 || found == NULL)
        return read_id(out, name);
    *out = found->gr_gid;
    return true;
}
