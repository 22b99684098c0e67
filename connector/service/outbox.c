/* See outbox.h. */
#include "service/outbox.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/audit.h"
#include "base/transaction_id.h"
#include "journal/claims.h"
#include "service/refusals.h"

enum {
    BASE_BACKOFF_MS = 5000, /* the longest pause after the first attempt; it doubles with every attempt */
    MAX_RETRY_AFTER_MS = 3600000, /* nobody is believed who asks for a longer pause */
    SOON_MS = 200,                /* and never sooner after a look */
    UNHEALTHY_MS = 2000,          /* until the journal is asked again that did not answer */
    BUCKETS = 1024,
};

/* One attempt under way: at Intune, then in the journal. */
typedef struct attempt {
    LIST_ENTRY(attempt) link;
    iscep_outbox *outbox;
    int64_t id;
    int64_t fence; /* of our claim */
    bool is_ours;  /* nobody waits for it */
    iscep_delivery_kind kind;
    bool is_deferred;
    bool has_ca; /* that could revoke the certificate */
    uint32_t attempts;
    int64_t recorded_unix_ms;
    int64_t due_unix_ms; /* when it is to be made again */
    iscep_enrolment_key key;
    char transaction_id[ISCEP_TRANSACTION_ID_SIZE];
    char serial[128];
    iscep_verdict verdict;
} attempt;
LIST_HEAD(attempt_list, attempt);

struct iscep_outbox {
    const iscep_env *env;
    iscep_intune *intune;
    iscep_journal *journal;
    const iscep_routing *routing;
    iscep_outbox_options options;
    iscep_timer *timer;
    int64_t look_mono_ms; /* when the timer fires; 0: it is not armed */
    int64_t paused_until_mono_ms;
    uint32_t under_way; /* attempts */
    uint32_t in_flight; /* of those, the ones that nobody waits for */
    bool is_looking;    /* the journal was asked what is due */
    bool is_woken;      /* and must be asked again */
    bool is_backlogged; /* something may become due whenever an attempt ends */
    bool is_retired;    /* the pump has stopped: somebody else's goes on */
    bool is_stopping;   /* no attempt is begun */
    bool is_closed;
    unsigned references; /* the owner, and each question to the journal */
    struct attempt_list attempts[BUCKETS];
};

static void look(iscep_outbox *outbox);

static void release(iscep_outbox *outbox)
{
    if (--outbox->references == 0)
        free(outbox);
}

/* Behind an attempt's deadline, for the journal. With the next look, nothing is left alone for twice an attempt's time. */
static int64_t lease_margin_ms(const iscep_outbox *outbox)
{
    return outbox->options.attempt_timeout_ms / 2;
}

/* At least so often: for claims that nobody settled, because this process could not, or another node died. */
static int64_t look_ms(const iscep_outbox *outbox)
{
    return outbox->options.attempt_timeout_ms / 2;
}

static size_t bucket_of(int64_t id)
{
    return (uint64_t)id % BUCKETS;
}

/* An id may have become another delivery's (deliveries.h): then each has an attempt of its own. */
static attempt *find_attempt(const iscep_outbox *outbox, int64_t id, int64_t fence)
{
    attempt *at;
    LIST_FOREACH(at, &outbox->attempts[bucket_of(id)], link)
    if (at->id == id && iscep_fences_are_of_one(at->fence, fence))
        return at;
    return NULL;
}

bool iscep_outbox_is_trying(const iscep_outbox *outbox, int64_t id, int64_t fence)
{
    return find_attempt(outbox, id, fence) != NULL;
}

/* --- when to look --- */

static void on_timer(void *user)
{
    iscep_outbox *outbox = user;
    outbox->look_mono_ms = 0;
    look(outbox);
}

/* An earlier look that is planned already is enough. */
static void look_at(iscep_outbox *outbox, int64_t mono_ms)
{
    int64_t now_ms = iscep_now_mono_ms(outbox->env);
    if (outbox->is_retired)
        return;
    if (mono_ms < now_ms)
        mono_ms = now_ms;
    if (outbox->look_mono_ms != 0 && outbox->look_mono_ms <= mono_ms)
        return;
    outbox->look_mono_ms = mono_ms;
    iscep_timer_arm(outbox->timer, mono_ms - now_ms);
}

void iscep_outbox_wake(iscep_outbox *outbox)
{
    outbox->is_backlogged = true;
    look(outbox);
}

