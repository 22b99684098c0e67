/* The store in PostgreSQL by itself: what it says when the database is not there, not ours, not ready, or does not answer. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "journal/schema.h"
#include "lying_postgres.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_postgres.h"

enum { SHORT_MS = 300, IN_TIME_MS = 5000 /* on a machine that is busy */ };

static test_postgres db;
static iscep_store *store;

static void set_up(void)
{
    test_postgres_make(&db);
    store = test_postgres_open(&db, ISCEP_STORE_WRITE);
}

static void tear_down(void)
{
    iscep_store_close(store);
}

TestSuite(store_postgres, .init = set_up, .fini = tear_down);

/* The same store with other options; what is not said stays. */
static void open_with(const char *conninfo, const char *password_file, int64_t timeout_ms)
{
    iscep_store_close(store);
    if (conninfo != NULL)
        db.options.conninfo = conninfo;
    db.options.password_file = password_file;
    db.options.timeout_ms = timeout_ms;
    store = test_postgres_open(&db, ISCEP_STORE_WRITE);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void assert_fails(iscep_status actual, const iscep_error *err, iscep_status status, const char *code)
{
    cr_assert_eq(actual, status, "%s: %s", err->code, err->message);
    cr_assert_str_eq(err->code, code, "%s", err->message);
}

static void assert_begin_fails(iscep_status status, const char *code, const char *word)
{
    iscep_error err = ISCEP_ERROR_INIT;
    assert_fails(iscep_store_begin(store, ISCEP_STORE_DURABLE, &err), &err, status, code);
    cr_assert_not_null(strstr(err.message, word), "%s", err.message);
}

static void begin(iscep_store *s)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_store_begin(s, ISCEP_STORE_DURABLE, &err), ISCEP_OK, "%s", err.message);
}

static int64_t ask(iscep_store *s, const char *sql)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    bool has_row = false;
    cr_assert_eq(iscep_store_query_params(&rows, s, sql, NULL, 0, &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(iscep_rows_next(rows, &has_row, NULL), ISCEP_OK);
    cr_assert(has_row);
    return iscep_rows_number(rows, 0);
}

static void run(iscep_store *s, const char *sql)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_store_run_script(s, sql, &err), ISCEP_OK, "%s", err.message);
}

/* --- reaching it --- */

Test(store_postgres, that_is_not_there_is_away_at_once)
{
    open_with("host=/nonexistent dbname=journal user=iscep", NULL, IN_TIME_MS);
    const int64_t began_ms = now_ms();
    assert_begin_fails(ISCEP_STORAGE, "journal_away", "/nonexistent");
    cr_assert_lt(now_ms() - began_ms, IN_TIME_MS);
}

/* A server that has stopped: the kernel accepts for it. Its directory is the host, its port is 1. */
typedef struct deaf {
    temp_dir dir;
    char host[100];
    int fd;
} deaf;

