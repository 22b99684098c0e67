/*
 * The client on a connection whose buffer is far smaller than the request: requests that go out in pieces,
 * and replies that come before the request is out.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "plugin/abi/process.h"
#include "plugin/socket/deadline.h"
#include "plugin/socket/local_client.h"

#define CSR_LEN ISCEP_QUESTION_DER_MAX

static const char allow_reply[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 15\r\n\r\nverdict: allow\n";
static const char too_large_reply[] =
    "HTTP/1.1 413 No\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nverdict: deny\n";

static uint8_t csr[CSR_LEN];

/* The other end: reads until it has seen the end of the CSR, or one byte only, and then replies. */
typedef struct peer {
    int fd;
    bool reads_all;
    const char *reply;
    size_t received;
    uint8_t last[CSR_LEN];
} peer;

static void *serve(void *user)
{
    peer *self = user;
    static uint8_t request[CSR_LEN + 4096];
    const size_t want = self->reads_all ? sizeof request : 1;
    while (self->received < want) {
        const ssize_t got = recv(self->fd, request + self->received, want - self->received, 0);
        if (got <= 0) {
            break;
        }
        self->received += (size_t)got;
        const uint8_t *body = memmem(request, self->received, "\r\n\r\n", 4);
        if (body != NULL && request + self->received == body + 4 + CSR_LEN) {
            memcpy(self->last, body + 4, CSR_LEN);
            break;
        }
    }
    send(self->fd, self->reply, strlen(self->reply), MSG_NOSIGNAL);
    return NULL;
}

static iscep_local_conn *small_connection(int fd)
{
    const int small = 1; /* the kernel makes it its minimum, some kilobytes */
    struct stat facts;
    iscep_local_conn *conn = malloc(sizeof *conn);
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    cr_assert_eq(fstat(fd, &facts), 0);
    *conn = (iscep_local_conn){
        .fd = fd, .owner = iscep_process_this(), .device = facts.st_dev, .inode = facts.st_ino};
    return conn;
}

/* How it ended is in attempt, which the caller clears. */
static void ask_peer(peer *other, iscep_local_attempt *attempt)
{
    int ends[2];
    pthread_t thread;
    iscep_wait wait;
    iscep_local_client client = {.path = "/nowhere/s"};
    for (size_t i = 0; i < sizeof csr; i++) {
        csr[i] = (uint8_t)(i * 7 >> 2);
    }
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    iscep_local_pool_put(&client.idle, small_connection(ends[0]));
    other->fd = ends[1];
    cr_assert_eq(pthread_create(&thread, NULL, serve, other), 0);
    const iscep_question question = {.kind = ISCEP_ASK_VALIDATE,
                                     .transaction_id = {.data = (const uint8_t *)"id", .len = 2},
                                     .csr_der = {.data = csr, .len = sizeof csr}};
    iscep_local_attempt_init(attempt, &client, &question, iscep_deadline_in(20000));
    for (bool has_ended = iscep_local_attempt_start(attempt, &wait); !has_ended;) {
        iscep_wait_block(&wait);
        has_ended = iscep_local_attempt_go_on(attempt, &wait);
    }
    pthread_join(thread, NULL);
    iscep_local_client_clear(&client);
    close(ends[1]);
}

static int error_of(const char *path)
{
    const iscep_question question = {.kind = ISCEP_ASK_VALIDATE,
                                     .transaction_id = {.data = (const uint8_t *)"id", .len = 2},
                                     .csr_der = {.data = csr, .len = 1}};
    iscep_local_client client = {.path = path};
    iscep_local_attempt attempt;
    iscep_wait wait;
    iscep_local_attempt_init(&attempt, &client, &question, iscep_deadline_in(20000));
    cr_assert(iscep_local_attempt_start(&attempt, &wait));
    cr_assert_eq(attempt.result.status, ISCEP_LOCAL_UNREACHABLE);
    const int error_number = attempt.result.error_number;
    iscep_local_attempt_clear(&attempt);
    iscep_local_client_clear(&client);
    return error_number;
}

/* Not another one, that it is cut to. */
Test(local_client, a_path_that_no_socket_can_have_is_unreachable)
{
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
    snprintf(path, sizeof path - 1, "/%0*d", (int)sizeof path - 3, 1);
    cr_assert_eq(error_of(path), ENOENT, "with its NUL it fits");
    snprintf(path, sizeof path, "/%0*d", (int)sizeof path - 2, 1);
    cr_assert_eq(error_of(path), ENAMETOOLONG);
}

Test(local_client, a_request_in_many_pieces_arrives_whole, .timeout = 60)
{
    static peer other = {.reads_all = true, .reply = allow_reply};
    iscep_local_attempt attempt;
    ask_peer(&other, &attempt);
    cr_assert_eq(attempt.result.status, ISCEP_LOCAL_REPLIED);
    cr_assert_eq(attempt.result.reply.status, 200);
    cr_assert_eq(memcmp(other.last, csr, sizeof csr), 0);
    iscep_local_attempt_clear(&attempt);
}

static void expect_no_reply(const char *reply)
{
    static peer other;
    other = (peer){.reads_all = false, .reply = reply};
    iscep_local_attempt attempt;
    ask_peer(&other, &attempt);
    cr_assert_eq(other.received, 1);
    cr_assert_eq(attempt.result.status, ISCEP_LOCAL_GARBLED);
    iscep_local_attempt_clear(&attempt);
}

Test(local_client, an_allow_before_the_request_is_out_is_no_reply, .timeout = 60)
{
    expect_no_reply(allow_reply);
}

Test(local_client, a_certificate_before_the_request_is_out_is_no_reply, .timeout = 60)
{
    expect_no_reply("HTTP/1.1 409 Conflict\r\nContent-Type: text/plain\r\nContent-Length: 39\r\n\r\n"
                    "verdict: deliver\ncertificate: MAMCAQc=\n");
}

Test(local_client, a_refusal_may_overtake_the_request, .timeout = 60)
{
    static peer other = {.reads_all = false, .reply = too_large_reply};
    iscep_local_attempt attempt;
    int32_t verdict;
    ask_peer(&other, &attempt);
    cr_assert_eq(attempt.result.status, ISCEP_LOCAL_REPLIED);
    cr_assert(iscep_local_reply_verdict(&attempt.result.reply, ISCEP_ASK_VALIDATE, &verdict));
    cr_assert_eq(verdict, SCEP_VERDICT_DENY);
    iscep_local_attempt_clear(&attempt);
}
