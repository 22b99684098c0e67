/*
 * Statements on their way to PostgreSQL and their answers on the way back. A statement that nobody asks anything of is sent and
 * left to itself; a question sends what is waiting, and takes the answers of all that went before it.
 *
 * The first failure stays, and is the answer to everything, until iscep_postgres_recover: the server does nothing more of what came
 * behind it either. A lost connection is closed, and opened again by what comes first after that.
 */
#ifndef ISCEP_JOURNAL_STORE_POSTGRES_PIPELINE_H
#define ISCEP_JOURNAL_STORE_POSTGRES_PIPELINE_H

#include "journal/store_postgres_link.h"

enum { ISCEP_POSTGRES_STATEMENTS = 512 /* a power of two, and more than there are */ };

typedef struct iscep_postgres_statement {
    const char *sql; /* its address is the key; open addressing. NULL: free */
    bool is_prepared;
} iscep_postgres_statement;

typedef struct iscep_postgres_pipeline {
    iscep_postgres_link link;
    iscep_postgres_statement cached[ISCEP_POSTGRES_STATEMENTS];
    struct iscep_postgres_flight *flights; /* what was sent and not answered, in order */
    size_t first;
    size_t end;
    size_t cap;
    int64_t timeout_ms;  /* of each wait */
    bool is_explicit;    /* within BEGIN and COMMIT: also if the connection was lost there */
    iscep_status failed; /* ISCEP_OK: nothing has */
    iscep_error failure;
    int64_t changed; /* rows, by the last statement that was answered */
} iscep_postgres_pipeline;

void iscep_postgres_pipeline_init(iscep_postgres_pipeline *pipeline, const iscep_postgres_options *options,
                                  iscep_store_use use);
void iscep_postgres_pipeline_close(iscep_postgres_pipeline *pipeline);

/* Sends; does not wait. */
iscep_status iscep_postgres_send(iscep_postgres_pipeline *pipeline, const char *sql,
                                 const iscep_param *params, size_t count) ISCEP_CHECKED;
/* Sends, and waits for the answer, which is the caller's. Within a transaction that goes on. */
iscep_status iscep_postgres_ask(PGresult **out, iscep_postgres_pipeline *pipeline, const char *sql,
                                const iscep_param *params, size_t count) ISCEP_CHECKED;
/* Waits until all that was sent is answered; *out, if not NULL, is the last answer. */
iscep_status iscep_postgres_settle(PGresult **out, iscep_postgres_pipeline *pipeline) ISCEP_CHECKED;
/* The same for statements without parameters, outside the pipeline. */
iscep_status iscep_postgres_run_script(iscep_postgres_pipeline *pipeline, const char *sql) ISCEP_CHECKED;
/* Behind COMMIT or ROLLBACK: what comes next is not held back by what came before. Does not wait. */
iscep_status iscep_postgres_mark_end(iscep_postgres_pipeline *pipeline) ISCEP_CHECKED;
/* Between two transactions: was the connection ended meanwhile? Then the next statement makes another. Does not wait. */
void iscep_postgres_notice_end(iscep_postgres_pipeline *pipeline);
/* An answer makes no sense: a failure, as if the server had told it. */
void iscep_postgres_distrust(iscep_postgres_pipeline *pipeline);
/* After a failure: the connection is as it was before all this, or closed. */
void iscep_postgres_recover(iscep_postgres_pipeline *pipeline);

#endif
