/*
 * One HTTPS address looked at step by step, for diagnosis: which step fails, who answers, who signed its certificate,
 * and what time it is there. Made with the transport's own settings (curl_handle.h). Waits; sends a GET without any
 * credential.
 */
#ifndef ISCEP_NET_HTTP_PROBE_H
#define ISCEP_NET_HTTP_PROBE_H

#include "net/curl_http.h"

/* In the order in which they happen. */
typedef enum iscep_probe_stage {
    ISCEP_PROBE_RESOLVE, /* the host's name, or the proxy's */
    ISCEP_PROBE_CONNECT, /* TCP, to the host or to the proxy */
    ISCEP_PROBE_TUNNEL,  /* the proxy's answer to CONNECT */
    ISCEP_PROBE_TLS,
    ISCEP_PROBE_HTTP,
    ISCEP_PROBE_DONE
} iscep_probe_stage;

typedef struct iscep_probe {
    iscep_probe_stage failed_at; /* DONE: nothing failed */
    /*
     * Why. Besides the transport's codes: proxy_connect, proxy_refused, proxy_auth, tls_expired, tls_not_yet_valid, tls_name.
     */
    iscep_error err;
    char address[64]; /* of the host or proxy; empty if there was no connection */
    bool is_proxied;
    char issuer[256];  /* of the server's certificate, trusted or not; empty if none came */
    char expires[64];  /* of the server's certificate, as text */
    int64_t date_unix; /* the reply's Date; 0 if there was none */
} iscep_probe;

/* An error only if the probe could not be made; what it found is in out. */
iscep_status iscep_http_probe(iscep_probe *out, const char *url, const iscep_curl_options *options,
                              int64_t timeout_ms, iscep_error *err) ISCEP_CHECKED;

#endif
