/* The life of an enrolment: iscep_journal_trace of inspect.h. */
#include <ctype.h>
#include <string.h>

#include "base/digest.h"
#include "journal/inspect_json.h"

enum { MAX_PATTERN_LEN = 4096, MAX_EVENTS = 1000 /* of one enrolment */ };

/* --- which enrolments --- */

/* "%text%", with LIKE's own characters escaped, in lower case as far as it is ASCII. */
static iscep_status make_pattern(iscep_buf *out, const char *text, iscep_error *err)
{
    iscep_buf_append_text(out, "%");
    for (const char *at = text; *at != '\0'; at++) {
        char lower = (char)tolower((unsigned char)*at);
        if (strchr("%_\\", *at) != NULL)
            iscep_buf_append_text(out, "\\");
        iscep_buf_append(out, (unsigned char)*at < 0x80 ? &lower : at, 1);
    }
    iscep_buf_append_text(out, "%");
    return iscep_buf_status(out, err);
}

static iscep_status find_by_subject(iscep_row_ids *out, const iscep_inspect_job *trace, iscep_db *db,
                                    iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    ISCEP_AUTO_BUF pattern;
    iscep_buf_init(&pattern, MAX_PATTERN_LEN);
    iscep_status status = make_pattern(&pattern, trace->what, err);
    if (status == ISCEP_OK)
        status = iscep_store_allow_ms(db->store, ISCEP_INSPECT_TIMEOUT_MS, err);
    if (status == ISCEP_OK)
        status = iscep_store_query(&rows, db->store, err,
                                   "SELECT id FROM enrolment WHERE lower(subject) LIKE lower($1) ESCAPE '\\'"
                                   " AND ($2 IS NULL OR tenant = $2) ORDER BY id DESC LIMIT $3",
                                   iscep_text(iscep_buf_text(&pattern)), iscep_text(trace->tenant),
                                   iscep_number((int64_t)trace->limit + 1));
    return status == ISCEP_OK ? iscep_row_ids_add(out, rows, err) : status;
}

/* Where the database has an index for it (keys.h). */
static iscep_status find_by_index(iscep_row_ids *out, const iscep_inspect_job *trace, iscep_db *db,
                                  const char *sql, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status =
        iscep_store_query(&rows, db->store, err, sql, iscep_text(trace->what), iscep_text(trace->tenant),
                          iscep_number((int64_t)trace->limit + 1));
    return status == ISCEP_OK ? iscep_row_ids_add(out, rows, err) : status;
}

static iscep_status find_by_transaction(iscep_row_ids *out, const iscep_inspect_job *trace, iscep_db *db,
                                        iscep_error *err)
{
    ISCEP_AUTO_ROW_IDS hints = {0};
    iscep_key_range range;
    if (db->keys == NULL)
        return find_by_index(out, trace, db,
                             "SELECT id FROM enrolment WHERE transaction_id = $1"
                             " AND ($2 IS NULL OR tenant = $2) ORDER BY id DESC LIMIT $3",
                             err);
    iscep_status status = iscep_key_range_of_transaction(&range, trace->what, err);
    if (status == ISCEP_OK)
        status = iscep_keys_find_range(db->store, &range, &hints, err);
    for (size_t i = 0; i < hints.count && status == ISCEP_OK && out->count <= trace->limit; i++) {
        ISCEP_AUTO_ROWS *rows = NULL;
        status =
            iscep_store_query(&rows, db->store, err,
                              "SELECT id FROM enrolment WHERE id = $1 AND transaction_id = $2"
                              " AND ($3 IS NULL OR tenant = $3)",
                              iscep_number(hints.ids[i]), iscep_text(trace->what), iscep_text(trace->tenant));
        if (status == ISCEP_OK)
            status = iscep_row_ids_add(out, rows, err);
    }
    return status;
}

