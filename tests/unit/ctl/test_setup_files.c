/* Files that belong together are all there or none, whatever fails, and the old ones are as they were. */
#include "ctl/setup_files.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/support/temp_dir.h"

static temp_dir dir;
static ctl_file_set set;

static void set_up(void)
{
    temp_dir_make(&dir);
}

static void tear_down(void)
{
    temp_dir_remove(&dir);
}

TestSuite(setup_files, .init = set_up, .fini = tear_down);

static const char *in_dir(const char *name)
{
    static char path[128];
    temp_dir_path(&dir, path, sizeof path, name);
    return path;
}

static void write_old(const char *name, const char *text, mode_t mode)
{
    char path[128];
    temp_dir_write(&dir, path, sizeof path, name, text);
    cr_assert_eq(chmod(path, mode), 0);
}

static void holds(const char *name, const char *text, mode_t mode)
{
    ISCEP_AUTO_BUF content;
    struct stat found;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&content, 4096);
    cr_assert_eq(iscep_file_read(&content, &found, in_dir(name), &err), ISCEP_OK, "%s", err.message);
    cr_assert_str_eq(iscep_buf_text(&content), text);
    cr_assert_eq(found.st_mode & 07777, mode, "%s: %04o", name, found.st_mode & 07777);
}

static size_t count_entries(const char *name)
{
    size_t count = 0;
    DIR *directory = opendir(name[0] != '\0' ? in_dir(name) : dir.path);
    cr_assert_not_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

static iscep_status stage(const char *name, const char *text, mode_t mode)
{
    const char *staged = NULL;
    const ctl_rights rights = {mode, geteuid(), getegid()};
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status =
        ctl_set_stage(&set, &staged, in_dir(name), iscep_bytes_of_text(text), &rights, &err);
    if (status == ISCEP_OK)
        cr_assert_eq(access(staged, R_OK), 0);
    else
        cr_assert_str_eq(err.code, "file", "%s", err.message);
    return status;
}

static iscep_status commit(bool keeps_old)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = ctl_set_commit(&set, keeps_old, &err);
    cr_assert(status == ISCEP_OK || strcmp(err.code, "file") == 0);
    return status;
}

Test(setup_files, come_into_their_places_together)
{
    const mode_t mask = umask(0777);
    cr_assert_eq(stage("a", "new a", 0600), ISCEP_OK);
    cr_assert_eq(stage("b", "new b", 0640), ISCEP_OK);
    umask(mask);
    cr_assert_neq(access(in_dir("a"), F_OK), 0, "not before they are committed");
    cr_assert_eq(commit(false), ISCEP_OK);
    ctl_set_abandon(&set);
    holds("a", "new a", 0600);
    holds("b", "new b", 0640);
    cr_assert_eq(count_entries(""), 2);
}

Test(setup_files, keep_the_old_ones_as_they_were_if_asked)
{
    write_old("a", "old a", 0604);
    cr_assert_eq(stage("a", "new a", 0600), ISCEP_OK);
    cr_assert_eq(stage("b", "new b", 0640), ISCEP_OK);
    cr_assert_eq(commit(true), ISCEP_OK);
    holds("a", "new a", 0600);
    holds("a.bak", "old a", 0604);
    cr_assert_str_eq(set.files[0].backup, in_dir("a.bak"));
    cr_assert_str_eq(set.files[1].backup, "");
    cr_assert_eq(count_entries(""), 3);
}

Test(setup_files, never_replace_one_that_was_kept_before)
{
    static const char *const values[] = {"second", "third", "fourth"};
    write_old("a", "first", 0604);
    for (size_t i = 0; i < 3; i++) {
        set = (ctl_file_set){0};
        cr_assert_eq(stage("a", values[i], 0600), ISCEP_OK);
        cr_assert_eq(commit(true), ISCEP_OK);
    }
    cr_assert_str_eq(set.files[0].backup, in_dir("a.bak.2"));
    holds("a", "fourth", 0600);
    holds("a.bak", "first", 0604);
    holds("a.bak.1", "second", 0600);
    holds("a.bak.2", "third", 0600);
    cr_assert_eq(count_entries(""), 4);
}

Test(setup_files, are_kept_though_every_name_is_taken)
{
    write_old("a", "old a", 0604);
    write_old("a.bak", "kept", 0600);
    for (int i = 1; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "a.bak.%d", i);
        write_old(name, "kept", 0600);
    }
    cr_assert_eq(stage("a", "new a", 0600), ISCEP_OK);
    cr_assert_eq(commit(true), ISCEP_OK);
    cr_assert_eq(access(set.files[0].backup, F_OK), 0);
    holds(strrchr(set.files[0].backup, '/') + 1, "old a", 0604);
    holds("a.bak", "kept", 0600);
    holds("a.bak.99", "kept", 0600);
    cr_assert_eq(count_entries(""), 102);
}

Test(setup_files, leave_no_old_one_if_not_asked_but_what_was_kept_before)
{
    write_old("a", "old a", 0604);
    write_old("a.bak", "older a", 0604);
    cr_assert_eq(stage("a", "new a", 0600), ISCEP_OK);
    cr_assert_eq(commit(false), ISCEP_OK);
    holds("a", "new a", 0600);
    holds("a.bak", "older a", 0604);
    cr_assert_str_eq(set.files[0].backup, "");
    cr_assert_eq(count_entries(""), 2);
}

