/* Revocations, stored and settled: see revocations.h. They are given out in revocation_claims.c, held in revocation_guard.c. */
#include "journal/revocations.h"

#include <inttypes.h>
#include <stdio.h>

#include "journal/history.h"
#include "journal/leaders.h"

enum { FIRST_RETRYABLE_CODE = 4100 /* of Intune's error codes; below are those that are final */ };

const char *iscep_revocation_state_name(int64_t state)
{
    switch ((iscep_revocation_state)state) {
    case ISCEP_REVOCATION_WAITING:
        return "waiting";
    case ISCEP_REVOCATION_HELD:
        return "held";
    case ISCEP_REVOCATION_ANSWERABLE:
        return "answerable";
    case ISCEP_REVOCATION_ENDED:
        return "ended";
    case ISCEP_REVOCATION_UNJUDGED:
        return "unjudged";
    }
    return "unknown";
}

/* Notes it with the enrolment of the certificate, if that is known. */
static iscep_status add_event(iscep_db *db, int64_t delivery_id, iscep_journal_kind kind, const char *code,
                              const char *message, iscep_error *err)
{
    iscep_arena arena = {0};
    iscep_delivery_row row = {0};
    const iscep_journal_event event = {.kind = kind, .code = code, .message = message};
    iscep_status status =
        delivery_id == 0 ? ISCEP_OK : iscep_delivery_load(&row, db, delivery_id, &arena, err);
    iscep_arena_clear(&arena);
    return status == ISCEP_OK && row.id != 0 ? iscep_event_add(db, row.enrolment_id, &event, err) : status;
}

/* The certificate that it means, if it can mean only one; otherwise 0. */
static iscep_status find_only_cert(int64_t *out, iscep_db *db, const char *tenant, const char *serial,
                                   iscep_error *err)
{
    ISCEP_AUTO_ROW_IDS ids = {0};
    *out = 0;
    iscep_status status = serial == NULL ? ISCEP_OK : iscep_certs_of_serial(&ids, db, tenant, serial, err);
    if (status == ISCEP_OK && ids.count == 1)
        *out = ids.ids[0];
    return status;
}

/* --- stored --- */

typedef struct store_job {
    iscep_job job;
    const char *tenant;
    int64_t fence;
    iscep_revocation_request *requests;
    size_t request_count;
    int64_t count;
    iscep_journal_count_fn done;
    void *user;
} store_job;

/* id 0: none. */
typedef struct known_request {
    int64_t id;
    iscep_revocation_state state;
    bool has_final_result;
    int64_t delivery_id;
} known_request;

static iscep_status find_context(known_request *out, iscep_db *db, const char *tenant, const char *context,
                                 iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    *out = (known_request){0};
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "SELECT id, state, error_code, delivery_id FROM revocation WHERE tenant = $1 AND context = $2",
        iscep_text(tenant), iscep_text(context));
    if (iscep_rows_step(rows, &status, err))
        *out = (known_request){.id = iscep_rows_number(rows, 0),
                               .state = (iscep_revocation_state)iscep_rows_number(rows, 1),
                               .has_final_result = !iscep_rows_is_null(rows, 2) &&
                                                   iscep_rows_number(rows, 2) < FIRST_RETRYABLE_CODE,
                               .delivery_id = iscep_rows_number(rows, 3)};
    return status;
}

static iscep_status insert_request(iscep_db *db, const char *tenant, const iscep_revocation_request *request,
                                   iscep_error *err)
{
    int64_t cert = 0;
    iscep_status status = find_only_cert(&cert, db, tenant, request->serial, err);
    if (status == ISCEP_OK)
        status = iscep_store_run(db->store, err,
                                 "INSERT INTO revocation (tenant, context, serial_text, serial, issuer, "
                                 "configuration, state, attempts,"
                                 " stored_unix_ms, due_unix_ms, leased_until_ms, fence, ended_unix_ms, "
                                 "delivery_id)"
                                 " VALUES ($1, $2, $3, $4, $5, $6, 5, 0, $7, $7, 0, 0, 0, $8)",
                                 iscep_text(tenant), iscep_text(request->context),
                                 iscep_text(request->serial_text), iscep_text(request->serial),
                                 iscep_text(request->issuer), iscep_text(request->configuration),
                                 iscep_number(db->now_unix_ms), iscep_number(cert));
    return status == ISCEP_OK ? add_event(db, cert, ISCEP_EVENT_REVOCATION_ASKED, NULL, request->context, err)
                              : status;
}

