/* See hop.h. */
#include "hop.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "child.h"
#include "doors.h"
#include "plugin_file.h"
#include "progress.h"

enum { WARM_UP = 64, MAX_REQUEST_LEN = 64 * 1024, MAX_REPLY_LEN = 4096, ID_SIZE = 64 };

/* The bare client sends bytes that are ready, and looks into the reply for its verdict. */
typedef struct asker {
    int fd; /* of the bare client */
    iscep_buf bytes;
    bench_plugin plugin;
    bench_plugin direct;
    char id[ID_SIZE];
    scep_request request;
    int64_t *bare_ns;
    int64_t *taken_ns;
} asker;

typedef struct round_task {
    const bench_world *world;
    uint32_t requests;
} round_task;

typedef struct round_result {
    int64_t bare_p50[BENCH_HOP_WAY_COUNT];
    int64_t p50[BENCH_HOP_WAY_COUNT];
    int64_t p99[BENCH_HOP_WAY_COUNT];
} round_result;

typedef bool (*ask_fn)(asker *self); /* was it allowed? */

/* --- who asks --- */

/* The requestId is the last line of a verdict. */
static bool is_whole(const char *reply)
{
    const char *last = strstr(reply, "\nrequestId: ");
    return last != NULL && strchr(last + 1, '\n') != NULL;
}

