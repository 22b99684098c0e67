/*
 * What intune-scepctl config check warns of: each thing is told once, by its code; a sound configuration is silent. And which
 * tenant a command is about.
 */
#include "ctl/config_check.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ctl/tenant.h"
#include "tests/support/fake_env.h"
#include "tests/support/key_files.h"
#include "tests/unit/daemon/config_case.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

#define JOURNAL "[journal]\npath = ~/journal.db\n"
#define TENANT  CONFIG_CASE_TENANT("contoso") JOURNAL
#define TLS                                                                                                  \
    "[listener/l]\naddress = tcp:0.0.0.0:1\nserves = api\ntokens = ~/token\ncertificate = ~/server.pem\n"    \
    "key = ~/server.key\n"

static char codes[1024]; /* of the warnings, by spaces */
static char texts[8192];

static void set_up(void)
{
    static const char *const secrets[] = {"secret", "token", "token2", "hook", "server.key", "other.key"};
    config_case_set_up();
    config_case_make_keys();
    for (size_t i = 0; i < COUNT(secrets); i++)
        cr_assert_eq(chmod(config_case_path(secrets[i]), 0640), 0);
}

TestSuite(config_check, .init = set_up, .fini = config_case_tear_down);
TestSuite(ctl_tenant, .init = config_case_set_up, .fini = config_case_tear_down);

static void on_warning(void *user, const char *code, const char *text)
{
    (void)user;
    snprintf(codes + strlen(codes), sizeof codes - strlen(codes), "%s%s", codes[0] != '\0' ? " " : "", code);
    snprintf(texts + strlen(texts), sizeof texts - strlen(texts), "%s\n", text);
}

static void check_at(int64_t now_unix, const char *text)
{
    fake_env fake;
    fake_env_init(&fake);
    fake.unix_ms = now_unix * 1000;
    codes[0] = texts[0] = '\0';
    ctl_config_check(config_case_good(text), &fake.env, on_warning, NULL);
    fake_env_clear(&fake);
}

static void check(const char *text)
{
    check_at(KEY_FILES_EXPIRES - 365 * 24 * 3600, text);
}

Test(config_check, a_sound_configuration_is_silent)
{
    check(TENANT);
    cr_assert_str_eq(codes, "");
    check(TENANT TLS);
    cr_assert_str_eq(codes, "");
}

Test(config_check, a_file_of_the_database_that_is_not_there_is_told)
{
    check(TENANT "database = host=db.example sslmode=verify-full sslrootcert=/nowhere/ca.pem\n");
    cr_assert_str_eq(codes, "database_file");
    cr_assert_not_null(strstr(texts, "sslrootcert=/nowhere/ca.pem"), "%s", texts);
}

Test(config_check, secrets_that_everybody_can_read_are_told_once)
{
    cr_assert_eq(chmod(config_case_path("secret"), 0644), 0);
    check(TENANT "[tenant/b]\ntenant_id = b\nclient_id = c\nclient_secret_file = ~/secret\n");
    cr_assert_str_eq(codes, "secret_exposed");
    cr_assert_not_null(strstr(texts, config_case_path("secret")));
    cr_assert_not_null(strstr(texts, "(mode 0644): chmod 0600"), "%s", texts);
    cr_assert_eq(chmod(config_case_path("secret"), 0602), 0);
    check(TENANT);
    cr_assert_str_eq(codes, "secret_exposed", "who can write it can, too");
    cr_assert_eq(chmod(config_case_path("secret"), 0600), 0);
    cr_assert_eq(chmod(config_case_path("token"), 0604), 0);
    cr_assert_eq(chmod(config_case_path("server.key"), 0604), 0);
    cr_assert_eq(chmod(config_case_path("server.pem"), 0644), 0);
    check(TENANT TLS);
    cr_assert_str_eq(codes, "secret_exposed secret_exposed", "a certificate is no secret");
}

