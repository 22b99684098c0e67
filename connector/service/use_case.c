/* See use_case.h. */
#include "service/use_case.h"

#include <stdlib.h>
#include <string.h>

#include "base/audit.h"
#include "intune/reply.h"
#include "service/reporting.h"

enum { CROWDED_RETRY_AFTER_MS = 1000 };

static const char *event_name(iscep_use use)
{
    switch (use) {
    case ISCEP_USE_ISSUED:
        return "issued_reported";
    case ISCEP_USE_FAILED:
        return "failure_reported";
    case ISCEP_USE_VERIFY:
        break;
    }
    return "request_verified";
}

static const char *operation_name(iscep_use use)
{
    switch (use) {
    case ISCEP_USE_ISSUED:
        return "issued";
    case ISCEP_USE_FAILED:
        return "failed";
    case ISCEP_USE_VERIFY:
        break;
    }
    return "validate";
}

const char *iscep_decision_name(iscep_decision decision)
{
    switch (decision) {
    case ISCEP_ALLOW:
        return "allow";
    case ISCEP_RETRY:
        return "retry";
    case ISCEP_DECLINE:
        return "decline";
    case ISCEP_DELIVER:
        return "deliver";
    case ISCEP_DENY:
        break;
    }
    return "deny";
}

/* --- what is left behind: a line in the log, one in the trail, an event in the journal --- */

static void log_answer(const iscep_use_case *it, const iscep_verdict *verdict)
{
    const iscep_env *env = it->service->env;
    bool is_good = verdict->decision == ISCEP_ALLOW || verdict->decision == ISCEP_DELIVER;
    iscep_log_event(env->log, is_good ? ISCEP_LOG_INFO : ISCEP_LOG_WARN, event_name(it->use),
                    ISCEP_LOG_TEXT("transaction_id", it->transaction_id),
                    ISCEP_LOG_TEXT("verdict", iscep_decision_name(verdict->decision)),
                    ISCEP_LOG_TEXT("code", verdict->code),
                    ISCEP_LOG_NUM("ms", (iscep_now_mono_us(env) - it->started_mono_us) / 1000),
                    ISCEP_LOG_TEXT("client_request_id", verdict->request_id),
                    ISCEP_LOG_TEXT("has_sid", it->has_sid), ISCEP_LOG_TEXT("has_upn", it->has_upn),
                    ISCEP_LOG_TEXT("reason", verdict->message),
                    ISCEP_LOG_TEXT("tenant", it->service->options->tenant));
}

/* For the metrics and the status page. */
static void announce(const iscep_use_case *it, const iscep_verdict *verdict)
{
    const iscep_service_options *options = it->service->options;
    const iscep_answer answer = {.tenant = options->tenant,
                                 .operation = operation_name(it->use),
                                 .verdict = verdict,
                                 .transaction_id = it->transaction_id,
                                 .subject = it->subject != NULL ? it->subject : "",
                                 .seconds = iscep_seconds_since(it->service->env, it->started_mono_us)};
    if (options->on_answered != NULL)
        options->on_answered(options->answered_user, &answer);
}

static void audit(const iscep_use_case *it, const char *verdict, const char *code, const char *request_id)
{
    const iscep_log_field fields[] = {
        ISCEP_LOG_TEXT("tenant", it->service->options->tenant),
        ISCEP_LOG_TEXT("transaction_id", it->transaction_id),
        ISCEP_LOG_TEXT("verdict", verdict),
        ISCEP_LOG_TEXT("code", code),
        ISCEP_LOG_TEXT("client_request_id", request_id),
        ISCEP_LOG_TEXT("serial", it->cert != NULL ? iscep_cert_serial(it->cert) : ""),
        ISCEP_LOG_TEXT("thumbprint", it->cert != NULL ? iscep_cert_thumbprint(it->cert) : ""),
    };
    size_t count = sizeof fields / sizeof *fields - (it->cert != NULL ? 0 : 2);
    iscep_audit_write(it->service->env->audit, event_name(it->use), fields, count);
}

void iscep_use_case_note(const iscep_use_case *it, iscep_journal_kind kind, const char *code,
                         const char *message, const char *request_id)
{
    iscep_journal_note(it->service->journal, &it->key,
                       &(iscep_journal_event){.kind = kind,
                                              .code = code,
                                              .message = message,
                                              .request_id = request_id,
                                              .subject = it->subject});
}

