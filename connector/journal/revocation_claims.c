/* Revocations and their results, given out: see revocations.h. */
#include "journal/claims.h"
#include "journal/history.h"
#include "journal/revocations.h"

enum { MAX_ABSENT_LEN = 64 * 1024 };

typedef struct claim_job {
    iscep_job job;
    iscep_revocation_state state; /* of those wanted: WAITING or ANSWERABLE */
    const char *tenant;
    size_t limit;
    int64_t lease_ms;
    int64_t max_backoff_ms;
    const char *absent; /* the CAs that cannot be served: "/NAME//NAME/" */
    int64_t patience_ms;
    iscep_revocations_fn revocations_done;
    iscep_results_fn results_done;
    void *user;
    iscep_revocation *revocations;
    iscep_revocation_result *results;
    size_t count;
    int64_t next_due_unix_ms;
} claim_job;

/* --- which --- */

/*
 * $1 tenant, $2 state; of those WAITING, $3 the absent CAs, $4 when what was stored until then has waited for long enough.
 * "state <> 4" is what lets the databases take the index of the open ones.
 */
#define GIVEN_OUT                                                                                            \
    " FROM revocation WHERE tenant = $1 AND state = $2 AND state <> 4 AND leased_until_ms = 0 AND ($2 = 3"   \
    " OR ((context IS NULL OR NOT EXISTS (SELECT 1 FROM revocation h WHERE h.tenant = $1 AND h.state = 2"    \
    " AND h.state <> 4)) AND (ca IS NULL OR replace($3, '/' || ca || '/', '') = $3"                          \
    " OR (context IS NOT NULL AND stored_unix_ms <= $4))))"
#define EXPIRED                                                                                              \
    "UPDATE revocation SET leased_until_ms = 0 WHERE id IN"                                                  \
    " (SELECT id FROM revocation WHERE leased_until_ms > 0 AND leased_until_ms <= $1"
#define FIND_DUE(lock)                                                                                       \
    "SELECT id" GIVEN_OUT " AND due_unix_ms BETWEEN $5 AND $6 ORDER BY due_unix_ms, id LIMIT $7" lock

static iscep_status add_due(iscep_row_ids *out, const claim_job *claim, iscep_db *db, int64_t from_unix_ms,
                            int64_t to_unix_ms, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    if (out->count >= claim->limit)
        return ISCEP_OK;
    const char *find =
        iscep_store_is_shared(db->store) ? FIND_DUE(ISCEP_SKIP_LOCKED("revocation")) : FIND_DUE("");
    iscep_status status =
        iscep_store_query(&rows, db->store, err, find, iscep_text(claim->tenant), iscep_number(claim->state),
                          iscep_text(claim->absent), iscep_number(db->now_unix_ms - claim->patience_ms),
                          iscep_number(from_unix_ms), iscep_number(to_unix_ms),
                          iscep_number((int64_t)(claim->limit - out->count)));
    return status == ISCEP_OK ? iscep_row_ids_add(out, rows, err) : status;
}

/* Whoever had it and did not settle it has a fence that is not the row's any more. */
static iscep_status lease(iscep_db *db, const claim_job *claim, int64_t id, iscep_error *err)
{
    return iscep_store_run(db->store, err,
                           "UPDATE revocation SET leased_until_ms = $2, fence = fence + 1 WHERE id = $1",
                           iscep_number(id), iscep_number(iscep_lease_end(db, claim->lease_ms)));
}

static iscep_status find_due(iscep_row_ids *out, const claim_job *claim, iscep_db *db, iscep_error *err)
{
    const char *end_expired =
        iscep_store_is_shared(db->store) ? EXPIRED ISCEP_SKIP_LOCKED("revocation") ")" : EXPIRED ")";
    iscep_status status = iscep_store_run(db->store, err, end_expired, iscep_number(db->now_lease_ms));
    if (status == ISCEP_OK)
        status = add_due(out, claim, db, INT64_MIN, db->now_unix_ms, err);
    if (status == ISCEP_OK) /* set before the clock went backwards */
        status = add_due(out, claim, db, db->now_unix_ms + claim->max_backoff_ms + 1, INT64_MAX, err);
    for (size_t i = 0; i < out->count && status == ISCEP_OK; i++)
        status = lease(db, claim, out->ids[i], err);
    return status;
}

static iscep_status find_next_due(claim_job *claim, iscep_db *db, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(
        &rows, db->store, err, "SELECT due_unix_ms" GIVEN_OUT " ORDER BY due_unix_ms LIMIT 1",
        iscep_text(claim->tenant), iscep_number(claim->state), iscep_text(claim->absent),
        iscep_number(db->now_unix_ms - claim->patience_ms));
    bool is_any = iscep_rows_step(rows, &status, err);
    claim->next_due_unix_ms = is_any ? iscep_rows_number(rows, 0) : 0;
    if (is_any && claim->next_due_unix_ms <= 0)
        claim->next_due_unix_ms = 1; /* long ago; 0 would be: there is none */
    return status;
}

