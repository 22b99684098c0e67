/* See store_postgres_pipeline.h. */
#include "journal/store_postgres_pipeline.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "journal/store_postgres_error.h"

enum {
    MAX_PARAMS = 24,
    MAX_IN_FLIGHT = 1024, /* answers that are not looked at take memory */
    MAX_TEXT = 64 * 1024 * 1024,
    OID_INT8 = 20,
    OID_TEXT = 25,
    OID_BYTEA = 17
};

typedef enum flight_kind { FLIGHT_PREPARE = 1, FLIGHT_STATEMENT, FLIGHT_END } flight_kind;

typedef struct iscep_postgres_flight {
    flight_kind kind;
    iscep_postgres_statement *statement; /* PREPARE */
} flight;

void iscep_postgres_pipeline_init(iscep_postgres_pipeline *pipeline, const iscep_postgres_options *options,
                                  iscep_store_use use)
{
    *pipeline = (iscep_postgres_pipeline){.link = {.options = options, .use = use},
                                          .timeout_ms = options->timeout_ms,
                                          .failure = ISCEP_ERROR_INIT};
}

static void hang_up(iscep_postgres_pipeline *pipeline)
{
    iscep_postgres_link_close(&pipeline->link);
    memset(pipeline->cached, 0, sizeof pipeline->cached);
    pipeline->first = pipeline->end = 0;
}

void iscep_postgres_pipeline_close(iscep_postgres_pipeline *pipeline)
{
    hang_up(pipeline);
    free(pipeline->flights);
}

/* The first failure is the cause of the others. */
static iscep_status keep_failure(iscep_postgres_pipeline *pipeline, iscep_status status,
                                 const iscep_error *err)
{
    if (pipeline->failed == ISCEP_OK) {
        pipeline->failed = status;
        pipeline->failure = *err;
    }
    return pipeline->failed;
}

/* The connection is of no use any more. */
static iscep_status lose(iscep_postgres_pipeline *pipeline, iscep_status status, const iscep_error *err)
{
    hang_up(pipeline);
    return keep_failure(pipeline, status, err);
}

static iscep_status lose_connection(iscep_postgres_pipeline *pipeline)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = iscep_postgres_fail_connection(pipeline->link.conn, &err);
    return lose(pipeline, status, &err);
}

static int64_t deadline_of(const iscep_postgres_pipeline *pipeline)
{
    return iscep_postgres_now_ms() + pipeline->timeout_ms;
}

/* Connects if there is no connection. */
static iscep_status make_ready(iscep_postgres_pipeline *pipeline)
{
    iscep_error err = ISCEP_ERROR_INIT;
    if (pipeline->failed != ISCEP_OK || pipeline->link.conn != NULL)
        return pipeline->failed;
    iscep_status status = iscep_postgres_link_open(&pipeline->link, &err);
    return status == ISCEP_OK ? ISCEP_OK : lose(pipeline, status, &err);
}

/* --- answers --- */

static bool is_bad(const PGresult *result)
{
    ExecStatusType kind = PQresultStatus(result);
    return kind != PGRES_COMMAND_OK && kind != PGRES_TUPLES_OK && kind != PGRES_PIPELINE_SYNC;
}

/* A standby and a server that is going down answer still, but are not what we need. */
static void learn_failure(iscep_postgres_pipeline *pipeline, const PGresult *result)
{
    iscep_error err = ISCEP_ERROR_INIT;
    if (PQresultStatus(result) == PGRES_PIPELINE_ABORTED)
        return;
    iscep_status status = PQstatus(pipeline->link.conn) == CONNECTION_OK
                              ? iscep_postgres_fail_result(result, pipeline->link.use, &err)
                              : iscep_postgres_fail_connection(pipeline->link.conn, &err);
    keep_failure(pipeline, status, &err);
}

