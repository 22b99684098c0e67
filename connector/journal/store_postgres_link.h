/*
 * A connection to PostgreSQL on which nothing is ever waited for without a deadline. Its pipeline (libpq: pipeline mode) carries
 * statements, many in a flight; what comes back is taken one result at a time, in order.
 */
#ifndef ISCEP_JOURNAL_STORE_POSTGRES_LINK_H
#define ISCEP_JOURNAL_STORE_POSTGRES_LINK_H

#include <libpq-fe.h>

#include "journal/store_postgres.h"

typedef struct iscep_postgres_link {
    const iscep_postgres_options *options; /* borrowed */
    iscep_store_use use;
    PGconn *conn;            /* NULL: not connected */
    size_t host;             /* of several: which to begin with */
    int64_t clock_offset_ms; /* the database's clock, less our monotonic one */
    int64_t measured_mono_ms;
} iscep_postgres_link;

int64_t iscep_postgres_now_ms(void); /* of the monotonic clock: deadlines */

/* Connects, sets the session up, reads the database's clock, and enters pipeline mode. */
iscep_status iscep_postgres_link_open(iscep_postgres_link *link, iscep_error *err) ISCEP_CHECKED;
void iscep_postgres_link_close(iscep_postgres_link *link); /* closed already is allowed */

/* The next result; *out NULL: the statement has no more. journal_away: the deadline has passed, or the connection is lost. */
iscep_status iscep_postgres_link_take(PGresult **out, iscep_postgres_link *link, int64_t deadline_mono_ms,
                                      iscep_error *err) ISCEP_CHECKED;
/* Statements without parameters, outside the pipeline, which must be empty. The last one's result; *out NULL if out is. */
iscep_status iscep_postgres_link_run_script(PGresult **out, iscep_postgres_link *link, const char *sql,
                                            int64_t deadline_mono_ms, iscep_error *err) ISCEP_CHECKED;
/* sent_mono_ms: when a statement was sent that answered clock_ms just now. journal_away: that is no time. */
iscep_status iscep_postgres_link_set_clock(iscep_postgres_link *link, int64_t sent_mono_ms, int64_t clock_ms,
                                           iscep_error *err) ISCEP_CHECKED;
#define ISCEP_POSTGRES_CLOCK_MS "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"

#endif
