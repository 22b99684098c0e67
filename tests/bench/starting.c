/* See starting.h. */
#include "starting.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "meter.h"

enum { START_TIMEOUT_MS = 20000, PROBE_INTERVAL_MS = 2 };

iscep_status bench_path_in(char *out, size_t out_size, const bench_stack *stack, const char *name,
                           iscep_error *err)
{
    int len = snprintf(out, out_size, "%s/%s", stack->dir, name);
    if (len > 0 && (size_t)len < out_size)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_CONFIG, "path", "%s/%s: the path is too long", stack->dir, name);
}

iscep_status bench_program_path(char *out, size_t out_size, const bench_stack *stack, const char *name,
                                iscep_error *err)
{
    int len = snprintf(out, out_size, "%s/%s", stack->bin_dir, name);
    if (len > 0 && (size_t)len < out_size && access(out, X_OK) == 0)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_CONFIG, "bin", "%s/%s is not there; give its directory with --bin",
                           stack->bin_dir, name);
}

iscep_status bench_write_file(const char *path, const char *text, iscep_error *err)
{
    FILE *file = fopen(path, "we");
    bool is_written = file != NULL && fputs(text, file) >= 0;
    if (file != NULL && fclose(file) != 0)
        is_written = false;
    return is_written ? ISCEP_OK
                      : iscep_error_set(err, ISCEP_STORAGE, "file", "%s: %s", path, strerror(errno));
}

iscep_status bench_wait_until(bench_condition is_met, const void *subject, const bench_process *process,
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

iscep_status bench_explain(iscep_status status, const char *log_path, iscep_error *err)
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

int bench_reserve_port(uint16_t *out)
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
