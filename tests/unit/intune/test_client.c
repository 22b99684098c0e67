/* libiscep as a C program uses it: the shared library, threads, a cloud behind TLS. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "iscep/client.h"
#include "tests/support/cloud.h"
#include "tests/support/test_pki.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { PATIENCE_MS = 10000 };

static cloud the_cloud;
static EVP_PKEY *key;
static iscep_buf csr, cert;

static iscep_client *new_client(void)
{
    iscep_client *client;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_client_options options = ISCEP_CLIENT_OPTIONS_INIT;
    options.tenant_id = CLOUD_TENANT_ID;
    options.client_id = CLOUD_CLIENT_ID;
    options.client_secret_file = the_cloud.secret_file;
    options.authority = the_cloud.base_url;
    options.graph = the_cloud.base_url;
    options.allowed_hosts = "manage.microsoft.com localhost";
    options.ca_file = the_cloud.ca_file;
    options.caller_info = "client test";
    cr_assert_eq(iscep_client_new(&client, &options, &err), ISCEP_OK, "%s", err.message);
    return client;
}

static void set_up(void)
{
    cloud_start(&the_cloud);
    key = test_pki_new_ec_key();
    iscep_buf_init(&csr, 64 * 1024);
    iscep_buf_init(&cert, 64 * 1024);
    test_pki_emit_good_csr(&csr, key);
    test_pki_emit_cert(&cert, &(test_cert_options){.key = key});
}

static void tear_down(void)
{
    cloud_stop(&the_cloud);
    EVP_PKEY_free(key);
    iscep_buf_clear(&csr);
    iscep_buf_clear(&cert);
}

TestSuite(client, .init = set_up, .fini = tear_down);

Test(client, asks_and_reports)
{
    iscep_client *client = new_client();
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_verdict verdict;
    cr_assert_eq(iscep_client_validate(client, "1F2E", csr.data, csr.len, PATIENCE_MS, &verdict, &err),
                 ISCEP_OK);
    cr_assert_eq(verdict.decision, ISCEP_ALLOW, "%s: %s", verdict.code, verdict.message);
    cr_assert_eq(iscep_client_issued(client, "1F2E", csr.data, csr.len, cert.data, cert.len, PATIENCE_MS,
                                     &verdict, &err),
                 ISCEP_OK);
    cr_assert_eq(verdict.decision, ISCEP_ALLOW);
    cr_assert_eq(
        iscep_client_failed(client, "1F2E", csr.data, csr.len, 0x80004005, "no", PATIENCE_MS, &verdict, &err),
        ISCEP_OK);
    cr_assert_eq(verdict.decision, ISCEP_ALLOW);
    iscep_client_free(client);
    cr_assert_eq(cloud_count(&the_cloud, CLOUD_TOKEN), 2);
    cr_assert_eq(cloud_count(&the_cloud, CLOUD_DISCOVERY), 1);
    cr_assert_eq(cloud_count(&the_cloud, CLOUD_VALIDATE), 1);
    cr_assert_eq(cloud_count(&the_cloud, CLOUD_ISSUED), 1);
    cr_assert_eq(cloud_count(&the_cloud, CLOUD_FAILED), 1);
    cr_assert_eq(cloud_count(&the_cloud, CLOUD_UNKNOWN), 0);
    cr_assert_str_eq(cloud_field(cloud_request_at(&the_cloud, CLOUD_VALIDATE, 0), "User-Agent"),
                     "client test");
}

Test(client, hands_on_a_refusal_and_an_outage)
{
    iscep_client *client = new_client();
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_verdict verdict;
    cloud_set_reply(&the_cloud, CLOUD_VALIDATE,
                    (cloud_reply){.status = 200, .body = "{\"code\":\"ChallengeExpired\"}"});
    cr_assert_eq(iscep_client_validate(client, "1", csr.data, csr.len, PATIENCE_MS, &verdict, &err),
                 ISCEP_OK);
    cr_assert_eq(verdict.decision, ISCEP_DENY);
    cr_assert_str_eq(verdict.code, "ChallengeExpired");
    cloud_set_reply(&the_cloud, CLOUD_VALIDATE,
                    (cloud_reply){.status = 503, .body = "{\"code\":\"Success\"}", .retry_after = "70"});
    cr_assert_eq(iscep_client_validate(client, "1", csr.data, csr.len, PATIENCE_MS, &verdict, &err),
                 ISCEP_OK);
    cr_assert_eq(verdict.decision, ISCEP_RETRY);
    cr_assert_eq(verdict.retry_after_ms, 70000);
    iscep_client_free(client);
}

typedef struct caller {
    pthread_t thread;
    iscep_client *client;
    iscep_status status;
    iscep_verdict verdict;
} caller;

static void *ask(void *user)
{
    caller *c = user;
    iscep_error err = ISCEP_ERROR_INIT;
    for (int i = 0; i < 3; i++)
        c->status = iscep_client_validate(c->client, "1", csr.data, csr.len, PATIENCE_MS, &c->verdict, &err);
    return NULL;
}

Test(client, serves_several_threads)
{
    iscep_client *client = new_client();
    caller callers[8] = {0};
    for (size_t i = 0; i < COUNT(callers); i++) {
        callers[i].client = client;
        cr_assert_eq(pthread_create(&callers[i].thread, NULL, ask, &callers[i]), 0);
    }
    for (size_t i = 0; i < COUNT(callers); i++) {
        pthread_join(callers[i].thread, NULL);
        cr_assert_eq(callers[i].status, ISCEP_OK);
        cr_assert_eq(callers[i].verdict.decision, ISCEP_ALLOW, "%s", callers[i].verdict.message);
    }
    iscep_client_free(client);
    cr_assert_eq(cloud_count(&the_cloud, CLOUD_VALIDATE), 3 * COUNT(callers));
    cr_assert_eq(cloud_count(&the_cloud, CLOUD_TOKEN), 2, "one for Graph, one for Intune");
}

Test(client, answers_within_the_deadline_when_intune_does_not)
{
    iscep_client *client = new_client();
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_verdict verdict;
    cloud_set_reply(&the_cloud, CLOUD_VALIDATE, (cloud_reply){.is_held = true});
    cr_assert_eq(iscep_client_validate(client, "1", csr.data, csr.len, 300, &verdict, &err), ISCEP_OK);
    cr_assert_eq(verdict.decision, ISCEP_RETRY);
    cr_assert_str_eq(verdict.code, "timeout");
    iscep_client_free(client);
}

Test(client, says_which_version_it_is)
{
    char want[32];
    snprintf(want, sizeof want, "%d.%d", ISCEP_API_MAJOR, ISCEP_API_MINOR);
    cr_assert_str_eq(iscep_version(), want);
}

static gate answered = GATE_INIT;

static void on_verdict(void *user, const iscep_verdict *verdict)
{
    *(iscep_verdict *)user = *verdict;
    gate_pass(&answered);
}

Test(client, free_answers_everything_in_flight)
{
    iscep_client *client = new_client();
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_verdict verdicts[10] = {0};
    cloud_set_reply(&the_cloud, CLOUD_VALIDATE, (cloud_reply){.is_held = true});
    for (size_t i = 0; i < COUNT(verdicts); i++)
        cr_assert_eq(iscep_client_validate_begin(client, "1", csr.data, csr.len, PATIENCE_MS, on_verdict,
                                                 &verdicts[i], &err),
                     ISCEP_OK);
    gate_await(&the_cloud.arrivals, 3 + 1); /* two tokens, discovery, and at least one at Intune */
    iscep_client_free(client);
    gate_await(&answered, COUNT(verdicts));
    cr_assert_eq(gate_count(&answered), COUNT(verdicts));
    for (size_t i = 0; i < COUNT(verdicts); i++) {
        cr_assert_eq(verdicts[i].decision, ISCEP_RETRY);
        cr_assert_str_eq(verdicts[i].code, "shutting_down");
    }
}

