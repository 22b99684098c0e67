/*
 * Several loops, each on a thread of its own, report through one journal whose database is thrown out, and let in again, all the time
 * (ISCEP_TEST_POSTGRES; by with_postgres.sh). Every report is acknowledged; in the end the spool is empty, and the database has each
 * of them once.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "journal/claims.h"
#include "journal/engine.h"
#include "journal/store_postgres.h"
#include "tests/support/wire.h"

enum {
    LOOPS = 3,
    DEVICES = 150,  /* of each loop */
    UNDER_WAY = 4,  /* of them */
    LEASE_MS = 500, /* what nobody settles must not hold up the end for long */
    TIMEOUT_MS = 2000,
    PROBE_MS = 5,
    DISTURBANCE_MS = 40,
    WATCH_MS = 20,
    TEXT_SIZE = 512
};
#define TENANT "contoso"

static void expect(bool is_so, const char *what, const iscep_error *err)
{
    if (is_so)
        return;
    fprintf(stderr, "threads_spool: %s: %s\n", what, err == NULL ? "is not so" : err->message);
    exit(1);
}

static const iscep_log quiet = {.min_level = ISCEP_LOG_ERROR};
static iscep_env env;
static atomic_int running;

/* --- a loop, and the devices whose certificates it reports --- */

typedef struct runner {
    int number;
    pthread_t thread;
    iscep_loop *loop;
    iscep_journal *journal;
    int asked;
    int ended;
} runner;

typedef struct device {
    runner *of;
    char transaction_id[32];
    char serial[16];
} device;

static void begin_device(runner *r);

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

/* One that is in the database has to wait for it; nobody tells Intune here, so it is given up. */
static void on_settled(void *user, iscep_status status, const iscep_report *report, const iscep_error *err)
{
    bool is_away = status == ISCEP_STORAGE && strcmp(err->code, "journal_away") == 0;
    expect(is_away || status == ISCEP_OK, "a settlement", err);
    expect(is_away || report->state == ISCEP_REPORT_DONE, "its state", NULL);
    end_device(user);
}

static void on_reported(void *user, iscep_status status, const iscep_report *report, const iscep_error *err)
{
    device *d = user;
    expect(status == ISCEP_OK, "a report, wherever it is recorded", err);
    expect(report->state == ISCEP_REPORT_OWED && report->is_first, "its state", NULL);
    expect(iscep_journal_is_healthy(d->of->journal, NULL), "health", NULL);
    const iscep_delivery_outcome outcome = {
        .end = ISCEP_DELIVERY_ACCEPTED, .fence = report->fence, .code = "Success"};
    iscep_journal_settle_delivery(d->of->journal, report->delivery_id, &outcome, on_settled, d);
}

static void begin_device(runner *r)
{
    device *d = calloc(1, sizeof *d);
    expect(d != NULL, "memory", NULL);
    *d = (device){.of = r};
    snprintf(d->transaction_id, sizeof d->transaction_id, "loop%d-device%d", r->number, ++r->asked);
    snprintf(d->serial, sizeof d->serial, "%02X%08X", (unsigned)r->number + 1, (unsigned)r->asked);
    iscep_issued_record record = {.key = {.tenant = TENANT, .transaction_id = d->transaction_id},
                                  .csr = iscep_bytes_of_text(d->transaction_id),
                                  .cert = {.der = iscep_bytes_of_text(d->serial),
                                           .serial = d->serial,
                                           .thumbprint = "AABB",
                                           .issuer = "CN=ca",
                                           .subject = "CN=device",
                                           .not_after_unix = iscep_now_unix_ms(&env) / 1000 + 86400},
                                  .ca = "main",
                                  .lease_ms = LEASE_MS};
    expect(iscep_sha256_of_pair(record.key.csr_sha256, record.csr, (iscep_bytes){0}, NULL) == ISCEP_OK,
           "a digest", NULL);
    const iscep_journal_event event = {.kind = ISCEP_EVENT_VALIDATED, .code = "Success"};
    iscep_journal_note(r->journal, &record.key, &event);
    iscep_journal_record_issued(r->journal, &record, on_reported, d);
}

static void *run(void *user)
{
    runner *r = user;
    for (int i = 0; i < UNDER_WAY; i++)
        begin_device(r);
    iscep_loop_run(r->loop);
    iscep_journal_close(r->journal);
    atomic_fetch_sub(&running, 1);
    return NULL;
}

/* --- the keeper, who disturbs, and waits for the end --- */

typedef struct keeper {
    iscep_loop *loop;
    iscep_journal *journal;
    iscep_timer *timer;
    wire *wire;
    int disturbances;
} keeper;

static void watch(void *user)
{
    keeper *k = user;
    iscep_journal_standing_facts facts;
    iscep_journal_standing(k->journal, &facts);
    if (atomic_load(&running) > 0) {
        wire_set(k->wire, k->disturbances++ % 2 == 0 ? WIRE_CUT : WIRE_WHOLE);
        iscep_timer_arm(k->timer, DISTURBANCE_MS);
        return;
    }
    wire_set(k->wire, WIRE_WHOLE);
    if (facts.state == ISCEP_JOURNAL_HERE)
        iscep_loop_stop(k->loop);
    else
        iscep_timer_arm(k->timer, WATCH_MS);
}

