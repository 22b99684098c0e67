/* See step_ca_hook.h. */
#include "daemon/step_ca_hook.h"

#include <stdlib.h>
#include <string.h>

#include "base/audit.h"
#include "base/digest.h"
#include "base/log_gate.h"
#include "daemon/step_ca_body.h"

enum {
    MAX_SECRET_LEN = 1024,
    MAX_AUTHORIZATION_LEN = 128 * 1024, /* a secret file has at most 64 KiB */
    MAX_REPLY_LEN = 8192,
};

/* What Intune is told when step-ca gives no number: E_FAIL, because 0 would be a success. */
static const uint32_t unknown_failure = 0x80004005;

/* A webhook as step-ca shows it when it is made. */
typedef struct webhook {
    const char *id;    /* NULL: not compared */
    iscep_secret *key; /* NULL: there is no such webhook */
} webhook;

struct iscep_step_ca {
    const iscep_step_ca_options *options;
    webhook challenge;
    webhook notify;
    iscep_secret *authorization; /* the whole field; NULL: it is not looked at */
    iscep_log_gate *refusals;
};

/* --- the secrets; what contradicts itself was refused by daemon/config_step_ca.c --- */

/* In the file stands base64, as step-ca shows it. */
static iscep_status load_key(iscep_secret **out, const iscep_step_ca_options *options, const char *path,
                             iscep_error *err)
{
    iscep_secret *text = NULL;
    ISCEP_AUTO_BUF key;
    iscep_buf_init(&key, MAX_SECRET_LEN);
    iscep_status status = iscep_secret_load(&text, path, err);
    if (status == ISCEP_OK &&
        (iscep_base64_decode(&key, iscep_secret_reveal(text), NULL) != ISCEP_OK || key.len == 0))
        status =
            iscep_error_set(err, ISCEP_CONFIG, "step_ca_secret",
                            "[step-ca/%s]: %s must hold the webhook's secret as step-ca showed it, base64",
                            options->name, path);
    if (status == ISCEP_OK)
        status = iscep_secret_new(out, iscep_buf_bytes(&key), err);
    iscep_secret_free(text);
    iscep_buf_wipe(&key);
    return status;
}

static iscep_status load_webhook(webhook *out, const iscep_step_ca_options *options, const char *id,
                                 const char *secret_file, iscep_error *err)
{
    out->id = id;
    if (options->is_key_empty)
        return iscep_secret_new(&out->key, (iscep_bytes){0}, err);
    if (secret_file == NULL)
        return ISCEP_OK;
    return load_key(&out->key, options, secret_file, err);
}

static void append_bearer(iscep_buf *out, iscep_bytes token)
{
    iscep_buf_append_text(out, "Bearer ");
    iscep_buf_append(out, token.data, token.len);
}

static void append_basic(iscep_buf *out, const char *user, iscep_bytes password)
{
    ISCEP_AUTO_BUF pair;
    iscep_buf_init(&pair, MAX_AUTHORIZATION_LEN / 2);
    iscep_buf_printf(&pair, "%s:", user);
    iscep_buf_append(&pair, password.data, password.len);
    iscep_buf_append_text(out, "Basic ");
    iscep_base64_encode(out, iscep_buf_bytes(&pair));
    out->is_overflown = out->is_overflown || pair.is_overflown;
    iscep_buf_wipe(&pair);
}

static iscep_status load_authorization(iscep_step_ca *hook, iscep_error *err)
{
    const iscep_step_ca_options *options = hook->options;
    const char *path =
        options->bearer_token_file != NULL ? options->bearer_token_file : options->basic_password_file;
    iscep_secret *secret = NULL;
    ISCEP_AUTO_BUF field;
    iscep_buf_init(&field, MAX_AUTHORIZATION_LEN);
    if (path == NULL)
        return ISCEP_OK;
    iscep_status status = iscep_secret_load(&secret, path, err);
    if (status == ISCEP_OK && options->basic_user != NULL)
        append_basic(&field, options->basic_user, iscep_secret_reveal(secret));
    else if (status == ISCEP_OK)
        append_bearer(&field, iscep_secret_reveal(secret));
    if (status == ISCEP_OK)
        status = iscep_buf_status(&field, err);
    if (status == ISCEP_OK)
        status = iscep_secret_new(&hook->authorization, iscep_buf_bytes(&field), err);
    iscep_secret_free(secret);
    iscep_buf_wipe(&field);
    return status;
}

static iscep_status load(iscep_step_ca *hook, iscep_error *err)
{
    const iscep_step_ca_options *options = hook->options;
    iscep_status status =
        load_webhook(&hook->challenge, options, options->challenge_id, options->challenge_secret_file, err);
    if (status == ISCEP_OK)
        status = load_webhook(&hook->notify, options, options->notify_id, options->notify_secret_file, err);
    return status == ISCEP_OK ? load_authorization(hook, err) : status;
}

