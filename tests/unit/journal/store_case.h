/* A store on a database of the test's own (ISCEP_TEST_POSTGRES), and what tests of the store ask of it. */
#ifndef ISCEP_TESTS_STORE_CASE_H
#define ISCEP_TESTS_STORE_CASE_H

#include "journal/store.h"
#include "tests/support/test_postgres.h"

enum { SHORT_MS = 300, IN_TIME_MS = 5000 /* on a machine that is busy */ };

extern test_postgres db;
extern iscep_store *store; /* a writer */

void store_case_set_up(void);
void store_case_tear_down(void);
/* The same store with other options; what is not said stays. */
void store_case_open(const char *conninfo, const char *password_file, int64_t timeout_ms);

void store_case_begin(iscep_store *s);
void store_case_run(iscep_store *s, const char *sql);
int64_t store_case_ask(iscep_store *s, const char *sql); /* the first column of the first row */

void store_case_fails(iscep_status actual, const iscep_error *err, iscep_status status, const char *code);
void store_case_begin_fails(iscep_status status, const char *code, const char *word);

#endif
