/* See journal_files.h. */
#include "tests/support/journal_files.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

const char *const journal_file_suffixes[] = {"", "-wal", "-shm", "-lock", NULL};

void journal_files_remove(const char *path)
{
    char name[PATH_MAX];
    for (const char *const *suffix = journal_file_suffixes; *suffix != NULL; suffix++) {
        snprintf(name, sizeof name, "%s%s", path, *suffix);
        unlink(name);
    }
}