static void note_verification(const iscep_use_case *it, const iscep_verdict *verdict)
{
    iscep_journal_kind kind = ISCEP_EVENT_REFUSED;
    if (verdict->decision == ISCEP_ALLOW)
        kind = ISCEP_EVENT_VALIDATED;
    else if (verdict->decision == ISCEP_DELIVER)
        kind = ISCEP_EVENT_REPLAYED;
    else if (verdict->decision == ISCEP_RETRY)
        kind = ISCEP_EVENT_UNANSWERED;
    iscep_use_case_note(it, kind, verdict->code, verdict->message, verdict->request_id);
}

/* --- how it ends --- */

static void leave_crowd(iscep_use_case *it)
{
    if (it->is_in_crowd)
        iscep_crowd_leave(it->service->options->crowd);
    it->is_in_crowd = false;
}

void iscep_use_case_free(iscep_use_case *it)
{
    if (it == NULL)
        return;
    if (it->service != NULL) {
        leave_crowd(it);
        iscep_reporting_stop_waiting(it);
        TAILQ_REMOVE(&it->service->use_cases, it, link);
    }
    iscep_timer_free(it->timer);
    iscep_timer_free(it->lookout);
    iscep_csr_free(it->csr);
    iscep_cert_free(it->cert);
    free(it->subject);
    free(it->description);
    free(it->finding);
    free(it->last_code);
    free(it->last_request_id);
    free(it);
}

void iscep_use_case_end(iscep_use_case *it)
{
    if (it->in_journal == 0)
        iscep_use_case_free(it);
}

void iscep_use_case_answer(iscep_use_case *it, const iscep_verdict *verdict, iscep_bytes cert)
{
    if (!it->is_answered) {
        it->is_answered = true;
        leave_crowd(it);
        log_answer(it, verdict);
        audit(it, iscep_decision_name(verdict->decision), verdict->code, verdict->request_id);
        if (it->use == ISCEP_USE_VERIFY)
            note_verification(it, verdict);
        announce(it, verdict);
        it->done(it->user, verdict, cert);
    }
    iscep_use_case_end(it);
}

void iscep_use_case_answer_error(iscep_use_case *it, const iscep_error *err)
{
    iscep_verdict verdict = ISCEP_VERDICT_INIT;
    iscep_verdict_from_error(&verdict, err);
    if (it->last_request_id != NULL)
        iscep_text_copy(verdict.request_id, sizeof verdict.request_id, it->last_request_id);
    iscep_use_case_answer(it, &verdict, (iscep_bytes){0});
}

void iscep_use_case_answer_deliver(iscep_use_case *it, const char *code, const char *message,
                                   iscep_bytes cert)
{
    iscep_verdict verdict = ISCEP_VERDICT_INIT;
    verdict.decision = ISCEP_DELIVER; /* the only line that says so */
    iscep_text_copy(verdict.code, sizeof verdict.code, code);
    iscep_text_copy(verdict.message, sizeof verdict.message, message);
    iscep_use_case_answer(it, &verdict, cert);
}

/* A refusal of our own is a security decision too, and leaves the same traces. */
void iscep_use_case_reject(iscep_use_case *it, const iscep_error *err)
{
    bool is_refusal = err->status == ISCEP_USAGE; /* otherwise it was not the request's fault */
    iscep_verdict answer = ISCEP_VERDICT_INIT;
    iscep_verdict_from_error(&answer, err);
    if (is_refusal)
        answer.decision = ISCEP_DENY;
    const char *verdict = iscep_decision_name(answer.decision);
    iscep_log_event(it->service->env->log, ISCEP_LOG_WARN, event_name(it->use),
                    ISCEP_LOG_TEXT("transaction_id", it->transaction_id), /* empty if it was at fault */
                    ISCEP_LOG_TEXT("verdict", verdict), ISCEP_LOG_TEXT("code", err->code),
                    ISCEP_LOG_TEXT("reason", err->message),
                    ISCEP_LOG_TEXT("tenant", it->service->options->tenant));
    audit(it, verdict, err->code, "");
    if (is_refusal && it->key.transaction_id != NULL && it->use != ISCEP_USE_FAILED)
        iscep_use_case_note(it, it->use == ISCEP_USE_VERIFY ? ISCEP_EVENT_REFUSED : ISCEP_EVENT_WITHHELD,
                            err->code, err->message, NULL);
    announce(it, &answer);
    iscep_use_case_free(it);
}

/* --- how it begins --- */

