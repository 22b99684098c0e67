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
#include "store_case.h"
#include "tests/support/temp_dir.h"

TestSuite(store_postgres, .init = store_case_set_up, .fini = store_case_tear_down);

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- reaching it --- */

Test(store_postgres, that_is_not_there_is_away_at_once)
{
    store_case_open("host=/nonexistent dbname=journal user=iscep", NULL, IN_TIME_MS);
    const int64_t began_ms = now_ms();
    store_case_begin_fails(ISCEP_STORAGE, "journal_away", "/nonexistent");
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
    store_case_open(conninfo, NULL, SHORT_MS);
    const int64_t began_ms = now_ms();
    store_case_begin_fails(ISCEP_STORAGE, "journal_away", "in time");
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
    store_case_open(conninfo, NULL, 2 * IN_TIME_MS);
    store_case_begin(store);
    const int64_t began_ms = now_ms();
    iscep_store_rollback(store);
    cr_assert_eq(store_case_ask(store, "SELECT 1 FROM pg_backend_pid()"), 1);
    cr_assert_neq(
        iscep_status_of(iscep_store_run_script(store, "SELECT pg_terminate_backend(pg_backend_pid())", NULL)),
        ISCEP_OK);
    store_case_begin(store);
    cr_assert_lt(now_ms() - began_ms, IN_TIME_MS, "it began with the one that was there");
    deaf_remove(&server);
}

Test(store_postgres, a_backend_that_stops_is_given_up_and_the_next_transaction_has_another)
{
    iscep_error err = ISCEP_ERROR_INIT;
    int64_t number = 0;
    store_case_open(NULL, NULL, SHORT_MS);
    store_case_begin(store);
    const pid_t backend = (pid_t)store_case_ask(store, "SELECT pg_backend_pid()");
    cr_assert_eq(kill(backend, SIGSTOP), 0);
    const int64_t began_ms = now_ms();
    store_case_fails(iscep_store_used_bytes(store, &number, &err), &err, ISCEP_STORAGE, "journal_away");
    cr_assert_lt(now_ms() - began_ms, SHORT_MS + IN_TIME_MS);
    store_case_fails(iscep_store_run_script(store, "SELECT 1", &err), &err, ISCEP_STORAGE, "journal_away");
    store_case_fails(iscep_store_commit(store, &err), &err, ISCEP_STORAGE, "journal_away");
    iscep_store_rollback(store);
    store_case_begin(store);
    cr_assert_neq(store_case_ask(store, "SELECT pg_backend_pid()"), backend);
    kill(backend, SIGCONT);
}

Test(store_postgres, a_backend_that_is_ended_is_away_and_what_was_sent_is_not_done)
{
    iscep_error err = ISCEP_ERROR_INIT;
    char sql[64];
    store_case_run(store, "CREATE TABLE a (x BIGINT)");
    store_case_begin(store);
    cr_assert_eq(iscep_store_run(store, NULL, "INSERT INTO a VALUES ($1)", iscep_number(1)), ISCEP_OK);
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d)",
             (int)store_case_ask(store, "SELECT pg_backend_pid()"));
    test_postgres_run(&db, sql);
    store_case_fails(iscep_store_commit(store, &err), &err, ISCEP_STORAGE, "journal_away");
    store_case_begin(store);
    cr_assert_eq(store_case_ask(store, "SELECT COUNT(*) FROM a"), 0);
}

Test(store_postgres, a_standby_is_away)
{
    char conninfo[768];
    iscep_error err = ISCEP_ERROR_INIT;
    store_case_run(store, "CREATE TABLE a (x BIGINT)");
    store_case_run(store,
                   "SET default_transaction_read_only = on"); /* it has become one while we were connected */
    store_case_begin(store);
    cr_assert_eq(iscep_store_run(store, NULL, "INSERT INTO a VALUES ($1)", iscep_number(1)), ISCEP_OK);
    store_case_fails(iscep_store_commit(store, &err), &err, ISCEP_STORAGE, "journal_away");
    iscep_store_rollback(store);
    snprintf(conninfo, sizeof conninfo, "%s options='-c default_transaction_read_only=on'", db.conninfo);
    store_case_open(conninfo, NULL, IN_TIME_MS);
    store_case_begin_fails(ISCEP_STORAGE, "journal_away", "only reads");
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
    store_case_open(tcp(verified), in_server_dir("password"), IN_TIME_MS);
    store_case_begin(store);
    cr_assert_eq(store_case_ask(store, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), 1);
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
    store_case_open(tcp(other), in_server_dir("password"), IN_TIME_MS);
    store_case_begin_fails(ISCEP_STORAGE, "journal_away", "certificate verify failed");
    snprintf(other, sizeof other, "sslmode=verify-full sslrootcert=%s host=127.0.0.1",
             in_server_dir("ca.pem"));
    store_case_open(tcp(other), in_server_dir("password"), IN_TIME_MS);
    store_case_begin_fails(ISCEP_STORAGE, "journal_away", "127.0.0.1");
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
    store_case_open(tcp("sslmode=require"), path, IN_TIME_MS);
    store_case_begin_fails(ISCEP_CONFIG, "journal_denied", "28P01");
    store_case_open(tcp("sslmode=require"), "/nonexistent/password", IN_TIME_MS);
    store_case_begin_fails(ISCEP_CONFIG, "journal_denied", "/nonexistent/password");
    snprintf(nowhere, sizeof nowhere, "%s dbname=nowhere", getenv("ISCEP_TEST_POSTGRES"));
    store_case_open(nowhere, NULL, IN_TIME_MS);
    store_case_begin_fails(ISCEP_CONFIG, "journal_denied", "3D000");
    temp_dir_remove(&dir);
}

