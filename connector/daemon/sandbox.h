/*
 * What the process gives up at its start, so that whoever takes it over has little: new privileges, writing beyond a few
 * directories (Landlock), and every system call that it does not need (seccomp). As much of that as the kernel has;
 * [connector] sandbox = off leaves it all. Only intune-scepd does this: a library must not lock up its host.
 *
 * Reading stays as it is: a configuration that is read again may name any file. Core files, and who may look into our
 * memory, are main.c's.
 */
#ifndef ISCEP_DAEMON_SANDBOX_H
#define ISCEP_DAEMON_SANDBOX_H

#include "daemon/config.h"
#include "daemon/sandbox_paths.h"

/* What is in force, until the process ends. */
typedef struct iscep_sandbox {
    bool are_writes_confined; /* to writable */
    bool are_programs_forbidden;
    iscep_sandbox_paths writable;
} iscep_sandbox;

/* Once, while the process has no second thread, because a thread has what its maker had. Logs the event "sandbox". */
void iscep_sandbox_enter(iscep_sandbox *out, const iscep_config *config, const iscep_log *log);
/* Can what is in force serve this configuration? CONFIG "sandbox": not before a restart, and what it lacks. */
iscep_status iscep_sandbox_check(const iscep_sandbox *sandbox, const iscep_config *config,
                                 iscep_error *err) ISCEP_CHECKED;

#endif
