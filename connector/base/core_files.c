/* See core_files.h. */
#include "base/core_files.h"

#include <sys/prctl.h>
#include <sys/resource.h>

/*
 * Who is not dumpable has no core made at all, wherever the system puts them, and no debugger of the same user looks into his
 * memory. His /proc/self is root's then, but his own descriptors he opens all the same (/dev/stdin); /proc/self/environ he
 * does not.
 *
 * The limit is for what we start, which is dumpable again, and for builds with sanitizers: LeakSanitizer looks into its
 * own process. One byte is less than any core file, and where cores are piped to a program the kernel heeds no other limit
 * (fs/coredump.c: a program that handles cores must make none itself); where a socket takes them it heeds none.
 */
void iscep_core_files_forbid(void)
{
    const struct rlimit one = {.rlim_cur = 1, .rlim_max = 1};
    (void)setrlimit(RLIMIT_CORE, &one); /* refused: less is all we may */
#ifndef ISCEP_SANITIZED
    prctl(PR_SET_DUMPABLE, 0);
#endif
}
