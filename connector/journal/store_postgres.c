/* A store in a PostgreSQL database: see store.h and store_postgres.h. How statements get there is in store_postgres_pipeline.c. */
#include "journal/store_postgres.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/store_ops.h"
#include "journal/store_postgres_error.h"
#include "journal/store_postgres_pipeline.h"

enum { CLOCK_GOOD_FOR_MS = 30000, OID_BOOL = 16, OID_INT4 = 23, OID_INT8 = 20 };

typedef struct postgres_store {
    iscep_store base;
    iscep_postgres_pipeline pipeline;
} postgres_store;

typedef struct postgres_rows {
    iscep_rows base;
    iscep_postgres_pipeline *pipeline;
    PGresult *result;
    int row; /* the one that is shown; -1: before the first */
} postgres_rows;

static const iscep_store_ops postgres_ops; /* at the end */

static iscep_postgres_pipeline *pipeline_of(iscep_store *store)
{
    return &((postgres_store *)store)->pipeline;
}

/* What the pipeline says of itself, for the caller. Outside a transaction nobody will roll back. */
static iscep_status tell(iscep_store *store, iscep_status status, iscep_error *err)
{
    iscep_postgres_pipeline *pipeline = pipeline_of(store);
    if (status == ISCEP_OK)
        return ISCEP_OK;
    if (err != NULL)
        *err = pipeline->failure;
    if (!pipeline->is_explicit)
        iscep_postgres_recover(pipeline);
    return status;
}

/* --- opening --- */

iscep_status iscep_store_open_postgres(iscep_store **out, const iscep_postgres_options *options,
                                       iscep_store_use use, iscep_error *err)
{
    postgres_store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return iscep_error_nomem(err);
    store->base.ops = &postgres_ops;
    iscep_postgres_pipeline_init(&store->pipeline, options, use);
    *out = &store->base;
    return ISCEP_OK;
}

static void close_store(iscep_store *store)
{
    iscep_postgres_pipeline_close(pipeline_of(store));
    free(store);
}

/* --- running --- */

static iscep_status query(iscep_rows **out, iscep_store *store, const char *sql, const iscep_param *params,
                          size_t count, iscep_error *err)
{
    postgres_rows *rows = calloc(1, sizeof *rows);
    if (rows == NULL)
        return iscep_error_nomem(err);
    iscep_status status =
        tell(store, iscep_postgres_ask(&rows->result, pipeline_of(store), sql, params, count), err);
    if (status != ISCEP_OK) {
        free(rows);
        return status;
    }
    rows->base.ops = &postgres_ops;
    rows->pipeline = pipeline_of(store);
    rows->row = -1;
    *out = &rows->base;
    return ISCEP_OK;
}

static iscep_status run(iscep_store *store, const char *sql, const iscep_param *params, size_t count,
                        iscep_error *err)
{
    iscep_postgres_pipeline *pipeline = pipeline_of(store);
    iscep_status status = iscep_postgres_send(pipeline, sql, params, count);
    if (status == ISCEP_OK && !pipeline->is_explicit)
        status = iscep_postgres_settle(NULL, pipeline);
    return tell(store, status, err);
}

static iscep_status run_script(iscep_store *store, const char *sql, iscep_error *err)
{
    return tell(store, iscep_postgres_run_script(pipeline_of(store), sql), err);
}

static int64_t changed(iscep_store *store)
{
    iscep_postgres_pipeline *pipeline = pipeline_of(store);
    return iscep_postgres_settle(NULL, pipeline) == ISCEP_OK ? pipeline->changed : 0;
}

/* The first column of the only row. */
static iscep_status ask_number(int64_t *out, iscep_store *store, const char *sql, const iscep_param *params,
                               size_t count, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    *out = 0;
    iscep_status status = query(&rows, store, sql, params, count, err);
    if (iscep_rows_step(rows, &status, err))
        *out = iscep_rows_number(rows, 0);
    return status;
}

static int64_t inserted_id(iscep_store *store)
{
    int64_t id = 0;
    return ask_number(&id, store, "SELECT lastval()", NULL, 0, NULL) == ISCEP_OK ? id : 0;
}

/* --- rows --- */

static postgres_rows *rows_of(iscep_rows *rows)
{
    return (postgres_rows *)rows;
}

static iscep_status next_row(iscep_rows *rows, bool *has_row, iscep_error *err)
{
    postgres_rows *r = rows_of(rows);
    *has_row = false;
    if (r->pipeline->failed != ISCEP_OK) {
        if (err != NULL)
            *err = r->pipeline->failure;
        return r->pipeline->failed;
    }
    if (r->row < PQntuples(r->result))
        r->row++;
    *has_row = r->row < PQntuples(r->result);
    return ISCEP_OK;
}

static bool column_is_null(iscep_rows *rows, int column)
{
    return PQgetisnull(rows_of(rows)->result, rows_of(rows)->row, column) != 0;
}

