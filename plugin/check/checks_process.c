/* A guest in someone's house. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/check/checks.h"
#include "plugin/check/process.h"

enum { LIVES = 50, WARM_UP_LIVES = 3, SIGNALS = 64 };

void check_quiet(check_kit *kit)
{
    struct stat facts;
    process_tour(kit);
    fflush(NULL);
    kit_expect(kit, fstat(kit->printed, &facts) == 0, "the kit has lost what was printed");
    kit_expect(kit, facts.st_size == 0, "it wrote %lld bytes to stdout or stderr", (long long)facts.st_size);
}

typedef struct signal_state {
    struct sigaction actions[SIGNALS + 1];
    sigset_t mask;
} signal_state;

static void read_signals(signal_state *out)
{
    memset(out, 0, sizeof *out);
    for (int i = 1; i <= SIGNALS; i++) {
        sigaction(i, NULL, &out->actions[i]);
    }
    pthread_sigmask(SIG_BLOCK, NULL, &out->mask);
}

void check_signals(check_kit *kit)
{
    static signal_state before, after;
    read_signals(&before);
    process_tour(kit);
    read_signals(&after);
    for (int i = 1; i <= SIGNALS; i++) {
        const bool is_same = before.actions[i].sa_handler == after.actions[i].sa_handler &&
                             before.actions[i].sa_flags == after.actions[i].sa_flags;
        kit_expect(kit, is_same, "it changed what the process does on SIG%s",
                   sigabbrev_np(i) ? sigabbrev_np(i) : "RT");
        kit_expect(kit, sigismember(&before.mask, i) == sigismember(&after.mask, i),
                   "it changed whether SIG%s is blocked in the host's thread",
                   sigabbrev_np(i) ? sigabbrev_np(i) : "RT");
    }
}

typedef struct host_surroundings {
    char *environment;
    char *locale;
    char *directory;
    mode_t umask;
} host_surroundings;

static char *join_environment(void)
{
    char *out = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&out, &len);
    for (char **variable = environ; stream != NULL && variable != NULL && *variable != NULL; variable++) {
        fprintf(stream, "%s\n", *variable);
    }
    if (stream != NULL) {
        fclose(stream);
    }
    return out;
}

static void read_surroundings(const check_kit *kit, host_surroundings *out)
{
    const char *locale = setlocale(LC_ALL, NULL);
    *out = (host_surroundings){.environment = join_environment(),
                               .locale = strdup(locale != NULL ? locale : ""),
                               .directory = getcwd(NULL, 0),
                               .umask = umask(077)};
    umask(out->umask);
    kit_expect(kit, out->environment != NULL && out->directory != NULL && out->locale != NULL,
               "the kit cannot read its own surroundings: %s", strerror(errno));
}

void check_surroundings(check_kit *kit)
{
    static host_surroundings before, after;
    umask(027);
    read_surroundings(kit, &before);
    process_tour(kit);
    read_surroundings(kit, &after);
    const bool has_environment = strcmp(before.environment, after.environment) == 0;
    const bool has_locale = strcmp(before.locale, after.locale) == 0;
    const bool has_directory = strcmp(before.directory, after.directory) == 0;
    const bool has_umask = before.umask == after.umask;
    kit_expect(kit, has_environment && has_locale && has_directory && has_umask, "it changed:%s%s%s%s",
               has_environment ? "" : " environment", has_locale ? "" : " locale",
               has_directory ? "" : " directory", has_umask ? "" : " umask");
}

static bool is_null_device(int fd)
{
    struct stat facts, null;
    return fstat(fd, &facts) == 0 && stat("/dev/null", &null) == 0 && S_ISCHR(facts.st_mode) &&
           facts.st_rdev == null.st_rdev;
}

/* What somebody prints must reach nothing of the plugin's. To put /dev/null there is a way to see to that. */
static void expect_standard_descriptors_free(const check_kit *kit, const char *when)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        kit_expect(kit, fcntl(fd, F_GETFD) < 0 || is_null_device(fd),
                   "%s it has descriptor %d, which the host had closed: what somebody prints would go there",
                   when, fd);
    }
}

