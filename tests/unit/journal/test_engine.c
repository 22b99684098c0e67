/* The two threads: what comes together is written together, one's failure is his own, and every answer comes once. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "desk.h"
#include "faulty_disk.h"
#include "tests/support/loop_thread.h"

static desk d;

static void set_up(void)
{
    faulty_disk_install();
    desk_open(&d);
}

static void tear_down(void)
{
    desk_close(&d);
}

TestSuite(engine, .init = set_up, .fini = tear_down);

enum { MANY = 100 };

typedef struct tally {
    int wanted;
    int ok;
    int failed;
    char last_error[64];
    int64_t ids[MANY];
    bool is_done;
} tally;

static void on_report(void *user, iscep_status status, const iscep_report *report, const iscep_error *err)
{
    tally *t = user;
    if (status == ISCEP_OK)
        t->ids[t->ok++] = report->delivery_id;
    else
        t->failed++;
    iscep_text_copy(t->last_error, sizeof t->last_error, err->code);
    t->is_done = t->ok + t->failed == t->wanted;
    if (t->is_done)
        iscep_loop_stop(d.loop);
}

static void ask_many(tally *t, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        char id[16], serial[16];
        snprintf(id, sizeof id, "t%d", i);
        snprintf(serial, sizeof serial, "%04X", (unsigned)i);
        const iscep_issued_record record = desk_cert(id, "csr", serial);
        iscep_journal_record_issued(d.journal, &record, on_report, t);
    }
}

/* --- groups --- */

Test(engine, what_comes_together_shares_one_fsync)
{
    tally t = {.wanted = MANY};
    desk_flush(&d);
    int64_t groups = iscep_journal_group_count(d.journal), syncs = faulty_disk_sync_count();
    ask_many(&t, 0, MANY);
    cr_assert_eq(t.ok, 0, "never before the call returns");
    desk_wait(&d, &t.is_done);
    cr_assert_eq(t.ok, MANY);
    cr_assert_eq(iscep_journal_group_count(d.journal) - groups, 1);
    cr_assert_eq(faulty_disk_sync_count() - syncs, 1);
}

Test(engine, every_acknowledgement_has_had_its_fsync)
{
    static const char *const values[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < 5; i++) {
        int64_t syncs = faulty_disk_sync_count();
        cr_assert_eq(desk_set_fact(&d, "name", values[i]).status, ISCEP_OK);
        cr_assert_geq(faulty_disk_sync_count() - syncs, 1);
    }
}

Test(engine, a_group_has_a_bound)
{
    desk_close(&d);
    desk_init(&d);
    d.tuning.max_group = 10;
    desk_start(&d);
    tally t = {.wanted = MANY};
    ask_many(&t, 0, MANY);
    desk_wait(&d, &t.is_done);
    cr_assert_eq(t.ok, MANY);
    cr_assert_eq(iscep_journal_group_count(d.journal), MANY / 10);
}

Test(engine, answers_come_in_the_order_of_the_questions)
{
    tally t = {.wanted = MANY};
    ask_many(&t, 0, MANY);
    desk_wait(&d, &t.is_done);
    for (int i = 1; i < MANY; i++)
        cr_assert_gt(t.ids[i], t.ids[i - 1]);
}

/* --- the write-ahead log --- */

static int64_t log_bytes(void)
{
    char path[160];
    struct stat st;
    snprintf(path, sizeof path, "%s-wal", d.path);
    cr_assert_eq(stat(path, &st), 0);
    return st.st_size;
}

static void write_one_by_one(int first, int count)
{
    for (int i = first; i < first + count; i++) {
        tally t = {.wanted = 1};
        ask_many(&t, i, 1);
        desk_wait(&d, &t.is_done);
        cr_assert_eq(t.ok, 1);
    }
}

Test(engine, what_was_written_moves_to_where_it_stays)
{
    enum { LOG_BOUND = 4 * 1024 * 1024 };
    write_one_by_one(0, 50);
    int64_t bytes_of_50 = log_bytes();
    write_one_by_one(50, 350);
    cr_assert_gt(bytes_of_50 * 8, 2 * LOG_BOUND, "400 reports are worth a look");
    cr_assert_lt(log_bytes(), LOG_BOUND);
    cr_assert(desk_find(&d, "t0", "csr").has_cert);
    cr_assert(desk_find(&d, "t399", "csr").has_cert);
}

/* --- one that fails --- */

typedef struct bad_job {
    iscep_job job;
    iscep_status status;
    tally *t;
} bad_job;

