/* See cloud.h. */
#include "tests/support/cloud.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "net/tls.h"
#include "tests/support/test_pki.h"

static const char *const field_names[CLOUD_FIELD_COUNT] = {"Authorization", "Content-Type",      "Accept",
                                                           "api-version",   "client-request-id", "User-Agent",
                                                           "Host",          "Content-Length"};

static const struct {
    cloud_service service;
    const char *method;
    const char *path;
} routes[] = {
    {CLOUD_TOKEN, "POST", "/" CLOUD_TENANT_ID "/oauth2/v2.0/token"},
    {CLOUD_DISCOVERY, "GET", "/v1.0/servicePrincipals/appId=0000000a-0000-0000-c000-000000000000/endpoints"},
    {CLOUD_VALIDATE, "POST", CLOUD_SERVICE_PATH "/ScepActions/validateRequest"},
    {CLOUD_ISSUED, "POST", CLOUD_SERVICE_PATH "/ScepActions/successNotification"},
    {CLOUD_FAILED, "POST", CLOUD_SERVICE_PATH "/ScepActions/failureNotification"},
    {CLOUD_DOWNLOAD, "POST", CLOUD_PKI_PATH "/CertificateAuthorityRequests/downloadRevocationRequests"},
    {CLOUD_UPLOAD, "POST", CLOUD_PKI_PATH "/CertificateAuthorityRequests/uploadRevocationResults"},
};

static cloud_service find_service(const iscep_exchange *exchange)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (strcmp(routes[i].path, iscep_exchange_path(exchange)) == 0 &&
            strcmp(routes[i].method, iscep_exchange_method(exchange)) == 0)
            return routes[i].service;
    return CLOUD_UNKNOWN;
}

static void keep_request(cloud *c, cloud_service service, const iscep_exchange *exchange)
{
    cr_assert_lt(c->request_count, CLOUD_MAX_REQUESTS);
    cloud_request *request = &c->requests[c->request_count++];
    request->service = service;
    iscep_text_copy(request->method, sizeof request->method, iscep_exchange_method(exchange));
    iscep_text_copy(request->path, sizeof request->path, iscep_exchange_path(exchange));
    for (size_t i = 0; i < CLOUD_FIELD_COUNT; i++) {
        const char *value = iscep_exchange_header(exchange, field_names[i]);
        iscep_text_copy(request->fields[i], sizeof request->fields[i], value != NULL ? value : "");
    }
    iscep_bytes body = iscep_exchange_body(exchange);
    iscep_buf_init(&request->body, 1024 * 1024);
    iscep_buf_append(&request->body, body.data, body.len);
    iscep_buf_text(&request->body);
}

/* A token names its scope, so that a test sees which one was used where. */
static const char *token_body(const iscep_exchange *exchange)
{
    iscep_bytes form = iscep_exchange_body(exchange);
    static const char intune_scope[] = "manage.microsoft.com%2F%2F.default";
    bool is_intune = memmem(form.data, form.len, intune_scope, sizeof intune_scope - 1) != NULL;
    return is_intune
               ? "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"intune-token-canary\"}"
               : "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"graph-token-canary\"}";
}

static void send_reply(const cloud *c, cloud_service service, cloud_reply reply, iscep_exchange *exchange)
{
    const char *body = reply.body;
    if (body == NULL && service == CLOUD_TOKEN)
        body = token_body(exchange);
    if (body == NULL && service == CLOUD_DISCOVERY)
        body = c->discovery_body;
    const iscep_http_header header = {"Retry-After", reply.retry_after};
    iscep_exchange_reply(exchange, &(iscep_reply){.status = reply.status,
                                                  .body = iscep_bytes_of_text(body),
                                                  .headers = &header,
                                                  .header_count = reply.retry_after != NULL ? 1 : 0});
}

static void handle(iscep_exchange *exchange, void *user)
{
    cloud *c = user;
    cloud_service service = find_service(exchange);
    pthread_mutex_lock(&c->lock);
    keep_request(c, service, exchange);
    cloud_reply reply = c->replies[service];
    if (reply.is_held)
        c->held[c->held_count++] = exchange;
    pthread_mutex_unlock(&c->lock);
    if (!reply.is_held)
        send_reply(c, service, reply, exchange);
    gate_pass(&c->arrivals);
}

