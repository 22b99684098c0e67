/* Options, doors, listeners of its own, and an orderly end: see http_server.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/metrics.h"
#include "net/http_server_internal.h"
#include "net/listener.h"

/* For who has one server and one thread: what it accepts is served here, at door 0. */
struct iscep_own_listener {
    struct iscep_own_listener *next;
    iscep_http_server *server;
    iscep_listener *listener;
    SSL_CTX *tls;
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
    LIST_INIT(&server->doors);
    TAILQ_INIT(&server->resting);
    TAILQ_INIT(&server->moving);
    *out = server;
    return ISCEP_OK;
}

void iscep_http_server_set_options(iscep_http_server *server, const iscep_http_server_options *options)
{
    server->options = *options;
}

uint32_t iscep_http_server_connection_count(const iscep_http_server *server)
{
    return server->connection_count;
}

/* --- doors --- */

static void count_connection(const iscep_http_server *server, const struct iscep_http_door *door, double more)
{
    ISCEP_METRIC_ADD(server->env->metrics, ISCEP_METRIC_CONNECTIONS, more, door->name);
}

static struct iscep_http_door *add_door(iscep_http_server *server, uint32_t number)
{
    struct iscep_http_door *door = calloc(1, sizeof *door);
    if (door == NULL)
        return NULL;
    door->number = number;
    if (server->options.door_name != NULL)
        snprintf(door->name, sizeof door->name, "%s", server->options.door_name(number, server->user));
    LIST_INSERT_HEAD(&server->doors, door, link);
    return door;
}

struct iscep_http_door *iscep_http_door_enter(iscep_http_server *server, uint32_t number)
{
    struct iscep_http_door *door;
    LIST_FOREACH(door, &server->doors, link)
    if (door->number == number)
        break;
    if (door == NULL)
        door = add_door(server, number);
    if (door == NULL)
        return NULL;
    door->connection_count++;
    count_connection(server, door, 1);
    return door;
}

void iscep_http_door_leave(iscep_http_server *server, struct iscep_http_door *door)
{
    door->connection_count--;
    count_connection(server, door, -1);
    if (door->connection_count > 0)
        return;
    LIST_REMOVE(door, link);
    free(door);
}

void iscep_http_server_close_door(iscep_http_server *server, uint32_t door)
{
    iscep_http_connection *next;
    for (iscep_http_connection *at = LIST_FIRST(&server->connections); at != NULL; at = next) {
        next = LIST_NEXT(at, link);
        if (at->peer.door == door)
            iscep_http_connection_leave(at);
    }
}

/* --- who comes in --- */

void iscep_http_server_adopt(iscep_http_server *server, int fd, SSL_CTX *tls, uint32_t door)
{
    if (server->is_draining) {
        close(fd);
        return;
    }
    iscep_http_connection *connection = iscep_http_connection_new(server, fd, tls, door);
    if (connection != NULL && iscep_http_admit_connection(connection))
        iscep_http_connection_start(connection);
}

static void on_accept(void *user, int fd)
{
    const struct iscep_own_listener *own = user;
    iscep_http_server_adopt(own->server, fd, own->tls, 0);
}

static iscep_status listen_at(iscep_http_server *server, const iscep_listen_options *options, SSL_CTX *tls,
                              uint16_t *bound_port, iscep_error *err)
{
    struct iscep_own_listener *own = calloc(1, sizeof *own);
    if (own == NULL)
        return iscep_error_nomem(err);
    own->server = server;
    own->tls = tls;
    iscep_status status =
        iscep_listener_open(&own->listener, server->env, server->loop, options, on_accept, own, err);
    if (status != ISCEP_OK) {
        free(own);
        return status;
    }
    own->next = server->listeners;
    server->listeners = own;
    if (bound_port != NULL)
        *bound_port = iscep_listener_port(own->listener);
    return ISCEP_OK;
}

iscep_status iscep_http_server_listen_unix(iscep_http_server *server, const char *path, uint32_t mode,
                                           iscep_error *err)
{
    iscep_listen_options options = ISCEP_LISTEN_OPTIONS_INIT;
    options.unix_path = path;
    options.unix_mode = mode;
    return listen_at(server, &options, NULL, NULL, err);
}

iscep_status iscep_http_server_listen_tcp(iscep_http_server *server, const char *host, uint16_t port,
                                          SSL_CTX *tls, uint16_t *bound_port, iscep_error *err)
{
    iscep_listen_options options = ISCEP_LISTEN_OPTIONS_INIT;
    options.host = host;
    options.port = port;
    return listen_at(server, &options, tls, bound_port, err);
}

static void close_listeners(iscep_http_server *server)
{
    while (server->listeners != NULL) {
        struct iscep_own_listener *own = server->listeners;
        server->listeners = own->next;
        iscep_listener_close(own->listener);
        free(own);
    }
}

/* --- the end --- */

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
    for (iscep_http_connection *at = LIST_FIRST(&server->connections); at != NULL; at = next) {
        next = LIST_NEXT(at, link);
        iscep_http_connection_leave(at);
    }
    tell_when_drained(server);
}

void iscep_http_server_forget(iscep_http_server *server)
{
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
