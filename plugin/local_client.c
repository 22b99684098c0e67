/*
 * Asking intune-scepd. Every send and receive is non-blocking and waits in poll until the deadline. A
 * connection goes back to the pool only after a whole reply to a whole request, so that no reply can ever
 * meet another's request.
 */
#include "local_client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "deadline.h"
#include "local_request.h"

#define PART_COUNT 3

/* What is still to be sent: the head, the CSR and, for issued, the certificate. */
typedef struct unsent {
    char head[ISCEP_LOCAL_REQUEST_HEAD_MAX];
    struct iovec parts[PART_COUNT];
    size_t first;   /* parts before this one are sent */
    bool is_broken; /* the peer takes no more; a reply may still be there */
} unsent;

static struct iovec part_of(const void *data, size_t len)
{
    return (struct iovec){.iov_base = (void *)data, .iov_len = len};
}

static void unsent_init(unsent *out, const iscep_call *call, int64_t deadline_ms)
{
    const size_t head_len = iscep_local_request_head(out->head, call, iscep_deadline_left_ms(deadline_ms));
    out->parts[0] = part_of(out->head, head_len);
    out->parts[1] = part_of(call->csr_der.data, call->csr_der.len);
    out->parts[2] = part_of(call->cert_der.data, call->cert_der.len);
    out->first = 0;
    out->is_broken = false;
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

/* False: more is to come. True: result->status says how it ended. */
static bool receive_some(int fd, const unsent *out, iscep_local_result *result)
{
    const ssize_t got =
        recv(fd, result->bytes + result->byte_count, sizeof result->bytes - result->byte_count, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return false;
    }
    if (got <= 0) {
        result->status = ISCEP_LOCAL_CUT;
        return true;
    }
    result->byte_count += (size_t)got;
    const iscep_local_parsed parsed =
        iscep_local_reply_parse(result->bytes, result->byte_count, &result->reply);
    if (parsed == ISCEP_LOCAL_PARTIAL) {
        return false;
    }
    /* A refusal may overtake the request (413, 503); anything better cannot be about what was not read. */
    const bool is_about_us = parsed == ISCEP_LOCAL_WHOLE && (is_sent(out) || result->reply.status >= 400);
    result->status = is_about_us ? ISCEP_LOCAL_REPLIED : ISCEP_LOCAL_GARBLED;
    return true;
}

/* Sends the request and reads the reply. True: the connection can carry another request. */
static bool exchange(const iscep_local_conn *conn, const iscep_call *call, int64_t deadline_ms,
                     iscep_local_result *result)
{
    unsent out;
    unsent_init(&out, call, deadline_ms);
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

static void exchange_on(iscep_local_client *client, iscep_local_conn *conn, const iscep_call *call,
                        int64_t deadline_ms, iscep_local_result *result)
{
    if (exchange(conn, call, deadline_ms, result)) {
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
void iscep_local_client_ask(iscep_local_client *client, const iscep_call *call, int64_t deadline_ms,
                            iscep_local_result *result)
{
    iscep_local_conn *conn = iscep_local_pool_take(&client->idle);
    if (conn != NULL) {
        exchange_on(client, conn, call, deadline_ms, result);
        if (result->status != ISCEP_LOCAL_CUT || result->byte_count > 0) {
            return;
        }
    }
    result->error_number = iscep_local_conn_open(&conn, client->path, deadline_ms);
    if (result->error_number != 0) {
        result->status = result->error_number == ETIMEDOUT ? ISCEP_LOCAL_TIMED_OUT : ISCEP_LOCAL_UNREACHABLE;
        return;
    }
    exchange_on(client, conn, call, deadline_ms, result);
}

void iscep_local_client_clear(iscep_local_client *client)
{
    iscep_local_pool_clear(&client->idle);
}
