/* See route.h. */
#include "journal/route.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "journal/aliases.h"
#include "journal/mover.h"
#include "journal/standing.h"

enum { MAX_TURNS = 8 /* that a job waits for a slice of the mover */ };

struct iscep_router {
    atomic_size_t holders;
    const iscep_env *env;
    char *node;
    char instance[ISCEP_GUID_SIZE];
    bool was_healthy; /* as the log has it */
    iscep_engine *home;
    /* With a database only: */
    iscep_engine *spool;
    iscep_standing *standing;
    iscep_aliases *aliases;
    iscep_mover *mover;                 /* the spool's writer's */
    _Atomic(iscep_lane *) spool_writer; /* for the threads of the database, once it is open */
};

/* --- where a job begins --- */

static iscep_lane *lane_of(const iscep_engine *engine, const iscep_job *job)
{
    return job->is_reading ? iscep_engine_reader(engine) : iscep_engine_writer(engine, job->order);
}

/* Is what was asked before still under way there? Then what is asked now stays behind it. */
static bool has_earlier(const iscep_engine *engine, const iscep_job *job)
{
    return !job->is_reading && !iscep_lane_is_idle(lane_of(engine, job));
}

/*
 * What cannot be done on the spool is refused there, where no thread waits for the database. The database's lanes pass on what they
 * still have.
 */
static iscep_lane *choose_away(iscep_router *router, iscep_job *job)
{
    bool can_be_spooled = job->place == ISCEP_PLACE_ENROLMENT || job->place == ISCEP_PLACE_CLAIM;
    if (!can_be_spooled)
        return iscep_engine_reader(router->spool);
    return lane_of(has_earlier(router->home, job) ? router->home : router->spool, job);
}

/* What is certainly not on the spool need not be looked for there. */
static iscep_lane *choose_returning(iscep_router *router, iscep_job *job)
{
    job->is_asking = job->place == ISCEP_PLACE_ENROLMENT &&
                     (has_earlier(router->spool, job) ||
                      iscep_keys_may_have(iscep_engine_keys(router->spool), job->order));
    return lane_of(job->is_asking ? router->spool : router->home, job);
}

iscep_lane *iscep_router_choose(iscep_router *router, iscep_job *job)
{
    if (router->spool == NULL)
        return lane_of(router->home, job);
    job->is_spools = job->place == ISCEP_PLACE_DELIVERY && (job->id & ISCEP_SPOOL_BIT) != 0;
    if (job->is_spools) {
        job->id = job->asked_id = job->id & ~ISCEP_SPOOL_BIT;
        job->is_asking = true;
        return lane_of(router->spool, job);
    }
    switch (iscep_standing_state(router->standing)) {
    case ISCEP_JOURNAL_AWAY:
        return choose_away(router, job);
    case ISCEP_JOURNAL_RETURNING:
        return choose_returning(router, job);
    case ISCEP_JOURNAL_HERE:
        break;
    }
    return lane_of(router->home, job);
}

/* --- on the spool --- */

static iscep_status has_row(bool *out, iscep_db *db, const char *sql, int64_t number, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status =
        iscep_store_query_params(&rows, db->store, sql, ISCEP_PARAMS(iscep_number(number)), err);
    return status == ISCEP_OK ? iscep_rows_next(rows, out, err) : status;
}

/* id: of one of which something is noted here, and nothing has been reported; or 0. */
static iscep_status look_for_enrolment(bool *is_reported, int64_t *id, iscep_db *db, int64_t hash,
                                       iscep_error *err)
{
    ISCEP_AUTO_ROW_IDS ids = {0};
    iscep_status status = iscep_keys_find(db->keys, db->store, hash, &ids, err);
    for (size_t i = 0; i < ids.count && status == ISCEP_OK && !*is_reported; i++) {
        bool is_noted = false;
        status = has_row(is_reported, db, "SELECT 1 FROM delivery WHERE enrolment_id = $1 LIMIT 1",
                         ids.ids[i], err);
        if (status == ISCEP_OK)
            status = has_row(&is_noted, db, "SELECT 1 FROM enrolment WHERE id = $1", ids.ids[i], err);
        *id = is_noted ? ids.ids[i] : *id;
    }
    return status;
}

/*
 * Whoever reports an enrolment of which there are only notes here, wants them moved first: the database may know more of it, and has to
 * know these. If that does not succeed soon, it is done here.
 */
static iscep_status admit_enrolment(iscep_router *router, iscep_job *job, iscep_db *db, iscep_error *err)
{
    bool is_here = false;
    int64_t id = 0;
    iscep_status status = look_for_enrolment(&is_here, &id, db, job->order, err);
    bool is_to_be_moved = id != 0 && !is_here && !job->is_reading;
    if (is_to_be_moved && iscep_standing_state(router->standing) == ISCEP_JOURNAL_RETURNING &&
        job->turns++ < MAX_TURNS) {
        iscep_mover_put_first(router->mover, id);
        job->pass_to = lane_of(router->spool, job);
    } else if (status == ISCEP_OK && !is_here && !is_to_be_moved) {
        job->pass_to = lane_of(router->home, job);
    }
    return status;
}