Test(store_postgres, a_role_that_may_not_make_tables_is_told_what_to_do)
{
    char admin[768], role[1024], guest[768];
    iscep_error err = ISCEP_ERROR_INIT;
    snprintf(admin, sizeof admin, "%s user=postgres", db.conninfo);
    store_case_open(admin, NULL, IN_TIME_MS);
    const char *schema = strstr(db.conninfo, "search_path=") + strlen("search_path=");
    const int len = (int)strcspn(schema, "'");
    snprintf(role, sizeof role, "CREATE ROLE g_%.*s LOGIN; GRANT USAGE ON SCHEMA %.*s TO g_%.*s", len, schema,
             len, schema, len, schema);
    store_case_run(store, role);
    snprintf(guest, sizeof guest, "%s user=g_%.*s", db.conninfo, len, schema);
    store_case_open(guest, NULL, IN_TIME_MS);
    store_case_fails(iscep_schema_migrate(store, iscep_schema_migrations, iscep_schema_migration_count, &err),
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
    cr_assert_eq(store_case_ask(store, "SELECT COUNT(*) FROM iscep_schema"), 1);
}

/* Another node is in the middle of it, for longer than a statement may usually take. */
Test(store_postgres, a_node_waits_for_the_one_that_migrates)
{
    pthread_t thread;
    iscep_error err = ISCEP_ERROR_INIT;
    void *status = NULL;
    store_case_begin(store);
    cr_assert_eq(iscep_store_lock(store, ISCEP_LOCK_SCHEMA, 0, NULL), ISCEP_OK);
    store_case_run(store, iscep_schema_migrations[iscep_schema_migration_count - 1].postgres);
    const iscep_schema_mark made = {.version = iscep_schema_version(), .oldest = 2};
    cr_assert_eq(iscep_store_set_version(store, &made, NULL), ISCEP_OK);
    db.options.timeout_ms = SHORT_MS;
    cr_assert_eq(pthread_create(&thread, NULL, migrate, &err), 0);
    iscep_store *observer = test_postgres_open(&db, ISCEP_STORE_WRITE);
    while (store_case_ask(observer, "SELECT COUNT(*) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
                                    " WHERE NOT l.granted AND l.locktype = 'advisory' AND l.objid ="
                                    " CAST(hashtext(current_schema()) AS BIGINT) % 4294967296 + CASE WHEN"
                                    " hashtext(current_schema()) < 0 THEN 4294967296 ELSE 0 END"
                                    " AND clock_timestamp() - a.query_start > interval '500 ms'") == 0)
        ;
    iscep_store_close(observer);
    cr_assert_eq(iscep_store_commit(store, NULL), ISCEP_OK);
    pthread_join(thread, &status);
    cr_assert_eq((intptr_t)status, ISCEP_OK, "%s", err.message);
    cr_assert_eq(store_case_ask(store, "SELECT COUNT(*) FROM iscep_schema"), 1);
}

Test(store_postgres, a_newer_schema_is_worked_with_if_it_allows_us)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_schema_mark mark = {0};
    cr_assert_eq(iscep_schema_migrate(store, iscep_schema_migrations, iscep_schema_migration_count, NULL),
                 ISCEP_OK);
    store_case_run(store, "UPDATE iscep_schema SET version = 99, oldest = 2");
    cr_assert_eq(iscep_schema_migrate(store, iscep_schema_migrations, iscep_schema_migration_count, NULL),
                 ISCEP_OK);
    cr_assert_eq(iscep_store_get_version(store, &mark, NULL), ISCEP_OK);
    cr_assert_eq(mark.version, 99, "it is not taken back");
    store_case_run(store, "UPDATE iscep_schema SET oldest = 99");
    store_case_fails(iscep_schema_migrate(store, iscep_schema_migrations, iscep_schema_migration_count, &err),
                     &err, ISCEP_STORAGE, "journal_newer");
    cr_assert_not_null(strstr(err.message, "99"));
}

