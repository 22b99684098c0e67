/*
 * What workers share without asking each other: the audit trail, the log, randomness, the CAs' options, and whatever libraries
 * keep behind our back (OpenSSL, cJSON). Each thread does what a worker does with a request; then the trail must be whole, with
 * every line in it.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/audit.h"
#include "base/audit_chain.h"
#include "base/json.h"
#include "base/x509.h"
#include "base/x509_facts.h"
#include "expect.h"
#include "service/routing.h"

enum { WORKERS = 4, ROUNDS = 200, MAX_FILE_LEN = 4 * 1024 * 1024 };

#define ISSUER "CN=Issuing CA,O=Contoso"

/* --- the world --- */

static atomic_uint logged;

static void count_line(void *user, const char *line, size_t len)
{
    (void)user;
    expect(len > 0 && line[len - 1] == '\n', "a line of the log");
    atomic_fetch_add(&logged, 1);
}

static const iscep_log log_here = {.min_level = ISCEP_LOG_INFO, .write = count_line};
static iscep_env env;
static iscep_routing routing;
static iscep_buf csr;

static void read_file(iscep_buf *out, const char *path)
{
    uint8_t piece[65536];
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    expect(fd >= 0, path);
    iscep_buf_init(out, MAX_FILE_LEN);
    while ((got = read(fd, piece, sizeof piece)) > 0)
        iscep_buf_append(out, piece, (size_t)got);
    close(fd);
    expect_ok(iscep_buf_status(out, NULL), path, NULL);
}

/* --- a worker --- */

static void parse_request(void)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_csr *parsed = NULL;
    iscep_x509_facts facts = {0};
    expect_ok(iscep_csr_parse(&parsed, iscep_buf_bytes(&csr), &err), "a CSR", &err);
    expect_ok(iscep_x509_facts_of_request(&facts, iscep_buf_bytes(&csr), &err), "its facts", &err);
    iscep_x509_facts_clear(&facts);
    iscep_csr_free(parsed);
    /* What fails leaves its reason in this thread's queue, and in no other's. */
    expect(iscep_csr_parse(&parsed, iscep_bytes_of(csr.data, csr.len - 1), &err) == ISCEP_USAGE, "a cut CSR");
}

static void parse_body(void)
{
    ISCEP_AUTO_JSON *json = NULL;
    static const char good[] = "{\"transactionId\":\"1\"}", bad[] = "{\"transactionId\":";
    expect(iscep_json_parse(&json, iscep_bytes_of_text(good), NULL) == ISCEP_OK, "JSON");
    expect(strcmp(iscep_json_text(json, "transactionId"), "1") == 0, "a member");
    iscep_json_free(json);
    json = NULL;
    expect(iscep_json_parse(&json, iscep_bytes_of_text(bad), NULL) != ISCEP_OK, "broken JSON");
}

static void *work(void *user)
{
    const int worker = *(const int *)user;
    for (int round = 0; round < ROUNDS; round++) {
        char guid[ISCEP_GUID_SIZE];
        const iscep_ca *ca = iscep_routing_by_issuer(&routing, "O=Contoso, CN=Issuing CA");
        expect(ca != NULL && strcmp(iscep_ca_options_of(ca)->name, "issuing") == 0, "the CA");
        expect(iscep_routing_by_issuer(&routing, "CN=Nobody") == NULL, "no CA");
        expect(iscep_guid_new(guid, &env, NULL) == ISCEP_OK, "an id");
        parse_request();
        parse_body();
        iscep_log_event(env.log, ISCEP_LOG_INFO, "request_verified",
                        ISCEP_LOG_TEXT("client_request_id", guid));
        iscep_audit_event(env.audit, "request_verified", ISCEP_LOG_NUM("worker", worker),
                          ISCEP_LOG_NUM("round", round), ISCEP_LOG_TEXT("client_request_id", guid));
    }
    return NULL;
}

/* --- afterwards --- */

/* Each worker's lines stand in the order in which it wrote them. */
static void check_order(iscep_buf *trail)
{
    int next[WORKERS] = {0}, worker, round;
    const char *at = iscep_buf_text(trail);
    while ((at = strstr(at, "\"worker\":")) != NULL) {
        expect(sscanf(at, "\"worker\":%d,\"round\":%d", &worker, &round) == 2, "a line");
        expect(worker >= 0 && worker < WORKERS && next[worker] == round, "the order of a worker's lines");
        next[worker]++;
        at++;
    }
    for (worker = 0; worker < WORKERS; worker++)
        expect(next[worker] == ROUNDS, "all lines of a worker");
}

static void check_trail(const char *path)
{
    ISCEP_AUTO_BUF trail;
    iscep_audit_chain chain;
    read_file(&trail, path);
    iscep_audit_chain_init(&chain, NULL);
    iscep_audit_chain_begin_file(&chain);
    iscep_audit_chain_feed(&chain, iscep_buf_bytes(&trail));
    iscep_audit_chain_end_file(&chain);
    expect(chain.fault == ISCEP_AUDIT_SOUND, iscep_audit_fault_name(chain.fault));
    expect(chain.line_count == (uint64_t)WORKERS * ROUNDS && chain.missed == 0, "a line for each decision");
    iscep_audit_chain_clear(&chain);
    check_order(&trail);
}

static void run_workers(void)
{
    pthread_t threads[WORKERS];
    int numbers[WORKERS];
    char hash[ISCEP_AUDIT_HASH_SIZE];
    for (int i = 0; i < WORKERS; i++) {
        numbers[i] = i;
        expect(pthread_create(&threads[i], NULL, work, &numbers[i]) == 0, "a thread");
    }
    while (iscep_audit_head(env.audit, hash) < (uint64_t)ROUNDS) /* the keeper looks meanwhile */
        expect(strlen(hash) == ISCEP_AUDIT_HASH_SIZE - 1, "the head");
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/threads-workers-XXXXXX", path[sizeof dir + 16];
    const iscep_ca_options options = {.name = "issuing",
                                      .kind = ISCEP_CA_COMMAND,
                                      .issuer = ISSUER,
                                      .timeout_ms = 1000,
                                      .max_in_flight = 1,
                                      .arguments = {"/bin/false"}};
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_loop *loop = NULL;
    iscep_ca *ca = NULL;
    expect(argc == 2, "usage: threads_workers CSR.der");
    expect(mkdtemp(dir) != NULL, dir);
    snprintf(path, sizeof path, "%s/audit.log", dir);
    read_file(&csr, argv[1]);
    env = iscep_env_system(&log_here);
    expect_ok(iscep_audit_open(&env.audit, &env, path, &err), path, &err);
    expect_ok(iscep_loop_new(&loop, &err), "a loop", &err);
    expect_ok(iscep_ca_new(&ca, &env, loop, &options, &err), "a CA", &err);
    routing = (iscep_routing){.cas = &ca, .count = 1};
    run_workers();
    iscep_audit_close(env.audit);
    check_trail(path);
    expect(atomic_load(&logged) == WORKERS * ROUNDS, "a line in the log for each");
    iscep_ca_free(ca);
    iscep_loop_free(loop);
    iscep_buf_clear(&csr);
    unlink(path);
    rmdir(dir);
    return 0;
}
