/*
 * A writer of an engine (engine.h). It runs whatever is waiting in one transaction. If one of these jobs fails, the
 * transaction is rolled back, and each runs again in one of its own: so one cannot harm the rest, and nobody pays for
 * savepoints as long as nothing fails. A job that another node's got into the way of runs again, alone, a few times.
 *
 * The first writer also does what can wait: merging keys, forgetting, and finding out whether a database that is away is back.
 */
#include <string.h>
#include <time.h>

#include "journal/engine_parts.h"

enum {
    IDLE_AFTER_MS = 5,     /* without a job: time for what can wait */
    MAX_TRIES = 6,         /* of a job that meets a conflict */
    MAX_PAUSE_MS = 20,     /* before such a try */
    AT_ONCE_PROBES = 10,   /* the time of so many between a database found and lost again is nothing */
    MAX_PAUSE_PROBES = 60, /* and of so many it is left alone then, at most */
    NS_PER_MS = 1000000
};

/* --- a group --- */

/* Only the failed job's own mistake, found before it wrote anything, leaves the transaction as it should be. */
static bool is_harmless(iscep_status status)
{
    return status == ISCEP_OK || status == ISCEP_USAGE;
}

static void roll_back(iscep_db *db)
{
    iscep_store_rollback(db->store);
    iscep_keys_rolled_back(db->keys);
}

static void fail_all(iscep_job_list *jobs, iscep_status status, const iscep_error *err)
{
    iscep_job *job;
    STAILQ_FOREACH(job, jobs, link)
    {
        job->status = status;
        job->err = *err;
    }
}

/* failed: the first that failed; the rest has not run. */
static iscep_status run_all(iscep_clerk *clerk, iscep_job_list *jobs, iscep_job **failed, iscep_error *err)
{
    iscep_job *job;
    STAILQ_FOREACH(job, jobs, link)
    {
        if (is_harmless(iscep_engine_run_job(clerk, job)))
            continue;
        *failed = job;
        *err = job->err;
        return job->status;
    }
    return ISCEP_OK;
}

/* What was only asked here, and is passed on, has written nothing. */
static bool has_written(const iscep_job_list *jobs)
{
    const iscep_job *job;
    STAILQ_FOREACH(job, jobs, link)
    {
        if (job->pass_to == NULL)
            return true;
    }
    return false;
}

static void take_note(iscep_engine *engine, const iscep_job_list *jobs)
{
    atomic_fetch_add(&engine->group_count, 1);
    if (engine->hooks.written != NULL && has_written(jobs))
        engine->hooks.written(engine->hooks.user);
}

/* Up to the end, which is the commit. failed: the job whose failure it was; NULL: it was nobody's. */
static iscep_status run_to_end(iscep_clerk *clerk, iscep_job_list *jobs, iscep_job **failed, iscep_error *err)
{
    iscep_engine *engine = clerk->engine;
    int64_t began_mono_ms = iscep_now_mono_ms(engine->env);
    iscep_status status = ISCEP_OK;
    for (int tries = 0; tries < 2; tries++) {
        *failed = NULL;
        status = iscep_store_begin(clerk->db.store, ISCEP_STORE_DURABLE, err);
        if (status == ISCEP_OK)
            status = run_all(clerk, jobs, failed, err);
        if (status == ISCEP_OK || !iscep_engine_may_be_there(engine, status, err, began_mono_ms))
            break;
        roll_back(&clerk->db);
    }
    return status;
}

/*
 * False: nothing was done, because one failed, and the others deserve better; or because another node was in the way. A database tells
 * some failures of a job only at the end; a file's commit fails for all.
 */
static bool run_group(iscep_clerk *clerk, iscep_job_list *jobs)
{
    iscep_engine *engine = clerk->engine;
    iscep_db *db = &clerk->db;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_job *failed = NULL;
    iscep_status status = run_to_end(clerk, jobs, &failed, &err);
    bool is_at_end = status == ISCEP_OK;
    if (is_at_end)
        status = iscep_store_commit(db->store, &err);
    iscep_engine_note_health(engine, status, &err);
    if (status == ISCEP_OK) {
        iscep_keys_committed(db->keys);
        take_note(engine, jobs);
        return true;
    }
    roll_back(db);
    if (iscep_engine_is_away(engine, status, &err)) {
        iscep_engine_lost(engine, &err);
        return iscep_engine_lost_them(engine, jobs);
    }
    if (failed == NULL)
        fail_all(jobs, status, &err);
    return failed == NULL && !(is_at_end && engine->is_remote);
}