typedef struct stubborn {
    iscep_client *client;
    unsigned begun, answered;
    iscep_status refusal;
} stubborn;

/* As a host may that asks again whenever nobody could say. */
static void ask_again(void *user, const iscep_verdict *verdict)
{
    stubborn *s = user;
    iscep_error err = ISCEP_ERROR_INIT;
    s->answered++;
    cr_assert_eq(verdict->decision, ISCEP_RETRY);
    s->refusal =
        iscep_client_validate_begin(s->client, "1", csr.data, csr.len, PATIENCE_MS, ask_again, s, &err);
    s->begun += s->refusal == ISCEP_OK;
}

Test(client, free_ends_also_who_asks_again_from_his_callback)
{
    iscep_error err = ISCEP_ERROR_INIT;
    stubborn s = {.client = new_client(), .begun = 1};
    cloud_set_reply(&the_cloud, CLOUD_VALIDATE, (cloud_reply){.is_held = true});
    cr_assert_eq(
        iscep_client_validate_begin(s.client, "1", csr.data, csr.len, PATIENCE_MS, ask_again, &s, &err),
        ISCEP_OK);
    gate_await(&the_cloud.arrivals, 3 + 1);
    iscep_client_free(s.client);
    cr_assert_eq(s.answered, s.begun, "whoever was let in is answered once");
    cr_assert_eq(s.refusal, ISCEP_USAGE);
}

static bool is_sigpipe_blocked, is_sigterm_blocked;

