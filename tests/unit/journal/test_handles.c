/* Several loops ask one journal: each gets its own answers, and what nobody waits for is written in company. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/metrics.h"
#include "desk.h"
#include "faulty_disk.h"
#include "tests/support/loop_thread.h"

enum { MANY = 100, FOR_EVER_MS = 3600 * 1000 };

static desk d;
static iscep_journal *other; /* of the same loop, unless a test says otherwise */

static void attach(iscep_loop *loop)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_journal_attach(&other, d.journal, loop, &err), ISCEP_OK, "%s", err.message);
}

static void set_up(void)
{
    faulty_disk_install();
    desk_init(&d);
    d.tuning.gather_ms = FOR_EVER_MS;
    desk_start(&d);
    attach(d.loop);
}

static void tear_down(void)
{
    faulty_disk_fail(0);
    iscep_journal_close(other);
    desk_close(&d);
}

TestSuite(handles, .init = set_up, .fini = tear_down);

static void start_again(int64_t gather_ms, size_t max_group)
{
    iscep_journal_close(other);
    d.tuning.gather_ms = gather_ms;
    d.tuning.max_group = max_group;
    d.tuning.probe_ms = 20;
    desk_reopen(&d);
    attach(d.loop);
}

static void note_through(iscep_journal *journal, const char *transaction_id)
{
    const iscep_enrolment_key key = desk_key(transaction_id, "csr");
    iscep_journal_note(journal, &key, &(iscep_journal_event){.kind = ISCEP_EVENT_VALIDATED});
}

/* --- waiting for what nobody is told of --- */

typedef struct watch {
    bool (*is_so)(void);
    iscep_timer *timer;
    bool is_done;
} watch;

static void look_again(void *user)
{
    watch *w = user;
    w->is_done = w->is_so();
    if (w->is_done)
        iscep_loop_stop(d.loop);
    else
        iscep_timer_arm(w->timer, 2);
}

static void await(bool (*is_so)(void))
{
    watch w = {.is_so = is_so};
    cr_assert_eq(iscep_timer_new(&w.timer, d.loop, look_again, &w, NULL), ISCEP_OK);
    iscep_timer_arm(w.timer, 0);
    desk_wait(&d, &w.is_done);
    iscep_timer_free(w.timer);
}

static bool is_one_group_written(void)
{
    return iscep_journal_group_count(d.journal) == 1;
}

static bool is_healthy(void)
{
    return iscep_journal_is_healthy(other, NULL);
}

static bool is_not_healthy(void)
{
    return !is_healthy();
}

/* --- notes --- */

Test(handles, notes_wait_for_the_next_that_somebody_waits_for)
{
    note_through(d.journal, "t0");
    desk_flush(&d); /* the first one after the tables were made syncs the head of SQLite's log, too */
    int64_t syncs = faulty_disk_sync_count();
    for (int i = 0; i < MANY; i++) {
        char id[16];
        snprintf(id, sizeof id, "n%d", i);
        note_through(i % 2 == 0 ? d.journal : other, id);
    }
    cr_assert_eq(iscep_journal_group_count(d.journal), 1);
    desk_flush(&d);
    cr_assert_eq(iscep_journal_group_count(d.journal), 2);
    cr_assert_eq(faulty_disk_sync_count() - syncs, 1);
    cr_assert_str_eq(desk_events(&d, "n0"), "validated");
    cr_assert_str_eq(desk_events(&d, "n99"), "validated");
}

Test(handles, notes_are_written_though_nobody_waits)
{
    start_again(1, 512);
    note_through(other, "t1");
    await(is_one_group_written);
}

Test(handles, many_notes_wait_no_longer)
{
    start_again(FOR_EVER_MS, 10);
    for (int i = 0; i < 9; i++)
        note_through(d.journal, "t1");
    cr_assert_eq(iscep_journal_group_count(d.journal), 0);
    note_through(other, "t1");
    await(is_one_group_written);
    cr_assert_str_eq(desk_events(&d, "t1"), "validated*10");
}

