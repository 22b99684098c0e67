/* See desk.h. */
#include "desk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "journal/claims.h"
#include "tests/support/loop_thread.h"
#include "waiting.h"

void desk_start(desk *d)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status =
        iscep_journal_open_tuned(&d->journal, &d->world.env, d->loop, &d->options, &d->tuning, &err);
    cr_assert_eq(status, ISCEP_OK, "%s", err.message);
}

void desk_init(desk *d)
{
    *d = (desk){.options = ISCEP_JOURNAL_OPTIONS_INIT, .tuning = ISCEP_JOURNAL_TUNING_INIT};
    d->tuning.max_clock_error_ms = INT64_MAX; /* the database's clock is real */
    fake_env_init(&d->world);
    temp_dir_make(&d->dir);
    temp_dir_path(&d->dir, d->path, sizeof d->path, "journal.db");
    d->options.path = d->path;
    if (test_postgres_is_there()) {
        test_postgres_make(&d->database);
        d->options.database = &d->database.options;
        d->options.connections = 2;
    }
    cr_assert_eq(iscep_loop_new(&d->loop, NULL), ISCEP_OK);
}

void desk_open(desk *d)
{
    desk_init(d);
    desk_start(d);
}

void desk_leave(desk *d)
{
    iscep_journal_close(d->journal);
    iscep_loop_free(d->loop);
    d->journal = NULL;
    d->loop = NULL;
}

void desk_come_back(desk *d)
{
    cr_assert_eq(iscep_loop_new(&d->loop, NULL), ISCEP_OK);
    desk_start(d);
}

void desk_close(desk *d)
{
    desk_leave(d);
    temp_dir_remove(&d->dir);
    fake_env_clear(&d->world);
}

void desk_reopen(desk *d)
{
    iscep_journal_close(d->journal);
    d->journal = NULL;
    desk_start(d);
}

int64_t desk_blur_ms(const desk *d)
{
    return d->options.database == NULL ? 0 : 1000;
}

void desk_outlive_leases(desk *d)
{
    fake_env_advance(&d->world, DESK_LEASE_MS + desk_blur_ms(d));
}

void desk_die(desk *d)
{
    desk_reopen(d);
    if (d->options.database != NULL)
        desk_outlive_leases(d);
}

void desk_wait(desk *d, const bool *is_done)
{
    loop_run_until(d->loop, is_done);
}

/* --- what somebody waits for --- */

static void copy(char *out, size_t size, const char *text)
{
    iscep_text_copy(out, size, text == NULL ? "" : text);
}

/* Direct-mapped: a test has few deliveries at a time. A prime, so that one on the spool is not where its like in the database is. */
enum { KNOWN_FENCES = 1021 };
static struct known_fence {
    int64_t id;
    int64_t fence;
} fences[KNOWN_FENCES];

static void learn_fence(int64_t id, int64_t fence)
{
    fences[id % KNOWN_FENCES] = (struct known_fence){.id = id, .fence = fence};
}

int64_t desk_fence(int64_t delivery_id)
{
    const struct known_fence *known = &fences[delivery_id % KNOWN_FENCES];
    return known->id == delivery_id ? known->fence : 0;
}

static void on_report(void *user, iscep_status status, const iscep_report *report, const iscep_error *err)
{
    waiting *w = user;
    desk_report *out = w->out;
    *out = (desk_report){.status = status};
    copy(out->error, sizeof out->error, err->code);
    if (report != NULL) {
        out->report = *report;
        if (report->fence != 0)
            learn_fence(report->delivery_id, report->fence);
        cr_assert_not_null(report->code);
        cr_assert_not_null(report->message);
        copy(out->code, sizeof out->code, report->code);
        copy(out->message, sizeof out->message, report->message);
        copy(out->request_id, sizeof out->request_id, report->request_id);
    }
    end_waiting(w);
}

void desk_assert_report(desk_report actual, iscep_report_state state, bool is_first)
{
    cr_assert_eq(actual.status, ISCEP_OK, "%s", actual.error);
    cr_assert_eq(actual.report.state, state, "state %d, not %d", (int)actual.report.state, (int)state);
    cr_assert_eq(actual.report.is_first, is_first);
}

/* --- enrolments --- */

