/* See api.h: the door, the route, the worker whose business it is. */
#include "daemon/api.h"

#include <string.h>

#include "base/json.h"
#include "daemon/local_api.h"
#include "daemon/local_verdict.h"
#include "daemon/status_page.h"

enum { MAX_OUTCOME_LEN = 8 * 1024 };

/* --- what is at a path --- */

static void handle_livez(iscep_exchange *exchange, const iscep_api *api)
{
    static const char body[] = "{\"status\":\"ok\"}\n";
    (void)api;
    iscep_exchange_reply(exchange, &(iscep_reply){.status = 200, .body = iscep_bytes_of_text(body)});
}

static void handle_page(iscep_exchange *exchange, const iscep_api *api)
{
    (void)api;
    iscep_status_page_handle(exchange);
}

static void handle_status(iscep_exchange *exchange, const iscep_api *api)
{
    api->keeper->reply_status(exchange, api->keeper->reply_user);
}

static void handle_metrics(iscep_exchange *exchange, const iscep_api *api)
{
    api->keeper->reply_metrics(exchange, api->keeper->reply_user);
}

static void reply_reload(iscep_exchange *exchange, const iscep_reload_outcome *outcome)
{
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, MAX_OUTCOME_LEN);
    iscep_buf_printf(&body, "{\"result\":\"%s\",\"message\":", outcome->is_taken ? "taken" : "refused");
    iscep_json_append_quoted(&body, outcome->message);
    iscep_buf_printf(&body, ",\"digest\":\"%s\"}\n", outcome->digest);
    iscep_exchange_reply(
        exchange, &(iscep_reply){.status = outcome->is_taken ? 200 : 409, .body = iscep_buf_bytes(&body)});
}

static void handle_reload(iscep_exchange *exchange, const iscep_api *api)
{
    const iscep_keeper_api *keeper = api->keeper; /* api is gone after the reload */
    int64_t uid;
    if (!iscep_admin_api_admit(exchange, keeper->admin, "reload", &uid))
        return;
    keeper->reload(keeper->reload_user);
    reply_reload(exchange, keeper->outcome);
}

/* Who may have it, and where it is answered. */
typedef struct route {
    const char *method;
    const char *path;
    uint32_t serves; /* any of these bits; 0: whoever got as far as here */
    bool is_keepers;
    bool is_exempt; /* from the limits on requests: who watches over a full house must see it */
    void (*handle)(iscep_exchange *exchange, const iscep_api *api);
} route;

static const route routes[] = {
    {"POST", "/v1/validate", ISCEP_SERVES_API, false, false, iscep_local_api_validate},
    {"POST", "/v1/issued", ISCEP_SERVES_API, false, false, iscep_local_api_issued},
    {"POST", "/v1/failed", ISCEP_SERVES_API, false, false, iscep_local_api_failed},
    {"GET", "/livez", 0, false, true, handle_livez},
    {"GET", "/readyz", 0, false, true, iscep_local_api_readyz},
    {"GET", "/", ISCEP_SERVES_STATUS, false, false, handle_page},
    {"GET", "/v1/status", ISCEP_SERVES_STATUS | ISCEP_SERVES_ADMIN, true, true, handle_status},
    {"GET", "/metrics", ISCEP_SERVES_METRICS, true, true, handle_metrics},
    {"POST", "/v1/reload", ISCEP_SERVES_ADMIN, true, true, handle_reload},
};

static bool handle_admin(iscep_exchange *exchange, const iscep_api *api)
{
    bool is_known = false;
    return iscep_admin_api_handle(exchange, api->keeper->admin, &is_known);
}

static bool handle_hosted(iscep_exchange *exchange, const iscep_api *api)
{
    bool is_known = false;
    return iscep_hosted_api_handle(exchange, api->keeper->hosted, &is_known);
}

/* Routes that have a table of their own; all of them the keeper's. */
static const struct group {
    uint32_t serves;
    bool (*has)(const char *path);
    bool (*handle)(iscep_exchange *exchange, const iscep_api *api); /* false: not with this method */
} groups[] = {
    {ISCEP_SERVES_ADMIN, iscep_admin_api_has, handle_admin},
    {ISCEP_SERVES_API, iscep_hosted_api_has, handle_hosted},
};

/* --- nothing to be found --- */

static void reply_not_found(iscep_exchange *exchange, bool is_known_path)
{
    iscep_error err;
    if (is_known_path)
        iscep_error_set(&err, ISCEP_USAGE, "method_not_allowed", "this path does not know the method %s",
                        iscep_exchange_method(exchange));
    else
        iscep_error_set(&err, ISCEP_USAGE, "path_not_found", "there is nothing at this path");
    err.http_status = is_known_path ? 405 : 404;
    iscep_local_verdict_reply_error(exchange, &err);
}

/* --- step-ca's webhooks: /step-ca/NAME/challenge --- */