static void deaf_make(deaf *s)
{
    char path[100];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    temp_dir_make(&s->dir);
    temp_dir_path(&s->dir, path, sizeof path, ".s.PGSQL.1");
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    snprintf(s->host, sizeof s->host, "%.*s", (int)(strrchr(path, '/') - path), path);
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(s->fd, (const struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(s->fd, 8), 0);
}

static void deaf_remove(deaf *s)
{
    close(s->fd);
    temp_dir_remove(&s->dir);
}

Test(store_postgres, that_does_not_answer_is_away_when_the_time_is_over)
{
    deaf server;
    char conninfo[256];
    deaf_make(&server);
    snprintf(conninfo, sizeof conninfo, "host=%s port=1 dbname=journal user=iscep", server.host);
    open_with(conninfo, NULL, SHORT_MS);
    const int64_t began_ms = now_ms();
    assert_begin_fails(ISCEP_STORAGE, "journal_away", "in time");
    cr_assert_geq(now_ms() - began_ms, SHORT_MS);
    cr_assert_lt(now_ms() - began_ms, SHORT_MS + IN_TIME_MS);
    deaf_remove(&server);
}

/* As that which was the primary until its host stopped; the next connection does not wait for it any more. */
Test(store_postgres, of_several_hosts_one_that_does_not_answer_keeps_nobody_from_the_next)
{
    deaf server;
    char conninfo[512], host[96], port[16];
    const char *rest = strstr(db.conninfo, " dbname=");
    cr_assert(rest != NULL && sscanf(db.conninfo, "host=%95s port=%15s", host, port) == 2);
    deaf_make(&server);
    snprintf(conninfo, sizeof conninfo, "host=%s,%s port=1,%s target_session_attrs=read-write%s", server.host,
             host, port, rest);
    open_with(conninfo, NULL, 2 * IN_TIME_MS);
    begin(store);
    const int64_t began_ms = now_ms();
    iscep_store_rollback(store);
    cr_assert_eq(ask(store, "SELECT 1 FROM pg_backend_pid()"), 1);
    cr_assert_neq(
        iscep_status_of(iscep_store_run_script(store, "SELECT pg_terminate_backend(pg_backend_pid())", NULL)),
        ISCEP_OK);
    begin(store);
    cr_assert_lt(now_ms() - began_ms, IN_TIME_MS, "it began with the one that was there");
    deaf_remove(&server);
}

Test(store_postgres, a_backend_that_stops_is_given_up_and_the_next_transaction_has_another)
{
    iscep_error err = ISCEP_ERROR_INIT;
    int64_t number = 0;
    open_with(NULL, NULL, SHORT_MS);
    begin(store);
    const pid_t backend = (pid_t)ask(store, "SELECT pg_backend_pid()");
    cr_assert_eq(kill(backend, SIGSTOP), 0);
    const int64_t began_ms = now_ms();
    assert_fails(iscep_store_used_bytes(store, &number, &err), &err, ISCEP_STORAGE, "journal_away");
    cr_assert_lt(now_ms() - began_ms, SHORT_MS + IN_TIME_MS);
    assert_fails(iscep_store_run_script(store, "SELECT 1", &err), &err, ISCEP_STORAGE, "journal_away");
    assert_fails(iscep_store_commit(store, &err), &err, ISCEP_STORAGE, "journal_away");
    iscep_store_rollback(store);
    begin(store);
    cr_assert_neq(ask(store, "SELECT pg_backend_pid()"), backend);
    kill(backend, SIGCONT);
}

Test(store_postgres, a_backend_that_is_ended_is_away_and_what_was_sent_is_not_done)
{
    iscep_error err = ISCEP_ERROR_INIT;
    char sql[64];
    run(store, "CREATE TABLE a (x BIGINT)");
    begin(store);
    cr_assert_eq(iscep_store_run(store, NULL, "INSERT INTO a VALUES ($1)", iscep_number(1)), ISCEP_OK);
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d)", (int)ask(store, "SELECT pg_backend_pid()"));
    test_postgres_run(&db, sql);
    assert_fails(iscep_store_commit(store, &err), &err, ISCEP_STORAGE, "journal_away");
    begin(store);
    cr_assert_eq(ask(store, "SELECT COUNT(*) FROM a"), 0);
}

Test(store_postgres, a_standby_is_away)
{
    char conninfo[768];
    iscep_error err = ISCEP_ERROR_INIT;
    run(store, "CREATE TABLE a (x BIGINT)");
    run(store, "SET default_transaction_read_only = on"); /* it has become one while we were connected */
    begin(store);
    cr_assert_eq(iscep_store_run(store, NULL, "INSERT INTO a VALUES ($1)", iscep_number(1)), ISCEP_OK);
    assert_fails(iscep_store_commit(store, &err), &err, ISCEP_STORAGE, "journal_away");
    iscep_store_rollback(store);
    snprintf(conninfo, sizeof conninfo, "%s options='-c default_transaction_read_only=on'", db.conninfo);
    open_with(conninfo, NULL, IN_TIME_MS);
    assert_begin_fails(ISCEP_STORAGE, "journal_away", "only reads");
}

/* --- a server that is none --- */

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
    open_with(conninfo, NULL, IN_TIME_MS);
    return server;
}

static void close_lying(temp_dir *dir, lying_postgres *server, iscep_buf *answers)
{
    open_with(NULL, NULL, IN_TIME_MS); /* hangs up */
    lying_postgres_close(server);
    for (size_t i = 0; i < LYING_POSTGRES_ANSWERS; i++)
        iscep_buf_clear(&answers[i]);
    temp_dir_remove(dir);
}

