/* The seam itself: each call goes to the database that the store was opened for. See store.h and store_ops.h. */
#include "journal/store.h"

#include "journal/store_ops.h"

void iscep_store_close(iscep_store *store)
{
    if (store != NULL)
        store->ops->close(store);
}

iscep_dialect iscep_store_dialect(const iscep_store *store)
{
    return store->ops->dialect;
}

iscep_status iscep_store_check(iscep_store *store, iscep_error *err)
{
    return store->ops->check(store, err);
}

iscep_status iscep_store_used_bytes(iscep_store *store, int64_t *out, iscep_error *err)
{
    return store->ops->used_bytes(store, out, err);
}

iscep_status iscep_store_get_version(iscep_store *store, iscep_schema_mark *out, iscep_error *err)
{
    return store->ops->get_version(store, out, err);
}

iscep_status iscep_store_set_version(iscep_store *store, const iscep_schema_mark *mark, iscep_error *err)
{
    return store->ops->set_version(store, mark, err);
}

iscep_status iscep_store_begin(iscep_store *store, iscep_store_commitment commitment, iscep_error *err)
{
    return store->ops->begin(store, commitment, err);
}

iscep_status iscep_store_commit(iscep_store *store, iscep_error *err)
{
    return store->ops->commit(store, err);
}

void iscep_store_rollback(iscep_store *store)
{
    store->ops->rollback(store);
}

void iscep_store_tidy(iscep_store *store)
{
    store->ops->tidy(store);
}

iscep_status iscep_store_trust(iscep_store *store, iscep_error *err)
{
    return store->ops->trust(store, err);
}

iscep_status iscep_store_allow_ms(iscep_store *store, int64_t timeout_ms, iscep_error *err)
{
    return store->ops->allow_ms(store, timeout_ms, err);
}

iscep_status iscep_store_lock(iscep_store *store, iscep_lock what, int64_t id, iscep_error *err)
{
    return store->ops->lock(store, what, id, err);
}

iscep_status iscep_store_try_lock(bool *is_ours, iscep_store *store, iscep_lock what, iscep_error *err)
{
    return store->ops->try_lock(is_ours, store, what, err);
}

int64_t iscep_store_lease_clock_ms(const iscep_store *store, int64_t now_mono_ms)
{
    return store->ops->lease_clock_ms(store, now_mono_ms);
}

iscep_status iscep_store_query_params(iscep_rows **out, iscep_store *store, const char *sql,
                                      const iscep_param *params, size_t count, iscep_error *err)
{
    return store->ops->query(out, store, sql, params, count, err);
}

iscep_status iscep_store_run_params(iscep_store *store, const char *sql, const iscep_param *params,
                                    size_t count, iscep_error *err)
{
    return store->ops->run(store, sql, params, count, err);
}

iscep_status iscep_store_run_script(iscep_store *store, const char *sql, iscep_error *err)
{
    return store->ops->run_script(store, sql, err);
}

int64_t iscep_store_changed(iscep_store *store)
{
    return store->ops->changed(store);
}

int64_t iscep_store_inserted_id(iscep_store *store)
{
    return store->ops->inserted_id(store);
}

iscep_status iscep_rows_next(iscep_rows *rows, bool *has_row, iscep_error *err)
{
    return rows->ops->next(rows, has_row, err);
}

int64_t iscep_rows_number(iscep_rows *rows, int column)
{
    return rows->ops->number(rows, column);
}

const char *iscep_rows_text(iscep_rows *rows, int column)
{
    return rows->ops->text(rows, column);
}

iscep_bytes iscep_rows_bytes(iscep_rows *rows, int column)
{
    return rows->ops->bytes(rows, column);
}

bool iscep_rows_is_null(iscep_rows *rows, int column)
{
    return rows->ops->is_null(rows, column);
}

void iscep_rows_close(iscep_rows *rows)
{
    if (rows != NULL)
        rows->ops->close_rows(rows);
}

void iscep_rows_cleanup(iscep_rows **rows)
{
    iscep_rows_close(*rows);
}
