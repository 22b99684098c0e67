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
#include "daemon/sandbox_outcome.h"
#include "daemon/sandbox_paths.h"

/* What is in force, until the process ends. */
typedef struct iscep_sandbox {
    iscep_sandbox_outcome outcome;
    bool are_writes_confined; /* ours to writable, even if those of another thread are not */
    bool is_program_lost;     /* we cannot start one any more, likewise */
    iscep_sandbox_paths writable;
} iscep_sandbox;

/*
 * Once, before any credential is opened. seccomp takes every thread there is; Landlock takes the caller's own, and those made by it
 * from then on. We have no other yet, but a library may: an OpenSSL provider that openssl.cnf activates is there as soon as
 * a configuration has been read. Landlock then counts as not in force. Logs the event "sandbox".
 */
void iscep_sandbox_enter(iscep_sandbox *out, const iscep_config *config, const iscep_log *log);
/*
 * Can what is in force serve this configuration? CONFIG "sandbox": not before a restart, and what it lacks. What was named at
 * the start passes, had or missed: the configuration of the start can always be read again.
 */
iscep_status iscep_sandbox_check(const iscep_sandbox *sandbox, const iscep_config *config,
                                 iscep_error *err) ISCEP_CHECKED;

#endif