void iscep_outbox_look_at(iscep_outbox *outbox, int64_t mono_ms)
{
    look_at(outbox, mono_ms);
}

int64_t iscep_outbox_paused_until_mono_ms(const iscep_outbox *outbox)
{
    return outbox->paused_until_mono_ms;
}

int64_t iscep_outbox_lease_ms(const iscep_outbox *outbox, int64_t deadline_mono_ms)
{
    int64_t now_ms = iscep_now_mono_ms(outbox->env);
    int64_t attempt_ms = deadline_mono_ms - now_ms;
    if (outbox->is_stopping || outbox->paused_until_mono_ms > now_ms)
        return 0;
    int64_t usual_ms = outbox->options.attempt_timeout_ms;
    return (attempt_ms > usual_ms ? attempt_ms : usual_ms) + lease_margin_ms(outbox);
}

/* Is the process ending? Then Intune is not to be asked any more. */
static bool is_ending(const iscep_verdict *verdict)
{
    return verdict->decision == ISCEP_RETRY && strcmp(verdict->code, "shutting_down") == 0;
}

/* --- how an attempt ends --- */

/* The attempt is gone afterwards. */
static void end_attempt(attempt *a)
{
    iscep_outbox *outbox = a->outbox;
    LIST_REMOVE(a, link);
    outbox->under_way--;
    if (a->is_ours)
        outbox->in_flight--;
    free(a);
    if (outbox->is_backlogged)
        look(outbox);
}

static const char *kind_name(iscep_delivery_kind kind)
{
    return kind == ISCEP_DELIVER_ISSUED ? "issued" : "failed";
}

static void log_end(const attempt *a, iscep_log_level level, const char *event, const char *code)
{
    const iscep_env *env = a->outbox->env;
    const iscep_log_field fields[] = {
        ISCEP_LOG_TEXT("transaction_id", a->transaction_id),
        ISCEP_LOG_TEXT("report", kind_name(a->kind)),
        ISCEP_LOG_TEXT("serial", a->serial),
        ISCEP_LOG_TEXT("code", code),
        ISCEP_LOG_NUM("attempts", a->attempts + 1),
        ISCEP_LOG_TEXT("client_request_id", a->verdict.request_id),
        ISCEP_LOG_TEXT("reason", a->verdict.message),
        ISCEP_LOG_TEXT("tenant", a->outbox->options.tenant),
    };
    iscep_log_write(env->log, level, event, fields, sizeof fields / sizeof *fields);
    if (level != ISCEP_LOG_DEBUG)
        iscep_audit_event(env->audit, event, ISCEP_LOG_TEXT("tenant", a->outbox->options.tenant),
                          ISCEP_LOG_TEXT("transaction_id", a->transaction_id),
                          ISCEP_LOG_TEXT("report", kind_name(a->kind)), ISCEP_LOG_TEXT("serial", a->serial),
                          ISCEP_LOG_TEXT("code", code),
                          ISCEP_LOG_TEXT("client_request_id", a->verdict.request_id));
}

/* What a caller waits for, he logs himself; so does who gave a certificate up meanwhile. */
static void describe_end(const attempt *a, const iscep_report *report)
{
    const char *code = a->verdict.code;
    bool is_unseen = a->is_ours || a->is_deferred;
    if (report->state == ISCEP_REPORT_DEAD)
        log_end(a, ISCEP_LOG_ERROR, "report_dead", code);
    else if (a->verdict.decision == ISCEP_RETRY)
        log_end(a, ISCEP_LOG_DEBUG, "report_postponed", code);
    else if (a->verdict.decision != ISCEP_ALLOW)
        log_end(a, ISCEP_LOG_WARN, "report_refused", code);
    else if (report->state == ISCEP_REPORT_WITHHELD)
        log_end(a, ISCEP_LOG_WARN, "report_accepted_late", code);
    else
        log_end(a, is_unseen ? ISCEP_LOG_INFO : ISCEP_LOG_DEBUG, "report_delivered", code);
}

/* What is due next, as far as this attempt tells. */
static void plan_next(iscep_outbox *outbox, int64_t next_mono_ms, const iscep_report *report)
{
    if (report == NULL)
        look_at(outbox, iscep_now_mono_ms(outbox->env) + lease_margin_ms(outbox));
    else if (report->state == ISCEP_REPORT_OWED)
        look_at(outbox, next_mono_ms);
}

