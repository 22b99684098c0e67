/*
 * One connection to the database: the seam behind which SQLite is, and where another database can be. The SQL of the
 * operations is written once, in what SQLite and PostgreSQL both understand; values are bound, never part of it.
 *
 * A failure has the class STORAGE and one of the codes of journal.h; NOMEM where it is that.
 */
#ifndef ISCEP_JOURNAL_STORE_H
#define ISCEP_JOURNAL_STORE_H

#include "base/bytes.h"

typedef struct iscep_store iscep_store;
typedef struct iscep_rows iscep_rows; /* the rows that a statement answers, one after the other */

typedef enum iscep_store_use { ISCEP_STORE_WRITE = 1, ISCEP_STORE_READ } iscep_store_use;

/* ISCEP_STORE_WRITE makes the file if it is not there (mode 0600). path must be absolute. */
iscep_status iscep_store_open(iscep_store **out, const char *path, iscep_store_use use,
                              iscep_error *err) ISCEP_CHECKED;
void iscep_store_close(iscep_store *store); /* NULL is allowed */

/* Reads every page and says whether they fit together. */
iscep_status iscep_store_check(iscep_store *store, iscep_error *err) ISCEP_CHECKED;
/* Bytes of pages in use: what free pages hold will be used again. */
iscep_status iscep_store_used_bytes(iscep_store *store, int64_t *out, iscep_error *err) ISCEP_CHECKED;
/* The version of the schema: 0 in an empty database. Setting it is part of the transaction. */
iscep_status iscep_store_get_version(iscep_store *store, int64_t *out, iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_store_set_version(iscep_store *store, int64_t version, iscep_error *err) ISCEP_CHECKED;

/* Is a transaction on disk when its commit returns, or with the next one that is? What is lost in between is lost whole. */
typedef enum iscep_store_commitment { ISCEP_STORE_DURABLE = 1, ISCEP_STORE_LAZY } iscep_store_commitment;
iscep_status iscep_store_begin(iscep_store *store, iscep_store_commitment commitment,
                               iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_store_commit(iscep_store *store, iscep_error *err) ISCEP_CHECKED;
void iscep_store_rollback(iscep_store *store); /* nothing of the transaction is left, if there was one */

/*
 * Between two transactions: moves what was committed to where it stays, when enough has come together since the last time. May take
 * some milliseconds, in which nobody should be waiting. If it fails nothing is lost, and it is tried again later.
 */
void iscep_store_tidy(iscep_store *store);

/* A value to be bound: $1 is the first. Borrowed until the statement has run, or its rows are closed. */
typedef enum iscep_param_kind { ISCEP_PARAM_NUMBER, ISCEP_PARAM_TEXT, ISCEP_PARAM_BYTES } iscep_param_kind;
typedef struct iscep_param {
    iscep_param_kind kind;
    int64_t number;
    iscep_bytes bytes; /* data NULL: SQL's NULL, unless it is a number */
} iscep_param;

static inline iscep_param iscep_number(int64_t number)
{
    return (iscep_param){.kind = ISCEP_PARAM_NUMBER, .number = number};
}
static inline iscep_param iscep_text(const char *text)
{
    return (iscep_param){.kind = ISCEP_PARAM_TEXT, .bytes = iscep_bytes_of_text(text)};
}
static inline iscep_param iscep_blob(iscep_bytes bytes)
{
    return (iscep_param){.kind = ISCEP_PARAM_BYTES, .bytes = bytes};
}

/* sql is static text: the prepared statement is kept by its address. */
iscep_status iscep_store_query_params(iscep_rows **out, iscep_store *store, const char *sql,
                                      const iscep_param *params, size_t count,
                                      iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_store_run_params(iscep_store *store, const char *sql, const iscep_param *params,
                                    size_t count, iscep_error *err) ISCEP_CHECKED;
#define ISCEP_PARAMS(...)                                                                                    \
    (const iscep_param[]){__VA_ARGS__}, sizeof((const iscep_param[]){__VA_ARGS__}) / sizeof(iscep_param)
/* At least one parameter each; what has none goes through iscep_store_run_script. */
#define iscep_store_query(out, store, err, sql, ...)                                                         \
    iscep_store_query_params((out), (store), (sql), ISCEP_PARAMS(__VA_ARGS__), (err))
#define iscep_store_run(store, err, sql, ...)                                                                \
    iscep_store_run_params((store), (sql), ISCEP_PARAMS(__VA_ARGS__), (err))

iscep_status iscep_store_run_script(iscep_store *store, const char *sql, iscep_error *err) ISCEP_CHECKED;
int64_t iscep_store_changed(const iscep_store *store); /* rows, by the last INSERT, UPDATE or DELETE */
/* The id of the last INSERT's row, if the table has an id that the database chooses. */
int64_t iscep_store_inserted_id(const iscep_store *store);

/* Texts and bytes are borrowed until the next row, or the end. */
iscep_status iscep_rows_next(iscep_rows *rows, bool *has_row, iscep_error *err) ISCEP_CHECKED;
int64_t iscep_rows_number(iscep_rows *rows, int column);   /* from 0; NULL is 0 */
const char *iscep_rows_text(iscep_rows *rows, int column); /* NULL is NULL */
iscep_bytes iscep_rows_bytes(iscep_rows *rows, int column);
bool iscep_rows_is_null(iscep_rows *rows, int column);
void iscep_rows_close(iscep_rows *rows); /* NULL is allowed */
void iscep_rows_cleanup(iscep_rows **rows);
#define ISCEP_AUTO_ROWS __attribute__((cleanup(iscep_rows_cleanup))) iscep_rows

#endif
