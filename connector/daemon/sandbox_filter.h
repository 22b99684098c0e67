/* The filter of system calls, seccomp(2), made by libseccomp: its only home. What is not allowed fails with EPERM, and the kernel logs it. */
#ifndef ISCEP_DAEMON_SANDBOX_FILTER_H
#define ISCEP_DAEMON_SANDBOX_FILTER_H

#include <stdbool.h>

#include "base/error.h"

/*
 * For all threads, and what they start. may_run: programs can be started, and may call what programs usually do; otherwise not
 * even a process of our own can, and no memory is both written and executed. Wants no_new_privs. STORAGE: the
 * kernel has no filters, or refused; nothing has changed.
 */
iscep_status iscep_filter_load(bool may_run, iscep_error *err) ISCEP_CHECKED;

#endif
