/*
 * HTTP as the rest of the connector sees it: send a request, get one callback. curl_http.h is the real one,
 * tests bring fakes. Used on one loop's thread only.
 */
#ifndef ISCEP_NET_HTTP_H
#define ISCEP_NET_HTTP_H

#include "base/bytes.h"

typedef struct iscep_http iscep_http;
typedef struct iscep_http_call iscep_http_call;

typedef struct iscep_http_header {
    const char *name;
    const char *value;
} iscep_http_header;

typedef struct iscep_http_request {
    const char *method;               /* "GET", "POST" or "PUT" */
    const char *url;                  /* copied */
    const iscep_http_header *headers; /* copied */
    size_t header_count;
    iscep_bytes body;         /* NOT copied: must live until done was called or the call was cancelled */
    int64_t deadline_mono_ms; /* connect, waiting for a connection and transfer together */
    size_t max_response_len;  /* a longer body is a PROTOCOL error */
    bool is_local;            /* to a metadata service of this machine: http will do, and no proxy is asked */
} iscep_http_request;

/* Borrowed for the length of the callback. */
typedef struct iscep_http_response {
    int32_t status;
    int64_t retry_after_ms;   /* -1: the header was absent or made no sense */
    const char *content_type; /* NULL: the header was absent */
    iscep_bytes body;
} iscep_http_response;

/*
 * Called exactly once, never from inside send. With ISCEP_OK there is a response of any HTTP status, whole
 * and within the limit; otherwise err says why there is none (NETWORK, PROTOCOL, NOMEM, or THROTTLED when it
 * waited in vain for a connection of ours). Redirects are not followed: a 3xx is a response like any other.
 */
typedef void (*iscep_http_done)(void *user, iscep_status status, const iscep_http_response *response,
                                const iscep_error *err);

struct iscep_http {
    /* NULL with err filled if it could not even be queued; done is then not called. */
    iscep_http_call *(*send)(iscep_http *http, const iscep_http_request *request, iscep_http_done done,
                             void *user, iscep_error *err);
    /* Ends the call; done is not called any more. */
    void (*cancel)(iscep_http *http, iscep_http_call *call);
    void (*free)(iscep_http *http); /* cancels what is left */
};

#endif
