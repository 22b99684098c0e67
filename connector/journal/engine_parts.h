/* What an engine is made of: for engine.c, writer.c and reader.c. */
#ifndef ISCEP_JOURNAL_ENGINE_PARTS_H
#define ISCEP_JOURNAL_ENGINE_PARTS_H

#include <stdatomic.h>

#include "journal/engine.h"
#include "journal/store_postgres.h"
#include "journal/sweep.h"

enum { ISCEP_MAX_WRITERS = 16 };

/* One connection with its thread. */
typedef struct iscep_clerk {
    iscep_engine *engine;
    size_t index; /* of a writer */
    iscep_db db;  /* its thread's, once it runs */
    iscep_lane *lane;
} iscep_clerk;

/* A database that is lost as soon as it was found: the first writer's. */
typedef struct iscep_relapse {
    bool is_found; /* and not looked for since */
    int64_t found_mono_ms;
    int64_t pause_ms;
    int64_t until_mono_ms;
} iscep_relapse;

struct iscep_engine {
    const iscep_env *env;
    iscep_journal_tuning tuning;
    iscep_engine_hooks hooks;
    bool is_remote;
    char *path;                      /* for people, too */
    iscep_postgres_options database; /* remote; texts are ours */
    int lock_fd;
    atomic_bool is_migrated;
    atomic_bool is_away;
    atomic_bool is_probe_due; /* at once, although something else ran a moment ago */
    iscep_relapse relapse;
    iscep_sweep sweep; /* the first writer's */
    iscep_health *health;
    atomic_int_least64_t group_count;
    size_t writer_count;
    iscep_clerk writers[ISCEP_MAX_WRITERS];
    iscep_clerk reader;
};

/* The clerk's thread begins. */
iscep_status iscep_writer_start(iscep_clerk *clerk, iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_reader_start(iscep_clerk *clerk, iscep_error *err) ISCEP_CHECKED;

/* What both do with a job: sets its status and err, or pass_to. Within a transaction. */
iscep_status iscep_engine_run_job(iscep_clerk *clerk, iscep_job *job);
/* Is the database away? Then these are done elsewhere, or fail. */
bool iscep_engine_lost_them(iscep_engine *engine, iscep_job_list *jobs);
void iscep_engine_count_seconds(const iscep_engine *engine, const char *operation, int64_t began_mono_us);
/* The tables are made, or changed, if that has not been done. */
iscep_status iscep_engine_migrate(iscep_engine *engine, iscep_store *store, iscep_error *err) ISCEP_CHECKED;
/* How writing went, as far as it says something about the journal. */
void iscep_engine_note_health(iscep_engine *engine, iscep_status status, const iscep_error *err);

#endif
