/* A store in a SQLite file, whose only home this is: see store.h. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/store_ops.h"

enum {
    CACHED_STATEMENTS = 256, /* a power of two, and more than there are */
    BUSY_TIMEOUT_MS = 2000,  /* somebody has a tool on the file */
    MAX_PARAMS = 16,
    CHECKPOINT_PAGES = 500 /* of the write-ahead log: 2 MB */
};

typedef struct sqlite_store sqlite_store;

typedef struct sqlite_rows {
    iscep_rows base;
    const char *sql;
    sqlite3_stmt *statement;
    sqlite_store *store;
    int places
        [MAX_PARAMS]; /* of $1, $2…: to SQLite these are names, numbered as they turn up; 0: it is not there */
} sqlite_rows;

struct sqlite_store {
    iscep_store base;
    sqlite3 *db;
    iscep_store_use use;
    iscep_store_commitment commitment;
    int wal_pages;                         /* as of the last commit */
    int checkpoint_at;                     /* so many */
    sqlite_rows cached[CACHED_STATEMENTS]; /* by the address of the SQL, open addressing */
};

static sqlite_store *store_of(iscep_store *store)
{
    return (sqlite_store *)store;
}

static sqlite_rows *rows_of(iscep_rows *rows)
{
    return (sqlite_rows *)rows;
}

/*
 * reason: errno as SQLite left it. What the system said decides over what SQLite made of it: a quota is a full disk, too.
 * (sqlite3_system_errno does not know it after a failed COMMIT.)
 */
static const char *code_of(int result, int reason)
{
    switch (result & 0xFF) {
    case SQLITE_FULL:
        return "journal_full";
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return "journal_read_only";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "journal_locked";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT: /* the rows contradict each other */
        return "journal_corrupt";
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        if (reason == ENOSPC || reason == EDQUOT || reason == EFBIG)
            return "journal_full";
        return reason == EROFS ? "journal_read_only" : "journal_io";
    default:
        return "journal_io";
    }
}

static const char *advice_for(const char *code)
{
    static const struct {
        const char *code;
        const char *advice;
    } table[] = {
        {"journal_full", "make room on its disk"},
        {"journal_read_only", "the file and its directory must be writable"},
        {"journal_locked", "another program has it open"},
        {"journal_corrupt", "restore it from a backup, or move it away"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(code, table[i].code) == 0)
            return table[i].advice;
    return "see the system's log";
}

/* errno was 0 before the call that failed. */
static iscep_status fail(sqlite3 *db, int result, iscep_error *err)
{
    int reason = errno;
    if ((result & 0xFF) == SQLITE_NOMEM || result == SQLITE_IOERR_NOMEM)
        return iscep_error_nomem(err);
    const char *code = code_of(result, reason);
    const char *kind = sqlite3_errstr(result);
    const char *more = db == NULL ? "no connection" : sqlite3_errmsg(db);
    if (strcmp(kind, more) == 0)
        return iscep_error_set(err, ISCEP_STORAGE, code, "the journal: %s: %s", kind, advice_for(code));
    return iscep_error_set(err, ISCEP_STORAGE, code, "the journal: %s (%s): %s", kind, more,
                           advice_for(code));
}

/* --- opening --- */

/* Whoever names a directory, as root perhaps, is not to find it locked. */
static bool is_file(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    return S_ISREG(st.st_mode);
}

/* SQLite gives -wal and -shm the mode of the file itself. */
static iscep_status make_file(const char *path, iscep_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd >= 0)
        close(fd);
    if ((fd >= 0 || (errno == EEXIST && is_file(path))) && chmod(path, S_IRUSR | S_IWUSR) == 0)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_CONFIG, "journal_path", "the journal %s cannot be made: %s", path,
                           strerror(errno));
}

/* A damaged or foreign file must not make us do what it says. */
static void harden(sqlite3 *db)
{
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
}

/*
 * cache_size: what is written is mostly at the ends of tables, and more does not make it faster; but all of it stays in memory.
 * secure_delete: freed content is overwritten where that costs no page more; it was a CSR with its challenge.
 */
static const char write_settings[] =
    "PRAGMA cell_size_check = 1; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "PRAGMA secure_delete = FAST; PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -8192;"
    "PRAGMA journal_size_limit = 33554432";
static const char read_settings[] =
    "PRAGMA cell_size_check = 1; PRAGMA query_only = 1; PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -4096";