Test(store_postgres, that_answers_nonsense_when_it_is_met_is_away)
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
        assert_begin_fails(ISCEP_STORAGE, "journal_away", "makes no sense");
        close_lying(&dir, server, answers);
    }
}

Test(store_postgres, what_depends_on_a_number_that_is_none_is_not_kept)
{
    iscep_error err = ISCEP_ERROR_INIT;
    run(store, "CREATE TABLE a (x NUMERIC); INSERT INTO a VALUES (7)");
    begin(store);
    cr_assert_eq(ask(store, "SELECT x FROM a"), 0);
    cr_assert_eq(iscep_status_of(iscep_store_run(store, NULL, "DELETE FROM a")), ISCEP_STORAGE);
    assert_fails(iscep_store_commit(store, &err), &err, ISCEP_STORAGE, "journal_corrupt");
    iscep_store_rollback(store);
    begin(store);
    cr_assert_eq(ask(store, "SELECT COUNT(*) FROM a"), 1);
}

Test(store_postgres, a_number_that_is_none_is_0_and_a_failure)
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
        cr_assert_eq(ask(store, "SELECT 5"), 0, "%zu", i);
        status = iscep_store_check(store, &err);
        if (cases[i].value != NULL) /* nothing is made of it */
            assert_fails(status, &err, ISCEP_STORAGE, "journal_corrupt");
        close_lying(&dir, server, answers);
    }
}

/* --- being let in --- */

static const char *tcp(const char *more)
{
    static char conninfo[768];
    snprintf(conninfo, sizeof conninfo, "%s %s", getenv("ISCEP_TEST_POSTGRES_TCP"), more);
    return conninfo;
}

static const char *in_server_dir(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", getenv("ISCEP_TEST_POSTGRES_DIR"), name);
    return path;
}

Test(store_postgres, tls_is_verified_against_the_ca_that_is_named)
{
    char verified[640];
    snprintf(verified, sizeof verified, "sslmode=verify-full sslrootcert=%s", in_server_dir("ca.pem"));
    open_with(tcp(verified), in_server_dir("password"), IN_TIME_MS);
    begin(store);
    cr_assert_eq(ask(store, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), 1);
}

Test(store_postgres, another_ca_and_another_name_are_refused)
{
    temp_dir dir;
    char other[640], path[128], command[512];
    temp_dir_make(&dir);
    temp_dir_path(&dir, path, sizeof path, "other.pem");
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=Another -keyout "
             "%s.key "
             "-out %s 2>/dev/null",
             path, path);
    cr_assert_eq(system(command), 0);
    snprintf(other, sizeof other, "sslmode=verify-full sslrootcert=%s", path);
    open_with(tcp(other), in_server_dir("password"), IN_TIME_MS);
    assert_begin_fails(ISCEP_STORAGE, "journal_away", "certificate verify failed");
    snprintf(other, sizeof other, "sslmode=verify-full sslrootcert=%s host=127.0.0.1",
             in_server_dir("ca.pem"));
    open_with(tcp(other), in_server_dir("password"), IN_TIME_MS);
    assert_begin_fails(ISCEP_STORAGE, "journal_away", "127.0.0.1");
    temp_dir_remove(&dir);
}

Test(store_postgres, who_is_not_let_in_is_told_why)
{
    temp_dir dir;
    char path[128], nowhere[640];
    temp_dir_make(&dir);
    temp_dir_path(&dir, path, sizeof path, "password");
    FILE *file = fopen(path, "w");
    fputs("not-the-password\n", file);
    fclose(file);
    open_with(tcp("sslmode=require"), path, IN_TIME_MS);
    assert_begin_fails(ISCEP_CONFIG, "journal_denied", "28P01");
    open_with(tcp("sslmode=require"), "/nonexistent/password", IN_TIME_MS);
    assert_begin_fails(ISCEP_CONFIG, "journal_denied", "/nonexistent/password");
    snprintf(nowhere, sizeof nowhere, "%s dbname=nowhere", getenv("ISCEP_TEST_POSTGRES"));
    open_with(nowhere, NULL, IN_TIME_MS);
    assert_begin_fails(ISCEP_CONFIG, "journal_denied", "3D000");
    temp_dir_remove(&dir);
}

