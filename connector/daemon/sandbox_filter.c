/* See sandbox_filter.h. */
#include "daemon/sandbox_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/sandbox_calls.h"

enum {
    NEW_NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                     CLONE_NEWPID | CLONE_NEWNET,
    FIRST_COMMON_NUMBER = 424, /* from here on a call has the same number on every processor… */
    LAST_NUMBER = 700,         /* … and this is far beyond the newest */
    TREE_OPTIMIZATION = 2,     /* SCMP_FLTATR_CTL_OPTIMIZE: a binary tree instead of a list */
};

/* Each 0, or a negative errno, as libseccomp has it. */

static int allow_names(scmp_filter_ctx filter, const char *const *names)
{
    int error = 0;
    for (; *names != NULL && error == 0; names++) {
        const int number = seccomp_syscall_resolve_name(*names);
        if (number != __NR_SCMP_ERROR) /* otherwise younger than this libseccomp */
            error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
    }
    return error;
}

static int allow_if(scmp_filter_ctx filter, int number, struct scmp_arg_cmp first)
{
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1, first);
}

/* Internet and local sockets; of netlink what getaddrinfo(3) asks for the machine's addresses. */
static int allow_sockets(scmp_filter_ctx filter)
{
    static const int families[] = {AF_UNIX, AF_INET, AF_INET6};
    int error = allow_if(filter, SCMP_SYS(socketpair), SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
    for (size_t i = 0; i < sizeof families / sizeof *families && error == 0; i++)
        error = allow_if(filter, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
    return error != 0 ? error
                      : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
                                         SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, 0));
}

/*
 * What libraries ask of files and sockets, and shells of a terminal; not TIOCSTI, which types into one. A list, and not all but
 * that: the kernel looks at 32 bits of a request and a filter at 64.
 */
static int allow_ioctls(scmp_filter_ctx filter)
{
    static const unsigned long requests[] = {
        FIONREAD,    FIONBIO,      FIOCLEX,     FIONCLEX,     TCGETS,        TIOCGWINSZ,  TIOCGPGRP,
        SIOCGIFNAME, SIOCGIFINDEX, SIOCGIFCONF, SIOCGIFFLAGS, SIOCGIFHWADDR, SIOCGIFADDR,
    };
    int error = 0;
    for (size_t i = 0; i < sizeof requests / sizeof *requests && error == 0; i++)
        error = allow_if(filter, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, requests[i]));
    return error;
}

/*
 * Locks, flags and copies of descriptors. Not who gets which signal about one (F_SETOWN, F_SETSIG), which sends it to another
 * process as kill(2) does. A list, for the same reason.
 */
static int allow_fcntl(scmp_filter_ctx filter)
{
    static const int commands[] = {
        F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD,  F_SETFD,     F_GETFL,     F_SETFL,
        F_GETLK, F_SETLK,         F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW,
    };
    int error = 0;
    for (size_t i = 0; i < sizeof commands / sizeof *commands && error == 0; i++)
        error = allow_if(filter, SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)commands[i]));
    return error;
}

/*
 * Threads and no processes; signals to our own threads, as abort(3) sends one; limits are read and not set; memory that can be written is
 * never executed, nor becomes executable. A file that the daemon may write it could still map as code: no filter sees which file that is.
 */
static int allow_daemon_alone(scmp_filter_ctx filter)
{
    int error = allow_if(filter, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    if (error == 0)
        error = allow_if(filter, SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    if (error == 0)
        error = allow_fcntl(filter);
    if (error == 0)
        error = allow_if(filter, SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0));
    if (error == 0)
        error = allow_if(filter, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (error == 0) /* a library's code */
        error = allow_if(filter, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_WRITE, 0));
    return error == 0 ? allow_if(filter, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0))
                      : error;
}

static int allow_programs(scmp_filter_ctx filter)
{
    int error = allow_names(filter, iscep_calls_of_programs);
    return error == 0 ? allow_if(filter, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, NEW_NAMESPACES, 0))
                      : error;
}

/*
 * Calls that are "not there": clone3(2), whose flags are in memory where no filter sees them (glibc then uses clone(2)), and
 * what nobody knew when this was built, so that a libc which is younger than us does without it.
 */
static int add_absent(scmp_filter_ctx filter, uint32_t action)
{
    int error = seccomp_rule_add(filter, action, SCMP_SYS(clone3), 0);
    for (int number = FIRST_COMMON_NUMBER; number <= LAST_NUMBER && error == 0; number++) {
        char *name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), number);
        if (name == NULL)
            error = seccomp_rule_add(filter, action, number, 0);
        free(name);
    }
    return error;
}

/* Their own filter, because they are no news: each new thread tries clone3. */
static int fill_absent(scmp_filter_ctx filter, bool may_run)
{
    (void)may_run;
    return add_absent(filter, SCMP_ACT_ERRNO(ENOSYS));
}

/* What it refuses the kernel logs; without a log it serves as well. */
static int fill_allowed(scmp_filter_ctx filter, bool may_run)
{
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
    int error = allow_names(filter, iscep_calls_of_daemon);
    if (error == 0)
        error = allow_sockets(filter);
    if (error == 0)
        error = allow_ioctls(filter);
    if (error == 0)
        error = add_absent(filter, SCMP_ACT_ALLOW);
    if (error == 0)
        error = may_run ? allow_programs(filter) : allow_daemon_alone(filter);
    return error;
}

static int make(scmp_filter_ctx *out, uint32_t default_action,
                int (*fill)(scmp_filter_ctx filter, bool may_run), bool may_run)
{
    scmp_filter_ctx filter = *out = seccomp_init(default_action);
    if (filter == NULL)
        return -ENOMEM;
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, TREE_OPTIMIZATION);
    int error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (error == 0) /* the kernel's own errno when it is loaded */
        error = seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
    return error == 0 ? fill(filter, may_run) : error;
}

/*
 * The stricter one last: it does not allow another. If that one is not taken the first stays, which does no harm: what it calls
 * absent a libc does without.
 */
static int load_both(bool may_run)
{
    scmp_filter_ctx absent = NULL, allowed = NULL;
    int error = make(&absent, SCMP_ACT_ALLOW, fill_absent, may_run);
    if (error == 0)
        error = make(&allowed, SCMP_ACT_ERRNO(EPERM), fill_allowed, may_run);
    if (error == 0)
        error = seccomp_load(absent);
    if (error == 0)
        error = seccomp_load(allowed);
    seccomp_release(absent);
    seccomp_release(allowed);
    return error;
}

uint32_t iscep_filter_processor(void)
{
    return seccomp_arch_native();
}

iscep_status iscep_filter_load(uint32_t processor, bool may_run, iscep_error *err)
{
    if (processor != SCMP_ARCH_X86_64 && processor != SCMP_ARCH_AARCH64)
        return iscep_error_set(err, ISCEP_STORAGE, "seccomp",
                               "no filter for this processor: there is one for x86-64 and for ARM64");
    const int error = load_both(may_run);
    return error == 0 ? ISCEP_OK
                      : iscep_error_set(err, ISCEP_STORAGE, "seccomp",
                                        "the filter of system calls is not taken: %s", strerror(-error));
}
