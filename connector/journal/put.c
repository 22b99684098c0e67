/* An enrolment with its events, and the facts: see put.h. Deliveries are in put_deliveries.c, revocations in put_revocations.c. */
#include "journal/put.h"

#include <string.h>

#include "journal/history.h"
#include "journal/sweep.h"

/* --- the enrolment --- */

typedef struct spooled_head {
    iscep_enrolment_key key;
    const char *subject;
    bool is_validated;
    int64_t first_unix_ms;
} spooled_head;

static iscep_status read_head(spooled_head *out, iscep_db *from, int64_t id, iscep_arena *arena,
                              iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(
        &rows, from->store, err,
        "SELECT tenant, transaction_id, csr_sha256, subject, is_validated, first_unix_ms FROM enrolment"
        " WHERE id = $1",
        iscep_number(id));
    bool is_there = iscep_rows_step(rows, &status, err);
    if (status != ISCEP_OK)
        return status;
    if (!is_there || iscep_rows_bytes(rows, 2).len != sizeof out->key.csr_sha256)
        return iscep_error_set(err, ISCEP_STORAGE, "journal_corrupt",
                               "the spool: enrolment %lld is not whole", (long long)id);
    *out = (spooled_head){.key.tenant = iscep_arena_word(arena, iscep_rows_text(rows, 0)),
                          .key.transaction_id = iscep_arena_word(arena, iscep_rows_text(rows, 1)),
                          .subject = iscep_arena_text(arena, iscep_rows_text(rows, 3)),
                          .is_validated = iscep_rows_number(rows, 4) != 0,
                          .first_unix_ms = iscep_rows_number(rows, 5)};
    memcpy(out->key.csr_sha256, iscep_rows_bytes(rows, 2).data, sizeof out->key.csr_sha256);
    return ISCEP_OK;
}

static iscep_status have_enrolment(iscep_put_target *out, iscep_db *to, const spooled_head *head,
                                   iscep_error *err)
{
    iscep_enrolment enrolment;
    int64_t now_unix_ms = to->now_unix_ms;
    to->now_unix_ms = head->first_unix_ms; /* if it is made now, it is as old as it was */
    iscep_status status = iscep_enrolment_have(&enrolment, to, &head->key, head->subject, err);
    to->now_unix_ms = now_unix_ms;
    if (status == ISCEP_OK && head->is_validated && !enrolment.is_validated)
        status = iscep_store_run(to->store, err, "UPDATE enrolment SET is_validated = 1 WHERE id = $1",
                                 iscep_number(enrolment.id));
    *out = (iscep_put_target){
        .enrolment_id = enrolment.id, .tenant = head->key.tenant, .is_new = enrolment.is_new};
    return status;
}

/* --- its events --- */

/* The same event, which may have happened more often since; id 0: it is not there. */
static iscep_status find_event(int64_t *id, iscep_db *to, int64_t enrolment_id, iscep_rows *event,
                               iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status =
        iscep_store_query(&rows, to->store, err,
                          "SELECT id FROM event WHERE enrolment_id = $1 AND kind = $2 AND first_unix_ms = $3"
                          " AND COALESCE(code, '') = COALESCE($4, '')"
                          " AND COALESCE(message, '') = COALESCE($5, '') ORDER BY id LIMIT 1",
                          iscep_number(enrolment_id), iscep_text(iscep_rows_text(event, 0)),
                          iscep_number(iscep_rows_number(event, 1)), iscep_text(iscep_rows_text(event, 4)),
                          iscep_text(iscep_rows_text(event, 5)));
    *id = iscep_rows_step(rows, &status, err) ? iscep_rows_number(rows, 0) : 0;
    return status;
}

static iscep_status put_event(iscep_db *to, const iscep_put_target *target, iscep_rows *event,
                              iscep_error *err)
{
    int64_t same = 0;
    iscep_status status = target->is_new ? ISCEP_OK : find_event(&same, to, target->enrolment_id, event, err);
    if (status != ISCEP_OK)
        return status;
    if (same != 0)
        return iscep_store_run(to->store, err,
                               "UPDATE event SET times = CASE WHEN times < $2 THEN $2 ELSE times END,"
                               " last_unix_ms = CASE WHEN last_unix_ms < $3 THEN $3 ELSE last_unix_ms END"
                               " WHERE id = $1",
                               iscep_number(same), iscep_number(iscep_rows_number(event, 3)),
                               iscep_number(iscep_rows_number(event, 2)));
    return iscep_store_run(to->store, err,
                           "INSERT INTO event (enrolment_id, kind, first_unix_ms, last_unix_ms, times, code, "
                           "message, request_id)"
                           " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                           iscep_number(target->enrolment_id), iscep_text(iscep_rows_text(event, 0)),
                           iscep_number(iscep_rows_number(event, 1)),
                           iscep_number(iscep_rows_number(event, 2)),
                           iscep_number(iscep_rows_number(event, 3)), iscep_text(iscep_rows_text(event, 4)),
                           iscep_text(iscep_rows_text(event, 5)), iscep_text(iscep_rows_text(event, 6)));
}

static iscep_status put_events(const iscep_put *put, int64_t id, const iscep_put_target *target,
                               iscep_error *err)
{
    ISCEP_AUTO_ROWS *events = NULL;
    iscep_status status = iscep_store_query(
        &events, put->from->store, err,
        "SELECT kind, first_unix_ms, last_unix_ms, times, code, message, request_id FROM event"
        " WHERE enrolment_id = $1 ORDER BY id",
        iscep_number(id));
    while (iscep_rows_step(events, &status, err))
        status = put_event(put->to, target, events, err);
    return status;
}

iscep_status iscep_put_enrolment(const iscep_put *put, int64_t id, iscep_error *err)
{
    iscep_arena arena = {0};
    iscep_put_target target = {0};
    spooled_head head = {0};
    iscep_status status = read_head(&head, put->from, id, &arena, err);
    if (status == ISCEP_OK && arena.is_exhausted)
        status = iscep_error_nomem(err);
    if (status == ISCEP_OK)
        status = have_enrolment(&target, put->to, &head, err);
    if (status == ISCEP_OK)
        status = put_events(put, id, &target, err);
    if (status == ISCEP_OK)
        status = iscep_put_deliveries(put, id, &target, err);
    if (status == ISCEP_OK)
        status = iscep_sweep_forget(put->from, id, err);
    iscep_arena_clear(&arena);
    return status;
}

/* --- facts --- */

/* Without those of no tenant, which are the file's own. */
iscep_status iscep_put_facts(const iscep_put *put, iscep_error *err)
{
    ISCEP_AUTO_ROWS *facts = NULL;
    iscep_status status = iscep_store_query_params(
        &facts, put->from->store, "SELECT tenant, name, value FROM fact WHERE tenant <> ''", NULL, 0, err);
    while (iscep_rows_step(facts, &status, err))
        status = iscep_store_run(put->to->store, err,
                                 "INSERT INTO fact (tenant, name, value) VALUES ($1, $2, $3)"
                                 " ON CONFLICT (tenant, name) DO NOTHING",
                                 iscep_text(iscep_rows_text(facts, 0)), iscep_text(iscep_rows_text(facts, 1)),
                                 iscep_text(iscep_rows_text(facts, 2)));
    if (status != ISCEP_OK)
        return status;
    return iscep_store_run(put->from->store, err, "DELETE FROM fact WHERE tenant <> $1", iscep_text(""));
}
