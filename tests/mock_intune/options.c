/* See options.h. */
#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "access_token.h"
#include "challenge.h"

#define MAX_TOKEN_LIFETIME_S 86400

enum {
    OPT_LISTEN = 256,
    OPT_PORT_FILE,
    OPT_PLAIN,
    OPT_ADMIN_ANYWHERE,
    OPT_PUBLIC_URL,
    OPT_STATE,
    OPT_TENANT,
    OPT_CLIENT_ID,
    OPT_CLIENT_SECRET,
    OPT_CLIENT_SECRET_FILE,
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
          "A stand-in for Entra ID, Microsoft Graph and Intune: checks what it is told as they do. See "
          "docs/MOCK.md.\n"
          "\n"
          "      --state DIR               keys and certificates; made at the first start\n"
          "      --tenant ID               the one tenant that exists\n"
          "      --client-id ID            the one application that exists\n"
          "      --client-secret-file FILE its secret\n"
          "      --client-secret SECRET    its secret, seen by every user of this machine\n"
          "      --listen HOST:PORT        default 127.0.0.1:0, a free port\n"
          "      --port-file FILE          write the port there when ready\n"
          "      --public-url URL          what discovery answers with; default https://localhost:PORT\n"
          "      --plain                   plain HTTP, for use behind a TLS proxy\n"
          "      --admin-anywhere          allow --listen on an address others can reach, /admin included\n"
          "      --graph-resource URI      default https://graph.microsoft.com\n"
          "      --intune-resource URI     default https://api.manage.microsoft.com/\n"
          "      --token-lifetime-s N      default 3599\n"
          "  -v, --verbose                 log every request\n"
          "  -V, --version\n"
          "  -h, --help\n",
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
static iscep_status parse_listen(mock_options *out, const char *text, iscep_error *err)
{
    int64_t port = 0;
    const char *colon = strrchr(text, ':');
    if (colon == NULL || !parse_number(colon + 1, 0, 65535, &port))
        return usage(err, "--listen", "HOST:PORT is wanted");
    size_t len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof(out->host))
        return usage(err, "--listen", "HOST:PORT is wanted");
    memcpy(out->host, text, len);
    out->host[len] = '\0';
    out->port = (uint16_t)port;
    return ISCEP_OK;
}

static iscep_status use_secret(mock_options *out, const char *text, iscep_error *err)
{
    iscep_secret_free(out->client_secret);
    out->client_secret = NULL;
    return iscep_secret_new(&out->client_secret, iscep_bytes_of_text(text), err);
}

static iscep_status load_secret(mock_options *out, const char *path, iscep_error *err)
{
    iscep_secret_free(out->client_secret);
    out->client_secret = NULL;
    return iscep_secret_load(&out->client_secret, path, err);
}

static iscep_status apply(mock_options *out, int option, const char *value, bool *admin_anywhere,
                          iscep_error *err)
{
    switch (option) {
    case OPT_LISTEN:
        return parse_listen(out, value, err);
    case OPT_CLIENT_SECRET:
        return use_secret(out, value, err);
    case OPT_CLIENT_SECRET_FILE:
        return load_secret(out, value, err);
    case OPT_TOKEN_LIFETIME:
        return parse_number(value, 1, MAX_TOKEN_LIFETIME_S, &out->token_lifetime_s)
                   ? ISCEP_OK
                   : usage(err, "--token-lifetime-s", "1 to 86400 seconds are possible");
    case OPT_PORT_FILE:
        out->port_file = value;
        return ISCEP_OK;
    case OPT_PUBLIC_URL:
        out->public_url = value;
        return ISCEP_OK;
    case OPT_STATE:
        out->state_dir = value;
        return ISCEP_OK;
    case OPT_TENANT:
        out->tenant_id = value;
        return ISCEP_OK;
    case OPT_CLIENT_ID:
        out->client_id = value;
        return ISCEP_OK;
    case OPT_GRAPH_RESOURCE:
        out->graph_resource = value;
        return ISCEP_OK;
    case OPT_INTUNE_RESOURCE:
        out->intune_resource = value;
        return ISCEP_OK;
    case OPT_PLAIN:
        out->is_plain = true;
        return ISCEP_OK;
    case OPT_ADMIN_ANYWHERE:
        *admin_anywhere = true;
        return ISCEP_OK;
    case 'v':
        out->is_verbose = true;
        return ISCEP_OK;
    case 'V':
        out->command = MOCK_SHOW_VERSION;
        return ISCEP_OK;
    case 'h':
        out->command = MOCK_SHOW_HELP;
        return ISCEP_OK;
    default:
        return usage(err, "option", "unknown, or its value is missing");
    }
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

static iscep_status check(const mock_options *options, bool admin_anywhere, iscep_error *err)
{
    if (options->state_dir == NULL)
        return usage(err, "--state", "is required");
    iscep_status status = check_id("--tenant", options->tenant_id, err);
    if (status == ISCEP_OK)
        status = check_id("--client-id", options->client_id, err);
    if (status != ISCEP_OK)
        return status;
    if (options->client_secret == NULL || iscep_secret_reveal(options->client_secret).len == 0)
        return usage(err, "--client-secret-file", "is required");
    if (strlen(options->graph_resource) >= MOCK_RESOURCE_SIZE ||
        strlen(options->intune_resource) >= MOCK_RESOURCE_SIZE)
        return usage(err, "--graph-resource or --intune-resource", "is too long");
    if (!is_loopback(options->host) && !admin_anywhere)
        return usage(err, "--listen",
                     "others could reach /admin there; say --admin-anywhere if that is meant");
    return ISCEP_OK;
}

iscep_status mock_options_parse(mock_options *out, int argc, char **argv, iscep_error *err)
{
    *out = (mock_options){
        .host = "127.0.0.1",
        .graph_resource = "https://graph.microsoft.com",
        .intune_resource = "https://api.manage.microsoft.com/",
        .token_lifetime_s = 3599,
    };
    bool admin_anywhere = false;
    int option;
    optind = 0; /* GNU: start over, also in a process that parsed before */
    opterr = 0; /* what is wrong is told in err */
    while ((option = getopt_long(argc, argv, "vVh", long_options, NULL)) != -1) {
        iscep_status status = apply(out, option, optarg, &admin_anywhere, err);
        if (status != ISCEP_OK || out->command != MOCK_RUN)
            return status;
    }
    if (optind < argc)
        return usage(err, argv[optind], "is not an option");
    return check(out, admin_anywhere, err);
}

void mock_options_clear(mock_options *options)
{
    iscep_secret_free(options->client_secret);
    options->client_secret = NULL;
}