iscep_enrolment_key desk_key(const char *transaction_id, const char *csr)
{
    iscep_enrolment_key key = {.tenant = DESK_TENANT, .transaction_id = transaction_id};
    cr_assert_eq(iscep_sha256_of_pair(key.csr_sha256, iscep_bytes_of_text(csr), (iscep_bytes){0}, NULL),
                 ISCEP_OK);
    return key;
}

void desk_note(desk *d, const char *transaction_id, const char *csr, iscep_journal_kind kind,
               const char *code)
{
    iscep_enrolment_key key = desk_key(transaction_id, csr);
    iscep_journal_event event = {.kind = kind, .code = code, .subject = "CN=device.example"};
    iscep_journal_note(d->journal, &key, &event);
}

iscep_issued_record desk_cert(const char *transaction_id, const char *csr, const char *serial)
{
    static char ders[4][DESK_TEXT]; /* so many records at a time */
    static size_t next;
    char *der = ders[next++ % 4];
    snprintf(der, DESK_TEXT, "cert:%s", serial);
    return (iscep_issued_record){.key = desk_key(transaction_id, csr),
                                 .csr = iscep_bytes_of_text(csr),
                                 .cert = {.der = iscep_bytes_of_text(der),
                                          .serial = serial,
                                          .thumbprint = "AABB",
                                          .issuer = "CN=ca.example",
                                          .subject = "CN=device.example",
                                          .not_after_unix = FAKE_ENV_UNIX_MS / 1000 + 365 * 24 * 3600},
                                 .ca = "main",
                                 .lease_ms = DESK_LEASE_MS};
}

desk_report desk_issue(desk *d, const iscep_issued_record *record)
{
    desk_report out;
    waiting w = {.d = d, .out = &out};
    iscep_journal_record_issued(d->journal, record, on_report, &w);
    desk_wait(d, &w.is_done);
    return out;
}

desk_report desk_issue_strict(desk *d, const char *transaction_id, const char *csr, const char *serial)
{
    const iscep_issued_record record = desk_cert(transaction_id, csr, serial);
    return desk_issue(d, &record);
}

desk_report desk_fail(desk *d, const char *transaction_id, const char *csr, uint32_t code,
                      const char *description)
{
    desk_report out;
    waiting w = {.d = d, .out = &out};
    const iscep_failed_record record = {.key = desk_key(transaction_id, csr),
                                        .csr = iscep_bytes_of_text(csr),
                                        .error_code = code,
                                        .description = description,
                                        .lease_ms = DESK_LEASE_MS};
    iscep_journal_record_failed(d->journal, &record, on_report, &w);
    desk_wait(d, &w.is_done);
    return out;
}

static void on_cert(void *user, iscep_status status, iscep_cert_standing standing,
                    const iscep_journal_cert *cert, const iscep_error *err)
{
    waiting *w = user;
    desk_found *out = w->out;
    *out = (desk_found){.status = status,
                        .has_cert = cert != NULL,
                        .standing = standing,
                        .is_owed = standing == ISCEP_CERT_OWED};
    copy(out->error, sizeof out->error, err->code);
    if (cert != NULL) {
        copy(out->serial, sizeof out->serial, cert->serial);
        snprintf(out->der, sizeof out->der, "%.*s", (int)cert->der.len, (const char *)cert->der.data);
    }
    end_waiting(w);
}

desk_found desk_find(desk *d, const char *transaction_id, const char *csr)
{
    desk_found out;
    waiting w = {.d = d, .out = &out};
    const iscep_enrolment_key key = desk_key(transaction_id, csr);
    iscep_journal_find_cert(d->journal, &key, on_cert, &w);
    desk_wait(d, &w.is_done);
    return out;
}

/* --- deliveries --- */

static desk_report settle(desk *d, int64_t id, const iscep_delivery_outcome *outcome)
{
    desk_report out;
    waiting w = {.d = d, .out = &out};
    iscep_journal_settle_delivery(d->journal, id, outcome, on_report, &w);
    desk_wait(d, &w.is_done);
    return out;
}

desk_report desk_settle_as(desk *d, int64_t id, int64_t fence, iscep_delivery_end end, const char *code)
{
    return settle(d, id,
                  &(iscep_delivery_outcome){
                      .end = end, .fence = fence, .code = code, .message = "said so", .request_id = "r1"});
}

