/* See revocation_desk.h. */
#include "revocation_desk.h"

#include <criterion/criterion.h>

#include "journal/claims.h"
#include "journal/leaders.h"
#include "waiting.h"

enum { MAX_REMEMBERED = 4096 };

/* The fence of the last claim of each, by id. */
static int64_t fences[MAX_REMEMBERED];

static void copy(char out[DESK_TEXT], const char *text)
{
    iscep_text_copy(out, DESK_TEXT, text == NULL ? "" : text);
}

static void on_count(void *user, iscep_status status, int64_t count, const iscep_error *err)
{
    waiting *w = user;
    desk_count *out = w->out;
    *out = (desk_count){.status = status, .count = count};
    iscep_text_copy(out->error, sizeof out->error, err->code);
    end_waiting(w);
}

static void on_done(void *user, iscep_status status, const iscep_error *err)
{
    on_count(user, status, 0, err);
}

static void on_lead(void *user, iscep_status status, const iscep_leadership *standing, const iscep_error *err)
{
    waiting *w = user;
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    *(int64_t *)w->out = standing->fence;
    end_waiting(w);
}

int64_t desk_lead(desk *d)
{
    int64_t fence = 0;
    waiting w = {.d = d, .out = &fence};
    iscep_journal_lead(d->journal, DESK_TENANT, ISCEP_TASK_REVOCATIONS, 0, DESK_LEASE_MS, on_lead, &w);
    desk_wait(d, &w.is_done);
    cr_assert_neq(fence, 0);
    return fence;
}

desk_count desk_store(desk *d, int64_t fence, const char *context, const char *serial)
{
    desk_count out;
    waiting w = {.d = d, .out = &out};
    const iscep_revocation_request request = {.context = context,
                                              .serial_text = serial == NULL ? "no number" : serial,
                                              .serial = serial,
                                              .issuer = "CN=ca.example",
                                              .configuration = ""};
    iscep_journal_store_revocations(d->journal, DESK_TENANT, fence, &request, 1, on_count, &w);
    desk_wait(d, &w.is_done);
    return out;
}

desk_count desk_ask(desk *d, const char *context, const char *serial)
{
    int64_t fence = desk_lead(d);
    desk_count out = desk_store(d, fence, context, serial);
    cr_assert_eq(desk_step(d, false, &(iscep_guard_step){.fence = fence, .seen = ""}).status, ISCEP_OK);
    return out;
}

static void remember(int64_t id, int64_t fence)
{
    cr_assert_lt(id, MAX_REMEMBERED);
    fences[id] = fence;
}

static int64_t fence_of(int64_t id)
{
    return id < MAX_REMEMBERED ? fences[id] : 0;
}

static void on_work(void *user, iscep_status status, const iscep_revocation *revocations, size_t count,
                    int64_t next_due_unix_ms, const iscep_error *err)
{
    (void)err;
    waiting *w = user;
    desk_work *out = w->out;
    *out = (desk_work){.status = status, .count = count, .next_due_unix_ms = next_due_unix_ms};
    for (size_t i = 0; i < count && i < DESK_MAX; i++) {
        const iscep_revocation *r = &revocations[i];
        out->ids[i] = r->id;
        out->fences[i] = r->fence;
        remember(r->id, r->fence);
        out->attempts[i] = r->attempts;
        out->known_count[i] = r->known_count;
        out->has_serial[i] = r->serial != NULL;
        copy(out->context[i], r->context);
        copy(out->ca[i], r->ca);
        copy(out->known_ca[i], r->known_ca);
        copy(out->known_subject[i], r->known.subject);
    }
    end_waiting(w);
}

static desk_work claim(desk *d, const iscep_revocation_claim *wanted)
{
    desk_work out;
    waiting w = {.d = d, .out = &out};
    iscep_journal_claim_revocations(d->journal, wanted, on_work, &w);
    desk_wait(d, &w.is_done);
    return out;
}

desk_work desk_claim_revocations(desk *d, size_t limit)
{
    return claim(d, &(iscep_revocation_claim){.tenant = DESK_TENANT,
                                              .limit = limit,
                                              .lease_ms = DESK_LEASE_MS,
                                              .max_backoff_ms = DESK_BACKOFF_MS});
}

