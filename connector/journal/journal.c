/*
 * The handles by which loops ask: see journal.h. Which engine answers is the router's matter (route.h), which they share. The first,
 * which opened it, also says in the log how the journal is, and has it forget what is old. All ends with the last of them.
 */
#include "journal/journal.h"

#include <stdlib.h>

#include "base/metrics.h"
#include "journal/enrolments.h"
#include "journal/port.h"
#include "journal/route.h"

/* Of the first handle. */
typedef struct keeper {
    iscep_bell *changed;
    iscep_timer *sweep_timer;
    int64_t sweep_interval_ms;
} keeper;

struct iscep_journal {
    iscep_router *router; /* held */
    const iscep_env *env;
    iscep_port *port;
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

const iscep_env *iscep_journal_env(const iscep_journal *journal)
{
    return journal->env;
}

static iscep_status refuse_closed(iscep_job *job, iscep_db *db, iscep_error *err)
{
    (void)job;
    (void)db;
    return iscep_error_set(err, ISCEP_STORAGE, "journal_closed", "the journal is being closed");
}

static void ask(iscep_journal *journal, iscep_job *job, bool is_reading)
{
    if (journal->is_closing)
        job->run = refuse_closed;
    job->is_reading = is_reading;
    iscep_port_ask(journal->port, iscep_router_choose(journal->router, job), job);
}

void iscep_journal_write(iscep_journal *journal, iscep_job *job)
{
    ask(journal, job, false);
}

void iscep_journal_read(iscep_journal *journal, iscep_job *job)
{
    ask(journal, job, true);
}

/* A job that goes to one writer after the other only to come back behind what is there. */
typedef struct look_job {
    iscep_job job;
    iscep_journal *journal;
    size_t next_writer;
    iscep_job *reading;
} look_job;

static iscep_status write_nothing(iscep_job *job, iscep_db *db, iscep_error *err)
{
    (void)job;
    (void)db;
    (void)err;
    return ISCEP_OK;
}

static void pass_writers(iscep_journal *journal, size_t from, iscep_job *reading);

/* Whatever became of those before: what can be read is read. */
static void on_passed(iscep_job *job)
{
    const look_job *look = (look_job *)job;
    pass_writers(look->journal, look->next_writer, look->reading);
}

static void pass_writers(iscep_journal *journal, size_t from, iscep_job *reading)
{
    const iscep_engine *engine = iscep_router_home(journal->router);
    iscep_lane *lane;
    look_job *look = NULL;
    while ((lane = iscep_engine_nth_writer(engine, from)) != NULL && iscep_lane_is_idle(lane))
        from++;
    if (lane != NULL)
        look = iscep_job_new(journal, sizeof *look, write_nothing, on_passed);
    if (look == NULL) {
        iscep_journal_read(journal, reading);
        return;
    }
    look->journal = journal;
    look->next_writer = from + 1;
    look->reading = reading;
    iscep_port_ask(journal->port, lane, &look->job);
}

void iscep_journal_look(iscep_journal *journal, iscep_job *job)
{
    pass_writers(journal, 0, job);
}

/* --- what memory knows --- */

int64_t iscep_journal_group_count(const iscep_journal *journal)
{
    return iscep_engine_group_count(iscep_router_home(journal->router));
}

bool iscep_journal_is_healthy(const iscep_journal *journal, iscep_error *err)
{
    return iscep_router_is_healthy(journal->router, err);
}

void iscep_journal_standing(const iscep_journal *journal, iscep_journal_standing_facts *out)
{
    iscep_router_standing(journal->router, out);
}

const char *iscep_journal_node(const iscep_journal *journal)
{
    return iscep_router_node(journal->router);
}

const char *iscep_journal_instance(const iscep_journal *journal)
{
    return iscep_router_instance(journal->router);
}

/* What other nodes have put into a database, memory does not know. */
bool iscep_journal_is_new(const iscep_journal *journal, const iscep_enrolment_key *key)
{
    iscep_keys *keys = iscep_engine_keys(iscep_router_home(journal->router));
    int64_t hash;
    return keys != NULL &&
           iscep_key_of_enrolment(&hash, key->transaction_id, key->csr_sha256, NULL) == ISCEP_OK &&
           !iscep_keys_may_have(keys, hash);
}

/* --- the first handle's duties --- */

static void tell(void *user)
{
    const iscep_journal *journal = user;
    iscep_metrics_set(journal->env->metrics, ISCEP_METRIC_JOURNAL_HEALTHY, NULL,
                      iscep_journal_is_healthy(journal, NULL) ? 1 : 0);
    iscep_router_tell(journal->router);
}

typedef struct sweep_job {
    iscep_job job;
    iscep_engine *engine;
} sweep_job;

static iscep_status begin_sweep(iscep_job *job, iscep_db *db, iscep_error *err)
{
    return iscep_engine_begin_sweep(((sweep_job *)job)->engine, db, err);
}

/* Each forgets by itself. */
static void have_swept(iscep_journal *journal, iscep_engine *engine)
{
    sweep_job *job = engine == NULL ? NULL : iscep_job_new(journal, sizeof *job, begin_sweep, NULL);
    if (job == NULL)
        return;
    job->engine = engine;
    if (engine == iscep_router_spool(journal->router))
        job->job.place = ISCEP_PLACE_CLAIM; /* the spool's writer does it, too */
    iscep_port_ask(journal->port, iscep_engine_writer(engine, 0), &job->job);
}

static void on_sweep_due(void *user)
{
    iscep_journal *journal = user;
    have_swept(journal, iscep_router_home(journal->router));
    have_swept(journal, iscep_router_spool(journal->router));
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
        status = iscep_bell_new(&duties->changed, loop, tell, journal, err);
    if (status != ISCEP_OK)
        return status;
    iscep_timer_arm(duties->sweep_timer, sweep_interval_ms);
    iscep_router_watch(journal->router, duties->changed);
    tell(journal);
    return ISCEP_OK;
}

static void end_keeping(iscep_journal *journal)
{
    keeper *duties = journal->keeper;
    if (duties == NULL)
        return;
    iscep_router_watch(journal->router, NULL);
    tell(journal);
    iscep_timer_free(duties->sweep_timer);
    iscep_bell_free(duties->changed);
    free(duties);
}

/* --- opening and closing --- */

static void free_handle(iscep_journal *journal)
{
    end_keeping(journal);
    iscep_port_free(journal->port);
    iscep_router_release(journal->router);
    free(journal);
}

static iscep_status make_handle(iscep_journal **out, iscep_router *router, const iscep_env *env,
                                iscep_loop *loop, iscep_error *err)
{
    iscep_journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL)
        return iscep_error_nomem(err);
    journal->router = iscep_router_hold(router);
    journal->env = env;
    iscep_status status = iscep_port_new(&journal->port, loop, err);
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
    iscep_router *router = NULL;
    iscep_journal *journal = NULL;
    iscep_status status = iscep_router_open(&router, env, options, tuning, err);
    if (status != ISCEP_OK)
        return status;
    status = make_handle(&journal, router, env, loop, err);
    iscep_router_release(router); /* the handle holds it */
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
    return make_handle(out, journal->router, journal->env, loop, err);
}

void iscep_journal_close(iscep_journal *journal)
{
    if (journal == NULL)
        return;
    if (journal->keeper != NULL)
        iscep_timer_disarm(journal->keeper->sweep_timer);
    bool had_any = true; /* what a callback still asks for is refused, and finished here, too */
    while (had_any) {
        had_any = iscep_port_drain(journal->port);
        journal->is_closing = true;
    }
    free_handle(journal);
}
