/* Writing to systemd's journal: one entry, field by field. */
#ifndef ISCEP_BASE_JOURNALD_H
#define ISCEP_BASE_JOURNALD_H

#include "base/bytes.h"

#define ISCEP_JOURNALD_MAX_FIELDS 40

/* Does journald listen? Without it, what is sent is lost, and libsystemd says that all is well. Of that status
 * if not. */
iscep_status iscep_journald_find(iscep_status otherwise, iscep_error *err) ISCEP_CHECKED;
/* Each field is "NAME=value", and the value may hold any byte. STORAGE: journald does not take it. */
iscep_status iscep_journald_send(const iscep_bytes *fields, size_t count, iscep_error *err) ISCEP_CHECKED;

#endif
