/*
 * Connections go from the thread that accepts them to those that serve them, and requests from there to a thread that
 * answers them: under clients who hang up at any moment, and servers that end while answers are on their way. Whoever is
 * answered is answered whole; in the end nothing is counted as under way.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "expect.h"
#include "net/http_server.h"
#include "net/limiter.h"
#include "net/listener.h"

enum { RUNNERS = 2, CLIENTS = 4, ROUNDS = 300, MAX_LATE = 64, SERVER_LIFE = 40, MAX_IN_FLIGHT = 1000 };

#define ANSWER "answered by the keeper"

static iscep_env env;
static iscep_limiter *limiter;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static atomic_uint whole_answers;

/* --- the keeper: accepts, and answers what it is lent --- */

typedef struct keeper {
    iscep_loop *loop;
    pthread_t thread;
    iscep_listener *listener;
    unsigned accepted;
    iscep_exchange *late[MAX_LATE];
    unsigned late_count;
} keeper;

static keeper the_keeper;

static void answer(iscep_exchange *exchange)
{
    iscep_exchange_reply(exchange, &(iscep_reply){.status = 200, .body = iscep_bytes_of_text(ANSWER)});
}

static void answer_gone(iscep_exchange *exchange, void *user)
{
    (void)user;
    expect(iscep_exchange_is_gone(exchange), "who is said to be gone is gone");
    answer(exchange);
}

static void answer_late(void *user)
{
    keeper *k = user;
    while (k->late_count > 0)
        answer(k->late[--k->late_count]);
}

static void on_lent(iscep_exchange *exchange, void *user)
{
    keeper *k = user;
    const char *path = iscep_exchange_path(exchange);
    const bool is_late = strcmp(path, "/late") == 0;
    uint32_t uid;
    expect(iscep_exchange_peer_uid(exchange, &uid) && uid == geteuid(), "the caller's uid");
    if (strcmp(path, "/gone") == 0)
        iscep_exchange_on_gone(exchange, answer_gone, NULL);
    else if (is_late && k->late_count < MAX_LATE)
        k->late[k->late_count++] = exchange;
    else
        answer(exchange);
    if (!is_late)
        answer_late(k);
}

/* --- a runner: serves connections, and lends what they ask --- */

typedef struct runner {
    iscep_loop *loop;
    pthread_t thread;
    iscep_http_server *server;
    unsigned adopted;
} runner;

static runner runners[RUNNERS];

static void lend(iscep_exchange *exchange, void *user)
{
    (void)user;
    expect_ok(iscep_exchange_lend(exchange, the_keeper.loop, on_lent, &the_keeper, NULL), "lending", NULL);
}

static void renew_server(runner *r)
{
    iscep_http_server_options options = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    options.limiter = limiter;
    iscep_http_server_free(r->server);
    expect_ok(iscep_http_server_new(&r->server, &env, r->loop, &options, lend, NULL, NULL), "a server", NULL);
}

typedef struct handed {
    runner *to;
    int fd;
} handed;

static void adopt(void *user)
{
    handed *h = user;
    if (++h->to->adopted % SERVER_LIFE == 0)
        renew_server(h->to);
    iscep_http_server_adopt(h->to->server, h->fd, NULL, 1);
    free(h);
}

static void on_accept(void *user, int fd)
{
    keeper *k = user;
    handed *h = malloc(sizeof *h);
    expect(h != NULL, "memory");
    *h = (handed){.to = &runners[k->accepted++ % RUNNERS], .fd = fd};
    expect_ok(iscep_loop_post(h->to->loop, adopt, h, NULL), "posting", NULL);
}

static void *run(void *user)
{
    iscep_loop_run(user);
    return NULL;
}

/* --- clients --- */

