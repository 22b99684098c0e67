/*
 * One connection to the database: the seam behind which SQLite and PostgreSQL are (store_sqlite.c, store_postgres.c). The SQL of the
 * operations is written once, in what both understand; values are bound, never part of it. What only one of them can say
 * is asked for by name here (iscep_store_lock), or chosen by iscep_store_dialect.
 *
 * A failure has the class STORAGE and one of the codes of journal.h; NOMEM where it is that; CONFIG, journal_denied, if the
 * database does not let us in.
 */
#ifndef ISCEP_JOURNAL_STORE_H
#define ISCEP_JOURNAL_STORE_H

#include "base/bytes.h"

typedef struct iscep_store iscep_store;
typedef struct iscep_rows iscep_rows; /* the rows that a statement answers, one after the other */

typedef enum iscep_store_use { ISCEP_STORE_WRITE = 1, ISCEP_STORE_READ } iscep_store_use;
typedef enum iscep_dialect { ISCEP_DIALECT_SQLITE = 1, ISCEP_DIALECT_POSTGRES } iscep_dialect;

/* ISCEP_STORE_WRITE makes the file if it is not there (mode 0600). path must be absolute. PostgreSQL: store_postgres.h. */
iscep_status iscep_store_open_sqlite(iscep_store **out, const char *path, iscep_store_use use,
                                     iscep_error *err) ISCEP_CHECKED;
void iscep_store_close(iscep_store *store); /* NULL is allowed */

iscep_dialect iscep_store_dialect(const iscep_store *store);
/* Do other nodes write to it, too? */
static inline bool iscep_store_is_shared(const iscep_store *store)
{
    return iscep_store_dialect(store) == ISCEP_DIALECT_POSTGRES;
}

/* SQLite: reads every page and says whether they fit together. PostgreSQL: says whether it answers. */
iscep_status iscep_store_check(iscep_store *store, iscep_error *err) ISCEP_CHECKED;
/* SQLite: bytes of pages in use; what free pages hold will be used again. PostgreSQL: of our tables, with what is free in them. */
iscep_status iscep_store_used_bytes(iscep_store *store, int64_t *out, iscep_error *err) ISCEP_CHECKED;

/*
 * The version of the schema: 0 in an empty database; and that of the oldest program that can work with it.
 * Setting it is part of the transaction.
 */
typedef struct iscep_schema_mark {
    int64_t version;
    int64_t oldest;
} iscep_schema_mark;
iscep_status iscep_store_get_version(iscep_store *store, iscep_schema_mark *out,
                                     iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_store_set_version(iscep_store *store, const iscep_schema_mark *mark,
                                     iscep_error *err) ISCEP_CHECKED;

/* Is a transaction on disk when its commit returns, or with the next one that is? What is lost in between is lost whole. */
typedef enum iscep_store_commitment { ISCEP_STORE_DURABLE = 1, ISCEP_STORE_LAZY } iscep_store_commitment;
iscep_status iscep_store_begin(iscep_store *store, iscep_store_commitment commitment,
                               iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_store_commit(iscep_store *store, iscep_error *err) ISCEP_CHECKED;
void iscep_store_rollback(iscep_store *store); /* nothing of the transaction is left, if there was one */
/*
 * For who only reads, at the end: may what was read be believed? As far as is known without asking the database, whose commit would say
 * the same.
 */
iscep_status iscep_store_trust(iscep_store *store, iscep_error *err) ISCEP_CHECKED;

/*
 * Between two transactions: moves what was committed to where it stays, when enough has come together since the last time. May take
 * some milliseconds, in which nobody should be waiting. If it fails nothing is lost, and it is tried again later.
 */
void iscep_store_tidy(iscep_store *store);

/* This transaction's statements may take longer than others: a person's search, a migration. SQLite has no such limit. */
iscep_status iscep_store_allow_ms(iscep_store *store, int64_t timeout_ms, iscep_error *err) ISCEP_CHECKED;

/*
 * Keeps other nodes from writing about the same thing until the transaction ends; whoever decides by what he reads of it locks
 * first. Waits for those who have it. SQLite: nothing, there is one writer.
 */
typedef enum iscep_lock {
    ISCEP_LOCK_DELIVERY = 1, /* its enrolment's row, and its own */
    ISCEP_LOCK_REVOCATION,   /* its row */
    ISCEP_LOCK_SCHEMA,       /* the tables' making and changing; id is not looked at */
    ISCEP_LOCK_SWEEP,        /* the forgetting of what is old; the same */
} iscep_lock;
iscep_status iscep_store_lock(iscep_store *store, iscep_lock what, int64_t id,
                              iscep_error *err) ISCEP_CHECKED;
/* Does not wait: SCHEMA and SWEEP only. SQLite: always ours. */
iscep_status iscep_store_try_lock(bool *is_ours, iscep_store *store, iscep_lock what,
                                  iscep_error *err) ISCEP_CHECKED;

/*
 * The clock by which leases end, which every node reads alike: the database's (milliseconds since 1970), carried on by our
 * monotonic clock. SQLite: now_mono_ms itself.
 */
int64_t iscep_store_lease_clock_ms(const iscep_store *store, int64_t now_mono_ms);

/* Behind a SELECT of what a claim takes, where the store is shared: what another node has just locked is his. SQLite: not a word. */
#define ISCEP_SKIP_LOCKED(of) " FOR UPDATE OF " of " SKIP LOCKED"

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

/*
 * sql is static text: the prepared statement is kept by its address. A parameter is of the same kind each time.
 *
 * iscep_store_run may be sent without waiting for the answer (PostgreSQL): then its failure comes with the next query, script or
 * commit. After a failure the transaction is lost: everything fails alike until it is rolled back.
 */
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
/* Both wait for what was sent; 0 if that failed, which the next statement then says. */
int64_t iscep_store_changed(iscep_store *store); /* rows, by the last INSERT, UPDATE or DELETE */
/* The id of the last INSERT's row, if the table has an id that the database chooses. */
int64_t iscep_store_inserted_id(iscep_store *store);

/* Texts and bytes are borrowed until the next row, or the end. */
iscep_status iscep_rows_next(iscep_rows *rows, bool *has_row, iscep_error *err) ISCEP_CHECKED;
/* The way through them: is all well so far, and is there another one? */
static inline bool iscep_rows_step(iscep_rows *rows, iscep_status *status, iscep_error *err)
{
    bool has_row = false;
    if (*status == ISCEP_OK)
        *status = iscep_rows_next(rows, &has_row, err);
    return *status == ISCEP_OK && has_row;
}
int64_t iscep_rows_number(iscep_rows *rows, int column);   /* from 0; NULL is 0 */
const char *iscep_rows_text(iscep_rows *rows, int column); /* NULL is NULL */
iscep_bytes iscep_rows_bytes(iscep_rows *rows, int column);
bool iscep_rows_is_null(iscep_rows *rows, int column);
void iscep_rows_close(iscep_rows *rows); /* NULL is allowed */
void iscep_rows_cleanup(iscep_rows **rows);
#define ISCEP_AUTO_ROWS __attribute__((cleanup(iscep_rows_cleanup))) iscep_rows

#endif
