/* Many threads, two instances, and fork: every caller gets the answer to its own question. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_daemon.h"
#include "loaded_plugin.h"

#define THREADS          12
#define CALLS_PER_THREAD 60
#define FORKS            20

static const fake_step echo_script[] = {{fake_echo, FAKE_KEEP}};

static loaded_plugin loaded;
static const scep_plugin *plugin;
static char path[64];
static fake_daemon *daemon_;
static scep_instance *instance;

static void set_up(void)
{
    loaded = loaded_plugin_open();
    plugin = loaded.plugin;
    fresh_socket_path(path);
    daemon_ = fake_daemon_start(path, echo_script, 1);
    instance = loaded_instance(plugin, path, NULL);
}

static void tear_down(void)
{
    plugin->close(instance);
    fake_daemon_stop(daemon_);
    loaded_plugin_close(&loaded);
    remove_socket_dir(path);
}

TestSuite(concurrency, .init = set_up, .fini = tear_down, .timeout = 120);

/* True if the answer is the one to this very transaction. No assertions: runs in threads and forked children.
 */
static bool is_answered_rightly(scep_instance *asked, const char *transaction_id)
{
    const scep_request request = request_of(transaction_id);
    scep_answer answer = stale_answer();
    const int32_t want = strncmp(transaction_id, "allow", 5) == 0 ? SCEP_VERDICT_ALLOW : SCEP_VERDICT_DENY;
    return put_request(plugin, asked, &request, &answer) == SCEP_OK && answer.verdict == want &&
           strcmp(answer.message, transaction_id) == 0;
}

typedef struct asker {
    pthread_t thread;
    scep_instance *instance;
    unsigned number;
    unsigned wrong;
    atomic_bool *stop; /* NULL: CALLS_PER_THREAD calls */
} asker;

static void *ask_many(void *user)
{
    asker *self = user;
    for (unsigned i = 0; self->stop == NULL ? i < CALLS_PER_THREAD : !atomic_load(self->stop); i++) {
        char id[64];
        snprintf(id, sizeof id, "%s-%u-%u", (self->number + i) % 3 == 0 ? "allow" : "deny", self->number, i);
        self->wrong += !is_answered_rightly(self->instance, id);
    }
    return NULL;
}

TEST_IN_BOTH_FORMS(concurrency, threads_on_two_instances_get_their_own_answers)
{
    scep_instance *second = loaded_instance(plugin, path, NULL);
    asker askers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        askers[i] = (asker){.instance = i % 2 == 0 ? instance : second, .number = i};
        cr_assert_eq(pthread_create(&askers[i].thread, NULL, ask_many, &askers[i]), 0);
    }
    unsigned wrong = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(askers[i].thread, NULL);
        wrong += askers[i].wrong;
    }
    cr_assert_eq(wrong, 0);
    cr_assert_eq(fake_daemon_request_count(daemon_), THREADS * CALLS_PER_THREAD);
    cr_assert_leq(fake_daemon_connection_count(daemon_), THREADS, "connections are used again");
    plugin->close(second);
}

#ifdef __SANITIZE_ADDRESS__
#define IS_FORKING_POSSIBLE false
#else
#define IS_FORKING_POSSIBLE true
#endif

/* GCC's AddressSanitizer is of no use in a child that was forked while another thread allocated: its next malloc waits for ever.
 * tests/abi/storm.c forks under it with more effort. */
static void skip_if_forking_is_impossible(void)
{
    if (!IS_FORKING_POSSIBLE) {
        cr_skip_test("AddressSanitizer hangs in forked children");
    }
}

/* The child's exit status: 0 if it was answered rightly. */
static int ask_in_child(const char *transaction_id)
{
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);
        const bool is_right = is_answered_rightly(instance, transaction_id);
        plugin->close(instance);
        _exit(is_right ? 0 : 1);
    }
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    return status;
}

TEST_IN_BOTH_FORMS(concurrency, a_child_takes_a_connection_of_its_own)
{
    skip_if_forking_is_impossible();
    cr_assert(is_answered_rightly(instance, "allow-parent-1"));
    cr_assert_eq(ask_in_child("deny-child"), 0);
    cr_assert(is_answered_rightly(instance, "allow-parent-2"));
    cr_assert_eq(fake_daemon_request(daemon_, 0)->connection, 0);
    cr_assert_eq(fake_daemon_request(daemon_, 1)->connection, 1);
    cr_assert_eq(fake_daemon_request(daemon_, 2)->connection, 0,
                 "the child left the parent's connection alone");
}

/* In a process that is alone, and process 1: asks, and has a worker ask that is process 1 as well. Exit status 0 if both were right. */
static void be_process_1_twice(void)
{
    alarm(60);
    const bool is_right = is_answered_rightly(instance, "allow-host") && unshare(CLONE_NEWPID) == 0;
    const pid_t worker = is_right ? fork() : -1;
    if (worker == 0) {
        _exit(getpid() == 1 && is_answered_rightly(instance, "deny-worker") ? 0 : 1);
    }
    int status = -1;
    _exit(worker > 0 && waitpid(worker, &status, 0) == worker && status == 0 ? 0 : 1);
}

enum { NO_NAMESPACES = 77 };

static void be_in_a_container(void)
{
    if (unshare(geteuid() == 0 ? CLONE_NEWPID : CLONE_NEWUSER | CLONE_NEWPID) != 0) {
        _exit(NO_NAMESPACES);
    }
    const pid_t host = fork();
    if (host == 0) {
        be_process_1_twice();
    }
    int status = -1;
    _exit(host > 0 && waitpid(host, &status, 0) == host && status == 0 ? 0 : 1);
}

/* A server in a container is often process 1, and so is what it forks into a sandbox. */
TEST_IN_BOTH_FORMS(concurrency, a_child_with_its_parents_process_id_takes_a_connection_of_its_own)
{
    skip_if_forking_is_impossible();
    const pid_t container = fork();
    if (container == 0) {
        be_in_a_container();
    }
    int status = -1;
    cr_assert_eq(waitpid(container, &status, 0), container);
    if (status == NO_NAMESPACES << 8) {
        cr_skip_test("this machine lets nobody make a PID namespace");
    }
    cr_assert_eq(status, 0);
    cr_assert_eq(fake_daemon_request(daemon_, 0)->connection, 0);
    cr_assert_eq(fake_daemon_request(daemon_, 1)->connection, 1);
}

/* The child inherits no lock that some other thread held at the moment of fork. */
TEST_IN_BOTH_FORMS(concurrency, children_of_a_busy_parent_are_answered)
{
    skip_if_forking_is_impossible();
    atomic_bool stop = false;
    asker askers[4];
    for (unsigned i = 0; i < 4; i++) {
        askers[i] = (asker){.instance = instance, .number = i, .stop = &stop};
        cr_assert_eq(pthread_create(&askers[i].thread, NULL, ask_many, &askers[i]), 0);
    }
    int failures = 0;
    for (unsigned i = 0; i < FORKS; i++) {
        char id[64];
        snprintf(id, sizeof id, "%s-child-%u", i % 2 == 0 ? "allow" : "deny", i);
        failures += ask_in_child(id) != 0;
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(askers[i].thread, NULL);
        cr_assert_eq(askers[i].wrong, 0);
    }
    cr_assert_eq(failures, 0);
}