static iscep_status find_by_serial(iscep_row_ids *out, const iscep_inspect_job *trace, iscep_db *db,
                                   iscep_error *err)
{
    ISCEP_AUTO_ROW_IDS hints = {0};
    iscep_key_range range = {0};
    if (db->keys == NULL)
        return find_by_index(
            out, trace, db,
            "SELECT d.enrolment_id FROM certificate c JOIN delivery d ON d.id = c.id"
            " WHERE c.serial = $1 AND ($2 IS NULL OR d.tenant = $2) ORDER BY c.id DESC LIMIT $3",
            err);
    iscep_status status = iscep_key_of_serial(&range.first, trace->what, err);
    range.last = range.first;
    if (status == ISCEP_OK)
        status = iscep_keys_find_range(db->store, &range, &hints, err);
    for (size_t i = 0; i < hints.count && status == ISCEP_OK && out->count <= trace->limit; i++) {
        ISCEP_AUTO_ROWS *rows = NULL;
        status =
            iscep_store_query(&rows, db->store, err,
                              "SELECT d.enrolment_id FROM certificate c JOIN delivery d ON d.id = c.id"
                              " WHERE c.id = $1 AND c.serial = $2 AND ($3 IS NULL OR d.tenant = $3)",
                              iscep_number(hints.ids[i]), iscep_text(trace->what), iscep_text(trace->tenant));
        if (status == ISCEP_OK)
            status = iscep_row_ids_add(out, rows, err);
    }
    return status;
}

/* --- one of them --- */

static const char *cert_state(iscep_rows *rows)
{
    bool is_revoked = iscep_rows_number(rows, 6) != 0;
    return is_revoked ? "revoked"
                      : iscep_delivery_state_name((iscep_delivery_state)iscep_rows_number(rows, 5));
}

static iscep_status add_certs(iscep_json *json, const char **state, iscep_db *db, int64_t id,
                              iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_json *list = iscep_json_add_array(json, "certificates");
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "SELECT c.serial, c.issuer, c.subject, c.thumbprint, d.not_after_unix, d.state, d.is_revoked, c.ca"
        " FROM delivery d JOIN certificate c ON c.id = d.id WHERE d.enrolment_id = $1 ORDER BY d.id",
        iscep_number(id));
    while (iscep_rows_step(rows, &status, err)) {
        iscep_json *cert = iscep_json_append_object(list);
        iscep_inspect_add_column(cert, "serialNumber", rows, 0);
        iscep_inspect_add_column(cert, "issuer", rows, 1);
        iscep_inspect_add_column(cert, "subject", rows, 2);
        iscep_inspect_add_column(cert, "thumbprint", rows, 3);
        iscep_inspect_add_time(cert, "notAfter", iscep_rows_number(rows, 4) * 1000);
        *state = cert_state(rows);
        iscep_json_add_text(cert, "state", *state);
        iscep_inspect_add_column(cert, "ca", rows, 7);
    }
    return status;
}

static iscep_status add_owed(iscep_json *json, iscep_db *db, int64_t id, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_json *list = iscep_json_add_array(json, "owed");
    iscep_status status =
        iscep_store_query(&rows, db->store, err,
                          "SELECT id, kind, attempts, due_unix_ms, code, message, state FROM delivery"
                          " WHERE enrolment_id = $1 AND state IN (1, 4) ORDER BY id",
                          iscep_number(id));
    while (iscep_rows_step(rows, &status, err)) {
        iscep_json *owed = iscep_json_append_object(list);
        iscep_json_add_int(owed, "id", iscep_rows_number(rows, 0));
        iscep_json_add_text(owed, "kind", iscep_delivery_kind_name(iscep_rows_number(rows, 1)));
        iscep_json_add_text(owed, "state",
                            iscep_delivery_state_name((iscep_delivery_state)iscep_rows_number(rows, 6)));
        iscep_json_add_int(owed, "attempts", iscep_rows_number(rows, 2));
        iscep_inspect_add_time(owed, "dueAt", iscep_rows_number(rows, 3));
        iscep_inspect_add_column(owed, "code", rows, 4);
        iscep_inspect_add_column(owed, "message", rows, 5);
    }
    return status;
}