Test(store_postgres, what_a_person_runs_makes_the_same_tables)
{
    iscep_schema_mark mark = {0};
    ISCEP_AUTO_BUF sql;
    iscep_buf_init(&sql, 65536);
    cr_assert_eq(iscep_schema_sql(&sql, 0, NULL), ISCEP_OK);
    store_case_run(store, iscep_buf_text(&sql));
    cr_assert_eq(iscep_store_get_version(store, &mark, NULL), ISCEP_OK);
    cr_assert_eq(mark.version, iscep_schema_version());
    cr_assert_eq(iscep_schema_migrate(store, iscep_schema_migrations, iscep_schema_migration_count, NULL),
                 ISCEP_OK);
}

Test(store_postgres, a_row_that_another_has_is_a_conflict_and_not_an_outage)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_store *other = test_postgres_open(&db, ISCEP_STORE_WRITE);
    store_case_run(store, "CREATE TABLE a (x BIGINT PRIMARY KEY); INSERT INTO a VALUES (1)");
    store_case_begin(other);
    cr_assert_eq(store_case_ask(other, "SELECT x FROM a FOR UPDATE"), 1);
    store_case_open(NULL, NULL, SHORT_MS);
    store_case_begin(store);
    cr_assert_eq(iscep_store_run(store, NULL, "UPDATE a SET x = $1", iscep_number(2)), ISCEP_OK);
    store_case_fails(iscep_store_commit(store, &err), &err, ISCEP_STORAGE, "journal_conflict");
    store_case_begin(store);
    cr_assert_eq(iscep_store_run(store, NULL, "INSERT INTO a VALUES ($1)", iscep_number(1)), ISCEP_OK);
    store_case_fails(iscep_store_commit(store, &err), &err, ISCEP_STORAGE, "journal_conflict");
    iscep_store_close(other);
}

/* It has not died, and does not go on either: what others want of its rows they get. */
Test(store_postgres, who_stops_within_a_transaction_keeps_nobody_from_its_rows)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_store *other = test_postgres_open(&db, ISCEP_STORE_WRITE);
    store_case_run(store, "CREATE TABLE a (x BIGINT); INSERT INTO a VALUES (1)");
    store_case_begin(other);
    iscep_store_rollback(other); /* it is connected, with the longer times */
    store_case_open(NULL, NULL, SHORT_MS);
    store_case_begin(store);
    cr_assert_eq(store_case_ask(store, "SELECT x FROM a FOR UPDATE"), 1);
    const int64_t began_ms = now_ms();
    store_case_run(other, "UPDATE a SET x = 2");
    cr_assert_lt(now_ms() - began_ms, SHORT_MS + IN_TIME_MS);
    store_case_fails(iscep_store_commit(store, &err), &err, ISCEP_STORAGE, "journal_away");
    iscep_store_close(other);
}

/* Nor who is gone without a word, as when a cable is pulled: the server looks for that itself. */
Test(store_postgres, the_server_is_told_to_look_whether_we_are_there)
{
    static char conninfo[768];
    snprintf(conninfo, sizeof conninfo, "%s sslmode=require", getenv("ISCEP_TEST_POSTGRES_TCP"));
    store_case_open(conninfo, in_server_dir("password"), IN_TIME_MS);
    cr_assert_eq(store_case_ask(store, "SELECT CAST(current_setting('tcp_keepalives_idle') AS BIGINT)"), 3);
    cr_assert_eq(
        store_case_ask(store,
                       "SELECT CAST(setting AS BIGINT) FROM pg_settings WHERE name = 'tcp_user_timeout'"),
        IN_TIME_MS);
}

Test(store_postgres, what_takes_too_long_is_ended_unless_it_was_allowed)
{
    iscep_error err = ISCEP_ERROR_INIT;
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_store_close(store);
    db.options.timeout_ms = 1000;
    store = test_postgres_open(&db, ISCEP_STORE_READ);
    store_case_begin(store);
    store_case_fails(
        iscep_store_query(&rows, store, &err, "SELECT pg_sleep($1 / 1000.0)", iscep_number(10000)), &err,
        ISCEP_STORAGE, "journal_slow");
    store_case_begin(store);
    cr_assert_eq(iscep_store_allow_ms(store, 30000, NULL), ISCEP_OK);
    cr_assert_eq(iscep_store_query(&rows, store, &err, "SELECT pg_sleep($1 / 1000.0)", iscep_number(1200)),
                 ISCEP_OK, "%s", err.message);
}

