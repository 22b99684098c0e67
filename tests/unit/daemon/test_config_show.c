/*
 * What intune-scepctl config show prints: loaded again it is the same configuration and shows the same; every key that has a
 * value is there; no secret is.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config_key.h"
#include "tests/unit/daemon/config_case.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

#define TENANT CONFIG_CASE_TENANT("contoso")
#define TLS    "certificate = ~/server.pem\nkey = ~/server.key\n"

static void set_up(void)
{
    config_case_set_up();
    config_case_make_keys();
}

TestSuite(config_show, .init = set_up, .fini = config_case_tear_down);

/* A bit of everything. */
static const char *const configurations[] = {
    TENANT,
    "[connector]\nlisten = systemd:s\nsocket_mode = 0600\nmax_connections = 7\nadmin_uids = root, 33\n"
    "audit = journald\nlog_format = text\n" TENANT "issuer_name = CN=x, O=y\n",
    "[policy]\nkey_types = default ed25519\nextensions = any\ncsr_attributes = default 1.2.3\n"
    "[journal]\nreport = deferred\n" TENANT "cloud = dod\nallowed_hosts = a.example b.example\n"
    "[revocation]\npoll = no\n[ca/p]\nkind = plugin\n[ca/c]\nkind = command\ncommand = /bin/true \"a b\" "
    "{serial}\n"
    "issuer = CN=x\n[ca/v]\nkind = vault\nurl = https://v.example\ntoken_file = ~/token\nissuer = CN=v\n",
    "[tenant/a]\ntenant_id = t\nclient_id = c\ncredentials = y x\nproxy = http://p:1\nproxy_user = joe\n"
    "proxy_password_file = ~/secret\n[tenant/b]\ntenant_id = t\ncredentials = m\nmax_requests_in_flight = 5\n"
    "[credential/x]\nkind = secret\nclient_secret_file = ~/secret\n[credential/m]\nkind = managed_identity\n"
    "[credential/y]\nkind = certificate\nkey = ~/server.key\ncertificate = ~/server.pem\n",
    TENANT
    "[listener/u]\naddress = unix:/x\nserves = api admin\npeer_uids = 0\n"
    "[listener/l]\naddress = tcp:[::]:8443\nserves = api step-ca\ntenant = contoso\nclient_ca = ~/ca.pem\n"
    "client_names = any\ntokens = ~/token ~/token2\nclient_certificates = optional\n" TLS
    "[listener/m]\naddress = tcp:127.0.0.1:9101\nserves = metrics status\n"
    "[listener/default]\naddress = systemd:x\nserves = api\n"
    "[step-ca/s]\nchallenge_id = c\nchallenge_secret_file = ~/hook\nnotify_id = n\n"
    "notify_secret_file = ~/hook\nclient_names = ca.example\n",
};

static void emit(iscep_buf *out, const iscep_config *config)
{
    iscep_buf_init(out, 64 * 1024);
    iscep_config_emit(out, config);
    cr_assert_not(out->is_overflown);
}

Test(config_show, loads_to_the_same_and_shows_the_same)
{
    for (size_t i = 0; i < COUNT(configurations); i++) {
        ISCEP_AUTO_BUF first;
        ISCEP_AUTO_BUF second;
        emit(&first, config_case_good(configurations[i]));
        char *shown = strdup(iscep_buf_text(&first));
        emit(&second, config_case_good(shown));
        cr_assert_str_eq(iscep_buf_text(&second), shown);
        free(shown);
    }
}

/* Of two configurations, every key of every section has the same value or default. */
static void assert_same_values(iscep_config *a, iscep_config *b)
{
    const struct section_kind *kind;
    section one, other;
    for (size_t i = 0; (kind = iscep_config_kind_at(i)) != NULL; i++) {
        for (size_t j = 0; iscep_config_section_at(&one, a, kind, j); j++) {
            cr_assert(iscep_config_section_at(&other, b, kind, j), "%s", one.title);
            cr_assert_str_eq(one.title, other.title);
            for (const struct key *key = NULL; (key = iscep_config_next_key(&one, key)) != NULL;) {
                const char *value = iscep_config_given(a, one.title, key->name, NULL);
                const char *given = iscep_config_given(b, other.title, key->name, NULL);
                if (value == NULL)
                    value = iscep_config_default(a, &one, key);
                if (value != NULL && kind->add == NULL)
                    cr_assert_str_eq(given, value, "%s %s", one.title, key->name);
            }
        }
        cr_assert_not(iscep_config_section_at(&other, b, kind, 32));
    }
}

