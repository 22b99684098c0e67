/* See wire.h. */
#include "tests/support/wire.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_PAIRS = 64, CHUNK = 65536 };

typedef struct pair {
    int client; /* -1: the place is free */
    int server;
    bool is_lost;      /* what is answered */
    bool has_enrolled; /* or whatever it is that must have been written before it is lost */
    char commit[16];   /* the name under which COMMIT was prepared */
} pair;

struct wire {
    pthread_t thread;
    int listener;
    int control[2]; /* a byte is a new state, and is sent back when it is in force; 0 is the end */
    uint16_t port;
    char path[108];
    wire_state state;
    pair pairs[MAX_PAIRS];
};

static void must(bool is_so, const char *what)
{
    if (is_so)
        return;
    perror(what);
    abort();
}

static void drop(pair *p)
{
    close(p->client);
    close(p->server);
    p->client = -1;
}

static int connect_on(const wire *w)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    memcpy(to.sun_path, w->path, sizeof to.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0, "socket");
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

static void let_in(wire *w)
{
    int client = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC), server = -1;
    if (client < 0)
        return;
    if (w->state != WIRE_CUT)
        server = connect_on(w);
    for (size_t i = 0; i < MAX_PAIRS && server >= 0; i++)
        if (w->pairs[i].client < 0) {
            w->pairs[i] = (pair){.client = client, .server = server};
            return;
        }
    close(client);
    if (server >= 0)
        close(server);
}

/* With its NUL: a whole statement, as it is sent on a connection the first time, behind the name that it will be called by. */
static void learn_commit(pair *p, const char *bytes, size_t len)
{
    static const char commit[] = "\0COMMIT";
    const char *at = memmem(bytes, len, commit, sizeof commit), *name = at;
    if (at == NULL)
        return;
    while (name > bytes && isalnum((unsigned char)name[-1]))
        name--;
    snprintf(p->commit, sizeof p->commit, "%.*s", (int)(at - name), name);
}

/* "B", the length, the portal (none), the statement, each with its NUL. */
static bool is_committing(const pair *p, const char *bytes, size_t len)
{
    char bound[sizeof p->commit + 1] = "";
    memcpy(bound + 1, p->commit, sizeof p->commit);
    return p->commit[0] != '\0' && memmem(bytes, len, bound, strlen(p->commit) + 2) != NULL;
}

static void listen_to(const wire *w, pair *p, const char *bytes, size_t len)
{
    static const char enrol[] = "INSERT INTO enrolment";
    learn_commit(p, bytes, len);
    p->has_enrolled =
        p->has_enrolled || w->state == WIRE_DEAF || memmem(bytes, len, enrol, sizeof enrol - 1) != NULL;
    p->is_lost = p->is_lost || (p->has_enrolled && is_committing(p, bytes, len));
}

/* False: it has ended. */
static bool ask(const wire *w, pair *p)
{
    char bytes[CHUNK];
    ssize_t len = recv(p->client, bytes, sizeof bytes, 0);
    if (len > 0 && (w->state == WIRE_DEAF || w->state == WIRE_DEAF_TO_ENROLMENTS))
        listen_to(w, p, bytes, (size_t)len);
    return len > 0 && send(p->server, bytes, (size_t)len, MSG_NOSIGNAL) == len;
}

static bool answer(const pair *p)
{
    char bytes[CHUNK];
    ssize_t len = recv(p->server, bytes, sizeof bytes, 0);
    return len > 0 && (p->is_lost || send(p->client, bytes, (size_t)len, MSG_NOSIGNAL) == len);
}

/* False: the end. */
static bool obey(wire *w)
{
    char state = 0;
    must(read(w->control[0], &state, 1) == 1, "read");
    w->state = (wire_state)state;
    for (size_t i = 0; i < MAX_PAIRS; i++)
        if (w->pairs[i].client >= 0 && (w->state == WIRE_CUT || w->state == WIRE_DEAF ||
                                        w->state == WIRE_DEAF_TO_ENROLMENTS || state == 0))
            drop(&w->pairs[i]);
    must(write(w->control[0], &state, 1) == 1, "write");
    return state != 0;
}

static void move_bytes(wire *w, const struct pollfd *polled)
{
    for (size_t i = 0; i < MAX_PAIRS; i++) {
        pair *p = &w->pairs[i];
        bool is_over = false;
        if (p->client < 0)
            continue;
        if (polled[2 * i].revents != 0)
            is_over = !ask(w, p);
        if (polled[2 * i + 1].revents != 0 && !is_over)
            is_over = !answer(p);
        if (is_over)
            drop(p);
    }
}

static void *run(void *user)
{
    wire *w = user;
    struct pollfd polled[2 * MAX_PAIRS + 2];
    struct pollfd *control = &polled[2 * MAX_PAIRS], *listener = control + 1;
    for (;;) {
        for (size_t i = 0; i < MAX_PAIRS; i++) {
            int is_open = w->pairs[i].client >= 0 && w->state != WIRE_HUNG;
            polled[2 * i] = (struct pollfd){.fd = is_open ? w->pairs[i].client : -1, .events = POLLIN};
            polled[2 * i + 1] = (struct pollfd){.fd = is_open ? w->pairs[i].server : -1, .events = POLLIN};
        }
        *control = (struct pollfd){.fd = w->control[0], .events = POLLIN};
        *listener = (struct pollfd){.fd = w->listener, .events = POLLIN};
        must(poll(polled, 2 * MAX_PAIRS + 2, -1) > 0, "poll");
        move_bytes(w, polled);
        if (listener->revents != 0)
            let_in(w);
        if (control->revents != 0 && !obey(w))
            return NULL;
    }
}

wire *wire_open(const char *socket_path)
{
    wire *w = calloc(1, sizeof *w);
    must(w != NULL, "calloc");
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    must(snprintf(w->path, sizeof w->path, "%s", socket_path) < (int)sizeof w->path, "path");
    for (size_t i = 0; i < MAX_PAIRS; i++)
        w->pairs[i].client = -1;
    w->state = WIRE_WHOLE;
    w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(w->listener >= 0 && bind(w->listener, (const struct sockaddr *)&at, len) == 0 &&
             listen(w->listener, MAX_PAIRS) == 0 &&
             getsockname(w->listener, (struct sockaddr *)&at, &len) == 0,
         "listen");
    w->port = ntohs(at.sin_port);
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, w->control) == 0, "socketpair");
    must(pthread_create(&w->thread, NULL, run, w) == 0, "pthread_create");
    return w;
}

uint16_t wire_port(const wire *w)
{
    return w->port;
}

static void tell(wire *w, char state)
{
    must(write(w->control[1], &state, 1) == 1 && read(w->control[1], &state, 1) == 1, "control");
}

void wire_set(wire *w, wire_state state)
{
    tell(w, (char)state);
}

void wire_close(wire *w)
{
    tell(w, 0);
    must(pthread_join(w->thread, NULL) == 0, "pthread_join");
    close(w->listener);
    close(w->control[0]);
    close(w->control[1]);
    free(w);
}
