/* A disk that fails: a defined code, nothing half done, nothing lost that was accepted, and recovery by itself. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "desk.h"
#include "faulty_disk.h"
#include "tests/support/journal_files.h"
#include "tests/support/loop_thread.h"

static desk d;

static void set_up(void)
{
    faulty_disk_install();
    desk_open(&d);
}

static void tear_down(void)
{
    faulty_disk_fail(0);
    faulty_disk_fail_sync(0);
    desk_close(&d);
}

TestSuite(faults, .init = set_up, .fini = tear_down);

static iscep_status try_open(const char *path, iscep_error *err)
{
    iscep_journal *journal = NULL;
    iscep_journal_options options = ISCEP_JOURNAL_OPTIONS_INIT;
    options.path = path;
    iscep_status status = iscep_journal_open(&journal, &d.world.env, d.loop, &options, err);
    iscep_journal_close(journal);
    return status;
}

/* --- writes that fail --- */

typedef struct patience {
    iscep_timer *timer;
    bool is_over;
} patience;

static void look_at_health(void *user)
{
    patience *p = user;
    p->is_over = iscep_journal_is_healthy(d.journal, NULL);
    if (p->is_over)
        iscep_loop_stop(d.loop);
    else
        iscep_timer_arm(p->timer, 5);
}

static void await_health(void)
{
    patience p = {0};
    cr_assert_eq(iscep_timer_new(&p.timer, d.loop, look_at_health, &p, NULL), ISCEP_OK);
    iscep_timer_arm(p.timer, 5);
    desk_wait(&d, &p.is_over);
    iscep_timer_free(p.timer);
}

static void assert_refused_and_recovered(const char *code)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const iscep_enrolment_key key = desk_key("t2", "csr2");
    desk_report refused = desk_issue_strict(&d, "t2", "csr2", "02");
    cr_assert_eq(refused.status, ISCEP_STORAGE);
    cr_assert_str_eq(refused.error, code);
    cr_assert_not(iscep_journal_is_healthy(d.journal, &err));
    cr_assert_str_eq(err.code, code);
    cr_assert(desk_find(&d, "t1", "csr1").has_cert, "reading goes on");
    cr_assert_not(desk_find(&d, "t2", "csr2").has_cert);
    cr_assert(iscep_journal_is_new(d.journal, &key));
    faulty_disk_fail(0);
    faulty_disk_fail_sync(0);
    await_health();
    desk_assert_report(desk_issue_strict(&d, "t2", "csr2", "02"), ISCEP_REPORT_OWED, true);
    desk_reopen(&d);
    cr_assert(desk_find(&d, "t1", "csr1").has_cert);
    cr_assert(desk_find(&d, "t2", "csr2").has_cert);
    cr_assert_str_eq(desk_events(&d, "t2"), "issued");
    cr_assert_not_null(strstr(fake_env_log(&d.world), "journal_failed"));
    cr_assert_not_null(strstr(fake_env_log(&d.world), "journal_recovered"));
}

static void set_up_impatient(void)
{
    desk_close(&d);
    desk_init(&d);
    d.tuning.probe_ms = 20;
    desk_start(&d);
    desk_issue_strict(&d, "t1", "csr1", "01");
}

Test(faults, a_full_disk)
{
    set_up_impatient();
    faulty_disk_fail(ENOSPC);
    assert_refused_and_recovered("journal_full");
}

Test(faults, a_quota_is_a_full_disk)
{
    set_up_impatient();
    faulty_disk_fail(EDQUOT);
    assert_refused_and_recovered("journal_full");
}

Test(faults, a_disk_that_became_read_only)
{
    set_up_impatient();
    faulty_disk_fail(EROFS);
    assert_refused_and_recovered("journal_read_only");
}

Test(faults, a_write_error)
{
    set_up_impatient();
    faulty_disk_fail(EIO);
    assert_refused_and_recovered("journal_io");
}

Test(faults, an_fsync_that_fails_is_no_acknowledgement)
{
    set_up_impatient();
    faulty_disk_fail_sync(EIO);
    assert_refused_and_recovered("journal_io");
}

/* --- the file --- */

Test(faults, a_second_process_is_refused)
{
    pid_t child = fork();
    if (child == 0) {
        iscep_error err = ISCEP_ERROR_INIT;
        iscep_status status = try_open(d.path, &err);
        _exit(status == ISCEP_STORAGE && strcmp(err.code, "journal_locked") == 0 ? 0 : 1);
    }
    int result = 0;
    cr_assert_eq(waitpid(child, &result, 0), child);
    cr_assert(WIFEXITED(result));
    cr_assert_eq(WEXITSTATUS(result), 0);
    desk_assert_report(desk_issue_strict(&d, "t1", "csr1", "01"), ISCEP_REPORT_OWED, true);
}

Test(faults, a_second_journal_in_this_process_is_refused_too)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(try_open(d.path, &err), ISCEP_STORAGE);
    cr_assert_str_eq(err.code, "journal_locked");
    desk_assert_report(desk_issue_strict(&d, "t1", "csr1", "01"), ISCEP_REPORT_OWED, true);
}

Test(faults, a_path_that_cannot_be_is_a_mistake_in_the_configuration)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(try_open("/nonexistent/journal.db", &err), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "journal_path");
    static const char *const relative[][2] = {
        {"journal.db", "journal.db-lock"}, {":memory:", ":memory:-lock"}, {"", "-lock"}};
    for (size_t i = 0; i < sizeof relative / sizeof *relative; i++) {
        unlink(relative[i][1]);
        cr_assert_eq(try_open(relative[i][0], &err), ISCEP_CONFIG);
        cr_assert_str_eq(err.code, "journal_path");
        cr_assert_neq(access(relative[i][1], F_OK), 0, "%s is left behind", relative[i][1]);
    }
}

