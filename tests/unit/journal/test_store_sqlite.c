/* The store in a SQLite file by itself: where it may be, and what a reader may do. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "journal/store.h"
#include "tests/support/temp_dir.h"

static temp_dir dir;
static char path[128];

static void set_up(void)
{
    temp_dir_make(&dir);
    temp_dir_path(&dir, path, sizeof path, "journal.db");
}

static void tear_down(void)
{
    temp_dir_remove(&dir);
}

TestSuite(store_sqlite, .init = set_up, .fini = tear_down);

static void assert_not_opened(const char *where, iscep_store_use use, const char *word)
{
    iscep_store *store = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_store_open_sqlite(&store, where, use, &err), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "journal_path");
    cr_assert_not_null(strstr(err.message, word), "%s", err.message);
    cr_assert_null(store);
}

Test(store_sqlite, is_at_an_absolute_path)
{
    cr_assert_eq(chdir(dir.path), 0);
    assert_not_opened("journal.db", ISCEP_STORE_WRITE, "is not absolute: journal.db");
    assert_not_opened(":memory:", ISCEP_STORE_WRITE, "is not absolute: :memory:");
    assert_not_opened("", ISCEP_STORE_READ, "is not absolute: ");
    cr_assert_neq(access(path, F_OK), 0, "nothing was made");
}

/* Whoever may make links where the journal will be does not choose what is written. */
Test(store_sqlite, is_not_made_where_a_link_leads_to)
{
    char elsewhere[128];
    temp_dir_path(&dir, elsewhere, sizeof elsewhere, "elsewhere.db");
    cr_assert_eq(symlink(elsewhere, path), 0);
    assert_not_opened(path, ISCEP_STORE_WRITE, "No such file or directory");
    cr_assert_neq(access(elsewhere, F_OK), 0, "nothing was made");
}

static int64_t count(iscep_store *store)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    bool has_row = false;
    cr_assert_eq(iscep_store_query_params(&rows, store, "SELECT COUNT(*) FROM a", NULL, 0, NULL), ISCEP_OK);
    cr_assert_eq(iscep_rows_next(rows, &has_row, NULL), ISCEP_OK);
    cr_assert(has_row);
    return iscep_rows_number(rows, 0);
}

Test(store_sqlite, is_not_written_by_a_reader)
{
    iscep_store *writer = NULL, *reader = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_store_open_sqlite(&writer, path, ISCEP_STORE_WRITE, NULL), ISCEP_OK);
    cr_assert_eq(iscep_store_run_script(writer, "CREATE TABLE a (x)", NULL), ISCEP_OK);
    cr_assert_eq(iscep_store_open_sqlite(&reader, path, ISCEP_STORE_READ, NULL), ISCEP_OK);
    cr_assert_eq(iscep_store_run(reader, &err, "INSERT INTO a VALUES ($1)", iscep_number(1)), ISCEP_STORAGE);
    cr_assert_str_eq(err.code, "journal_read_only");
    cr_assert_eq(iscep_store_run_script(reader, "DROP TABLE a", &err), ISCEP_STORAGE);
    cr_assert_str_eq(err.code, "journal_read_only");
    cr_assert_eq(count(reader), 0);
    cr_assert_eq(iscep_store_run(writer, &err, "INSERT INTO a VALUES ($1)", iscep_number(1)), ISCEP_OK);
    cr_assert_eq(count(reader), 1);
    iscep_store_close(reader);
    iscep_store_close(writer);
}

/* The second of three rows cannot be made. */
Test(store_sqlite, an_error_in_the_middle_is_not_the_end_of_the_rows)
{
    iscep_store *store = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_store_open_sqlite(&store, path, ISCEP_STORE_WRITE, &err), ISCEP_OK);
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query_params(
        &rows, store, "SELECT abs(column1) FROM (VALUES (1), (-9223372036854775807 - 1), (3))", NULL, 0,
        &err);
    size_t count = 0;
    while (iscep_rows_step(rows, &status, &err))
        count++;
    cr_assert_eq(count, 1);
    cr_assert_eq(status, ISCEP_STORAGE);
    cr_assert_str_eq(err.code, "journal_io");
    cr_assert_not(iscep_rows_step(rows, &status, &err), "nor does it go on afterwards");
    cr_assert_eq(status, ISCEP_STORAGE);
    iscep_rows_close(rows);
    rows = NULL;
    iscep_store_close(store);
}
