/* [credential/ID], clouds and the way out: what stands in the file is used, and each mistake is refused by its place. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config.h"
#include "tests/support/key_files.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_pki.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define TENANT(more) "[tenant/contoso]\ntenant_id = contoso.com\nclient_id = app\n" more /* 3 lines */
#define SECRET(id)   "[credential/" id "]\nkind = secret\nclient_secret_file = ~/secret\n"

static temp_dir dir;
static char config_path[128], path[128];

static void set_up(void)
{
    temp_dir_make(&dir);
    temp_dir_write(&dir, path, sizeof path, "secret", "the-secret\n");
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void tear_down(void)
{
    temp_dir_remove(&dir);
}

TestSuite(config_credential, .init = set_up, .fini = tear_down);
TestSuite(config_cloud, .init = set_up, .fini = tear_down);
TestSuite(config_way_out, .init = set_up, .fini = tear_down);

/* Loads text, in which every '~' is the test's directory. */
static iscep_status load(iscep_config **out, const char *text, iscep_error *err)
{
    ISCEP_AUTO_BUF filled;
    iscep_buf_init(&filled, 8192);
    for (; *text != '\0'; text++)
        iscep_buf_append_text(&filled, *text == '~' ? dir.path : (const char[]){*text, '\0'});
    temp_dir_write(&dir, config_path, sizeof config_path, "connector.conf", iscep_buf_text(&filled));
    return iscep_config_load(out, config_path, err);
}

static iscep_config *load_good(const char *text)
{
    iscep_config *config = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(load(&config, text, &err), ISCEP_OK, "%s", err.message);
    return config;
}

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

static const char *in_dir(const char *name)
{
    temp_dir_path(&dir, path, sizeof path, name);
    return path;
}

Test(config_credential, two_are_used_in_the_order_that_the_tenant_names)
{
    iscep_config *config = load_good(SECRET("a") TENANT("credentials = b, a\n") SECRET("b"));
    cr_assert_eq(config->tenants[0].tenant.credential_count, 2);
    cr_assert_str_eq(config->tenants[0].tenant.credentials[0]->name, "b");
    cr_assert_str_eq(config->tenants[0].tenant.credentials[1]->name, "a");
    cr_assert_eq(config->tenants[0].tenant.credentials[1]->kind, ISCEP_CREDENTIAL_SECRET);
    cr_assert_str_eq(config->tenants[0].tenant.credentials[1]->client_secret_file, in_dir("secret"));
    iscep_config_free(config);
}

Test(config_credential, certificate_has_these_keys)
{
    EVP_PKEY *key = test_pki_new_rsa_key();
    key_files_write_key(in_dir("key.pem"), key, KEY_FILES_PASSWORD);
    key_files_write_certificate(in_dir("cert.pem"), key, KEY_FILES_EXPIRES);
    temp_dir_write(&dir, path, sizeof path, "password", KEY_FILES_PASSWORD);
    EVP_PKEY_free(key);
    iscep_config *config =
        load_good(TENANT("credentials = c\n") "[credential/c]\nalgorithm = RS256\nkey = ~/key.pem\n"
                                              "certificate = ~/cert.pem\nprovider = legacy\n"
                                              "password_file = ~/password\nkind = certificate\n");
    const iscep_credential_options *credential = config->tenants[0].tenant.credentials[0];
    cr_assert_eq(credential->kind, ISCEP_CREDENTIAL_CERTIFICATE);
    cr_assert_str_eq(credential->key, in_dir("key.pem"));
    cr_assert_str_eq(credential->certificate, in_dir("cert.pem"));
    cr_assert_str_eq(credential->password_file, in_dir("password"));
    cr_assert_str_eq(credential->provider, "legacy");
    cr_assert_str_eq(credential->algorithm, "RS256");
    iscep_config_free(config);
}

Test(config_credential, federated_and_managed_identity_have_these_keys)
{
    iscep_config *config = load_good(
        TENANT("credentials = f m\n") "[credential/f]\nkind = federated\ntoken_file = ~/secret\n"
                                      "[credential/m]\nkind = managed_identity\nidentity_client_id = x\n"
                                      "imds_endpoint = http://169.254.169.253\nimds_api_version = 2\n");
    const iscep_credential_options *machine = config->tenants[0].tenant.credentials[1];
    cr_assert_eq(config->tenants[0].tenant.credentials[0]->kind, ISCEP_CREDENTIAL_FEDERATED);
    cr_assert_str_eq(config->tenants[0].tenant.credentials[0]->token_file, in_dir("secret"));
    cr_assert_eq(machine->kind, ISCEP_CREDENTIAL_MANAGED_IDENTITY);
    cr_assert_str_eq(machine->identity_client_id, "x");
    cr_assert_str_eq(machine->imds_endpoint, "http://169.254.169.253");
    cr_assert_str_eq(machine->imds_api_version, "2");
    iscep_config_free(config);
}

Test(config_credential, managed_identity_needs_no_client_id)
{
    iscep_config_free(load_good("[tenant/t]\ntenant_id = contoso.com\ncredentials = m\n"
                                "[credential/m]\nkind = managed_identity\n"));
    assert_refused("[tenant/t]\ntenant_id = contoso.com\ncredentials = s\n" SECRET("s"), "client_id must be");
}

Test(config_credential, keys_of_another_kind_are_refused)
{
    assert_refused(TENANT("credentials = a\n") SECRET("a") "token_file = ~/secret\n",
                   ":8: unknown key \"token_file\" in [credential/a]");
    assert_refused(
        TENANT("credentials = a\n") "[credential/a]\nimds_endpoint = http://127.0.0.1\nkind = federated\n"
                                    "token_file = ~/secret\n",
        ":6: unknown key \"imds_endpoint\" in [credential/a]");
}

Test(config_credential, section_without_a_kind_or_its_keys_is_refused)
{
    assert_refused(TENANT("credentials = a\n") "[credential/a]\nclient_secret_file = ~/secret\n",
                   "[credential/a]: kind is missing");
    assert_refused(TENANT("credentials = a\n") "[credential/a]\nkind = password\n",
                   ":6: kind: must be secret");
    assert_refused(TENANT("credentials = a\n") "[credential/a]\nkind = secret\n",
                   ":6: [credential/a]: client_secret_file is missing");
    assert_refused(TENANT("credentials = a\n") "[credential/a]\nkind = certificate\ncertificate = ~/secret\n",
                   ":6: [credential/a]: key is missing");
    assert_refused(TENANT("credentials = a\n") "[credential/a]\nkind = federated\ntoken_file = ~/none\n",
                   ":6: [credential/a]: cannot open secret file");
    assert_refused(TENANT("credentials = a\n") "[credential/a]\nkind = managed_identity\n"
                                               "imds_endpoint = http://10.0.0.1\n",
                   ":6: [credential/a]: imds_endpoint must be https");
}

Test(config_credential, tenant_and_sections_must_fit_together)
{
    assert_refused(TENANT("credentials = a b\n") SECRET("a"),
                   ":4: [tenant/contoso]: there is no section [credential/b]");
    assert_refused(TENANT("credentials = a a\n") SECRET("a"), ":4: [tenant/contoso]: a stands there twice");
    assert_refused(TENANT("credentials = a\n") SECRET("a") SECRET("b"), "[credential/b]: it is not used");
    assert_refused(TENANT("credentials = a b c\n") SECRET("a") SECRET("b") SECRET("c"),
                   "a tenant has 2 credentials, not more");
    assert_refused(TENANT("credentials = \n") SECRET("a"), "credentials: must not be empty");
    assert_refused(TENANT("") SECRET("a"), "[credential/a]: it is not used");
    assert_refused(TENANT(""), "there is no credential");
    assert_refused(TENANT("client_secret_file = ~/secret\n") SECRET("a"), "[credential/a]: it is not used");
    assert_refused(TENANT("client_secret_file = ~/secret\ncredentials = a\n"),
                   ":5: [tenant/contoso]: client_secret_file");
    assert_refused(TENANT("credentials = a\n") "[credential/]\nkind = secret\n",
                   "unknown section [credential/]");
}

Test(config_credential, may_come_from_systemd)
{
    const char *text = TENANT("client_secret_file = credential:secret\n");
    assert_refused(text, ":4: client_secret_file: is a systemd credential, but systemd has given us none");
    setenv("CREDENTIALS_DIRECTORY", dir.path, 1);
    iscep_config *config = load_good(text);
    cr_assert_str_eq(config->tenants[0].tenant.credentials[0]->client_secret_file, in_dir("secret"));
    iscep_config_free(config);
    assert_refused(TENANT("client_secret_file = credential:none\n"), ":4: client_secret_file: cannot open");
    static const char *const wrong[] = {"", "../secret", "a/b", ".", "..hidden"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        char line[256];
        snprintf(line, sizeof line, TENANT("client_secret_file = credential:%s\n"), wrong[i]);
        assert_refused(line, ":4: client_secret_file: must be credential: and the name");
    }
}

/* Who administers the daemon has none of its credentials, but may read what systemd makes them of. */
Test(config_credential, of_the_unit_is_read_from_its_directory_by_who_stands_beside_the_daemon)
{
    const char *text = TENANT("client_secret_file = credential:secrets_secret\n");
    iscep_config *config = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    assert_refused(text, "systemd has given us none");
    assert_refused(text, "intune-scepctl config check looks at the file itself");
    cr_assert_eq(iscep_config_load_beside(&config, config_path, dir.path, &err), ISCEP_OK, "%s", err.message);
    cr_assert_str_eq(config->tenants[0].tenant.credentials[0]->client_secret_file, in_dir("secret"));
    cr_assert(iscep_config_is_read_beside(config));
    iscep_config_free(config);
    setenv("CREDENTIALS_DIRECTORY", "/nowhere", 1);
    cr_assert_eq(iscep_config_load_beside(&config, config_path, dir.path, &err), ISCEP_CONFIG);
    cr_assert_not_null(strstr(err.message, "/nowhere/secrets_secret"), "%s", err.message);
}

/* A connector that runs reads a path anew: it is not said to have a copy. */
Test(config_credential, that_is_named_by_its_path_is_not_read_beside_the_daemon)
{
    iscep_config *config = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_config_free(load_good(TENANT("client_secret_file = ~/secret\n")));
    cr_assert_eq(iscep_config_load_beside(&config, config_path, dir.path, &err), ISCEP_OK, "%s", err.message);
    cr_assert_not(iscep_config_is_read_beside(config));
    iscep_config_free(config);
}

Test(config_credential, of_another_unit_is_not_read_beside_the_daemon)
{
    static const struct {
        const char *name, *want;
    } cases[] = {{"secret", "systemd has given us none"},
                 {"secrets_", "must be credential: and the name"},
                 {"secrets_.", "must be credential: and the name"},
                 {"secrets_../secret", "must be credential: and the name"},
                 {"secrets_none", "cannot open"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[256];
        iscep_config *config = NULL;
        iscep_error err = ISCEP_ERROR_INIT;
        snprintf(text, sizeof text, TENANT("client_secret_file = credential:%s\n"), cases[i].name);
        assert_refused(text, ":4: client_secret_file: is a systemd credential");
        cr_assert_eq(iscep_config_load_beside(&config, config_path, dir.path, &err), ISCEP_CONFIG);
        cr_assert_not_null(strstr(err.message, cases[i].want), "%s", err.message);
    }
}

Test(config_credential, text_that_is_in_no_file_yet_is_read_as_that_file)
{
    char text[512];
    iscep_config *config = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    snprintf(text, sizeof text, TENANT("client_secret_file = %s\n"), in_dir("secret"));
    cr_assert_eq(iscep_config_parse(&config, iscep_bytes_of_text(text), "/to/be", &err), ISCEP_OK, "%s",
                 err.message);
    iscep_config_free(config);
    snprintf(text, sizeof text, TENANT("client_secret_file = %s\n"), "/nowhere");
    cr_assert_eq(iscep_config_parse(&config, iscep_bytes_of_text(text), "/to/be", &err), ISCEP_CONFIG);
    cr_assert_not_null(strstr(err.message, "/to/be:4: client_secret_file: cannot open"), "%s", err.message);
}

Test(config_cloud, preset_fills_what_stands_nowhere)
{
    iscep_config *config =
        load_good(TENANT("graph = https://graph.example\ncloud = gcc-high\nclient_secret_file = ~/secret\n"
                         "token_path = t\ndiscovery_path = d\nscep_path = s\nscep_api_version = 2030-01-01\n"
                         "fetch_timeout_ms = 777\n"));
    cr_assert_str_eq(config->tenants[0].tenant.authority, "https://login.microsoftonline.us");
    cr_assert_str_eq(config->tenants[0].tenant.graph, "https://graph.example");
    cr_assert_str_eq(config->tenants[0].tenant.intune_resource, "https://api.manage.microsoft.us/");
    cr_assert_str_eq(config->tenants[0].tenant.allowed_hosts[0], "manage.microsoft.us");
    cr_assert_str_eq(config->tenants[0].tenant.token_path, "t");
    cr_assert_str_eq(config->tenants[0].tenant.discovery_path, "d");
    cr_assert_str_eq(config->tenants[0].tenant.scep_path, "s");
    cr_assert_str_eq(config->tenants[0].tenant.scep_api_version, "2030-01-01");
    cr_assert_eq(config->tenants[0].tenant.fetch_timeout_ms, 777);
    iscep_config_free(config);
}

Test(config_cloud, unknown_ones_and_dangerous_paths_are_refused)
{
    static const struct {
        const char *line, *want;
    } cases[] = {
        {"cloud = mars", ":5: cloud: must be public"},
        {"token_path = a?b", "token_path must consist"},
        {"discovery_path = a#b", "discovery_path must"},
        {"scep_path = a b", "scep_path must"},
        {"scep_path = a/", "not end in /"},
        {"scep_path = %2e", "scep_path must"},
        {"scep_api_version = 1@2", "scep_api_version must"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[512];
        snprintf(text, sizeof text, TENANT("client_secret_file = ~/secret\n%s\n"), cases[i].line);
        assert_refused(text, cases[i].want);
    }
}

Test(config_way_out, has_these_keys)
{
    iscep_config *config = load_good(TENANT("client_secret_file = ~/secret\nproxy = https://proxy:3128\n"
                                            "proxy_user = joe\nproxy_password_file = ~/secret\n"
                                            "no_proxy = localhost,10.0.0.0/8\nip_version = 6\n"));
    cr_assert_str_eq(config->tenants[0].outbound.proxy, "https://proxy:3128");
    cr_assert_str_eq(config->tenants[0].outbound.proxy_user, "joe");
    cr_assert(iscep_bytes_equal(iscep_secret_reveal(config->tenants[0].outbound.proxy_password),
                                iscep_bytes_of_text("the-secret")));
    cr_assert_str_eq(config->tenants[0].outbound.no_proxy, "localhost,10.0.0.0/8");
    cr_assert_eq(config->tenants[0].outbound.ip_version, ISCEP_IP_V6);
    iscep_config_free(config);
}

Test(config_way_out, that_makes_no_sense_is_refused)
{
    static const struct {
        const char *line, *want;
    } cases[] = {
        {"proxy = http://joe:hunter2@proxy:3128", ":5: proxy: must not hold a name or password"},
        {"proxy = proxy:3128", ":5: proxy: must be an http"},
        {"proxy = ftp://proxy", ":5: proxy: must be an http"},
        {"proxy_password_file = /nonexistent", ":5: proxy_password_file: cannot open"},
        {"ip_version = 5", ":5: ip_version: must be any, 4 or 6"},
        {"ip_version = 46", ":5: ip_version: must be any, 4 or 6"},
        {"fetch_timeout_ms = 0", ":5: fetch_timeout_ms: must be"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[512];
        snprintf(text, sizeof text, TENANT("client_secret_file = ~/secret\n%s\n"), cases[i].line);
        assert_refused(text, cases[i].want);
    }
}
