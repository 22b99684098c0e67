/* See storm_crowd.h. */
#include "storm_crowd.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAUSE_MS       5                               /* before a question is asked again */
#define ANSWER_MS      ((int)STORM_TIMEOUT_MS * 3 / 2) /* no answer after this is one lost */
#define BATCH          4
#define MAX_THREADS    256
#define COMPLAINTS     20
#define CHILD_ROUNDS   2
#define EXIT_BAD_CHILD 1

#define MUST(condition) ((condition) ? (void)0 : (perror(#condition), abort()))

typedef struct asker {
    const storm_crowd *crowd;
    unsigned number;
    pthread_t thread;
    scep_instance *instance; /* of those that the threads share */
    unsigned turn;           /* counts what it has done */
} asker;

static scep_answer new_answer(void)
{
    /* What must not survive: an ALLOW. */
    return (scep_answer){.size = sizeof(scep_answer), .verdict = SCEP_VERDICT_ALLOW};
}

static const storm_question *next_question(asker *self, storm_question *room, storm_kind kind,
                                           storm_fate fate)
{
    static atomic_ulong numbered;
    const unsigned long number = atomic_fetch_add(&numbered, 1);
    /* a child's numbers are its own */
    storm_question_init(room, kind, fate, number + (unsigned long)getpid() * 10000000ul);
    atomic_fetch_add(&self->crowd->tally->asked, 1);
    return room;
}

/* The first of them are told. */
static void complain(const asker *self, const char *what, const char *about, int32_t found, const char *code,
                     const char *message)
{
    if (atomic_fetch_add(&self->crowd->tally->wrong, 1) < COMPLAINTS) {
        fprintf(stderr, "storm: %s: %s: %#x, '%s', '%s'\n", what, about, (unsigned)found, code, message);
    }
}

static void complain_of_answer(const asker *self, const char *what, const storm_question *question,
                               const scep_answer *answer)
{
    complain(self, what, question->id, answer->verdict, answer->code, answer->message);
}

/* True: the question is settled. False: it has to be asked again. */
static bool settle(const asker *self, int32_t status, const storm_question *question,
                   const scep_answer *answer)
{
    storm_tally *tally = self->crowd->tally;
    const storm_judgement judgement =
        status == SCEP_OK ? storm_judge(question, answer, self->crowd->restarts > 0) : STORM_WRONG;
    if (judgement == STORM_WEATHER) {
        atomic_fetch_add(&tally->asked_again, 1);
        poll(NULL, 0, PAUSE_MS);
        return false;
    }
    if (judgement == STORM_WRONG) {
        complain_of_answer(self, status == SCEP_OK ? "the wrong answer" : "no answer", question, answer);
        return true;
    }
    atomic_fetch_add(&tally->right, 1);
    if (answer->verdict == SCEP_VERDICT_ALLOW) {
        atomic_fetch_add(&tally->allowed, 1);
    }
    return true;
}

/* --- asking --- */

static void ask_blocking(asker *self, scep_instance *instance, storm_kind kind, storm_fate fate)
{
    storm_question question;
    scep_answer answer;
    int32_t status;
    next_question(self, &question, kind, fate);
    do {
        answer = new_answer();
        status = storm_ask(self->crowd->plugin, instance, &question, &answer);
    } while (!settle(self, status, &question, &answer));
}

/* NULL: it could not be begun, and is complained of. */
static scep_call *begin(const asker *self, scep_instance *instance, const storm_question *question,
                        scep_answer *answer)
{
    scep_call *call = NULL;
    *answer = new_answer();
    const int32_t status = storm_begin(self->crowd->plugin, instance, question, answer, &call);
    if (status != SCEP_OK || call == NULL || answer->verdict != SCEP_VERDICT_DENY) {
        complain_of_answer(self, "not begun", question, answer);
    }
    return call;
}

/* Until the call has ended. */
static int32_t finish(const asker *self, scep_call *call)
{
    const scep_plugin *plugin = self->crowd->plugin;
    struct pollfd watched = {.fd = plugin->descriptor(call), .events = POLLIN};
    int32_t status = SCEP_PENDING;
    while (status == SCEP_PENDING && poll(&watched, 1, ANSWER_MS) == 1) {
        status = plugin->finish(call);
    }
    if (status == SCEP_PENDING) {
        plugin->cancel(call);
    }
    return status;
}

