/*
 * What the daemon says of its sandbox is what it has: entered in a child, which looks, and tells in memory that both share. With
 * whatever may be missing: a kernel's parts, a directory, and the others of a process that has more threads.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/sandbox.h"
#include "daemon/sandbox_filter.h"
#include "tests/support/temp_dir.h"

/* What a child has found. */
static struct found {
    iscep_sandbox_outcome outcome;
    iscep_log_level level; /* of the event */
    int inside, outside;   /* 0 or errno of writing there */
    int ptrace;            /* likewise; EPERM by a filter */
    int clone3;
    int by_another_thread; /* of writing outside */
    bool is_done;
    char refusal[512]; /* of a reload that wants to write outside; empty: it may */
} * found;

static temp_dir dir;
static iscep_config *config;
static char inside[256], outside[256], missing[256];

static void set_up(void)
{
    temp_dir_make(&dir);
    snprintf(inside, sizeof inside, "%s/inside", dir.path);
    snprintf(outside, sizeof outside, "%s/outside", dir.path);
    snprintf(missing, sizeof missing, "%s/missing", dir.path);
    cr_assert(mkdir(inside, 0700) == 0 && mkdir(outside, 0700) == 0);
    config = calloc(1, sizeof *config);
    found = mmap(NULL, sizeof *found, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(config != NULL && found != MAP_FAILED);
    config->sandbox_writable = (iscep_config_words){.words = {inside}, .count = 1};
    config->journal.path = "/dev/null"; /* in a directory that is there */
    unsetenv("RUNTIME_DIRECTORY");
    unsetenv("STATE_DIRECTORY");
}

static void tear_down(void)
{
    munmap(found, sizeof *found);
    free(config);
    temp_dir_remove(&dir);
}

TestSuite(sandbox_outcome, .init = set_up, .fini = tear_down);

static int outcome(long result)
{
    return result < 0 ? errno : 0;
}

static int write_in(const char *directory)
{
    char path[400];
    snprintf(path, sizeof path, "%s/new", directory);
    return outcome(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static bool take(void *user, const iscep_log_record *record)
{
    (void)user;
    found->level = record->level;
    return true;
}

static void enter(iscep_sandbox *sandbox)
{
    const iscep_log log = {.min_level = ISCEP_LOG_DEBUG, .take = take};
    iscep_sandbox_enter(sandbox, config, &log);
    found->outcome = sandbox->outcome;
}

static void ask_for_more(const iscep_sandbox *sandbox)
{
    iscep_error err = ISCEP_ERROR_INIT;
    config->sandbox_writable = (iscep_config_words){.words = {outside}, .count = 1};
    if (iscep_sandbox_check(sandbox, config, &err) != ISCEP_OK)
        iscep_text_copy(found->refusal, sizeof found->refusal, err.message);
}

static void look(void)
{
    found->inside = write_in(inside);
    found->outside = write_in(outside);
    found->ptrace = outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    found->clone3 = outcome(syscall(SYS_clone3, NULL, 0));
}

static void enter_and_look(void)
{
    iscep_sandbox sandbox;
    enter(&sandbox);
    look();
    ask_for_more(&sandbox);
}

static void in_child(void (*run)(void))
{
    int state;
    memset(found, 0, sizeof *found);
    const pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        run();
        found->is_done = true;
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &state, 0), child);
    cr_assert(found->is_done, "the child ended with %x", (unsigned)state);
}

static bool has_landlock(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, 1U) > 0;
}

#define NEEDS_LANDLOCK()                                                                                     \
    do {                                                                                                     \
        if (!has_landlock())                                                                                 \
            cr_skip_test("this kernel has no Landlock: %s", strerror(errno));                                \
    } while (0)

/* --- whole --- */

Test(sandbox_outcome, nothing_is_missing_where_all_is_in_force)
{
    NEEDS_LANDLOCK();
    in_child(enter_and_look);
    cr_assert_str_eq(found->outcome.reason, "");
    cr_assert_eq(found->level, ISCEP_LOG_INFO);
    cr_assert(found->outcome.landlock > 0 && found->outcome.is_filtered && found->outcome.is_wanted &&
              found->outcome.are_programs_forbidden);
    cr_assert_eq(found->inside, 0);
    cr_assert_eq(found->outside, EACCES);
    cr_assert_eq(found->ptrace, EPERM);
    cr_assert_not_null(strstr(found->refusal, "nothing can be written in "), "%s", found->refusal);
}