iscep_status iscep_step_ca_new(iscep_step_ca **out, const iscep_step_ca_options *options, iscep_error *err)
{
    iscep_step_ca *hook = calloc(1, sizeof *hook);
    iscep_log_gate *refusals = calloc(1, sizeof *refusals);
    if (hook == NULL || refusals == NULL) {
        free(hook);
        free(refusals);
        return iscep_error_nomem(err);
    }
    *hook = (iscep_step_ca){.options = options, .refusals = refusals};
    iscep_status status = load(hook, err);
    if (status != ISCEP_OK) {
        iscep_step_ca_free(hook);
        return status;
    }
    *out = hook;
    return ISCEP_OK;
}

void iscep_step_ca_free(iscep_step_ca *hook)
{
    if (hook == NULL)
        return;
    iscep_secret_free(hook->challenge.key);
    iscep_secret_free(hook->notify.key);
    iscep_secret_free(hook->authorization);
    free(hook->refusals);
    free(hook);
}

/* --- replies --- */

/* Only a yes is {"allow":true}; step-ca believes it with any status below 400. */
static void reply_allow(iscep_exchange *exchange)
{
    iscep_exchange_reply(exchange,
                         &(iscep_reply){.status = 200, .body = iscep_bytes_of_text("{\"allow\":true}\n")});
}

static void reply_refusal(iscep_exchange *exchange, int32_t status, const char *code, const char *message)
{
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, MAX_REPLY_LEN);
    iscep_buf_append_text(&body, "{\"allow\":false,\"error\":{\"message\":");
    iscep_json_append_quoted(&body, message);
    iscep_buf_append_text(&body, ",\"code\":");
    iscep_json_append_quoted(&body, code);
    iscep_buf_append_text(&body, "}}\n");
    iscep_exchange_reply(exchange, &(iscep_reply){.status = status, .body = iscep_buf_bytes(&body)});
}

/* 503: step-ca asks once more. What is the request's own fault would be no better then. */
static void reply_error(iscep_exchange *exchange, const iscep_error *err)
{
    int32_t status = err->status != ISCEP_USAGE ? 503 : err->http_status != 0 ? err->http_status : 400;
    reply_refusal(exchange, status, err->code, err->message);
}

/* --- who asks --- */

static const webhook *find_webhook(const iscep_step_ca *hook, iscep_step_ca_event event)
{
    return event == ISCEP_STEP_CA_CHALLENGE ? &hook->challenge : &hook->notify;
}

static bool is_id_right(const webhook *at, const iscep_exchange *exchange)
{
    const char *id = iscep_exchange_header(exchange, "X-Smallstep-Webhook-Id");
    return at->id == NULL || (id != NULL && strcmp(id, at->id) == 0);
}

static bool is_signature_right(const webhook *at, const iscep_exchange *exchange)
{
    const char *signature = iscep_exchange_header(exchange, "X-Smallstep-Signature");
    return signature != NULL &&
           iscep_hmac_sha256_is(signature, iscep_secret_reveal(at->key), iscep_exchange_body(exchange));
}

static bool is_authorization_right(const iscep_step_ca *hook, const iscep_exchange *exchange)
{
    const char *given = iscep_exchange_header(exchange, "Authorization");
    return hook->authorization == NULL ||
           (given != NULL && iscep_secret_equals(hook->authorization, iscep_bytes_of_text(given)));
}

/* Without a secret, nothing but a certificate tells. */
static bool is_certificate_right(const iscep_step_ca *hook, const iscep_exchange *exchange)
{
    const iscep_config_words *names = &hook->options->client_names;
    return names->count == 0 ? !hook->options->is_key_empty
                             : iscep_exchange_peer_has_name(exchange, names->words, names->count);
}

/* NULL: it is step-ca. Otherwise what is wrong, for the log. */
static const char *find_fault(const iscep_step_ca *hook, const iscep_exchange *exchange,
                              iscep_step_ca_event event)
{
    const webhook *at = find_webhook(hook, event);
    if (at->key == NULL)
        return "not_configured";
    if (!is_certificate_right(hook, exchange))
        return "client_certificate";
    if (!is_id_right(at, exchange))
        return "webhook_id";
    if (!is_authorization_right(hook, exchange))
        return "authorization";
    return is_signature_right(at, exchange) ? NULL : "signature";
}

static void log_refusal(const iscep_step_ca *hook, const iscep_env *env, const iscep_exchange *exchange,
                        iscep_step_ca_event event, const char *fault)
{
    const iscep_peer peer = iscep_exchange_peer(exchange);
    int64_t unlogged;
    if (!iscep_log_gate_pass(hook->refusals, iscep_now_mono_ms(env), &unlogged))
        return;
    const iscep_log_field fields[] = {
        ISCEP_LOG_TEXT("step_ca", hook->options->name),
        ISCEP_LOG_TEXT("webhook", event == ISCEP_STEP_CA_CHALLENGE ? "challenge" : "notify"),
        ISCEP_LOG_TEXT("reason", fault), ISCEP_LOG_TEXT("address", peer.address),
        ISCEP_LOG_NUM("unlogged", unlogged)};
    iscep_log_write(env->log, ISCEP_LOG_WARN, "step_ca_refused", fields, sizeof fields / sizeof *fields);
    iscep_audit_write(env->audit, "step_ca_refused", fields, sizeof fields / sizeof *fields);
}

