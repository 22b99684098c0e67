/* See test_postgres.h. */
#include "tests/support/test_postgres.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

static const char *server(void)
{
    const char *conninfo = getenv("ISCEP_TEST_POSTGRES");
    return conninfo == NULL || conninfo[0] == '\0' ? NULL : conninfo;
}

bool test_postgres_is_there(void)
{
    return server() != NULL;
}

/* Process ids come again. */
static void make_name(char *out, size_t size)
{
    static atomic_int made;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(out, size, "t%lld_%ld_%d_%d", (long long)now.tv_sec, now.tv_nsec, (int)getpid(), made++);
}

void test_postgres_make(test_postgres *p)
{
    char name[64], sql[128];
    make_name(name, sizeof name);
    *p = (test_postgres){.options = ISCEP_POSTGRES_OPTIONS_INIT};
    snprintf(p->conninfo, sizeof p->conninfo, "%s options='-c search_path=%s'", server(), name);
    p->options.conninfo = p->conninfo;
    p->options.timeout_ms = PATIENCE_MS;
    snprintf(sql, sizeof sql, "CREATE SCHEMA %s", name);
    test_postgres_run(p, sql);
}

iscep_store *test_postgres_open(const test_postgres *p, iscep_store_use use)
{
    iscep_store *store = NULL;
    cr_assert_eq(iscep_store_open_postgres(&store, &p->options, use, NULL), ISCEP_OK);
    return store;
}

void test_postgres_run(const test_postgres *p, const char *sql)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_store *store = test_postgres_open(p, ISCEP_STORE_WRITE);
    cr_assert_eq(iscep_store_run_script(store, sql, &err), ISCEP_OK, "%s", err.message);
    iscep_store_close(store);
}