/* In binary, as it was asked for. False: it is no number. */
static bool read_number(int64_t *out, const PGresult *result, int row, int column)
{
    const char *value = PQgetvalue(result, row, column);
    const int len = PQgetlength(result, row, column);
    const Oid type = PQfformat(result, column) == 1 ? PQftype(result, column) : 0;
    uint64_t wide = 0;
    uint32_t middle = 0;
    if (type == OID_INT8 && len == sizeof wide) {
        memcpy(&wide, value, sizeof wide);
        *out = (int64_t)be64toh(wide);
    } else if (type == OID_INT4 && len == sizeof middle) {
        memcpy(&middle, value, sizeof middle);
        *out = (int32_t)be32toh(middle);
    } else if (type == OID_BOOL && len == 1) {
        *out = value[0] != 0;
    } else {
        return false;
    }
    return true;
}

/* Who reads what is no number gets 0, and cannot commit what he makes of it. */
static int64_t column_number(iscep_rows *rows, int column)
{
    const postgres_rows *r = rows_of(rows);
    int64_t number = 0;
    if (!column_is_null(rows, column) && !read_number(&number, r->result, r->row, column))
        iscep_postgres_distrust(r->pipeline);
    return number;
}

/* libpq puts a NUL behind every value. */
static const char *column_text(iscep_rows *rows, int column)
{
    return column_is_null(rows, column) ? NULL
                                        : PQgetvalue(rows_of(rows)->result, rows_of(rows)->row, column);
}

static iscep_bytes column_bytes(iscep_rows *rows, int column)
{
    if (column_is_null(rows, column))
        return (iscep_bytes){0};
    return iscep_bytes_of(PQgetvalue(rows_of(rows)->result, rows_of(rows)->row, column),
                          (size_t)PQgetlength(rows_of(rows)->result, rows_of(rows)->row, column));
}

static void close_rows(iscep_rows *rows)
{
    PQclear(rows_of(rows)->result);
    free(rows);
}

/* --- transactions --- */

static iscep_status measure_clock(iscep_store *store, iscep_error *err)
{
    iscep_postgres_link *link = &pipeline_of(store)->link;
    const int64_t sent_mono_ms = iscep_postgres_now_ms();
    int64_t clock_ms = 0;
    if (link->conn == NULL || sent_mono_ms - link->measured_mono_ms < CLOCK_GOOD_FOR_MS)
        return ISCEP_OK; /* connecting measures it */
    iscep_status status = ask_number(&clock_ms, store, "SELECT " ISCEP_POSTGRES_CLOCK_MS, NULL, 0, err);
    return status == ISCEP_OK ? iscep_postgres_link_set_clock(link, sent_mono_ms, clock_ms, err) : status;
}

static void rollback(iscep_store *store)
{
    iscep_postgres_pipeline *pipeline = pipeline_of(store);
    if (pipeline->is_explicit && iscep_postgres_settle(NULL, pipeline) == ISCEP_OK &&
        iscep_postgres_send(pipeline, "ROLLBACK", NULL, 0) == ISCEP_OK &&
        iscep_postgres_mark_end(pipeline) == ISCEP_OK)
        pipeline->is_explicit = false; /* nobody waits for the answer: who comes next takes it */
    if (pipeline->failed != ISCEP_OK)
        iscep_postgres_recover(pipeline);
    pipeline->timeout_ms = pipeline->link.options->timeout_ms;
}

/* A reader sees one state of the whole. */
static iscep_status begin(iscep_store *store, iscep_store_commitment commitment, iscep_error *err)
{
    iscep_postgres_pipeline *pipeline = pipeline_of(store);
    bool is_reader = pipeline->link.use == ISCEP_STORE_READ;
    rollback(store);
    iscep_postgres_notice_end(pipeline);
    iscep_status status = measure_clock(store, err);
    if (status != ISCEP_OK)
        return status;
    status = iscep_postgres_send(pipeline,
                                 is_reader ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
                                           : "BEGIN ISOLATION LEVEL READ COMMITTED",
                                 NULL, 0);
    pipeline->is_explicit = status == ISCEP_OK;
    if (status == ISCEP_OK && commitment == ISCEP_STORE_LAZY && !is_reader)
        status = iscep_postgres_send(pipeline, "SET LOCAL synchronous_commit = off", NULL, 0);
    return tell(store, status, err);
}

/* COMMIT of a transaction that cannot be kept answers ROLLBACK, and is no error. */
static iscep_status commit(iscep_store *store, iscep_error *err)
{
    iscep_postgres_pipeline *pipeline = pipeline_of(store);
    PGresult *result = NULL;
    iscep_status status = iscep_postgres_send(pipeline, "COMMIT", NULL, 0);
    if (status == ISCEP_OK)
        status = iscep_postgres_mark_end(pipeline);
    if (status == ISCEP_OK)
        status = iscep_postgres_settle(&result, pipeline);
    bool is_kept = status == ISCEP_OK && strcmp(PQcmdStatus(result), "COMMIT") == 0;
    PQclear(result);
    if (status != ISCEP_OK)
        return tell(store, status, err);
    pipeline->is_explicit = false;
    return is_kept ? ISCEP_OK
                   : iscep_error_set(err, ISCEP_STORAGE, "journal_io",
                                     "the journal's database: the transaction was rolled back");
}

static void tidy(iscep_store *store)
{
    (void)store; /* autovacuum does */
}

