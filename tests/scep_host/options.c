/* Parsing the command line, with getopt_long. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/option_name.h"

enum { MAX_URL_LEN = 1024 };

#define DEFAULT_PATH       "/scep"
#define DEFAULT_TIMEOUT_MS 25000

const char ISCEP_HOST_HELP_TEXT[] =
    "Usage: scep-host [--endpoint PATH] --plugin PATH [OPTION]...\n"
    "A SCEP server (RFC 8894) with a small CA of its own, that asks policy plugins (scep_plugin.h) before it "
    "issues.\n"
    "\n"
    "Endpoints: one at /scep, or as many as there are --endpoint; what follows one is of it.\n"
    "  --endpoint PATH              begins an endpoint\n"
    "  --plugin PATH                a plugin, a shared object; of several the first that does not decline\n"
    "                               decides\n"
    "  --plugin-config KEY=VALUE    a setting for that plugin, such as socket=PATH; may be repeated\n"
    "  --plugin-timeout-ms N        how long that plugin may take for an answer (25000)\n"
    "  --plugin-form FORM           how that plugin is asked: event (if it can; default) or blocking\n"
    "  --static-challenge-file FILE the challenge that is enough when there is no plugin, or all decline\n"
    "\n"
    "The CA:\n"
    "  --state DIR                  where the CA and what it issued are kept (scep-host.state)\n"
    "  --ca-key URI                 its key, if not DIR/ca.key: by OpenSSL, such as handle:0x81000001\n"
    "  --ca-provider NAME           the OpenSSL provider that knows URI, such as tpm2\n"
    "  --ra                         an RA, with a certificate of its own, speaks SCEP for it\n"
    "  --next-ca                    tell devices of the CA that will be next (GetNextCACert)\n"
    "  --validity-days N            how long issued certificates are valid (365)\n"
    "  --crl-url URL                put URL into issued certificates as CRL distribution point; the CRL is\n"
    "                               at /crl of the address that is listened on\n"
    "\n"
    "A CA on another host (scep-ca), instead; an RA speaks SCEP for it:\n"
    "  --issuer-url URL             https://HOST[:PORT]\n"
    "  --issuer-ca-file FILE        whom to believe that he is that host (PEM)\n"
    "  --issuer-cert FILE           who we are, to him (PEM)\n"
    "  --issuer-key FILE            and the key of that\n"
    "  --issuer-timeout-ms N        how long it may take for an answer (5000)\n"
    "  --issuer-patience-ms N       how long a device is told PENDING while it cannot be asked (1800000)\n"
    "\n"
    "The server:\n"
    "  --listen HOST:PORT           address to listen on; port 0 takes a free one (127.0.0.1:0)\n"
    "  --port-file FILE             write the port to FILE when ready\n"
    "  --pending-retry-ms N         ask the plugin about a pending request no sooner than this (1000)\n"
    "  --workers N                  threads of each endpoint (16)\n"
    "  --legacy-des                 also accept single DES and SHA-1, which micromdm's scepclient uses and "
    "is broken\n"
    "  --help, --version\n"
    "\n"
    "Prints \"scep-host ready URL ca=FILE\" for each endpoint when it listens, and logs to stderr. SIGTERM "
    "ends it.\n";

typedef enum option_id {
    OPT_ENDPOINT = ISCEP_OPTION_FIRST_LONG,
    OPT_PLUGIN,
    OPT_PLUGIN_CONFIG,
    OPT_PLUGIN_TIMEOUT,
    OPT_PLUGIN_FORM,
    OPT_STATIC_CHALLENGE,
    OPT_STATE,
    OPT_CA_KEY,
    OPT_CA_PROVIDER,
    OPT_RA,
    OPT_ISSUER_URL,
    OPT_ISSUER_CA_FILE,
    OPT_ISSUER_CERT,
    OPT_ISSUER_KEY,
    OPT_ISSUER_TIMEOUT,
    OPT_ISSUER_PATIENCE,
    OPT_NEXT_CA,
    OPT_LISTEN,
    OPT_PORT_FILE,
    OPT_PENDING_RETRY,
    OPT_VALIDITY,
    OPT_CRL_URL,
    OPT_WORKERS,
    OPT_LEGACY_DES,
    OPT_HELP,
    OPT_VERSION,
} option_id;

static const struct option LONG_OPTIONS[] = {
    {"endpoint", required_argument, NULL, OPT_ENDPOINT},
    {"plugin", required_argument, NULL, OPT_PLUGIN},
    {"plugin-config", required_argument, NULL, OPT_PLUGIN_CONFIG},
    {"plugin-timeout-ms", required_argument, NULL, OPT_PLUGIN_TIMEOUT},
    {"plugin-form", required_argument, NULL, OPT_PLUGIN_FORM},
    {"static-challenge-file", required_argument, NULL, OPT_STATIC_CHALLENGE},
    {"state", required_argument, NULL, OPT_STATE},
    {"ca-key", required_argument, NULL, OPT_CA_KEY},
    {"ca-provider", required_argument, NULL, OPT_CA_PROVIDER},
    {"ra", no_argument, NULL, OPT_RA},
    {"issuer-url", required_argument, NULL, OPT_ISSUER_URL},
    {"issuer-ca-file", required_argument, NULL, OPT_ISSUER_CA_FILE},
    {"issuer-cert", required_argument, NULL, OPT_ISSUER_CERT},
    {"issuer-key", required_argument, NULL, OPT_ISSUER_KEY},
    {"issuer-timeout-ms", required_argument, NULL, OPT_ISSUER_TIMEOUT},
    {"issuer-patience-ms", required_argument, NULL, OPT_ISSUER_PATIENCE},
    {"next-ca", no_argument, NULL, OPT_NEXT_CA},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"port-file", required_argument, NULL, OPT_PORT_FILE},
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

static iscep_status too_many(const char *option, size_t max, iscep_error *err)
{
    return iscep_error_set(err, ISCEP_USAGE, NULL, "--%s: at most %zu are possible", option, max);
}

static iscep_status begin_endpoint(iscep_host_options *options, const char *path, iscep_error *err)
{
    if (path[0] != '/' || strpbrk(path, "?# ") || strcmp(path, "/crl") == 0)
        return wrong(err, "endpoint", path, "a path that begins with / and is not /crl");
    for (size_t i = 0; i < options->endpoint_count; i++) {
        if (strcmp(options->endpoints[i].path, path) == 0)
            return wrong(err, "endpoint", path, "a path that no other endpoint has");
    }
    if (options->endpoint_count == ISCEP_HOST_MAX_ENDPOINTS)
        return too_many("endpoint", ISCEP_HOST_MAX_ENDPOINTS, err);
    options->endpoints[options->endpoint_count++] = (iscep_endpoint_plan){.path = path};
    return ISCEP_OK;
}

/* The endpoint that an option is of: the last that was begun, or the one that need not be. */
static iscep_endpoint_plan *endpoint_of(iscep_host_options *options)
{
    if (options->endpoint_count == 0)
        options->endpoints[options->endpoint_count++] = (iscep_endpoint_plan){.path = DEFAULT_PATH};
    return &options->endpoints[options->endpoint_count - 1];
}

