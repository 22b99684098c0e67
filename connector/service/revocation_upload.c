/*
 * Giving Intune the results: in batches, until it has taken them. One result that Intune refuses does not block the
 * others: a batch that is refused is uploaded again one by one, and what is refused alone has ended.
 */
#include <stdlib.h>
#include <string.h>

#include "base/audit.h"
#include "journal/claims.h"
#include "service/revoker_parts.h"

enum {
    MAX_RESULTS = 100, /* in one upload: what Microsoft recommends for a download */
    LEASE_MS = REVOKER_CALL_TIMEOUT_MS + 30000,
    LOOK_MS = 15000, /* at least so often, where another node may have died with results of its own */
    MAX_TEXTS_LEN = 16 * 1024 * 1024,
};

/* What is claimed, and how far it got. */
typedef struct revocation_results {
    iscep_claimed claimed[MAX_RESULTS];
    int64_t lease_mono_ms;
    iscep_upload_entry entries[MAX_RESULTS]; /* point into texts */
    iscep_buf texts;
    size_t count;
    size_t next;   /* the first of those under way, or not yet uploaded */
    size_t length; /* of those under way, from next on */
    bool is_one_by_one;
} revocation_results;

static void upload(iscep_revoker *revoker);

/* --- the batch --- */

static void free_batch(iscep_revoker *revoker)
{
    revocation_results *batch = revoker->upload.batch;
    revoker->upload.batch = NULL;
    if (batch == NULL)
        return;
    iscep_buf_clear(&batch->texts);
    free(batch);
}

void iscep_revocation_upload_clear(iscep_revoker *revoker)
{
    free_batch(revoker);
}

static bool copy_results(revocation_results *batch, const iscep_revocation_result *results, size_t count)
{
    iscep_buf_init(&batch->texts, MAX_TEXTS_LEN);
    batch->count = count < MAX_RESULTS ? count : MAX_RESULTS;
    for (size_t i = 0; i < batch->count; i++) {
        const char *message = results[i].message != NULL ? results[i].message : "";
        iscep_buf_append(&batch->texts, results[i].context, strlen(results[i].context) + 1);
        iscep_buf_append(&batch->texts, message, strlen(message) + 1);
    }
    if (iscep_buf_status(&batch->texts, NULL) != ISCEP_OK)
        return false;
    const char *at = (const char *)batch->texts.data;
    for (size_t i = 0; i < batch->count; i++) {
        batch->claimed[i] = (iscep_claimed){.id = results[i].id, .fence = results[i].fence};
        batch->entries[i].context = at;
        at += strlen(at) + 1;
        batch->entries[i].message = at;
        at += strlen(at) + 1;
        batch->entries[i].code = results[i].error_code;
    }
    return true;
}

/* --- the next step --- */

static void plan(iscep_revoker *revoker, int64_t delay_ms)
{
    int64_t pause_ms = revoker->upload.resume_mono_ms - iscep_now_mono_ms(revoker->env);
    if (revoker->is_retired)
        return;
    if (delay_ms > revoker->options->max_backoff_ms)
        delay_ms = revoker->options->max_backoff_ms;
    if (delay_ms > LOOK_MS && revoker->is_shared)
        delay_ms = LOOK_MS;
    if (delay_ms < pause_ms)
        delay_ms = pause_ms;
    iscep_timer_arm(revoker->upload.timer, delay_ms > 0 ? delay_ms : 0);
}

static void pause_uploads(iscep_revoker *revoker, int64_t retry_after_ms)
{
    int64_t pause_ms = iscep_revoker_backoff_ms(revoker, ++revoker->upload.failures, retry_after_ms);
    revoker->upload.resume_mono_ms = iscep_now_mono_ms(revoker->env) + pause_ms;
}

/* On to the rest of the batch, or to the next batch. What our claim may not outlast is given back: somebody claims it again. */
static void go_on(iscep_revoker *revoker)
{
    revocation_results *batch = revoker->upload.batch;
    int64_t left_ms = batch->lease_mono_ms - iscep_now_mono_ms(revoker->env);
    batch->next += batch->length;
    if (batch->next < batch->count && left_ms >= REVOKER_CALL_TIMEOUT_MS) {
        upload(revoker);
        return;
    }
    for (size_t i = batch->next; i < batch->count; i++)
        iscep_journal_release_revocation(revoker->journal, &batch->claimed[i]);
    free_batch(revoker);
    plan(revoker, 0);
}