static bool find_hook(size_t *hook, iscep_step_ca_event *event, const iscep_api *api, const char *path)
{
    static const char prefix[] = "/step-ca/";
    if (strncmp(path, prefix, sizeof prefix - 1) != 0)
        return false;
    const char *name = path + sizeof prefix - 1, *slash = strchr(name, '/');
    if (slash == NULL)
        return false;
    *event = strcmp(slash, "/challenge") == 0 ? ISCEP_STEP_CA_CHALLENGE : ISCEP_STEP_CA_NOTIFY;
    if (*event == ISCEP_STEP_CA_NOTIFY && strcmp(slash, "/notify") != 0)
        return false;
    for (*hook = 0; *hook < api->config->step_ca_count; ++*hook) {
        const char *is = api->config->step_cas[*hook].name;
        if (strlen(is) == (size_t)(slash - name) && strncmp(is, name, strlen(is)) == 0)
            return true;
    }
    return false;
}

static void handle_hook(iscep_exchange *exchange, const iscep_api *api, size_t at, iscep_step_ca_event event)
{
    const iscep_seat *seat;
    iscep_error err = ISCEP_ERROR_INIT;
    if (!iscep_doors_admit(api->doors, api->env, exchange, ISCEP_SERVES_STEP_CA))
        return;
    if (strcmp(iscep_exchange_method(exchange), "POST") != 0) {
        reply_not_found(exchange, true);
        return;
    }
    if (!iscep_step_ca_admit(api->hooks[at], api->env, exchange, event))
        return;
    if (iscep_api_choose_tenant(&seat, api, exchange, api->config->step_cas[at].tenant, &err) != ISCEP_OK)
        iscep_exchange_reply_error(exchange, err.http_status, err.code, err.message);
    else
        iscep_step_ca_handle(api->hooks[at], api->env, seat->service, exchange, event);
}

/* --- all of them --- */

static void handle_on_keeper(iscep_exchange *exchange, void *user)
{
    iscep_api_handle(exchange, user);
}

/* True: it is no longer this worker's. */
static bool is_lent(iscep_exchange *exchange, const iscep_api *api, bool is_keepers)
{
    iscep_error err;
    if (!is_keepers || (api->is_on_keeper && api->keeper != NULL))
        return false;
    if (api->keeper == NULL)
        reply_not_found(exchange, false);
    else if (iscep_exchange_lend(exchange, api->keeper->loop, handle_on_keeper, api->keeper->handler_user,
                                 &err) != ISCEP_OK)
        iscep_exchange_reply_error(exchange, 503, "nomem", "out of memory");
    return true;
}

/*
 * The bit of serves that this door has: status before admin, because it may be for whoever comes. If it has none, any, so that it is
 * refused as that.
 */
static iscep_serves choose_bit(const iscep_api *api, const iscep_exchange *exchange, uint32_t serves)
{
    const iscep_listener_options *listener = iscep_doors_find(api->doors, iscep_exchange_peer(exchange).door);
    const uint32_t both = listener != NULL ? serves & listener->serves : 0;
    if ((both & ISCEP_SERVES_STATUS) != 0)
        return ISCEP_SERVES_STATUS;
    const uint32_t from = both != 0 ? both : serves;
    return (iscep_serves)(from & -from);
}

static void handle_route(iscep_exchange *exchange, const iscep_api *api, const route *at)
{
    if (at->serves != 0 &&
        !iscep_doors_admit(api->doors, api->env, exchange, choose_bit(api, exchange, at->serves)))
        return;
    if (!is_lent(exchange, api, at->is_keepers))
        at->handle(exchange, api);
}

static void handle_group(iscep_exchange *exchange, const iscep_api *api, const struct group *at)
{
    if (!iscep_doors_admit(api->doors, api->env, exchange, (iscep_serves)at->serves))
        return;
    if (!is_lent(exchange, api, true) && !at->handle(exchange, api))
        reply_not_found(exchange, true);
}

/* /t/NAME goes before what is for one tenant, and before nothing else. */
static const route *find_route(const iscep_exchange *exchange, bool *is_known_path)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        const bool is_tenants = routes[i].serves == ISCEP_SERVES_API;
        if (strcmp(routes[i].path, is_tenants ? iscep_api_path(exchange) : iscep_exchange_path(exchange)) !=
            0)
            continue;
        *is_known_path = true;
        if (strcmp(routes[i].method, iscep_exchange_method(exchange)) == 0)
            return &routes[i];
    }
    return NULL;
}

bool iscep_api_is_exempt(const iscep_exchange *exchange)
{
    bool is_known_path = false;
    const route *found = find_route(exchange, &is_known_path);
    return found != NULL && found->is_exempt;
}

void iscep_api_handle(iscep_exchange *exchange, void *user)
{
    const iscep_api *api = *(const iscep_api *const *)user;
    const char *path = iscep_exchange_path(exchange);
    size_t hook;
    iscep_step_ca_event event;
    bool is_known_path = false;
    const route *found = find_route(exchange, &is_known_path);
    if (found != NULL) {
        handle_route(exchange, api, found);
        return;
    }
    for (size_t i = 0; i < sizeof groups / sizeof *groups && !is_known_path; i++) {
        if (!groups[i].has(path))
            continue;
        handle_group(exchange, api, &groups[i]);
        return;
    }
    if (find_hook(&hook, &event, api, path))
        handle_hook(exchange, api, hook, event);
    else
        reply_not_found(exchange, is_known_path);
}
