/* intune-scepctl database: for those who look after the database that nodes share. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/print.h"
#include "journal/schema.h"

enum { MAX_SQL_LEN = 1024 * 1024 };

/* Two roles: the owner of the tables, and the connector, which can only read and write what is in them. */
static const char heading[] =
    "-- What the connector's nodes need in a PostgreSQL database, made by its administrator. Make two roles "
    "first:\n"
    "--   CREATE ROLE scep_owner NOLOGIN;\n"
    "--   CREATE ROLE scep LOGIN PASSWORD '...';  -- or a client certificate, or peer\n"
    "--   CREATE DATABASE scep OWNER scep_owner;\n"
    "-- Then, in that database:\n"
    "SET ROLE scep_owner;\n";

static const char ending[] = "GRANT USAGE ON SCHEMA public TO scep;\n"
                             "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO scep;\n"
                             "REVOKE INSERT, UPDATE, DELETE ON iscep_schema FROM scep;\n"
                             "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO scep;\n";

/* For an upgrade: the roles are there. */
static const char upgrade_heading[] =
    "-- What an older version's tables need for this one. In the database:\n"
    "SET ROLE scep_owner;\n";

/* The version that the tables have, if it is given. */
static iscep_status read_from(int64_t *out, const ctl_request *request, iscep_error *err)
{
    char *end = NULL;
    *out = request->operand_count > 0 ? strtoll(request->operands[0], &end, 10) : 0;
    if (*out >= 0 && (end == NULL || (*end == '\0' && end != request->operands[0])))
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_USAGE, "schema_version",
                           "%s is no version: intune-scepctl doctor tells which one the tables have",
                           request->operands[0]);
}

/* Nothing would look like all that is needed. */
static iscep_status refuse_current(int64_t from, iscep_error *err)
{
    if (from < iscep_schema_version())
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_USAGE, "schema_version",
                           "tables of version %" PRId64
                           " need nothing: this program's are of version %" PRId64,
                           from, iscep_schema_version());
}

static int schema(const ctl_request *request)
{
    ISCEP_AUTO_BUF sql;
    iscep_error err = ISCEP_ERROR_INIT;
    int64_t from = 0;
    iscep_buf_init(&sql, MAX_SQL_LEN);
    iscep_status status = read_from(&from, request, &err);
    if (status == ISCEP_OK)
        status = refuse_current(from, &err);
    if (status == ISCEP_OK)
        status = iscep_schema_sql(&sql, from, &err);
    if (status == ISCEP_OK)
        status = iscep_buf_status(&sql, &err);
    if (status != ISCEP_OK)
        return ctl_print_error(request, status == ISCEP_USAGE ? CTL_USAGE : CTL_UNKNOWN, &err);
    printf("%s%s%s", from > 0 ? upgrade_heading : heading, iscep_buf_text(&sql), ending);
    return CTL_YES;
}

const ctl_word ctl_database_words[] = {
    {"schema", 0, 1, TAKES_NOTHING, schema},
    {0},
};
