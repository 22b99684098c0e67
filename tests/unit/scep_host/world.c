/* Setting up and taking down what a test of the host stands on. */
#include "world.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

static int64_t now_mono_ms(void *user)
{
    const host_world *world = user;
    return iscep_now_mono_ms(&world->system) + world->clock_offset_ms;
}

static int64_t now_unix_ms(void *user)
{
    const host_world *world = user;
    return iscep_now_unix_ms(&world->system) + world->clock_offset_ms;
}

static iscep_status get_random(void *user, uint8_t *out, size_t len, iscep_error *err)
{
    const host_world *world = user;
    return world->system.random(world->system.user, out, len, err);
}

static void keep_line(void *user, const char *line, size_t len)
{
    host_world *world = user;
    iscep_buf_append(&world->logged, line, len);
}

void test_world_init(host_world *world, bool is_legacy_allowed)
{
    memset(world, 0, sizeof(*world));
    temp_dir_make(&world->dir);
    iscep_buf_init(&world->logged, 1024 * 1024);
    world->log = (iscep_log){.min_level = ISCEP_LOG_DEBUG, .write = keep_line, .user = world};
    world->system = iscep_env_system(&world->log);
    world->env = (iscep_env){.now_mono_ms = now_mono_ms,
                             .now_unix_ms = now_unix_ms,
                             .random = get_random,
                             .user = world,
                             .log = &world->log};
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_crypto_new(&world->crypto, is_legacy_allowed, &err), ISCEP_OK, "%s", err.message);
}

/* Making a key takes a second, so that the build has made one for all tests. */
static void bring_key(const host_world *world, const char *name)
{
    char path[PATH_MAX];
    char pem[8192] = "";
    char from[PATH_MAX];
    snprintf(from, sizeof(from), "%s/%s", ISCEP_TEST_KEYS, name);
    FILE *key = fopen(from, "r");
    cr_assert_not_null(key);
    cr_assert_gt(fread(pem, 1, sizeof(pem) - 1, key), 0);
    fclose(key);
    temp_dir_write(&world->dir, path, sizeof(path), name, pem);
    cr_assert_eq(chmod(path, 0600), 0);
}

static void open_ca(host_world *world, bool is_whole)
{
    const iscep_host_ca_options options = {
        .state_dir = world->dir.path, .validity_days = 30, .has_ra = is_whole, .has_next = is_whole};
    iscep_error err = ISCEP_ERROR_INIT;
    bring_key(world, "ca.key");
    iscep_status status = iscep_host_ca_open(&world->ca, &world->env, world->crypto, &options, &err);
    cr_assert_eq(status, ISCEP_OK, "%s", err.message);
}

void test_world_open_ca(host_world *world)
{
    open_ca(world, false);
}

void test_world_open_whole_ca(host_world *world)
{
    bring_key(world, "ra.key");
    bring_key(world, "next-ca.key");
    open_ca(world, true);
}

void test_world_clear(host_world *world)
{
    iscep_host_ca_free(world->ca);
    iscep_crypto_free(world->crypto);
    iscep_buf_clear(&world->logged);
    temp_dir_remove(&world->dir);
}

size_t test_count_files(const host_world *world, const char *subdirectory)
{
    char path[PATH_MAX];
    temp_dir_path(&world->dir, path, sizeof(path), subdirectory);
    DIR *dir = opendir(path);
    cr_assert_not_null(dir);
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

char *test_read_file(const host_world *world, const char *name)
{
    char path[PATH_MAX];
    temp_dir_path(&world->dir, path, sizeof(path), name);
    char *text = calloc(1, 64 * 1024);
    cr_assert_not_null(text);
    FILE *file = fopen(path, "r");
    if (file) {
        cr_assert_lt(fread(text, 1, 64 * 1024 - 1, file), 64 * 1024 - 1);
        fclose(file);
    }
    return text;
}
