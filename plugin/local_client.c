/*
 * Asking intune-scepd. Every send and receive is non-blocking and waits in poll until the deadline. A
 * connection goes back to the pool only after a whole reply to a whole request, so that no reply can ever
 * meet another's request.
 */
#include "local_client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "deadline.h"
#include "request_head.h"

#define PART_COUNT 3

/* What is still to be sent: the head, the CSR and, for issued, the certificate. */
typedef struct unsent {
    struct iovec parts[PART_COUNT];
    size_t first;   /* parts before this one are sent */
    bool is_broken; /* the peer takes no more; a reply may still be there */
} unsent;

static struct iovec part_of(const void *data, size_t len)
{
    return (struct iovec){.iov_base = (void *)data, .iov_len = len};
}

static unsent unsent_of(const iscep_local_request *request)
{
    return (unsent){.parts = {part_of(request->head, request->head_len),
                              part_of(request->body[0].data, request->body[0].len),
                              part_of(request->body[1].data, request->body[1].len)}};
}

static void mark_sent(unsent *out, size_t sent)
{
    while (out->first < PART_COUNT && sent >= out->parts[out->first].iov_len) {
        sent -= out->parts[out->first++].iov_len;
    }
    if (out->first < PART_COUNT) {
        struct iovec *part = &out->parts[out->first];
        *part = part_of((const uint8_t *)part->iov_base + sent, part->iov_len - sent);
    }
}

static bool is_sent(const unsent *out)
{
    return out->first == PART_COUNT;
}

static void send_some(int fd, unsent *out)
{
    const struct msghdr message = {.msg_iov = out->parts + out->first, .msg_iovlen = PART_COUNT - out->first};
    const ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
        mark_sent(out, (size_t)sent);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        out->is_broken = true;
    }
}

static uint8_t *bytes_of(iscep_local_result *result)
{
    return result->large != NULL ? result->large : result->usual;
}

/* How much more fits; 0: no memory. A reply has ended, or is refused, before ISCEP_LOCAL_REPLY_MAX. */
static size_t make_room(iscep_local_result *result)
{
    if (result->large == NULL && result->byte_count == ISCEP_LOCAL_USUAL_MAX) {
        result->large = malloc(ISCEP_LOCAL_REPLY_MAX);
        if (result->large == NULL) {
            return 0;
        }
        memcpy(result->large, result->usual, result->byte_count);
    }
    const size_t capacity = result->large != NULL ? ISCEP_LOCAL_REPLY_MAX : ISCEP_LOCAL_USUAL_MAX;
    return capacity - result->byte_count;
}

/* False: more is to come. True: result->status says how it ended. */
static bool receive_some(int fd, const unsent *out, iscep_local_result *result)
{
    const size_t room = make_room(result);
    if (room == 0) {
        result->status = ISCEP_LOCAL_UNREACHABLE;
        result->error_number = ENOMEM;
        return true;
    }
    const ssize_t got = recv(fd, bytes_of(result) + result->byte_count, room, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return false;
    }
    if (got <= 0) {
        result->status = ISCEP_LOCAL_CUT;
        return true;
    }
    result->byte_count += (size_t)got;
    const iscep_local_parsed parsed =
        iscep_local_reply_parse(bytes_of(result), result->byte_count, &result->reply);
    if (parsed == ISCEP_LOCAL_PARTIAL) {
        return false;
    }
    /* A refusal may overtake the request (413, 503); anything better, as is 409 with a certificate, cannot be about what
     * was not read. */
    const int32_t status = parsed == ISCEP_LOCAL_WHOLE ? result->reply.status : 0;
    const bool is_refusal = status >= 400 && status != 409;
    const bool is_about_us = parsed == ISCEP_LOCAL_WHOLE && (is_sent(out) || is_refusal);
    result->status = is_about_us ? ISCEP_LOCAL_REPLIED : ISCEP_LOCAL_GARBLED;
    return true;
}

void iscep_local_result_clear(iscep_local_result *result)
{
    free(result->large);
    result->large = NULL;
}

bool iscep_local_exchange(const iscep_local_conn *conn, const iscep_local_request *request,
                          int64_t deadline_ms, iscep_local_result *result)
{
    unsent out = unsent_of(request);
    result->byte_count = 0;
    for (;;) {
        const bool is_sending = !is_sent(&out) && !out.is_broken;
        struct pollfd waiting = {.fd = conn->fd, .events = is_sending ? POLLIN | POLLOUT : POLLIN};
        const int left_ms = iscep_deadline_left_ms(deadline_ms);
        if (left_ms == 0) {
            result->status = ISCEP_LOCAL_TIMED_OUT;
            return false;
        }
        if (poll(&waiting, 1, left_ms) <= 0) {
            continue; /* EINTR, or the time is up: asked above */
        }
        if ((waiting.revents & ~POLLOUT) != 0 && receive_some(conn->fd, &out, result)) {
            return result->status == ISCEP_LOCAL_REPLIED && result->reply.is_kept && is_sent(&out);
        }
        if ((waiting.revents & POLLOUT) != 0) {
            send_some(conn->fd, &out);
        }
    }
}

/* The head is written for each attempt: it says how much time is left. */
static void exchange_on(iscep_local_client *client, iscep_local_conn *conn, const iscep_question *question,
                        int64_t deadline_ms, iscep_local_result *result)
{
    char head[ISCEP_REQUEST_HEAD_MAX];
    const iscep_local_request request = {
        .head = head,
        .head_len = iscep_request_head(head, question, iscep_deadline_left_ms(deadline_ms)),
        .body = {question->csr_der, question->cert_der}};
    if (iscep_local_exchange(conn, &request, deadline_ms, result)) {
        iscep_local_pool_put(&client->idle, conn);
    } else {
        iscep_local_conn_close(conn);
    }
}

/*
 * A kept connection can end while the request is on its way: the daemon restarted, or had just decided to
 * hang up. If not one byte of a reply came, the request is sent once more, on a new connection. Should it
 * have arrived after all: validate, issued and failed give the same result when they are said twice.
 */
void iscep_local_client_ask(iscep_local_client *client, const iscep_question *question, int64_t deadline_ms,
                            iscep_local_result *result)
{
    iscep_local_conn *conn = iscep_local_pool_take(&client->idle);
    if (conn != NULL) {
        exchange_on(client, conn, question, deadline_ms, result);
        if (result->status != ISCEP_LOCAL_CUT || result->byte_count > 0) {
            return;
        }
    }
    result->error_number = iscep_local_conn_open(&conn, client->path, deadline_ms);
    if (result->error_number != 0) {
        result->status = result->error_number == ETIMEDOUT ? ISCEP_LOCAL_TIMED_OUT : ISCEP_LOCAL_UNREACHABLE;
        return;
    }
    exchange_on(client, conn, question, deadline_ms, result);
}

void iscep_local_client_clear(iscep_local_client *client)
{
    iscep_local_pool_clear(&client->idle);
}
