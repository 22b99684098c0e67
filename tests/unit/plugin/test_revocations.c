/* The plugin's thread that has the host revoke: what it asks, hands over and tells, and how it ends. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_daemon.h"
#include "loaded_plugin.h"
#include "plugin/socket/deadline.h"

#define MARGIN_MS  5000 /* what a busy test machine may add */
#define WORK_LINES "id: w1\nserialNumber: 0A1B\nissuer: CN=a CA,O=b\nreason: 4\ntimeoutMs: 20000\n"
#define WORK       fake_reply("200 OK", WORK_LINES)
#define TAKEN      fake_reply("200 OK", "")
#define NO_WORK    "HTTP/1.1 204 No Content\r\n\r\n"

/* The host: it remembers what it was asked, and may be held in the callback. */
static int32_t result = SCEP_REVOKE_DONE;
static const char *said;
static sem_t is_called;
static sem_t may_return;
static bool is_held;
static atomic_int calls;
static char serial[64];
static char issuer[64];
static uint32_t reason;
static bool blocks_signals;
static atomic_int log_lines;
static char last_line[512];

static int32_t revoke_here(void *user, const scep_revocation *revocation, scep_text *text)
{
    sigset_t blocked;
    cr_assert_eq(user, &result);
    cr_assert_geq(revocation->size, sizeof *revocation);
    atomic_fetch_add(&calls, 1);
    snprintf(serial, sizeof serial, "%.*s", (int)revocation->serial.len,
             (const char *)revocation->serial.data);
    snprintf(issuer, sizeof issuer, "%.*s", (int)revocation->issuer.len,
             revocation->issuer.data == NULL ? "" : (const char *)revocation->issuer.data);
    reason = revocation->reason;
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    blocks_signals = sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGCHLD) == 1 &&
                     sigismember(&blocked, SIGALRM) == 1;
    if (said != NULL) {
        snprintf(text->text, sizeof text->text, "%s", said);
    }
    sem_post(&is_called);
    if (is_held) {
        sem_wait(&may_return);
    }
    return result;
}

static void note_log(void *user, int32_t level, const char *message)
{
    (void)user, (void)level;
    snprintf(last_line, sizeof last_line, "%s", message);
    atomic_fetch_add(&log_lines, 1);
}

static const scep_host host = {.size = sizeof host, .user = &result, .log = note_log, .revoke = revoke_here};
static loaded_plugin loaded;
static const scep_plugin *plugin;
static char path[64];

static void set_up(void)
{
    sem_init(&is_called, 0, 0);
    sem_init(&may_return, 0, 0);
    loaded = loaded_plugin_open();
    plugin = loaded.plugin;
    fresh_socket_path(path);
}

static void tear_down(void)
{
    loaded_plugin_close(&loaded);
    remove_socket_dir(path);
}

TestSuite(revocations, .init = set_up, .fini = tear_down, .timeout = 60);

static void expect_requests(fake_daemon *daemon, size_t count)
{
    cr_assert(fake_daemon_wait(daemon, count, LOADED_TIMEOUT_MS), "%zu of %zu requests",
              fake_daemon_request_count(daemon), count);
}

static void expect_header(fake_daemon *daemon, size_t index, const char *name, const char *want)
{
    const char *got = fake_request_header(fake_daemon_request(daemon, index), name);
    cr_assert_eq(got != NULL, want != NULL, "%s", name);
    if (want != NULL) {
        cr_assert_str_eq(got, want);
    }
}

static void expect_result(fake_daemon *daemon, size_t index, const char *outcome, const char *description)
{
    cr_assert_not_null(strstr(fake_daemon_request(daemon, index)->head, "POST /v1/revocations/result "));
    expect_header(daemon, index, "X-Scep-Revocation-Id", "w1");
    expect_header(daemon, index, "X-Scep-Revocation-Outcome", outcome);
    expect_header(daemon, index, "X-Scep-Error-Description", description);
}

static scep_instance *open_with(const scep_config_entry *more)
{
    const scep_config_entry config[] = {{"socket", path}, more == NULL ? (scep_config_entry){0} : *more};
    scep_text text = {.size = sizeof text};
    scep_instance *instance = NULL;
    cr_assert_eq(plugin->open(&host, config, more == NULL ? 1 : 2, &instance, &text), SCEP_OK, "%s",
                 text.text);
    return instance;
}

