/*
 * A host that only asks, for tests of what a plugin is like when its connector is not well: tests/e2e/plugin_weather.sh.
 *
 *     weather-host PLUGIN.so SOCKET ALLOW.der DENY.der ACTION [ARGUMENT…]
 *
 * ALLOW.der and DENY.der are requests of which the connector's answer is known. Actions:
 *
 *     crowd TIMEOUT_MS              ask without end, in both forms, until SIGTERM
 *     calls COUNT TIMEOUT_MS FORM   COUNT calls, 16 at a time, that take what they take; FORM is blocking or polling
 *     reports DIR COUNT             enrol COUNT times: ask until it is allowed, then report DIR/N.der as issued
 *     forks COUNT                   a child for each request, which asks about ALLOW.der once
 *
 * Prints one line of words and numbers. A wrong answer is one that is neither what is known nor RETRY, an error a call that did
 * not return SCEP_OK. Exit codes: 0 there was neither, 1 there was, 2 usage.
 */
#include <dlfcn.h>
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "scep_plugin.h"

#define MAX_THREADS 16
#define LONG_MS     20000u /* of calls that are to be answered */
#define PAUSE_MS    20     /* between a crowd's questions, and after RETRY */
#define MAX_DER     65536
#define MAX_CALLS   4096
#define MAX_CODES   16

#define MUST(condition) ((condition) ? (void)0 : (perror(#condition), exit(2)))

typedef struct der {
    uint8_t data[MAX_DER];
    size_t len;
} der;

typedef struct host {
    const scep_plugin *plugin;
    scep_instance *instance;
    der allow;
    der deny;
    uint32_t timeout_ms;
    bool is_polling;
} host;

/* What all threads have found. */
static struct tally {
    pthread_mutex_t lock; /* of all below */
    unsigned long allowed, denied, retried, wrong, errors;
    char codes[MAX_CODES][64]; /* of RETRY, each once */
    unsigned code_count;
    unsigned calls; /* whose time was taken */
    int64_t took_us[MAX_CALLS];
} tally = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool is_over;

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void read_der(der *out, const char *path)
{
    FILE *file = fopen(path, "rb");
    MUST(file != NULL);
    out->len = fread(out->data, 1, sizeof out->data, file);
    fclose(file);
}

static scep_bytes bytes_of(const der *from)
{
    return (scep_bytes){.data = from->data, .len = from->len};
}

/* --- one question --- */

static int32_t finish(const scep_plugin *plugin, int32_t begun, scep_call *call)
{
    int32_t status = begun == SCEP_OK ? SCEP_PENDING : begun;
    while (status == SCEP_PENDING) {
        struct pollfd watched = {.fd = plugin->descriptor(call), .events = POLLIN};
        poll(&watched, 1, -1);
        status = plugin->finish(call);
    }
    return status;
}

static int32_t verify(const host *self, const char *id, const der *csr, scep_answer *answer)
{
    const scep_request request = {.size = sizeof request,
                                  .message_type = SCEP_MESSAGE_PKCS_REQ,
                                  .timeout_ms = self->timeout_ms,
                                  .transaction_id = {(const uint8_t *)id, strlen(id)},
                                  .csr_der = bytes_of(csr)};
    scep_call *call = NULL;
    *answer = (scep_answer){.size = sizeof *answer, .verdict = SCEP_VERDICT_ALLOW};
    if (!self->is_polling) {
        return self->plugin->verify_request(self->instance, &request, answer);
    }
    const int32_t begun = self->plugin->begin_verify_request(self->instance, &request, answer, &call);
    return finish(self->plugin, begun, call);
}

static int32_t report(const host *self, const char *id, const der *cert, scep_answer *answer)
{
    const scep_issued issued = {.size = sizeof issued,
                                .timeout_ms = self->timeout_ms,
                                .transaction_id = {(const uint8_t *)id, strlen(id)},
                                .csr_der = bytes_of(&self->allow),
                                .cert_der = bytes_of(cert)};
    scep_call *call = NULL;
    *answer = (scep_answer){.size = sizeof *answer, .verdict = SCEP_VERDICT_ALLOW};
    if (!self->is_polling) {
        return self->plugin->notify_issued(self->instance, &issued, answer);
    }
    const int32_t begun = self->plugin->begin_notify_issued(self->instance, &issued, answer, &call);
    return finish(self->plugin, begun, call);
}

/* --- the tally --- */

static void note_code_locked(const char *code)
{
    unsigned at = 0;
    while (at < tally.code_count && strcmp(tally.codes[at], code) != 0) {
        at++;
    }
    if (at == tally.code_count && at < MAX_CODES) {
        snprintf(tally.codes[tally.code_count++], sizeof tally.codes[0], "%s", code);
    }
}

