/* intune-scepd: reads the configuration, puts the layers together, runs the loop, and ends in order. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/audit.h"
#include "daemon/audit_keeper.h"
#include "daemon/config.h"
#include "daemon/local_api.h"

/* Exit codes. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* How often token and address are looked after while nobody asks, so that the first to ask does not wait. */
enum { WARM_INTERVAL_MS = 30000 };

static const char usage[] =
    "Usage: intune-scepd -c FILE [--check]\n"
    "\n"
    "Verifies SCEP challenges with Microsoft Intune and reports issued certificates, for SCEP servers that "
    "ask on its\n"
    "Unix socket (docs/LOCAL-API.md).\n"
    "\n"
    "  -c, --config FILE  the configuration (docs/CONFIGURATION.md)\n"
    "      --check        read the configuration, say what is wrong with it, and end\n"
    "  -h, --help         show this\n"
    "  -V, --version      show the version\n"
    "\n"
    "SIGTERM and SIGINT: answer what is in flight, then end. Exit: 0 ended in order, 1 could not start, 2 "
    "usage or\n"
    "configuration.\n";

struct options {
    const char *config_path;
    bool is_check;
};

/* All that runs; what is NULL was not made. */
struct parts {
    iscep_env env;
    iscep_config *config;
    iscep_audit *audit;
    iscep_loop *loop;
    iscep_journal *journal;
    iscep_audit_keeper *audit_keeper;
    iscep_http *http;
    iscep_intune *intune;
    iscep_ca *cas[ISCEP_CONFIG_MAX_CAS];
    iscep_routing routing; /* of cas */
    iscep_revoker *revoker;
    iscep_service_options service_options;
    iscep_service *service;
    iscep_http_server *server;
    iscep_admin_api admin;
    iscep_hosted_api hosted;
    iscep_local_api api;
    iscep_timer *sigterm;
    iscep_timer *sigint;
    iscep_timer *drain_timer;
    iscep_timer *warm_timer;
};

/* -1: go on; otherwise the exit code. */
static int parse_options(struct options *out, int argc, char **argv)
{
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"check", no_argument, NULL, 'k'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'V'},
                                          {0}};
    int option;
    while ((option = getopt_long(argc, argv, "c:hV", longs, NULL)) != -1) {
        switch (option) {
        case 'c':
            out->config_path = optarg;
            break;
        case 'k':
            out->is_check = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_OK;
        case 'V':
            puts("intune-scepd " ISCEP_VERSION);
            return EXIT_OK;
        default:
            fputs("Try intune-scepd --help\n", stderr);
            return EXIT_USAGE;
        }
    }
    if (out->config_path == NULL || optind != argc) {
        fputs(out->config_path == NULL ? "intune-scepd: -c FILE is missing; try --help\n"
                                       : "intune-scepd: too many arguments; try --help\n",
              stderr);
        return EXIT_USAGE;
    }
    return -1;
}

static void on_drained(void *user)
{
    struct parts *parts = user;
    iscep_loop_stop(parts->loop);
}

static void on_drain_timeout(void *user)
{
    struct parts *parts = user;
    iscep_log_event(parts->env.log, ISCEP_LOG_WARN, "drain_timeout",
                    ISCEP_LOG_NUM("after_ms", parts->config->drain_timeout_ms));
    iscep_loop_stop(parts->loop);
}

static void on_stop_signal(void *user)
{
    struct parts *parts = user;
    iscep_log_event(parts->env.log, ISCEP_LOG_INFO, "stopping",
                    ISCEP_LOG_NUM("drain_timeout_ms", parts->config->drain_timeout_ms));
    iscep_timer_arm(parts->drain_timer, parts->config->drain_timeout_ms);
    iscep_hosted_api_stop(&parts->hosted);
    iscep_http_server_drain(parts->server, on_drained, parts);
}

static void on_warm_timer(void *user)
{
    struct parts *parts = user;
    iscep_intune_warm_up(parts->intune);
    iscep_timer_arm(parts->warm_timer, WARM_INTERVAL_MS);
}

