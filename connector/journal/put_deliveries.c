/* The deliveries of an enrolment, with their certificates: see put.h. */
#include "journal/history.h"
#include "journal/put.h"

/* A delivery as the spool has it. Texts and bytes are borrowed from its row. */
typedef struct spooled_delivery {
    iscep_delivery_row row; /* id and enrolment_id are the spool's */
    int64_t error_code;
    const char *description;
    int64_t attempts;
    int64_t recorded_unix_ms;
    int64_t due_unix_ms;
    iscep_journal_cert cert; /* der without bytes: it is a failure's */
    const char *ca;
    iscep_bytes csr; /* no bytes: it is not needed any more */
} spooled_delivery;

/* $1: the enrolment. */
static const char parcels[] =
    "SELECT " ISCEP_DELIVERY_COLUMNS ", d.error_code, d.description, d.attempts, d.recorded_unix_ms,"
    " d.due_unix_ms, c.serial, c.thumbprint, c.issuer, c.subject, c.ca, c.der, o.der"
    " FROM delivery d LEFT JOIN certificate c ON c.id = d.id LEFT JOIN owed_csr o ON o.id = d.id"
    " WHERE d.enrolment_id = $1 ORDER BY d.id";

static spooled_delivery parcel_in(iscep_rows *rows)
{
    enum { FIRST = ISCEP_DELIVERY_COLUMN_COUNT };
    return (spooled_delivery){.row = iscep_delivery_row_in(rows),
                              .error_code = iscep_rows_number(rows, FIRST),
                              .description = iscep_rows_text(rows, FIRST + 1),
                              .attempts = iscep_rows_number(rows, FIRST + 2),
                              .recorded_unix_ms = iscep_rows_number(rows, FIRST + 3),
                              .due_unix_ms = iscep_rows_number(rows, FIRST + 4),
                              .cert = {.serial = iscep_rows_text(rows, FIRST + 5),
                                       .thumbprint = iscep_rows_text(rows, FIRST + 6),
                                       .issuer = iscep_rows_text(rows, FIRST + 7),
                                       .subject = iscep_rows_text(rows, FIRST + 8),
                                       .der = iscep_rows_bytes(rows, FIRST + 10)},
                              .ca = iscep_rows_text(rows, FIRST + 9),
                              .csr = iscep_rows_bytes(rows, FIRST + 11)};
}

/* --- the same one, there --- */

static iscep_status read_id(int64_t *out, iscep_rows *rows, iscep_status opened, iscep_error *err)
{
    iscep_status status = opened;
    *out = iscep_rows_step(rows, &status, err) ? iscep_rows_number(rows, 0) : 0;
    return status;
}

static iscep_status find_cert(int64_t *out, iscep_db *to, int64_t enrolment_id,
                              const spooled_delivery *parcel, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(&rows, to->store, err,
                                            "SELECT d.id FROM delivery d JOIN certificate c ON c.id = d.id"
                                            " WHERE d.enrolment_id = $1 AND c.der = $2 ORDER BY d.id LIMIT 1",
                                            iscep_number(enrolment_id), iscep_blob(parcel->cert.der));
    return read_id(out, rows, status, err);
}

/* While it is owed the same failure is the same report (enrolments.h); later, only if it was recorded at the same time. */
static iscep_status find_failure(int64_t *out, iscep_db *to, int64_t enrolment_id,
                                 const spooled_delivery *parcel, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(
        &rows, to->store, err,
        "SELECT id FROM delivery WHERE enrolment_id = $1 AND kind = 2 AND error_code = $2"
        " AND description = $3 AND (recorded_unix_ms = $4 OR state = 1 AND $5 = 1)"
        " ORDER BY recorded_unix_ms = $4 DESC, id LIMIT 1",
        iscep_number(enrolment_id), iscep_number(parcel->error_code), iscep_text(parcel->description),
        iscep_number(parcel->recorded_unix_ms), iscep_number(parcel->row.state == ISCEP_DELIVERY_IS_OWED));
    return read_id(out, rows, status, err);
}

static iscep_status find_same(int64_t *out, iscep_db *to, const iscep_put_target *target,
                              const spooled_delivery *parcel, iscep_error *err)
{
    *out = 0;
    if (target->is_new)
        return ISCEP_OK;
    return parcel->row.kind == ISCEP_DELIVER_ISSUED
               ? find_cert(out, to, target->enrolment_id, parcel, err)
               : find_failure(out, to, target->enrolment_id, parcel, err);
}

/* --- two become one --- */

/*
 * What is decided beats what is owed; that Intune has taken note beats that it was given up. What was withheld or purged stays so, as
 * it does when an attempt ends late (settle.c).
 */
static iscep_delivery_state merged_state(iscep_delivery_state there, iscep_delivery_state here)
{
    bool is_open = there == ISCEP_DELIVERY_IS_OWED;
    bool is_dead = there == ISCEP_DELIVERY_IS_DEAD;
    bool is_final = here == ISCEP_DELIVERY_IS_DONE || here == ISCEP_DELIVERY_IS_WITHHELD ||
                    here == ISCEP_DELIVERY_IS_PURGED;
    return is_open || (is_dead && is_final) ? here : there;
}

