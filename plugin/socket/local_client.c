/*
 * Asking intune-scepd. A connection goes back to the pool only after a whole reply to a whole request, so that no reply can ever
 * meet another's request.
 */
#include "plugin/socket/local_client.h"

#include <errno.h>

#include "plugin/socket/deadline.h"

void iscep_local_client_clear(iscep_local_client *client)
{
    iscep_local_pool_clear(&client->idle);
}

static void hang_up(iscep_local_attempt *self)
{
    iscep_local_conn_close(self->conn);
    self->conn = NULL;
}

static bool end_without_reply(iscep_local_attempt *self, iscep_local_status status, int error_number)
{
    hang_up(self);
    self->result.status = status;
    self->result.error_number = error_number;
    return true;
}

/* The head is written for each connection: it says how much time is left. */
static bool start_exchange(iscep_local_attempt *self, iscep_wait *wait)
{
    const int left_ms = iscep_deadline_left_ms(self->deadline_ms);
    if (left_ms == 0) {
        return end_without_reply(self, ISCEP_LOCAL_TIMED_OUT, 0);
    }
    const iscep_local_request request = {.head = self->head,
                                         .head_len = iscep_request_head(self->head, self->question, left_ms),
                                         .body = {self->question->csr_der, self->question->cert_der}};
    self->is_connected = true;
    iscep_local_exchange_start(&self->exchange, self->conn, &request, self->deadline_ms, &self->result, wait);
    return false;
}

static bool wait_for_the_queue(iscep_local_attempt *self, iscep_wait *wait)
{
    if (iscep_deadline_left_ms(self->deadline_ms) == 0) {
        return end_without_reply(self, ISCEP_LOCAL_TIMED_OUT, 0);
    }
    const int64_t then_ms = iscep_mono_ms() + iscep_pause_next(&self->queue);
    self->resume_ms = then_ms < self->deadline_ms ? then_ms : self->deadline_ms;
    *wait = (iscep_wait){.fd = -1, .until_ms = self->resume_ms};
    return false;
}

static bool connect_and_start(iscep_local_attempt *self, iscep_wait *wait)
{
    const int failure = iscep_local_conn_connect(self->conn, self->client->path);
    if (failure == EAGAIN) {
        return wait_for_the_queue(self, wait);
    }
    return failure == 0 ? start_exchange(self, wait)
                        : end_without_reply(self, ISCEP_LOCAL_UNREACHABLE, failure);
}

static bool start_on_new(iscep_local_attempt *self, iscep_wait *wait)
{
    self->is_kept = false;
    self->is_connected = false;
    const int failure = iscep_local_conn_new(&self->conn);
    return failure == 0 ? connect_and_start(self, wait)
                        : end_without_reply(self, ISCEP_LOCAL_UNREACHABLE, failure);
}

static void give_back(iscep_local_attempt *self)
{
    if (iscep_local_exchange_is_kept(&self->exchange)) {
        iscep_local_pool_put(&self->client->idle, self->conn);
        self->conn = NULL;
    } else {
        hang_up(self);
    }
}

/*
 * A kept connection can end while the request is on its way: the daemon restarted, or had just decided to
 * hang up. If not one byte of a reply came, the request is sent once more, on a new connection. Should it
 * have arrived after all: validate, issued and failed give the same result when they are said twice.
 */
static bool is_to_be_sent_again(const iscep_local_attempt *self)
{
    return self->is_kept && self->result.status == ISCEP_LOCAL_CUT && self->result.byte_count == 0;
}

void iscep_local_attempt_init(iscep_local_attempt *attempt, iscep_local_client *client,
                              const iscep_question *question, int64_t deadline_ms)
{
    attempt->client = client;
    attempt->question = question;
    attempt->deadline_ms = deadline_ms;
    attempt->conn = NULL;
    attempt->result.large = NULL;
}

bool iscep_local_attempt_start(iscep_local_attempt *attempt, iscep_wait *wait)
{
    attempt->queue = ISCEP_PAUSE_QUEUE;
    attempt->conn = iscep_local_pool_take(&attempt->client->idle);
    attempt->is_kept = attempt->conn != NULL;
    return attempt->is_kept ? start_exchange(attempt, wait) : start_on_new(attempt, wait);
}

static bool go_on_connecting(iscep_local_attempt *self, iscep_wait *wait)
{
    if (iscep_deadline_left_ms(self->resume_ms) == 0) {
        return connect_and_start(self, wait);
    }
    *wait = (iscep_wait){.fd = -1, .until_ms = self->resume_ms};
    return false;
}

bool iscep_local_attempt_go_on(iscep_local_attempt *attempt, iscep_wait *wait)
{
    if (!attempt->is_connected) {
        return go_on_connecting(attempt, wait);
    }
    if (!iscep_local_exchange_go_on(&attempt->exchange, wait)) {
        return false;
    }
    give_back(attempt);
    return is_to_be_sent_again(attempt) ? start_on_new(attempt, wait) : true;
}

void iscep_local_attempt_clear(iscep_local_attempt *attempt)
{
    hang_up(attempt);
    iscep_local_result_clear(&attempt->result);
}
