/* See discovery.h. */
#include "intune/discovery.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/http_json.h"
#include "net/retry.h"
#include "net/url.h"

#define SERVICE_NAME "ScepRequestValidationFEService"

enum { MAX_RESPONSE_LEN = 1024 * 1024 };

struct iscep_discovery {
    const iscep_env *env;
    const iscep_tenant *tenant;
    iscep_shared uri;
    iscep_breaker breaker;
    iscep_pass pass; /* of the request in flight */
    iscep_authed request;
    iscep_buf url;
    char request_id[ISCEP_GUID_SIZE];
};

iscep_status iscep_discovery_new(iscep_discovery **out, const iscep_env *env, iscep_http *http,
                                 iscep_tokens *tokens, const iscep_tenant *tenant, iscep_error *err)
{
    iscep_discovery *discovery = calloc(1, sizeof *discovery);
    if (discovery == NULL)
        return iscep_error_nomem(err);
    discovery->env = env;
    discovery->tenant = tenant;
    iscep_breaker_init(&discovery->breaker, env, iscep_endpoint_name(ISCEP_ENDPOINT_DISCOVERY),
                       &tenant->breaker);
    iscep_shared_init(&discovery->uri);
    iscep_buf_init(&discovery->url, 4096);
    iscep_url_join(&discovery->url, tenant->graph, tenant->discovery_path);
    discovery->request = (iscep_authed){
        .env = env,
        .http = http,
        .tokens = tokens,
        .scope = ISCEP_SCOPE_GRAPH,
        .method = "GET",
        .url = iscep_buf_text(&discovery->url),
        .request_id = discovery->request_id,
        .max_response_len = MAX_RESPONSE_LEN,
        .user = discovery,
    };
    iscep_status status = iscep_buf_status(&discovery->url, err);
    if (status != ISCEP_OK) {
        iscep_discovery_free(discovery);
        return status;
    }
    *out = discovery;
    return ISCEP_OK;
}

void iscep_discovery_free(iscep_discovery *discovery)
{
    if (discovery == NULL)
        return;
    if (discovery->uri.is_fetching)
        iscep_authed_cancel(&discovery->request);
    iscep_buf_clear(&discovery->url);
    iscep_shared_clear(&discovery->uri);
    free(discovery);
}

/* Older replies call the member serviceName; letter case differs between clouds. */
static bool is_our_service(const iscep_json *endpoint)
{
    const char *name = iscep_json_text(endpoint, "providerName");
    if (name == NULL)
        name = iscep_json_text(endpoint, "serviceName");
    return name != NULL && strcasecmp(name, SERVICE_NAME) == 0;
}

static const char *find_uri(const iscep_json *reply)
{
    const iscep_json *endpoints = iscep_json_member(reply, "value");
    if (!iscep_json_is_array(endpoints))
        return NULL;
    for (const iscep_json *at = iscep_json_first(endpoints); at != NULL; at = iscep_json_next(at))
        if (is_our_service(at))
            return iscep_json_text(at, "uri");
    return NULL;
}

static iscep_status store_uri(iscep_discovery *discovery, const iscep_json *reply, iscep_error *err)
{
    const char *uri = find_uri(reply);
    if (uri == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "service_not_discovered",
                               "Graph names no " SERVICE_NAME
                               " for this tenant: is Intune licensed, and is the tenant "
                               "id right?");
    iscep_status status = iscep_url_check(uri, discovery->tenant->allowed_hosts,
                                          discovery->tenant->allowed_host_count, ISCEP_PROTOCOL, err);
    return status != ISCEP_OK ? status : iscep_shared_set(&discovery->uri, uri, err);
}

/* A tenant that never had Intune has no service principal of it. Any other 404 is not Graph's word. */
static bool is_service_unknown(const iscep_http_response *response)
{
    ISCEP_AUTO_JSON *reply = NULL;
    if (response->status != 404 || iscep_json_parse(&reply, response->body, NULL) != ISCEP_OK)
        return false;
    const char *code = iscep_json_text(iscep_json_member(reply, "error"), "code");
    return code != NULL && strcmp(code, "Request_ResourceNotFound") == 0;
}