/* wanted: what is known of the answer. True: it was that. */
static bool note(int32_t status, const scep_answer *answer, int32_t wanted)
{
    pthread_mutex_lock(&tally.lock);
    if (status != SCEP_OK) {
        tally.errors++;
    } else if (answer->verdict == SCEP_VERDICT_RETRY) {
        tally.retried++;
        note_code_locked(answer->code);
    } else if (answer->verdict != wanted) {
        tally.wrong++;
        fprintf(stderr, "weather-host: %#x %s: %s\n", (unsigned)answer->verdict, answer->code,
                answer->message);
    } else if (wanted == SCEP_VERDICT_ALLOW) {
        tally.allowed++;
    } else {
        tally.denied++;
    }
    pthread_mutex_unlock(&tally.lock);
    return status == SCEP_OK && answer->verdict == wanted;
}

static int compare(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void print_tally(void)
{
    printf("allow %lu deny %lu retry %lu wrong %lu error %lu", tally.allowed, tally.denied, tally.retried,
           tally.wrong, tally.errors);
    if (tally.calls > 0) {
        qsort(tally.took_us, tally.calls, sizeof tally.took_us[0], compare);
        printf(" min_ms %ld p99_ms %ld max_ms %ld", (long)(tally.took_us[0] / 1000),
               (long)(tally.took_us[(tally.calls * 99 + 99) / 100 - 1] / 1000),
               (long)(tally.took_us[tally.calls - 1] / 1000));
    }
    printf(" codes");
    qsort(tally.codes, tally.code_count, sizeof tally.codes[0], (int (*)(const void *, const void *))strcmp);
    for (unsigned i = 0; i < tally.code_count; i++) {
        printf(" %s", tally.codes[i]);
    }
    printf("\n");
}

/* --- actions --- */

typedef struct asker {
    host host;
    unsigned number;
    unsigned count;  /* of calls; 0: until it is over */
    const char *dir; /* of certificates */
    pthread_t thread;
} asker;

static void *ask_both(void *user)
{
    asker *self = user;
    for (unsigned i = 0; !__atomic_load_n(&is_over, __ATOMIC_ACQUIRE); i++) {
        char id[64];
        scep_answer answer;
        const bool is_allow = (i / 2 + self->number) % 2 == 0;
        snprintf(id, sizeof id, "crowd-%d-%u-%u", (int)getpid(), self->number, i);
        const int32_t status =
            verify(&self->host, id, is_allow ? &self->host.allow : &self->host.deny, &answer);
        note(status, &answer, is_allow ? SCEP_VERDICT_ALLOW : SCEP_VERDICT_DENY);
        poll(NULL, 0, PAUSE_MS);
    }
    return NULL;
}

static void *time_calls(void *user)
{
    asker *self = user;
    for (unsigned i = 0; i < self->count; i++) {
        char id[64];
        scep_answer answer;
        snprintf(id, sizeof id, "call-%d-%u-%u", (int)getpid(), self->number, i);
        const int64_t begin_us = now_us();
        const int32_t status = verify(&self->host, id, &self->host.allow, &answer);
        const int64_t took_us = now_us() - begin_us;
        note(status, &answer, SCEP_VERDICT_ALLOW);
        pthread_mutex_lock(&tally.lock);
        tally.took_us[tally.calls++] = took_us;
        pthread_mutex_unlock(&tally.lock);
    }
    return NULL;
}

/* A certificate of its own for each enrolment; both questions are asked until they have their answer. */
static void *enrol(void *user)
{
    asker *self = user;
    for (unsigned i = self->number; i < self->count; i += MAX_THREADS) {
        char id[64], path[4096];
        der cert;
        scep_answer answer;
        snprintf(id, sizeof id, "enrolment-%d-%u", (int)getpid(), i);
        snprintf(path, sizeof path, "%s/%u.der", self->dir, i);
        read_der(&cert, path);
        while (verify(&self->host, id, &self->host.allow, &answer) == SCEP_OK &&
               answer.verdict == SCEP_VERDICT_RETRY) {
            poll(NULL, 0, PAUSE_MS);
        }
        if (answer.verdict == SCEP_VERDICT_ALLOW) {
            const int32_t status = report(&self->host, id, &cert, &answer);
            note(status, &answer, SCEP_VERDICT_ALLOW);
        }
    }
    return NULL;
}

/* Threads with odd numbers poll, unless all are to do the same. */
static void start(asker *askers, const asker *model, bool has_both_forms, void *(*run)(void *))
{
    for (unsigned i = 0; i < MAX_THREADS; i++) {
        askers[i] = *model;
        askers[i].number = i;
        askers[i].host.is_polling = has_both_forms ? i % 2 == 1 : model->host.is_polling;
        MUST(pthread_create(&askers[i].thread, NULL, run, &askers[i]) == 0);
    }
}

static void join(asker *askers)
{
    for (unsigned i = 0; i < MAX_THREADS; i++) {
        pthread_join(askers[i].thread, NULL);
    }
}

/* In the child: its exit status. */
static int ask_once(const host *self, unsigned number)
{
    char id[64];
    scep_answer answer;
    snprintf(id, sizeof id, "child-%d-%u", (int)getppid(), number);
    const int32_t status = verify(self, id, &self->allow, &answer);
    self->plugin->close(self->instance);
    return status == SCEP_OK && answer.verdict == SCEP_VERDICT_ALLOW ? 0 : 1;
}

/* A child at a time is asking while the next is being forked. */
static void ask_in_children(host *self, unsigned count)
{
    pid_t before = 0;
    for (unsigned i = 0; i <= count; i++) {
        pid_t child = 0;
        self->is_polling = i % 2 == 1;
        if (i < count) {
            child = fork();
            MUST(child >= 0);
            if (child == 0) {
                _exit(ask_once(self, i));
            }
        }
        int status = 0;
        if (before != 0 && waitpid(before, &status, 0) == before && status == 0) {
            tally.allowed++;
        } else if (before != 0) {
            tally.errors++;
        }
        before = child;
    }
}

static unsigned count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    unsigned count = 0;
    while (directory != NULL && readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

static void await_sigterm(const sigset_t *awaited)
{
    int signal;
    sigwait(awaited, &signal);
    __atomic_store_n(&is_over, true, __ATOMIC_RELEASE);
}

/* False: no such action. */
static bool act(asker *model, int argc, char **argv)
{
    static asker askers[MAX_THREADS];
    model->host.timeout_ms = LONG_MS;
    if (strcmp(argv[0], "crowd") == 0 && argc == 2) {
        model->host.timeout_ms = (uint32_t)strtoul(argv[1], NULL, 10);
        sigset_t awaited;
        sigemptyset(&awaited);
        sigaddset(&awaited, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &awaited, NULL);
        start(askers, model, true, ask_both);
        await_sigterm(&awaited);
    } else if (strcmp(argv[0], "calls") == 0 && argc == 4) {
        model->count = (unsigned)strtoul(argv[1], NULL, 10) / MAX_THREADS;
        MUST(model->count <= MAX_CALLS / MAX_THREADS);
        model->host.timeout_ms = (uint32_t)strtoul(argv[2], NULL, 10);
        model->host.is_polling = strcmp(argv[3], "polling") == 0;
        start(askers, model, false, time_calls);
    } else if (strcmp(argv[0], "reports") == 0 && argc == 3) {
        model->count = (unsigned)strtoul(argv[2], NULL, 10);
        model->dir = argv[1];
        start(askers, model, true, enrol);
    } else if (strcmp(argv[0], "forks") == 0 && argc == 2) {
        ask_in_children(&model->host, (unsigned)strtoul(argv[1], NULL, 10));
        return true;
    } else {
        return false;
    }
    join(askers);
    return true;
}

static void open_host(host *out, const char *file, const char *socket_path)
{
    static const scep_host services = {.size = sizeof services};
    const scep_config_entry config[] = {{"socket", socket_path}};
    scep_plugin_entry_fn entry = NULL;
    scep_text text = {.size = sizeof text};
    void *module = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    MUST(module != NULL);
    *(void **)&entry = dlsym(module, SCEP_PLUGIN_ENTRY_SYMBOL);
    MUST(entry != NULL && entry(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR, &out->plugin) == SCEP_OK);
    MUST(out->plugin->open(&services, config, 1, &out->instance, &text) == SCEP_OK);
}

int main(int argc, char **argv)
{
    static asker model;
    if (argc < 6) {
        fputs("Usage: weather-host PLUGIN.so SOCKET ALLOW.der DENY.der ACTION [ARGUMENT...]\n", stderr);
        return 2;
    }
    read_der(&model.host.allow, argv[3]);
    read_der(&model.host.deny, argv[4]);
    const unsigned descriptors = count_descriptors();
    open_host(&model.host, argv[1], argv[2]);
    if (!act(&model, argc - 5, argv + 5)) {
        return 2;
    }
    model.host.plugin->close(model.host.instance);
    if (count_descriptors() != descriptors) {
        fprintf(stderr, "weather-host: %u descriptors, and %u before\n", count_descriptors(), descriptors);
        tally.errors++;
    }
    print_tally();
    return tally.errors == 0 && tally.wrong == 0 ? 0 : 1;
}