/* In place of SQLite's own, which makes a checkpoint within the commit for which somebody waits: see iscep_store_tidy. */
static int count_pages(void *user, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    sqlite_store *store = user;
    store->wal_pages = pages;
    return SQLITE_OK;
}

static const iscep_store_ops sqlite_ops; /* at the end */

static void close_store(iscep_store *store)
{
    sqlite_store *s = store_of(store);
    for (size_t i = 0; i < CACHED_STATEMENTS; i++)
        sqlite3_finalize(s->cached[i].statement);
    sqlite3_close(s->db);
    free(s);
}

iscep_status iscep_store_open_sqlite(iscep_store **out, const char *path, iscep_store_use use,
                                     iscep_error *err)
{
    if (path[0] != '/')
        return iscep_error_set(err, ISCEP_CONFIG, "journal_path", "the journal's path is not absolute: %s",
                               path);
    if (use == ISCEP_STORE_WRITE && make_file(path, err) != ISCEP_OK)
        return ISCEP_CONFIG;
    sqlite_store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return iscep_error_nomem(err);
    store->base.ops = &sqlite_ops;
    store->use = use;
    store->commitment = ISCEP_STORE_DURABLE; /* as write_settings say */
    store->checkpoint_at = CHECKPOINT_PAGES;
    errno = 0;
    int result = sqlite3_open_v2(
        path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    if (result == SQLITE_OK) {
        sqlite3_extended_result_codes(store->db, 1);
        harden(store->db);
        sqlite3_wal_hook(store->db, count_pages, store);
        result = sqlite3_exec(store->db, use == ISCEP_STORE_WRITE ? write_settings : read_settings, NULL,
                              NULL, NULL);
    }
    if (result != SQLITE_OK) {
        iscep_status status = fail(store->db, result, err);
        close_store(&store->base);
        return status;
    }
    *out = &store->base;
    return ISCEP_OK;
}

/* --- running --- */

static sqlite_rows *slot_for(sqlite_store *store, const char *sql)
{
    size_t at = (size_t)((uintptr_t)sql * 0x9E3779B97F4A7C15u >> 40) % CACHED_STATEMENTS;
    for (size_t i = 0; i < CACHED_STATEMENTS; i++, at = (at + 1) % CACHED_STATEMENTS)
        if (store->cached[at].sql == sql || store->cached[at].sql == NULL)
            return &store->cached[at];
    return NULL;
}

static void find_places(sqlite_rows *rows)
{
    for (int i = 0; i < MAX_PARAMS; i++) {
        char name[16];
        snprintf(name, sizeof name, "$%d", i + 1);
        rows->places[i] = sqlite3_bind_parameter_index(rows->statement, name);
    }
}

static iscep_status prepare(sqlite_rows **out, sqlite_store *store, const char *sql, iscep_error *err)
{
    sqlite_rows *rows = slot_for(store, sql);
    if (rows == NULL || (rows->statement != NULL && sqlite3_stmt_busy(rows->statement)))
        return iscep_error_set(err, ISCEP_STORAGE, "journal_io", "the journal: a statement within itself");
    if (rows->statement == NULL) {
        int result =
            sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &rows->statement, NULL);
        if (result != SQLITE_OK)
            return fail(store->db, result, err);
        find_places(rows);
        rows->base.ops = store->base.ops;
        rows->sql = sql;
        rows->store = store;
    }
    *out = rows;
    return ISCEP_OK;
}

static int bind(sqlite3_stmt *statement, int at, const iscep_param *param)
{
    if (param->kind == ISCEP_PARAM_NUMBER)
        return sqlite3_bind_int64(statement, at, param->number);
    if (param->bytes.data == NULL)
        return sqlite3_bind_null(statement, at);
    if (param->kind == ISCEP_PARAM_BYTES)
        return sqlite3_bind_blob64(statement, at, param->bytes.data, param->bytes.len, SQLITE_STATIC);
    return sqlite3_bind_text64(statement, at, (const char *)param->bytes.data, param->bytes.len,
                               SQLITE_STATIC, SQLITE_UTF8);
}

static iscep_status next_row(iscep_rows *rows, bool *has_row, iscep_error *err)
{
    sqlite_rows *r = rows_of(rows);
    errno = 0;
    int result = sqlite3_step(r->statement);
    *has_row = result == SQLITE_ROW;
    return result == SQLITE_ROW || result == SQLITE_DONE ? ISCEP_OK : fail(r->store->db, result, err);
}

