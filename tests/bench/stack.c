/* See stack.h. */
#include "stack.h"

#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "starting.h"

#define NGHTTPX "/usr/sbin/nghttpx"

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
    iscep_status status = bench_path_in(out->secret_file, sizeof out->secret_file, out, "secret", err);
    if (status == ISCEP_OK)
        status = bench_path_in(out->ca_file, sizeof out->ca_file, out, "mock/ca.pem", err);
    return status == ISCEP_OK ? bench_write_file(out->secret_file, BENCH_SECRET, err) : status;
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
    iscep_status status = bench_program_path(program, sizeof program, stack, "intune-mock", err);
    if (status == ISCEP_OK)
        status = bench_path_in(state_dir, sizeof state_dir, stack, "mock", err);
    if (status == ISCEP_OK)
        status = bench_path_in(port_file, sizeof port_file, stack, "mock.port", err);
    if (status == ISCEP_OK)
        status = bench_path_in(log, sizeof log, stack, "mock.log", err);
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
        status =
            bench_explain(bench_wait_until(is_file_there, port_file, &out->mock, program, err), log, err);
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
    iscep_status status = bench_path_in(key, sizeof key, stack, "mock/server.key", err);
    if (status == ISCEP_OK)
        status = bench_path_in(cert, sizeof cert, stack, "mock/server.pem", err);
    if (status == ISCEP_OK)
        status = bench_path_in(log, sizeof log, stack, "nghttpx.log", err);
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
    return status == ISCEP_OK
               ? bench_explain(bench_wait_until(is_port_open, &port, &out->proxy, NGHTTPX, err), log, err)
               : status;
}

iscep_status bench_intune_start_http2(bench_intune *out, const bench_stack *stack, iscep_error *err)
{
    *out = (bench_intune){0};
    uint16_t port = 0, mock_port = 0;
    int reserved = bench_reserve_port(&port);
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
