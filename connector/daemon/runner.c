/* See runner.h. */
#include "daemon/runner.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/thread.h"
#include "net/tls.h"

enum { PULSE_MS = 1000 };

struct iscep_runner {
    iscep_env env;
    iscep_metrics *metrics;
    iscep_loop *loop;
    bool is_keeper;
    bool has_thread;
    pthread_t thread;
    iscep_timer *pulse;
    atomic_llong alive_mono_ms;
    iscep_journal *journal;
    iscep_http_server *server;
    iscep_http_server_options options;
    iscep_api *api;
};

/* --- calls from the keeper --- */

typedef struct errand {
    iscep_callback call;
    void *user;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_done;
} errand;

static void run_errand(void *user)
{
    errand *it = user;
    it->call(it->user);
    pthread_mutex_lock(&it->lock);
    it->is_done = true;
    pthread_cond_signal(&it->changed);
    pthread_mutex_unlock(&it->lock);
}

/* Without memory to ask with there is nothing better than to try again: what is to be done here cannot be left out. */
static void post(iscep_runner *runner, iscep_callback call, void *user)
{
    while (iscep_loop_post(runner->loop, call, user, NULL) != ISCEP_OK)
        usleep(1000);
}

void iscep_runner_call(iscep_runner *runner, iscep_callback call, void *user)
{
    if (!runner->has_thread) {
        call(user);
        return;
    }
    errand it = {
        .call = call, .user = user, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    post(runner, run_errand, &it);
    pthread_mutex_lock(&it.lock);
    while (!it.is_done)
        pthread_cond_wait(&it.changed, &it.lock);
    pthread_mutex_unlock(&it.lock);
}

/* --- its life --- */

static void on_pulse(void *user)
{
    iscep_runner *runner = user;
    atomic_store(&runner->alive_mono_ms, iscep_now_mono_ms(&runner->env));
    iscep_timer_arm(runner->pulse, PULSE_MS);
}

static iscep_status make(iscep_runner **out, const iscep_env *env, iscep_loop *loop, iscep_error *err)
{
    iscep_runner *runner = calloc(1, sizeof *runner);
    if (runner == NULL)
        return iscep_error_nomem(err);
    runner->env = *env;
    runner->is_keeper = loop != NULL;
    runner->loop = loop;
    iscep_status status = iscep_metrics_new(&runner->metrics, err);
    runner->env.metrics = runner->metrics;
    if (status == ISCEP_OK && loop == NULL)
        status = iscep_loop_new(&runner->loop, err);
    if (status == ISCEP_OK)
        status = iscep_timer_new(&runner->pulse, runner->loop, on_pulse, runner, err);
    if (status != ISCEP_OK) {
        iscep_runner_free(runner);
        return status;
    }
    on_pulse(runner);
    *out = runner;
    return ISCEP_OK;
}

iscep_status iscep_runner_new_keeper(iscep_runner **out, const iscep_env *env, iscep_loop *loop,
                                     iscep_error *err)
{
    return make(out, env, loop, err);
}

static void *run(void *user)
{
    const iscep_runner *runner = user;
    pthread_setname_np(pthread_self(), "worker"); /* as top -H and the benchmark see it */
    iscep_loop_run(runner->loop);
    return NULL;
}

iscep_status iscep_runner_new(iscep_runner **out, const iscep_env *env, iscep_error *err)
{
    iscep_runner *runner;
    iscep_status status = make(&runner, env, NULL, err);
    if (status != ISCEP_OK)
        return status;
    runner->has_thread = iscep_thread_start(&runner->thread, run, runner);
    if (!runner->has_thread) {
        iscep_runner_free(runner);
        return iscep_error_set(err, ISCEP_NOMEM, "thread", "cannot start a thread");
    }
    *out = runner;
    return ISCEP_OK;
}

void iscep_runner_free(iscep_runner *runner)
{
    if (runner == NULL)
        return;
    if (runner->has_thread) {
        iscep_loop_stop(runner->loop);
        pthread_join(runner->thread, NULL);
        runner->has_thread = false;
    }
    iscep_runner_close_journal(runner);
    iscep_runner_close_server(runner);
    iscep_timer_free(runner->pulse);
    if (!runner->is_keeper)
        iscep_loop_free(runner->loop);
    iscep_metrics_free(runner->metrics);
    free(runner);
}

/* --- its server --- */

/* user: where the API in force stands. */
static const char *door_name(uint32_t door, void *user)
{
    const iscep_api *api = *(const iscep_api *const *)user;
    const iscep_listener_options *options = api != NULL ? iscep_doors_find(api->doors, door) : NULL;
    return options != NULL ? options->name : "";
}

/* Who watches whether we live must not be told that the house is full. */
static bool is_exempt(const iscep_exchange *exchange, void *user)
{
    (void)user;
    return iscep_api_is_exempt(exchange);
}

typedef struct opening {
    iscep_runner *runner;
    iscep_journal *journal;
    iscep_status status;
    iscep_error *err;
} opening;

static void open_parts(void *user)
{
    opening *it = user;
    iscep_runner *runner = it->runner;
    it->status = ISCEP_OK;
    if (runner->is_keeper)
        runner->journal = it->journal;
    else
        it->status = iscep_journal_attach(&runner->journal, it->journal, runner->loop, it->err);
    if (it->status == ISCEP_OK)
        it->status = iscep_http_server_new(&runner->server, &runner->env, runner->loop, &runner->options,
                                           iscep_api_handle, &runner->api, it->err);
}

static void fill_options(iscep_runner *runner, const iscep_http_server_options *options,
                         iscep_limiter *limiter)
{
    runner->options = *options;
    runner->options.limiter = limiter;
    runner->options.is_exempt = is_exempt;
    runner->options.door_name = door_name;
}

iscep_status iscep_runner_open(iscep_runner *runner, iscep_journal *journal, iscep_limiter *limiter,
                               const iscep_http_server_options *options, iscep_error *err)
{
    opening it = {.runner = runner, .journal = journal, .err = err};
    fill_options(runner, options, limiter);
    iscep_runner_call(runner, open_parts, &it);
    return it.status;
}

static void close_journal(void *user)
{
    iscep_runner *runner = user;
    if (!runner->is_keeper)
        iscep_journal_close(runner->journal);
    runner->journal = NULL;
}

void iscep_runner_close_journal(iscep_runner *runner)
{
    if (runner->journal != NULL)
        iscep_runner_call(runner, close_journal, runner);
}

static void close_server(void *user)
{
    iscep_runner *runner = user;
    iscep_http_server_free(runner->server);
    runner->server = NULL;
}

void iscep_runner_close_server(iscep_runner *runner)
{
    if (runner->server != NULL)
        iscep_runner_call(runner, close_server, runner);
}

/* --- connections --- */

typedef struct arrival {
    iscep_runner *runner;
    int fd;
    SSL_CTX *tls;
    uint32_t door;
} arrival;

static void on_arrival(void *user)
{
    arrival *it = user;
    iscep_http_server_adopt(it->runner->server, it->fd, it->tls, it->door);
    iscep_tls_server_free(it->tls);
    free(it);
}

void iscep_runner_adopt(iscep_runner *runner, int fd, SSL_CTX *tls, uint32_t door)
{
    if (!runner->has_thread) {
        iscep_http_server_adopt(runner->server, fd, tls, door);
        return;
    }
    arrival *it = malloc(sizeof *it);
    if (it == NULL) {
        close(fd);
        return;
    }
    *it = (arrival){.runner = runner, .fd = fd, .tls = iscep_tls_server_share(tls), .door = door};
    post(runner, on_arrival, it);
}

typedef struct closing {
    iscep_runner *runner;
    uint32_t door;
} closing;

static void close_door(void *user)
{
    const closing *it = user;
    iscep_http_server_close_door(it->runner->server, it->door);
}

void iscep_runner_close_door(iscep_runner *runner, uint32_t door)
{
    closing it = {.runner = runner, .door = door};
    iscep_runner_call(runner, close_door, &it);
}

static void set_options(void *user)
{
    iscep_runner *runner = user;
    iscep_http_server_set_options(runner->server, &runner->options);
}

void iscep_runner_set_options(iscep_runner *runner, const iscep_http_server_options *options)
{
    fill_options(runner, options, runner->options.limiter);
    iscep_runner_call(runner, set_options, runner);
}

typedef struct draining {
    iscep_runner *runner;
    iscep_callback drained;
    void *user;
} draining;

static void drain(void *user)
{
    const draining *it = user;
    iscep_http_server_drain(it->runner->server, it->drained, it->user);
}

void iscep_runner_drain(iscep_runner *runner, iscep_callback drained, void *user)
{
    draining it = {.runner = runner, .drained = drained, .user = user};
    iscep_runner_call(runner, drain, &it);
}

/* --- what it has --- */

const iscep_env *iscep_runner_env(const iscep_runner *runner)
{
    return &runner->env;
}

iscep_loop *iscep_runner_loop(iscep_runner *runner)
{
    return runner->loop;
}

iscep_journal *iscep_runner_journal(iscep_runner *runner)
{
    return runner->journal;
}

iscep_metrics *iscep_runner_metrics(iscep_runner *runner)
{
    return runner->metrics;
}

bool iscep_runner_is_keeper(const iscep_runner *runner)
{
    return runner->is_keeper;
}

void iscep_runner_enter(iscep_runner *runner, iscep_api *api)
{
    runner->api = api;
}

iscep_api *iscep_runner_api(iscep_runner *runner)
{
    return runner->api;
}

void *iscep_runner_handler_user(iscep_runner *runner)
{
    return &runner->api;
}

int64_t iscep_runner_alive_mono_ms(const iscep_runner *runner)
{
    return atomic_load(&((iscep_runner *)runner)->alive_mono_ms);
}
