/* See claims.h. */
#include "journal/claims.h"

#include "journal/history.h"

/* --- giving back --- */

typedef struct release_job {
    iscep_job job;
    int64_t fence;
} release_job;

static iscep_status run_release_delivery(iscep_job *job, iscep_db *db, iscep_error *err)
{
    const release_job *release = (release_job *)job;
    return iscep_store_run(db->store, err,
                           "UPDATE delivery SET leased_until_ms = 0 WHERE id = $1 AND fence = $2",
                           iscep_number(job->id), iscep_number(release->fence));
}

/* Without memory, the claim runs out. */
static void release(iscep_journal *journal, iscep_job_run run, int64_t id, int64_t fence)
{
    release_job *job = iscep_job_new(journal, sizeof *job, run, NULL);
    if (job == NULL)
        return;
    job->job.place = ISCEP_PLACE_DELIVERY; /* its order is that of claims, which come behind it */
    job->job.id = id;
    job->fence = fence;
    iscep_journal_write(journal, &job->job);
}

void iscep_journal_release_delivery(iscep_journal *journal, int64_t id, int64_t fence)
{
    release(journal, run_release_delivery, id, fence);
}

/* --- looking --- */

typedef struct standing_job {
    iscep_job job;
    int64_t fence;
    iscep_report report;
    bool is_being_tried;
    int64_t due_unix_ms;
    iscep_standing_fn done;
    void *user;
} standing_job;

static iscep_status load_claim(standing_job *standing, iscep_db *db, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(&rows, db->store, err,
                                            "SELECT leased_until_ms, due_unix_ms FROM delivery WHERE id = $1",
                                            iscep_number(standing->job.id));
    if (!iscep_rows_step(rows, &status, err))
        return status;
    standing->is_being_tried = iscep_rows_number(rows, 0) > db->now_lease_ms;
    standing->due_unix_ms = iscep_rows_number(rows, 1);
    return ISCEP_OK;
}

static void each_id(iscep_job *job, iscep_id_fn fn, void *user)
{
    fn(user, &((standing_job *)job)->report.delivery_id);
}

static iscep_status run_standing(iscep_job *job, iscep_db *db, iscep_error *err)
{
    standing_job *standing = (standing_job *)job;
    iscep_delivery_row row;
    iscep_status status = iscep_delivery_find(&row, db, job->id, standing->fence, &job->arena, err);
    if (status != ISCEP_OK)
        return status;
    iscep_report_fill(&standing->report, &row);
    return load_claim(standing, db, err);
}

static void finish_standing(iscep_job *job)
{
    const standing_job *standing = (standing_job *)job;
    const iscep_report *report = job->status == ISCEP_OK ? &standing->report : NULL;
    standing->done(standing->user, job->status, report, standing->is_being_tried, standing->due_unix_ms,
                   &job->err);
}

void iscep_journal_find_standing(iscep_journal *journal, int64_t delivery_id, int64_t fence,
                                 iscep_standing_fn done, void *user)
{
    standing_job *standing = iscep_job_new(journal, sizeof *standing, run_standing, finish_standing);
    if (standing == NULL) {
        iscep_error err;
        done(user, iscep_error_nomem(&err), NULL, false, 0, &err);
        return;
    }
    standing->job.place = ISCEP_PLACE_DELIVERY;
    standing->job.id = delivery_id;
    standing->fence = fence;
    standing->job.each_id = each_id;
    standing->done = done;
    standing->user = user;
    iscep_journal_read(journal, &standing->job);
}
