/* intune-mock: fills the environment, opens the listener, says that it is ready, and runs until it is told to stop. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "net/tls.h"
#include "service.h"

typedef struct mock_front {
    iscep_loop *loop;
    iscep_http_server *server;
    SSL_CTX *tls; /* NULL: plain */
    iscep_timer *on_term;
    iscep_timer *on_int;
    uint16_t port;
} mock_front;

static void stop(void *user)
{
    iscep_loop_stop(user);
}

static iscep_status open_front(mock_front *out, mock_service *service, iscep_error *err)
{
    const mock_options *options = service->mock->options;
    const mock_pki *pki = &service->mock->pki;
    iscep_http_server_options limits = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    iscep_status status = iscep_loop_new(&out->loop, err);
    if (status != ISCEP_OK)
        return status;
    service->loop = out->loop;
    if (!options->is_plain)
        status = iscep_tls_server_new(&out->tls, pki->server_file, pki->server_key_file, err);
    if (status == ISCEP_OK)
        status = iscep_signal_new(&out->on_term, out->loop, SIGTERM, stop, out->loop, err);
    if (status == ISCEP_OK)
        status = iscep_signal_new(&out->on_int, out->loop, SIGINT, stop, out->loop, err);
    if (status == ISCEP_OK)
        status = iscep_http_server_new(&out->server, &service->mock->env, out->loop, &limits,
                                       mock_service_handle, service, err);
    if (status == ISCEP_OK)
        status = iscep_http_server_listen_tcp(out->server, options->host, options->port, out->tls, &out->port,
                                              err);
    return status;
}

static void close_front(mock_front *front, mock_service *service)
{
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
static void emit_own_url(iscep_buf *out, const mock_options *options, uint16_t port)
{
    const char *scheme = options->is_plain ? "http" : "https";
    const char *host = strcmp(options->host, "127.0.0.1") == 0 ? "localhost" : options->host;
    bool is_ipv6 = strchr(host, ':') != NULL;
    iscep_buf_printf(out, "%s://%s%s%s:%u", scheme, is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", port);
}

static iscep_status announce(mock_state *mock, uint16_t port, iscep_error *err)
{
    ISCEP_AUTO_BUF url;
    const mock_options *options = mock->options;
    iscep_buf_init(&url, MOCK_PUBLIC_URL_SIZE);
    emit_own_url(&url, options, port);
    iscep_text_copy(mock->public_url, sizeof(mock->public_url),
                    options->public_url != NULL ? options->public_url : iscep_buf_text(&url));
    if (options->port_file != NULL && write_port_file(options->port_file, port, err) != ISCEP_OK)
        return err->status;
    printf("intune-mock ready %s ca=%s\n", iscep_buf_text(&url), mock->pki.ca_file);
    fflush(stdout);
    return ISCEP_OK;
}

static iscep_status run(const mock_options *options, iscep_error *err)
{
    iscep_log log = {.min_level = options->is_verbose ? ISCEP_LOG_DEBUG : ISCEP_LOG_WARN};
    iscep_env env = iscep_env_system(&log);
    mock_state mock;
    mock_service service = {.mock = &mock};
    mock_front front = {0};
    iscep_status status = mock_open(&mock, &env, options, err);
    if (status == ISCEP_OK)
        status = open_front(&front, &service, err);
    if (status == ISCEP_OK)
        status = announce(&mock, front.port, err);
    if (status == ISCEP_OK)
        iscep_loop_run(front.loop);
    close_front(&front, &service);
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