Test(store_postgres, a_role_that_may_not_make_tables_is_told_what_to_do)
{
    char admin[768], role[1024], guest[768];
    iscep_error err = ISCEP_ERROR_INIT;
    snprintf(admin, sizeof admin, "%s user=postgres", db.conninfo);
    open_with(admin, NULL, IN_TIME_MS);
    const char *schema = strstr(db.conninfo, "search_path=") + strlen("search_path=");
    const int len = (int)strcspn(schema, "'");
    snprintf(role, sizeof role, "CREATE ROLE g_%.*s LOGIN; GRANT USAGE ON SCHEMA %.*s TO g_%.*s", len, schema,
             len, schema, len, schema);
    run(store, role);
    snprintf(guest, sizeof guest, "%s user=g_%.*s", db.conninfo, len, schema);
    open_with(guest, NULL, IN_TIME_MS);
    assert_fails(iscep_schema_migrate(store, iscep_schema_migrations, iscep_schema_migration_count, &err),
                 &err, ISCEP_CONFIG, "journal_denied");
    cr_assert_not_null(strstr(err.message, "intune-scepctl database schema"), "%s", err.message);
}

/* --- other nodes --- */

static void *migrate(void *user)
{
    iscep_store *mine = test_postgres_open(&db, ISCEP_STORE_WRITE);
    iscep_error *err = user;
    intptr_t status = iscep_schema_migrate(mine, iscep_schema_migrations, iscep_schema_migration_count, err);
    iscep_store_close(mine);
    return (void *)status; /* NOLINT(performance-no-int-to-ptr) */
}

Test(store_postgres, nodes_that_start_together_make_the_tables_once)
{
    pthread_t threads[4];
    iscep_error errors[4];
    iscep_schema_mark mark = {0};
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, migrate, &errors[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        void *status = NULL;
        pthread_join(threads[i], &status);
        cr_assert_eq((intptr_t)status, ISCEP_OK, "%s", errors[i].message);
    }
    cr_assert_eq(iscep_store_get_version(store, &mark, NULL), ISCEP_OK);
    cr_assert_eq(mark.version, iscep_schema_version());
    cr_assert_eq(ask(store, "SELECT COUNT(*) FROM iscep_schema"), 1);
}

/* Another node is in the middle of it, for longer than a statement may usually take. */
Test(store_postgres, a_node_waits_for_the_one_that_migrates)
{
    pthread_t thread;
    iscep_error err = ISCEP_ERROR_INIT;
    void *status = NULL;
    begin(store);
    cr_assert_eq(iscep_store_lock(store, ISCEP_LOCK_SCHEMA, 0, NULL), ISCEP_OK);
    run(store, iscep_schema_migrations[iscep_schema_migration_count - 1].postgres);
    const iscep_schema_mark made = {.version = iscep_schema_version(), .oldest = 2};
    cr_assert_eq(iscep_store_set_version(store, &made, NULL), ISCEP_OK);
    db.options.timeout_ms = SHORT_MS;
    cr_assert_eq(pthread_create(&thread, NULL, migrate, &err), 0);
    iscep_store *observer = test_postgres_open(&db, ISCEP_STORE_WRITE);
    while (ask(observer, "SELECT COUNT(*) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
                         " WHERE NOT l.granted AND l.locktype = 'advisory' AND l.objid ="
                         " CAST(hashtext(current_schema()) AS BIGINT) % 4294967296 + CASE WHEN"
                         " hashtext(current_schema()) < 0 THEN 4294967296 ELSE 0 END"
                         " AND clock_timestamp() - a.query_start > interval '500 ms'") == 0)
        ;
    iscep_store_close(observer);
    cr_assert_eq(iscep_store_commit(store, NULL), ISCEP_OK);
    pthread_join(thread, &status);
    cr_assert_eq((intptr_t)status, ISCEP_OK, "%s", err.message);
    cr_assert_eq(ask(store, "SELECT COUNT(*) FROM iscep_schema"), 1);
}

