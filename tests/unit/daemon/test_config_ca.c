/* [ca/NAME]: what stands in the file is used, and each mistake is refused by its place. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "daemon/config.h"
#include "tests/support/key_files.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_pki.h"

#define TENANT                                                                                               \
    "[tenant/t]\ntenant_id = contoso.com\nclient_id = app\nclient_secret_file = ~/secret\n" /* 4 lines */

static temp_dir dir;
static char config_path[128], path[128];

static const char *in_dir(const char *name)
{
    temp_dir_path(&dir, path, sizeof path, name);
    return path;
}

static void set_up(void)
{
    temp_dir_make(&dir);
    static const char *const files[] = {"secret", "index.txt", "crlnumber"};
    for (size_t i = 0; i < 3; i++)
        temp_dir_write(&dir, path, sizeof path, files[i], "the-secret\n");
    EVP_PKEY *key = test_pki_new_ec_key();
    key_files_write_key(in_dir("key.pem"), key, NULL);
    key_files_write_certificate(in_dir("cert.pem"), key, KEY_FILES_EXPIRES);
    EVP_PKEY_free(key);
}

static void tear_down(void)
{
    temp_dir_remove(&dir);
}

TestSuite(config_ca, .init = set_up, .fini = tear_down);

/* Loads TENANT and text, in which every '~' is the test's directory. */
static iscep_status load(iscep_config **out, const char *text, iscep_error *err)
{
    ISCEP_AUTO_BUF filled, whole;
    iscep_buf_init(&filled, 64 * 1024);
    iscep_buf_init(&whole, 64 * 1024);
    iscep_buf_printf(&whole, "%s%s", TENANT, text);
    for (const char *at = iscep_buf_text(&whole); *at != '\0'; at++)
        iscep_buf_append_text(&filled, *at == '~' ? dir.path : (const char[]){*at, '\0'});
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

Test(config_ca, none_is_needed)
{
    iscep_config *config = load_good("");
    cr_assert_eq(config->ca_count, 0);
    iscep_config_free(config);
}

Test(config_ca, plugin_has_the_common_keys_and_defaults)
{
    iscep_config *config = load_good("[ca/a]\nkind = plugin\n"
                                     "[ca/b]\nissuer = CN=Device CA,O=Contoso\nca_configuration = conf\n"
                                     "timeout_ms = 777\nmax_in_flight = 9\nkind = plugin\n");
    cr_assert_eq(config->ca_count, 2);
    cr_assert_str_eq(config->cas[0].name, "a");
    cr_assert_eq(config->cas[0].kind, ISCEP_CA_PLUGIN);
    cr_assert_null(config->cas[0].issuer);
    cr_assert_eq(config->cas[0].timeout_ms, 30000);
    cr_assert_eq(config->cas[0].max_in_flight, 4);
    cr_assert_str_eq(config->cas[1].issuer, "CN=Device CA,O=Contoso");
    cr_assert_str_eq(config->cas[1].ca_configuration, "conf");
    cr_assert_eq(config->cas[1].timeout_ms, 777);
    cr_assert_eq(config->cas[1].max_in_flight, 9);
    iscep_config_free(config);
}

Test(config_ca, command_is_split_at_blanks_outside_quotes)
{
    iscep_config *config =
        load_good("[ca/a]\nkind = command\n"
                  "command = /bin/true   --a=\"x  y\" \"\" \"say \\\"no\\\" \\\\ \\n\" a\\b {serial}\n");
    static const char *const want[] = {"/bin/true", "--a=x  y", "", "say \"no\" \\ \\n", "a\\b", "{serial}"};
    for (size_t i = 0; i < 6; i++)
        cr_assert_str_eq(config->cas[0].arguments[i], want[i]);
    cr_assert_null(config->cas[0].arguments[6]);
    iscep_config_free(config);
}

Test(config_ca, openssl_ca_has_these_keys)
{
    iscep_config *config = load_good(
        "[ca/a]\nkind = openssl-ca\nindex_file = ~/index.txt\ncrl_file = ~/ca.crl\n"
        "crl_number_file = ~/crlnumber\nlock_file = ~/lock\nca_certificate = ~/cert.pem\nca_key = ~/key.pem\n"
        "ca_key_password_file = ~/secret\ncrl_days = 30\n");
    const iscep_ca_options *ca = &config->cas[0];
    cr_assert_eq(ca->kind, ISCEP_CA_OPENSSL);
    cr_assert_str_eq(ca->index_file, in_dir("index.txt"));
    cr_assert_str_eq(ca->crl_file, in_dir("ca.crl"));
    cr_assert_str_eq(ca->crl_number_file, in_dir("crlnumber"));
    cr_assert_str_eq(ca->lock_file, in_dir("lock"));
    cr_assert_str_eq(ca->ca_certificate, in_dir("cert.pem"));
    cr_assert_str_eq(ca->ca_key, in_dir("key.pem"));
    cr_assert_str_eq(ca->ca_key_password_file, in_dir("secret"));
    cr_assert_eq(ca->crl_days, 30);
    iscep_config_free(config);
}

Test(config_ca, servers_have_these_keys)
{
    iscep_config *config = load_good(
        "[ca/s]\nkind = step-ca\nurl = https://step:9000\nca_file = ~/cert.pem\nprovisioner = p\n"
        "provisioner_key = ~/key.pem\nprovisioner_kid = k\n"
        "[ca/e]\nkind = ejbca\nurl = https://ejbca\nca_file = ~/cert.pem\nclient_certificate = ~/cert.pem\n"
        "client_key = ~/key.pem\nissuer_dn = CN=x\n"
        "[ca/v]\nkind = vault\nurl = https://vault:8200\nmount = pki/x\ntoken_file = ~/secret\n"
        "namespace = n\n");
    const iscep_ca_options *step = &config->cas[0], *ejbca = &config->cas[1], *vault = &config->cas[2];
    cr_assert_eq(step->kind, ISCEP_CA_STEP);
    cr_assert_str_eq(step->url, "https://step:9000");
    cr_assert_str_eq(step->ca_file, in_dir("cert.pem"));
    cr_assert_str_eq(step->provisioner, "p");
    cr_assert_str_eq(step->provisioner_key, in_dir("key.pem"));
    cr_assert_str_eq(step->provisioner_kid, "k");
    cr_assert_eq(ejbca->kind, ISCEP_CA_EJBCA);
    cr_assert_str_eq(ejbca->client_certificate, in_dir("cert.pem"));
    cr_assert_str_eq(ejbca->client_key, in_dir("key.pem"));
    cr_assert_str_eq(ejbca->issuer_dn, "CN=x");
    cr_assert_eq(vault->kind, ISCEP_CA_VAULT);
    cr_assert_str_eq(vault->mount, "pki/x");
    cr_assert_str_eq(vault->token_file, in_dir("secret"));
    cr_assert_str_eq(vault->vault_namespace, "n");
    iscep_config_free(config);
}

Test(config_ca, section_that_is_wrong_is_refused_by_its_place)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"[ca/a]\nurl = https://x\n", "[ca/a]: kind is missing"},
        {"[ca/a]\nkind = adcs\n", ":6: kind: must be command, openssl-ca, step-ca, ejbca, vault or plugin"},
        {"[ca/a]\nkind = plugin\nurl = https://x\n", ":7: unknown key \"url\" in [ca/a]"},
        {"[ca/a]\nmount = x\nkind = step-ca\n", ":6: unknown key \"mount\" in [ca/a]"},
        {"[ca/a]\nkind = plugin\ntimeout_ms = 0\n", ":7: timeout_ms: must be a number of milliseconds"},
        {"[ca/a]\nkind = plugin\ntimeout_ms = 3600001\n", ":7: timeout_ms"},
        {"[ca/a]\nkind = plugin\nmax_in_flight = -1\n", ":7: max_in_flight: must be a number from 1 to 1000"},
        {"[ca/a]\nkind = plugin\nmax_in_flight = 99999999999999999999\n", ":7: max_in_flight"},
        {"[ca/a]\nkind = openssl-ca\ncrl_days = 1 week\n", ":7: crl_days: must be a number of days"},
        {"[ca/a]\nkind = command\n", ":6: [ca/a]: command is missing"},
        {"[ca/a]\nkind = command\ncommand = \"\n", ":7: command: has a double quote that is not closed"},
        {"[ca/a]\nkind = command\ncommand = /bin/true {issuer}\n",
         ":6: [ca/a]: command: {issuer}: no argument may"},
        {"[ca/a]\nkind = command\ncommand = revoke\n", "absolute path"},
        {"[ca/a]\nkind = vault\nurl = http://x\ntoken_file = ~/secret\n",
         ":6: [ca/a]: http://x is not https"},
        {"[ca/a]\nkind = vault\nurl = https://x\ntoken_file = ~/none\n",
         ":6: [ca/a]: cannot open secret file"},
        {"[ca/a]\nkind = step-ca\nurl = https://x\nprovisioner = p\nprovisioner_key = ~/secret\n",
         "is no private key"},
        {"[ca/a]\nkind = openssl-ca\nindex_file = ~/index.txt\n", ":6: [ca/a]: crl_file is missing"},
        {"[ca/]\nkind = plugin\n", "unknown section [ca/]"},
        {"[ca]\nkind = plugin\n", "unknown section [ca]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(cases[i].text, cases[i].want);
}

Test(config_ca, too_many_of_anything_are_refused)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, 64 * 1024);
    for (unsigned i = 0; i < ISCEP_CONFIG_MAX_CAS; i++)
        iscep_buf_printf(&text, "[ca/n%u]\nkind = plugin\n", i);
    iscep_config *config = load_good(iscep_buf_text(&text));
    cr_assert_eq(config->ca_count, ISCEP_CONFIG_MAX_CAS);
    iscep_config_free(config);
    iscep_buf_append_text(&text, "[ca/more]\nkind = plugin\n");
    assert_refused(iscep_buf_text(&text), "there can be 32 CAs, not more");
    iscep_buf_clear(&text);
    iscep_buf_append_text(&text, "[ca/a]\nkind = command\ncommand = /bin/true");
    for (unsigned i = 1; i < ISCEP_CA_MAX_ARGUMENTS; i++)
        iscep_buf_append_text(&text, " x");
    iscep_config_free(load_good(iscep_buf_text(&text)));
    iscep_buf_append_text(&text, " x\n");
    assert_refused(iscep_buf_text(&text), ":7: command: has more than 32 arguments");
}
