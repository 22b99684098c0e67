/*
 * One libcurl handle as this project sets it up: TLS 1.2 or newer, trust, proxy, limits. For the files of net/ that
 * use libcurl: what a diagnosis sees must be what the transport sees.
 */
#ifndef ISCEP_NET_CURL_HANDLE_H
#define ISCEP_NET_CURL_HANDLE_H

#include <curl/curl.h>

#include "net/curl_http.h"

/* libcurl's global state, once a process. False: it could not be set up. */
bool iscep_curl_is_ready(void);

/* The strings in options must outlive the handle's last setopt: libcurl copies them. NULL: no memory. */
CURL *iscep_curl_handle_new(const iscep_curl_options *options);

/*
 * Where it may go: https, through the proxy if there is one; a service of this machine (net/http.h) also by plain
 * http, and never through the proxy.
 */
void iscep_curl_handle_set_reach(CURL *easy, const iscep_curl_options *options, bool is_local);

/* Status and code of what libcurl reported, with "origin: detail" as message. OK is not for this. */
iscep_status iscep_curl_describe(iscep_error *err, CURLcode result, const char *origin, const char *detail);

#endif
