/* libiscep: iscep_intune on a thread of its own. See include/iscep/client.h. */
#include "iscep/client.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/transaction_id.h"
#include "base/x509.h"
#include "intune/cloud.h"
#include "intune/intune.h"
#include "intune/reply.h"
#include "net/curl_http.h"

enum {
    MAX_TEXTS = 48,                                            /* more than all options together have */
    MAX_TIMEOUT_MS = 24 * 3600 * 1000,                         /* more would only overflow somewhere */
    OLDEST_OPTIONS_LEN = offsetof(iscep_client_options, cloud) /* of 0.1 */
};

struct iscep_client {
    iscep_env env;
    iscep_loop *loop;
    iscep_http *http;
    iscep_intune *intune;
    iscep_secret *proxy_password;
    iscep_tenant tenant; /* its texts are in texts */
    iscep_credential_options credentials[ISCEP_TENANT_MAX_CREDENTIALS];
    char *texts[MAX_TEXTS];
    size_t text_count;
    pthread_t thread;
    atomic_bool is_ending; /* being freed: a callback that asks again is told so at once */
};

/* --- making and ending a client --- */

/*
 * A copy that lives as long as the client; fallback if text is NULL. NULL only without memory (or fallback
 * NULL).
 */
static const char *keep(iscep_client *client, const char *text, const char *fallback)
{
    if (text == NULL)
        return fallback;
    char *copy = strdup(text);
    client->texts[client->text_count++] = copy;
    return copy;
}

static void split_hosts(iscep_tenant *tenant, char *hosts)
{
    char *at;
    tenant->allowed_host_count = 0;
    for (char *host = strtok_r(hosts, " ", &at); host != NULL; host = strtok_r(NULL, " ", &at))
        if (tenant->allowed_host_count < ISCEP_TENANT_MAX_HOSTS)
            tenant->allowed_hosts[tenant->allowed_host_count++] = host;
}

static bool has_memory(const iscep_client *client)
{
    for (size_t i = 0; i < client->text_count; i++)
        if (client->texts[i] == NULL)
            return false;
    return true;
}

static void add_credential(iscep_client *client, const iscep_credential_options *options)
{
    if (options == NULL)
        return;
    iscep_credential_options *copy = &client->credentials[client->tenant.credential_count];
    *copy = (iscep_credential_options){
        .size = options->size,
        .kind = options->kind,
        .name = keep(client, options->name, NULL),
        .client_secret_file = keep(client, options->client_secret_file, NULL),
        .key = keep(client, options->key, NULL),
        .certificate = keep(client, options->certificate, NULL),
        .password_file = keep(client, options->password_file, NULL),
        .provider = keep(client, options->provider, NULL),
        .algorithm = keep(client, options->algorithm, NULL),
        .token_file = keep(client, options->token_file, NULL),
        .identity_client_id = keep(client, options->identity_client_id, NULL),
        .imds_endpoint = keep(client, options->imds_endpoint, NULL),
        .imds_api_version = keep(client, options->imds_api_version, NULL),
    };
    client->tenant.credentials[client->tenant.credential_count++] = copy;
}

static iscep_status copy_credentials(iscep_client *client, const iscep_client_options *options,
                                     iscep_error *err)
{
    const iscep_credential_options *const given[] = {options->credential, options->second_credential};
    for (size_t i = 0; i < 2; i++)
        if (given[i] != NULL && given[i]->size != sizeof *given[i])
            return iscep_error_set(err, ISCEP_USAGE, "options",
                                   "a credential must be made with ISCEP_CREDENTIAL_OPTIONS_INIT");
    if (options->client_secret_file != NULL && options->credential != NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "client_secret_file",
                               "client_secret_file and credential exclude each other");
    const iscep_credential_options short_form = {.size = sizeof short_form,
                                                 .kind = ISCEP_CREDENTIAL_SECRET,
                                                 .client_secret_file = options->client_secret_file};
    add_credential(client, options->client_secret_file != NULL ? &short_form : options->credential);
    add_credential(client, options->second_credential);
    return ISCEP_OK;
}