static void on_settled(void *user, iscep_status status, const iscep_report *report, const iscep_error *err)
{
    attempt *a = user;
    iscep_outbox *outbox = a->outbox;
    if (outbox->is_closed) {
        free(a);
        release(outbox);
        return;
    }
    iscep_outbox_result result = {.id = a->id,
                                  .fence = a->fence,
                                  .verdict = &a->verdict,
                                  .status = status,
                                  .err = err,
                                  .report = status == ISCEP_OK ? report : NULL,
                                  .next_mono_ms = iscep_now_mono_ms(outbox->env) + a->due_unix_ms -
                                                  iscep_now_unix_ms(outbox->env)};
    if (status == ISCEP_OK)
        describe_end(a, report);
    else
        log_end(a, ISCEP_LOG_ERROR, "report_unsettled", err->code);
    plan_next(outbox, result.next_mono_ms, result.report);
    outbox->options.on_result(outbox->options.user, &result);
    end_attempt(a);
    release(outbox);
}

/* What Intune does not want to know of is never delivered, and its CA hears of that in the same step. */
static void settle(attempt *a, iscep_delivery_end end)
{
    bool is_given_up = end == ISCEP_DELIVERY_REFUSED && a->kind == ISCEP_DELIVER_ISSUED && !a->is_deferred;
    const iscep_delivery_outcome outcome = {.end = end,
                                            .fence = a->fence,
                                            .due_unix_ms = a->due_unix_ms,
                                            .is_revoked_too = is_given_up && a->has_ca,
                                            .code = a->verdict.code,
                                            .message = a->verdict.message,
                                            .request_id = a->verdict.request_id};
    a->outbox->references++;
    iscep_journal_settle_delivery(a->outbox->journal, a->id, &outcome, on_settled, a);
}

/* Full jitter below a ceiling that doubles. Without randomness, the ceiling. */
static int64_t draw_backoff_ms(const iscep_outbox *outbox, uint32_t attempts)
{
    int64_t ceiling_ms = BASE_BACKOFF_MS, pause_ms;
    for (uint32_t i = 0; i < attempts && ceiling_ms < outbox->options.max_backoff_ms; i++)
        ceiling_ms *= 2;
    if (ceiling_ms > outbox->options.max_backoff_ms)
        ceiling_ms = outbox->options.max_backoff_ms;
    return iscep_random_up_to(&pause_ms, outbox->env, ceiling_ms, NULL) == ISCEP_OK ? pause_ms : ceiling_ms;
}

static void postpone(attempt *a)
{
    iscep_outbox *outbox = a->outbox;
    int64_t now_unix_ms = iscep_now_unix_ms(outbox->env);
    int64_t pause_ms = draw_backoff_ms(outbox, a->attempts);
    int64_t closed_ms = outbox->paused_until_mono_ms - iscep_now_mono_ms(outbox->env);
    a->due_unix_ms = now_unix_ms + (pause_ms > closed_ms ? pause_ms : closed_ms);
    settle(a, now_unix_ms - a->recorded_unix_ms < outbox->options.dead_after_ms ? ISCEP_DELIVERY_POSTPONED
                                                                                : ISCEP_DELIVERY_DEAD);
}

/* Who asks us to wait, and a service that is known not to answer, stand for all deliveries. */
static void learn(iscep_outbox *outbox, const iscep_verdict *verdict)
{
    int64_t wait_ms = verdict->retry_after_ms;
    if (verdict->decision != ISCEP_RETRY) {
        outbox->paused_until_mono_ms = 0;
        return;
    }
    if (wait_ms <= 0 && strcmp(verdict->code, "throttled") == 0)
        wait_ms = BASE_BACKOFF_MS;
    if (wait_ms <= 0)
        return;
    if (wait_ms > MAX_RETRY_AFTER_MS)
        wait_ms = MAX_RETRY_AFTER_MS;
    int64_t until_ms = iscep_now_mono_ms(outbox->env) + wait_ms;
    if (until_ms > outbox->paused_until_mono_ms)
        outbox->paused_until_mono_ms = until_ms;
}

