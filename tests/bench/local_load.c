/* See local_load.h. */
#include "local_load.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "meter.h"
#include "plugin/local_reply.h"
#include "plugin/request_head.h"

enum {
    MAX_EVENTS = 256,
    TICK_MS = 20,
    RAMP_MS = 1,      /* how often the ramp is looked after */
    RAMP_WINDOW = 64, /* first requests that the daemon has not read yet */
    REPLY_ROOM = 4096,
    MAX_ID_LEN = 128,
};

typedef struct connection {
    int fd;
    bool is_waiting; /* a request is under way */
    char *head;      /* of its request, always the same */
    size_t head_len;
    size_t sent; /* of head and CSR */
    size_t received;
    int64_t started_mono_ns;
    uint8_t reply[REPLY_ROOM];
} connection;

struct bench_local_load {
    bench_local_options options;
    int epoll_fd;
    connection *connections;
    uint32_t opened;
    uint32_t left;   /* requests not begun yet */
    uint32_t ramped; /* connections whose first request has begun */
    uint32_t read;   /* of those, how many the daemon has read */
    uint32_t in_flight;
    const bench_local_watch *watch;
};

static iscep_status failed(iscep_error *err, const char *what)
{
    return iscep_error_set(err, ISCEP_NETWORK, "local", "%s: %s", what, strerror(errno));
}

