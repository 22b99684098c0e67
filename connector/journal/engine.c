/* An engine's stores and threads, opened and closed: see engine.h. What the threads do is in writer.c and reader.c. */
#include "journal/engine_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file_lock.h"
#include "base/metrics.h"
#include "journal/schema.h"

enum {
    MAX_CHECKED_BYTES = 16 * 1024 * 1024, /* a larger file would make starting slow */
    LOCK_PATH_SIZE = 4096,
    DEFAULT_WRITERS = 4 /* on a database that can do several things at once */
};

/* --- what an error means --- */

static bool is_one_of(const char *code, const char *const *codes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(code, codes[i]) == 0)
            return true;
    return false;
}

bool iscep_error_is_conflict(iscep_status status, const iscep_error *err)
{
    return status == ISCEP_STORAGE && strcmp(err->code, "journal_conflict") == 0;
}

/* Also one that lets nobody in any more, has no room, or belongs to newer programs now: none of it is for this job alone. */
bool iscep_engine_is_away(const iscep_engine *engine, iscep_status status, const iscep_error *err)
{
    static const char *const codes[] = {"journal_away", "journal_denied", "journal_newer", "journal_full",
                                        "journal_read_only"};
    bool is_failure = status == ISCEP_STORAGE || status == ISCEP_CONFIG;
    return engine->is_remote && engine->hooks.tell != NULL && is_failure &&
           is_one_of(err->code, codes, sizeof codes / sizeof *codes);
}

bool iscep_engine_may_be_there(const iscep_engine *engine, iscep_status status, const iscep_error *err,
                               int64_t began_mono_ms)
{
    int64_t took_ms = iscep_now_mono_ms(engine->env) - began_mono_ms;
    return iscep_engine_is_away(engine, status, err) && strcmp(err->code, "journal_away") == 0 &&
           took_ms < engine->database.timeout_ms / 4;
}

void iscep_engine_note_health(iscep_engine *engine, iscep_status status, const iscep_error *err)
{
    bool is_journals = status == ISCEP_STORAGE && !iscep_error_is_conflict(status, err);
    iscep_health_set(engine->health, is_journals || iscep_engine_is_away(engine, status, err) ? err : NULL);
}

/* --- jobs --- */

static iscep_status admit(iscep_clerk *clerk, iscep_job *job)
{
    const iscep_engine_hooks *hooks = &clerk->engine->hooks;
    job->pass_to = NULL;
    if (job->arena.is_exhausted)
        return iscep_error_nomem(&job->err);
    return hooks->admit == NULL ? ISCEP_OK : hooks->admit(hooks->user, job, &clerk->db, &job->err);
}

iscep_status iscep_engine_run_job(iscep_clerk *clerk, iscep_job *job)
{
    const iscep_engine_hooks *hooks = &clerk->engine->hooks;
    iscep_db *db = &clerk->db;
    db->now_unix_ms = job->now_unix_ms;
    db->now_lease_ms = iscep_store_lease_clock_ms(db->store, job->now_mono_ms);
    db->is_clock_right = !iscep_store_is_shared(db->store) || llabs(db->now_unix_ms - db->now_lease_ms) <=
                                                                  clerk->engine->tuning.max_clock_error_ms;
    job->err = (iscep_error)ISCEP_ERROR_INIT;
    job->status = admit(clerk, job);
    if (job->status != ISCEP_OK || job->pass_to != NULL)
        return job->status;
    job->status = job->run(job, db, &job->err);
    if (job->status == ISCEP_OK && job->arena.is_exhausted)
        job->status = iscep_error_nomem(&job->err);
    if (job->status == ISCEP_OK && hooks->answer != NULL)
        hooks->answer(hooks->user, job);
    return job->status;
}

/*
 * Told before it holds, as the first writer takes it back before he tells that (writer.c): however the two meet, nobody is left who
 * believes that it is away while nobody looks for it any more.
 */
void iscep_engine_lost(iscep_engine *engine, const iscep_error *err)
{
    iscep_health_set(engine->health, err);
    engine->hooks.tell(engine->hooks.user, err);
    atomic_store(&engine->is_probe_due, true);
    atomic_store(&engine->is_away, true);
    iscep_lane_knock(engine->writers[0].lane);
}