static void on_verdict(void *user, const iscep_verdict *verdict)
{
    attempt *a = user;
    iscep_outbox *outbox = a->outbox;
    a->verdict = *verdict;
    if (is_ending(verdict)) { /* it stays owed, for whoever claims it next */
        outbox->is_stopping = true;
        iscep_journal_release_delivery(outbox->journal, a->id, a->fence);
        end_attempt(a);
        return;
    }
    learn(outbox, verdict);
    outbox->options.on_tried(outbox->options.user, a->id, a->fence, verdict);
    if (verdict->decision == ISCEP_ALLOW)
        settle(a, ISCEP_DELIVERY_ACCEPTED);
    else if (verdict->decision == ISCEP_RETRY)
        postpone(a);
    else
        settle(a, ISCEP_DELIVERY_REFUSED);
}

/* --- how it begins --- */

static void send_report(attempt *a, const iscep_delivery *delivery, int64_t deadline_mono_ms)
{
    iscep_intune *intune = a->outbox->intune;
    if (delivery->kind == ISCEP_DELIVER_ISSUED) {
        const iscep_issued_facts facts = {.transaction_id = delivery->key.transaction_id,
                                          .csr = delivery->csr,
                                          .thumbprint = delivery->cert.thumbprint,
                                          .serial = delivery->cert.serial,
                                          .not_after_unix = delivery->cert.not_after_unix,
                                          .issuer = delivery->cert.issuer};
        iscep_intune_notify_issued(intune, &facts, deadline_mono_ms, on_verdict, a);
    } else {
        const iscep_failed_facts facts = {.transaction_id = delivery->key.transaction_id,
                                          .csr = delivery->csr,
                                          .error_code = delivery->error_code,
                                          .description = delivery->description};
        iscep_intune_notify_failed(intune, &facts, deadline_mono_ms, on_verdict, a);
    }
}

/* NULL, no memory: the delivery is looked for again. */
static attempt *new_attempt(iscep_outbox *outbox, const iscep_delivery *delivery, bool is_ours)
{
    attempt *a = calloc(1, sizeof *a);
    if (a == NULL) {
        look_at(outbox, iscep_now_mono_ms(outbox->env) + look_ms(outbox));
        return NULL;
    }
    *a = (attempt){.outbox = outbox,
                   .id = delivery->id,
                   .fence = delivery->fence,
                   .is_ours = is_ours,
                   .kind = delivery->kind,
                   .is_deferred = delivery->is_deferred,
                   .attempts = delivery->attempts,
                   .recorded_unix_ms = delivery->recorded_unix_ms,
                   .key = delivery->key};
    iscep_text_copy(a->transaction_id, sizeof a->transaction_id, delivery->key.transaction_id);
    a->key.transaction_id = a->transaction_id;
    a->key.tenant = outbox->options.tenant;
    if (delivery->kind == ISCEP_DELIVER_ISSUED) {
        iscep_text_copy(a->serial, sizeof a->serial, delivery->cert.serial);
        a->has_ca = iscep_routing_by_issuer(outbox->routing, delivery->cert.issuer) != NULL;
    }
    LIST_INSERT_HEAD(&outbox->attempts[bucket_of(a->id)], a, link);
    outbox->under_way++;
    if (is_ours)
        outbox->in_flight++;
    return a;
}

/* Who recorded it was to withhold it, and has ended before. */
static bool is_to_be_withheld(const iscep_outbox *outbox, const iscep_delivery *delivery)
{
    return outbox->options.is_unvalidated_refused && delivery->kind == ISCEP_DELIVER_ISSUED &&
           !delivery->was_validated;
}

static void withhold(attempt *a)
{
    iscep_refusal_emit(&a->verdict, ISCEP_DENY, "never_validated",
                       "Intune has not been asked about this request");
    a->outbox->references++;
    iscep_journal_withhold(a->outbox->journal, a->id, a->fence, a->verdict.code, a->verdict.message,
                           a->has_ca, on_settled, a);
}

static void begin_attempt(iscep_outbox *outbox, const iscep_delivery *delivery, int64_t deadline_mono_ms,
                          bool is_ours)
{
    attempt *a = find_attempt(outbox, delivery->id, delivery->fence);
    if (a != NULL) {
        a->fence = delivery->fence; /* it took longer than its claim, which is ours again */
        return;
    }
    a = outbox->is_stopping ? NULL : new_attempt(outbox, delivery, is_ours);
    if (deadline_mono_ms == 0)
        deadline_mono_ms = iscep_now_mono_ms(outbox->env) + outbox->options.attempt_timeout_ms;
    if (a == NULL)
        iscep_journal_release_delivery(outbox->journal, delivery->id, delivery->fence);
    else if (is_to_be_withheld(outbox, delivery))
        withhold(a);
    else
        send_report(a, delivery, deadline_mono_ms);
}

