/* See journal_bare.h. */
#include "journal_bare.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/keys.h"
#include "journal/schema.h"
#include "meter.h"

enum { OLD_PER_RECENT = 8, MIN_RECENT = 131072, KEYS_PER_REPORT = 2 };

static iscep_status fail(sqlite3 *db, iscep_error *err)
{
    return iscep_error_set(err, ISCEP_STORAGE, "sqlite", "SQLite: %s", sqlite3_errmsg(db));
}

/* --- one report after the other --- */

static const char *const inserts[] = {
    "INSERT INTO enrolment (tenant, transaction_id, csr_sha256, subject, is_validated, first_unix_ms)"
    " VALUES (?1, ?2, ?3, ?4, 0, ?5)",
    "INSERT INTO recent_key (hash, row_id) VALUES (?1, ?2)",
    "INSERT INTO delivery (enrolment_id, tenant, kind, state, is_deferred, error_code, attempts, "
    "recorded_unix_ms,"
    " due_unix_ms, leased_until_ms, not_after_unix, is_active, is_revoked, is_revocation_asked)"
    " VALUES (?1, ?2, 1, 1, 0, 0, 0, ?3, ?3, ?3, ?4, 0, 0, 0)",
    "INSERT INTO owed_csr (id, der) VALUES (?1, ?2)",
    "INSERT INTO certificate (id, serial, thumbprint, issuer, subject, ca, der) VALUES (?1, ?2, ?3, ?4, ?5, "
    "?6, ?7)",
    "INSERT INTO event (enrolment_id, kind, first_unix_ms, last_unix_ms, times, message)"
    " VALUES (?1, 'issued', ?2, ?2, 1, ?3)",
};
enum { ENROLMENT, KEY, DELIVERY, CSR, CERTIFICATE, EVENT, INSERT_COUNT };

typedef struct writer {
    sqlite3 *db;
    sqlite3_stmt *statements[INSERT_COUNT];
} writer;

static bool run(writer *w, int which)
{
    bool is_done = sqlite3_step(w->statements[which]) == SQLITE_DONE;
    sqlite3_reset(w->statements[which]);
    return is_done;
}

static void bind_text(writer *w, int which, int at, const char *text)
{
    sqlite3_bind_text(w->statements[which], at, text, -1, SQLITE_STATIC);
}

static bool write_key(writer *w, uint64_t hash, int64_t row_id)
{
    sqlite3_bind_int64(w->statements[KEY], 1, (int64_t)hash);
    sqlite3_bind_int64(w->statements[KEY], 2, row_id);
    return run(w, KEY);
}

static bool write_enrolment(writer *w, const iscep_issued_record *record, int64_t now, int64_t *id)
{
    bind_text(w, ENROLMENT, 1, record->key.tenant);
    bind_text(w, ENROLMENT, 2, record->key.transaction_id);
    sqlite3_bind_blob(w->statements[ENROLMENT], 3, record->key.csr_sha256, 32, SQLITE_STATIC);
    bind_text(w, ENROLMENT, 4, record->cert.subject);
    sqlite3_bind_int64(w->statements[ENROLMENT], 5, now);
    bool is_done = run(w, ENROLMENT);
    *id = sqlite3_last_insert_rowid(w->db);
    return is_done;
}

static bool write_delivery(writer *w, const iscep_issued_record *record, int64_t enrolment, int64_t now,
                           int64_t *id)
{
    sqlite3_bind_int64(w->statements[DELIVERY], 1, enrolment);
    bind_text(w, DELIVERY, 2, record->key.tenant);
    sqlite3_bind_int64(w->statements[DELIVERY], 3, now);
    sqlite3_bind_int64(w->statements[DELIVERY], 4, record->cert.not_after_unix);
    bool is_done = run(w, DELIVERY);
    *id = sqlite3_last_insert_rowid(w->db);
    sqlite3_bind_int64(w->statements[CSR], 1, *id);
    sqlite3_bind_blob(w->statements[CSR], 2, record->csr.data, (int)record->csr.len, SQLITE_STATIC);
    return is_done && run(w, CSR);
}

