/* Landlock, landlock(7): from now on this thread, and what it starts, can write only where it was told. Other threads go on as they were. */
#ifndef ISCEP_DAEMON_SANDBOX_LANDLOCK_H
#define ISCEP_DAEMON_SANDBOX_LANDLOCK_H

#include "daemon/sandbox_paths.h"

/*
 * Files are made, written and removed in these directories only, /dev/null and a TPM are written, and programs are run only
 * if may_run. Signals stay among us and our children (from version 6 on). A directory that Landlock does not take leaves writable
 * and is missed there: nothing can be written in it. version: of the kernel's Landlock. Wants no_new_privs. STORAGE: the
 * kernel has none, or whoever started us forbids it, and nothing has changed.
 */
iscep_status iscep_landlock_confine(int *version, iscep_sandbox_paths *writable, bool may_run,
                                    iscep_error *err) ISCEP_CHECKED;

#endif
