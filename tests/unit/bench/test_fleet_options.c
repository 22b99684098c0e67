/* The command line of iscep-bench fleet. */
#include <criterion/criterion.h>
#include <string.h>

#include "fleet_options.h"

#define URLS "--url", "https://a.example/scep", "--mock-admin", "https://mock.example"

static iscep_status parse(fleet_options *out, iscep_error *err, const char *const *words)
{
    char *argv[40] = {(char *)(void *)"fleet"};
    int argc = 1;
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    return fleet_options_parse(out, argc, argv, err);
}

Test(fleet_options, have_defaults_and_take_all)
{
    fleet_options options;
    iscep_error err = ISCEP_ERROR_INIT;
    const char *const few[] = {URLS, NULL};
    cr_assert_eq(parse(&options, &err, few), ISCEP_OK, "%s", err.message);
    cr_assert_eq(options.devices, 100);
    cr_assert_eq(options.mix.percent[FLEET_ANDROID], 40);
    cr_assert_eq(options.rate, 0);
    cr_assert_null(options.json_file);
    const char *const many[] = {URLS,
                                "--url",
                                "http://b.example/scep",
                                "--devices",
                                "2000",
                                "--mix",
                                "ios=100",
                                "--ca",
                                "ca.pem",
                                "--concurrency",
                                "512",
                                "--rate",
                                "50",
                                "--renew-waves",
                                "2",
                                "--seed",
                                "18446744073709",
                                "--json",
                                "-",
                                "--svg",
                                "x.svg",
                                "--policy-cycle-ms",
                                "5000",
                                "--mark-file",
                                "m",
                                "--certificates",
                                "c",
                                NULL};
    cr_assert_eq(parse(&options, &err, many), ISCEP_OK, "%s", err.message);
    cr_assert_eq(options.devices, 2000);
    cr_assert_eq(options.urls.count, 2);
    cr_assert_str_eq(options.urls.urls[1], "http://b.example/scep");
    cr_assert_str_eq(options.mock_ca_file, "ca.pem", "unless it has its own");
    cr_assert_eq(options.seed, 18446744073709);
    cr_assert_eq(options.renew_waves, 2);
    cr_assert_eq(options.policy_cycle_ms, 5000);
}

Test(fleet_options, that_are_wrong_are_refused_by_name)
{
    static const struct {
        const char *words[8];
        const char *message;
    } cases[] = {
        {{NULL}, "--url is needed"},
        {{"--url", "https://a/", NULL}, "--mock-admin: "},
        {{"--url", "https://a/", "--mock-admin", "mock", NULL}, "--mock-admin: "},
        {{"--url", "ftp://a/", NULL}, "is not http or https"},
        {{URLS, "--url", "https://a.example/scep", NULL}, "stands there twice"},
        {{URLS, "--devices", "0", NULL}, "--devices: a number from 1"},
        {{URLS, "--devices", "1000001", NULL}, "--devices: "},
        {{URLS, "--devices", "12x", NULL}, "--devices: "},
        {{URLS, "--devices", "", NULL}, "--devices: "},
        {{URLS, "--devices", "-1", NULL}, "--devices: "},
        {{URLS, "--concurrency", "513", NULL}, "--concurrency: "},
        {{URLS, "--rate", "99999999999999999999", NULL}, "--rate: "},
        {{URLS, "--seed", "1.5", NULL}, "--seed: "},
        {{URLS, "--mix", "android=99", NULL}, "--mix: "},
        {{URLS, "--json", NULL}, "its value is missing"},
        {{URLS, "--frobnicate", NULL}, "unknown"},
        {{URLS, "more", NULL}, "more is not understood"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fleet_options options;
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(parse(&options, &err, cases[i].words), ISCEP_USAGE, "%zu", i);
        cr_assert(strstr(err.message, cases[i].message), "%s", err.message);
    }
}
