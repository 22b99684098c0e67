/* See stack.h. */
#include "stack.h"

#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fetch.h"
#include "meter.h"

#define NGHTTPX "/usr/sbin/nghttpx"

enum { START_TIMEOUT_MS = 20000, PROBE_INTERVAL_MS = 2, MAX_FILE_LEN = 64 * 1024 };

/* --- files --- */

static iscep_status path_in(char *out, size_t out_size, const bench_stack *stack, const char *name,
                            iscep_error *err)
{
    int len = snprintf(out, out_size, "%s/%s", stack->dir, name);
    if (len > 0 && (size_t)len < out_size)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_CONFIG, "path", "%s/%s: the path is too long", stack->dir, name);
}

static iscep_status program_path(char *out, size_t out_size, const bench_stack *stack, const char *name,
                                 iscep_error *err)
{
    int len = snprintf(out, out_size, "%s/%s", stack->bin_dir, name);
    if (len > 0 && (size_t)len < out_size && access(out, X_OK) == 0)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_CONFIG, "bin", "%s/%s is not there; give its directory with --bin",
                           stack->bin_dir, name);
}

static iscep_status write_file(const char *path, const char *text, iscep_error *err)
{
    FILE *file = fopen(path, "we");
    bool is_written = file != NULL && fputs(text, file) >= 0;
    if (file != NULL && fclose(file) != 0)
        is_written = false;
    return is_written ? ISCEP_OK
                      : iscep_error_set(err, ISCEP_STORAGE, "file", "%s: %s", path, strerror(errno));
}

