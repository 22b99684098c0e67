/* See call.h. */
#include "intune/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intune/reply.h"
#include "net/url.h"

enum {
    MAX_RESPONSE_LEN = 64 * 1024,
    MAX_DOCUMENT_LEN = 8 * 1024 * 1024,
    PATIENCE_MS = 1000, /* who waits less for an answer has learnt nothing about the service */
};

struct iscep_call {
    LIST_ENTRY(iscep_call) link;
    iscep_intune *intune;
    const iscep_action *action;
    iscep_buf body;
    iscep_buf url;
    iscep_wait wait;
    uint64_t generation; /* of the address used */
    iscep_authed request;
    bool is_sent;
    bool is_pausing;   /* between two attempts; the timer is for the pause then, else for the deadline */
    uint32_t attempts; /* begun */
    int64_t attempt_mono_ms; /* when the last one began */
    iscep_breaker *breaker;
    iscep_pass pass; /* 0: not inside */
    iscep_timer *timer;
    int64_t deadline_mono_ms;
    iscep_verdict verdict;
    iscep_error failure; /* of the last attempt; what a document's call ends with */
    iscep_verdict_fn done;
    iscep_document_fn document_done; /* instead, if the action's answer is a document */
    bool (*is_wanted)(void *user);   /* NULL: until the deadline */
    void *user;
    bool *is_over; /* set by finish, for who has not yet returned from starting it */
    char transaction_id[];
};

static void on_address(void *user, iscep_status status, const char *uri, uint64_t generation,
                       const iscep_error *err);

/* --- how a call ends --- */

static void free_call(iscep_call *call)
{
    iscep_timer_free(call->timer);
    iscep_buf_wipe(&call->body); /* holds a challenge */
    iscep_buf_clear(&call->url);
    free(call);
}

static void finish(iscep_call *call)
{
    LIST_REMOVE(call, link);
    if (call->is_over != NULL)
        *call->is_over = true;
    if (call->action->read != NULL)
        call->document_done(call->user, &call->failure, call->verdict.request_id);
    else
        call->done(call->user, &call->verdict);
    free_call(call);
}

/* The reason, and how often it was tried. */
static iscep_error describe_failure(const iscep_call *call, const iscep_error *failure)
{
    iscep_error told = *failure;
    char message[sizeof told.message + 32];
    snprintf(message, sizeof message, "%s (%u attempt%s)", failure->message, call->attempts,
             call->attempts == 1 ? "" : "s");
    if (call->attempts > 0)
        iscep_text_copy(told.message, sizeof told.message, message);
    return told;
}

/* RETRY: what the call comes to, unless another attempt has more luck. */
static void keep_failure(iscep_call *call, const iscep_error *failure)
{
    call->failure = describe_failure(call, failure);
    iscep_verdict_from_error(&call->verdict, &call->failure);
}

/* A caller's deadline has passed, and he had hardly waited: that is not the service's fault. */
static bool is_impatience(const iscep_call *call, const iscep_error *failure)
{
    int64_t now_ms = iscep_now_mono_ms(call->intune->env);
    return strcmp(failure->code, "timeout") == 0 && now_ms >= call->request.deadline_mono_ms &&
           now_ms - call->attempt_mono_ms < PATIENCE_MS;
}

/*
 * When a further attempt is cut short by the deadline, or finds the circuit open, how the one before ended says more:
 * its verdict stays.
 */
static void fail(iscep_call *call, const iscep_error *failure)
{
    bool is_refused = strcmp(failure->code, "circuit_open") == 0;
    bool has_earlier = call->verdict.decision == ISCEP_RETRY;
    if (has_earlier && is_refused)
        call->failure.retry_after_ms = call->verdict.retry_after_ms = failure->retry_after_ms;
    else if (!has_earlier || !is_impatience(call, failure))
        keep_failure(call, failure);
    finish(call);
}

static bool is_in_flight(const iscep_call *call)
{
    return call->is_sent && call->request.call != NULL;
}