/* The journal knows how those under way ended; if not, they are uploaded again when the lease ends, which changes nothing. */
static void on_settled(void *user, iscep_status status, const iscep_error *err)
{
    iscep_revoker *revoker = user;
    if (!iscep_revoker_return(revoker))
        return;
    if (status != ISCEP_OK)
        iscep_log_event(revoker->env->log, iscep_revoker_is_said(err) ? ISCEP_LOG_DEBUG : ISCEP_LOG_ERROR,
                        "results_not_settled", ISCEP_LOG_TEXT("tenant", revoker->tenant),
                        ISCEP_LOG_TEXT("code", err->code), ISCEP_LOG_TEXT("reason", err->message));
    go_on(revoker);
}

static void on_refused(void *user, iscep_status status, bool is_taken, const iscep_error *err)
{
    (void)is_taken; /* otherwise somebody else uploads it again, and finds out */
    on_settled(user, status, err);
}

static void settle_taken(iscep_revoker *revoker)
{
    revocation_results *batch = revoker->upload.batch;
    revoker->upload.failures = 0;
    iscep_log_event(revoker->env->log, ISCEP_LOG_INFO, "results_uploaded",
                    ISCEP_LOG_TEXT("tenant", revoker->tenant), ISCEP_LOG_NUM("count", (int64_t)batch->length),
                    ISCEP_LOG_TEXT("client_request_id", revoker->upload.request_id));
    iscep_revoker_leave(revoker);
    iscep_journal_settle_results(revoker->journal, batch->claimed + batch->next, batch->length, true, 0,
                                 on_settled, revoker);
}

/* Those under way, and with is_rest all behind them, come again after the pause. */
static void settle_postponed(iscep_revoker *revoker, const iscep_error *err, bool is_rest)
{
    revocation_results *batch = revoker->upload.batch;
    pause_uploads(revoker, err->retry_after_ms);
    if (is_rest)
        batch->length = batch->count - batch->next;
    int64_t pause_ms = revoker->upload.resume_mono_ms - iscep_now_mono_ms(revoker->env);
    if (pause_ms > revoker->options->max_backoff_ms)
        pause_ms = revoker->options->max_backoff_ms; /* beyond, the journal takes it for a clock gone wrong */
    iscep_log_event(revoker->env->log, ISCEP_LOG_WARN, "results_not_taken",
                    ISCEP_LOG_TEXT("tenant", revoker->tenant), ISCEP_LOG_NUM("count", (int64_t)batch->length),
                    ISCEP_LOG_TEXT("code", err->code), ISCEP_LOG_TEXT("reason", err->message),
                    ISCEP_LOG_NUM("pause_ms", pause_ms),
                    ISCEP_LOG_TEXT("client_request_id", revoker->upload.request_id));
    iscep_revoker_leave(revoker);
    iscep_journal_settle_results(revoker->journal, batch->claimed + batch->next, batch->length, false,
                                 iscep_now_unix_ms(revoker->env) + pause_ms, on_settled, revoker);
}

/* Intune will never take it: a person may find it in the journal and in the log. */
static void settle_refused(iscep_revoker *revoker, const iscep_error *err)
{
    revocation_results *batch = revoker->upload.batch;
    const iscep_upload_entry *entry = &batch->entries[batch->next];
    const iscep_log_field fields[] = {ISCEP_LOG_TEXT("tenant", revoker->tenant),
                                      ISCEP_LOG_NUM("id", batch->claimed[batch->next].id),
                                      ISCEP_LOG_TEXT("result", iscep_revocation_code_name(entry->code)),
                                      ISCEP_LOG_TEXT("code", err->code),
                                      ISCEP_LOG_TEXT("reason", err->message),
                                      ISCEP_LOG_TEXT("client_request_id", revoker->upload.request_id)};
    const iscep_revocation_outcome outcome = {.state = ISCEP_REVOCATION_ENDED,
                                              .fence = batch->claimed[batch->next].fence,
                                              .error_code = entry->code,
                                              .message = "Intune refused to take the result"};
    iscep_log_write(revoker->env->log, ISCEP_LOG_ERROR, "result_refused", fields,
                    sizeof fields / sizeof *fields);
    iscep_audit_write(revoker->env->audit, "result_refused", fields, sizeof fields / sizeof *fields);
    iscep_revoker_leave(revoker);
    iscep_journal_settle_revocation(revoker->journal, batch->claimed[batch->next].id, &outcome, on_refused,
                                    revoker);
}