/* last_unix_ms: of all of them. state: the last one's name, unless it is known already. */
static iscep_status add_events(iscep_json *json, int64_t *last_unix_ms, const char **state, iscep_db *db,
                               int64_t id, iscep_arena *arena, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    const char *last = "";
    iscep_json *list = iscep_json_add_array(json, "events");
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "SELECT first_unix_ms, last_unix_ms, times, kind, code, message, request_id FROM event"
        " WHERE enrolment_id = $1 ORDER BY id LIMIT $2",
        iscep_number(id), iscep_number(MAX_EVENTS));
    while (iscep_rows_step(rows, &status, err)) {
        iscep_json *event = iscep_json_append_object(list);
        if (iscep_rows_number(rows, 1) > *last_unix_ms)
            *last_unix_ms = iscep_rows_number(rows, 1);
        iscep_inspect_add_time(event, "at", iscep_rows_number(rows, 0));
        iscep_inspect_add_time(event, "lastAt", iscep_rows_number(rows, 1));
        iscep_json_add_int(event, "count", iscep_rows_number(rows, 2));
        last = iscep_arena_word(arena, iscep_rows_text(rows, 3));
        iscep_json_add_text(event, "event", last);
        iscep_inspect_add_column(event, "code", rows, 4);
        iscep_inspect_add_column(event, "message", rows, 5);
        iscep_inspect_add_column(event, "requestId", rows, 6);
    }
    if (*state == NULL)
        *state = last;
    return status;
}

static iscep_status add_head(iscep_json *json, int64_t *first_unix_ms, iscep_db *db, int64_t id,
                             iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    ISCEP_AUTO_BUF digest;
    iscep_buf_init(&digest, 2 * ISCEP_SHA256_LEN);
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "SELECT tenant, transaction_id, csr_sha256, subject, first_unix_ms FROM enrolment WHERE id = $1",
        iscep_number(id));
    if (!iscep_rows_step(rows, &status, err))
        return status;
    iscep_hex_encode(&digest, iscep_rows_bytes(rows, 2));
    iscep_inspect_add_column(json, "tenant", rows, 0);
    iscep_inspect_add_column(json, "transactionId", rows, 1);
    iscep_json_add_text(json, "csrSha256", iscep_buf_text(&digest));
    iscep_inspect_add_column(json, "subject", rows, 3);
    *first_unix_ms = iscep_rows_number(rows, 4);
    return ISCEP_OK;
}

static iscep_status add_enrolment(iscep_json *json, iscep_db *db, int64_t id, iscep_arena *arena,
                                  iscep_error *err)
{
    const char *state = NULL;
    int64_t first_unix_ms = 0;
    iscep_status status = add_head(json, &first_unix_ms, db, id, err);
    int64_t last_unix_ms = first_unix_ms;
    if (status == ISCEP_OK)
        status = add_certs(json, &state, db, id, err);
    if (status == ISCEP_OK)
        status = add_owed(json, db, id, err);
    if (status == ISCEP_OK)
        status = add_events(json, &last_unix_ms, &state, db, id, arena, err);
    iscep_json_add_text(json, "state", state);
    iscep_inspect_add_time(json, "firstAt", first_unix_ms);
    iscep_inspect_add_time(json, "lastAt", last_unix_ms);
    return status;
}

static iscep_status run_trace(iscep_job *job, iscep_db *db, iscep_error *err)
{
    iscep_inspect_job *trace = (iscep_inspect_job *)job;
    ISCEP_AUTO_ROW_IDS ids = {0};
    iscep_status status = trace->by == ISCEP_TRACE_SUBJECT  ? find_by_subject(&ids, trace, db, err)
                          : trace->by == ISCEP_TRACE_SERIAL ? find_by_serial(&ids, trace, db, err)
                                                            : find_by_transaction(&ids, trace, db, err);
    trace->json = iscep_json_new_object();
    iscep_json *list = iscep_json_add_array(trace->json, "enrolments");
    for (size_t i = 0; i < ids.count && i < trace->limit && status == ISCEP_OK; i++)
        status = add_enrolment(iscep_json_append_object(list), db, ids.ids[i], &job->arena, err);
    iscep_json_add_bool(trace->json, "isMore", ids.count > trace->limit);
    return status;
}

void iscep_journal_trace(iscep_journal *journal, const char *tenant, iscep_trace_by by, const char *what,
                         size_t limit, iscep_journal_json_fn done, void *user)
{
    iscep_inspect_job *trace = iscep_inspect_job_new(journal, tenant, run_trace, done, user);
    if (trace == NULL)
        return;
    trace->by = by;
    trace->what = iscep_arena_word(&trace->job.arena, what);
    trace->limit = limit;
    iscep_journal_look(journal, &trace->job);
}
