/* The filter of system calls, seccomp(2), made by libseccomp: its only home. What is not allowed fails with EPERM, and the kernel logs it. */
#ifndef ISCEP_DAEMON_SANDBOX_FILTER_H
#define ISCEP_DAEMON_SANDBOX_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Ours, as an AUDIT_ARCH_… of linux/audit.h. */
uint32_t iscep_filter_processor(void);
/*
 * For all threads there are, and what they start. may_run: programs can be started, and may call what programs usually do;
 * otherwise not even a process of our own can, and no memory is both written and executed. Wants no_new_privs. STORAGE: the
 * kernel has no filters, or refused, or sandbox_calls.c does not know the calls of this processor; nothing is forbidden then.
 */
iscep_status iscep_filter_load(uint32_t processor, bool may_run, iscep_error *err) ISCEP_CHECKED;

#endif
