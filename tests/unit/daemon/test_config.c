/* The configuration: what stands in the file is what is used, and each mistake is refused with file and line. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "daemon/config.h"
#include "tests/support/temp_dir.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static temp_dir dir;
static char secret_path[128];
static char config_path[128];

static void set_up(void)
{
    temp_dir_make(&dir);
    temp_dir_write(&dir, secret_path, sizeof secret_path, "secret", "the-secret\n");
}

static void tear_down(void)
{
    temp_dir_remove(&dir);
}

TestSuite(config, .init = set_up, .fini = tear_down);

/* Loads text, in which every '@' is the path of the secret's file. */
static iscep_status load(iscep_config **out, const char *text, iscep_error *err)
{
    char filled[8192] = "";
    size_t len = 0;
    for (; *text != '\0'; text++)
        len += (size_t)(*text == '@' ? snprintf(filled + len, sizeof filled - len, "%s", secret_path)
                                     : snprintf(filled + len, sizeof filled - len, "%c", *text));
    temp_dir_write(&dir, config_path, sizeof config_path, "connector.conf", filled);
    return iscep_config_load(out, config_path, err);
}

#define TENANT                                                                                               \
    "[tenant/contoso]\ntenant_id = contoso.com\nclient_id = app\nclient_secret_file = @\n" /* 4 lines */

Test(config, smallest_one_has_the_documented_defaults)
{
    iscep_config *config;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(load(&config, TENANT, &err), ISCEP_OK, "%s", err.message);
    cr_assert_str_eq(config->socket_path, "/run/intune-scep/connector.sock");
    cr_assert_eq(config->listeners[0].at.unix_mode, 0660);
    cr_assert_eq(config->request_timeout_ms, 20000);
    cr_assert_eq(config->drain_timeout_ms, 30000);
    cr_assert_eq(config->limits.max_connections, 20000);
    cr_assert_eq(config->log_level, ISCEP_LOG_INFO);
    cr_assert_eq(config->log_format, ISCEP_LOG_FORMAT_TEXT);
    cr_assert_str_eq(config->tenants[0].name, "contoso");
    cr_assert_str_eq(config->tenants[0].tenant.tenant_id, "contoso.com");
    cr_assert_str_eq(config->tenants[0].tenant.client_id, "app");
    cr_assert_eq(config->tenants[0].tenant.credential_count, 1);
    cr_assert_eq(config->tenants[0].tenant.credentials[0]->kind, ISCEP_CREDENTIAL_SECRET);
    cr_assert_str_eq(config->tenants[0].tenant.credentials[0]->client_secret_file, secret_path);
    cr_assert_str_eq(config->tenants[0].tenant.authority, "https://login.microsoftonline.com");
    cr_assert_str_eq(config->tenants[0].tenant.graph, "https://graph.microsoft.com");
    cr_assert_str_eq(config->tenants[0].tenant.graph_resource, "https://graph.microsoft.com");
    cr_assert_str_eq(config->tenants[0].tenant.intune_resource, "https://api.manage.microsoft.com/");
    cr_assert_eq(config->tenants[0].tenant.allowed_host_count, 1);
    cr_assert_str_eq(config->tenants[0].tenant.allowed_hosts[0], "manage.microsoft.com");
    cr_assert_str_eq(config->tenants[0].tenant.caller_info, "intune-scep-connector/" ISCEP_VERSION);
    cr_assert_str_eq(config->tenants[0].outbound.user_agent, "intune-scep-connector/" ISCEP_VERSION);
    cr_assert_null(config->tenants[0].tenant.issuer_name);
    cr_assert_null(config->tenants[0].outbound.ca_file);
    cr_assert_null(config->tenants[0].outbound.proxy);
    cr_assert_eq(config->tenants[0].outbound.connect_timeout_ms, 5000);
    cr_assert_eq(config->tenants[0].outbound.max_connections, 64);
    cr_assert_eq(config->tenants[0].outbound.max_streams, 100);
    cr_assert_not(config->tenants[0].outbound.allow_plain_http, "no configuration can allow this");
    iscep_config_free(config);
    iscep_config_free(NULL);
}

