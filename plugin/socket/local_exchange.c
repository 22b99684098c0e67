/* See local_exchange.h. */
#include "plugin/socket/local_exchange.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "plugin/socket/deadline.h"

static struct iovec part_of(const void *data, size_t len)
{
    return (struct iovec){.iov_base = (void *)data, .iov_len = len};
}

static void mark_sent(iscep_local_exchange *self, size_t sent)
{
    while (self->first < ISCEP_LOCAL_PART_COUNT && sent >= self->unsent[self->first].iov_len) {
        sent -= self->unsent[self->first++].iov_len;
    }
    if (self->first < ISCEP_LOCAL_PART_COUNT) {
        struct iovec *part = &self->unsent[self->first];
        *part = part_of((const uint8_t *)part->iov_base + sent, part->iov_len - sent);
    }
}

static bool is_sent(const iscep_local_exchange *self)
{
    return self->first == ISCEP_LOCAL_PART_COUNT;
}

static bool is_sending(const iscep_local_exchange *self)
{
    return !is_sent(self) && !self->is_broken;
}

static void send_some(iscep_local_exchange *self)
{
    const struct msghdr message = {.msg_iov = self->unsent + self->first,
                                   .msg_iovlen = ISCEP_LOCAL_PART_COUNT - self->first};
    const ssize_t sent = sendmsg(self->conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
        mark_sent(self, (size_t)sent);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        self->is_broken = true;
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

/* True: the reply has ended, well or not. */
static bool read_reply(iscep_local_exchange *self)
{
    iscep_local_result *result = self->result;
    const iscep_local_parsed parsed =
        iscep_local_reply_parse(bytes_of(result), result->byte_count, &result->reply);
    if (parsed == ISCEP_LOCAL_PARTIAL) {
        return false;
    }
    /* A refusal may overtake the request (413, 503); anything better, as is 409 with a certificate, cannot be about what
     * was not read. */
    const int32_t status = parsed == ISCEP_LOCAL_WHOLE ? result->reply.status : 0;
    const bool is_refusal = status >= 400 && status != 409;
    const bool is_about_us = parsed == ISCEP_LOCAL_WHOLE && (is_sent(self) || is_refusal);
    result->status = is_about_us ? ISCEP_LOCAL_REPLIED : ISCEP_LOCAL_GARBLED;
    return true;
}

/* All that has come by now. True: it has ended. */
static bool receive(iscep_local_exchange *self)
{
    iscep_local_result *result = self->result;
    for (;;) {
        const size_t room = make_room(result);
        if (room == 0) {
            result->status = ISCEP_LOCAL_UNREACHABLE;
            result->error_number = ENOMEM;
            return true;
        }
        const ssize_t got = recv(self->conn->fd, bytes_of(result) + result->byte_count, room, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
            return false;
        }
        if (got <= 0) {
            result->status = ISCEP_LOCAL_CUT;
            return true;
        }
        result->byte_count += (size_t)got;
        if (read_reply(self)) {
            return true;
        }
    }
}

static void say_what_for(const iscep_local_exchange *self, iscep_wait *wait)
{
    *wait = (iscep_wait){.fd = self->conn->fd,
                         .events = (short)(is_sending(self) ? POLLIN | POLLOUT : POLLIN),
                         .until_ms = self->deadline_ms};
}

void iscep_local_exchange_start(iscep_local_exchange *exchange, const iscep_local_conn *conn,
                                const iscep_local_request *request, int64_t deadline_ms,
                                iscep_local_result *result, iscep_wait *wait)
{
    *exchange = (iscep_local_exchange){.conn = conn,
                                       .result = result,
                                       .deadline_ms = deadline_ms,
                                       .unsent = {part_of(request->head, request->head_len),
                                                  part_of(request->body[0].data, request->body[0].len),
                                                  part_of(request->body[1].data, request->body[1].len)}};
    result->byte_count = 0;
    send_some(exchange);
    say_what_for(exchange, wait);
}

/* What has come counts, even if nobody looked before the deadline. */
bool iscep_local_exchange_go_on(iscep_local_exchange *exchange, iscep_wait *wait)
{
    if (receive(exchange)) {
        return true;
    }
    if (iscep_deadline_left_ms(exchange->deadline_ms) == 0) {
        exchange->result->status = ISCEP_LOCAL_TIMED_OUT;
        return true;
    }
    if (is_sending(exchange)) {
        send_some(exchange);
    }
    say_what_for(exchange, wait);
    return false;
}

bool iscep_local_exchange_is_kept(const iscep_local_exchange *exchange)
{
    const iscep_local_result *result = exchange->result;
    return result->status == ISCEP_LOCAL_REPLIED && result->reply.is_kept && is_sent(exchange);
}

void iscep_local_result_clear(iscep_local_result *result)
{
    free(result->large);
    result->large = NULL;
}
