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
    cr_assert_str_eq(options.host, "127.0.0.1");
    cr_assert_eq(options.port, 0);
    cr_assert_str_eq(options.intune_resource, "https://api.manage.microsoft.com/");
    cr_assert_eq(options.token_lifetime_s, 3599);
    cr_assert_not(options.is_plain);
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
        cr_assert_str_eq(options.host, rows[i].host);
        cr_assert_eq(options.port, rows[i].port);
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
    char *rows[][16] = {
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

Test(options, a_secret_file_that_is_not_there_is_an_error)
{
    mock_options options;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_neq(
        parse(&options, &err, (char *[]){"m", NEEDED, "--client-secret-file", "/nonexistent", NULL}),
        ISCEP_OK);
    cr_assert_null(options.client_secret);
    mock_options_clear(&options);
}