static iscep_status read_reply(iscep_discovery *discovery, const iscep_http_response *response,
                               iscep_error *err)
{
    ISCEP_AUTO_JSON *reply = NULL;
    iscep_status status;
    if (response->status == 401 || response->status == 403)
        status = iscep_error_set(
            err, ISCEP_AUTH, "graph_refused",
            "Graph refused us (HTTP %d): grant the application permission Application.Read.All of "
            "Microsoft Graph, with admin consent",
            response->status);
    else if (response->status == 429)
        status = iscep_error_set(err, ISCEP_THROTTLED, "throttled", "Graph is throttling us");
    else if (response->status >= 500)
        status =
            iscep_error_set(err, ISCEP_SERVICE, "graph_service", "Graph answered HTTP %d", response->status);
    else if (is_service_unknown(response))
        status = iscep_error_set(err, ISCEP_CONFIG, "service_not_discovered",
                                 "Graph does not know Intune's service in this tenant: is Intune "
                                 "licensed, and is the tenant id right?");
    else if (response->status != 200)
        status =
            iscep_error_set(err, ISCEP_PROTOCOL, "graph_status", "Graph answered HTTP %d", response->status);
    else if ((status = iscep_http_parse_json(&reply, response, err)) != ISCEP_OK)
        iscep_error_prefix(err, "Graph's reply");
    else
        status = store_uri(discovery, reply, err);
    if (status != ISCEP_OK && err != NULL) {
        err->http_status = response->status;
        err->retry_after_ms = response->retry_after_ms;
    }
    return status;
}

static void tell_failure(iscep_discovery *discovery, iscep_error *err)
{
    iscep_error_prefix(err, "discovery");
    iscep_shared_settle(&discovery->uri, err->status, err);
}

static void on_response(void *user, iscep_status status, const iscep_http_response *response,
                        const iscep_error *http_err)
{
    iscep_discovery *discovery = user;
    iscep_error err = ISCEP_ERROR_INIT;
    if (discovery->request.lacks_token) { /* logged where it was asked for */
        iscep_breaker_forgo(&discovery->breaker, discovery->pass);
        err = *http_err;
        tell_failure(discovery, &err);
        return;
    }
    if (status == ISCEP_OK)
        status = read_reply(discovery, response, &err);
    else
        err = *http_err;
    if (status != ISCEP_OK) {
        iscep_breaker_fail(&discovery->breaker, discovery->pass, &err);
        iscep_log_event(discovery->env->log, ISCEP_LOG_ERROR, "discovery_failed",
                        ISCEP_LOG_TEXT("class", iscep_status_name(status)), ISCEP_LOG_TEXT("code", err.code),
                        ISCEP_LOG_TEXT("client_request_id", discovery->request_id),
                        ISCEP_LOG_TEXT("reason", err.message));
        tell_failure(discovery, &err);
        return;
    }
    iscep_breaker_succeed(&discovery->breaker);
    iscep_log_event(discovery->env->log, ISCEP_LOG_INFO, "discovery_done",
                    ISCEP_LOG_TEXT("uri", discovery->uri.value));
    iscep_shared_settle(&discovery->uri, ISCEP_OK, &err);
}

static void fetch(iscep_discovery *discovery)
{
    iscep_error err = ISCEP_ERROR_INIT;
    discovery->uri.is_fetching = true;
    iscep_status status = iscep_guid_new(discovery->request_id, discovery->env, &err);
    if (status == ISCEP_OK)
        status = iscep_breaker_enter(&discovery->breaker, &discovery->pass, &err);
    if (status != ISCEP_OK) {
        tell_failure(discovery, &err);
        return;
    }
    discovery->request.deadline_mono_ms =
        iscep_now_mono_ms(discovery->env) + discovery->tenant->fetch_timeout_ms;
    discovery->request.done = on_response;
    iscep_authed_send(&discovery->request);
}

bool iscep_discovery_is_at_hand(const iscep_discovery *discovery)
{
    return discovery->uri.value != NULL;
}

void iscep_discovery_get(iscep_discovery *discovery, iscep_wait *wait, iscep_shared_fn done, void *user)
{
    if (discovery->uri.value != NULL) {
        iscep_error none = ISCEP_ERROR_INIT;
        done(user, ISCEP_OK, discovery->uri.value, discovery->uri.generation, &none);
        return;
    }
    iscep_shared_wait(&discovery->uri, wait, done, user);
    if (!discovery->uri.is_fetching)
        fetch(discovery);
}

void iscep_discovery_drop(iscep_discovery *discovery, uint64_t generation)
{
    iscep_shared_drop(&discovery->uri, generation);
}
