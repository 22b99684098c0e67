/*
 * The handles by which loops ask the engine (engine.h): see journal.h. The first, which opened it, also says in the log how
 * the journal is, and has it forget what is old. The engine ends with the last of them.
 */
#include "journal/journal.h"

#include <stdlib.h>

#include "base/metrics.h"
#include "journal/engine.h"
#include "journal/enrolments.h"
#include "journal/port.h"

/* Of the first handle. */
typedef struct keeper {
    iscep_bell *health_changed;
    iscep_timer *sweep_timer;
    int64_t sweep_interval_ms;
} keeper;

struct iscep_journal {
    iscep_engine *engine; /* held */
    const iscep_env *env;
    iscep_port *writer;
    iscep_port *reader;
    keeper *keeper; /* NULL: another handle is the first */
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

static void ask(iscep_journal *journal, iscep_port *port, iscep_job *job)
{
    if (journal->is_closing)
        job->run = refuse_closed;
    iscep_port_ask(port, job);
}

void iscep_journal_write(iscep_journal *journal, iscep_job *job)
{
    ask(journal, journal->writer, job);
}

void iscep_journal_read(iscep_journal *journal, iscep_job *job)
{
    ask(journal, journal->reader, job);
}

/* A job that goes to the writer only to come back behind what is there. */
typedef struct look_job {
    iscep_job job;
    iscep_journal *journal;
    iscep_job *reading;
} look_job;

static iscep_status write_nothing(iscep_job *job, iscep_db *db, iscep_error *err)
{
    (void)job;
    (void)db;
    (void)err;
    return ISCEP_OK;
}

/* Whatever became of those before: what can be read is read. */
static void begin_reading(iscep_job *job)
{
    const look_job *look = (look_job *)job;
    iscep_journal_read(look->journal, look->reading);
}

void iscep_journal_look(iscep_journal *journal, iscep_job *job)
{
    look_job *look = NULL;
    if (!iscep_lane_is_idle(iscep_engine_writer(journal->engine)))
        look = iscep_job_new(journal, sizeof *look, write_nothing, begin_reading);
    if (look == NULL) {
        iscep_journal_read(journal, job);
        return;
    }
    look->journal = journal;
    look->reading = job;
    iscep_journal_write(journal, &look->job);
}

/* --- what memory knows --- */

int64_t iscep_journal_group_count(const iscep_journal *journal)
{
    return iscep_engine_group_count(journal->engine);
}

bool iscep_journal_is_healthy(const iscep_journal *journal, iscep_error *err)
{
    return iscep_health_is_good(iscep_engine_health(journal->engine), err);
}

bool iscep_journal_is_new(const iscep_journal *journal, const iscep_enrolment_key *key)
{
    int64_t hash;
    return iscep_key_of_enrolment(&hash, key->transaction_id, key->csr_sha256, NULL) == ISCEP_OK &&
           !iscep_keys_may_have(iscep_engine_keys(journal->engine), hash);
}

/* --- the first handle's duties --- */

static void tell_health(void *user)
{
    const iscep_journal *journal = user;
    iscep_metrics_set(journal->env->metrics, ISCEP_METRIC_JOURNAL_HEALTHY, NULL,
                      iscep_journal_is_healthy(journal, NULL) ? 1 : 0);
    iscep_health_tell(iscep_engine_health(journal->engine), journal->env->log);
}

typedef struct sweep_job {
    iscep_job job;
    iscep_engine *engine;
} sweep_job;

static iscep_status begin_sweep(iscep_job *job, iscep_db *db, iscep_error *err)
{
    return iscep_engine_begin_sweep(((sweep_job *)job)->engine, db, err);
}

static void on_sweep_due(void *user)
{
    iscep_journal *journal = user;
    sweep_job *job = iscep_job_new(journal, sizeof *job, begin_sweep, NULL);
    if (job != NULL) {
        job->engine = journal->engine;
        iscep_journal_write(journal, &job->job);
    }
    iscep_timer_arm(journal->keeper->sweep_timer, journal->keeper->sweep_interval_ms);
}

static iscep_status begin_keeping(iscep_journal *journal, iscep_loop *loop, int64_t sweep_interval_ms,
                                  iscep_error *err)
{
    keeper *duties = journal->keeper = calloc(1, sizeof *duties);
    if (duties == NULL)
        return iscep_error_nomem(err);
    duties->sweep_interval_ms = sweep_interval_ms;
    iscep_status status = iscep_timer_new(&duties->sweep_timer, loop, on_sweep_due, journal, err);
    if (status == ISCEP_OK)
        status = iscep_bell_new(&duties->health_changed, loop, tell_health, journal, err);
    if (status != ISCEP_OK)
        return status;
    iscep_timer_arm(duties->sweep_timer, sweep_interval_ms);
    iscep_health_watch(iscep_engine_health(journal->engine), duties->health_changed);
    tell_health(journal);
    return ISCEP_OK;
}

static void end_keeping(iscep_journal *journal)
{
    keeper *duties = journal->keeper;
    if (duties == NULL)
        return;
    iscep_health_watch(iscep_engine_health(journal->engine), NULL);
    tell_health(journal);
    iscep_timer_free(duties->sweep_timer);
    iscep_bell_free(duties->health_changed);
    free(duties);
}

/* --- opening and closing --- */

static void free_handle(iscep_journal *journal)
{
    end_keeping(journal);
    iscep_port_free(journal->writer);
    iscep_port_free(journal->reader);
    iscep_engine_release(journal->engine);
    free(journal);
}

static iscep_status make_handle(iscep_journal **out, iscep_engine *engine, const iscep_env *env,
                                iscep_loop *loop, iscep_error *err)
{
    iscep_journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL)
        return iscep_error_nomem(err);
    journal->engine = iscep_engine_hold(engine);
    journal->env = env;
    iscep_status status = iscep_port_new(&journal->writer, loop, iscep_engine_writer(engine), err);
    if (status == ISCEP_OK)
        status = iscep_port_new(&journal->reader, loop, iscep_engine_reader(engine), err);
    if (status != ISCEP_OK) {
        free_handle(journal);
        return status;
    }
    *out = journal;
    return ISCEP_OK;
}

iscep_status iscep_journal_open_tuned(iscep_journal **out, const iscep_env *env, iscep_loop *loop,
                                      const iscep_journal_options *options,
                                      const iscep_journal_tuning *tuning, iscep_error *err)
{
    iscep_engine *engine = NULL;
    iscep_journal *journal = NULL;
    iscep_status status = iscep_engine_open(&engine, env, options, tuning, err);
    if (status != ISCEP_OK)
        return status;
    status = make_handle(&journal, engine, env, loop, err);
    iscep_engine_release(engine); /* the handle holds it */
    if (status != ISCEP_OK)
        return status;
    status = begin_keeping(journal, loop, tuning->sweep_interval_ms, err);
    if (status != ISCEP_OK) {
        free_handle(journal);
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

iscep_status iscep_journal_attach(iscep_journal **out, iscep_journal *journal, iscep_loop *loop,
                                  iscep_error *err)
{
    return make_handle(out, journal->engine, journal->env, loop, err);
}

void iscep_journal_close(iscep_journal *journal)
{
    if (journal == NULL)
        return;
    if (journal->keeper != NULL)
        iscep_timer_disarm(journal->keeper->sweep_timer);
    bool had_any = true; /* what a callback still asks for is refused, and finished here, too */
    while (had_any) {
        had_any = iscep_port_drain(journal->writer);
        had_any = iscep_port_drain(journal->reader) || had_any;
        journal->is_closing = true;
    }
    free_handle(journal);
}