desk_report desk_settle(desk *d, int64_t id, iscep_delivery_end end, const char *code)
{
    return desk_settle_as(d, id, desk_fence(id), end, code);
}

desk_report desk_postpone(desk *d, int64_t id, int64_t due_unix_ms)
{
    return settle(d, id,
                  &(iscep_delivery_outcome){.end = ISCEP_DELIVERY_POSTPONED,
                                            .fence = desk_fence(id),
                                            .due_unix_ms = due_unix_ms,
                                            .code = "network"});
}

desk_report desk_withhold_as(desk *d, int64_t id, int64_t fence, bool is_revoked_too)
{
    desk_report out;
    waiting w = {.d = d, .out = &out};
    iscep_journal_withhold(d->journal, id, fence, "too_late", "nobody answered", is_revoked_too, on_report,
                           &w);
    desk_wait(d, &w.is_done);
    return out;
}

desk_report desk_withhold(desk *d, int64_t id, bool is_revoked_too)
{
    return desk_withhold_as(d, id, desk_fence(id), is_revoked_too);
}

static void on_standing(void *user, iscep_status status, const iscep_report *report, bool is_being_tried,
                        int64_t due_unix_ms, const iscep_error *err)
{
    (void)is_being_tried;
    (void)due_unix_ms;
    on_report(user, status, report, err);
}

desk_report desk_standing_as(desk *d, int64_t id, int64_t fence)
{
    desk_report out;
    waiting w = {.d = d, .out = &out};
    iscep_journal_find_standing(d->journal, id, fence, on_standing, &w);
    desk_wait(d, &w.is_done);
    return out;
}

static void on_deliveries(void *user, iscep_status status, const iscep_delivery *deliveries, size_t count,
                          int64_t next_due_unix_ms, const iscep_error *err)
{
    waiting *w = user;
    desk_claim *out = w->out;
    *out = (desk_claim){.status = status, .count = count, .next_due_unix_ms = next_due_unix_ms};
    copy(out->error, sizeof out->error, err->code);
    for (size_t i = 0; i < count && i < DESK_MAX; i++) {
        out->ids[i] = deliveries[i].id;
        learn_fence(deliveries[i].id, deliveries[i].fence);
        out->attempts[i] = deliveries[i].attempts;
        out->kinds[i] = deliveries[i].kind;
        cr_assert_eq(deliveries[i].cert.der.len, 0);
        snprintf(out->csr[i], DESK_TEXT, "%.*s", (int)deliveries[i].csr.len,
                 (const char *)deliveries[i].csr.data);
        copy(out->serial[i], DESK_TEXT, deliveries[i].cert.serial);
    }
    end_waiting(w);
}

desk_claim desk_claim_deliveries(desk *d, size_t limit)
{
    desk_claim out;
    waiting w = {.d = d, .out = &out};
    iscep_journal_claim_deliveries(d->journal, DESK_TENANT, limit, DESK_LEASE_MS, DESK_BACKOFF_MS,
                                   on_deliveries, &w);
    desk_wait(d, &w.is_done);
    return out;
}

static void on_count(void *user, iscep_status status, int64_t count, const iscep_error *err)
{
    waiting *w = user;
    desk_count *out = w->out;
    *out = (desk_count){.status = status, .count = count};
    copy(out->error, sizeof out->error, err->code);
    end_waiting(w);
}

desk_count desk_retry(desk *d, const int64_t *ids, size_t id_count)
{
    desk_count out;
    waiting w = {.d = d, .out = &out};
    iscep_journal_retry_deliveries(d->journal, d->only_tenant, ids, id_count, on_count, &w);
    desk_wait(d, &w.is_done);
    return out;
}

desk_count desk_purge(desk *d, const int64_t *ids, size_t id_count)
{
    desk_count out;
    waiting w = {.d = d, .out = &out};
    iscep_journal_purge_deliveries(d->journal, d->only_tenant, ids, id_count, on_count, &w);
    desk_wait(d, &w.is_done);
    return out;
}

/* --- facts --- */

static void on_set(void *user, iscep_status status, const iscep_error *err)
{
    waiting *w = user;
    desk_fact *out = w->out;
    *out = (desk_fact){.status = status};
    copy(out->error, sizeof out->error, err->code);
    end_waiting(w);
}

