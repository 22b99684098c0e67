/* See service.h. */
#include "service.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "net/url.h"
#include "routes.h"
#include "service_paths.h"
#include "wire.h"

#define SEGMENT_MAX_LEN 1024

/* One exchange on its way. */
typedef struct mock_call {
    mock_service *service;
    iscep_exchange *exchange;
    const mock_route *route;
    mock_request request;
    iscep_buf segment;
    mock_fault fault; /* kind NULL: none */
    iscep_timer *latency;
    uint64_t generation; /* of the faults, when it began to hang */
    struct mock_call *previous;
    struct mock_call *next;
} mock_call;

/* Percent-decoding, but "+" stays: it is no form, and transaction ids have plus signs. */
static bool decode_segment(iscep_buf *out, iscep_bytes segment)
{
    ISCEP_AUTO_BUF as_form;
    iscep_buf_init(&as_form, 3 * SEGMENT_MAX_LEN);
    for (size_t i = 0; i < segment.len; i++) {
        if (segment.data[i] == '+')
            iscep_buf_append_text(&as_form, "%2B");
        else
            iscep_buf_append(&as_form, segment.data + i, 1);
    }
    return !as_form.is_overflown && iscep_form_decode(out, iscep_buf_bytes(&as_form), NULL) == ISCEP_OK &&
           (out->len == 0 || memchr(out->data, '\0', out->len) == NULL);
}

static void enlist(mock_call *call)
{
    call->next = call->service->calls;
    if (call->next != NULL)
        call->next->previous = call;
    call->service->calls = call;
}

static void free_call(mock_call *call)
{
    mock_service *service = call->service;
    if (service->calls == call)
        service->calls = call->next;
    if (call->previous != NULL)
        call->previous->next = call->next;
    if (call->next != NULL)
        call->next->previous = call->previous;
    iscep_timer_free(call->latency);
    iscep_buf_clear(&call->segment);
    free(call);
}

static void log_call(const mock_call *call, mock_reply *reply)
{
    const char *request_id = call->request.client_request_id;
    iscep_log_event(call->service->mock->env.log, ISCEP_LOG_DEBUG, "request",
                    ISCEP_LOG_TEXT("endpoint", mock_endpoint_name(call->route->endpoint)),
                    ISCEP_LOG_TEXT("outcome", mock_reply_outcome(reply)),
                    ISCEP_LOG_TEXT("clientRequestId", request_id != NULL ? request_id : ""));
}

static void process(const mock_call *call, mock_reply *reply)
{
    mock_state *mock = call->service->mock;
    call->route->handler(mock, &call->request, reply);
    ERR_clear_error(); /* a refusal leaves notes that TLS would take for its own */
    if (call->route->is_admin)
        return;
    mock_stats_count(&mock->stats, call->route->endpoint, mock_reply_outcome(reply));
    log_call(call, reply);
}

static void answer(mock_call *call)
{
    mock_reply reply;
    mock_reply_init(&reply);
    process(call, &reply);
    mock_wire_send(call->exchange, &reply);
    mock_reply_clear(&reply);
    free_call(call);
}

static void drop(mock_call *call)
{
    iscep_exchange_reply_raw(call->exchange, iscep_bytes_of(NULL, 0), false);
    free_call(call);
}

/* Those that hang: nobody waits any more for the first sort, the others get their answer when the fault is cleared, but
 * nothing is processed twice. */
static void release_hanging(mock_service *service)
{
    mock_call *next;
    for (mock_call *call = service->calls; call != NULL; call = next) {
        next = call->next;
        if (call->latency != NULL)
            continue;
        bool is_cleared = call->generation != service->mock->faults.generation;
        if (iscep_exchange_is_gone(call->exchange) || (is_cleared && call->fault.is_processed))
            drop(call);
        else if (is_cleared)
            answer(call);
    }
}

/* Whoever joins them looks whether all the others are still there, so that they do not pile up. */
static void hang(mock_call *call)
{
    iscep_timer_free(call->latency);
    call->latency = NULL;
    call->generation = call->service->mock->faults.generation;
    release_hanging(call->service);
}

static void meet_fault(void *user)
{
    mock_call *call = user;
    mock_reply reply;
    mock_reply_init(&reply);
    call->request.token_quirk = call->fault.kind->quirk;
    if (call->fault.is_processed || call->fault.kind->needs_processing)
        process(call, &reply);
    if (call->fault.kind->act == NULL) {
        hang(call);
    } else {
        mock_mishap mishap = {call->service->mock,  &call->fault, call->route->endpoint,
                              &call->request,       &reply,       call->exchange,
                              &call->service->drips};
        call->fault.kind->act(&mishap);
        free_call(call);
    }
    mock_reply_clear(&reply);
}

