/*
 * A program that is killed and started again: the connector, and now and then the SCEP server. One thread, because it dies with
 * the one that started it; another may only send it signals, with the lock.
 */
#ifndef CHAOS_PROGRAM_H
#define CHAOS_PROGRAM_H

#include <pthread.h>

#include "base/env.h"
#include "tests/bench/process.h"

typedef struct chaos_program {
    const iscep_env *env;
    const char *const *argv;
    const char *log_path;
    const char *probe_url;   /* answered with 200 when it works */
    const char *socket_path; /* of the probe; NULL: TCP */
    pthread_mutex_t lock;    /* guards what follows */
    bench_process process;
    bool is_up; /* it has answered since it was started */
    int64_t kills;
    int64_t crashes; /* it ended although nobody had killed it */
} chaos_program;

iscep_status chaos_program_start(chaos_program *program, iscep_error *err) ISCEP_CHECKED;
/* Until it answers. One that ends meanwhile is a crash, and started again. */
iscep_status chaos_program_await(chaos_program *program, iscep_error *err) ISCEP_CHECKED;
/* SIGKILL, and gone when this returns. */
void chaos_program_kill(chaos_program *program);
/* Another signal, to one that has answered since it was started; false: there is none. */
bool chaos_program_tell_locked(chaos_program *program, int number);
/* SIGTERM: an orderly end, so that a sanitizer can speak. */
void chaos_program_stop(chaos_program *program);

#endif
