/* See door.h. */
#include "ctl/door.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/transaction_id.h"
#include "base/x509.h"
#include "ctl/daemon_client.h"

enum { MAX_BODY_LEN = 256 * 1024, SLACK_MS = 500 };

static const char *from_environment(const char *name)
{
    const char *text = getenv(name);
    return text != NULL && text[0] != '\0' ? text : NULL;
}

bool ctl_door_is_verbose(const ctl_request *request)
{
    const char *wanted = from_environment("INTUNE_SCEP_VERBOSE");
    return (request->given & TAKES_VERBOSE) != 0 || (wanted != NULL && strcmp(wanted, "0") != 0);
}

static void choose_socket(ctl_request *request)
{
    if (request->socket_path != NULL || (request->given & TAKES_CONFIG) != 0)
        return;
    request->socket_path = from_environment("INTUNE_SCEP_SOCKET");
    const char *config_path = from_environment("INTUNE_SCEP_CONFIG");
    if (request->socket_path == NULL && config_path != NULL)
        request->config_path = config_path;
    else if (request->socket_path == NULL)
        request->socket_path = CTL_DEFAULT_SOCKET;
}

static iscep_status choose_timeout(ctl_request *request, int64_t default_timeout_ms, iscep_error *err)
{
    enum { MAX_DIGITS = 9 };
    const char *text = from_environment("INTUNE_SCEP_TIMEOUT_MS");
    if (request->timeout_ms > 0)
        return ISCEP_OK;
    request->timeout_ms = default_timeout_ms;
    if (text == NULL)
        return ISCEP_OK;
    const size_t len = strspn(text, "0123456789");
    request->timeout_ms = len > 0 && len <= MAX_DIGITS && text[len] == '\0' ? strtoll(text, NULL, 10) : 0;
    if (request->timeout_ms >= CTL_DOOR_MIN_TIMEOUT_MS && request->timeout_ms <= CTL_DOOR_MAX_TIMEOUT_MS)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_USAGE, "timeout",
                           "INTUNE_SCEP_TIMEOUT_MS must be a number from %d to %d", CTL_DOOR_MIN_TIMEOUT_MS,
                           CTL_DOOR_MAX_TIMEOUT_MS);
}

iscep_status ctl_door_open(ctl_door *out, const ctl_request *request, int64_t default_timeout_ms,
                           iscep_error *err)
{
    *out = (ctl_door){.request = *request, .env = iscep_env_system(NULL)};
    out->is_verbose = ctl_door_is_verbose(request);
    choose_socket(&out->request);
    if (out->request.tenant == NULL)
        out->request.tenant = from_environment("INTUNE_SCEP_TENANT");
    iscep_status status = choose_timeout(&out->request, default_timeout_ms, err);
    out->deadline_mono_ms = iscep_now_mono_ms(&out->env) + out->request.timeout_ms;
    return status;
}

void ctl_door_add_der(iscep_json *to, const char *name, iscep_bytes der)
{
    ISCEP_AUTO_BUF base64;
    iscep_buf_init(&base64, MAX_BODY_LEN);
    iscep_base64_encode(&base64, der);
    iscep_json_add_text(to, name, iscep_buf_text(&base64));
    iscep_buf_wipe(&base64);
}

iscep_status ctl_door_add_request(iscep_json *to, const ctl_door *door, iscep_bytes csr, iscep_error *err)
{
    char transaction_id[ISCEP_TRANSACTION_ID_SIZE];
    uint8_t digest[ISCEP_SHA256_LEN];
    ISCEP_AUTO_BUF hex;
    iscep_buf_init(&hex, sizeof transaction_id);
    iscep_status status = iscep_sha256(digest, csr, err);
    iscep_hex_encode(&hex, iscep_bytes_of(digest, sizeof digest));
    const char *wanted = door->request.transaction_id;
    if (status == ISCEP_OK)
        status = iscep_transaction_id_parse(
            transaction_id, iscep_bytes_of_text(wanted != NULL ? wanted : iscep_buf_text(&hex)), err);
    if (status != ISCEP_OK)
        return status;
    iscep_json_add_text(to, "transactionId", transaction_id);
    ctl_door_add_der(to, "csr", csr);
    return ISCEP_OK;
}

/* The connector answers a little before we give up: then it is its answer, and not a silence. */
static iscep_status ask(ctl_reply *reply, const ctl_door *door, const char *path, iscep_bytes body,
                        bool is_replay, iscep_error *err)
{
    char timeout_text[24];
    const int64_t left_ms = door->deadline_mono_ms - iscep_now_mono_ms(&door->env);
    const int64_t slack_ms = left_ms / 4 < SLACK_MS ? left_ms / 4 : SLACK_MS;
    if (left_ms <= 1)
        return iscep_error_set(err, ISCEP_NETWORK, "timeout", "no time is left to ask");
    snprintf(timeout_text, sizeof timeout_text, "%lld", (long long)(left_ms - slack_ms));
    const iscep_http_header headers[] = {{"X-Scep-Timeout-Ms", timeout_text},
                                         {"X-Scep-Replay", is_replay ? "yes" : "no"}};
    const ctl_question question = {
        .path = path, .body = body, .headers = headers, .header_count = 2, .timeout_ms = left_ms};
    return ctl_daemon_put(reply, &door->request, &question, err);
}

iscep_status ctl_door_ask(ctl_verdict *out, const ctl_door *door, ctl_asked asked, const char *path,
                          const iscep_json *body, bool is_replay, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    ctl_reply reply;
    *out = (ctl_verdict){.kind = CTL_VERDICT_RETRY};
    iscep_buf_init(&text, MAX_BODY_LEN);
    ctl_reply_init(&reply);
    iscep_status status = iscep_json_emit(&text, body, err);
    if (status == ISCEP_OK)
        status = ask(&reply, door, path, iscep_buf_bytes(&text), is_replay, err);
    if (status == ISCEP_OK)
        ctl_verdict_read(out, asked, reply.http_status, iscep_buf_bytes(&reply.body));
    iscep_buf_wipe(&text);
    ctl_reply_clear(&reply);
    return status;
}

void ctl_door_tell(const ctl_door *door, const ctl_verdict *verdict, const iscep_error *err)
{
    static const char *const words[] = {[CTL_VERDICT_RETRY] = "retry",
                                        [CTL_VERDICT_DENY] = "deny",
                                        [CTL_VERDICT_DECLINE] = "decline",
                                        [CTL_VERDICT_DELIVER] = "deliver",
                                        [CTL_VERDICT_ALLOW] = "allow"};
    char code[128], message[1024];
    if (!door->is_verbose)
        return;
    const bool is_error = err->status != ISCEP_OK;
    iscep_text_copy(code, sizeof code, is_error ? err->code : verdict->code);
    iscep_text_copy(message, sizeof message, is_error ? err->message : verdict->message);
    fprintf(stderr, "intune-scepctl: %s: %s: %s\n",
            is_error && err->status == ISCEP_USAGE ? "refused here" : words[verdict->kind], code, message);
}
