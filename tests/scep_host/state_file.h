/* The files under --state: written whole or not at all. */
#ifndef ISCEP_HOST_STATE_FILE_H
#define ISCEP_HOST_STATE_FILE_H

#include <sys/types.h>

#include "base/bytes.h"

/* A directory for the owner alone; one that is there already is fine. */
iscep_status iscep_state_dir_make(const char *path, iscep_error *err) ISCEP_CHECKED;
/* How many names in the directory end like that; 0 if it cannot be read. */
size_t iscep_state_dir_count(const char *path, const char *suffix);
/* visit(user, path of a file) for each name that ends like that, until one fails. Files may go meanwhile. */
iscep_status iscep_state_dir_each(const char *path, const char *suffix,
                                  iscep_status (*visit)(void *user, const char *path, iscep_error *err),
                                  void *user, iscep_error *err) ISCEP_CHECKED;
/* On disk (fsync) under its name when this returns ISCEP_OK. */
iscep_status iscep_state_file_write(const char *path, mode_t mode, iscep_bytes content,
                                    iscep_error *err) ISCEP_CHECKED;
bool iscep_state_file_exists(const char *path);
/* Appends to out; a file that is not there has no bytes. */
iscep_status iscep_state_file_read(iscep_buf *out, const char *path, iscep_error *err) ISCEP_CHECKED;
/* One line behind what is there, on disk when this returns ISCEP_OK, and otherwise not there. Makes the file. */
iscep_status iscep_state_file_append(const char *path, iscep_bytes line, iscep_error *err) ISCEP_CHECKED;
/* Under another name in the other directory, on disk. */
iscep_status iscep_state_file_move(const char *from, const char *to, iscep_error *err) ISCEP_CHECKED;

/* flock(2) on a file that is made for it: excludes other processes that do the same, and other threads. Waits some
 * seconds at most. */
iscep_status iscep_state_lock_take(int *lock, const char *path, iscep_error *err) ISCEP_CHECKED;
void iscep_state_lock_release(int lock);

#endif
