/* See options.h. All are given by chaos.sh, but for --reload-configs; there are no defaults that could hide a slip. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const struct option long_options[] = {
    {"ca", required_argument, NULL, 'r'},
    {"mode", required_argument, NULL, 'm'},
    {"mock-url", required_argument, NULL, 'u'},
    {"mock-ca", required_argument, NULL, 'a'},
    {"mock-log", required_argument, NULL, 'l'},
    {"scep-url", required_argument, NULL, 'p'},
    {"host-dir", required_argument, NULL, 'h'},
    {"connector", required_argument, NULL, 'c'},
    {"config", required_argument, NULL, 'f'},
    {"socket", required_argument, NULL, 's'},
    {"connector-log", required_argument, NULL, 'o'},
    {"figures", required_argument, NULL, 'g'},
    {"host-probe", required_argument, NULL, 'x'},
    {"host-log", required_argument, NULL, 'y'},
    {"reload-configs", required_argument, NULL, 'z'},
    {"kills", required_argument, NULL, 'k'},
    {"devices", required_argument, NULL, 'd'},
    {"seed", required_argument, NULL, 'e'},
    {"drain-seconds", required_argument, NULL, 'w'},
    {NULL, 0, NULL, 0},
};

static const char *const mode_names[] = {
    [CHAOS_STRICT_KEEP] = "strict-keep",
    [CHAOS_STRICT_REVOKE] = "strict-revoke",
    [CHAOS_DEFERRED] = "deferred",
};

static iscep_status read_mode(chaos_mode *out, const char *text, iscep_error *err)
{
    for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++) {
        if (strcmp(mode_names[i], text) != 0)
            continue;
        *out = (chaos_mode)i;
        return ISCEP_OK;
    }
    return iscep_error_set(err, ISCEP_USAGE, "option",
                           "--mode: strict-keep, strict-revoke or deferred is wanted");
}

static iscep_status read_number(uint64_t *out, const char *text, uint64_t max, iscep_error *err)
{
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || errno != 0 || *end != '\0' || number > max)
        return iscep_error_set(err, ISCEP_USAGE, "option", "\"%s\" is no number up to %llu", text,
                               (unsigned long long)max);
    *out = number;
    return ISCEP_OK;
}

static const char **text_option(chaos_options *out, int option)
{
    switch (option) {
    case 'u':
        return &out->mock_url;
    case 'a':
        return &out->mock_ca;
    case 'l':
        return &out->mock_log;
    case 'p':
        return &out->scep_url;
    case 'r':
        return &out->ca;
    case 'h':
        return &out->host_dir;
    case 'c':
        return &out->connector;
    case 'f':
        return &out->config;
    case 's':
        return &out->socket;
    case 'o':
        return &out->connector_log;
    case 'g':
        return &out->figures;
    case 'x':
        return &out->host_probe;
    case 'y':
        return &out->host_log;
    case 'z':
        return &out->reload_configs;
    default:
        return NULL;
    }
}

static iscep_status apply(chaos_options *out, int option, const char *value, iscep_error *err)
{
    uint64_t count = 0;
    const char **text = text_option(out, option);
    if (text != NULL) {
        *text = value;
        return ISCEP_OK;
    }
    if (option == 'm')
        return read_mode(&out->mode, value, err);
    if (option == 'e')
        return read_number(&out->seed, value, UINT32_MAX, err);
    iscep_status status = read_number(&count, value, 100000, err);
    *(option == 'k' ? &out->kills : option == 'd' ? &out->devices : &out->drain_s) = (uint32_t)count;
    return status;
}

iscep_status chaos_options_parse(chaos_options *out, int argc, char *argv[], iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    *out = (chaos_options){0};
    for (int option; status == ISCEP_OK && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
        status = option == '?' ? iscep_error_set(err, ISCEP_USAGE, "option", "see tests/chaos/chaos.sh")
                               : apply(out, option, optarg, err);
    for (const struct option *o = long_options; status == ISCEP_OK && o->name != NULL; o++)
        if (o->val != 'z' && text_option(out, o->val) != NULL && *text_option(out, o->val) == NULL)
            status = iscep_error_set(err, ISCEP_USAGE, "option", "--%s is missing", o->name);
    out->host = (const char *const *)&argv[optind];
    if (status == ISCEP_OK && out->host[0] == NULL)
        status = iscep_error_set(err, ISCEP_USAGE, "option", "the SCEP server's command line is missing");
    if (status == ISCEP_OK && (out->kills == 0 || out->devices == 0 || out->drain_s == 0))
        status =
            iscep_error_set(err, ISCEP_USAGE, "option", "--kills, --devices and --drain-seconds are needed");
    return status;
}
