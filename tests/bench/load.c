/* See load.h. */
#include "load.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "meter.h"
#include "pace.h"

enum {
    MAX_EVENTS = 256,
    TICK_MS = 20,
    RAMP_MS = 1,      /* how often the ramp is looked after */
    RAMP_WINDOW = 64, /* first requests that the daemon has not read yet */
    REPLY_ROOM = 4096,
    MAX_REQUEST_LEN = 256 * 1024,
};

typedef struct connection {
    bench_wire wire;
    const bench_door *door;
    bench_turn turn;
    bool is_waiting; /* a request is under way */
    iscep_buf request;
    size_t sent;
    size_t received;
    int64_t started_mono_ns;
    uint8_t reply[REPLY_ROOM];
} connection;

struct bench_load {
    bench_load_options options;
    int epoll_fd;
    connection *connections;
    connection **idle; /* a ring: who has rested longest is next */
    uint32_t idle_first;
    uint32_t idle_count;
    uint32_t opened;
    uint32_t left;   /* requests not begun yet */
    uint32_t ramped; /* connections whose first request has begun */
    uint32_t read;   /* of those, how many the daemon has read */
    uint32_t in_flight;
    bool is_paced;
    bench_pace pace;
    const bench_load_watch *watch;
};

static iscep_status failed(iscep_error *err, const char *what)
{
    return iscep_error_set(err, ISCEP_NETWORK, "load", "%s: %s", what, strerror(errno));
}

/* --- open and close --- */

iscep_status bench_load_open(bench_load **out, const bench_load_options *options, iscep_error *err)
{
    bench_load *load = calloc(1, sizeof *load);
    if (load == NULL)
        return iscep_error_nomem(err);
    load->options = *options;
    load->pace.timer_fd = -1;
    load->connections = calloc(options->connections, sizeof *load->connections);
    load->idle = calloc(options->connections, sizeof *load->idle);
    load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (load->connections == NULL || load->idle == NULL || load->epoll_fd < 0) {
        bench_load_close(load);
        return iscep_error_nomem(err);
    }
    for (uint32_t i = 0; i < options->connections; i++) {
        connection *c = &load->connections[i];
        c->door = &options->doors[i % options->door_count];
        c->turn.connection = i;
        iscep_buf_init(&c->request, MAX_REQUEST_LEN);
    }
    *out = load;
    return ISCEP_OK;
}

void bench_load_close(bench_load *load)
{
    if (load == NULL)
        return;
    for (uint32_t i = 0; i < load->opened; i++)
        bench_wire_close(&load->connections[i].wire);
    for (uint32_t i = 0; load->connections != NULL && i < load->options.connections; i++)
        iscep_buf_clear(&load->connections[i].request);
    if (load->epoll_fd >= 0)
        close(load->epoll_fd);
    free(load->connections);
    free(load->idle);
    free(load);
}

/* --- one request --- */

/* Sends what the socket takes; asks epoll for the rest. */
static iscep_status send_some(bench_load *load, connection *c, iscep_error *err)
{
    size_t moved;
    bool was_stuck = c->sent > 0;
    iscep_status status = ISCEP_OK;
    do {
        status = bench_wire_send(&moved, &c->wire, c->request.data + c->sent, c->request.len - c->sent, err);
        c->sent += moved;
    } while (status == ISCEP_OK && moved > 0 && c->sent < c->request.len);
    bool is_stuck = c->sent < c->request.len;
    if (status != ISCEP_OK || (!was_stuck && !is_stuck))
        return status;
    struct epoll_event event = {.events = EPOLLIN | (is_stuck ? (uint32_t)EPOLLOUT : 0), .data.ptr = c};
    return epoll_ctl(load->epoll_fd, EPOLL_CTL_MOD, c->wire.fd, &event) == 0 ? ISCEP_OK
                                                                             : failed(err, "epoll");
}