static iscep_status make_timers(struct parts *parts, iscep_error *err)
{
    iscep_status status = iscep_timer_new(&parts->drain_timer, parts->loop, on_drain_timeout, parts, err);
    if (status == ISCEP_OK)
        status = iscep_timer_new(&parts->warm_timer, parts->loop, on_warm_timer, parts, err);
    if (status == ISCEP_OK)
        status = iscep_signal_new(&parts->sigterm, parts->loop, SIGTERM, on_stop_signal, parts, err);
    if (status == ISCEP_OK)
        status = iscep_signal_new(&parts->sigint, parts->loop, SIGINT, on_stop_signal, parts, err);
    return status;
}

static iscep_status make_audit(struct parts *parts, iscep_error *err)
{
    if (parts->config->audit == NULL)
        return ISCEP_OK;
    iscep_status status = iscep_audit_open(&parts->audit, &parts->env, parts->config->audit, err);
    parts->env.audit = parts->audit;
    return status;
}

static iscep_status make_cas(struct parts *parts, iscep_error *err)
{
    const iscep_config *config = parts->config;
    iscep_status status = ISCEP_OK;
    parts->routing.cas = parts->cas;
    for (size_t i = 0; i < config->ca_count && status == ISCEP_OK; i++) {
        status = iscep_ca_new(&parts->cas[i], &parts->env, parts->loop, &config->cas[i], err);
        if (status == ISCEP_OK)
            parts->routing.count++;
        else
            iscep_error_prefix(err, config->cas[i].name);
    }
    return status;
}

static iscep_status make_service(struct parts *parts, iscep_error *err)
{
    const iscep_config *config = parts->config;
    parts->service_options = (iscep_service_options){
        .tenant = config->tenant_name, .policy = config->policy, .reporting = config->reporting};
    return iscep_service_new(&parts->service, &parts->env, parts->intune, parts->journal, &parts->routing,
                             &parts->service_options, err);
}

static void on_withheld(void *user)
{
    const struct parts *parts = user;
    iscep_revoker_wake(parts->revoker);
}

static iscep_status make_revoker(struct parts *parts, iscep_error *err)
{
    const iscep_config *config = parts->config;
    iscep_status status = iscep_revoker_new(&parts->revoker, &parts->env, parts->intune, parts->journal,
                                            &parts->routing, config->tenant_name, &config->revoker, err);
    if (status == ISCEP_OK)
        iscep_service_on_withheld(parts->service, on_withheld, parts);
    return status;
}

static void fill_apis(struct parts *parts)
{
    const iscep_config *config = parts->config;
    parts->admin = (iscep_admin_api){.env = &parts->env,
                                     .journal = parts->journal,
                                     .service = parts->service,
                                     .revoker = parts->revoker,
                                     .admin_uids = config->admin_uids.ids,
                                     .admin_uid_count = config->admin_uids.count};
    parts->hosted = (iscep_hosted_api){.env = &parts->env,
                                       .routing = &parts->routing,
                                       .plugin_uids = config->plugin_uids.ids,
                                       .plugin_uid_count = config->plugin_uids.count};
    parts->api = (iscep_local_api){.env = &parts->env,
                                   .intune = parts->intune,
                                   .service = parts->service,
                                   .journal = parts->journal,
                                   .request_timeout_ms = config->request_timeout_ms,
                                   .admin = &parts->admin,
                                   .hosted = &parts->hosted};
}

static iscep_status make_server(struct parts *parts, iscep_error *err)
{
    fill_apis(parts);
    iscep_http_server_options limits = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    limits.max_connections = parts->config->max_connections;
    iscep_status status = iscep_http_server_new(&parts->server, &parts->env, parts->loop, &limits,
                                                iscep_local_api_handle, &parts->api, err);
    if (status == ISCEP_OK)
        status = iscep_http_server_listen_unix(parts->server, parts->config->socket_path,
                                               parts->config->socket_mode, err);
    return status;
}

