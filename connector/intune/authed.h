/*
 * One HTTP request with a bearer token. When it is answered 401 or 403 the token is dropped and the request
 * sent once more with a new one: a token minted before consent had propagated fails until it expires, and
 * waiting does not help.
 */
#ifndef ISCEP_INTUNE_AUTHED_H
#define ISCEP_INTUNE_AUTHED_H

#include "intune/token.h"
#include "intune/upstream.h"

#define ISCEP_AUTHED_MAX_HEADERS 8

typedef struct iscep_authed {
    /* Filled by the caller, and borrowed until done or cancel. */
    iscep_upstream upstream; /* whom it is measured as */
    iscep_http *http;
    iscep_tokens *tokens;
    iscep_scope scope;
    const char *method;
    const char *url;
    const char *request_id; /* client-request-id: a GUID by which both sides find the request in their logs */
    const char *api_version; /* NULL: no such header */
    iscep_bytes body;
    int64_t deadline_mono_ms;
    size_t max_response_len;
    iscep_http_done done; /* as in net/http.h, but may also be called before send returns */
    void *user;
    /* Its own. */
    iscep_wait wait;
    iscep_http_call *call;
    uint64_t generation;
    bool is_second_try;
    bool lacks_token; /* for done: no token could be had, and err says why; the service has said nothing */
} iscep_authed;

void iscep_authed_send(iscep_authed *authed);
void iscep_authed_cancel(iscep_authed *authed); /* done is not called any more */

#endif
