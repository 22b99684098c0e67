/* See history.h. */
#include "journal/history.h"

#include <string.h>

static const char *const kind_names[] = {
    [ISCEP_EVENT_VALIDATED] = "validated",
    [ISCEP_EVENT_REFUSED] = "refused",
    [ISCEP_EVENT_UNANSWERED] = "unanswered",
    [ISCEP_EVENT_REPLAYED] = "replayed",
    [ISCEP_EVENT_NEVER_VALIDATED] = "never_validated",
    [ISCEP_EVENT_ISSUED] = "issued",
    [ISCEP_EVENT_REPORT_REFUSED] = "report_refused",
    [ISCEP_EVENT_REPORT_POSTPONED] = "report_postponed",
    [ISCEP_EVENT_HELD] = "held",
    [ISCEP_EVENT_REPORTED] = "reported",
    [ISCEP_EVENT_REPORTED_LATE] = "reported_late",
    [ISCEP_EVENT_WITHHELD] = "withheld",
    [ISCEP_EVENT_FAILED] = "failed",
    [ISCEP_EVENT_FAILURE_REPORTED] = "failure_reported",
    [ISCEP_EVENT_DEAD] = "dead",
    [ISCEP_EVENT_RETRIED] = "retried",
    [ISCEP_EVENT_PURGED] = "purged",
    [ISCEP_EVENT_REVOCATION_ASKED] = "revocation_asked",
    [ISCEP_EVENT_REVOCATION_HELD] = "revocation_held",
    [ISCEP_EVENT_REVOKED] = "revoked",
    [ISCEP_EVENT_REVOCATION_FAILED] = "revocation_failed",
    [ISCEP_EVENT_REVOCATION_ANSWERED] = "revocation_answered",
};

const char *iscep_journal_kind_name(iscep_journal_kind kind)
{
    size_t index = (size_t)kind;
    bool is_known = index < sizeof kind_names / sizeof *kind_names && kind_names[index] != NULL;
    return is_known ? kind_names[index] : "unknown";
}

/* Without a hash, there is no memory for the job either. */
void iscep_job_set_enrolment(iscep_job *job, const iscep_enrolment_key *key)
{
    job->place = ISCEP_PLACE_ENROLMENT;
    if (iscep_key_of_enrolment(&job->order, key->transaction_id, key->csr_sha256, NULL) != ISCEP_OK)
        job->arena.is_exhausted = true;
}

iscep_enrolment_key iscep_enrolment_key_copy(iscep_arena *arena, const iscep_enrolment_key *key)
{
    iscep_enrolment_key copy = *key;
    copy.tenant = iscep_arena_word(arena, key->tenant);
    copy.transaction_id = iscep_arena_word(arena, key->transaction_id);
    return copy;
}

iscep_journal_cert iscep_journal_cert_copy(iscep_arena *arena, const iscep_journal_cert *cert)
{
    return (iscep_journal_cert){.der = iscep_arena_bytes(arena, cert->der),
                                .serial = iscep_arena_word(arena, cert->serial),
                                .thumbprint = iscep_arena_word(arena, cert->thumbprint),
                                .issuer = iscep_arena_word(arena, cert->issuer),
                                .subject = iscep_arena_word(arena, cert->subject),
                                .not_after_unix = cert->not_after_unix,
                                .is_revoked = cert->is_revoked};
}

/* --- enrolments --- */

static iscep_status compare_enrolment(iscep_enrolment *out, iscep_db *db, int64_t id,
                                      const iscep_enrolment_key *key, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status =
        iscep_store_query(&rows, db->store, err,
                          "SELECT is_validated, subject FROM enrolment WHERE id = $1 AND"
                          " tenant = $2 AND transaction_id = $3 AND csr_sha256 = $4",
                          iscep_number(id), iscep_text(key->tenant), iscep_text(key->transaction_id),
                          iscep_blob(iscep_bytes_of(key->csr_sha256, sizeof key->csr_sha256)));
    if (iscep_rows_step(rows, &status, err))
        *out = (iscep_enrolment){.id = id,
                                 .is_validated = iscep_rows_number(rows, 0) != 0,
                                 .has_subject = !iscep_rows_is_null(rows, 1)};
    return status;
}

