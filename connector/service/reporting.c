/* See reporting.h. */
#include "service/reporting.h"

#include <stdlib.h>
#include <string.h>

#include "base/audit.h"
#include "intune/advice.h"
#include "intune/reply.h"
#include "service/lookout.h"
#include "service/refusals.h"

enum {
    RETRY_AFTER_MS = 5000, /* when nobody knows when the next attempt is made */
    UNCLAIMED_MS = 250,    /* what is due and nobody has is looked for after this */
    /* Before the caller's deadline, to write down what an attempt came to: a tenth of his time, at most this. */
    MAX_MARGIN_MS = 500,
};

/* --- those who wait for a delivery --- */

static struct iscep_waiting_list *bucket_of(iscep_service *service, int64_t delivery_id)
{
    return &service->waiting[(uint64_t)delivery_id % ISCEP_WAITING_BUCKETS];
}

static bool is_for(const iscep_use_case *it, int64_t delivery_id, int64_t fence)
{
    return it->delivery_id == delivery_id && iscep_fences_are_of_one(it->fence, fence);
}

static void start_waiting(iscep_use_case *it)
{
    LIST_INSERT_HEAD(bucket_of(it->service, it->delivery_id), it, waiting_link);
    it->is_waiting = true;
}

void iscep_reporting_stop_waiting(iscep_use_case *it)
{
    if (it->is_waiting)
        LIST_REMOVE(it, waiting_link);
    it->is_waiting = false;
}

/* --- answers --- */

static void deny(iscep_use_case *it, const char *code, const char *finding)
{
    iscep_verdict verdict;
    iscep_refusal_emit(&verdict, ISCEP_DENY, code, finding);
    iscep_use_case_answer(it, &verdict, (iscep_bytes){0});
}

/* As it was decided, and written down, before. */
static void deny_as_recorded(iscep_use_case *it, const iscep_report *report)
{
    iscep_verdict verdict = ISCEP_VERDICT_INIT;
    iscep_text_copy(verdict.code, sizeof verdict.code, report->code);
    iscep_text_copy(verdict.message, sizeof verdict.message, report->message);
    iscep_text_copy(verdict.request_id, sizeof verdict.request_id, report->request_id);
    iscep_use_case_answer(it, &verdict, (iscep_bytes){0});
}

static void deny_revoked(iscep_use_case *it)
{
    deny(it, "certificate_revoked", "the certificate was revoked in the meantime");
}

static void deliver_reported(iscep_use_case *it, const iscep_report *report)
{
    if (report->is_revoked) {
        deny_revoked(it);
        return;
    }
    iscep_use_case_answer_deliver(it, "already_reported", "Intune has taken note of this report before",
                                  (iscep_bytes){0});
}

static void deliver_deferred(iscep_use_case *it)
{
    iscep_use_case_answer_deliver(it, "report_queued", "the report is on disk, and Intune will be told",
                                  (iscep_bytes){0});
}

static void answer_pending(iscep_use_case *it)
{
    iscep_error err;
    int64_t left_ms = it->next_mono_ms - iscep_now_mono_ms(it->service->env);
    const char *last = it->last_code != NULL ? it->last_code : "timeout"; /* of the caller's time */
    const char *hint = iscep_advice_find(last);
    iscep_error_set(&err, ISCEP_SERVICE, "report_pending",
                    "Intune has not taken note of the report yet, which is on disk (%s%s%s)", last,
                    hint != NULL ? ": " : "", hint != NULL ? hint : "");
    err.retry_after_ms = left_ms > 0 ? left_ms : RETRY_AFTER_MS;
    iscep_use_case_answer_error(it, &err);
}

/* --- giving up: the certificate is kept and reported later, or never delivered --- */

static bool is_strict_issue(const iscep_use_case *it)
{
    return it->use == ISCEP_USE_ISSUED && !it->is_deferred;
}

