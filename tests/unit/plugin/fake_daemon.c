/* A stand-in for intune-scepd. Its own failures abort: a test must not pass because the stand-in is broken.
 */
#include "fake_daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 512
#define MAX_REMEMBERED  16

#define MUST(condition) ((condition) ? (void)0 : (perror(#condition), abort()))

const char fake_echo[] = "(echo)";

const char *fake_reply(const char *status_line, const char *body)
{
    static char replies[16][1024];
    static unsigned made;
    char *reply = replies[made++ % 16];
    const int len =
        snprintf(reply, sizeof replies[0], FAKE_REPLY("%s", "%zu", "%s"), status_line, strlen(body), body);
    MUST(len > 0 && (size_t)len < sizeof replies[0]);
    return reply;
}

typedef struct connection {
    fake_daemon *daemon;
    size_t index;
    int fd;
    pthread_t thread;
} connection;

struct fake_daemon {
    struct sockaddr_un address;
    const fake_step *steps;
    size_t step_count;
    int listener;
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t has_come;
    connection connections[MAX_CONNECTIONS];
    size_t connection_count;
    fake_request *requests[MAX_REMEMBERED];
    size_t request_count;
};

const char *fake_request_header(const fake_request *request, const char *name)
{
    static __thread char value[4096];
    const size_t name_len = strlen(name);
    for (const char *line = strstr(request->head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        const char *field = line + 2;
        if (strncasecmp(field, name, name_len) == 0 && strncmp(field + name_len, ": ", 2) == 0) {
            const char *start = field + name_len + 2;
            const size_t len = strcspn(start, "\r");
            memcpy(value, start, len);
            value[len] = '\0';
            return value;
        }
    }
    return NULL;
}

/* False when the client has hung up before or within a request. */
static bool read_request(int fd, fake_request *request)
{
    size_t head_len = 0;
    do {
        MUST(head_len < sizeof request->head - 1);
        if (recv(fd, request->head + head_len, 1, 0) != 1) {
            return false;
        }
        request->head[++head_len] = '\0';
    } while (head_len < 4 || strcmp(request->head + head_len - 4, "\r\n\r\n") != 0);
    const char *length = fake_request_header(request, "Content-Length");
    request->body_len = length == NULL ? 0 : strtoul(length, NULL, 10);
    MUST(request->body_len <= sizeof request->body);
    return request->body_len == 0 ||
           recv(fd, request->body, request->body_len, MSG_WAITALL) == (ssize_t)request->body_len;
}

/* Remembers the request, or frees it, and says which step answers it. */
static fake_step note_request(fake_daemon *daemon, fake_request *request)
{
    pthread_mutex_lock(&daemon->lock);
    const size_t index = daemon->request_count++;
    if (index < MAX_REMEMBERED) {
        daemon->requests[index] = request;
    } else {
        free(request);
    }
    pthread_cond_broadcast(&daemon->has_come);
    const fake_step step = daemon->steps[index < daemon->step_count ? index : daemon->step_count - 1];
    pthread_mutex_unlock(&daemon->lock);
    return step;
}

static bool send_text(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

static void send_echo(int fd, const char *transaction_id)
{
    const bool is_allowed = strncmp(transaction_id, "allow", 5) == 0;
    char body[512];
    char reply[1024];
    const int body_len = snprintf(body, sizeof body, "verdict: %s\ncode: Echo\nmessage: %s\n",
                                  is_allowed ? "allow" : "deny", transaction_id);
    snprintf(reply, sizeof reply, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s",
             is_allowed ? "200 OK" : "403 Forbidden", body_len, body);
    send_text(fd, reply);
}

/* False: the connection has had its last request. */
static bool serve_one(connection *conn)
{
    fake_request *request = calloc(1, sizeof *request);
    MUST(request != NULL);
    request->connection = conn->index;
    if (!read_request(conn->fd, request)) {
        free(request);
        return false;
    }
    char transaction_id[512] = "";
    const char *given = fake_request_header(request, "X-Scep-Transaction-Id");
    snprintf(transaction_id, sizeof transaction_id, "%s", given == NULL ? "" : given);
    const fake_step step = note_request(conn->daemon, request);
    if (step.then == FAKE_DEAF) {
        shutdown(conn->fd, SHUT_RD); /* before the reply, so that the next request meets it */
    }
    if (step.reply == fake_echo) {
        send_echo(conn->fd, transaction_id);
    } else if (step.reply != NULL) {
        send_text(conn->fd, step.reply);
    }
    char ignored;
    switch (step.then) {
    case FAKE_KEEP:
        return true;
    case FAKE_DEAF:
        return poll(&(struct pollfd){.fd = conn->fd}, 1, -1) < 0; /* until somebody hangs up */
    case FAKE_HANG:
        return recv(conn->fd, &ignored, 1, 0) > 0;
    case FAKE_ENDLESS:
        while (send_text(conn->fd, "X-Filler: 0123456789\r\n")) {
        }
        return false;
    case FAKE_CLOSE:
        return false;
    }
    return false;
}

/* The descriptor itself is closed by stop, so that its number is not used again meanwhile. */
static void *serve(void *user)
{
    connection *conn = user;
    while (serve_one(conn)) {
    }
    shutdown(conn->fd, SHUT_RDWR);
    return NULL;
}

/* An accept that waits has its descriptor already, which a test that counts descriptors would miss. */
static int accept_next(int listener)
{
    struct pollfd waiting = {.fd = listener, .events = POLLIN};
    MUST(poll(&waiting, 1, -1) == 1);
    return accept(listener, NULL, NULL);
}

static void *accept_all(void *user)
{
    fake_daemon *daemon = user;
    int accepted;
    while ((accepted = accept_next(daemon->listener)) >= 0) {
        const int fd =
            fcntl(accepted, F_DUPFD_CLOEXEC, STDERR_FILENO + 1); /* a test may have closed 0 to 2 */
        MUST(fd >= 0 && close(accepted) == 0);
        pthread_mutex_lock(&daemon->lock);
        MUST(daemon->connection_count < MAX_CONNECTIONS);
        connection *conn = &daemon->connections[daemon->connection_count];
        *conn = (connection){.daemon = daemon, .index = daemon->connection_count, .fd = fd};
        daemon->connection_count++;
        MUST(pthread_create(&conn->thread, NULL, serve, conn) == 0);
        pthread_mutex_unlock(&daemon->lock);
    }
    return NULL;
}

fake_daemon *fake_daemon_start(const char *path, const fake_step *steps, size_t step_count)
{
    fake_daemon *daemon = calloc(1, sizeof *daemon);
    MUST(daemon != NULL && strlen(path) < sizeof daemon->address.sun_path && step_count > 0);
    daemon->address.sun_family = AF_UNIX;
    memcpy(daemon->address.sun_path, path, strlen(path) + 1);
    daemon->steps = steps;
    daemon->step_count = step_count;
    pthread_mutex_init(&daemon->lock, NULL);
    pthread_cond_init(&daemon->has_come, NULL);
    daemon->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(bind(daemon->listener, (struct sockaddr *)&daemon->address, sizeof daemon->address) == 0);
    MUST(listen(daemon->listener, 128) == 0);
    MUST(pthread_create(&daemon->thread, NULL, accept_all, daemon) == 0);
    return daemon;
}

void fake_daemon_stop(fake_daemon *daemon)
{
    unlink(daemon->address.sun_path);
    shutdown(daemon->listener, SHUT_RDWR);
    pthread_join(daemon->thread, NULL);
    close(daemon->listener);
    for (size_t i = 0; i < daemon->connection_count; i++) {
        shutdown(daemon->connections[i].fd, SHUT_RDWR);
        pthread_join(daemon->connections[i].thread, NULL);
        close(daemon->connections[i].fd);
    }
    for (size_t i = 0; i < MAX_REMEMBERED; i++) {
        free(daemon->requests[i]);
    }
    pthread_cond_destroy(&daemon->has_come);
    pthread_mutex_destroy(&daemon->lock);
    free(daemon);
}

size_t fake_daemon_request_count(fake_daemon *daemon)
{
    pthread_mutex_lock(&daemon->lock);
    const size_t count = daemon->request_count;
    pthread_mutex_unlock(&daemon->lock);
    return count;
}

bool fake_daemon_wait(fake_daemon *daemon, size_t count, uint32_t timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000 + 1;
    pthread_mutex_lock(&daemon->lock);
    while (daemon->request_count < count &&
           pthread_cond_timedwait(&daemon->has_come, &daemon->lock, &until) == 0) {
    }
    const bool has_come = daemon->request_count >= count;
    pthread_mutex_unlock(&daemon->lock);
    return has_come;
}

size_t fake_daemon_connection_count(fake_daemon *daemon)
{
    pthread_mutex_lock(&daemon->lock);
    const size_t count = daemon->connection_count;
    pthread_mutex_unlock(&daemon->lock);
    return count;
}

const fake_request *fake_daemon_request(fake_daemon *daemon, size_t index)
{
    pthread_mutex_lock(&daemon->lock);
    MUST(index < daemon->request_count && index < MAX_REMEMBERED);
    const fake_request *request = daemon->requests[index];
    pthread_mutex_unlock(&daemon->lock);
    return request;
}

static int descriptor_of(fake_daemon *daemon, size_t index)
{
    pthread_mutex_lock(&daemon->lock);
    MUST(index < daemon->connection_count);
    const int fd = daemon->connections[index].fd;
    pthread_mutex_unlock(&daemon->lock);
    return fd;
}

void fake_daemon_inject(fake_daemon *daemon, size_t index, const char *bytes)
{
    MUST(send_text(descriptor_of(daemon, index), bytes));
}

void fake_daemon_hang_up(fake_daemon *daemon, size_t index)
{
    shutdown(descriptor_of(daemon, index), SHUT_RDWR);
}
