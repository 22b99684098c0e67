/*
 * The executor of kind step-ca: POST /1.0/revoke with a token that a JWK provisioner of that CA signs for this one
 * serial number. Passive revocation, the only one that step-ca has: its CRL, OCSP or short lifetimes do the rest.
 *
 * step-ca believes the token: a serial number that it has never issued is revoked, too, and never "not found".
 */
#include <stdlib.h>
#include <string.h>

#include "base/jwk.h"
#include "ca/kind.h"
#include "ca/rest.h"
#include "base/serial.h"
#include "net/url.h"

enum {
    TOKEN_LIFETIME_S = 300, /* as step(1)'s own */
    CLOCK_SLACK_S = 60,     /* how far our clock may be ahead of the CA's */
    MAX_URL_LEN = 2048,
};

static const char revoke_path[] = "1.0/revoke";

typedef struct step_ca {
    iscep_ca_rest *rest;
    iscep_jwk *key;
    iscep_buf audience; /* the URL that is asked, as step-ca compares it but for the port */
} step_ca;

static void close_step(iscep_ca *ca)
{
    step_ca *state = ca->state;
    if (state == NULL)
        return;
    iscep_ca_rest_close(state->rest);
    iscep_jwk_free(state->key);
    iscep_buf_clear(&state->audience);
    free(state);
}

static iscep_status open_step(iscep_ca *ca, iscep_error *err)
{
    const iscep_ca_options *options = ca->options;
    iscep_status status = iscep_ca_require(options->provisioner, "provisioner", err);
    if (status == ISCEP_OK)
        status = iscep_ca_require(options->provisioner_key, "provisioner_key", err);
    if (status != ISCEP_OK)
        return status;
    step_ca *state = calloc(1, sizeof *state);
    if (state == NULL)
        return iscep_error_nomem(err);
    iscep_buf_init(&state->audience, MAX_URL_LEN);
    ca->state = state;
    status = iscep_ca_rest_open(&state->rest, ca, err);
    if (status == ISCEP_OK)
        status = iscep_jwk_load(&state->key, options->provisioner_key, err);
    if (status != ISCEP_OK)
        return status;
    iscep_url_join(&state->audience, options->url, revoke_path);
    return iscep_buf_status(&state->audience, err);
}

/* --- the token --- */

static iscep_status emit_token(iscep_buf *out, const iscep_ca *ca, const char *serial, iscep_error *err)
{
    step_ca *state = ca->state;
    char id[ISCEP_GUID_SIZE];
    iscep_status status = iscep_guid_new(id, ca->env, err);
    if (status != ISCEP_OK)
        return status;
    int64_t now_unix = iscep_now_unix_ms(ca->env) / 1000;
    ISCEP_AUTO_JSON *claims = iscep_json_new_object();
    iscep_json_add_text(claims, "iss", ca->options->provisioner);
    iscep_json_add_text(claims, "sub", serial);
    iscep_json_add_text(claims, "aud", iscep_buf_text(&state->audience));
    iscep_json_add_text(claims, "jti", id);
    iscep_json_add_int(claims, "iat", now_unix);
    iscep_json_add_int(claims, "nbf", now_unix - CLOCK_SLACK_S);
    iscep_json_add_int(claims, "exp", now_unix + TOKEN_LIFETIME_S);
    const char *kid = ca->options->provisioner_kid;
    const iscep_jwt_header header = {.alg = iscep_jwk_alg(state->key),
                                     .kid = kid != NULL ? kid : iscep_jwk_thumbprint(state->key)};
    return iscep_jwt_sign(out, &header, claims, iscep_jwk_key(state->key), err);
}

/* --- the reply --- */

/* An error is {"status":400,"message":"…"}. */
static void read_reply(iscep_ca_call *call, int32_t status, const iscep_json *says)
{
    const char *word = iscep_json_text(says, "status");
    const char *message = iscep_json_text(says, "message");
    if (status == 200 && word != NULL && strcmp(word, "ok") == 0)
        iscep_ca_rest_answer_status(call, ISCEP_CA_REVOKED, status, NULL);
    else if (status == 400 && message != NULL && strstr(message, "already revoked") != NULL)
        iscep_ca_rest_answer_status(call, ISCEP_CA_ALREADY_REVOKED, status, message);
    else if (status == 400 && says != NULL)
        iscep_ca_rest_answer_status(call, ISCEP_CA_INVALID, status, message);
    else /* also 404: then this URL is no step-ca's, and nothing is said of the certificate */
        iscep_ca_rest_answer_status(call, ISCEP_CA_FAILED, status, message);
}

/* --- the request --- */

static iscep_status send_revoke(iscep_ca_call *call, iscep_error *err)
{
    step_ca *state = call->ca->state;
    ISCEP_AUTO_BUF serial, token;
    iscep_buf_init(&serial, 4 * (size_t)ISCEP_SERIAL_MAX_BYTES);
    iscep_buf_init(&token, ISCEP_JWT_MAX_LEN);
    iscep_serial_emit_decimal(&serial, call->request.serial);
    iscep_status status = emit_token(&token, call->ca, iscep_buf_text(&serial), err);
    if (status != ISCEP_OK)
        return status;
    ISCEP_AUTO_JSON *body = iscep_json_new_object();
    iscep_json_add_text(body, "serial", iscep_buf_text(&serial));
    iscep_json_add_text(body, "ott", iscep_buf_text(&token));
    iscep_json_add_int(body, "reasonCode", (int64_t)call->request.reason);
    iscep_json_add_text(body, "reason", iscep_crl_reason_name(call->request.reason));
    iscep_json_add_bool(body, "passive", true);
    iscep_ca_rest_send(state->rest, call,
                       &(iscep_ca_rest_request){.method = "POST", .path = revoke_path, .body = body},
                       read_reply);
    iscep_buf_wipe(&token);
    return ISCEP_OK;
}

static void start_step(iscep_ca_call *call)
{
    iscep_error err = ISCEP_ERROR_INIT;
    if (send_revoke(call, &err) != ISCEP_OK)
        iscep_ca_answer(call, ISCEP_CA_FAILED, "%s", err.message);
}

const iscep_ca_executor iscep_ca_step = {
    .open = open_step, .start = start_step, .abandon = iscep_ca_rest_abandon, .close = close_step};
