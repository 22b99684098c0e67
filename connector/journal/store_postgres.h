/* A journal that several nodes share: the store (store.h) in a PostgreSQL database. */
#ifndef ISCEP_JOURNAL_STORE_POSTGRES_H
#define ISCEP_JOURNAL_STORE_POSTGRES_H

#include "journal/store.h"

typedef struct iscep_postgres_options {
    const char *conninfo; /* libpq's connection string or URI, with the TLS settings and without a password */
    const char *password_file; /* read at each connecting; NULL: none is needed */
    const char
        *application_name; /* "intune-scepd/NODE": what the database's own lists show. NULL: "intune-scepd" */
    int64_t timeout_ms;    /* for connecting, and for each statement */
} iscep_postgres_options;

#define ISCEP_POSTGRES_OPTIONS_INIT                                                                          \
    {                                                                                                        \
        .timeout_ms = 2000                                                                                   \
    }

/*
 * Does not connect: the first transaction does, and after a failure the next. options is borrowed. ISCEP_STORE_READ only reads.
 *
 * Codes. STORAGE: journal_away, it cannot be reached, did not answer in time, is shutting down or is a standby that only reads;
 * journal_conflict, another node was faster, the same once more may succeed; journal_slow, the statement was given up for its
 * length; journal_full, journal_io, journal_corrupt. CONFIG: journal_denied, it does not let us in, or does not let us do this.
 * CONFIG journal_absent: this program was built without it.
 */
iscep_status iscep_store_open_postgres(iscep_store **out, const iscep_postgres_options *options,
                                       iscep_store_use use, iscep_error *err) ISCEP_CHECKED;

#endif
