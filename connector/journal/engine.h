/*
 * What the operations share with the journal's threads, and these threads themselves: not for others. An engine is one open
 * database with its writers and its reader; route.h chooses between two of them; journal.c has the handles by which loops ask.
 */
#ifndef ISCEP_JOURNAL_ENGINE_H
#define ISCEP_JOURNAL_ENGINE_H

#include "journal/health.h"
#include "journal/journal.h"
#include "journal/keys.h"
#include "journal/lane.h"
#include "journal/store.h"

/* What a job runs on: a connection of its thread, within a transaction. */
typedef struct iscep_db {
    iscep_store *store;
    iscep_keys *keys; /* NULL: the database has indexes of its own */
    const char *path;
    int64_t now_unix_ms; /* when the job was asked */
    int64_t
        now_lease_ms; /* the same, by the clock by which leases end (store.h): nobody sets it back, and all nodes read it alike */
    /* Ours and the database's clock agree. Otherwise this node does not decide that something is too old: it is everybody's. */
    bool is_clock_right;
} iscep_db;

typedef iscep_status (*iscep_job_run)(iscep_job *job, iscep_db *db, iscep_error *err);

/* A job of size bytes, whose first member is an iscep_job; zeroed. NULL: no memory. */
void *iscep_job_new(const iscep_journal *journal, size_t size, iscep_job_run run,
                    void (*finish)(iscep_job *job));
const iscep_env *iscep_journal_env(const iscep_journal *journal); /* of whoever asks */
/* Takes the job; it ends in finish, whatever happens. */
void iscep_journal_write(iscep_journal *journal, iscep_job *job);
void iscep_journal_read(iscep_journal *journal, iscep_job *job);
/* Reads when what was written or noted before, through whichever handle, can be read: for people, who look at what just happened. */
void iscep_journal_look(iscep_journal *journal, iscep_job *job);

/* Until when a lease that begins now lasts; 0: there is none. */
static inline int64_t iscep_lease_end(const iscep_db *db, int64_t lease_ms)
{
    return lease_ms <= 0 ? 0 : db->now_lease_ms + lease_ms;
}

/* Transactions of jobs committed so far: for tests and the benchmark. */
int64_t iscep_journal_group_count(const iscep_journal *journal);

/* What tests make smaller. */
typedef struct iscep_journal_tuning {
    iscep_keys_options keys;
    size_t max_group;           /* jobs that share a transaction */
    int64_t gather_ms;          /* how long what nobody waits for may wait for more of its kind */
    int64_t probe_ms;           /* while writing fails, or the database is away */
    int64_t sweep_interval_ms;  /* between two looks for what may be forgotten */
    int64_t max_clock_error_ms; /* beyond this away from the database's clock, ours is wrong */
    size_t moved_at_once;       /* enrolments from the spool to the database, in one transaction */
    void (*on_moved)(
        void); /* the database has committed a slice, and the spool has not yet; NULL: nobody looks */
} iscep_journal_tuning;
#define ISCEP_JOURNAL_TUNING_INIT                                                                            \
    {                                                                                                        \
        .keys = ISCEP_KEYS_OPTIONS_INIT, .max_group = 512, .gather_ms = 5, .probe_ms = 1000,                 \
        .sweep_interval_ms = 60000, .max_clock_error_ms = 3600000, .moved_at_once = 64                       \
    }
iscep_status iscep_journal_open_tuned(iscep_journal **out, const iscep_env *env, iscep_loop *loop,
                                      const iscep_journal_options *options,
                                      const iscep_journal_tuning *tuning, iscep_error *err) ISCEP_CHECKED;

/* --- the engine --- */

typedef struct iscep_engine iscep_engine;

/*
 * What an engine that is not alone asks of whoever knows the other one (route.c). On the threads of its lanes; each may be NULL.
 */
typedef struct iscep_engine_hooks {
    /* Before a job: is it to be done here? pass_to says where otherwise; an error, that it can be done nowhere. */
    iscep_status (*admit)(void *user, iscep_job *job, iscep_db *db, iscep_error *err);
    /* After it was done: numbers in its answer become those by which deliveries are known outside. */
    void (*answer)(void *user, iscep_job *job);
    /* The database was lost in the middle. True: pass_to says where else it is done; it may have been done here all the same. */
    bool (*lose)(void *user, iscep_job *job);
    /* It cannot be reached; or, err NULL, it can again. */
    void (*tell)(void *user, const iscep_error *err);
    /* Something was written. */
    void (*written)(void *user);
    /* The first writer, between two groups: as iscep_lane_work's. */
    int64_t (*between)(void *user, iscep_db *db, bool is_idle);
    void *user;
} iscep_engine_hooks;

typedef struct iscep_engine_options {
    const iscep_env *env; /* borrowed */
    const iscep_journal_options *journal;
    bool is_remote; /* journal's database; otherwise the file at its path */
    const iscep_journal_tuning *tuning;
    iscep_engine_hooks hooks;
} iscep_engine_options;

/* A database that cannot be reached is not an error if there is somebody to tell: the engine tries again. */
iscep_status iscep_engine_open(iscep_engine **out, const iscep_engine_options *options,
                               iscep_error *err) ISCEP_CHECKED;
/* When nothing is asked any more and every port was drained: its threads end. NULL is allowed, here and below. */
void iscep_engine_stop(iscep_engine *engine);
/* After all others that know it have stopped. */
void iscep_engine_close(iscep_engine *engine);

/* Any thread. */
iscep_lane *iscep_engine_writer(const iscep_engine *engine, int64_t order);
iscep_lane *iscep_engine_nth_writer(const iscep_engine *engine,
                                    size_t index); /* NULL: there are not so many */
iscep_lane *iscep_engine_reader(const iscep_engine *engine);
iscep_keys *iscep_engine_keys(const iscep_engine *engine);
iscep_health *iscep_engine_health(const iscep_engine *engine);
int64_t iscep_engine_group_count(const iscep_engine *engine);
/* A job for the first writer: begins to forget what is old enough. */
iscep_status iscep_engine_begin_sweep(iscep_engine *engine, iscep_db *db, iscep_error *err) ISCEP_CHECKED;
/* Another connection to the same database. */
iscep_status iscep_engine_connect(const iscep_engine *engine, iscep_store **out, iscep_store_use use,
                                  iscep_error *err) ISCEP_CHECKED;
/* Somebody else found that it cannot be reached. */
void iscep_engine_lost(iscep_engine *engine, const iscep_error *err);
/* Does this mean that the database is away, whatever was asked of it? */
bool iscep_engine_is_away(const iscep_engine *engine, iscep_status status, const iscep_error *err);
/*
 * It was lost so soon that only this connection may be broken, since it was used last: then the same once more finds out, on a new
 * one. Whoever asks sees to it that nothing was to be committed yet, or that it may be done twice.
 */
bool iscep_engine_may_be_there(const iscep_engine *engine, iscep_status status, const iscep_error *err,
                               int64_t began_mono_ms);
/* May the same succeed if it is done once more? */
bool iscep_error_is_conflict(iscep_status status, const iscep_error *err);

#endif
