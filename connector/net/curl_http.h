/* The HTTP transport of net/http.h over libcurl's multi interface, driven by the loop. */
#ifndef ISCEP_NET_CURL_HTTP_H
#define ISCEP_NET_CURL_HTTP_H

#include "base/env.h"
#include "base/secret.h"
#include "net/http.h"
#include "net/loop.h"

typedef enum iscep_ip_version { ISCEP_IP_ANY = 0, ISCEP_IP_V4 = 4, ISCEP_IP_V6 = 6 } iscep_ip_version;

typedef struct iscep_curl_options {
    const char *ca_file;                /* PEM bundle to trust instead of the system's; NULL: the system's */
    const char *proxy;                  /* proxy URL; NULL: none (the environment is not consulted) */
    const char *proxy_user;             /* NULL: the proxy asks for nobody */
    const iscep_secret *proxy_password; /* borrowed, must outlive the transport; NULL: none */
    const char *no_proxy; /* hosts, domains and networks, by commas, that are reached without the proxy */
    iscep_ip_version ip_version;
    const char *user_agent; /* NULL: none */
    int64_t connect_timeout_ms;
    uint32_t max_connections; /* outbound, per host; what does not fit waits in order, within its deadline */
    uint32_t max_streams;     /* in flight per HTTP/2 connection */
    bool allow_plain_http;    /* our own daemon, and tests; https is required otherwise */
    const char
        *client_certificate; /* PEM file, with client_key, for a server that asks for one; NULL: none */
    const char *client_key;
    const char *unix_socket_path; /* every connection goes to this socket, whatever the URL says; NULL: TCP */
} iscep_curl_options;

#define ISCEP_CURL_OPTIONS_INIT                                                                              \
    {                                                                                                        \
        .connect_timeout_ms = 5000, .max_connections = 64, .max_streams = 100                                \
    }

/* Options are copied. Free with http->free(http). */
iscep_status iscep_curl_http_new(iscep_http **out, const iscep_env *env, iscep_loop *loop,
                                 const iscep_curl_options *options, iscep_error *err) ISCEP_CHECKED;

#endif
