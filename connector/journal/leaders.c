/* See leaders.h. Terms are told by the database's clock (iscep_db, now_lease_ms). */
#include "journal/leaders.h"

#include <stdio.h>
#include <string.h>

enum { HOLDER_SIZE = 128 };

/* Whose term it is: the node's name, a space, and the process, so that a node that was started anew is another. */
typedef struct holder {
    char text[HOLDER_SIZE];
} holder;

static holder holder_of(const iscep_journal *journal)
{
    holder out;
    snprintf(out.text, sizeof out.text, "%s %s", iscep_journal_node(journal),
             iscep_journal_instance(journal));
    return out;
}

/* --- leading --- */

typedef struct lead_job {
    iscep_job job;
    holder us;
    const char *tenant;
    const char *task;
    int64_t fence;
    int64_t lease_ms;
    iscep_leadership standing;
    iscep_leadership_fn done;
    void *user;
} lead_job;

/*
 * One statement, so that of two nodes one wins. $6 is the term to be prolonged, or 0. A new term needs that the one before is
 * over, or of this process; in a journal that is not shared ($7) whatever there is is of ours, or of one that has ended.
 */
static iscep_status take_term(bool *is_taken, lead_job *lead, const iscep_db *db, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "INSERT INTO leader (tenant, task, node, fence, until_ms) VALUES ($1, $2, $3, 1, $4)"
        " ON CONFLICT (tenant, task) DO UPDATE SET node = excluded.node, until_ms = excluded.until_ms,"
        " fence = leader.fence + CASE WHEN leader.node = $3 AND leader.fence = $6 THEN 0 ELSE 1 END"
        " WHERE leader.until_ms <= $5"
        " OR ((leader.node = $3 OR $7 = 0) AND ($6 = 0 OR leader.fence = $6))"
        " RETURNING fence",
        iscep_text(lead->tenant), iscep_text(lead->task), iscep_text(lead->us.text),
        iscep_number(db->now_lease_ms + lead->lease_ms), iscep_number(db->now_lease_ms),
        iscep_number(lead->fence), iscep_number(iscep_store_is_shared(db->store)));
    *is_taken = false;
    if (status == ISCEP_OK)
        status = iscep_rows_next(rows, is_taken, err);
    if (status == ISCEP_OK && *is_taken)
        lead->standing.fence = iscep_rows_number(rows, 0);
    return status;
}

/* Without the process: people know their nodes by name. */
static const char *node_of(iscep_arena *arena, const char *text)
{
    const char *space = text != NULL ? strrchr(text, ' ') : NULL;
    char name[HOLDER_SIZE];
    snprintf(name, sizeof name, "%.*s", space != NULL ? (int)(space - text) : 0, text != NULL ? text : "");
    return iscep_arena_text(arena, name);
}

static iscep_status find_leader(lead_job *lead, const iscep_db *db, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(
        &rows, db->store, err, "SELECT node, until_ms FROM leader WHERE tenant = $1 AND task = $2",
        iscep_text(lead->tenant), iscep_text(lead->task));
    if (!iscep_rows_step(rows, &status, err))
        return status;
    lead->standing.node = node_of(&lead->job.arena, iscep_rows_text(rows, 0));
    lead->standing.until_mono_ms = lead->job.now_mono_ms + iscep_rows_number(rows, 1) - db->now_lease_ms;
    return ISCEP_OK;
}

/* The term is counted from when it was asked for: here it ends before it does for the others. */
static iscep_status run_lead(iscep_job *job, iscep_db *db, iscep_error *err)
{
    lead_job *lead = (lead_job *)job;
    bool is_taken;
    lead->standing = (iscep_leadership){.node = ""};
    iscep_status status = take_term(&is_taken, lead, db, err);
    if (status != ISCEP_OK || !is_taken)
        return status == ISCEP_OK ? find_leader(lead, db, err) : status;
    lead->standing.is_leader = true;
    lead->standing.until_mono_ms =
        iscep_store_is_shared(db->store) ? job->now_mono_ms + lead->lease_ms : ISCEP_LEADS_FOR_EVER;
    lead->standing.node = node_of(&job->arena, lead->us.text);
    return ISCEP_OK;
}

static void finish_lead(iscep_job *job)
{
    const lead_job *lead = (lead_job *)job;
    static const iscep_leadership nobody = {.node = ""};
    lead->done(lead->user, job->status, job->status == ISCEP_OK ? &lead->standing : &nobody, &job->err);
}

void iscep_journal_lead(iscep_journal *journal, const char *tenant, const char *task, int64_t fence,
                        int64_t lease_ms, iscep_leadership_fn done, void *user)
{
    static const iscep_leadership nobody = {.node = ""};
    lead_job *lead = iscep_job_new(journal, sizeof *lead, run_lead, finish_lead);
    if (lead == NULL) {
        iscep_error err;
        done(user, iscep_error_nomem(&err), &nobody, &err);
        return;
    }
    lead->us = holder_of(journal);
    lead->tenant = iscep_arena_word(&lead->job.arena, tenant);
    lead->task = iscep_arena_word(&lead->job.arena, task);
    lead->fence = fence;
    lead->lease_ms = lease_ms;
    lead->done = done;
    lead->user = user;
    iscep_journal_write(journal, &lead->job);
}

/* --- and no more --- */

typedef struct resign_job {
    iscep_job job;
    holder us;
    const char *tenant;
    const char *task;
    int64_t fence;
} resign_job;

static iscep_status run_resign(iscep_job *job, iscep_db *db, iscep_error *err)
{
    const resign_job *resign = (resign_job *)job;
    return iscep_store_run(
        db->store, err,
        "UPDATE leader SET until_ms = 0 WHERE tenant = $1 AND task = $2 AND node = $3 AND fence = $4",
        iscep_text(resign->tenant), iscep_text(resign->task), iscep_text(resign->us.text),
        iscep_number(resign->fence));
}

/* Without memory the term ends by itself. */
void iscep_journal_resign(iscep_journal *journal, const char *tenant, const char *task, int64_t fence)
{
    resign_job *resign = iscep_job_new(journal, sizeof *resign, run_resign, NULL);
    if (resign == NULL)
        return;
    resign->us = holder_of(journal);
    resign->tenant = iscep_arena_word(&resign->job.arena, tenant);
    resign->task = iscep_arena_word(&resign->job.arena, task);
    resign->fence = fence;
    iscep_journal_write(journal, &resign->job);
}

/* An update that changes nothing keeps the row until the transaction ends. */
iscep_status iscep_leader_check(iscep_db *db, const char *tenant, const char *task, int64_t fence,
                                iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    bool is_newest = false;
    iscep_status status = iscep_store_query(&rows, db->store, err,
                                            "UPDATE leader SET fence = fence WHERE tenant = $1 AND task = $2"
                                            " AND fence = $3 RETURNING fence",
                                            iscep_text(tenant), iscep_text(task), iscep_number(fence));
    if (status == ISCEP_OK)
        status = iscep_rows_next(rows, &is_newest, err);
    if (status != ISCEP_OK || is_newest)
        return status;
    return iscep_error_set(err, ISCEP_USAGE, "not_leader",
                           "another node leads by now: what this one still had is not written");
}