/* --- what is known of them --- */

static iscep_status load_cert(iscep_revocation *out, iscep_db *db, int64_t delivery_id, iscep_arena *arena,
                              iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "SELECT c.der, c.serial, c.thumbprint, c.issuer, c.subject, d.not_after_unix, d.is_revoked, c.ca"
        " FROM certificate c JOIN delivery d ON d.id = c.id WHERE c.id = $1",
        iscep_number(delivery_id));
    if (!iscep_rows_step(rows, &status, err))
        return status;
    const iscep_journal_cert cert = {.der = iscep_rows_bytes(rows, 0),
                                     .serial = iscep_rows_text(rows, 1),
                                     .thumbprint = iscep_rows_text(rows, 2),
                                     .issuer = iscep_rows_text(rows, 3),
                                     .subject = iscep_rows_text(rows, 4),
                                     .not_after_unix = iscep_rows_number(rows, 5),
                                     .is_revoked = iscep_rows_number(rows, 6) != 0};
    out->known = iscep_journal_cert_copy(arena, &cert);
    out->known_ca = iscep_arena_text(arena, iscep_rows_text(rows, 7));
    return ISCEP_OK;
}

static iscep_status load_known(iscep_revocation *out, iscep_db *db, int64_t own_delivery_id,
                               iscep_arena *arena, iscep_error *err)
{
    ISCEP_AUTO_ROW_IDS ids = {0};
    if (out->context == NULL) {
        out->known_count = 1;
        return load_cert(out, db, own_delivery_id, arena, err);
    }
    if (out->serial == NULL)
        return ISCEP_OK;
    iscep_status status = iscep_certs_of_serial(&ids, db, out->tenant, out->serial, err);
    out->known_count = ids.count;
    return status == ISCEP_OK && ids.count == 1 ? load_cert(out, db, ids.ids[0], arena, err) : status;
}

static iscep_status load_revocation(iscep_revocation *out, iscep_db *db, int64_t id, iscep_arena *arena,
                                    iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status =
        iscep_store_query(&rows, db->store, err,
                          "SELECT tenant, context, serial_text, serial, issuer, configuration, ca, attempts,"
                          " stored_unix_ms, delivery_id, fence FROM revocation WHERE id = $1",
                          iscep_number(id));
    if (!iscep_rows_step(rows, &status, err))
        return status;
    *out = (iscep_revocation){.id = id,
                              .fence = iscep_rows_number(rows, 10),
                              .tenant = iscep_arena_word(arena, iscep_rows_text(rows, 0)),
                              .context = iscep_arena_text(arena, iscep_rows_text(rows, 1)),
                              .serial_text = iscep_arena_word(arena, iscep_rows_text(rows, 2)),
                              .serial = iscep_arena_text(arena, iscep_rows_text(rows, 3)),
                              .issuer = iscep_arena_word(arena, iscep_rows_text(rows, 4)),
                              .configuration = iscep_arena_word(arena, iscep_rows_text(rows, 5)),
                              .ca = iscep_arena_text(arena, iscep_rows_text(rows, 6)),
                              .attempts = (uint32_t)iscep_rows_number(rows, 7),
                              .stored_unix_ms = iscep_rows_number(rows, 8)};
    return load_known(out, db, iscep_rows_number(rows, 9), arena, err);
}

static iscep_status load_result(iscep_revocation_result *out, iscep_db *db, int64_t id, iscep_arena *arena,
                                iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(
        &rows, db->store, err, "SELECT context, error_code, message, fence FROM revocation WHERE id = $1",
        iscep_number(id));
    if (iscep_rows_step(rows, &status, err))
        *out = (iscep_revocation_result){.id = id,
                                         .fence = iscep_rows_number(rows, 3),
                                         .context = iscep_arena_word(arena, iscep_rows_text(rows, 0)),
                                         .error_code = (int32_t)iscep_rows_number(rows, 1),
                                         .message = iscep_arena_word(arena, iscep_rows_text(rows, 2))};
    return status;
}

/* --- the claim --- */

