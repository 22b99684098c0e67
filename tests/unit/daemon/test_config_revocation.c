/* The section [revocation]: what its keys mean, which values are refused, and what depends on [ca/NAME]. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "config_case.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

#define CA    "[ca/a]\nkind = plugin\n"
#define OTHER "[ca/b]\nkind = plugin\nissuer = CN=b\n"

static iscep_config *config;
static iscep_error err;

static void tear_down(void)
{
    iscep_config_free(config);
    config_case_tear_down();
}

TestSuite(config_revocation, .init = config_case_set_up, .fini = tear_down);

/* tenant: more keys of [tenant/t]; sections: others. */
static iscep_status load(const char *revocation, const char *tenant, const char *sections)
{
    char text[4096];
    iscep_config_free(config);
    config = NULL;
    snprintf(text, sizeof text,
             "[revocation]\n%s[tenant/t]\ntenant_id = t\nclient_id = c\nclient_secret_file = ~/secret\n%s%s",
             revocation, tenant, sections);
    return config_case_load(&config, text, &err);
}

Test(config_revocation, the_defaults_are_the_documented_ones)
{
    cr_assert_eq(load("batch = 100\n", "", ""), ISCEP_OK, "%s", err.message);
    const iscep_revoker_options *options = &config->revoker;
    cr_assert_not(options->is_polling);
    cr_assert_eq(options->poll_interval_ms, 900000);
    cr_assert_eq(options->batch, 100);
    cr_assert_null(options->issuer_filter);
    cr_assert_not(options->is_foreign_answered);
    cr_assert_not(options->is_serial_decimal);
    cr_assert_not(options->is_code_number);
    cr_assert_eq(options->retry_for_ms, 24 * 3600 * 1000);
    cr_assert_eq(options->max_backoff_ms, 600000);
    cr_assert_eq(options->storm_limit, 500);
    cr_assert_eq(options->storm_percent, 20);
    cr_assert_eq(options->storm_floor, 50);
    cr_assert_eq(options->storm_period_ms, 24 * 3600 * 1000);
    cr_assert_str_eq(config->tenants[0].tenant.revocation_path, "CertificateAuthorityRequests");
    cr_assert_str_eq(config->tenants[0].tenant.revocation_api_version, "5019-05-05");
}

Test(config_revocation, every_key_has_its_place)
{
    cr_assert_eq(
        load("poll = yes\npoll_interval_ms = 1000\nbatch = 500\nissuer_filter = CN=a\nforeign = answer\n"
             "serial_format = decimal\nerror_code = number\nretry_for_hours = 2\nmax_backoff_ms = 7\n"
             "storm_limit = 0\nstorm_percent = 100\nstorm_floor = 9\nstorm_period_hours = 1\n",
             "revocation_path = x/y\nrevocation_api_version = 2030-01-01\n", ""),
        ISCEP_OK, "%s", err.message);
    const iscep_revoker_options *options = &config->revoker;
    cr_assert(options->is_polling);
    cr_assert_eq(options->poll_interval_ms, 1000);
    cr_assert_eq(options->batch, 500);
    cr_assert_str_eq(options->issuer_filter, "CN=a");
    cr_assert(options->is_foreign_answered);
    cr_assert(options->is_serial_decimal);
    cr_assert(options->is_code_number);
    cr_assert_eq(options->retry_for_ms, 2 * 3600 * 1000);
    cr_assert_eq(options->max_backoff_ms, 7);
    cr_assert_eq(options->storm_limit, 0);
    cr_assert_eq(options->storm_percent, 100);
    cr_assert_eq(options->storm_floor, 9);
    cr_assert_eq(options->storm_period_ms, 3600 * 1000);
    cr_assert_str_eq(config->tenants[0].tenant.revocation_path, "x/y");
    cr_assert_str_eq(config->tenants[0].tenant.revocation_api_version, "2030-01-01");
}

Test(config_revocation, values_that_make_no_sense_are_refused)
{
    static const char *const cases[] = {
        "poll = maybe\n",        "poll_interval_ms = 0\n",  "poll_interval_ms = 86400001\n",
        "batch = 0\n",           "batch = 501\n",           "batch = 10x\n",
        "issuer_filter =\n",     "foreign = deny\n",        "serial_format = oct\n",
        "error_code = text\n",   "retry_for_hours = 0\n",   "retry_for_hours = 9999\n",
        "max_backoff_ms = -1\n", "storm_limit = 1000001\n", "storm_limit = -1\n",
        "storm_percent = 101\n", "storm_floor = many\n",    "storm_period_hours = 0\n",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_assert_eq(load(cases[i], "", ""), ISCEP_CONFIG, "%s", cases[i]);
        cr_assert_str_eq(err.code, "config_value", "%s: %s", cases[i], err.message);
        cr_assert_not_null(strstr(err.message, "connector.conf:2:"), "%s", err.message);
    }
    cr_assert_eq(load("storm = off\n", "", ""), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "config_key");
}

Test(config_revocation, polls_if_there_is_somebody_to_revoke)
{
    cr_assert_eq(load("batch = 1\n", "", CA), ISCEP_OK, "%s", err.message);
    cr_assert(config->revoker.is_polling);
    cr_assert_eq(load("poll = no\n", "", CA), ISCEP_OK, "%s", err.message);
    cr_assert_not(config->revoker.is_polling);
}

/* Intune asks under the name that it was told. */
Test(config_revocation, name_that_leads_to_no_ca_is_refused)
{
    static const struct {
        const char *sections;
        bool want;
    } cases[] = {
        {"", true},
        {CA, true}, /* the only one, and everybody's */
        {CA OTHER, false},
        {OTHER, false},
        {CA "issuer = O=c, CN=name\n" OTHER, true},
        {CA "ca_configuration = CN=name,O=c\n" OTHER, true},
        {CA "ca_configuration = something else\n", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        iscep_status status = load("batch = 1\n", "issuer_name = CN=name,O=c\n", cases[i].sections);
        cr_assert_eq(status, cases[i].want ? ISCEP_OK : ISCEP_CONFIG, "case %zu: %s", i, err.message);
        if (!cases[i].want)
            cr_assert_str_eq(err.code, "issuer_name");
    }
}
