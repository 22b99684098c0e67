/* See judge.h. */
#include "plugin/check/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugin/check/text.h"

#define START_MS 10000 /* a check that has not said what it does by then hangs */
#define LOOK_MS  100

static const char stays_alive[] = "A plugin does not exit or abort";
static const char comes_back[] = "whoever waits for a plugin waits no longer than that";

struct check_judge {
    const check_options *options;
    scep_bytes csr;
    check_report *report;
};

check_judge *judge_new(const check_options *options, scep_bytes csr)
{
    check_judge *out = malloc(sizeof *out);
    void *shared =
        mmap(NULL, sizeof(check_report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (out == NULL || shared == MAP_FAILED) {
        free(out);
        return NULL;
    }
    *out = (check_judge){.options = options, .csr = csr, .report = shared};
    return out;
}

void judge_free(check_judge *judge)
{
    if (judge != NULL) {
        munmap(judge->report, sizeof *judge->report);
        free(judge);
    }
}

const check_report *judge_report(const check_judge *judge)
{
    return judge->report;
}

/* stdin is empty, stdout and stderr are a file, which outlives the process. */
static bool redirect(int printed)
{
    const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(printed, STDOUT_FILENO) >= 0 &&
           dup2(printed, STDERR_FILENO) >= 0;
}

static _Noreturn void be_the_check(const check_judge *judge, const check_row *check, kit_stage reached,
                                   int printed, const sigset_t *mask)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    sigprocmask(SIG_SETMASK, mask, NULL);
    check_kit kit = {.options = judge->options,
                     .report = judge->report,
                     .csr = judge->csr,
                     .has_calls = reached >= STAGE_CALLS,
                     .printed = printed};
    if (!redirect(printed)) {
        kit_fail(&kit, "the kit cannot redirect its output: %s", strerror(errno));
    }
    kit_load(&kit, check->loaded);
    check->run(&kit);
    int none = OUTCOME_NONE;
    atomic_compare_exchange_strong(&judge->report->outcome, &none, OUTCOME_GREEN);
    _exit(0);
}

/* SIGCHLD is blocked: it waits until it is taken here. True: pid ended in time. */
static bool wait_in_time(const check_judge *judge, pid_t pid, int *status)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (;;) {
        if (waitpid(pid, status, WNOHANG) == pid) {
            return true;
        }
        if (kit_now_ms() > atomic_load(&judge->report->due_ms)) {
            kill(pid, SIGKILL);
            while (waitpid(pid, status, 0) < 0 && errno == EINTR) {
            }
            return false;
        }
        sigtimedwait(&child, NULL, &(struct timespec){.tv_nsec = LOOK_MS * 1000000L});
    }
}

/* The last line that came out of a process which did not end as it should, "" if none did. */
static void read_last_words(int printed, char *out, size_t out_size)
{
    char tail[512] = "";
    const off_t size = lseek(printed, 0, SEEK_END);
    const off_t from = size > (off_t)sizeof tail - 1 ? size - (off_t)sizeof tail + 1 : 0;
    ssize_t len = pread(printed, tail, sizeof tail - 1, from);
    while (len > 0 && tail[len - 1] == '\n') {
        tail[--len] = '\0';
    }
    const char *line = strrchr(tail, '\n');
    text_copy_printable(out, out_size, line != NULL ? line + 1 : tail);
}

static void judge_death(check_verdict *out, const check_report *report, int status, int printed)
{
    char last_words[200];
    read_last_words(printed, last_words, sizeof last_words);
    const char *separator = last_words[0] != '\0' ? "; its last words: " : "";
    out->outcome = OUTCOME_RED;
    if (WIFSIGNALED(status)) {
        out->promise = WTERMSIG(status) == SIGABRT ? stays_alive : out->promise;
        snprintf(out->reason, sizeof out->reason, "%s: crashed with SIG%s%s%s", report->doing,
                 sigabbrev_np(WTERMSIG(status)), separator, last_words);
    } else {
        out->promise = stays_alive;
        snprintf(out->reason, sizeof out->reason, "%s: ended the process with exit status %d%s%s",
                 report->doing, WEXITSTATUS(status), separator, last_words);
    }
}

static void judge_end(check_verdict *out, const check_report *report, bool is_in_time, int status,
                      int printed)
{
    out->outcome = (check_outcome)atomic_load(&report->outcome);
    if (out->outcome != OUTCOME_NONE) {
        snprintf(out->reason, sizeof out->reason, "%s", report->reason);
    } else if (is_in_time) {
        judge_death(out, report, status, printed);
    } else {
        out->outcome = OUTCOME_RED;
        out->promise = comes_back;
        snprintf(out->reason, sizeof out->reason, "%s: did not return", report->doing);
    }
}

static void run_watched(check_judge *judge, const check_row *check, kit_stage reached, int printed,
                        check_verdict *out)
{
    sigset_t child, before;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &before);
    fflush(stdout); /* or a check that flushes prints it as well */
    const pid_t pid = fork();
    if (pid == 0) {
        be_the_check(judge, check, reached, printed, &before);
    }
    if (pid > 0) {
        int status = 0;
        setpgid(pid, pid);
        const bool is_in_time = wait_in_time(judge, pid, &status);
        kill(-pid, SIGKILL); /* what the check's process has left behind */
        judge_end(out, judge->report, is_in_time, status, printed);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
}

check_verdict judge_run(check_judge *judge, const check_row *check, kit_stage reached)
{
    check_verdict out = {
        .outcome = OUTCOME_SKIPPED, .promise = check->promise, .reason = "the machine cannot fork"};
    check_report *report = judge->report;
    atomic_store(&report->outcome, OUTCOME_NONE);
    atomic_store(&report->due_ms, kit_now_ms() + START_MS);
    report->reason[0] = '\0';
    snprintf(report->doing, sizeof report->doing, "%s", check->name);
    const int printed = memfd_create("printed", MFD_CLOEXEC);
    if (printed >= 0) {
        run_watched(judge, check, reached, printed, &out);
        close(printed);
    }
    return out;
}