iscep_status bench_stack_open(bench_stack *out, const char *bin_dir, iscep_error *err)
{
    *out = (bench_stack){.bin_dir = bin_dir};
    const char *base = getenv("TMPDIR");
    int len = snprintf(out->dir, sizeof out->dir, "%s/iscep-bench-XXXXXX", base != NULL ? base : "/tmp");
    if (len < 0 || (size_t)len >= sizeof out->dir || mkdtemp(out->dir) == NULL) {
        iscep_error_set(err, ISCEP_STORAGE, "tmp", "cannot make %s: %s", out->dir, strerror(errno));
        out->dir[0] = '\0';
        return ISCEP_STORAGE;
    }
    iscep_status status = path_in(out->secret_file, sizeof out->secret_file, out, "secret", err);
    if (status == ISCEP_OK)
        status = path_in(out->ca_file, sizeof out->ca_file, out, "mock/ca.pem", err);
    return status == ISCEP_OK ? write_file(out->secret_file, BENCH_SECRET, err) : status;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void bench_stack_close(bench_stack *stack)
{
    if (stack->dir[0] != '\0')
        nftw(stack->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- waiting for a program that was started --- */

typedef bool (*condition)(const void *subject);

static iscep_status wait_until(condition is_met, const void *subject, const bench_process *process,
                               const char *name, iscep_error *err)
{
    int64_t deadline_ns = bench_now_mono_ns() + START_TIMEOUT_MS * 1000000LL;
    while (!is_met(subject)) {
        if (!bench_process_is_running(process))
            return iscep_error_set(err, ISCEP_SERVICE, "start", "%s ended as soon as it was started", name);
        if (bench_now_mono_ns() > deadline_ns)
            return iscep_error_set(err, ISCEP_SERVICE, "start", "%s did not begin to answer", name);
        poll(NULL, 0, PROBE_INTERVAL_MS);
    }
    return ISCEP_OK;
}

/* Adds the end of its log to what is known of a failure. */
static iscep_status explain(iscep_status status, const char *log_path, iscep_error *err)
{
    char tail[256] = "";
    FILE *log = status == ISCEP_OK ? NULL : fopen(log_path, "re");
    if (log == NULL)
        return status;
    if (fseek(log, -(long)(sizeof tail - 1), SEEK_END) != 0)
        rewind(log);
    tail[fread(tail, 1, sizeof tail - 1, log)] = '\0';
    fclose(log);
    char message[sizeof err->message];
    iscep_text_copy(message, sizeof message, err->message);
    return iscep_error_set(err, status, err->code, "%.200s: %s", message, tail);
}

/* --- Intune --- */

static bool is_file_there(const void *path)
{
    return access(path, F_OK) == 0;
}

static iscep_status read_port(const char *path, uint16_t *out, iscep_error *err)
{
    unsigned port = 0;
    FILE *file = fopen(path, "re");
    bool is_read = file != NULL && fscanf(file, "%u", &port) == 1 && port > 0 && port <= UINT16_MAX;
    if (file != NULL)
        fclose(file);
    *out = (uint16_t)port;
    return is_read ? ISCEP_OK : iscep_error_set(err, ISCEP_PROTOCOL, "port", "%s has no port number", path);
}

/* public_url NULL: the mock speaks TLS itself. */
static iscep_status start_mock(bench_intune *out, const bench_stack *stack, const char *public_url,
                               uint16_t *port, iscep_error *err)
{
    char program[PATH_MAX];
    char state_dir[BENCH_PATH_SIZE], port_file[BENCH_PATH_SIZE], log[BENCH_PATH_SIZE];
    iscep_status status = program_path(program, sizeof program, stack, "intune-mock", err);
    if (status == ISCEP_OK)
        status = path_in(state_dir, sizeof state_dir, stack, "mock", err);
    if (status == ISCEP_OK)
        status = path_in(port_file, sizeof port_file, stack, "mock.port", err);
    if (status == ISCEP_OK)
        status = path_in(log, sizeof log, stack, "mock.log", err);
    if (status != ISCEP_OK)
        return status;
    unlink(port_file);
    const char *argv[] = {program,
                          "--state",
                          state_dir,
                          "--tenant",
                          BENCH_TENANT_ID,
                          "--client-id",
                          BENCH_CLIENT_ID,
                          "--client-secret-file",
                          stack->secret_file,
                          "--port-file",
                          port_file,
                          public_url != NULL ? "--plain" : NULL,
                          "--public-url",
                          public_url,
                          NULL};
    status = bench_process_start(&out->mock, argv, log, err);
    if (status == ISCEP_OK)
        status = explain(wait_until(is_file_there, port_file, &out->mock, program, err), log, err);
    return status == ISCEP_OK ? read_port(port_file, port, err) : status;
}

iscep_status bench_intune_start(bench_intune *out, const bench_stack *stack, iscep_error *err)
{
    *out = (bench_intune){0};
    uint16_t port;
    iscep_status status = start_mock(out, stack, NULL, &port, err);
    if (status != ISCEP_OK)
        return status;
    snprintf(out->url, sizeof out->url, "https://localhost:%u", port);
    snprintf(out->admin_url, sizeof out->admin_url, "%s", out->url);
    return ISCEP_OK;
}

/* A free port that stays ours while the socket is open: bound, but not listening, so that another may bind it too who
 * also says SO_REUSEADDR. -1: none. */
static int reserve_port(uint16_t *out)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &len) == 0) {
        *out = ntohs(address.sin_port);
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool is_port_open(const void *subject)
{
    const uint16_t *port = subject;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_open = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    return is_open;
}

static iscep_status start_proxy(bench_intune *out, const bench_stack *stack, uint16_t port,
                                uint16_t mock_port, iscep_error *err)
{
    char frontend[64], backend[64], key[BENCH_PATH_SIZE], cert[BENCH_PATH_SIZE], log[BENCH_PATH_SIZE];
    snprintf(frontend, sizeof frontend, "--frontend=127.0.0.1,%u", port);
    snprintf(backend, sizeof backend, "--backend=127.0.0.1,%u", mock_port);
    iscep_status status = path_in(key, sizeof key, stack, "mock/server.key", err);
    if (status == ISCEP_OK)
        status = path_in(cert, sizeof cert, stack, "mock/server.pem", err);
    if (status == ISCEP_OK)
        status = path_in(log, sizeof log, stack, "nghttpx.log", err);
    if (status != ISCEP_OK)
        return status;
    const char *argv[] = {NGHTTPX,
                          "--conf=/dev/null",
                          "--single-process",
                          "--no-ocsp",
                          "--log-level=ERROR",
                          frontend,
                          backend,
                          key,
                          cert,
                          NULL};
    status = bench_process_start(&out->proxy, argv, log, err);
    return status == ISCEP_OK ? explain(wait_until(is_port_open, &port, &out->proxy, NGHTTPX, err), log, err)
                              : status;
}

iscep_status bench_intune_start_http2(bench_intune *out, const bench_stack *stack, iscep_error *err)
{
    *out = (bench_intune){0};
    uint16_t port = 0, mock_port = 0;
    int reserved = reserve_port(&port);
    if (reserved < 0)
        return iscep_error_set(err, ISCEP_NETWORK, "port", "there is no free port: %s", strerror(errno));
    snprintf(out->url, sizeof out->url, "https://localhost:%u", port);
    iscep_status status = start_mock(out, stack, out->url, &mock_port, err);
    if (status == ISCEP_OK)
        status = start_proxy(out, stack, port, mock_port, err);
    close(reserved);
    snprintf(out->admin_url, sizeof out->admin_url, "http://localhost:%u", mock_port);
    return status;
}

void bench_intune_stop(bench_intune *intune)
{
    bench_process_stop(&intune->proxy);
    bench_process_stop(&intune->mock);
}

bool bench_intune_can_http2(void)
{
    return access(NGHTTPX, X_OK) == 0;
}

/* --- the daemon --- */

static iscep_status write_config(const char *path, const bench_stack *stack, const bench_intune *intune,
                                 const bench_daemon *daemon, const bench_daemon_settings *settings,
                                 iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, MAX_FILE_LEN);
    iscep_buf_printf(&text, "[connector]\nlisten = unix:%s\n", daemon->socket_path);
    if (settings->request_timeout_ms != 0)
        iscep_buf_printf(&text, "request_timeout_ms = %u\n", settings->request_timeout_ms);
    iscep_buf_printf(&text, "[journal]\npath = %s.journal\n", daemon->socket_path);
    iscep_buf_printf(
        &text, "[tenant/bench]\ntenant_id = %s\nclient_id = %s\nclient_secret_file = %s\nca_file = %s\n",
        BENCH_TENANT_ID, BENCH_CLIENT_ID, stack->secret_file, stack->ca_file);
    iscep_buf_printf(&text, "authority = %s\ngraph = %s\nallowed_hosts = localhost\n", intune->url,
                     intune->url);
    if (settings->max_outbound_connections != 0)
        iscep_buf_printf(&text, "max_outbound_connections = %u\n", settings->max_outbound_connections);
    if (settings->connect_timeout_ms != 0)
        iscep_buf_printf(&text, "connect_timeout_ms = %u\n", settings->connect_timeout_ms);
    iscep_status status = iscep_buf_status(&text, err);
    return status == ISCEP_OK ? write_file(path, iscep_buf_text(&text), err) : status;
}

static bool is_ready(const void *subject)
{
    const bench_daemon *daemon = subject;
    ISCEP_AUTO_BUF reply;
    iscep_buf_init(&reply, MAX_FILE_LEN);
    const bench_fetch_request request = {
        .method = "GET", .url = "http://connector/readyz", .socket_path = daemon->socket_path};
    return access(daemon->socket_path, F_OK) == 0 && bench_fetch(&reply, &request, NULL) == ISCEP_OK;
}

iscep_status bench_daemon_start(bench_daemon *out, const bench_stack *stack, const bench_intune *intune,
                                const bench_daemon_settings *settings, iscep_error *err)
{
    *out = (bench_daemon){0};
    char program[PATH_MAX];
    char config[BENCH_PATH_SIZE], log[BENCH_PATH_SIZE];
    iscep_status status = program_path(program, sizeof program, stack, "intune-scepd", err);
    if (status == ISCEP_OK)
        status = path_in(out->socket_path, sizeof out->socket_path, stack, "connector.sock", err);
    if (status == ISCEP_OK)
        status = path_in(config, sizeof config, stack, "connector.conf", err);
    if (status == ISCEP_OK)
        status = path_in(log, sizeof log, stack, "connector.log", err);
    if (status == ISCEP_OK)
        status = write_config(config, stack, intune, out, settings, err);
    if (status != ISCEP_OK)
        return status;
    const char *argv[] = {program, "-c", config, NULL};
    status = bench_process_start(&out->process, argv, log, err);
    return status == ISCEP_OK ? explain(wait_until(is_ready, out, &out->process, program, err), log, err)
                              : status;
}

void bench_daemon_stop(bench_daemon *daemon)
{
    bench_process_stop(&daemon->process);
}
