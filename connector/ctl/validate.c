/* intune-scepctl validate: asks the running connector, as a SCEP server would (docs/LOCAL-API.md). */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/transaction_id.h"
#include "base/x509_read.h"
#include "ctl/await.h"
#include "ctl/print.h"
#include "daemon/config.h"

enum { TIMEOUT_MS = 60000, MAX_REPLY_LEN = 64 * 1024, MAX_BODY_LEN = 2 * ISCEP_CSR_MAX_LEN };

/* One question and its answer. */
typedef struct question {
    const ctl_request *request;
    ctl_await await;
    int32_t http_status;
    iscep_buf reply;
    iscep_error err;
} question;

static iscep_status read_request(iscep_buf *der, const char *path, iscep_error *err)
{
    iscep_x509_kind kind;
    iscep_status status = iscep_x509_read_file(der, &kind, path, err);
    if (status == ISCEP_OK && kind != ISCEP_X509_REQUEST)
        return iscep_error_set(err, ISCEP_USAGE, "not_a_request", "%s is a certificate, not a request", path);
    return status;
}

static iscep_status choose_transaction_id(char out[ISCEP_TRANSACTION_ID_SIZE], const char *wanted,
                                          const iscep_env *env, iscep_error *err)
{
    if (wanted != NULL)
        return iscep_transaction_id_parse(out, iscep_bytes_of_text(wanted), err);
    return iscep_guid_new(out, env, err);
}

static iscep_status emit_body(iscep_buf *body, const char *transaction_id, const iscep_buf *der,
                              iscep_error *err)
{
    ISCEP_AUTO_BUF base64;
    iscep_buf_init(&base64, MAX_BODY_LEN);
    iscep_base64_encode(&base64, iscep_buf_bytes(der));
    ISCEP_AUTO_JSON *root = iscep_json_new_object();
    iscep_json_add_text(root, "transactionId", transaction_id);
    iscep_json_add_text(root, "csr", iscep_buf_text(&base64));
    iscep_status status = iscep_buf_status(&base64, err);
    return status != ISCEP_OK ? status : iscep_json_emit(body, root, err);
}

static void on_reply(void *user, iscep_status status, const iscep_http_response *response,
                     const iscep_error *err)
{
    question *asked = user;
    if (status == ISCEP_OK) {
        asked->http_status = response->status;
        iscep_buf_append(&asked->reply, response->body.data, response->body.len);
    } else {
        asked->err = *err;
    }
    ctl_await_done(&asked->await);
}

