/*
 * The journal's two threads: see engine.h. The writer runs whatever is waiting in one transaction. If one of these
 * jobs fails, the transaction is rolled back, and each runs again in one of its own: so one cannot harm the rest, and
 * nobody pays for savepoints as long as nothing fails.
 */
#include "journal/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file_lock.h"
#include "base/metrics.h"
#include "journal/schema.h"
#include "journal/sweep.h"

enum {
    MAX_READS = 64,
    IDLE_AFTER_MS = 5,                    /* without a job: time for what can wait */
    MAX_CHECKED_BYTES = 16 * 1024 * 1024, /* a larger file would make starting slow */
    LOCK_PATH_SIZE = 4096
};

struct iscep_engine {
    atomic_size_t holders;
    const iscep_env *env;
    iscep_journal_tuning tuning;
    char *path;
    int lock_fd;
    iscep_db write_db; /* the writer's, once it runs */
    iscep_db read_db;
    iscep_sweep sweep; /* the writer's */
    iscep_health *health;
    atomic_int_least64_t group_count;
    iscep_lane *writer;
    iscep_lane *reader;
};

static iscep_status run_job(iscep_job *job, iscep_db *db)
{
    db->now_unix_ms = job->now_unix_ms;
    db->now_mono_ms = job->now_mono_ms;
    job->err = (iscep_error)ISCEP_ERROR_INIT;
    job->status = job->arena.is_exhausted ? iscep_error_nomem(&job->err) : job->run(job, db, &job->err);
    if (job->status == ISCEP_OK && job->arena.is_exhausted)
        job->status = iscep_error_nomem(&job->err);
    return job->status;
}

/* --- writing --- */