static void copy_addresses(iscep_client *client, const iscep_client_options *options,
                           const iscep_cloud *cloud)
{
    iscep_tenant *tenant = &client->tenant;
    tenant->authority = keep(client, options->authority, NULL);
    tenant->graph = keep(client, options->graph, NULL);
    tenant->graph_resource = keep(client, options->graph_resource, NULL);
    tenant->intune_resource = keep(client, options->intune_resource, NULL);
    tenant->token_path = keep(client, options->token_path, tenant->token_path);
    tenant->discovery_path = keep(client, options->discovery_path, tenant->discovery_path);
    tenant->scep_path = keep(client, options->scep_path, tenant->scep_path);
    tenant->scep_api_version = keep(client, options->scep_api_version, tenant->scep_api_version);
    if (keep(client, options->allowed_hosts, NULL) != NULL)
        split_hosts(tenant, client->texts[client->text_count - 1]);
    iscep_cloud_fill(tenant, cloud);
}

static iscep_status copy_options(iscep_client *client, const iscep_client_options *options, iscep_error *err)
{
    iscep_tenant *tenant = &client->tenant;
    const iscep_cloud *cloud = iscep_cloud_find(options->cloud != NULL ? options->cloud : "public");
    if (cloud == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "cloud", "cloud must be one of %s", iscep_cloud_names());
    *tenant = (iscep_tenant)ISCEP_TENANT_INIT_ANY_CLOUD;
    tenant->tenant_id = keep(client, options->tenant_id, NULL);
    tenant->client_id = keep(client, options->client_id, NULL);
    tenant->caller_info = keep(client, options->caller_info, tenant->caller_info);
    tenant->issuer_name = keep(client, options->issuer_name, NULL);
    if (options->fetch_timeout_ms > 0)
        tenant->fetch_timeout_ms = options->fetch_timeout_ms;
    copy_addresses(client, options, cloud);
    iscep_status status = copy_credentials(client, options, err);
    if (status == ISCEP_OK && !has_memory(client))
        status = iscep_error_nomem(err);
    return status;
}

static iscep_status copy_way_out(iscep_curl_options *out, iscep_client *client,
                                 const iscep_client_options *options, iscep_error *err)
{
    if (options->ip_version != 0 && options->ip_version != 4 && options->ip_version != 6)
        return iscep_error_set(err, ISCEP_CONFIG, "ip_version", "ip_version must be 0, 4 or 6");
    out->ca_file = options->ca_file;
    out->proxy = options->proxy;
    out->proxy_user = options->proxy_user;
    out->no_proxy = options->no_proxy;
    out->ip_version = (iscep_ip_version)options->ip_version;
    out->user_agent = client->tenant.caller_info;
    if (options->connect_timeout_ms > 0)
        out->connect_timeout_ms = options->connect_timeout_ms;
    if (options->max_connections > 0)
        out->max_connections = options->max_connections;
    if (options->max_streams > 0)
        out->max_streams = options->max_streams;
    if (options->proxy_password_file == NULL)
        return ISCEP_OK;
    iscep_status status = iscep_secret_load(&client->proxy_password, options->proxy_password_file, err);
    out->proxy_password = client->proxy_password;
    return status;
}

static iscep_status make_parts(iscep_client *client, const iscep_client_options *options, iscep_error *err)
{
    iscep_curl_options curl = ISCEP_CURL_OPTIONS_INIT;
    iscep_status status = copy_way_out(&curl, client, options, err);
    if (status == ISCEP_OK)
        status = iscep_loop_new(&client->loop, err);
    if (status == ISCEP_OK)
        status = iscep_curl_http_new(&client->http, &client->env, client->loop, &curl, err);
    if (status == ISCEP_OK)
        status =
            iscep_intune_new(&client->intune, &client->env, client->loop, client->http, &client->tenant, err);
    return status;
}

