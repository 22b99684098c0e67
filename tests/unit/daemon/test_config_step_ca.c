/* The sections [step-ca/NAME]: what their keys mean; a hook that could be somebody else, or anybody's tenant's, is refused. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/daemon/config_case.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

#define TENANT CONFIG_CASE_TENANT("contoso") /* lines 1 to 4 */
#define OTHER  CONFIG_CASE_TENANT("fabrikam")
#define IDS    "challenge_id = c\nchallenge_secret_file = ~/hook\nnotify_id = n\nnotify_secret_file = ~/hook\n"
#define HOOK   "[step-ca/s]\n" IDS
#define TLS    "certificate = ~/server.pem\nkey = ~/server.key\n"
#define MTLS                                                                                                 \
    "[listener/l]\naddress = tcp:0.0.0.0:1\nserves = step-ca\nclient_ca = ~/ca.pem\nclient_names = "         \
    "any\n" TLS

static void set_up(void)
{
    config_case_set_up();
    config_case_make_keys();
}

TestSuite(config_step_ca, .init = set_up, .fini = config_case_tear_down);

Test(config_step_ca, needs_two_webhooks_and_no_more)
{
    const iscep_config *config = config_case_good(TENANT HOOK);
    const iscep_step_ca_options *hook = &config->step_cas[0];
    cr_assert_eq(config->step_ca_count, 1);
    cr_assert_str_eq(hook->name, "s");
    cr_assert_str_eq(hook->challenge_id, "c");
    cr_assert_str_eq(hook->challenge_secret_file, config_case_path("hook"));
    cr_assert_str_eq(hook->notify_id, "n");
    cr_assert_str_eq(hook->notify_secret_file, config_case_path("hook"));
    cr_assert_null(hook->tenant);
    cr_assert_null(hook->bearer_token_file);
    cr_assert_null(hook->basic_user);
    cr_assert_not(hook->is_key_empty);
    cr_assert_eq(hook->client_names.count, 0);
    cr_assert_eq(hook->answer_within_ms, 6000);
}

Test(config_step_ca, every_key_is_read)
{
    const iscep_config *config = config_case_good(
        TENANT MTLS "[step-ca/s]\ntenant = contoso\n" IDS "basic_user = joe\nbasic_password_file = ~/secret\n"
                    "client_names = ca.example\nanswer_within_ms = 500\n"
                    "[step-ca/t]\n" IDS "bearer_token_file = ~/token\nempty_key = no\n"
                    "[step-ca/u]\nempty_key = yes\nclient_names = ca.example ca2.example\n");
    const iscep_step_ca_options *first = &config->step_cas[0], *third = &config->step_cas[2];
    cr_assert_eq(config->step_ca_count, 3);
    cr_assert_str_eq(first->tenant, "contoso");
    cr_assert_str_eq(first->basic_user, "joe");
    cr_assert_str_eq(first->basic_password_file, config_case_path("secret"));
    cr_assert_eq(first->client_names.count, 1);
    cr_assert_str_eq(first->client_names.words[0], "ca.example");
    cr_assert_eq(first->answer_within_ms, 500);
    cr_assert_str_eq(config->step_cas[1].bearer_token_file, config_case_path("token"));
    cr_assert_not(config->step_cas[1].is_key_empty);
    cr_assert(third->is_key_empty);
    cr_assert_eq(third->client_names.count, 2);
}