Test(store_postgres, a_newer_schema_is_worked_with_if_it_allows_us)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_schema_mark mark = {0};
    cr_assert_eq(iscep_schema_migrate(store, iscep_schema_migrations, iscep_schema_migration_count, NULL),
                 ISCEP_OK);
    run(store, "UPDATE iscep_schema SET version = 99, oldest = 2");
    cr_assert_eq(iscep_schema_migrate(store, iscep_schema_migrations, iscep_schema_migration_count, NULL),
                 ISCEP_OK);
    cr_assert_eq(iscep_store_get_version(store, &mark, NULL), ISCEP_OK);
    cr_assert_eq(mark.version, 99, "it is not taken back");
    run(store, "UPDATE iscep_schema SET oldest = 99");
    assert_fails(iscep_schema_migrate(store, iscep_schema_migrations, iscep_schema_migration_count, &err),
                 &err, ISCEP_STORAGE, "journal_newer");
    cr_assert_not_null(strstr(err.message, "99"));
}

Test(store_postgres, what_a_person_runs_makes_the_same_tables)
{
    iscep_schema_mark mark = {0};
    ISCEP_AUTO_BUF sql;
    iscep_buf_init(&sql, 65536);
    cr_assert_eq(iscep_schema_sql(&sql, 0, NULL), ISCEP_OK);
    run(store, iscep_buf_text(&sql));
    cr_assert_eq(iscep_store_get_version(store, &mark, NULL), ISCEP_OK);
    cr_assert_eq(mark.version, iscep_schema_version());
    cr_assert_eq(iscep_schema_migrate(store, iscep_schema_migrations, iscep_schema_migration_count, NULL),
                 ISCEP_OK);
}

Test(store_postgres, a_row_that_another_has_is_a_conflict_and_not_an_outage)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_store *other = test_postgres_open(&db, ISCEP_STORE_WRITE);
    run(store, "CREATE TABLE a (x BIGINT PRIMARY KEY); INSERT INTO a VALUES (1)");
    begin(other);
    cr_assert_eq(ask(other, "SELECT x FROM a FOR UPDATE"), 1);
    open_with(NULL, NULL, SHORT_MS);
    begin(store);
    cr_assert_eq(iscep_store_run(store, NULL, "UPDATE a SET x = $1", iscep_number(2)), ISCEP_OK);
    assert_fails(iscep_store_commit(store, &err), &err, ISCEP_STORAGE, "journal_conflict");
    begin(store);
    cr_assert_eq(iscep_store_run(store, NULL, "INSERT INTO a VALUES ($1)", iscep_number(1)), ISCEP_OK);
    assert_fails(iscep_store_commit(store, &err), &err, ISCEP_STORAGE, "journal_conflict");
    iscep_store_close(other);
}

Test(store_postgres, what_takes_too_long_is_ended_unless_it_was_allowed)
{
    iscep_error err = ISCEP_ERROR_INIT;
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_store_close(store);
    db.options.timeout_ms = 1000;
    store = test_postgres_open(&db, ISCEP_STORE_READ);
    begin(store);
    assert_fails(iscep_store_query(&rows, store, &err, "SELECT pg_sleep($1 / 1000.0)", iscep_number(10000)),
                 &err, ISCEP_STORAGE, "journal_slow");
    begin(store);
    cr_assert_eq(iscep_store_allow_ms(store, 30000, NULL), ISCEP_OK);
    cr_assert_eq(iscep_store_query(&rows, store, &err, "SELECT pg_sleep($1 / 1000.0)", iscep_number(1200)),
                 ISCEP_OK, "%s", err.message);
}

/* --- statements --- */

Test(store_postgres, the_first_failure_is_told_and_nothing_behind_it_is_done)
{
    iscep_error err = ISCEP_ERROR_INIT;
    run(store, "CREATE TABLE a (x BIGINT PRIMARY KEY)");
    begin(store);
    cr_assert_eq(iscep_store_run(store, &err, "INSERT INTO a VALUES ($1)", iscep_number(1)), ISCEP_OK);
    cr_assert_eq(iscep_store_run(store, &err, "INSERT INTO nowhere VALUES ($1)", iscep_number(1)), ISCEP_OK);
    cr_assert_eq(iscep_store_run(store, &err, "DELETE FROM a WHERE x = $1", iscep_number(1)), ISCEP_OK);
    cr_assert_eq(iscep_store_inserted_id(store), 0);
    assert_fails(iscep_store_run_script(store, "SELECT 1", &err), &err, ISCEP_STORAGE, "journal_io");
    cr_assert_not_null(strstr(err.message, "nowhere"));
    assert_fails(iscep_store_commit(store, &err), &err, ISCEP_STORAGE, "journal_io");
    begin(store);
    cr_assert_eq(ask(store, "SELECT COUNT(*) FROM a"), 0);
    cr_assert_eq(iscep_store_run(store, &err, "INSERT INTO a VALUES ($1)", iscep_number(1)), ISCEP_OK,
                 "a statement that was prepared before is prepared still");
    cr_assert_eq(iscep_store_commit(store, NULL), ISCEP_OK);
    cr_assert_eq(ask(store, "SELECT COUNT(*) FROM a"), 1);
}