static iscep_ca *find_ca(const iscep_use_case *it)
{
    return iscep_routing_by_issuer(it->service->routing, iscep_cert_issuer(it->cert));
}

static bool is_withheld_at_deadline(const iscep_use_case *it)
{
    return is_strict_issue(it) && it->service->options->reporting.is_withheld_revoked && find_ca(it) != NULL;
}

/* Who waited for the same delivery is told the same. */
static void tell_withheld(iscep_service *service, int64_t delivery_id, const iscep_report *report)
{
    iscep_use_case *it, *next;
    for (it = LIST_FIRST(bucket_of(service, delivery_id)); it != NULL; it = next) {
        next = LIST_NEXT(it, waiting_link);
        if (is_for(it, delivery_id, report->fence))
            deny_as_recorded(it, report);
    }
}

static void announce_withheld(iscep_service *service)
{
    if (service->on_withheld != NULL)
        service->on_withheld(service->on_withheld_user);
}

/* Intune has taken note meanwhile, by another attempt: it is what it was found to be all the same. */
static void answer_done(iscep_use_case *it, const iscep_report *report)
{
    if (it->finding != NULL)
        iscep_use_case_answer(it, it->finding, (iscep_bytes){0});
    else if (it->is_unvalidated)
        deny(it, "never_validated", "Intune has not been asked about this request");
    else
        deliver_reported(it, report);
}

static void on_withheld(void *user, iscep_status status, const iscep_report *report, const iscep_error *err)
{
    iscep_use_case *it = user;
    if (!iscep_use_case_leave_journal(it))
        return;
    iscep_service *service = it->service;
    if (status != ISCEP_OK) {
        iscep_use_case_answer_error(it, err);
    } else if (report->state == ISCEP_REPORT_DONE) {
        answer_done(it, report);
    } else {
        int64_t delivery_id = it->delivery_id;
        iscep_audit_event(
            service->env->audit, "certificate_withheld", ISCEP_LOG_TEXT("tenant", service->options->tenant),
            ISCEP_LOG_TEXT("transaction_id", it->transaction_id),
            ISCEP_LOG_TEXT("serial", iscep_cert_serial(it->cert)), ISCEP_LOG_TEXT("code", report->code));
        deny_as_recorded(it, report);
        tell_withheld(service, delivery_id, report);
        announce_withheld(service);
    }
}

static void withhold_as(iscep_use_case *it, const iscep_verdict *verdict)
{
    iscep_service *service = it->service;
    iscep_reporting_stop_waiting(it);
    it->in_journal++;
    iscep_log_event(
        service->env->log, ISCEP_LOG_WARN, "certificate_withheld",
        ISCEP_LOG_TEXT("transaction_id", it->transaction_id),
        ISCEP_LOG_TEXT("serial", iscep_cert_serial(it->cert)), ISCEP_LOG_TEXT("code", verdict->code),
        ISCEP_LOG_TEXT("last", it->last_code != NULL ? it->last_code : ""),
        ISCEP_LOG_TEXT("client_request_id", it->last_request_id != NULL ? it->last_request_id : ""),
        ISCEP_LOG_TEXT("tenant", service->options->tenant));
    iscep_journal_withhold(service->journal, it->delivery_id, it->fence, verdict->code, verdict->message,
                           find_ca(it) != NULL, on_withheld, it);
}

static void withhold(iscep_use_case *it, const char *code, const char *finding)
{
    iscep_verdict verdict;
    iscep_refusal_emit(&verdict, ISCEP_DENY, code, finding);
    withhold_as(it, &verdict);
}

static void hold(iscep_use_case *it)
{
    if (is_strict_issue(it))
        iscep_use_case_note(it, ISCEP_EVENT_HELD, it->last_code, NULL, it->last_request_id);
    answer_pending(it);
}

static int64_t time_left_ms(const iscep_use_case *it)
{
    return it->deadline_mono_ms - iscep_now_mono_ms(it->service->env);
}

