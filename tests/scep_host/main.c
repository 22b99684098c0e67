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

enum { EXIT_USAGE = 2, QUEUED_PER_WORKER = 64, SWEEP_MS = 60 * 1000 };

/* In the order in which they are made; taken apart from the end. */
typedef struct scep_server {
    iscep_env env;
    iscep_crypto *crypto;
    iscep_host_ca *ca;
    iscep_plugin_host *plugin;
    iscep_transactions *transactions;
    iscep_enrol enrol;
    iscep_loop *loop;
    iscep_workers *workers;
    iscep_http_front *front;
    iscep_timer *on_sigterm;
    iscep_timer *on_sigint;
    iscep_timer *sweep;
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

static iscep_status make_issuing(scep_server *host, const iscep_host_options *options, iscep_error *err)
{
    const iscep_host_ca_options ca = {.state_dir = options->state_dir,
                                      .validity_days = options->validity_days,
                                      .crl_url = options->crl_url};
    iscep_status status = iscep_crypto_new(&host->crypto, options->is_legacy_des_allowed, err);
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
    const iscep_plugin_options plugin = {.config = options->plugin_config,
                                         .config_count = options->plugin_config_count,
                                         .timeout_ms = options->plugin_timeout_ms,
                                         .endpoint = options->path,
                                         .revoke = revoke_for_plugin,
                                         .revoke_user = host};
    iscep_status status = iscep_plugin_host_load(&host->plugin, host->env.log, options->plugin, &plugin, err);
    if (status != ISCEP_OK)
        return status;
    iscep_log_event(host->env.log, ISCEP_LOG_INFO, "plugin_open",
                    ISCEP_LOG_TEXT("name", iscep_plugin_host_name(host->plugin)),
                    ISCEP_LOG_TEXT("version", iscep_plugin_host_version(host->plugin)));
    const iscep_transactions_options table = ISCEP_TRANSACTIONS_OPTIONS_INIT;
    return iscep_transactions_new(&host->transactions, &host->env, &table, err);
}

static iscep_status make_serving(scep_server *host, const iscep_host_options *options, iscep_error *err)
{
    host->enrol = (iscep_enrol){.env = &host->env,
                                .crypto = host->crypto,
                                .ca = host->ca,
                                .plugin = host->plugin,
                                .transactions = host->transactions,
                                .pending_retry_ms = options->pending_retry_ms};
    iscep_status status = iscep_loop_new(&host->loop, err);
    if (status == ISCEP_OK)
        status = iscep_workers_new(&host->workers, options->workers,
                                   (size_t)options->workers * QUEUED_PER_WORKER, err);
    if (status != ISCEP_OK)
        return status;
    const iscep_http_front_options front = {.env = &host->env,
                                            .loop = host->loop,
                                            .workers = host->workers,
                                            .enrol = &host->enrol,
                                            .host = options->listen_host,
                                            .port = options->listen_port,
                                            .path = options->path};
    return iscep_http_front_new(&host->front, &front, err);
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

static void run_sweep(void *user)
{
    iscep_enrol_sweep(user);
}

/* The files that it touches are a worker's business; when all are busy, they sweep themselves. */
static void start_sweep(void *user)
{
    scep_server *host = user;
    iscep_workers_submit(host->workers, run_sweep, &host->enrol);
    iscep_timer_arm(host->sweep, SWEEP_MS);
}

static iscep_status make_sweeping(scep_server *host, iscep_error *err)
{
    iscep_status status = iscep_timer_new(&host->sweep, host->loop, start_sweep, host, err);
    if (status == ISCEP_OK)
        iscep_timer_arm(host->sweep, SWEEP_MS);
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
    printf("scep-host ready http://%s%s%s:%" PRIu16 "%s ca=%s\n", is_ipv6 ? "[" : "", options->listen_host,
           is_ipv6 ? "]" : "", port, options->path, iscep_host_ca_path(host->ca));
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

static void take_apart(scep_server *host)
{
    iscep_timer_free(host->on_sigint);
    iscep_timer_free(host->on_sigterm);
    iscep_timer_free(host->sweep);
    iscep_workers_free(host->workers);
    iscep_http_front_free(host->front);
    if (host->loop)
        iscep_loop_free(host->loop);
    iscep_transactions_free(host->transactions);
    iscep_plugin_host_free(host->plugin);
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
    take_apart(&host);
    return status == ISCEP_OK ? EXIT_SUCCESS : EXIT_FAILURE;
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
