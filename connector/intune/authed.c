/* See authed.h. */
#include "intune/authed.h"

static void on_token(void *user, iscep_status status, const char *token, uint64_t generation,
                     const iscep_error *err);

static void on_response(void *user, iscep_status status, const iscep_http_response *response,
                        const iscep_error *err)
{
    iscep_authed *authed = user;
    authed->call = NULL;
    iscep_upstream_end(&authed->upstream, status, response, err);
    bool is_refused = status == ISCEP_OK && (response->status == 401 || response->status == 403);
    if (is_refused) {
        iscep_token_drop(authed->tokens, authed->scope, authed->generation);
        if (!authed->is_second_try) {
            authed->is_second_try = true;
            iscep_token_get(authed->tokens, authed->scope, &authed->wait, on_token, authed);
            return;
        }
    }
    authed->done(authed->user, status, response, err);
}

static iscep_status send_with(iscep_authed *authed, const char *token, iscep_error *err)
{
    ISCEP_AUTO_BUF authorization;
    iscep_buf_init(&authorization, 64 * 1024);
    iscep_buf_append_text(&authorization, "Bearer ");
    iscep_buf_append_text(&authorization, token);
    iscep_http_header headers[ISCEP_AUTHED_MAX_HEADERS] = {{"Authorization", iscep_buf_text(&authorization)},
                                                           {"Accept", "application/json"},
                                                           {"client-request-id", authed->request_id}};
    size_t count = 3;
    if (authed->body.len > 0)
        headers[count++] = (iscep_http_header){"Content-Type", "application/json"};
    if (authed->api_version != NULL)
        headers[count++] = (iscep_http_header){"api-version", authed->api_version};
    const iscep_http_request request = {
        .method = authed->method,
        .url = authed->url,
        .headers = headers,
        .header_count = count,
        .body = authed->body,
        .deadline_mono_ms = authed->deadline_mono_ms,
        .max_response_len = authed->max_response_len,
    };
    iscep_status status = iscep_buf_status(&authorization, err);
    if (status == ISCEP_OK) {
        iscep_upstream_begin(&authed->upstream);
        authed->call = authed->http->send(authed->http, &request, on_response, authed, err);
        status = authed->call != NULL ? ISCEP_OK : err->status;
    }
    iscep_buf_wipe(&authorization);
    return status;
}

static void on_token(void *user, iscep_status status, const char *token, uint64_t generation,
                     const iscep_error *err)
{
    iscep_authed *authed = user;
    iscep_error own = ISCEP_ERROR_INIT;
    authed->lacks_token = status != ISCEP_OK;
    if (status == ISCEP_OK) {
        authed->generation = generation;
        status = send_with(authed, token, &own);
        if (status == ISCEP_OK)
            return;
        err = &own;
    }
    authed->done(authed->user, status, NULL, err);
}

void iscep_authed_send(iscep_authed *authed)
{
    authed->call = NULL;
    authed->wait.list = NULL;
    authed->is_second_try = false;
    authed->lacks_token = false;
    iscep_token_get(authed->tokens, authed->scope, &authed->wait, on_token, authed);
}

void iscep_authed_cancel(iscep_authed *authed)
{
    iscep_wait_cancel(&authed->wait);
    if (authed->call != NULL) {
        authed->http->cancel(authed->http, authed->call);
        if (iscep_now_mono_ms(authed->upstream.env) >= authed->deadline_mono_ms)
            iscep_upstream_give_up(&authed->upstream);
    }
    authed->call = NULL;
}