static int64_t margin_ms(const iscep_use_case *it)
{
    int64_t tenth_ms = (it->deadline_mono_ms - it->started_mono_us / 1000) / 10;
    return tenth_ms < MAX_MARGIN_MS ? tenth_ms : MAX_MARGIN_MS;
}

/* It is of no use to wait any longer. */
static void decide(iscep_use_case *it)
{
    int64_t left_ms = time_left_ms(it);
    iscep_reporting_stop_waiting(it);
    if (!is_withheld_at_deadline(it)) {
        hold(it);
        return;
    }
    iscep_timer_arm(it->timer, left_ms > 0 ? left_ms : 0);
    withhold(it, "certificate_withheld", "Intune could not be told of the certificate in time");
}

void iscep_reporting_give_up(iscep_use_case *it)
{
    iscep_error err;
    if (it->is_waiting) {
        decide(it);
    } else if (it->delivery_id != 0) {
        answer_pending(it); /* it is being decided; he learns it when he asks again */
    } else {
        iscep_error_set(&err, ISCEP_STORAGE, "journal_slow", "the journal did not answer in time");
        iscep_use_case_answer_error(it, &err);
    }
}

/* Waits for the attempt that begins then, if it can come to anything before the deadline. */
static void wait(iscep_use_case *it, int64_t next_mono_ms)
{
    int64_t left_ms = time_left_ms(it) - (is_withheld_at_deadline(it) ? margin_ms(it) / 2 : 0);
    it->next_mono_ms = next_mono_ms;
    if (left_ms > 0 && next_mono_ms < iscep_now_mono_ms(it->service->env) + left_ms) {
        iscep_timer_arm(it->timer, left_ms);
        if (!it->is_waiting)
            start_waiting(it);
    } else {
        decide(it);
    }
}

/* --- an attempt has ended --- */

static void remember_try(iscep_use_case *it, const char *code, const char *request_id)
{
    free(it->last_code);
    free(it->last_request_id);
    it->last_code = strdup(code); /* NULL, no memory: less is said of it */
    it->last_request_id = strdup(request_id);
}

void iscep_reporting_on_tried(void *user, int64_t id, int64_t fence, const iscep_verdict *verdict)
{
    iscep_use_case *it;
    LIST_FOREACH(it, bucket_of(user, id), waiting_link)
    if (is_for(it, id, fence))
        remember_try(it, verdict->code, verdict->request_id);
}

/* A certificate that would be given up is worth waiting for another attempt; one that is kept can be asked for again. */
static void on_postponed(iscep_use_case *it, int64_t next_mono_ms)
{
    if (is_withheld_at_deadline(it)) {
        iscep_lookout_begin(it); /* the next one may be another's */
        wait(it, next_mono_ms);
    } else {
        it->next_mono_ms = next_mono_ms;
        hold(it);
    }
}

void iscep_reporting_heed(iscep_use_case *it, const iscep_report *report, int64_t due_unix_ms)
{
    const iscep_env *env = it->service->env;
    int64_t left_ms = due_unix_ms - iscep_now_unix_ms(env);
    int64_t next_mono_ms = iscep_now_mono_ms(env) + (left_ms > UNCLAIMED_MS ? left_ms : UNCLAIMED_MS);
    if (report->state == ISCEP_REPORT_DONE) {
        deliver_reported(it, report);
    } else if (report->state != ISCEP_REPORT_OWED) {
        deny_as_recorded(it, report);
    } else {
        iscep_outbox_look_at(it->service->outbox, next_mono_ms);
        if (left_ms <= 0)
            return; /* something goes before it, or whoever looks first takes it */
        remember_try(it, report->code, report->request_id);
        on_postponed(it, next_mono_ms);
    }
}

/* Did Intune's own word decide where the delivery stands? Then it is the answer, as received. */
static bool is_intunes_word(const iscep_outbox_result *result)
{
    return result->verdict->decision ==
           (result->report->state == ISCEP_REPORT_DONE ? ISCEP_ALLOW : ISCEP_DENY);
}

