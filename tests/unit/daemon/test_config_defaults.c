/* The defaults stand once, as text, in the tables of keys: they are what the parts themselves take for their defaults. */
#include <criterion/criterion.h>
#include <string.h>

#include "daemon/config_key.h"
#include "tests/unit/daemon/config_case.h"

TestSuite(config_defaults, .init = config_case_set_up, .fini = config_case_tear_down);

Test(config_defaults, of_the_policy_are_the_services)
{
    const iscep_policy *policy = &config_case_good(CONFIG_CASE_TENANT("a"))->policy;
    const iscep_csr_rules *rules = &policy->csr, *wanted = &iscep_policy_default.csr;
    cr_assert_eq(policy->issued_check, iscep_policy_default.issued_check);
    cr_assert_eq(rules->max_csr_len, wanted->max_csr_len);
    cr_assert_eq(rules->min_challenge_len, wanted->min_challenge_len);
    cr_assert_eq(rules->max_challenge_len, wanted->max_challenge_len);
    cr_assert_eq(rules->foreign_challenge, wanted->foreign_challenge);
    cr_assert_eq(rules->key_types, wanted->key_types);
    cr_assert_eq(rules->min_rsa_bits, wanted->min_rsa_bits);
    cr_assert_eq(rules->max_rsa_bits, wanted->max_rsa_bits);
    cr_assert_eq(rules->ec_curves, wanted->ec_curves);
    cr_assert_eq(rules->digests, wanted->digests);
    cr_assert_eq(rules->may_have_ca_rights, wanted->may_have_ca_rights);
    cr_assert_eq(rules->extensions, wanted->extensions);
    cr_assert_eq(rules->extension_oids.count, wanted->extension_oids.count);
    cr_assert_eq(rules->attributes, wanted->attributes);
    cr_assert_eq(rules->attribute_oids.count, wanted->attribute_oids.count);
    cr_assert_eq(rules->pairs, wanted->pairs);
    cr_assert_eq(rules->pair_names.count, wanted->pair_names.count);
    cr_assert_eq(rules->san_types, wanted->san_types);
}

Test(config_defaults, of_the_journal_are_its_own)
{
    const iscep_config *config = config_case_good(CONFIG_CASE_TENANT("a"));
    const iscep_journal_options wanted = ISCEP_JOURNAL_OPTIONS_INIT;
    const iscep_reporting_options *reporting = &iscep_reporting_options_default;
    cr_assert_str_eq(config->journal.path, wanted.path);
    cr_assert_eq(config->journal.retention_days, wanted.retention_days);
    cr_assert_eq(config->journal.max_size_mb, wanted.max_size_mb);
    cr_assert_eq(config->reporting.is_deferred, reporting->is_deferred);
    cr_assert_eq(config->reporting.is_withheld_revoked, reporting->is_withheld_revoked);
    cr_assert_eq(config->reporting.is_unvalidated_refused, reporting->is_unvalidated_refused);
    cr_assert_eq(config->reporting.dead_after_ms, reporting->dead_after_ms);
    cr_assert_eq(config->reporting.max_backoff_ms, reporting->max_backoff_ms);
    cr_assert_eq(config->reporting.max_in_flight, reporting->max_in_flight);
}

Test(config_defaults, of_revocation_are_the_revokers)
{
    const iscep_revoker_options *options = &config_case_good(CONFIG_CASE_TENANT("a"))->revoker;
    const iscep_revoker_options *wanted = &iscep_revoker_options_default;
    cr_assert_eq(options->poll_interval_ms, wanted->poll_interval_ms);
    cr_assert_eq(options->batch, wanted->batch);
    cr_assert_null(options->issuer_filter);
    cr_assert_eq(options->is_foreign_answered, wanted->is_foreign_answered);
    cr_assert_eq(options->is_serial_decimal, wanted->is_serial_decimal);
    cr_assert_eq(options->is_code_number, wanted->is_code_number);
    cr_assert_eq(options->retry_for_ms, wanted->retry_for_ms);
    cr_assert_eq(options->max_backoff_ms, wanted->max_backoff_ms);
    cr_assert_eq(options->storm_limit, wanted->storm_limit);
    cr_assert_eq(options->storm_percent, wanted->storm_percent);
    cr_assert_eq(options->storm_floor, wanted->storm_floor);
    cr_assert_eq(options->storm_period_ms, wanted->storm_period_ms);
}

