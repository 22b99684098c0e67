/* See peer.h. */
#include "tests/support/peer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_S = 10, MAX_LEN = 4 * 1024 * 1024 };

static int make_patient(int fd)
{
    struct timeval patience = {.tv_sec = PATIENCE_S};
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
    return fd;
}

int peer_connect_tcp(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0, "%s", strerror(errno));
    return make_patient(fd);
}

int peer_connect_unix(const char *path)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cr_assert_lt(strlen(path), sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    socklen_t len = sizeof address;
    if (path[0] == '@') { /* an abstract address */
        address.sun_path[0] = '\0';
        len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    }
    cr_assert_eq(connect(fd, (const struct sockaddr *)&address, len), 0, "%s", strerror(errno));
    return make_patient(fd);
}

/* A peer that was refused may find its socket closed while it still sends: that is no failure of the test. */
void peer_send_bytes(int fd, iscep_bytes bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
            return;
        cr_assert_gt(sent, 0, "send: %s", strerror(errno));
        bytes = iscep_bytes_of(bytes.data + sent, bytes.len - (size_t)sent);
    }
}

void peer_send(int fd, const char *text)
{
    peer_send_bytes(fd, iscep_bytes_of_text(text));
}

void peer_send_dripping(int fd, const char *text)
{
    for (; *text != '\0'; text++)
        peer_send_bytes(fd, iscep_bytes_of(text, 1));
}

peer_end peer_read_to_end(int fd, iscep_buf *out)
{
    for (;;) {
        char piece[4096];
        ssize_t got = recv(fd, piece, sizeof piece, 0);
        if (got == 0)
            return PEER_CLOSED;
        if (got < 0 && errno == ECONNRESET)
            return PEER_RESET;
        cr_assert_gt(got, 0, "the connection did not end: %s", strerror(errno));
        iscep_buf_append(out, piece, (size_t)got);
    }
}

static void read_exactly(int fd, iscep_buf *out, size_t len)
{
    while (len > 0) {
        uint8_t *room = iscep_buf_reserve(out, len);
        cr_assert_not_null(room);
        ssize_t got = recv(fd, room, len, 0);
        cr_assert_gt(got, 0, "the reply was cut: %s", got == 0 ? "closed" : strerror(errno));
        out->len += (size_t)got;
        len -= (size_t)got;
    }
}

void peer_read_reply(int fd, peer_reply *out)
{
    iscep_buf_init(&out->head, MAX_LEN);
    iscep_buf_init(&out->body, MAX_LEN);
    while (out->head.len < 4 || memcmp(out->head.data + out->head.len - 4, "\r\n\r\n", 4) != 0)
        read_exactly(fd, &out->head, 1);
    cr_assert_eq(sscanf(iscep_buf_text(&out->head), "HTTP/1.1 %d ", &out->status), 1, "%s",
                 iscep_buf_text(&out->head));
    const char *length = peer_reply_header(out, "Content-Length");
    if (out->status == 204 && length == NULL)
        return;
    cr_assert_not_null(length);
    read_exactly(fd, &out->body, strtoul(length, NULL, 10));
    iscep_buf_text(&out->body);
}

void peer_reply_clear(peer_reply *reply)
{
    iscep_buf_clear(&reply->head);
    iscep_buf_clear(&reply->body);
}

void peer_ask(int fd, const char *text, int want_status, peer_reply *out)
{
    peer_send(fd, text);
    peer_read_reply(fd, out);
    cr_assert_eq(out->status, want_status, "%d: %s", out->status, iscep_buf_text(&out->body));
}

const char *peer_reply_header(peer_reply *reply, const char *name)
{
    static _Thread_local char value[1024];
    size_t name_len = strlen(name);
    for (const char *line = iscep_buf_text(&reply->head); line != NULL; line = strstr(line, "\r\n")) {
        line += line[0] == '\r' ? 2 : 0;
        if (strncasecmp(line, name, name_len) != 0 || strncmp(line + name_len, ": ", 2) != 0)
            continue;
        snprintf(value, sizeof value, "%.*s", (int)strcspn(line + name_len + 2, "\r"), line + name_len + 2);
        return value;
    }
    return NULL;
}
