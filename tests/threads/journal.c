/*
 * Several loops, each on a thread of its own, enrol through one journal at the same time: every answer comes to the loop that
 * asked, in the order of its questions, and is right. Then the handles are closed in every order, and the file holds it all.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/json.h"
#include "journal/deliveries.h"
#include "journal/engine.h"
#include "journal/inspect.h"

enum {
    MAX_LOOPS = 4,
    DEVICES = 120,     /* of each loop */
    UNDER_WAY = 8,     /* of them */
    LEASE_MS = 600000, /* nobody takes a delivery from whoever reports it */
    PATH_SIZE = 128
};
#define TENANT "contoso"

static void expect(bool is_so, const char *what, const iscep_error *err)
{
    if (is_so)
        return;
    fprintf(stderr, "threads_journal: %s: %s\n", what, err == NULL ? "is not so" : err->message);
    exit(1);
}

static void expect_ok(iscep_status status, const char *what, const iscep_error *err)
{
    expect(status == ISCEP_OK, what, err);
}

static const iscep_log quiet = {.min_level = ISCEP_LOG_ERROR};
static iscep_env env;

/* --- a loop, and the devices that it enrols --- */

typedef struct runner {
    int number;
    pthread_t thread; /* the main thread's, to join it */
    pthread_t self;
    iscep_loop *loop;
    iscep_journal *journal;
    int place; /* in the order of closing */
    int asked;
    int ended;
    int reported; /* the last device whose report was answered */
} runner;

typedef struct device {
    runner *of;
    int number;
    char transaction_id[32];
    char serial[32];
    iscep_enrolment_key key;
    int64_t delivery_id;
    int64_t fence;
} device;

static void begin_device(runner *r);

static void check_here(const runner *r)
{
    expect(pthread_equal(r->self, pthread_self()), "the answer comes on the thread that asked", NULL);
}

static void end_device(device *d)
{
    runner *r = d->of;
    free(d);
    r->ended++;
    if (r->asked < DEVICES)
        begin_device(r);
    else if (r->ended == DEVICES)
        iscep_loop_stop(r->loop);
}

static void on_traced(void *user, iscep_status status, const iscep_json *json, const iscep_error *err)
{
    device *d = user;
    check_here(d->of);
    expect_ok(status, "a trace", err);
    const iscep_json *enrolment = iscep_json_first(iscep_json_member(json, "enrolments"));
    const iscep_json *event = iscep_json_first(iscep_json_member(enrolment, "events"));
    expect(strcmp(iscep_json_text(enrolment, "state"), "reported") == 0, "the state in a trace", NULL);
    expect(strcmp(iscep_json_text(event, "event"), "validated") == 0, "the first event in a trace", NULL);
    end_device(d);
}

static void on_settled(void *user, iscep_status status, const iscep_report *report, const iscep_error *err)
{
    device *d = user;
    check_here(d->of);
    expect_ok(status, "a delivery that Intune accepted", err);
    expect(report->state == ISCEP_REPORT_DONE, "its state", NULL);
    iscep_journal_trace(d->of->journal, NULL, ISCEP_TRACE_TRANSACTION, d->transaction_id, 1, on_traced, d);
}

static void on_found(void *user, iscep_status status, iscep_cert_standing standing,
                     const iscep_journal_cert *cert, const iscep_error *err)
{
    device *d = user;
    check_here(d->of);
    expect_ok(status, "the certificate there is", err);
    expect(standing == ISCEP_CERT_OWED && strcmp(cert->serial, d->serial) == 0, "how it stands", NULL);
    const iscep_delivery_outcome outcome = {
        .end = ISCEP_DELIVERY_ACCEPTED, .fence = d->fence, .code = "Success"};
    iscep_journal_settle_delivery(d->of->journal, d->delivery_id, &outcome, on_settled, d);
}

static void on_claimed(void *user, iscep_status status, const iscep_delivery *deliveries, size_t count,
                       int64_t next_due_unix_ms, const iscep_error *err)
{
    (void)deliveries;
    (void)next_due_unix_ms;
    device *d = user;
    check_here(d->of);
    expect_ok(status, "a claim", err);
    expect(count == 0, "what one loop has claimed is not given to another", NULL);
    iscep_journal_find_cert(d->of->journal, &d->key, on_found, d);
}

static void on_reported(void *user, iscep_status status, const iscep_report *report, const iscep_error *err)
{
    device *d = user;
    check_here(d->of);
    expect_ok(status, "a report", err);
    expect(report->state == ISCEP_REPORT_OWED && report->is_first && report->is_claimed, "its state", NULL);
    expect(report->was_validated, "the note before it is seen", NULL);
    expect(d->number == d->of->reported + 1, "answers come in the order of the questions", NULL);
    expect(!iscep_journal_is_new(d->of->journal, &d->key), "what is on disk is not new", NULL);
    expect(iscep_journal_is_healthy(d->of->journal, NULL), "health", NULL);
    expect(iscep_journal_group_count(d->of->journal) > 0, "groups", NULL);
    d->of->reported = d->number;
    d->delivery_id = report->delivery_id;
    d->fence = report->fence;
    iscep_journal_claim_deliveries(d->of->journal, TENANT, 64, LEASE_MS, 3600000, on_claimed, d);
}

static iscep_enrolment_key key_of(const char *transaction_id)
{
    iscep_enrolment_key key = {.tenant = TENANT, .transaction_id = transaction_id};
    expect_ok(
        iscep_sha256_of_pair(key.csr_sha256, iscep_bytes_of_text(transaction_id), (iscep_bytes){0}, NULL),
        "a digest", NULL);
    return key;
}