static iscep_status run_claim(iscep_job *job, iscep_db *db, iscep_error *err)
{
    claim_job *claim = (claim_job *)job;
    iscep_arena *arena = &job->arena;
    ISCEP_AUTO_ROW_IDS ids = {0};
    bool is_work = claim->state == ISCEP_REVOCATION_WAITING;
    iscep_status status = find_due(&ids, claim, db, err);
    claim->count = ids.count;
    claim->revocations = iscep_arena_alloc(arena, ids.count * sizeof *claim->revocations);
    claim->results = iscep_arena_alloc(arena, ids.count * sizeof *claim->results);
    if (claim->revocations == NULL || claim->results == NULL)
        return iscep_error_nomem(err);
    for (size_t i = 0; i < ids.count && status == ISCEP_OK; i++)
        status = is_work ? load_revocation(&claim->revocations[i], db, ids.ids[i], arena, err)
                         : load_result(&claim->results[i], db, ids.ids[i], arena, err);
    return status == ISCEP_OK ? find_next_due(claim, db, err) : status;
}

static void finish_claim(iscep_job *job)
{
    const claim_job *claim = (claim_job *)job;
    bool is_ok = job->status == ISCEP_OK;
    size_t count = is_ok ? claim->count : 0;
    int64_t next_due = is_ok ? claim->next_due_unix_ms : 0;
    if (claim->revocations_done != NULL)
        claim->revocations_done(claim->user, job->status, is_ok ? claim->revocations : NULL, count, next_due,
                                &job->err);
    else
        claim->results_done(claim->user, job->status, is_ok ? claim->results : NULL, count, next_due,
                            &job->err);
}

/* Names hold no slash. */
static const char *list_absent(iscep_arena *arena, const iscep_revocation_claim *wanted)
{
    ISCEP_AUTO_BUF list;
    iscep_buf_init(&list, MAX_ABSENT_LEN);
    for (size_t i = 0; i < wanted->absent_ca_count; i++)
        iscep_buf_printf(&list, "/%s/", wanted->absent_cas[i]);
    if (iscep_buf_status(&list, NULL) != ISCEP_OK)
        arena->is_exhausted = true;
    return iscep_arena_word(arena, iscep_buf_text(&list));
}

static claim_job *new_claim(iscep_journal *journal, iscep_revocation_state state,
                            const iscep_revocation_claim *wanted)
{
    claim_job *claim = iscep_job_new(journal, sizeof *claim, run_claim, finish_claim);
    if (claim == NULL)
        return NULL;
    claim->state = state;
    claim->tenant = iscep_arena_word(&claim->job.arena, wanted->tenant);
    claim->limit = wanted->limit;
    claim->lease_ms = wanted->lease_ms > 0 ? wanted->lease_ms : 1;
    claim->max_backoff_ms = wanted->max_backoff_ms;
    claim->absent = list_absent(&claim->job.arena, wanted);
    claim->patience_ms = wanted->patience_ms;
    return claim;
}

void iscep_journal_claim_revocations(iscep_journal *journal, const iscep_revocation_claim *wanted,
                                     iscep_revocations_fn done, void *user)
{
    claim_job *claim = new_claim(journal, ISCEP_REVOCATION_WAITING, wanted);
    if (claim == NULL) {
        iscep_error err;
        done(user, iscep_error_nomem(&err), NULL, 0, 0, &err);
        return;
    }
    claim->revocations_done = done;
    claim->user = user;
    iscep_journal_write(journal, &claim->job);
}

void iscep_journal_claim_results(iscep_journal *journal, const char *tenant, size_t limit, int64_t lease_ms,
                                 int64_t max_backoff_ms, iscep_results_fn done, void *user)
{
    const iscep_revocation_claim wanted = {
        .tenant = tenant, .limit = limit, .lease_ms = lease_ms, .max_backoff_ms = max_backoff_ms};
    claim_job *claim = new_claim(journal, ISCEP_REVOCATION_ANSWERABLE, &wanted);
    if (claim == NULL) {
        iscep_error err;
        done(user, iscep_error_nomem(&err), NULL, 0, 0, &err);
        return;
    }
    claim->results_done = done;
    claim->user = user;
    iscep_journal_write(journal, &claim->job);
}

/* --- giving back --- */

typedef struct release_job {
    iscep_job job;
    iscep_claimed claimed;
} release_job;

static iscep_status run_release(iscep_job *job, iscep_db *db, iscep_error *err)
{
    const release_job *release = (release_job *)job;
    return iscep_store_run(db->store, err,
                           "UPDATE revocation SET leased_until_ms = 0 WHERE id = $1 AND fence = $2",
                           iscep_number(release->claimed.id), iscep_number(release->claimed.fence));
}

/* Without memory, the claim runs out. */
void iscep_journal_release_revocation(iscep_journal *journal, const iscep_claimed *claimed)
{
    release_job *release = iscep_job_new(journal, sizeof *release, run_release, NULL);
    if (release == NULL)
        return;
    release->claimed = *claimed;
    iscep_journal_write(journal, &release->job);
}