Test(config, every_key_is_read)
{
    iscep_config *config;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(load(&config,
                      "# a comment\n"
                      "[connector]\n"
                      "listen = unix:/tmp/x.sock\n"
                      "socket_mode = 0600\n"
                      "request_timeout_ms = 1500\n"
                      "drain_timeout_ms = 2500\n"
                      "max_connections = 7\n"
                      "log_level = debug\n"
                      "admin_uids = root 4294967294\n"
                      "plugin_uids = 33\n"
                      "log_format = json\n"
                      "\n"
                      "[tenant/a.b]\n"
                      "tenant_id = t\n"
                      "client_id = c\n"
                      "client_secret_file = @\n"
                      "authority = https://login.example\n"
                      "graph = https://graph.example\n"
                      "graph_resource = https://graph.other.example\n"
                      "intune_resource = https://api.example/\n"
                      "allowed_hosts = one.example, two.example\tthree.example\n"
                      "caller_info = Contoso 1\n"
                      "issuer_name = CN=My CA, O=Contoso\n"
                      "ca_file = /dev/null\n"
                      "proxy = http://proxy:3128\n"
                      "connect_timeout_ms = 1234\n"
                      "max_outbound_connections = 8\n"
                      "max_streams = 9\n",
                      &err),
                 ISCEP_OK, "%s", err.message);
    cr_assert_str_eq(config->socket_path, "/tmp/x.sock");
    cr_assert_eq(config->listeners[0].at.unix_mode, 0600);
    cr_assert_eq(config->request_timeout_ms, 1500);
    cr_assert_eq(config->drain_timeout_ms, 2500);
    cr_assert_eq(config->limits.max_connections, 7);
    cr_assert_eq(config->log_level, ISCEP_LOG_DEBUG);
    cr_assert_eq(config->admin_uids.count, 2);
    cr_assert_eq(config->admin_uids.ids[0], 0);
    cr_assert_eq(config->admin_uids.ids[1], 4294967294);
    cr_assert_eq(config->plugin_uids.count, 1);
    cr_assert_eq(config->plugin_uids.ids[0], 33);
    cr_assert_eq(config->log_format, ISCEP_LOG_FORMAT_JSON);
    cr_assert_str_eq(config->tenants[0].name, "a.b");
    cr_assert_str_eq(config->tenants[0].tenant.authority, "https://login.example");
    cr_assert_str_eq(config->tenants[0].tenant.graph, "https://graph.example");
    cr_assert_str_eq(config->tenants[0].tenant.graph_resource, "https://graph.other.example");
    cr_assert_str_eq(config->tenants[0].tenant.intune_resource, "https://api.example/");
    cr_assert_eq(config->tenants[0].tenant.allowed_host_count, 3);
    cr_assert_str_eq(config->tenants[0].tenant.allowed_hosts[0], "one.example");
    cr_assert_str_eq(config->tenants[0].tenant.allowed_hosts[1], "two.example");
    cr_assert_str_eq(config->tenants[0].tenant.allowed_hosts[2], "three.example");
    cr_assert_str_eq(config->tenants[0].tenant.caller_info, "Contoso 1");
    cr_assert_str_eq(config->tenants[0].outbound.user_agent, "Contoso 1");
    cr_assert_str_eq(config->tenants[0].tenant.issuer_name, "CN=My CA, O=Contoso");
    cr_assert_str_eq(config->tenants[0].outbound.ca_file, "/dev/null");
    cr_assert_str_eq(config->tenants[0].outbound.proxy, "http://proxy:3128");
    cr_assert_eq(config->tenants[0].outbound.connect_timeout_ms, 1234);
    cr_assert_eq(config->tenants[0].outbound.max_connections, 8);
    cr_assert_eq(config->tenants[0].outbound.max_streams, 9);
    iscep_config_free(config);
}

