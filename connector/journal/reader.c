/* The reader of an engine (engine.h): each job sees one state of the whole, and what it writes is not kept. */
#include "journal/engine_parts.h"

enum { MAX_READS = 64 };

static void read_once(iscep_clerk *clerk, iscep_job *job)
{
    job->err = (iscep_error)ISCEP_ERROR_INIT;
    job->status =
        iscep_store_begin(clerk->db.store, ISCEP_STORE_LAZY, &job->err); /* one view, from here on */
    if (job->status == ISCEP_OK)
        iscep_engine_run_job(clerk, job);
    if (job->status == ISCEP_OK)
        job->status = iscep_store_trust(clerk->db.store, &job->err);
    iscep_store_rollback(clerk->db.store);
}

static void read_one(iscep_clerk *clerk, iscep_job *job)
{
    const iscep_engine *engine = clerk->engine;
    int64_t began_mono_us = iscep_now_mono_us(engine->env);
    read_once(clerk, job);
    if (iscep_engine_may_be_there(engine, job->status, &job->err, began_mono_us / 1000))
        read_once(clerk, job);
    iscep_engine_count_seconds(engine, "read", began_mono_us);
}

/* Once the database is lost, the others do not wait for it one after the other. */
static void read_jobs(void *user, iscep_job_list *jobs)
{
    iscep_clerk *clerk = user;
    iscep_engine *engine = clerk->engine;
    iscep_job_list one = STAILQ_HEAD_INITIALIZER(one), ended = STAILQ_HEAD_INITIALIZER(ended);
    while (!STAILQ_EMPTY(jobs)) {
        iscep_job *job = STAILQ_FIRST(jobs);
        STAILQ_REMOVE_HEAD(jobs, link);
        STAILQ_INSERT_TAIL(&one, job, link);
        if (!iscep_engine_lost_them(engine, &one)) {
            read_one(clerk, job);
            if (iscep_engine_is_away(engine, job->status, &job->err)) {
                iscep_engine_lost(engine, &job->err);
                iscep_engine_lost_them(engine, &one);
            }
        }
        STAILQ_CONCAT(&ended, &one);
    }
    STAILQ_CONCAT(jobs, &ended);
}

iscep_status iscep_reader_start(iscep_clerk *clerk, iscep_error *err)
{
    const iscep_lane_work reading = {.run = read_jobs, .max_jobs = MAX_READS, .user = clerk};
    return iscep_lane_new(&clerk->lane, &reading, err);
}