/* --- each by itself --- */

static void pause_at_random(const iscep_engine *engine)
{
    iscep_error err = ISCEP_ERROR_INIT;
    int64_t ms = 0;
    if (iscep_random_up_to(&ms, engine->env, MAX_PAUSE_MS, &err) != ISCEP_OK)
        ms = MAX_PAUSE_MS;
    const struct timespec span = {.tv_nsec = (long)ms * NS_PER_MS};
    nanosleep(&span, NULL);
}

static void write_one(iscep_clerk *clerk, iscep_job_list *one)
{
    const iscep_job *job = STAILQ_FIRST(one);
    for (int tries = 1;
         !iscep_engine_lost_them(clerk->engine, one) && !run_group(clerk, one) && tries < MAX_TRIES;
         tries++) {
        if (!iscep_error_is_conflict(job->status, &job->err))
            return;
        pause_at_random(clerk->engine);
    }
}

static void write_one_by_one(iscep_clerk *clerk, iscep_job_list *jobs)
{
    iscep_job_list one = STAILQ_HEAD_INITIALIZER(one), ended = STAILQ_HEAD_INITIALIZER(ended);
    while (!STAILQ_EMPTY(jobs)) {
        iscep_job *job = STAILQ_FIRST(jobs);
        STAILQ_REMOVE_HEAD(jobs, link);
        STAILQ_INSERT_TAIL(&one, job, link);
        write_one(clerk, &one);
        STAILQ_CONCAT(&ended, &one);
    }
    STAILQ_CONCAT(jobs, &ended);
}

static void write_jobs(void *user, iscep_job_list *jobs)
{
    iscep_clerk *clerk = user;
    int64_t began_mono_us = iscep_now_mono_us(clerk->engine->env);
    if (!iscep_engine_lost_them(clerk->engine, jobs) && !run_group(clerk, jobs))
        write_one_by_one(clerk, jobs);
    iscep_engine_count_seconds(clerk->engine, "write", began_mono_us);
}

/* --- between two groups --- */

static iscep_status probe(iscep_db *db, iscep_error *err)
{
    iscep_status status = iscep_store_begin(db->store, ISCEP_STORE_DURABLE, err);
    if (status == ISCEP_OK)
        status = iscep_store_run(db->store, err,
                                 "INSERT INTO fact (tenant, name, value) VALUES ('', 'probe', $1)"
                                 " ON CONFLICT (tenant, name) DO UPDATE SET value = fact.value || '.'",
                                 iscep_text("."));
    if (status == ISCEP_OK)
        status = iscep_store_run(db->store, err, "DELETE FROM fact WHERE tenant = '' AND name = $1",
                                 iscep_text("probe"));
    if (status == ISCEP_OK)
        status = iscep_store_commit(db->store, err);
    if (status != ISCEP_OK)
        iscep_store_rollback(db->store);
    return status;
}

/* As a lane's pauses are measured (lane.c). */
static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
}

/*
 * How long it is still left alone. A probe may succeed where what is to be written does not: a role without a right on one table, room
 * for a few bytes and no more. Each time it is lost as soon as it was found it is left alone for longer.
 */
static int64_t rest_of_pause_ms(iscep_engine *engine)
{
    const int64_t now_mono_ms = monotonic_ms(), unit_ms = engine->tuning.probe_ms;
    iscep_relapse *relapse = &engine->relapse;
    if (relapse->is_found) { /* this is the first look since it was lost again */
        bool was_at_once = now_mono_ms - relapse->found_mono_ms < AT_ONCE_PROBES * unit_ms;
        int64_t longer_ms = relapse->pause_ms == 0 ? unit_ms : 2 * relapse->pause_ms;
        int64_t longest_ms = MAX_PAUSE_PROBES * unit_ms;
        relapse->is_found = false;
        relapse->pause_ms = !was_at_once ? 0 : longer_ms < longest_ms ? longer_ms : longest_ms;
        relapse->until_mono_ms = now_mono_ms + relapse->pause_ms;
    }
    return now_mono_ms < relapse->until_mono_ms ? relapse->until_mono_ms - now_mono_ms : 0;
}

