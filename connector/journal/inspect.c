/* What is owed, what is to be revoked, and how large the journal is: see inspect.h. The trace is in trace.c. */
#include "journal/inspect.h"

#include "journal/inspect_json.h"
#include "journal/revocations.h"

/* --- deliveries --- */

static void add_delivery(iscep_json *json, iscep_rows *rows)
{
    iscep_json_add_int(json, "id", iscep_rows_number(rows, 0));
    iscep_inspect_add_column(json, "tenant", rows, 1);
    iscep_inspect_add_column(json, "transactionId", rows, 2);
    iscep_json_add_text(json, "kind", iscep_delivery_kind_name(iscep_rows_number(rows, 3)));
    iscep_json_add_text(json, "state",
                        iscep_delivery_state_name((iscep_delivery_state)iscep_rows_number(rows, 4)));
    iscep_json_add_int(json, "attempts", iscep_rows_number(rows, 5));
    iscep_inspect_add_time(json, "recordedAt", iscep_rows_number(rows, 6));
    iscep_inspect_add_time(json, "dueAt", iscep_rows_number(rows, 7));
    iscep_inspect_add_column(json, "serialNumber", rows, 8);
    iscep_inspect_add_column(json, "subject", rows, 9);
    iscep_inspect_add_column(json, "code", rows, 10);
    iscep_inspect_add_column(json, "message", rows, 11);
    iscep_inspect_add_column(json, "requestId", rows, 12);
}

/* By the indexes that hold only these: one that is leased is owed. whose: ANYBODYS, or of the tenant that is $1. */
#define ANYBODYS ""
#define TENANTS  " AND tenant = $1"
#define OWED(whose)                                                                                          \
    "(SELECT id, recorded_unix_ms FROM delivery WHERE state = 1 AND leased_until_ms = 0" whose               \
    " UNION ALL SELECT id, recorded_unix_ms FROM delivery WHERE leased_until_ms > 0" whose ")"
#define DEAD(whose) "(SELECT id FROM delivery WHERE state = 4" whose ")"
#define LIST_DELIVERIES(which)                                                                               \
    "SELECT d.id, d.tenant, e.transaction_id, d.kind, d.state, d.attempts, d.recorded_unix_ms, "             \
    "d.due_unix_ms,"                                                                                         \
    " c.serial, e.subject, d.code, d.message, d.request_id FROM delivery d"                                  \
    " JOIN enrolment e ON e.id = d.enrolment_id LEFT JOIN certificate c ON c.id = d.id WHERE " which

#define LIST_DEAD(whose, limit)                                                                              \
    LIST_DELIVERIES("d.id IN (SELECT id FROM " DEAD(whose) " AS dead ORDER BY id LIMIT " limit               \
                                                           ") ORDER BY d.id")
#define LIST_OPEN(whose, limit)                                                                              \
    LIST_DELIVERIES("d.id IN (SELECT id FROM (SELECT id FROM " OWED(                                         \
        whose) " AS owed UNION ALL"                                                                          \
               " SELECT id FROM " DEAD(whose) " AS dead) AS open ORDER BY id LIMIT " limit                   \
                                              ") ORDER BY d.id")

static iscep_status open_deliveries(iscep_rows **rows, const iscep_inspect_job *list, iscep_db *db,
                                    iscep_error *err)
{
    iscep_param tenant = iscep_text(list->tenant), limit = iscep_number((int64_t)list->limit + 1);
    if (list->id != 0)
        return iscep_store_query(
            rows, db->store, err,
            LIST_DELIVERIES("d.id = $2 AND d.state IN (1, 4) AND ($1 IS NULL OR d.tenant = $1)"), tenant,
            iscep_number(list->id));
    if (list->is_narrow)
        return list->tenant == NULL
                   ? iscep_store_query(rows, db->store, err, LIST_DEAD(ANYBODYS, "$1"), limit)
                   : iscep_store_query(rows, db->store, err, LIST_DEAD(TENANTS, "$2"), tenant, limit);
    return list->tenant == NULL
               ? iscep_store_query(rows, db->store, err, LIST_OPEN(ANYBODYS, "$1"), limit)
               : iscep_store_query(rows, db->store, err, LIST_OPEN(TENANTS, "$2"), tenant, limit);
}

