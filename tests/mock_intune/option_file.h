/* Files that the command line names: one that cannot be read is a wrong option, as a wrong value is. */
#ifndef MOCK_OPTION_FILE_H
#define MOCK_OPTION_FILE_H

#include "base/secret.h"

#define MOCK_OPTION_FILE_MAX_LEN (1024 * 1024)

/* Appends the whole file. USAGE, with option, path and reason; that may also be the buffer's maximum. */
iscep_status mock_option_file_read(iscep_buf *out, const char *option, const char *path,
                                   iscep_error *err) ISCEP_CHECKED;

/* The same for a secret; a line end is dropped, and an empty file is wrong. */
iscep_status mock_option_file_read_secret(iscep_secret **out, const char *option, const char *path,
                                          iscep_error *err) ISCEP_CHECKED;

#endif