static iscep_status set_timeout(const iscep_call *call, iscep_error *err)
{
    return iscep_error_set(err, ISCEP_NETWORK, "timeout",
                           is_in_flight(call) ? "Intune did not answer in time"
                                              : "Intune's address and a token could not be had in time");
}

/* Ends whatever is under way; the breaker learns nothing from it. */
static void stop(iscep_call *call)
{
    iscep_wait_cancel(&call->wait);
    if (call->is_sent)
        iscep_authed_cancel(&call->request);
    call->is_sent = false;
    if (call->pass != 0)
        iscep_breaker_forgo(call->breaker, call->pass);
    call->pass = 0;
}

void iscep_call_abandon(iscep_call *call, const char *code, const char *message)
{
    iscep_error err;
    iscep_error_set(&err, ISCEP_NETWORK, code, "%s", message);
    stop(call);
    fail(call, &err);
}

/* --- one attempt --- */

static iscep_site site_of(const iscep_call *call)
{
    return call->action->endpoint == ISCEP_ENDPOINT_REVOCATION ? ISCEP_SITE_PKI : ISCEP_SITE_SCEP;
}

static void drop_address(const iscep_call *call)
{
    iscep_discovery_drop(call->intune->discovery, site_of(call), call->generation);
}

/* The breaker learns how the request ended. failure NULL: with an answer. */
static void leave_breaker(iscep_call *call, const iscep_error *failure)
{
    if (failure == NULL)
        iscep_breaker_succeed(call->breaker);
    else if (is_impatience(call, failure))
        iscep_breaker_forgo(call->breaker, call->pass);
    else
        iscep_breaker_fail(call->breaker, call->pass, failure);
    call->pass = 0;
}

/* Asks for a pass, then for the address; the rest follows in on_address. */
static void begin_attempt(iscep_call *call)
{
    iscep_intune *intune = call->intune;
    iscep_error err = ISCEP_ERROR_INIT;
    if (iscep_breaker_enter(call->breaker, &call->pass, &err) != ISCEP_OK) {
        fail(call, &err);
        return;
    }
    call->attempts++;
    call->attempt_mono_ms = iscep_now_mono_ms(intune->env);
    iscep_timer_arm(call->timer, call->deadline_mono_ms - call->attempt_mono_ms);
    iscep_discovery_get(intune->discovery, site_of(call), &call->wait, on_address, call);
}

/* Tries again, if that may help and time is left. endpoint: who has failed. */
static void fail_attempt(iscep_call *call, iscep_endpoint endpoint, const iscep_error *failure)
{
    const iscep_env *env = call->intune->env;
    int64_t pause_ms = iscep_retry_pause_ms(endpoint, call->attempts, failure, call->deadline_mono_ms, env);
    iscep_log_event(
        env->log, ISCEP_LOG_DEBUG, "attempt_failed", ISCEP_LOG_TEXT("transaction_id", call->transaction_id),
        ISCEP_LOG_TEXT("endpoint", iscep_endpoint_name(endpoint)), ISCEP_LOG_NUM("attempt", call->attempts),
        ISCEP_LOG_TEXT("class", iscep_status_name(failure->status)), ISCEP_LOG_TEXT("code", failure->code),
        ISCEP_LOG_TEXT("reason", failure->message), ISCEP_LOG_NUM("pause_ms", pause_ms),
        ISCEP_LOG_TEXT("client_request_id", call->verdict.request_id),
        ISCEP_LOG_TEXT("tenant", iscep_tenant_label(call->intune->tenant)));
    if (pause_ms < 0) {
        fail(call, failure);
        return;
    }
    keep_failure(call, failure); /* what it comes to if nobody wants another attempt */
    call->is_pausing = true;
    iscep_timer_arm(call->timer, pause_ms);
}

static void on_deadline(iscep_call *call)
{
    iscep_error err;
    set_timeout(call, &err);
    if (is_in_flight(call))
        leave_breaker(call, &err);
    stop(call);
    fail(call, &err);
}