/* call is the question's first; it is begun anew until it is settled. */
static void finish_settled(asker *self, scep_instance *instance, const storm_question *question,
                           scep_answer *answer, scep_call *call)
{
    while (call != NULL && !settle(self, finish(self, call), question, answer)) {
        call = begin(self, instance, question, answer);
    }
}

static void ask_polling(asker *self, scep_instance *instance, storm_kind kind, storm_fate fate)
{
    storm_question question;
    scep_answer answer;
    next_question(self, &question, kind, fate);
    finish_settled(self, instance, &question, &answer, begin(self, instance, &question, &answer));
}

/* Several at once, finished in another order than begun. */
static void ask_batch(asker *self)
{
    storm_question questions[BATCH];
    scep_answer answers[BATCH];
    scep_call *calls[BATCH];
    for (unsigned i = 0; i < BATCH; i++) {
        next_question(self, &questions[i], STORM_VERIFY, i % 2 == 0 ? STORM_SLOW : STORM_DENY);
        calls[i] = begin(self, self->instance, &questions[i], &answers[i]);
    }
    for (unsigned i = BATCH; i-- > 0;) {
        finish_settled(self, self->instance, &questions[i], &answers[i], calls[i]);
    }
}

/* At once, or when the answer is there. */
static void cancel_one(asker *self, bool is_waiting)
{
    storm_question question;
    scep_answer answer;
    next_question(self, &question, STORM_VERIFY, STORM_ALLOW);
    scep_call *call = begin(self, self->instance, &question, &answer);
    if (call == NULL) {
        return;
    }
    struct pollfd watched = {.fd = self->crowd->plugin->descriptor(call), .events = POLLIN};
    if (is_waiting && poll(&watched, 1, ANSWER_MS) != 1) {
        complain_of_answer(self, "never ready", &question, &answer);
    }
    self->crowd->plugin->cancel(call);
    if (answer.verdict != SCEP_VERDICT_DENY) {
        complain_of_answer(self, "answered although cancelled", &question, &answer);
    }
    atomic_fetch_add(&self->crowd->tally->cancelled, 1);
}

/* --- forking --- */

/* On the child's one thread. inherited: a call that the parent goes on with. */
static _Noreturn void be_child(asker *self, scep_call *inherited)
{
    const unsigned long wrong_before = atomic_load(&self->crowd->tally->wrong);
    self->crowd->plugin->cancel(inherited);
    for (unsigned i = 0; i < CHILD_ROUNDS; i++) {
        ask_blocking(self, self->instance, STORM_VERIFY, i % 2 == 0 ? STORM_ALLOW : STORM_DENY);
        ask_polling(self, self->instance, STORM_ISSUED, STORM_ALLOW);
    }
    self->crowd->plugin->close(self->instance);
    _exit(atomic_load(&self->crowd->tally->wrong) == wrong_before ? 0 : EXIT_BAD_CHILD);
}

static void await_child(const asker *self, pid_t child)
{
    struct pollfd ending = {.fd = pidfd_open(child, 0), .events = POLLIN};
    int status = -1;
    MUST(ending.fd >= 0);
    if (poll(&ending, 1, ANSWER_MS) != 1) {
        complain(self, "a child hangs", "fork", (int32_t)child, "", "");
        kill(child, SIGKILL);
    }
    close(ending.fd);
    if (waitpid(child, &status, 0) != child || status != 0) {
        atomic_fetch_add(&self->crowd->tally->lost_children, 1);
    }
}

/* In the middle of a question, whose answer is the parent's all the same. */
static void fork_one(asker *self)
{
    storm_question question;
    scep_answer answer;
    next_question(self, &question, STORM_ISSUED, STORM_SLOW);
    scep_call *call = begin(self, self->instance, &question, &answer);
    const pid_t child = fork();
    MUST(child >= 0);
    if (child == 0) {
        be_child(self, call);
    }
    atomic_fetch_add(&self->crowd->tally->forks, 1);
    finish_settled(self, self->instance, &question, &answer, call);
    await_child(self, child);
}

/* --- instances --- */

