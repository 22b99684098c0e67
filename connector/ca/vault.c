/*
 * The executor of kind vault: POST /v1/MOUNT/revoke of the PKI engine of HashiCorp Vault or OpenBao. The token's file
 * is read for each request, so that an agent may renew it. Vault keeps no reasons.
 */
#include <string.h>

#include "base/secret.h"
#include "ca/kind.h"
#include "ca/rest.h"
#include "base/serial.h"

enum { MAX_PATH_LEN = 1024 };

static const char default_mount[] = "pki";

/* Letters, digits and what Vault's mounts are made of: it becomes part of a path. */
static bool is_mount(const char *mount)
{
    size_t len = strspn(mount, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./");
    return len > 0 && mount[len] == '\0' && mount[0] != '/' && mount[len - 1] != '/' &&
           strstr(mount, "..") == NULL;
}

static iscep_status open_vault(iscep_ca *ca, iscep_error *err)
{
    iscep_ca_rest *rest = NULL;
    iscep_secret *token = NULL;
    iscep_status status = iscep_ca_require(ca->options->token_file, "token_file", err);
    if (status == ISCEP_OK)
        status = iscep_secret_load(&token, ca->options->token_file, err);
    iscep_secret_free(token);
    if (status == ISCEP_OK && ca->options->mount != NULL && !is_mount(ca->options->mount))
        status =
            iscep_error_set(err, ISCEP_CONFIG, "ca", "mount: %s is no path of a mount", ca->options->mount);
    if (status == ISCEP_OK)
        status = iscep_ca_rest_open(&rest, ca, err);
    ca->state = rest;
    return status;
}

/* --- the reply --- */

/* Does one of the texts in the array name contain the words? The first of them goes to *first. */
static bool says_so(const iscep_json *says, const char *name, const char *words, const char **first)
{
    const iscep_json *texts = iscep_json_member(says, name);
    bool is_said = false;
    for (const iscep_json *at = iscep_json_is_array(texts) ? iscep_json_first(texts) : NULL; at != NULL;
         at = iscep_json_next(at)) {
        const char *text = iscep_json_as_text(at);
        if (*first == NULL)
            *first = text;
        is_said |= text != NULL && strstr(text, words) != NULL;
    }
    return is_said;
}

/* The same reply, with the old time, for a certificate that was revoked before. */
static bool has_revocation_time(const iscep_json *data)
{
    int64_t when_unix = 0;
    return iscep_json_int(data, "revocation_time", &when_unix) && when_unix > 0;
}

static void read_success(iscep_ca_call *call, int32_t status, const iscep_json *says)
{
    const iscep_json *data = iscep_json_member(says, "data");
    const char *state = iscep_json_text(data, "state");
    const char *text = NULL;
    bool has_expired = says_so(says, "warnings", "already expired", &text);
    if (state != NULL &&
        strcmp(state, "pending") == 0) /* a queue for another cluster, which may not know it either */
        iscep_ca_rest_answer_status(call, ISCEP_CA_BUSY, status, "another cluster must revoke it");
    else if (has_revocation_time(data))
        iscep_ca_rest_answer_status(call, ISCEP_CA_REVOKED, status, NULL);
    else if (has_expired) /* Vault puts no expired certificate on its CRL, and nobody accepts one */
        iscep_ca_rest_answer_status(call, ISCEP_CA_ALREADY_REVOKED, status, text);
    else
        iscep_ca_rest_answer_status(call, ISCEP_CA_FAILED, status, "the reply has no revocation_time");
}

/* An error is {"errors":["…"]}. Unknown serial numbers are a 400; a 404 means that there is no such mount. */
static void read_reply(iscep_ca_call *call, int32_t status, const iscep_json *says)
{
    const char *text = NULL;
    if (status / 100 == 2) {
        read_success(call, status, says);
        return;
    }
    bool is_unknown = says_so(says, "errors", "not found", &text);
    if (status == 400 && is_unknown)
        iscep_ca_rest_answer_status(call, ISCEP_CA_NOT_FOUND, status, text);
    else if (status == 400 && text != NULL)
        iscep_ca_rest_answer_status(call, ISCEP_CA_INVALID, status, text);
    else
        iscep_ca_rest_answer_status(call, ISCEP_CA_FAILED, status, text);
}

/* --- the request --- */

/* It becomes a header field. */
static bool is_token(const char *text)
{
    while (*text > ' ' && *text < 0x7F)
        text++;
    return *text == '\0';
}

static void send_revoke(iscep_ca_call *call, const char *token)
{
    const iscep_ca_options *options = call->ca->options;
    ISCEP_AUTO_BUF path, serial;
    iscep_buf_init(&path, MAX_PATH_LEN);
    iscep_buf_init(&serial, 3 * (size_t)ISCEP_SERIAL_MAX_BYTES);
    iscep_buf_printf(&path, "v1/%s/revoke", options->mount != NULL ? options->mount : default_mount);
    iscep_serial_emit_colons(&serial, call->request.serial);
    ISCEP_AUTO_JSON *body = iscep_json_new_object();
    iscep_json_add_text(body, "serial_number", iscep_buf_text(&serial));
    iscep_ca_rest_request request = {.method = "POST",
                                     .path = iscep_buf_text(&path),
                                     .headers = {{"X-Vault-Token", token}, {"X-Vault-Request", "true"}},
                                     .body = body};
    if (options->vault_namespace != NULL)
        request.headers[2] = (iscep_http_header){"X-Vault-Namespace", options->vault_namespace};
    iscep_ca_rest_send(call->ca->state, call, &request, read_reply);
}

static void start_vault(iscep_ca_call *call)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_secret *token = NULL;
    iscep_status status = iscep_secret_load(&token, call->ca->options->token_file, &err);
    const char *text = status == ISCEP_OK ? (const char *)iscep_secret_reveal(token).data : "";
    if (status != ISCEP_OK)
        iscep_ca_answer(call, ISCEP_CA_UNAUTHORIZED, "%s", err.message);
    else if (!is_token(text))
        iscep_ca_answer(call, ISCEP_CA_UNAUTHORIZED, "%s does not hold a token alone",
                        call->ca->options->token_file);
    else
        send_revoke(call, text);
    iscep_secret_free(token);
}

static void close_vault(iscep_ca *ca)
{
    iscep_ca_rest_close(ca->state);
}

const iscep_ca_executor iscep_ca_vault = {
    .open = open_vault, .start = start_vault, .abandon = iscep_ca_rest_abandon, .close = close_vault};