/* Intune asks again for one that had ended: it has not got the result, or wants another try. */
static iscep_status reopen(iscep_db *db, const known_request *known, iscep_error *err)
{
    if (known->state != ISCEP_REVOCATION_ENDED)
        return ISCEP_OK;
    if (known->has_final_result)
        return iscep_store_run(db->store, err,
                               "UPDATE revocation SET state = 3, due_unix_ms = $2 WHERE id = $1",
                               iscep_number(known->id), iscep_number(db->now_unix_ms));
    iscep_status status =
        iscep_store_run(db->store, err,
                        "UPDATE revocation SET state = 5, attempts = 0, stored_unix_ms = $2,"
                        " due_unix_ms = $2, error_code = NULL, message = NULL WHERE id = $1",
                        iscep_number(known->id), iscep_number(db->now_unix_ms));
    if (status != ISCEP_OK)
        return status;
    return add_event(db, known->delivery_id, ISCEP_EVENT_REVOCATION_ASKED, NULL, "again", err);
}

static iscep_status run_store(iscep_job *job, iscep_db *db, iscep_error *err)
{
    store_job *store = (store_job *)job;
    iscep_status status = iscep_leader_check(db, store->tenant, ISCEP_TASK_REVOCATIONS, store->fence, err);
    store->count = 0;
    for (size_t i = 0; i < store->request_count && status == ISCEP_OK; i++) {
        known_request known;
        status = find_context(&known, db, store->tenant, store->requests[i].context, err);
        if (status != ISCEP_OK)
            break;
        status = known.id == 0 ? insert_request(db, store->tenant, &store->requests[i], err)
                               : reopen(db, &known, err);
        store->count += known.id == 0;
    }
    return status;
}

static void finish_store(iscep_job *job)
{
    const store_job *store = (store_job *)job;
    store->done(store->user, job->status, job->status == ISCEP_OK ? store->count : 0, &job->err);
}

static void fail_count(iscep_journal_count_fn done, void *user)
{
    iscep_error err;
    done(user, iscep_error_nomem(&err), 0, &err);
}

void iscep_journal_store_revocations(iscep_journal *journal, const char *tenant, int64_t fence,
                                     const iscep_revocation_request *requests, size_t request_count,
                                     iscep_journal_count_fn done, void *user)
{
    store_job *store = iscep_job_new(journal, sizeof *store, run_store, finish_store);
    if (store == NULL) {
        fail_count(done, user);
        return;
    }
    iscep_arena *arena = &store->job.arena;
    store->tenant = iscep_arena_word(arena, tenant);
    store->fence = fence;
    store->requests = iscep_arena_alloc(arena, request_count * sizeof *requests);
    for (size_t i = 0; i < request_count && store->requests != NULL; i++)
        store->requests[i] =
            (iscep_revocation_request){.context = iscep_arena_word(arena, requests[i].context),
                                       .serial_text = iscep_arena_word(arena, requests[i].serial_text),
                                       .serial = iscep_arena_text(arena, requests[i].serial),
                                       .issuer = iscep_arena_word(arena, requests[i].issuer),
                                       .configuration = iscep_arena_word(arena, requests[i].configuration)};
    store->request_count = request_count;
    store->done = done;
    store->user = user;
    iscep_journal_write(journal, &store->job);
}

/* --- settled --- */

typedef struct settle_job {
    iscep_job job;
    int64_t id;
    iscep_revocation_outcome outcome;
    bool is_taken;
    iscep_revocation_settled_fn done;
    void *user;
} settle_job;

typedef struct revocation_row {
    bool is_known;
    bool has_context;
    iscep_revocation_state state;
    int64_t fence;
    bool is_claimed;
    bool is_success;     /* ANSWERABLE with that */
    int64_t delivery_id; /* 0: not known */
} revocation_row;

/* Nobody else changes it until the transaction ends. */
static iscep_status load_revocation(revocation_row *out, iscep_db *db, int64_t id, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    *out = (revocation_row){0};
    iscep_status status = iscep_store_lock(db->store, ISCEP_LOCK_REVOCATION, id, err);
    if (status == ISCEP_OK)
        status =
            iscep_store_query(&rows, db->store, err,
                              "SELECT context, delivery_id, tenant, serial, state, fence, leased_until_ms,"
                              " error_code FROM revocation WHERE id = $1",
                              iscep_number(id));
    if (!iscep_rows_step(rows, &status, err))
        return status;
    *out = (revocation_row){.is_known = true,
                            .has_context = !iscep_rows_is_null(rows, 0),
                            .delivery_id = iscep_rows_number(rows, 1),
                            .state = (iscep_revocation_state)iscep_rows_number(rows, 4),
                            .fence = iscep_rows_number(rows, 5),
                            .is_claimed = iscep_rows_number(rows, 6) > db->now_lease_ms,
                            .is_success = iscep_rows_number(rows, 7) == 0};
    if (out->delivery_id != 0)
        return ISCEP_OK;
    return find_only_cert(&out->delivery_id, db, iscep_rows_text(rows, 2), iscep_rows_text(rows, 3), err);
}

