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

/* --- which --- */

#define EXPIRED                                                                                              \
    "UPDATE delivery SET leased_until_ms = 0 WHERE id IN"                                                    \
    " (SELECT id FROM delivery WHERE leased_until_ms > 0 AND leased_until_ms <= $1"

static iscep_status end_expired_leases(iscep_db *db, iscep_error *err)
{
    const char *sql =
        iscep_store_is_shared(db->store) ? EXPIRED ISCEP_SKIP_LOCKED("delivery") ")" : EXPIRED ")";
    return iscep_store_run(db->store, err, sql, iscep_number(db->now_lease_ms));
}

/* Those that nobody has and no earlier one of their enrolment holds up: of the tenant $1. */
#define CLAIMABLE                                                                                            \
    " FROM delivery d WHERE d.tenant = $1 AND d.state = 1 AND d.leased_until_ms = 0"                         \
    " AND NOT EXISTS (SELECT 1 FROM delivery e"                                                              \
    " WHERE e.enrolment_id = d.enrolment_id AND e.id < d.id AND e.state = 1)"
#define DUE "SELECT d.id" CLAIMABLE " AND d.due_unix_ms BETWEEN $2 AND $3 ORDER BY d.due_unix_ms LIMIT $4"

#define CLAIMED                                                                                              \
    "SELECT d.id, d.fence, d.kind, d.error_code, d.description, d.is_deferred, d.attempts,"                  \
    " d.recorded_unix_ms, d.not_after_unix, d.is_revoked, e.tenant, e.transaction_id, e.csr_sha256, o.der,"  \
    " c.serial, c.thumbprint, c.issuer, c.subject, e.is_validated"
#define WHOLE                                                                                                \
    " d LEFT JOIN enrolment e ON e.id = d.enrolment_id LEFT JOIN owed_csr o ON o.id = d.id"                  \
    " LEFT JOIN certificate c ON c.id = d.id"

/* Found, claimed and read at one go. */
#define DUE_TO_US DUE ISCEP_SKIP_LOCKED("d")
#define TAKE                                                                                                 \
    "UPDATE delivery SET leased_until_ms = $5, fence = fence + 1 FROM due WHERE delivery.id = due.id"        \
    " RETURNING delivery.*"
#define OF_TAKEN " FROM taken" WHOLE " ORDER BY d.due_unix_ms, d.id"
static const char take_shared[] =
    "WITH due AS MATERIALIZED (" DUE_TO_US "), taken AS (" TAKE ") " CLAIMED OF_TAKEN;

/* --- what is known of them --- */

static iscep_status read_claimed(iscep_delivery *out, iscep_rows *rows, iscep_arena *arena, iscep_error *err)
{
    iscep_bytes digest = iscep_rows_bytes(rows, 12);
    if (digest.len != sizeof out->key.csr_sha256 || iscep_rows_is_null(rows, 13))
        return iscep_error_set(err, ISCEP_STORAGE, "journal_corrupt",
                               "the journal: delivery %lld is not whole",
                               (long long)iscep_rows_number(rows, 0));
    *out = (iscep_delivery){.id = iscep_rows_number(rows, 0),
                            .fence = iscep_rows_number(rows, 1),
                            .kind = (iscep_delivery_kind)iscep_rows_number(rows, 2),
                            .key.tenant = iscep_arena_word(arena, iscep_rows_text(rows, 10)),
                            .key.transaction_id = iscep_arena_word(arena, iscep_rows_text(rows, 11)),
                            .csr = iscep_arena_bytes(arena, iscep_rows_bytes(rows, 13)),
                            .cert.serial = iscep_arena_word(arena, iscep_rows_text(rows, 14)),
                            .cert.thumbprint = iscep_arena_word(arena, iscep_rows_text(rows, 15)),
                            .cert.issuer = iscep_arena_word(arena, iscep_rows_text(rows, 16)),
                            .cert.subject = iscep_arena_word(arena, iscep_rows_text(rows, 17)),
                            .cert.not_after_unix = iscep_rows_number(rows, 8),
                            .cert.is_revoked = iscep_rows_number(rows, 9) != 0,
                            .error_code = (uint32_t)iscep_rows_number(rows, 3),
                            .description = iscep_arena_word(arena, iscep_rows_text(rows, 4)),
                            .is_deferred = iscep_rows_number(rows, 5) != 0,
                            .was_validated = iscep_rows_number(rows, 18) != 0,
                            .attempts = (uint32_t)iscep_rows_number(rows, 6),
                            .recorded_unix_ms = iscep_rows_number(rows, 7)};
    for (size_t i = 0; i < digest.len; i++)
        out->key.csr_sha256[i] = digest.data[i];
    return ISCEP_OK;
}