Test(config_check, directories_that_are_not_there_are_told)
{
    check(
        "[connector]\naudit = ~/none/audit.log\n" CONFIG_CASE_TENANT("a") "[journal]\npath = ~/none/j.db\n");
    cr_assert_str_eq(codes, "directory_missing directory_missing");
    cr_assert_not_null(strstr(texts, "the directory of the journal, "));
    cr_assert_not_null(strstr(texts, "the directory of the audit trail, "));
    check(CONFIG_CASE_TENANT("a") "[journal]\npath = ~/secret/j.db\n");
    cr_assert_str_eq(codes, "directory_missing", "a file is no directory");
    check("[connector]\naudit = journald\n" TENANT);
    cr_assert_str_eq(codes, "");
}

Test(config_check, certificates_of_listeners_that_end_are_told)
{
    static const struct {
        int64_t left_s;
        const char *codes;
    } cases[] = {{31 * 24 * 3600, ""},
                 {29 * 24 * 3600, "listener_certificate_expiring"},
                 {1, "listener_certificate_expiring"},
                 {0, "listener_certificate_expired"},
                 {-3600, "listener_certificate_expired"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        check_at(KEY_FILES_EXPIRES - cases[i].left_s, TENANT TLS);
        cr_assert_str_eq(codes, cases[i].codes, "%zu", i);
    }
    cr_assert_not_null(strstr(texts, "[listener/l] certificate "));
    cr_assert_not_null(strstr(texts, "2100-01-01"));
}

Test(config_check, listeners_that_are_wide_open_are_told)
{
    check("[connector]\nsocket_mode = 0666\n" TENANT);
    cr_assert_str_eq(codes, "listener_open");
    check(TENANT "[listener/l]\naddress = unix:/x\nserves = api\nmode = 0666\npeer_uids = 33\n");
    cr_assert_str_eq(codes, "", "who comes is asked");
    check(TENANT "[listener/l]\naddress = tcp:10.0.0.1:1\nserves = api\ntokens = ~/token\n"
                 "allow_plain_tcp_beyond_loopback = yes\n");
    cr_assert_str_eq(codes, "listener_plain");
}

Test(config_check, one_directory_as_two_tenants_is_told)
{
    check(TENANT "[tenant/b]\ntenant_id = contoso.example\nclient_id = c\nclient_secret_file = ~/secret\n");
    cr_assert_str_eq(codes, "tenant_twice");
    cr_assert_not_null(strstr(texts, "[tenant/contoso] and [tenant/b]"));
}

/* --- which tenant --- */

static iscep_status choose(const char **name, const char *text, const char *wanted, iscep_error *err)
{
    const iscep_config_tenant *tenant = NULL;
    const ctl_request request = {.tenant = wanted};
    iscep_status status = ctl_choose_tenant(&tenant, config_case_good(text), &request, err);
    *name = tenant != NULL ? tenant->name : NULL;
    return status;
}

Test(ctl_tenant, is_the_one_that_is_named_or_the_only_one)
{
    const char *name;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(choose(&name, CONFIG_CASE_TENANT("a"), NULL, &err), ISCEP_OK);
    cr_assert_str_eq(name, "a");
    cr_assert_eq(choose(&name, CONFIG_CASE_TENANT("a") CONFIG_CASE_TENANT("b"), "b", &err), ISCEP_OK);
    cr_assert_str_eq(name, "b");
}

Test(ctl_tenant, is_asked_for_where_it_cannot_be_known)
{
    const char *name;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(choose(&name, CONFIG_CASE_TENANT("a") CONFIG_CASE_TENANT("b"), NULL, &err), ISCEP_USAGE);
    cr_assert_null(name);
    cr_assert_str_eq(err.message, "--tenant must say which one: a, b");
    cr_assert_eq(choose(&name, CONFIG_CASE_TENANT("a"), "A", &err), ISCEP_USAGE);
    cr_assert_null(name);
    cr_assert_str_eq(err.message, "there is no tenant A; there are: a");
}
