/* Listening and accepting: see listener.h. libevent's own listener spins when descriptors run out; this one pauses. */
#include "net/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,
    MAX_ACCEPTS_A_TURN = 64, /* then those who are in have their turn */
    PAUSE_MS = 100,          /* when nobody can be accepted: until somebody may have left */
    LOG_EVERY_MS = 1000,
};

struct iscep_listener {
    const iscep_env *env;
    int fd;
    struct event *readable;
    iscep_timer *pause;
    iscep_accept_fn on_accept;
    void *user;
    uint16_t port;
    char *unix_path; /* of the socket file that we made; NULL: there is none */
    dev_t device;    /* which it is, so that we remove no other */
    ino_t inode;
    int64_t logged_mono_ms;
};

/* --- accepting --- */

static void resume(void *user)
{
    iscep_listener *listener = user;
    event_add(listener->readable, NULL);
}

/* Descriptors or memory have run out, and who waits keeps the socket readable. */
static void pause_accepting(iscep_listener *listener, int why)
{
    int64_t now_ms = iscep_now_mono_ms(listener->env);
    if (listener->logged_mono_ms == 0 || now_ms - listener->logged_mono_ms >= LOG_EVERY_MS) {
        listener->logged_mono_ms = now_ms;
        iscep_log_event(listener->env->log, ISCEP_LOG_ERROR, "accept_failed",
                        ISCEP_LOG_TEXT("reason", strerror(why)));
    }
    event_del(listener->readable);
    iscep_timer_arm(listener->pause, PAUSE_MS);
}

static void accept_some(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    iscep_listener *listener = user;
    for (unsigned i = 0; i < MAX_ACCEPTS_A_TURN; i++) {
        int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            listener->on_accept(listener->user, accepted);
            continue;
        }
        bool is_his_affair = errno == ECONNABORTED || errno == EINTR || errno == EPROTO || errno == EPERM;
        if (!is_his_affair && errno != EAGAIN)
            pause_accepting(listener, errno);
        if (!is_his_affair)
            return;
    }
}

/* --- TCP --- */

static int bind_first(const struct addrinfo *addresses)
{
    for (const struct addrinfo *at = addresses; at != NULL; at = at->ai_next) {
        int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int one = 1;
        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(fd, at->ai_addr, at->ai_addrlen) == 0)
            return fd;
        int bind_errno = errno;
        close(fd);
        errno = bind_errno;
    }
    return -1;
}

static iscep_status bind_tcp(int *out, const char *host, uint16_t port, iscep_error *err)
{
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *addresses = NULL;
    int result = getaddrinfo(host, service, &hints, &addresses);
    if (result != 0)
        return iscep_error_set(err, ISCEP_CONFIG, "listen", "cannot listen on %s: %s", host,
                               gai_strerror(result));
    *out = bind_first(addresses);
    int bind_errno = errno;
    freeaddrinfo(addresses);
    if (*out < 0)
        return iscep_error_set(err, ISCEP_CONFIG, "listen", "cannot listen on %s port %u: %s", host, port,
                               strerror(bind_errno));
    return ISCEP_OK;
}

static uint16_t port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {0};
    socklen_t len = sizeof address;
    if (getsockname(fd, &address.any, &len) != 0)
        return 0;
    if (address.any.sa_family == AF_INET6)
        return ntohs(address.v6.sin6_port);
    return address.any.sa_family == AF_INET ? ntohs(address.v4.sin_port) : 0;
}

/* --- a Unix socket --- */