/* A host that runs without stdin, stdout and stderr. */
void check_standard_descriptors(check_kit *kit)
{
    check_reply reply;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        close(fd);
    }
    kit_load(kit, STAGE_INSTANCE);
    expect_standard_descriptors_free(kit, "after open");
    for (kit_form form = FORM_BLOCKING; form <= kit_last_form(kit); form++) {
        const check_question question = question_of(ASK_VERIFY, kit->csr, kit->options->timeout_ms);
        check_asking asking = {.form = form,
                               .kind = ASK_VERIFY,
                               .instance = kit->instance,
                               .question = &question,
                               .answer = &reply.answer,
                               .timeout_ms = kit->options->timeout_ms};
        scep_call *call = NULL;
        reply_prepare(&reply);
        if (form == FORM_CALL) {
            kit_doing(kit, 0, "begin_verify_request");
            kit_begin(kit, &asking, &call);
            expect_standard_descriptors_free(kit, "with a call under way");
            kit->plugin->cancel(call);
        } else {
            kit_ask(kit, &asking);
        }
        expect_standard_descriptors_free(kit, "after a question");
    }
}

/* Signals 32 and 33 are the C library's own; SIGKILL and SIGSTOP cannot be blocked. */
static const uint64_t blockable = ~(1ULL << (SIGKILL - 1) | 1ULL << (SIGSTOP - 1) | 1ULL << 31 | 1ULL << 32);

enum { MAX_OWN_THREADS = 16 };

typedef struct thread_set {
    int threads[MAX_OWN_THREADS];
    size_t count;
} thread_set;

static void remember_thread(const check_kit *kit, int thread, void *context)
{
    thread_set *known = context;
    kit_expect(kit, known->count < MAX_OWN_THREADS, "the kit has too many threads of its own");
    known->threads[known->count++] = thread;
}

static void expect_blocked(const check_kit *kit, int thread, void *context)
{
    const thread_set *known = context;
    uint64_t blocked;
    for (size_t i = 0; i < known->count; i++) {
        if (known->threads[i] == thread) {
            return;
        }
    }
    if (process_blocked_signals(kit, thread, &blocked)) {
        kit_expect(
            kit, (blocked & blockable) == blockable,
            "a thread of the plugin's has signals unblocked (SigBlk %016llx): the host's may end up there",
            (unsigned long long)blocked);
    }
}

void check_thread_signals(check_kit *kit)
{
    thread_set known = {.count = 0};
    check_reply reply;
    process_each_thread(kit, remember_thread, &known);
    kit_load(kit, STAGE_INSTANCE);
    process_each_thread(kit, expect_blocked, &known);
    for (kit_form form = FORM_BLOCKING; form <= kit_last_form(kit); form++) {
        for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
            kit_ask_proper(kit, form, kind, &reply);
            process_each_thread(kit, expect_blocked, &known);
        }
    }
}

static void cancel_one(const check_kit *kit)
{
    check_reply reply;
    scep_call *call;
    const check_question question = question_of(ASK_VERIFY, kit->csr, kit->options->timeout_ms);
    reply_prepare(&reply);
    kit_doing(kit, 0, "begin_verify_request and cancel");
    kit_begin(kit,
              &(const check_asking){.form = FORM_CALL,
                                    .kind = ASK_VERIFY,
                                    .instance = kit->instance,
                                    .question = &question,
                                    .answer = &reply.answer,
                                    .timeout_ms = kit->options->timeout_ms},
              &call);
    kit->plugin->cancel(call);
}

/* open, a question in each form, one that is cancelled, close. */
static void live_once(check_kit *kit)
{
    check_reply reply;
    kit->instance = kit_open(kit);
    for (kit_form form = FORM_BLOCKING; form <= kit_last_form(kit); form++) {
        kit_ask_proper(kit, form, ASK_VERIFY, &reply);
    }
    if (kit->has_calls) {
        cancel_one(kit);
    }
    kit_close(kit, kit->instance);
}

/* What the first lives leave may be kept for the next; what each leaves is lost. */
static void expect_no_leak(check_kit *kit, const char *what, size_t (*count)(const check_kit *kit))
{
    for (int i = 0; i < WARM_UP_LIVES; i++) {
        live_once(kit);
    }
    const size_t before = count(kit);
    for (int i = 0; i < LIVES; i++) {
        live_once(kit);
    }
    const int64_t until_ms = kit_now_ms() + kit->options->margin_ms;
    while (count(kit) > before && kit_now_ms() < until_ms) {
        kit_wait_until(kit_now_ms() + 5);
    }
    const size_t after = count(kit);
    kit_expect(kit, after <= before, "%d instances, opened and closed, have left %zu %s", LIVES,
               after - before, what);
}

void check_descriptor_leak(check_kit *kit)
{
    expect_no_leak(kit, "descriptors open", process_count_descriptors);
}

void check_thread_leak(check_kit *kit)
{
    expect_no_leak(kit, "threads running", process_count_threads);
}
