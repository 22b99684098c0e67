/*
 * Instead of sandbox_landlock.c and sandbox_filter.c in a build with instruments: sanitizers start processes and look into their own
 * memory when they end, and they and gcov write files wherever they were told.
 */
#include "daemon/sandbox_filter.h"
#include "daemon/sandbox_landlock.h"

static const char reason[] = "this is a build with instruments";

iscep_status iscep_landlock_confine(int *version, const iscep_sandbox_paths *writable, bool may_run,
                                    iscep_error *err)
{
    (void)writable;
    (void)may_run;
    (void)version;
    return iscep_error_set(err, ISCEP_STORAGE, "landlock", "%s", reason);
}

iscep_status iscep_filter_load(bool may_run, iscep_error *err)
{
    (void)may_run;
    return iscep_error_set(err, ISCEP_STORAGE, "seccomp", "%s", reason);
}
