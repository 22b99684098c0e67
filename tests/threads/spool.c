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

#include "expect.h"
#include "journal/engine.h"
#include "journal/store_postgres.h"
#include "runner.h"
#include "tests/support/journal_files.h"
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

static const iscep_log quiet = {.min_level = ISCEP_LOG_ERROR};
static iscep_env env;
static atomic_int running;

/* --- a device, when it is reported --- */

/* One that is in the database has to wait for it; nobody tells Intune here, so it is given up. */
static void on_settled(void *user, iscep_status status, const iscep_report *report, const iscep_error *err)
{
    bool is_away = status == ISCEP_STORAGE && strcmp(err->code, "journal_away") == 0;
    expect_ok(is_away ? ISCEP_OK : status, "a settlement", err);
    expect(is_away || report->state == ISCEP_REPORT_DONE, "its state");
    device_end(user);
}

static void on_reported(device *d, const iscep_report *report)
{
    (void)report;
    expect(iscep_journal_is_healthy(d->of->journal, NULL), "health");
    device_accept(d, on_settled);
}

static const runner_plan plan = {.env = &env,
                                 .devices = DEVICES,
                                 .under_way = UNDER_WAY,
                                 .lease_ms = LEASE_MS,
                                 .on_reported = on_reported};

static void *run(void *user)
{
    runner *r = user;
    runner_run(r);
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
    expect_ok(iscep_store_open_postgres(&store, &options, ISCEP_STORE_WRITE, &err), "the database", &err);
    expect_ok(iscep_store_run_script(store, sql, &err), sql, &err);
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
    expect(server != NULL && sscanf(server, "host=%95s port=%15s", dir, port) == 2, "by with_postgres.sh");
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
    expect_ok(iscep_loop_new(&k->loop, &err), "a loop", &err);
    expect_ok(iscep_journal_open_tuned(&k->journal, &env, k->loop, &options, &tuning, &err), "a journal",
              &err);
    expect_ok(iscep_timer_new(&k->timer, k->loop, watch, k, &err), "a timer", &err);
    for (int i = 0; i < LOOPS; i++) {
        runner_init(&runners[i], i, &plan);
        expect_ok(iscep_journal_attach(&runners[i].journal, k->journal, runners[i].loop, &err), "a handle",
                  &err);
    }
}

int main(void)
{
    char dir[] = "/tmp/iscep-threads.XXXXXX", path[64];
    runner runners[LOOPS];
    keeper k;
    place p;
    env = iscep_env_system(&quiet);
    expect(mkdtemp(dir) != NULL, "a directory");
    snprintf(path, sizeof path, "%s/spool.db", dir);
    make_place(&p);
    open_journals(&k, runners, path, &p);
    atomic_store(&running, LOOPS);
    for (int i = 0; i < LOOPS; i++)
        expect(pthread_create(&runners[i].thread, NULL, run, &runners[i]) == 0, "a thread");
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
    journal_files_remove(path);
    return rmdir(dir) == 0 ? 0 : 1;
}