Test(store_postgres, values_come_back_as_they_went)
{
    static const int64_t numbers[] = {0, 1, -1, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        ISCEP_AUTO_ROWS *rows = NULL;
        bool has_row = false;
        const uint8_t bytes[] = {0, 0xFF, (uint8_t)i};
        cr_assert_eq(iscep_store_query(&rows, store, NULL, "SELECT $1, $2, $3, $4, $1 = 0",
                                       iscep_number(numbers[i]), iscep_text("Zoë's"),
                                       iscep_blob(iscep_bytes_of(bytes, sizeof bytes)), iscep_text(NULL)),
                     ISCEP_OK);
        cr_assert_eq(iscep_rows_next(rows, &has_row, NULL), ISCEP_OK);
        cr_assert_eq(iscep_rows_number(rows, 0), numbers[i]);
        cr_assert_str_eq(iscep_rows_text(rows, 1), "Zoë's");
        cr_assert(iscep_bytes_equal(iscep_rows_bytes(rows, 2), iscep_bytes_of(bytes, sizeof bytes)));
        cr_assert(iscep_rows_is_null(rows, 3));
        cr_assert_null(iscep_rows_text(rows, 3));
        cr_assert_eq(iscep_rows_number(rows, 4), numbers[i] == 0);
        cr_assert_eq(iscep_rows_next(rows, &has_row, NULL), ISCEP_OK);
        cr_assert_not(has_row);
    }
}

/* What a device says of itself is not always UTF-8; its certificate is recorded all the same. */
Test(store_postgres, a_text_that_is_none_is_mended)
{
    static const struct {
        const char *text;
        const char *stored;
    } texts[] = {{"CN=caf\xE9", "CN=caf?"}, {"\xED\xA0\x80", "???"}, {"plain", "plain"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ISCEP_AUTO_ROWS *rows = NULL;
        bool has_row = false;
        cr_assert_eq(iscep_store_query(&rows, store, NULL, "SELECT $1", iscep_text(texts[i].text)), ISCEP_OK);
        cr_assert_eq(iscep_rows_next(rows, &has_row, NULL), ISCEP_OK);
        cr_assert_str_eq(iscep_rows_text(rows, 0), texts[i].stored);
    }
}

Test(store_postgres, thousands_are_sent_without_waiting_for_each)
{
    run(store, "CREATE TABLE a (id BIGINT GENERATED BY DEFAULT AS IDENTITY, x BIGINT)");
    begin(store);
    for (int64_t i = 0; i < 5000; i++)
        cr_assert_eq(iscep_store_run(store, NULL, "INSERT INTO a (x) VALUES ($1)", iscep_number(i)),
                     ISCEP_OK);
    cr_assert_eq(iscep_store_inserted_id(store), 5000);
    cr_assert_eq(iscep_store_run(store, NULL, "UPDATE a SET x = 0 WHERE x >= $1", iscep_number(4000)),
                 ISCEP_OK);
    cr_assert_eq(iscep_store_changed(store), 1000);
    cr_assert_eq(iscep_store_commit(store, NULL), ISCEP_OK);
    cr_assert_eq(ask(store, "SELECT COUNT(*) FROM a"), 5000);
}

Test(store_postgres, the_lease_clock_is_the_databases)
{
    begin(store);
    const int64_t before = ask(store, "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)");
    const int64_t ours = iscep_store_lease_clock_ms(store, now_ms());
    const int64_t after =
        ask(store, "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + 0");
    cr_assert_geq(ours, before - IN_TIME_MS);
    cr_assert_leq(ours, after + IN_TIME_MS);
}
