/* The section [journal], journal/journal.h and service/service.h as text; and [connector] audit. */
#include <stddef.h>
#include <string.h>

#include "daemon/config_key.h"

static const char *read_days(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_number(to, text, " of days", 1, 36500);
}

static const char *read_megabytes(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_number(to, text, " of MiB", 16, 1048576);
}

static const char *read_hours(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_hours(to, text, 87600);
}

static const char *read_in_flight(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_number32(to, text, 1, 10000);
}

static const char *read_connections(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_number32(to, text, 1, 64);
}

static const char *read_report(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_switch(to, text, "strict", "deferred");
}

static const char *read_withheld(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_switch(to, text, "keep", "revoke");
}

static const char *read_unvalidated(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_switch(to, text, "report", "refuse");
}

static const char *read_path(iscep_config *config, void *to, const char *text)
{
    return text[0] != '/' && text[0] != '\0' ? "must be an absolute path"
                                             : iscep_config_read_text(config, to, text);
}

const char *iscep_config_read_audit(iscep_config *config, void *to, const char *text)
{
    const char **out = to;
    *out = NULL;
    if (strcmp(text, "none") == 0)
        return NULL;
    if (text[0] != '/' && strcmp(text, "journald") != 0)
        return "must be an absolute path, journald or none";
    return iscep_config_read_text(config, to, text);
}

#define JOURNAL(member)   offsetof(iscep_config, journal.member)
#define DATABASE(member)  offsetof(iscep_config, database.member)
#define REPORTING(member) offsetof(iscep_config, reporting.member)

const struct key iscep_journal_keys[] = {
    {"path", JOURNAL(path), read_path, DEFAULT("/var/lib/intune-scep/journal.db"),
     "an absolute path: an SQLite file, made if it is not there; its directory must be. It holds CSRs, and "
     "so challenges, until Intune has taken note: readable for its owner only. One connector, one journal. "
     "With `database` it is the spool"},
    {"report", REPORTING(is_deferred), read_report, DEFAULT("strict"),
     "an issued certificate is delivered only when Intune has taken note, as Microsoft demands; or "
     "`deferred`: as soon as the report is on disk, and Intune is told until it takes note. For tenants "
     "whose Intune answers so slowly that devices give up"},
    {"withheld", REPORTING(is_withheld_revoked), read_withheld, DEFAULT("revoke"),
     "with `strict`, a certificate whose report Intune does not answer in time is never delivered, and "
     "revoked, if its CA is configured (`[ca/NAME]`); of any other CA, and with `keep`, it is kept, reported "
     "later, and delivered when the device asks again. One whose report Intune refuses is never delivered, "
     "and revoked if its CA is configured, in either case"},
    {"unvalidated_reports", REPORTING(is_unvalidated_refused), read_unvalidated, DEFAULT("report"),
     "a certificate for a request that was never validated here is reported, with a warning; or `refuse`: it "
     "is not, is never delivered, and is revoked if its CA is configured. For SCEP servers that always ask. "
     "A crash or a full disk in the moment after a validation may make its report look so, and with `refuse` "
     "on a shared journal every report whose validation only the database knows, while that is away"},
    {"dead_after_hours", REPORTING(dead_after_ms), read_hours, DEFAULT("168"),
     "how long a report is tried; then it is dead, and a person must look (`intune-scepctl outbox`)"},
    {"max_backoff_ms", REPORTING(max_backoff_ms), iscep_config_read_milliseconds, DEFAULT("600000"),
     "the longest pause between two tries. It begins below 5 s and doubles; `Retry-After` counts if it is "
     "longer, up to an hour"},
    {"max_deliveries_in_flight", REPORTING(max_in_flight), read_in_flight, DEFAULT("32"),
     "reports on their way to Intune at once, beside those that a caller waits for"},
    {"retention_days", JOURNAL(retention_days), read_days, DEFAULT("400"),
     "what ended longer ago is forgotten, but for certificates that are still valid and what is owed"},
    {"max_size_mb", JOURNAL(max_size_mb), read_megabytes, DEFAULT("4096"),
     "beyond this the oldest that ended is forgotten sooner. Not in a database, which gives no space back"},
    {"attempt_timeout_ms", REPORTING(attempt_timeout_ms), iscep_config_read_milliseconds, DEFAULT("30000"),
     "how long Intune is given for a report that nobody waits for. What a node had under way when it died "
     "another takes over after at most twice this; what a caller waited for, half of this after his time"},
    {"database", DATABASE(conninfo), iscep_config_read_text, NO_DEFAULT("none"),
     "a PostgreSQL database that several nodes share, as a libpq connection string or URI and without a "
     "password"},
    {"database_password_file", DATABASE(password_file), iscep_config_read_loaded_secret, NO_DEFAULT("none"),
     "a file with the password, read at each connecting, so that it can be replaced at any time (not a "
     "`credential:`, which systemd copies at the start); none is needed with a client certificate "
     "(`sslcert`, `sslkey`) or on a Unix socket"},
    {"database_tls", 0, iscep_config_read_tls_demand, DEFAULT("verified"),
     "beyond this machine `sslmode=verify-full` and `sslrootcert` are demanded; or `unchecked`: for a "
     "network that encrypts by itself"},
    {"database_connections", JOURNAL(connections), read_connections, DEFAULT("4"),
     "that write; one more reads"},
    {"database_timeout_ms", DATABASE(timeout_ms), iscep_config_read_milliseconds, DEFAULT("2000"),
     "for connecting, and for each statement. After that the database counts as away, and the spool is "
     "written"},
    {"node", JOURNAL(node), iscep_config_read_node, NO_DEFAULT("the host's name"),
     "what this node is called among those that share the database; each has its own: 1 to 63 letters, "
     "digits, `.`, `_` and `-`"},
    {0},
};