Test(sandbox_outcome, off_is_said_and_is_no_warning)
{
    config->is_sandbox_off = true;
    in_child(enter_and_look);
    cr_assert_str_eq(found->outcome.reason, "left out: sandbox = off");
    cr_assert_eq(found->level, ISCEP_LOG_INFO);
    cr_assert(found->outcome.landlock == 0 && !found->outcome.is_filtered && !found->outcome.is_wanted &&
              !found->outcome.are_programs_forbidden);
    cr_assert_eq(found->outside, 0);
    cr_assert_eq(found->ptrace, 0);
    cr_assert_str_eq(found->refusal, "");
}

/* --- a process with more than one thread --- */

static pthread_barrier_t entered;

static void *write_outside(void *user)
{
    char line[256];
    (void)user;
    pthread_barrier_wait(&entered); /* it runs … */
    pthread_barrier_wait(&entered); /* … and the sandbox is there */
    found->by_another_thread = write_in(outside);
    found->clone3 = outcome(syscall(SYS_clone3, NULL, 0));
    FILE *status = fopen("/proc/thread-self/status", "re");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (strcmp(line, "Seccomp:\t2\n") == 0)
            found->ptrace = EPERM;
    return NULL;
}

static void enter_beside_a_thread(void)
{
    iscep_sandbox sandbox;
    pthread_t other;
    pthread_barrier_init(&entered, NULL, 2);
    pthread_create(&other, NULL, write_outside, NULL);
    pthread_barrier_wait(&entered);
    enter(&sandbox);
    pthread_barrier_wait(&entered);
    pthread_join(other, NULL);
    found->outside = write_in(outside);
    ask_for_more(&sandbox);
}

/* Landlock takes the caller alone, so it is not said to be in force; but what the caller cannot, no reload gets. */
Test(sandbox_outcome, a_thread_that_was_there_before_is_told)
{
    NEEDS_LANDLOCK();
    in_child(enter_beside_a_thread);
    cr_assert_eq(found->by_another_thread, 0,
                 "then all would be confined, and this test, and what is said, outdated");
    cr_assert_eq(found->outcome.landlock, 0);
    cr_assert_str_eq(found->outcome.reason,
                     "landlock: threads that a library had started before, and that are not confined: 1");
    cr_assert_eq(found->level, ISCEP_LOG_WARN);
    cr_assert_eq(found->outside, EACCES);
    cr_assert_not_null(strstr(found->refusal, "nothing can be written in "), "%s", found->refusal);
}

Test(sandbox_outcome, the_filter_takes_every_thread)
{
    in_child(enter_beside_a_thread);
    cr_assert(found->outcome.is_filtered);
    cr_assert_eq(found->ptrace, EPERM);
    cr_assert_eq(found->clone3, ENOSYS);
}

/* --- what is missing --- */

Test(sandbox_outcome, a_directory_that_is_not_there_is_named_and_the_rest_confined)
{
    char want[400];
    NEEDS_LANDLOCK();
    config->sandbox_writable = (iscep_config_words){.words = {missing, inside}, .count = 2};
    in_child(enter_and_look);
    snprintf(want, sizeof want, "not to be written before a restart: %s (No such file or directory)",
             missing);
    cr_assert_str_eq(found->outcome.reason, want);
    cr_assert_eq(found->level, ISCEP_LOG_WARN);
    cr_assert(found->outcome.landlock > 0 && found->outcome.is_filtered);
    cr_assert_eq(found->inside, 0);
    cr_assert_eq(found->outside, EACCES);
}