static void look_at_signals(void *user, const iscep_verdict *verdict)
{
    (void)user;
    (void)verdict;
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    is_sigpipe_blocked = sigismember(&blocked, SIGPIPE) == 1;
    is_sigterm_blocked = sigismember(&blocked, SIGTERM) == 1;
    gate_pass(&answered);
}

Test(client, thread_takes_no_signal_of_the_host)
{
    iscep_client *client = new_client();
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(
        iscep_client_validate_begin(client, "1", csr.data, csr.len, PATIENCE_MS, look_at_signals, NULL, &err),
        ISCEP_OK);
    gate_await(&answered, 1);
    cr_assert(is_sigpipe_blocked && is_sigterm_blocked);
    iscep_client_free(client);
}

Test(client, made_and_freed_at_once_is_fine)
{
    for (int i = 0; i < 20; i++)
        iscep_client_free(new_client());
    iscep_client_free(NULL);
    cr_assert_eq(cloud_count(&the_cloud, CLOUD_TOKEN), 0, "nothing is asked before somebody asks");
}

Test(client, wrong_arguments_are_told_and_never_a_yes)
{
    iscep_client *client = new_client();
    iscep_verdict verdict;
    iscep_error err = ISCEP_ERROR_INIT;
    static const uint8_t too_large[64 * 1024 + 1];
    const struct {
        const char *transaction_id;
        const uint8_t *csr;
        size_t csr_len;
        int64_t timeout_ms;
        const char *want_code;
    } cases[] = {
        {NULL, csr.data, csr.len, 1000, "arguments"},
        {"", csr.data, csr.len, 1000, "transaction_id"},
        {"a\nb", csr.data, csr.len, 1000, "transaction_id"},
        {"1", NULL, csr.len, 1000, "arguments"},
        {"1", csr.data, 0, 1000, "arguments"},
        {"1", too_large, sizeof too_large, 1000, "csr_too_large"},
        {"1", csr.data, csr.len, 0, "arguments"},
        {"1", csr.data, csr.len, -1, "arguments"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        verdict.decision = ISCEP_ALLOW; /* what was there before must not survive */
        cr_assert_eq(iscep_client_validate(client, cases[i].transaction_id, cases[i].csr, cases[i].csr_len,
                                           cases[i].timeout_ms, &verdict, &err),
                     ISCEP_USAGE, "case %zu", i);
        cr_assert_str_eq(err.code, cases[i].want_code, "case %zu", i);
        cr_assert_eq(verdict.decision, ISCEP_DENY);
    }
    cr_assert_eq(iscep_client_issued(client, "1", csr.data, csr.len, csr.data, csr.len, 1000, &verdict, &err),
                 ISCEP_USAGE);
    cr_assert_str_eq(err.code, "certificate_malformed");
    cr_assert_eq(iscep_client_issued(client, "1", csr.data, csr.len, NULL, 0, 1000, &verdict, &err),
                 ISCEP_USAGE);
    cr_assert_eq(iscep_client_validate(client, "1", csr.data, csr.len, 1000, NULL, &err), ISCEP_USAGE);
    cr_assert_eq(iscep_client_validate(NULL, "1", csr.data, csr.len, 1000, &verdict, NULL), ISCEP_USAGE);
    cr_assert_eq(iscep_client_validate_begin(client, "1", csr.data, csr.len, 1000, NULL, NULL, NULL),
                 ISCEP_USAGE);
    iscep_client_free(client);
    cr_assert_eq(cloud_count(&the_cloud, CLOUD_TOKEN), 0);
}

Test(client, wrong_options_are_told)
{
    iscep_client *client = (iscep_client *)&the_cloud; /* what was there before must not survive */
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_client_options options = ISCEP_CLIENT_OPTIONS_INIT;
    cr_assert_eq(iscep_client_new(NULL, &options, &err), ISCEP_USAGE);
    cr_assert_eq(iscep_client_new(&client, NULL, &err), ISCEP_USAGE);
    cr_assert_null(client);
    options.size = 8;
    cr_assert_eq(iscep_client_new(&client, &options, &err), ISCEP_USAGE);
    options.size = sizeof options;
    cr_assert_eq(iscep_client_new(&client, &options, &err), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "tenant_id");
    options.tenant_id = "contoso.com";
    options.client_id = "x";
    cr_assert_eq(iscep_client_new(&client, &options, &err), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "client_secret_file");
    options.client_secret_file = "/nonexistent";
    cr_assert_eq(iscep_client_new(&client, &options, &err), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "secret_unreadable");
    options.client_secret_file = the_cloud.secret_file;
    options.authority = "http://login.example";
    cr_assert_eq(iscep_client_new(&client, &options, &err), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "authority");
    cr_assert_null(client);
}
