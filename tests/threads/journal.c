/*
 * Several loops, each on a thread of its own, enrol through one journal at the same time: every answer comes to the loop that
 * asked, in the order of its questions, and is right. Then the handles are closed in every order, and the file holds it all.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "expect.h"
#include "journal/engine.h"
#include "journal/inspect.h"
#include "runner.h"
#include "tests/support/journal_files.h"

enum {
    MAX_LOOPS = 4,
    DEVICES = 120,     /* of each loop */
    UNDER_WAY = 8,     /* of them */
    LEASE_MS = 600000, /* nobody takes a delivery from whoever reports it */
    PATH_SIZE = 128
};

static const iscep_log quiet = {.min_level = ISCEP_LOG_ERROR};
static iscep_env env;

/* A runner whose handle is closed in a certain order. */
typedef struct worker {
    runner runner; /* first: its devices know this one */
    int place;     /* in the order of closing */
    int reported;  /* the last device whose report was answered */
} worker;

/* --- a device, when it is reported --- */

static void on_traced(void *user, iscep_status status, const iscep_json *json, const iscep_error *err)
{
    device *d = user;
    device_check_thread(d);
    expect_ok(status, "a trace", err);
    const iscep_json *enrolment = iscep_json_first(iscep_json_member(json, "enrolments"));
    const iscep_json *event = iscep_json_first(iscep_json_member(enrolment, "events"));
    expect(strcmp(iscep_json_text(enrolment, "state"), "reported") == 0, "the state in a trace");
    expect(strcmp(iscep_json_text(event, "event"), "validated") == 0, "the first event in a trace");
    device_end(d);
}

static void on_settled(void *user, iscep_status status, const iscep_report *report, const iscep_error *err)
{
    device *d = user;
    device_check_thread(d);
    expect_ok(status, "a delivery that Intune accepted", err);
    expect(report->state == ISCEP_REPORT_DONE, "its state");
    iscep_journal_trace(d->of->journal, NULL, ISCEP_TRACE_TRANSACTION, d->transaction_id, 1, on_traced, d);
}

static void on_found(void *user, iscep_status status, iscep_cert_standing standing,
                     const iscep_journal_cert *cert, const iscep_error *err)
{
    device *d = user;
    device_check_thread(d);
    expect_ok(status, "the certificate there is", err);
    expect(standing == ISCEP_CERT_OWED && strcmp(cert->serial, d->serial) == 0, "how it stands");
    device_accept(d, on_settled);
}

static void on_claimed(void *user, iscep_status status, const iscep_delivery *deliveries, size_t count,
                       int64_t next_due_unix_ms, const iscep_error *err)
{
    (void)deliveries;
    (void)next_due_unix_ms;
    device *d = user;
    device_check_thread(d);
    expect_ok(status, "a claim", err);
    expect(count == 0, "what one loop has claimed is not given to another");
    iscep_journal_find_cert(d->of->journal, &d->key, on_found, d);
}

static void on_reported(device *d, const iscep_report *report)
{
    worker *w = (worker *)d->of;
    expect(report->is_claimed, "whoever reports has claimed");
    expect(report->was_validated, "the note before it is seen");
    expect(d->number == w->reported + 1, "answers come in the order of the questions");
    expect(!iscep_journal_is_new(d->of->journal, &d->key), "what is on disk is not new");
    expect(iscep_journal_is_healthy(d->of->journal, NULL), "health");
    expect(iscep_journal_group_count(d->of->journal) > 0, "groups");
    w->reported = d->number;
    iscep_journal_claim_deliveries(d->of->journal, RUNNER_TENANT, 64, LEASE_MS, 3600000, on_claimed, d);
}

static const runner_plan plan = {.env = &env,
                                 .devices = DEVICES,
                                 .under_way = UNDER_WAY,
                                 .lease_ms = LEASE_MS,
                                 .on_reported = on_reported};

/* --- closing in a certain order --- */

static pthread_mutex_t turn_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;
static int closed_count;

static void on_last(void *user, iscep_status status, const iscep_error *err)
{
    expect_ok(status, "what is asked just before the end", err);
    *(bool *)user = true;
}

