/*
 * What the operations share with the journal's two threads, and these threads themselves: not for others. The engine is the
 * open file with its writer and its reader; journal.c has the handles by which loops ask it.
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
    iscep_keys *keys;
    const char *path;
    int64_t now_unix_ms; /* when the job was asked */
    int64_t now_mono_ms; /* the same; leases end by this clock, which nobody sets back */
} iscep_db;

typedef iscep_status (*iscep_job_run)(iscep_job *job, iscep_db *db, iscep_error *err);

/* A job of size bytes, whose first member is an iscep_job; zeroed. NULL: no memory. */
void *iscep_job_new(const iscep_journal *journal, size_t size, iscep_job_run run,
                    void (*finish)(iscep_job *job));
/* Takes the job; it ends in finish, whatever happens. */
void iscep_journal_write(iscep_journal *journal, iscep_job *job);
void iscep_journal_read(iscep_journal *journal, iscep_job *job);
/* Reads when what was written or noted before, through whichever handle, can be read: for people, who look at what just happened. */
void iscep_journal_look(iscep_journal *journal, iscep_job *job);

/* Until when a lease that begins now lasts; 0: there is none. */
static inline int64_t iscep_lease_end(const iscep_db *db, int64_t lease_ms)
{
    return lease_ms <= 0 ? 0 : db->now_mono_ms + lease_ms;
}

/* Transactions of jobs committed so far: for tests and the benchmark. */
int64_t iscep_journal_group_count(const iscep_journal *journal);

/* What tests make smaller. */
typedef struct iscep_journal_tuning {
    iscep_keys_options keys;
    size_t max_group;          /* jobs that share a transaction */
    int64_t gather_ms;         /* how long what nobody waits for may wait for more of its kind */
    int64_t probe_ms;          /* while writing fails */
    int64_t sweep_interval_ms; /* between two looks for what may be forgotten */
} iscep_journal_tuning;
#define ISCEP_JOURNAL_TUNING_INIT                                                                            \
    {                                                                                                        \
        .keys = ISCEP_KEYS_OPTIONS_INIT, .max_group = 512, .gather_ms = 5, .probe_ms = 1000,                 \
        .sweep_interval_ms = 60000                                                                           \
    }
iscep_status iscep_journal_open_tuned(iscep_journal **out, const iscep_env *env, iscep_loop *loop,
                                      const iscep_journal_options *options,
                                      const iscep_journal_tuning *tuning, iscep_error *err) ISCEP_CHECKED;

/* --- the engine --- */

typedef struct iscep_engine iscep_engine;

/* Held once. The last to release it, when nothing that was asked is under way, closes the file. */
iscep_status iscep_engine_open(iscep_engine **out, const iscep_env *env, const iscep_journal_options *options,
                               const iscep_journal_tuning *tuning, iscep_error *err) ISCEP_CHECKED;
iscep_engine *iscep_engine_hold(iscep_engine *engine);
void iscep_engine_release(iscep_engine *engine);
iscep_lane *iscep_engine_writer(iscep_engine *engine);
iscep_lane *iscep_engine_reader(iscep_engine *engine);
iscep_keys *iscep_engine_keys(const iscep_engine *engine);
iscep_health *iscep_engine_health(const iscep_engine *engine);
int64_t iscep_engine_group_count(const iscep_engine *engine);
/* A job for the writer: begins to forget what is old enough. */
iscep_status iscep_engine_begin_sweep(iscep_engine *engine, iscep_db *db, iscep_error *err) ISCEP_CHECKED;

#endif
