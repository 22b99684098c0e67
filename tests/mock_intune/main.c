/* intune-mock: fills the environment, opens the listener, says that it is ready, and runs until it is told to stop. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "net/tls.h"
#include "service.h"

/* Where the mock is reached, and what tells it to stop. */
typedef struct mock_front {
    iscep_loop *loop;
    iscep_http_server *server;
    iscep_http_server *imds; /* NULL: none */
    SSL_CTX *tls;            /* NULL: plain */
    iscep_timer *on_term;
    iscep_timer *on_int;
    uint16_t port;
    uint16_t imds_port;
} mock_front;

static void stop(void *user)
{
    iscep_loop_stop(user);
}

static iscep_status open_server(iscep_http_server **out, uint16_t *port, const mock_front *front,
                                mock_service *service, const mock_address *address, SSL_CTX *tls,
                                iscep_error *err)
{
    iscep_http_server_options limits = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    bool is_imds = address == &service->mock->options->imds_listen;
    iscep_status status =
        iscep_http_server_new(out, &service->mock->env, front->loop, &limits,
                              is_imds ? mock_service_handle_imds : mock_service_handle, service, err);
    if (status == ISCEP_OK)
        status = iscep_http_server_listen_tcp(*out, address->host, address->port, tls, port, err);
    return status;
}

static iscep_status open_servers(mock_front *front, mock_service *service, iscep_error *err)
{
    const mock_options *options = service->mock->options;
    const mock_pki *pki = &service->mock->pki;
    iscep_status status = ISCEP_OK;
    if (!options->is_plain)
        status = iscep_tls_server_new(&front->tls, pki->server_file, pki->server_key_file, err);
    if (status == ISCEP_OK)
        status = open_server(&front->server, &front->port, front, service, &options->listen, front->tls, err);
    if (status == ISCEP_OK && options->imds_listen.host[0] != '\0')
        status =
            open_server(&front->imds, &front->imds_port, front, service, &options->imds_listen, NULL, err);
    return status;
}

static iscep_status open_front(mock_front *out, mock_service *service, mock_scenario *scenario,
                               iscep_error *err)
{
    iscep_status status = iscep_loop_new(&out->loop, err);
    if (status != ISCEP_OK)
        return status;
    service->loop = out->loop;
    status = iscep_signal_new(&out->on_term, out->loop, SIGTERM, stop, out->loop, err);
    if (status == ISCEP_OK)
        status = iscep_signal_new(&out->on_int, out->loop, SIGINT, stop, out->loop, err);
    if (status == ISCEP_OK)
        status = open_servers(out, service, err);
    if (status == ISCEP_OK)
        status = mock_service_start(service, scenario, err);
    return status;
}

static void close_front(mock_front *front, mock_service *service)
{
    if (front->imds != NULL)
        iscep_http_server_free(front->imds);
    if (front->server != NULL)
        iscep_http_server_free(front->server);
    mock_service_clear(service);
    iscep_timer_free(front->on_int);
    iscep_timer_free(front->on_term);
    iscep_tls_server_free(front->tls);
    if (front->loop != NULL)
        iscep_loop_free(front->loop);
}

/* Written under another name first: who waits for the file finds it whole. */
static iscep_status write_port_file(const char *path, uint16_t port, iscep_error *err)
{
    char temporary[MOCK_PATH_SIZE];
    int len = snprintf(temporary, sizeof(temporary), "%s.new", path);
    FILE *file = len > 0 && (size_t)len < sizeof(temporary) ? fopen(temporary, "we") : NULL;
    bool is_written = file != NULL && fprintf(file, "%u\n", port) > 0;
    if (file != NULL && fclose(file) != 0)
        is_written = false;
    if (is_written && rename(temporary, path) == 0)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_STORAGE, "port_file", "%s: cannot be written: %s", path,
                           strerror(errno));
}

/* Where a client on this machine finds us. */
static void emit_own_url(iscep_buf *out, const char *scheme, const mock_address *address, uint16_t port)
{
    const char *host = strcmp(address->host, "127.0.0.1") == 0 ? "localhost" : address->host;
    bool is_ipv6 = strchr(host, ':') != NULL;
    iscep_buf_printf(out, "%s://%s%s%s:%u", scheme, is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", port);
}

static iscep_status write_port_files(const mock_options *options, const mock_front *front, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    if (options->imds_port_file != NULL)
        status = write_port_file(options->imds_port_file, front->imds_port, err);
    if (status == ISCEP_OK && options->port_file != NULL)
        status = write_port_file(options->port_file, front->port, err);
    return status;
}

static iscep_status announce(mock_state *mock, const mock_front *front, iscep_error *err)
{
    ISCEP_AUTO_BUF url, imds;
    const mock_options *options = mock->options;
    iscep_buf_init(&url, MOCK_PUBLIC_URL_SIZE);
    iscep_buf_init(&imds, MOCK_PUBLIC_URL_SIZE);
    emit_own_url(&url, options->is_plain ? "http" : "https", &options->listen, front->port);
    if (front->imds != NULL) {
        iscep_buf_append_text(&imds, " imds=");
        emit_own_url(&imds, "http", &options->imds_listen, front->imds_port);
    }
    iscep_text_copy(mock->public_url, sizeof(mock->public_url),
                    options->public_url != NULL ? options->public_url : iscep_buf_text(&url));
    iscep_status status = write_port_files(options, front, err);
    if (status != ISCEP_OK)
        return status;
    printf("intune-mock ready %s ca=%s%s\n", iscep_buf_text(&url), mock->pki.ca_file, iscep_buf_text(&imds));
    fflush(stdout);
    return ISCEP_OK;
}

static iscep_status run(const mock_options *options, iscep_error *err)
{
    iscep_log log = {.min_level = options->is_verbose ? ISCEP_LOG_DEBUG : ISCEP_LOG_WARN};
    iscep_env env = iscep_env_system(&log);
    mock_state mock;
    mock_scenario *scenario = NULL;
    mock_service service = {.mock = &mock};
    mock_front front = {0};
    iscep_status status = mock_open(&mock, &env, options, err);
    if (status == ISCEP_OK && options->scenario_file != NULL)
        status = mock_scenario_load(&scenario, options->scenario_file, options->client_id, err);
    if (status == ISCEP_OK)
        status = open_front(&front, &service, scenario, err);
    if (status == ISCEP_OK)
        status = announce(&mock, &front, err);
    if (status == ISCEP_OK)
        iscep_loop_run(front.loop);
    close_front(&front, &service);
    mock_scenario_free(scenario);
    mock_clear(&mock);
    return status;
}

int main(int argc, char **argv)
{
    mock_options options;
    iscep_error err = ISCEP_ERROR_INIT;
    signal(SIGPIPE, SIG_IGN);
    iscep_status status = mock_options_parse(&options, argc, argv, &err);
    if (status == ISCEP_OK && options.command == MOCK_SHOW_HELP)
        mock_options_print_help(stdout);
    else if (status == ISCEP_OK && options.command == MOCK_SHOW_VERSION)
        puts("intune-mock " ISCEP_VERSION);
    else if (status == ISCEP_OK)
        status = run(&options, &err);
    if (status != ISCEP_OK)
        fprintf(stderr, "intune-mock: %s\n", err.message);
    mock_options_clear(&options);
    return status == ISCEP_OK ? 0 : status == ISCEP_USAGE ? 2 : 1;
}