static void on_got(void *user, iscep_status status, const char *value, const iscep_error *err)
{
    waiting *w = user;
    desk_fact *out = w->out;
    *out = (desk_fact){.status = status, .has_value = value != NULL};
    copy(out->error, sizeof out->error, err->code);
    copy(out->value, sizeof out->value, value);
    end_waiting(w);
}

desk_fact desk_set_fact(desk *d, const char *name, const char *value)
{
    desk_fact out;
    waiting w = {.d = d, .out = &out};
    iscep_journal_set_fact(d->journal, DESK_TENANT, name, value, on_set, &w);
    desk_wait(d, &w.is_done);
    return out;
}

desk_fact desk_get_fact(desk *d, const char *name)
{
    desk_fact out;
    waiting w = {.d = d, .out = &out};
    iscep_journal_get_fact(d->journal, DESK_TENANT, name, on_got, &w);
    desk_wait(d, &w.is_done);
    return out;
}

void desk_flush(desk *d)
{
    desk_set_fact(d, "flush", "1");
}

/* --- looking --- */

static void on_json(void *user, iscep_status status, const iscep_json *json, const iscep_error *err)
{
    waiting *w = user;
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, 1024 * 1024);
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    cr_assert_eq(iscep_json_emit(&text, json, NULL), ISCEP_OK);
    cr_assert_eq(iscep_json_parse(w->out, iscep_buf_bytes(&text), NULL), ISCEP_OK);
    end_waiting(w);
}

iscep_json *desk_trace(desk *d, iscep_trace_by by, const char *what, size_t limit)
{
    iscep_json *out = NULL;
    waiting w = {.d = d, .out = &out};
    iscep_journal_trace(d->journal, d->only_tenant, by, what, limit, on_json, &w);
    desk_wait(d, &w.is_done);
    return out;
}

iscep_json *desk_list_deliveries(desk *d, int64_t id, bool is_dead_only, size_t limit)
{
    iscep_json *out = NULL;
    waiting w = {.d = d, .out = &out};
    iscep_journal_list_deliveries(d->journal, d->only_tenant, id, is_dead_only, limit, on_json, &w);
    desk_wait(d, &w.is_done);
    return out;
}

iscep_json *desk_list_revocations(desk *d, bool is_open_only, size_t limit)
{
    iscep_json *out = NULL;
    waiting w = {.d = d, .out = &out};
    iscep_journal_list_revocations(d->journal, d->only_tenant, is_open_only, limit, on_json, &w);
    desk_wait(d, &w.is_done);
    return out;
}

iscep_json *desk_totals(desk *d, const char *tenant)
{
    iscep_json *out = NULL;
    waiting w = {.d = d, .out = &out};
    iscep_journal_totals(d->journal, tenant, on_json, &w);
    desk_wait(d, &w.is_done);
    return out;
}

iscep_json *desk_stats(desk *d)
{
    iscep_json *out = NULL;
    waiting w = {.d = d, .out = &out};
    iscep_journal_stats(d->journal, on_json, &w);
    desk_wait(d, &w.is_done);
    return out;
}

const char *desk_events(desk *d, const char *transaction_id)
{
    static char text[1024];
    size_t len = 0;
    desk_flush(d);
    ISCEP_AUTO_JSON *json = desk_trace(d, ISCEP_TRACE_TRANSACTION, transaction_id, 2);
    const iscep_json *enrolment = iscep_json_first(iscep_json_member(json, "enrolments"));
    cr_assert_not_null(enrolment, "no enrolment %s", transaction_id);
    cr_assert_null(iscep_json_next(enrolment), "several enrolments %s", transaction_id);
    text[0] = '\0';
    for (const iscep_json *e = iscep_json_first(iscep_json_member(enrolment, "events")); e != NULL;
         e = iscep_json_next(e)) {
        int64_t count = 0;
        iscep_json_int(e, "count", &count);
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", len == 0 ? "" : ", ",
                                iscep_json_text(e, "event"));
        if (count != 1)
            len += (size_t)snprintf(text + len, sizeof text - len, "*%lld", (long long)count);
    }
    return text;
}