void iscep_outbox_attempt(iscep_outbox *outbox, const iscep_delivery *delivery, int64_t deadline_mono_ms)
{
    begin_attempt(outbox, delivery, deadline_mono_ms, false);
}

/* --- the pump: whatever is due, of whichever process --- */

static void plan_look(iscep_outbox *outbox, int64_t next_due_unix_ms)
{
    int64_t longest_ms = look_ms(outbox);
    int64_t wait_ms = next_due_unix_ms == 0 ? longest_ms : next_due_unix_ms - iscep_now_unix_ms(outbox->env);
    if (wait_ms < SOON_MS)
        wait_ms = SOON_MS;
    look_at(outbox, iscep_now_mono_ms(outbox->env) + (wait_ms < longest_ms ? wait_ms : longest_ms));
}

/* What was claimed is tried, even if the outbox has been retired meanwhile; one that was freed gives it back. */
static void on_claimed(void *user, iscep_status status, const iscep_delivery *deliveries, size_t count,
                       int64_t next_due_unix_ms, const iscep_error *err)
{
    (void)err; /* the journal says itself what is wrong with it */
    iscep_outbox *outbox = user;
    outbox->is_looking = false;
    for (size_t i = 0; i < count; i++)
        begin_attempt(outbox, &deliveries[i], 0, true);
    if (!outbox->is_closed && status != ISCEP_OK) {
        look_at(outbox, iscep_now_mono_ms(outbox->env) + UNHEALTHY_MS);
    } else if (!outbox->is_closed) {
        outbox->is_backlogged =
            count > 0 || outbox->is_woken || (outbox->is_backlogged && outbox->under_way > 0);
        plan_look(outbox, next_due_unix_ms);
        if (outbox->is_woken)
            look(outbox);
    }
    release(outbox);
}

static void look(iscep_outbox *outbox)
{
    int64_t now_ms = iscep_now_mono_ms(outbox->env);
    if (outbox->is_looking) {
        outbox->is_woken = true;
        return;
    }
    if (outbox->is_stopping || outbox->is_retired)
        return;
    if (outbox->in_flight >= outbox->options.max_in_flight) {
        outbox->is_backlogged = true;
        return;
    }
    if (outbox->paused_until_mono_ms > now_ms) {
        look_at(outbox, outbox->paused_until_mono_ms);
        return;
    }
    int64_t longest_ms = outbox->options.max_backoff_ms;
    outbox->is_woken = false;
    outbox->is_looking = true;
    outbox->references++;
    iscep_journal_claim_deliveries(
        outbox->journal, outbox->options.tenant, outbox->options.max_in_flight - outbox->in_flight,
        outbox->options.attempt_timeout_ms + lease_margin_ms(outbox),
        longest_ms > MAX_RETRY_AFTER_MS ? longest_ms : MAX_RETRY_AFTER_MS, on_claimed, outbox);
}

/* --- its life --- */

iscep_status iscep_outbox_new(iscep_outbox **out, const iscep_env *env, iscep_intune *intune,
                              iscep_journal *journal, const iscep_routing *routing,
                              const iscep_outbox_options *options, iscep_error *err)
{
    iscep_outbox *outbox = calloc(1, sizeof *outbox);
    if (outbox == NULL)
        return iscep_error_nomem(err);
    *outbox = (iscep_outbox){.env = env,
                             .intune = intune,
                             .journal = journal,
                             .routing = routing,
                             .options = *options,
                             .references = 1};
    iscep_status status = iscep_timer_new(&outbox->timer, iscep_intune_loop(intune), on_timer, outbox, err);
    if (status != ISCEP_OK) {
        free(outbox);
        return status;
    }
    look_at(outbox, iscep_now_mono_ms(env));
    *out = outbox;
    return ISCEP_OK;
}

void iscep_outbox_retire(iscep_outbox *outbox)
{
    outbox->is_retired = true;
    outbox->look_mono_ms = 0;
    iscep_timer_disarm(outbox->timer);
}

bool iscep_outbox_is_idle(const iscep_outbox *outbox)
{
    return outbox->under_way == 0 && !outbox->is_looking;
}

void iscep_outbox_free(iscep_outbox *outbox)
{
    if (outbox == NULL)
        return;
    outbox->is_stopping = outbox->is_closed = true;
    iscep_timer_free(outbox->timer);
    outbox->timer = NULL;
    release(outbox);
}
