/* What PostgreSQL's and libpq's errors mean to us: codes of store_postgres.h. */
#ifndef ISCEP_JOURNAL_STORE_POSTGRES_ERROR_H
#define ISCEP_JOURNAL_STORE_POSTGRES_ERROR_H

#include <libpq-fe.h>

#include "journal/store.h"

/* result: of a statement that failed. A reader's that took too long is his affair; a writer's means that the database is ill. */
iscep_status iscep_postgres_fail_result(const PGresult *result, iscep_store_use use,
                                        iscep_error *err) ISCEP_CHECKED;
/* The connection is lost, or was never there. Its error verbosity must be PQERRORS_VERBOSE, which tells the SQLSTATE. */
iscep_status iscep_postgres_fail_connection(const PGconn *conn, iscep_error *err) ISCEP_CHECKED;
/* journal_away with these words. */
iscep_status iscep_postgres_fail_away(const char *reason, iscep_error *err) ISCEP_CHECKED;

#endif