static iscep_status mark_revoked(iscep_db *db, int64_t delivery_id, iscep_error *err)
{
    iscep_status status = iscep_store_lock(db->store, ISCEP_LOCK_DELIVERY, delivery_id, err);
    if (status != ISCEP_OK)
        return status;
    return iscep_store_run(db->store, err, "UPDATE delivery SET is_revoked = 1, is_active = 0 WHERE id = $1",
                           iscep_number(delivery_id));
}

static iscep_status add_outcome_event(iscep_db *db, const revocation_row *row,
                                      const iscep_revocation_outcome *outcome, iscep_error *err)
{
    char code[16] = "";
    bool is_foreign = outcome->state == ISCEP_REVOCATION_ENDED && !outcome->is_revoked && row->has_context;
    if (is_foreign || outcome->is_untried)
        return ISCEP_OK;
    if (outcome->error_code != 0)
        snprintf(code, sizeof code, "%" PRId32, outcome->error_code);
    return add_event(db, row->delivery_id,
                     outcome->is_revoked ? ISCEP_EVENT_REVOKED : ISCEP_EVENT_REVOCATION_FAILED, code,
                     outcome->message, err);
}

/* Nobody waits for the result of one of our own. */
static iscep_revocation_state state_after(const revocation_row *row, const iscep_revocation_outcome *outcome)
{
    bool is_over = outcome->state != ISCEP_REVOCATION_WAITING && !row->has_context;
    return is_over ? ISCEP_REVOCATION_ENDED : outcome->state;
}

/*
 * A holder's word counts as long as the claim is his. One who lost it is still right that the CA has revoked: that goes
 * before whatever has not been answered yet, unless the answer is just being given.
 */
static bool is_word_taken(const revocation_row *row, const iscep_revocation_outcome *outcome)
{
    bool is_answered = row->state == ISCEP_REVOCATION_ENDED ||
                       (row->state == ISCEP_REVOCATION_ANSWERABLE && (row->is_claimed || row->is_success));
    if (row->state == ISCEP_REVOCATION_ANSWERABLE && row->fence == outcome->fence)
        return outcome->state == ISCEP_REVOCATION_ENDED;
    return outcome->is_revoked ? !is_answered
                               : row->state == ISCEP_REVOCATION_WAITING && row->fence == outcome->fence;
}

/* Said before, and written down, though the holder was not told so. */
static bool is_repeated(const revocation_row *row, const iscep_revocation_outcome *outcome)
{
    return row->fence == outcome->fence && outcome->state != ISCEP_REVOCATION_WAITING &&
           row->state == state_after(row, outcome);
}

/* With a new fence where it is not the holder's word: what he says later is late. */
static iscep_status store_outcome(iscep_db *db, const settle_job *settle, const revocation_row *row,
                                  iscep_error *err)
{
    const iscep_revocation_outcome *outcome = &settle->outcome;
    iscep_revocation_state state = state_after(row, outcome);
    return iscep_store_run(
        db->store, err,
        "UPDATE revocation SET state = $2, attempts = attempts + $8, due_unix_ms = $3, leased_until_ms = 0,"
        " fence = fence + $9, ended_unix_ms = $4, ca = COALESCE($5, ca), message = $6,"
        " error_code = CASE WHEN $2 = 3 THEN $7 ELSE NULL END WHERE id = $1",
        iscep_number(settle->id), iscep_number(state),
        iscep_number(state == ISCEP_REVOCATION_WAITING ? outcome->due_unix_ms : db->now_unix_ms),
        iscep_number(state == ISCEP_REVOCATION_ENDED ? db->now_unix_ms : 0), iscep_text(outcome->ca),
        iscep_text(outcome->message), iscep_number(outcome->error_code), iscep_number(!outcome->is_untried),
        iscep_number(row->fence != outcome->fence));
}

