/* The files under --state: written whole or not at all. */
#ifndef ISCEP_HOST_STATE_FILE_H
#define ISCEP_HOST_STATE_FILE_H

#include <sys/types.h>

#include "base/bytes.h"

/* A directory for the owner alone; one that is there already is fine. */
iscep_status iscep_state_dir_make(const char *path, iscep_error *err) ISCEP_CHECKED;
/* On disk (fsync) under its name when this returns ISCEP_OK. */
iscep_status iscep_state_file_write(const char *path, mode_t mode, iscep_bytes content,
                                    iscep_error *err) ISCEP_CHECKED;
bool iscep_state_file_exists(const char *path);

#endif
