/*
 * The limits, as the HTTP server keeps them: who may come in, for whom somebody is closed, who is turned away, and which
 * request may begin. The counting is net/limiter.h's, for all servers together.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/metrics.h"
#include "net/http_server_internal.h"

enum {
    MAX_LOOKED_AT = 256, /* of those who rest, to find one of the same client: a newcomer must not be dear */
    SLOW_MS = 1000,      /* a body or a reply that takes longer may be closed for a newcomer */
    LOG_EVERY_MS = 1000, /* how often it is logged that somebody was turned away */
    MAX_DRAINED = 16 * 1024 /* of what was sent by who is turned away */
};

/* --- making room --- */

static iscep_http_connection *find_of_client(const iscep_http_server *server, const iscep_client_id *client)
{
    iscep_http_connection *at = TAILQ_FIRST(&server->resting);
    for (unsigned i = 0; at != NULL && i < MAX_LOOKED_AT; i++, at = TAILQ_NEXT(at, waiting))
        if (memcmp(&at->client, client, sizeof *client) == 0)
            return at;
    return NULL;
}

static iscep_http_connection *find_longest(const iscep_http_server *server)
{
    iscep_http_connection *resting = TAILQ_FIRST(&server->resting), *slow = TAILQ_FIRST(&server->moving);
    if (resting != NULL || slow == NULL)
        return resting;
    return iscep_now_mono_ms(server->env) - slow->since_mono_ms > SLOW_MS ? slow : NULL;
}

static void count_turned_away(const iscep_http_server *server, const struct iscep_http_door *door,
                              const char *why)
{
    ISCEP_METRIC_ADD(server->env->metrics, ISCEP_METRIC_HTTP_TURNED_AWAY, 1, door->name, why);
}

/* false: there is nobody who could go. */
static bool make_room(iscep_http_server *server, const iscep_client_id *client, const char *why)
{
    const bool is_his_own = strcmp(why, "too_many_of_client") == 0;
    iscep_http_connection *goes = is_his_own ? find_of_client(server, client) : find_longest(server);
    if (goes == NULL)
        return false;
    count_turned_away(server, goes->door, "made_room");
    iscep_http_connection_close(goes, false);
    return true;
}

/* --- turning away --- */

/* Once a second: under an attack the log must not be the next thing that is full. */
static void log_turned_away(const iscep_http_connection *connection, const char *why)
{
    iscep_http_server *server = connection->server;
    int64_t now_ms = iscep_now_mono_ms(server->env);
    server->turned_away_count++;
    if (server->turned_away_mono_ms != 0 && now_ms - server->turned_away_mono_ms < LOG_EVERY_MS)
        return;
    iscep_log_event(server->env->log, ISCEP_LOG_WARN, "turned_away",
                    ISCEP_LOG_TEXT("listener", connection->door->name),
                    ISCEP_LOG_TEXT("client", connection->client.text), ISCEP_LOG_TEXT("reason", why),
                    ISCEP_LOG_NUM("count", server->turned_away_count));
    server->turned_away_mono_ms = now_ms;
    server->turned_away_count = 0;
}

/* What has been sent already is drained: otherwise close resets, and he may not read it. */
void iscep_http_say(evutil_socket_t fd, const char *status, const char *code, const char *message)
{
    char body[256], reply[512], drained[1024];
    int body_len =
        snprintf(body, sizeof body, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", code, message);
    int len = snprintf(reply, sizeof reply,
                       "HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
                       "Content-Length: %d\r\nConnection: close\r\n\r\n%s",
                       status, body_len, body);
    if (send(fd, reply, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        shutdown(fd, SHUT_WR);
    for (size_t left = MAX_DRAINED; left >= sizeof drained; left -= sizeof drained)
        if (recv(fd, drained, sizeof drained, MSG_DONTWAIT) <= 0)
            return;
}

static void turn_away(iscep_http_connection *connection, const char *why)
{
    count_turned_away(connection->server, connection->door, why);
    log_turned_away(connection, why);
    if (connection->tls == NULL) /* who wants TLS could not read it */
        iscep_http_say(connection->fd, "503 Service Unavailable\r\nRetry-After: 1", why, "try again shortly");
    iscep_http_connection_discard(connection);
}

/* --- who may come in, and what may begin --- */

static const char *count_connection(iscep_http_connection *connection)
{
    const iscep_http_server *server = connection->server;
    struct iscep_limiter *limiter = server->options.limiter;
    if (limiter == NULL)
        return server->connection_count < server->options.max_connections ? NULL : "too_many_connections";
    const char *why_not = iscep_limiter_connect(limiter, &connection->client);
    if (why_not == NULL)
        connection->limiter = limiter;
    return why_not;
}

bool iscep_http_admit_connection(iscep_http_connection *connection)
{
    const char *why_not = count_connection(connection);
    if (why_not != NULL && make_room(connection->server, &connection->client, why_not))
        why_not = count_connection(connection);
    if (why_not != NULL)
        turn_away(connection, why_not);
    return why_not == NULL;
}

bool iscep_http_admit_request(iscep_http_connection *connection)
{
    const iscep_http_server *server = connection->server;
    const iscep_http_server_options *options = &server->options;
    iscep_exchange *exchange = connection->exchange;
    int32_t retry_after_s;
    if (options->limiter == NULL ||
        (options->is_exempt != NULL && options->is_exempt(exchange, server->user)))
        return true;
    const char *why_not = iscep_limiter_begin(options->limiter, &exchange->client, &retry_after_s);
    if (why_not == NULL) {
        exchange->limiter = options->limiter;
        return true;
    }
    count_turned_away(server, connection->door, why_not);
    log_turned_away(connection, why_not);
    iscep_exchange_reply_busy(exchange, why_not, retry_after_s);
    return false;
}
