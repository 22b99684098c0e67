/* Several [tenant/NAME]: each with credentials, addresses and limits of its own. And the limits on who comes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/daemon/config_case.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

#define BARE(name) "[tenant/" name "]\ntenant_id = t.example\nclient_id = app\n" /* 3 lines */
#define SECRET(id) "[credential/" id "]\nkind = secret\nclient_secret_file = ~/secret\n"

TestSuite(config_tenants, .init = config_case_set_up, .fini = config_case_tear_down);

Test(config_tenants, each_has_its_own_credentials_and_addresses)
{
    const iscep_config *config = config_case_good(
        BARE("b.2") "credentials = y x\ncloud = gcc-high\nmax_requests_in_flight = 7\nissuer_name = "
                    "CN=B\n" SECRET("x") BARE("A_1") "client_secret_file = ~/secret\n" SECRET("y")
                        BARE("c-3") "client_secret_file = ~/token\ncaller_info = C\nmax_streams = 3\n");
    const iscep_config_tenant *b = &config->tenants[0], *a = &config->tenants[1], *c = &config->tenants[2];
    cr_assert_eq(config->tenant_count, 3);
    cr_assert_str_eq(b->name, "b.2");
    cr_assert_eq(b->tenant.name, b->name);
    cr_assert_eq(b->tenant.credential_count, 2);
    cr_assert_str_eq(b->tenant.credentials[0]->name, "y");
    cr_assert_str_eq(b->tenant.credentials[1]->name, "x");
    cr_assert_str_eq(b->tenant.authority, "https://login.microsoftonline.us");
    cr_assert_eq(b->max_requests_in_flight, 7);
    cr_assert_eq(b->outbound.max_streams, 100);
    cr_assert_eq(a->tenant.credential_count, 1);
    cr_assert_str_eq(a->tenant.credentials[0]->client_secret_file, config_case_path("secret"));
    cr_assert_str_eq(a->tenant.authority, "https://login.microsoftonline.com");
    cr_assert_null(a->tenant.issuer_name);
    cr_assert_eq(a->max_requests_in_flight, 0);
    cr_assert_str_eq(c->tenant.credentials[0]->client_secret_file, config_case_path("token"));
    cr_assert_str_eq(c->outbound.user_agent, "C");
    cr_assert_eq(c->outbound.max_streams, 3);
    cr_assert_eq(iscep_config_find_tenant(config, "A_1"), a);
    cr_assert_null(iscep_config_find_tenant(config, "a_1"));
    cr_assert_null(iscep_config_find_tenant(config, ""));
}

Test(config_tenants, a_credential_is_of_one_tenant)
{
    config_case_refused(BARE("a") "credentials = x\n" BARE("b") "credentials = x\n" SECRET("x"),
                        ":8: [tenant/b]: [credential/x] is that of [tenant/a] already");
    config_case_refused(BARE("a") "credentials = x\n" BARE("b") "client_secret_file = ~/secret\n" SECRET("x")
                            SECRET("y"),
                        ":13: [credential/y]: it is not used");
    config_case_refused(BARE("a") "credentials = x\n" BARE("b") SECRET("x"),
                        ":6: [tenant/b]: there is no credential");
    config_case_refused(BARE("a") "credentials = x y z\n" SECRET("x") SECRET("y") SECRET("z"),
                        ":4: [tenant/a]: a tenant has 2 credentials, not more");
}

Test(config_tenants, each_is_checked_and_the_message_says_which)
{
    config_case_refused(CONFIG_CASE_TENANT("a") CONFIG_CASE_TENANT("b") "graph = http://graph.example\n",
                        ":6: [tenant/b]: ");
    config_case_refused(
        CONFIG_CASE_TENANT("a") "[tenant/b]\nclient_id = app\nclient_secret_file = ~/secret\n",
        "[tenant/b]: tenant_id");
}

Test(config_tenants, names_can_stand_in_paths_and_log_lines)
{
    static const char *const wrong[] = {
        "a b",  "a/b", "a\"b",
        "a%2f", "a\\", "0123456789012345678901234567890123456789012345678901234567890123"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char text[512];
        snprintf(text, sizeof text, "[tenant/%s]\ntenant_id = t\n", wrong[i]);
        config_case_refused(text, "a name is 1 to 63 letters, digits, '.', '_' and '-'");
    }
    config_case_good(CONFIG_CASE_TENANT("012345678901234567890123456789012345678901234567890123456789012"));
    config_case_refused(CONFIG_CASE_TENANT("a") CONFIG_CASE_TENANT("a"), "connector.conf");
}

Test(config_tenants, a_file_that_is_no_text_is_refused)
{
    config_case_refused("[tenant/\xC3\xA4]\ntenant_id = t\n", "names of sections and keys are ASCII");
    config_case_refused("[tenant/a]\ntenant_id = \xFF\n", "is no text in UTF-8");
    config_case_refused("", "is empty");
}

