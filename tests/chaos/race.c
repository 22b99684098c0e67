/*
 * scep-race: devices that fail over in mid-exchange, at the worst of moments. Each asks two SCEP servers for the same, with
 * one transaction id and one CSR, at the same instant, and while it is told PENDING again. Who was refused by one asks that
 * one once more, when both have had their say. For each a line:
 *
 *     NAME FIRST SECOND FIRST_AGAIN SECOND_AGAIN
 *
 * each a certificate's SHA-1 in upper-case hex, "refused:WHY", "lost:WHY", or "-": not asked.
 */
#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intune.h"
#include "tests/bench/fetch.h"
#include "tests/support/scep_client.h"
#include "tests/support/scep_client_csr.h"

enum {
    SERVERS = 2,
    MAX_DEVICES = 10000,
    MAX_MESSAGE_LEN = 256 * 1024,
    AGAIN_MS = 100, /* after PENDING */
    MAX_QUESTIONS = 600,
    WORD_SIZE = 600
};

typedef struct server {
    const char *url;
    X509 *ca;
} server;

/* One device's question to one server, on a thread of its own. */
typedef struct asking {
    const server *at;
    const scep_client_identity *identity;
    pthread_barrier_t *start;
    const char *name;
    iscep_bytes csr;
    char word[WORD_SIZE];
} asking;

static void say(asking *a, const char *what, const char *why)
{
    snprintf(a->word, sizeof a->word, "%s:%s", what, why);
    for (char *at = a->word; *at != '\0'; at++)
        if (*at == ' ')
            *at = '_';
}

static void say_cert(asking *a, const X509 *cert)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (X509_digest(cert, EVP_sha1(), digest, &len) != 1)
        say(a, "lost", "no digest");
    else
        for (unsigned i = 0; i < len; i++)
            snprintf(a->word + (size_t)2 * i, sizeof a->word - (size_t)2 * i, "%02X", digest[i]);
}

static iscep_status ask_once(scep_client_answer *out, const asking *a, bool is_poll, iscep_error *err)
{
    ISCEP_AUTO_BUF url, message, reply;
    iscep_buf_init(&url, MAX_MESSAGE_LEN);
    iscep_buf_init(&message, MAX_MESSAGE_LEN);
    iscep_buf_init(&reply, MAX_MESSAGE_LEN);
    const scep_client_question question = {.message = is_poll ? SCEP_CLIENT_CERT_POLL : SCEP_CLIENT_PKCS_REQ,
                                           .signer = a->identity,
                                           .key = a->identity->key,
                                           .ca = a->at->ca,
                                           .recipient = a->at->ca,
                                           .transaction_id = a->name,
                                           .csr = a->csr};
    iscep_status status = scep_client_question_emit(&message, &question, err);
    iscep_buf_printf(&url, "%s?operation=PKIOperation", a->at->url);
    const bench_fetch_request request = {.method = "POST",
                                         .url = iscep_buf_text(&url),
                                         .content_type = "application/x-pki-message",
                                         .body = iscep_buf_bytes(&message)};
    if (status == ISCEP_OK)
        status = bench_fetch(&reply, &request, err);
    return status == ISCEP_OK ? scep_client_answer_parse(out, iscep_buf_bytes(&reply), &question, err)
                              : status;
}

/* False: it must be asked again. */
static bool hear(asking *a, iscep_status status, const scep_client_answer *answer, const iscep_error *err)
{
    if (status != ISCEP_OK)
        say(a, "lost", err->message);
    else if (answer->kind == SCEP_CLIENT_ISSUED)
        say_cert(a, answer->cert);
    else if (answer->kind == SCEP_CLIENT_REFUSED)
        say(a, "refused", answer->reason);
    return status != ISCEP_OK || answer->kind != SCEP_CLIENT_PENDING;
}

static void ask_until_answered(asking *a)
{
    bool is_over = false;
    say(a, "lost", "pending for too long");
    for (int i = 0; i < MAX_QUESTIONS && !is_over; i++) {
        scep_client_answer answer = {0};
        iscep_error err = ISCEP_ERROR_INIT;
        iscep_status status = ask_once(&answer, a, i > 0, &err);
        is_over = hear(a, status, &answer, &err);
        scep_client_answer_clear(&answer);
        if (!is_over)
            poll(NULL, 0, AGAIN_MS);
    }
}