static void begin_device(runner *r)
{
    device *d = calloc(1, sizeof *d);
    expect(d != NULL, "memory", NULL);
    d->of = r;
    d->number = ++r->asked;
    snprintf(d->transaction_id, sizeof d->transaction_id, "loop%d-device%d", r->number, d->number);
    snprintf(d->serial, sizeof d->serial, "%02X%08X", (unsigned)r->number + 1, (unsigned)d->number);
    d->key = key_of(d->transaction_id);
    const iscep_journal_event event = {.kind = ISCEP_EVENT_VALIDATED, .code = "Success"};
    const iscep_issued_record record = {.key = d->key,
                                        .csr = iscep_bytes_of_text(d->transaction_id),
                                        .cert = {.der = iscep_bytes_of_text(d->serial),
                                                 .serial = d->serial,
                                                 .thumbprint = "AABB",
                                                 .issuer = "CN=ca",
                                                 .subject = "CN=device",
                                                 .not_after_unix = iscep_now_unix_ms(&env) / 1000 + 86400},
                                        .ca = "main",
                                        .lease_ms = LEASE_MS};
    iscep_journal_note(r->journal, &d->key, &event);
    iscep_journal_record_issued(r->journal, &record, on_reported, d);
}

/* --- closing in a certain order --- */

static pthread_mutex_t turn_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;
static int closed_count;

static void on_last(void *user, iscep_status status, const iscep_error *err)
{
    expect_ok(status, "what is asked just before the end", err);
    *(bool *)user = true;
}

static void close_in_turn(runner *r)
{
    bool is_answered = false;
    pthread_mutex_lock(&turn_lock);
    while (closed_count < r->place)
        pthread_cond_wait(&turn_changed, &turn_lock);
    pthread_mutex_unlock(&turn_lock);
    iscep_journal_set_fact(r->journal, TENANT, "last", "word", on_last, &is_answered);
    iscep_journal_set_fact(r->journal, TENANT, "very last", "word", NULL, NULL);
    iscep_journal_close(r->journal);
    expect(is_answered, "the answer comes before the handle is closed", NULL);
    pthread_mutex_lock(&turn_lock);
    closed_count++;
    pthread_cond_broadcast(&turn_changed);
    pthread_mutex_unlock(&turn_lock);
}

static void *run(void *user)
{
    runner *r = user;
    r->self = pthread_self();
    for (int i = 0; i < UNDER_WAY; i++)
        begin_device(r);
    iscep_loop_run(r->loop);
    close_in_turn(r);
    iscep_loop_free(r->loop);
    return NULL;
}

/* --- afterwards --- */

static void on_stats(void *user, iscep_status status, const iscep_json *json, const iscep_error *err)
{
    runner *r = user;
    int64_t enrolments = 0, certificates = 0, owed = -1;
    expect_ok(status, "figures", err);
    expect(iscep_json_int(json, "enrolments", &enrolments) && enrolments == r->asked, "all enrolments", NULL);
    expect(iscep_json_int(json, "certificates", &certificates) && certificates == r->asked,
           "all certificates", NULL);
    expect(iscep_json_int(json, "owed", &owed) && owed == 0, "nothing is owed", NULL);
    iscep_loop_stop(r->loop);
}

static void check_file(const iscep_journal_options *options, int devices)
{
    runner r = {.asked = devices};
    iscep_error err = ISCEP_ERROR_INIT;
    expect_ok(iscep_loop_new(&r.loop, &err), "a loop", &err);
    expect_ok(iscep_journal_open(&r.journal, &env, r.loop, options, &err), "opening it again", &err);
    iscep_journal_stats(r.journal, on_stats, &r);
    iscep_loop_run(r.loop);
    iscep_journal_close(r.journal);
    iscep_loop_free(r.loop);
}

static void remove_files(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
    char name[PATH_SIZE + 8];
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

/* --- a round --- */

/* The first handle is the main thread's; each of the others is attached to the one before. Merges come all the time. */
static void make_runners(runner *runners, int count, const int *places, const iscep_journal_options *options)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_journal_tuning tuning = ISCEP_JOURNAL_TUNING_INIT;
    tuning.keys = (iscep_keys_options){.min_recent = 64, .merged_at_once = 16};
    tuning.gather_ms = 1;
    tuning.sweep_interval_ms = 10;
    for (int i = 0; i < count; i++) {
        runner *r = &runners[i];
        *r = (runner){.number = i, .place = places[i]};
        expect_ok(iscep_loop_new(&r->loop, &err), "a loop", &err);
        expect_ok(i == 0 ? iscep_journal_open_tuned(&r->journal, &env, r->loop, options, &tuning, &err)
                         : iscep_journal_attach(&r->journal, runners[i - 1].journal, r->loop, &err),
                  "a handle", &err);
    }
}

static void enrol(int count, const int *places, const char *path)
{
    static runner runners[MAX_LOOPS];
    const iscep_journal_options options = {.path = path, .retention_days = 400, .max_size_mb = 4096};
    closed_count = 0;
    make_runners(runners, count, places, &options);
    for (int i = 1; i < count; i++)
        expect(pthread_create(&runners[i].thread, NULL, run, &runners[i]) == 0, "a thread", NULL);
    run(&runners[0]);
    for (int i = 1; i < count; i++)
        pthread_join(runners[i].thread, NULL);
    check_file(&options, count * DEVICES);
    remove_files(path);
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
    expect(mkdtemp(dir) != NULL, "a directory", NULL);
    snprintf(path, sizeof path, "%s/journal.db", dir);
    for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++)
        enrol(rounds[i].count, rounds[i].places, path);
    rmdir(dir);
    return 0;
}