static iscep_status add_plugin(iscep_host_options *options, const char *path, iscep_error *err)
{
    iscep_endpoint_plan *endpoint = endpoint_of(options);
    if (endpoint->plugin_count == ISCEP_ENDPOINT_MAX_PLUGINS)
        return too_many("plugin", ISCEP_ENDPOINT_MAX_PLUGINS, err);
    endpoint->plugins[endpoint->plugin_count++] =
        (iscep_plugin_choice){.path = path, .timeout_ms = DEFAULT_TIMEOUT_MS};
    return ISCEP_OK;
}

static const char *name_of(option_id id)
{
    const struct option *at = LONG_OPTIONS;
    while (at->name && at->val != (int)id)
        at++;
    return at->name;
}

/* The plugin that an option is of. */
static iscep_status plugin_of(iscep_plugin_choice **out, iscep_host_options *options, option_id id,
                              iscep_error *err)
{
    iscep_endpoint_plan *endpoint = endpoint_of(options);
    if (endpoint->plugin_count == 0)
        return iscep_error_set(err, ISCEP_USAGE, NULL, "--%s: there is no --plugin before it", name_of(id));
    *out = &endpoint->plugins[endpoint->plugin_count - 1];
    return ISCEP_OK;
}

static iscep_status add_plugin_config(iscep_plugin_choice *plugin, char *text, iscep_error *err)
{
    char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return wrong(err, "plugin-config", text, "KEY=VALUE");
    if (plugin->config_count == ISCEP_ENDPOINT_MAX_PLUGIN_CONFIG)
        return too_many("plugin-config", ISCEP_ENDPOINT_MAX_PLUGIN_CONFIG, err);
    *equals = '\0';
    plugin->config[plugin->config_count++] = (scep_config_entry){.key = text, .value = equals + 1};
    return ISCEP_OK;
}

