/*
 * A program that is killed and started again: the connector, and now and then the SCEP server. One thread: it dies with the
 * one that started it.
 */
#ifndef CHAOS_PROGRAM_H
#define CHAOS_PROGRAM_H

#include "base/env.h"
#include "tests/bench/process.h"

typedef struct chaos_program {
    const iscep_env *env;
    const char *const *argv;
    const char *log_path;
    const char *probe_url;   /* answered with 200 when it works */
    const char *socket_path; /* of the probe; NULL: TCP */
    bench_process process;
    int64_t kills;
    int64_t crashes; /* it ended although nobody had killed it */
} chaos_program;

iscep_status chaos_program_start(chaos_program *program, iscep_error *err) ISCEP_CHECKED;
/* Until it answers. One that ends meanwhile is a crash, and started again. */
iscep_status chaos_program_await(chaos_program *program, iscep_error *err) ISCEP_CHECKED;
/* SIGKILL, and gone when this returns. */
void chaos_program_kill(chaos_program *program);
/* SIGTERM: an orderly end, so that a sanitizer can speak. */
void chaos_program_stop(chaos_program *program);

#endif
