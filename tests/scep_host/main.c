/* scep-host: a small SCEP server for any plugin of scep_plugin.h. Builds the parts, runs the loop, takes them
 * apart. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_front.h"
#include "options.h"
#include "revoke.h"
#include "state_file.h"

enum { EXIT_USAGE = 2, HOUSE_WORKERS = 2, HOUSE_QUEUE = 256, SWEEP_MS = 60 * 1000 };

/* In the order in which they are made; taken apart from the end. */
typedef struct scep_server {
    iscep_env env;
    iscep_crypto *crypto;
    iscep_host_ca *ca;
    iscep_endpoint endpoints[ISCEP_HOST_MAX_ENDPOINTS];
    size_t endpoint_count;
    iscep_loop *loop;
    iscep_workers *workers; /* for what no plugin has to do with */
    iscep_http_front *front;
    iscep_timer *on_sigterm;
    iscep_timer *on_sigint;
    iscep_timer *sweep;
    iscep_job sweep_job;
    iscep_loop_item swept;
} scep_server;

/* They may be on their way, or nobody may ever have them: for a person to look at. */
static void warn_of_unreported(const scep_server *host)
{
    size_t count = iscep_host_ca_count_unreported(host->ca);
    if (count > 0)
        iscep_log_event(host->env.log, ISCEP_LOG_WARN, "certificates_unreported",
                        ISCEP_LOG_NUM("count", (int64_t)count),
                        ISCEP_LOG_TEXT("advice", "revoke those whose device does not ask again"));
}

static iscep_status open_remote(iscep_issuer **out, const scep_server *host,
                                const iscep_host_options *options, iscep_error *err)
{
    iscep_issuer_remote_options remote = options->remote;
    remote.crypto = host->crypto;
    return iscep_issuer_remote_open(out, &remote, err);
}

static iscep_status make_issuing(scep_server *host, const iscep_host_options *options, iscep_error *err)
{
    iscep_status status = iscep_crypto_new(&host->crypto, options->is_legacy_des_allowed, err);
    iscep_host_ca_options ca = options->ca;
    if (status == ISCEP_OK && options->remote.url)
        status = open_remote(&ca.remote, host, options, err);
    if (status == ISCEP_OK)
        status = iscep_host_ca_open(&host->ca, &host->env, host->crypto, &ca, err);
    if (status == ISCEP_OK)
        warn_of_unreported(host);
    return status;
}

static const char *name_of_revoke(int32_t result)
{
    static const char *const names[] = {[SCEP_REVOKE_DONE] = "revoked",
                                        [SCEP_REVOKE_ALREADY] = "already revoked",
                                        [SCEP_REVOKE_UNKNOWN] = "never issued here",
                                        [SCEP_REVOKE_REFUSED] = "refused",
                                        [SCEP_REVOKE_LATER] = "failed"};
    return names[result];
}

/* On a thread of the plugin's: the connector wants a certificate revoked. */
static int32_t revoke_for_plugin(void *user, const char *serial, uint32_t reason, char *text,
                                 size_t text_size)
{
    const scep_server *host = user;
    iscep_error err = ISCEP_ERROR_INIT;
    int32_t result = iscep_revoke(host->ca, serial, reason, &err);
    iscep_text_copy(text, text_size, err.message);
    iscep_log_event(host->env.log, result == SCEP_REVOKE_DONE ? ISCEP_LOG_INFO : ISCEP_LOG_WARN, "revocation",
                    ISCEP_LOG_TEXT("serial", serial), ISCEP_LOG_NUM("reason", reason),
                    ISCEP_LOG_TEXT("result", name_of_revoke(result)), ISCEP_LOG_TEXT("error", err.message));
    return result;
}