static void on_timer(void *user)
{
    iscep_call *call = user;
    if (!call->is_pausing) {
        on_deadline(call);
        return;
    }
    call->is_pausing = false;
    if (call->is_wanted != NULL && !call->is_wanted(call->user))
        finish(call);
    else
        begin_attempt(call);
}

/*
 * The service was there and is only unwilling: its address is good. Anything else may be a scale unit that
 * moved.
 */
static bool speaks_for_address(iscep_status status, const iscep_http_response *response)
{
    if (status != ISCEP_OK)
        return status != ISCEP_NETWORK;
    return response->status == 200 || response->status == 401 || response->status == 403 ||
           response->status == 429 || response->status == 503;
}

/* ISCEP_OK: Intune has answered, and the call ends with that. Otherwise what an earlier attempt came to stays. */
static iscep_status take_answer(iscep_call *call, iscep_status status, const iscep_http_response *response,
                                iscep_error *failure)
{
    iscep_verdict verdict = call->verdict;
    if (call->action->read == NULL) {
        status = iscep_reply_judge(&verdict, status, response, failure);
    } else {
        if (status == ISCEP_OK)
            status = iscep_reply_check(response, failure);
        if (status == ISCEP_OK)
            status = call->action->read(call->user, response, failure);
    }
    if (status != ISCEP_OK)
        return status;
    call->verdict = verdict;
    call->failure = (iscep_error)ISCEP_ERROR_INIT;
    return ISCEP_OK;
}

static void on_response(void *user, iscep_status status, const iscep_http_response *response,
                        const iscep_error *err)
{
    iscep_call *call = user;
    iscep_error failure = *err;
    call->is_sent = false;
    if (call->request.lacks_token) {
        stop(call);
        fail_attempt(call, ISCEP_ENDPOINT_TOKEN, err);
        return;
    }
    if (!speaks_for_address(status, response) && !(status != ISCEP_OK && is_impatience(call, err)))
        drop_address(call);
    bool is_answered = take_answer(call, status, response, &failure) == ISCEP_OK;
    leave_breaker(call, is_answered ? NULL : &failure);
    if (is_answered)
        finish(call);
    else
        fail_attempt(call, call->action->endpoint, &failure);
}

/* Graph's token comes before Graph: without it, it was Entra ID that failed. */
static iscep_endpoint who_withholds_address(const iscep_intune *intune)
{
    return iscep_token_is_at_hand(intune->tokens, ISCEP_SCOPE_GRAPH) ? ISCEP_ENDPOINT_DISCOVERY
                                                                     : ISCEP_ENDPOINT_TOKEN;
}

static void on_address(void *user, iscep_status status, const char *uri, uint64_t generation,
                       const iscep_error *err)
{
    iscep_call *call = user;
    iscep_intune *intune = call->intune;
    if (status != ISCEP_OK) {
        stop(call);
        fail_attempt(call, who_withholds_address(intune), err);
        return;
    }
    call->generation = generation;
    iscep_buf_clear(&call->url);
    bool is_revocation = site_of(call) == ISCEP_SITE_PKI;
    const iscep_tenant *tenant = intune->tenant;
    iscep_url_join(&call->url, uri, is_revocation ? tenant->revocation_path : tenant->scep_path);
    iscep_buf_printf(&call->url, "/%s", call->action->name);
    iscep_error too_long;
    if (iscep_buf_status(&call->url, &too_long) != ISCEP_OK) { /* never to a part of the address */
        drop_address(call);
        stop(call);
        fail_attempt(call, ISCEP_ENDPOINT_DISCOVERY, &too_long);
        return;
    }
    call->request = (iscep_authed){
        .upstream = {.env = intune->env, .tenant = tenant, .endpoint = call->action->endpoint},
        .http = intune->http,
        .tokens = intune->tokens,
        .scope = ISCEP_SCOPE_INTUNE,
        .method = "POST",
        .url = iscep_buf_text(&call->url),
        .request_id = call->verdict.request_id,
        .api_version = is_revocation ? tenant->revocation_api_version : tenant->scep_api_version,
        .body = iscep_buf_bytes(&call->body),
        .deadline_mono_ms = call->deadline_mono_ms,
        .max_response_len = call->action->read != NULL ? MAX_DOCUMENT_LEN : MAX_RESPONSE_LEN,
        .done = on_response,
        .user = call,
    };
    call->is_sent = true;
    iscep_authed_send(&call->request);
}