/* connect(2) waits while the listener's queue is full; all else is non-blocking. */
static iscep_status connect_one(bench_local_load *load, connection *out, iscep_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = out};
    iscep_text_copy(address.sun_path, sizeof address.sun_path, load->options.socket_path);
    out->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (out->fd < 0)
        return failed(err, "socket");
    load->opened++;
    if (connect(out->fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return failed(err, load->options.socket_path);
    if (fcntl(out->fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, out->fd, &event) != 0)
        return failed(err, "epoll");
    return ISCEP_OK;
}

/* Each connection asks about a transaction of its own: the daemon would answer equal questions with one call. */
static iscep_status emit_head(bench_local_load *load, connection *c, iscep_error *err)
{
    const bench_local_options *options = &load->options;
    char transaction_id[MAX_ID_LEN];
    char head[ISCEP_REQUEST_HEAD_MAX];
    int id_len = snprintf(transaction_id, sizeof transaction_id, "%s-%u", options->transaction_id,
                          (unsigned)(c - load->connections));
    const iscep_question question = {
        .kind = ISCEP_ASK_VALIDATE,
        .transaction_id = {(const uint8_t *)transaction_id, (size_t)id_len},
        .csr_der = {options->csr.data, options->csr.len},
    };
    c->head_len = iscep_request_head(head, &question, (int)options->timeout_ms);
    c->head = malloc(c->head_len);
    if (c->head == NULL)
        return iscep_error_nomem(err);
    memcpy(c->head, head, c->head_len);
    return ISCEP_OK;
}

iscep_status bench_local_load_open(bench_local_load **out, const bench_local_options *options,
                                   iscep_error *err)
{
    bench_local_load *load = calloc(1, sizeof *load);
    if (load == NULL)
        return iscep_error_nomem(err);
    load->options = *options;
    load->connections = calloc(options->connections, sizeof *load->connections);
    load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    iscep_status status = load->connections == NULL || load->epoll_fd < 0 ? iscep_error_nomem(err) : ISCEP_OK;
    for (uint32_t i = 0; i < options->connections && status == ISCEP_OK; i++)
        status = emit_head(load, &load->connections[i], err);
    if (status != ISCEP_OK) {
        bench_local_load_close(load);
        return status;
    }
    *out = load;
    return ISCEP_OK;
}

void bench_local_load_close(bench_local_load *load)
{
    if (load == NULL)
        return;
    for (uint32_t i = 0; i < load->opened; i++)
        close(load->connections[i].fd);
    for (uint32_t i = 0; i < load->options.connections && load->connections != NULL; i++)
        free(load->connections[i].head);
    if (load->epoll_fd >= 0)
        close(load->epoll_fd);
    free(load->connections);
    free(load);
}

static size_t request_len(const bench_local_load *load, const connection *c)
{
    return c->head_len + load->options.csr.len;
}

/* Sends what the socket takes; asks epoll for the rest. */
static iscep_status send_some(bench_local_load *load, connection *c, iscep_error *err)
{
    size_t of_head = c->sent < c->head_len ? c->head_len - c->sent : 0;
    size_t of_csr = request_len(load, c) - c->sent - of_head;
    struct iovec parts[] = {
        {.iov_base = c->head + c->head_len - of_head, .iov_len = of_head},
        {.iov_base = (void *)(uintptr_t)(load->options.csr.data + load->options.csr.len - of_csr),
         .iov_len = of_csr},
    };
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent = sendmsg(c->fd, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        return failed(err, "send");
    bool was_stuck = c->sent > 0;
    c->sent += sent > 0 ? (size_t)sent : 0;
    bool is_stuck = c->sent < request_len(load, c);
    if (!was_stuck && !is_stuck)
        return ISCEP_OK;
    struct epoll_event event = {.events = EPOLLIN | (is_stuck ? (uint32_t)EPOLLOUT : 0), .data.ptr = c};
    return epoll_ctl(load->epoll_fd, EPOLL_CTL_MOD, c->fd, &event) == 0 ? ISCEP_OK : failed(err, "epoll");
}

static iscep_status begin(bench_local_load *load, connection *c, iscep_error *err)
{
    load->left--;
    load->in_flight++;
    c->is_waiting = true;
    c->sent = 0;
    c->received = 0;
    c->started_mono_ns = bench_now_mono_ns();
    return send_some(load, c, err);
}

static iscep_status end(bench_local_load *load, connection *c, const iscep_local_reply *reply,
                        iscep_error *err)
{
    int32_t verdict;
    if (!iscep_local_reply_verdict(reply, ISCEP_ASK_VALIDATE, &verdict) || !reply->is_kept)
        return iscep_error_set(err, ISCEP_PROTOCOL, "local",
                               "HTTP %d without a verdict, or the daemon hangs up", reply->status);
    c->is_waiting = false;
    load->in_flight--;
    iscep_bytes code = iscep_bytes_of(reply->code.data, reply->code.len);
    iscep_status status =
        load->watch->on_answer == NULL
            ? ISCEP_OK
            : load->watch->on_answer(load->watch->user, verdict, code, c->started_mono_ns, err);
    return status == ISCEP_OK && load->left > 0 ? begin(load, c, err) : status;
}

static iscep_status receive_some(bench_local_load *load, connection *c, iscep_error *err)
{
    ssize_t got = recv(c->fd, c->reply + c->received, sizeof c->reply - c->received, 0);
    if (got < 0 && errno == EAGAIN)
        return ISCEP_OK;
    if (got <= 0 || !c->is_waiting)
        return iscep_error_set(err, ISCEP_NETWORK, "local",
                               "the daemon cut the connection, or spoke unasked");
    c->received += (size_t)got;
    iscep_local_reply reply;
    switch (iscep_local_reply_parse(c->reply, c->received, &reply)) {
    case ISCEP_LOCAL_WHOLE:
        return end(load, c, &reply, err);
    case ISCEP_LOCAL_PARTIAL:
        return c->received < sizeof c->reply
                   ? ISCEP_OK
                   : iscep_error_set(err, ISCEP_PROTOCOL, "local", "the daemon's reply is too long");
    case ISCEP_LOCAL_INVALID:
        break;
    }
    return iscep_error_set(err, ISCEP_PROTOCOL, "local", "that is no reply of intune-scepd");
}

static iscep_status serve(bench_local_load *load, const struct epoll_event *event, iscep_error *err)
{
    connection *c = event->data.ptr;
    if ((event->events & EPOLLOUT) != 0) {
        iscep_status status = send_some(load, c, err);
        if (status != ISCEP_OK)
            return status;
    }
    return (event->events & ~(uint32_t)EPOLLOUT) != 0 ? receive_some(load, c, err) : ISCEP_OK;
}

static void tick(bench_local_load *load, int64_t *next_mono_ns)
{
    if (load->watch->on_tick == NULL || bench_now_mono_ns() < *next_mono_ns)
        return;
    load->watch->on_tick(load->watch->user);
    *next_mono_ns = bench_now_mono_ns() + TICK_MS * 1000000LL;
}

static bool is_read(const bench_local_load *load, const connection *c)
{
    int unread = 0;
    return c->sent == request_len(load, c) && ioctl(c->fd, SIOCOUTQ, &unread) == 0 && unread == 0;
}

/* The next connection's first request; at the first run it connects, too: a silent connection is not kept for long. */
static iscep_status begin_first(bench_local_load *load, iscep_error *err)
{
    connection *c = &load->connections[load->ramped];
    iscep_status status = load->ramped == load->opened ? connect_one(load, c, err) : ISCEP_OK;
    load->ramped++;
    return status == ISCEP_OK ? begin(load, c, err) : status;
}

/*
 * The first requests begin as fast as the daemon reads them. All at once would sit in the kernel's buffers,
 * where the daemon cannot know that their time is running.
 */
static iscep_status ramp_up(bench_local_load *load, iscep_error *err)
{
    while (load->read < load->ramped && is_read(load, &load->connections[load->read]))
        load->read++;
    iscep_status status = ISCEP_OK;
    while (load->ramped < load->options.connections && load->ramped - load->read < RAMP_WINDOW &&
           load->left > 0 && status == ISCEP_OK)
        status = begin_first(load, err);
    return status;
}

static bool is_ramping(const bench_local_load *load)
{
    return load->read < load->options.connections && (load->left > 0 || load->read < load->ramped);
}

iscep_status bench_local_load_run(bench_local_load *load, uint32_t count, const bench_local_watch *watch,
                                  iscep_error *err)
{
    int64_t next_tick_mono_ns = 0;
    load->watch = watch;
    load->left = count;
    load->ramped = load->read = load->in_flight = 0;
    iscep_status status = ramp_up(load, err);
    while (load->in_flight > 0 && status == ISCEP_OK) {
        struct epoll_event events[MAX_EVENTS];
        int ready = epoll_wait(load->epoll_fd, events, MAX_EVENTS, is_ramping(load) ? RAMP_MS : TICK_MS);
        for (int i = 0; i < ready && status == ISCEP_OK; i++)
            status = serve(load, &events[i], err);
        if (status == ISCEP_OK)
            status = ramp_up(load, err);
        tick(load, &next_tick_mono_ns);
    }
    return status;
}

uint32_t bench_local_load_in_flight(const bench_local_load *load)
{
    return load->in_flight;
}

bool bench_local_load_is_read(const bench_local_load *load)
{
    return load->read == load->options.connections;
}
