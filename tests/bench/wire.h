/* A connection to the daemon, by a Unix socket or by TCP, plain or with TLS: opened at leisure, used without waiting. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <openssl/types.h>
#include <stdint.h>

#include "base/error.h"

typedef struct bench_address {
    const char *socket_path; /* NULL: TCP on loopback */
    uint16_t port;
    SSL_CTX *tls; /* NULL: none. Borrowed */
} bench_address;

typedef struct bench_wire {
    int fd;
    SSL *tls;
} bench_wire;

/* What a client demands that trusts this CA and knows the daemon as localhost. Free with SSL_CTX_free. */
iscep_status bench_tls_client(SSL_CTX **out, const char *ca_file, iscep_error *err) ISCEP_CHECKED;

/* Waits until it is open, TLS included; afterwards it is non-blocking. Close it in both cases. */
iscep_status bench_wire_open(bench_wire *out, const bench_address *address, iscep_error *err) ISCEP_CHECKED;
void bench_wire_close(bench_wire *wire);

/* What can be moved now, which may be nothing. NETWORK: it cannot, or the daemon has ended the connection. */
iscep_status bench_wire_send(size_t *moved, const bench_wire *wire, const void *data, size_t len,
                             iscep_error *err) ISCEP_CHECKED;
iscep_status bench_wire_receive(size_t *moved, const bench_wire *wire, void *data, size_t room,
                                iscep_error *err) ISCEP_CHECKED;

#endif