Test(setup_files, that_are_abandoned_were_never_there)
{
    const ctl_rights rights = {0700, geteuid(), getegid()};
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(ctl_set_make_directory(&set, in_dir("d"), &rights, &err), ISCEP_OK);
    write_old("a", "old a", 0604);
    cr_assert_eq(stage("a", "new a", 0600), ISCEP_OK);
    cr_assert_eq(stage("d/b", "new b", 0600), ISCEP_OK);
    ctl_set_abandon(&set);
    holds("a", "old a", 0604);
    cr_assert_eq(count_entries(""), 1);
}

/* A directory cannot be replaced by a file, not even by root. */
Test(setup_files, are_as_before_if_the_second_cannot_be_replaced)
{
    write_old("a", "old a", 0604);
    write_old("a.bak", "older a", 0604);
    cr_assert_eq(mkdir(in_dir("b"), 0700), 0);
    cr_assert_eq(stage("a", "new a", 0600), ISCEP_OK);
    cr_assert_eq(stage("new", "new", 0600), ISCEP_OK);
    cr_assert_eq(stage("b", "new b", 0600), ISCEP_OK);
    cr_assert_eq(commit(true), ISCEP_STORAGE);
    ctl_set_abandon(&set);
    holds("a", "old a", 0604);
    holds("a.bak", "older a", 0604);
    cr_assert_eq(count_entries("b"), 0);
    cr_assert_eq(count_entries(""), 3, "a, its older one, and b");
}

Test(setup_files, are_as_before_if_one_disappears_beside_its_place)
{
    write_old("a", "old a", 0604);
    write_old("b", "old b", 0604);
    cr_assert_eq(stage("a", "new a", 0600), ISCEP_OK);
    cr_assert_eq(stage("b", "new b", 0600), ISCEP_OK);
    cr_assert_eq(unlink(set.files[1].staged), 0);
    cr_assert_eq(commit(true), ISCEP_STORAGE);
    ctl_set_abandon(&set);
    holds("a", "old a", 0604);
    holds("b", "old b", 0604);
    cr_assert_eq(count_entries(""), 2, "and no backups");
}

Test(setup_files, are_as_before_if_the_old_ones_second_name_is_taken)
{
    char taken[PATH_MAX + 8];
    write_old("a", "old a", 0604);
    cr_assert_eq(stage("a", "new a", 0600), ISCEP_OK);
    snprintf(taken, sizeof taken, "%s.old", strrchr(set.files[0].staged, '/') + 1);
    write_old(taken, "somebody's", 0604);
    cr_assert_eq(commit(true), ISCEP_STORAGE);
    ctl_set_abandon(&set);
    holds("a", "old a", 0604);
    holds(taken, "somebody's", 0604);
    cr_assert_eq(count_entries(""), 2);
}

/* No file may be longer than eight bytes: what is written gets as far as that. */
Test(setup_files, are_as_before_if_the_disk_is_full)
{
    const struct rlimit limit = {8, 8};
    write_old("a", "old a", 0604);
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(stage("a", "new a", 0600), ISCEP_OK);
    cr_assert_eq(stage("b", "longer than that", 0600), ISCEP_STORAGE);
    ctl_set_abandon(&set);
    holds("a", "old a", 0604);
    cr_assert_eq(count_entries(""), 1);
}

Test(setup_files, cannot_be_staged_in_a_directory_that_is_not_there)
{
    cr_assert_eq(stage("no/where", "x", 0600), ISCEP_STORAGE);
    cr_assert_eq(set.file_count, 0);
}

Test(setup_files, directories_that_were_made_stay_after_a_commit_and_have_their_mode)
{
    const ctl_rights rights = {0710, geteuid(), getegid()};
    struct stat found;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(ctl_set_make_directory(&set, in_dir("empty"), &rights, &err), ISCEP_OK);
    cr_assert_eq(ctl_set_make_directory(&set, in_dir("empty"), &rights, &err), ISCEP_OK, "it is there");
    cr_assert_eq(commit(false), ISCEP_OK);
    ctl_set_abandon(&set);
    cr_assert_eq(stat(in_dir("empty"), &found), 0);
    cr_assert_eq(found.st_mode & 07777, 0710);
}

Test(setup_files, a_directory_that_cannot_be_made_says_why)
{
    const ctl_rights rights = {0700, geteuid(), getegid()};
    iscep_error err = ISCEP_ERROR_INIT;
    write_old("a", "old a", 0600);
    cr_assert_eq(ctl_set_make_directory(&set, in_dir("a"), &rights, &err), ISCEP_STORAGE);
    cr_assert_str_eq(err.code, "directory");
    cr_assert_not_null(strstr(err.message, "File exists"), "%s", err.message);
    cr_assert_eq(ctl_set_make_directory(&set, in_dir("no/where"), &rights, &err), ISCEP_STORAGE);
    cr_assert_not_null(strstr(err.message, "No such file"), "%s", err.message);
    cr_assert_eq(set.made_count, 0);
}
