/* What the tests of the host share: a directory that goes away, a clock that can be moved, and a CA. */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include "ca.h"
#include "device.h"
#include "tests/support/temp_dir.h"

typedef struct host_world {
    temp_dir dir;
    int64_t clock_offset_ms; /* added to both clocks */
    iscep_log log;           /* what is logged is kept: a test may look for what must not be in it */
    iscep_buf logged;
    iscep_env system;
    iscep_env env;
    iscep_crypto *crypto;
    iscep_host_ca *ca;
} host_world;

/* Without a CA: test_world_open_ca makes it. */
void test_world_init(host_world *world, bool is_legacy_allowed);
void test_world_open_ca(host_world *world);
/* With an RA, and the CA that will be next. */
void test_world_open_whole_ca(host_world *world);
void test_world_clear(host_world *world);

size_t test_count_files(const host_world *world, const char *subdirectory);
/* Whole content of DIR/name, "" if it is not there; free it. */
char *test_read_file(const host_world *world, const char *name);

#endif
