/* See daemon_client.h. */
#include "ctl/daemon_client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/await.h"
#include "ctl/print.h"
#include "daemon/config.h"

enum {
    TIMEOUT_MS = 60000,
    MAX_HEADERS = 8,
    MAX_REPLY_LEN = 16 * 1024 * 1024,
    MAX_PATH_LEN = 8192,
    MAX_BODY_LEN = 256 * 1024
};

/* A question that is on its way. */
typedef struct errand {
    ctl_await await;
    ctl_reply *reply;
    iscep_error err;
} errand;

static void on_reply(void *user, iscep_status status, const iscep_http_response *response,
                     const iscep_error *err)
{
    errand *asked = user;
    if (status == ISCEP_OK) {
        asked->reply->http_status = response->status;
        iscep_buf_append(&asked->reply->body, response->body.data, response->body.len);
    } else {
        asked->err = *err;
    }
    ctl_await_done(&asked->await);
}

/* Whatever would end the header field, or is no name of a tenant. */
static bool is_tenant_name(const char *text)
{
    return text[0] != '\0' &&
           text[strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-")] == '\0';
}

static size_t fill_headers(iscep_http_header out[MAX_HEADERS], const char *tenant,
                           const ctl_question *question)
{
    size_t count = 0;
    out[count++] = (iscep_http_header){"Accept", "application/json"};
    if (question->body.len > 0)
        out[count++] = (iscep_http_header){"Content-Type", "application/json"};
    if (tenant != NULL)
        out[count++] = (iscep_http_header){"X-Scep-Tenant", tenant};
    for (size_t i = 0; i < question->header_count && count < MAX_HEADERS; i++)
        out[count++] = question->headers[i];
    return count;
}

static iscep_status send_question(errand *asked, const char *socket_path, const char *tenant,
                                  const ctl_question *what, iscep_error *err)
{
    ISCEP_AUTO_BUF url;
    iscep_env env = iscep_env_system(NULL);
    iscep_curl_options options = ISCEP_CURL_OPTIONS_INIT;
    options.unix_socket_path = socket_path;
    options.allow_plain_http = true;
    iscep_buf_init(&url, MAX_PATH_LEN);
    iscep_buf_printf(&url, "http://connector%s", what->path);
    iscep_http *http = NULL;
    iscep_status status = iscep_buf_status(&url, err);
    if (status == ISCEP_OK)
        status = iscep_curl_http_new(&http, &env, asked->await.loop, &options, err);
    if (status != ISCEP_OK)
        return status;
    iscep_http_header headers[MAX_HEADERS];
    const int64_t timeout_ms = what->timeout_ms > 0 ? what->timeout_ms : TIMEOUT_MS;
    const iscep_http_request request = {.method = what->body.len > 0 ? "POST" : "GET",
                                        .url = iscep_buf_text(&url),
                                        .headers = headers,
                                        .header_count = fill_headers(headers, tenant, what),
                                        .body = what->body,
                                        .deadline_mono_ms = iscep_now_mono_ms(&env) + timeout_ms,
                                        .max_response_len = MAX_REPLY_LEN};
    if (http->send(http, &request, on_reply, asked, err) == NULL)
        status = err->status;
    else
        ctl_await_answer(&asked->await);
    http->free(http);
    return status;
}

/* Why a connection to the socket fails, which the HTTP library does not tell: an errno; 0, it does not fail. */
static int probe_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    int fault = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
    close(fd);
    return fault;
}

static const char *advice_on(int fault)
{
    switch (fault) {
    case ENOENT:
    case ECONNREFUSED:
        return "is intune-scepd running (systemctl status intune-scepd), and is this its socket?";
    case EACCES:
    case EPERM:
        return "run this as a user who may open it: root, or a member of the socket's group";
    case ENAMETOOLONG:
        return "a Unix socket's path has at most 107 characters";
    default:
        return "look at the log of intune-scepd";
    }
}

static iscep_status explain_silence(const iscep_error *heard, const char *path, iscep_error *err)
{
    int fault = probe_socket(path);
    if (fault == 0)
        return iscep_error_set(err, heard->status, "connector_unreachable",
                               "the connector takes connections at %s, but did not answer (%s): look at the "
                               "log of intune-scepd",
                               path, heard->message);
    return iscep_error_set(err, heard->status, "connector_unreachable",
                           "cannot connect to intune-scepd at %s: %s; %s", path, strerror(fault),
                           advice_on(fault));
}

static iscep_status ask_at(ctl_reply *out, const char *socket_path, const char *tenant,
                           const ctl_question *what, iscep_error *err)
{
    errand asked = {.reply = out, .err = ISCEP_ERROR_INIT};
    iscep_status status = iscep_loop_new(&asked.await.loop, err);
    if (status == ISCEP_OK)
        status = send_question(&asked, socket_path, tenant, what, err);
    if (status == ISCEP_OK && asked.err.status != ISCEP_OK)
        status = explain_silence(&asked.err, socket_path, err);
    iscep_loop_free(asked.await.loop);
    return status;
}

static iscep_status check_options(const ctl_request *request, iscep_error *err)
{
    if (request->socket_path != NULL && request->socket_path[0] != '/')
        return iscep_error_set(err, ISCEP_USAGE, "socket", "--socket %s: an absolute path is wanted",
                               request->socket_path);
    if (request->tenant != NULL && !is_tenant_name(request->tenant))
        return iscep_error_set(err, ISCEP_USAGE, "tenant", "--tenant %s is no name of a tenant",
                               request->tenant);
    return ISCEP_OK;
}

