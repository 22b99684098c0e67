/* scep-ca: a CA that is a host of its own, for scep-hosts that have none (ca_protocol.h). HTTPS, for clients with a certificate. */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/x509.h"
#include "ca_service.h"
#include "net/tls.h"
#include "state_file.h"

enum { EXIT_USAGE = 2, VALIDITY_DAYS = 365 };

static const char HELP[] =
    "Usage: scep-ca --state DIR --tls-cert FILE --tls-key FILE --client-ca FILE [OPTION]...\n"
    "A CA on a host of its own, for scep-host --issuer-url and for tests. Made at the first start.\n"
    "\n"
    "  --state DIR           the CA, and what it issued and revoked (index.txt, crl.pem)\n"
    "  --subject NAME        common name of the CA, when it is made (scep-ca demo CA)\n"
    "  --tls-cert FILE       who we are to clients, PEM; and --tls-key FILE\n"
    "  --client-ca FILE      whose clients may ask, PEM\n"
    "  --listen ADDRESS      (127.0.0.1)\n"
    "  --port N              0 takes a free one (0)\n"
    "  --port-file FILE      write the port to FILE when ready\n"
    "  --help\n";

typedef struct ca_options {
    iscep_ca_service_options service;
    iscep_tls_options tls;
    const char *host;
    uint16_t port;
    const char *port_file;
} ca_options;

typedef struct ca_program {
    iscep_env env;
    iscep_crypto *crypto;
    iscep_ca_service *service;
    iscep_loop *loop;
    SSL_CTX *tls;
    iscep_http_server *server;
    iscep_timer *on_sigterm;
    iscep_timer *on_sigint;
} ca_program;

/* False: --help or a mistake. */
static bool parse(ca_options *out, int argc, char **argv)
{
    const struct option names[] = {
        {"state", 1, NULL, 's'},   {"subject", 1, NULL, 'n'},   {"tls-cert", 1, NULL, 'c'},
        {"tls-key", 1, NULL, 'k'}, {"client-ca", 1, NULL, 'a'}, {"listen", 1, NULL, 'l'},
        {"port", 1, NULL, 'p'},    {"port-file", 1, NULL, 'f'}, {NULL, 0, NULL, 0}};
    *out = (ca_options){.service = {.subject = "scep-ca demo CA", .validity_days = VALIDITY_DAYS},
                        .tls = {.is_client_required = true},
                        .host = "127.0.0.1"};
    const char *port = "0";
    for (int id; (id = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        const char **place = id == 's'   ? &out->service.dir
                             : id == 'n' ? &out->service.subject
                             : id == 'c' ? &out->tls.chain_file
                             : id == 'k' ? &out->tls.key_file
                             : id == 'a' ? &out->tls.client_ca_file
                             : id == 'l' ? &out->host
                             : id == 'p' ? &port
                             : id == 'f' ? &out->port_file
                                         : NULL;
        if (!place)
            return false;
        *place = optarg;
    }
    char *end = NULL;
    unsigned long number = strtoul(port, &end, 10);
    out->port = (uint16_t)number;
    return optind == argc && *port != '\0' && *end == '\0' && number <= UINT16_MAX && out->service.dir &&
           out->tls.chain_file && out->tls.key_file && out->tls.client_ca_file;
}

static void stop(void *user)
{
    iscep_loop_stop(user);
}

static iscep_status listen_on(ca_program *it, const ca_options *options, uint16_t *port, iscep_error *err)
{
    const iscep_http_server_options limits = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    iscep_status status = iscep_tls_server_make(&it->tls, &options->tls, err);
    if (status == ISCEP_OK)
        status = iscep_http_server_new(&it->server, &it->env, it->loop, &limits, iscep_ca_service_handle,
                                       it->service, err);
    return status == ISCEP_OK
               ? iscep_http_server_listen_tcp(it->server, options->host, options->port, it->tls, port, err)
               : status;
}

static iscep_status announce(const ca_options *options, uint16_t port, iscep_error *err)
{
    char digits[8];
    snprintf(digits, sizeof(digits), "%" PRIu16 "\n", port);
    printf("scep-ca ready https://%s:%" PRIu16 " ca=%s/ca.pem\n", options->host, port, options->service.dir);
    fflush(stdout);
    return options->port_file
               ? iscep_state_file_write(options->port_file, 0644, iscep_bytes_of_text(digits), err)
               : ISCEP_OK;
}

static iscep_status run(ca_program *it, ca_options *options, iscep_error *err)
{
    uint16_t port = 0;
    iscep_status status = iscep_crypto_new(&it->crypto, false, err);
    options->service.env = &it->env;
    options->service.crypto = it->crypto;
    if (status == ISCEP_OK)
        status = iscep_ca_service_open(&it->service, &options->service, err);
    if (status == ISCEP_OK)
        status = iscep_loop_new(&it->loop, err);
    if (status == ISCEP_OK)
        status = iscep_signal_new(&it->on_sigterm, it->loop, SIGTERM, stop, it->loop, err);
    if (status == ISCEP_OK)
        status = iscep_signal_new(&it->on_sigint, it->loop, SIGINT, stop, it->loop, err);
    if (status == ISCEP_OK)
        status = listen_on(it, options, &port, err);
    if (status == ISCEP_OK)
        status = announce(options, port, err);
    if (status == ISCEP_OK)
        iscep_loop_run(it->loop);
    return status;
}

static void take_apart(ca_program *it)
{
    if (it->server)
        iscep_http_server_free(it->server);
    iscep_timer_free(it->on_sigint);
    iscep_timer_free(it->on_sigterm);
    iscep_tls_server_free(it->tls);
    if (it->loop)
        iscep_loop_free(it->loop);
    iscep_ca_service_free(it->service);
    iscep_crypto_free(it->crypto);
}

int main(int argc, char **argv)
{
    ca_options options;
    const iscep_log log = {.min_level = ISCEP_LOG_INFO, .format = ISCEP_LOG_FORMAT_TEXT};
    ca_program it = {.env = iscep_env_system(&log)};
    iscep_error err = ISCEP_ERROR_INIT;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(HELP, stdout);
        return EXIT_SUCCESS;
    }
    if (!parse(&options, argc, argv)) {
        fputs(HELP, stderr);
        return EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN);
    iscep_status status = run(&it, &options, &err);
    if (status != ISCEP_OK)
        fprintf(stderr, "scep-ca: %s\n", err.message);
    take_apart(&it);
    return status == ISCEP_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
