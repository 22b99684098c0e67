/* What is owed to Intune, given out: see deliveries.h. How it ends is in settle.c. */
#include "journal/deliveries.h"

#include "journal/history.h"

typedef struct claim_job {
    iscep_job job;
    const char *tenant;
    size_t limit;
    int64_t lease_ms;
    int64_t max_backoff_ms;
    iscep_deliveries_fn done;
    void *user;
    iscep_delivery *deliveries;
    size_t count;
    int64_t next_due_unix_ms;
} claim_job;

static iscep_status end_expired_leases(iscep_db *db, iscep_error *err)
{
    return iscep_store_run(
        db->store, err,
        "UPDATE delivery SET leased_until_ms = 0 WHERE leased_until_ms > 0 AND leased_until_ms <= $1",
        iscep_number(db->now_mono_ms));
}

/* Those that nobody has and no earlier one of their enrolment holds up, due within the span. */
static iscep_status add_due(iscep_row_ids *out, const claim_job *claim, iscep_db *db, int64_t from_unix_ms,
                            int64_t to_unix_ms, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    if (out->count >= claim->limit)
        return ISCEP_OK;
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "SELECT d.id FROM delivery d WHERE d.tenant = $1 AND d.state = 1 AND d.leased_until_ms = 0"
        " AND d.due_unix_ms BETWEEN $2 AND $3 AND NOT EXISTS (SELECT 1 FROM delivery e"
        " WHERE e.enrolment_id = d.enrolment_id AND e.id < d.id AND e.state = 1)"
        " ORDER BY d.due_unix_ms LIMIT $4",
        iscep_text(claim->tenant), iscep_number(from_unix_ms), iscep_number(to_unix_ms),
        iscep_number((int64_t)(claim->limit - out->count)));
    return status == ISCEP_OK ? iscep_row_ids_add(out, rows, err) : status;
}

static iscep_status load_claimed(iscep_delivery *out, iscep_db *db, int64_t id, iscep_arena *arena,
                                 iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    bool has_row = false;
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "SELECT d.kind, d.error_code, d.description, d.is_deferred, d.attempts, d.recorded_unix_ms,"
        " d.not_after_unix, d.is_revoked, e.tenant, e.transaction_id, e.csr_sha256, o.der, c.serial, "
        "c.thumbprint,"
        " c.issuer, c.subject, e.is_validated FROM delivery d JOIN enrolment e ON e.id = d.enrolment_id"
        " JOIN owed_csr o ON o.id = d.id LEFT JOIN certificate c ON c.id = d.id WHERE d.id = $1",
        iscep_number(id));
    if (status == ISCEP_OK)
        status = iscep_rows_next(rows, &has_row, err);
    iscep_bytes digest = has_row ? iscep_rows_bytes(rows, 10) : (iscep_bytes){0};
    if (status == ISCEP_OK && digest.len != sizeof out->key.csr_sha256)
        return iscep_error_set(err, ISCEP_STORAGE, "journal_corrupt",
                               "the journal: delivery %lld is not whole", (long long)id);
    if (status != ISCEP_OK)
        return status;
    *out = (iscep_delivery){.id = id,
                            .kind = (iscep_delivery_kind)iscep_rows_number(rows, 0),
                            .key.tenant = iscep_arena_word(arena, iscep_rows_text(rows, 8)),
                            .key.transaction_id = iscep_arena_word(arena, iscep_rows_text(rows, 9)),
                            .csr = iscep_arena_bytes(arena, iscep_rows_bytes(rows, 11)),
                            .cert.serial = iscep_arena_word(arena, iscep_rows_text(rows, 12)),
                            .cert.thumbprint = iscep_arena_word(arena, iscep_rows_text(rows, 13)),
                            .cert.issuer = iscep_arena_word(arena, iscep_rows_text(rows, 14)),
                            .cert.subject = iscep_arena_word(arena, iscep_rows_text(rows, 15)),
                            .cert.not_after_unix = iscep_rows_number(rows, 6),
                            .cert.is_revoked = iscep_rows_number(rows, 7) != 0,
                            .error_code = (uint32_t)iscep_rows_number(rows, 1),
                            .description = iscep_arena_word(arena, iscep_rows_text(rows, 2)),
                            .is_deferred = iscep_rows_number(rows, 3) != 0,
                            .was_validated = iscep_rows_number(rows, 16) != 0,
                            .attempts = (uint32_t)iscep_rows_number(rows, 4),
                            .recorded_unix_ms = iscep_rows_number(rows, 5)};
    for (size_t i = 0; i < digest.len; i++)
        out->key.csr_sha256[i] = digest.data[i];
    return ISCEP_OK;
}