static bool write_cert(writer *w, const iscep_issued_record *record, int64_t id)
{
    sqlite3_bind_int64(w->statements[CERTIFICATE], 1, id);
    bind_text(w, CERTIFICATE, 2, record->cert.serial);
    bind_text(w, CERTIFICATE, 3, record->cert.thumbprint);
    bind_text(w, CERTIFICATE, 4, record->cert.issuer);
    bind_text(w, CERTIFICATE, 5, record->cert.subject);
    bind_text(w, CERTIFICATE, 6, record->ca);
    sqlite3_bind_blob(w->statements[CERTIFICATE], 7, record->cert.der.data, (int)record->cert.der.len,
                      SQLITE_STATIC);
    return run(w, CERTIFICATE);
}

static bool write_report(writer *w, const iscep_issued_record *record, uint64_t number)
{
    int64_t enrolment, delivery, now = 1795000000000 + (int64_t)number;
    if (!write_enrolment(w, record, now, &enrolment) || !write_key(w, bench_mix(number * 2), enrolment) ||
        !write_delivery(w, record, enrolment, now, &delivery) || !write_cert(w, record, delivery) ||
        !write_key(w, bench_mix(number * 2 + 1), delivery))
        return false;
    sqlite3_bind_int64(w->statements[EVENT], 1, enrolment);
    sqlite3_bind_int64(w->statements[EVENT], 2, now);
    bind_text(w, EVENT, 3, record->cert.serial);
    return run(w, EVENT);
}

static bool is_run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static bool write_all(writer *w, bench_journal_rows *rows, uint32_t count, uint32_t group)
{
    for (uint32_t done = 0; done < count;) {
        if (!is_run(w->db, "BEGIN IMMEDIATE"))
            return false;
        for (uint32_t end = done + group; done < end && done < count; done++) {
            const iscep_issued_record *record = bench_journal_rows_next(rows);
            if (!write_report(w, record, rows->next))
                return false;
        }
        if (!is_run(w->db, "COMMIT"))
            return false;
    }
    return true;
}

