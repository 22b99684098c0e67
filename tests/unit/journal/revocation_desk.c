/* See revocation_desk.h. */
#include "revocation_desk.h"

#include <criterion/criterion.h>

typedef struct waiting {
    desk *d;
    bool is_done;
    void *out;
} waiting;

static void end_waiting(waiting *w)
{
    w->is_done = true;
    iscep_loop_stop(w->d->loop);
}

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

desk_count desk_ask(desk *d, const char *context, const char *serial)
{
    desk_count out;
    waiting w = {.d = d, .out = &out};
    const iscep_revocation_request request = {.context = context,
                                              .serial_text = serial == NULL ? "no number" : serial,
                                              .serial = serial,
                                              .issuer = "CN=ca.example",
                                              .configuration = ""};
    iscep_journal_store_revocations(d->journal, DESK_TENANT, &request, 1, on_count, &w);
    desk_wait(d, &w.is_done);
    return out;
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

desk_work desk_claim_revocations(desk *d, size_t limit)
{
    desk_work out;
    waiting w = {.d = d, .out = &out};
    iscep_journal_claim_revocations(d->journal, DESK_TENANT, limit, DESK_LEASE_MS, DESK_BACKOFF_MS, on_work,
                                    &w);
    desk_wait(d, &w.is_done);
    return out;
}

desk_count desk_settle_revocation(desk *d, int64_t id, const iscep_revocation_outcome *outcome)
{
    desk_count out;
    waiting w = {.d = d, .out = &out};
    iscep_journal_settle_revocation(d->journal, id, outcome, on_done, &w);
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

desk_count desk_settle_results(desk *d, const int64_t *ids, size_t id_count, bool is_taken,
                               int64_t due_unix_ms)
{
    desk_count out;
    waiting w = {.d = d, .out = &out};
    iscep_journal_settle_results(d->journal, ids, id_count, is_taken, due_unix_ms, on_done, &w);
    desk_wait(d, &w.is_done);
    return out;
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

desk_count desk_hold(desk *d, bool is_held)
{
    desk_count out;
    waiting w = {.d = d, .out = &out};
    iscep_journal_hold_revocations(d->journal, DESK_TENANT, is_held, on_count, &w);
    desk_wait(d, &w.is_done);
    return out;
}
