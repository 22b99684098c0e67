/* See rest.h. */
#include "ca/rest.h"

#include <stdlib.h>
#include <string.h>

#include "base/keystore.h"
#include "net/curl_http.h"
#include "net/http_json.h"
#include "net/url.h"

enum {
    MAX_URL_LEN = 8 * 1024,
    MAX_BODY_LEN = 64 * 1024,
    MAX_REPLY_LEN = 64 * 1024,
    CONNECT_TIMEOUT_MS = 5000
};

struct iscep_ca_rest {
    iscep_http *http;
};

/* A call's state. */
typedef struct rest_call {
    iscep_ca_rest *rest;
    iscep_http_call *http_call;
    iscep_buf body; /* may hold a token */
    iscep_ca_rest_reader read;
} rest_call;

/* --- the CA --- */

/* "ca.example" of "https://ca.example:8443/path" */
static void copy_host(iscep_buf *out, const char *url)
{
    static const char scheme[] = "https://";
    if (strncmp(url, scheme, sizeof scheme - 1) != 0)
        return;
    const char *host = url + sizeof scheme - 1;
    size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
    iscep_buf_append(out, host, len <= strlen(host) ? len : 0);
}

static iscep_status check_url(const char *url, iscep_error *err)
{
    ISCEP_AUTO_BUF host;
    iscep_buf_init(&host, MAX_URL_LEN);
    copy_host(&host, url);
    const char *suffix = iscep_buf_text(&host);
    return iscep_url_check(url, &suffix, 1, ISCEP_CONFIG, err);
}

/* libcurl would say nothing of them before the first handshake. */
static iscep_status check_client(const iscep_ca_options *options, iscep_error *err)
{
    if (options->client_certificate == NULL && options->client_key == NULL)
        return ISCEP_OK;
    iscep_status status = iscep_ca_require(options->client_certificate, "client_certificate", err);
    if (status == ISCEP_OK)
        status = iscep_ca_require(options->client_key, "client_key", err);
    if (status != ISCEP_OK)
        return status;
    iscep_keystore *keystore = NULL;
    const iscep_keystore_source source = {.key = options->client_key,
                                          .certificate = options->client_certificate};
    status = iscep_keystore_open(&keystore, &source, err);
    iscep_keystore_close(keystore);
    return status;
}

iscep_status iscep_ca_rest_open(iscep_ca_rest **out, iscep_ca *ca, iscep_error *err)
{
    const iscep_ca_options *options = ca->options;
    iscep_curl_options http = ISCEP_CURL_OPTIONS_INIT;
    http.ca_file = options->ca_file;
    http.client_certificate = options->client_certificate;
    http.client_key = options->client_key;
    http.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    http.user_agent = "intune-scep-connector/" ISCEP_VERSION;
    if (options->max_in_flight > 0)
        http.max_connections = options->max_in_flight;
    iscep_status status = iscep_ca_require(options->url, "url", err);
    if (status == ISCEP_OK)
        status = check_url(options->url, err);
    if (status == ISCEP_OK)
        status = check_client(options, err);
    if (status != ISCEP_OK)
        return status;
    iscep_ca_rest *rest = calloc(1, sizeof *rest);
    if (rest == NULL)
        return iscep_error_nomem(err);
    status = iscep_curl_http_new(&rest->http, ca->env, ca->loop, &http, err);
    if (status != ISCEP_OK) {
        free(rest);
        return status;
    }
    *out = rest;
    return ISCEP_OK;
}

void iscep_ca_rest_close(iscep_ca_rest *rest)
{
    if (rest == NULL)
        return;
    rest->http->free(rest->http);
    free(rest);
}

/* --- the reply --- */

static void free_call(rest_call *c)
{
    iscep_buf_wipe(&c->body);
    free(c);
}

/* What the status alone says, whatever CA it is; 0: the reader must look. */
static iscep_ca_outcome judge_status(int32_t status)
{
    switch (status) {
    case 401:
    case 403:
        return ISCEP_CA_UNAUTHORIZED;
    case 429:
    case 503:
        return ISCEP_CA_BUSY;
    case 501:
        return ISCEP_CA_UNSUPPORTED;
    default:
        return status / 100 == 2 || status / 100 == 4 ? 0 : ISCEP_CA_FAILED;
    }
}