static int32_t carry_out(void *user, const scep_revocation *revocation, scep_text *text)
{
    storm_tally *tally = user;
    (void)revocation;
    (void)text;
    atomic_fetch_add(&tally->revocations, 1);
    return SCEP_REVOKE_DONE;
}

/* The plugin borrows the host until close. */
static scep_instance *open_instance(const storm_crowd *crowd, scep_host *host, bool has_revocations)
{
    const scep_config_entry config[] = {{"socket", crowd->socket_path}};
    scep_text text = {.size = sizeof text};
    scep_instance *instance = NULL;
    *host =
        (scep_host){.size = sizeof *host, .user = crowd->tally, .revoke = has_revocations ? carry_out : NULL};
    if (crowd->plugin->open(host, config, 1, &instance, &text) != SCEP_OK) {
        fprintf(stderr, "storm: open: %s\n", text.text);
        abort();
    }
    return instance;
}

static void open_and_close(asker *self)
{
    scep_host host;
    scep_instance *instance = open_instance(self->crowd, &host, self->turn % 4 == 0);
    ask_blocking(self, instance, STORM_VERIFY, STORM_ALLOW);
    ask_polling(self, instance, STORM_VERIFY, STORM_DENY);
    self->crowd->plugin->close(instance);
}

static void look_at_health(const asker *self)
{
    scep_health health = {.size = sizeof health, .state = SCEP_HEALTH_READY};
    const int32_t status = self->crowd->plugin->health(self->instance, STORM_TIMEOUT_MS, &health);
    if (status != SCEP_OK || (health.state != SCEP_HEALTH_READY && self->crowd->restarts == 0)) {
        complain(self, "unhealthy", "health", status, health.code, health.message);
    }
}

/* --- threads --- */

/* Each thing once, beginning with another one for each thread. */
static void do_one_thing(asker *self)
{
    const storm_fate fate = (storm_fate)(self->turn % STORM_FATE_COUNT);
    const storm_fate answered = (storm_fate)(self->turn % STORM_FIRST_FAILURE);
    switch (self->turn++ % 10) {
    case 0:
        ask_blocking(self, self->instance, STORM_VERIFY, fate);
        return;
    case 1:
        ask_polling(self, self->instance, STORM_VERIFY, fate);
        return;
    case 2:
        ask_blocking(self, self->instance, STORM_ISSUED, answered);
        return;
    case 3:
        ask_polling(self, self->instance, STORM_ISSUED, answered);
        return;
    case 4:
        ask_blocking(self, self->instance, STORM_FAILED, STORM_ALLOW);
        ask_polling(self, self->instance, STORM_FAILED, STORM_ALLOW);
        return;
    case 5:
        ask_batch(self);
        return;
    case 6:
        cancel_one(self, self->turn % 4 < 2);
        return;
    case 7:
        fork_one(self);
        return;
    case 8:
        open_and_close(self);
        return;
    case 9:
        look_at_health(self);
        return;
    }
}

static void *ask_in_turn(void *user)
{
    asker *self = user;
    const unsigned last = self->turn + self->crowd->rounds * 10;
    while (self->turn < last ||
           atomic_load(&self->crowd->weather->connector->starts) < self->crowd->restarts) {
        do_one_thing(self);
    }
    return NULL;
}

void storm_crowd_open(storm_crowd *crowd)
{
    static scep_host hosts[STORM_INSTANCES];
    for (unsigned i = 0; i < STORM_INSTANCES; i++) {
        crowd->instances[i] = open_instance(crowd, &hosts[i], i == 0);
    }
}

void storm_crowd_close(storm_crowd *crowd)
{
    for (unsigned i = 0; i < STORM_INSTANCES; i++) {
        crowd->plugin->close(crowd->instances[i]);
    }
}

void storm_crowd_run(const storm_crowd *crowd)
{
    static asker askers[MAX_THREADS];
    MUST(crowd->threads <= MAX_THREADS);
    for (unsigned i = 0; i < crowd->threads; i++) {
        askers[i] = (asker){
            .crowd = crowd, .number = i, .instance = crowd->instances[i % STORM_INSTANCES], .turn = i * 7};
        MUST(pthread_create(&askers[i].thread, NULL, ask_in_turn, &askers[i]) == 0);
    }
    for (unsigned i = 0; i < crowd->threads; i++) {
        pthread_join(askers[i].thread, NULL);
    }
}
