/* Parsing the command line, with getopt_long. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_URL_LEN = 1024 };

const char ISCEP_HOST_HELP_TEXT[] =
    "Usage: scep-host --plugin PATH [OPTION]...\n"
    "A SCEP server (RFC 8894) with a small CA of its own, that asks a policy plugin (scep_plugin.h) before "
    "it issues.\n"
    "\n"
    "  --plugin PATH                the plugin, a shared object\n"
    "  --plugin-config KEY=VALUE    a setting for the plugin, such as socket=PATH; may be repeated\n"
    "  --plugin-timeout-ms N        how long the plugin may take for an answer (25000)\n"
    "  --state DIR                  where the CA and what it issued are kept (scep-host.state)\n"
    "  --listen HOST:PORT           address to listen on; port 0 takes a free one (127.0.0.1:0)\n"
    "  --port-file FILE             write the port to FILE when ready\n"
    "  --path PATH                  path of the SCEP endpoint (/scep)\n"
    "  --pending-retry-ms N         ask the plugin about a pending request no sooner than this (1000)\n"
    "  --validity-days N            how long issued certificates are valid (365)\n"
    "  --crl-url URL                put URL into issued certificates as CRL distribution point; the CRL is\n"
    "                               at /crl of the address that is listened on\n"
    "  --workers N                  requests worked on at once (16)\n"
    "  --legacy-des                 also accept single DES and SHA-1, which micromdm's scepclient uses and "
    "is broken\n"
    "  --help, --version\n"
    "\n"
    "Prints \"scep-host ready URL ca=FILE\" when it listens, and logs to stderr. SIGTERM ends it.\n";

typedef enum option_id {
    OPT_PLUGIN = 1,
    OPT_PLUGIN_CONFIG,
    OPT_PLUGIN_TIMEOUT,
    OPT_STATE,
    OPT_LISTEN,
    OPT_PORT_FILE,
    OPT_PATH,
    OPT_PENDING_RETRY,
    OPT_VALIDITY,
    OPT_CRL_URL,
    OPT_WORKERS,
    OPT_LEGACY_DES,
    OPT_HELP,
    OPT_VERSION,
} option_id;

static const struct option LONG_OPTIONS[] = {
    {"plugin", required_argument, NULL, OPT_PLUGIN},
    {"plugin-config", required_argument, NULL, OPT_PLUGIN_CONFIG},
    {"plugin-timeout-ms", required_argument, NULL, OPT_PLUGIN_TIMEOUT},
    {"state", required_argument, NULL, OPT_STATE},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"port-file", required_argument, NULL, OPT_PORT_FILE},
    {"path", required_argument, NULL, OPT_PATH},
    {"pending-retry-ms", required_argument, NULL, OPT_PENDING_RETRY},
    {"validity-days", required_argument, NULL, OPT_VALIDITY},
    {"crl-url", required_argument, NULL, OPT_CRL_URL},
    {"workers", required_argument, NULL, OPT_WORKERS},
    {"legacy-des", no_argument, NULL, OPT_LEGACY_DES},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static iscep_status wrong(iscep_error *err, const char *option, const char *value, const char *expected)
{
    return iscep_error_set(err, ISCEP_USAGE, NULL, "--%s: \"%s\": %s is expected", option, value, expected);
}

static bool parse_number(const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
    if (text[0] < '0' || text[0] > '9')
        return false;
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || number < min || number > max)
        return false;
    *out = (uint32_t)number;
    return true;
}

static iscep_status set_number(uint32_t *out, const char *option, const char *text, uint32_t min,
                               uint32_t max, iscep_error *err)
{
    char expected[64];
    if (parse_number(text, min, max, out))
        return ISCEP_OK;
    snprintf(expected, sizeof(expected), "a number from %u to %u", min, max);
    return wrong(err, option, text, expected);
}

/* "host:port", with "[…]" around an IPv6 address. */
static iscep_status set_listen(iscep_host_options *options, const char *text, iscep_error *err)
{
    const char *colon = strrchr(text, ':');
    uint32_t port = 0;
    if (!colon || colon == text || !parse_number(colon + 1, 0, UINT16_MAX, &port))
        return wrong(err, "listen", text, "HOST:PORT");
    const char *host = text;
    size_t host_len = (size_t)(colon - text);
    if (host[0] == '[' && colon[-1] == ']' && host_len > 2) {
        host++;
        host_len -= 2;
    }
    if (host_len >= sizeof(options->listen_host))
        return wrong(err, "listen", text, "a shorter host");
    memcpy(options->listen_host, host, host_len);
    options->listen_host[host_len] = '\0';
    options->listen_port = (uint16_t)port;
    return ISCEP_OK;
}