static void tell(iscep_use_case *it, const iscep_outbox_result *result)
{
    if (result->status != ISCEP_OK) /* even if Intune has taken note: nobody would know */
        iscep_use_case_answer_error(it, result->err);
    else if (result->report->state == ISCEP_REPORT_OWED)
        on_postponed(it, result->next_mono_ms);
    else if (result->report->state == ISCEP_REPORT_DONE && result->report->is_revoked)
        deny_revoked(it); /* it was held, and Intune's word comes late */
    else if (is_intunes_word(result))
        iscep_use_case_answer(it, result->verdict, (iscep_bytes){0});
    else if (result->report->state == ISCEP_REPORT_DONE)
        deliver_reported(it, result->report);
    else
        deny_as_recorded(it, result->report);
}

void iscep_reporting_on_result(void *user, const iscep_outbox_result *result)
{
    iscep_service *service = user;
    iscep_use_case *it, *next;
    for (it = LIST_FIRST(bucket_of(service, result->id)); it != NULL; it = next) {
        next = LIST_NEXT(it, waiting_link);
        if (is_for(it, result->id, result->fence))
            tell(it, result);
    }
    if (result->status == ISCEP_OK && result->report->state == ISCEP_REPORT_WITHHELD)
        announce_withheld(service);
}

/* --- recording --- */

static iscep_journal_cert describe_cert(const iscep_cert *cert, iscep_bytes der)
{
    if (cert == NULL)
        return (iscep_journal_cert){0};
    return (iscep_journal_cert){.der = der,
                                .serial = iscep_cert_serial(cert),
                                .thumbprint = iscep_cert_thumbprint(cert),
                                .issuer = iscep_cert_issuer(cert),
                                .subject = iscep_cert_subject(cert),
                                .not_after_unix = iscep_cert_not_after_unix(cert)};
}

/* The journal has just stored the very same. */
static void attempt(iscep_use_case *it, const iscep_report *report)
{
    const iscep_delivery delivery = {.id = it->delivery_id,
                                     .fence = report->fence,
                                     .kind = it->use == ISCEP_USE_ISSUED ? ISCEP_DELIVER_ISSUED
                                                                         : ISCEP_DELIVER_FAILED,
                                     .key = it->key,
                                     .csr = iscep_csr_der(it->csr),
                                     .cert = describe_cert(it->cert, (iscep_bytes){0}),
                                     .error_code = it->error_code,
                                     .description = it->description,
                                     .is_deferred = it->is_deferred,
                                     .was_validated = report->was_validated,
                                     .recorded_unix_ms = iscep_now_unix_ms(it->service->env)};
    iscep_outbox_attempt(it->service->outbox, &delivery,
                         it->is_deferred ? 0 : it->deadline_mono_ms - margin_ms(it));
}

/* It is delivered anyway, and not what was granted: it is revoked, and Intune is not told. False. */
static bool refuse_finding(iscep_use_case *it, const iscep_report *report)
{
    if (report->state == ISCEP_REPORT_OWED)
        withhold_as(it, it->finding);
    else
        iscep_use_case_answer(it, it->finding, (iscep_bytes){0});
    return false;
}

/* False: that is why it is given up. */
static bool may_be_reported(iscep_use_case *it, const iscep_report *report)
{
    static const char finding[] = "Intune has not been asked about this request";
    if (it->finding != NULL)
        return refuse_finding(it, report);
    if (it->use != ISCEP_USE_ISSUED || report->was_validated)
        return true;
    it->is_unvalidated = it->service->options->reporting.is_unvalidated_refused;
    if (report->is_first) {
        iscep_use_case_note(it, ISCEP_EVENT_NEVER_VALIDATED, "never_validated", finding, NULL);
        iscep_log_event(it->service->env->log, ISCEP_LOG_WARN, "never_validated",
                        ISCEP_LOG_TEXT("transaction_id", it->transaction_id),
                        ISCEP_LOG_TEXT("serial", iscep_cert_serial(it->cert)),
                        ISCEP_LOG_TEXT("tenant", it->service->options->tenant));
    }
    if (!it->is_unvalidated)
        return true;
    if (report->state == ISCEP_REPORT_OWED)
        withhold(it, "never_validated", finding);
    else
        deny(it, "never_validated", finding);
    return false;
}