static void close_rows(iscep_rows *rows)
{
    sqlite3_reset(rows_of(rows)->statement);
    sqlite3_clear_bindings(rows_of(rows)->statement);
}

static iscep_status query(iscep_rows **out, iscep_store *store, const char *sql, const iscep_param *params,
                          size_t count, iscep_error *err)
{
    sqlite_rows *rows = NULL;
    iscep_status status = prepare(&rows, store_of(store), sql, err);
    if (status != ISCEP_OK)
        return status;
    for (size_t i = 0; i < count; i++) {
        int result = i < MAX_PARAMS ? bind(rows->statement, rows->places[i], &params[i]) : SQLITE_RANGE;
        if (result != SQLITE_OK) {
            status = fail(rows->store->db, result, err);
            close_rows(&rows->base);
            return status;
        }
    }
    *out = &rows->base;
    return ISCEP_OK;
}

static iscep_status run(iscep_store *store, const char *sql, const iscep_param *params, size_t count,
                        iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    bool has_row = true;
    iscep_status status = query(&rows, store, sql, params, count, err);
    while (status == ISCEP_OK && has_row)
        status = next_row(rows, &has_row, err);
    return status;
}

static iscep_status run_script(iscep_store *store, const char *sql, iscep_error *err)
{
    errno = 0;
    int result = sqlite3_exec(store_of(store)->db, sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? ISCEP_OK : fail(store_of(store)->db, result, err);
}

static int64_t changed(iscep_store *store)
{
    return sqlite3_changes64(store_of(store)->db);
}

static int64_t inserted_id(iscep_store *store)
{
    return sqlite3_last_insert_rowid(store_of(store)->db);
}

static int64_t column_number(iscep_rows *rows, int column)
{
    return sqlite3_column_int64(rows_of(rows)->statement, column);
}

static const char *column_text(iscep_rows *rows, int column)
{
    return (const char *)sqlite3_column_text(rows_of(rows)->statement, column);
}

static iscep_bytes column_bytes(iscep_rows *rows, int column)
{
    const void *data = sqlite3_column_blob(rows_of(rows)->statement, column);
    return iscep_bytes_of(data, (size_t)sqlite3_column_bytes(rows_of(rows)->statement, column));
}

static bool column_is_null(iscep_rows *rows, int column)
{
    return sqlite3_column_type(rows_of(rows)->statement, column) == SQLITE_NULL;
}

/* --- transactions --- */

static void rollback(iscep_store *store)
{
    sqlite_store *s = store_of(store);
    for (size_t i = 0; i < CACHED_STATEMENTS; i++)
        if (s->cached[i].statement != NULL)
            sqlite3_reset(s->cached[i].statement);
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

/* With a WAL, NORMAL leaves out the fsync of a commit and nothing else; the next one covers it. */
static iscep_status set_commitment(sqlite_store *store, iscep_store_commitment commitment, iscep_error *err)
{
    if (store->use == ISCEP_STORE_READ || store->commitment == commitment)
        return ISCEP_OK;
    iscep_status status = run_script(
        &store->base,
        commitment == ISCEP_STORE_LAZY ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL", err);
    if (status == ISCEP_OK)
        store->commitment = commitment;
    return status;
}

static iscep_status begin(iscep_store *store, iscep_store_commitment commitment, iscep_error *err)
{
    rollback(store);
    iscep_status status = set_commitment(store_of(store), commitment, err);
    if (status != ISCEP_OK)
        return status;
    return run(store, store_of(store)->use == ISCEP_STORE_READ ? "BEGIN" : "BEGIN IMMEDIATE", NULL, 0, err);
}

static iscep_status commit(iscep_store *store, iscep_error *err)
{
    return run(store, "COMMIT", NULL, 0, err);
}

/* What somebody reads just now stays in the log, and is tried again when as much has come again. */
static void tidy(iscep_store *store)
{
    sqlite_store *s = store_of(store);
    int pages = 0, moved = 0;
    if (s->wal_pages < s->checkpoint_at)
        return;
    bool is_whole =
        sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &moved) == SQLITE_OK &&
        moved == pages;
    s->checkpoint_at = CHECKPOINT_PAGES + (is_whole ? 0 : s->wal_pages);
    if (is_whole)
        s->wal_pages = 0;
}

/* --- one writer, and nobody else: nothing to lock or to wait for --- */

/* What fails says so at once. */
static iscep_status trust(iscep_store *store, iscep_error *err)
{
    (void)store;
    (void)err;
    return ISCEP_OK;
}

static iscep_status allow_ms(iscep_store *store, int64_t timeout_ms, iscep_error *err)
{
    (void)store;
    (void)timeout_ms;
    (void)err;
    return ISCEP_OK;
}

static iscep_status lock(iscep_store *store, iscep_lock what, int64_t id, iscep_error *err)
{
    (void)store;
    (void)what;
    (void)id;
    (void)err;
    return ISCEP_OK;
}

static iscep_status try_lock(bool *is_ours, iscep_store *store, iscep_lock what, iscep_error *err)
{
    *is_ours = true;
    return lock(store, what, 0, err);
}

static int64_t lease_clock_ms(const iscep_store *store, int64_t now_mono_ms)
{
    (void)store;
    return now_mono_ms;
}

/* --- the whole file --- */

static iscep_status read_pragma(iscep_store *store, const char *sql, int64_t *out, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    bool has_row = false;
    iscep_status status = query(&rows, store, sql, NULL, 0, err);
    if (status == ISCEP_OK)
        status = next_row(rows, &has_row, err);
    *out = status == ISCEP_OK && has_row ? column_number(rows, 0) : 0;
    return status;
}

/* The application's number tells the oldest program: a spool must not stand in the way back of a node that was upgraded. */
static iscep_status get_version(iscep_store *store, iscep_schema_mark *out, iscep_error *err)
{
    iscep_status status = read_pragma(store, "PRAGMA user_version", &out->version, err);
    if (status == ISCEP_OK)
        status = read_pragma(store, "PRAGMA application_id", &out->oldest, err);
    if (out->oldest == 0) /* of a time when there was no such number */
        out->oldest = out->version;
    return status;
}

/* The next iscep_store_tidy puts it into the file itself, where programs that do not know the log look for it. */
static iscep_status set_version(iscep_store *store, const iscep_schema_mark *mark, iscep_error *err)
{
    ISCEP_AUTO_BUF sql; /* a pragma takes no parameter */
    store_of(store)->checkpoint_at = 0;
    iscep_buf_init(&sql, 64);
    iscep_buf_printf(&sql, "PRAGMA user_version = %lld; PRAGMA application_id = %lld",
                     (long long)mark->version, (long long)mark->oldest);
    return run_script(store, iscep_buf_text(&sql), err);
}

static iscep_status used_bytes(iscep_store *store, int64_t *out, iscep_error *err)
{
    int64_t pages = 0, free_pages = 0, page_size = 0;
    iscep_status status = read_pragma(store, "PRAGMA page_count", &pages, err);
    if (status == ISCEP_OK)
        status = read_pragma(store, "PRAGMA freelist_count", &free_pages, err);
    if (status == ISCEP_OK)
        status = read_pragma(store, "PRAGMA page_size", &page_size, err);
    *out = (pages - free_pages) * page_size;
    return status;
}

static iscep_status check(iscep_store *store, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    bool has_row = false;
    iscep_status status = query(&rows, store, "PRAGMA quick_check(1)", NULL, 0, err);
    if (status == ISCEP_OK)
        status = next_row(rows, &has_row, err);
    if (status != ISCEP_OK)
        return status;
    const char *verdict = has_row ? column_text(rows, 0) : NULL;
    if (verdict != NULL && strcmp(verdict, "ok") == 0)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_STORAGE, "journal_corrupt", "the journal is damaged (%s): %s",
                           verdict == NULL ? "no answer" : verdict, advice_for("journal_corrupt"));
}

static const iscep_store_ops sqlite_ops = {
    .dialect = ISCEP_DIALECT_SQLITE,
    .close = close_store,
    .check = check,
    .used_bytes = used_bytes,
    .get_version = get_version,
    .set_version = set_version,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .tidy = tidy,
    .trust = trust,
    .allow_ms = allow_ms,
    .lock = lock,
    .try_lock = try_lock,
    .lease_clock_ms = lease_clock_ms,
    .query = query,
    .run = run,
    .run_script = run_script,
    .changed = changed,
    .inserted_id = inserted_id,
    .next = next_row,
    .number = column_number,
    .text = column_text,
    .bytes = column_bytes,
    .is_null = column_is_null,
    .close_rows = close_rows,
};