#define BY_INDEX                                                                                             \
    "SELECT id, is_validated, subject FROM enrolment"                                                        \
    " WHERE transaction_id = $1 AND csr_sha256 = $2 AND tenant = $3"

/* Whoever writes about it has its row to himself from here on. */
static iscep_status find_by_index(iscep_enrolment *out, iscep_db *db, const iscep_enrolment_key *key,
                                  bool is_locked, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(
        &rows, db->store, err, is_locked ? BY_INDEX " FOR UPDATE" : BY_INDEX, iscep_text(key->transaction_id),
        iscep_blob(iscep_bytes_of(key->csr_sha256, sizeof key->csr_sha256)), iscep_text(key->tenant));
    if (iscep_rows_step(rows, &status, err))
        *out = (iscep_enrolment){.id = iscep_rows_number(rows, 0),
                                 .is_validated = iscep_rows_number(rows, 1) != 0,
                                 .has_subject = !iscep_rows_is_null(rows, 2)};
    return status;
}

static iscep_status find_enrolment(iscep_enrolment *out, iscep_db *db, const iscep_enrolment_key *key,
                                   int64_t hash, bool is_locked, iscep_error *err)
{
    ISCEP_AUTO_ROW_IDS ids = {0};
    *out = (iscep_enrolment){0};
    if (db->keys == NULL)
        return find_by_index(out, db, key, is_locked, err);
    iscep_status status = iscep_keys_find(db->keys, db->store, hash, &ids, err);
    for (size_t i = 0; i < ids.count && status == ISCEP_OK && out->id == 0; i++)
        status = compare_enrolment(out, db, ids.ids[i], key, err);
    return status;
}

iscep_status iscep_enrolment_find(iscep_enrolment *out, iscep_db *db, const iscep_enrolment_key *key,
                                  iscep_error *err)
{
    int64_t hash = 0;
    iscep_status status = iscep_key_of_enrolment(&hash, key->transaction_id, key->csr_sha256, err);
    return status == ISCEP_OK ? find_enrolment(out, db, key, hash, false, err) : status;
}

static iscep_status make_enrolment(iscep_enrolment *out, iscep_db *db, const iscep_enrolment_key *key,
                                   const char *subject, int64_t hash, iscep_error *err)
{
    iscep_status status = iscep_store_run(
        db->store, err,
        "INSERT INTO enrolment (tenant, transaction_id, csr_sha256, subject, is_validated, first_unix_ms)"
        " VALUES ($1, $2, $3, $4, 0, $5)",
        iscep_text(key->tenant), iscep_text(key->transaction_id),
        iscep_blob(iscep_bytes_of(key->csr_sha256, sizeof key->csr_sha256)), iscep_text(subject),
        iscep_number(db->now_unix_ms));
    *out = (iscep_enrolment){
        .id = iscep_store_inserted_id(db->store), .has_subject = subject != NULL, .is_new = true};
    return status == ISCEP_OK ? iscep_keys_add(db->keys, db->store, hash, out->id, err) : status;
}

iscep_status iscep_enrolment_have(iscep_enrolment *out, iscep_db *db, const iscep_enrolment_key *key,
                                  const char *subject, iscep_error *err)
{
    int64_t hash = 0;
    iscep_status status = iscep_key_of_enrolment(&hash, key->transaction_id, key->csr_sha256, err);
    if (status == ISCEP_OK)
        status = find_enrolment(out, db, key, hash, true, err);
    if (status == ISCEP_OK && out->id == 0)
        return make_enrolment(out, db, key, subject, hash, err);
    if (status == ISCEP_OK && !out->has_subject && subject != NULL)
        status = iscep_store_run(db->store, err, "UPDATE enrolment SET subject = $2 WHERE id = $1",
                                 iscep_number(out->id), iscep_text(subject));
    return status;
}