/* text is refused, and the message names the file and holds want: ":LINE: KEY: …" where a line can be told. */
static void assert_refused(const char *text, const char *want)
{
    iscep_config *config = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(load(&config, text, &err), ISCEP_CONFIG, "%s", text);
    cr_assert_null(config);
    cr_assert_not_null(strstr(err.message, config_path), "%s", err.message);
    cr_assert_not_null(strstr(err.message, want), "\"%s\" is not in \"%s\"", want, err.message);
    cr_assert_null(strstr(err.message, "the-secret"));
}

Test(config, unknown_keys_and_sections_are_refused)
{
    assert_refused(TENANT "tenant_idd = x\n", ":5: unknown key \"tenant_idd\" in [tenant/contoso]");
    assert_refused("[connector]\nlisten = unix:/x\nport = 1\n" TENANT,
                   ":3: unknown key \"port\" in [connector]");
    assert_refused("[connector]\ntenant_id = x\n" TENANT, ":2: unknown key \"tenant_id\" in [connector]");
    assert_refused(TENANT "socket_mode = 0600\n", ":5: unknown key \"socket_mode\"");
    assert_refused(TENANT "client_secret = hunter2\n", ":5: unknown key \"client_secret\"");
    assert_refused(TENANT "[diary]\nx = 1\n", "unknown section [diary]");
    assert_refused(TENANT "[Connectors]\nlisten = unix:/x\n", "unknown section [Connectors]");
    assert_refused("[tenant/]\nclient_id = x\n" TENANT, "unknown section [tenant/]");
    assert_refused("[tenant]\nclient_id = x\n" TENANT, "unknown section [tenant]");
}

Test(config, doubles_are_refused)
{
    assert_refused(TENANT "client_id = other\n", "5");
    assert_refused("[connector]\nlog_level = info\n[connector]\nlog_level = warn\n" TENANT, "3");
    assert_refused(TENANT "[tenant/fabrikam]\ntenant_id = x\n", "[tenant/fabrikam]");
    assert_refused(TENANT TENANT, "5");
}