static iscep_status write_and_fail(iscep_job *job, iscep_db *db, iscep_error *err)
{
    iscep_status status =
        iscep_store_run(db->store, err, "INSERT INTO fact (tenant, name, value) VALUES ($1, 'bad', 'bad')",
                        iscep_text(DESK_TENANT));
    cr_assert_eq(status, ISCEP_OK);
    return iscep_error_set(err, ((bad_job *)job)->status, "planted", "planted");
}

static void on_bad(iscep_job *job)
{
    on_report(((bad_job *)job)->t, job->status, NULL, &job->err);
}

static void ask_bad(tally *t, iscep_status status)
{
    bad_job *bad = iscep_job_new(d.journal, sizeof *bad, write_and_fail, on_bad);
    bad->status = status;
    bad->t = t;
    iscep_journal_write(d.journal, &bad->job);
}

static void assert_only_the_bad_one_failed(iscep_status status)
{
    tally t = {.wanted = 21};
    ask_many(&t, 0, 10);
    ask_bad(&t, status);
    ask_many(&t, 10, 10);
    desk_wait(&d, &t.is_done);
    cr_assert_eq(t.ok, 20);
    cr_assert_eq(t.failed, 1);
    cr_assert_not(desk_get_fact(&d, "bad").has_value, "what it wrote is gone");
    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "t%d", i);
        cr_assert(desk_find(&d, id, "csr").has_cert, "%s", id);
        cr_assert_str_eq(desk_events(&d, id), "issued");
    }
}

Test(engine, one_that_fails_does_not_harm_the_rest)
{
    assert_only_the_bad_one_failed(ISCEP_STORAGE);
}

Test(engine, nor_does_one_that_runs_out_of_memory)
{
    assert_only_the_bad_one_failed(ISCEP_NOMEM);
}

/* --- reading does not wait for writing --- */

typedef struct slow_job {
    iscep_job job;
    gate *begun;
    gate *go_on;
} slow_job;

static iscep_status wait_at_gate(iscep_job *job, iscep_db *db, iscep_error *err)
{
    (void)db;
    (void)err;
    const slow_job *slow = (slow_job *)job;
    gate_pass(slow->begun);
    gate_await(slow->go_on, 1);
    return ISCEP_OK;
}

Test(engine, reading_does_not_wait_for_writing)
{
    gate begun = GATE_INIT, go_on = GATE_INIT;
    desk_issue_strict(&d, "t1", "csr1", "01");
    slow_job *slow = iscep_job_new(d.journal, sizeof *slow, wait_at_gate, NULL);
    slow->begun = &begun;
    slow->go_on = &go_on;
    iscep_journal_write(d.journal, &slow->job);
    cr_assert(desk_find(&d, "t1", "csr1").has_cert);
    gate_await(&begun, 1);
    cr_assert(desk_find(&d, "t1", "csr1").has_cert);
    gate_pass(&go_on);
    desk_flush(&d);
}

/* --- closing --- */

Test(engine, closing_carries_out_what_was_asked_for)
{
    tally t = {.wanted = MANY};
    ask_many(&t, 0, MANY);
    iscep_journal_close(d.journal);
    cr_assert_eq(t.ok, MANY);
    desk_start(&d);
    cr_assert(desk_find(&d, "t99", "csr").has_cert);
}

static void expect_closed(void *user, iscep_status status, const iscep_error *err)
{
    tally *t = user;
    t->is_done = status == ISCEP_STORAGE && strcmp(err->code, "journal_closed") == 0;
}

static void ask_for_ever(void *user, iscep_status status, const iscep_error *err)
{
    (void)err;
    iscep_journal_set_fact(d.journal, DESK_TENANT, "a", "b",
                           status == ISCEP_OK ? ask_for_ever : expect_closed, user);
}

Test(engine, what_is_asked_while_it_closes_is_refused_in_the_end)
{
    tally t = {.wanted = 2};
    iscep_journal_set_fact(d.journal, DESK_TENANT, "a", "b", ask_for_ever, &t);
    iscep_journal_close(d.journal);
    cr_assert(t.is_done);
    desk_start(&d);
    cr_assert_str_eq(desk_get_fact(&d, "a").value, "b");
}

Test(engine, a_journal_that_was_closed_can_be_opened_at_once)
{
    for (int i = 0; i < 5; i++)
        desk_reopen(&d);
    cr_assert_eq(desk_set_fact(&d, "a", "b").status, ISCEP_OK);
}