Test(handles, a_look_sees_what_was_noted_whoever_noted_it)
{
    note_through(d.journal, "t1");
    note_through(other, "t2");
    for (int i = 1; i <= 2; i++) {
        ISCEP_AUTO_JSON *json = desk_trace(&d, ISCEP_TRACE_TRANSACTION, i == 1 ? "t1" : "t2", 10);
        const iscep_json *enrolment = iscep_json_first(iscep_json_member(json, "enrolments"));
        cr_assert_str_eq(iscep_json_text(enrolment, "state"), "validated");
    }
    cr_assert_eq(iscep_journal_group_count(d.journal), 1, "the second look found nothing to wait for");
}

Test(handles, a_report_comes_behind_the_note_of_another_loop)
{
    note_through(other, "t1");
    desk_report report = desk_issue_strict(&d, "t1", "csr", "01");
    desk_assert_report(report, ISCEP_REPORT_OWED, true);
    cr_assert(report.report.was_validated);
    cr_assert_str_eq(desk_events(&d, "t1"), "validated, issued");
    report = desk_issue_strict(&d, "t2", "csr", "02");
    cr_assert_not(report.report.was_validated, "of this one there was no note");
}

Test(handles, notes_that_cannot_be_written_are_noticed_by_all)
{
    start_again(1, 512);
    faulty_disk_fail(ENOSPC);
    note_through(other, "t1");
    await(is_not_healthy);
    cr_assert_not(iscep_journal_is_healthy(d.journal, NULL));
    faulty_disk_fail(0);
    await(is_healthy);
    iscep_journal_close(d.journal);
    d.journal = NULL;
    const char *failed = strstr(fake_env_log(&d.world), "journal_failed");
    cr_assert_not_null(failed);
    cr_assert_null(strstr(failed + 1, "journal_failed"), "said once");
    cr_assert_not_null(strstr(failed, "journal_recovered"));
}

/* --- what is measured --- */

static bool is_measured(const char *line)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, 1024 * 1024);
    iscep_metrics_emit(&text, &d.world.env.metrics, 1);
    return strstr(iscep_buf_text(&text), line) != NULL;
}

static bool is_shown_healthy(void)
{
    return is_measured("intune_scep_journal_healthy 1\n");
}

static bool is_shown_unhealthy(void)
{
    return is_measured("intune_scep_journal_healthy 0\n");
}

static void measure(void)
{
    cr_assert_eq(iscep_metrics_new(&d.world.env.metrics, NULL), ISCEP_OK);
    start_again(FOR_EVER_MS, 512);
}

static void end_measuring(void)
{
    iscep_journal_close(other);
    other = NULL;
    desk_leave(&d);
    iscep_metrics_free(d.world.env.metrics);
    d.world.env.metrics = NULL;
    desk_come_back(&d);
}

Test(handles, a_write_of_many_and_each_read_are_timed)
{
    measure();
    cr_assert_not(is_measured("intune_scep_journal_duration_seconds_count"));
    note_through(other, "t1");
    desk_flush(&d);
    cr_assert(is_measured("intune_scep_journal_duration_seconds_count{operation=\"write\"} 1\n"));
    desk_find(&d, "t1", "csr");
    desk_find(&d, "t1", "csr");
    cr_assert(is_measured("intune_scep_journal_duration_seconds_count{operation=\"read\"} 2\n"));
    end_measuring();
}

Test(handles, health_is_shown_as_it_is)
{
    measure();
    cr_assert(is_shown_healthy());
    faulty_disk_fail(ENOSPC);
    cr_assert_eq(desk_set_fact(&d, "a", "b").status, ISCEP_STORAGE);
    await(is_shown_unhealthy);
    faulty_disk_fail(0);
    await(is_shown_healthy);
    end_measuring();
}

/* --- answers --- */

typedef struct tally {
    iscep_loop *loop;
    int wanted;
    int ok;
    int closed; /* refused because of that */
    pthread_t thread;
    bool is_done;
    gate all_done;
} tally;

static void on_set(void *user, iscep_status status, const iscep_error *err)
{
    tally *t = user;
    t->thread = pthread_self();
    if (status == ISCEP_OK)
        t->ok++;
    else if (strcmp(err->code, "journal_closed") == 0)
        t->closed++;
    if (t->ok + t->closed < t->wanted)
        return;
    t->is_done = true;
    gate_pass(&t->all_done);
    if (t->loop != NULL)
        iscep_loop_stop(t->loop);
}