static iscep_status make_parts(struct parts *parts, iscep_error *err)
{
    const iscep_config *config = parts->config;
    iscep_status status = make_audit(parts, err);
    if (status == ISCEP_OK)
        status = iscep_loop_new(&parts->loop, err);
    if (status == ISCEP_OK)
        status = iscep_journal_open(&parts->journal, &parts->env, parts->loop, &config->journal, err);
    if (status == ISCEP_OK && parts->audit != NULL)
        status = iscep_audit_keeper_new(&parts->audit_keeper, &parts->env, parts->loop, parts->journal, err);
    if (status == ISCEP_OK)
        status = iscep_curl_http_new(&parts->http, &parts->env, parts->loop, &config->outbound, err);
    if (status == ISCEP_OK)
        status =
            iscep_intune_new(&parts->intune, &parts->env, parts->loop, parts->http, &config->tenant, err);
    if (status == ISCEP_OK)
        status = make_cas(parts, err);
    if (status == ISCEP_OK)
        status = make_service(parts, err);
    if (status == ISCEP_OK)
        status = make_revoker(parts, err);
    if (status == ISCEP_OK)
        status = make_server(parts, err);
    return status != ISCEP_OK ? status : make_timers(parts, err);
}

/*
 * Whoever uses goes before what it uses. The journal carries out what it was asked for, and then calls back, also for
 * connections: the server comes after it. Who still waits for an answer is told to ask again.
 */
static void free_parts(struct parts *parts)
{
    iscep_intune_free(parts->intune);
    for (size_t i = 0; i < parts->routing.count; i++)
        iscep_ca_free(parts->cas[i]);
    iscep_revoker_free(parts->revoker);
    iscep_service_free(parts->service);
    parts->admin.revoker = NULL; /* whom the journal calls back finds them gone */
    parts->admin.service = NULL;
    iscep_audit_keeper_free(parts->audit_keeper);
    iscep_journal_close(parts->journal);
    iscep_http_server_free(parts->server);
    if (parts->http != NULL)
        parts->http->free(parts->http);
    iscep_timer_free(parts->sigterm);
    iscep_timer_free(parts->sigint);
    iscep_timer_free(parts->drain_timer);
    iscep_timer_free(parts->warm_timer);
    iscep_loop_free(parts->loop);
    iscep_audit_close(parts->audit);
}

/* Every caller is a descriptor: as many as the system lets us have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* A core file would hold the client secret, tokens and challenges. */
static void forbid_core_files(void)
{
    const struct rlimit none = {0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0); /* also where cores are piped to a program, which the limit does not stop */
}

static int serve(iscep_config *config, const iscep_log *log)
{
    struct parts parts = {.env = iscep_env_system(log), .config = config};
    iscep_error err = ISCEP_ERROR_INIT;
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    forbid_core_files();
    if (make_parts(&parts, &err) != ISCEP_OK) {
        iscep_log_event(log, ISCEP_LOG_ERROR, "start_failed", ISCEP_LOG_TEXT("reason", err.message));
        free_parts(&parts);
        return EXIT_FAILED;
    }
    on_warm_timer(&parts);
    iscep_log_event(log, ISCEP_LOG_INFO, "ready", ISCEP_LOG_TEXT("version", ISCEP_VERSION),
                    ISCEP_LOG_TEXT("socket", config->socket_path),
                    ISCEP_LOG_TEXT("tenant", config->tenant_name));
    iscep_loop_run(parts.loop);
    free_parts(&parts);
    iscep_log_event(log, ISCEP_LOG_INFO, "stopped", ISCEP_LOG_TEXT("version", ISCEP_VERSION));
    return EXIT_OK;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    int exit_code = parse_options(&options, argc, argv);
    if (exit_code >= 0)
        return exit_code;
    iscep_config *config;
    iscep_error err = ISCEP_ERROR_INIT;
    if (iscep_config_load(&config, options.config_path, &err) != ISCEP_OK) {
        fprintf(stderr, "intune-scepd: %s\n", err.message);
        return EXIT_USAGE;
    }
    iscep_log log = {.min_level = config->log_level, .format = config->log_format};
    exit_code = options.is_check ? EXIT_OK : serve(config, &log);
    if (options.is_check)
        printf("%s: ok\n", options.config_path);
    iscep_config_free(config);
    return exit_code;
}