/* The first that is in flight. *out: its result, which is then the caller's. */
static iscep_status take_answer(PGresult **out, iscep_postgres_pipeline *pipeline, int64_t deadline_mono_ms)
{
    const flight answered = pipeline->flights[pipeline->first];
    iscep_error err = ISCEP_ERROR_INIT;
    PGresult *result = NULL, *end = NULL;
    iscep_status status = iscep_postgres_link_take(&result, &pipeline->link, deadline_mono_ms, &err);
    if (status == ISCEP_OK && answered.kind != FLIGHT_END)
        status = iscep_postgres_link_take(&end, &pipeline->link, deadline_mono_ms, &err);
    PQclear(end); /* there is none */
    if (status != ISCEP_OK) {
        PQclear(result);
        return lose(pipeline, status, &err);
    }
    if (++pipeline->first == pipeline->end)
        pipeline->first = pipeline->end = 0;
    if (result == NULL || is_bad(result)) {
        learn_failure(pipeline, result);
        if (answered.kind == FLIGHT_PREPARE)
            answered.statement->is_prepared = false;
    } else if (answered.kind == FLIGHT_STATEMENT) {
        pipeline->changed = strtoll(PQcmdTuples(result), NULL, 10);
    }
    *out = result;
    return ISCEP_OK;
}

static bool is_lost(const iscep_postgres_pipeline *pipeline)
{
    return pipeline->link.conn == NULL;
}

/* All there is, each with the deadline that a statement has. *out: the last statement's. */
static iscep_status take_answers(PGresult **out, iscep_postgres_pipeline *pipeline)
{
    PGresult *last = NULL;
    while (pipeline->first < pipeline->end) {
        flight_kind kind = pipeline->flights[pipeline->first].kind;
        PGresult *result = NULL;
        if (take_answer(&result, pipeline, deadline_of(pipeline)) != ISCEP_OK)
            break;
        if (kind == FLIGHT_STATEMENT) {
            PQclear(last);
            last = result;
        } else {
            PQclear(result);
        }
    }
    if (out != NULL && pipeline->failed == ISCEP_OK)
        *out = last;
    else
        PQclear(last);
    return pipeline->failed;
}

/* --- sending --- */

static iscep_status add_flight(iscep_postgres_pipeline *pipeline, flight_kind kind,
                               iscep_postgres_statement *statement)
{
    if (pipeline->end == pipeline->cap) {
        size_t cap = pipeline->cap == 0 ? 64 : pipeline->cap * 2;
        flight *grown = reallocarray(pipeline->flights, cap, sizeof *grown);
        iscep_error err = ISCEP_ERROR_INIT;
        if (grown == NULL)
            return lose(pipeline, iscep_error_nomem(&err), &err);
        pipeline->flights = grown;
        pipeline->cap = cap;
    }
    pipeline->flights[pipeline->end++] = (flight){.kind = kind, .statement = statement};
    return ISCEP_OK;
}

static iscep_postgres_statement *slot_for(iscep_postgres_pipeline *pipeline, const char *sql)
{
    size_t at = (size_t)((uintptr_t)sql * 0x9E3779B97F4A7C15u >> 40) % ISCEP_POSTGRES_STATEMENTS;
    for (size_t i = 0; i < ISCEP_POSTGRES_STATEMENTS; i++, at = (at + 1) % ISCEP_POSTGRES_STATEMENTS)
        if (pipeline->cached[at].sql == sql || pipeline->cached[at].sql == NULL)
            return &pipeline->cached[at];
    return NULL;
}

static Oid type_of(iscep_param_kind kind)
{
    return kind == ISCEP_PARAM_NUMBER ? OID_INT8 : kind == ISCEP_PARAM_TEXT ? OID_TEXT : OID_BYTEA;
}

static void make_name(char name[32], const iscep_postgres_pipeline *pipeline,
                      const iscep_postgres_statement *statement)
{
    snprintf(name, 32, "s%zu", (size_t)(statement - pipeline->cached));
}

static iscep_status prepare(iscep_postgres_pipeline *pipeline, iscep_postgres_statement *statement,
                            const char *sql, const iscep_param *params, size_t count)
{
    Oid types[MAX_PARAMS];
    char name[32];
    for (size_t i = 0; i < count; i++)
        types[i] = type_of(params[i].kind);
    make_name(name, pipeline, statement);
    if (!PQsendPrepare(pipeline->link.conn, name, sql, (int)count, types))
        return lose_connection(pipeline);
    statement->sql = sql;
    statement->is_prepared = true; /* take_answer says so if not */
    return add_flight(pipeline, FLIGHT_PREPARE, statement);
}