desk_work desk_claim_without(desk *d, const char *absent_ca, int64_t patience_ms)
{
    return claim(d, &(iscep_revocation_claim){.tenant = DESK_TENANT,
                                              .limit = 10,
                                              .lease_ms = DESK_LEASE_MS,
                                              .max_backoff_ms = DESK_BACKOFF_MS,
                                              .absent_cas = &absent_ca,
                                              .absent_ca_count = 1,
                                              .patience_ms = patience_ms});
}

static void on_settled(void *user, iscep_status status, bool is_taken, const iscep_error *err)
{
    waiting *w = user;
    desk_settled *out = w->out;
    *out = (desk_settled){.status = status, .is_taken = is_taken};
    iscep_text_copy(out->error, sizeof out->error, err->code);
    end_waiting(w);
}

desk_settled desk_settle_revocation(desk *d, int64_t id, const iscep_revocation_outcome *outcome)
{
    desk_settled out;
    waiting w = {.d = d, .out = &out};
    iscep_revocation_outcome said = *outcome;
    if (said.fence == 0)
        said.fence = fence_of(id);
    iscep_journal_settle_revocation(d->journal, id, &said, on_settled, &w);
    desk_wait(d, &w.is_done);
    return out;
}

static void on_results(void *user, iscep_status status, const iscep_revocation_result *results, size_t count,
                       int64_t next_due_unix_ms, const iscep_error *err)
{
    (void)next_due_unix_ms;
    (void)err;
    waiting *w = user;
    desk_results *out = w->out;
    *out = (desk_results){.status = status, .count = count};
    for (size_t i = 0; i < count && i < DESK_MAX; i++) {
        out->ids[i] = results[i].id;
        out->fences[i] = results[i].fence;
        remember(results[i].id, results[i].fence);
        out->error_code[i] = results[i].error_code;
        copy(out->context[i], results[i].context);
    }
    end_waiting(w);
}

desk_results desk_claim_results(desk *d, size_t limit)
{
    desk_results out;
    waiting w = {.d = d, .out = &out};
    iscep_journal_claim_results(d->journal, DESK_TENANT, limit, DESK_LEASE_MS, DESK_BACKOFF_MS, on_results,
                                &w);
    desk_wait(d, &w.is_done);
    return out;
}

static desk_count settle_results(desk *d, const iscep_claimed *claimed, size_t count, bool is_taken,
                                 int64_t due_unix_ms)
{
    desk_count out;
    waiting w = {.d = d, .out = &out};
    iscep_journal_settle_results(d->journal, claimed, count, is_taken, due_unix_ms, on_done, &w);
    desk_wait(d, &w.is_done);
    return out;
}

desk_count desk_settle_results(desk *d, const int64_t *ids, size_t id_count, bool is_taken,
                               int64_t due_unix_ms)
{
    iscep_claimed claimed[DESK_MAX];
    cr_assert_leq(id_count, DESK_MAX);
    for (size_t i = 0; i < id_count; i++)
        claimed[i] = (iscep_claimed){.id = ids[i], .fence = fence_of(ids[i])};
    return settle_results(d, claimed, id_count, is_taken, due_unix_ms);
}

desk_count desk_settle_claimed(desk *d, const iscep_claimed *claimed, bool is_taken, int64_t due_unix_ms)
{
    return settle_results(d, claimed, 1, is_taken, due_unix_ms);
}

static void on_counts(void *user, iscep_status status, const iscep_revocation_counts *counts,
                      const iscep_error *err)
{
    waiting *w = user;
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    *(iscep_revocation_counts *)w->out = *counts;
    end_waiting(w);
}

iscep_revocation_counts desk_count_revocations(desk *d, int64_t since_unix_ms)
{
    iscep_revocation_counts out;
    waiting w = {.d = d, .out = &out};
    iscep_journal_count_revocations(d->journal, DESK_TENANT, since_unix_ms, on_counts, &w);
    desk_wait(d, &w.is_done);
    return out;
}

desk_count desk_step(desk *d, bool is_held, const iscep_guard_step *step)
{
    desk_count out;
    waiting w = {.d = d, .out = &out};
    if (is_held)
        iscep_journal_hold_revocations(d->journal, DESK_TENANT, step, on_count, &w);
    else
        iscep_journal_pass_revocations(d->journal, DESK_TENANT, step, on_count, &w);
    desk_wait(d, &w.is_done);
    return out;
}

desk_count desk_hold(desk *d, bool is_held)
{
    return desk_step(d, is_held,
                     &(iscep_guard_step){.is_persons = true, .word = is_held ? "held 1 test" : ""});
}