static iscep_status post(question *asked, const iscep_env *env, const char *socket_path, iscep_bytes body,
                         iscep_error *err)
{
    iscep_curl_options options = ISCEP_CURL_OPTIONS_INIT;
    options.unix_socket_path = socket_path;
    options.allow_plain_http = true;
    iscep_http *http = NULL;
    iscep_status status = iscep_curl_http_new(&http, env, asked->await.loop, &options, err);
    if (status != ISCEP_OK)
        return status;
    const iscep_http_header headers[] = {{"Content-Type", "application/json"},
                                         {"Accept", "application/json"}};
    const iscep_http_request request = {.method = "POST",
                                        .url = "http://connector/v1/validate",
                                        .headers = headers,
                                        .header_count = sizeof headers / sizeof *headers,
                                        .body = body,
                                        .deadline_mono_ms = iscep_now_mono_ms(env) + TIMEOUT_MS,
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

static iscep_status ask(question *asked, const char *socket_path,
                        char transaction_id[ISCEP_TRANSACTION_ID_SIZE], iscep_error *err)
{
    ISCEP_AUTO_BUF der, body;
    iscep_env env = iscep_env_system(NULL);
    iscep_buf_init(&der, ISCEP_CSR_MAX_LEN);
    iscep_buf_init(&body, MAX_BODY_LEN);
    iscep_status status = read_request(&der, asked->request->operands[0], err);
    if (status == ISCEP_OK)
        status = choose_transaction_id(transaction_id, asked->request->transaction_id, &env, err);
    if (status == ISCEP_OK)
        status = emit_body(&body, transaction_id, &der, err);
    if (status == ISCEP_OK)
        status = iscep_loop_new(&asked->await.loop, err);
    if (status == ISCEP_OK)
        status = post(asked, &env, socket_path, iscep_buf_bytes(&body), err);
    if (status == ISCEP_OK && asked->err.status != ISCEP_OK)
        status = explain_silence(&asked->err, socket_path, err);
    iscep_loop_free(asked->await.loop);
    iscep_buf_wipe(&der);
    iscep_buf_wipe(&body);
    return status;
}

/* The words of docs/LOCAL-API.md. Status and word must agree: otherwise something else answers on the socket. */
static int judge(int32_t http_status, const char *verdict)
{
    if (verdict != NULL && http_status == 200 && strcmp(verdict, "allow") == 0)
        return CTL_YES;
    bool is_no = verdict != NULL && (strcmp(verdict, "deny") == 0 || strcmp(verdict, "decline") == 0);
    if (is_no && http_status >= 400 && http_status < 500)
        return CTL_NO;
    return CTL_UNKNOWN;
}

/* Turned away at the door ({"error":{…}}), or somebody else's words; reply may be NULL. */
static int print_no_verdict(const question *asked, const iscep_json *reply)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const iscep_json *error = iscep_json_member(reply, "error");
    const char *code = iscep_json_text(error, "code");
    const char *message = iscep_json_text(error, "message");
    if (code != NULL && message != NULL)
        iscep_error_set(&err, ISCEP_SERVICE, code, "the connector answered HTTP %d without a verdict: %s: %s",
                        asked->http_status, code, message);
    else
        iscep_error_set(&err, ISCEP_PROTOCOL, "connector_reply",
                        "HTTP %d without a verdict: whoever answers on the socket is not the connector",
                        asked->http_status);
    return ctl_print_error(asked->request, CTL_UNKNOWN, &err);
}

static int print_verdict(const question *asked, const char *transaction_id)
{
    static const char *const names[] = {"verdict", "code", "message", "requestId"};
    enum { NAME_COUNT = sizeof names / sizeof *names };
    ISCEP_AUTO_JSON *reply = NULL;
    ISCEP_AUTO_JSON *answer = iscep_json_new_object();
    if (iscep_json_parse(&reply, iscep_buf_bytes(&asked->reply), NULL) != ISCEP_OK ||
        iscep_json_text(reply, "verdict") == NULL)
        return print_no_verdict(asked, reply);
    int exit_code = judge(asked->http_status, iscep_json_text(reply, "verdict"));
    iscep_json_add_text(answer, "transactionId", transaction_id);
    for (size_t i = 0; i < NAME_COUNT; i++) {
        const char *text = iscep_json_text(reply, names[i]);
        iscep_json_add_text(answer, names[i], text);
        if (!asked->request->is_json && text != NULL && text[0] != '\0')
            ctl_print_fact(names[i], "%s", text);
    }
    return asked->request->is_json ? ctl_print_json(answer, exit_code) : exit_code;
}

int ctl_validate(const ctl_request *request)
{
    iscep_config *config = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    char transaction_id[ISCEP_TRANSACTION_ID_SIZE];
    if (request->socket_path != NULL && request->socket_path[0] != '/') {
        iscep_error_set(&err, ISCEP_USAGE, "socket", "--socket %s: an absolute path is wanted",
                        request->socket_path);
        return ctl_print_error(request, CTL_USAGE, &err);
    }
    question asked = {.request = request, .err = ISCEP_ERROR_INIT};
    iscep_buf_init(&asked.reply, MAX_REPLY_LEN);
    iscep_status status =
        request->socket_path != NULL ? ISCEP_OK : iscep_config_load(&config, request->config_path, &err);
    if (status != ISCEP_OK)
        iscep_error_prefix(&err, "the socket is not known (--socket names it)");
    else
        status = ask(&asked, request->socket_path != NULL ? request->socket_path : config->socket_path,
                     transaction_id, &err);
    bool is_usage = err.status == ISCEP_USAGE && strcmp(err.code, "file") != 0;
    int exit_code = status != ISCEP_OK ? ctl_print_error(request, is_usage ? CTL_USAGE : CTL_UNKNOWN, &err)
                                       : print_verdict(&asked, transaction_id);
    iscep_buf_clear(&asked.reply);
    iscep_config_free(config);
    return exit_code;
}
