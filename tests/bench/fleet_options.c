/* See fleet_options.h. */
#include "fleet_options.h"

#include <getopt.h>
#include <stddef.h>
#include <string.h>

#include "fleet_intune.h"
#include "fleet_summary.h"

#define DEFAULT_MIX "android=40,windows=40,ios=15,macos=5"

static const struct option long_options[] = {
    {"devices", required_argument, NULL, 'n'},
    {"mix", required_argument, NULL, 'x'},
    {"url", required_argument, NULL, 'u'},
    {"mock-admin", required_argument, NULL, 'a'},
    {"ca", required_argument, NULL, 'C'},
    {"mock-ca", required_argument, NULL, 'M'},
    {"concurrency", required_argument, NULL, 'c'},
    {"rate", required_argument, NULL, 'r'},
    {"renew-waves", required_argument, NULL, 'w'},
    {"seed", required_argument, NULL, 's'},
    {"policy-cycle-ms", required_argument, NULL, 'p'},
    {"policy-cycles", required_argument, NULL, 'P'},
    {"speed", required_argument, NULL, 'S'},
    {"timeout-ms", required_argument, NULL, 't'},
    {"connect-timeout-ms", required_argument, NULL, 'T'},
    {"keys", required_argument, NULL, 'k'},
    {"json", required_argument, NULL, 'j'},
    {"svg", required_argument, NULL, 'g'},
    {"certificates", required_argument, NULL, 'e'},
    {"mark-file", required_argument, NULL, 'm'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

void fleet_options_print_help(FILE *to)
{
    fputs(
        "Usage: iscep-bench fleet --url URL... --mock-admin URL [OPTION]...\n"
        "Many devices enrol over SCEP, each as its platform does when there are several URLs, with profiles\n"
        "that intune-mock makes for them. docs/FLEET.md says what is simulated and what is not.\n"
        "\n"
        "      --url URL             a SCEP URL, http or https; one to eight times\n"
        "      --mock-admin URL      base URL of intune-mock\n"
        "      --ca FILE             whom TLS trusts, PEM; default: the system's authorities\n"
        "      --mock-ca FILE        the same for the mock; default: that of --ca\n"
        "      --devices N           default 100\n"
        "      --mix LIST            percentages; default " DEFAULT_MIX "\n"
        "      --concurrency C       exchanges at a time; default 64\n"
        "      --rate R              devices that begin in a second; default: as many as are served\n"
        "      --renew-waves K       then all renew, K times; default 0\n"
        "      --seed S              of every choice that devices make; default 1\n"
        "      --policy-cycle-ms M   from a device's profile to its next, after a failure; default 10000\n"
        "      --policy-cycles N     then it gives up; default 3\n"
        "      --speed N             the profile's RetryDelay is divided by this; default 100\n"
        "      --timeout-ms M        a device's patience with one request; default 10000\n"
        "      --connect-timeout-ms M  and with connecting; default 3000\n"
        "      --keys N              RSA keys, shared by all; default 8\n"
        "      --certificates FILE   each certificate as a line of JSON, written when it is had\n"
        "      --json FILE           the report with everything, - for standard output\n"
        "      --svg FILE            a chart: certificates per second over time\n"
        "      --mark-file FILE      moments for the chart: lines \"epoch-ms text\", written by somebody "
        "else\n"
        "  -h, --help\n"
        "\n"
        "Exit codes: 0 all have their certificates, 1 some have not, or it was interrupted, 2 usage.\n",
        to);
}

/* Numbers, where they go, and their limits. */
static const struct number {
    int option;
    size_t offset;
    uint32_t min;
    uint32_t max;
} numbers[] = {
    {'n', offsetof(fleet_options, devices), 1, 1000000},
    {'c', offsetof(fleet_options, concurrency), 1, FLEET_MAX_WIRES},
    {'r', offsetof(fleet_options, rate), 1, 100000},
    {'w', offsetof(fleet_options, renew_waves), 0, FLEET_MAX_WAVES},
    {'p', offsetof(fleet_options, policy_cycle_ms), 1, 86400000},
    {'P', offsetof(fleet_options, policy_cycles), 1, 1000},
    {'S', offsetof(fleet_options, speed), 1, 1000000},
    {'t', offsetof(fleet_options, timeout_ms), 1, 600000},
    {'T', offsetof(fleet_options, connect_timeout_ms), 1, 600000},
    {'k', offsetof(fleet_options, keys), 1, FLEET_MAX_KEYS},
};

static const char *name_of(int option)
{
    size_t i = 0;
    while (long_options[i].val != option)
        i++;
    return long_options[i].name;
}

static bool parse_number(uint64_t *out, const char *text, uint64_t max)
{
    *out = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        uint64_t digit = (uint64_t)(*text - '0');
        if (*text < '0' || *text > '9' || *out > (max - digit) / 10)
            return false;
        *out = *out * 10 + digit;
    }
    return true;
}

static iscep_status read_number(fleet_options *out, const struct number *number, const char *text,
                                iscep_error *err)
{
    uint64_t value;
    if (!parse_number(&value, text, number->max) || value < number->min)
        return iscep_error_set(err, ISCEP_USAGE, "option", "--%s: a number from %u to %u is wanted",
                               name_of(number->option), number->min, number->max);
    uint32_t small = (uint32_t)value;
    memcpy((char *)out + number->offset, &small, sizeof small);
    return ISCEP_OK;
}

static bool is_http_url(const char *url)
{
    return strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
}

static iscep_status add_url(fleet_options *out, const char *url, iscep_error *err)
{
    for (size_t i = 0; i < out->urls.count; i++)
        if (strcmp(out->urls.urls[i], url) == 0)
            return iscep_error_set(err, ISCEP_USAGE, "option", "--url: %s stands there twice", url);
    if (out->urls.count == FLEET_MAX_URLS)
        return iscep_error_set(err, ISCEP_USAGE, "option", "--url: at most %d", FLEET_MAX_URLS);
    if (!is_http_url(url))
        return iscep_error_set(err, ISCEP_USAGE, "option", "--url: %s is not http or https", url);
    out->urls.urls[out->urls.count++] = url;
    return ISCEP_OK;
}

static iscep_status apply_text(fleet_options *out, int option, const char *value, iscep_error *err)
{
    switch (option) {
    case 'x':
        return fleet_mix_parse(&out->mix, value, err);
    case 'u':
        return add_url(out, value, err);
    case 's':
        if (parse_number(&out->seed, value, INT64_MAX))
            return ISCEP_OK;
        return iscep_error_set(err, ISCEP_USAGE, "option", "--seed: a number is wanted");
    case 'a':
        out->mock_url = value;
        return ISCEP_OK;
    case 'C':
        out->ca_file = value;
        return ISCEP_OK;
    case 'M':
        out->mock_ca_file = value;
        return ISCEP_OK;
    case 'j':
        out->json_file = value;
        return ISCEP_OK;
    case 'g':
        out->svg_file = value;
        return ISCEP_OK;
    case 'e':
        out->certificates_file = value;
        return ISCEP_OK;
    case 'm':
        out->mark_file = value;
        return ISCEP_OK;
    case 'h':
        out->is_help = true;
        return ISCEP_OK;
    default:
        return iscep_error_set(err, ISCEP_USAGE, "option",
                               "an option is unknown, or its value is missing; try fleet --help");
    }
}

static iscep_status apply(fleet_options *out, int option, const char *value, iscep_error *err)
{
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].option == option)
            return read_number(out, &numbers[i], value, err);
    return apply_text(out, option, value, err);
}

