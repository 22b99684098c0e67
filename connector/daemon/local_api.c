/* See local_api.h. */
#include "daemon/local_api.h"

#include <string.h>

#include "daemon/local_request.h"
#include "daemon/local_verdict.h"

static void on_verified(void *user, const iscep_verdict *verdict, iscep_bytes cert)
{
    iscep_local_verdict_reply_verified(user, verdict, cert);
}

static void on_reported(void *user, const iscep_verdict *verdict, iscep_bytes cert)
{
    (void)cert;
    iscep_local_verdict_reply_reported(user, verdict);
}

/* user is the exchange, as of the two above. */
static bool is_wanted(void *user)
{
    return !iscep_exchange_is_gone(user);
}

/* The deadline is the caller's, but at most ours. */
static iscep_service_request to_service_request(const iscep_local_api *api,
                                                const iscep_local_request *request)
{
    int64_t timeout_ms = api->request_timeout_ms;
    if (request->timeout_ms > 0 && request->timeout_ms < timeout_ms)
        timeout_ms = request->timeout_ms;
    return (iscep_service_request){.transaction_id = request->transaction_id,
                                   .csr = request->csr,
                                   .deadline_mono_ms = iscep_now_mono_ms(api->env) + timeout_ms,
                                   .is_wanted = is_wanted,
                                   .is_replay_unwanted = request->is_replay_unwanted};
}

static iscep_status start_action(const iscep_local_api *api, iscep_local_action action,
                                 iscep_local_request *request, iscep_exchange *exchange, iscep_error *err)
{
    iscep_service_request asked = to_service_request(api, request);
    switch (action) {
    case ISCEP_LOCAL_VALIDATE:
        return iscep_service_verify(api->service, &asked, on_verified, exchange, err);
    case ISCEP_LOCAL_ISSUED:
        return iscep_service_report_issued(api->service, &asked, request->cert, on_reported, exchange, err);
    case ISCEP_LOCAL_FAILED:
        break;
    }
    return iscep_service_report_failed(api->service, &asked, request->error_code,
                                       iscep_buf_text(&request->description), on_reported, exchange, err);
}

/* The body moves out of the exchange: a caller who waits for a slow Intune need not keep the CSR in memory.
 */
static void handle_action(iscep_exchange *exchange, iscep_local_api *api, iscep_local_action action)
{
    iscep_local_request request;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = iscep_local_request_parse(&request, exchange, action, &err);
    iscep_buf body = iscep_exchange_take_body(exchange); /* request points into it */
    if (status == ISCEP_OK)
        status = start_action(api, action, &request, exchange, &err);
    if (status != ISCEP_OK)
        iscep_local_verdict_reply_error(exchange, &err);
    iscep_local_request_clear(&request);
    iscep_buf_wipe(&body);
}

static void handle_validate(iscep_exchange *exchange, iscep_local_api *api)
{
    handle_action(exchange, api, ISCEP_LOCAL_VALIDATE);
}

static void handle_issued(iscep_exchange *exchange, iscep_local_api *api)
{
    handle_action(exchange, api, ISCEP_LOCAL_ISSUED);
}

static void handle_failed(iscep_exchange *exchange, iscep_local_api *api)
{
    handle_action(exchange, api, ISCEP_LOCAL_FAILED);
}

static void reply_ok(iscep_exchange *exchange)
{
    iscep_exchange_reply(exchange,
                         &(iscep_reply){.status = 200, .body = iscep_bytes_of_text("{\"status\":\"ok\"}\n")});
}

static void handle_livez(iscep_exchange *exchange, iscep_local_api *api)
{
    (void)api;
    reply_ok(exchange);
}

/* Asking whether we are ready is also a reason to try again to be. */
static void handle_readyz(iscep_exchange *exchange, iscep_local_api *api)
{
    iscep_error err = ISCEP_ERROR_INIT;
    bool is_ready = iscep_intune_is_ready(api->intune, &err);
    if (!is_ready)
        iscep_intune_warm_up(api->intune);
    if (is_ready && api->journal != NULL)
        is_ready = iscep_journal_is_healthy(api->journal, &err);
    if (is_ready)
        reply_ok(exchange);
    else
        iscep_exchange_reply_error(exchange, 503, err.code, err.message);
}

static const struct {
    const char *method;
    const char *path;
    void (*handle)(iscep_exchange *exchange, iscep_local_api *api);
} routes[] = {
    {"POST", "/v1/validate", handle_validate}, {"POST", "/v1/issued", handle_issued},
    {"POST", "/v1/failed", handle_failed},     {"GET", "/livez", handle_livez},
    {"GET", "/readyz", handle_readyz},
};

static bool handle_own(iscep_exchange *exchange, iscep_local_api *api, bool *is_known_path)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (strcmp(routes[i].path, iscep_exchange_path(exchange)) != 0)
            continue;
        *is_known_path = true;
        if (strcmp(routes[i].method, iscep_exchange_method(exchange)) != 0)
            continue;
        routes[i].handle(exchange, api);
        return true;
    }
    return false;
}

void iscep_local_api_handle(iscep_exchange *exchange, void *user)
{
    iscep_local_api *api = user;
    const char *method = iscep_exchange_method(exchange);
    bool is_known_path = false;
    if (handle_own(exchange, api, &is_known_path) ||
        (api->admin != NULL && iscep_admin_api_handle(exchange, api->admin, &is_known_path)) ||
        (api->hosted != NULL && iscep_hosted_api_handle(exchange, api->hosted, &is_known_path)))
        return;
    iscep_error err;
    if (is_known_path)
        iscep_error_set(&err, ISCEP_USAGE, "method_not_allowed", "this path does not know the method %s",
                        method);
    else
        iscep_error_set(&err, ISCEP_USAGE, "path_not_found", "there is nothing at this path");
    err.http_status = is_known_path ? 405 : 404;
    iscep_local_verdict_reply_error(exchange, &err);
}