static iscep_status find_next_due(claim_job *claim, iscep_db *db, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    bool has_row = false;
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "SELECT d.due_unix_ms FROM delivery d WHERE d.tenant = $1 AND d.state = 1 AND d.leased_until_ms = 0"
        " AND NOT EXISTS (SELECT 1 FROM delivery e"
        " WHERE e.enrolment_id = d.enrolment_id AND e.id < d.id AND e.state = 1)"
        " ORDER BY d.due_unix_ms LIMIT 1",
        iscep_text(claim->tenant));
    if (status == ISCEP_OK)
        status = iscep_rows_next(rows, &has_row, err);
    claim->next_due_unix_ms = status == ISCEP_OK && has_row ? iscep_rows_number(rows, 0) : 0;
    if (has_row && claim->next_due_unix_ms <= 0)
        claim->next_due_unix_ms = 1; /* long ago; 0 would be: there is none */
    return status;
}

static iscep_status give_out(claim_job *claim, iscep_db *db, const iscep_row_ids *ids, iscep_error *err)
{
    iscep_arena *arena = &claim->job.arena;
    iscep_status status = ISCEP_OK;
    claim->count = 0;
    claim->deliveries = iscep_arena_alloc(arena, ids->count * sizeof *claim->deliveries);
    for (size_t i = 0; i < ids->count && status == ISCEP_OK && claim->deliveries != NULL; i++) {
        status = load_claimed(&claim->deliveries[i], db, ids->ids[i], arena, err);
        if (status == ISCEP_OK)
            status = iscep_store_run(db->store, err, "UPDATE delivery SET leased_until_ms = $2 WHERE id = $1",
                                     iscep_number(ids->ids[i]),
                                     iscep_number(iscep_lease_end(db, claim->lease_ms)));
        claim->count++;
    }
    return status;
}

static iscep_status run_claim(iscep_job *job, iscep_db *db, iscep_error *err)
{
    claim_job *claim = (claim_job *)job;
    ISCEP_AUTO_ROW_IDS ids = {0};
    iscep_status status = end_expired_leases(db, err);
    if (status == ISCEP_OK)
        status = add_due(&ids, claim, db, INT64_MIN, db->now_unix_ms, err);
    if (status == ISCEP_OK) /* set before the clock went backwards */
        status = add_due(&ids, claim, db, db->now_unix_ms + claim->max_backoff_ms + 1, INT64_MAX, err);
    if (status == ISCEP_OK)
        status = give_out(claim, db, &ids, err);
    return status == ISCEP_OK ? find_next_due(claim, db, err) : status;
}

static void finish_claim(iscep_job *job)
{
    const claim_job *claim = (claim_job *)job;
    if (job->status == ISCEP_OK)
        claim->done(claim->user, ISCEP_OK, claim->deliveries, claim->count, claim->next_due_unix_ms,
                    &job->err);
    else
        claim->done(claim->user, job->status, NULL, 0, 0, &job->err);
}

void iscep_journal_claim_deliveries(iscep_journal *journal, const char *tenant, size_t limit,
                                    int64_t lease_ms, int64_t max_backoff_ms, iscep_deliveries_fn done,
                                    void *user)
{
    claim_job *claim = iscep_job_new(journal, sizeof *claim, run_claim, finish_claim);
    if (claim == NULL) {
        iscep_error err;
        done(user, iscep_error_nomem(&err), NULL, 0, 0, &err);
        return;
    }
    claim->tenant = iscep_arena_word(&claim->job.arena, tenant);
    claim->limit = limit;
    claim->lease_ms = lease_ms > 0 ? lease_ms : 1;
    claim->max_backoff_ms = max_backoff_ms;
    claim->done = done;
    claim->user = user;
    iscep_journal_write(journal, &claim->job);
}