/* --- the upload --- */

/* It is about the results, not about the service: others may fare better. */
static bool is_about_results(const iscep_error *err)
{
    return err->http_status == 400 || err->http_status == 413 || strcmp(err->code, "upload_too_large") == 0;
}

static void on_uploaded(void *user, const char *request_id, const iscep_error *err)
{
    iscep_revoker *revoker = user;
    iscep_text_copy(revoker->upload.request_id, sizeof revoker->upload.request_id, request_id);
    revocation_results *batch = revoker->upload.batch;
    bool is_not_taken = strcmp(err->code, "results_not_taken") == 0;
    if (err->status == ISCEP_OK) {
        settle_taken(revoker);
    } else if (!is_about_results(err) && !is_not_taken) {
        settle_postponed(revoker, err, true);
    } else if (batch->length > 1) {
        batch->is_one_by_one = true;
        upload(revoker);
    } else if (is_not_taken) {
        settle_postponed(revoker, err, false);
    } else {
        settle_refused(revoker, err);
    }
}

static void upload(iscep_revoker *revoker)
{
    revocation_results *batch = revoker->upload.batch;
    batch->length = batch->is_one_by_one ? 1 : batch->count - batch->next;
    const iscep_upload what = {.entries = batch->entries + batch->next,
                               .count = batch->length,
                               .is_code_number = revoker->options->is_code_number};
    iscep_intune_upload_results(revoker->intune, &what,
                                iscep_now_mono_ms(revoker->env) + REVOKER_CALL_TIMEOUT_MS, on_uploaded,
                                revoker);
}

static void on_claimed(void *user, iscep_status status, const iscep_revocation_result *results, size_t count,
                       int64_t next_due_unix_ms, const iscep_error *err)
{
    iscep_revoker *revoker = user;
    revocation_upload *up = &revoker->upload;
    if (!iscep_revoker_return(revoker))
        return;
    up->is_claiming = false;
    if (status == ISCEP_OK && count == 0) {
        int64_t left_ms = next_due_unix_ms - iscep_now_unix_ms(revoker->env);
        plan(revoker, up->is_wanted ? 0 : next_due_unix_ms > 0 ? left_ms : INT64_MAX);
        return;
    }
    if (status == ISCEP_OK)
        up->batch = calloc(1, sizeof *up->batch);
    if (status == ISCEP_OK && up->batch != NULL && copy_results(up->batch, results, count)) {
        up->batch->lease_mono_ms = iscep_now_mono_ms(revoker->env) + LEASE_MS;
        upload(revoker);
        return;
    }
    iscep_log_event(revoker->env->log, iscep_revoker_is_said(err) ? ISCEP_LOG_DEBUG : ISCEP_LOG_ERROR,
                    "results_not_claimed", ISCEP_LOG_TEXT("tenant", revoker->tenant),
                    ISCEP_LOG_TEXT("code", err->code), ISCEP_LOG_TEXT("reason", err->message));
    free_batch(revoker);
    pause_uploads(revoker, -1);
    plan(revoker, 0);
}

static void claim(void *user)
{
    iscep_revoker *revoker = user;
    revocation_upload *up = &revoker->upload;
    if (up->is_claiming || up->batch != NULL)
        return; /* whoever ends plans the next */
    up->is_claiming = true;
    up->is_wanted = false;
    iscep_revoker_leave(revoker);
    iscep_journal_claim_results(revoker->journal, revoker->tenant, MAX_RESULTS, LEASE_MS,
                                revoker->options->max_backoff_ms, on_claimed, revoker);
}

void iscep_revocation_upload_wake(iscep_revoker *revoker)
{
    if (!revoker->is_started)
        return;
    revoker->upload.is_wanted = true;
    plan(revoker, 0);
}

iscep_status iscep_revocation_upload_init(iscep_revoker *revoker, iscep_error *err)
{
    return iscep_timer_new(&revoker->upload.timer, revoker->loop, claim, revoker, err);
}