static bool ask_bare(asker *self)
{
    char reply[MAX_REPLY_LEN + 1] = "";
    size_t len = 0;
    const char *next = iscep_buf_text(&self->bytes);
    size_t left = self->bytes.len;
    while (left > 0) {
        const ssize_t sent = send(self->fd, next, left, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        next += sent;
        left -= (size_t)sent;
    }
    while (!is_whole(reply)) {
        const ssize_t got = recv(self->fd, reply + len, MAX_REPLY_LEN - len, 0);
        if (got <= 0)
            return false;
        len += (size_t)got;
        reply[len] = '\0';
    }
    return strncmp(reply, "HTTP/1.1 200 ", 13) == 0 && strstr(reply, "\r\n\r\nverdict: allow\n") != NULL;
}

static bool verify(const bench_plugin *plugin, const scep_request *request)
{
    scep_answer answer = {.size = sizeof answer};
    return plugin->table->verify_request(plugin->instance, request, &answer) == SCEP_OK &&
           answer.verdict == SCEP_VERDICT_ALLOW;
}

static bool ask_blocking(asker *self)
{
    return verify(&self->plugin, &self->request);
}

static bool ask_direct(asker *self)
{
    return verify(&self->direct, &self->request);
}

static bool ask_polling(asker *self)
{
    const scep_plugin *table = self->plugin.table;
    scep_answer answer = {.size = sizeof answer};
    scep_call *call = NULL;
    if (table->begin_verify_request(self->plugin.instance, &self->request, &answer, &call) != SCEP_OK)
        return false;
    struct pollfd watched = {.fd = table->descriptor(call), .events = POLLIN};
    int32_t status = SCEP_PENDING;
    while (status == SCEP_PENDING) {
        poll(&watched, 1, BENCH_ANSWER_TIMEOUT_MS);
        status = table->finish(call);
    }
    return status == SCEP_OK && answer.verdict == SCEP_VERDICT_ALLOW;
}

static const struct way {
    const char *name;
    ask_fn ask;
} ways[BENCH_HOP_WAY_COUNT] = {[BENCH_HOP_BLOCKING] = {"blocking", ask_blocking},
                               [BENCH_HOP_POLLING] = {"poll", ask_polling},
                               [BENCH_HOP_DIRECT] = {"direct", ask_direct}};

const char *bench_hop_way_name(bench_hop_way way)
{
    return ways[way].name;
}

/* --- a round --- */

static iscep_status open_bare(asker *self, const bench_world *world, iscep_error *err)
{
    const bench_subject subject = {.csr = world->csr};
    const bench_door door = bench_door_unix(world->daemon, &subject);
    const iscep_question question = {.kind = ISCEP_ASK_VALIDATE,
                                     .transaction_id = self->request.transaction_id,
                                     .csr_der = self->request.csr_der};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    iscep_text_copy(address.sun_path, sizeof address.sun_path, world->daemon->socket_path);
    self->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (self->fd < 0 || connect(self->fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return iscep_error_set(err, ISCEP_NETWORK, "hop", "%s: %s", address.sun_path, strerror(errno));
    return bench_question_write(&self->bytes, &door, &question, BENCH_ANSWER_TIMEOUT_MS, err);
}

static iscep_status open_ways(asker *self, const bench_world *world, iscep_error *err)
{
    char config[BENCH_PATH_SIZE];
    iscep_status status = open_bare(self, world, err);
    if (status == ISCEP_OK)
        status =
            bench_plugin_open(&self->plugin, world->plugin_file, "socket", world->daemon->socket_path, err);
    if (status == ISCEP_OK)
        status = bench_daemon_prepare_inside(config, world->stack, world->intune, err);
    return status == ISCEP_OK ? bench_plugin_open(&self->direct, world->direct_file, "config", config, err)
                              : status;
}

static iscep_status open_asker(asker *self, const round_task *task, iscep_error *err)
{
    *self = (asker){.fd = -1, .id = BENCH_TRANSACTION_ID};
    iscep_buf_init(&self->bytes, MAX_REQUEST_LEN);
    self->request = (scep_request){.size = sizeof self->request,
                                   .message_type = SCEP_MESSAGE_PKCS_REQ,
                                   .timeout_ms = BENCH_ANSWER_TIMEOUT_MS,
                                   .transaction_id = {(const uint8_t *)self->id, strlen(self->id)},
                                   .csr_der = {task->world->csr.data, task->world->csr.len}};
    self->bare_ns = calloc(task->requests, sizeof *self->bare_ns);
    self->taken_ns = calloc(task->requests, sizeof *self->taken_ns);
    if (self->bare_ns == NULL || self->taken_ns == NULL)
        return iscep_error_nomem(err);
    return open_ways(self, task->world, err);
}

static void close_asker(asker *self)
{
    bench_plugin_close(&self->plugin);
    bench_plugin_close(&self->direct);
    if (self->fd >= 0)
        close(self->fd);
    iscep_buf_clear(&self->bytes);
    free(self->bare_ns);
    free(self->taken_ns);
}

static bool ask_timed(asker *self, ask_fn ask, int64_t *taken_ns)
{
    const int64_t begin_ns = bench_now_mono_ns();
    const bool is_allowed = ask(self);
    *taken_ns = bench_now_mono_ns() - begin_ns;
    return is_allowed;
}

/* Each second turn the other one begins, so that both come as often after themselves as after the other. */
static iscep_status ask_by_turns(asker *self, const struct way *way, uint32_t turns, iscep_error *err)
{
    bool are_allowed = true;
    for (uint32_t turn = 0; turn < turns && are_allowed; turn++) {
        if (turn % 2 == 0)
            are_allowed = ask_timed(self, ask_bare, &self->bare_ns[turn]);
        are_allowed = are_allowed && ask_timed(self, way->ask, &self->taken_ns[turn]);
        if (turn % 2 == 1)
            are_allowed = are_allowed && ask_timed(self, ask_bare, &self->bare_ns[turn]);
    }
    return are_allowed
               ? ISCEP_OK
               : iscep_error_set(err, ISCEP_PROTOCOL, "not_allowed",
                                 "%s, by turns with a bare client: an answer was not allow", way->name);
}

static iscep_status measure_way(round_result *out, asker *self, bench_hop_way way, uint32_t requests,
                                iscep_error *err)
{
    iscep_status status = ask_by_turns(self, &ways[way], requests < WARM_UP ? requests : WARM_UP, err);
    if (status == ISCEP_OK)
        status = ask_by_turns(self, &ways[way], requests, err);
    bench_sort(self->bare_ns, requests);
    bench_sort(self->taken_ns, requests);
    out->bare_p50[way] = bench_percentile(self->bare_ns, requests, 50);
    out->p50[way] = bench_percentile(self->taken_ns, requests, 50);
    out->p99[way] = bench_percentile(self->taken_ns, requests, 99);
    return status;
}

static iscep_status run_round(const void *user, void *result, iscep_error *err)
{
    const round_task *task = user;
    asker self;
    iscep_status status = open_asker(&self, task, err);
    for (int way = 0; way < BENCH_HOP_WAY_COUNT && status == ISCEP_OK; way++)
        status = measure_way(result, &self, (bench_hop_way)way, task->requests, err);
    close_asker(&self);
    return status;
}

_Static_assert(sizeof(round_result) <= BENCH_CHILD_RESULT_MAX, "a round's result fits");

/* With a daemon of its own. */
static iscep_status measure_round(round_result *out, const bench_hop_plan *plan, const bench_world *world,
                                  iscep_error *err)
{
    static const bench_daemon_settings defaults = {0};
    bench_daemon daemon;
    bench_world with_daemon = *world;
    const round_task task = {.world = &with_daemon, .requests = plan->requests};
    iscep_status status = bench_daemon_start(&daemon, world->stack, world->intune, &defaults, err);
    with_daemon.daemon = &daemon;
    if (status == ISCEP_OK)
        status = bench_child_run(run_round, &task, out, sizeof *out, err);
    bench_daemon_stop(&daemon);
    return status;
}

/* The differences first: spreading sorts. */
static void sum_up(bench_hop *out, const round_result *rounds)
{
    const uint32_t count = out->plan.rounds;
    for (int way = 0; way < BENCH_HOP_WAY_COUNT; way++) {
        int64_t bare[BENCH_MAX_ROUNDS], p50[BENCH_MAX_ROUNDS], p99[BENCH_MAX_ROUNDS], added[BENCH_MAX_ROUNDS];
        for (uint32_t i = 0; i < count; i++) {
            bare[i] = rounds[i].bare_p50[way];
            p50[i] = rounds[i].p50[way];
            p99[i] = rounds[i].p99[way];
            added[i] = p50[i] - bare[i];
        }
        out->bare_p50[way] = bench_spread_of(bare, count);
        out->p50[way] = bench_spread_of(p50, count);
        out->p99[way] = bench_spread_of(p99, count);
        out->added_p50[way] = bench_spread_of(added, count);
    }
}

iscep_status bench_hop_measure(bench_hop *out, const bench_hop_plan *plan, const bench_world *world,
                               iscep_error *err)
{
    round_result rounds[BENCH_MAX_ROUNDS];
    iscep_status status = ISCEP_OK;
    *out = (bench_hop){.plan = *plan};
    for (uint32_t round = 0; round < plan->rounds && status == ISCEP_OK; round++) {
        bench_progress_show("hop: round %u of %u: %u requests each way, one in flight", round + 1,
                            plan->rounds, plan->requests);
        status = bench_progress_check(err);
        if (status == ISCEP_OK)
            status = measure_round(&rounds[round], plan, world, err);
    }
    if (status == ISCEP_OK)
        sum_up(out, rounds);
    return status;
}