static iscep_status check(fleet_options *out, iscep_error *err)
{
    if (out->urls.count == 0)
        return iscep_error_set(err, ISCEP_USAGE, "option", "--url is needed; try fleet --help");
    if (out->mock_url == NULL || !is_http_url(out->mock_url))
        return iscep_error_set(err, ISCEP_USAGE, "option", "--mock-admin: an http or https URL is needed");
    if (out->mock_ca_file == NULL)
        out->mock_ca_file = out->ca_file;
    return ISCEP_OK;
}

iscep_status fleet_options_parse(fleet_options *out, int argc, char **argv, iscep_error *err)
{
    int option;
    *out = (fleet_options){.devices = 100,
                           .concurrency = 64,
                           .seed = 1,
                           .policy_cycle_ms = 10000,
                           .policy_cycles = 3,
                           .speed = 100,
                           .timeout_ms = 10000,
                           .connect_timeout_ms = 3000,
                           .keys = 8};
    iscep_status status = fleet_mix_parse(&out->mix, DEFAULT_MIX, err);
    opterr = 0; /* what is wrong is told in err */
    optind = 0; /* from the beginning, whoever has parsed before */
    while (status == ISCEP_OK && !out->is_help &&
           (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1)
        status = apply(out, option, optarg, err);
    if (status != ISCEP_OK || out->is_help)
        return status;
    if (optind < argc)
        return iscep_error_set(err, ISCEP_USAGE, "option", "%s is not understood; try fleet --help",
                               argv[optind]);
    return check(out, err);
}
