/* The section [journal], and where the audit trail goes: what the words mean, and which are refused. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "config_case.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static iscep_config *config;
static iscep_error err;

static void tear_down(void)
{
    iscep_config_free(config);
    config_case_tear_down();
}

TestSuite(config_journal, .init = config_case_set_up, .fini = tear_down);

static iscep_status load(const char *section, const char *lines)
{
    char text[4096];
    iscep_config_free(config);
    config = NULL;
    snprintf(text, sizeof text,
             "[%s]\n%s[tenant/t]\ntenant_id = t\nclient_id = c\nclient_secret_file = ~/secret\n", section,
             lines);
    return config_case_load(&config, text, &err);
}

Test(config_journal, the_defaults_are_the_documented_ones)
{
    cr_assert_eq(load("policy", "max_csr_len = 16384\n"), ISCEP_OK, "%s", err.message);
    cr_assert_str_eq(config->journal.path, "/var/lib/intune-scep/journal.db");
    cr_assert_eq(config->journal.retention_days, 400);
    cr_assert_eq(config->journal.max_size_mb, 4096);
    cr_assert_not(config->reporting.is_deferred);
    cr_assert(config->reporting.is_withheld_revoked);
    cr_assert_not(config->reporting.is_unvalidated_refused);
    cr_assert_eq(config->reporting.dead_after_ms, INT64_C(168) * 3600 * 1000);
    cr_assert_eq(config->reporting.max_backoff_ms, 600000);
    cr_assert_eq(config->reporting.max_in_flight, 32);
    cr_assert_null(config->audit);
}

Test(config_journal, every_key_goes_where_it_belongs)
{
    cr_assert_eq(load("journal",
                      "path = /x/j.db\nreport = deferred\nwithheld = keep\nunvalidated_reports = refuse\n"
                      "dead_after_hours = 2\nmax_backoff_ms = 1000\nmax_deliveries_in_flight = 7\n"
                      "retention_days = 30\nmax_size_mb = 16\n"),
                 ISCEP_OK, "%s", err.message);
    cr_assert_str_eq(config->journal.path, "/x/j.db");
    cr_assert_eq(config->journal.retention_days, 30);
    cr_assert_eq(config->journal.max_size_mb, 16);
    cr_assert(config->reporting.is_deferred);
    cr_assert_not(config->reporting.is_withheld_revoked);
    cr_assert(config->reporting.is_unvalidated_refused);
    cr_assert_eq(config->reporting.dead_after_ms, 7200000);
    cr_assert_eq(config->reporting.max_backoff_ms, 1000);
    cr_assert_eq(config->reporting.max_in_flight, 7);
}

Test(config_journal, the_words_of_the_defaults_may_be_written_out)
{
    cr_assert_eq(load("journal", "report = strict\nwithheld = revoke\nunvalidated_reports = report\n"),
                 ISCEP_OK, "%s", err.message);
    cr_assert_not(config->reporting.is_deferred);
    cr_assert(config->reporting.is_withheld_revoked);
    cr_assert_not(config->reporting.is_unvalidated_refused);
}

Test(config_journal, what_makes_no_sense_is_refused_with_its_line)
{
    static const struct {
        const char *line;
        const char *want;
    } cases[] = {
        {"path =\n", ":2: path: must not be empty"},
        {"path = journal.db\n", ":2: path: must be an absolute path"},
        {"report = lax\n", ":2: report: must be strict or deferred"},
        {"report = Strict\n", ":2: report: must be strict or deferred"},
        {"withheld = no\n", ":2: withheld: must be keep or revoke"},
        {"unvalidated_reports = warn\n", ":2: unvalidated_reports: must be report or refuse"},
        {"dead_after_hours = 0\n", ":2: dead_after_hours: must be a number of hours from 1 to 87600"},
        {"dead_after_hours = 1h\n", ":2: dead_after_hours: must be a number of hours from 1 to 87600"},
        {"max_backoff_ms = 3600001\n",
         ":2: max_backoff_ms: must be a number of milliseconds from 1 to 3600000"},
        {"max_deliveries_in_flight = 0\n", ":2: max_deliveries_in_flight: must be a number from 1 to 10000"},
        {"max_deliveries_in_flight = -1\n", ":2: max_deliveries_in_flight: must be a number from 1 to 10000"},
        {"retention_days = 99999999999999999999\n",
         ":2: retention_days: must be a number of days from 1 to 36500"},
        {"max_size_mb = 15\n", ":2: max_size_mb: must be a number of MiB from 16 to 1048576"},
        {"reports = strict\n", ":2: unknown key \"reports\" in [journal]"},
        {"audit = none\n", ":2: unknown key \"audit\" in [journal]"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_assert_eq(load("journal", cases[i].line), ISCEP_CONFIG, "%s", cases[i].line);
        cr_assert_not_null(strstr(err.message, cases[i].want), "%s: %s", cases[i].line, err.message);
    }
}

Test(config_journal, the_audit_trail_goes_to_a_file_to_journald_or_nowhere)
{
    cr_assert_eq(load("connector", "audit = /var/log/audit.jsonl\n"), ISCEP_OK, "%s", err.message);
    cr_assert_str_eq(config->audit, "/var/log/audit.jsonl");
    cr_assert_eq(load("connector", "audit = journald\n"), ISCEP_OK, "%s", err.message);
    cr_assert_str_eq(config->audit, "journald");
    cr_assert_eq(load("connector", "audit = none\n"), ISCEP_OK, "%s", err.message);
    cr_assert_null(config->audit);
    cr_assert_eq(load("connector", "audit = audit.jsonl\n"), ISCEP_CONFIG);
    cr_assert_not_null(strstr(err.message, ":2: audit: must be an absolute path, journald or none"), "%s",
                       err.message);
}
