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
    {"path", JOURNAL(path), read_path, "/var/lib/intune-scep/journal.db"},
    {"report", REPORTING(is_deferred), read_report, "strict"},
    {"withheld", REPORTING(is_withheld_revoked), read_withheld, "revoke"},
    {"unvalidated_reports", REPORTING(is_unvalidated_refused), read_unvalidated, "report"},
    {"dead_after_hours", REPORTING(dead_after_ms), read_hours, "168"},
    {"max_backoff_ms", REPORTING(max_backoff_ms), iscep_config_read_milliseconds, "600000"},
    {"max_deliveries_in_flight", REPORTING(max_in_flight), read_in_flight, "32"},
    {"retention_days", JOURNAL(retention_days), read_days, "400"},
    {"max_size_mb", JOURNAL(max_size_mb), read_megabytes, "4096"},
    {"attempt_timeout_ms", REPORTING(attempt_timeout_ms), iscep_config_read_milliseconds, "30000"},
    {"database", DATABASE(conninfo), iscep_config_read_text, NULL},
    {"database_password_file", DATABASE(password_file), iscep_config_read_loaded_secret, NULL},
    {"database_tls", 0, iscep_config_read_tls_demand, "verified"},
    {"database_connections", JOURNAL(connections), read_connections, "4"},
    {"database_timeout_ms", DATABASE(timeout_ms), iscep_config_read_milliseconds, "2000"},
    {"node", JOURNAL(node), iscep_config_read_node, NULL},
    {0},
};