Test(sandbox_outcome, a_file_in_place_of_a_directory_is_named_and_the_rest_confined)
{
    char want[400];
    NEEDS_LANDLOCK();
    const int fd = open(missing, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    close(fd);
    config->sandbox_writable = (iscep_config_words){.words = {missing, inside}, .count = 2};
    in_child(enter_and_look);
    snprintf(want, sizeof want, "not to be written before a restart: %s (Not a directory)", missing);
    cr_assert_str_eq(found->outcome.reason, want);
    cr_assert(found->outcome.landlock > 0);
    cr_assert_eq(found->inside, 0);
    cr_assert_eq(found->outside, EACCES);
}

/* As an old kernel, or a container, has it: these two calls fail. */
static void refuse_calls(unsigned first, unsigned second, unsigned error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, second, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(1);
}

static void enter_without_either(void)
{
    refuse_calls(SYS_landlock_create_ruleset, SYS_seccomp, ENOSYS);
    enter_and_look();
}

Test(sandbox_outcome, both_reasons_are_told_where_both_are_missing)
{
    in_child(enter_without_either);
    cr_assert_not_null(
        strstr(found->outcome.reason, "landlock: the kernel has none: Function not implemented; seccomp: "),
        "%s", found->outcome.reason);
    cr_assert_eq(found->level, ISCEP_LOG_WARN);
    cr_assert(found->outcome.is_wanted && found->outcome.landlock == 0 && !found->outcome.is_filtered &&
              !found->outcome.are_programs_forbidden);
    cr_assert_eq(found->outside, 0);
    cr_assert_str_eq(found->refusal, "");
}

static void enter_without_landlock(void)
{
    refuse_calls(SYS_landlock_create_ruleset, SYS_landlock_create_ruleset, ENOSYS);
    enter_and_look();
}

Test(sandbox_outcome, one_that_is_missing_does_not_take_the_other_along)
{
    in_child(enter_without_landlock);
    cr_assert_str_eq(found->outcome.reason, "landlock: the kernel has none: Function not implemented");
    cr_assert(found->outcome.landlock == 0 && found->outcome.is_filtered &&
              found->outcome.are_programs_forbidden);
    cr_assert_eq(found->outside, 0);
    cr_assert_eq(found->ptrace, EPERM);
}

/* --- the filter alone --- */

static uint32_t processor;

static void filter_for_processor(void)
{
    iscep_error err = ISCEP_ERROR_INIT;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    found->outcome.is_filtered = iscep_filter_load(processor, false, &err) == ISCEP_OK;
    iscep_text_copy(found->outcome.reason, sizeof found->outcome.reason, err.message);
    look();
}

Test(sandbox_outcome, a_processor_whose_calls_nobody_has_listed_gets_no_filter)
{
    const uint32_t others[] = {AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_RISCV64, AUDIT_ARCH_PPC64LE,
                               AUDIT_ARCH_S390X};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        processor = others[i];
        in_child(filter_for_processor);
        cr_assert(!found->outcome.is_filtered);
        cr_assert_str_eq(found->outcome.reason,
                         "no filter for this processor: there is one for x86-64 and for ARM64");
        cr_assert(found->ptrace == 0 && found->clone3 != ENOSYS);
    }
    processor = iscep_filter_processor();
    in_child(filter_for_processor);
    cr_assert(found->outcome.is_filtered, "%s", found->outcome.reason);
    cr_assert_eq(found->ptrace, EPERM);
}

enum { LEN_OF_ONE = 64, MOST_FILTERS = 512 }; /* together more than a thread may have: seccomp(2), ENOMEM */

static size_t filters_before;

static void filter_behind_others(void)
{
    struct sock_filter code[LEN_OF_ONE];
    const struct sock_fprog program = {.len = LEN_OF_ONE, .filter = code};
    for (size_t i = 0; i < LEN_OF_ONE; i++)
        code[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    for (size_t i = 0; i < filters_before; i++)
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
    processor = iscep_filter_processor();
    filter_for_processor();
}

/* The filters are two. If the kernel takes the first alone, that is no filter, and the process goes on as if there was none. */
Test(sandbox_outcome, half_a_filter_is_none)
{
    size_t some = 0, too_many = MOST_FILTERS;
    while (too_many - some > 1) {
        filters_before = (some + too_many) / 2;
        in_child(filter_behind_others);
        *(found->outcome.is_filtered ? &some : &too_many) = filters_before;
    }
    filters_before = too_many;
    in_child(filter_behind_others);
    cr_assert(!found->outcome.is_filtered);
    cr_assert_str_eq(found->outcome.reason,
                     "the filter of system calls is not taken: Cannot allocate memory");
    cr_assert_eq(found->clone3, ENOSYS, "the first was taken: this is the case that is meant");
    cr_assert_eq(found->ptrace, 0);
    cr_assert_eq(found->outside, 0);
}
