/*
 * iscep-chaos: a fleet of devices enrols while the connector is killed, the cloud fails, and revocations are asked for;
 * then everything heals, and nothing may have been lost. chaos.sh starts intune-mock and scep-host, and this.
 *
 * Exit codes: 0 every figure is right, 1 one is wrong or something did not work, 2 usage.
 */
#include <curl/curl.h>
#include <openssl/pem.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <errno.h>

#include "options.h"
#include "ordeal.h"
#include "reloader.h"

enum { LOOK_EVERY_MS = 100 };

static iscep_status read_certificate(X509 **out, const char *path, iscep_error *err)
{
    FILE *file = fopen(path, "re");
    *out = file != NULL ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (file != NULL)
        fclose(file);
    return *out != NULL ? ISCEP_OK : iscep_error_set(err, ISCEP_CONFIG, "ca", "%s is no certificate", path);
}

static iscep_status start_fleet(chaos_case *it, const iscep_env *env, const chaos_options *options,
                                iscep_error *err)
{
    const chaos_fleet_options wanted = {.env = env,
                                        .scep_url = options->scep_url,
                                        .ca = it->ca,
                                        .intune = it->intune,
                                        .prefix = "chaos",
                                        .devices = options->devices,
                                        .seed = options->seed};
    return chaos_fleet_start(&it->fleet, &wanted, err);
}

static iscep_status go_through(chaos_case *it, const iscep_env *env, const chaos_options *options,
                               iscep_error *err)
{
    const chaos_aim_options logs = {
        .env = env, .mock_log = options->mock_log, .connector_log = options->connector_log};
    chaos_ordeal ordeal = {.title = "chaos",
                           .connector = it->connector,
                           .host = it->host,
                           .fleet = it->fleet,
                           .intune = it->intune,
                           .random = chance_of(options->seed, 1000 + (uint64_t)options->mode),
                           .kills = options->kills};
    const chaos_reloader_options reloads = {.connector = it->connector,
                                            .config = options->config,
                                            .directory = options->reload_configs,
                                            .seed = options->seed};
    chaos_reloader *reloader = NULL;
    iscep_status status = chaos_aim_open(&ordeal.aim, &logs, err);
    if (status == ISCEP_OK && it->is_reloading)
        status = chaos_reloader_start(&reloader, &reloads, err);
    if (status == ISCEP_OK)
        status = chaos_ordeal_run(&ordeal, err);
    chaos_reloader_finish(reloader);
    it->reloads = chaos_reloader_count(reloader);
    chaos_reloader_free(reloader);
    const char *phase;
    int64_t hits;
    for (size_t i = 0; status == ISCEP_OK && (phase = chaos_aim_hits(ordeal.aim, i, &hits)) != NULL; i++)
        printf("  killed %s: %lld\n", phase, (long long)hits);
    chaos_aim_close(ordeal.aim);
    return status;
}

/* Whether it has come to rest is for the judge to say. */
static void drain(const chaos_case *it, const iscep_env *env, int64_t deadline_mono_ms)
{
    while (!chaos_is_at_rest(it) && iscep_now_mono_ms(env) < deadline_mono_ms)
        poll(NULL, 0, LOOK_EVERY_MS);
}

static iscep_status write_figures(const chaos_figures *figures, const char *path, iscep_error *err)
{
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return iscep_error_set(err, ISCEP_STORAGE, "file", "%s: %s", path, strerror(errno));
    chaos_figures_print(figures, file);
    return fclose(file) == 0 ? ISCEP_OK
                             : iscep_error_set(err, ISCEP_STORAGE, "file", "%s: %s", path, strerror(errno));
}

/* Everything that is in it is freed by the caller. */
static iscep_status run(chaos_figures *figures, chaos_case *it, const iscep_env *env,
                        const chaos_options *options, iscep_error *err)
{
    iscep_status status = read_certificate(&it->ca, options->ca, err);
    if (status == ISCEP_OK)
        status = chaos_program_start(it->connector, err);
    if (status == ISCEP_OK)
        status = chaos_program_start(it->host, err);
    if (status == ISCEP_OK)
        status = chaos_program_await(it->connector, err);
    if (status == ISCEP_OK)
        status = chaos_program_await(it->host, err);
    if (status == ISCEP_OK)
        status = start_fleet(it, env, options, err);
    if (status == ISCEP_OK)
        status = go_through(it, env, options, err);
    int64_t deadline_mono_ms = iscep_now_mono_ms(env) + (int64_t)options->drain_s * 1000;
    if (it->fleet != NULL)
        chaos_fleet_finish(it->fleet, status == ISCEP_OK ? deadline_mono_ms : 1);
    if (status != ISCEP_OK)
        return status;
    drain(it, env, deadline_mono_ms);
    return chaos_judge(figures, it, err);
}

/* ISCEP_OK: it went through, and figures say how. */
static iscep_status play(chaos_figures *figures, const iscep_env *env, const chaos_options *options,
                         iscep_error *err)
{
    const char *connector_argv[] = {options->connector, "-c", options->config, NULL};
    chaos_program connector = {.env = env,
                               .argv = connector_argv,
                               .lock = PTHREAD_MUTEX_INITIALIZER,
                               .probe_url = "http://connector/livez",
                               .socket_path = options->socket,
                               .log_path = options->connector_log};
    chaos_program host = {.env = env,
                          .argv = options->host,
                          .lock = PTHREAD_MUTEX_INITIALIZER,
                          .probe_url = options->host_probe,
                          .log_path = options->host_log};
    chaos_case it = {.mode = options->mode,
                     .connector = &connector,
                     .host = &host,
                     .intune = {options->mock_url, options->mock_ca},
                     .host_dir = options->host_dir,
                     .connector_log = options->connector_log,
                     .is_reloading = options->reload_configs != NULL};
    iscep_status status = run(figures, &it, env, options, err);
    chaos_program_stop(&host);
    chaos_program_stop(&connector);
    chaos_fleet_free(it.fleet);
    X509_free(it.ca);
    return status;
}

int main(int argc, char *argv[])
{
    chaos_options options;
    chaos_figures figures = {.count = 0};
    iscep_error err = ISCEP_ERROR_INIT;
    const iscep_log log = {.min_level = ISCEP_LOG_WARN};
    const iscep_env env = iscep_env_system(&log);
    if (chaos_options_parse(&options, argc, argv, &err) != ISCEP_OK) {
        fprintf(stderr, "iscep-chaos: %s\n", err.message);
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    iscep_status status = play(&figures, &env, &options, &err);
    if (status == ISCEP_OK)
        status = write_figures(&figures, options.figures, &err);
    if (status != ISCEP_OK)
        fprintf(stderr, "iscep-chaos: %s\n", err.message);
    curl_global_cleanup();
    return status == ISCEP_OK && chaos_figures_are_right(&figures) ? 0 : 1;
}
