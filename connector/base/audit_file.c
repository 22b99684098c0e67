/* See audit_file.h. */
#include "base/audit_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_lock.h"

/* As far back as the end of the chain is looked for: some lines, and pieces of lines. */
enum { WINDOW_LEN = 4 * 64 * 1024 };

struct iscep_audit_file {
    int fd;
    bool is_torn;
    char path[];
};

static const char what_to_do[] = "move it away, and keep it: a new trail is begun";

static iscep_status lock_file(const iscep_audit_file *file, iscep_error *err)
{
    struct stat found;
    if (fstat(file->fd, &found) != 0 || !S_ISREG(found.st_mode))
        return iscep_error_set(err, ISCEP_CONFIG, "audit_file", "%s is not a file", file->path);
    if (!iscep_file_lock(file->fd))
        return iscep_error_set(err, ISCEP_CONFIG, "audit_file",
                               "%s: another process writes it: is another intune-scepd running?", file->path);
    return ISCEP_OK;
}

/* The last bytes of the file, and whether they are all of it. */
static iscep_status read_window(iscep_buf *out, bool *is_whole, const iscep_audit_file *file,
                                iscep_error *err)
{
    off_t size = lseek(file->fd, 0, SEEK_END);
    off_t from = size > WINDOW_LEN ? size - WINDOW_LEN : 0;
    size_t wanted = size > 0 ? (size_t)(size - from) : 0;
    uint8_t *to = iscep_buf_reserve(out, wanted);
    if (to == NULL)
        return iscep_error_nomem(err);
    ssize_t len = pread(file->fd, to, wanted, from);
    if (len < 0 || (size_t)len != wanted)
        return iscep_error_set(err, ISCEP_CONFIG, "audit_file", "%s cannot be read: %s", file->path,
                               strerror(errno));
    out->len = wanted;
    *is_whole = from == 0;
    return ISCEP_OK;
}

/* Where the line begins that ends before end. */
static size_t line_start(iscep_bytes text, size_t end)
{
    while (end > 0 && text.data[end - 1] != '\n')
        end--;
    return end;
}

static iscep_status not_a_trail(const iscep_audit_file *file, const char *why, iscep_error *err)
{
    return iscep_error_set(err, ISCEP_CONFIG, "audit_file", "%s: %s; %s", file->path, why, what_to_do);
}

/* What stands behind the last sound line, from there to the end, is what a crash left: it is kept, and named by its hash. */
static iscep_status note_torn(iscep_audit_end *out, iscep_bytes torn, iscep_error *err)
{
    ISCEP_AUTO_BUF closed;
    iscep_buf_init(&closed, WINDOW_LEN + 1);
    iscep_buf_append(&closed, torn.data, torn.len);
    iscep_buf_append_text(&closed, "\n");
    out->lacks_line_end = true;
    out->torn_len = (int64_t)closed.len;
    return iscep_audit_hash(out->torn_hash, iscep_buf_bytes(&closed), err);
}

/*
 * Backwards to the last sound line. Behind it may stand pieces of lines, which are no JSON, the last without a line end;
 * a whole line that is not sound was changed by somebody.
 */
static iscep_status find_end(iscep_audit_end *out, const iscep_audit_file *file, iscep_bytes text,
                             bool is_whole, iscep_error *err)
{
    const bool has_line_end = text.len == 0 || text.data[text.len - 1] == '\n';
    size_t end = text.len;
    out->is_empty = text.len == 0;
    while (end > 0) {
        const size_t content_end = text.data[end - 1] == '\n' ? end - 1 : end;
        const size_t start = line_start(text, content_end);
        iscep_audit_line line;
        iscep_audit_line_kind kind =
            iscep_audit_line_read(&line, iscep_bytes_of(text.data + start, content_end - start));
        if (kind == ISCEP_AUDIT_LINE_SOUND) {
            out->head = line.link;
            out->lacks_line_end = !has_line_end;
            return end == text.len ? ISCEP_OK
                                   : note_torn(out, iscep_bytes_of(text.data + end, text.len - end), err);
        }
        if (kind == ISCEP_AUDIT_LINE_CHANGED || has_line_end)
            return not_a_trail(file, "its last line is not as it was written", err);
        end = start;
    }
    static const char beginning[] = "{\"seq\":1,";
    const size_t len = text.len < sizeof beginning - 1 ? text.len : sizeof beginning - 1;
    if (!is_whole || memcmp(text.data, beginning, len) != 0)
        return not_a_trail(file, "it is no audit trail", err);
    return note_torn(out, text, err); /* the very first line */
}

iscep_status iscep_audit_file_open(iscep_audit_file **out, iscep_audit_end *end, const char *path,
                                   iscep_error *err)
{
    ISCEP_AUTO_BUF window;
    bool is_whole = true;
    iscep_buf_init(&window, WINDOW_LEN);
    *end = (iscep_audit_end){.head = ISCEP_AUDIT_LINK_INIT};
    iscep_audit_file *file = malloc(sizeof *file + strlen(path) + 1);
    if (file == NULL)
        return iscep_error_nomem(err);
    memcpy(file->path, path, strlen(path) + 1);
    file->is_torn = false;
    file->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    iscep_status status = ISCEP_OK;
    if (file->fd < 0)
        status = iscep_error_set(err, ISCEP_CONFIG, "audit_file", "%s cannot be opened: %s", path,
                                 strerror(errno));
    if (status == ISCEP_OK)
        status = lock_file(file, err);
    if (status == ISCEP_OK)
        status = read_window(&window, &is_whole, file, err);
    if (status == ISCEP_OK && window.len > 0)
        status = find_end(end, file, iscep_buf_bytes(&window), is_whole, err);
    end->is_empty = window.len == 0;
    if (status != ISCEP_OK)
        iscep_audit_file_close(file);
    else
        *out = file;
    return status;
}

void iscep_audit_file_close(iscep_audit_file *file)
{
    if (file == NULL)
        return;
    if (file->fd >= 0)
        iscep_file_unlock(file->fd);
    free(file);
}

iscep_status iscep_audit_file_append(iscep_audit_file *file, iscep_bytes lines, iscep_error *err)
{
    const off_t size = lseek(file->fd, 0, SEEK_END);
    const ssize_t written = write(file->fd, lines.data, lines.len);
    if (written >= 0 && (size_t)written == lines.len)
        return ISCEP_OK;
    const int fault = written < 0 ? errno : ENOSPC;
    file->is_torn = written > 0 && (size < 0 || ftruncate(file->fd, size) != 0);
    return iscep_error_set(err, ISCEP_STORAGE, "audit_file", "%s cannot be written: %s", file->path,
                           strerror(fault));
}

bool iscep_audit_file_is_torn(const iscep_audit_file *file)
{
    return file->is_torn;
}

bool iscep_audit_file_is_moved(const iscep_audit_file *file)
{
    struct stat here, there;
    if (fstat(file->fd, &here) != 0)
        return false;
    return stat(file->path, &there) != 0 || here.st_dev != there.st_dev || here.st_ino != there.st_ino;
}
