/* See tunnel_proxy.h. */
#include "tests/support/tunnel_proxy.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/peer.h"

enum { MAX_HEAD_LEN = 4096 };

/* False: the proxy is being stopped, or nobody is there any more. */
static bool await_either(const tunnel_proxy *proxy, int a, int b, bool *is_a)
{
    struct pollfd fds[] = {{proxy->stop[0], POLLIN, 0}, {a, POLLIN, 0}, {b, POLLIN, 0}};
    if (poll(fds, b < 0 ? 2 : 3, -1) < 0 || fds[0].revents != 0)
        return false;
    *is_a = fds[1].revents != 0;
    return true;
}

/* One request's head, with its empty line. */
static bool read_head(const tunnel_proxy *proxy, int fd, char head[MAX_HEAD_LEN])
{
    size_t len = 0;
    bool is_there;
    head[0] = '\0';
    while (strstr(head, "\r\n\r\n") == NULL) {
        if (!await_either(proxy, fd, -1, &is_there))
            return false;
        ssize_t got = read(fd, head + len, MAX_HEAD_LEN - 1 - len);
        if (got <= 0)
            return false;
        len += (size_t)got;
        head[len] = '\0';
    }
    return strncmp(head, "CONNECT ", 8) == 0;
}

static bool may_pass(const tunnel_proxy *proxy, const char *head)
{
    char want[256];
    if (proxy->credentials == NULL)
        return true;
    snprintf(want, sizeof want, "\r\nProxy-Authorization: Basic %s\r\n", proxy->credentials);
    return strstr(head, want) != NULL;
}

static void carry(const tunnel_proxy *proxy, int client, int server)
{
    char bytes[MAX_HEAD_LEN];
    bool is_client;
    while (await_either(proxy, client, server, &is_client)) {
        ssize_t got = read(is_client ? client : server, bytes, sizeof bytes);
        if (got <= 0 || send(is_client ? server : client, bytes, (size_t)got, MSG_NOSIGNAL) != got)
            return;
    }
}

static void serve(tunnel_proxy *proxy, int client)
{
    char head[MAX_HEAD_LEN];
    while (read_head(proxy, client, head)) {
        if (proxy->is_refusing) {
            peer_send(client, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        } else if (!may_pass(proxy, head)) {
            peer_send(client, "HTTP/1.1 407 Proxy Authentication Required\r\n"
                              "Proxy-Authenticate: Basic realm=\"test\"\r\nContent-Length: 0\r\n\r\n");
        } else {
            int server = peer_connect_tcp(proxy->target_port);
            proxy->tunnels++;
            peer_send(client, "HTTP/1.1 200 Connection established\r\n\r\n");
            carry(proxy, client, server);
            close(server);
            return;
        }
    }
}

static void *run(void *user)
{
    tunnel_proxy *proxy = user;
    bool is_there;
    while (await_either(proxy, proxy->listener, -1, &is_there)) {
        int client = accept(proxy->listener, NULL, NULL);
        if (client < 0)
            break;
        serve(proxy, client);
        close(client);
    }
    return NULL;
}

void tunnel_proxy_start(tunnel_proxy *proxy)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(proxy->listener, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(proxy->listener, 8), 0);
    cr_assert_eq(getsockname(proxy->listener, (struct sockaddr *)&address, &len), 0);
    snprintf(proxy->url, sizeof proxy->url, "http://127.0.0.1:%u", ntohs(address.sin_port));
    cr_assert_eq(pipe(proxy->stop), 0);
    cr_assert_eq(pthread_create(&proxy->thread, NULL, run, proxy), 0);
}

void tunnel_proxy_stop(tunnel_proxy *proxy)
{
    close(proxy->stop[1]);
    pthread_join(proxy->thread, NULL);
    close(proxy->stop[0]);
    close(proxy->listener);
}
