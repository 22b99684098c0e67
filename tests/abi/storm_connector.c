/* See storm_connector.h. One poll loop; a reply that is to come later waits on its connection. */
#include "storm_connector.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "storm_question.h"

#define MAX_CONNECTIONS    1024
#define KEPT_BYTES         8192 /* of a request: its head, and the beginning of its body */
#define BACKLOG            512
#define REVOCATION_WAIT_MS 20
#define DER_HEAD_MAX       8

#define MUST(condition) ((condition) ? (void)0 : (perror(#condition), abort()))

typedef struct connection {
    int fd; /* -1: free */
    char kept[KEPT_BYTES + 1];
    size_t kept_len;
    size_t dropped_len;  /* bytes of the body that were read and not kept */
    int64_t reply_at_ms; /* 0: no reply is waiting */
    char reply[1024];
} connection;

typedef struct connector {
    int listener;
    storm_connector_state *state;
    connection connections[MAX_CONNECTIONS];
} connector;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- requests --- */

/* The value of a header field, or "" */
static void copy_field(char *out, size_t out_size, const char *head, const char *name)
{
    const char *line = strstr(head, name);
    const char *value = line == NULL ? "" : line + strlen(name);
    snprintf(out, out_size, "%.*s", (int)strcspn(value, "\r"), value);
}

/* The length of the head with its empty line; 0: it is not all there. */
static size_t head_len_of(const connection *conn)
{
    const char *end = strstr(conn->kept, "\r\n\r\n");
    return end == NULL ? 0 : (size_t)(end - conn->kept) + 4;
}

static bool is_whole(const connection *conn)
{
    const size_t head_len = head_len_of(conn);
    char length[32];
    copy_field(length, sizeof length, conn->kept, "\r\nContent-Length: ");
    return head_len > 0 && conn->kept_len + conn->dropped_len >= head_len + strtoul(length, NULL, 10);
}

/* False: the peer has hung up. */
static bool read_some(connection *conn)
{
    char dropped[16384];
    const bool is_kept = conn->kept_len < KEPT_BYTES;
    char *room = is_kept ? conn->kept + conn->kept_len : dropped;
    const ssize_t got =
        recv(conn->fd, room, is_kept ? KEPT_BYTES - conn->kept_len : sizeof dropped, MSG_DONTWAIT);
    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    if (is_kept) {
        conn->kept_len += (size_t)got;
        conn->kept[conn->kept_len] = '\0';
    } else {
        conn->dropped_len += (size_t)got;
    }
    return true;
}

/* --- replies --- */

static void write_reply(connection *conn, const char *status_line, const char *body)
{
    snprintf(conn->reply, sizeof conn->reply,
             "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s", status_line,
             strlen(body), body);
}

static void write_echo(connection *conn, const char *status_line, const char *verdict, const char *id)
{
    char path[64], body[512];
    snprintf(path, sizeof path, "%.*s", (int)strcspn(conn->kept + strlen("POST "), " "),
             conn->kept + strlen("POST "));
    snprintf(body, sizeof body, "verdict: %s\ncode: %s\nmessage: %s\nrequestId: %s\n", verdict, id, path, id);
    write_reply(conn, status_line, body);
}

/* The body is the question's own: the id is at its beginning. */
static bool has_own_body(const connection *conn, const char *id)
{
    const size_t head_len = head_len_of(conn), id_len = strlen(id);
    const size_t kept_len = conn->kept_len > head_len ? conn->kept_len - head_len : 0;
    const size_t looked_at = kept_len < id_len + DER_HEAD_MAX ? kept_len : id_len + DER_HEAD_MAX;
    return id_len > 0 && memmem(conn->kept + head_len, looked_at, id, id_len) != NULL;
}

/* False: the connection ends, without a reply or with half of one. */
static bool answer_question(connector *self, connection *conn)
{
    char id[STORM_ID_SIZE];
    copy_field(id, sizeof id, conn->kept, "\r\nX-Scep-Transaction-Id: ");
    const storm_fate fate = has_own_body(conn, id) ? storm_fate_of_id(id) : STORM_FATE_COUNT;
    const int delay_ms = fate == STORM_SLOW ? STORM_SLOW_MS : fate == STORM_LATE ? STORM_LATE_MS : 0;
    conn->reply_at_ms = now_ms() + delay_ms;
    switch (fate) {
    case STORM_ALLOW:
    case STORM_SLOW:
    case STORM_LATE:
        atomic_fetch_add(&self->state->allowed, 1);
        write_echo(conn, "200 OK", "allow", id);
        return true;
    case STORM_DENY:
        write_echo(conn, "403 Forbidden", "deny", id);
        return true;
    case STORM_RETRY:
        write_echo(conn, "503 Service Unavailable", "retry", id);
        return true;
    case STORM_CUT:
        write_echo(conn, "200 OK", "allow", id);
        send(conn->fd, conn->reply, strlen(conn->reply) / 2, MSG_NOSIGNAL);
        return false;
    case STORM_GONE:
        return false;
    case STORM_FATE_COUNT:
        break;
    }
    write_echo(conn, "400 Bad Request", "deny", "mixed_up");
    return true;
}