static void free_parts(iscep_client *client)
{
    iscep_intune_free(client->intune);
    if (client->http != NULL)
        client->http->free(client->http);
    client->intune = NULL;
    client->http = NULL;
}

static void free_client(iscep_client *client)
{
    free_parts(client);
    iscep_loop_free(client->loop);
    iscep_secret_free(client->proxy_password);
    for (size_t i = 0; i < client->text_count; i++)
        free(client->texts[i]);
    free(client);
}

/* The host's signals are none of this thread's business, and a SIGPIPE of ours must not end the host. */
static void block_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
}

static void *run_loop(void *user)
{
    block_signals();
    iscep_client *client = user;
    iscep_loop_run(client->loop);
    return NULL;
}

/*
 * The caller may have been compiled with another header: an older one has fewer options; a newer one has more,
 * which must be unset, because we would not do what they ask.
 */
static bool read_options(iscep_client_options *out, const iscep_client_options *given)
{
    if (given == NULL || given->size < OLDEST_OPTIONS_LEN)
        return false;
    const uint8_t *bytes = (const uint8_t *)given;
    for (size_t i = sizeof *out; i < given->size; i++)
        if (bytes[i] != 0)
            return false;
    memset(out, 0, sizeof *out);
    memcpy(out, given, given->size < sizeof *out ? given->size : sizeof *out);
    return true;
}

iscep_status iscep_client_new(iscep_client **out, const iscep_client_options *options, iscep_error *err)
{
    iscep_client_options own;
    if (out == NULL || !read_options(&own, options))
        return iscep_error_set(err, ISCEP_USAGE, "options",
                               "options must be made with ISCEP_CLIENT_OPTIONS_INIT");
    iscep_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return iscep_error_nomem(err);
    client->env = iscep_env_system(NULL);
    iscep_status status = copy_options(client, &own, err);
    if (status == ISCEP_OK)
        status = make_parts(client, &own, err);
    if (status == ISCEP_OK && pthread_create(&client->thread, NULL, run_loop, client) != 0)
        status = iscep_error_set(err, ISCEP_NOMEM, "thread", "cannot start the client's thread");
    if (status != ISCEP_OK) {
        free_client(client);
        return status;
    }
    *out = client;
    return ISCEP_OK;
}

static void end_on_loop(void *user)
{
    iscep_client *client = user;
    free_parts(client); /* answers what is in flight, on the thread that callbacks belong to */
    iscep_loop_stop(client->loop);
}

void iscep_client_free(iscep_client *client)
{
    if (client == NULL)
        return;
    atomic_store(&client->is_ending, true);
    if (iscep_loop_post(client->loop, end_on_loop, client, NULL) != ISCEP_OK)
        iscep_loop_stop(client->loop); /* no memory to say goodbye: what is in flight is answered below */
    pthread_join(client->thread, NULL);
    free_client(client);
}

/* --- the calls: copied here, started on the loop --- */

enum action { ACTION_VALIDATE, ACTION_ISSUED, ACTION_FAILED };

typedef struct operation {
    iscep_client *client;
    enum action action;
    char transaction_id[ISCEP_TRANSACTION_ID_SIZE];
    iscep_buf csr;
    iscep_cert *cert;
    uint32_t error_code;
    char *description;
    int64_t deadline_mono_ms;
    iscep_verdict_fn done;
    void *user;
} operation;

static void free_operation(operation *op)
{
    if (op == NULL)
        return;
    iscep_buf_wipe(&op->csr);
    iscep_cert_free(op->cert);
    free(op->description);
    free(op);
}

/* A callback asked again just before the client was freed: the question stands behind the end in the queue. */
static void answer_ended(const operation *op)
{
    iscep_error err;
    iscep_verdict verdict = ISCEP_VERDICT_INIT;
    iscep_error_set(&err, ISCEP_NETWORK, "shutting_down", "the client is being freed");
    iscep_verdict_from_error(&verdict, &err);
    op->done(op->user, &verdict);
}

