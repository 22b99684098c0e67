/*
 * The journal's two threads: see journal.h. The writer runs whatever is waiting in one transaction. If one of these
 * jobs fails, the transaction is rolled back, and each runs again in one of its own: so one cannot harm the rest, and
 * nobody pays for savepoints as long as nothing fails.
 */
#include "journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "journal/engine.h"
#include "journal/enrolments.h"
#include "journal/health.h"
#include "journal/schema.h"
#include "journal/sweep.h"

enum {
    MAX_READS = 64,
    IDLE_AFTER_MS = 5,                    /* without a job: time for what can wait */
    MAX_CHECKED_BYTES = 16 * 1024 * 1024, /* a larger file would make starting slow */
    LOCK_PATH_SIZE = 4096
};

struct iscep_journal {
    const iscep_env *env;
    iscep_journal_tuning tuning;
    char *path;
    int lock_fd;
    iscep_db write_db; /* the writer's, once it runs */
    iscep_db read_db;
    iscep_sweep sweep;
    iscep_health *health;
    int64_t group_count; /* the writer's */
    iscep_lane *writer;
    iscep_lane *reader;
    iscep_timer *sweep_timer;
    bool is_closing;
};

/* --- jobs --- */

void *iscep_job_new(const iscep_journal *journal, size_t size, iscep_job_run run,
                    void (*finish)(iscep_job *job))
{
    iscep_job *job = calloc(1, size);
    if (job == NULL)
        return NULL;
    job->run = run;
    job->finish = finish;
    job->now_unix_ms = iscep_now_unix_ms(journal->env);
    job->now_mono_ms = iscep_now_mono_ms(journal->env);
    job->err = (iscep_error)ISCEP_ERROR_INIT;
    return job;
}

static iscep_status refuse_closed(iscep_job *job, iscep_db *db, iscep_error *err)
{
    (void)job;
    (void)db;
    return iscep_error_set(err, ISCEP_STORAGE, "journal_closed", "the journal is being closed");
}

static void ask(iscep_journal *journal, iscep_lane *lane, iscep_job *job)
{
    if (journal->is_closing)
        job->run = refuse_closed;
    iscep_lane_ask(lane, job);
}

void iscep_journal_write(iscep_journal *journal, iscep_job *job)
{
    ask(journal, journal->writer, job);
}

void iscep_journal_read(iscep_journal *journal, iscep_job *job)
{
    ask(journal, journal->reader, job);
}

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
static bool run_group(iscep_journal *journal, iscep_job_list *jobs)
{
    iscep_db *db = &journal->write_db;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_job *job;
    iscep_status status = iscep_store_begin(db->store, ISCEP_STORE_DURABLE, &err);
    if (status == ISCEP_OK) {
        STAILQ_FOREACH(job, jobs, link)
        {
            if (is_harmless(run_job(job, db)))
                continue;
            roll_back(db);
            iscep_health_set(journal->health, job->status, &job->err);
            return false;
        }
        status = iscep_store_commit(db->store, &err);
    }
    if (status == ISCEP_OK) {
        iscep_keys_committed(db->keys);
        journal->group_count++;
    } else {
        roll_back(db);
        fail_all(jobs, status, &err);
    }
    iscep_health_set(journal->health, status, &err);
    return true;
}

static void write_jobs(void *user, iscep_job_list *jobs)
{
    iscep_journal *journal = user;
    iscep_job_list one = STAILQ_HEAD_INITIALIZER(one), ended = STAILQ_HEAD_INITIALIZER(ended);
    if (run_group(journal, jobs))
        return;
    while (!STAILQ_EMPTY(jobs)) {
        iscep_job *job = STAILQ_FIRST(jobs);
        STAILQ_REMOVE_HEAD(jobs, link);
        STAILQ_INSERT_TAIL(&one, job, link);
        run_group(journal, &one);
        STAILQ_CONCAT(&ended, &one);
    }
    STAILQ_CONCAT(jobs, &ended);
}