/* A socket file that nobody answers is a leftover of a killed process; one whose queue is full (EAGAIN) is not. */
static bool is_dead_socket(const struct sockaddr_un *address)
{
    struct stat st;
    if (lstat(address->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_dead = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
                   errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return is_dead;
}

/* The socket's own mode is what bind gives the file, less the umask: never more than mode, not even for a moment. */
static bool bind_file(int fd, const struct sockaddr_un *address, uint32_t mode)
{
    return fchmod(fd, (mode_t)mode) == 0 && bind(fd, (const struct sockaddr *)address, sizeof *address) == 0;
}

/* Before anybody can connect: nobody listens yet. */
static bool hand_file_over(const iscep_listen_options *options)
{
    const bool has_owner = options->unix_uid != (uid_t)-1 || options->unix_gid != (gid_t)-1;
    return (!has_owner || lchown(options->unix_path, options->unix_uid, options->unix_gid) == 0) &&
           chmod(options->unix_path, (mode_t)options->unix_mode) == 0;
}

/* What errno says of a socket file that could not be made. */
static iscep_status refuse_path(const char *path, iscep_error *err)
{
    const char *advice = "";
    if (errno == ENOENT)
        advice = "; make its directory first";
    else if (errno == EADDRINUSE)
        advice = "; another process listens there, or the file is no socket";
    return iscep_error_set(err, ISCEP_CONFIG, "listen", "cannot listen on %s: %s%s", path, strerror(errno),
                           advice);
}

/* An abstract address (unix(7)): the leading @ stands for a NUL, there is no file, and whoever knows it may connect. */
static iscep_status bind_abstract(int fd, struct sockaddr_un *address, const char *path, iscep_error *err)
{
    address->sun_path[0] = '\0';
    const socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    return bind(fd, (const struct sockaddr *)address, len) == 0 ? ISCEP_OK : refuse_path(path, err);
}

static iscep_status bind_unix(iscep_listener *listener, const iscep_listen_options *options, iscep_error *err)
{
    const char *path = options->unix_path;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return iscep_error_set(err, ISCEP_CONFIG, "listen", "the socket path %s is longer than %zu bytes",
                               path, sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0)
        return iscep_error_set(err, ISCEP_CONFIG, "listen", "cannot make a socket: %s", strerror(errno));
    if (path[0] == '@')
        return bind_abstract(listener->fd, &address, path, err);
    if (is_dead_socket(&address))
        unlink(path);
    struct stat st;
    if (!bind_file(listener->fd, &address, options->unix_mode) || lstat(path, &st) != 0)
        return refuse_path(path, err);
    listener->device = st.st_dev;
    listener->inode = st.st_ino;
    listener->unix_path = strdup(path);
    if (listener->unix_path == NULL) {
        unlink(path);
        return iscep_error_nomem(err);
    }
    return hand_file_over(options) ? ISCEP_OK : refuse_path(path, err);
}

static void remove_file(const iscep_listener *listener)
{
    struct stat st;
    if (listener->unix_path != NULL && lstat(listener->unix_path, &st) == 0 &&
        st.st_dev == listener->device && st.st_ino == listener->inode)
        unlink(listener->unix_path);
}

/* --- a socket from elsewhere --- */

static iscep_status check_inherited(int fd, iscep_error *err)
{
    int is_listening = 0, type = 0;
    socklen_t len = sizeof(int);
    bool is_right = getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &len) == 0 &&
                    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && is_listening != 0 &&
                    type == SOCK_STREAM;
    if (!is_right)
        return iscep_error_set(err, ISCEP_CONFIG, "listen",
                               "descriptor %d is no stream socket that is listened on", fd);
    if (evutil_make_socket_nonblocking(fd) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return iscep_error_set(err, ISCEP_CONFIG, "listen", "descriptor %d: %s", fd, strerror(errno));
    return ISCEP_OK;
}

/* --- opening and closing --- */

static iscep_status make_socket(iscep_listener *listener, const iscep_listen_options *options,
                                iscep_error *err)
{
    if (options->fd >= 0)
        return check_inherited(options->fd, err);
    iscep_status status = options->unix_path != NULL
                              ? bind_unix(listener, options, err)
                              : bind_tcp(&listener->fd, options->host, options->port, err);
    if (status == ISCEP_OK && listen(listener->fd, BACKLOG) != 0)
        return iscep_error_set(err, ISCEP_CONFIG, "listen", "cannot listen: %s", strerror(errno));
    return status;
}

static iscep_status watch(iscep_listener *listener, iscep_loop *loop, iscep_error *err)
{
    listener->readable =
        event_new(iscep_loop_base(loop), listener->fd, EV_READ | EV_PERSIST, accept_some, listener);
    if (listener->readable == NULL || event_add(listener->readable, NULL) != 0)
        return iscep_error_nomem(err);
    return iscep_timer_new(&listener->pause, loop, resume, listener, err);
}

iscep_status iscep_listener_open(iscep_listener **out, const iscep_env *env, iscep_loop *loop,
                                 const iscep_listen_options *options, iscep_accept_fn on_accept, void *user,
                                 iscep_error *err)
{
    iscep_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        if (options->fd >= 0)
            close(options->fd);
        return iscep_error_nomem(err);
    }
    *listener = (iscep_listener){.env = env, .fd = options->fd, .on_accept = on_accept, .user = user};
    iscep_status status = make_socket(listener, options, err);
    if (status == ISCEP_OK)
        status = watch(listener, loop, err);
    if (status != ISCEP_OK) {
        iscep_listener_close(listener);
        return status;
    }
    listener->port = port_of(listener->fd);
    *out = listener;
    return ISCEP_OK;
}

int iscep_listener_fd(const iscep_listener *listener)
{
    return listener->fd;
}

uint16_t iscep_listener_port(const iscep_listener *listener)
{
    return listener->port;
}

void iscep_listener_close(iscep_listener *listener)
{
    if (listener == NULL)
        return;
    remove_file(listener);
    if (listener->readable != NULL)
        event_free(listener->readable);
    iscep_timer_free(listener->pause);
    if (listener->fd >= 0)
        close(listener->fd);
    free(listener->unix_path);
    free(listener);
}