bool iscep_engine_lost_them(iscep_engine *engine, iscep_job_list *jobs)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_job *job;
    if (!atomic_load(&engine->is_away))
        return false;
    if (iscep_health_is_good(engine->health, &err))
        iscep_error_set(&err, ISCEP_STORAGE, "journal_away", "the database cannot be reached");
    STAILQ_FOREACH(job, jobs, link)
    {
        job->pass_to = NULL;
        if (engine->hooks.lose(engine->hooks.user, job))
            continue;
        job->err = err;
        job->status = iscep_error_set(&job->err, ISCEP_STORAGE, "journal_away", "%s", err.message);
    }
    return true;
}

void iscep_engine_count_seconds(const iscep_engine *engine, const char *operation, int64_t began_mono_us)
{
    ISCEP_METRIC_OBSERVE(engine->env->metrics, ISCEP_METRIC_JOURNAL_SECONDS,
                         iscep_seconds_since(engine->env, began_mono_us), operation);
}

/* --- opening --- */

/* A lock of our own beside the file: SQLite's locks let several processes take turns, and we must be alone. */
static iscep_status lock_out_others(iscep_engine *engine, iscep_error *err)
{
    if (engine->path[0] != '/') /* before anything is made there */
        return iscep_error_set(err, ISCEP_CONFIG, "journal_path", "the journal's path is not absolute: %s",
                               engine->path);
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

iscep_status iscep_engine_migrate(iscep_engine *engine, iscep_store *store, iscep_error *err)
{
    if (atomic_load(&engine->is_migrated))
        return ISCEP_OK;
    iscep_status status =
        iscep_schema_migrate(store, iscep_schema_migrations, iscep_schema_migration_count, err);
    if (status == ISCEP_OK)
        atomic_store(&engine->is_migrated, true);
    return status;
}

iscep_status iscep_engine_connect(const iscep_engine *engine, iscep_store **out, iscep_store_use use,
                                  iscep_error *err)
{
    return engine->is_remote ? iscep_store_open_postgres(out, &engine->database, use, err)
                             : iscep_store_open_sqlite(out, engine->path, use, err);
}

static iscep_status open_file(iscep_engine *engine, iscep_error *err)
{
    iscep_db *writer = &engine->writers[0].db;
    iscep_status status = lock_out_others(engine, err);
    if (status == ISCEP_OK)
        status = iscep_engine_connect(engine, &writer->store, ISCEP_STORE_WRITE, err);
    if (status == ISCEP_OK)
        status = check_if_small(writer->store, err);
    if (status == ISCEP_OK)
        status = iscep_engine_migrate(engine, writer->store, err);
    if (status == ISCEP_OK)
        status = iscep_store_run_script(writer->store, end_leases, err);
    if (status == ISCEP_OK)
        status = iscep_keys_open(&writer->keys, writer->store, &engine->tuning.keys, err);
    engine->reader.db.keys = writer->keys;
    return status;
}

/* One that is away now is looked for by the first writer. */
static iscep_status open_remote(iscep_engine *engine, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < engine->writer_count && status == ISCEP_OK; i++)
        status = iscep_engine_connect(engine, &engine->writers[i].db.store, ISCEP_STORE_WRITE, err);
    if (status == ISCEP_OK)
        status = iscep_engine_migrate(engine, engine->writers[0].db.store, err);
    bool is_away = status == ISCEP_STORAGE && strcmp(err->code, "journal_newer") != 0 &&
                   iscep_engine_is_away(engine, status, err);
    if (!is_away)
        return status;
    atomic_store(&engine->is_away, true);
    iscep_health_set(engine->health, err);
    engine->hooks.tell(engine->hooks.user, err);
    return ISCEP_OK;
}

/* Who cannot begin is to know with which file. */
static iscep_status open_stores(iscep_engine *engine, iscep_error *err)
{
    iscep_status status = engine->is_remote ? open_remote(engine, err) : open_file(engine, err);
    if (status == ISCEP_OK)
        status = iscep_engine_connect(engine, &engine->reader.db.store, ISCEP_STORE_READ, err);
    if (status == ISCEP_STORAGE && !engine->is_remote && strcmp(err->code, "journal_locked") != 0)
        iscep_error_prefix(err, engine->path);
    return status;
}

static iscep_status start(iscep_engine *engine, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < engine->writer_count && status == ISCEP_OK; i++)
        status = iscep_writer_start(&engine->writers[i], err);
    if (status == ISCEP_OK)
        status = iscep_reader_start(&engine->reader, err);
    if (status == ISCEP_OK && atomic_load(&engine->is_away))
        iscep_lane_knock(engine->writers[0].lane);
    return status;
}