/* One that nobody moved and nobody has is nowhere: it is looked for here, in vain, and that is the answer. */
static iscep_status admit_delivery(iscep_router *router, iscep_job *job, iscep_db *db, iscep_error *err)
{
    bool is_here = false;
    iscep_status status = has_row(&is_here, db, "SELECT 1 FROM delivery WHERE id = $1 AND enrolment_id > 0",
                                  job->asked_id, err);
    int64_t moved_to =
        status == ISCEP_OK && !is_here ? iscep_aliases_in_database(router->aliases, job->asked_id) : 0;
    job->id = moved_to == 0 ? job->asked_id : moved_to;
    if (moved_to != 0)
        job->pass_to = lane_of(router->home, job);
    return status;
}

static iscep_status refuse(const iscep_router *router, iscep_error *err)
{
    iscep_journal_standing_facts facts;
    iscep_standing_get(router->standing, &facts);
    const char *why = facts.why.message[0] != '\0' ? facts.why.message : "the database cannot be reached";
    return iscep_error_set(err, ISCEP_STORAGE, "journal_away", "%s", why);
}

static iscep_status admit_on_spool(void *user, iscep_job *job, iscep_db *db, iscep_error *err)
{
    iscep_router *router = user;
    if (job->place == ISCEP_PLACE_DATABASE || (job->place == ISCEP_PLACE_DELIVERY && !job->is_spools))
        return refuse(router, err);
    if (!job->is_asking)
        return ISCEP_OK;
    return job->place == ISCEP_PLACE_DELIVERY ? admit_delivery(router, job, db, err)
                                              : admit_enrolment(router, job, db, err);
}

static void put_bit(void *user, int64_t *id)
{
    (void)user;
    if (*id != 0)
        *id |= ISCEP_SPOOL_BIT;
}

static void answer_on_spool(void *user, iscep_job *job)
{
    if (job->each_id != NULL)
        job->each_id(job, put_bit, user);
}

static void on_spool_written(void *user)
{
    iscep_mover_has_more(((iscep_router *)user)->mover);
}

static int64_t between_on_spool(void *user, iscep_db *db, bool is_idle)
{
    return iscep_mover_slice(((iscep_router *)user)->mover, db, is_idle);
}

/* --- in the database --- */

/* Whoever knows it by its number on the spool goes on doing so. */
static void put_alias(void *user, int64_t *id)
{
    int64_t spool_id = iscep_aliases_on_spool(((iscep_router *)user)->aliases, *id);
    if (spool_id != 0)
        *id = spool_id | ISCEP_SPOOL_BIT;
}

static void answer_at_home(void *user, iscep_job *job)
{
    if (job->each_id != NULL)
        job->each_id(job, put_alias, user);
}

/* A delivery that is in the database has to wait for it, wherever the question came from. */
static bool lose_at_home(void *user, iscep_job *job)
{
    const iscep_router *router = user;
    if (job->place != ISCEP_PLACE_ENROLMENT && job->place != ISCEP_PLACE_CLAIM)
        return false;
    job->is_asking = false;
    job->pass_to = lane_of(router->spool, job);
    return true;
}

static void on_home_told(void *user, const iscep_error *err)
{
    iscep_router *router = user;
    iscep_lane *spool_writer = atomic_load(&router->spool_writer);
    iscep_standing_set_reached(router->standing, err);
    if (err == NULL && spool_writer != NULL)
        iscep_lane_knock(spool_writer);
}

/* --- opening and closing --- */

static void close_router(iscep_router *router)
{
    iscep_engine_stop(router->spool);
    iscep_engine_stop(router->home);
    iscep_engine_close(router->spool);
    iscep_engine_close(router->home);
    iscep_mover_free(router->mover);
    iscep_aliases_free(router->aliases);
    iscep_standing_free(router->standing);
    free(router->node);
    free(router);
}

static iscep_status open_home(iscep_router *router, iscep_engine_options *options, iscep_error *err)
{
    options->is_remote = true;
    options->hooks = (iscep_engine_hooks){
        .answer = answer_at_home, .lose = lose_at_home, .tell = on_home_told, .user = router};
    return iscep_engine_open(&router->home, options, err);
}

/* So that whoever asks at once is not told of a spool on which nothing is: the mover looks in a moment. */
static iscep_status tell_if_empty(iscep_router *router, iscep_error *err)
{
    iscep_store *store = NULL;
    iscep_rows *rows = NULL;
    bool has_any = true;
    iscep_status status = iscep_engine_connect(router->spool, &store, ISCEP_STORE_READ, err);
    if (status == ISCEP_OK)
        status = iscep_store_query_params(&rows, store,
                                          "SELECT 1 FROM enrolment UNION ALL SELECT 1 FROM revocation"
                                          " UNION ALL SELECT 1 FROM fact WHERE tenant <> '' LIMIT 1",
                                          NULL, 0, err);
    if (status == ISCEP_OK)
        status = iscep_rows_next(rows, &has_any, err);
    iscep_rows_close(rows);
    iscep_store_close(store);
    if (status == ISCEP_OK && !has_any)
        iscep_standing_set_empty(router->standing);
    return status;
}