static iscep_status trust(iscep_store *store, iscep_error *err)
{
    return tell(store, pipeline_of(store)->failed, err);
}

static iscep_status allow_ms(iscep_store *store, int64_t timeout_ms, iscep_error *err)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, timeout_ms);
    pipeline_of(store)->timeout_ms = timeout_ms + pipeline_of(store)->link.options->timeout_ms;
    const iscep_param params[] = {iscep_text(text)};
    return run(store,
               "SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $1, true)",
               params, 1, err);
}

/* --- locks and the clock --- */

/* Advisory locks are the database's; journals in several schemas of one are told apart by their names. */
#define SCHEMA_LOCK "1768121200, hashtext(coalesce(current_schema(), ''))"
#define SWEEP_LOCK  "1768121201, hashtext(coalesce(current_schema(), ''))"

static iscep_status lock(iscep_store *store, iscep_lock what, int64_t id, iscep_error *err)
{
    const iscep_param params[] = {iscep_number(id)};
    iscep_status status = ISCEP_OK;
    switch (what) {
    case ISCEP_LOCK_DELIVERY: /* in the order in which whoever begins with the enrolment takes them */
        status = run(store,
                     "SELECT 1 FROM enrolment WHERE id = (SELECT enrolment_id FROM delivery WHERE id = $1)"
                     " FOR UPDATE",
                     params, 1, err);
        if (status != ISCEP_OK)
            return status;
        return run(store, "SELECT 1 FROM delivery WHERE id = $1 FOR UPDATE", params, 1, err);
    case ISCEP_LOCK_REVOCATION:
        return run(store, "SELECT 1 FROM revocation WHERE id = $1 FOR UPDATE", params, 1, err);
    case ISCEP_LOCK_SCHEMA:
        return run(store, "SELECT pg_advisory_xact_lock(" SCHEMA_LOCK ")", NULL, 0, err);
    case ISCEP_LOCK_SWEEP:
        return run(store, "SELECT pg_advisory_xact_lock(" SWEEP_LOCK ")", NULL, 0, err);
    }
    return iscep_error_set(err, ISCEP_USAGE, "lock", "no such lock");
}

static iscep_status try_lock(bool *is_ours, iscep_store *store, iscep_lock what, iscep_error *err)
{
    int64_t got = 0;
    const char *sql = what == ISCEP_LOCK_SCHEMA ? "SELECT pg_try_advisory_xact_lock(" SCHEMA_LOCK ")"
                                                : "SELECT pg_try_advisory_xact_lock(" SWEEP_LOCK ")";
    iscep_status status = ask_number(&got, store, sql, NULL, 0, err);
    *is_ours = status == ISCEP_OK && got != 0;
    return status;
}

static int64_t lease_clock_ms(const iscep_store *store, int64_t now_mono_ms)
{
    return now_mono_ms + ((const postgres_store *)store)->pipeline.link.clock_offset_ms;
}

/* --- the whole --- */

static iscep_status check(iscep_store *store, iscep_error *err)
{
    int64_t one = 0;
    return ask_number(&one, store, "SELECT 1", NULL, 0, err);
}

/* Ours are those beside iscep_schema that have our names. */
static iscep_status used_bytes(iscep_store *store, int64_t *out, iscep_error *err)
{
    return ask_number(
        out, store,
        "SELECT CAST(coalesce(sum(pg_total_relation_size(oid)), 0) AS BIGINT) FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace ="
        " (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('iscep_schema')) AND relname IN"
        " ('iscep_schema', 'fact', 'enrolment', 'event', 'delivery', 'certificate', 'owed_csr', 'revocation',"
        " 'leader', 'node')",
        NULL, 0, err);
}

/* By pg_class and not by to_regclass, which remembers until the transaction's end that there was no such table. */
static iscep_status get_version(iscep_store *store, iscep_schema_mark *out, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    int64_t is_there = 0;
    *out = (iscep_schema_mark){0};
    iscep_status status = ask_number(
        &is_there, store,
        "SELECT COUNT(*) FROM pg_class WHERE relname = 'iscep_schema' AND pg_table_is_visible(oid)", NULL, 0,
        err);
    if (status != ISCEP_OK || is_there == 0)
        return status;
    status = query(&rows, store, "SELECT version, oldest FROM iscep_schema", NULL, 0, err);
    if (iscep_rows_step(rows, &status, err))
        *out =
            (iscep_schema_mark){.version = iscep_rows_number(rows, 0), .oldest = iscep_rows_number(rows, 1)};
    return status;
}

static iscep_status set_version(iscep_store *store, const iscep_schema_mark *mark, iscep_error *err)
{
    const iscep_param params[] = {iscep_number(mark->version), iscep_number(mark->oldest)};
    iscep_status status = run(store, "DELETE FROM iscep_schema", NULL, 0, err);
    if (status != ISCEP_OK)
        return status;
    return run(store, "INSERT INTO iscep_schema (version, oldest) VALUES ($1, $2)", params, 2, err);
}

static const iscep_store_ops postgres_ops = {
    .dialect = ISCEP_DIALECT_POSTGRES,
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
