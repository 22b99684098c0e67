/* Which directories a configuration needs to write in. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/sandbox_paths.h"
#include "tests/support/temp_dir.h"

static temp_dir dir;
static iscep_config *config;
static iscep_sandbox_paths paths;

static void set_up(void)
{
    temp_dir_make(&dir);
    config = calloc(1, sizeof *config);
    cr_assert_not_null(config);
    unsetenv("RUNTIME_DIRECTORY");
    unsetenv("STATE_DIRECTORY");
}

static void tear_down(void)
{
    iscep_sandbox_paths_clear(&paths);
    free(config);
    temp_dir_remove(&dir);
}

TestSuite(sandbox_paths, .init = set_up, .fini = tear_down);

/* A path in the temporary directory; makes a directory of it where the name ends in a slash. Lives until the test's end. */
static const char *in_dir(const char *name)
{
    static char made[8][256];
    static size_t count;
    char *path = made[count++ % 8];
    snprintf(path, sizeof made[0], "%s/%s", dir.path, name);
    const size_t len = strlen(path);
    if (path[len - 1] == '/') {
        path[len - 1] = '\0';
        cr_assert_eq(mkdir(path, 0700), 0);
    }
    return path;
}

static void collect(void)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_sandbox_paths_collect(&paths, config, NULL, &err), ISCEP_OK, "%s", err.message);
}

static bool has(const char *path)
{
    for (size_t i = 0; i < paths.count; i++)
        if (strcmp(paths.paths[i], path) == 0)
            return true;
    return false;
}

Test(sandbox_paths, are_those_of_the_files_that_are_named)
{
    config->journal.path = in_dir("journal.db"); /* is not there yet */
    config->audit = "journald";
    config->listeners[config->listener_count++].at.unix_path = in_dir("connector.sock");
    config->cas[config->ca_count++] =
        (iscep_ca_options){.kind = ISCEP_CA_OPENSSL, .index_file = in_dir("index.txt")};
    collect();
    cr_assert_eq(paths.count, 1);
    cr_assert_str_eq(paths.paths[0], dir.path);
}

Test(sandbox_paths, follow_a_link_to_where_the_file_is)
{
    const char *elsewhere = in_dir("elsewhere/"), *link = in_dir("index.txt");
    char target[300];
    snprintf(target, sizeof target, "%s/index.txt", elsewhere);
    FILE *file = fopen(target, "we");
    cr_assert_not_null(file);
    fclose(file);
    cr_assert_eq(symlink(target, link), 0);
    config->cas[config->ca_count++] = (iscep_ca_options){.kind = ISCEP_CA_OPENSSL, .index_file = link};
    collect();
    cr_assert_eq(paths.count, 1);
    cr_assert_str_eq(paths.paths[0], elsewhere);
}

Test(sandbox_paths, come_from_systemd_too)
{
    const char *run = in_dir("run/"), *state = in_dir("state/");
    char two[600];
    snprintf(two, sizeof two, "%s:%s", run, state);
    setenv("STATE_DIRECTORY", two, 1);
    collect();
    cr_assert_eq(paths.count, 2);
    cr_assert(has(run) && has(state));
}

Test(sandbox_paths, of_a_directory_in_another_only_the_other_is_kept)
{
    const char *inner = in_dir("inner/");
    config->sandbox_writable = (iscep_config_words){.words = {inner, dir.path, inner}, .count = 3};
    collect();
    cr_assert_eq(paths.count, 1);
    cr_assert_str_eq(paths.paths[0], dir.path);
}

Test(sandbox_paths, what_does_not_exist_is_left_out_and_missed)
{
    config->journal.path = "/nonexistent/journal.db";
    config->sandbox_writable = (iscep_config_words){.words = {"/nonexistent/too"}, .count = 1};
    collect();
    cr_assert_eq(paths.count, 0);
    cr_assert_str_eq(
        paths.missed,
        "/nonexistent (No such file or directory), /nonexistent/too (No such file or directory)");
}

/* Landlock would take a file, but for what is done in directories: not at all. */
Test(sandbox_paths, what_is_no_directory_is_missed)
{
    char file[300], want[400];
    temp_dir_write(&dir, file, sizeof file, "file", "");
    snprintf(want, sizeof want, "%s (Not a directory)", file);
    config->sandbox_writable = (iscep_config_words){.words = {file}, .count = 1};
    collect();
    cr_assert_eq(paths.count, 0);
    cr_assert_str_eq(paths.missed, want);
}

/* Of what the second collection finds, only what the first had no name of. */
Test(sandbox_paths, what_was_named_before_is_passed_over)
{
    iscep_sandbox_paths again;
    iscep_error err = ISCEP_ERROR_INIT;
    config->sandbox_writable = (iscep_config_words){.words = {in_dir("later")}, .count = 1};
    config->journal.path = in_dir("soon/journal.db");
    collect();
    cr_assert_eq(paths.count, 0);
    const char *made = in_dir("new/");
    in_dir("later/"), in_dir("soon/");
    config->sandbox_writable.words[config->sandbox_writable.count++] = made;
    cr_assert_eq(iscep_sandbox_paths_collect(&again, config, &paths, &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(again.count, 1);
    cr_assert_str_eq(again.paths[0], made);
    cr_assert_str_eq(again.missed, "");
    iscep_sandbox_paths_clear(&again);
}

Test(sandbox_paths, what_is_missed_is_cut_off_where_there_is_no_room)
{
    char name[120];
    memset(name, 'x', sizeof name - 1);
    name[0] = '/';
    name[sizeof name - 1] = '\0';
    for (int i = 0; i < 10; i++)
        iscep_sandbox_paths_miss(&paths, name, ENOENT);
    cr_assert_eq(strlen(paths.missed), sizeof paths.missed - 1);
}

Test(sandbox_paths, temporary_files_are_for_programs)
{
    config->cas[config->ca_count++] = (iscep_ca_options){.kind = ISCEP_CA_STEP};
    collect();
    cr_assert(!has("/tmp") && !iscep_sandbox_runs_programs(config));
    iscep_sandbox_paths_clear(&paths);
    config->cas[config->ca_count++] = (iscep_ca_options){.kind = ISCEP_CA_COMMAND};
    collect();
    cr_assert(has("/tmp") && iscep_sandbox_runs_programs(config));
}

/* Components are compared, not letters. */
Test(sandbox_paths, one_that_only_begins_alike_is_beyond)
{
    static char srv[] = "/srv/ca", below[] = "/srv/ca/eu", alike[] = "/srv/ca-eu", root[] = "/";
    const iscep_sandbox_paths granted = {.paths = {srv}, .count = 1}, all = {.paths = {root}, .count = 1},
                              good = {.paths = {srv, below}, .count = 2},
                              bad = {.paths = {below, alike}, .count = 2};
    cr_assert_null(iscep_sandbox_paths_beyond(&granted, &good));
    cr_assert_str_eq(iscep_sandbox_paths_beyond(&granted, &bad), alike);
    cr_assert_null(iscep_sandbox_paths_beyond(&all, &bad));
    cr_assert_str_eq(iscep_sandbox_paths_beyond(&granted, &all), root);
}
