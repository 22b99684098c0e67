/*
 * What the sandbox forbids fails, and what the daemon needs does not: each attempt is made in a child that is inside, and its
 * exit code is errno.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/sandbox_filter.h"
#include "daemon/sandbox_landlock.h"
#include "tests/support/temp_dir.h"

enum { NOT_CONFINED = 250 }; /* no errno */

static temp_dir dir;

static void set_up(void)
{
    temp_dir_make(&dir);
}

static void tear_down(void)
{
    temp_dir_remove(&dir);
}

TestSuite(sandbox, .init = set_up, .fini = tear_down);

/* 0 or errno. */
typedef int (*attempt_fn)(void);

static int outcome(long result)
{
    return result < 0 ? errno : 0;
}

static int in_child(int (*confine)(void), attempt_fn attempt)
{
    int state;
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0)
        _exit(confine() == 0 ? attempt() : NOT_CONFINED);
    cr_assert_eq(waitpid(child, &state, 0), child);
    return WIFEXITED(state) ? WEXITSTATUS(state) : -WTERMSIG(state);
}

struct attempt {
    const char *name;
    attempt_fn run;
    int alone;         /* what comes of it where no program may be run */
    int with_programs; /* and where they may */
};

/* --- system calls --- */

static int filter(bool may_run)
{
    iscep_error err = ISCEP_ERROR_INIT;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                   iscep_filter_load(iscep_filter_processor(), may_run, &err) == ISCEP_OK
               ? 0
               : -1;
}

static int filter_alone(void)
{
    return filter(false);
}

static int filter_with_programs(void)
{
    return filter(true);
}

static int do_ptrace(void)
{
    return outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int do_mount(void)
{
    return outcome(mount("none", dir.path, "tmpfs", 0, NULL));
}

static int do_unshare(void)
{
    return outcome(unshare(CLONE_NEWUSER));
}

static int do_keyctl(void)
{
    return outcome(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 0));
}

static int do_io_uring(void)
{
    return outcome(syscall(SYS_io_uring_setup, 0, NULL));
}

static int do_bpf(void)
{
    return outcome(syscall(SYS_bpf, 0, NULL, 0));
}

static int do_packet_socket(void)
{
    return outcome(socket(AF_PACKET, SOCK_RAW, 0));
}

static int do_audit_socket(void)
{
    return outcome(socket(AF_NETLINK, SOCK_RAW, 9 /* NETLINK_AUDIT */));
}

static int do_fork_in_namespace(void)
{
    const long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        _exit(0);
    return outcome(child);
}

static int do_clone3(void)
{
    return outcome(syscall(SYS_clone3, NULL, 0));
}

static int do_what_nobody_knows(void)
{
    return outcome(syscall(699));
}

static int do_fork(void)
{
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    return outcome(child);
}

static int do_spawn(void)
{
    char name[] = "true", *const arguments[] = {name, NULL};
    pid_t child;
    return posix_spawn(&child, "/bin/true", NULL, NULL, arguments, NULL);
}

static int do_signal_a_thread(void)
{
    return outcome(syscall(SYS_tgkill, getpid(), gettid(), 0));
}

