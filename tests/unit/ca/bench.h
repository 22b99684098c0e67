/*
 * A CA under test: a loop that the test itself runs, the executor on it, and the answer of one revocation. Where the CA
 * is a server, its stand-in is on the same loop, behind real TLS.
 */
#ifndef ISCEP_TESTS_CA_BENCH_H
#define ISCEP_TESTS_CA_BENCH_H

#include <openssl/types.h>

#include "ca/ca.h"
#include "net/http_server.h"
#include "tests/support/temp_dir.h"

#define BENCH_ISSUER "CN=Device CA,O=Contoso"

typedef struct answer {
    unsigned count; /* must be 1 in the end */
    bool is_there;
    iscep_loop *loop; /* stopped when it comes */
    iscep_ca_outcome outcome;
    int64_t retry_after_ms;
    char message[512];
} answer;

void answer_catch(void *user, const iscep_ca_result *result);

typedef struct bench {
    iscep_env env;
    iscep_loop *loop;
    temp_dir dir;
    iscep_ca_options options; /* the test fills what its kind needs */
    iscep_ca *ca;
    /* the stand-in */
    iscep_http_server *server;
    SSL_CTX *tls;
    char ca_file[128];
    char url[64];
} bench;

/* The struct must not move afterwards. */
void bench_start(bench *b, iscep_ca_kind kind);
void bench_stop(bench *b);
/* A file in the bench's directory, which lives as long as the test. */
const char *bench_path(bench *b, const char *name);
const char *bench_write(bench *b, const char *name, const char *text);
/* The stand-in for a CA: handler gets its requests. With is_mutual it wants a client certificate of client_ca_file. */
void bench_serve(bench *b, iscep_http_handler handler, void *user, const char *client_ca_file);

/* From b->options; the test fails if they are not right. */
void bench_open(bench *b);
/* The options are refused: CONFIG, with a message that contains want. */
void bench_assert_refused(bench *b, const char *want);

/* A revocation with a deadline of ten seconds. */
iscep_ca_request bench_request(const bench *b, const char *serial);
/* Revokes and waits for the answer; opens the CA if it is not. */
answer bench_revoke(bench *b, const char *serial);
answer bench_ask(bench *b, const iscep_ca_request *request);
/* Revokes, and wants this outcome and a message that contains text. */
void bench_expect(bench *b, const char *serial, iscep_ca_outcome outcome, const char *text);

#endif
