/* The table of kinds, and what they have in common: see ca.h and kind.h. */
#include "ca/ca.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/kind.h"
#include "base/serial.h"

enum { MAX_MESSAGE_LEN = 384, MAX_ISSUER_LEN = 8192 };

static const iscep_ca_executor *const executors[] = {
    [ISCEP_CA_COMMAND] = &iscep_ca_command, [ISCEP_CA_OPENSSL] = &iscep_ca_openssl,
    [ISCEP_CA_STEP] = &iscep_ca_step,       [ISCEP_CA_EJBCA] = &iscep_ca_ejbca,
    [ISCEP_CA_VAULT] = &iscep_ca_vault,     [ISCEP_CA_PLUGIN] = &iscep_ca_hosted,
};

/* --- words --- */

static const char *const reason_names[] = {
    [ISCEP_CRL_UNSPECIFIED] = "unspecified",
    [ISCEP_CRL_KEY_COMPROMISE] = "keyCompromise",
    [ISCEP_CRL_CA_COMPROMISE] = "cACompromise",
    [ISCEP_CRL_AFFILIATION_CHANGED] = "affiliationChanged",
    [ISCEP_CRL_SUPERSEDED] = "superseded",
    [ISCEP_CRL_CESSATION_OF_OPERATION] = "cessationOfOperation",
    [ISCEP_CRL_CERTIFICATE_HOLD] = "certificateHold",
    [ISCEP_CRL_PRIVILEGE_WITHDRAWN] = "privilegeWithdrawn",
};
enum { REASON_COUNT = sizeof reason_names / sizeof *reason_names };

const char *iscep_crl_reason_name(iscep_crl_reason reason)
{
    return (unsigned)reason < REASON_COUNT ? reason_names[reason] : NULL;
}

bool iscep_crl_reason_parse(const char *name, iscep_crl_reason *out)
{
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        if (reason_names[i] == NULL || strcmp(reason_names[i], name) != 0)
            continue;
        *out = (iscep_crl_reason)i;
        return true;
    }
    return false;
}

const char *iscep_ca_outcome_name(iscep_ca_outcome outcome)
{
    static const char *const names[] = {
        [ISCEP_CA_REVOKED] = "revoked",           [ISCEP_CA_ALREADY_REVOKED] = "already_revoked",
        [ISCEP_CA_NOT_FOUND] = "not_found",       [ISCEP_CA_INVALID] = "invalid",
        [ISCEP_CA_UNSUPPORTED] = "unsupported",   [ISCEP_CA_CONFLICT] = "conflict",
        [ISCEP_CA_REFUSED] = "refused",           [ISCEP_CA_CRYPTOGRAPHY] = "cryptography",
        [ISCEP_CA_UNAVAILABLE] = "unavailable",   [ISCEP_CA_BUSY] = "busy",
        [ISCEP_CA_UNAUTHORIZED] = "unauthorized", [ISCEP_CA_FAILED] = "failed",
    };
    bool is_known = outcome >= ISCEP_CA_REVOKED && outcome <= ISCEP_CA_FAILED;
    return names[is_known ? outcome : ISCEP_CA_FAILED];
}

/* --- one revocation --- */

static void free_call(iscep_ca_call *call)
{
    iscep_timer_free(call->deadline);
    free(call->texts);
    free(call);
}

void iscep_ca_answer_result(iscep_ca_call *call, const iscep_ca_result *result)
{
    TAILQ_REMOVE(&call->ca->calls, call, link);
    call->done(call->user, result);
    free_call(call);
}

void iscep_ca_answer(iscep_ca_call *call, iscep_ca_outcome outcome, const char *format, ...)
{
    char text[MAX_MESSAGE_LEN], message[MAX_MESSAGE_LEN];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    iscep_text_copy(message, sizeof message, text);
    iscep_ca_answer_result(call,
                           &(iscep_ca_result){.outcome = outcome, .retry_after_ms = -1, .message = message});
}

int64_t iscep_ca_time_left_ms(const iscep_ca_call *call)
{
    int64_t left_ms = call->request.deadline_mono_ms - iscep_now_mono_ms(call->ca->env);
    return left_ms > 0 ? left_ms : 0;
}

static void on_deadline(void *user)
{
    iscep_ca_call *call = user;
    call->ca->executor->abandon(call);
    iscep_ca_answer(call, ISCEP_CA_UNAVAILABLE, "no answer in time");
}