static void on_owed(iscep_use_case *it, const iscep_report *report)
{
    iscep_outbox *outbox = it->service->outbox;
    if (report->is_claimed)
        attempt(it, report);
    else
        iscep_outbox_wake(outbox);
    if (!report->is_claimed && !it->is_deferred)
        iscep_lookout_begin(it);
    iscep_csr_free(it->csr);
    it->csr = NULL;
    if (it->is_answered)
        iscep_use_case_free(it);
    else if (it->is_deferred && report->is_revoked)
        deny_revoked(it);
    else if (it->is_deferred)
        deliver_deferred(it);
    else
        wait(it, report->is_claimed ? 0 : iscep_outbox_paused_until_mono_ms(outbox));
}

/* A device that failed over has had two CAs issue: one is reported, and delivered; this one's CA hears that it is not. */
static void deny_other(iscep_use_case *it)
{
    iscep_service *service = it->service;
    bool is_revoked = find_ca(it) != NULL;
    deny(it, "already_issued_other", "another certificate was issued and reported for this very request");
    if (is_revoked)
        announce_withheld(service);
}

static void on_recorded(void *user, iscep_status status, const iscep_report *report, const iscep_error *err)
{
    iscep_use_case *it = user;
    if (!iscep_use_case_leave_journal(it))
        return;
    if (status != ISCEP_OK) {
        iscep_use_case_answer_error(it, err);
        return;
    }
    it->delivery_id = report->delivery_id;
    it->fence = report->fence;
    if (it->use == ISCEP_USE_ISSUED)
        it->is_deferred = report->is_deferred;
    if (report->state == ISCEP_REPORT_OTHER)
        deny_other(it);
    else if (!may_be_reported(it, report))
        ;
    else if (report->state == ISCEP_REPORT_OWED)
        on_owed(it, report);
    else if (report->state == ISCEP_REPORT_DONE)
        deliver_reported(it, report);
    else
        deny_as_recorded(it, report);
}

static void record_issued(iscep_use_case *it, iscep_bytes cert, int64_t lease_ms)
{
    const iscep_ca *ca = find_ca(it);
    const iscep_issued_record record = {.key = it->key,
                                        .csr = iscep_csr_der(it->csr),
                                        .cert = describe_cert(it->cert, cert),
                                        .ca = ca != NULL ? iscep_ca_options_of(ca)->name : NULL,
                                        .is_deferred = it->is_deferred,
                                        .is_replacement = it->is_replay_unwanted,
                                        .is_other_revoked = ca != NULL,
                                        .lease_ms = lease_ms};
    iscep_journal_record_issued(it->service->journal, &record, on_recorded, it);
}

static void record_failed(iscep_use_case *it, int64_t lease_ms)
{
    const iscep_failed_record record = {.key = it->key,
                                        .csr = iscep_csr_der(it->csr),
                                        .error_code = it->error_code,
                                        .description = it->description,
                                        .lease_ms = lease_ms};
    iscep_journal_record_failed(it->service->journal, &record, on_recorded, it);
}

void iscep_reporting_begin(iscep_use_case *it, iscep_bytes cert)
{
    int64_t lease_ms = iscep_outbox_lease_ms(it->service->outbox, it->deadline_mono_ms);
    it->is_deferred = it->is_delivered_anyway || it->service->options->reporting.is_deferred;
    if (!iscep_use_case_watch_deadline(it))
        return;
    it->in_journal++;
    if (it->use == ISCEP_USE_ISSUED)
        record_issued(it, cert, lease_ms);
    else
        record_failed(it, lease_ms);
}