static void set_default_replies(cloud *c)
{
    for (unsigned service = 0; service < CLOUD_SERVICE_COUNT; service++)
        c->replies[service] =
            (cloud_reply){.status = 200, .body = "{\"code\":\"Success\",\"errorDescription\":\"\"}"};
    c->replies[CLOUD_UNKNOWN] = (cloud_reply){.status = 404, .body = "{}"};
    c->replies[CLOUD_TOKEN] = (cloud_reply){.status = 200};
    c->replies[CLOUD_DISCOVERY] = (cloud_reply){.status = 200};
}

void cloud_start(cloud *c)
{
    *c = (cloud){.env = iscep_env_system(NULL), .lock = PTHREAD_MUTEX_INITIALIZER, .arrivals = GATE_INIT};
    char key_file[128];
    uint16_t port;
    iscep_error err = ISCEP_ERROR_INIT;
    set_default_replies(c);
    temp_dir_make(&c->dir);
    temp_dir_path(&c->dir, c->ca_file, sizeof c->ca_file, "cert.pem");
    temp_dir_path(&c->dir, key_file, sizeof key_file, "key.pem");
    temp_dir_write(&c->dir, c->secret_file, sizeof c->secret_file, "secret", CLOUD_SECRET "\n");
    test_pki_write_tls_files(c->ca_file, key_file);
    loop_thread_make(&c->on);
    const iscep_http_server_options limits = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    cr_assert_eq(iscep_tls_server_new(&c->tls, c->ca_file, key_file, &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(iscep_http_server_new(&c->server, &c->env, c->on.loop, &limits, handle, c, &err), ISCEP_OK);
    cr_assert_eq(iscep_http_server_listen_tcp(c->server, "127.0.0.1", 0, c->tls, &port, &err), ISCEP_OK, "%s",
                 err.message);
    snprintf(c->base_url, sizeof c->base_url, "https://localhost:%u", port);
    snprintf(
        c->discovery_body, sizeof c->discovery_body,
        "{\"value\":[{\"providerName\":\"ScepRequestValidationFEService\",\"uri\":\"%s" CLOUD_SERVICE_PATH
        "\"},{\"providerName\":\"PkiConnectorFEService\",\"uri\":\"%s" CLOUD_PKI_PATH "\"}]}",
        c->base_url, c->base_url);
    loop_thread_start(&c->on);
}

void cloud_stop(cloud *c)
{
    loop_thread_stop(&c->on);
    iscep_http_server_free(c->server);
    for (size_t i = 0; i < c->held_count; i++)
        iscep_exchange_reply(c->held[i], &(iscep_reply){.status = 503}); /* into the void */
    iscep_tls_server_free(c->tls);
    iscep_loop_free(c->on.loop);
    for (size_t i = 0; i < c->request_count; i++)
        iscep_buf_clear(&c->requests[i].body);
    temp_dir_remove(&c->dir);
}

void cloud_set_reply(cloud *c, cloud_service service, cloud_reply reply)
{
    pthread_mutex_lock(&c->lock);
    c->replies[service] = reply;
    pthread_mutex_unlock(&c->lock);
}

size_t cloud_count(cloud *c, cloud_service service)
{
    size_t count = 0;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->request_count; i++)
        count += c->requests[i].service == service;
    pthread_mutex_unlock(&c->lock);
    return count;
}

const cloud_request *cloud_request_at(cloud *c, cloud_service service, size_t nth)
{
    const cloud_request *found = NULL;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->request_count && found == NULL; i++)
        if (c->requests[i].service == service && nth-- == 0)
            found = &c->requests[i];
    pthread_mutex_unlock(&c->lock);
    cr_assert_not_null(found, "no such request arrived");
    return found;
}

const char *cloud_field(const cloud_request *request, const char *name)
{
    for (size_t i = 0; i < CLOUD_FIELD_COUNT; i++)
        if (strcasecmp(field_names[i], name) == 0)
            return request->fields[i];
    cr_assert_fail("%s is not kept", name);
    return NULL;
}

iscep_tenant cloud_tenant(const cloud *c)
{
    iscep_tenant tenant = ISCEP_TENANT_INIT;
    tenant.breaker.failures = 100; /* tables fail often in a row; the breaker has tests of its own */
    tenant.tenant_id = CLOUD_TENANT_ID;
    tenant.client_id = CLOUD_CLIENT_ID;
    tenant.authority = c->base_url;
    tenant.graph = c->base_url;
    tenant.allowed_hosts[0] = "localhost";
    return tenant;
}