/* --- the database --- */

static void run_sql(const char *conninfo, const char *sql)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_store *store = NULL;
    iscep_postgres_options options = ISCEP_POSTGRES_OPTIONS_INIT;
    options.conninfo = conninfo;
    options.timeout_ms = 10 * TIMEOUT_MS;
    expect(iscep_store_open_postgres(&store, &options, ISCEP_STORE_WRITE, &err) == ISCEP_OK, "the database",
           &err);
    expect(iscep_store_run_script(store, sql, &err) == ISCEP_OK, sql, &err);
    iscep_store_close(store);
}

/* Fails unless the number of rows is as expected: a division by zero says so. */
static void expect_rows(const char *conninfo, const char *rows, int count)
{
    char sql[TEXT_SIZE];
    snprintf(sql, sizeof sql, "SELECT 1 / (CASE WHEN (SELECT COUNT(*) FROM %s) = %d THEN 1 ELSE 0 END)", rows,
             count);
    run_sql(conninfo, sql);
}

typedef struct place {
    char direct[TEXT_SIZE]; /* conninfos */
    char wired[TEXT_SIZE];
    wire *wire;
} place;

static void make_place(place *p)
{
    const char *server = getenv("ISCEP_TEST_POSTGRES");
    char dir[96] = "", port[16] = "", socket_path[128], sql[64];
    expect(server != NULL && sscanf(server, "host=%95s port=%15s", dir, port) == 2, "by with_postgres.sh",
           NULL);
    snprintf(socket_path, sizeof socket_path, "%s/.s.PGSQL.%s", dir, port);
    p->wire = wire_open(socket_path);
    snprintf(p->direct, sizeof p->direct, "%s options='-c search_path=threads%d'", server, (int)getpid());
    snprintf(p->wired, sizeof p->wired, "host=127.0.0.1 port=%u sslmode=disable gssencmode=disable%s",
             wire_port(p->wire), strstr(p->direct, " dbname="));
    snprintf(sql, sizeof sql, "CREATE SCHEMA threads%d", (int)getpid());
    run_sql(p->direct, sql);
}

static void open_journals(keeper *k, runner *runners, const char *path, const place *p)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_postgres_options database = ISCEP_POSTGRES_OPTIONS_INIT;
    iscep_journal_options options = ISCEP_JOURNAL_OPTIONS_INIT;
    iscep_journal_tuning tuning = ISCEP_JOURNAL_TUNING_INIT;
    database.conninfo = p->wired;
    database.timeout_ms = TIMEOUT_MS;
    options.path = path;
    options.database = &database;
    tuning.probe_ms = PROBE_MS;
    tuning.gather_ms = 1;
    *k = (keeper){.wire = p->wire};
    expect(iscep_loop_new(&k->loop, &err) == ISCEP_OK, "a loop", &err);
    expect(iscep_journal_open_tuned(&k->journal, &env, k->loop, &options, &tuning, &err) == ISCEP_OK,
           "a journal", &err);
    expect(iscep_timer_new(&k->timer, k->loop, watch, k, &err) == ISCEP_OK, "a timer", &err);
    for (int i = 0; i < LOOPS; i++) {
        runners[i] = (runner){.number = i};
        expect(iscep_loop_new(&runners[i].loop, &err) == ISCEP_OK, "a loop", &err);
        expect(iscep_journal_attach(&runners[i].journal, k->journal, runners[i].loop, &err) == ISCEP_OK,
               "a handle", &err);
    }
}

int main(void)
{
    char dir[] = "/tmp/iscep-threads.XXXXXX", path[64], command[64];
    runner runners[LOOPS];
    keeper k;
    place p;
    env = iscep_env_system(&quiet);
    expect(mkdtemp(dir) != NULL, "a directory", NULL);
    snprintf(path, sizeof path, "%s/spool.db", dir);
    make_place(&p);
    open_journals(&k, runners, path, &p);
    atomic_store(&running, LOOPS);
    for (int i = 0; i < LOOPS; i++)
        expect(pthread_create(&runners[i].thread, NULL, run, &runners[i]) == 0, "a thread", NULL);
    iscep_timer_arm(k.timer, 0);
    iscep_loop_run(k.loop);
    for (int i = 0; i < LOOPS; i++) {
        pthread_join(runners[i].thread, NULL);
        iscep_loop_free(runners[i].loop);
    }
    iscep_timer_free(k.timer);
    iscep_journal_close(k.journal);
    iscep_loop_free(k.loop);
    wire_close(p.wire);
    expect_rows(p.direct, "enrolment WHERE is_validated = 1", LOOPS * DEVICES);
    expect_rows(p.direct, "delivery", LOOPS * DEVICES);
    expect_rows(p.direct, "event WHERE kind = 'issued'", LOOPS * DEVICES);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) == 0 ? 0 : 1;
}
