/* See fetch.h. */
#include "fetch.h"

#include <curl/curl.h>
#include <stdio.h>

enum { TIMEOUT_MS = 20000 };

static size_t collect(char *data, size_t size, size_t count, void *user)
{
    iscep_buf *out = user;
    iscep_buf_append(out, data, size * count);
    return out->is_overflown ? 0 : size * count;
}

static void prepare(CURL *easy, const bench_fetch_request *request, iscep_buf *out,
                    struct curl_slist *headers)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                     request->timeout_ms > 0 ? (long)request->timeout_ms : (long)TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, out);
    if (request->ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
    if (request->socket_path != NULL)
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request->socket_path);
    if (request->content_type != NULL) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, (const char *)request->body.data);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static iscep_status perform(CURL *easy, const char *url, iscep_error *err)
{
    long http_status = 0;
    CURLcode result = curl_easy_perform(easy);
    if (result != CURLE_OK)
        return iscep_error_set(err, ISCEP_NETWORK, "fetch", "%s: %s", url, curl_easy_strerror(result));
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &http_status);
    if (http_status != 200)
        return iscep_error_set(err, ISCEP_SERVICE, "fetch", "%s: HTTP %ld", url, http_status);
    return ISCEP_OK;
}

iscep_status bench_fetch(iscep_buf *out, const bench_fetch_request *request, iscep_error *err)
{
    char content_type[128];
    snprintf(content_type, sizeof content_type, "Content-Type: %s",
             request->content_type != NULL ? request->content_type : "");
    struct curl_slist *headers = request->content_type != NULL ? curl_slist_append(NULL, content_type) : NULL;
    CURL *easy = curl_easy_init();
    iscep_status status = ISCEP_OK;
    if (easy == NULL || (request->content_type != NULL && headers == NULL)) {
        status = iscep_error_nomem(err);
    } else {
        prepare(easy, request, out, headers);
        status = perform(easy, request->url, err);
    }
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
    return status;
}