bool iscep_step_ca_admit(const iscep_step_ca *hook, const iscep_env *env, iscep_exchange *exchange,
                         iscep_step_ca_event event)
{
    const char *fault = find_fault(hook, exchange, event);
    if (fault == NULL)
        return true;
    log_refusal(hook, env, exchange, event, fault);
    reply_refusal(exchange, 401, "step_ca_refused", "this is not the webhook that is configured here");
    return false;
}

/* --- what is asked; user is the exchange --- */

static bool is_wanted(void *user)
{
    return !iscep_exchange_is_gone(user);
}

static void on_verified(void *user, const iscep_verdict *verdict, iscep_bytes cert)
{
    (void)cert;
    if (verdict->decision == ISCEP_ALLOW)
        reply_allow(user);
    else
        reply_refusal(user, verdict->decision == ISCEP_RETRY ? 503 : 200, verdict->code, verdict->message);
}

/* step-ca does not look at allow here; 503 is what makes it report once more. */
static void on_reported(void *user, const iscep_verdict *verdict, iscep_bytes cert)
{
    (void)cert;
    if (verdict->decision == ISCEP_ALLOW || verdict->decision == ISCEP_DELIVER)
        reply_allow(user);
    else
        reply_refusal(user, verdict->decision == ISCEP_RETRY ? 503 : 200, verdict->code, verdict->message);
}

static iscep_service_request to_service_request(const iscep_step_ca *hook, const iscep_env *env,
                                                const iscep_step_ca_body *body)
{
    return (iscep_service_request){.transaction_id = body->transaction_id,
                                   .csr = iscep_buf_bytes(&body->csr),
                                   .challenge = body->challenge,
                                   .deadline_mono_ms =
                                       iscep_now_mono_ms(env) + hook->options->answer_within_ms,
                                   .is_wanted = is_wanted,
                                   .is_replay_unwanted = true,
                                   .is_delivered_anyway = true};
}

static void handle_challenge(const iscep_step_ca *hook, const iscep_env *env, iscep_service *service,
                             iscep_exchange *exchange, iscep_bytes text)
{
    iscep_step_ca_body body;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = iscep_step_ca_body_parse_challenge(&body, text, &err);
    if (status != ISCEP_OK) {
        reply_error(exchange, &err);
    } else {
        const iscep_service_request asked = to_service_request(hook, env, &body);
        status = iscep_service_verify(service, &asked, on_verified, exchange, &err);
        if (status == ISCEP_USAGE) /* the device's doing, so an answer: no */
            reply_refusal(exchange, 200, err.code, err.message);
        else if (status != ISCEP_OK)
            reply_error(exchange, &err);
    }
    iscep_step_ca_body_clear(&body);
}

static iscep_status report(iscep_service *service, const iscep_service_request *asked,
                           const iscep_step_ca_body *body, iscep_exchange *exchange, iscep_error *err)
{
    if (body->cert.len > 0)
        return iscep_service_report_issued(service, asked, iscep_buf_bytes(&body->cert), on_reported,
                                           exchange, err);
    return iscep_service_report_failed(service, asked,
                                       body->error_code != 0 ? body->error_code : unknown_failure,
                                       body->error_description, on_reported, exchange, err);
}

static void handle_notification(const iscep_step_ca *hook, const iscep_env *env, iscep_service *service,
                                iscep_exchange *exchange, iscep_bytes text)
{
    iscep_step_ca_body body;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = iscep_step_ca_body_parse_notification(&body, text, &err);
    if (status == ISCEP_OK) {
        const iscep_service_request asked = to_service_request(hook, env, &body);
        status = report(service, &asked, &body, exchange, &err);
    }
    if (status != ISCEP_OK)
        reply_error(exchange, &err);
    iscep_step_ca_body_clear(&body);
}

void iscep_step_ca_handle(const iscep_step_ca *hook, const iscep_env *env, iscep_service *service,
                          iscep_exchange *exchange, iscep_step_ca_event event)
{
    iscep_buf text = iscep_exchange_take_body(exchange); /* the exchange may be over before this returns */
    if (event == ISCEP_STEP_CA_CHALLENGE)
        handle_challenge(hook, env, service, exchange, iscep_buf_bytes(&text));
    else
        handle_notification(hook, env, service, exchange, iscep_buf_bytes(&text));
    iscep_buf_wipe(&text);
}