Test(config, bad_values_are_refused_with_their_line)
{
    static const struct {
        const char *line;
        const char *want;
    } cases[] = {
        {"listen = /run/x.sock", ":2: listen: must be unix: and an absolute path"},
        {"listen = unix:run/x.sock", ":2: listen: must be unix: and an absolute path"},
        {"listen = tcp:1234", ":2: listen: must be unix: and an absolute path"},
        {"socket_mode = 0888", ":2: socket_mode: must be an octal"},
        {"socket_mode = 1777", ":2: socket_mode: must be an octal"},
        {"socket_mode = rw", ":2: socket_mode: must be an octal"},
        {"request_timeout_ms = 0", ":2: request_timeout_ms: must be a number of milliseconds"},
        {"request_timeout_ms = -1", ":2: request_timeout_ms: must be a number of milliseconds"},
        {"request_timeout_ms = 20s", ":2: request_timeout_ms: must be a number of milliseconds"},
        {"request_timeout_ms = 1.5", ":2: request_timeout_ms: must be a number of milliseconds"},
        {"request_timeout_ms = 3600001", ":2: request_timeout_ms: must be a number of milliseconds"},
        {"request_timeout_ms = 99999999999999999999",
         ":2: request_timeout_ms: must be a number of milliseconds"},
        {"request_timeout_ms = 0x10", ":2: request_timeout_ms: must be a number of milliseconds"},
        {"drain_timeout_ms = soon", ":2: drain_timeout_ms: must be a number of milliseconds"},
        {"max_connections = 0", ":2: max_connections: must be a number from 1"},
        {"max_connections = 1000001", ":2: max_connections: must be a number from 1"},
        {"log_level = INFO", ":2: log_level: must be debug"},
        {"admin_uids = no-such-user", ":2: admin_uids: must name users of this machine"},
        {"admin_uids = 1000 -1", ":2: admin_uids: must name users of this machine"},
        {"admin_uids = 4294967295", ":2: admin_uids: must name users of this machine"},
        {"admin_uids = 0x10", ":2: admin_uids: must name users of this machine"},
        {"admin_uids = 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", ":2: admin_uids: names more than 16"},
        {"log_level = verbose", ":2: log_level: must be debug"},
        {"log_format = xml", ":2: log_format: must be text or json"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[512];
        snprintf(text, sizeof text, "[connector]\n%s\n" TENANT, cases[i].line);
        assert_refused(text, cases[i].want);
    }
}

Test(config, bad_tenant_values_are_refused)
{
    static const struct {
        const char *line;
        const char *want;
    } cases[] = {
        {"authority = http://login.example", "authority must be an https URL"},
        {"graph = graph.example", "graph must be an https URL"},
        {"graph_resource = urn:graph", "graph_resource must be an https URL"},
        {"intune_resource = http://x/", "intune_resource must be an https URL"},
        {"connect_timeout_ms = x", ":5: connect_timeout_ms: must be a number of milliseconds"},
        {"max_outbound_connections = many", ":5: max_outbound_connections: must be a number from 1"},
        {"max_streams = 0", ":5: max_streams: must be a number from 1"},
        {"allowed_hosts = ,", ":5: allowed_hosts: must name at least one"},
        {"allowed_hosts = a.z b.z c.z d.z e.z f.z g.z h.z i.z j.z k.z l.z m.z n.z o.z p.z q.z",
         ":5: allowed_hosts: names more than 16"},
        {"allowed_hosts = com", ":5: allowed_hosts: must name host suffixes"},
        {"allowed_hosts = *.manage.microsoft.com", ":5: allowed_hosts: must name host suffixes"},
        {"allowed_hosts = https://manage.microsoft.com", ":5: allowed_hosts: must name host suffixes"},
        {"ca_file = /nowhere/ca.pem", ":5: ca_file: names a file that cannot be read"},
        {"scep_path = /ScepActions", ":5: scep_path: must not begin with a slash"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[512];
        snprintf(text, sizeof text, TENANT "%s\n", cases[i].line);
        assert_refused(text, cases[i].want);
    }
}

Test(config, a_missing_or_empty_secret_is_refused)
{
    assert_refused("[tenant/x]\ntenant_id = t\nclient_id = c\nclient_secret_file = /nonexistent\n",
                   ":4: client_secret_file: cannot open secret file /nonexistent");
    temp_dir_write(&dir, secret_path, sizeof secret_path, "empty", "\n");
    assert_refused("[tenant/x]\ntenant_id = t\nclient_id = c\nclient_secret_file = @\n",
                   ":4: client_secret_file: secret file");
    assert_refused("[tenant/x]\ntenant_id = t\nclient_id = c\n", "client_secret_file");
}

Test(config, missing_members_are_refused)
{
    assert_refused("[tenant/x]\nclient_id = c\nclient_secret_file = @\n", "tenant_id must be");
    assert_refused("[tenant/x]\ntenant_id = t\nclient_secret_file = @\n", "client_id must be");
    assert_refused("[tenant/x]\ntenant_id = a/../b\nclient_id = c\nclient_secret_file = @\n",
                   "tenant_id must be");
    assert_refused("\n", "no [tenant/NAME] section");
    assert_refused("[connector]\nlog_level = info\n", "no [tenant/NAME] section");
}

Test(config, what_is_no_ini_is_refused_with_its_line)
{
    assert_refused(TENANT "this is no key\n", "5");
    assert_refused("[tenant/x\ntenant_id = t\n", "1");
    assert_refused("tenant_id = t\n= nothing\n", "2");
    assert_refused("{\"tenant\":1}\n", "1");
}

Test(config, keys_before_any_section_are_refused)
{
    assert_refused("listen = unix:/x\n" TENANT, "unknown section");
}

Test(config, a_missing_file_is_named)
{
    iscep_config *config = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_config_load(&config, "/nonexistent/connector.conf", &err), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "config_file");
    cr_assert_not_null(strstr(err.message, "/nonexistent/connector.conf"));
    cr_assert_null(config);
}
