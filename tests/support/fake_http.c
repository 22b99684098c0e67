/* See fake_http.h. */
#include "tests/support/fake_http.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The seam's call is ours: one pointer does for both. */
static iscep_http_call *to_seam(fake_http_call *call)
{
    return (iscep_http_call *)(void *)call;
}

static fake_http_call *of_seam(iscep_http_call *call)
{
    return (fake_http_call *)(void *)call;
}

static fake_http_call *end_call(fake_http *http, size_t at)
{
    cr_assert_lt(at, http->count, "call %zu was never sent, only %zu were", at, http->count);
    fake_http_call *call = &http->calls[at];
    cr_assert(call->is_open, "call %zu is answered or cancelled already", at);
    call->is_open = false;
    return call;
}

void fake_http_answer_bytes(fake_http *http, size_t at, int32_t status, int64_t retry_after_ms,
                            iscep_bytes body)
{
    fake_http_call *call = end_call(http, at);
    iscep_error none = ISCEP_ERROR_INIT;
    iscep_http_response response = {.status = status, .retry_after_ms = retry_after_ms, .body = body};
    call->done(call->user, ISCEP_OK, &response, &none);
}

void fake_http_answer_call(fake_http *http, size_t at, int32_t status, const char *body)
{
    fake_http_answer_bytes(http, at, status, -1, iscep_bytes_of_text(body));
}

void fake_http_fail_call(fake_http *http, size_t at, iscep_status status, const char *code,
                         const char *message)
{
    fake_http_call *call = end_call(http, at);
    iscep_error err;
    iscep_error_fill(&err, status, code, "%s", message);
    call->done(call->user, status, NULL, &err);
}

static void answer_by_responder(void *user)
{
    fake_http_call *call = user;
    fake_http *http = call->http;
    size_t at = (size_t)(call - http->calls);
    if (!call->is_open)
        return; /* cancelled meanwhile */
    fake_http_answer answer = http->respond(http->user, call);
    if (answer.status != 0)
        fake_http_answer_bytes(http, at, answer.status,
                               answer.retry_after_ms == 0 ? -1 : answer.retry_after_ms,
                               iscep_bytes_of_text(answer.body));
    else if (answer.code != NULL)
        fake_http_fail_call(http, at, ISCEP_NETWORK, answer.code, "as the test wishes");
}

static iscep_http_call *send_request(iscep_http *base, const iscep_http_request *request,
                                     iscep_http_done done, void *user, iscep_error *err)
{
    fake_http *http = (fake_http *)base;
    if (http->is_refusing) {
        iscep_error_fill(err, ISCEP_NOMEM, "nomem", "out of memory");
        return NULL;
    }
    cr_assert_lt(http->count, FAKE_HTTP_MAX_CALLS);
    cr_assert_leq(request->header_count, FAKE_HTTP_MAX_HEADERS);
    fake_http_call *call = &http->calls[http->count++];
    *call = (fake_http_call){.method = strdup(request->method),
                             .url = strdup(request->url),
                             .header_count = request->header_count,
                             .deadline_mono_ms = request->deadline_mono_ms,
                             .max_response_len = request->max_response_len,
                             .is_open = true,
                             .http = http,
                             .done = done,
                             .user = user};
    for (size_t i = 0; i < request->header_count; i++) {
        call->header_names[i] = strdup(request->headers[i].name);
        call->header_values[i] = strdup(request->headers[i].value);
    }
    iscep_buf_init(&call->body, 1024 * 1024);
    iscep_buf_append(&call->body, request->body.data, request->body.len);
    iscep_buf_text(&call->body);
    if (http->respond != NULL)
        cr_assert_eq(iscep_loop_post(http->loop, answer_by_responder, call, NULL), ISCEP_OK);
    return to_seam(call);
}

static void cancel_call(iscep_http *base, iscep_http_call *seam_call)
{
    (void)base;
    fake_http_call *call = of_seam(seam_call);
    cr_assert(call->is_open, "a call that has ended was cancelled");
    call->is_open = false;
    call->is_cancelled = true;
}

static void free_nothing(iscep_http *base)
{
    (void)base; /* the test's storage */
}

void fake_http_init(fake_http *http)
{
    *http = (fake_http){.base = {.send = send_request, .cancel = cancel_call, .free = free_nothing}};
}

void fake_http_clear(fake_http *http)
{
    for (size_t at = 0; at < http->count; at++) {
        fake_http_call *call = &http->calls[at];
        for (size_t i = 0; i < call->header_count; i++) {
            free(call->header_names[i]);
            free(call->header_values[i]);
        }
        free(call->method);
        free(call->url);
        iscep_buf_clear(&call->body);
    }
    http->count = 0;
}

void fake_http_respond_with(fake_http *http, iscep_loop *loop, fake_http_responder respond, void *user)
{
    http->loop = loop;
    http->respond = respond;
    http->user = user;
}

const char *fake_http_header(const fake_http *http, size_t at, const char *name)
{
    const fake_http_call *call = &http->calls[at];
    for (size_t i = 0; i < call->header_count; i++)
        if (strcasecmp(call->header_names[i], name) == 0)
            return call->header_values[i];
    return NULL;
}

size_t fake_http_count_open(const fake_http *http)
{
    size_t open = 0;
    for (size_t at = 0; at < http->count; at++)
        open += http->calls[at].is_open;
    return open;
}
