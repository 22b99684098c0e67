/* See setup_files.h. */
#include "ctl/setup_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SUFFIX_LEN = 16, /* room for what is appended to the path: .XXXXXX.old, .bak.99 */
    MAX_BACKUPS = 100,
};

static iscep_status failed(iscep_error *err, const char *code, const char *what, const char *path)
{
    const int error = errno;
    return iscep_error_set(err, ISCEP_STORAGE, code, "cannot %s %s: %s%s", what, path, strerror(error),
                           error == EACCES || error == EPERM ? " (it takes root)" : "");
}

/* --- directories --- */

iscep_status ctl_set_make_directory(ctl_file_set *set, const char *path, const ctl_rights *rights,
                                    iscep_error *err)
{
    struct stat found;
    if (stat(path, &found) == 0 && S_ISDIR(found.st_mode))
        return ISCEP_OK;
    if (set->made_count == CTL_SET_MAX_DIRECTORIES)
        return iscep_error_set(err, ISCEP_STORAGE, "directory", "too many directories");
    if (mkdir(path, 0700) != 0)
        return failed(err, "directory", "make the directory", path);
    snprintf(set->made[set->made_count++], PATH_MAX, "%s", path);
    if (chown(path, rights->uid, rights->gid) != 0 || chmod(path, rights->mode) != 0)
        return failed(err, "directory", "set owner and mode of", path);
    return ISCEP_OK;
}

/* --- one file --- */

static bool write_all(int fd, iscep_bytes content)
{
    while (content.len > 0) {
        const ssize_t written = write(fd, content.data, content.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        content = iscep_bytes_of(content.data + written, content.len - (size_t)written);
    }
    return fsync(fd) == 0;
}

static bool fill(int fd, iscep_bytes content, const ctl_rights *rights)
{
    return fchown(fd, rights->uid, rights->gid) == 0 && fchmod(fd, rights->mode) == 0 &&
           write_all(fd, content);
}

iscep_status ctl_set_stage(ctl_file_set *set, const char **staged, const char *path, iscep_bytes content,
                           const ctl_rights *rights, iscep_error *err)
{
    if (set->file_count == CTL_SET_MAX_FILES || strlen(path) + SUFFIX_LEN >= PATH_MAX)
        return iscep_error_set(err, ISCEP_STORAGE, "file", "too many files, or too long a path");
    ctl_set_file *file = &set->files[set->file_count];
    *file = (ctl_set_file){.is_in_place = false};
    snprintf(file->path, sizeof file->path, "%s", path);
    snprintf(file->staged, sizeof file->staged, "%.*s.XXXXXX", PATH_MAX - SUFFIX_LEN, path);
    const int fd = mkostemp(file->staged, O_CLOEXEC);
    if (fd < 0)
        return failed(err, "file", "write beside", path);
    set->file_count++;
    const bool is_written = fill(fd, content, rights);
    const int error = errno;
    const bool is_closed = close(fd) == 0;
    errno = is_written ? errno : error;
    if (!is_written || !is_closed)
        return failed(err, "file", "write beside", path);
    *staged = file->staged;
    return ISCEP_OK;
}

/* --- all of them --- */

/* A second name for the old file, so that it is never without one. Nobody else's: link() replaces nothing. */
static bool hold_old(ctl_set_file *file)
{
    struct stat found;
    if (lstat(file->path, &found) != 0)
        return errno == ENOENT;
    snprintf(file->held, sizeof file->held, "%.*s.old", (int)(PATH_MAX - sizeof ".old"), file->staged);
    if (link(file->path, file->held) == 0)
        return true;
    file->held[0] = '\0';
    return false;
}

/* With errno. */
static bool take_back(ctl_set_file *file)
{
    bool is_back = true;
    if (file->is_in_place && file->held[0] != '\0')
        is_back = rename(file->held, file->path) == 0;
    else if (file->is_in_place)
        is_back = unlink(file->path) == 0;
    else if (file->held[0] != '\0')
        is_back = unlink(file->held) == 0;
    file->is_in_place = file->is_in_place && !is_back;
    return is_back;
}

/* The first name that is free. If there is none, it keeps the one that it has. */
static void keep_old(ctl_set_file *file)
{
    for (int i = 0; i < MAX_BACKUPS; i++) {
        const int len =
            snprintf(file->backup, sizeof file->backup, "%.*s.bak", PATH_MAX - SUFFIX_LEN, file->path);
        if (i > 0)
            snprintf(file->backup + len, sizeof file->backup - (size_t)len, ".%d", i);
        if (link(file->held, file->backup) == 0) {
            unlink(file->held);
            return;
        }
        if (errno != EEXIST)
            break;
    }
    snprintf(file->backup, sizeof file->backup, "%s", file->held);
}

/* Without this the new name may be lost with the power. */
static bool sync_directory_of(const char *path)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(directory, sizeof directory, "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1,
             slash != NULL ? path : ".");
    const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const bool is_done = fsync(fd) == 0;
    close(fd);
    return is_done;
}

static bool put_in_place(ctl_set_file *file)
{
    if (!hold_old(file) || rename(file->staged, file->path) != 0)
        return false;
    file->is_in_place = true;
    return sync_directory_of(file->path);
}

/* err says why it is done; after this also what could not be. */
static void take_all_back(ctl_file_set *set, size_t count, iscep_error *err)
{
    for (size_t i = count; i-- > 0;) {
        const ctl_set_file *file = &set->files[i];
        char context[3 * PATH_MAX];
        if (take_back(&set->files[i]))
            continue;
        snprintf(context, sizeof context, "%s is not as it was (%s)%s%s", file->path, strerror(errno),
                 file->held[0] != '\0' ? "; the old one is " : "", file->held);
        iscep_error_prefix(err, context);
    }
}

iscep_status ctl_set_commit(ctl_file_set *set, bool keeps_old, iscep_error *err)
{
    for (size_t i = 0; i < set->file_count; i++) {
        if (put_in_place(&set->files[i]))
            continue;
        iscep_status status = failed(err, "file", "replace", set->files[i].path);
        take_all_back(set, i + 1, err);
        return status;
    }
    for (size_t i = 0; i < set->file_count; i++) {
        if (set->files[i].held[0] == '\0')
            continue;
        if (keeps_old)
            keep_old(&set->files[i]);
        else
            unlink(set->files[i].held);
    }
    set->made_count = 0; /* they stay */
    return ISCEP_OK;
}

void ctl_set_abandon(ctl_file_set *set)
{
    for (size_t i = 0; i < set->file_count; i++)
        if (!set->files[i].is_in_place)
            unlink(set->files[i].staged);
    while (set->made_count > 0)
        rmdir(set->made[--set->made_count]); /* one that is in use stays */
}