static void close_quickly(scep_instance *instance)
{
    const int64_t start_ms = iscep_mono_ms();
    plugin->close(instance);
    cr_assert_lt(iscep_mono_ms() - start_ms, MARGIN_MS);
}

Test(revocations, are_asked_for_and_told_for_the_instances_tenant)
{
    const fake_step script[] = {{WORK, FAKE_KEEP}, {TAKEN, FAKE_KEEP}, {NULL, FAKE_HANG}};
    fake_daemon *daemon = fake_daemon_start(path, script, 3);
    scep_instance *instance = open_with(&(scep_config_entry){"tenant", "contoso"});
    expect_requests(daemon, 3);
    for (size_t i = 0; i < 3; i++) {
        expect_header(daemon, i, "X-Scep-Tenant", "contoso");
    }
    close_quickly(instance);
    fake_daemon_stop(daemon);
}

Test(revocations, are_carried_out_by_the_host_and_told)
{
    const fake_step script[] = {{WORK, FAKE_KEEP}, {TAKEN, FAKE_KEEP}, {NULL, FAKE_HANG}};
    fake_daemon *daemon = fake_daemon_start(path, script, 3);
    scep_instance *instance = open_with(&(scep_config_entry){"ca", "own"});
    expect_requests(daemon, 3);
    cr_assert_not_null(strstr(fake_daemon_request(daemon, 0)->head, "POST /v1/revocations/next "));
    expect_header(daemon, 0, "X-Scep-Ca", "own");
    expect_header(daemon, 0, "X-Scep-Wait-Ms", "30000");
    expect_header(daemon, 0, "Accept", "text/plain");
    cr_assert_str_eq(serial, "0A1B");
    cr_assert_str_eq(issuer, "CN=a CA,O=b");
    cr_assert_eq(reason, 4);
    cr_assert(blocks_signals, "the host's signals are not this thread's");
    expect_result(daemon, 1, "revoked", NULL);
    cr_assert_eq(atomic_load(&calls), 1);
    cr_assert_eq(fake_daemon_connection_count(daemon), 1);
    close_quickly(instance);
    fake_daemon_stop(daemon);
}

Test(revocations, are_told_as_the_host_says)
{
    static const struct {
        int32_t result;
        const char *said;
        const char *outcome;
        const char *description;
    } cases[] = {{SCEP_REVOKE_DONE, NULL, "revoked", NULL},
                 {SCEP_REVOKE_ALREADY, "in May", "already_revoked", "in%20May"},
                 {SCEP_REVOKE_UNKNOWN, NULL, "not_found", NULL},
                 {SCEP_REVOKE_REFUSED, "a\r\nb", "refused", "a%20%20b"},
                 {SCEP_REVOKE_LATER, "disk full", "failed", "disk%20full"},
                 {12345, NULL, "failed", NULL},
                 {-1, NULL, "failed", NULL}};
    const fake_step script[] = {{WORK, FAKE_KEEP}, {TAKEN, FAKE_KEEP}, {NULL, FAKE_HANG}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        result = cases[i].result;
        said = cases[i].said;
        fake_daemon *daemon = fake_daemon_start(path, script, 3);
        scep_instance *instance = open_with(NULL);
        expect_requests(daemon, 3);
        expect_header(daemon, 0, "X-Scep-Ca", NULL);
        expect_result(daemon, 1, cases[i].outcome, cases[i].description);
        close_quickly(instance);
        fake_daemon_stop(daemon);
    }
}

Test(revocations, are_told_again_when_the_daemon_dies_over_it)
{
    const fake_step script[] = {{WORK, FAKE_KEEP},
                                {NULL, FAKE_CLOSE},
                                {fake_reply("503 Busy", "{}"), FAKE_CLOSE},
                                {TAKEN, FAKE_KEEP},
                                {NULL, FAKE_HANG}};
    fake_daemon *daemon = fake_daemon_start(path, script, 5);
    scep_instance *instance = open_with(NULL);
    expect_requests(daemon, 5);
    for (size_t i = 1; i <= 3; i++) {
        expect_result(daemon, i, "revoked", NULL);
    }
    cr_assert_eq(atomic_load(&calls), 1, "told again, not done again");
    close_quickly(instance);
    fake_daemon_stop(daemon);
}

