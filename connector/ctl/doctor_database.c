/* doctor's step at the database that nodes share: see doctor.h. */
#include <inttypes.h>
#include <string.h>

#include "ctl/doctor.h"
#include "journal/database_probe.h"
#include "journal/schema.h"

enum { CLOCK_OFF_MS = 30 * 1000, SLOW_US = 20 * 1000, US_PER_MS = 1000 };

bool doctor_has_database(const doctor_chart *chart)
{
    return chart->config != NULL && chart->config->journal.database != NULL;
}

static void judge_role(doctor_finding *finding, const iscep_database_facts *facts)
{
    if (facts->is_read_only)
        doctor_find(finding, DOCTOR_FAILED, "database_read_only",
                    "it can only be read: it is a standby, or told to be one");
    if (facts->lacks[0] != '\0')
        doctor_find(finding, DOCTOR_FAILED, "journal_denied", "the role %s lacks the right to %s",
                    facts->role, facts->lacks);
    if (facts->is_superuser)
        doctor_find(finding, DOCTOR_WARNING, "database_superuser", "the role %s is a superuser", facts->role);
}

static void judge_schema(doctor_finding *finding, const iscep_database_facts *facts)
{
    const iscep_schema_mark *schema = &facts->schema;
    const bool is_older = schema->version < iscep_schema_version();
    if (is_older && !facts->may_make)
        doctor_find(finding, DOCTOR_FAILED, "database_tables",
                    "%s tables of version %" PRId64 ", and the role %s may not make them",
                    schema->version == 0 ? "there are no" : "this program needs", iscep_schema_version(),
                    facts->role);
    else if (schema->version == 0)
        doctor_find(finding, DOCTOR_WARNING, "database_schema",
                    "its tables are not there; the connector's next start makes them");
    else if (schema->oldest > iscep_schema_version())
        doctor_find(finding, DOCTOR_FAILED, "journal_newer",
                    "its tables are of version %" PRId64 ", for programs from %" PRId64
                    " on; this one knows up to %" PRId64,
                    schema->version, schema->oldest, iscep_schema_version());
    else if (is_older)
        doctor_find(finding, DOCTOR_WARNING, "database_schema",
                    "its tables are of version %" PRId64 "; the connector's next start makes them %" PRId64,
                    schema->version, iscep_schema_version());
}

void doctor_judge_database(doctor_finding *finding, const iscep_database_facts *facts, bool is_tls_demanded)
{
    doctor_find(finding, DOCTOR_OK, NULL,
                "PostgreSQL %s, as %s, %s, schema %" PRId64 ", %" PRId64 ".%" PRId64 " ms", facts->server,
                facts->role,
                facts->tls[0] != '\0' ? facts->tls
                : facts->is_local     ? "Unix socket"
                                      : "no TLS",
                facts->schema.version, facts->round_trip_us / US_PER_MS,
                facts->round_trip_us % US_PER_MS / (US_PER_MS / 10));
    judge_role(finding, facts);
    judge_schema(finding, facts);
    if (facts->tls[0] == '\0' && !facts->is_local && !is_tls_demanded)
        doctor_find(finding, DOCTOR_WARNING, "database_plain", "the way to it has no TLS");
    if (facts->clock_ahead_ms > CLOCK_OFF_MS || facts->clock_ahead_ms < -CLOCK_OFF_MS)
        doctor_find(finding, DOCTOR_WARNING, "database_clock",
                    "this machine's clock differs from its by %" PRId64 " s", facts->clock_ahead_ms / 1000);
    if (facts->round_trip_us > SLOW_US)
        doctor_find(finding, DOCTOR_WARNING, "database_slow",
                    "an answer takes long: each report waits for several");
}

/* Each has another remedy, and libpq has one code for what is not the server's word. */
static const char *code_of(const iscep_error *err)
{
    if (strcmp(err->code, "journal_away") == 0 &&
        (strstr(err->message, "certificate") != NULL || strstr(err->message, "SSL error") != NULL))
        return "database_tls";
    if (strcmp(err->code, "journal_denied") == 0 && strstr(err->message, "password") != NULL)
        return "database_password";
    return err->code;
}

/* One that cannot be reached keeps no device from its certificate: the node writes its spool. */
void doctor_database(doctor_chart *chart, doctor_finding *finding)
{
    iscep_database_facts facts;
    iscep_error err = ISCEP_ERROR_INIT;
    const iscep_postgres_options *options = chart->config->journal.database;
    const iscep_status status = iscep_database_probe(&facts, &chart->env, options, &err);
    if (status == ISCEP_OK)
        doctor_judge_database(finding, &facts, chart->config->is_database_tls_demanded);
    else
        doctor_find(finding, status == ISCEP_STORAGE ? DOCTOR_WARNING : DOCTOR_FAILED, code_of(&err), "%s",
                    err.message);
}
