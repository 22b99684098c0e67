/* A crash leaves no core file, whether the system keeps cores in files or pipes them to a program. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/core_files.h"
#include "tests/support/temp_dir.h"

enum { WHOLE = 64 << 20 }; /* bytes: no core of this program is larger */

static int crash(void (*prepare)(void))
{
    int state;
    const struct rlimit whole = {.rlim_cur = WHOLE, .rlim_max = WHOLE};
    temp_dir dir;
    temp_dir_make(&dir); /* for the core file, if there is one */
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        if (chdir(dir.path) != 0 || setrlimit(RLIMIT_CORE, &whole) != 0)
            _exit(1);
        prepare();
        abort();
    }
    cr_assert_eq(waitpid(child, &state, 0), child);
    temp_dir_remove(&dir);
    return state;
}

static void do_nothing(void)
{
}

/* Without privileges a limit is only ever lowered. */
static void skip_below(rlim_t needed)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_CORE, &limit), 0);
    if (limit.rlim_max < needed && geteuid() != 0)
        cr_skip_test("the limit on core files is too low here to be set");
}

Test(core_files, a_crash_leaves_none)
{
    skip_below(WHOLE);
    if (!WCOREDUMP(crash(do_nothing)))
        cr_skip_test("this system keeps no core of anybody");
    const int state = crash(iscep_core_files_forbid);
    cr_assert(WIFSIGNALED(state) && WTERMSIG(state) == SIGABRT, "%x", (unsigned)state);
    cr_assert(!WCOREDUMP(state));
}

/* With 0 the kernel would still pipe a core to a program. */
Test(core_files, the_limit_is_the_one_that_a_pipe_heeds)
{
    struct rlimit limit;
    skip_below(1);
    iscep_core_files_forbid();
    cr_assert_eq(getrlimit(RLIMIT_CORE, &limit), 0);
    cr_assert(limit.rlim_cur == 1 && limit.rlim_max == 1);
}

#ifndef ISCEP_SANITIZED /* LeakSanitizer looks into its own process */
/* A user without privileges, and a limit that he cannot raise to 1, as with LimitCORE=0 in a unit. */
static void become_nobody(void)
{
    const struct rlimit none = {0};
    cr_assert_eq(setrlimit(RLIMIT_CORE, &none), 0);
    if (geteuid() == 0)
        cr_assert(setgid(65534) == 0 && setuid(65534) == 0);
    cr_assert_eq(prctl(PR_SET_DUMPABLE, 1), 0); /* changing the user has cleared it */
}

Test(core_files, memory_is_hidden_whatever_the_limit)
{
    become_nobody();
    iscep_core_files_forbid();
    cr_assert_eq(prctl(PR_GET_DUMPABLE), 0);
}

/* What a tool's --secret-file /dev/stdin and <(…) open; /proc/self is root's, which the third shows. */
Test(core_files, what_is_given_as_a_descriptor_can_be_opened_all_the_same)
{
    int ends[2];
    become_nobody();
    iscep_core_files_forbid();
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    cr_assert_geq(open("/dev/stdin", O_RDONLY | O_NONBLOCK | O_CLOEXEC), 0);
    cr_assert_geq(open("/dev/fd/0", O_RDONLY | O_NONBLOCK | O_CLOEXEC), 0);
    cr_assert_eq(open("/proc/self/environ", O_RDONLY | O_CLOEXEC), -1);
}
#endif
