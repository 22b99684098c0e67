/*
 * A PostgreSQL server to throw away (tests/support/postgres.sh), for the rows of a journal that several nodes share: with fsync, on a
 * Unix socket. It lives no longer than we do. Journals are schemas in it, each with as much history as is wanted.
 */
#ifndef BENCH_POSTGRES_H
#define BENCH_POSTGRES_H

#include "stack.h"

enum { BENCH_CONNINFO_SIZE = 2 * BENCH_PATH_SIZE };

typedef struct bench_postgres {
    pid_t keeper; /* the script; 0: none */
    int life_fd;  /* it ends when this is closed */
    pid_t server;
    char dir[BENCH_PATH_SIZE];
    unsigned port;
    char made[32]; /* the schema of bench_postgres_have, and its history */
    uint32_t made_count;
} bench_postgres;

/* Starts one, unless it runs. CONFIG: this machine has none that can be started. Stop it when all is done. */
iscep_status bench_postgres_start(bench_postgres *postgres, const bench_stack *stack,
                                  iscep_error *err) ISCEP_CHECKED;
void bench_postgres_stop(bench_postgres *postgres);

/* The schema's conninfo; socket_dir NULL: the server's own (relay.h has another). */
void bench_postgres_conninfo(char out[BENCH_CONNINFO_SIZE], const bench_postgres *postgres,
                             const char *socket_dir, const char *schema);

/*
 * The schema is made anew, with count enrolments, each with a certificate that was reported long ago, and the statistics of
 * them. Nobody has it open.
 */
iscep_status bench_postgres_make(const bench_postgres *postgres, const char *schema, uint32_t count,
                                 iscep_error *err) ISCEP_CHECKED;

/* The same, but one that was made so by the last call is kept, with what has come to it since. Shows that it takes a while. */
iscep_status bench_postgres_have(bench_postgres *postgres, const char *schema, uint32_t count,
                                 iscep_error *err) ISCEP_CHECKED;

/* CPU time of the server and of all it has begun; -1 if it cannot be read. */
int64_t bench_postgres_cpu_ns(const bench_postgres *postgres);

#endif
