/* See call.h. */
#include "intune/call.h"

#include <stdlib.h>

#include "intune/reply.h"
#include "net/url.h"

enum { MAX_RESPONSE_LEN = 64 * 1024 };

struct iscep_call {
    LIST_ENTRY(iscep_call) link;
    iscep_intune *intune;
    const char *path;
    iscep_buf body;
    iscep_buf url;
    iscep_wait wait;
    uint64_t generation; /* of the address used */
    iscep_authed request;
    bool is_sent;
    iscep_timer *timer;
    int64_t deadline_mono_ms;
    iscep_verdict verdict;
    iscep_verdict_fn done;
    void *user;
};

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
    call->done(call->user, &call->verdict);
    free_call(call);
}

static void fail(iscep_call *call, const iscep_error *err)
{
    iscep_verdict_from_error(&call->verdict, err);
    finish(call);
}

void iscep_call_abandon(iscep_call *call, const char *code, const char *message)
{
    iscep_error err;
    iscep_error_set(&err, ISCEP_NETWORK, code, "%s", message);
    iscep_wait_cancel(&call->wait);
    if (call->is_sent)
        iscep_authed_cancel(&call->request);
    fail(call, &err);
}

static void on_deadline(void *user)
{
    iscep_call *call = user;
    iscep_call_abandon(call, "timeout",
                       call->is_sent ? "Intune did not answer in time"
                                     : "Intune's address and a token could not be had in time");
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

static void on_response(void *user, iscep_status status, const iscep_http_response *response,
                        const iscep_error *err)
{
    iscep_call *call = user;
    call->is_sent = false;
    if (!speaks_for_address(status, response))
        iscep_discovery_drop(call->intune->discovery, call->generation);
    iscep_reply_judge(&call->verdict, status, response, err);
    finish(call);
}

static void on_address(void *user, iscep_status status, const char *uri, uint64_t generation,
                       const iscep_error *err)
{
    iscep_call *call = user;
    if (status != ISCEP_OK) {
        fail(call, err);
        return;
    }
    iscep_intune *intune = call->intune;
    call->generation = generation;
    iscep_url_join(&call->url, uri, call->path);
    call->request = (iscep_authed){
        .env = intune->env,
        .http = intune->http,
        .tokens = intune->tokens,
        .scope = ISCEP_SCOPE_INTUNE,
        .method = "POST",
        .url = iscep_buf_text(&call->url),
        .request_id = call->verdict.request_id,
        .api_version = ISCEP_SCEP_API_VERSION,
        .body = iscep_buf_bytes(&call->body),
        .deadline_mono_ms = call->deadline_mono_ms,
        .max_response_len = MAX_RESPONSE_LEN,
        .done = on_response,
        .user = call,
    };
    call->is_sent = true;
    iscep_authed_send(&call->request);
}

void iscep_call_start(iscep_intune *intune, const char *path, iscep_buf *body, int64_t deadline_mono_ms,
                      iscep_verdict_fn done, void *user)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_verdict verdict = ISCEP_VERDICT_INIT;
    iscep_call *call = calloc(1, sizeof *call);
    if (call == NULL || iscep_buf_status(body, &err) != ISCEP_OK ||
        iscep_guid_new(verdict.request_id, intune->env, &err) != ISCEP_OK) {
        if (call == NULL)
            iscep_error_nomem(&err);
        free(call);
        iscep_buf_wipe(body);
        iscep_verdict_from_error(&verdict, &err);
        done(user, &verdict);
        return;
    }
    call->intune = intune;
    call->path = path;
    call->body = *body;
    iscep_buf_init(&call->url, 4096);
    call->deadline_mono_ms = deadline_mono_ms;
    call->verdict = verdict;
    call->done = done;
    call->user = user;
    LIST_INSERT_HEAD(&intune->calls, call, link);
    if (iscep_timer_new(&call->timer, intune->loop, on_deadline, call, &err) != ISCEP_OK) {
        fail(call, &err);
        return;
    }
    iscep_timer_arm(call->timer, deadline_mono_ms - iscep_now_mono_ms(intune->env));
    iscep_discovery_get(intune->discovery, &call->wait, on_address, call);
}
