/* See fleet_wire.h: a libcurl handle, whose connections are its own. */
#include "fleet_wire.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

struct fleet_wire {
    CURL *easy;
    const atomic_bool *is_over;
};

static int watch(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const fleet_wire *wire = user;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(wire->is_over) ? 1 : 0;
}

static size_t collect(char *data, size_t size, size_t count, void *user)
{
    iscep_buf *out = user;
    iscep_buf_append(out, data, size * count);
    return out->is_overflown ? 0 : size * count;
}

iscep_status fleet_wire_new(fleet_wire **out, const fleet_wire_options *options, iscep_error *err)
{
    fleet_wire *wire = calloc(1, sizeof *wire);
    CURL *easy = curl_easy_init();
    if (wire == NULL || easy == NULL) {
        free(wire);
        curl_easy_cleanup(easy);
        return iscep_error_nomem(err);
    }
    *wire = (fleet_wire){.easy = easy, .is_over = options->is_over};
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)options->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, watch);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, wire);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
    if (options->ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
    *out = wire;
    return ISCEP_OK;
}

void fleet_wire_free(fleet_wire *wire)
{
    if (wire == NULL)
        return;
    curl_easy_cleanup(wire->easy);
    free(wire);
}

/* Few and constant, because they are counted. */
static const char *word_for(CURLcode result)
{
    switch (result) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return "name not found";
    case CURLE_COULDNT_CONNECT:
        return "cannot connect";
    case CURLE_OPERATION_TIMEDOUT:
        return "timed out";
    case CURLE_PEER_FAILED_VERIFICATION:
        return "TLS certificate not trusted";
    case CURLE_SSL_CONNECT_ERROR:
        return "TLS handshake failed";
    case CURLE_ABORTED_BY_CALLBACK:
        return "interrupted";
    case CURLE_WRITE_ERROR:
        return "reply too long";
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
        return "connection lost";
    default:
        return curl_easy_strerror(result);
    }
}

static iscep_status perform(fleet_wire *wire, iscep_error *err)
{
    long http_status = 0;
    CURLcode result = curl_easy_perform(wire->easy);
    if (result != CURLE_OK)
        return iscep_error_set(err, ISCEP_NETWORK, "network", "%s", word_for(result));
    curl_easy_getinfo(wire->easy, CURLINFO_RESPONSE_CODE, &http_status);
    if (http_status != 200)
        return iscep_error_set(err, ISCEP_SERVICE, "http", "HTTP %ld", http_status);
    return ISCEP_OK;
}

iscep_status fleet_wire_fetch(fleet_wire *wire, iscep_buf *out, const fleet_wire_request *request,
                              iscep_error *err)
{
    char content_type[128];
    struct curl_slist *headers = NULL;
    curl_easy_setopt(wire->easy, CURLOPT_URL, request->url);
    curl_easy_setopt(wire->easy, CURLOPT_WRITEDATA, out);
    if (request->content_type != NULL) {
        snprintf(content_type, sizeof content_type, "Content-Type: %s", request->content_type);
        headers = curl_slist_append(NULL, content_type);
        if (headers == NULL)
            return iscep_error_nomem(err);
        curl_easy_setopt(wire->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(wire->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl_easy_setopt(wire->easy, CURLOPT_POSTFIELDS, (const char *)request->body.data);
    } else {
        curl_easy_setopt(wire->easy, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(wire->easy, CURLOPT_HTTPHEADER, headers);
    iscep_status status = perform(wire, err);
    curl_easy_setopt(wire->easy, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    return status;
}
