/* The store in PostgreSQL, and a server or a table that is not what it says: nothing is believed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lying_postgres.h"
#include "store_case.h"
#include "tests/support/temp_dir.h"

TestSuite(store_lies, .init = store_case_set_up, .fini = store_case_tear_down);

enum { OID_INT8 = 20, OID_TEXT = 25, SETUP_COLUMNS = 12 };

/* What is answered to a session's settings, and to the two questions behind them: does it only read, and what is its clock? */
static const char *const good_setup[SETUP_COLUMNS] = {[SETUP_COLUMNS - 2] = "off",
                                                      [SETUP_COLUMNS - 1] = "1795000000000"};

static void answer_setup(iscep_buf *out, const char *const *values, size_t columns, size_t rows)
{
    iscep_buf_init(out, 64 * 1024);
    lying_postgres_add_columns(out, columns, OID_TEXT, 0);
    for (size_t i = 0; i < rows; i++)
        lying_postgres_add_row(out, values, columns);
    lying_postgres_add(out, 'C', iscep_bytes_of("SELECT", sizeof "SELECT"));
    lying_postgres_add(out, 'Z', iscep_bytes_of_text("I"));
}

/* Nothing that was asked of the store is done; the answers are freed. */
static lying_postgres *open_lying(temp_dir *dir, const iscep_buf *answers)
{
    static char conninfo[256];
    temp_dir_make(dir);
    lying_postgres *server = lying_postgres_open(dir->path, answers);
    snprintf(conninfo, sizeof conninfo, "host=%s port=1 dbname=journal user=iscep", dir->path);
    store_case_open(conninfo, NULL, IN_TIME_MS);
    return server;
}

static void close_lying(temp_dir *dir, lying_postgres *server, iscep_buf *answers)
{
    store_case_open(NULL, NULL, IN_TIME_MS); /* hangs up */
    lying_postgres_close(server);
    for (size_t i = 0; i < LYING_POSTGRES_ANSWERS; i++)
        iscep_buf_clear(&answers[i]);
    temp_dir_remove(dir);
}

Test(store_lies, that_answers_nonsense_when_it_is_met_is_away)
{
    static const struct {
        size_t columns, rows;
        const char *clock;
    } cases[] = {
        {0, 0, NULL},
        {1, 1, NULL},
        {SETUP_COLUMNS, 0, NULL},
        {SETUP_COLUMNS, 2, "1795000000000"},
        {SETUP_COLUMNS, 1, NULL},
        {SETUP_COLUMNS, 1, "now"},
        {SETUP_COLUMNS, 1, "-9223372036854775808"},
        {SETUP_COLUMNS, 1, "9223372036854775807"},
    };
    for (size_t i = 0; i <= sizeof cases / sizeof *cases; i++) {
        temp_dir dir;
        iscep_buf answers[LYING_POSTGRES_ANSWERS];
        const char *setup[SETUP_COLUMNS];
        memcpy(setup, good_setup, sizeof setup);
        setup[SETUP_COLUMNS - 1] = i > 0 ? cases[i - 1].clock : NULL;
        iscep_buf_init(&answers[1], 0);
        if (i > 0) {
            answer_setup(&answers[0], setup, cases[i - 1].columns, cases[i - 1].rows);
        } else { /* no answer at all */
            iscep_buf_init(&answers[0], 64);
            lying_postgres_add(&answers[0], 'Z', iscep_bytes_of_text("I"));
        }
        lying_postgres *server = open_lying(&dir, answers);
        store_case_begin_fails(ISCEP_STORAGE, "journal_away", "makes no sense");
        close_lying(&dir, server, answers);
    }
}

Test(store_lies, what_depends_on_a_number_that_is_none_is_not_kept)
{
    iscep_error err = ISCEP_ERROR_INIT;
    store_case_run(store, "CREATE TABLE a (x NUMERIC); INSERT INTO a VALUES (7)");
    store_case_begin(store);
    cr_assert_eq(store_case_ask(store, "SELECT x FROM a"), 0);
    cr_assert_eq(iscep_status_of(iscep_store_run(store, NULL, "DELETE FROM a")), ISCEP_STORAGE);
    store_case_fails(iscep_store_commit(store, &err), &err, ISCEP_STORAGE, "journal_corrupt");
    iscep_store_rollback(store);
    store_case_begin(store);
    cr_assert_eq(store_case_ask(store, "SELECT COUNT(*) FROM a"), 1);
}

Test(store_lies, a_number_that_is_none_is_0_and_a_failure)
{
    static const struct {
        uint32_t type;
        uint16_t format;
        const char *value;
    } cases[] = {
        {OID_INT8, 1, "5"}, {OID_INT8, 0, "55555555"}, {OID_TEXT, 1, "55555555"}, {OID_INT8, 1, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        temp_dir dir;
        iscep_status status;
        iscep_error err = ISCEP_ERROR_INIT;
        iscep_buf answers[LYING_POSTGRES_ANSWERS];
        answer_setup(&answers[0], good_setup, SETUP_COLUMNS, 1);
        iscep_buf_init(&answers[1], 64 * 1024);
        lying_postgres_add(&answers[1], '1', iscep_bytes_of_text(""));
        lying_postgres_add(&answers[1], '2', iscep_bytes_of_text(""));
        lying_postgres_add_columns(&answers[1], 1, cases[i].type, cases[i].format);
        lying_postgres_add_row(&answers[1], &cases[i].value, 1);
        lying_postgres_add(&answers[1], 'C', iscep_bytes_of("SELECT 1", sizeof "SELECT 1"));
        lying_postgres_add(&answers[1], 'Z', iscep_bytes_of_text("I"));
        lying_postgres *server = open_lying(&dir, answers);
        cr_assert_eq(store_case_ask(store, "SELECT 5"), 0, "%zu", i);
        status = iscep_store_check(store, &err);
        if (cases[i].value != NULL) /* nothing is made of it */
            store_case_fails(status, &err, ISCEP_STORAGE, "journal_corrupt");
        close_lying(&dir, server, answers);
    }
}