/* What is no UTF-8, or has a NUL within, would have the whole row refused. */
static bool is_text(iscep_bytes text)
{
    for (size_t i = 0, len; i < text.len; i += len) {
        len = iscep_utf8_len(text.data + i, text.len - i);
        if (len == 0 || text.data[i] == '\0')
            return false;
    }
    return true;
}

static void append_mended(iscep_buf *out, iscep_bytes text)
{
    for (size_t i = 0, len; i < text.len; i += len) {
        len = iscep_utf8_len(text.data + i, text.len - i);
        bool is_good = len != 0 && text.data[i] != '\0';
        len = is_good ? len : 1;
        iscep_buf_append(out, is_good ? (const void *)(text.data + i) : "?", len);
    }
}

/* As PQsendQueryPrepared wants them. */
typedef struct bound {
    const char *values[MAX_PARAMS];
    int lengths[MAX_PARAMS];
    int formats[MAX_PARAMS];
    uint64_t numbers[MAX_PARAMS];
    iscep_buf texts[MAX_PARAMS];
} bound;

static iscep_status bind_text(bound *b, size_t at, iscep_bytes text, iscep_error *err)
{
    if (text.data == NULL || is_text(text))
        return ISCEP_OK;
    append_mended(&b->texts[at], text);
    b->values[at] = iscep_buf_text(&b->texts[at]);
    return iscep_buf_status(&b->texts[at], err);
}

static iscep_status bind_all(bound *b, const iscep_param *params, size_t count, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < count && status == ISCEP_OK; i++) {
        const iscep_param *param = &params[i];
        b->formats[i] = 1;
        b->numbers[i] = htobe64((uint64_t)param->number);
        b->values[i] = param->kind == ISCEP_PARAM_NUMBER ? (const char *)&b->numbers[i]
                                                         : (const char *)param->bytes.data;
        b->lengths[i] = param->kind == ISCEP_PARAM_NUMBER ? (int)sizeof b->numbers[i] : (int)param->bytes.len;
        if (param->kind == ISCEP_PARAM_TEXT)
            status = bind_text(b, i, param->bytes, err);
    }
    return status;
}

static iscep_status send_bound(iscep_postgres_pipeline *pipeline, const iscep_postgres_statement *statement,
                               const iscep_param *params, size_t count)
{
    bound b;
    iscep_error err = ISCEP_ERROR_INIT;
    char name[32];
    for (size_t i = 0; i < count; i++)
        iscep_buf_init(&b.texts[i], MAX_TEXT);
    make_name(name, pipeline, statement);
    iscep_status status = bind_all(&b, params, count, &err);
    if (status != ISCEP_OK)
        status = lose(pipeline, status, &err);
    else if (!PQsendQueryPrepared(pipeline->link.conn, name, (int)count, b.values, b.lengths, b.formats, 1))
        status = lose_connection(pipeline);
    for (size_t i = 0; i < count; i++)
        iscep_buf_clear(&b.texts[i]);
    return status;
}

iscep_status iscep_postgres_send(iscep_postgres_pipeline *pipeline, const char *sql,
                                 const iscep_param *params, size_t count)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = make_ready(pipeline);
    if (status == ISCEP_OK && pipeline->end - pipeline->first >= MAX_IN_FLIGHT)
        status = iscep_postgres_settle(NULL, pipeline);
    if (status != ISCEP_OK)
        return status;
    iscep_postgres_statement *statement = slot_for(pipeline, sql);
    if (statement == NULL || count > MAX_PARAMS)
        return keep_failure(
            pipeline,
            iscep_error_set(&err, ISCEP_STORAGE, "journal_io", "the journal: too many statements, or values"),
            &err);
    if (!statement->is_prepared)
        status = prepare(pipeline, statement, sql, params, count);
    if (status == ISCEP_OK)
        status = send_bound(pipeline, statement, params, count);
    return status == ISCEP_OK ? add_flight(pipeline, FLIGHT_STATEMENT, NULL) : status;
}