void iscep_ca_rest_answer_status(iscep_ca_call *call, iscep_ca_outcome outcome, int32_t status,
                                 const char *text)
{
    iscep_ca_answer(call, outcome, "HTTP %d%s%.200s", (int)status, text != NULL ? ": " : "",
                    text != NULL ? text : "");
}

static void answer_status(iscep_ca_call *call, iscep_ca_outcome outcome, const iscep_http_response *response)
{
    ISCEP_AUTO_BUF message;
    iscep_buf_init(&message, 32);
    iscep_buf_printf(&message, "HTTP %d", (int)response->status);
    iscep_ca_answer_result(call, &(iscep_ca_result){.outcome = outcome,
                                                    .retry_after_ms = response->retry_after_ms,
                                                    .message = iscep_buf_text(&message)});
}

static void read_response(iscep_ca_call *call, iscep_ca_rest_reader read, const iscep_http_response *response)
{
    ISCEP_AUTO_JSON *says = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_ca_outcome outcome = judge_status(response->status);
    if (outcome != 0) {
        answer_status(call, outcome, response);
        return;
    }
    iscep_status status = iscep_http_parse_json(&says, response, &err);
    if (status != ISCEP_OK && response->status / 100 == 2)
        iscep_ca_answer(call, ISCEP_CA_FAILED, "HTTP %d, but the reply is none: %s", (int)response->status,
                        err.message);
    else
        read(call, response->status, says);
}

static void on_response(void *user, iscep_status status, const iscep_http_response *response,
                        const iscep_error *err)
{
    iscep_ca_call *call = user;
    rest_call *c = call->state;
    iscep_ca_rest_reader read = c->read;
    free_call(c);
    call->state = NULL;
    if (status == ISCEP_OK)
        read_response(call, read, response);
    else if (status == ISCEP_NETWORK || status == ISCEP_THROTTLED)
        iscep_ca_answer(call, ISCEP_CA_UNAVAILABLE, "%s", err->message);
    else
        iscep_ca_answer(call, ISCEP_CA_FAILED, "%s", err->message);
}

/* --- the request --- */

static iscep_status send_request(rest_call *c, iscep_ca_call *call, const iscep_ca_rest_request *request,
                                 iscep_error *err)
{
    iscep_http_header headers[2 + ISCEP_CA_REST_MAX_HEADERS] = {{"Accept", "application/json"},
                                                                {"Content-Type", "application/json"}};
    size_t count = 2;
    for (size_t i = 0; i < ISCEP_CA_REST_MAX_HEADERS && request->headers[i].name != NULL; i++)
        headers[count++] = request->headers[i];
    ISCEP_AUTO_BUF url;
    iscep_buf_init(&url, MAX_URL_LEN);
    iscep_url_join(&url, call->ca->options->url, request->path);
    iscep_status status = iscep_buf_status(&url, err);
    if (status == ISCEP_OK && request->body != NULL)
        status = iscep_json_emit(&c->body, request->body, err);
    if (status != ISCEP_OK)
        return status;
    c->http_call =
        c->rest->http->send(c->rest->http,
                            &(iscep_http_request){.method = request->method,
                                                  .url = iscep_buf_text(&url),
                                                  .headers = headers,
                                                  .header_count = count,
                                                  .body = iscep_buf_bytes(&c->body),
                                                  .deadline_mono_ms = call->request.deadline_mono_ms,
                                                  .max_response_len = MAX_REPLY_LEN},
                            on_response, call, err);
    return c->http_call != NULL ? ISCEP_OK : err->status;
}

void iscep_ca_rest_send(iscep_ca_rest *rest, iscep_ca_call *call, const iscep_ca_rest_request *request,
                        iscep_ca_rest_reader read)
{
    iscep_error err = ISCEP_ERROR_INIT;
    rest_call *c = calloc(1, sizeof *c);
    if (c == NULL) {
        iscep_ca_answer(call, ISCEP_CA_FAILED, "out of memory");
        return;
    }
    *c = (rest_call){.rest = rest, .read = read};
    iscep_buf_init(&c->body, MAX_BODY_LEN);
    if (send_request(c, call, request, &err) == ISCEP_OK) {
        call->state = c;
        return;
    }
    free_call(c);
    iscep_ca_answer(call, ISCEP_CA_FAILED, "%s", err.message);
}

void iscep_ca_rest_abandon(iscep_ca_call *call)
{
    rest_call *c = call->state;
    c->rest->http->cancel(c->rest->http, c->http_call);
    free_call(c);
}