static void *ask_at_once(void *user)
{
    asking *a = user;
    pthread_barrier_wait(a->start);
    ask_until_answered(a);
    return NULL;
}

/* Its answer, or "-". */
static const char *ask_again(asking *again, const asking *before)
{
    *again = *before;
    if (strncmp(before->word, "refused:", strlen("refused:")) != 0)
        return "-";
    ask_until_answered(again);
    return again->word;
}

static iscep_status emit_csr(iscep_buf *out, const scep_client_identity *identity, const char *name,
                             const char *challenge, iscep_error *err)
{
    const scep_client_name subject = {"CN", name};
    const scep_client_csr csr = {.subject = &subject, .subject_count = 1, .challenge = challenge};
    return scep_client_csr_emit(out, identity->key, &csr, err);
}

static bool race(const server servers[SERVERS], const scep_client_identity *identity,
                 const chaos_intune *intune, const char *name)
{
    ISCEP_AUTO_BUF challenge, csr;
    iscep_error err = ISCEP_ERROR_INIT;
    asking askings[SERVERS], again[SERVERS];
    pthread_t threads[SERVERS];
    pthread_barrier_t start;
    iscep_buf_init(&challenge, MAX_MESSAGE_LEN);
    iscep_buf_init(&csr, MAX_MESSAGE_LEN);
    iscep_status status = chaos_intune_challenge(&challenge, intune, name, &err);
    if (status == ISCEP_OK)
        status = emit_csr(&csr, identity, name, iscep_buf_text(&challenge), &err);
    if (status != ISCEP_OK) {
        fprintf(stderr, "scep-race: %s: %s\n", name, err.message);
        return false;
    }
    pthread_barrier_init(&start, NULL, SERVERS);
    for (size_t i = 0; i < SERVERS; i++) {
        askings[i] = (asking){&servers[i], identity, &start, name, iscep_buf_bytes(&csr), ""};
        if (pthread_create(&threads[i], NULL, ask_at_once, &askings[i]) != 0)
            abort(); /* the other one would wait at the barrier for ever */
    }
    for (size_t i = 0; i < SERVERS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
    const char *first_again = ask_again(&again[0], &askings[0]);
    printf("%s %s %s %s %s\n", name, askings[0].word, askings[1].word, first_again,
           ask_again(&again[1], &askings[1]));
    return true;
}

static X509 *read_ca(const char *path)
{
    FILE *file = fopen(path, "re");
    X509 *ca = file != NULL ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (file != NULL)
        fclose(file);
    if (ca == NULL)
        fprintf(stderr, "scep-race: %s holds no certificate\n", path);
    return ca;
}

static int race_all(const server servers[SERVERS], const chaos_intune *intune, const char *prefix, long count)
{
    scep_client_identity identity;
    iscep_error err = ISCEP_ERROR_INIT;
    char name[64];
    bool is_good = true;
    if (scep_client_identity_make(&identity, &err) != ISCEP_OK) {
        fprintf(stderr, "scep-race: %s\n", err.message);
        return 1;
    }
    for (long i = 1; i <= count && is_good; i++) {
        snprintf(name, sizeof name, "%.40s-%ld", prefix, i);
        is_good = race(servers, &identity, intune, name);
    }
    scep_client_identity_clear(&identity);
    return is_good ? 0 : 1;
}

int main(int argc, char *argv[])
{
    char *end = NULL;
    long count = argc == 9 ? strtol(argv[8], &end, 10) : 0;
    if (end == NULL || *end != '\0' || count < 1 || count > MAX_DEVICES) {
        fprintf(stderr, "Usage: scep-race MOCK_URL MOCK_CA URL_1 CA_1 URL_2 CA_2 PREFIX COUNT\n");
        return 2;
    }
    const chaos_intune intune = {argv[1], argv[2]};
    server servers[SERVERS] = {{argv[3], read_ca(argv[4])}, {argv[5], read_ca(argv[6])}};
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int status =
        servers[0].ca != NULL && servers[1].ca != NULL ? race_all(servers, &intune, argv[7], count) : 1;
    for (size_t i = 0; i < SERVERS; i++)
        X509_free(servers[i].ca);
    curl_global_cleanup();
    return status;
}
