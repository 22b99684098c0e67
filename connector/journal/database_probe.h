/* What there is to know of the database that nodes share before anybody relies on it: for a person, by intune-scepctl doctor. */
#ifndef ISCEP_JOURNAL_DATABASE_PROBE_H
#define ISCEP_JOURNAL_DATABASE_PROBE_H

#include "base/env.h"
#include "journal/store_postgres.h"

typedef struct iscep_database_facts {
    char server[32]; /* its version */
    char role[64];   /* as whom we are let in */
    char tls[16];    /* "TLSv1.3"; empty: none */
    bool is_local;   /* through a Unix socket */
    bool is_superuser;
    bool is_read_only;        /* a standby, or told to be */
    bool may_make;            /* our tables, or change them */
    char lacks[128];          /* what the role may not do, such as "INSERT on delivery"; empty: nothing */
    iscep_schema_mark schema; /* version 0: our tables are not there */
    int64_t clock_ahead_ms;   /* ours, of the database's */
    int64_t round_trip_us;
} iscep_database_facts;

/* Connects, asks, and leaves nothing behind. Blocks, at most a few times the options' timeout_ms. */
iscep_status iscep_database_probe(iscep_database_facts *out, const iscep_env *env,
                                  const iscep_postgres_options *options, iscep_error *err) ISCEP_CHECKED;

#endif
