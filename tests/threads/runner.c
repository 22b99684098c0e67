/* See runner.h. */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"
#include "expect.h"

void runner_init(runner *r, int number, const runner_plan *plan)
{
    iscep_error err = ISCEP_ERROR_INIT;
    *r = (runner){.plan = plan, .number = number};
    expect_ok(iscep_loop_new(&r->loop, &err), "a loop", &err);
}

static void on_reported(void *user, iscep_status status, const iscep_report *report, const iscep_error *err)
{
    device *d = user;
    device_check_thread(d);
    expect_ok(status, "a report", err);
    expect(report->state == ISCEP_REPORT_OWED && report->is_first, "its state");
    d->delivery_id = report->delivery_id;
    d->fence = report->fence;
    d->of->plan->on_reported(d, report);
}

static device *make_device(runner *r)
{
    iscep_error err = ISCEP_ERROR_INIT;
    device *d = calloc(1, sizeof *d);
    expect(d != NULL, "memory");
    d->of = r;
    d->number = ++r->begun;
    snprintf(d->transaction_id, sizeof d->transaction_id, "loop%d-device%d", r->number, d->number);
    snprintf(d->serial, sizeof d->serial, "%02X%08X", (unsigned)r->number + 1, (unsigned)d->number);
    d->key = (iscep_enrolment_key){.tenant = RUNNER_TENANT, .transaction_id = d->transaction_id};
    expect_ok(iscep_sha256_of_pair(d->key.csr_sha256, iscep_bytes_of_text(d->transaction_id),
                                   (iscep_bytes){0}, &err),
              "a digest", &err);
    return d;
}

static void begin_device(runner *r)
{
    device *d = make_device(r);
    const iscep_journal_event event = {.kind = ISCEP_EVENT_VALIDATED, .code = "Success"};
    const iscep_issued_record record = {
        .key = d->key,
        .csr = iscep_bytes_of_text(d->transaction_id),
        .cert = {.der = iscep_bytes_of_text(d->serial),
                 .serial = d->serial,
                 .thumbprint = "AABB",
                 .issuer = "CN=ca",
                 .subject = "CN=device",
                 .not_after_unix = iscep_now_unix_ms(r->plan->env) / 1000 + 86400},
        .ca = "main",
        .lease_ms = r->plan->lease_ms};
    iscep_journal_note(r->journal, &d->key, &event);
    iscep_journal_record_issued(r->journal, &record, on_reported, d);
}

void runner_run(runner *r)
{
    r->self = pthread_self();
    for (int i = 0; i < r->plan->under_way; i++)
        begin_device(r);
    iscep_loop_run(r->loop);
}

void device_check_thread(const device *d)
{
    expect(pthread_equal(d->of->self, pthread_self()), "the answer comes on the thread that asked");
}

void device_accept(device *d, iscep_report_fn on_settled)
{
    const iscep_delivery_outcome outcome = {
        .end = ISCEP_DELIVERY_ACCEPTED, .fence = d->fence, .code = "Success"};
    iscep_journal_settle_delivery(d->of->journal, d->delivery_id, &outcome, on_settled, d);
}

void device_end(device *d)
{
    runner *r = d->of;
    free(d);
    r->ended++;
    if (r->begun < r->plan->devices)
        begin_device(r);
    else if (r->ended == r->plan->devices)
        iscep_loop_stop(r->loop);
}
