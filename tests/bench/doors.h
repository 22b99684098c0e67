/* The ways into the daemon as a SCEP server uses them: its socket, TCP with TLS and a token, step-ca's webhook. */
#ifndef BENCH_DOORS_H
#define BENCH_DOORS_H

#include "daemon.h"
#include "load.h"
#include "plugin/abi/question.h"

/* A validation. All of it is borrowed. */
typedef struct bench_subject {
    iscep_bytes csr;
    const char *challenge;      /* step-ca sends it beside the CSR; the others do not */
    const char *transaction_id; /* "-" and the connection's number are appended; at most 100 characters */
    uint32_t timeout_ms;        /* how long the caller waits for an answer */
} bench_subject;

/* Each connection asks about a transaction of its own: the daemon would answer equal questions with one call. The last two
 * need a daemon with doors. tls: from bench_tls_client. */
bench_door bench_door_unix(const bench_daemon *daemon, const bench_subject *subject);
bench_door bench_door_tls(const bench_daemon *daemon, const bench_subject *subject, SSL_CTX *tls);
bench_door bench_door_step_ca(const bench_daemon *daemon, const bench_subject *subject, SSL_CTX *tls);

/* For doors with questions of their own: raw DER, and text for an answer. */
iscep_status bench_question_write(iscep_buf *out, const bench_door *door, const iscep_question *question,
                                  uint32_t timeout_ms, iscep_error *err) ISCEP_CHECKED;
bench_read bench_verdict_read(const uint8_t *data, size_t len, iscep_question_kind kind, bench_answer *out);

#endif
