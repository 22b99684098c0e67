/*
 * Stands between programs and their PostgreSQL server, and counts what they ask of it: statements, and the times that they wait for an
 * answer. Another Unix socket, with the server's port in its name; what passes is not changed. It has a thread of its own.
 */
#ifndef BENCH_RELAY_H
#define BENCH_RELAY_H

#include "postgres.h"

typedef struct bench_relay bench_relay;

typedef struct bench_relay_counts {
    int64_t statements;  /* begin and commit are two */
    int64_t round_trips; /* something was sent, and then something came back */
} bench_relay_counts;

iscep_status bench_relay_open(bench_relay **out, const bench_postgres *postgres,
                              iscep_error *err) ISCEP_CHECKED;
void bench_relay_close(bench_relay *relay); /* NULL is allowed */

/* For bench_postgres_conninfo. */
const char *bench_relay_socket_dir(const bench_relay *relay);
bench_relay_counts bench_relay_count(const bench_relay *relay);

#endif