Test(config_tenants, two_may_be_of_one_directory)
{
    const iscep_config *config =
        config_case_good(CONFIG_CASE_TENANT("prod") "[tenant/test]\ntenant_id = prod.example\n"
                                                    "client_id = other\n"
                                                    "client_secret_file = ~/token\n");
    cr_assert_str_eq(config->tenants[0].tenant.tenant_id, config->tenants[1].tenant.tenant_id);
}

Test(config_tenants, there_can_be_thirty_two)
{
    char text[8192] = "";
    for (int i = 1; i <= 33; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 "[tenant/%d]\ntenant_id = t\nclient_id = c\nclient_secret_file = ~/secret\n", i);
    config_case_refused(text, "there can be 32 tenants, not more");
    *strstr(text, "[tenant/33]") = '\0';
    const iscep_config *config = config_case_good(text);
    cr_assert_eq(config->tenant_count, 32);
    cr_assert_eq(config->credential_count, 32);
}

/* --- [connector]: who comes, how many, how often --- */

Test(config_limits, are_generous_by_default)
{
    const iscep_config *config = config_case_good(CONFIG_CASE_TENANT("a"));
    cr_assert_eq(config->limits.max_connections, 20000);
    cr_assert_eq(config->limits.max_connections_per_client, 2000);
    cr_assert_eq(config->limits.max_in_flight, 20000);
    cr_assert_eq(config->limits.max_in_flight_per_client, 0);
    cr_assert_eq(config->limits.max_requests_per_second, 0);
    cr_assert_eq(config->limits.max_burst, 0);
    cr_assert_eq(config->workers, 1);
    cr_assert_eq(config->log_target, ISCEP_LOG_TARGET_STDERR);
}

Test(config_limits, every_key_is_read)
{
    const iscep_config *config = config_case_good(
        "[connector]\nmax_connections = 9\nmax_connections_per_client = 8\nmax_requests_in_flight = 7\n"
        "max_requests_in_flight_per_client = 6\nmax_requests_per_second = 5\nmax_burst = 4\n"
        "max_request_len = 4096\nheader_timeout_ms = 3\nbody_timeout_ms = 2\nidle_timeout_ms = 1\n"
        "workers = 16\nlog_target = journald\n" CONFIG_CASE_TENANT("a"));
    cr_assert_eq(config->limits.max_connections, 9);
    cr_assert_eq(config->http.max_connections, 9);
    cr_assert_eq(config->limits.max_connections_per_client, 8);
    cr_assert_eq(config->limits.max_in_flight, 7);
    cr_assert_eq(config->limits.max_in_flight_per_client, 6);
    cr_assert_eq(config->limits.max_requests_per_second, 5);
    cr_assert_eq(config->limits.max_burst, 4);
    cr_assert_eq(config->http.max_body_len, 4096);
    cr_assert_eq(config->http.header_timeout_ms, 3);
    cr_assert_eq(config->http.body_timeout_ms, 2);
    cr_assert_eq(config->http.idle_timeout_ms, 1);
    cr_assert_eq(config->workers, 16);
    cr_assert_eq(config->log_target, ISCEP_LOG_TARGET_JOURNALD);
}

Test(config_limits, bad_values_are_refused_with_their_line)
{
    static const struct {
        const char *line, *want;
    } cases[] = {
        {"max_connections = 0", ":2: max_connections: must be a number from 1 to 1000000"},
        {"max_connections_per_client = -1", ":2: max_connections_per_client: must be a number from 0"},
        {"max_request_len = 4095", ":2: max_request_len: must be a number of bytes from 4096 to 16777216"},
        {"workers = 0", ":2: workers: must be a number from 1 to 16"},
        {"workers = 17", ":2: workers: must be a number from 1 to 16"},
        {"log_target = syslog", ":2: log_target: must be stderr or journald"},
        {"max_burst = 5", ":2: [connector]: max_burst is the burst that max_requests_per_second allows"},
        {"listen = tcp:127.0.0.1:1", ":2: listen: must be unix: and an absolute path"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[512];
        snprintf(text, sizeof text, "[connector]\n%s\n" CONFIG_CASE_TENANT("a"), cases[i].line);
        config_case_refused(text, cases[i].want);
    }
}

/* --- which configuration is in force --- */

Test(config_digest, is_that_of_the_file)
{
    iscep_config *config = NULL;
    config_case_write("own.conf", "[tenant/a]\ntenant_id = t\ncredentials = m\n"
                                  "[credential/m]\nkind = managed_identity\n");
    cr_assert_eq(iscep_config_load(&config, config_case_path("own.conf"), NULL), ISCEP_OK);
    cr_assert_str_eq(config->digest, "7dad19b0497f9f835bfce1cee840674fe7a38495ae5a682fb0301610e4bd19ea");
    iscep_config_free(config);
}
TestSuite(config_digest, .init = config_case_set_up, .fini = config_case_tear_down);
TestSuite(config_limits, .init = config_case_set_up, .fini = config_case_tear_down);
