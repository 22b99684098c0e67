/* In place of the other store_postgres files, for what lives in a foreign process and has one journal, a file: no libpq enters it. */
#include "journal/conninfo.h"
#include "journal/store_postgres.h"

iscep_status iscep_store_open_postgres(iscep_store **out, const iscep_postgres_options *options,
                                       iscep_store_use use, iscep_error *err)
{
    (void)out;
    (void)options;
    (void)use;
    return iscep_error_set(err, ISCEP_CONFIG, "journal_absent", "this build has no PostgreSQL");
}

iscep_status iscep_conninfo_check(const char *conninfo, bool is_tls_demanded, iscep_error *err)
{
    (void)conninfo;
    (void)is_tls_demanded;
    return iscep_error_set(err, ISCEP_CONFIG, "journal_absent", "this build has no PostgreSQL");
}