static iscep_status run_settle(iscep_job *job, iscep_db *db, iscep_error *err)
{
    settle_job *settle = (settle_job *)job;
    const iscep_revocation_outcome *outcome = &settle->outcome;
    revocation_row row;
    iscep_status status = load_revocation(&row, db, settle->id, err);
    if (status == ISCEP_OK && !row.is_known)
        return iscep_error_set(err, ISCEP_USAGE, "revocation_unknown", "the journal has no revocation %lld",
                               (long long)settle->id);
    if (status != ISCEP_OK)
        return status;
    settle->is_taken = is_repeated(&row, outcome);
    if (settle->is_taken)
        return ISCEP_OK;
    settle->is_taken = is_word_taken(&row, outcome);
    if (settle->is_taken)
        status = store_outcome(db, settle, &row, err);
    if (status == ISCEP_OK && outcome->is_revoked && row.delivery_id != 0)
        status = mark_revoked(db, row.delivery_id, err);
    return status == ISCEP_OK && settle->is_taken ? add_outcome_event(db, &row, outcome, err) : status;
}

static void finish_settle(iscep_job *job)
{
    const settle_job *settle = (settle_job *)job;
    settle->done(settle->user, job->status, job->status == ISCEP_OK && settle->is_taken, &job->err);
}

void iscep_journal_settle_revocation(iscep_journal *journal, int64_t id,
                                     const iscep_revocation_outcome *outcome,
                                     iscep_revocation_settled_fn done, void *user)
{
    settle_job *settle = iscep_job_new(journal, sizeof *settle, run_settle, finish_settle);
    if (settle == NULL) {
        iscep_error err;
        done(user, iscep_error_nomem(&err), false, &err);
        return;
    }
    settle->id = id;
    settle->outcome = *outcome;
    settle->outcome.ca = iscep_arena_text(&settle->job.arena, outcome->ca);
    settle->outcome.message = iscep_arena_text(&settle->job.arena, outcome->message);
    settle->done = done;
    settle->user = user;
    iscep_journal_write(journal, &settle->job);
}

/* --- results, taken or not --- */

typedef struct results_job {
    iscep_job job;
    const iscep_claimed *results;
    size_t count;
    bool is_taken;
    int64_t due_unix_ms;
    iscep_journal_fn done;
    void *user;
} results_job;

static iscep_status end_result(iscep_db *db, const iscep_claimed *result, iscep_error *err)
{
    revocation_row row;
    iscep_status status = load_revocation(&row, db, result->id, err);
    bool is_ours = row.state == ISCEP_REVOCATION_ANSWERABLE && row.fence == result->fence;
    if (status != ISCEP_OK || !row.is_known || !is_ours)
        return status;
    status = iscep_store_run(
        db->store, err,
        "UPDATE revocation SET state = 4, leased_until_ms = 0, ended_unix_ms = $2 WHERE id = $1",
        iscep_number(result->id), iscep_number(db->now_unix_ms));
    if (status != ISCEP_OK)
        return status;
    return add_event(db, row.delivery_id, ISCEP_EVENT_REVOCATION_ANSWERED, NULL, NULL, err);
}

static iscep_status run_results(iscep_job *job, iscep_db *db, iscep_error *err)
{
    const results_job *results = (results_job *)job;
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < results->count && status == ISCEP_OK; i++) {
        const iscep_claimed *result = &results->results[i];
        if (results->is_taken)
            status = end_result(db, result, err);
        else
            status = iscep_store_run(db->store, err,
                                     "UPDATE revocation SET leased_until_ms = 0, due_unix_ms = $2"
                                     " WHERE id = $1 AND state = 3 AND fence = $3",
                                     iscep_number(result->id), iscep_number(results->due_unix_ms),
                                     iscep_number(result->fence));
    }
    return status;
}

static void finish_results(iscep_job *job)
{
    const results_job *results = (results_job *)job;
    results->done(results->user, job->status, &job->err);
}

void iscep_journal_settle_results(iscep_journal *journal, const iscep_claimed *settled, size_t count,
                                  bool is_taken, int64_t due_unix_ms, iscep_journal_fn done, void *user)
{
    results_job *results = iscep_job_new(journal, sizeof *results, run_results, finish_results);
    if (results == NULL) {
        iscep_error err;
        done(user, iscep_error_nomem(&err), &err);
        return;
    }
    iscep_bytes copy =
        iscep_arena_bytes(&results->job.arena, iscep_bytes_of(settled, count * sizeof *settled));
    results->results =
        (const iscep_claimed *)(const void *)copy.data; /* the arena's memory is aligned for it */
    results->count = count;
    results->is_taken = is_taken;
    results->due_unix_ms = due_unix_ms;
    results->done = done;
    results->user = user;
    iscep_journal_write(journal, &results->job);
}
