/* Programs that end as they should, and those that do not. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"
#include "net/process.h"
#include "tests/support/loop_thread.h"

/* 32 and 33 are glibc's own, and posix_spawn leaves them ignored. */
#define INTERNAL_SIGNALS 0x180000000UL

typedef struct ended {
    unsigned count;
    bool is_there;
    iscep_process_result result; /* output points at text */
    char text[8192];
    iscep_loop *loop;
} ended;

static iscep_loop *loop;
static ended end;

static void set_up(void)
{
    cr_assert_eq(iscep_loop_new(&loop, NULL), ISCEP_OK);
    end = (ended){.loop = loop};
}

/* No zombie is left, and none that nobody waited for. */
static void tear_down(void)
{
    cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1);
    cr_assert_eq(errno, ECHILD);
    iscep_loop_free(loop);
}

TestSuite(process, .init = set_up, .fini = tear_down);

static void catch_end(void *user, const iscep_process_result *result)
{
    ended *e = user;
    e->count++;
    e->is_there = true;
    e->result = *result;
    cr_assert_lt(result->output.len, sizeof e->text);
    if (result->output.len > 0)
        memcpy(e->text, result->output.data, result->output.len);
    e->text[result->output.len] = '\0';
    iscep_loop_stop(e->loop);
}

static iscep_process_options options_of(const char *const *argv)
{
    return (iscep_process_options){.argv = argv, .max_output_len = 4096, .timeout_ms = 9000, .grace_ms = 200};
}

static iscep_process *start(const iscep_process_options *options)
{
    iscep_process *process = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_process_start(&process, loop, options, catch_end, &end, &err), ISCEP_OK, "%s",
                 err.message);
    cr_assert_eq(end.count, 0);
    return process;
}

static void run(const iscep_process_options *options)
{
    start(options);
    loop_run_until(loop, &end.is_there);
    cr_assert_eq(end.count, 1);
}

/* A script may do what it likes; what is tested is who runs it. */
static void run_script(const char *script)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    const iscep_process_options options = options_of(argv);
    run(&options);
}

Test(process, tells_exit_code_and_both_outputs)
{
    run_script("echo out; echo err >&2; exit 7");
    cr_assert_eq(end.result.exit_code, 7);
    cr_assert_eq(end.result.signal_number, 0);
    cr_assert_not(end.result.is_timed_out);
    cr_assert_not(end.result.is_output_cut);
    cr_assert_str_eq(end.text, "out\nerr\n");
}

Test(process, tells_the_signal_that_ended_it)
{
    run_script("kill -USR1 $$");
    cr_assert_eq(end.result.exit_code, -1);
    cr_assert_eq(end.result.signal_number, SIGUSR1);
}

/* A SCEP server that we are a guest of may reap whatever ends: of such a program nobody knows how. */
Test(process, that_somebody_else_reaped_has_not_succeeded)
{
    signal(SIGCHLD, SIG_IGN);
    run_script("sleep 0.2; exit 1"); /* one that has ended before it is watched cannot be started */
    cr_assert_eq(end.result.exit_code, -1);
    cr_assert_eq(end.result.signal_number, 0);
}

Test(process, arguments_arrive_as_they_are)
{
    const char *const argv[] = {"/usr/bin/printf", "<%s>", "a b", "$(id);`id`", "x\ny", "", "*", NULL};
    const iscep_process_options options = options_of(argv);
    run(&options);
    cr_assert_str_eq(end.text, "<a b><$(id);`id`><x\ny><><*>");
}

Test(process, inherits_path_and_lang_and_nothing_else)
{
    const char *const argv[] = {"/usr/bin/env", NULL};
    const char *const env[] = {"SCEP_SERIAL=0A", "MANY=a b\nc", NULL};
    setenv("PATH", "/usr/bin:/bin", 1);
    setenv("LANG", "C.UTF-8", 1);
    setenv("SECRET", "canary", 1);
    setenv("LD_PRELOAD", "", 1);
    iscep_process_options options = options_of(argv);
    options.env = env;
    run(&options);
    cr_assert_str_eq(end.text, "PATH=/usr/bin:/bin\nLANG=C.UTF-8\nSCEP_SERIAL=0A\nMANY=a b\nc\n");
}

Test(process, has_no_input_and_no_descriptor_of_ours)
{
    int fd = open("/dev/null", O_RDONLY); /* without CLOEXEC, as a careless library opens */
    cr_assert_geq(fd, 0);
    run_script("cat; for fd in 0 1 2 3 4 5 6 7 8 9; do test -e /proc/$$/fd/$fd && echo $fd; done");
    close(fd);
    cr_assert_str_eq(end.text, "0\n1\n2\n");
}

/* No shell here: it would set its own. */
Test(process, has_default_signals)
{
    const char *const argv[] = {"/bin/sed", "-n", "s/Sig\\(Ign\\|Blk\\):[^0]*//p", "/proc/self/status", NULL};
    const iscep_process_options options = options_of(argv);
    unsigned long blocked_now, ignored;
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    cr_assert_eq(sigprocmask(SIG_BLOCK, &blocked, NULL), 0);
    signal(SIGPIPE, SIG_IGN);
    run(&options);
    cr_assert_eq(sscanf(end.text, "%lx\n%lx", &blocked_now, &ignored), 2, "%s", end.text);
    cr_assert_eq(blocked_now, 0, "%s", end.text);
    cr_assert_eq(ignored & ~INTERNAL_SIGNALS, 0, "%s", end.text);
}