static void start_fault(mock_call *call)
{
    mock_service *service = call->service;
    service->mock->stats.endpoints[call->route->endpoint].faults++;
    enlist(call);
    iscep_error err = ISCEP_ERROR_INIT;
    if (iscep_timer_new(&call->latency, service->loop, meet_fault, call, &err) != ISCEP_OK) {
        iscep_exchange_reply_error(call->exchange, 500, "internal", err.message);
        free_call(call);
        return;
    }
    iscep_timer_arm(call->latency, call->fault.latency_ms);
}

/* What is due of the scenario happens; then the next that time brings is waited for. */
static void advance_scenario(void *user)
{
    mock_service *service = user;
    if (service->scenario == NULL)
        return;
    mock_scenario_advance(service->scenario, service->mock);
    int64_t wait_ms = mock_scenario_wait_ms(service->scenario, iscep_now_mono_ms(&service->mock->env));
    if (wait_ms >= 0)
        iscep_timer_arm(service->wake, wait_ms);
    release_hanging(service);
}

static bool meets_fault(mock_call *call)
{
    mock_service *service = call->service;
    mock_state *mock = service->mock;
    if (call->route->is_admin)
        return false;
    mock->stats.endpoints[call->route->endpoint].requests++;
    advance_scenario(service);
    return mock_faults_take(&call->fault, &mock->faults, call->route->endpoint,
                            iscep_now_mono_ms(&mock->env));
}

static void start(mock_call *call)
{
    mock_service *service = call->service;
    bool is_admin = call->route->is_admin;
    if (meets_fault(call))
        start_fault(call);
    else
        answer(call);
    if (is_admin)
        release_hanging(service); /* it may have cleared the faults */
}

static mock_call *new_call(mock_service *service, iscep_exchange *exchange, const mock_route *route)
{
    mock_call *call = calloc(1, sizeof(*call));
    if (call == NULL)
        return NULL;
    call->service = service;
    call->exchange = exchange;
    call->route = route;
    call->request = mock_wire_read(exchange);
    iscep_buf_init(&call->segment, SEGMENT_MAX_LEN);
    return call;
}

static void refuse(iscep_exchange *exchange, bool is_known_path)
{
    iscep_exchange_reply_error(exchange, is_known_path ? 405 : 404, is_known_path ? "method" : "not_found",
                               "intune-mock does not know this method and path");
}

static void begin(mock_service *service, iscep_exchange *exchange, const mock_route *route,
                  iscep_bytes segment)
{
    mock_call *call = new_call(service, exchange, route);
    if (call == NULL) {
        iscep_exchange_reply_error(exchange, 503, "nomem", "out of memory");
    } else if (!decode_segment(&call->segment, segment)) {
        iscep_exchange_reply_error(exchange, 400, "path", "the path cannot be decoded");
        free_call(call);
    } else {
        call->request.segment = iscep_buf_text(&call->segment);
        start(call);
    }
}

void mock_service_handle(iscep_exchange *exchange, void *user)
{
    iscep_bytes segment;
    bool is_known_path = false;
    const mock_route *route = mock_route_find(iscep_exchange_method(exchange), iscep_exchange_path(exchange),
                                              &segment, &is_known_path);
    if (route == NULL)
        refuse(exchange, is_known_path);
    else
        begin(user, exchange, route, segment);
}

void mock_service_handle_imds(iscep_exchange *exchange, void *user)
{
    if (strcmp(iscep_exchange_path(exchange), MOCK_IMDS_PATH) != 0)
        refuse(exchange, false);
    else
        mock_service_handle(exchange, user);
}

iscep_status mock_service_start(mock_service *service, mock_scenario *scenario, iscep_error *err)
{
    service->drips.loop = service->loop;
    if (scenario == NULL)
        return ISCEP_OK;
    iscep_status status = iscep_timer_new(&service->wake, service->loop, advance_scenario, service, err);
    if (status != ISCEP_OK)
        return status;
    service->scenario = scenario;
    mock_scenario_start(scenario, iscep_now_mono_ms(&service->mock->env));
    advance_scenario(service);
    return ISCEP_OK;
}

void mock_service_clear(mock_service *service)
{
    while (service->calls != NULL)
        drop(service->calls);
    mock_drips_clear(&service->drips);
    iscep_timer_free(service->wake);
    service->wake = NULL;
}