static void start_on_loop(void *user)
{
    operation *op = user;
    iscep_intune *intune = op->client->intune;
    iscep_bytes csr = iscep_buf_bytes(&op->csr);
    if (intune == NULL) {
        answer_ended(op);
    } else if (op->action == ACTION_VALIDATE) {
        iscep_intune_validate(intune, op->transaction_id, csr, op->deadline_mono_ms, op->done, op->user);
    } else if (op->action == ACTION_ISSUED) {
        iscep_issued_facts facts = {.transaction_id = op->transaction_id,
                                    .csr = csr,
                                    .thumbprint = iscep_cert_thumbprint(op->cert),
                                    .serial = iscep_cert_serial(op->cert),
                                    .not_after_unix = iscep_cert_not_after_unix(op->cert),
                                    .issuer = iscep_cert_issuer(op->cert)};
        iscep_intune_notify_issued(intune, &facts, op->deadline_mono_ms, op->done, op->user);
    } else {
        iscep_failed_facts facts = {.transaction_id = op->transaction_id,
                                    .csr = csr,
                                    .error_code = op->error_code,
                                    .description = op->description};
        iscep_intune_notify_failed(intune, &facts, op->deadline_mono_ms, op->done, op->user);
    }
    free_operation(op);
}

static iscep_status new_operation(operation **out, iscep_client *client, enum action action,
                                  const char *transaction_id, iscep_bytes csr, int64_t timeout_ms,
                                  iscep_verdict_fn done, void *user, iscep_error *err)
{
    if (client == NULL || transaction_id == NULL || csr.data == NULL || csr.len == 0 || done == NULL ||
        timeout_ms <= 0)
        return iscep_error_set(err, ISCEP_USAGE, "arguments", "an argument is NULL, empty or not positive");
    if (atomic_load(&client->is_ending))
        return iscep_error_set(err, ISCEP_USAGE, "shutting_down", "the client is being freed");
    operation *op = calloc(1, sizeof *op);
    if (op == NULL)
        return iscep_error_nomem(err);
    op->client = client;
    op->action = action;
    op->deadline_mono_ms =
        iscep_now_mono_ms(&client->env) + (timeout_ms < MAX_TIMEOUT_MS ? timeout_ms : MAX_TIMEOUT_MS);
    op->done = done;
    op->user = user;
    iscep_buf_init(&op->csr, ISCEP_CSR_MAX_LEN);
    iscep_buf_append(&op->csr, csr.data, csr.len);
    iscep_status status =
        iscep_transaction_id_parse(op->transaction_id, iscep_bytes_of_text(transaction_id), err);
    if (status == ISCEP_OK && op->csr.is_overflown)
        status = iscep_error_set(err, ISCEP_USAGE, "csr_too_large", "the CSR has more than %u bytes",
                                 ISCEP_CSR_MAX_LEN);
    if (status != ISCEP_OK) {
        free_operation(op);
        return status;
    }
    *out = op;
    return ISCEP_OK;
}

static iscep_status post_operation(operation *op, iscep_error *err)
{
    iscep_status status = iscep_loop_post(op->client->loop, start_on_loop, op, err);
    if (status != ISCEP_OK)
        free_operation(op);
    return status;
}

iscep_status iscep_client_validate_begin(iscep_client *client, const char *transaction_id, const uint8_t *csr,
                                         size_t csr_len, int64_t timeout_ms, iscep_verdict_fn done,
                                         void *user, iscep_error *err)
{
    operation *op = NULL;
    iscep_status status = new_operation(&op, client, ACTION_VALIDATE, transaction_id,
                                        iscep_bytes_of(csr, csr_len), timeout_ms, done, user, err);
    return status != ISCEP_OK ? status : post_operation(op, err);
}