/* Another node's probe in the way of ours shows that there is a database. */
static int64_t look_for_database(iscep_clerk *clerk, bool is_idle)
{
    iscep_engine *engine = clerk->engine;
    iscep_error err = ISCEP_ERROR_INIT;
    bool is_due = atomic_exchange(&engine->is_probe_due, false);
    int64_t pause_ms = rest_of_pause_ms(engine);
    if (pause_ms > 0)
        return pause_ms;
    if (!is_idle && !is_due)
        return engine->tuning.probe_ms;
    iscep_status status = iscep_engine_migrate(engine, clerk->db.store, &err);
    if (status == ISCEP_OK)
        status = probe(&clerk->db, &err);
    if (iscep_error_is_conflict(status, &err))
        status = ISCEP_OK;
    if (status != ISCEP_OK) {
        engine->hooks.tell(engine->hooks.user, &err);
        return engine->tuning.probe_ms;
    }
    engine->relapse.is_found = true;
    engine->relapse.found_mono_ms = monotonic_ms();
    iscep_engine_note_health(engine, ISCEP_OK, &err);
    atomic_store(&engine->is_away, false);
    engine->hooks.tell(engine->hooks.user, NULL);
    return 0;
}

/* One slice of what can wait. While jobs come, a merge keeps pace with them; a moment without any is used to the full. */
static iscep_status do_slice(iscep_clerk *clerk, bool is_idle, bool *is_more, iscep_error *err)
{
    iscep_engine *engine = clerk->engine;
    iscep_db *db = &clerk->db;
    iscep_status status = ISCEP_OK;
    if (is_idle ? iscep_keys_need_merge(db->keys) : iscep_keys_merge_is_due(db->keys))
        status = iscep_keys_merge_slice(db->keys, db->store, err);
    else if (engine->sweep.is_under_way)
        status = iscep_sweep_slice(&engine->sweep, db, err);
    *is_more = iscep_keys_need_merge(db->keys) || engine->sweep.is_under_way;
    return status;
}

/* A connection that broke while nothing was asked of it is no outage here either. */
static iscep_status do_slice_again(iscep_clerk *clerk, bool is_idle, bool *is_more, iscep_error *err)
{
    int64_t began_mono_ms = iscep_now_mono_ms(clerk->engine->env);
    iscep_status status = do_slice(clerk, is_idle, is_more, err);
    if (!iscep_engine_may_be_there(clerk->engine, status, err, began_mono_ms))
        return status;
    *err = (iscep_error)ISCEP_ERROR_INIT;
    return do_slice(clerk, is_idle, is_more, err);
}

static int64_t sooner_of(int64_t a_ms, int64_t b_ms)
{
    if (a_ms < 0 || b_ms < 0)
        return a_ms < 0 ? b_ms : a_ms;
    return a_ms < b_ms ? a_ms : b_ms;
}

/* What can wait goes wrong: for a database that is away, or a disk, it is tried again; for another node's sake, soon. */
static int64_t put_off(iscep_engine *engine, iscep_status status, const iscep_error *err)
{
    iscep_engine_note_health(engine, status, err);
    if (iscep_engine_is_away(engine, status, err))
        iscep_engine_lost(engine, err);
    return engine->tuning.probe_ms;
}

static int64_t work_between(void *user, bool is_idle)
{
    iscep_clerk *clerk = user;
    iscep_engine *engine = clerk->engine;
    iscep_error err = ISCEP_ERROR_INIT;
    bool was_good = iscep_health_is_good(engine->health, NULL), is_more = false;
    if (atomic_load(&engine->is_away))
        return look_for_database(clerk, is_idle);
    iscep_store_tidy(clerk->db.store);
    if (!was_good && !is_idle)
        return engine->tuning.probe_ms; /* what just ran was a probe, too */
    iscep_status status = was_good ? do_slice_again(clerk, is_idle, &is_more, &err) : probe(&clerk->db, &err);
    if (status != ISCEP_OK)
        return put_off(engine, status, &err);
    iscep_engine_note_health(engine, ISCEP_OK, &err);
    int64_t next_ms = !is_more ? -1 : is_idle ? 0 : IDLE_AFTER_MS;
    if (engine->hooks.between == NULL)
        return next_ms;
    return sooner_of(next_ms, engine->hooks.between(engine->hooks.user, &clerk->db, is_idle));
}

iscep_status iscep_writer_start(iscep_clerk *clerk, iscep_error *err)
{
    const iscep_journal_tuning *tuning = &clerk->engine->tuning;
    const iscep_lane_work writing = {.run = write_jobs,
                                     .between = clerk->index == 0 ? work_between : NULL,
                                     .max_jobs = tuning->max_group,
                                     .gather_ms = tuning->gather_ms,
                                     .user = clerk};
    return iscep_lane_new(&clerk->lane, &writing, err);
}