Test(config_defaults, of_a_tenant_are_the_clients)
{
    const iscep_config_tenant *tenant = &config_case_good(CONFIG_CASE_TENANT("a"))->tenants[0];
    const iscep_tenant *of = &tenant->tenant, wanted = ISCEP_TENANT_INIT;
    const iscep_curl_options way_out = ISCEP_CURL_OPTIONS_INIT;
    cr_assert_str_eq(of->authority, wanted.authority);
    cr_assert_str_eq(of->graph, wanted.graph);
    cr_assert_str_eq(of->graph_resource, wanted.graph_resource);
    cr_assert_str_eq(of->intune_resource, wanted.intune_resource);
    cr_assert_eq(of->allowed_host_count, wanted.allowed_host_count);
    cr_assert_str_eq(of->allowed_hosts[0], wanted.allowed_hosts[0]);
    cr_assert_str_eq(of->token_path, wanted.token_path);
    cr_assert_str_eq(of->discovery_path, wanted.discovery_path);
    cr_assert_str_eq(of->scep_path, wanted.scep_path);
    cr_assert_str_eq(of->scep_api_version, wanted.scep_api_version);
    cr_assert_str_eq(of->revocation_path, wanted.revocation_path);
    cr_assert_str_eq(of->revocation_api_version, wanted.revocation_api_version);
    cr_assert_str_eq(of->caller_info, wanted.caller_info);
    cr_assert_eq(of->fetch_timeout_ms, wanted.fetch_timeout_ms);
    cr_assert_eq(of->breaker.failures, wanted.breaker.failures);
    cr_assert_eq(of->breaker.open_ms, wanted.breaker.open_ms);
    cr_assert_eq(tenant->outbound.connect_timeout_ms, way_out.connect_timeout_ms);
    cr_assert_eq(tenant->outbound.max_connections, way_out.max_connections);
    cr_assert_eq(tenant->outbound.max_streams, way_out.max_streams);
    cr_assert_eq(tenant->outbound.ip_version, way_out.ip_version);
    cr_assert_not(tenant->outbound.allow_plain_http);
}

Test(config_defaults, of_the_connector_are_the_servers)
{
    const iscep_config *config = config_case_good(CONFIG_CASE_TENANT("a"));
    const iscep_http_server_options wanted = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    const iscep_listen_options at = ISCEP_LISTEN_OPTIONS_INIT;
    cr_assert_eq(config->http.max_header_len, wanted.max_header_len);
    cr_assert_eq(config->http.max_body_len, wanted.max_body_len);
    cr_assert_eq(config->http.max_connections, wanted.max_connections);
    cr_assert_eq(config->http.header_timeout_ms, wanted.header_timeout_ms);
    cr_assert_eq(config->http.body_timeout_ms, wanted.body_timeout_ms);
    cr_assert_eq(config->http.idle_timeout_ms, wanted.idle_timeout_ms);
    cr_assert_eq(config->listeners[0].at.unix_mode, at.unix_mode);
}

/* Otherwise a default would be a value that nobody may write. */
Test(config_defaults, can_each_be_read)
{
    const struct section_kind *kind;
    for (size_t i = 0; (kind = iscep_config_kind_at(i)) != NULL; i++) {
        if (kind->add != NULL)
            continue;
        iscep_config *config = NULL;
        cr_assert_eq(config_case_load(&config, CONFIG_CASE_TENANT("a"), NULL), ISCEP_OK);
        for (const struct key *key = kind->keys; key->name != NULL; key++)
            if (key->default_text != NULL)
                cr_assert_null(key->read(config, (char *)config + key->offset, key->default_text), "%s",
                               key->name);
        iscep_config_free(config);
    }
}