Test(config_step_ca, hooks_that_could_be_anybody_are_refused)
{
    static const struct {
        const char *lines, *want;
    } cases[] = {
        {TENANT "[step-ca/s]\nnotify_id = n\n", ":6: [step-ca/s]: challenge_id and challenge_secret_file"},
        {TENANT "[step-ca/s]\nchallenge_id = c\n", "challenge_id and challenge_secret_file are missing"},
        {TENANT "[step-ca/s]\nchallenge_id = c\nchallenge_secret_file = ~/hook\n", "notify_id and"},
        {TENANT "[step-ca/s]\nempty_key = yes\n",
         ":6: [step-ca/s]: with empty_key = yes a certificate alone"},
        {TENANT "[step-ca/s]\nempty_key = yes\nclient_names = any\n", ":7: client_names: must hold names"},
        {TENANT MTLS HOOK "empty_key = yes\nclient_names = a\n", "exclude each other: take empty_key away"},
        /* a listener by which somebody without a certificate could come */
        {TENANT "[step-ca/s]\nempty_key = yes\nclient_names = a\n",
         "every listener that serves step-ca must"},
        {"[connector]\nlisten = unix:/x\n" TENANT MTLS "[step-ca/s]\nempty_key = yes\nclient_names = a\n",
         "write it as a [listener/NAME] with serves = api admin"},
        {TENANT MTLS "[listener/m]\naddress = tcp:127.0.0.1:2\nserves = step-ca\n"
                     "[step-ca/s]\nempty_key = yes\nclient_names = a\n",
         "every listener that serves step-ca must demand"},
        {TENANT "[listener/l]\naddress = tcp:0.0.0.0:1\nserves = step-ca api\nclient_ca = ~/ca.pem\n"
                "client_names = any\nclient_certificates = optional\ntokens = ~/token\n" TLS
                "[step-ca/s]\nempty_key = yes\nclient_names = a\n",
         "every listener that serves step-ca must demand"},
        {TENANT HOOK "client_names = a\n", ":10: [step-ca/s]: no listener that serves step-ca asks"},
        {TENANT HOOK "basic_user = joe\n", ":10: [step-ca/s]: basic_user and basic_password_file"},
        {TENANT HOOK "basic_password_file = ~/secret\n", "basic_user and basic_password_file belong"},
        {TENANT HOOK "basic_user = joe\nbasic_password_file = ~/secret\nbearer_token_file = ~/token\n",
         ":12: [step-ca/s]: bearer_token_file and basic_user exclude each other"},
        {TENANT "[listener/l]\naddress = unix:/x\nserves = api\n" HOOK, "no listener serves step-ca"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        config_case_refused(cases[i].lines, cases[i].want);
}

Test(config_step_ca, bad_values_are_refused_with_their_line)
{
    static const struct {
        const char *line, *want;
    } cases[] = {
        {"answer_within_ms = 99", ":6: answer_within_ms: must be a number of milliseconds from 100 to 14000"},
        {"answer_within_ms = 14001", ":6: answer_within_ms: must be"},
        {"challenge_secret_file = ~/secret", ":6: challenge_secret_file: names a file that is not base64"},
        {"notify_secret_file = ~/short", ":6: notify_secret_file: names a file with less than 16 bytes"},
        {"notify_secret_file = ~/none", ":6: notify_secret_file: cannot open"},
        {"bearer_token_file = ~/empty", ":6: bearer_token_file: "},
        {"secret = x", ":6: unknown key \"secret\" in [step-ca/s]"},
    };
    config_case_write("short", "AAECAwQFBgcICQoLDA0O");
    config_case_write("empty", "");
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[512];
        snprintf(text, sizeof text, TENANT "[step-ca/s]\n%s\n", cases[i].line);
        config_case_refused(text, cases[i].want);
    }
    config_case_refused(TENANT "[step-ca/a/b]\n" IDS, "[step-ca/a/b]: a name is 1 to 63");
}

Test(config_step_ca, its_tenant_can_be_known)
{
#define LISTENER(name, number, more)                                                                         \
    "[listener/" name "]\naddress = tcp:127.0.0.1:" number "\nserves = step-ca\n" more
    static const struct {
        const char *lines, *want; /* NULL: it is taken */
    } cases[] = {
        {TENANT HOOK, NULL},
        {TENANT HOOK "tenant = contoso\n", NULL},
        {TENANT HOOK "tenant = fabrikam\n", ":10: [step-ca/s]: there is no [tenant/NAME]"},
        {TENANT OTHER HOOK, "there are several tenants, and nothing says whose this is"},
        {TENANT OTHER HOOK "tenant = fabrikam\n", NULL},
        {TENANT OTHER LISTENER("l", "1", "tenant = fabrikam\n") HOOK, NULL},
        {TENANT OTHER LISTENER("l", "1", "tenant = fabrikam\n") LISTENER("m", "2", "") HOOK,
         "there are several tenants, and nothing says whose this is"},
        {TENANT OTHER LISTENER("l", "1", "tenant = fabrikam\n") HOOK "tenant = contoso\n",
         "every listener that serves step-ca is for another tenant"},
        {TENANT OTHER LISTENER("l", "1", "tenant = fabrikam\n") LISTENER("m", "2", "tenant = contoso\n") HOOK
         "tenant = contoso\n",
         NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (cases[i].want == NULL)
            config_case_good(cases[i].lines);
        else
            config_case_refused(cases[i].lines, cases[i].want);
    }
}
