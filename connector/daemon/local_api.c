/* See local_api.h. */
#include "daemon/local_api.h"

#include <string.h>

#include "daemon/local_request.h"
#include "daemon/local_verdict.h"

enum { MAX_READINESS_LEN = 2048 };

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
static iscep_service_request to_service_request(const iscep_api *api, const iscep_local_request *request)
{
    int64_t timeout_ms = api->config->request_timeout_ms;
    if (request->timeout_ms > 0 && request->timeout_ms < timeout_ms)
        timeout_ms = request->timeout_ms;
    return (iscep_service_request){.transaction_id = request->transaction_id,
                                   .csr = request->csr,
                                   .deadline_mono_ms = iscep_now_mono_ms(api->env) + timeout_ms,
                                   .is_wanted = is_wanted,
                                   .is_replay_unwanted = request->is_replay_unwanted};
}

static iscep_status start_action(const iscep_api *api, const iscep_seat *seat, iscep_local_action action,
                                 iscep_local_request *request, iscep_exchange *exchange, iscep_error *err)
{
    iscep_service_request asked = to_service_request(api, request);
    switch (action) {
    case ISCEP_LOCAL_VALIDATE:
        return iscep_service_verify(seat->service, &asked, on_verified, exchange, err);
    case ISCEP_LOCAL_ISSUED:
        return iscep_service_report_issued(seat->service, &asked, request->cert, on_reported, exchange, err);
    case ISCEP_LOCAL_FAILED:
        break;
    }
    return iscep_service_report_failed(seat->service, &asked, request->error_code,
                                       iscep_buf_text(&request->description), on_reported, exchange, err);
}

/* The body moves out of the exchange: a caller who waits for a slow Intune need not keep the CSR in memory.
 */
static void handle_action(iscep_exchange *exchange, const iscep_api *api, iscep_local_action action)
{
    iscep_local_request request;
    const iscep_seat *seat = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = iscep_local_request_parse(&request, exchange, action, &err);
    iscep_buf body = iscep_exchange_take_body(exchange); /* request points into it */
    if (status == ISCEP_OK)
        status = iscep_api_choose_tenant(&seat, api, exchange, request.tenant, &err);
    if (status == ISCEP_OK)
        status = start_action(api, seat, action, &request, exchange, &err);
    if (status != ISCEP_OK)
        iscep_local_verdict_reply_error(exchange, &err);
    iscep_local_request_clear(&request);
    iscep_buf_wipe(&body);
}

void iscep_local_api_validate(iscep_exchange *exchange, const iscep_api *api)
{
    handle_action(exchange, api, ISCEP_LOCAL_VALIDATE);
}

void iscep_local_api_issued(iscep_exchange *exchange, const iscep_api *api)
{
    handle_action(exchange, api, ISCEP_LOCAL_ISSUED);
}

void iscep_local_api_failed(iscep_exchange *exchange, const iscep_api *api)
{
    handle_action(exchange, api, ISCEP_LOCAL_FAILED);
}

/* --- readiness --- */

/* only: NULL for all. Asking whether we are ready is also a reason to try again to be. */
static bool are_ready(const iscep_api *api, const iscep_seat *only, iscep_error *err)
{
    bool is_ready = true;
    for (size_t i = 0; i < api->seat_count; i++) {
        iscep_error why = ISCEP_ERROR_INIT;
        if (only != NULL && only != &api->seats[i])
            continue;
        if (iscep_intune_is_ready(api->seats[i].intune, &why))
            continue;
        iscep_intune_warm_up(api->seats[i].intune);
        if (is_ready)
            *err = why;
        is_ready = false;
    }
    return is_ready;
}

/* The status of the reply; unless it is 200, err says why. */
static int32_t read_readiness(const iscep_exchange *exchange, const iscep_api *api, iscep_error *err)
{
    const iscep_seat *only = NULL;
    if (iscep_exchange_peer(exchange).is_unix &&
        iscep_api_find_tenant(&only, api, exchange, NULL, err) != ISCEP_OK)
        return err->http_status;
    const bool is_ready =
        are_ready(api, only, err) && (api->journal == NULL || iscep_journal_is_healthy(api->journal, err));
    return is_ready ? 200 : 503;
}

/* Code and message hold no line end: error.h. */
static void reply_text(iscep_exchange *exchange, int32_t http_status, const iscep_error *why)
{
    ISCEP_AUTO_BUF lines;
    iscep_buf_init(&lines, MAX_READINESS_LEN);
    if (why != NULL)
        iscep_buf_printf(&lines, "code: %s\nmessage: %s\n", why->code, why->message);
    else
        iscep_buf_append_text(&lines, "status: ok\n");
    iscep_exchange_reply(exchange, &(iscep_reply){.status = http_status,
                                                  .content_type = "text/plain; charset=utf-8",
                                                  .body = iscep_buf_bytes(&lines)});
}

/* Whoever gets as far as here on TCP need not have shown who he is: he learns neither the reason nor who the tenants are. */
void iscep_local_api_readyz(iscep_exchange *exchange, const iscep_api *api)
{
    static const char ready[] = "{\"status\":\"ok\"}\n";
    iscep_error err = ISCEP_ERROR_INIT;
    const int32_t status = read_readiness(exchange, api, &err);
    const bool is_ready = status == 200;
    if (!iscep_exchange_peer(exchange).is_unix)
        iscep_text_copy(err.message, sizeof err.message, "the log says why");
    if (iscep_local_verdict_wants_text(exchange))
        reply_text(exchange, status, is_ready ? NULL : &err);
    else if (is_ready)
        iscep_exchange_reply(exchange, &(iscep_reply){.status = 200, .body = iscep_bytes_of_text(ready)});
    else
        iscep_exchange_reply_error(exchange, status, err.code, err.message);
}