static iscep_status set_plugin_form(iscep_plugin_choice *plugin, const char *text, iscep_error *err)
{
    bool is_event = strcmp(text, "event") == 0;
    if (!is_event && strcmp(text, "blocking") != 0)
        return wrong(err, "plugin-form", text, "event or blocking");
    plugin->form = is_event ? ISCEP_PLUGIN_EVENT : ISCEP_PLUGIN_BLOCKING;
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
    options->ca.crl_url = text;
    return ISCEP_OK;
}

static iscep_status set_plugin_option(iscep_host_options *options, option_id id, char *value,
                                      iscep_error *err)
{
    iscep_plugin_choice *plugin = NULL;
    iscep_status status = plugin_of(&plugin, options, id, err);
    if (status != ISCEP_OK)
        return status;
    switch (id) {
    case OPT_PLUGIN_CONFIG:
        return add_plugin_config(plugin, value, err);
    case OPT_PLUGIN_TIMEOUT:
        return set_number(&plugin->timeout_ms, "plugin-timeout-ms", value, 1, 3600 * 1000, err);
    default: /* OPT_PLUGIN_FORM */
        return set_plugin_form(plugin, value, err);
    }
}

static iscep_status set_issuer_url(iscep_host_options *options, const char *text, iscep_error *err)
{
    size_t len = strlen(text);
    if (strncmp(text, "https://", 8) != 0 || len == 8 || len > MAX_URL_LEN / 2 || text[len - 1] == '/')
        return wrong(err, "issuer-url", text, "an https:// address without / at its end");
    options->remote.url = text;
    return ISCEP_OK;
}

static iscep_status set_issuer_option(iscep_host_options *options, option_id id, char *value,
                                      iscep_error *err)
{
    switch (id) {
    case OPT_ISSUER_URL:
        return set_issuer_url(options, value, err);
    case OPT_ISSUER_CA_FILE:
        options->remote.ca_file = value;
        return ISCEP_OK;
    case OPT_ISSUER_CERT:
        options->remote.client_certificate = value;
        return ISCEP_OK;
    case OPT_ISSUER_KEY:
        options->remote.client_key = value;
        return ISCEP_OK;
    case OPT_ISSUER_TIMEOUT:
        return set_number(&options->remote.timeout_ms, "issuer-timeout-ms", value, 1, 600 * 1000, err);
    default: /* OPT_ISSUER_PATIENCE */
        return set_number(&options->ca_patience_ms, "issuer-patience-ms", value, 0, 3600 * 1000, err);
    }
}

