/* An older file is brought up to date, a newer one is refused, and a step that fails leaves what was. */
#include <criterion/criterion.h>
#include <string.h>

#include "journal/schema.h"
#include "tests/support/temp_dir.h"

static temp_dir dir;
static char path[128];
static iscep_store *store;

static void set_up(void)
{
    temp_dir_make(&dir);
    temp_dir_path(&dir, path, sizeof path, "journal.db");
    cr_assert_eq(iscep_store_open(&store, path, ISCEP_STORE_WRITE, NULL), ISCEP_OK);
}

static void tear_down(void)
{
    iscep_store_close(store);
    temp_dir_remove(&dir);
}

TestSuite(schema, .init = set_up, .fini = tear_down);

static int64_t version_of(void)
{
    int64_t version = -1;
    cr_assert_eq(iscep_store_get_version(store, &version, NULL), ISCEP_OK);
    return version;
}

static const iscep_migration steps[] = {
    {.version = 1, .script = "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)"},
    {.version = 2, .script = "CREATE TABLE b (x INTEGER); INSERT INTO b SELECT x + 1 FROM a"},
    {.version = 3, .script = "CREATE TABLE c (x INTEGER); INSERT INTO nowhere VALUES (1)"},
};

Test(schema, is_made_in_an_empty_file)
{
    cr_assert_eq(version_of(), 0);
    cr_assert_eq(iscep_schema_migrate(store, iscep_schema_migrations, iscep_schema_migration_count, NULL),
                 ISCEP_OK);
    cr_assert_eq(version_of(), iscep_schema_version());
    cr_assert_eq(iscep_schema_migrate(store, iscep_schema_migrations, iscep_schema_migration_count, NULL),
                 ISCEP_OK, "again, nothing is left to do");
}

Test(schema, of_version_1_is_brought_up_to_date)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    bool has_row = false;
    cr_assert_eq(iscep_schema_migrate(store, steps, 1, NULL), ISCEP_OK);
    cr_assert_eq(version_of(), 1);
    cr_assert_eq(iscep_schema_migrate(store, steps, 2, NULL), ISCEP_OK);
    cr_assert_eq(version_of(), 2);
    cr_assert_eq(iscep_store_query_params(&rows, store, "SELECT x FROM b", NULL, 0, NULL), ISCEP_OK);
    cr_assert_eq(iscep_rows_next(rows, &has_row, NULL), ISCEP_OK);
    cr_assert_eq(iscep_rows_number(rows, 0), 2);
}

Test(schema, that_cannot_be_changed_stays_as_it_was)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_schema_migrate(store, steps, 2, NULL), ISCEP_OK);
    cr_assert_eq(iscep_schema_migrate(store, steps, 3, &err), ISCEP_STORAGE);
    cr_assert_eq(version_of(), 2);
    cr_assert_eq(iscep_store_run_script(store, "SELECT x FROM c", &err), ISCEP_STORAGE, "c was rolled back");
}

Test(schema, of_a_newer_program_is_refused)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_schema_migrate(store, steps, 2, NULL), ISCEP_OK);
    cr_assert_eq(iscep_schema_migrate(store, steps, 1, &err), ISCEP_STORAGE);
    cr_assert_str_eq(err.code, "journal_newer");
    cr_assert_not_null(strstr(err.message, "version 2"));
    cr_assert_eq(version_of(), 2);
}

Test(schema, values_are_bound_by_their_number_and_not_by_their_order)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    bool has_row = false;
    cr_assert_eq(iscep_store_query(&rows, store, NULL, "SELECT $2, $1, $2, $3", iscep_number(1),
                                   iscep_text("two"), iscep_blob(iscep_bytes_of("\0x", 2))),
                 ISCEP_OK);
    cr_assert_eq(iscep_rows_next(rows, &has_row, NULL), ISCEP_OK);
    cr_assert_str_eq(iscep_rows_text(rows, 0), "two");
    cr_assert_eq(iscep_rows_number(rows, 1), 1);
    cr_assert_str_eq(iscep_rows_text(rows, 2), "two");
    cr_assert_eq(iscep_rows_bytes(rows, 3).len, 2);
}
