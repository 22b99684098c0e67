/* See nodes.h. What is compared with "now" is by the database's clock (iscep_db, now_lease_ms). */
#include "journal/nodes.h"

#include <string.h>

#include "journal/inspect_json.h"
#include "journal/leaders.h"
#include "journal/schema.h"

#define FORGOTTEN_AFTER_MS (INT64_C(7) * 24 * 3600 * 1000)

/* --- a beat --- */

typedef struct beat_job {
    iscep_job job;
    iscep_node_facts facts;
    const char *name;
    const char *instance;
    bool is_first;
    bool is_name_taken;
    iscep_beat_fn done;
    void *user;
} beat_job;

static iscep_status find_namesake(beat_job *beat, const iscep_db *db, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(&rows, db->store, err,
                                            "SELECT instance FROM node WHERE name = $1 AND instance <> $2",
                                            iscep_text(beat->name), iscep_text(beat->instance));
    beat->is_name_taken = iscep_rows_step(rows, &status, err) && !beat->is_first;
    return status;
}

/* A clock of our own cannot be compared with itself. */
static int64_t clock_offset_ms(const iscep_db *db)
{
    return iscep_store_is_shared(db->store) ? db->now_unix_ms - db->now_lease_ms : 0;
}

static iscep_status run_beat(iscep_job *job, iscep_db *db, iscep_error *err)
{
    beat_job *beat = (beat_job *)job;
    const iscep_node_facts *facts = &beat->facts;
    iscep_status status = find_namesake(beat, db, err);
    if (status == ISCEP_OK)
        status = iscep_store_run(
            db->store, err,
            "INSERT INTO node (name, instance, version, config_digest, health, state, spooled,"
            " started_unix_ms, seen_ms, clock_offset_ms, schema_version)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
            " ON CONFLICT (name) DO UPDATE SET instance = excluded.instance, version = excluded.version,"
            " config_digest = excluded.config_digest, health = excluded.health, state = excluded.state,"
            " spooled = excluded.spooled, started_unix_ms = excluded.started_unix_ms,"
            " seen_ms = excluded.seen_ms, clock_offset_ms = excluded.clock_offset_ms,"
            " schema_version = excluded.schema_version",
            iscep_text(beat->name), iscep_text(beat->instance), iscep_text(facts->version),
            iscep_text(facts->config_digest), iscep_text(facts->health), iscep_text(facts->state),
            iscep_number(facts->spooled), iscep_number(facts->started_unix_ms),
            iscep_number(db->now_lease_ms), iscep_number(clock_offset_ms(db)),
            iscep_number(iscep_schema_version()));
    if (status != ISCEP_OK)
        return status;
    return iscep_store_run(db->store, err, "DELETE FROM node WHERE seen_ms < $1 AND name <> $2",
                           iscep_number(db->now_lease_ms - FORGOTTEN_AFTER_MS), iscep_text(beat->name));
}

static void finish_beat(iscep_job *job)
{
    const beat_job *beat = (beat_job *)job;
    beat->done(beat->user, job->status, job->status == ISCEP_OK && beat->is_name_taken, &job->err);
}

static iscep_node_facts copy_facts(iscep_arena *arena, const iscep_node_facts *facts)
{
    iscep_node_facts copy = *facts;
    copy.version = iscep_arena_word(arena, facts->version);
    copy.config_digest = iscep_arena_word(arena, facts->config_digest);
    copy.health = iscep_arena_word(arena, facts->health);
    copy.state = iscep_arena_word(arena, facts->state);
    return copy;
}

void iscep_journal_beat(iscep_journal *journal, const iscep_node_facts *facts, bool is_first,
                        iscep_beat_fn done, void *user)
{
    beat_job *beat = iscep_job_new(journal, sizeof *beat, run_beat, done != NULL ? finish_beat : NULL);
    if (beat == NULL) {
        iscep_error err;
        iscep_status status = iscep_error_nomem(&err);
        if (done != NULL)
            done(user, status, false, &err);
        return;
    }
    beat->facts = copy_facts(&beat->job.arena, facts);
    beat->name = iscep_arena_word(&beat->job.arena, iscep_journal_node(journal));
    beat->instance = iscep_arena_word(&beat->job.arena, iscep_journal_instance(journal));
    beat->is_first = is_first;
    beat->done = done;
    beat->user = user;
    iscep_journal_write(journal, &beat->job);
}

/* --- all of them --- */

