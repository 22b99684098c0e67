/* An older file is brought up to date, a newer one is refused, and a step that fails leaves what was. */
#include <criterion/criterion.h>
#include <stdio.h>
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
    cr_assert_eq(iscep_store_open_sqlite(&store, path, ISCEP_STORE_WRITE, NULL), ISCEP_OK);
}

static void tear_down(void)
{
    iscep_store_close(store);
    temp_dir_remove(&dir);
}

TestSuite(schema, .init = set_up, .fini = tear_down);

static int64_t version_of(void)
{
    iscep_schema_mark mark = {.version = -1};
    cr_assert_eq(iscep_store_get_version(store, &mark, NULL), ISCEP_OK);
    return mark.version;
}

static const iscep_migration steps[] = {
    {.version = 1, .sqlite = "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1)"},
    {.version = 2, .sqlite = "CREATE TABLE b (x INTEGER); INSERT INTO b SELECT x + 1 FROM a"},
    {.version = 3, .sqlite = "CREATE TABLE c (x INTEGER); INSERT INTO nowhere VALUES (1)"},
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

static int64_t number_in_file(long offset)
{
    unsigned char bytes[4] = {0};
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file);
    cr_assert_eq(fseek(file, offset, SEEK_SET), 0);
    cr_assert_eq(fread(bytes, 1, sizeof bytes, file), sizeof bytes);
    fclose(file);
    return (int64_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

/* A package's script looks for it there while the program runs: packaging/debian/intune-scep-connector.preinst. */
Test(schema, says_its_version_in_the_header_of_the_file_at_once)
{
    static const iscep_migration marked[] = {
        {.version = 5, .oldest = 4, .sqlite = "CREATE TABLE a (x INTEGER)"},
        {.version = 7, .oldest = 6, .sqlite = "CREATE TABLE b (x INTEGER)"},
    };
    cr_assert_eq(iscep_schema_migrate(store, marked, 1, NULL), ISCEP_OK);
    cr_assert_eq(number_in_file(60), 5);
    cr_assert_eq(number_in_file(68), 4);
    cr_assert_eq(iscep_schema_migrate(store, marked, 2, NULL), ISCEP_OK);
    cr_assert_eq(number_in_file(60), 7);
    cr_assert_eq(number_in_file(68), 6);
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

static int64_t ask_number(const char *sql)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    bool has_row = false;
    cr_assert_eq(iscep_store_query_params(&rows, store, sql, NULL, 0, NULL), ISCEP_OK);
    cr_assert_eq(iscep_rows_next(rows, &has_row, NULL), ISCEP_OK);
    cr_assert(has_row);
    return iscep_rows_number(rows, 0);
}

/* As the program made it that knew no other nodes. */
Test(schema, of_a_single_node_is_taken_over_with_what_is_in_it)
{
    cr_assert_eq(iscep_schema_migrate(store, iscep_schema_migrations, 1, NULL), ISCEP_OK);
    cr_assert_eq(version_of(), 1);
    cr_assert_eq(
        iscep_store_run_script(
            store,
            "INSERT INTO delivery (enrolment_id, tenant, kind, state, is_deferred, error_code, attempts,"
            " recorded_unix_ms, due_unix_ms, leased_until_ms, not_after_unix, is_active, is_revoked,"
            " is_revocation_asked) VALUES (1, 'contoso', 1, 1, 0, 0, 3, 1, 1, 0, 1, 0, 0, 0);"
            "INSERT INTO revocation (tenant, context, serial_text, issuer, configuration, state, attempts,"
            " stored_unix_ms, due_unix_ms, leased_until_ms, ended_unix_ms) VALUES"
            " ('contoso', 'intunes', '01', '', '', 1, 0, 1, 1, 0, 0), ('contoso', NULL, '02', '', '', 1, 0, "
            "1, 1, 0, 0),"
            " ('contoso', 'over', '03', '', '', 4, 0, 1, 1, 0, 1)",
            NULL),
        ISCEP_OK);
    cr_assert_eq(iscep_schema_migrate(store, iscep_schema_migrations, iscep_schema_migration_count, NULL),
                 ISCEP_OK);
    cr_assert_eq(version_of(), 2);
    cr_assert_eq(ask_number("SELECT COUNT(*) FROM delivery WHERE attempts = 3 AND state = 1 AND fence = 0"),
                 1);
    cr_assert_eq(ask_number("SELECT state FROM revocation WHERE context = 'intunes'"), 5,
                 "it was not judged yet");
    cr_assert_eq(ask_number("SELECT state FROM revocation WHERE context IS NULL"), 1,
                 "our own is never judged");
    cr_assert_eq(ask_number("SELECT state FROM revocation WHERE context = 'over'"), 4);
    cr_assert_eq(ask_number("SELECT COUNT(*) FROM leader"), 0);
    cr_assert_eq(ask_number("SELECT COUNT(*) FROM node"), 0);
}

/* Of 100,000 deliveries that are moved to a database none looks at all revocations there ever were. */
Test(schema, finds_the_revocations_of_a_delivery_at_once)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    bool has_row = false;
    cr_assert_eq(iscep_schema_migrate(store, iscep_schema_migrations, iscep_schema_migration_count, NULL),
                 ISCEP_OK);
    cr_assert_eq(iscep_store_query_params(
                     &rows, store, "EXPLAIN QUERY PLAN SELECT message FROM revocation WHERE delivery_id = 1",
                     NULL, 0, NULL),
                 ISCEP_OK);
    cr_assert_eq(iscep_rows_next(rows, &has_row, NULL), ISCEP_OK);
    cr_assert_not_null(strstr(iscep_rows_text(rows, 3), "revocation_of_delivery"), "%s",
                       iscep_rows_text(rows, 3));
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

Test(schema, of_a_newer_program_that_says_so_is_accepted_and_left_alone)
{
    static const iscep_migration newer[] = {
        {.version = 1, .oldest = 1, .sqlite = "CREATE TABLE a (x INTEGER)"},
        {.version = 2, .oldest = 1, .sqlite = "ALTER TABLE a ADD COLUMN y INTEGER"},
        {.version = 3, .oldest = 3, .sqlite = "DROP TABLE a"},
    };
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_schema_migrate(store, newer, 2, NULL), ISCEP_OK);
    cr_assert_eq(iscep_schema_migrate(store, newer, 1, NULL), ISCEP_OK, "it can be taken back");
    cr_assert_eq(version_of(), 2);
    cr_assert_eq(iscep_schema_migrate(store, newer, 3, NULL), ISCEP_OK);
    cr_assert_eq(iscep_schema_migrate(store, newer, 2, &err), ISCEP_STORAGE, "and now it cannot");
    cr_assert_str_eq(err.code, "journal_newer");
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
