/*
 * Carrying out revocations: one thread that asks intune-scepd for work, has the host's CA revoke, and says what came of
 * it. It belongs to the process that started it: after fork the parent's goes on, and the child has none.
 */
#ifndef ISCEP_PLUGIN_REVOCATIONS_H
#define ISCEP_PLUGIN_REVOCATIONS_H

#include <stdbool.h>

#include "plugin/abi/host_log.h"
#include "scep_plugin.h"

/* Borrowed until stop. */
typedef struct iscep_revocations_options {
    const char *path;   /* of the daemon's socket */
    const char *tenant; /* may be empty */
    const char *ca;     /* may be empty */
    const scep_host *host;
    const iscep_host_log *log;
} iscep_revocations_options;

typedef struct iscep_revocations iscep_revocations;

/* Does the host offer to revoke? */
bool iscep_revocations_can(const scep_host *host);

/* Does not touch the daemon before it returns. NULL: no memory, or no more threads. */
iscep_revocations *iscep_revocations_start(const iscep_revocations_options *options);
/* Ends a wait at once, and waits for a callback that is under way. In a forked child it only frees. NULL is allowed. */
void iscep_revocations_stop(iscep_revocations *revocations);

#endif
