/* Parsing the command line, with getopt_long. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
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

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

/* An option: how its value is read, and, for whoever reads it, where to and between which limits. */
typedef struct option_row option_row;
struct option_row {
    const char *name;
    iscep_status (*read)(iscep_host_options *options, const option_row *row, char *value, iscep_error *err);
    size_t offset; /* in iscep_host_options */
    uint32_t min;  /* of a number */
    uint32_t max;
    bool is_flag; /* takes no value: value is NULL */
};

/* --- values --- */

static iscep_status wrong(iscep_error *err, const option_row *row, const char *value, const char *expected)
{
    return iscep_error_set(err, ISCEP_USAGE, NULL, "--%s: \"%s\": %s is expected", row->name, value,
                           expected);
}

static iscep_status too_many(iscep_error *err, const option_row *row, size_t max)
{
    return iscep_error_set(err, ISCEP_USAGE, NULL, "--%s: at most %zu are possible", row->name, max);
}

static void *place_of(iscep_host_options *options, const option_row *row)
{
    return (char *)options + row->offset;
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

static iscep_status read_number(uint32_t *out, const option_row *row, const char *text, iscep_error *err)
{
    char expected[64];
    if (parse_number(text, row->min, row->max, out))
        return ISCEP_OK;
    snprintf(expected, sizeof(expected), "a number from %u to %u", row->min, row->max);
    return wrong(err, row, text, expected);
}

static iscep_status set_number(iscep_host_options *options, const option_row *row, char *value,
                               iscep_error *err)
{
    return read_number(place_of(options, row), row, value, err);
}

static iscep_status set_text(iscep_host_options *options, const option_row *row, char *value,
                             iscep_error *err)
{
    (void)err;
    const char **out = place_of(options, row);
    *out = value;
    return ISCEP_OK;
}

static iscep_status set_flag(iscep_host_options *options, const option_row *row, char *value,
                             iscep_error *err)
{
    (void)value;
    (void)err;
    bool *out = place_of(options, row);
    *out = true;
    return ISCEP_OK;
}

static iscep_status choose_help(iscep_host_options *options, const option_row *row, char *value,
                                iscep_error *err)
{
    (void)row;
    (void)value;
    (void)err;
    options->command = ISCEP_HOST_HELP;
    return ISCEP_OK;
}

static iscep_status choose_version(iscep_host_options *options, const option_row *row, char *value,
                                   iscep_error *err)
{
    (void)row;
    (void)value;
    (void)err;
    options->command = ISCEP_HOST_VERSION;
    return ISCEP_OK;
}

/* "host:port", with "[…]" around an IPv6 address. */
static iscep_status set_listen(iscep_host_options *options, const option_row *row, char *value,
                               iscep_error *err)
{
    const char *colon = strrchr(value, ':');
    uint32_t port = 0;
    if (!colon || colon == value || !parse_number(colon + 1, 0, UINT16_MAX, &port))
        return wrong(err, row, value, "HOST:PORT");
    const char *host = value;
    size_t host_len = (size_t)(colon - value);
    if (host[0] == '[' && colon[-1] == ']' && host_len > 2) {
        host++;
        host_len -= 2;
    }
    if (host_len >= sizeof(options->listen_host))
        return wrong(err, row, value, "a shorter host");
    memcpy(options->listen_host, host, host_len);
    options->listen_host[host_len] = '\0';
    options->listen_port = (uint16_t)port;
    return ISCEP_OK;
}

/* It goes into x509v3_config(5) words, where a comma would begin another name. */
static iscep_status set_crl_url(iscep_host_options *options, const option_row *row, char *value,
                                iscep_error *err)
{
    bool is_http = strncmp(value, "http://", 7) == 0 || strncmp(value, "https://", 8) == 0;
    size_t len = strlen(value);
    size_t visible = 0;
    while (value[visible] > 0x20 && value[visible] < 0x7f && value[visible] != ',')
        visible++;
    if (!is_http || visible != len || len > MAX_URL_LEN)
        return wrong(err, row, value, "an http:// or https:// address without commas");
    options->ca.crl_url = value;
    return ISCEP_OK;
}

static iscep_status set_issuer_url(iscep_host_options *options, const option_row *row, char *value,
                                   iscep_error *err)
{
    size_t len = strlen(value);
    if (strncmp(value, "https://", 8) != 0 || len == 8 || len > MAX_URL_LEN / 2 || value[len - 1] == '/')
        return wrong(err, row, value, "an https:// address without / at its end");
    options->remote.url = value;
    return ISCEP_OK;
}

/* --- endpoints --- */

static iscep_status begin_endpoint(iscep_host_options *options, const option_row *row, char *path,
                                   iscep_error *err)
{
    if (path[0] != '/' || strpbrk(path, "?# ") || strcmp(path, "/crl") == 0)
        return wrong(err, row, path, "a path that begins with / and is not /crl");
    for (size_t i = 0; i < options->endpoint_count; i++) {
        if (strcmp(options->endpoints[i].path, path) == 0)
            return wrong(err, row, path, "a path that no other endpoint has");
    }
    if (options->endpoint_count == ISCEP_HOST_MAX_ENDPOINTS)
        return too_many(err, row, ISCEP_HOST_MAX_ENDPOINTS);
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

static iscep_status set_static_challenge(iscep_host_options *options, const option_row *row, char *path,
                                         iscep_error *err)
{
    (void)row;
    (void)err;
    endpoint_of(options)->static_challenge_file = path;
    return ISCEP_OK;
}

/* --- an endpoint's plugins --- */

static iscep_status add_plugin(iscep_host_options *options, const option_row *row, char *path,
                               iscep_error *err)
{
    iscep_endpoint_plan *endpoint = endpoint_of(options);
    if (endpoint->plugin_count == ISCEP_ENDPOINT_MAX_PLUGINS)
        return too_many(err, row, ISCEP_ENDPOINT_MAX_PLUGINS);
    endpoint->plugins[endpoint->plugin_count++] =
        (iscep_plugin_choice){.path = path, .timeout_ms = DEFAULT_TIMEOUT_MS};
    return ISCEP_OK;
}

/* The plugin that an option is of. */
static iscep_status plugin_of(iscep_plugin_choice **out, iscep_host_options *options, const option_row *row,
                              iscep_error *err)
{
    iscep_endpoint_plan *endpoint = endpoint_of(options);
    if (endpoint->plugin_count == 0)
        return iscep_error_set(err, ISCEP_USAGE, NULL, "--%s: there is no --plugin before it", row->name);
    *out = &endpoint->plugins[endpoint->plugin_count - 1];
    return ISCEP_OK;
}

static iscep_status add_plugin_config(iscep_host_options *options, const option_row *row, char *value,
                                      iscep_error *err)
{
    iscep_plugin_choice *plugin = NULL;
    iscep_status status = plugin_of(&plugin, options, row, err);
    if (status != ISCEP_OK)
        return status;
    char *equals = strchr(value, '=');
    if (!equals || equals == value)
        return wrong(err, row, value, "KEY=VALUE");
    if (plugin->config_count == ISCEP_ENDPOINT_MAX_PLUGIN_CONFIG)
        return too_many(err, row, ISCEP_ENDPOINT_MAX_PLUGIN_CONFIG);
    *equals = '\0';
    plugin->config[plugin->config_count++] = (scep_config_entry){.key = value, .value = equals + 1};
    return ISCEP_OK;
}

static iscep_status set_plugin_timeout(iscep_host_options *options, const option_row *row, char *value,
                                       iscep_error *err)
{
    iscep_plugin_choice *plugin = NULL;
    iscep_status status = plugin_of(&plugin, options, row, err);
    return status == ISCEP_OK ? read_number(&plugin->timeout_ms, row, value, err) : status;
}

static iscep_status set_plugin_form(iscep_host_options *options, const option_row *row, char *value,
                                    iscep_error *err)
{
    iscep_plugin_choice *plugin = NULL;
    iscep_status status = plugin_of(&plugin, options, row, err);
    if (status != ISCEP_OK)
        return status;
    bool is_event = strcmp(value, "event") == 0;
    if (!is_event && strcmp(value, "blocking") != 0)
        return wrong(err, row, value, "event or blocking");
    plugin->form = is_event ? ISCEP_PLUGIN_EVENT : ISCEP_PLUGIN_BLOCKING;
    return ISCEP_OK;
}

/* --- all of them --- */

#define AT(member) offsetof(iscep_host_options, member)
#define SPECIAL(of, how)                                                                                     \
    {                                                                                                        \
        .name = (of), .read = (how)                                                                          \
    }
#define TEXT(of, member)                                                                                     \
    {                                                                                                        \
        .name = (of), .read = set_text, .offset = AT(member)                                                 \
    }
#define FLAG(of, member)                                                                                     \
    {                                                                                                        \
        .name = (of), .read = set_flag, .offset = AT(member), .is_flag = true                                \
    }
#define NUMBER(of, member, least, most)                                                                      \
    {                                                                                                        \
        .name = (of), .read = set_number, .offset = AT(member), .min = (least), .max = (most)                \
    }

static const option_row rows[] = {
    SPECIAL("endpoint", begin_endpoint),
    SPECIAL("plugin", add_plugin),
    SPECIAL("plugin-config", add_plugin_config),
    {.name = "plugin-timeout-ms", .read = set_plugin_timeout, .min = 1, .max = HOUR_MS},
    SPECIAL("plugin-form", set_plugin_form),
    SPECIAL("static-challenge-file", set_static_challenge),
    TEXT("state", ca.state_dir),
    TEXT("ca-key", ca.key_uri),
    TEXT("ca-provider", ca.key_provider),
    FLAG("ra", ca.has_ra),
    FLAG("next-ca", ca.has_next),
    NUMBER("validity-days", ca.validity_days, 1, 3650),
    SPECIAL("crl-url", set_crl_url),
    SPECIAL("issuer-url", set_issuer_url),
    TEXT("issuer-ca-file", remote.ca_file),
    TEXT("issuer-cert", remote.client_certificate),
    TEXT("issuer-key", remote.client_key),
    NUMBER("issuer-timeout-ms", remote.timeout_ms, 1, 10 * MINUTE_MS),
    NUMBER("issuer-patience-ms", ca_patience_ms, 0, HOUR_MS),
    SPECIAL("listen", set_listen),
    TEXT("port-file", port_file),
    NUMBER("pending-retry-ms", pending_retry_ms, 0, HOUR_MS),
    NUMBER("workers", workers, 1, 1024),
    FLAG("legacy-des", is_legacy_des_allowed),
    {.name = "help", .read = choose_help, .is_flag = true},
    {.name = "version", .read = choose_version, .is_flag = true},
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

/* For getopt_long, which answers with ISCEP_OPTION_FIRST_LONG and the row's number. */
static void list_options(struct option out[ROW_COUNT + 1])
{
    for (int i = 0; i < ROW_COUNT; i++)
        out[i] = (struct option){.name = rows[i].name,
                                 .has_arg = rows[i].is_flag ? no_argument : required_argument,
                                 .val = ISCEP_OPTION_FIRST_LONG + i};
    out[ROW_COUNT] = (struct option){0};
}

static iscep_status set_option(iscep_host_options *options, int id, char *value, iscep_error *err)
{
    const option_row *row = &rows[id - ISCEP_OPTION_FIRST_LONG];
    return row->read(options, row, value, err);
}

/* --- what belongs together --- */

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
    struct option long_options[ROW_COUNT + 1];
    list_options(long_options);
    opterr = 0;
    optind = 0; /* GNU: begin anew */
    for (int id; (id = getopt_long(argc, argv, ":", long_options, NULL)) != -1;) {
        if (id == ':' || id == '?')
            return refuse(id, argv, err);
        iscep_status status = set_option(out, id, optarg, err);
        if (status != ISCEP_OK)
            return status;
    }
    return check_whole(out, argc, argv, err);
}
