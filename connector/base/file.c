/* See file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_LEN = 64 * 1024, NEW_MODE = 0644 };

static iscep_status failed(iscep_error *err, const char *what, const char *path)
{
    int error = errno;
    return iscep_error_set(err, ISCEP_STORAGE, error == ENOENT ? "file_missing" : "file", "cannot %s %s: %s",
                           what, path, strerror(error));
}

static iscep_status read_all(iscep_buf *out, int fd, const char *path, iscep_error *err)
{
    uint8_t chunk[CHUNK_LEN];
    ssize_t got;
    while ((got = read(fd, chunk, sizeof chunk)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failed(err, "read", path);
        iscep_buf_append(out, chunk, (size_t)got);
        if (out->is_overflown)
            return iscep_error_set(err, ISCEP_STORAGE, "file_too_large", "%s is larger than %zu bytes", path,
                                   out->max_len);
    }
    return ISCEP_OK;
}

iscep_status iscep_file_read(iscep_buf *out, struct stat *stamp, const char *path, iscep_error *err)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failed(err, "open", path);
    iscep_status status = fstat(fd, &info) == 0 ? read_all(out, fd, path, err) : failed(err, "look at", path);
    close(fd);
    if (stamp != NULL)
        *stamp = info;
    return status;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Owner and group are worth a try to whoever may; the group must stay, because others reach the file by it. */
static bool keep_rights(int fd, const struct stat *old)
{
    if (fchown(fd, old->st_uid, old->st_gid) != 0 && fchown(fd, (uid_t)-1, old->st_gid) != 0)
        return false;
    return fchmod(fd, old->st_mode & 07777) == 0;
}

static bool write_all(int fd, iscep_bytes content)
{
    while (content.len > 0) {
        ssize_t written = write(fd, content.data, content.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        content.data += written;
        content.len -= (size_t)written;
    }
    return fsync(fd) == 0;
}

/* A file beside path that is written and on disk. Leaves its name in temporary. */
static bool write_beside(char *temporary, const struct stat *old, iscep_bytes content)
{
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_written =
        (old != NULL ? keep_rights(fd, old) : fchmod(fd, NEW_MODE) == 0) && write_all(fd, content);
    int error = errno;
    is_written = close(fd) == 0 && is_written;
    if (!is_written)
        unlink(temporary);
    errno = error;
    return is_written;
}

/* Without this the new name may be lost with the power. */
static bool sync_directory(const char *path)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool is_done = fsync(fd) == 0;
    close(fd);
    return is_done;
}

iscep_status iscep_file_replace(const char *path, iscep_bytes content, const struct stat *expected,
                                iscep_error *err)
{
    char target[PATH_MAX], temporary[PATH_MAX];
    struct stat old, now;
    if (realpath(path, target) == NULL && snprintf(target, sizeof target, "%s", path) >= (int)sizeof target)
        return iscep_error_set(err, ISCEP_STORAGE, "file", "%s is too long a path", path);
    if (snprintf(temporary, sizeof temporary, "%s.XXXXXX", target) >= (int)sizeof temporary)
        return iscep_error_set(err, ISCEP_STORAGE, "file", "%s is too long a path", path);
    bool is_there = stat(target, &old) == 0;
    if (!write_beside(temporary, is_there ? &old : NULL, content))
        return failed(err, "write beside", target);
    if (expected != NULL && (stat(target, &now) != 0 || !is_same(expected, &now))) {
        unlink(temporary);
        return iscep_error_set(err, ISCEP_STORAGE, "file_changed", "somebody else has changed %s", path);
    }
    if (rename(temporary, target) != 0) {
        iscep_status status = failed(err, "replace", target);
        unlink(temporary);
        return status;
    }
    return sync_directory(target) ? ISCEP_OK : failed(err, "write the directory of", target);
}
