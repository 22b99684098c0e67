/* A directory of the test's own, gone when the test is over. */
#ifndef ISCEP_TESTS_TEMP_DIR_H
#define ISCEP_TESTS_TEMP_DIR_H

#include <limits.h>
#include <stddef.h>

typedef struct temp_dir {
    char path[64];
} temp_dir;

void temp_dir_make(temp_dir *dir);
void temp_dir_remove(temp_dir *dir);
/* out = the directory's path, "/" and name. */
void temp_dir_path(const temp_dir *dir, char *out, size_t out_size, const char *name);
/* Writes text to the file name in the directory; its path into out. */
void temp_dir_write(const temp_dir *dir, char *out, size_t out_size, const char *name, const char *text);

#endif