Test(revocations, that_nobody_waits_for_any_more_are_let_go)
{
    const fake_step script[] = {
        {WORK, FAKE_KEEP},
        {fake_reply("404 Not Found", "verdict: deny\ncode: revocation_unknown\n"), FAKE_KEEP},
        {NULL, FAKE_HANG}};
    fake_daemon *daemon = fake_daemon_start(path, script, 3);
    scep_instance *instance = open_with(NULL);
    expect_requests(daemon, 3);
    cr_assert_not_null(strstr(fake_daemon_request(daemon, 2)->head, "/next "));
    close_quickly(instance);
    fake_daemon_stop(daemon);
}

/* What cannot be carried out is not handed to the host; whoever asked is told. */
Test(revocations, that_cannot_be_read_do_not_reach_the_host)
{
    static const char *const cases[] = {
        "id: w1\nreason: 4\ntimeoutMs: 9\n",
        "id: w1\nserialNumber:\nreason: 4\ntimeoutMs: 9\n",
        "id: w1\nserialNumber: 0a1b\nreason: 4\ntimeoutMs: 9\n",
        "id: w1\nserialNumber: A1B\nreason: 4\ntimeoutMs: 9\n",
        "id: w1\nserialNumber: 000A\nreason: 4\ntimeoutMs: 9\n",
        "id: w1\nserialNumber: 0A:1B\nreason: 4\ntimeoutMs: 9\n",
        "id: w1\nserialNumber: ../../ca\nreason: 4\ntimeoutMs: 9\n",
        "id: w1\nserialNumber: 0A1B\nreason: 11\ntimeoutMs: 9\n",
        "id: w1\nserialNumber: 0A1B\nreason: x\ntimeoutMs: 9\n",
        "id: w1\nserialNumber: 0A1B\ntimeoutMs: 9\n",
        "id: w1\nserialNumber: 0A1B\nreason: 4\n",
        "id: w1\nserialNumber: 0A1B\nreason: 4\ntimeoutMs: 0\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char reply[512];
        snprintf(reply, sizeof reply, FAKE_REPLY("200 OK", "%zu", "%s"), strlen(cases[i]), cases[i]);
        const fake_step script[] = {{reply, FAKE_KEEP}, {TAKEN, FAKE_KEEP}, {NULL, FAKE_HANG}};
        fake_daemon *daemon = fake_daemon_start(path, script, 3);
        scep_instance *instance = open_with(NULL);
        expect_requests(daemon, 3);
        expect_header(daemon, 1, "X-Scep-Revocation-Outcome", "failed");
        cr_assert_eq(atomic_load(&calls), 0, "%s", cases[i]);
        close_quickly(instance);
        fake_daemon_stop(daemon);
    }
}

Test(revocations, without_a_name_are_asked_for_again)
{
    static const char *const names[] = {"", "id:\n", "id: w 1\n",
                                        "id: w\xC3\xBC\n"}; /* it becomes a header's value */
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char body[128];
        snprintf(body, sizeof body, "%sserialNumber: 0A1B\nreason: 4\ntimeoutMs: 999\n", names[i]);
        const fake_step script[] = {{fake_reply("200 OK", body), FAKE_KEEP}, {NULL, FAKE_HANG}};
        fake_daemon *daemon = fake_daemon_start(path, script, 2);
        scep_instance *instance = open_with(NULL);
        expect_requests(daemon, 2);
        cr_assert_not_null(strstr(fake_daemon_request(daemon, 1)->head, "/next "), "%s", body);
        cr_assert_eq(atomic_load(&calls), 0, "%s", body);
        close_quickly(instance);
        fake_daemon_stop(daemon);
    }
}

/* A daemon that does not wait is not asked without end. */
Test(revocations, are_asked_for_once_a_second_at_most)
{
    const fake_step script[] = {{NO_WORK, FAKE_KEEP}, {NULL, FAKE_HANG}};
    const int64_t start_ms = iscep_mono_ms();
    fake_daemon *daemon = fake_daemon_start(path, script, 2);
    scep_instance *instance = open_with(NULL);
    expect_requests(daemon, 2);
    cr_assert_geq(iscep_mono_ms() - start_ms, 1000);
    close_quickly(instance);
    fake_daemon_stop(daemon);
}