iscep_status iscep_postgres_mark_end(iscep_postgres_pipeline *pipeline)
{
    if (is_lost(pipeline))
        return pipeline->failed;
    if (!PQpipelineSync(pipeline->link.conn))
        return lose_connection(pipeline);
    iscep_status status = add_flight(pipeline, FLIGHT_END, NULL);
    return status == ISCEP_OK && PQflush(pipeline->link.conn) < 0 ? lose_connection(pipeline) : status;
}

iscep_status iscep_postgres_settle(PGresult **out, iscep_postgres_pipeline *pipeline)
{
    if (pipeline->failed != ISCEP_OK)
        return pipeline->failed;
    bool is_done =
        pipeline->first == pipeline->end || pipeline->flights[pipeline->end - 1].kind == FLIGHT_END;
    /* Also within a transaction: only behind a Sync does the server count the time that it idles there, if we are gone. */
    if (!is_done && iscep_postgres_mark_end(pipeline) != ISCEP_OK)
        return pipeline->failed;
    return take_answers(out, pipeline);
}

iscep_status iscep_postgres_ask(PGresult **out, iscep_postgres_pipeline *pipeline, const char *sql,
                                const iscep_param *params, size_t count)
{
    iscep_status status = iscep_postgres_send(pipeline, sql, params, count);
    return status == ISCEP_OK ? iscep_postgres_settle(out, pipeline) : status;
}

/* --- outside the pipeline, and after a failure --- */

iscep_status iscep_postgres_run_script(iscep_postgres_pipeline *pipeline, const char *sql)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = make_ready(pipeline);
    bool is_waiting = status == ISCEP_OK && pipeline->first < pipeline->end;
    if (is_waiting && pipeline->flights[pipeline->end - 1].kind != FLIGHT_END)
        status = iscep_postgres_mark_end(pipeline);
    if (is_waiting && status == ISCEP_OK)
        status = take_answers(NULL, pipeline);
    if (status != ISCEP_OK)
        return status;
    status = iscep_postgres_link_run_script(NULL, &pipeline->link, sql, deadline_of(pipeline), &err);
    if (status == ISCEP_OK)
        return ISCEP_OK;
    bool is_usable = PQpipelineStatus(pipeline->link.conn) != PQ_PIPELINE_OFF;
    return is_usable ? keep_failure(pipeline, status, &err) : lose(pipeline, status, &err);
}

void iscep_postgres_distrust(iscep_postgres_pipeline *pipeline)
{
    iscep_error err = ISCEP_ERROR_INIT;
    (void)iscep_status_of(
        keep_failure(pipeline,
                     iscep_error_set(&err, ISCEP_STORAGE, "journal_corrupt",
                                     "the journal's database: a value is not of the type that "
                                     "its column should have"),
                     &err));
}

/* Once for what the server says at the end, once for the end. */
void iscep_postgres_notice_end(iscep_postgres_pipeline *pipeline)
{
    for (int i = 0; i < 2; i++)
        if (!is_lost(pipeline) && !PQconsumeInput(pipeline->link.conn))
            hang_up(pipeline);
}

void iscep_postgres_recover(iscep_postgres_pipeline *pipeline)
{
    if (pipeline->failed != ISCEP_OK && strcmp(pipeline->failure.code, "journal_away") == 0)
        hang_up(pipeline);
    if (!is_lost(pipeline) && iscep_postgres_mark_end(pipeline) == ISCEP_OK)
        (void)iscep_status_of(take_answers(NULL, pipeline));
    if (!is_lost(pipeline) && pipeline->is_explicit) {
        pipeline->is_explicit = false;
        pipeline->failed = ISCEP_OK;
        if (iscep_postgres_send(pipeline, "ROLLBACK", NULL, 0) == ISCEP_OK)
            (void)iscep_status_of(iscep_postgres_settle(NULL, pipeline));
        if (pipeline->failed != ISCEP_OK)
            hang_up(pipeline);
    }
    pipeline->is_explicit = false;
    pipeline->failed = ISCEP_OK;
    pipeline->failure = (iscep_error)ISCEP_ERROR_INIT;
}
