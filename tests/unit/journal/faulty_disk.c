/* See faulty_disk.h: SQLite asks its VFS for its system calls, and lets them be replaced; fsync is ours by its name. */
#include "faulty_disk.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int write_error;
static atomic_int sync_error;
static atomic_int_fast64_t sync_count;

static ssize_t write_or_fail(int fd, const void *data, size_t len)
{
    if (write_error != 0) {
        errno = write_error;
        return -1;
    }
    return write(fd, data, len);
}

static ssize_t pwrite_or_fail(int fd, const void *data, size_t len, off_t offset)
{
    if (write_error != 0) {
        errno = write_error;
        return -1;
    }
    return pwrite(fd, data, len, offset);
}

/* The program's own come before libc's, for SQLite, too. */
static int sync_or_fail(long call, int fd)
{
    if (sync_error != 0) {
        errno = sync_error;
        return -1;
    }
    sync_count++;
    return (int)syscall(call, fd);
}

__attribute__((visibility("default"))) int fsync(int fd)
{
    return sync_or_fail(SYS_fsync, fd);
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    return sync_or_fail(SYS_fdatasync, fd);
}

void faulty_disk_install(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    cr_assert_eq(vfs->xSetSystemCall(vfs, "write", (sqlite3_syscall_ptr)write_or_fail), SQLITE_OK);
    cr_assert_eq(vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)pwrite_or_fail), SQLITE_OK);
    cr_assert_eq(vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)pwrite_or_fail), SQLITE_OK);
}

void faulty_disk_fail(int error)
{
    write_error = error;
}

void faulty_disk_fail_sync(int error)
{
    sync_error = error;
}

int64_t faulty_disk_sync_count(void)
{
    return sync_count;
}