int64_t iscep_journal_group_count(const iscep_journal *journal)
{
    return journal->group_count;
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
static iscep_status do_slice(iscep_journal *journal, bool is_idle, bool *is_more, iscep_error *err)
{
    iscep_db *db = &journal->write_db;
    iscep_status status = ISCEP_OK;
    if (is_idle ? iscep_keys_need_merge(db->keys) : iscep_keys_merge_is_due(db->keys))
        status = iscep_keys_merge_slice(db->keys, db->store, err);
    else if (journal->sweep.is_under_way)
        status = iscep_sweep_slice(&journal->sweep, db, err);
    *is_more = iscep_keys_need_merge(db->keys) || journal->sweep.is_under_way;
    return status;
}

static int64_t work_between(void *user, bool is_idle)
{
    iscep_journal *journal = user;
    iscep_error err = ISCEP_ERROR_INIT;
    bool was_good = iscep_health_is_good(journal->health, NULL), is_more = false;
    if (!was_good && !is_idle)
        return journal->tuning.probe_ms; /* what just ran was a probe, too */
    iscep_status status =
        was_good ? do_slice(journal, is_idle, &is_more, &err) : probe(&journal->write_db, &err);
    iscep_health_set(journal->health, status, &err);
    if (was_good != (status != ISCEP_STORAGE))
        iscep_lane_ring(journal->writer);
    if (status != ISCEP_OK)
        return journal->tuning.probe_ms;
    return !is_more ? -1 : is_idle ? 0 : IDLE_AFTER_MS;
}

static void tell_health(void *user)
{
    iscep_journal *journal = user;
    iscep_health_tell(journal->health, journal->env->log);
}

bool iscep_journal_is_healthy(const iscep_journal *journal, iscep_error *err)
{
    return iscep_health_is_good(journal->health, err);
}

/* --- reading --- */

static void read_jobs(void *user, iscep_job_list *jobs)
{
    iscep_journal *journal = user;
    iscep_db *db = &journal->read_db;
    iscep_job *job;
    STAILQ_FOREACH(job, jobs, link)
    {
        job->status = iscep_store_begin(db->store, ISCEP_STORE_LAZY,
                                        &job->err); /* one view of the whole, from here on */
        if (job->status == ISCEP_OK)
            run_job(job, db);
        iscep_store_rollback(db->store);
    }
}

/* --- forgetting --- */

typedef struct sweep_job {
    iscep_job job;
    iscep_sweep *sweep;
} sweep_job;

static iscep_status begin_sweep(iscep_job *job, iscep_db *db, iscep_error *err)
{
    return iscep_sweep_begin(((sweep_job *)job)->sweep, db, err);
}

static void on_sweep_due(void *user)
{
    iscep_journal *journal = user;
    sweep_job *job = iscep_job_new(journal, sizeof *job, begin_sweep, NULL);
    if (job != NULL) {
        job->sweep = &journal->sweep;
        iscep_journal_write(journal, &job->job);
    }
    iscep_timer_arm(journal->sweep_timer, journal->tuning.sweep_interval_ms);
}

/* --- opening and closing --- */

/* A lock of our own beside the file: SQLite's locks let several processes take turns, and we must be alone. */
static iscep_status lock_out_others(iscep_journal *journal, iscep_error *err)
{
    ISCEP_AUTO_BUF path;
    iscep_buf_init(&path, LOCK_PATH_SIZE);
    iscep_buf_printf(&path, "%s-lock", journal->path);
    iscep_status status = iscep_buf_status(&path, err);
    if (status != ISCEP_OK)
        return status;
    journal->lock_fd = open(iscep_buf_text(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (journal->lock_fd < 0)
        return iscep_error_set(err, ISCEP_CONFIG, "journal_path", "the journal's lock %s cannot be made: %s",
                               iscep_buf_text(&path), strerror(errno));
    if (flock(journal->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return ISCEP_OK;
    return iscep_error_set(
        err, ISCEP_STORAGE, "journal_locked",
        "another process has the journal %s open: a second intune-scepd needs a path of its own",
        journal->path);
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

static iscep_status open_stores(iscep_journal *journal, iscep_error *err)
{
    iscep_db *writer = &journal->write_db, *reader = &journal->read_db;
    writer->path = reader->path = journal->path;
    iscep_status status = iscep_store_open(&writer->store, journal->path, ISCEP_STORE_WRITE, err);
    if (status == ISCEP_OK)
        status = check_if_small(writer->store, err);
    if (status == ISCEP_OK)
        status =
            iscep_schema_migrate(writer->store, iscep_schema_migrations, iscep_schema_migration_count, err);
    if (status == ISCEP_OK)
        status = iscep_store_run_script(writer->store, end_leases, err);
    if (status == ISCEP_OK)
        status = iscep_keys_open(&writer->keys, writer->store, &journal->tuning.keys, err);
    if (status == ISCEP_OK)
        status = iscep_store_open(&reader->store, journal->path, ISCEP_STORE_READ, err);
    reader->keys = writer->keys;
    return status;
}

static iscep_status start(iscep_journal *journal, iscep_loop *loop, iscep_error *err)
{
    const iscep_lane_work writing = {.run = write_jobs,
                                     .between = work_between,
                                     .finished = tell_health,
                                     .max_jobs = journal->tuning.max_group,
                                     .user = journal};
    const iscep_lane_work reading = {.run = read_jobs, .max_jobs = MAX_READS, .user = journal};
    iscep_status status = iscep_lane_new(&journal->writer, loop, &writing, err);
    if (status == ISCEP_OK)
        status = iscep_lane_new(&journal->reader, loop, &reading, err);
    if (status == ISCEP_OK)
        status = iscep_timer_new(&journal->sweep_timer, loop, on_sweep_due, journal, err);
    if (status == ISCEP_OK)
        iscep_timer_arm(journal->sweep_timer, journal->tuning.sweep_interval_ms);
    return status;
}

static void free_journal(iscep_journal *journal)
{
    iscep_timer_free(journal->sweep_timer);
    iscep_lane_free(journal->writer);
    iscep_lane_free(journal->reader);
    iscep_keys_close(journal->write_db.keys);
    iscep_store_close(journal->read_db.store);
    iscep_store_close(journal->write_db.store);
    iscep_health_free(journal->health);
    if (journal->lock_fd >= 0)
        close(journal->lock_fd);
    free(journal->path);
    free(journal);
}

iscep_status iscep_journal_open_tuned(iscep_journal **out, const iscep_env *env, iscep_loop *loop,
                                      const iscep_journal_options *options,
                                      const iscep_journal_tuning *tuning, iscep_error *err)
{
    iscep_journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL)
        return iscep_error_nomem(err);
    journal->env = env;
    journal->tuning = *tuning;
    journal->lock_fd = -1;
    iscep_sweep_init(&journal->sweep, options);
    journal->path = strdup(options->path);
    iscep_status status =
        journal->path == NULL ? iscep_error_nomem(err) : iscep_health_new(&journal->health, err);
    if (status == ISCEP_OK)
        status = lock_out_others(journal, err);
    if (status == ISCEP_OK)
        status = open_stores(journal, err);
    if (status == ISCEP_OK)
        status = start(journal, loop, err);
    if (status != ISCEP_OK) {
        free_journal(journal);
        return status;
    }
    *out = journal;
    return ISCEP_OK;
}

iscep_status iscep_journal_open(iscep_journal **out, const iscep_env *env, iscep_loop *loop,
                                const iscep_journal_options *options, iscep_error *err)
{
    const iscep_journal_tuning tuning = ISCEP_JOURNAL_TUNING_INIT;
    return iscep_journal_open_tuned(out, env, loop, options, &tuning, err);
}

void iscep_journal_close(iscep_journal *journal)
{
    if (journal == NULL)
        return;
    iscep_timer_disarm(journal->sweep_timer);
    bool had_any = true; /* what a callback still asks for is refused, and finished here, too */
    while (had_any) {
        had_any = iscep_lane_drain(journal->writer);
        had_any = iscep_lane_drain(journal->reader) || had_any;
        journal->is_closing = true;
    }
    free_journal(journal);
}

/* Memory only: see keys.h. */
bool iscep_journal_is_new(const iscep_journal *journal, const iscep_enrolment_key *key)
{
    int64_t hash;
    return iscep_key_of_enrolment(&hash, key->transaction_id, key->csr_sha256, NULL) == ISCEP_OK &&
           !iscep_keys_may_have(journal->write_db.keys, hash);
}