Test(store_postgres, who_has_a_lock_keeps_others_from_it_and_from_nothing_else)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_store *other = test_postgres_open(&db, ISCEP_STORE_WRITE);
    bool is_ours = true;
    store_case_begin(other);
    cr_assert_eq(iscep_store_lock(other, ISCEP_LOCK_SWEEP, 0, NULL), ISCEP_OK);
    cr_assert_eq(store_case_ask(other, "SELECT 1"), 1, "it has it");
    store_case_open(NULL, NULL, SHORT_MS);
    store_case_begin(store);
    cr_assert_eq(iscep_store_try_lock(&is_ours, store, ISCEP_LOCK_SWEEP, NULL), ISCEP_OK);
    cr_assert_not(is_ours);
    cr_assert_eq(iscep_store_try_lock(&is_ours, store, ISCEP_LOCK_SCHEMA, NULL), ISCEP_OK);
    cr_assert(is_ours);
    cr_assert_eq(iscep_store_lock(store, ISCEP_LOCK_SWEEP, 0, NULL), ISCEP_OK, "which is said at the end");
    store_case_fails(iscep_store_commit(store, &err), &err, ISCEP_STORAGE, "journal_conflict");
    cr_assert_eq(iscep_store_commit(other, NULL), ISCEP_OK);
    store_case_begin(store);
    cr_assert_eq(iscep_store_try_lock(&is_ours, store, ISCEP_LOCK_SWEEP, NULL), ISCEP_OK);
    cr_assert(is_ours, "it ended with the transaction");
    iscep_store_close(other);
}

/* --- statements --- */

Test(store_postgres, the_first_failure_is_told_and_nothing_behind_it_is_done)
{
    iscep_error err = ISCEP_ERROR_INIT;
    store_case_run(store, "CREATE TABLE a (x BIGINT PRIMARY KEY)");
    store_case_begin(store);
    cr_assert_eq(iscep_store_run(store, &err, "INSERT INTO a VALUES ($1)", iscep_number(1)), ISCEP_OK);
    cr_assert_eq(iscep_store_run(store, &err, "INSERT INTO nowhere VALUES ($1)", iscep_number(1)), ISCEP_OK);
    cr_assert_eq(iscep_store_run(store, &err, "DELETE FROM a WHERE x = $1", iscep_number(1)), ISCEP_OK);
    cr_assert_eq(iscep_store_inserted_id(store), 0);
    store_case_fails(iscep_store_run_script(store, "SELECT 1", &err), &err, ISCEP_STORAGE, "journal_io");
    cr_assert_not_null(strstr(err.message, "nowhere"));
    store_case_fails(iscep_store_commit(store, &err), &err, ISCEP_STORAGE, "journal_io");
    store_case_begin(store);
    cr_assert_eq(store_case_ask(store, "SELECT COUNT(*) FROM a"), 0);
    cr_assert_eq(iscep_store_run(store, &err, "INSERT INTO a VALUES ($1)", iscep_number(1)), ISCEP_OK,
                 "a statement that was prepared before is prepared still");
    cr_assert_eq(iscep_store_commit(store, NULL), ISCEP_OK);
    cr_assert_eq(store_case_ask(store, "SELECT COUNT(*) FROM a"), 1);
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
    store_case_run(store, "CREATE TABLE a (id BIGINT GENERATED BY DEFAULT AS IDENTITY, x BIGINT)");
    store_case_begin(store);
    for (int64_t i = 0; i < 5000; i++)
        cr_assert_eq(iscep_store_run(store, NULL, "INSERT INTO a (x) VALUES ($1)", iscep_number(i)),
                     ISCEP_OK);
    cr_assert_eq(iscep_store_inserted_id(store), 5000);
    cr_assert_eq(iscep_store_run(store, NULL, "UPDATE a SET x = 0 WHERE x >= $1", iscep_number(4000)),
                 ISCEP_OK);
    cr_assert_eq(iscep_store_changed(store), 1000);
    cr_assert_eq(iscep_store_commit(store, NULL), ISCEP_OK);
    cr_assert_eq(store_case_ask(store, "SELECT COUNT(*) FROM a"), 5000);
}

Test(store_postgres, the_lease_clock_is_the_databases)
{
    store_case_begin(store);
    const int64_t before =
        store_case_ask(store, "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)");
    const int64_t ours = iscep_store_lease_clock_ms(store, now_ms());
    const int64_t after =
        store_case_ask(store, "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) + 0");
    cr_assert_geq(ours, before - IN_TIME_MS);
    cr_assert_leq(ours, after + IN_TIME_MS);
}