/* --- events --- */

iscep_status iscep_event_append(iscep_db *db, int64_t enrolment_id, const iscep_journal_event *event,
                                iscep_error *err)
{
    return iscep_store_run(db->store, err,
                           "INSERT INTO event (enrolment_id, kind, first_unix_ms, last_unix_ms, times, code, "
                           "message, request_id)"
                           " VALUES ($1, $2, $3, $3, 1, $4, $5, $6)",
                           iscep_number(enrolment_id), iscep_text(iscep_journal_kind_name(event->kind)),
                           iscep_number(db->now_unix_ms), iscep_text(event->code), iscep_text(event->message),
                           iscep_text(event->request_id));
}

static bool is_same_text(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

iscep_status iscep_event_add(iscep_db *db, int64_t enrolment_id, const iscep_journal_event *event,
                             iscep_error *err)
{
    int64_t same = 0;
    {
        ISCEP_AUTO_ROWS *rows = NULL;
        iscep_status status = iscep_store_query(
            &rows, db->store, err,
            "SELECT id, kind, code, message FROM event WHERE enrolment_id = $1 ORDER BY id DESC LIMIT 1",
            iscep_number(enrolment_id));
        if (iscep_rows_step(rows, &status, err) &&
            is_same_text(iscep_rows_text(rows, 1), iscep_journal_kind_name(event->kind)) &&
            is_same_text(iscep_rows_text(rows, 2), event->code) &&
            is_same_text(iscep_rows_text(rows, 3), event->message))
            same = iscep_rows_number(rows, 0);
        if (status != ISCEP_OK)
            return status;
    }
    if (same == 0)
        return iscep_event_append(db, enrolment_id, event, err);
    return iscep_store_run(
        db->store, err,
        "UPDATE event SET times = times + 1, last_unix_ms = $2, request_id = $3 WHERE id = $1",
        iscep_number(same), iscep_number(db->now_unix_ms), iscep_text(event->request_id));
}

/* --- deliveries --- */

iscep_delivery_row iscep_delivery_row_in(iscep_rows *rows)
{
    return (iscep_delivery_row){.id = iscep_rows_number(rows, 0),
                                .enrolment_id = iscep_rows_number(rows, 1),
                                .kind = (iscep_delivery_kind)iscep_rows_number(rows, 2),
                                .state = (iscep_delivery_state)iscep_rows_number(rows, 3),
                                .is_deferred = iscep_rows_number(rows, 4) != 0,
                                .is_revoked = iscep_rows_number(rows, 5) != 0,
                                .is_revocation_asked = iscep_rows_number(rows, 6) != 0,
                                .not_after_unix = iscep_rows_number(rows, 7),
                                .code = iscep_rows_text(rows, 8),
                                .message = iscep_rows_text(rows, 9),
                                .request_id = iscep_rows_text(rows, 10),
                                .fence = iscep_rows_number(rows, 11)};
}

iscep_status iscep_delivery_load(iscep_delivery_row *out, iscep_db *db, int64_t id, iscep_arena *arena,
                                 iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    *out = (iscep_delivery_row){0};
    iscep_status status = iscep_store_query(
        &rows, db->store, err, "SELECT " ISCEP_DELIVERY_COLUMNS " FROM delivery d WHERE d.id = $1",
        iscep_number(id));
    if (!iscep_rows_step(rows, &status, err))
        return status;
    *out = iscep_delivery_row_in(rows);
    out->code = iscep_arena_word(arena, out->code);
    out->message = iscep_arena_word(arena, out->message);
    out->request_id = iscep_arena_word(arena, out->request_id);
    return ISCEP_OK;
}

iscep_status iscep_delivery_find(iscep_delivery_row *out, iscep_db *db, int64_t id, int64_t fence,
                                 iscep_arena *arena, iscep_error *err)
{
    iscep_status status = iscep_delivery_load(out, db, id, arena, err);
    if (status == ISCEP_OK && (out->id == 0 || !iscep_fences_are_of_one(out->fence, fence)))
        return iscep_error_set(err, ISCEP_USAGE, "delivery_unknown", "the journal has no such delivery %lld",
                               (long long)id);
    return status;
}

bool iscep_delivery_is_active(const iscep_delivery_row *row)
{
    return row->kind == ISCEP_DELIVER_ISSUED && !row->is_revoked &&
           row->state != ISCEP_DELIVERY_IS_WITHHELD &&
           (row->state == ISCEP_DELIVERY_IS_DONE || row->is_deferred);
}

static iscep_report_state report_state_of(iscep_delivery_state state)
{
    switch (state) {
    case ISCEP_DELIVERY_IS_OWED:
        return ISCEP_REPORT_OWED;
    case ISCEP_DELIVERY_IS_DONE:
        return ISCEP_REPORT_DONE;
    case ISCEP_DELIVERY_IS_WITHHELD:
        return ISCEP_REPORT_WITHHELD;
    case ISCEP_DELIVERY_IS_DEAD:
    case ISCEP_DELIVERY_IS_PURGED:
        break;
    }
    return ISCEP_REPORT_DEAD;
}

void iscep_report_fill(iscep_report *out, const iscep_delivery_row *row)
{
    out->state = report_state_of(row->state);
    out->is_deferred = row->is_deferred;
    out->is_revoked = row->is_revoked;
    out->delivery_id = row->id;
    out->fence = row->fence;
    out->code = row->code;
    out->message = row->message;
    out->request_id = row->request_id;
}

/* --- certificates --- */

iscep_status iscep_cert_add(iscep_db *db, int64_t id, const iscep_journal_cert *cert, const char *ca,
                            iscep_error *err)
{
    int64_t hash = 0;
    iscep_status status = iscep_store_run(
        db->store, err,
        "INSERT INTO certificate (id, serial, thumbprint, issuer, subject, ca, der)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        iscep_number(id), iscep_text(cert->serial), iscep_text(cert->thumbprint), iscep_text(cert->issuer),
        iscep_text(cert->subject), iscep_text(ca), iscep_blob(cert->der));
    if (status == ISCEP_OK)
        status = iscep_key_of_serial(&hash, cert->serial, err);
    return status == ISCEP_OK ? iscep_keys_add(db->keys, db->store, hash, id, err) : status;
}

static iscep_status compare_serial(bool *is_it, iscep_db *db, int64_t id, const char *tenant,
                                   const char *serial, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "SELECT 1 FROM certificate c JOIN delivery d ON d.id = c.id WHERE c.id = $1 AND c.serial = $2"
        " AND d.tenant = $3",
        iscep_number(id), iscep_text(serial), iscep_text(tenant));
    return status == ISCEP_OK ? iscep_rows_next(rows, is_it, err) : status;
}

