/*
 * Asks a running intune-scepd about one CSR, many times, and says how it went.
 *
 *     ask-daemon SOCKET CSR-FILE COUNT CONNECTIONS
 *
 * Exit codes: 0 every answer was ALLOW, 1 otherwise, 2 usage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doors.h"
#include "meter.h"
#include "scep_plugin.h"

enum { EXIT_ALL_ALLOWED = 0, EXIT_NOT_ALL = 1, EXIT_USAGE = 2, MAX_CSR_LEN = 64 * 1024, TIMEOUT_MS = 30000 };

static iscep_status read_file(iscep_buf *out, const char *path, iscep_error *err)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return iscep_error_set(err, ISCEP_USAGE, "file", "cannot open %s", path);
    uint8_t *room = iscep_buf_reserve(out, MAX_CSR_LEN);
    if (room != NULL)
        out->len += fread(room, 1, MAX_CSR_LEN, file);
    fclose(file);
    return iscep_buf_status(out, err);
}

static iscep_status on_answer(void *user, const bench_answer *answer, int64_t started_mono_ns,
                              iscep_error *err)
{
    uint32_t *allowed = user;
    (void)started_mono_ns;
    if (answer->verdict != SCEP_VERDICT_ALLOW)
        return iscep_error_set(err, ISCEP_PROTOCOL, "not_allowed", "an answer was %.*s",
                               (int)answer->code.len, (const char *)answer->code.data);
    ++*allowed;
    return ISCEP_OK;
}

static iscep_status ask(const bench_load_options *options, uint32_t count, iscep_error *err)
{
    uint32_t allowed = 0;
    bench_load *load;
    const bench_load_watch watch = {.on_answer = on_answer, .user = &allowed};
    iscep_status status = bench_load_open(&load, options, err);
    if (status != ISCEP_OK)
        return status;
    int64_t started_mono_ns = bench_now_mono_ns();
    status = bench_load_run(load, count, 0, &watch, err);
    double seconds = (double)(bench_now_mono_ns() - started_mono_ns) / 1e9;
    bench_load_close(load);
    printf("%u allowed in %.1f s, %.0f a second\n", allowed, seconds, allowed / seconds);
    return status;
}

int main(int argc, char **argv)
{
    iscep_error err = ISCEP_ERROR_INIT;
    unsigned long count = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;
    unsigned long connections = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
    if (count == 0 || connections == 0 || count > UINT32_MAX || connections > count) {
        fputs("Usage: ask-daemon SOCKET CSR-FILE COUNT CONNECTIONS\n", stderr);
        return EXIT_USAGE;
    }
    ISCEP_AUTO_BUF csr;
    iscep_buf_init(&csr, MAX_CSR_LEN);
    iscep_status status = read_file(&csr, argv[2], &err);
    bench_daemon daemon = {0};
    iscep_text_copy(daemon.socket_path, sizeof daemon.socket_path, argv[1]);
    const bench_subject subject = {
        .csr = iscep_buf_bytes(&csr), .transaction_id = "ask-daemon", .timeout_ms = TIMEOUT_MS};
    const bench_door door = bench_door_unix(&daemon, &subject);
    const bench_load_options options = {
        .doors = &door, .door_count = 1, .connections = (uint32_t)connections};
    if (status == ISCEP_OK)
        status = ask(&options, (uint32_t)count, &err);
    if (status != ISCEP_OK)
        fprintf(stderr, "ask-daemon: %s\n", err.message);
    return status == ISCEP_OK ? EXIT_ALL_ALLOWED : EXIT_NOT_ALL;
}
