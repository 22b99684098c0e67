/* See discovery.h. */
#include "intune/discovery.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/http_json.h"
#include "net/retry.h"
#include "net/url.h"

static const struct {
    const char *service;
    const char *advice; /* when Graph does not name it */
} sites[ISCEP_SITE_COUNT] = {
    [ISCEP_SITE_SCEP] = {"ScepRequestValidationFEService", "is Intune licensed, and is the tenant id right?"},
    [ISCEP_SITE_PKI] = {"PkiConnectorFEService", "Intune offers no revocations here"},
};

enum { MAX_RESPONSE_LEN = 1024 * 1024 };

struct iscep_discovery {
    const iscep_env *env;
    const iscep_tenant *tenant;
    iscep_shared uris[ISCEP_SITE_COUNT];
    bool is_wanted[ISCEP_SITE_COUNT]; /* asked for since the last answer */
    bool is_fetching;
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
    iscep_breaker_init(&discovery->breaker, env, iscep_tenant_label(tenant),
                       iscep_endpoint_name(ISCEP_ENDPOINT_DISCOVERY), &tenant->breaker);
    for (int site = 0; site < ISCEP_SITE_COUNT; site++)
        iscep_shared_init(&discovery->uris[site]);
    iscep_buf_init(&discovery->url, 4096);
    iscep_url_join(&discovery->url, tenant->graph, tenant->discovery_path);
    discovery->request = (iscep_authed){
        .http = http,
        .tokens = tokens,
        .upstream = {.env = env, .tenant = tenant, .endpoint = ISCEP_ENDPOINT_DISCOVERY},
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
    if (discovery->is_fetching)
        iscep_authed_cancel(&discovery->request);
    iscep_buf_clear(&discovery->url);
    for (int site = 0; site < ISCEP_SITE_COUNT; site++)
        iscep_shared_clear(&discovery->uris[site]);
    free(discovery);
}

/* Older replies call the member serviceName; letter case differs between clouds. */
static bool is_of_service(const iscep_json *endpoint, const char *service)
{
    const char *name = iscep_json_text(endpoint, "providerName");
    if (name == NULL)
        name = iscep_json_text(endpoint, "serviceName");
    return name != NULL && strcasecmp(name, service) == 0;
}

static const char *find_uri(const iscep_json *reply, const char *service)
{
    const iscep_json *endpoints = iscep_json_member(reply, "value");
    if (!iscep_json_is_array(endpoints))
        return NULL;
    for (const iscep_json *at = iscep_json_first(endpoints); at != NULL; at = iscep_json_next(at))
        if (is_of_service(at, service))
            return iscep_json_text(at, "uri");
    return NULL;
}

/* An address that is known already stays: whoever uses it has not complained. */
static iscep_status store_uri(iscep_discovery *discovery, iscep_site site, const iscep_json *reply,
                              iscep_error *err)
{
    iscep_shared *known = &discovery->uris[site];
    const char *uri = find_uri(reply, sites[site].service);
    if (known->value != NULL)
        return ISCEP_OK;
    if (uri == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "service_not_discovered",
                               "Graph names no %s for this tenant: %s", sites[site].service,
                               sites[site].advice);
    iscep_status status = iscep_url_check(uri, discovery->tenant->allowed_hosts,
                                          discovery->tenant->allowed_host_count, ISCEP_PROTOCOL, err);
    return status != ISCEP_OK ? status : iscep_shared_set(known, uri, err);
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

/* Keeps what the answer names. The errors are each site's own; the value is the answer's as a whole. */
static iscep_status read_reply(iscep_discovery *discovery, const iscep_http_response *response,
                               iscep_error errs[ISCEP_SITE_COUNT], iscep_error *err)
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
        for (int site = 0; site < ISCEP_SITE_COUNT; site++)
            if (store_uri(discovery, (iscep_site)site, reply, &errs[site]) != ISCEP_OK)
                errs[site].http_status = response->status;
    if (status != ISCEP_OK) {
        err->http_status = response->status;
        err->retry_after_ms = response->retry_after_ms;
    }
    return status;
}

/* Everybody is told of the same failure. */
static void tell_failure(iscep_discovery *discovery, iscep_error *err)
{
    iscep_error_prefix(err, "discovery");
    discovery->is_fetching = false;
    for (int site = 0; site < ISCEP_SITE_COUNT; site++) {
        discovery->is_wanted[site] = false;
        iscep_shared_settle(&discovery->uris[site], err->status, err);
    }
}

static void log_failure(const iscep_discovery *discovery, const iscep_error *err)
{
    iscep_log_event(
        discovery->env->log, ISCEP_LOG_ERROR, "discovery_failed",
        ISCEP_LOG_TEXT("class", iscep_status_name(err->status)), ISCEP_LOG_TEXT("code", err->code),
        ISCEP_LOG_TEXT("client_request_id", discovery->request_id), ISCEP_LOG_TEXT("reason", err->message),
        ISCEP_LOG_TEXT("tenant", iscep_tenant_label(discovery->tenant)));
}

/* A site that nobody has asked for may be missing. */
static void tell_site(iscep_discovery *discovery, iscep_site site, iscep_error *err)
{
    iscep_shared *uri = &discovery->uris[site];
    bool was_wanted = discovery->is_wanted[site];
    discovery->is_wanted[site] = false;
    if (err->status != ISCEP_OK && was_wanted)
        log_failure(discovery, err);
    if (err->status != ISCEP_OK)
        iscep_error_prefix(err, "discovery");
    else if (was_wanted)
        iscep_log_event(discovery->env->log, ISCEP_LOG_INFO, "discovery_done",
                        ISCEP_LOG_TEXT("uri", uri->value),
                        ISCEP_LOG_TEXT("client_request_id", discovery->request_id),
                        ISCEP_LOG_TEXT("tenant", iscep_tenant_label(discovery->tenant)));
    iscep_shared_settle(uri, err->status, err);
}

/* That Intune offers no revocations is not held against Graph: validations must not suffer for it. */
static void tell_sites(iscep_discovery *discovery, iscep_error errs[ISCEP_SITE_COUNT])
{
    const iscep_error *scep = &errs[ISCEP_SITE_SCEP];
    if (discovery->is_wanted[ISCEP_SITE_SCEP] && scep->status != ISCEP_OK)
        iscep_breaker_fail(&discovery->breaker, discovery->pass, scep);
    else
        iscep_breaker_succeed(&discovery->breaker);
    discovery->is_fetching = false;
    for (int site = 0; site < ISCEP_SITE_COUNT; site++)
        tell_site(discovery, (iscep_site)site, &errs[site]);
}

static void on_response(void *user, iscep_status status, const iscep_http_response *response,
                        const iscep_error *http_err)
{
    iscep_discovery *discovery = user;
    iscep_error err = *http_err;
    iscep_error errs[ISCEP_SITE_COUNT] = {ISCEP_ERROR_INIT, ISCEP_ERROR_INIT};
    if (discovery->request.lacks_token) { /* logged where it was asked for */
        iscep_breaker_forgo(&discovery->breaker, discovery->pass);
        tell_failure(discovery, &err);
        return;
    }
    if (status == ISCEP_OK)
        status = read_reply(discovery, response, errs, &err);
    if (status == ISCEP_OK) {
        tell_sites(discovery, errs);
        return;
    }
    iscep_breaker_fail(&discovery->breaker, discovery->pass, &err);
    log_failure(discovery, &err);
    tell_failure(discovery, &err);
}

static void fetch(iscep_discovery *discovery)
{
    iscep_error err = ISCEP_ERROR_INIT;
    discovery->is_fetching = true;
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

bool iscep_discovery_is_at_hand(const iscep_discovery *discovery, iscep_site site)
{
    return discovery->uris[site].value != NULL;
}

void iscep_discovery_get(iscep_discovery *discovery, iscep_site site, iscep_wait *wait, iscep_shared_fn done,
                         void *user)
{
    iscep_shared *uri = &discovery->uris[site];
    if (uri->value != NULL) {
        iscep_error none = ISCEP_ERROR_INIT;
        done(user, ISCEP_OK, uri->value, uri->generation, &none);
        return;
    }
    discovery->is_wanted[site] = true;
    iscep_shared_wait(uri, wait, done, user);
    if (!discovery->is_fetching)
        fetch(discovery);
}

void iscep_discovery_drop(iscep_discovery *discovery, iscep_site site, uint64_t generation)
{
    iscep_shared_drop(&discovery->uris[site], generation);
}

/* Without memory they are asked for anew. */
void iscep_discovery_inherit(iscep_discovery *discovery, const iscep_discovery *from)
{
    for (int site = 0; site < ISCEP_SITE_COUNT; site++) {
        const char *known = from->uris[site].value;
        if (known != NULL && discovery->uris[site].value == NULL &&
            iscep_shared_set(&discovery->uris[site], known, NULL) != ISCEP_OK)
            return;
    }
}