static iscep_status list_serial(iscep_row_ids *out, iscep_db *db, const char *tenant, const char *serial,
                                iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(&rows, db->store, err,
                                            "SELECT c.id FROM certificate c JOIN delivery d ON d.id = c.id"
                                            " WHERE c.serial = $1 AND d.tenant = $2 ORDER BY c.id",
                                            iscep_text(serial), iscep_text(tenant));
    return status == ISCEP_OK ? iscep_row_ids_add(out, rows, err) : status;
}

iscep_status iscep_certs_of_serial(iscep_row_ids *out, iscep_db *db, const char *tenant, const char *serial,
                                   iscep_error *err)
{
    int64_t hash = 0;
    size_t kept = 0;
    if (db->keys == NULL)
        return list_serial(out, db, tenant, serial, err);
    iscep_status status = iscep_key_of_serial(&hash, serial, err);
    if (status == ISCEP_OK)
        status = iscep_keys_find(db->keys, db->store, hash, out, err);
    for (size_t i = 0; i < out->count && status == ISCEP_OK; i++) {
        bool is_it = false;
        status = compare_serial(&is_it, db, out->ids[i], tenant, serial, err);
        if (is_it)
            out->ids[kept++] = out->ids[i];
    }
    out->count = kept;
    return status;
}