/* The journal's own settings: see store_sqlite.c. */
static bool open_writer(writer *w, const char *path)
{
    if (sqlite3_open_v2(path, &w->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
        !is_run(w->db,
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = FAST;"
                "PRAGMA cell_size_check = 1; PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 500"))
        return false;
    for (int i = 0; i < INSERT_COUNT; i++)
        if (sqlite3_prepare_v3(w->db, inserts[i], -1, SQLITE_PREPARE_PERSISTENT, &w->statements[i], NULL) !=
            SQLITE_OK)
            return false;
    return true;
}

static void close_writer(writer *w)
{
    for (int i = 0; i < INSERT_COUNT; i++)
        sqlite3_finalize(w->statements[i]);
    sqlite3_close(w->db);
}

iscep_status bench_bare_write(int64_t *elapsed_ns, const char *path, bench_journal_rows *rows, uint32_t count,
                              uint32_t group, iscep_error *err)
{
    writer w = {0};
    bool is_open = open_writer(&w, path);
    int64_t began = bench_now_mono_ns();
    bool is_written = is_open && write_all(&w, rows, count, group);
    *elapsed_ns = bench_now_mono_ns() - began;
    iscep_status status = is_written ? ISCEP_OK : fail(w.db, err);
    close_writer(&w);
    return status;
}

/* --- a history in bulk --- */

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static bool insert_pairs(sqlite3 *db, const char *sql, const int64_t *hashes, uint32_t count)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        return false;
    bool is_ok = true;
    for (uint32_t i = 0; i < count && is_ok; i++) {
        sqlite3_bind_int64(statement, 1, hashes[i]);
        sqlite3_bind_int64(statement, 2, i + 1);
        is_ok = sqlite3_step(statement) == SQLITE_DONE;
        sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    return is_ok;
}

/* Of all the history's keys the last ones are recent: as many as leave merge_after reports until they are merged. */
static bool make_keys(sqlite3 *db, uint32_t count, uint32_t merge_after)
{
    uint32_t keys = count * KEYS_PER_REPORT;
    uint32_t bound = keys / OLD_PER_RECENT > MIN_RECENT ? keys / OLD_PER_RECENT : MIN_RECENT;
    uint32_t missing = merge_after * KEYS_PER_REPORT;
    uint32_t recent = keys <= bound ? keys : missing < bound ? bound - missing : 0;
    int64_t *hashes = calloc(keys, sizeof *hashes);
    if (hashes == NULL)
        return false;
    for (uint32_t i = 0; i < keys; i++)
        hashes[i] = (int64_t)bench_mix(0xABCDEF0000000000u + i);
    qsort(hashes, keys - recent, sizeof *hashes, compare);
    bool is_ok =
        insert_pairs(db, "INSERT INTO old_key (hash, row_id) VALUES (?1, ?2)", hashes, keys - recent) &&
        insert_pairs(db, "INSERT INTO recent_key (hash, row_id) VALUES (?1, ?2)", hashes + keys - recent,
                     recent);
    char sql[128];
    snprintf(sql, sizeof sql, "INSERT INTO fact VALUES ('', 'old_keys', '%u')", keys - recent);
    free(hashes);
    return is_ok && is_run(db, sql);
}

static bool make_rows(sqlite3 *db, uint32_t count)
{
    static const char sql[] =
        "CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT %u)"
        " SELECT i FROM c;"
        "INSERT INTO enrolment SELECT i, 'bench', printf('%%032X', i), zeroblob(32), 'CN=device-' || i, 1,"
        " 1790000000000 + i FROM n;"
        "INSERT INTO event SELECT i, (i + 1) / 2, CASE i %% 2 WHEN 1 THEN 'issued' ELSE 'reported' END,"
        " 1790000000000 + i, 1790000000000 + i, 1, NULL, NULL, printf('%%036X', i) FROM (SELECT i * 2 - 1 AS "
        "i FROM n"
        " UNION ALL SELECT i * 2 FROM n) ORDER BY i;"
        "INSERT INTO delivery (id, enrolment_id, tenant, kind, state, is_deferred, error_code, description,"
        " attempts, recorded_unix_ms, due_unix_ms, leased_until_ms, code, message, request_id, "
        "not_after_unix,"
        " is_active, is_revoked, is_revocation_asked) SELECT i, i, 'bench', 1, 2, 0, 0, NULL, 1, "
        "1790000000000 + i, 1790000000000 + "
        "i, 0,"
        " 'Success', '', printf('%%036X', i), 4102444800, 1, 0, 0 FROM n;"
        "INSERT INTO certificate SELECT i, printf('%%032X', i), printf('%%040X', i), 'CN=Issuing "
        "CA,O=Example',"
        " 'CN=device-' || i, 'main', zeroblob(1100) FROM n";
    char text[sizeof sql + 16];
    snprintf(text, sizeof text, sql, count);
    return is_run(db, text);
}

static bool fill(sqlite3 *db, uint32_t count, uint32_t merge_after)
{
    return is_run(
               db,
               "PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; PRAGMA temp_store = MEMORY; BEGIN") &&
           make_rows(db, count) && make_keys(db, count, merge_after) &&
           is_run(db, "COMMIT; PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE)");
}

iscep_status bench_bare_make(const char *path, uint32_t count, uint32_t merge_after, iscep_error *err)
{
    iscep_store *store = NULL;
    iscep_status status = iscep_store_open_sqlite(&store, path, ISCEP_STORE_WRITE, err);
    if (status == ISCEP_OK)
        status = iscep_schema_migrate(store, iscep_schema_migrations, iscep_schema_migration_count, err);
    iscep_store_close(store);
    if (status != ISCEP_OK)
        return status;
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK || !fill(db, count, merge_after))
        status = fail(db, err);
    sqlite3_close(db);
    return status;
}