static iscep_status write_request(const bench_load *load, connection *c, iscep_error *err)
{
    if (c->request.len > 0 && !load->options.is_new_each_time)
        return ISCEP_OK;
    c->request.len = 0;
    return c->door->write(&c->request, c->door, c->turn, err);
}

static iscep_status begin(bench_load *load, connection *c, int64_t started_mono_ns, iscep_error *err)
{
    load->left--;
    load->in_flight++;
    c->is_waiting = true;
    c->sent = 0;
    c->received = 0;
    c->started_mono_ns = started_mono_ns;
    iscep_status status = write_request(load, c, err);
    return status == ISCEP_OK ? send_some(load, c, err) : status;
}

static void rest(bench_load *load, connection *c)
{
    load->idle[(load->idle_first + load->idle_count++) % load->options.connections] = c;
}

static iscep_status end(bench_load *load, connection *c, const bench_answer *answer, iscep_error *err)
{
    c->is_waiting = false;
    c->turn.turn++;
    load->in_flight--;
    rest(load, c);
    if (load->watch->on_answer == NULL)
        return ISCEP_OK;
    return load->watch->on_answer(load->watch->user, answer, c->started_mono_ns, err);
}

static iscep_status receive_some(bench_load *load, connection *c, iscep_error *err)
{
    size_t moved;
    bench_answer answer;
    iscep_status status =
        bench_wire_receive(&moved, &c->wire, c->reply + c->received, sizeof c->reply - c->received, err);
    if (status != ISCEP_OK || moved == 0)
        return status;
    if (!c->is_waiting)
        return iscep_error_set(err, ISCEP_PROTOCOL, "load", "the daemon spoke unasked");
    c->received += moved;
    switch (c->door->read(c->reply, c->received, c->turn, &answer)) {
    case BENCH_WHOLE:
        return end(load, c, &answer, err);
    case BENCH_PARTIAL:
        return c->received < sizeof c->reply
                   ? ISCEP_OK
                   : iscep_error_set(err, ISCEP_PROTOCOL, "load", "the daemon's reply is too long");
    case BENCH_INVALID:
        break;
    }
    return iscep_error_set(err, ISCEP_PROTOCOL, "load",
                           "that is no reply of intune-scepd, or has no verdict: %.*s", (int)c->received,
                           (const char *)c->reply);
}

static iscep_status serve(bench_load *load, const struct epoll_event *event, iscep_error *err)
{
    connection *c = event->data.ptr;
    if (c == NULL) {
        bench_pace_rest(&load->pace);
        return ISCEP_OK;
    }
    if ((event->events & EPOLLOUT) != 0) {
        iscep_status status = send_some(load, c, err);
        if (status != ISCEP_OK)
            return status;
    }
    return (event->events & ~(uint32_t)EPOLLOUT) != 0 ? receive_some(load, c, err) : ISCEP_OK;
}

/* --- which request, and when --- */

static iscep_status connect_one(bench_load *load, connection *c, iscep_error *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    load->opened++;
    iscep_status status = bench_wire_open(&c->wire, &c->door->address, err);
    if (status == ISCEP_OK && epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, c->wire.fd, &event) != 0)
        status = failed(err, "epoll");
    return status;
}

static bool is_read(const connection *c)
{
    int unread = 0;
    return c->sent == c->request.len && ioctl(c->wire.fd, SIOCOUTQ, &unread) == 0 && unread == 0;
}

/* The next connection's first request; at the first run it connects, too: a silent connection is not kept for long. */
static iscep_status begin_first(bench_load *load, iscep_error *err)
{
    connection *c = &load->connections[load->ramped];
    iscep_status status = load->ramped == load->opened ? connect_one(load, c, err) : ISCEP_OK;
    load->ramped++;
    return status == ISCEP_OK ? begin(load, c, bench_now_mono_ns(), err) : status;
}

