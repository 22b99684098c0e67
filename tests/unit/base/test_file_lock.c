/* One process has the file; a forked child has not, and does not keep others out when its parent is gone. */
#include "base/file_lock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[] = "/tmp/iscep-lock-XXXXXX";

static void set_up(void)
{
    close(mkstemp(path));
}

static void tear_down(void)
{
    unlink(path);
}

TestSuite(file_lock, .init = set_up, .fini = tear_down);

static int open_it(void)
{
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    return fd;
}

/* As another process finds it. */
static bool is_free(void)
{
    const int fd = open_it();
    const bool is = iscep_file_lock(fd);
    if (!is)
        cr_assert_eq(errno, EWOULDBLOCK);
    iscep_file_unlock(fd);
    return is;
}

Test(file_lock, is_one_holders_until_it_is_given_back)
{
    const int fd = open_it();
    cr_assert(is_free());
    cr_assert(iscep_file_lock(fd));
    cr_assert_not(is_free());
    iscep_file_unlock(fd);
    cr_assert_eq(fcntl(fd, F_GETFD), -1);
    cr_assert(is_free());
}

/* A child that has the file open, with or without having left what is locked; until it is killed. */
static pid_t fork_child(bool does_leave)
{
    int ends[2];
    char byte;
    cr_assert_eq(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        if (does_leave)
            iscep_file_locks_leave();
        if (write(ends[1], "", 1) == 1)
            pause();
        _exit(0);
    }
    cr_assert_eq(read(ends[0], &byte, 1), 1);
    return child;
}

static void end(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

/* close alone is what is left of a parent that was killed. */
Test(file_lock, is_not_kept_by_a_child_that_has_left_it)
{
    const int fd = open_it();
    cr_assert(iscep_file_lock(fd));
    const pid_t child = fork_child(true);
    cr_assert_not(is_free());
    close(fd);
    cr_assert(is_free());
    end(child);
}

Test(file_lock, is_kept_by_a_child_that_has_not)
{
    const int fd = open_it();
    cr_assert(iscep_file_lock(fd));
    const pid_t child = fork_child(false);
    close(fd);
    cr_assert_not(is_free());
    end(child);
    cr_assert(is_free());
}

Test(file_lock, given_back_in_order_it_is_free_whatever_children_there_are)
{
    const int fd = open_it();
    cr_assert(iscep_file_lock(fd));
    const pid_t child = fork_child(false);
    iscep_file_unlock(fd);
    cr_assert(is_free());
    end(child);
}

Test(file_lock, leaving_closes_what_is_locked_and_nothing_else)
{
    const int locked = open_it(), other = open_it();
    cr_assert(iscep_file_lock(locked));
    iscep_file_locks_leave();
    cr_assert_eq(fcntl(locked, F_GETFD), -1);
    cr_assert_geq(fcntl(other, F_GETFD), 0);
}