iscep_status iscep_client_issued_begin(iscep_client *client, const char *transaction_id, const uint8_t *csr,
                                       size_t csr_len, const uint8_t *cert, size_t cert_len,
                                       int64_t timeout_ms, iscep_verdict_fn done, void *user,
                                       iscep_error *err)
{
    operation *op = NULL;
    iscep_status status = new_operation(&op, client, ACTION_ISSUED, transaction_id,
                                        iscep_bytes_of(csr, csr_len), timeout_ms, done, user, err);
    if (status != ISCEP_OK)
        return status;
    status = iscep_cert_parse(&op->cert, iscep_bytes_of(cert, cert_len), err);
    if (status != ISCEP_OK) {
        free_operation(op);
        return status;
    }
    return post_operation(op, err);
}

iscep_status iscep_client_failed_begin(iscep_client *client, const char *transaction_id, const uint8_t *csr,
                                       size_t csr_len, uint32_t error_code, const char *description,
                                       int64_t timeout_ms, iscep_verdict_fn done, void *user,
                                       iscep_error *err)
{
    operation *op = NULL;
    iscep_status status = new_operation(&op, client, ACTION_FAILED, transaction_id,
                                        iscep_bytes_of(csr, csr_len), timeout_ms, done, user, err);
    if (status != ISCEP_OK)
        return status;
    op->error_code = error_code;
    op->description = description == NULL ? NULL : strdup(description);
    return post_operation(op, err);
}

/* --- the waiting forms --- */

typedef struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t is_done_cond;
    bool is_done;
    iscep_verdict verdict;
} waiter;

#define WAITER_INIT                                                                                          \
    {                                                                                                        \
        .lock = PTHREAD_MUTEX_INITIALIZER, .is_done_cond = PTHREAD_COND_INITIALIZER                          \
    }

static void wake_waiter(void *user, const iscep_verdict *verdict)
{
    waiter *waiting = user;
    pthread_mutex_lock(&waiting->lock);
    waiting->verdict = *verdict;
    waiting->is_done = true;
    pthread_cond_signal(&waiting->is_done_cond);
    pthread_mutex_unlock(&waiting->lock);
}

/* The answer always comes: every call has a deadline on the loop. */
static iscep_status await(waiter *waiting, iscep_status begun, iscep_verdict *verdict)
{
    if (begun != ISCEP_OK) {
        *verdict = (iscep_verdict){.decision = ISCEP_DENY, .retry_after_ms = -1};
        return begun;
    }
    pthread_mutex_lock(&waiting->lock);
    while (!waiting->is_done)
        pthread_cond_wait(&waiting->is_done_cond, &waiting->lock);
    pthread_mutex_unlock(&waiting->lock);
    *verdict = waiting->verdict;
    return ISCEP_OK;
}

iscep_status iscep_client_validate(iscep_client *client, const char *transaction_id, const uint8_t *csr,
                                   size_t csr_len, int64_t timeout_ms, iscep_verdict *verdict,
                                   iscep_error *err)
{
    waiter waiting = WAITER_INIT;
    iscep_status begun = iscep_client_validate_begin(client, transaction_id, csr, csr_len, timeout_ms,
                                                     wake_waiter, &waiting, err);
    return await(&waiting, begun, verdict);
}

iscep_status iscep_client_issued(iscep_client *client, const char *transaction_id, const uint8_t *csr,
                                 size_t csr_len, const uint8_t *cert, size_t cert_len, int64_t timeout_ms,
                                 iscep_verdict *verdict, iscep_error *err)
{
    waiter waiting = WAITER_INIT;
    iscep_status begun = iscep_client_issued_begin(client, transaction_id, csr, csr_len, cert, cert_len,
                                                   timeout_ms, wake_waiter, &waiting, err);
    return await(&waiting, begun, verdict);
}

iscep_status iscep_client_failed(iscep_client *client, const char *transaction_id, const uint8_t *csr,
                                 size_t csr_len, uint32_t error_code, const char *description,
                                 int64_t timeout_ms, iscep_verdict *verdict, iscep_error *err)
{
    waiter waiting = WAITER_INIT;
    iscep_status begun = iscep_client_failed_begin(client, transaction_id, csr, csr_len, error_code,
                                                   description, timeout_ms, wake_waiter, &waiting, err);
    return await(&waiting, begun, verdict);
}