static int dial(void)
{
    const struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect(fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0, "a connection");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

/* A server that ends closes its connections; half an answer, or none in time, is a fault. */
static void read_answer(int fd)
{
    char reply[1024] = "";
    size_t len = 0;
    for (ssize_t got = 1; got > 0 && strstr(reply, ANSWER) == NULL; len += got > 0 ? (size_t)got : 0) {
        got = recv(fd, reply + len, sizeof reply - 1 - len, 0);
        expect(got >= 0 || errno == ECONNRESET, "an answer or an end, in time");
    }
    if (len == 0)
        return;
    expect(strncmp(reply, "HTTP/1.1 200 OK\r\n", 17) == 0 && strstr(reply, ANSWER) != NULL, "a whole answer");
    whole_answers++;
}

static void *be_client(void *user)
{
    static const char *const requests[] = {"GET /at-once HTTP/1.1\r\nHost: x\r\n\r\n",
                                           "GET /late HTTP/1.1\r\nHost: x\r\n\r\n",
                                           "GET /gone HTTP/1.1\r\nHost: x\r\n\r\n"};
    for (unsigned i = 0; i < ROUNDS; i++) {
        const char *request = requests[i % 3];
        int fd = dial();
        (void)!send(fd, request, strlen(request), MSG_NOSIGNAL);
        if (i % 3 == 0)
            read_answer(fd);
        close(fd);
    }
    return user;
}

/* --- beginning and end --- */

static void start(void)
{
    iscep_listen_options at = ISCEP_LISTEN_OPTIONS_INIT;
    at.unix_path = address.sun_path;
    expect_ok(iscep_loop_new(&the_keeper.loop, NULL), "a loop", NULL);
    expect_ok(
        iscep_listener_open(&the_keeper.listener, &env, the_keeper.loop, &at, on_accept, &the_keeper, NULL),
        "a listener", NULL);
    for (unsigned i = 0; i < RUNNERS; i++) {
        expect_ok(iscep_loop_new(&runners[i].loop, NULL), "a loop", NULL);
        renew_server(&runners[i]);
        expect(pthread_create(&runners[i].thread, NULL, run, runners[i].loop) == 0, "a thread");
    }
    expect(pthread_create(&the_keeper.thread, NULL, run, the_keeper.loop) == 0, "a thread");
}

static void be_clients(void)
{
    pthread_t clients[CLIENTS];
    for (unsigned i = 0; i < CLIENTS; i++)
        expect(pthread_create(&clients[i], NULL, be_client, NULL) == 0, "a thread");
    for (unsigned i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);
}

/* On the keeper's thread: what has been accepted has been handed over. */
static void stop_runners(void *user)
{
    keeper *k = user;
    iscep_listener_close(k->listener);
    for (unsigned i = 0; i < RUNNERS; i++)
        iscep_loop_stop(runners[i].loop);
}

/* The lenders first, so that the keeper's answers come too late; then the keeper, who has still been told of all of them. */
static void end(void)
{
    expect_ok(iscep_loop_post(the_keeper.loop, stop_runners, &the_keeper, NULL), "posting", NULL);
    for (unsigned i = 0; i < RUNNERS; i++) {
        pthread_join(runners[i].thread, NULL);
        iscep_http_server_free(runners[i].server);
        iscep_loop_free(runners[i].loop);
    }
    expect_ok(iscep_loop_post(the_keeper.loop, answer_late, &the_keeper, NULL), "posting", NULL);
    iscep_loop_stop(the_keeper.loop);
    pthread_join(the_keeper.thread, NULL);
    iscep_loop_free(the_keeper.loop);
}

static void expect_nothing_under_way(void)
{
    iscep_client_id id = {.text = "192.0.2.1"};
    int32_t retry_after_s;
    for (unsigned i = 0; i < MAX_IN_FLIGHT; i++) {
        expect(iscep_limiter_connect(limiter, &id) == NULL, "no connection is left");
        expect(iscep_limiter_begin(limiter, &id, &retry_after_s) == NULL, "no request is left");
    }
}

int main(void)
{
    char directory[] = "/tmp/threads-lend-XXXXXX";
    const iscep_limits limits = {.max_connections = MAX_IN_FLIGHT, .max_in_flight = MAX_IN_FLIGHT};
    signal(SIGPIPE, SIG_IGN);
    env = iscep_env_system(NULL);
    expect(mkdtemp(directory) != NULL, "a directory");
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", directory);
    expect_ok(iscep_limiter_new(&limiter, &env, &limits, NULL), "a limiter", NULL);
    start();
    be_clients();
    end();
    expect_nothing_under_way();
    iscep_limiter_free(limiter);
    rmdir(directory);
    expect(whole_answers > CLIENTS * ROUNDS / 6, "most who waited were answered");
    printf("threads_lend: %u whole answers\n", (unsigned)whole_answers);
    return 0;
}
