/* A secret comes from a file as it stands there, less one line end. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/secret.h"
#include "tests/support/temp_dir.h"

static temp_dir dir;

static void set_up(void)
{
    temp_dir_make(&dir);
}

static void tear_down(void)
{
    temp_dir_remove(&dir);
}

TestSuite(secret, .init = set_up, .fini = tear_down);

Test(secret, is_copied_and_ended_with_a_nul)
{
    char value[] = "a\0b";
    iscep_secret *secret;
    cr_assert_eq(iscep_secret_new(&secret, iscep_bytes_of(value, 3), NULL), ISCEP_OK);
    memset(value, 'x', sizeof value);
    iscep_bytes shown = iscep_secret_reveal(secret);
    cr_assert(iscep_bytes_equal(shown, iscep_bytes_of("a\0b", 3)));
    cr_assert_eq(shown.data[3], '\0');
    iscep_secret_free(secret);
    iscep_secret_free(NULL);
}

Test(secret, from_a_file_loses_one_line_end_only)
{
    static const char *const cases[][2] = {
        {"s3cret", "s3cret"},       {"s3cret\n", "s3cret"},     {"s3cret\r\n", "s3cret"},
        {"s3cret\n\n", "s3cret\n"}, {" s3 cret ", " s3 cret "}, {"two\nlines\n", "two\nlines"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[128];
        iscep_secret *secret;
        temp_dir_write(&dir, path, sizeof path, "secret", cases[i][0]);
        cr_assert_eq(iscep_secret_load(&secret, path, NULL), ISCEP_OK);
        cr_assert(iscep_bytes_equal(iscep_secret_reveal(secret), iscep_bytes_of_text(cases[i][1])),
                  "case %zu", i);
        iscep_secret_free(secret);
    }
}

Test(secret, an_empty_file_is_a_mistake)
{
    static const char *const empty[] = {"", "\n", "\r\n"};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        char path[128];
        iscep_secret *secret = NULL;
        iscep_error err = ISCEP_ERROR_INIT;
        temp_dir_write(&dir, path, sizeof path, "secret", empty[i]);
        cr_assert_eq(iscep_secret_load(&secret, path, &err), ISCEP_CONFIG, "case %zu", i);
        cr_assert_str_eq(err.code, "secret_empty");
        cr_assert_not_null(strstr(err.message, path));
    }
}

Test(secret, a_missing_file_is_named)
{
    char path[128];
    iscep_secret *secret = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    temp_dir_path(&dir, path, sizeof path, "nothing");
    cr_assert_eq(iscep_secret_load(&secret, path, &err), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "secret_unreadable");
    cr_assert_not_null(strstr(err.message, path));
    cr_assert_eq(iscep_secret_load(&secret, dir.path, &err), ISCEP_CONFIG); /* a directory */
    cr_assert_str_eq(err.code, "secret_unreadable");
}

Test(secret, of_64_kib_is_the_largest)
{
    char path[128];
    iscep_secret *secret = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    static char text[64 * 1024 + 2];
    memset(text, 's', 64 * 1024);
    temp_dir_write(&dir, path, sizeof path, "secret", text);
    cr_assert_eq(iscep_secret_load(&secret, path, &err), ISCEP_OK);
    cr_assert_eq(iscep_secret_reveal(secret).len, 64 * 1024);
    iscep_secret_free(secret);
    text[64 * 1024] = 's';
    temp_dir_write(&dir, path, sizeof path, "secret", text);
    cr_assert_eq(iscep_secret_load(&secret, path, &err), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "secret_too_large");
}

/* "VmFlags:" of the mapping that address is in, proc(5). */
static void read_flags(char out[256], const void *address)
{
    FILE *maps = fopen("/proc/self/smaps", "re");
    char *line = NULL;
    size_t size = 0;
    bool is_ours = false;
    out[0] = '\0';
    while (maps != NULL && out[0] == '\0' && getline(&line, &size, maps) > 0) {
        uintptr_t from, to;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
            is_ours = (uintptr_t)address >= from && (uintptr_t)address < to;
        else if (is_ours && strncmp(line, "VmFlags:", 8) == 0)
            snprintf(out, 256, "%s", line);
    }
    free(line);
    if (maps != NULL)
        fclose(maps);
}

Test(secret, is_neither_dumped_nor_swapped)
{
    char flags[256];
    iscep_secret *secret;
    cr_assert_eq(iscep_secret_new(&secret, iscep_bytes_of_text("s3cret"), NULL), ISCEP_OK);
    read_flags(flags, iscep_secret_reveal(secret).data);
    cr_assert_not_null(strstr(flags, " dd"), "%s", flags);
#ifndef __SANITIZE_ADDRESS__ /* whose mlock() does nothing */
    cr_assert_not_null(strstr(flags, " lo"), "%s", flags);
#endif
    iscep_secret_free(secret);
}

Test(secret, is_kept_where_no_memory_can_be_locked)
{
    const struct rlimit none = {0};
    iscep_secret *secret;
    cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    if (getuid() == 0)
        cr_assert_eq(setuid(65534), 0); /* root may lock all the same */
    cr_assert_eq(iscep_secret_new(&secret, iscep_bytes_of_text("s3cret"), NULL), ISCEP_OK);
    cr_assert(iscep_secret_equals(secret, iscep_bytes_of_text("s3cret")));
    iscep_secret_free(secret);
}