static iscep_status open_spool(iscep_router *router, iscep_engine_options *options, iscep_error *err)
{
    const iscep_mover_parts parts = {.env = options->env,
                                     .home = router->home,
                                     .standing = router->standing,
                                     .aliases = router->aliases,
                                     .tuning = options->tuning};
    iscep_status status = iscep_mover_new(&router->mover, &parts, err);
    options->is_remote = false;
    options->hooks = (iscep_engine_hooks){.admit = admit_on_spool,
                                          .answer = answer_on_spool,
                                          .written = on_spool_written,
                                          .between = between_on_spool,
                                          .user = router};
    if (status == ISCEP_OK)
        status = iscep_engine_open(&router->spool, options, err);
    if (status == ISCEP_OK)
        status = tell_if_empty(router, err);
    if (status != ISCEP_OK)
        return status;
    iscep_lane *writer = iscep_engine_writer(router->spool, 0);
    atomic_store(&router->spool_writer, writer);
    iscep_lane_knock(writer); /* there may be something to move */
    return ISCEP_OK;
}

/* The threads of the database know nothing of the spool before it is open: nothing is asked of them yet. */
static iscep_status open_both(iscep_router *router, iscep_engine_options *options, iscep_error *err)
{
    iscep_status status = iscep_standing_new(&router->standing, router->env, err);
    if (status == ISCEP_OK)
        status = iscep_aliases_new(&router->aliases, err);
    if (status == ISCEP_OK)
        status = open_home(router, options, err);
    return status == ISCEP_OK ? open_spool(router, options, err) : status;
}

iscep_status iscep_router_open(iscep_router **out, const iscep_env *env, const iscep_journal_options *options,
                               const iscep_journal_tuning *tuning, iscep_error *err)
{
    iscep_router *router = calloc(1, sizeof *router);
    if (router == NULL)
        return iscep_error_nomem(err);
    iscep_engine_options engine = {.env = env, .journal = options, .tuning = tuning};
    atomic_init(&router->holders, 1);
    router->env = env;
    router->was_healthy = true;
    router->node = strdup(options->node == NULL ? "local" : options->node);
    iscep_status status =
        router->node == NULL ? iscep_error_nomem(err) : iscep_guid_new(router->instance, env, err);
    if (status == ISCEP_OK)
        status = options->database == NULL ? iscep_engine_open(&router->home, &engine, err)
                                           : open_both(router, &engine, err);
    if (status != ISCEP_OK) {
        close_router(router);
        return status;
    }
    *out = router;
    return ISCEP_OK;
}

iscep_router *iscep_router_hold(iscep_router *router)
{
    atomic_fetch_add(&router->holders, 1);
    return router;
}

void iscep_router_release(iscep_router *router)
{
    if (atomic_fetch_sub(&router->holders, 1) == 1)
        close_router(router);
}

/* --- what is known --- */

iscep_engine *iscep_router_home(const iscep_router *router)
{
    return router->home;
}

iscep_engine *iscep_router_spool(const iscep_router *router)
{
    return router->spool;
}

const char *iscep_router_node(const iscep_router *router)
{
    return router->node;
}

const char *iscep_router_instance(const iscep_router *router)
{
    return router->instance;
}

bool iscep_router_is_healthy(const iscep_router *router, iscep_error *err)
{
    bool is_good = iscep_health_is_good(iscep_engine_health(router->home), err);
    return is_good ||
           (router->spool != NULL && iscep_health_is_good(iscep_engine_health(router->spool), err));
}

void iscep_router_standing(const iscep_router *router, iscep_journal_standing_facts *out)
{
    if (router->standing != NULL)
        iscep_standing_get(router->standing, out);
    else
        *out = (iscep_journal_standing_facts){.state = ISCEP_JOURNAL_HERE, .why = ISCEP_ERROR_INIT};
}

void iscep_router_watch(iscep_router *router, iscep_bell *changed)
{
    iscep_health_watch(iscep_engine_health(router->home), changed);
    if (router->spool == NULL)
        return;
    iscep_health_watch(iscep_engine_health(router->spool), changed);
    iscep_standing_watch(router->standing, changed);
}

static void tell_health(iscep_router *router)
{
    iscep_error reason = ISCEP_ERROR_INIT;
    bool is_healthy = iscep_router_is_healthy(router, &reason);
    if (is_healthy == router->was_healthy)
        return;
    router->was_healthy = is_healthy;
    if (is_healthy)
        iscep_log_event(router->env->log, ISCEP_LOG_INFO, "journal_recovered",
                        ISCEP_LOG_TEXT("now", "writable"));
    else
        iscep_log_event(router->env->log, ISCEP_LOG_ERROR, "journal_failed",
                        ISCEP_LOG_TEXT("code", reason.code), ISCEP_LOG_TEXT("reason", reason.message));
}

void iscep_router_tell(iscep_router *router)
{
    tell_health(router);
    if (router->standing != NULL)
        iscep_standing_tell(router->standing);
}