#define COUNT_OWED(whose)                                                                                    \
    "SELECT (SELECT COUNT(*) FROM " OWED(whose) " AS owed), (SELECT COUNT(*) FROM " DEAD(                    \
        whose) " AS dead),"                                                                                  \
               " (SELECT MIN(recorded_unix_ms) FROM " OWED(whose) " AS owed)"

static iscep_status add_owed_counts(iscep_json *json, iscep_db *db, const char *tenant, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status =
        tenant == NULL ? iscep_store_query_params(&rows, db->store, COUNT_OWED(ANYBODYS), NULL, 0, err)
                       : iscep_store_query(&rows, db->store, err, COUNT_OWED(TENANTS), iscep_text(tenant));
    if (!iscep_rows_step(rows, &status, err))
        return status;
    iscep_json_add_int(json, "owed", iscep_rows_number(rows, 0));
    iscep_json_add_int(json, "dead", iscep_rows_number(rows, 1));
    iscep_inspect_add_time(json, "oldestOwedAt", iscep_rows_number(rows, 2));
    return ISCEP_OK;
}

static iscep_status run_list_deliveries(iscep_job *job, iscep_db *db, iscep_error *err)
{
    iscep_inspect_job *list = (iscep_inspect_job *)job;
    ISCEP_AUTO_ROWS *rows = NULL;
    size_t count = 0;
    list->json = iscep_json_new_object();
    iscep_json *array = iscep_json_add_array(list->json, "deliveries");
    iscep_status status = open_deliveries(&rows, list, db, err);
    for (; iscep_rows_step(rows, &status, err); count++)
        if (count < list->limit)
            add_delivery(iscep_json_append_object(array), rows);
    if (status == ISCEP_OK)
        status = add_owed_counts(list->json, db, list->tenant, err);
    iscep_json_add_bool(list->json, "isMore", count > list->limit);
    return status;
}

void iscep_journal_list_deliveries(iscep_journal *journal, const char *tenant, int64_t id, bool is_dead_only,
                                   size_t limit, iscep_journal_json_fn done, void *user)
{
    iscep_inspect_job *list = iscep_inspect_job_new(journal, tenant, run_list_deliveries, done, user);
    if (list == NULL)
        return;
    list->id = id;
    list->is_narrow = is_dead_only;
    list->limit = id != 0 && limit == 0 ? 1 : limit;
    iscep_journal_look(journal, &list->job);
}

/* --- revocations --- */

static void add_revocation(iscep_json *json, iscep_rows *rows)
{
    iscep_json_add_int(json, "id", iscep_rows_number(rows, 0));
    iscep_inspect_add_column(json, "tenant", rows, 1);
    iscep_inspect_add_column(json, "requestContext", rows, 2);
    iscep_inspect_add_column(json, "serialNumber", rows, 3);
    iscep_inspect_add_column(json, "issuer", rows, 4);
    iscep_inspect_add_column(json, "caConfiguration", rows, 5);
    iscep_json_add_text(json, "state", iscep_revocation_state_name(iscep_rows_number(rows, 6)));
    iscep_inspect_add_column(json, "ca", rows, 7);
    iscep_json_add_int(json, "attempts", iscep_rows_number(rows, 8));
    iscep_inspect_add_time(json, "storedAt", iscep_rows_number(rows, 9));
    iscep_inspect_add_time(json, "dueAt", iscep_rows_number(rows, 10));
    iscep_json_add_int(json, "errorCode", iscep_rows_number(rows, 11));
    iscep_inspect_add_column(json, "message", rows, 12);
}

#define LIST_REVOCATIONS                                                                                     \
    "SELECT id, tenant, context, serial_text, issuer, configuration, state, ca, attempts, stored_unix_ms,"   \
    " due_unix_ms, error_code, message FROM revocation"
#define COUNT_REVOCATIONS(whose, state) "SELECT COUNT(*) FROM revocation WHERE state = " state whose

static iscep_status add_revocation_counts(iscep_json *json, iscep_db *db, const char *tenant,
                                          iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (int64_t state = ISCEP_REVOCATION_WAITING; state <= ISCEP_REVOCATION_UNJUDGED && status == ISCEP_OK;
         state++) {
        ISCEP_AUTO_ROWS *rows = NULL;
        int64_t count = 0;
        status = tenant == NULL ? iscep_store_query(&rows, db->store, err, COUNT_REVOCATIONS(ANYBODYS, "$1"),
                                                    iscep_number(state))
                                : iscep_store_query(&rows, db->store, err, COUNT_REVOCATIONS(TENANTS, "$2"),
                                                    iscep_text(tenant), iscep_number(state));
        status = iscep_inspect_number(&count, rows, status, err);
        iscep_json_add_int(json, iscep_revocation_state_name(state), count);
    }
    return status;
}

