/* See lying_postgres.h. */
#include "lying_postgres.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_LEN = 64 * 1024 };

struct lying_postgres {
    pthread_t thread;
    int listener;
    const iscep_buf *answers;
};

/* --- messages --- */

static void add_16(iscep_buf *to, uint16_t number)
{
    number = htons(number);
    iscep_buf_append(to, &number, sizeof number);
}

static void add_32(iscep_buf *to, uint32_t number)
{
    number = htonl(number);
    iscep_buf_append(to, &number, sizeof number);
}

void lying_postgres_add(iscep_buf *to, char type, iscep_bytes body)
{
    iscep_buf_append(to, &type, 1);
    add_32(to, (uint32_t)body.len + 4);
    iscep_buf_append(to, body.data, body.len);
}

void lying_postgres_add_row(iscep_buf *to, const char *const *values, size_t count)
{
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, MAX_LEN);
    add_16(&body, (uint16_t)count);
    for (size_t i = 0; i < count; i++) {
        add_32(&body, values[i] != NULL ? (uint32_t)strlen(values[i]) : UINT32_MAX);
        iscep_buf_append_text(&body, values[i] != NULL ? values[i] : "");
    }
    lying_postgres_add(to, 'D', iscep_buf_bytes(&body));
}

void lying_postgres_add_columns(iscep_buf *to, size_t count, uint32_t type, uint16_t format)
{
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, MAX_LEN);
    add_16(&body, (uint16_t)count);
    for (size_t i = 0; i < count; i++) {
        iscep_buf_append(&body, "c", 2);
        add_32(&body, 0); /* of no table */
        add_16(&body, 0);
        add_32(&body, type);
        add_16(&body, UINT16_MAX);
        add_32(&body, UINT32_MAX);
        add_16(&body, format);
    }
    lying_postgres_add(to, 'T', iscep_buf_bytes(&body));
}

/* --- the server --- */

static bool read_whole(int fd, void *out, size_t len)
{
    return recv(fd, out, len, MSG_WAITALL) == (ssize_t)len;
}

/* What a client sends behind its type byte, or as its first. */
static bool skip_message(int fd)
{
    uint8_t body[MAX_LEN];
    uint32_t len = 0;
    return read_whole(fd, &len, sizeof len) && ntohl(len) >= 4 && ntohl(len) - 4 <= sizeof body &&
           (ntohl(len) == 4 || read_whole(fd, body, ntohl(len) - 4));
}

static void say(int fd, const iscep_buf *messages)
{
    (void)!send(fd, messages->data, messages->len, MSG_NOSIGNAL);
}

static void greet(int fd)
{
    static const char version[] = "server_version\00015.0";
    ISCEP_AUTO_BUF hello;
    iscep_buf_init(&hello, MAX_LEN);
    lying_postgres_add(&hello, 'R', iscep_bytes_of("\0\0\0\0", 4));
    lying_postgres_add(&hello, 'S', iscep_bytes_of(version, sizeof version));
    lying_postgres_add(&hello, 'Z', iscep_bytes_of_text("I"));
    say(fd, &hello);
}

static void serve_one(const lying_postgres *server, int fd)
{
    char type = 0;
    if (!skip_message(fd))
        return;
    greet(fd);
    for (size_t i = 0; i < LYING_POSTGRES_ANSWERS;) {
        if (!read_whole(fd, &type, 1) || !skip_message(fd))
            return;
        if (type == 'Q' || type == 'S')
            say(fd, &server->answers[i++]);
    }
    (void)read_whole(fd, &type, 1); /* until the client has had enough */
}

static void *serve(void *user)
{
    const lying_postgres *server = user;
    for (int fd; (fd = accept(server->listener, NULL, NULL)) >= 0; close(fd))
        serve_one(server, fd);
    return NULL;
}

lying_postgres *lying_postgres_open(const char *dir, const iscep_buf answers[LYING_POSTGRES_ANSWERS])
{
    lying_postgres *server = calloc(1, sizeof *server);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cr_assert_not_null(server);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.1", dir);
    unlink(address.sun_path);
    *server =
        (lying_postgres){.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), .answers = answers};
    cr_assert_eq(bind(server->listener, (const struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(server->listener, 4), 0);
    cr_assert_eq(pthread_create(&server->thread, NULL, serve, server), 0);
    return server;
}

/* Who is connected has hung up before. */
void lying_postgres_close(lying_postgres *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    free(server);
}
