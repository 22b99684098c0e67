/* Listeners, the limit on connections, and an orderly end: see http_server.h. */
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/http_server_internal.h"

enum { BACKLOG = 4096 };

struct iscep_listener {
    struct iscep_listener *next;
    iscep_http_server *server;
    struct evconnlistener *listener;
    SSL_CTX *tls;
    char *unix_path; /* NULL for TCP */
    dev_t device;    /* of the socket file we made, so that we remove no other */
    ino_t inode;
};

iscep_status iscep_http_server_new(iscep_http_server **out, const iscep_env *env, iscep_loop *loop,
                                   const iscep_http_server_options *options, iscep_http_handler handler,
                                   void *user, iscep_error *err)
{
    iscep_http_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return iscep_error_nomem(err);
    *server =
        (iscep_http_server){.env = env, .loop = loop, .options = *options, .handler = handler, .user = user};
    LIST_INIT(&server->connections);
    http_parser_set_max_header_size((uint32_t)options->max_header_len);
    *out = server;
    return ISCEP_OK;
}

/* A full house is answered at once; a TLS client, who could not read this before a handshake, is hung up on.
 */
static void turn_away(evutil_socket_t fd, const SSL_CTX *tls)
{
    static const char reply[] =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 73\r\n"
        "Retry-After: 1\r\nConnection: close\r\n\r\n"
        "{\"error\":{\"code\":\"too_many_connections\",\"message\":\"try again shortly.\"}}\n";
    if (tls == NULL && send(fd, reply, sizeof reply - 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        shutdown(fd, SHUT_WR);
    evutil_closesocket(fd);
}

static void on_accept(struct evconnlistener *evlistener, evutil_socket_t fd, struct sockaddr *address,
                      int len, void *user)
{
    (void)evlistener;
    (void)address;
    (void)len;
    struct iscep_listener *listener = user;
    if (listener->server->connection_count >= listener->server->options.max_connections)
        turn_away(fd, listener->tls);
    else
        iscep_http_connection_open(listener->server, fd, listener->tls);
}

static void on_accept_error(struct evconnlistener *evlistener, void *user)
{
    (void)evlistener;
    const struct iscep_listener *listener = user;
    iscep_log_event(listener->server->env->log, ISCEP_LOG_ERROR, "accept_failed",
                    ISCEP_LOG_TEXT("reason", strerror(errno)));
}

static iscep_status add_listener(iscep_http_server *server, int fd, SSL_CTX *tls, struct iscep_listener **out,
                                 iscep_error *err)
{
    struct iscep_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        close(fd);
        return iscep_error_nomem(err);
    }
    listener->server = server;
    listener->tls = tls;
    evutil_make_socket_nonblocking(fd);
    listener->listener = evconnlistener_new(iscep_loop_base(server->loop), on_accept, listener,
                                            LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
    if (listener->listener == NULL) {
        close(fd);
        free(listener);
        return iscep_error_set(err, ISCEP_CONFIG, "listen", "cannot listen: %s", strerror(errno));
    }
    evconnlistener_set_error_cb(listener->listener, on_accept_error);
    listener->next = server->listeners;
    server->listeners = listener;
    *out = listener;
    return ISCEP_OK;
}

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

iscep_status iscep_http_server_listen_unix(iscep_http_server *server, const char *path, uint32_t mode,
                                           iscep_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return iscep_error_set(err, ISCEP_CONFIG, "listen", "the socket path %s is longer than %zu bytes",
                               path, sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return iscep_error_set(err, ISCEP_CONFIG, "listen", "cannot make a socket: %s", strerror(errno));
    if (is_dead_socket(&address))
        unlink(path);
    mode_t old_umask = umask((mode_t)(0777 & ~mode)); /* never open wider than mode, not even for a moment */
    int bound = bind(fd, (const struct sockaddr *)&address, sizeof address);
    int bind_errno = errno;
    umask(old_umask);
    struct stat st;
    if (bound != 0 || stat(path, &st) != 0) {
        close(fd);
        int why = bound != 0 ? bind_errno : errno;
        return iscep_error_set(err, ISCEP_CONFIG, "listen", "cannot listen on %s: %s%s", path, strerror(why),
                               why == ENOENT ? "; make its directory first"
                               : why == EADDRINUSE
                                   ? "; another process listens there, or the file is no socket"
                                   : "");
    }
    struct iscep_listener *listener = NULL;
    iscep_status status = add_listener(server, fd, NULL, &listener, err);
    if (status != ISCEP_OK)
        return status;
    listener->unix_path = strdup(path);
    listener->device = st.st_dev;
    listener->inode = st.st_ino;
    return ISCEP_OK;
}

static int bind_first(const struct addrinfo *addresses)
{
    for (const struct addrinfo *at = addresses; at != NULL; at = at->ai_next) {
        int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
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

static uint16_t port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {0};
    socklen_t len = sizeof address;
    getsockname(fd, &address.any, &len);
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

iscep_status iscep_http_server_listen_tcp(iscep_http_server *server, const char *host, uint16_t port,
                                          SSL_CTX *tls, uint16_t *bound_port, iscep_error *err)
{
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *addresses = NULL;
    int result = getaddrinfo(host, service, &hints, &addresses);
    if (result != 0)
        return iscep_error_set(err, ISCEP_CONFIG, "listen", "cannot listen on %s: %s", host,
                               gai_strerror(result));
    int fd = bind_first(addresses);
    int bind_errno = errno;
    freeaddrinfo(addresses);
    if (fd < 0)
        return iscep_error_set(err, ISCEP_CONFIG, "listen", "cannot listen on %s port %u: %s", host, port,
                               strerror(bind_errno));
    uint16_t bound = port_of(fd);
    struct iscep_listener *listener = NULL;
    iscep_status status = add_listener(server, fd, tls, &listener, err);
    if (status == ISCEP_OK && bound_port != NULL)
        *bound_port = bound;
    return status;
}

static void close_listeners(iscep_http_server *server)
{
    while (server->listeners != NULL) {
        struct iscep_listener *listener = server->listeners;
        server->listeners = listener->next;
        struct stat st;
        if (listener->unix_path != NULL && stat(listener->unix_path, &st) == 0 &&
            st.st_dev == listener->device && st.st_ino == listener->inode)
            unlink(listener->unix_path);
        evconnlistener_free(listener->listener);
        free(listener->unix_path);
        free(listener);
    }
}

static void on_drained(void *user)
{
    iscep_http_server *server = user;
    server->drained(server->drained_user);
}

static void tell_when_drained(iscep_http_server *server)
{
    if (server->is_draining && server->connection_count == 0 && server->drained_timer != NULL)
        iscep_timer_arm(server->drained_timer, 0); /* not from here: the caller is inside a connection */
}

void iscep_http_server_drain(iscep_http_server *server, iscep_callback drained, void *user)
{
    if (server->is_draining)
        return;
    server->is_draining = true;
    server->drained = drained;
    server->drained_user = user;
    if (iscep_timer_new(&server->drained_timer, server->loop, on_drained, server, NULL) != ISCEP_OK) {
        drained(user); /* no memory to wait with: end now */
        return;
    }
    close_listeners(server);
    iscep_http_connection *next;
    for (iscep_http_connection *connection = LIST_FIRST(&server->connections); connection != NULL;
         connection = next) {
        next = iscep_http_connection_next(connection);
        if (iscep_http_connection_is_idle(connection))
            iscep_http_connection_close(connection, false);
    }
    tell_when_drained(server);
}

void iscep_http_server_forget(iscep_http_server *server, iscep_http_connection *connection)
{
    (void)connection;
    server->connection_count--;
    tell_when_drained(server);
}

void iscep_http_server_free(iscep_http_server *server)
{
    if (server == NULL)
        return;
    close_listeners(server);
    while (!LIST_EMPTY(&server->connections))
        iscep_http_connection_close(LIST_FIRST(&server->connections), false);
    iscep_timer_free(server->drained_timer);
    free(server);
}