static int do_signal_anothers_thread(void)
{
    return outcome(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int do_kill(void)
{
    return outcome(kill(getppid(), 0));
}

static int do_lock(void)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    return outcome(fcntl(STDIN_FILENO, F_GETLK, &lock));
}

static int do_name_an_owner(void)
{
    return outcome(fcntl(socket(AF_UNIX, SOCK_STREAM, 0), F_SETOWN, getppid()));
}

static int do_name_an_owner_by_kind(void)
{
    const struct f_owner_ex owner = {.type = F_OWNER_PID, .pid = getppid()};
    return outcome(fcntl(socket(AF_UNIX, SOCK_STREAM, 0), F_SETOWN_EX, &owner));
}

static int do_choose_a_signal(void)
{
    return outcome(fcntl(socket(AF_UNIX, SOCK_STREAM, 0), F_SETSIG, SIGTERM));
}

/* The kernel looks at 32 bits of the command. */
static int do_name_an_owner_in_disguise(void)
{
    return outcome(syscall(SYS_fcntl, socket(AF_UNIX, SOCK_STREAM, 0), 1UL << 32 | F_SETOWN, getppid()));
}

static int do_change_times(void)
{
    return outcome(utimensat(AT_FDCWD, dir.path, NULL, 0));
}

static int do_write_and_execute(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                   MAP_FAILED
               ? errno
               : 0;
}

static int do_make_executable(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return outcome(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static int do_file_in_memory(void)
{
    return outcome(memfd_create("code", MFD_CLOEXEC));
}

static int do_set_limit(void)
{
    const struct rlimit none = {0};
    return outcome(setrlimit(RLIMIT_FSIZE, &none));
}

static void *do_nothing(void *user)
{
    return user;
}

static int do_thread(void)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, do_nothing, NULL);
    return error != 0 ? error : pthread_join(thread, NULL);
}

static int do_resolve(void)
{
    struct addrinfo *found = NULL;
    const int error = getaddrinfo("localhost", "443", NULL, &found);
    freeaddrinfo(found);
    return error == 0 ? 0 : EINVAL;
}

static int do_load_library(void)
{
    return dlopen("libutil.so.1", RTLD_NOW) != NULL ? 0 : EINVAL;
}

static int do_write_a_file(void)
{
    char path[300];
    snprintf(path, sizeof path, "%s/file", dir.path);
    const int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    return fd < 0 ? errno : outcome(fsync(fd));
}

static const struct attempt calls[] = {
    {"ptrace", do_ptrace, EPERM, EPERM},
    {"mount", do_mount, EPERM, EPERM},
    {"unshare", do_unshare, EPERM, EPERM},
    {"keyctl", do_keyctl, EPERM, EPERM},
    {"io_uring", do_io_uring, EPERM, EPERM},
    {"bpf", do_bpf, EPERM, EPERM},
    {"a packet socket", do_packet_socket, EPERM, EPERM},
    {"an audit socket", do_audit_socket, EPERM, EPERM},
    {"a process in a user namespace", do_fork_in_namespace, EPERM, EPERM},
    {"clone3", do_clone3, ENOSYS, ENOSYS},
    {"a call of the future", do_what_nobody_knows, ENOSYS, ENOSYS},
    {"fork", do_fork, EPERM, 0},
    {"a program", do_spawn, EPERM, 0},
    {"a signal", do_kill, EPERM, 0},
    {"a signal to a thread of its own", do_signal_a_thread, 0, 0},
    {"a signal to another's thread", do_signal_anothers_thread, EPERM, 0},
    {"asking for a lock", do_lock, 0, 0},
    {"another as owner of a descriptor", do_name_an_owner, EPERM, 0},
    {"the same with its kind", do_name_an_owner_by_kind, EPERM, 0},
    {"the same in disguise", do_name_an_owner_in_disguise, EPERM, 0},
    {"the signal of a descriptor", do_choose_a_signal, EPERM, 0},
    {"a file's times", do_change_times, EPERM, 0},
    {"memory to write and execute", do_write_and_execute, EPERM, 0},
    {"memory made executable", do_make_executable, EPERM, 0},
    {"a file in memory", do_file_in_memory, EPERM, 0},
    {"a limit", do_set_limit, EPERM, 0},
    {"a thread", do_thread, 0, 0},
    {"a name's address", do_resolve, 0, 0},
    {"a library", do_load_library, 0, 0},
    {"a file", do_write_a_file, 0, 0},
};

Test(sandbox, system_calls_are_what_the_table_says)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const struct attempt *at = &calls[i];
        int found = in_child(filter_alone, at->run);
        cr_expect_eq(found, at->alone, "%s: %d, not %d", at->name, found, at->alone);
        found = in_child(filter_with_programs, at->run);
        cr_expect_eq(found, at->with_programs, "%s, with programs: %d, not %d", at->name, found,
                     at->with_programs);
    }
}

/* --- files --- */

static char inside[300], outside[300];

static int confine(bool may_run)
{
    iscep_sandbox_paths writable = {.paths = {inside}, .count = 1};
    iscep_error err = ISCEP_ERROR_INIT;
    int version;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                   iscep_landlock_confine(&version, &writable, may_run, &err) == ISCEP_OK
               ? 0
               : -1;
}

static int confine_alone(void)
{
    return confine(false);
}

static int confine_with_programs(void)
{
    return confine(true);
}

static int open_in(const char *directory, const char *name, int flags)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return outcome(open(path, flags | O_CLOEXEC, 0600));
}

static int make_inside(void)
{
    return open_in(inside, "new", O_CREAT | O_WRONLY);
}

static int make_outside(void)
{
    return open_in(outside, "new", O_CREAT | O_WRONLY);
}

static int write_outside(void)
{
    return open_in(outside, "old", O_WRONLY);
}

static int read_outside(void)
{
    return open_in(outside, "old", O_RDONLY);
}