/* --- what others do with a call --- */

static iscep_status new_call(iscep_call **out, iscep_intune *intune, const iscep_question *question,
                             iscep_error *err)
{
    size_t id_size = strlen(question->transaction_id) + 1;
    iscep_call *call = calloc(1, sizeof *call + id_size);
    if (call == NULL)
        return iscep_error_nomem(err);
    *call = (iscep_call){.intune = intune, .action = question->action, .verdict = ISCEP_VERDICT_INIT};
    memcpy(call->transaction_id, question->transaction_id, id_size);
    call->breaker = &intune->breakers[question->action->endpoint];
    iscep_status status = iscep_buf_status(&question->body, err);
    if (status == ISCEP_OK)
        status = iscep_guid_new(call->verdict.request_id, intune->env, err);
    if (status == ISCEP_OK)
        status = iscep_timer_new(&call->timer, intune->loop, on_timer, call, err);
    if (status != ISCEP_OK) {
        free(call);
        return status;
    }
    call->body = question->body;
    iscep_buf_init(&call->url, 4096);
    *out = call;
    return ISCEP_OK;
}

/* call has its done and user. NULL if it is over already. */
static iscep_call *start_call(iscep_call *call, int64_t deadline_mono_ms)
{
    bool is_over = false;
    call->deadline_mono_ms = deadline_mono_ms;
    call->is_over = &is_over;
    LIST_INSERT_HEAD(&call->intune->calls, call, link);
    begin_attempt(call);
    if (is_over)
        return NULL;
    call->is_over = NULL; /* NOLINT(clang-analyzer-unix.Malloc): who frees the call sets is_over */
    return call;
}

iscep_call *iscep_call_start(iscep_intune *intune, iscep_question *question, int64_t deadline_mono_ms,
                             iscep_verdict_fn done, void *user)
{
    iscep_call *call = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    if (new_call(&call, intune, question, &err) != ISCEP_OK) {
        iscep_verdict verdict = ISCEP_VERDICT_INIT;
        iscep_buf_wipe(&question->body);
        iscep_verdict_from_error(&verdict, &err);
        done(user, &verdict);
        return NULL;
    }
    call->done = done;
    call->user = user;
    return start_call(call, deadline_mono_ms);
}

iscep_call *iscep_call_start_document(iscep_intune *intune, iscep_question *question,
                                      int64_t deadline_mono_ms, iscep_document_fn done, void *user)
{
    iscep_call *call = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    if (new_call(&call, intune, question, &err) != ISCEP_OK) {
        iscep_buf_wipe(&question->body);
        done(user, &err, "");
        return NULL;
    }
    call->document_done = done;
    call->user = user;
    return start_call(call, deadline_mono_ms);
}

void iscep_call_heed(iscep_call *call, bool (*is_wanted)(void *user))
{
    call->is_wanted = is_wanted;
}

void iscep_call_extend(iscep_call *call, int64_t deadline_mono_ms)
{
    if (deadline_mono_ms <= call->deadline_mono_ms)
        return;
    call->deadline_mono_ms = deadline_mono_ms;
    if (!call->is_pausing)
        iscep_timer_arm(call->timer, deadline_mono_ms - iscep_now_mono_ms(call->intune->env));
}

void iscep_call_describe_timeout(const iscep_call *call, iscep_verdict *out)
{
    iscep_error err;
    set_timeout(call, &err);
    *out = (iscep_verdict)ISCEP_VERDICT_INIT;
    err = describe_failure(call, &err);
    iscep_verdict_from_error(out, &err);
    iscep_text_copy(out->request_id, sizeof out->request_id, call->verdict.request_id);
}