static iscep_status add_claimed(claim_job *claim, iscep_rows *rows, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    while (claim->count < claim->limit && iscep_rows_step(rows, &status, err))
        status = read_claimed(&claim->deliveries[claim->count++], rows, &claim->job.arena, err);
    return status;
}

/* --- taking them --- */

typedef struct time_span {
    int64_t from_unix_ms;
    int64_t to_unix_ms;
} time_span;

static iscep_status take_one(claim_job *claim, iscep_db *db, int64_t id, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_run(
        db->store, err, "UPDATE delivery SET leased_until_ms = $2, fence = fence + 1 WHERE id = $1",
        iscep_number(id), iscep_number(iscep_lease_end(db, claim->lease_ms)));
    if (status == ISCEP_OK)
        status = iscep_store_query(&rows, db->store, err, CLAIMED " FROM delivery" WHOLE " WHERE d.id = $1",
                                   iscep_number(id));
    return status == ISCEP_OK ? add_claimed(claim, rows, err) : status;
}

static iscep_status take_in_turn(claim_job *claim, iscep_db *db, const time_span *due, iscep_error *err)
{
    ISCEP_AUTO_ROW_IDS ids = {0};
    iscep_status status;
    {
        ISCEP_AUTO_ROWS *rows = NULL;
        status = iscep_store_query(&rows, db->store, err, DUE, iscep_text(claim->tenant),
                                   iscep_number(due->from_unix_ms), iscep_number(due->to_unix_ms),
                                   iscep_number((int64_t)(claim->limit - claim->count)));
        if (status == ISCEP_OK)
            status = iscep_row_ids_add(&ids, rows, err);
    }
    for (size_t i = 0; i < ids.count && status == ISCEP_OK; i++)
        status = take_one(claim, db, ids.ids[i], err);
    return status;
}

static iscep_status take_at_once(claim_job *claim, iscep_db *db, const time_span *due, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(&rows, db->store, err, take_shared, iscep_text(claim->tenant),
                                            iscep_number(due->from_unix_ms), iscep_number(due->to_unix_ms),
                                            iscep_number((int64_t)(claim->limit - claim->count)),
                                            iscep_number(iscep_lease_end(db, claim->lease_ms)));
    return status == ISCEP_OK ? add_claimed(claim, rows, err) : status;
}

static iscep_status take_due(claim_job *claim, iscep_db *db, const time_span *due, iscep_error *err)
{
    if (claim->count >= claim->limit)
        return ISCEP_OK;
    return iscep_store_is_shared(db->store) ? take_at_once(claim, db, due, err)
                                            : take_in_turn(claim, db, due, err);
}

static iscep_status find_next_due(claim_job *claim, iscep_db *db, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(
        &rows, db->store, err, "SELECT d.due_unix_ms" CLAIMABLE " ORDER BY d.due_unix_ms LIMIT 1",
        iscep_text(claim->tenant));
    bool is_any = iscep_rows_step(rows, &status, err);
    claim->next_due_unix_ms = is_any ? iscep_rows_number(rows, 0) : 0;
    if (is_any && claim->next_due_unix_ms <= 0)
        claim->next_due_unix_ms = 1; /* long ago; 0 would be: there is none */
    return status;
}

static iscep_status run_claim(iscep_job *job, iscep_db *db, iscep_error *err)
{
    claim_job *claim = (claim_job *)job;
    const time_span due = {INT64_MIN, db->now_unix_ms};
    const time_span set_before_clock_went_back = {db->now_unix_ms + claim->max_backoff_ms + 1, INT64_MAX};
    claim->count = 0;
    claim->deliveries = iscep_arena_alloc(&job->arena, claim->limit * sizeof *claim->deliveries);
    if (claim->deliveries == NULL)
        return iscep_error_nomem(err);
    iscep_status status = end_expired_leases(db, err);
    if (status == ISCEP_OK)
        status = take_due(claim, db, &due, err);
    if (status == ISCEP_OK)
        status = take_due(claim, db, &set_before_clock_went_back, err);
    return status == ISCEP_OK ? find_next_due(claim, db, err) : status;
}

static void each_id(iscep_job *job, iscep_id_fn fn, void *user)
{
    claim_job *claim = (claim_job *)job;
    for (size_t i = 0; i < claim->count; i++)
        fn(user, &claim->deliveries[i].id);
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
    claim->job.place = ISCEP_PLACE_CLAIM;
    claim->job.each_id = each_id;
    iscep_journal_write(journal, &claim->job);
}