static iscep_status merge(iscep_db *to, int64_t id, const spooled_delivery *parcel, iscep_error *err)
{
    iscep_arena arena = {0};
    iscep_delivery_row row;
    iscep_status status = iscep_delivery_load(&row, to, id, &arena, err);
    if (status != ISCEP_OK)
        return status;
    iscep_delivery_state before = row.state;
    row.state = merged_state(before, parcel->row.state);
    row.is_revoked = row.is_revoked || parcel->row.is_revoked;
    row.is_revocation_asked = row.is_revocation_asked || parcel->row.is_revocation_asked;
    bool is_decided_here = row.state != before;
    const iscep_delivery_row *texts = is_decided_here ? &parcel->row : &row;
    status = iscep_store_run(
        to->store, err,
        "UPDATE delivery SET state = $2, is_active = $3, is_revoked = $4, is_revocation_asked = $5, code = "
        "$6,"
        " message = $7, request_id = $8, leased_until_ms = CASE WHEN $9 = 1 THEN 0 ELSE leased_until_ms END"
        " WHERE id = $1",
        iscep_number(id), iscep_number(row.state), iscep_number(iscep_delivery_is_active(&row)),
        iscep_number(row.is_revoked), iscep_number(row.is_revocation_asked), iscep_text(texts->code),
        iscep_text(texts->message), iscep_text(texts->request_id), iscep_number(is_decided_here));
    bool needs_csr = row.state == ISCEP_DELIVERY_IS_OWED || row.state == ISCEP_DELIVERY_IS_DEAD;
    if (status == ISCEP_OK && !needs_csr)
        status = iscep_store_run(to->store, err, "DELETE FROM owed_csr WHERE id = $1", iscep_number(id));
    iscep_arena_clear(&arena);
    return status;
}

/* --- a new one --- */

static iscep_status insert(int64_t *id, iscep_db *to, const iscep_put_target *target,
                           const spooled_delivery *parcel, iscep_error *err)
{
    const iscep_delivery_row *row = &parcel->row;
    iscep_status status = iscep_store_run(
        to->store, err,
        "INSERT INTO delivery (enrolment_id, tenant, kind, state, is_deferred, error_code, description, "
        "attempts,"
        " recorded_unix_ms, due_unix_ms, leased_until_ms, fence, code, message, request_id, not_after_unix,"
        " is_active, is_revoked, is_revocation_asked)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $12, $13, $14, $15, $16, $17, $18)",
        iscep_number(target->enrolment_id), iscep_text(target->tenant), iscep_number(row->kind),
        iscep_number(row->state), iscep_number(row->is_deferred), iscep_number(parcel->error_code),
        iscep_text(parcel->description), iscep_number(parcel->attempts),
        iscep_number(parcel->recorded_unix_ms), iscep_number(parcel->due_unix_ms), iscep_number(row->fence),
        iscep_text(row->code), iscep_text(row->message), iscep_text(row->request_id),
        iscep_number(row->not_after_unix), iscep_number(iscep_delivery_is_active(row)),
        iscep_number(row->is_revoked), iscep_number(row->is_revocation_asked));
    *id = status == ISCEP_OK ? iscep_store_inserted_id(to->store) : 0;
    if (status == ISCEP_OK && parcel->cert.serial != NULL)
        status = iscep_cert_add(to, *id, &parcel->cert, parcel->ca, err);
    if (status == ISCEP_OK && parcel->csr.len > 0)
        status = iscep_store_run(to->store, err, "INSERT INTO owed_csr (id, der) VALUES ($1, $2)",
                                 iscep_number(*id), iscep_blob(parcel->csr));
    return status;
}

/* --- one after the other --- */

/* Somebody may know it by its number: it is owed, or was recorded by this process. */
static void remember(const iscep_put *put, const spooled_delivery *parcel, int64_t id)
{
    bool may_be_known =
        parcel->row.state == ISCEP_DELIVERY_IS_OWED || parcel->recorded_unix_ms >= put->opened_unix_ms;
    if (may_be_known)
        iscep_aliases_add(put->aliases, parcel->row.id, id);
}

static iscep_status put_one(const iscep_put *put, const iscep_put_target *target,
                            const spooled_delivery *parcel, iscep_error *err)
{
    int64_t id = 0;
    iscep_status status = find_same(&id, put->to, target, parcel, err);
    if (status == ISCEP_OK)
        status = id != 0 ? merge(put->to, id, parcel, err) : insert(&id, put->to, target, parcel, err);
    if (status != ISCEP_OK)
        return status;
    remember(put, parcel, id);
    return iscep_put_revocations_of(put, parcel->row.id, id, err);
}

iscep_status iscep_put_deliveries(const iscep_put *put, int64_t enrolment_id, const iscep_put_target *target,
                                  iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status =
        iscep_store_query(&rows, put->from->store, err, parcels, iscep_number(enrolment_id));
    while (iscep_rows_step(rows, &status, err)) {
        const spooled_delivery next = parcel_in(rows);
        status = put_one(put, target, &next, err);
    }
    return status;
}