void iscep_engine_stop(iscep_engine *engine)
{
    if (engine == NULL)
        return;
    for (size_t i = 0; i < engine->writer_count; i++)
        iscep_lane_stop(engine->writers[i].lane);
    iscep_lane_stop(engine->reader.lane);
}

void iscep_engine_close(iscep_engine *engine)
{
    if (engine == NULL)
        return;
    for (size_t i = 0; i < engine->writer_count; i++)
        iscep_lane_free(engine->writers[i].lane);
    iscep_lane_free(engine->reader.lane);
    iscep_keys_close(engine->writers[0].db.keys);
    for (size_t i = 0; i < engine->writer_count; i++)
        iscep_store_close(engine->writers[i].db.store);
    iscep_store_close(engine->reader.db.store);
    iscep_health_free(engine->health);
    if (engine->lock_fd >= 0)
        iscep_file_unlock(engine->lock_fd);
    free((char *)engine->database.conninfo);
    free((char *)engine->database.password_file);
    free((char *)engine->database.application_name);
    free(engine->path);
    free(engine);
}

static char *copy(const char *text)
{
    return text == NULL ? NULL : strdup(text);
}

static iscep_status copy_options(iscep_engine *engine, const iscep_engine_options *options, iscep_error *err)
{
    const iscep_journal_options *journal = options->journal;
    engine->path = copy(options->is_remote ? "PostgreSQL" : journal->path);
    if (options->is_remote) {
        engine->database = *journal->database;
        engine->database.conninfo = copy(journal->database->conninfo);
        engine->database.password_file = copy(journal->database->password_file);
        engine->database.application_name = copy(journal->database->application_name);
    }
    bool is_whole = engine->path != NULL && (!options->is_remote || engine->database.conninfo != NULL);
    return is_whole ? ISCEP_OK : iscep_error_nomem(err);
}

static size_t count_writers(const iscep_engine_options *options)
{
    size_t wanted = options->journal->connections == 0 ? DEFAULT_WRITERS : options->journal->connections;
    if (!options->is_remote)
        return 1;
    return wanted > ISCEP_MAX_WRITERS ? ISCEP_MAX_WRITERS : wanted;
}

static void init(iscep_engine *engine, const iscep_engine_options *options)
{
    engine->env = options->env;
    engine->tuning = *options->tuning;
    engine->hooks = options->hooks;
    engine->is_remote = options->is_remote;
    engine->lock_fd = -1;
    iscep_sweep_init(&engine->sweep, options->journal);
    engine->writer_count = count_writers(options);
    for (size_t i = 0; i < engine->writer_count; i++)
        engine->writers[i] = (iscep_clerk){.engine = engine, .index = i};
    engine->reader = (iscep_clerk){.engine = engine};
}

static void name_stores(iscep_engine *engine)
{
    for (size_t i = 0; i < engine->writer_count; i++)
        engine->writers[i].db.path = engine->path;
    engine->reader.db.path = engine->path;
}

iscep_status iscep_engine_open(iscep_engine **out, const iscep_engine_options *options, iscep_error *err)
{
    iscep_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL)
        return iscep_error_nomem(err);
    init(engine, options);
    iscep_status status = copy_options(engine, options, err);
    name_stores(engine);
    if (status == ISCEP_OK)
        status = iscep_health_new(&engine->health, err);
    if (status == ISCEP_OK)
        status = open_stores(engine, err);
    if (status == ISCEP_OK)
        status = start(engine, err);
    if (status != ISCEP_OK) {
        iscep_engine_close(engine);
        return status;
    }
    *out = engine;
    return ISCEP_OK;
}

/* --- what others ask for --- */

iscep_lane *iscep_engine_writer(const iscep_engine *engine, int64_t order)
{
    return engine->writers[(uint64_t)order % engine->writer_count].lane;
}

iscep_lane *iscep_engine_nth_writer(const iscep_engine *engine, size_t index)
{
    return index < engine->writer_count ? engine->writers[index].lane : NULL;
}

iscep_lane *iscep_engine_reader(const iscep_engine *engine)
{
    return engine->reader.lane;
}

iscep_keys *iscep_engine_keys(const iscep_engine *engine)
{
    return engine->writers[0].db.keys;
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
