/* See child.h. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

enum { MAX_RUN_S = 120 }; /* who hangs longer is ended by SIGALRM */

/* Written in one piece: less than PIPE_BUF. */
typedef struct child_report {
    iscep_error failure; /* status ISCEP_OK: none */
    unsigned char result[BENCH_CHILD_RESULT_MAX];
} child_report;

static _Noreturn void run_in_child(bench_child_fn run, const void *task, int report_fd)
{
    child_report report;
    memset(&report, 0, sizeof report);
    alarm(MAX_RUN_S);
    iscep_status status = run(task, report.result, &report.failure);
    report.failure.status = status;
    _exit(write(report_fd, &report, sizeof report) == (ssize_t)sizeof report ? 0 : 1);
}

static iscep_status read_report(int fd, child_report *report, iscep_error *err)
{
    ssize_t got = read(fd, report, sizeof *report);
    if (got == (ssize_t)sizeof *report)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_SERVICE, "child",
                           got < 0 ? "interrupted" : "the measuring process died");
}

iscep_status bench_child_run(bench_child_fn run, const void *task, void *result, size_t result_len,
                             iscep_error *err)
{
    int fds[2];
    child_report report;
    pid_t parent = getpid();
    if (pipe2(fds, O_CLOEXEC) != 0)
        return iscep_error_set(err, ISCEP_NOMEM, "pipe", "cannot make a pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        bench_process_become_child(parent);
        run_in_child(run, task, fds[1]);
    }
    close(fds[1]);
    iscep_status status = pid < 0
                              ? iscep_error_set(err, ISCEP_NOMEM, "fork", "cannot fork: %s", strerror(errno))
                              : read_report(fds[0], &report, err);
    close(fds[0]);
    if (pid > 0) {
        kill(pid, SIGKILL); /* it has said all it will say */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (status != ISCEP_OK)
        return status;
    memcpy(result, report.result, result_len);
    if (report.failure.status != ISCEP_OK)
        *err = report.failure;
    return report.failure.status;
}
