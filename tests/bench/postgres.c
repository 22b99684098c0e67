/* See postgres.h. */
#include "postgres.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/schema.h"
#include "journal/store_postgres.h"
#include "progress.h"
#include "starting.h"

enum { PATIENCE_MS = 300000, SQL_SIZE = 2048 };

extern char **environ;

#define SCRIPT BENCH_SOURCE_DIR "/postgres_server.sh"

/* --- the server --- */

static iscep_status find_programs(iscep_error *err)
{
    glob_t found;
    bool is_there = glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0;
    globfree(&found);
    if (is_there && access(SCRIPT, X_OK) == 0)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_CONFIG, "postgres", "PostgreSQL is not installed (package postgresql)");
}

/* In a group of its own, which a key of the terminal does not reach: its standard input tells it when to end. */
static int spawn_keeper(pid_t *pid, const char *dir, const char *log, int input_fd)
{
    const char *argv[] = {SCRIPT, dir, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&files, input_fd, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    int failure = posix_spawn(pid, SCRIPT, &files, &attributes, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return failure;
}

static iscep_status start_keeper(bench_postgres *postgres, const char *log, iscep_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return iscep_error_set(err, ISCEP_NOMEM, "pipe", "pipe: %s", strerror(errno));
    int failure = spawn_keeper(&postgres->keeper, postgres->dir, log, ends[0]);
    close(ends[0]);
    postgres->life_fd = ends[1];
    if (failure == 0)
        return ISCEP_OK;
    postgres->keeper = 0;
    close(ends[1]);
    return iscep_error_set(err, ISCEP_NOMEM, "spawn", "cannot start %s: %s", SCRIPT, strerror(failure));
}

static bool is_ready(const void *subject)
{
    const bench_postgres *postgres = subject;
    char path[BENCH_PATH_SIZE + 16];
    snprintf(path, sizeof path, "%s/ready", postgres->dir);
    return access(path, F_OK) == 0;
}

/* Two lines: its process, and its conninfo, which names the port. */
static iscep_status read_whereabouts(bench_postgres *postgres, iscep_error *err)
{
    char path[BENCH_PATH_SIZE + 16], base[BENCH_CONNINFO_SIZE] = "";
    int pid = 0;
    snprintf(path, sizeof path, "%s/ready", postgres->dir);
    FILE *file = fopen(path, "re");
    bool is_read = file != NULL && fscanf(file, "%d %511[^\n]", &pid, base) == 2;
    if (file != NULL)
        fclose(file);
    const char *port = strstr(base, " port=");
    if (!is_read || port == NULL)
        return iscep_error_set(err, ISCEP_PROTOCOL, "postgres", "%s is not understood", path);
    postgres->server = pid;
    postgres->port = (unsigned)strtoul(port + strlen(" port="), NULL, 10);
    return ISCEP_OK;
}

static iscep_status start(bench_postgres *postgres, const bench_stack *stack, iscep_error *err)
{
    char log[BENCH_PATH_SIZE];
    iscep_status status = find_programs(err);
    if (status == ISCEP_OK)
        status = bench_path_in(postgres->dir, sizeof postgres->dir, stack, "postgres", err);
    if (status == ISCEP_OK)
        status = bench_path_in(log, sizeof log, stack, "postgres.log", err);
    if (status == ISCEP_OK)
        status = start_keeper(postgres, log, err);
    if (status != ISCEP_OK)
        return status;
    const bench_process keeper = {.pid = postgres->keeper};
    status = bench_explain(bench_wait_until(is_ready, postgres, &keeper, "PostgreSQL", err), log, err);
    return status == ISCEP_OK ? read_whereabouts(postgres, err) : status;
}

iscep_status bench_postgres_start(bench_postgres *postgres, const bench_stack *stack, iscep_error *err)
{
    if (postgres->keeper != 0)
        return ISCEP_OK;
    if (start(postgres, stack, err) == ISCEP_OK)
        return ISCEP_OK;
    bench_postgres_stop(postgres);
    if (err != NULL)
        err->status = ISCEP_CONFIG;
    return ISCEP_CONFIG;
}

void bench_postgres_stop(bench_postgres *postgres)
{
    if (postgres->keeper == 0)
        return;
    close(postgres->life_fd);
    while (waitpid(postgres->keeper, NULL, 0) < 0 && errno == EINTR)
        ;
    *postgres = (bench_postgres){0};
}

void bench_postgres_conninfo(char out[BENCH_CONNINFO_SIZE], const bench_postgres *postgres,
                             const char *socket_dir, const char *schema)
{
    snprintf(out, BENCH_CONNINFO_SIZE,
             "host=%s port=%u dbname=journal user=iscep options='-c search_path=%s'",
             socket_dir != NULL ? socket_dir : postgres->dir, postgres->port, schema);
}

/* --- a journal in it --- */

/*
 * A history in bulk: what looks rows up is made when they are there, which takes a quarter of the time. The certificates themselves
 * are a byte each: nobody looks at those of an enrolment that has ended.
 */
static const char *const history[] = {
    "SET maintenance_work_mem = '256MB';"
    "CREATE TEMP TABLE dropped AS SELECT indexname, indexdef FROM pg_indexes"
    " WHERE schemaname = current_schema() AND indexname NOT LIKE '%%_pkey'",
    "DO $$ DECLARE i record; BEGIN FOR i IN SELECT indexname FROM dropped LOOP"
    " EXECUTE 'DROP INDEX ' || i.indexname; END LOOP; END $$",
    "INSERT INTO enrolment (tenant, transaction_id, csr_sha256, subject, is_validated, first_unix_ms)"
    " SELECT 'bench', upper(md5(i::text)), sha256(i::text::bytea), 'CN=device-' || i, 1, 1790000000000 + i"
    " FROM generate_series(1, %u) i",
    "INSERT INTO event (enrolment_id, kind, first_unix_ms, last_unix_ms, times)"
    " SELECT i, kind, 1790000000000 + i, 1790000000000 + i, 1"
    " FROM generate_series(1, %u) i, (VALUES ('issued'), ('reported')) AS kinds (kind)",
    "INSERT INTO delivery (enrolment_id, tenant, kind, state, is_deferred, error_code, attempts,"
    " recorded_unix_ms, due_unix_ms, leased_until_ms, fence, code, message, not_after_unix, is_active,"
    " is_revoked, is_revocation_asked)"
    " SELECT i, 'bench', 1, 2, 0, 0, 1, 1790000000000 + i, 1790000000000 + i, 0, 1, 'Success', '',"
    " 4102444800, 1, 0, 0 FROM generate_series(1, %u) i",
    "INSERT INTO certificate (id, serial, thumbprint, issuer, subject, ca, der)"
    " SELECT i, upper(md5('s' || i)), upper(substr(encode(sha256(i::text::bytea), 'hex'), 1, 40)),"
    " 'CN=Issuing CA,O=Example', 'CN=device-' || i, 'main', '\\x00' FROM generate_series(1, %u) i",
    "DO $$ DECLARE i record; BEGIN FOR i IN SELECT indexdef FROM dropped LOOP"
    " EXECUTE i.indexdef; END LOOP; END $$",
    "VACUUM ANALYZE enrolment, event, delivery, certificate",
};

static iscep_status fill(iscep_store *store, uint32_t count, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < sizeof history / sizeof *history && status == ISCEP_OK; i++) {
        char sql[SQL_SIZE];
        snprintf(sql, sizeof sql, history[i], count);
        status = iscep_store_run_script(store, sql, err);
    }
    return status;
}

static iscep_status make(iscep_store *store, const char *schema, uint32_t count, iscep_error *err)
{
    char sql[SQL_SIZE];
    snprintf(sql, sizeof sql, "DROP SCHEMA IF EXISTS %s CASCADE; CREATE SCHEMA %s", schema, schema);
    iscep_status status = iscep_store_run_script(store, sql, err);
    if (status == ISCEP_OK)
        status = iscep_schema_migrate(store, iscep_schema_migrations, iscep_schema_migration_count, err);
    return status == ISCEP_OK ? fill(store, count, err) : status;
}

iscep_status bench_postgres_make(const bench_postgres *postgres, const char *schema, uint32_t count,
                                 iscep_error *err)
{
    char conninfo[BENCH_CONNINFO_SIZE];
    const iscep_postgres_options options = {.conninfo = conninfo, .timeout_ms = PATIENCE_MS};
    iscep_store *store = NULL;
    bench_postgres_conninfo(conninfo, postgres, NULL, schema);
    iscep_status status = iscep_store_open_postgres(&store, &options, ISCEP_STORE_WRITE, err);
    if (status == ISCEP_OK)
        status = make(store, schema, count, err);
    iscep_store_close(store);
    return status;
}

iscep_status bench_postgres_have(bench_postgres *postgres, const char *schema, uint32_t count,
                                 iscep_error *err)
{
    if (strcmp(postgres->made, schema) == 0 && postgres->made_count == count)
        return ISCEP_OK;
    bench_progress_show("PostgreSQL: making a history of %u", count);
    iscep_status status = bench_postgres_make(postgres, schema, count, err);
    if (status != ISCEP_OK)
        return status;
    iscep_text_copy(postgres->made, sizeof postgres->made, schema);
    postgres->made_count = count;
    return ISCEP_OK;
}

/* --- what it uses --- */

/* A process' own time in ticks, and that of its children who have ended; parent: whose child it is. */
static bool read_ticks(pid_t pid, pid_t *parent, long long *own, long long *ended)
{
    char path[64], line[1024];
    long long user, system, ended_user, ended_system;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    bool is_read = file != NULL && fgets(line, sizeof line, file) != NULL;
    if (file != NULL)
        fclose(file);
    const char *fields = is_read ? strrchr(line, ')') : NULL; /* a name may have anything in it */
    if (fields == NULL || sscanf(fields, ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld %lld %lld",
                                 parent, &user, &system, &ended_user, &ended_system) != 5)
        return false;
    *own = user + system;
    *ended = ended_user + ended_system;
    return true;
}

int64_t bench_postgres_cpu_ns(const bench_postgres *postgres)
{
    pid_t parent;
    long long own, ended, ticks = 0;
    if (!read_ticks(postgres->server, &parent, &own, &ended))
        return -1;
    ticks = own + ended;
    DIR *dir = opendir("/proc");
    const struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && read_ticks(pid, &parent, &own, &ended) && parent == postgres->server)
            ticks += own;
    }
    if (dir != NULL)
        closedir(dir);
    return ticks * (1000000000 / sysconf(_SC_CLK_TCK));
}
