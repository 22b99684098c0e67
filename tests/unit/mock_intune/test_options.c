/* The command line: what is needed, and what is refused. */
#include "options.h"

#include <string.h>

#include <criterion/criterion.h>

#define NEEDED "--state", "/s", "--tenant", "t", "--client-id", "c", "--client-secret", "x"

static iscep_status parse(mock_options *out, iscep_error *err, char **argv)
{
    int argc = 0;
    while (argv[argc] != NULL)
        argc++;
    return mock_options_parse(out, argc, argv, err);
}

Test(options, what_is_needed_suffices)
{
    mock_options options;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(parse(&options, &err, (char *[]){"m", NEEDED, NULL}), ISCEP_OK, "%s", err.message);
    cr_assert_str_eq(options.listen.host, "127.0.0.1");
    cr_assert_eq(options.listen.port, 0);
    cr_assert_str_eq(options.intune_resource, "https://api.manage.microsoft.com/");
    cr_assert_eq(options.token_lifetime_s, 3599);
    cr_assert_not(options.is_plain);
    mock_options_clear(&options);
}

Test(options, tenants_secrets_and_certificates_may_be_several)
{
    mock_options options;
    iscep_error err = ISCEP_ERROR_INIT;
    char *argv[] = {"m",
                    NEEDED,
                    "--tenant",
                    "u",
                    "--client-secret",
                    "y",
                    "--client-certificate",
                    "a.pem",
                    "--client-certificate",
                    "b.pem",
                    NULL};
    cr_assert_eq(parse(&options, &err, argv), ISCEP_OK, "%s", err.message);
    cr_assert_eq(options.tenant_count, 2);
    cr_assert_str_eq(options.tenant_ids[1], "u");
    cr_assert_eq(options.secret_count, 2);
    cr_assert(iscep_bytes_equal(iscep_secret_reveal(options.client_secrets[1]), iscep_bytes_of_text("y")));
    cr_assert_eq(options.certificate_count, 2);
    cr_assert_str_eq(options.certificate_files[1], "b.pem");
    mock_options_clear(&options);
}

Test(options, a_certificate_or_a_managed_identity_will_do_for_a_credential)
{
    char *rows[][12] = {
        {"m", "--state", "/s", "--tenant", "t", "--client-id", "c", "--client-certificate", "a.pem"},
        {"m", "--state", "/s", "--tenant", "t", "--client-id", "c", "--imds-listen", "127.0.0.1:0"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        mock_options options;
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(parse(&options, &err, rows[i]), ISCEP_OK, "row %zu: %s", i, err.message);
        mock_options_clear(&options);
    }
}

Test(options, too_many_of_what_may_be_repeated_are_refused)
{
    mock_options options;
    iscep_error err = ISCEP_ERROR_INIT;
    char *argv[64] = {"m", NEEDED};
    for (size_t i = 0; i <= MOCK_OPTION_VALUES_MAX; i++) {
        argv[9 + 2 * i] = "--client-secret";
        argv[10 + 2 * i] = "y";
    }
    cr_assert_eq(parse(&options, &err, argv), ISCEP_USAGE);
    mock_options_clear(&options);
}

Test(options, listens_on_loopback_of_both_families)
{
    const struct {
        char *text;
        const char *host;
        uint16_t port;
    } rows[] = {
        {"127.0.0.2:443", "127.0.0.2", 443}, {"[::1]:8443", "::1", 8443}, {"localhost:0", "localhost", 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        mock_options options;
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(parse(&options, &err, (char *[]){"m", NEEDED, "--listen", rows[i].text, NULL}),
                     ISCEP_OK);
        cr_assert_str_eq(options.listen.host, rows[i].host);
        cr_assert_eq(options.listen.port, rows[i].port);
        mock_options_clear(&options);
    }
}

Test(options, an_address_others_can_reach_must_be_meant)
{
    mock_options options;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(parse(&options, &err, (char *[]){"m", NEEDED, "--listen", "0.0.0.0:1", NULL}), ISCEP_USAGE);
    mock_options_clear(&options);
    cr_assert_eq(
        parse(&options, &err, (char *[]){"m", NEEDED, "--listen", "0.0.0.0:1", "--admin-anywhere", NULL}),
        ISCEP_OK);
    mock_options_clear(&options);
}

Test(options, what_is_missing_or_wrong_is_a_usage_error)
{
    char *rows[][20] = {
        {"m"},
        {"m", "--state", "/s"},
        {"m", "--state", "/s", "--tenant", "t", "--client-id", "c"},
        {"m", "--state", "/s", "--tenant", "", "--client-id", "c", "--client-secret", "x"},
        {"m", "--state", "/s", "--client-id", "c", "--client-secret", "x"},
        {"m", NEEDED, "--listen", "127.0.0.1"},
        {"m", NEEDED, "--listen", "127.0.0.1:70000"},
        {"m", NEEDED, "--listen", ":1"},
        {"m", NEEDED, "--listen", "127.0.0.1:1x"},
        {"m", NEEDED, "--listen", "127.example.com:1"},
        {"m", NEEDED, "--token-lifetime-s", "0"},
        {"m", NEEDED, "--client-secret", ""},
        {"m", NEEDED, "--tenant", ""},
        {"m", NEEDED, "--revocation-quiet-s", "-1"},
        {"m", NEEDED, "--imds-listen", "127.0.0.1"},
        {"m", NEEDED, "--imds-listen", "0.0.0.0:1"},
        {"m", NEEDED, "--nope"},
        {"m", NEEDED, "more"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        mock_options options;
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(parse(&options, &err, rows[i]), ISCEP_USAGE, "row %zu", i);
        cr_assert_gt(strlen(err.message), 0);
        mock_options_clear(&options);
    }
}

/* And nothing else: the value may be a secret. */
Test(options, what_is_unknown_or_incomplete_is_named)
{
    const struct {
        char *option;
        const char *message;
    } rows[] = {{"--nope", "--nope: there is no such option"},
                {"--client-secrt=hunter2", "--client-secrt: there is no such option"},
                {"-x", "-x: there is no such option"},
                {"-xyz", "-x: there is no such option"},
                {"--plain=yes", "--plain: takes no value"},
                {"--state", "--state: its value is missing"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        mock_options options;
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(parse(&options, &err, (char *[]){"m", NEEDED, rows[i].option, NULL}), ISCEP_USAGE);
        cr_assert_str_eq(err.message, rows[i].message);
        mock_options_clear(&options);
    }
}

Test(options, a_secret_file_that_is_not_there_is_an_error)
{
    mock_options options;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(parse(&options, &err, (char *[]){"m", NEEDED, "--client-secret-file", "/nonexistent", NULL}),
                 ISCEP_USAGE);
    cr_assert_str_eq(err.message, "--client-secret-file: cannot open secret file /nonexistent: No such file "
                                  "or directory");
    cr_assert_eq(options.secret_count, 1); /* the other one */
    mock_options_clear(&options);
}