/* Only the failed job's own mistake, found before it wrote anything, leaves the transaction as it should be. */
static bool is_harmless(iscep_status status)
{
    return status == ISCEP_OK || status == ISCEP_USAGE;
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

static void roll_back(iscep_db *db)
{
    iscep_store_rollback(db->store);
    iscep_keys_rolled_back(db->keys);
}

/* False if a job failed: then nothing was done, and the others would have deserved better. */
static bool run_group(iscep_engine *engine, iscep_job_list *jobs)
{
    iscep_db *db = &engine->write_db;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_job *job;
    iscep_status status = iscep_store_begin(db->store, ISCEP_STORE_DURABLE, &err);
    if (status == ISCEP_OK) {
        STAILQ_FOREACH(job, jobs, link)
        {
            if (is_harmless(run_job(job, db)))
                continue;
            roll_back(db);
            iscep_health_set(engine->health, job->status, &job->err);
            return false;
        }
        status = iscep_store_commit(db->store, &err);
    }
    if (status == ISCEP_OK) {
        iscep_keys_committed(db->keys);
        atomic_fetch_add(&engine->group_count, 1);
    } else {
        roll_back(db);
        fail_all(jobs, status, &err);
    }
    iscep_health_set(engine->health, status, &err);
    return true;
}

static void write_one_by_one(iscep_engine *engine, iscep_job_list *jobs)
{
    iscep_job_list one = STAILQ_HEAD_INITIALIZER(one), ended = STAILQ_HEAD_INITIALIZER(ended);
    while (!STAILQ_EMPTY(jobs)) {
        iscep_job *job = STAILQ_FIRST(jobs);
        STAILQ_REMOVE_HEAD(jobs, link);
        STAILQ_INSERT_TAIL(&one, job, link);
        run_group(engine, &one);
        STAILQ_CONCAT(&ended, &one);
    }
    STAILQ_CONCAT(jobs, &ended);
}

static void count_seconds(const iscep_engine *engine, const char *operation, int64_t began_mono_us)
{
    ISCEP_METRIC_OBSERVE(engine->env->metrics, ISCEP_METRIC_JOURNAL_SECONDS,
                         iscep_seconds_since(engine->env, began_mono_us), operation);
}

static void write_jobs(void *user, iscep_job_list *jobs)
{
    iscep_engine *engine = user;
    int64_t began_mono_us = iscep_now_mono_us(engine->env);
    if (!run_group(engine, jobs))
        write_one_by_one(engine, jobs);
    count_seconds(engine, "write", began_mono_us);
}

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

/* One slice of what can wait. While jobs come, a merge keeps pace with them; a moment without any is used to the full. */
static iscep_status do_slice(iscep_engine *engine, bool is_idle, bool *is_more, iscep_error *err)
{
    iscep_db *db = &engine->write_db;
    iscep_status status = ISCEP_OK;
    if (is_idle ? iscep_keys_need_merge(db->keys) : iscep_keys_merge_is_due(db->keys))
        status = iscep_keys_merge_slice(db->keys, db->store, err);
    else if (engine->sweep.is_under_way)
        status = iscep_sweep_slice(&engine->sweep, db, err);
    *is_more = iscep_keys_need_merge(db->keys) || engine->sweep.is_under_way;
    return status;
}

static int64_t work_between(void *user, bool is_idle)
{
    iscep_engine *engine = user;
    iscep_error err = ISCEP_ERROR_INIT;
    bool was_good = iscep_health_is_good(engine->health, NULL), is_more = false;
    iscep_store_tidy(engine->write_db.store);
    if (!was_good && !is_idle)
        return engine->tuning.probe_ms; /* what just ran was a probe, too */
    iscep_status status =
        was_good ? do_slice(engine, is_idle, &is_more, &err) : probe(&engine->write_db, &err);
    iscep_health_set(engine->health, status, &err);
    if (status != ISCEP_OK)
        return engine->tuning.probe_ms;
    return !is_more ? -1 : is_idle ? 0 : IDLE_AFTER_MS;
}

/* --- reading --- */

static void read_jobs(void *user, iscep_job_list *jobs)
{
    iscep_engine *engine = user;
    iscep_db *db = &engine->read_db;
    iscep_job *job;
    STAILQ_FOREACH(job, jobs, link)
    {
        int64_t began_mono_us = iscep_now_mono_us(engine->env);
        job->status = iscep_store_begin(db->store, ISCEP_STORE_LAZY,
                                        &job->err); /* one view of the whole, from here on */
        if (job->status == ISCEP_OK)
            run_job(job, db);
        iscep_store_rollback(db->store);
        count_seconds(engine, "read", began_mono_us);
    }
}

/* --- opening and closing --- */

/* A lock of our own beside the file: SQLite's locks let several processes take turns, and we must be alone. */
static iscep_status lock_out_others(iscep_engine *engine, iscep_error *err)
{
    ISCEP_AUTO_BUF path;
    iscep_buf_init(&path, LOCK_PATH_SIZE);
    iscep_buf_printf(&path, "%s-lock", engine->path);
    iscep_status status = iscep_buf_status(&path, err);
    if (status != ISCEP_OK)
        return status;
    engine->lock_fd = open(iscep_buf_text(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (engine->lock_fd < 0)
        return iscep_error_set(err, ISCEP_CONFIG, "journal_path", "the journal's lock %s cannot be made: %s",
                               iscep_buf_text(&path), strerror(errno));
    if (iscep_file_lock(engine->lock_fd))
        return ISCEP_OK;
    return iscep_error_set(
        err, ISCEP_STORAGE, "journal_locked",
        "another process has the journal %s open: each intune-scepd, and each server with the direct plugin, "
        "needs a path of its own",
        engine->path);
}

static iscep_status check_if_small(iscep_store *store, iscep_error *err)
{
    int64_t bytes = 0;
    iscep_status status = iscep_store_used_bytes(store, &bytes, err);
    return status == ISCEP_OK && bytes <= MAX_CHECKED_BYTES ? iscep_store_check(store, err) : status;
}

/* Whoever had claimed something is gone. */
static const char end_leases[] = "UPDATE delivery SET leased_until_ms = 0 WHERE leased_until_ms > 0;"
                                 "UPDATE revocation SET leased_until_ms = 0 WHERE leased_until_ms > 0";

static iscep_status open_both(iscep_engine *engine, iscep_error *err)
{
    iscep_db *writer = &engine->write_db, *reader = &engine->read_db;
    writer->path = reader->path = engine->path;
    iscep_status status = iscep_store_open(&writer->store, engine->path, ISCEP_STORE_WRITE, err);
    if (status == ISCEP_OK)
        status = check_if_small(writer->store, err);
    if (status == ISCEP_OK)
        status =
            iscep_schema_migrate(writer->store, iscep_schema_migrations, iscep_schema_migration_count, err);
    if (status == ISCEP_OK)
        status = iscep_store_run_script(writer->store, end_leases, err);
    if (status == ISCEP_OK)
        status = iscep_keys_open(&writer->keys, writer->store, &engine->tuning.keys, err);
    if (status == ISCEP_OK)
        status = iscep_store_open(&reader->store, engine->path, ISCEP_STORE_READ, err);
    reader->keys = writer->keys;
    return status;
}

/* Who cannot begin is to know with which file. */
static iscep_status open_stores(iscep_engine *engine, iscep_error *err)
{
    const iscep_status status = open_both(engine, err);
    if (status == ISCEP_STORAGE)
        iscep_error_prefix(err, engine->path);
    return status;
}

static iscep_status start(iscep_engine *engine, iscep_error *err)
{
    const iscep_lane_work writing = {.run = write_jobs,
                                     .between = work_between,
                                     .max_jobs = engine->tuning.max_group,
                                     .gather_ms = engine->tuning.gather_ms,
                                     .user = engine};
    const iscep_lane_work reading = {.run = read_jobs, .max_jobs = MAX_READS, .user = engine};
    iscep_status status = iscep_lane_new(&engine->writer, &writing, err);
    return status == ISCEP_OK ? iscep_lane_new(&engine->reader, &reading, err) : status;
}

static void close_engine(iscep_engine *engine)
{
    iscep_lane_free(engine->writer);
    iscep_lane_free(engine->reader);
    iscep_keys_close(engine->write_db.keys);
    iscep_store_close(engine->read_db.store);
    iscep_store_close(engine->write_db.store);
    iscep_health_free(engine->health);
    if (engine->lock_fd >= 0)
        iscep_file_unlock(engine->lock_fd);
    free(engine->path);
    free(engine);
}

iscep_status iscep_engine_open(iscep_engine **out, const iscep_env *env, const iscep_journal_options *options,
                               const iscep_journal_tuning *tuning, iscep_error *err)
{
    iscep_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL)
        return iscep_error_nomem(err);
    atomic_init(&engine->holders, 1);
    engine->env = env;
    engine->tuning = *tuning;
    engine->lock_fd = -1;
    iscep_sweep_init(&engine->sweep, options);
    engine->path = strdup(options->path);
    iscep_status status =
        engine->path == NULL ? iscep_error_nomem(err) : iscep_health_new(&engine->health, err);
    if (status == ISCEP_OK)
        status = lock_out_others(engine, err);
    if (status == ISCEP_OK)
        status = open_stores(engine, err);
    if (status == ISCEP_OK)
        status = start(engine, err);
    if (status != ISCEP_OK) {
        close_engine(engine);
        return status;
    }
    *out = engine;
    return ISCEP_OK;
}

iscep_engine *iscep_engine_hold(iscep_engine *engine)
{
    atomic_fetch_add(&engine->holders, 1);
    return engine;
}

void iscep_engine_release(iscep_engine *engine)
{
    if (atomic_fetch_sub(&engine->holders, 1) == 1)
        close_engine(engine);
}

/* --- what the handles ask for --- */

iscep_lane *iscep_engine_writer(iscep_engine *engine)
{
    return engine->writer;
}

iscep_lane *iscep_engine_reader(iscep_engine *engine)
{
    return engine->reader;
}

iscep_keys *iscep_engine_keys(const iscep_engine *engine)
{
    return engine->write_db.keys;
}

iscep_health *iscep_engine_health(const iscep_engine *engine)
{
    return engine->health;
}

int64_t iscep_engine_group_count(const iscep_engine *engine)
{
    return atomic_load(&engine->group_count);
}

iscep_status iscep_engine_begin_sweep(iscep_engine *engine, iscep_db *db, iscep_error *err)
{
    return iscep_sweep_begin(&engine->sweep, db, err);
}
