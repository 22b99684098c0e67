/* Whole files: read at once, and replaced at once, so that a reader or a crash sees the old one or the new one. */
#ifndef ISCEP_BASE_FILE_H
#define ISCEP_BASE_FILE_H

#include <sys/stat.h>

#include "base/bytes.h"

/*
 * Appends the file's content, at most out->max_len. stamp, if not NULL, says which file it was. STORAGE with code
 * "file_missing", "file_too_large" or "file".
 */
iscep_status iscep_file_read(iscep_buf *out, struct stat *stamp, const char *path,
                             iscep_error *err) ISCEP_CHECKED;

/*
 * Writes content to a file beside path, with fsync, and renames it. It gets mode, group and, as far as we may, owner of
 * the old one; without an old one, mode 0644. A symbolic link is followed. expected, if not NULL: STORAGE
 * "file_changed", and nothing is changed, when it is not this file any more. STORAGE "file" for all else: the old file
 * is whole.
 */
iscep_status iscep_file_replace(const char *path, iscep_bytes content, const struct stat *expected,
                                iscep_error *err) ISCEP_CHECKED;

#endif
