/* A journal's database for a test, in the server that with_postgres.sh has started: a schema of its own, empty. */
#ifndef ISCEP_TESTS_TEST_POSTGRES_H
#define ISCEP_TESTS_TEST_POSTGRES_H

#include "journal/store_postgres.h"

typedef struct test_postgres {
    char conninfo[512];
    iscep_postgres_options options;
} test_postgres;

/* Is there a server? Otherwise the test is about SQLite. */
bool test_postgres_is_there(void);
/* The schema goes with the server. timeout_ms as for a loaded machine. */
void test_postgres_make(test_postgres *p);
iscep_store *test_postgres_open(const test_postgres *p, iscep_store_use use);
/* One statement, by somebody who is no node. */
void test_postgres_run(const test_postgres *p, const char *sql);

#endif