static void close_in_turn(const worker *w)
{
    bool is_answered = false;
    iscep_journal *journal = w->runner.journal;
    pthread_mutex_lock(&turn_lock);
    while (closed_count < w->place)
        pthread_cond_wait(&turn_changed, &turn_lock);
    pthread_mutex_unlock(&turn_lock);
    iscep_journal_set_fact(journal, RUNNER_TENANT, "last", "word", on_last, &is_answered);
    iscep_journal_set_fact(journal, RUNNER_TENANT, "very last", "word", NULL, NULL);
    iscep_journal_close(journal);
    expect(is_answered, "the answer comes before the handle is closed");
    pthread_mutex_lock(&turn_lock);
    closed_count++;
    pthread_cond_broadcast(&turn_changed);
    pthread_mutex_unlock(&turn_lock);
}

static void *run(void *user)
{
    worker *w = user;
    runner_run(&w->runner);
    close_in_turn(w);
    iscep_loop_free(w->runner.loop);
    return NULL;
}

/* --- afterwards --- */

typedef struct reader {
    iscep_loop *loop;
    iscep_journal *journal;
    int devices; /* that are to be in it */
} reader;

static void on_stats(void *user, iscep_status status, const iscep_json *json, const iscep_error *err)
{
    reader *r = user;
    int64_t enrolments = 0, certificates = 0, owed = -1;
    expect_ok(status, "figures", err);
    expect(iscep_json_int(json, "enrolments", &enrolments) && enrolments == r->devices, "all enrolments");
    expect(iscep_json_int(json, "certificates", &certificates) && certificates == r->devices,
           "all certificates");
    expect(iscep_json_int(json, "owed", &owed) && owed == 0, "nothing is owed");
    iscep_loop_stop(r->loop);
}

static void check_file(const iscep_journal_options *options, int devices)
{
    reader r = {.devices = devices};
    iscep_error err = ISCEP_ERROR_INIT;
    expect_ok(iscep_loop_new(&r.loop, &err), "a loop", &err);
    expect_ok(iscep_journal_open(&r.journal, &env, r.loop, options, &err), "opening it again", &err);
    iscep_journal_stats(r.journal, on_stats, &r);
    iscep_loop_run(r.loop);
    iscep_journal_close(r.journal);
    iscep_loop_free(r.loop);
}

/* --- a round --- */

/* The first handle is the main thread's; each of the others is attached to the one before. Merges come all the time. */
static void make_workers(worker *workers, int count, const int *places, const iscep_journal_options *options)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_journal_tuning tuning = ISCEP_JOURNAL_TUNING_INIT;
    tuning.keys = (iscep_keys_options){.min_recent = 64, .merged_at_once = 16};
    tuning.gather_ms = 1;
    tuning.sweep_interval_ms = 10;
    for (int i = 0; i < count; i++) {
        runner *r = &workers[i].runner;
        workers[i] = (worker){.place = places[i]};
        runner_init(r, i, &plan);
        expect_ok(i == 0 ? iscep_journal_open_tuned(&r->journal, &env, r->loop, options, &tuning, &err)
                         : iscep_journal_attach(&r->journal, workers[i - 1].runner.journal, r->loop, &err),
                  "a handle", &err);
    }
}

static void enrol(int count, const int *places, const char *path)
{
    static worker workers[MAX_LOOPS];
    const iscep_journal_options options = {.path = path, .retention_days = 400, .max_size_mb = 4096};
    closed_count = 0;
    make_workers(workers, count, places, &options);
    for (int i = 1; i < count; i++)
        expect(pthread_create(&workers[i].runner.thread, NULL, run, &workers[i]) == 0, "a thread");
    run(&workers[0]);
    for (int i = 1; i < count; i++)
        pthread_join(workers[i].runner.thread, NULL);
    check_file(&options, count * DEVICES);
    journal_files_remove(path);
}

int main(void)
{
    static const struct {
        int count;
        int places[MAX_LOOPS];
    } rounds[] = {{2, {1, 0}},       {2, {0, 1}},       {4, {3, 2, 1, 0}},
                  {4, {3, 0, 1, 2}}, {4, {0, 1, 2, 3}}, {4, {1, 3, 0, 2}}};
    char dir[] = "/tmp/threads_journal.XXXXXX", path[PATH_SIZE];
    env = iscep_env_system(&quiet);
    expect(mkdtemp(dir) != NULL, "a directory");
    snprintf(path, sizeof path, "%s/journal.db", dir);
    for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++)
        enrol(rounds[i].count, rounds[i].places, path);
    rmdir(dir);
    return 0;
}