static bool answer_revoker(connector *self, connection *conn)
{
    conn->reply_at_ms = now_ms() + REVOCATION_WAIT_MS;
    if (strncmp(conn->kept, "POST /v1/revocations/result ", 28) == 0) {
        atomic_fetch_add(&self->state->revocation_ends, 1);
        write_reply(conn, "200 OK", "");
        return true;
    }
    char body[256];
    snprintf(body, sizeof body,
             "id: revocation-%lu\nserialNumber: 0A0B\nissuer: CN=CA\nreason: 1\ntimeoutMs: 30000\n",
             atomic_fetch_add(&self->state->revocations, 1));
    write_reply(conn, "200 OK", body);
    return true;
}

static bool answer(connector *self, connection *conn)
{
    if (strncmp(conn->kept, "GET /readyz ", 12) == 0) {
        conn->reply_at_ms = now_ms();
        write_reply(conn, "200 OK", "status: ok\n");
        return true;
    }
    return strncmp(conn->kept, "POST /v1/revocations/", 21) == 0 ? answer_revoker(self, conn)
                                                                 : answer_question(self, conn);
}

/* False: the connection ends. */
static bool send_reply(connection *conn)
{
    const size_t len = strlen(conn->reply);
    conn->reply_at_ms = 0;
    conn->kept_len = conn->dropped_len = 0;
    conn->kept[0] = '\0';
    return send(conn->fd, conn->reply, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* --- the loop --- */

/* False: the connection ends. */
static bool serve(connector *self, connection *conn, bool is_readable)
{
    if (is_readable && !read_some(conn)) {
        return false;
    }
    if (conn->reply_at_ms == 0 && is_whole(conn) && !answer(self, conn)) {
        return false;
    }
    return conn->reply_at_ms == 0 || conn->reply_at_ms > now_ms() || send_reply(conn);
}

static void accept_one(connector *self)
{
    size_t at = 0;
    while (at < MAX_CONNECTIONS && self->connections[at].fd >= 0) {
        at++;
    }
    MUST(at < MAX_CONNECTIONS);
    connection *conn = &self->connections[at];
    conn->fd = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC);
    conn->kept_len = conn->dropped_len = 0;
    conn->kept[0] = '\0';
    conn->reply_at_ms = 0;
}

/* How long nothing is due; -1: until somebody says something. */
static int rest_ms(const connector *self)
{
    int64_t first_ms = INT64_MAX;
    for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
        const connection *conn = &self->connections[i];
        if (conn->fd >= 0 && conn->reply_at_ms != 0 && conn->reply_at_ms < first_ms) {
            first_ms = conn->reply_at_ms;
        }
    }
    const int64_t left_ms = first_ms - now_ms();
    return first_ms == INT64_MAX ? -1 : left_ms < 0 ? 0 : (int)left_ms;
}

static void turn(connector *self)
{
    static struct pollfd watched[MAX_CONNECTIONS + 1];
    for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
        watched[i] = (struct pollfd){.fd = self->connections[i].fd, .events = POLLIN};
    }
    watched[MAX_CONNECTIONS] = (struct pollfd){.fd = self->listener, .events = POLLIN};
    poll(watched, MAX_CONNECTIONS + 1, rest_ms(self));
    for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
        connection *conn = &self->connections[i];
        if (conn->fd >= 0 && !serve(self, conn, watched[i].revents != 0)) {
            close(conn->fd);
            conn->fd = -1;
        }
    }
    if (watched[MAX_CONNECTIONS].revents != 0) {
        accept_one(self);
    }
}

/* The old socket is replaced in one step: nobody finds none. */
static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int len = snprintf(address.sun_path, sizeof address.sun_path, "%s.new", path);
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(len > 0 && (size_t)len < sizeof address.sun_path && listener >= 0);
    unlink(address.sun_path);
    MUST(bind(listener, (const struct sockaddr *)&address, sizeof address) == 0);
    MUST(listen(listener, BACKLOG) == 0 && rename(address.sun_path, path) == 0);
    return listener;
}

_Noreturn void storm_connector_run(const char *path, storm_connector_state *state)
{
    static connector self;
    for (size_t i = 0; i < MAX_CONNECTIONS; i++) {
        self.connections[i].fd = -1;
    }
    self.state = state;
    self.listener = listen_at(path);
    atomic_fetch_add(&state->starts, 1);
    for (;;) {
        turn(&self);
    }
}
