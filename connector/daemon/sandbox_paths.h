/* Which directories a configuration needs to write in, and whether it runs programs. */
#ifndef ISCEP_DAEMON_SANDBOX_PATHS_H
#define ISCEP_DAEMON_SANDBOX_PATHS_H

#include <limits.h>

#include "daemon/config.h"

/* Journal, audit trail, runtime and state directory, devices, two for temporary files; sockets; four files of each CA; sandbox_writable. */
enum {
    ISCEP_SANDBOX_MAX_PATHS =
        8 + ISCEP_CONFIG_MAX_LISTENERS + 4 * ISCEP_CONFIG_MAX_CAS + ISCEP_CONFIG_MAX_WORDS
};

/*
 * Directories, absolute and without symbolic links; none is below another. names: of the directories and files that they come from, as
 * they were given. missed: what else is needed and cannot be had, each with the reason; cut off where there is no room.
 */
typedef struct iscep_sandbox_paths {
    char *paths[ISCEP_SANDBOX_MAX_PATHS];
    size_t count;
    char *names[ISCEP_SANDBOX_MAX_PATHS];
    size_t name_count;
    char missed[512];
} iscep_sandbox_paths;

/*
 * What does not exist, or is no directory, cannot be written in, and is missed. What `before` has names of is passed over,
 * whatever has become of it; NULL: nothing is. NOMEM.
 */
iscep_status iscep_sandbox_paths_collect(iscep_sandbox_paths *out, const iscep_config *config,
                                         const iscep_sandbox_paths *before, iscep_error *err) ISCEP_CHECKED;
/* One that is not among them: "path (reason)". */
void iscep_sandbox_paths_miss(iscep_sandbox_paths *paths, const char *path, int error_number);
void iscep_sandbox_paths_clear(iscep_sandbox_paths *paths);
/* The first of wanted that is neither among granted nor below one of them; NULL: there is none. */
const char *iscep_sandbox_paths_beyond(const iscep_sandbox_paths *granted, const iscep_sandbox_paths *wanted);

/* There is a [ca/NAME] with kind = command. */
bool iscep_sandbox_runs_programs(const iscep_config *config);

#endif