static void set_many(iscep_journal *journal, tally *t)
{
    for (int i = 0; i < t->wanted; i++)
        iscep_journal_set_fact(journal, DESK_TENANT, "name", "value", on_set, t);
}

static void set_many_there(void *user)
{
    set_many(other, user);
}

static void close_other(void *user)
{
    (void)user;
    iscep_journal_close(other);
}

Test(handles, answers_come_on_the_loop_that_asked)
{
    loop_thread there;
    tally here_t = {.loop = d.loop, .wanted = MANY, .all_done = GATE_INIT};
    tally there_t = {.wanted = MANY, .all_done = GATE_INIT};
    iscep_journal_close(other);
    loop_thread_make(&there);
    attach(there.loop);
    loop_thread_start(&there);
    loop_thread_run(&there, set_many_there, &there_t);
    set_many(d.journal, &here_t);
    desk_wait(&d, &here_t.is_done);
    gate_await(&there_t.all_done, 1);
    cr_assert_eq(here_t.ok, MANY);
    cr_assert_eq(there_t.ok, MANY);
    cr_assert(pthread_equal(here_t.thread, pthread_self()));
    cr_assert(pthread_equal(there_t.thread, there.thread));
    loop_thread_run(&there, close_other, NULL);
    loop_thread_stop(&there);
    iscep_loop_free(there.loop);
    other = NULL;
}

/* --- closing --- */

Test(handles, closing_one_carries_out_what_was_asked_through_it_and_no_more)
{
    tally of_other = {.wanted = MANY, .all_done = GATE_INIT},
          of_first = {.loop = d.loop, .wanted = MANY, .all_done = GATE_INIT};
    set_many(d.journal, &of_first);
    set_many(other, &of_other);
    note_through(other, "t1");
    iscep_journal_close(other);
    other = NULL;
    cr_assert_eq(of_other.ok, MANY);
    cr_assert_eq(of_first.ok, 0, "his callbacks come on his turn");
    desk_wait(&d, &of_first.is_done);
    cr_assert_eq(of_first.ok, MANY);
    cr_assert_str_eq(desk_events(&d, "t1"), "validated");
}

static void ask_again(void *user, iscep_status status, const iscep_error *err)
{
    tally *t = user;
    if (status == ISCEP_OK)
        iscep_journal_set_fact(other, DESK_TENANT, "a", "b", ask_again, t);
    else
        on_set(user, status, err);
}

Test(handles, one_that_closes_refuses_and_the_others_do_not)
{
    tally t = {.wanted = 1, .all_done = GATE_INIT};
    iscep_journal_set_fact(other, DESK_TENANT, "a", "b", ask_again, &t);
    iscep_journal_close(other);
    other = NULL;
    cr_assert_eq(t.closed, 1);
    cr_assert_eq(desk_set_fact(&d, "c", "d").status, ISCEP_OK);
}

static iscep_status try_to_open(char *code, size_t size)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_journal *second = NULL;
    iscep_status status = iscep_journal_open(&second, &d.world.env, d.loop, &d.options, &err);
    iscep_journal_close(second);
    iscep_text_copy(code, size, err.code);
    return status;
}

Test(handles, the_file_is_closed_with_the_last_of_them)
{
    tally t = {.loop = d.loop, .wanted = MANY, .all_done = GATE_INIT};
    char code[64];
    iscep_journal_close(d.journal);
    d.journal = NULL;
    set_many(other, &t);
    desk_wait(&d, &t.is_done);
    cr_assert_eq(t.ok, MANY);
    cr_assert_eq(try_to_open(code, sizeof code), ISCEP_STORAGE);
    cr_assert_str_eq(code, "journal_locked");
    iscep_journal_close(other);
    other = NULL;
    cr_assert_eq(try_to_open(code, sizeof code), ISCEP_OK);
}

Test(handles, one_can_be_attached_to_one_that_was_attached)
{
    iscep_journal *third;
    tally t = {.loop = d.loop, .wanted = 1, .all_done = GATE_INIT};
    cr_assert_eq(iscep_journal_attach(&third, other, d.loop, NULL), ISCEP_OK);
    iscep_journal_close(other);
    other = NULL;
    set_many(third, &t);
    desk_wait(&d, &t.is_done);
    iscep_journal_close(third);
    cr_assert_str_eq(desk_get_fact(&d, "name").value, "value");
}