typedef struct nodes_job {
    iscep_job job;
    const char *instance; /* ours */
    iscep_json *document;
    iscep_nodes_fn done;
    void *user;
} nodes_job;

static void add_node(iscep_json *nodes, const char *our_instance, iscep_rows *rows, const iscep_db *db)
{
    static const char *const texts[] = {"name", "instance", "version", "configDigest", "health", "state"};
    iscep_json *node = iscep_json_append_object(nodes);
    for (int i = 0; i < (int)(sizeof texts / sizeof *texts); i++)
        iscep_inspect_add_column(node, texts[i], rows, i);
    const char *instance = iscep_rows_text(rows, 1);
    iscep_json_add_bool(node, "isSelf", instance != NULL && strcmp(instance, our_instance) == 0);
    iscep_json_add_int(node, "spooled", iscep_rows_number(rows, 6));
    iscep_inspect_add_time(node, "startedAt", iscep_rows_number(rows, 7));
    const int64_t ago_ms = db->now_lease_ms - iscep_rows_number(rows, 8);
    iscep_json_add_int(node, "seenMsAgo", ago_ms > 0 ? ago_ms : 0);
    iscep_json_add_int(node, "clockOffsetMs", iscep_rows_number(rows, 9));
    iscep_json_add_int(node, "schemaVersion", iscep_rows_number(rows, 10));
    iscep_json_add_array(node, "leads");
}

static iscep_status add_nodes(iscep_json *document, const char *our_instance, const iscep_db *db,
                              iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_json *nodes = iscep_json_add_array(document, "nodes");
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "SELECT name, instance, version, config_digest, health, state, spooled, started_unix_ms, seen_ms,"
        " clock_offset_ms, schema_version FROM node WHERE seen_ms >= $1 ORDER BY name",
        iscep_number(0));
    while (iscep_rows_step(rows, &status, err))
        add_node(nodes, our_instance, rows, db);
    return status;
}

/* holder: as leaders.c writes it, "NODE INSTANCE". */
static void note_leader(const iscep_json *nodes, const char *holder, const char *tenant)
{
    const char *space = holder != NULL ? strrchr(holder, ' ') : NULL;
    for (const iscep_json *node = iscep_json_first(nodes); node != NULL; node = iscep_json_next(node))
        if (space != NULL && iscep_json_has_text(node, "instance", space + 1))
            iscep_json_append_text((iscep_json *)iscep_json_member(node, "leads"), tenant);
}

static iscep_status add_leaders(const iscep_json *nodes, const iscep_db *db, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status =
        iscep_store_query(&rows, db->store, err,
                          "SELECT node, tenant FROM leader WHERE task = $1 AND until_ms > $2 ORDER BY tenant",
                          iscep_text(ISCEP_TASK_REVOCATIONS), iscep_number(db->now_lease_ms));
    while (iscep_rows_step(rows, &status, err))
        note_leader(nodes, iscep_rows_text(rows, 0), iscep_rows_text(rows, 1));
    return status;
}

/* From the beginning also the second time that it runs. */
static iscep_status run_nodes(iscep_job *job, iscep_db *db, iscep_error *err)
{
    nodes_job *asked = (nodes_job *)job;
    iscep_schema_mark mark = {0};
    iscep_json_free(asked->document);
    iscep_json *document = asked->document = iscep_json_new_object();
    iscep_status status = iscep_store_get_version(db->store, &mark, err);
    iscep_json_add_int(document, "schemaVersion", mark.version);
    if (status == ISCEP_OK)
        status = add_nodes(document, asked->instance, db, err);
    return status == ISCEP_OK ? add_leaders(iscep_json_member(document, "nodes"), db, err) : status;
}

static void finish_nodes(iscep_job *job)
{
    nodes_job *asked = (nodes_job *)job;
    const bool is_done = job->status == ISCEP_OK;
    if (!is_done)
        iscep_json_free(asked->document);
    asked->done(asked->user, job->status, is_done ? asked->document : NULL, &job->err);
}

void iscep_journal_nodes(iscep_journal *journal, iscep_nodes_fn done, void *user)
{
    nodes_job *asked = iscep_job_new(journal, sizeof *asked, run_nodes, finish_nodes);
    if (asked == NULL) {
        iscep_error err;
        done(user, iscep_error_nomem(&err), NULL, &err);
        return;
    }
    asked->instance = iscep_arena_word(&asked->job.arena, iscep_journal_instance(journal));
    asked->done = done;
    asked->user = user;
    iscep_journal_read(journal, &asked->job);
}