static iscep_status make_deciding(scep_server *host, const iscep_host_options *options, iscep_error *err)
{
    const iscep_endpoint_host shared = {.env = &host->env,
                                        .crypto = host->crypto,
                                        .ca = host->ca,
                                        .revoke = revoke_for_plugin,
                                        .revoke_user = host,
                                        .pending_retry_ms = options->pending_retry_ms,
                                        .ca_timeout_ms = options->remote.url ? options->remote.timeout_ms : 0,
                                        .ca_patience_ms = options->ca_patience_ms,
                                        .workers = options->workers};
    iscep_status status = ISCEP_OK;
    while (status == ISCEP_OK && host->endpoint_count < options->endpoint_count) {
        size_t at = host->endpoint_count++;
        status = iscep_endpoint_open(&host->endpoints[at], &shared, &options->endpoints[at], err);
    }
    return status;
}

static iscep_status make_serving(scep_server *host, const iscep_host_options *options, iscep_error *err)
{
    iscep_status status = iscep_loop_new(&host->loop, err);
    if (status == ISCEP_OK)
        status = iscep_workers_new(&host->workers, HOUSE_WORKERS, HOUSE_QUEUE, err);
    if (status != ISCEP_OK)
        return status;
    const iscep_http_front_options front = {.env = &host->env,
                                            .loop = host->loop,
                                            .crypto = host->crypto,
                                            .ca = host->ca,
                                            .endpoints = host->endpoints,
                                            .endpoint_count = host->endpoint_count,
                                            .workers = host->workers,
                                            .host = options->listen_host,
                                            .port = options->listen_port};
    status = iscep_http_front_new(&host->front, &front, err);
    for (size_t i = 0; status == ISCEP_OK && i < host->endpoint_count; i++)
        iscep_endpoint_check_health(&host->endpoints[i]);
    return status;
}

static void stop(void *user)
{
    iscep_loop_stop(user);
}

/* The first signal lets what is under way finish. The second finds its default action, and ends the process.
 */
static void on_signal(void *user)
{
    scep_server *host = user;
    iscep_timer_free(host->on_sigterm);
    iscep_timer_free(host->on_sigint);
    host->on_sigterm = NULL;
    host->on_sigint = NULL;
    iscep_http_front_drain(host->front, stop, host->loop);
}

/* On a worker, for it touches files, and perhaps asks a CA on another host. */
static void run_sweep(void *user)
{
    scep_server *host = user;
    iscep_error err = ISCEP_ERROR_INIT;
    if (iscep_host_ca_revoke_withheld(host->ca, &err) != ISCEP_OK)
        iscep_log_event(host->env.log, ISCEP_LOG_WARN, "withheld_not_revoked",
                        ISCEP_LOG_TEXT("error", err.message));
    for (size_t i = 0; i < host->endpoint_count; i++)
        iscep_enrol_sweep(&host->endpoints[i].enrol);
    iscep_loop_post_item(host->loop, &host->swept);
}

static void start_sweep(void *user)
{
    scep_server *host = user;
    iscep_workers_resume(host->workers, &host->sweep_job);
}

static void rest_before_sweep(void *user)
{
    scep_server *host = user;
    iscep_http_front_settle(host->front);
    iscep_timer_arm(host->sweep, SWEEP_MS);
}

static iscep_status make_sweeping(scep_server *host, iscep_error *err)
{
    host->sweep_job = (iscep_job){.run = run_sweep, .user = host};
    host->swept = (iscep_loop_item){.callback = rest_before_sweep, .user = host};
    iscep_status status = iscep_timer_new(&host->sweep, host->loop, start_sweep, host, err);
    if (status == ISCEP_OK)
        rest_before_sweep(host);
    return status;
}

static iscep_status watch_signals(scep_server *host, iscep_error *err)
{
    signal(SIGPIPE, SIG_IGN);
    iscep_status status = iscep_signal_new(&host->on_sigterm, host->loop, SIGTERM, on_signal, host, err);
    return status == ISCEP_OK ? iscep_signal_new(&host->on_sigint, host->loop, SIGINT, on_signal, host, err)
                              : status;
}