static int truncate_outside(void)
{
    char path[400];
    snprintf(path, sizeof path, "%s/old", outside);
    return outcome(truncate(path, 0));
}

static int remove_outside(void)
{
    char path[400];
    snprintf(path, sizeof path, "%s/old", outside);
    return outcome(unlink(path));
}

static int replace_inside(void)
{
    char from[400], to[400];
    snprintf(from, sizeof from, "%s/new", inside);
    snprintf(to, sizeof to, "%s/old", inside);
    const int error = make_inside();
    return error != 0 ? error : outcome(rename(from, to));
}

static int move_outside(void)
{
    char from[400], to[400];
    snprintf(from, sizeof from, "%s/old", inside);
    snprintf(to, sizeof to, "%s/moved", outside);
    return outcome(rename(from, to));
}

static int listen_in(const char *directory)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.90s/s", directory);
    unlink(address.sun_path); /* another child's */
    return outcome(bind(socket(AF_UNIX, SOCK_STREAM, 0), (const struct sockaddr *)&address, sizeof address));
}

static int listen_inside(void)
{
    return listen_in(inside);
}

static int listen_outside(void)
{
    return listen_in(outside);
}

static int make_device_inside(void)
{
    char path[400];
    snprintf(path, sizeof path, "%s/null", inside);
    return outcome(mknod(path, S_IFCHR | 0600, 1 << 8 | 3));
}

static int write_to_null(void)
{
    return open_in("/dev", "null", O_WRONLY);
}

static const struct attempt files[] = {
    {"a file inside", make_inside, 0, 0},
    {"replacing one inside", replace_inside, 0, 0},
    {"a socket inside", listen_inside, 0, 0},
    {"a device inside", make_device_inside, EACCES, EACCES},
    {"a file outside", make_outside, EACCES, EACCES},
    {"writing outside", write_outside, EACCES, EACCES},
    {"truncating outside", truncate_outside, EACCES, EACCES},
    {"removing outside", remove_outside, EACCES, EACCES},
    {"moving out", move_outside, EACCES, EACCES},
    {"a socket outside", listen_outside, EACCES, EACCES},
    {"reading outside", read_outside, 0, 0},
    {"/dev/null", write_to_null, 0, 0},
    {"a program", do_spawn, EACCES, 0},
};

static void make_directory(char out[300], const char *name)
{
    char old[400];
    snprintf(out, 300, "%s/%s", dir.path, name);
    cr_assert_eq(mkdir(out, 0700), 0);
    snprintf(old, sizeof old, "%s/old", out);
    FILE *file = fopen(old, "we");
    cr_assert_not_null(file);
    fclose(file);
}

Test(sandbox, files_are_written_where_they_may)
{
    make_directory(inside, "inside");
    make_directory(outside, "outside");
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1U) < 3)
        cr_skip_test("this kernel has no Landlock, or none that knows truncate(2): %s", strerror(errno));
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const struct attempt *at = &files[i];
        int found = in_child(confine_alone, at->run);
        cr_expect_eq(found, at->alone, "%s: %d, not %d", at->name, found, at->alone);
        found = in_child(confine_with_programs, at->run);
        cr_expect_eq(found, at->with_programs, "%s, with programs: %d, not %d", at->name, found,
                     at->with_programs);
    }
}

/* Whoever has replaced a directory since it was collected: Landlock takes no rights of a directory for what is none. */
static int confine_to_a_file(void)
{
    char file[300], want[400];
    temp_dir_write(&dir, file, sizeof file, "file", "");
    iscep_sandbox_paths writable = {.paths = {strdup(file), strdup(inside)}, .count = 2};
    iscep_error err = ISCEP_ERROR_INIT;
    int version;
    snprintf(want, sizeof want, "%s (Invalid argument)", file);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                   iscep_landlock_confine(&version, &writable, false, &err) == ISCEP_OK &&
                   writable.count == 1 && strcmp(writable.paths[0], inside) == 0 &&
                   strcmp(writable.missed, want) == 0
               ? 0
               : -1;
}

Test(sandbox, what_landlock_does_not_take_is_missed_and_the_rest_confined)
{
    make_directory(inside, "inside");
    make_directory(outside, "outside");
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1U) < 1)
        cr_skip_test("this kernel has no Landlock: %s", strerror(errno));
    cr_assert_eq(in_child(confine_to_a_file, make_inside), 0);
    cr_assert_eq(in_child(confine_to_a_file, make_outside), EACCES);
}
