/*
 * What people bring from the Entra admin centre, by clipboards and editors: cleaned of what got into it on the way, and
 * refused where it is something else. Each reader answers NULL, or a sentence without its subject: "must be …", "is …".
 */
#ifndef ISCEP_CTL_SETUP_VALUES_H
#define ISCEP_CTL_SETUP_VALUES_H

#include "base/env.h"
#include "base/secret.h"

/* The id of a tenant or an application: in any case, in braces or not, blanks around it; out is in lower case. */
const char *ctl_setup_read_guid(char out[ISCEP_GUID_SIZE], const char *text);

/*
 * A client secret's value: without a byte order mark, which may also say UTF-16, and without blanks and line ends around it. What
 * has the form of an id is refused: Entra shows the secret's own beside its value.
 */
const char *ctl_setup_read_secret(iscep_secret **out, iscep_bytes raw);

/* A line of the configuration. */
typedef struct ctl_setting {
    char section[128]; /* what stands between the brackets; empty: the tenant's */
    char key[64];
    const char *value;
} ctl_setting;

/* "[SECTION:]KEY=VALUE"; value is borrowed from text. Whether there is such a key is for the configuration's reader to say. */
const char *ctl_setup_read_setting(ctl_setting *out, const char *text);

#endif