/* Serial number, issuer and certificate behind one another in texts. */
static bool copy_request(iscep_ca_call *call, const iscep_ca_request *request)
{
    size_t serial_size = strlen(request->serial) + 1, issuer_size = strlen(request->issuer) + 1;
    call->texts = malloc(serial_size + issuer_size + request->cert.len);
    if (call->texts == NULL)
        return false;
    char *issuer = call->texts + serial_size, *cert = issuer + issuer_size;
    memcpy(call->texts, request->serial, serial_size);
    memcpy(issuer, request->issuer, issuer_size);
    if (request->cert.len > 0)
        memcpy(cert, request->cert.data, request->cert.len);
    call->request = *request;
    call->request.serial = call->texts;
    call->request.issuer = issuer;
    call->request.cert = iscep_bytes_of(cert, request->cert.len);
    return true;
}

static iscep_ca_call *new_call(iscep_ca *ca, const iscep_ca_request *request)
{
    iscep_ca_call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return NULL;
    call->ca = ca;
    if (!copy_request(call, request) ||
        iscep_timer_new(&call->deadline, ca->loop, on_deadline, call, NULL) != ISCEP_OK) {
        free_call(call);
        return NULL;
    }
    int64_t latest_ms = iscep_now_mono_ms(ca->env) + ca->options->timeout_ms;
    if (call->request.deadline_mono_ms > latest_ms)
        call->request.deadline_mono_ms = latest_ms;
    return call;
}

static const char closing_message[] = "the connector is stopping";

static void answer_at_once(iscep_ca_done done, void *user, iscep_ca_outcome outcome, const char *message)
{
    done(user, &(iscep_ca_result){.outcome = outcome, .retry_after_ms = -1, .message = message});
}

void iscep_ca_revoke(iscep_ca *ca, const iscep_ca_request *request, iscep_ca_done done, void *user)
{
    if (!iscep_serial_is_canonical(request->serial) || strlen(request->issuer) > MAX_ISSUER_LEN ||
        iscep_crl_reason_name(request->reason) == NULL) {
        answer_at_once(done, user, ISCEP_CA_INVALID, "no such serial number, issuer or reason can be");
        return;
    }
    if (ca->is_closing) {
        answer_at_once(done, user, ISCEP_CA_UNAVAILABLE, closing_message);
        return;
    }
    iscep_ca_call *call = new_call(ca, request);
    if (call == NULL) {
        answer_at_once(done, user, ISCEP_CA_FAILED, "out of memory");
        return;
    }
    call->done = done;
    call->user = user;
    TAILQ_INSERT_TAIL(&ca->calls, call, link);
    if (iscep_ca_time_left_ms(call) == 0) {
        iscep_ca_answer(call, ISCEP_CA_UNAVAILABLE, "there was no time left to ask the CA");
        return;
    }
    iscep_timer_arm(call->deadline, iscep_ca_time_left_ms(call));
    ca->executor->start(call);
}

/* --- the CA --- */

iscep_status iscep_ca_require(const char *value, const char *name, iscep_error *err)
{
    if (value != NULL)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_CONFIG, "ca", "%s is missing", name);
}

iscep_status iscep_ca_new(iscep_ca **out, const iscep_env *env, iscep_loop *loop,
                          const iscep_ca_options *options, iscep_error *err)
{
    if ((unsigned)options->kind < ISCEP_CA_COMMAND || (unsigned)options->kind > ISCEP_CA_PLUGIN)
        return iscep_error_set(err, ISCEP_CONFIG, "ca", "there is no such kind of CA");
    iscep_ca *ca = calloc(1, sizeof *ca);
    if (ca == NULL)
        return iscep_error_nomem(err);
    *ca = (iscep_ca){.executor = executors[options->kind], .env = env, .loop = loop, .options = options};
    TAILQ_INIT(&ca->calls);
    iscep_status status = ca->executor->open(ca, err);
    if (status != ISCEP_OK) {
        iscep_ca_free(ca);
        return status;
    }
    *out = ca;
    return ISCEP_OK;
}

void iscep_ca_free(iscep_ca *ca)
{
    if (ca == NULL)
        return;
    ca->is_closing = true;
    while (!TAILQ_EMPTY(&ca->calls)) {
        iscep_ca_call *call = TAILQ_FIRST(&ca->calls);
        ca->executor->abandon(call);
        iscep_ca_answer(call, ISCEP_CA_UNAVAILABLE, closing_message);
    }
    ca->executor->close(ca);
    free(ca);
}

const iscep_ca_options *iscep_ca_options_of(const iscep_ca *ca)
{
    return ca->options;
}

bool iscep_ca_is_attended(const iscep_ca *ca)
{
    return ca->executor->is_attended == NULL || ca->executor->is_attended(ca);
}