static iscep_status announce(const scep_server *host, const iscep_host_options *options, iscep_error *err)
{
    uint16_t port = iscep_http_front_port(host->front);
    if (options->port_file) {
        char digits[8];
        snprintf(digits, sizeof(digits), "%" PRIu16 "\n", port);
        iscep_status status =
            iscep_state_file_write(options->port_file, 0644, iscep_bytes_of_text(digits), err);
        if (status != ISCEP_OK)
            return status;
    }
    bool is_ipv6 = strchr(options->listen_host, ':') != NULL;
    for (size_t i = 0; i < host->endpoint_count; i++)
        printf("scep-host ready http://%s%s%s:%" PRIu16 "%s ca=%s\n", is_ipv6 ? "[" : "",
               options->listen_host, is_ipv6 ? "]" : "", port, host->endpoints[i].path,
               iscep_host_ca_identity(host->ca)->cert_path);
    fflush(stdout);
    return ISCEP_OK;
}

static iscep_status run(scep_server *host, const iscep_host_options *options, iscep_error *err)
{
    iscep_status status = make_issuing(host, options, err);
    if (status == ISCEP_OK)
        status = make_deciding(host, options, err);
    if (status == ISCEP_OK)
        status = make_serving(host, options, err);
    if (status == ISCEP_OK)
        status = make_sweeping(host, err);
    if (status == ISCEP_OK)
        status = watch_signals(host, err);
    if (status == ISCEP_OK)
        status = announce(host, options, err);
    if (status == ISCEP_OK)
        iscep_loop_run(host->loop);
    return status;
}

/* Of all, and none of them left out because one does not. */
static bool have_endpoints_settled(scep_server *host)
{
    bool is_settled = true;
    for (size_t i = 0; i < host->endpoint_count; i++)
        is_settled &= iscep_endpoint_settle(&host->endpoints[i]);
    return is_settled;
}

static bool close_endpoints(scep_server *host)
{
    bool is_closed = true;
    for (size_t i = 0; i < host->endpoint_count; i++)
        is_closed &= iscep_endpoint_close(&host->endpoints[i]);
    return is_closed;
}

/*
 * Everybody has been answered. The passages go before the plugins that they may have a call of. Where a plugin does not let
 * go of a thread nothing can be freed that it may need: then the process ends as it is.
 */
static void take_apart(scep_server *host, int exit_status)
{
    iscep_http_front_free(host->front);
    if (!have_endpoints_settled(host))
        _Exit(exit_status);
    iscep_timer_free(host->on_sigint);
    iscep_timer_free(host->on_sigterm);
    iscep_timer_free(host->sweep);
    iscep_workers_free(host->workers);
    if (host->loop)
        iscep_loop_free(host->loop);
    if (!close_endpoints(host))
        _Exit(exit_status);
    iscep_host_ca_free(host->ca);
    iscep_crypto_free(host->crypto);
}

static int serve(const iscep_host_options *options)
{
    const iscep_log log = {.min_level = ISCEP_LOG_INFO, .format = ISCEP_LOG_FORMAT_TEXT};
    scep_server host = {.env = iscep_env_system(&log)};
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = run(&host, options, &err);
    if (status != ISCEP_OK)
        fprintf(stderr, "scep-host: %s\n", err.message);
    int exit_status = status == ISCEP_OK ? EXIT_SUCCESS : EXIT_FAILURE;
    take_apart(&host, exit_status);
    return exit_status;
}

int main(int argc, char **argv)
{
    iscep_host_options options;
    iscep_error err = ISCEP_ERROR_INIT;
    if (iscep_host_options_parse(&options, argc, argv, &err) != ISCEP_OK) {
        fprintf(stderr, "scep-host: %s\nTry scep-host --help.\n", err.message);
        return EXIT_USAGE;
    }
    switch (options.command) {
    case ISCEP_HOST_HELP:
        fputs(ISCEP_HOST_HELP_TEXT, stdout);
        return EXIT_SUCCESS;
    case ISCEP_HOST_VERSION:
        puts("scep-host " ISCEP_VERSION);
        return EXIT_SUCCESS;
    case ISCEP_HOST_RUN:
        break;
    }
    return serve(&options);
}
