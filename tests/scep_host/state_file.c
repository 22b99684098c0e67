/* Writing a file so that a crash leaves the old one, the new one, or none, but never half of one. */
#include "state_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_TRIES = 2000, LOCK_PAUSE_NS = 5 * 1000 * 1000 };

static iscep_status storage_error(const char *what, const char *path, iscep_error *err)
{
    return iscep_error_set(err, ISCEP_STORAGE, NULL, "cannot %s %s: %s", what, path, strerror(errno));
}

/* A name is on disk when its directory is. */
static bool sync_directory_of(const char *path)
{
    char directory[PATH_MAX];
    snprintf(directory, sizeof(directory), "%s", path);
    int dir = open(dirname(directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return false;
    bool is_synced = fsync(dir) == 0;
    close(dir);
    return is_synced;
}

iscep_status iscep_state_dir_make(const char *path, iscep_error *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return storage_error("make directory", path, err);
    return ISCEP_OK;
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t len = strlen(name);
    return len > strlen(suffix) && strcmp(name + len - strlen(suffix), suffix) == 0;
}

size_t iscep_state_dir_count(const char *path, const char *suffix)
{
    size_t count = 0;
    DIR *dir = opendir(path);
    for (const struct dirent *entry; dir && (entry = readdir(dir)) != NULL;)
        count += ends_with(entry->d_name, suffix);
    if (dir)
        closedir(dir);
    return count;
}

iscep_status iscep_state_dir_each(const char *path, const char *suffix,
                                  iscep_status (*visit)(void *user, const char *path, iscep_error *err),
                                  void *user, iscep_error *err)
{
    char file[PATH_MAX];
    iscep_status status = ISCEP_OK;
    DIR *dir = opendir(path);
    if (!dir)
        return storage_error("read directory", path, err);
    for (const struct dirent *entry; status == ISCEP_OK && (entry = readdir(dir)) != NULL;) {
        snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        if (ends_with(entry->d_name, suffix))
            status = visit(user, file, err);
    }
    closedir(dir);
    return status;
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
    if (write_new(name, mode, content) && rename(name, path) == 0 && sync_directory_of(path))
        return ISCEP_OK;
    status = storage_error("write", path, err);
    unlink(name);
    return status;
}

bool iscep_state_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* As long as it was when it was opened: others may append meanwhile. */
static bool read_all(int file, iscep_buf *out)
{
    struct stat info;
    if (fstat(file, &info) != 0)
        return false;
    size_t len = (size_t)info.st_size;
    uint8_t *room = len > 0 ? iscep_buf_reserve(out, len) : NULL;
    while (room && len > 0) {
        ssize_t got = read(file, room, len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        out->len += (size_t)got;
        room += got;
        len -= (size_t)got;
    }
    return true;
}

iscep_status iscep_state_file_read(iscep_buf *out, const char *path, iscep_error *err)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? ISCEP_OK : storage_error("read", path, err);
    iscep_status status = read_all(file, out) ? iscep_buf_status(out, err) : storage_error("read", path, err);
    close(file);
    return status;
}

/* What a crash has left without a line end gets one first. */
static bool append_line(int file, off_t old_size, iscep_bytes line)
{
    char last = '\n';
    if (old_size > 0 && pread(file, &last, 1, old_size - 1) != 1)
        return false;
    if (last != '\n' && write(file, "\n", 1) != 1)
        return false;
    return write_all(file, line);
}

iscep_status iscep_state_file_append(const char *path, iscep_bytes line, iscep_error *err)
{
    bool is_new = !iscep_state_file_exists(path);
    int file = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    off_t old_size = file < 0 ? -1 : lseek(file, 0, SEEK_END);
    iscep_status status = ISCEP_OK;
    if (old_size < 0 || !append_line(file, old_size, line) || (is_new && !sync_directory_of(path))) {
        status = storage_error("append to", path, err);
        if (old_size >= 0 && ftruncate(file, old_size) != 0)
            status = storage_error("cut", path, err);
    }
    if (file >= 0)
        close(file);
    return status;
}

iscep_status iscep_state_file_move(const char *from, const char *to, iscep_error *err)
{
    if (rename(from, to) != 0 || !sync_directory_of(to))
        return storage_error("move", from, err);
    return ISCEP_OK;
}

iscep_status iscep_state_lock_take(int *lock, const char *path, iscep_error *err)
{
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    for (int tries = 0; *lock >= 0; tries++) {
        if (flock(*lock, LOCK_EX | LOCK_NB) == 0)
            return ISCEP_OK;
        if ((errno != EWOULDBLOCK && errno != EINTR) || tries == LOCK_TRIES)
            break;
        nanosleep(&pause, NULL);
    }
    iscep_status status = storage_error("lock", path, err);
    if (*lock >= 0)
        close(*lock);
    *lock = -1;
    return status;
}

void iscep_state_lock_release(int lock)
{
    close(lock);
}