static iscep_status add_plugin_config(iscep_host_options *options, char *text, iscep_error *err)
{
    char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return wrong(err, "plugin-config", text, "KEY=VALUE");
    if (options->plugin_config_count == ISCEP_HOST_MAX_PLUGIN_CONFIG)
        return iscep_error_set(err, ISCEP_USAGE, NULL, "--plugin-config: at most %d are possible",
                               ISCEP_HOST_MAX_PLUGIN_CONFIG);
    *equals = '\0';
    options->plugin_config[options->plugin_config_count++] =
        (scep_config_entry){.key = text, .value = equals + 1};
    return ISCEP_OK;
}

static iscep_status set_path(iscep_host_options *options, const char *text, iscep_error *err)
{
    if (text[0] != '/' || strpbrk(text, "?# ") || strcmp(text, "/crl") == 0)
        return wrong(err, "path", text, "a path that begins with / and is not /crl");
    options->path = text;
    return ISCEP_OK;
}

/* It goes into x509v3_config(5) words, where a comma would begin another name. */
static iscep_status set_crl_url(iscep_host_options *options, const char *text, iscep_error *err)
{
    bool is_http = strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
    size_t len = strlen(text);
    size_t visible = 0;
    while (text[visible] > 0x20 && text[visible] < 0x7f && text[visible] != ',')
        visible++;
    if (!is_http || visible != len || len > MAX_URL_LEN)
        return wrong(err, "crl-url", text, "an http:// or https:// address without commas");
    options->crl_url = text;
    return ISCEP_OK;
}

static iscep_status set_option(iscep_host_options *options, option_id id, char *value, iscep_error *err)
{
    switch (id) {
    case OPT_PLUGIN:
        options->plugin = value;
        return ISCEP_OK;
    case OPT_PLUGIN_CONFIG:
        return add_plugin_config(options, value, err);
    case OPT_PLUGIN_TIMEOUT:
        return set_number(&options->plugin_timeout_ms, "plugin-timeout-ms", value, 1, 3600 * 1000, err);
    case OPT_STATE:
        options->state_dir = value;
        return ISCEP_OK;
    case OPT_LISTEN:
        return set_listen(options, value, err);
    case OPT_PORT_FILE:
        options->port_file = value;
        return ISCEP_OK;
    case OPT_PATH:
        return set_path(options, value, err);
    case OPT_PENDING_RETRY:
        return set_number(&options->pending_retry_ms, "pending-retry-ms", value, 0, 3600 * 1000, err);
    case OPT_VALIDITY:
        return set_number(&options->validity_days, "validity-days", value, 1, 3650, err);
    case OPT_CRL_URL:
        return set_crl_url(options, value, err);
    case OPT_WORKERS:
        return set_number(&options->workers, "workers", value, 1, 1024, err);
    case OPT_LEGACY_DES:
        options->is_legacy_des_allowed = true;
        return ISCEP_OK;
    case OPT_HELP:
        options->command = ISCEP_HOST_HELP;
        return ISCEP_OK;
    case OPT_VERSION:
        options->command = ISCEP_HOST_VERSION;
        return ISCEP_OK;
    }
    return ISCEP_USAGE;
}

static iscep_status check_whole(const iscep_host_options *options, int argc, char **argv, iscep_error *err)
{
    if (options->command != ISCEP_HOST_RUN)
        return ISCEP_OK;
    if (optind < argc)
        return iscep_error_set(err, ISCEP_USAGE, NULL, "\"%s\": not an option", argv[optind]);
    if (!options->plugin)
        return iscep_error_set(err, ISCEP_USAGE, NULL, "--plugin PATH is needed");
    return ISCEP_OK;
}

iscep_status iscep_host_options_parse(iscep_host_options *out, int argc, char **argv, iscep_error *err)
{
    *out = (iscep_host_options){.command = ISCEP_HOST_RUN,
                                .plugin_timeout_ms = 25000,
                                .state_dir = "scep-host.state",
                                .listen_host = "127.0.0.1",
                                .path = "/scep",
                                .pending_retry_ms = 1000,
                                .validity_days = 365,
                                .workers = 16};
    opterr = 0;
    optind = 0; /* GNU: begin anew */
    for (int id; (id = getopt_long(argc, argv, ":", LONG_OPTIONS, NULL)) != -1;) {
        if (id == ':')
            return iscep_error_set(err, ISCEP_USAGE, NULL, "%s: a value is missing", argv[optind - 1]);
        if (id == '?')
            return iscep_error_set(err, ISCEP_USAGE, NULL, "%s: no such option", argv[optind - 1]);
        iscep_status status = set_option(out, (option_id)id, optarg, err);
        if (status != ISCEP_OK)
            return status;
    }
    return check_whole(out, argc, argv, err);
}
