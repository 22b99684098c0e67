/* See relay.h. The messages are those of PostgreSQL's documentation, "Message Formats". */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_LINES = 256, BUFFER_SIZE = 65536, HEAD_SIZE = 5, TYPE_LESS = 4, BACKLOG = 64 };

/* Where in the stream of messages the client is. */
typedef struct reading {
    bool has_begun; /* the first message has no type */
    uint8_t head[HEAD_SIZE];
    size_t head_len;
    uint32_t left; /* of the body */
} reading;

typedef struct line {
    int client;
    int server;
    reading reading;
    bool is_asking; /* the last that passed went to the server */
} line;

struct bench_relay {
    char socket_dir[BENCH_PATH_SIZE];
    struct sockaddr_un own;
    struct sockaddr_un server;
    int listener;
    int stop_fds[2];
    pthread_t thread;
    bool has_thread;
    line lines[MAX_LINES];
    struct pollfd polls[2 + 2 * MAX_LINES];
    uint8_t buffer[BUFFER_SIZE];
    size_t line_count;
    atomic_llong statements;
    atomic_llong round_trips;
};

/* --- counting --- */

static uint32_t length_of(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* A head is whole: what is it, and how long is what follows? A length counts its own four bytes. */
static void take_head(bench_relay *relay, reading *r)
{
    const char type = r->has_begun ? (char)r->head[0] : '\0';
    const uint32_t len = length_of(r->head + (r->has_begun ? 1 : 0));
    r->left = len > 4 ? len - 4 : 0;
    r->head_len = 0;
    r->has_begun = true;
    if (type == 'E' || type == 'Q') /* Execute, and the simple Query */
        atomic_fetch_add(&relay->statements, 1);
}

static void count_statements(bench_relay *relay, reading *r, const uint8_t *data, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t skipped = r->left < len - at ? r->left : len - at;
        r->left -= (uint32_t)skipped;
        at += skipped;
        if (at == len)
            return;
        r->head[r->head_len++] = data[at++];
        if (r->head_len == (size_t)(r->has_begun ? HEAD_SIZE : TYPE_LESS))
            take_head(relay, r);
    }
}

/* --- passing on --- */

static bool send_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        data += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* False: one of the two has gone. */
static bool pass(bench_relay *relay, line *l, bool is_client)
{
    ssize_t len = recv(is_client ? l->client : l->server, relay->buffer, sizeof relay->buffer, 0);
    if (len <= 0)
        return len < 0 && errno == EINTR;
    if (is_client)
        count_statements(relay, &l->reading, relay->buffer, (size_t)len);
    else if (l->is_asking)
        atomic_fetch_add(&relay->round_trips, 1);
    l->is_asking = is_client;
    return send_all(is_client ? l->server : l->client, relay->buffer, (size_t)len);
}

static int connect_to(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void close_line(line *l)
{
    close(l->client);
    close(l->server);
}

static void add_line(bench_relay *relay)
{
    line l = {.client = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC), .server = -1};
    if (l.client < 0)
        return;
    l.server = relay->line_count < MAX_LINES ? connect_to(&relay->server) : -1;
    if (l.server >= 0)
        relay->lines[relay->line_count++] = l;
    else
        close(l.client);
}

/* The last takes its place, and has its turn in the next round. */
static void drop_line(bench_relay *relay, size_t at)
{
    close_line(&relay->lines[at]);
    relay->lines[at] = relay->lines[--relay->line_count];
}

static size_t fill_polls(bench_relay *relay)
{
    struct pollfd *polls = relay->polls;
    size_t count = 0;
    polls[count++] = (struct pollfd){.fd = relay->stop_fds[0], .events = POLLIN};
    polls[count++] = (struct pollfd){.fd = relay->listener, .events = POLLIN};
    for (size_t i = 0; i < relay->line_count; i++) {
        polls[count++] = (struct pollfd){.fd = relay->lines[i].client, .events = POLLIN};
        polls[count++] = (struct pollfd){.fd = relay->lines[i].server, .events = POLLIN};
    }
    return count;
}

/* From the last to the first, so that one that takes another's place has been served. */
static void serve(bench_relay *relay)
{
    const struct pollfd *polls = relay->polls;
    for (size_t i = relay->line_count; i-- > 0;) {
        const struct pollfd *both = &polls[2 + 2 * i];
        bool is_open = both[0].revents == 0 || pass(relay, &relay->lines[i], true);
        if (is_open && both[1].revents != 0)
            is_open = pass(relay, &relay->lines[i], false);
        if (!is_open)
            drop_line(relay, i);
    }
    if (polls[1].revents != 0)
        add_line(relay);
}

static void *work(void *user)
{
    bench_relay *relay = user;
    for (;;) {
        size_t count = fill_polls(relay);
        if (poll(relay->polls, count, -1) < 0 && errno != EINTR)
            return NULL;
        if (relay->polls[0].revents != 0)
            return NULL;
        serve(relay);
    }
}

/* --- beginning and end --- */

static bool name_socket(struct sockaddr_un *out, const char *dir, unsigned port)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    int len = snprintf(out->sun_path, sizeof out->sun_path, "%s/.s.PGSQL.%u", dir, port);
    return len > 0 && (size_t)len < sizeof out->sun_path;
}

static bool listen_there(bench_relay *relay)
{
    relay->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return relay->listener >= 0 && (mkdir(relay->socket_dir, 0700) == 0 || errno == EEXIST) &&
           (unlink(relay->own.sun_path) == 0 || errno == ENOENT) &&
           bind(relay->listener, (const struct sockaddr *)&relay->own, sizeof relay->own) == 0 &&
           listen(relay->listener, BACKLOG) == 0;
}

static bool start(bench_relay *relay, const bench_postgres *postgres)
{
    snprintf(relay->socket_dir, sizeof relay->socket_dir, "%.240s-relay", postgres->dir);
    if (!name_socket(&relay->own, relay->socket_dir, postgres->port) ||
        !name_socket(&relay->server, postgres->dir, postgres->port) || !listen_there(relay) ||
        pipe2(relay->stop_fds, O_CLOEXEC) != 0)
        return false;
    relay->has_thread = pthread_create(&relay->thread, NULL, work, relay) == 0;
    return relay->has_thread;
}

iscep_status bench_relay_open(bench_relay **out, const bench_postgres *postgres, iscep_error *err)
{
    bench_relay *relay = calloc(1, sizeof *relay);
    if (relay == NULL)
        return iscep_error_nomem(err);
    relay->listener = relay->stop_fds[0] = relay->stop_fds[1] = -1;
    if (start(relay, postgres)) {
        *out = relay;
        return ISCEP_OK;
    }
    iscep_status status = iscep_error_set(err, ISCEP_NETWORK, "relay", "cannot listen in %s: %s",
                                          relay->socket_dir, strerror(errno));
    bench_relay_close(relay);
    return status;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void bench_relay_close(bench_relay *relay)
{
    if (relay == NULL)
        return;
    close_fd(relay->stop_fds[1]); /* the thread reads an end */
    if (relay->has_thread)
        pthread_join(relay->thread, NULL);
    for (size_t i = 0; i < relay->line_count; i++)
        close_line(&relay->lines[i]);
    close_fd(relay->stop_fds[0]);
    close_fd(relay->listener);
    free(relay);
}

const char *bench_relay_socket_dir(const bench_relay *relay)
{
    return relay->socket_dir;
}

bench_relay_counts bench_relay_count(const bench_relay *relay)
{
    return (bench_relay_counts){.statements = atomic_load(&relay->statements),
                                .round_trips = atomic_load(&relay->round_trips)};
}
