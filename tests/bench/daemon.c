/* See daemon.h. */
#include "daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fetch.h"
#include "starting.h"
#include "tests/support/journal_files.h"

enum { MAX_FILE_LEN = 64 * 1024 };

/* --- its configuration --- */

static void emit_number(iscep_buf *out, const char *key, uint32_t value)
{
    if (value != 0)
        iscep_buf_printf(out, "%s = %u\n", key, value);
}

static void emit_connector(iscep_buf *out, const bench_daemon *daemon, const bench_daemon_settings *settings)
{
    iscep_buf_printf(out, "[connector]\nlisten = unix:%s\n", daemon->socket_path);
    emit_number(out, "workers", settings->workers);
    emit_number(out, "request_timeout_ms", settings->request_timeout_ms);
    iscep_buf_printf(out, "[journal]\npath = %s.journal\n", daemon->socket_path);
    if (settings->database != NULL)
        iscep_buf_printf(out, "database = %s\nnode = %s\n", settings->database, settings->node);
}

static void emit_tenant(iscep_buf *out, const bench_stack *stack, const bench_intune *intune,
                        const bench_daemon_settings *settings)
{
    iscep_buf_printf(
        out, "[tenant/bench]\ntenant_id = %s\nclient_id = %s\nclient_secret_file = %s\nca_file = %s\n",
        BENCH_TENANT_ID, BENCH_CLIENT_ID, stack->secret_file, stack->ca_file);
    iscep_buf_printf(out, "authority = %s\ngraph = %s\nallowed_hosts = localhost\n", intune->url,
                     intune->url);
    emit_number(out, "max_outbound_connections", settings->max_outbound_connections);
    emit_number(out, "connect_timeout_ms", settings->connect_timeout_ms);
}

/* The mock's own certificate will do: it is for localhost, too. */
static void emit_doors(iscep_buf *out, const bench_stack *stack, uint16_t port)
{
    iscep_buf_printf(out,
                     "[listener/tls]\naddress = tcp:127.0.0.1:%u\nserves = api step-ca\n"
                     "certificate = %s/mock/server.pem\nkey = %s/mock/server.key\ntokens = %s/token\n",
                     port, stack->dir, stack->dir, stack->dir);
    iscep_buf_printf(
        out,
        "[step-ca/bench]\nchallenge_id = %s\nchallenge_secret_file = %s/webhook\nnotify_id = %s\n"
        "notify_secret_file = %s/webhook\nanswer_within_ms = 14000\n",
        BENCH_WEBHOOK_ID, stack->dir, BENCH_WEBHOOK_ID, stack->dir);
}

static iscep_status write_config(const char *path, const bench_stack *stack, const bench_intune *intune,
                                 const bench_daemon *daemon, const bench_daemon_settings *settings,
                                 iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, MAX_FILE_LEN);
    emit_connector(&text, daemon, settings);
    emit_tenant(&text, stack, intune, settings);
    if (settings->has_doors)
        emit_doors(&text, stack, daemon->tls_port);
    iscep_status status = iscep_buf_status(&text, err);
    return status == ISCEP_OK ? bench_write_file(path, iscep_buf_text(&text), err) : status;
}

static iscep_status write_secret(const bench_stack *stack, const char *name, const char *text,
                                 iscep_error *err)
{
    char path[BENCH_PATH_SIZE];
    iscep_status status = bench_path_in(path, sizeof path, stack, name, err);
    return status == ISCEP_OK ? bench_write_file(path, text, err) : status;
}

/* Everything that it finds when it starts, and nothing of the one before it. */
static iscep_status prepare(const bench_daemon *daemon, const char *config, const bench_stack *stack,
                            const bench_intune *intune, const bench_daemon_settings *settings,
                            iscep_error *err)
{
    char journal[BENCH_PATH_SIZE + 16];
    snprintf(journal, sizeof journal, "%s.journal", daemon->socket_path);
    journal_files_remove(journal);
    iscep_status status = write_secret(stack, "token", BENCH_TOKEN, err);
    if (status == ISCEP_OK)
        status = write_secret(stack, "webhook", BENCH_WEBHOOK_SECRET, err);
    return status == ISCEP_OK ? write_config(config, stack, intune, daemon, settings, err) : status;
}

/* --- its life --- */

static bool is_ready(const void *subject)
{
    const bench_daemon *daemon = subject;
    ISCEP_AUTO_BUF reply;
    iscep_buf_init(&reply, MAX_FILE_LEN);
    const bench_fetch_request request = {
        .method = "GET", .url = "http://connector/readyz", .socket_path = daemon->socket_path};
    return access(daemon->socket_path, F_OK) == 0 && bench_fetch(&reply, &request, NULL) == ISCEP_OK;
}

static iscep_status run(bench_daemon *daemon, const char *config, const char *log, const bench_stack *stack,
                        iscep_error *err)
{
    char program[PATH_MAX];
    iscep_status status = bench_program_path(program, sizeof program, stack, "intune-scepd", err);
    if (status != ISCEP_OK)
        return status;
    const char *argv[] = {program, "-c", config, NULL};
    status = bench_process_start(&daemon->process, argv, log, err);
    if (status == ISCEP_OK)
        status = bench_wait_until(is_ready, daemon, &daemon->process, program, err);
    return bench_explain(status, log, err);
}

static iscep_status name_file(char out[BENCH_PATH_SIZE], const bench_stack *stack, const char *name,
                              const char *suffix, iscep_error *err)
{
    char file[64];
    snprintf(file, sizeof file, "%.48s.%s", name, suffix);
    return bench_path_in(out, BENCH_PATH_SIZE, stack, file, err);
}

iscep_status bench_daemon_start(bench_daemon *out, const bench_stack *stack, const bench_intune *intune,
                                const bench_daemon_settings *settings, iscep_error *err)
{
    const char *name = settings->node != NULL ? settings->node : "connector";
    char config[BENCH_PATH_SIZE], log[BENCH_PATH_SIZE];
    *out = (bench_daemon){0};
    int reserved = settings->has_doors ? bench_reserve_port(&out->tls_port) : -1;
    if (settings->has_doors && reserved < 0)
        return iscep_error_set(err, ISCEP_NETWORK, "port", "there is no free port: %s", strerror(errno));
    iscep_status status = name_file(out->socket_path, stack, name, "sock", err);
    if (status == ISCEP_OK)
        status = name_file(config, stack, name, "conf", err);
    if (status == ISCEP_OK)
        status = name_file(log, stack, name, "log", err);
    if (status == ISCEP_OK)
        status = prepare(out, config, stack, intune, settings, err);
    if (status == ISCEP_OK)
        status = run(out, config, log, stack, err);
    if (reserved >= 0)
        close(reserved);
    return status;
}

iscep_status bench_daemon_prepare_inside(char config[BENCH_PATH_SIZE], const bench_stack *stack,
                                         const bench_intune *intune, iscep_error *err)
{
    static const bench_daemon_settings defaults = {0};
    bench_daemon inside = {0};
    iscep_status status =
        bench_path_in(inside.socket_path, sizeof inside.socket_path, stack, "inside.sock", err);
    if (status == ISCEP_OK)
        status = bench_path_in(config, BENCH_PATH_SIZE, stack, "inside.conf", err);
    return status == ISCEP_OK ? prepare(&inside, config, stack, intune, &defaults, err) : status;
}

void bench_daemon_stop(bench_daemon *daemon)
{
    bench_process_stop(&daemon->process);
}