static iscep_status set_option(iscep_host_options *options, option_id id, char *value, iscep_error *err)
{
    switch (id) {
    case OPT_ENDPOINT:
        return begin_endpoint(options, value, err);
    case OPT_PLUGIN:
        return add_plugin(options, value, err);
    case OPT_PLUGIN_CONFIG:
    case OPT_PLUGIN_TIMEOUT:
    case OPT_PLUGIN_FORM:
        return set_plugin_option(options, id, value, err);
    case OPT_STATIC_CHALLENGE:
        endpoint_of(options)->static_challenge_file = value;
        return ISCEP_OK;
    case OPT_STATE:
        options->ca.state_dir = value;
        return ISCEP_OK;
    case OPT_CA_KEY:
        options->ca.key_uri = value;
        return ISCEP_OK;
    case OPT_CA_PROVIDER:
        options->ca.key_provider = value;
        return ISCEP_OK;
    case OPT_RA:
        options->ca.has_ra = true;
        return ISCEP_OK;
    case OPT_NEXT_CA:
        options->ca.has_next = true;
        return ISCEP_OK;
    case OPT_ISSUER_URL:
    case OPT_ISSUER_CA_FILE:
    case OPT_ISSUER_CERT:
    case OPT_ISSUER_KEY:
    case OPT_ISSUER_TIMEOUT:
    case OPT_ISSUER_PATIENCE:
        return set_issuer_option(options, id, value, err);
    case OPT_LISTEN:
        return set_listen(options, value, err);
    case OPT_PORT_FILE:
        options->port_file = value;
        return ISCEP_OK;
    case OPT_PENDING_RETRY:
        return set_number(&options->pending_retry_ms, "pending-retry-ms", value, 0, 3600 * 1000, err);
    case OPT_VALIDITY:
        return set_number(&options->ca.validity_days, "validity-days", value, 1, 3650, err);
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

static iscep_status check_endpoints(const iscep_host_options *options, iscep_error *err)
{
    if (options->endpoint_count == 0)
        return iscep_error_set(err, ISCEP_USAGE, NULL,
                               "--plugin PATH or --static-challenge-file FILE is needed");
    for (size_t i = 0; i < options->endpoint_count; i++) {
        const iscep_endpoint_plan *endpoint = &options->endpoints[i];
        if (endpoint->plugin_count == 0 && !endpoint->static_challenge_file)
            return iscep_error_set(err, ISCEP_USAGE, NULL,
                                   "endpoint %s: --plugin PATH or --static-challenge-file FILE is needed",
                                   endpoint->path);
    }
    return ISCEP_OK;
}

/* The CA's own options are for whoever has it here. */
static iscep_status check_issuer(const iscep_host_options *options, iscep_error *err)
{
    const iscep_issuer_remote_options *remote = &options->remote;
    bool has_part = remote->ca_file || remote->client_certificate || remote->client_key;
    bool has_all = remote->ca_file && remote->client_certificate && remote->client_key;
    if (!remote->url && !has_part)
        return ISCEP_OK;
    if (!remote->url || !has_all)
        return iscep_error_set(
            err, ISCEP_USAGE, NULL,
            "--issuer-url, --issuer-ca-file, --issuer-cert and --issuer-key belong together");
    if (options->ca.key_uri || options->ca.has_next)
        return iscep_error_set(err, ISCEP_USAGE, NULL,
                               "--issuer-url: --ca-key and --next-ca are of a CA that is not elsewhere");
    return ISCEP_OK;
}

static iscep_status check_whole(const iscep_host_options *options, int argc, char **argv, iscep_error *err)
{
    if (options->command != ISCEP_HOST_RUN)
        return ISCEP_OK;
    if (optind < argc)
        return iscep_error_set(err, ISCEP_USAGE, NULL, "\"%s\": not an option", argv[optind]);
    if (options->ca.key_provider && !options->ca.key_uri)
        return iscep_error_set(err, ISCEP_USAGE, NULL, "--ca-provider: there is no --ca-key for it");
    iscep_status status = check_issuer(options, err);
    return status == ISCEP_OK ? check_endpoints(options, err) : status;
}

/* What getopt did not take. */
static iscep_status refuse(int id, char **argv, iscep_error *err)
{
    char name[64];
    iscep_option_name(name, sizeof(name), argv);
    const char *why = id == ':'                           ? "a value is missing"
                      : optopt >= ISCEP_OPTION_FIRST_LONG ? "takes no value"
                                                          : "no such option";
    return iscep_error_set(err, ISCEP_USAGE, NULL, "%s: %s", name, why);
}

iscep_status iscep_host_options_parse(iscep_host_options *out, int argc, char **argv, iscep_error *err)
{
    *out = (iscep_host_options){.command = ISCEP_HOST_RUN,
                                .ca = {.state_dir = "scep-host.state", .validity_days = 365},
                                .remote = {.timeout_ms = 5000},
                                .ca_patience_ms = 30 * 60 * 1000,
                                .listen_host = "127.0.0.1",
                                .pending_retry_ms = 1000,
                                .workers = 16};
    opterr = 0;
    optind = 0; /* GNU: begin anew */
    for (int id; (id = getopt_long(argc, argv, ":", LONG_OPTIONS, NULL)) != -1;) {
        if (id == ':' || id == '?')
            return refuse(id, argv, err);
        iscep_status status = set_option(out, (option_id)id, optarg, err);
        if (status != ISCEP_OK)
            return status;
    }
    return check_whole(out, argc, argv, err);
}