/* 404 and 405: an older daemon; 400: it has no such CA. The log hears of it once; the next time is a minute away. */
Test(revocations, are_no_affair_of_an_older_daemon)
{
    const char *const replies[] = {
        fake_reply("404 Not Found", "verdict: deny\n"),
        fake_reply("405 Not Allowed", "verdict: deny\n"),
        fake_reply("400 Bad Request", "verdict: deny\nmessage: there is no ca\n"),
    };
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        const fake_step script[] = {{replies[i], FAKE_KEEP}, {FAKE_ALLOW, FAKE_KEEP}};
        fake_daemon *daemon = fake_daemon_start(path, script, 2);
        scep_instance *instance = open_with(NULL);
        expect_requests(daemon, 1);
        cr_assert_eq(ask(plugin, instance, "t1").verdict, SCEP_VERDICT_ALLOW);
        close_quickly(instance);
        cr_assert_eq(fake_daemon_request_count(daemon), 2);
        cr_assert_eq(atomic_load(&log_lines), (int)i + 1);
        cr_assert_not_null(strstr(last_line, "[ca/NAME]"), "%s", last_line);
        fake_daemon_stop(daemon);
    }
    cr_assert_not_null(strstr(last_line, "there is no ca"), "%s", last_line);
}

Test(revocations, need_no_daemon_when_the_plugin_opens)
{
    static const fake_step script[] = {{NULL, FAKE_HANG}};
    scep_instance *instance = open_with(NULL);
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    expect_requests(daemon, 1);
    close_quickly(instance);
    fake_daemon_stop(daemon);
    instance = open_with(NULL);
    close_quickly(instance);
}

static void *close_instance(void *user)
{
    plugin->close(user);
    return NULL;
}

Test(revocations, under_way_are_waited_for_by_close)
{
    const fake_step script[] = {{WORK, FAKE_KEEP}, {NULL, FAKE_HANG}};
    is_held = true;
    fake_daemon *daemon = fake_daemon_start(path, script, 2);
    scep_instance *instance = open_with(NULL);
    pthread_t closer;
    cr_assert_eq(sem_wait(&is_called), 0);
    cr_assert_eq(pthread_create(&closer, NULL, close_instance, instance), 0);
    cr_assert_neq(pthread_tryjoin_np(closer, NULL), 0, "close has left the callback behind");
    sem_post(&may_return);
    pthread_join(closer, NULL);
    cr_assert_eq(atomic_load(&calls), 1);
    fake_daemon_stop(daemon);
}

static int count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int count = 0;
    for (const struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    closedir(tasks);
    return count;
}

Test(revocations, have_a_thread_only_where_they_are_wanted)
{
    const scep_host unable = {.size = sizeof unable};
    const int before = count_threads();
    scep_instance *instances[] = {open_with(&(scep_config_entry){"revocations", "no"}),
                                  loaded_instance(plugin, path, &unable)};
    cr_assert_eq(count_threads(), before);
    scep_instance *willing = open_with(&(scep_config_entry){"revocations", "yes"});
    cr_assert_eq(count_threads(), before + 1);
    close_quickly(willing);
    for (size_t i = 0; i < 2; i++) {
        plugin->close(instances[i]);
    }
}

/* The child has no such thread, must not hang in close, and must leave the parent's connection alone. */
Test(revocations, stay_with_the_parent_after_fork)
{
    const fake_step script[] = {{NULL, FAKE_HANG}, {TAKEN, FAKE_KEEP}, {NULL, FAKE_HANG}};
    fake_daemon *daemon = fake_daemon_start(path, script, 3);
    scep_instance *instance = open_with(NULL);
    expect_requests(daemon, 1);
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);
        const int threads = count_threads();
        plugin->close(instance);
        _exit(threads == 1 ? 0 : 1);
    }
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    fake_daemon_inject(daemon, 0, WORK);
    cr_assert_eq(sem_wait(&is_called), 0);
    expect_requests(daemon, 2);
    expect_header(daemon, 1, "X-Scep-Revocation-Outcome", "revoked");
    close_quickly(instance);
    fake_daemon_stop(daemon);
}
