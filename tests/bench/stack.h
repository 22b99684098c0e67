/*
 * What a measurement needs: a temporary directory, and in it intune-mock, with Debian's nghttpx in front of it where HTTP/2
 * is wanted. They and intune-scepd (daemon.h) live on free ports, no longer than we do.
 */
#ifndef BENCH_STACK_H
#define BENCH_STACK_H

#include <limits.h>

#include "process.h"

#define BENCH_TENANT_ID "11111111-2222-3333-4444-555555555555"
#define BENCH_CLIENT_ID "66666666-7777-8888-9999-000000000000"
#define BENCH_SECRET    "a secret of the benchmark"

enum { BENCH_URL_SIZE = 128, BENCH_PATH_SIZE = 256 };

/* The temporary directory, and what is in it before anything runs. */
typedef struct bench_stack {
    const char *bin_dir; /* borrowed */
    char dir[BENCH_PATH_SIZE / 2];
    char secret_file[BENCH_PATH_SIZE];
    char ca_file[BENCH_PATH_SIZE]; /* of intune-mock, once it has run */
} bench_stack;

typedef struct bench_intune {
    bench_process mock;
    bench_process proxy;
    char url[BENCH_URL_SIZE];       /* where a client finds it: https */
    char admin_url[BENCH_URL_SIZE]; /* the mock itself */
} bench_intune;

iscep_status bench_stack_open(bench_stack *out, const char *bin_dir, iscep_error *err) ISCEP_CHECKED;
void bench_stack_close(bench_stack *stack); /* removes the directory */

/* Each returns when the program answers; stop it in any case. */
iscep_status bench_intune_start(bench_intune *out, const bench_stack *stack, iscep_error *err) ISCEP_CHECKED;
iscep_status bench_intune_start_http2(bench_intune *out, const bench_stack *stack,
                                      iscep_error *err) ISCEP_CHECKED;
void bench_intune_stop(bench_intune *intune);
bool bench_intune_can_http2(void); /* is nghttpx installed? */

#endif
