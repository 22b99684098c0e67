/* See options.h. */
#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "access_token.h"
#include "base/option_name.h"
#include "challenge.h"
#include "option_file.h"

#define MAX_TOKEN_LIFETIME_S   86400
#define MAX_REVOCATION_QUIET_S 86400

enum {
    OPT_LISTEN = ISCEP_OPTION_FIRST_LONG,
    OPT_PORT_FILE,
    OPT_PLAIN,
    OPT_ADMIN_ANYWHERE,
    OPT_PUBLIC_URL,
    OPT_STATE,
    OPT_TENANT,
    OPT_CLIENT_ID,
    OPT_CLIENT_SECRET,
    OPT_CLIENT_SECRET_FILE,
    OPT_CLIENT_CERTIFICATE,
    OPT_IMDS_LISTEN,
    OPT_IMDS_PORT_FILE,
    OPT_SCENARIO,
    OPT_REVOCATION_QUIET,
    OPT_GRAPH_RESOURCE,
    OPT_INTUNE_RESOURCE,
    OPT_TOKEN_LIFETIME,
};

static const struct option long_options[] = {
    {"state", required_argument, NULL, OPT_STATE},
    {"tenant", required_argument, NULL, OPT_TENANT},
    {"client-id", required_argument, NULL, OPT_CLIENT_ID},
    {"client-secret", required_argument, NULL, OPT_CLIENT_SECRET},
    {"client-secret-file", required_argument, NULL, OPT_CLIENT_SECRET_FILE},
    {"client-certificate", required_argument, NULL, OPT_CLIENT_CERTIFICATE},
    {"imds-listen", required_argument, NULL, OPT_IMDS_LISTEN},
    {"imds-port-file", required_argument, NULL, OPT_IMDS_PORT_FILE},
    {"scenario", required_argument, NULL, OPT_SCENARIO},
    {"revocation-quiet-s", required_argument, NULL, OPT_REVOCATION_QUIET},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"port-file", required_argument, NULL, OPT_PORT_FILE},
    {"public-url", required_argument, NULL, OPT_PUBLIC_URL},
    {"plain", no_argument, NULL, OPT_PLAIN},
    {"admin-anywhere", no_argument, NULL, OPT_ADMIN_ANYWHERE},
    {"graph-resource", required_argument, NULL, OPT_GRAPH_RESOURCE},
    {"intune-resource", required_argument, NULL, OPT_INTUNE_RESOURCE},
    {"token-lifetime-s", required_argument, NULL, OPT_TOKEN_LIFETIME},
    {"verbose", no_argument, NULL, 'v'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

void mock_options_print_help(FILE *to)
{
    fputs("Usage: intune-mock --state DIR --tenant ID --client-id ID --client-secret-file FILE [OPTION]...\n"
          "A stand-in for Entra ID, Microsoft Graph and Intune: checks what it is told as they do. "
          "See " ISCEP_DOCDIR "/MOCK.md.\n"
          "\n"
          "      --state DIR               keys and certificates; made at the first start\n"
          "      --tenant ID               a tenant that exists; may be repeated\n"
          "      --client-id ID            the application that they know\n"
          "      --client-secret-file FILE a secret of it; may be repeated\n"
          "      --client-secret SECRET    the same, seen by every user of this machine\n"
          "      --client-certificate FILE a certificate of it, as PEM; may be repeated\n"
          "      --listen HOST:PORT        default 127.0.0.1:0, a free port\n"
          "      --port-file FILE          write the port there when ready\n"
          "      --imds-listen HOST:PORT   managed identity: Azure's metadata service, plain HTTP\n"
          "      --imds-port-file FILE     write its port there when ready\n"
          "      --public-url URL          what discovery answers with; default https://localhost:PORT\n"
          "      --plain                   plain HTTP, for use behind a TLS proxy\n"
          "      --admin-anywhere          allow --listen on an address others can reach, /admin included\n"
          "      --graph-resource URI      default https://graph.microsoft.com\n"
          "      --intune-resource URI     default https://api.manage.microsoft.com/\n"
          "      --token-lifetime-s N      default 3599\n"
          "      --revocation-quiet-s N    nothing is handed out so long after a download; default 3600\n"
          "      --scenario FILE           faults and changes of tenants, by time or by count\n"
          "  -v, --verbose                 log every request\n"
          "  -V, --version\n"
          "  -h, --help\n"
          "\n"
          "Exit: 0 after SIGTERM or SIGINT, 2 the command line or a file that it names is wrong, 1 it cannot "
          "start.\n",
          to);
}

static iscep_status usage(iscep_error *err, const char *option, const char *what)
{
    return iscep_error_set(err, ISCEP_USAGE, "option", "%s: %s", option, what);
}

static bool parse_number(const char *text, int64_t min, int64_t max, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < min || value > max)
        return false;
    *out = value;
    return true;
}

