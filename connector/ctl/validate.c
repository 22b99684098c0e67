/* intune-scepctl validate: asks the running connector, as a SCEP server would (docs/LOCAL-API.md). */
#include <string.h>

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
        status = iscep_error_set(
            err, asked->err.status, "connector_unreachable",
            "the connector does not answer on %s (%s): is intune-scepd running, and may you use "
            "the socket?",
            socket_path, asked->err.message);
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

static int print_verdict(const question *asked, const char *transaction_id)
{
    static const char *const names[] = {"verdict", "code", "message", "requestId"};
    enum { NAME_COUNT = sizeof names / sizeof *names };
    ISCEP_AUTO_JSON *reply = NULL;
    ISCEP_AUTO_JSON *answer = iscep_json_new_object();
    iscep_error err = ISCEP_ERROR_INIT;
    if (iscep_json_parse(&reply, iscep_buf_bytes(&asked->reply), NULL) != ISCEP_OK ||
        iscep_json_text(reply, "verdict") == NULL) {
        iscep_error_set(
            &err, ISCEP_PROTOCOL, "connector_reply",
            "HTTP %d without a verdict: whoever answers on the socket is not the connector, or busy",
            asked->http_status);
        return ctl_print_error(asked->request, CTL_UNKNOWN, &err);
    }
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