Test(config_show, has_every_key_that_has_a_value)
{
    for (size_t i = 0; i < COUNT(configurations); i++) {
        iscep_config *before = NULL, *after = NULL;
        ISCEP_AUTO_BUF text;
        cr_assert_eq(config_case_load(&before, configurations[i], NULL), ISCEP_OK);
        emit(&text, before);
        cr_assert_eq(config_case_load(&after, iscep_buf_text(&text), NULL), ISCEP_OK);
        assert_same_values(before, after);
        cr_assert_eq(before->tenant_count, after->tenant_count);
        cr_assert_eq(before->credential_count, after->credential_count);
        cr_assert_eq(before->listener_count, after->listener_count);
        cr_assert_eq(before->revoker.is_polling, after->revoker.is_polling);
        cr_assert_eq(
            memcmp(&before->policy.csr.key_types, &after->policy.csr.key_types, sizeof(iscep_rule_set)), 0);
        iscep_config_free(before);
        iscep_config_free(after);
    }
}

Test(config_show, tells_chosen_from_default)
{
    ISCEP_AUTO_BUF text;
    emit(&text, config_case_good("[connector]\nworkers = 2\nlog_level = info\n" TENANT));
    const char *shown = iscep_buf_text(&text);
    cr_assert_eq(strstr(shown, "[connector]\nworkers = 2\n# by default:\nlisten = unix:/run/"), shown, "%s",
                 shown);
    cr_assert_not_null(strstr(shown, "\nlog_level = info\n"), "as by default, though somebody wrote it");
    cr_assert_not_null(strstr(shown, "\n[tenant/contoso]\ntenant_id = contoso.example\n"));
    cr_assert_not_null(strstr(shown, "\nauthority = https://login.microsoftonline.com\n"));
    cr_assert_null(strstr(shown, "[credential/"), "client_secret_file is no section");
    cr_assert_null(strstr(shown, "[listener/"), "nor is the default listener");
}

Test(config_show, has_no_secret)
{
    for (size_t i = 0; i < COUNT(configurations); i++) {
        ISCEP_AUTO_BUF text;
        emit(&text, config_case_good(configurations[i]));
        cr_assert_null(strstr(iscep_buf_text(&text), "the-secret"));
        cr_assert_null(strstr(iscep_buf_text(&text), "0123456789abcdef"));
    }
}

/* So nothing needs to be redacted: wherever a URL can be written, a password in it is refused. */
Test(config_show, could_not_have_a_password_of_a_url)
{
    static const char *const cases[] = {
        TENANT "proxy = http://joe:pw@p\n",
        TENANT "authority = https://joe:pw@login.example\n",
        TENANT "graph = https://joe:pw@graph.example\n",
        TENANT "graph_resource = https://joe:pw@graph.example\n",
        TENANT "intune_resource = https://joe:pw@api.example/\n",
        TENANT "[ca/v]\nkind = vault\nurl = https://joe:pw@v.example\ntoken_file = ~/token\n",
        "[tenant/a]\ntenant_id = t\ncredentials = m\n[credential/m]\nkind = managed_identity\n"
        "imds_endpoint = https://joe:pw@imds.example\n",
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        config_case_refused(cases[i], "must not hold a name or password");
}

Test(config_show, as_json_says_the_same)
{
    ISCEP_AUTO_JSON *array = iscep_json_new_array();
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, 64 * 1024);
    iscep_config_describe(array, config_case_good("[connector]\nworkers = 2\n" TENANT));
    cr_assert_eq(iscep_json_emit(&text, array, NULL), ISCEP_OK);
    const char *shown = iscep_buf_text(&text);
    cr_assert_eq(
        strstr(shown, "[{\"section\":\"connector\",\"keys\":[{\"key\":\"listen\",\"value\":\"unix:/run/"),
        shown);
    cr_assert_not_null(strstr(shown, "{\"key\":\"workers\",\"value\":\"2\",\"isDefault\":false}"));
    cr_assert_not_null(strstr(shown, "{\"key\":\"cloud\",\"value\":\"public\",\"isDefault\":true}"));
}

Test(config_show, files_with_secrets_are_known_for_who_looks_after_them)
{
    const iscep_config *config = config_case_good(configurations[COUNT(configurations) - 1]);
    static const char *const wanted[] = {"secret", "server.key", "token", "token2", "hook"};
    for (size_t i = 0; i < COUNT(wanted); i++) {
        bool is_there = false;
        for (size_t j = 0; iscep_config_secret_file(config, j) != NULL; j++)
            is_there =
                is_there || strcmp(iscep_config_secret_file(config, j), config_case_path(wanted[i])) == 0;
        cr_assert(is_there, "%s", wanted[i]);
    }
    for (size_t j = 0; iscep_config_secret_file(config, j) != NULL; j++)
        cr_assert_str_neq(iscep_config_secret_file(config, j), config_case_path("server.pem"));
}