/* HOST:PORT, or [IPV6]:PORT */
static iscep_status parse_address(mock_address *out, const char *option, const char *text, iscep_error *err)
{
    int64_t port = 0;
    const char *colon = strrchr(text, ':');
    if (colon == NULL || !parse_number(colon + 1, 0, 65535, &port))
        return usage(err, option, "HOST:PORT is wanted");
    size_t len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof(out->host))
        return usage(err, option, "HOST:PORT is wanted");
    memcpy(out->host, text, len);
    out->host[len] = '\0';
    out->port = (uint16_t)port;
    return ISCEP_OK;
}

static iscep_status add_text(const char **values, size_t *count, const char *option, const char *value,
                             iscep_error *err)
{
    if (*count == MOCK_OPTION_VALUES_MAX)
        return usage(err, option, "too many of them");
    values[(*count)++] = value;
    return ISCEP_OK;
}

/* The secret itself, or the file that it is in. */
static iscep_status add_secret(mock_options *out, const char *option, const char *text, const char *path,
                               iscep_error *err)
{
    if (out->secret_count == MOCK_OPTION_VALUES_MAX)
        return usage(err, option, "too many of them");
    if (text != NULL && text[0] == '\0')
        return usage(err, option, "is empty");
    iscep_secret **added = &out->client_secrets[out->secret_count];
    iscep_status status = path != NULL ? mock_option_file_read_secret(added, option, path, err)
                                       : iscep_secret_new(added, iscep_bytes_of_text(text), err);
    if (status == ISCEP_OK)
        out->secret_count++;
    return status;
}

static iscep_status read_seconds(int64_t *out, const char *option, const char *value, int64_t min,
                                 int64_t max, iscep_error *err)
{
    if (parse_number(value, min, max, out))
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_USAGE, "option", "%s: %lld to %lld seconds are possible", option,
                           (long long)min, (long long)max);
}

/* Where an option that is one text goes; NULL: it is another sort. */
static const char **text_of(mock_options *out, int option)
{
    switch (option) {
    case OPT_PORT_FILE:
        return &out->port_file;
    case OPT_IMDS_PORT_FILE:
        return &out->imds_port_file;
    case OPT_PUBLIC_URL:
        return &out->public_url;
    case OPT_STATE:
        return &out->state_dir;
    case OPT_SCENARIO:
        return &out->scenario_file;
    case OPT_CLIENT_ID:
        return &out->client_id;
    case OPT_GRAPH_RESOURCE:
        return &out->graph_resource;
    case OPT_INTUNE_RESOURCE:
        return &out->intune_resource;
    default:
        return NULL;
    }
}

/* The same for those that are a yes. */
static bool *flag_of(mock_options *out, int option)
{
    switch (option) {
    case OPT_PLAIN:
        return &out->is_plain;
    case OPT_ADMIN_ANYWHERE:
        return &out->is_admin_anywhere;
    case 'v':
        return &out->is_verbose;
    default:
        return NULL;
    }
}