Test(process, that_is_not_there_or_not_executable_does_not_start)
{
    static const char *const programs[] = {"/nonexistent", "/etc/passwd", "/tmp", "sh"};
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        const char *const argv[] = {programs[i], NULL};
        const iscep_process_options options = options_of(argv);
        iscep_process *process = NULL;
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(iscep_process_start(&process, loop, &options, catch_end, &end, &err), ISCEP_CONFIG, "%s",
                     programs[i]);
        cr_assert_str_eq(err.code, "program");
        cr_assert_not_null(strstr(err.message, programs[i]));
        cr_assert_null(process);
    }
    cr_assert_eq(end.count, 0);
}

Test(process, that_leaves_a_child_with_the_pipe_behind_keeps_nobody_waiting)
{
    run_script("sleep 60 & echo child $!");
    cr_assert_eq(end.result.exit_code, 0);
    pid_t child = (pid_t)strtol(end.text + strlen("child "), NULL, 10);
    cr_assert_eq(kill(child, 0), 0, "a child left behind is not ours to end");
    kill(child, SIGKILL);
}

Test(process, that_prints_more_than_the_cap_is_cut_and_goes_on)
{
    run_script("head -c 300000 /dev/zero | tr '\\0' x; exit 3");
    cr_assert_eq(end.result.exit_code, 3);
    cr_assert(end.result.is_output_cut);
    cr_assert_eq(end.result.output.len, 4096);
}

Test(process, that_prints_exactly_the_cap_is_not_cut)
{
    run_script("head -c 4096 /dev/zero | tr '\\0' x");
    cr_assert_not(end.result.is_output_cut);
    cr_assert_eq(end.result.output.len, 4096);
}

Test(process, that_prints_for_ever_is_ended_in_time)
{
    const char *const argv[] = {"/bin/sh", "-c", "while :; do echo more; done", NULL};
    iscep_process_options options = options_of(argv);
    options.timeout_ms = 300;
    run(&options);
    cr_assert(end.result.is_timed_out);
    cr_assert(end.result.is_output_cut);
    cr_assert_eq(end.result.signal_number, SIGTERM);
}

Test(process, that_ignores_sigterm_is_killed)
{
    const char *const argv[] = {"/bin/sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done", NULL};
    iscep_process_options options = options_of(argv);
    options.timeout_ms = 500;
    run(&options);
    cr_assert(end.result.is_timed_out);
    cr_assert_eq(end.result.signal_number, SIGKILL);
    cr_assert_str_eq(end.text, "deaf\n");
}

/* The pipe's other ends are all closed when nobody of the group is left. */
static void await_end_of_file(int fd)
{
    char byte;
    ssize_t got;
    while ((got = read(fd, &byte, 1)) > 0)
        continue;
    cr_assert_eq(got, 0);
}

Test(process, and_what_it_started_end_together)
{
    int ends[2];
    char path[64];
    cr_assert_eq(pipe(ends), 0);
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), ends[1]);
    const char *const argv[] = {"/bin/sh", "-c", "exec 5>\"$0\"; (trap '' TERM; sleep 60) & wait", path,
                                NULL};
    iscep_process_options options = options_of(argv);
    options.timeout_ms = 500;
    run(&options);
    cr_assert(end.result.is_timed_out);
    close(ends[1]);
    alarm(10); /* the test fails if the grandchild lives */
    await_end_of_file(ends[0]);
    close(ends[0]);
}

Test(process, that_is_cancelled_is_gone_without_a_word)
{
    const char *const argv[] = {"/bin/sh", "-c", "trap '' TERM; sleep 60", NULL};
    const iscep_process_options options = options_of(argv);
    iscep_process_cancel(start(&options));
    cr_assert_eq(end.count, 0);
}

/* Somebody else's, after sudo, or in the kernel's hands: the daemon's one thread must not wait for it. */
Test(process, that_cannot_be_killed_is_not_waited_for)
{
    enum { NOBODY = 65534 };
    const char *const argv[] = {"/bin/sleep", "4", NULL};
    const iscep_process_options options = options_of(argv);
    if (geteuid() != 0)
        cr_skip_test("only root can become somebody who may not");
    iscep_process *process = start(&options);
    const iscep_env env = iscep_env_system(NULL);
    const int64_t began_ms = iscep_now_mono_ms(&env);
    cr_assert_eq(setresuid(NOBODY, NOBODY, 0), 0);
    iscep_process_cancel(process);
    cr_assert_eq(setresuid(0, 0, 0), 0);
    cr_assert_lt(iscep_now_mono_ms(&env) - began_ms, 2000);
    while (waitpid(-1, NULL, 0) > 0) /* it is reaped all the same, by whomever */
        continue;
    cr_assert_eq(end.count, 0);
}

static unsigned count_descriptors(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

Test(process, leaks_no_descriptor)
{
    unsigned before = count_descriptors();
    for (unsigned i = 0; i < 20; i++) {
        end.is_there = false;
        end.count = 0;
        run_script("exit 0");
    }
    static const char *const argv[] = {"/nonexistent", NULL};
    const iscep_process_options options = options_of(argv);
    iscep_process *process = NULL;
    cr_assert_eq(iscep_process_start(&process, loop, &options, catch_end, &end, NULL), ISCEP_CONFIG);
    cr_assert_eq(count_descriptors(), before);
}

Test(process, many_run_at_once)
{
    ended ends[20];
    const char *const argv[] = {"/bin/sh", "-c", "exit 5", NULL};
    const iscep_process_options options = options_of(argv);
    for (size_t i = 0; i < 20; i++) {
        iscep_process *process = NULL;
        ends[i] = (ended){.loop = loop};
        cr_assert_eq(iscep_process_start(&process, loop, &options, catch_end, &ends[i], NULL), ISCEP_OK);
    }
    for (size_t i = 0; i < 20; i++) {
        loop_run_until(loop, &ends[i].is_there);
        cr_assert_eq(ends[i].result.exit_code, 5);
        cr_assert_eq(ends[i].count, 1);
    }
}