/*
 * What the configuration says, if it is asked: *config is the caller's, and out may be its text. When a running connector
 * is looked after, its file may well have a mistake.
 */
static iscep_status find_socket(const char **out, iscep_config **config, const ctl_request *request,
                                iscep_error *err)
{
    *out = request->socket_path;
    if (*out != NULL)
        return ISCEP_OK;
    iscep_status status = iscep_config_load_socket(config, request->config_path, err);
    if (status == ISCEP_OK && (*config)->socket_path == NULL)
        status =
            iscep_error_set(err, ISCEP_CONFIG, "socket",
                            "%s has no listener with a Unix socket that serves admin", request->config_path);
    if (status != ISCEP_OK)
        iscep_error_prefix(err, "the socket is not known (--socket names it)");
    else
        *out = (*config)->socket_path;
    return status;
}

iscep_status ctl_daemon_put(ctl_reply *out, const ctl_request *request, const ctl_question *question,
                            iscep_error *err)
{
    iscep_config *config = NULL;
    const char *socket_path;
    ctl_reply_init(out);
    iscep_status status = check_options(request, err);
    if (status == ISCEP_OK)
        status = find_socket(&socket_path, &config, request, err);
    if (status == ISCEP_OK)
        status = ask_at(out, socket_path, request->tenant, question, err);
    iscep_config_free(config);
    return status;
}

iscep_status ctl_daemon_ask(ctl_reply *out, const ctl_request *request, const char *path, iscep_bytes body,
                            iscep_error *err)
{
    const ctl_question question = {.path = path, .body = body};
    return ctl_daemon_put(out, request, &question, err);
}

void ctl_reply_init(ctl_reply *reply)
{
    reply->http_status = 0;
    iscep_buf_init(&reply->body, MAX_REPLY_LEN);
}

void ctl_reply_clear(ctl_reply *reply)
{
    iscep_buf_clear(&reply->body);
}

/* --- documents --- */

static int exit_code_of(int32_t http_status)
{
    switch (http_status) {
    case 400:
        return CTL_USAGE;
    case 403:
    case 404:
    case 409:
        return CTL_NO;
    default:
        return CTL_UNKNOWN;
    }
}

/* It may also not know the question. */
int ctl_print_refusal(const ctl_request *request, const ctl_reply *reply, const iscep_json *json)
{
    iscep_error err;
    const iscep_json *error = iscep_json_member(json, "error");
    const char *code = iscep_json_text(error, "code");
    const char *message = iscep_json_text(error, "message");
    if (code == NULL || message == NULL) {
        iscep_error_set(
            &err, ISCEP_PROTOCOL, "connector_reply",
            "HTTP %d without an answer: whoever answers on the socket is not the connector, or an older one",
            reply->http_status);
        return ctl_print_error(request, CTL_UNKNOWN, &err);
    }
    const int exit_code = exit_code_of(reply->http_status);
    iscep_error_set(&err, exit_code == CTL_UNKNOWN ? ISCEP_SERVICE : ISCEP_USAGE, code, "%s", message);
    return ctl_print_error(request, exit_code, &err);
}

/* Anything else must not be taken for "there is none" or "it is done". */
static bool is_answer(const iscep_json *json, const char *wanted)
{
    int64_t number;
    return iscep_json_is_array(iscep_json_member(json, wanted)) || iscep_json_is_true(json, wanted) ||
           (iscep_json_int(json, wanted, &number) && number >= 0);
}

static int get_document(iscep_json **out, const ctl_request *request, const char *path, iscep_bytes body,
                        const char *wanted)
{
    ctl_reply reply;
    iscep_error err = ISCEP_ERROR_INIT;
    *out = NULL;
    iscep_status status = ctl_daemon_ask(&reply, request, path, body, &err);
    int exit_code = CTL_YES;
    if (status != ISCEP_OK)
        exit_code = ctl_print_error(request, status == ISCEP_USAGE ? CTL_USAGE : CTL_UNKNOWN, &err);
    else if (iscep_json_parse(out, iscep_buf_bytes(&reply.body), NULL) != ISCEP_OK ||
             reply.http_status != 200 || !is_answer(*out, wanted))
        exit_code = ctl_print_refusal(request, &reply, *out);
    ctl_reply_clear(&reply);
    if (exit_code != CTL_YES) {
        iscep_json_free(*out);
        *out = NULL;
    }
    return exit_code;
}

int ctl_daemon_get(iscep_json **out, const ctl_request *request, const char *path, const char *wanted)
{
    return get_document(out, request, path, (iscep_bytes){0}, wanted);
}

int ctl_daemon_post(iscep_json **out, const ctl_request *request, const char *path, const iscep_json *body,
                    const char *wanted)
{
    ISCEP_AUTO_BUF text;
    iscep_error err = ISCEP_ERROR_INIT;
    *out = NULL;
    iscep_buf_init(&text, MAX_BODY_LEN);
    if (iscep_json_emit(&text, body, &err) != ISCEP_OK)
        return ctl_print_error(request, CTL_UNKNOWN, &err);
    return get_document(out, request, path, iscep_buf_bytes(&text), wanted);
}
