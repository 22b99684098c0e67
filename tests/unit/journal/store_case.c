/* See store_case.h. */
#include "store_case.h"

#include <criterion/criterion.h>
#include <string.h>

test_postgres db;
iscep_store *store;

void store_case_set_up(void)
{
    test_postgres_make(&db);
    store = test_postgres_open(&db, ISCEP_STORE_WRITE);
}

void store_case_tear_down(void)
{
    iscep_store_close(store);
}

void store_case_open(const char *conninfo, const char *password_file, int64_t timeout_ms)
{
    iscep_store_close(store);
    if (conninfo != NULL)
        db.options.conninfo = conninfo;
    db.options.password_file = password_file;
    db.options.timeout_ms = timeout_ms;
    store = test_postgres_open(&db, ISCEP_STORE_WRITE);
}

void store_case_fails(iscep_status actual, const iscep_error *err, iscep_status status, const char *code)
{
    cr_assert_eq(actual, status, "%s: %s", err->code, err->message);
    cr_assert_str_eq(err->code, code, "%s", err->message);
}

void store_case_begin_fails(iscep_status status, const char *code, const char *word)
{
    iscep_error err = ISCEP_ERROR_INIT;
    store_case_fails(iscep_store_begin(store, ISCEP_STORE_DURABLE, &err), &err, status, code);
    cr_assert_not_null(strstr(err.message, word), "%s", err.message);
}

void store_case_begin(iscep_store *s)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_store_begin(s, ISCEP_STORE_DURABLE, &err), ISCEP_OK, "%s", err.message);
}

int64_t store_case_ask(iscep_store *s, const char *sql)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    bool has_row = false;
    cr_assert_eq(iscep_store_query_params(&rows, s, sql, NULL, 0, &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(iscep_rows_next(rows, &has_row, NULL), ISCEP_OK);
    cr_assert(has_row);
    return iscep_rows_number(rows, 0);
}

void store_case_run(iscep_store *s, const char *sql)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_store_run_script(s, sql, &err), ISCEP_OK, "%s", err.message);
}
