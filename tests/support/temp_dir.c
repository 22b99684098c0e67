/* See temp_dir.h. */
#include "tests/support/temp_dir.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void temp_dir_make(temp_dir *dir)
{
    strcpy(dir->path, "/tmp/iscep-test-XXXXXX");
    cr_assert_not_null(mkdtemp(dir->path));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void temp_dir_remove(temp_dir *dir)
{
    nftw(dir->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void temp_dir_path(const temp_dir *dir, char *out, size_t out_size, const char *name)
{
    cr_assert_lt((size_t)snprintf(out, out_size, "%s/%s", dir->path, name), out_size);
}

void temp_dir_write(const temp_dir *dir, char *out, size_t out_size, const char *name, const char *text)
{
    temp_dir_path(dir, out, out_size, name);
    FILE *file = fopen(out, "w");
    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    fclose(file);
}
