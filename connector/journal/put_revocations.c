/* Revocations: see put.h. */
#include "journal/put.h"

#define COLUMNS                                                                                              \
    "SELECT tenant, context, serial_text, serial, issuer, configuration, ca, state, attempts,"               \
    " stored_unix_ms, due_unix_ms, fence, ended_unix_ms, error_code, message, id FROM revocation"

static iscep_status has_own(bool *out, iscep_db *to, int64_t delivery_id, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(
        &rows, to->store, err, "SELECT 1 FROM revocation WHERE delivery_id = $1 AND context IS NULL LIMIT 1",
        iscep_number(delivery_id));
    return status == ISCEP_OK ? iscep_rows_next(rows, out, err) : status;
}

/* One of Intune's is known by its context, one of our own by its delivery. */
static iscep_status put_one(iscep_db *to, iscep_rows *row, int64_t delivery_id, iscep_error *err)
{
    bool is_there = false;
    bool is_own = iscep_rows_is_null(row, 1);
    iscep_status status = is_own ? has_own(&is_there, to, delivery_id, err) : ISCEP_OK;
    if (status != ISCEP_OK || is_there)
        return status;
    return iscep_store_run(
        to->store, err,
        "INSERT INTO revocation (tenant, context, serial_text, serial, issuer, configuration, ca, state,"
        " attempts, stored_unix_ms, due_unix_ms, leased_until_ms, fence, ended_unix_ms, error_code, message,"
        " delivery_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $13,"
        " CASE WHEN $14 = 1 THEN $15 ELSE NULL END, $16, $17) ON CONFLICT DO NOTHING",
        iscep_text(iscep_rows_text(row, 0)), iscep_text(iscep_rows_text(row, 1)),
        iscep_text(iscep_rows_text(row, 2)), iscep_text(iscep_rows_text(row, 3)),
        iscep_text(iscep_rows_text(row, 4)), iscep_text(iscep_rows_text(row, 5)),
        iscep_text(iscep_rows_text(row, 6)), iscep_number(iscep_rows_number(row, 7)),
        iscep_number(iscep_rows_number(row, 8)), iscep_number(iscep_rows_number(row, 9)),
        iscep_number(iscep_rows_number(row, 10)), iscep_number(iscep_rows_number(row, 11)),
        iscep_number(iscep_rows_number(row, 12)), iscep_number(!iscep_rows_is_null(row, 13)),
        iscep_number(iscep_rows_number(row, 13)), iscep_text(iscep_rows_text(row, 14)),
        iscep_number(delivery_id));
}

static iscep_status put_all(iscep_db *to, iscep_rows *rows, int64_t delivery_id, int64_t *last_id,
                            iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    while (iscep_rows_step(rows, &status, err)) {
        *last_id = iscep_rows_number(rows, 15);
        status = put_one(to, rows, delivery_id, err);
    }
    return status;
}

iscep_status iscep_put_revocations_of(const iscep_put *put, int64_t delivery_id, int64_t to_delivery_id,
                                      iscep_error *err)
{
    int64_t last_id = 0;
    iscep_status status;
    {
        ISCEP_AUTO_ROWS *rows = NULL;
        status = iscep_store_query(&rows, put->from->store, err,
                                   COLUMNS " WHERE delivery_id = $1 ORDER BY id", iscep_number(delivery_id));
        if (status == ISCEP_OK)
            status = put_all(put->to, rows, to_delivery_id, &last_id, err);
    }
    if (status != ISCEP_OK || last_id == 0)
        return status;
    return iscep_store_run(put->from->store, err, "DELETE FROM revocation WHERE delivery_id = $1",
                           iscep_number(delivery_id));
}

/* Those of a delivery went with it: what is left means no certificate that is known. */
iscep_status iscep_put_revocations(const iscep_put *put, int64_t limit, iscep_error *err)
{
    int64_t last_id = 0;
    iscep_status status;
    {
        ISCEP_AUTO_ROWS *rows = NULL;
        status = iscep_store_query(&rows, put->from->store, err, COLUMNS " WHERE id > 0 ORDER BY id LIMIT $1",
                                   iscep_number(limit));
        if (status == ISCEP_OK)
            status = put_all(put->to, rows, 0, &last_id, err);
    }
    if (status != ISCEP_OK || last_id == 0)
        return status;
    return iscep_store_run(put->from->store, err, "DELETE FROM revocation WHERE id <= $1",
                           iscep_number(last_id));
}
