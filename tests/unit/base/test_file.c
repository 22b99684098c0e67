/* A file that is replaced is the old one or the new one. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/support/temp_dir.h"

static temp_dir dir;
static char path[128];
static iscep_error err;

static void set_up(void)
{
    temp_dir_make(&dir);
    temp_dir_write(&dir, path, sizeof path, "file", "old");
    err = (iscep_error)ISCEP_ERROR_INIT;
}

static void tear_down(void)
{
    temp_dir_remove(&dir);
}

TestSuite(file, .init = set_up, .fini = tear_down);

static void assert_holds(const char *want)
{
    ISCEP_AUTO_BUF content;
    iscep_buf_init(&content, 1024);
    cr_assert_eq(iscep_file_read(&content, NULL, path, &err), ISCEP_OK, "%s", err.message);
    cr_assert_str_eq(iscep_buf_text(&content), want);
}

static unsigned count_files(void)
{
    unsigned count = 0;
    DIR *opened = opendir(dir.path);
    for (const struct dirent *entry; (entry = readdir(opened)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(opened);
    return count;
}

Test(file, is_replaced_with_its_mode)
{
    struct stat info;
    cr_assert_eq(chmod(path, 0640), 0);
    cr_assert_eq(iscep_file_replace(path, iscep_bytes_of_text("new"), NULL, &err), ISCEP_OK, "%s",
                 err.message);
    assert_holds("new");
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 07777, 0640);
    cr_assert_eq(count_files(), 1);
}

Test(file, that_was_not_there_is_made)
{
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(iscep_file_replace(path, iscep_bytes_of_text("new"), NULL, &err), ISCEP_OK, "%s",
                 err.message);
    assert_holds("new");
}

Test(file, that_somebody_else_has_changed_is_left_alone)
{
    struct stat stamp;
    ISCEP_AUTO_BUF content;
    iscep_buf_init(&content, 1024);
    cr_assert_eq(iscep_file_read(&content, &stamp, path, &err), ISCEP_OK);
    cr_assert_eq(iscep_file_replace(path, iscep_bytes_of_text("new"), &stamp, &err), ISCEP_OK);
    cr_assert_eq(iscep_file_replace(path, iscep_bytes_of_text("newer"), &stamp, &err), ISCEP_STORAGE);
    cr_assert_str_eq(err.code, "file_changed");
    assert_holds("new");
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(iscep_file_replace(path, iscep_bytes_of_text("newer"), &stamp, &err), ISCEP_STORAGE);
    cr_assert_str_eq(err.code, "file_changed");
    cr_assert_eq(count_files(), 0);
}

Test(file, that_cannot_be_read_says_why)
{
    ISCEP_AUTO_BUF content;
    iscep_buf_init(&content, 2);
    cr_assert_eq(iscep_file_read(&content, NULL, path, &err), ISCEP_STORAGE);
    cr_assert_str_eq(err.code, "file_too_large");
    cr_assert_eq(iscep_file_read(&content, NULL, "/nonexistent", &err), ISCEP_STORAGE);
    cr_assert_str_eq(err.code, "file_missing");
    cr_assert_eq(iscep_file_read(&content, NULL, dir.path, &err), ISCEP_STORAGE);
    cr_assert_str_eq(err.code, "file");
}

Test(file, that_cannot_be_replaced_says_why)
{
    cr_assert_eq(iscep_file_replace("/nonexistent/file", iscep_bytes_of_text("x"), NULL, &err),
                 ISCEP_STORAGE);
    cr_assert_eq(iscep_file_replace(dir.path, iscep_bytes_of_text("x"), NULL, &err), ISCEP_STORAGE);
    assert_holds("old");
}
