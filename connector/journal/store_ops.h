/*
 * The inner side of store.h: what a database has to be able to do. Each begins its own structs with the two below, and is found
 * through them; store.c passes every call on. Semantics are those of store.h.
 */
#ifndef ISCEP_JOURNAL_STORE_OPS_H
#define ISCEP_JOURNAL_STORE_OPS_H

#include "journal/store.h"

typedef struct iscep_store_ops {
    iscep_dialect dialect;
    void (*close)(iscep_store *store);
    iscep_status (*check)(iscep_store *store, iscep_error *err);
    iscep_status (*used_bytes)(iscep_store *store, int64_t *out, iscep_error *err);
    iscep_status (*get_version)(iscep_store *store, iscep_schema_mark *out, iscep_error *err);
    iscep_status (*set_version)(iscep_store *store, const iscep_schema_mark *mark, iscep_error *err);
    iscep_status (*begin)(iscep_store *store, iscep_store_commitment commitment, iscep_error *err);
    iscep_status (*commit)(iscep_store *store, iscep_error *err);
    void (*rollback)(iscep_store *store);
    iscep_status (*trust)(iscep_store *store, iscep_error *err);
    void (*tidy)(iscep_store *store);
    iscep_status (*allow_ms)(iscep_store *store, int64_t timeout_ms, iscep_error *err);
    iscep_status (*lock)(iscep_store *store, iscep_lock what, int64_t id, iscep_error *err);
    iscep_status (*try_lock)(bool *is_ours, iscep_store *store, iscep_lock what, iscep_error *err);
    int64_t (*lease_clock_ms)(const iscep_store *store, int64_t now_mono_ms);

    iscep_status (*query)(iscep_rows **out, iscep_store *store, const char *sql, const iscep_param *params,
                          size_t count, iscep_error *err);
    iscep_status (*run)(iscep_store *store, const char *sql, const iscep_param *params, size_t count,
                        iscep_error *err);
    iscep_status (*run_script)(iscep_store *store, const char *sql, iscep_error *err);
    int64_t (*changed)(iscep_store *store);
    int64_t (*inserted_id)(iscep_store *store);

    iscep_status (*next)(iscep_rows *rows, bool *has_row, iscep_error *err);
    int64_t (*number)(iscep_rows *rows, int column);
    const char *(*text)(iscep_rows *rows, int column);
    iscep_bytes (*bytes)(iscep_rows *rows, int column);
    bool (*is_null)(iscep_rows *rows, int column);
    void (*close_rows)(iscep_rows *rows);
} iscep_store_ops;

struct iscep_store {
    const iscep_store_ops *ops;
};

struct iscep_rows {
    const iscep_store_ops *ops;
};

#endif