static iscep_status run_list_revocations(iscep_job *job, iscep_db *db, iscep_error *err)
{
    iscep_inspect_job *list = (iscep_inspect_job *)job;
    ISCEP_AUTO_ROWS *rows = NULL;
    size_t count = 0;
    list->json = iscep_json_new_object();
    iscep_json *array = iscep_json_add_array(list->json, "revocations");
    iscep_param tenant = iscep_text(list->tenant), limit = iscep_number((int64_t)list->limit + 1);
    iscep_status status =
        list->is_narrow
            ? iscep_store_query(&rows, db->store, err,
                                LIST_REVOCATIONS " WHERE state <> 4 AND ($1 IS NULL OR tenant = $1)"
                                                 " ORDER BY id LIMIT $2",
                                tenant, limit)
            : iscep_store_query(&rows, db->store, err,
                                LIST_REVOCATIONS " WHERE $1 IS NULL OR tenant = $1 ORDER BY id DESC LIMIT $2",
                                tenant, limit);
    for (; iscep_rows_step(rows, &status, err); count++)
        if (count < list->limit)
            add_revocation(iscep_json_append_object(array), rows);
    if (status == ISCEP_OK)
        status = add_revocation_counts(list->json, db, list->tenant, err);
    iscep_json_add_bool(list->json, "isMore", count > list->limit);
    return status;
}

void iscep_journal_list_revocations(iscep_journal *journal, const char *tenant, bool is_open_only,
                                    size_t limit, iscep_journal_json_fn done, void *user)
{
    iscep_inspect_job *list = iscep_inspect_job_new(journal, tenant, run_list_revocations, done, user);
    if (list == NULL)
        return;
    list->is_narrow = is_open_only;
    list->limit = limit;
    iscep_journal_look(journal, &list->job);
}

/* --- figures --- */

static iscep_status add_count(iscep_json *json, const char *name, iscep_db *db, const char *sql,
                              iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    int64_t count = 0;
    iscep_status status = iscep_store_query_params(&rows, db->store, sql, NULL, 0, err);
    status = iscep_inspect_number(&count, rows, status, err);
    iscep_json_add_int(json, name, count);
    return status;
}

static iscep_status run_stats(iscep_job *job, iscep_db *db, iscep_error *err)
{
    iscep_inspect_job *stats = (iscep_inspect_job *)job;
    iscep_json *json = stats->json = iscep_json_new_object();
    int64_t bytes = 0;
    iscep_status status = iscep_store_allow_ms(db->store, ISCEP_INSPECT_TIMEOUT_MS, err);
    if (status == ISCEP_OK)
        status = iscep_store_used_bytes(db->store, &bytes, err);
    iscep_json_add_text(json, "path", db->path);
    iscep_json_add_int(json, "sizeBytes", bytes);
    iscep_json_add_int(json, "schemaVersion", iscep_schema_version());
    if (status == ISCEP_OK)
        status = add_count(json, "enrolments", db, "SELECT COUNT(*) FROM enrolment", err);
    if (status == ISCEP_OK) /* the index is smaller than the rows */
        status = add_count(json, "certificates", db, "SELECT COUNT(*) FROM delivery WHERE kind = 1", err);
    if (status == ISCEP_OK)
        status = add_owed_counts(json, db, NULL, err);
    if (status == ISCEP_OK)
        status =
            add_count(json, "revocationsOpen", db, "SELECT COUNT(*) FROM revocation WHERE state <> 4", err);
    iscep_json_add_bool(json, "isHealthy", stats->is_healthy);
    iscep_json_add_text(json, "reason", stats->is_healthy ? NULL : stats->reason.message);
    return status;
}

void iscep_journal_stats(iscep_journal *journal, iscep_journal_json_fn done, void *user)
{
    iscep_inspect_job *stats = iscep_inspect_job_new(journal, NULL, run_stats, done, user);
    if (stats == NULL)
        return;
    stats->is_healthy = iscep_journal_is_healthy(journal, &stats->reason);
    iscep_journal_read(journal, &stats->job);
}
