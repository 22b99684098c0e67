/* See bench.h. */
#include "tests/unit/ca/bench.h"

#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls.h"
#include "tests/support/loop_thread.h"
#include "tests/support/test_pki.h"

enum { PATIENCE_MS = 10000, MAX_PATHS = 32 };

void answer_catch(void *user, const iscep_ca_result *result)
{
    answer *a = user;
    a->count++;
    a->is_there = true;
    a->outcome = result->outcome;
    a->retry_after_ms = result->retry_after_ms;
    iscep_text_copy(a->message, sizeof a->message, result->message);
    if (a->loop != NULL)
        iscep_loop_stop(a->loop);
}

void bench_start(bench *b, iscep_ca_kind kind)
{
    static const iscep_log silence = {.min_level = ISCEP_LOG_ERROR};
    *b = (bench){.env = iscep_env_system(&silence)};
    signal(SIGPIPE, SIG_IGN); /* as the daemon's main says */
    cr_assert_eq(iscep_loop_new(&b->loop, NULL), ISCEP_OK);
    temp_dir_make(&b->dir);
    b->options = (iscep_ca_options){
        .name = "test", .kind = kind, .timeout_ms = PATIENCE_MS, .max_in_flight = 4, .crl_days = 7};
}

void bench_stop(bench *b)
{
    iscep_ca_free(b->ca);
    iscep_http_server_free(b->server);
    iscep_tls_server_free(b->tls);
    iscep_loop_free(b->loop);
    temp_dir_remove(&b->dir);
}

const char *bench_path(bench *b, const char *name)
{
    static char paths[MAX_PATHS][160];
    static unsigned used;
    char *path = paths[used++ % MAX_PATHS];
    temp_dir_path(&b->dir, path, sizeof paths[0], name);
    return path;
}

const char *bench_write(bench *b, const char *name, const char *text)
{
    char path[160];
    temp_dir_write(&b->dir, path, sizeof path, name, text);
    return bench_path(b, name);
}

void bench_serve(bench *b, iscep_http_handler handler, void *user, const char *client_ca_file)
{
    const iscep_http_server_options limits = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    iscep_error err = ISCEP_ERROR_INIT;
    uint16_t port;
    char key_file[128];
    temp_dir_path(&b->dir, b->ca_file, sizeof b->ca_file, "tls.pem");
    temp_dir_path(&b->dir, key_file, sizeof key_file, "tls.key");
    test_pki_write_tls_files(b->ca_file, key_file);
    cr_assert_eq(iscep_tls_server_new(&b->tls, b->ca_file, key_file, &err), ISCEP_OK, "%s", err.message);
    if (client_ca_file != NULL) {
        SSL_CTX_set_verify(b->tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        cr_assert_eq(SSL_CTX_load_verify_locations(b->tls, client_ca_file, NULL), 1);
    }
    cr_assert_eq(iscep_http_server_new(&b->server, &b->env, b->loop, &limits, handler, user, &err), ISCEP_OK);
    cr_assert_eq(iscep_http_server_listen_tcp(b->server, "127.0.0.1", 0, b->tls, &port, &err), ISCEP_OK, "%s",
                 err.message);
    snprintf(b->url, sizeof b->url, "https://localhost:%u", port);
    b->options.url = b->url;
    b->options.ca_file = b->ca_file;
}

void bench_open(bench *b)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_ca_new(&b->ca, &b->env, b->loop, &b->options, &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(iscep_ca_options_of(b->ca), &b->options);
}

void bench_assert_refused(bench *b, const char *want)
{
    iscep_ca *ca = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_ca_new(&ca, &b->env, b->loop, &b->options, &err), ISCEP_CONFIG, "not refused: %s",
                 want);
    cr_assert_null(ca);
    cr_assert_not_null(strstr(err.message, want), "\"%s\" is not in \"%s\"", want, err.message);
}

iscep_ca_request bench_request(const bench *b, const char *serial)
{
    return (iscep_ca_request){.serial = serial,
                              .issuer = BENCH_ISSUER,
                              .reason = ISCEP_CRL_CESSATION_OF_OPERATION,
                              .deadline_mono_ms = iscep_now_mono_ms(&b->env) + PATIENCE_MS};
}

answer bench_ask(bench *b, const iscep_ca_request *request)
{
    answer a = {.loop = b->loop};
    if (b->ca == NULL)
        bench_open(b);
    iscep_ca_revoke(b->ca, request, answer_catch, &a);
    loop_run_until(b->loop, &a.is_there);
    cr_assert_eq(a.count, 1);
    return a;
}

answer bench_revoke(bench *b, const char *serial)
{
    const iscep_ca_request request = bench_request(b, serial);
    return bench_ask(b, &request);
}

void bench_expect(bench *b, const char *serial, iscep_ca_outcome outcome, const char *text)
{
    answer a = bench_revoke(b, serial);
    cr_assert_eq(a.outcome, outcome, "%s: %s", iscep_ca_outcome_name(a.outcome), a.message);
    cr_assert_not_null(strstr(a.message, text), "\"%s\" is not in \"%s\"", text, a.message);
}