/*
 * The first requests begin as fast as the daemon reads them. All at once would sit in the kernel's buffers,
 * where the daemon cannot know that their time is running.
 */
static iscep_status ramp_up(bench_load *load, iscep_error *err)
{
    while (load->read < load->ramped && is_read(&load->connections[load->read]))
        load->read++;
    iscep_status status = ISCEP_OK;
    while (load->ramped < load->options.connections && load->ramped - load->read < RAMP_WINDOW &&
           load->left > 0 && status == ISCEP_OK)
        status = begin_first(load, err);
    return status;
}

static bool is_ramping(const bench_load *load)
{
    return load->read < load->options.connections && (load->left > 0 || load->read < load->ramped);
}

static bool is_due(bench_load *load, int64_t *started_mono_ns)
{
    *started_mono_ns = bench_now_mono_ns();
    return !load->is_paced || bench_pace_take(&load->pace, started_mono_ns);
}

static iscep_status begin_due(bench_load *load, iscep_error *err)
{
    int64_t started_mono_ns;
    iscep_status status = ramp_up(load, err);
    while (status == ISCEP_OK && load->left > 0 && load->idle_count > 0 && is_due(load, &started_mono_ns)) {
        connection *c = load->idle[load->idle_first];
        load->idle_first = (load->idle_first + 1) % load->options.connections;
        load->idle_count--;
        status = begin(load, c, started_mono_ns, err);
    }
    return status;
}

static iscep_status tick(bench_load *load, int64_t *next_mono_ns, iscep_error *err)
{
    if (load->watch->on_tick == NULL || bench_now_mono_ns() < *next_mono_ns)
        return ISCEP_OK;
    *next_mono_ns = bench_now_mono_ns() + TICK_MS * 1000000LL;
    return load->watch->on_tick(load->watch->user, err);
}

/* Every connection is open and at rest. */
static iscep_status start_pace(bench_load *load, int64_t interval_ns, iscep_error *err)
{
    struct epoll_event event = {.events = EPOLLIN};
    load->ramped = load->read = load->options.connections;
    for (uint32_t i = 0; i < load->options.connections; i++)
        rest(load, &load->connections[i]);
    iscep_status status = bench_pace_start(&load->pace, interval_ns, err);
    if (status == ISCEP_OK && epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, load->pace.timer_fd, &event) != 0)
        status = failed(err, "epoll");
    return status;
}

static iscep_status run_until_answered(bench_load *load, iscep_error *err)
{
    int64_t next_tick_mono_ns = 0;
    iscep_status status = begin_due(load, err);
    while ((load->in_flight > 0 || load->left > 0) && status == ISCEP_OK) {
        struct epoll_event events[MAX_EVENTS];
        int ready = epoll_wait(load->epoll_fd, events, MAX_EVENTS, is_ramping(load) ? RAMP_MS : TICK_MS);
        for (int i = 0; i < ready && status == ISCEP_OK; i++)
            status = serve(load, &events[i], err);
        if (status == ISCEP_OK)
            status = begin_due(load, err);
        if (status == ISCEP_OK)
            status = tick(load, &next_tick_mono_ns, err);
    }
    return status;
}

iscep_status bench_load_run(bench_load *load, uint32_t count, int64_t interval_ns,
                            const bench_load_watch *watch, iscep_error *err)
{
    load->watch = watch;
    load->left = count;
    load->ramped = load->read = load->in_flight = load->idle_count = 0;
    load->is_paced = interval_ns > 0;
    iscep_status status = load->is_paced ? start_pace(load, interval_ns, err) : ISCEP_OK;
    if (status == ISCEP_OK)
        status = run_until_answered(load, err);
    bench_pace_stop(&load->pace); /* epoll forgets it */
    return status;
}

uint32_t bench_load_in_flight(const bench_load *load)
{
    return load->in_flight;
}

bool bench_load_is_read(const bench_load *load)
{
    return load->read == load->options.connections;
}