static iscep_status read_request(iscep_use_case *it, const iscep_service_request *request, iscep_error *err)
{
    char transaction_id[ISCEP_TRANSACTION_ID_SIZE];
    iscep_status status = iscep_transaction_id_parse(transaction_id, request->transaction_id, err);
    if (status == ISCEP_OK)
        memcpy(it->transaction_id, transaction_id, request->transaction_id.len + 1);
    if (status == ISCEP_OK)
        status = iscep_csr_rules_check_len(&it->service->options->policy.csr, request->csr.len, err);
    if (status == ISCEP_OK)
        status = iscep_sha256(it->key.csr_sha256, request->csr, err);
    if (status != ISCEP_OK)
        return status;
    it->key.tenant = it->service->options->tenant;
    it->key.transaction_id = it->transaction_id;
    status = iscep_csr_parse(&it->csr, request->csr, err);
    if (status != ISCEP_OK)
        return status;
    it->subject = strdup(iscep_csr_subject(it->csr));
    return it->subject == NULL ? iscep_error_nomem(err) : ISCEP_OK;
}

static iscep_status enter_crowd(iscep_use_case *it, iscep_error *err)
{
    iscep_crowd *crowd = it->service->options->crowd;
    if (crowd == NULL || it->is_delivered_anyway)
        return ISCEP_OK;
    it->is_in_crowd = iscep_crowd_enter(crowd);
    if (it->is_in_crowd)
        return ISCEP_OK;
    iscep_error_set(err, ISCEP_THROTTLED, "too_many_requests_of_tenant",
                    "%u requests of this tenant wait for their answer already", crowd->max);
    err->retry_after_ms = CROWDED_RETRY_AFTER_MS;
    return err->status;
}

iscep_status iscep_use_case_begin(iscep_use_case **out, iscep_service *service, iscep_use use,
                                  const iscep_service_request *request, iscep_service_fn done, void *user,
                                  iscep_error *err)
{
    iscep_use_case *it = calloc(1, sizeof *it + request->transaction_id.len + 1);
    if (it == NULL)
        return iscep_error_nomem(err);
    *it = (iscep_use_case){.service = service,
                           .use = use,
                           .has_sid = "unread",
                           .has_upn = "unread",
                           .started_mono_us = iscep_now_mono_us(service->env),
                           .deadline_mono_ms = request->deadline_mono_ms,
                           .is_replay_unwanted = request->is_replay_unwanted,
                           .is_delivered_anyway = request->is_delivered_anyway,
                           .is_wanted = request->is_wanted,
                           .done = done,
                           .user = user};
    TAILQ_INSERT_TAIL(&service->use_cases, it, link);
    iscep_status status = enter_crowd(it, err);
    if (status == ISCEP_OK)
        status = read_request(it, request, err);
    if (status != ISCEP_OK) {
        iscep_use_case_reject(it, err);
        return status;
    }
    *out = it;
    return ISCEP_OK;
}

iscep_status iscep_use_case_read_facts(iscep_use_case *it, iscep_x509_facts *facts, iscep_error *err)
{
    iscep_status status = iscep_x509_facts_of_request(facts, iscep_csr_der(it->csr), err);
    if (status != ISCEP_OK)
        return status;
    it->has_sid = iscep_has_san_type(facts, ISCEP_SAN_SID) ? "yes" : "no";
    it->has_upn = iscep_has_san_type(facts, ISCEP_SAN_UPN) ? "yes" : "no";
    return ISCEP_OK;
}

bool iscep_use_case_is_wanted(void *user)
{
    const iscep_use_case *it = user;
    return it->is_wanted == NULL || it->is_wanted(it->user);
}

/* --- with the journal --- */

bool iscep_use_case_has_journal(iscep_use_case *it)
{
    iscep_error err = ISCEP_ERROR_INIT;
    if (iscep_journal_is_healthy(it->service->journal, &err))
        return true;
    iscep_use_case_answer_error(it, &err);
    return false;
}

static void on_deadline(void *user)
{
    iscep_use_case *it = user;
    iscep_error err;
    if (it->is_answered)
        return;
    if (it->use != ISCEP_USE_VERIFY) {
        iscep_reporting_give_up(it);
        return;
    }
    iscep_error_set(&err, ISCEP_STORAGE, "journal_slow", "the journal did not answer in time");
    iscep_use_case_answer_error(it, &err);
}

bool iscep_use_case_watch_deadline(iscep_use_case *it)
{
    const iscep_service *service = it->service;
    iscep_error err = ISCEP_ERROR_INIT;
    if (iscep_timer_new(&it->timer, iscep_intune_loop(service->intune), on_deadline, it, &err) != ISCEP_OK) {
        iscep_use_case_answer_error(it, &err);
        return false;
    }
    int64_t left_ms = it->deadline_mono_ms - iscep_now_mono_ms(service->env);
    iscep_timer_arm(it->timer, left_ms > 0 ? left_ms : 0);
    return true;
}

bool iscep_use_case_leave_journal(iscep_use_case *it)
{
    it->in_journal--;
    if (it->service != NULL)
        return true;
    iscep_use_case_end(it);
    return false;
}