Test(faults, only_the_owner_may_read_it)
{
    desk_close(&d);
    umask(0);
    desk_open(&d);
    desk_issue_strict(&d, "t1", "csr1", "01");
    for (const char *const *suffix = journal_file_suffixes; *suffix != NULL; suffix++) {
        char path[160];
        struct stat st;
        snprintf(path, sizeof path, "%s%s", d.path, *suffix);
        cr_assert_eq(stat(path, &st), 0, "%s", path);
        cr_assert_eq(st.st_mode & 0777, 0600, "%s", path);
    }
}

static void damage(const char *path, off_t offset, size_t len)
{
    char noise[256];
    memset(noise, 0xA5, sizeof noise);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    for (size_t done = 0; done < len; done += sizeof noise)
        cr_assert_eq(pwrite(fd, noise, sizeof noise, offset + (off_t)done), (ssize_t)sizeof noise);
    close(fd);
}

/* Of the file as it is on disk, with everything in it. */
static void close_journal(void)
{
    iscep_journal_close(d.journal);
    d.journal = NULL;
}

Test(faults, a_damaged_file_is_refused_at_the_start)
{
    iscep_error err = ISCEP_ERROR_INIT;
    struct stat st;
    for (int i = 0; i < 30; i++) {
        char id[8];
        snprintf(id, sizeof id, "t%d", i);
        desk_issue_strict(&d, id, "csr", "01");
    }
    close_journal();
    cr_assert_eq(stat(d.path, &st), 0);
    damage(d.path, 4096 * 3, (size_t)st.st_size - 4096 * 3);
    cr_assert_eq(try_open(d.path, &err), ISCEP_STORAGE);
    cr_assert_str_eq(err.code, "journal_corrupt");
    cr_assert_eq(strncmp(err.message, d.path, strlen(d.path)), 0, "%s", err.message);
}

Test(faults, what_is_no_database_is_refused)
{
    iscep_error err = ISCEP_ERROR_INIT;
    char path[160];
    temp_dir_write(&d.dir, path, sizeof path, "other.db",
                   "This is a letter to my aunt, and long enough for a header, "
                   "which has a hundred bytes, so here are some more of them.");
    cr_assert_eq(try_open(path, &err), ISCEP_STORAGE);
    cr_assert_str_eq(err.code, "journal_corrupt");
    cr_assert_eq(strncmp(err.message, path, strlen(path)), 0, "%s", err.message);
    cr_assert_null(strstr(err.message, "(file is not a database)"), "said twice: %s", err.message);
}

Test(faults, a_directory_is_refused_and_left_alone)
{
    iscep_error err = ISCEP_ERROR_INIT;
    char path[160];
    struct stat st;
    snprintf(path, sizeof path, "%s/directory", d.dir.path);
    cr_assert_eq(mkdir(path, 0755), 0);
    cr_assert_eq(chmod(path, 0755), 0);
    cr_assert_eq(try_open(path, &err), ISCEP_CONFIG);
    cr_assert_not_null(strstr(err.message, "Is a directory"), "%s", err.message);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777u, 0755u);
}

/* --- the process dies --- */

enum { CRASH_REPORTS = 2000, CRASH_IN_FLIGHT = 16 };

typedef struct writer_child {
    int acknowledged_fd;
    int next;
} writer_child;

static void on_child_report(void *user, iscep_status status, const iscep_report *report,
                            const iscep_error *err);

static void ask_in_child(writer_child *child)
{
    char id[16], serial[16];
    snprintf(id, sizeof id, "t%d", child->next);
    snprintf(serial, sizeof serial, "%08X", (unsigned)child->next);
    child->next++;
    const iscep_issued_record record = desk_cert(id, "csr", serial);
    iscep_journal_record_issued(d.journal, &record, on_child_report, child);
}

static void on_child_report(void *user, iscep_status status, const iscep_report *report,
                            const iscep_error *err)
{
    (void)err;
    writer_child *child = user;
    int32_t id = (int32_t)(status == ISCEP_OK ? report->delivery_id : -1);
    if (write(child->acknowledged_fd, &id, sizeof id) != sizeof id)
        _exit(1);
    ask_in_child(child);
}

static void write_until_killed(int fd)
{
    writer_child child = {.acknowledged_fd = fd};
    desk_come_back(&d);
    for (int i = 0; i < CRASH_IN_FLIGHT; i++)
        ask_in_child(&child);
    iscep_loop_run(d.loop);
    _exit(1);
}

Test(faults, what_was_acknowledged_survives_kill_9)
{
    int pipe_fds[2];
    int32_t id, count = 0;
    desk_leave(&d);
    cr_assert_eq(pipe(pipe_fds), 0);
    pid_t child = fork();
    if (child == 0)
        write_until_killed(pipe_fds[1]);
    close(pipe_fds[1]);
    while (count < CRASH_REPORTS && read(pipe_fds[0], &id, sizeof id) == sizeof id)
        count++;
    kill(child, SIGKILL);
    while (read(pipe_fds[0], &id, sizeof id) == sizeof id)
        count++;
    waitpid(child, NULL, 0);
    close(pipe_fds[0]);
    cr_assert_geq(count, CRASH_REPORTS);
    desk_come_back(&d);
    for (int i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        cr_assert(desk_find(&d, name, "csr").has_cert, "%s of %d is lost", name, count);
    }
    cr_assert_eq(desk_claim_deliveries(&d, DESK_MAX).count, DESK_MAX, "and is owed by nobody in particular");
}
