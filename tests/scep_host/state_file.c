/* Writing a file so that a crash leaves the old one, the new one, or none, but never half of one. */
#include "state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static iscep_status storage_error(const char *what, const char *path, iscep_error *err)
{
    return iscep_error_set(err, ISCEP_STORAGE, NULL, "cannot %s %s: %s", what, path, strerror(errno));
}

iscep_status iscep_state_dir_make(const char *path, iscep_error *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return storage_error("make directory", path, err);
    return ISCEP_OK;
}

static bool write_all(int file, iscep_bytes content)
{
    while (content.len > 0) {
        ssize_t written = write(file, content.data, content.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        content.data += written;
        content.len -= (size_t)written;
    }
    return fsync(file) == 0;
}

/* The mode is set from the first moment on, so that a key is never readable by others. */
static bool write_new(const char *path, mode_t mode, iscep_bytes content)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (file < 0)
        return false;
    bool is_written = write_all(file, content);
    return close(file) == 0 && is_written;
}

iscep_status iscep_state_file_write(const char *path, mode_t mode, iscep_bytes content, iscep_error *err)
{
    ISCEP_AUTO_BUF unfinished;
    iscep_buf_init(&unfinished, 4096);
    iscep_buf_printf(&unfinished, "%s.new", path);
    iscep_status status = iscep_buf_status(&unfinished, err);
    if (status != ISCEP_OK)
        return status;
    const char *name = iscep_buf_text(&unfinished);
    unlink(name); /* what a crash may have left */
    if (write_new(name, mode, content) && rename(name, path) == 0)
        return ISCEP_OK;
    status = storage_error("write", path, err);
    unlink(name);
    return status;
}

bool iscep_state_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}