static iscep_status apply(mock_options *out, int option, const char *value, iscep_error *err)
{
    const char **text = text_of(out, option);
    bool *flag = flag_of(out, option);
    if (text != NULL)
        *text = value;
    if (flag != NULL)
        *flag = true;
    if (text != NULL || flag != NULL)
        return ISCEP_OK;
    switch (option) {
    case OPT_LISTEN:
        return parse_address(&out->listen, "--listen", value, err);
    case OPT_IMDS_LISTEN:
        return parse_address(&out->imds_listen, "--imds-listen", value, err);
    case OPT_TENANT:
        return add_text(out->tenant_ids, &out->tenant_count, "--tenant", value, err);
    case OPT_CLIENT_CERTIFICATE:
        return add_text(out->certificate_files, &out->certificate_count, "--client-certificate", value, err);
    case OPT_CLIENT_SECRET:
        return add_secret(out, "--client-secret", value, NULL, err);
    case OPT_CLIENT_SECRET_FILE:
        return add_secret(out, "--client-secret-file", NULL, value, err);
    case OPT_TOKEN_LIFETIME:
        return read_seconds(&out->token_lifetime_s, "--token-lifetime-s", value, 1, MAX_TOKEN_LIFETIME_S,
                            err);
    case OPT_REVOCATION_QUIET:
        return read_seconds(&out->revocation_quiet_s, "--revocation-quiet-s", value, 0,
                            MAX_REVOCATION_QUIET_S, err);
    case 'V':
        out->command = MOCK_SHOW_VERSION;
        return ISCEP_OK;
    case 'h':
        out->command = MOCK_SHOW_HELP;
        return ISCEP_OK;
    default:
        return usage(err, "option", "unknown");
    }
}

/* What getopt did not take. */
static iscep_status refuse(int option, char **argv, iscep_error *err)
{
    char name[64];
    iscep_option_name(name, sizeof(name), argv);
    if (option == ':')
        return usage(err, name, "its value is missing");
    return usage(err, name, optopt >= OPT_LISTEN ? "takes no value" : "there is no such option");
}

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0;
}

static iscep_status check_id(const char *option, const char *value, iscep_error *err)
{
    if (value == NULL || value[0] == '\0')
        return usage(err, option, "is required");
    return strlen(value) < MOCK_NAME_SIZE ? ISCEP_OK : usage(err, option, "is too long");
}

static iscep_status check_ids(const mock_options *options, iscep_error *err)
{
    iscep_status status = check_id("--tenant", options->tenant_ids[0], err);
    for (size_t i = 1; i < options->tenant_count && status == ISCEP_OK; i++)
        status = check_id("--tenant", options->tenant_ids[i], err);
    return status == ISCEP_OK ? check_id("--client-id", options->client_id, err) : status;
}

static iscep_status check_address(const mock_options *options, const char *option,
                                  const mock_address *address, iscep_error *err)
{
    if (address->host[0] == '\0' || is_loopback(address->host) || options->is_admin_anywhere)
        return ISCEP_OK;
    return usage(err, option,
                 "others could reach /admin or tokens there; say --admin-anywhere if that is meant");
}

static iscep_status check(const mock_options *options, iscep_error *err)
{
    if (options->state_dir == NULL)
        return usage(err, "--state", "is required");
    iscep_status status = check_ids(options, err);
    if (status != ISCEP_OK)
        return status;
    if (options->secret_count == 0 && options->certificate_count == 0 && options->imds_listen.host[0] == '\0')
        return usage(err, "--client-secret-file", "is required, or --client-certificate, or --imds-listen");
    if (strlen(options->graph_resource) >= MOCK_RESOURCE_SIZE ||
        strlen(options->intune_resource) >= MOCK_RESOURCE_SIZE)
        return usage(err, "--graph-resource or --intune-resource", "is too long");
    status = check_address(options, "--listen", &options->listen, err);
    return status == ISCEP_OK ? check_address(options, "--imds-listen", &options->imds_listen, err) : status;
}

iscep_status mock_options_parse(mock_options *out, int argc, char **argv, iscep_error *err)
{
    *out = (mock_options){
        .listen = {.host = "127.0.0.1"},
        .graph_resource = "https://graph.microsoft.com",
        .intune_resource = "https://api.manage.microsoft.com/",
        .token_lifetime_s = 3599,
        .revocation_quiet_s = 3600,
    };
    int option;
    optind = 0; /* GNU: start over, also in a process that parsed before */
    opterr = 0; /* what is wrong is told in err */
    while ((option = getopt_long(argc, argv, ":vVh", long_options, NULL)) != -1) {
        bool is_taken = option != '?' && option != ':';
        iscep_status status = is_taken ? apply(out, option, optarg, err) : refuse(option, argv, err);
        if (status != ISCEP_OK || out->command != MOCK_RUN)
            return status;
    }
    if (optind < argc)
        return usage(err, argv[optind], "is not an option");
    return check(out, err);
}

void mock_options_clear(mock_options *options)
{
    while (options->secret_count > 0)
        iscep_secret_free(options->client_secrets[--options->secret_count]);
}
