/* intune-scepctl validate: asks the running connector, as a SCEP server would (docs/LOCAL-API.md). */
#include <string.h>

#include "base/env.h"
#include "base/transaction_id.h"
#include "base/x509_read.h"
#include "ctl/daemon_client.h"
#include "ctl/print.h"
#include "ctl/verdict.h"

enum { MAX_BODY_LEN = 2 * ISCEP_CSR_MAX_LEN };

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

static iscep_status ask(ctl_reply *reply, const ctl_request *request,
                        char transaction_id[ISCEP_TRANSACTION_ID_SIZE], iscep_error *err)
{
    ISCEP_AUTO_BUF der, body;
    iscep_env env = iscep_env_system(NULL);
    iscep_buf_init(&der, ISCEP_CSR_MAX_LEN);
    iscep_buf_init(&body, MAX_BODY_LEN);
    iscep_status status = read_request(&der, request->operands[0], err);
    if (status == ISCEP_OK)
        status = choose_transaction_id(transaction_id, request->transaction_id, &env, err);
    if (status == ISCEP_OK)
        status = emit_body(&body, transaction_id, &der, err);
    if (status == ISCEP_OK)
        status = ctl_daemon_ask(reply, request, "/v1/validate", iscep_buf_bytes(&body), err);
    iscep_buf_wipe(&der);
    iscep_buf_wipe(&body);
    return status;
}

/* Deliver: the request has its certificate already. */
static int exit_code_of(ctl_verdict_kind kind)
{
    switch (kind) {
    case CTL_VERDICT_ALLOW:
    case CTL_VERDICT_DELIVER:
        return CTL_YES;
    case CTL_VERDICT_DENY:
    case CTL_VERDICT_DECLINE:
        return CTL_NO;
    default:
        return CTL_UNKNOWN;
    }
}

/* Turned away at the door ({"error":{…}}), or somebody else's words; reply may be NULL. */
static int print_no_verdict(const ctl_request *request, int32_t http_status, const iscep_json *reply)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const iscep_json *error = iscep_json_member(reply, "error");
    const char *code = iscep_json_text(error, "code");
    const char *message = iscep_json_text(error, "message");
    if (code != NULL && message != NULL)
        iscep_error_set(&err, ISCEP_SERVICE, code, "the connector answered HTTP %d without a verdict: %s: %s",
                        http_status, code, message);
    else
        iscep_error_set(&err, ISCEP_PROTOCOL, "connector_reply",
                        "HTTP %d without a verdict: whoever answers on the socket is not the connector",
                        http_status);
    return ctl_print_error(request, CTL_UNKNOWN, &err);
}

static int print_verdict(const ctl_request *request, const ctl_reply *reply, const char *transaction_id)
{
    static const char *const names[] = {"verdict", "code", "message", "requestId"};
    enum { NAME_COUNT = sizeof names / sizeof *names };
    ISCEP_AUTO_JSON *verdict = NULL;
    ISCEP_AUTO_JSON *answer = iscep_json_new_object();
    if (iscep_json_parse(&verdict, iscep_buf_bytes(&reply->body), NULL) != ISCEP_OK ||
        iscep_json_text(verdict, "verdict") == NULL)
        return print_no_verdict(request, reply->http_status, verdict);
    int exit_code = exit_code_of(
        ctl_verdict_judge(CTL_ASKED_VALIDATE, reply->http_status, iscep_json_text(verdict, "verdict")));
    iscep_json_add_text(answer, "transactionId", transaction_id);
    for (size_t i = 0; i < NAME_COUNT; i++) {
        const char *text = iscep_json_text(verdict, names[i]);
        iscep_json_add_text(answer, names[i], text);
        if (!request->is_json && text != NULL && text[0] != '\0')
            ctl_print_fact(names[i], "%s", text);
    }
    return request->is_json ? ctl_print_json(answer, exit_code) : exit_code;
}

int ctl_validate(const ctl_request *request)
{
    ctl_reply reply;
    iscep_error err = ISCEP_ERROR_INIT;
    char transaction_id[ISCEP_TRANSACTION_ID_SIZE];
    iscep_buf_init(&reply.body, 0);
    iscep_status status = ask(&reply, request, transaction_id, &err);
    bool is_usage = err.status == ISCEP_USAGE && strcmp(err.code, "file") != 0;
    int exit_code = status != ISCEP_OK ? ctl_print_error(request, is_usage ? CTL_USAGE : CTL_UNKNOWN, &err)
                                       : print_verdict(request, &reply, transaction_id);
    ctl_reply_clear(&reply);
    return exit_code;
}
