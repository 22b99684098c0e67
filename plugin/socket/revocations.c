/*
 * Carrying out revocations. The thread waits in two places only: for the daemon's reply, which stop ends by hanging up on
 * the connection, and in a pause, which stop ends by the condition. The lock guards just that; nobody holds it for long,
 * and a forked child, in which it may be locked for ever, does not touch it.
 */
#include "plugin/socket/revocations.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/abi/process.h"
#include "plugin/socket/connector.h"
#include "plugin/socket/deadline.h"
#include "plugin/socket/local_exchange.h"
#include "plugin/socket/pause.h"
#include "plugin/socket/request_head.h"
#include "plugin/abi/text.h"

#define WAIT_MS         30000u /* how long the daemon may wait for work before it says that there is none */
#define REPLY_MARGIN_MS 10000u
#define MIN_ROUND_MS    1000 /* a daemon that has no work and does not wait is not asked without end */
#define UNSUPPORTED_MS  60000
#define SERIAL_MAX      128u

struct iscep_revocations {
    iscep_revocations_options options;
    uint64_t owner; /* process.h */
    pthread_t thread;
    pthread_mutex_t lock; /* of the next two */
    pthread_cond_t is_woken;
    bool is_stopping;
    _Atomic(iscep_local_conn *) conn; /* changed by the thread alone, under the lock */
    iscep_pause pause;
    bool is_refused; /* the daemon does not know of this, and the log was told */
};

/* One revocation to carry out; the texts point into result. */
typedef struct revocation_work {
    iscep_local_result result;
    scep_bytes id;
    scep_revocation revocation;
    int64_t deadline_ms;
} revocation_work;

bool iscep_revocations_can(const scep_host *host)
{
    return host->revoke != NULL;
}

static bool is_stopping(iscep_revocations *self)
{
    pthread_mutex_lock(&self->lock);
    const bool is = self->is_stopping;
    pthread_mutex_unlock(&self->lock);
    return is;
}

static void wait_until(iscep_revocations *self, int64_t until_ms)
{
    const struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    pthread_mutex_lock(&self->lock);
    while (!self->is_stopping && pthread_cond_timedwait(&self->is_woken, &self->lock, &until) != ETIMEDOUT) {
    }
    pthread_mutex_unlock(&self->lock);
}

/* From now on, or from before on, stop can hang up on it. */
static void set_conn(iscep_revocations *self, iscep_local_conn *conn)
{
    pthread_mutex_lock(&self->lock);
    iscep_local_conn *before = atomic_exchange(&self->conn, conn);
    if (self->is_stopping && conn != NULL) {
        iscep_local_conn_hang_up(conn);
    }
    pthread_mutex_unlock(&self->lock);
    iscep_local_conn_close(before);
}

static bool has_conn(iscep_revocations *self, iscep_local_result *result)
{
    iscep_local_conn *conn = atomic_load(&self->conn);
    if (conn != NULL && iscep_local_conn_is_idle(conn)) {
        return true;
    }
    set_conn(self, NULL);
    result->status = ISCEP_LOCAL_UNREACHABLE;
    result->error_number = iscep_local_conn_new(&conn);
    if (result->error_number == 0) {
        result->error_number = iscep_local_conn_connect(conn, self->options.path);
    }
    if (result->error_number != 0) {
        iscep_local_conn_close(conn);
        return false;
    }
    set_conn(self, conn);
    return true;
}

/* stop ends the wait: hanging up makes the connection readable. */
static void exchange_on(const iscep_local_conn *conn, const iscep_local_request *request, int64_t deadline_ms,
                        iscep_local_result *result, bool *is_kept)
{
    iscep_local_exchange exchange;
    iscep_wait wait;
    iscep_local_exchange_start(&exchange, conn, request, deadline_ms, result, &wait);
    do {
        iscep_wait_block(&wait);
    } while (!iscep_local_exchange_go_on(&exchange, &wait));
    *is_kept = iscep_local_exchange_is_kept(&exchange);
}

/* True: the daemon has replied, whatever. */
static bool exchange(iscep_revocations *self, const char *head, size_t head_len, int64_t deadline_ms,
                     iscep_local_result *result)
{
    const iscep_local_request request = {.head = head, .head_len = head_len};
    bool is_kept;
    if (!has_conn(self, result)) {
        return false;
    }
    exchange_on(atomic_load(&self->conn), &request, deadline_ms, result, &is_kept);
    if (!is_kept) {
        set_conn(self, NULL);
    }
    return result->status == ISCEP_LOCAL_REPLIED;
}

static bool is_visible(scep_bytes text, size_t max_len)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= 0x20 || text.data[i] > 0x7E) {
            return false;
        }
    }
    return text.len > 0 && text.len <= max_len;
}

/* As the ABI promises it to the host: upper-case hex, two digits a byte, no leading zero byte. */
static bool is_serial(scep_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        const bool is_digit = text.data[i] >= '0' && text.data[i] <= '9';
        if (!is_digit && (text.data[i] < 'A' || text.data[i] > 'F')) {
            return false;
        }
    }
    const bool has_leading_zero = text.len > 2 && text.data[0] == '0' && text.data[1] == '0';
    return text.len >= 2 && text.len % 2 == 0 && text.len <= SERIAL_MAX && !has_leading_zero;
}

/* False: what came cannot be carried out. */
static bool read_work(revocation_work *work)
{
    const iscep_local_reply *reply = &work->result.reply;
    uint32_t timeout_ms = 0;
    uint32_t reason = 0;
    work->revocation = (scep_revocation){.size = sizeof work->revocation};
    if (!is_visible(reply->id, ISCEP_REVOCATION_ID_MAX) || !is_serial(reply->serial_number) ||
        !iscep_local_number_parse(reply->reason, &reason) || reason > 10 ||
        !iscep_local_number_parse(reply->timeout_ms, &timeout_ms) || timeout_ms == 0) {
        return false;
    }
    const bool has_issuer = reply->issuer.len > 0;
    work->id = reply->id;
    work->deadline_ms = iscep_deadline_in(timeout_ms);
    work->revocation = (scep_revocation){.size = sizeof work->revocation,
                                         .reason = reason,
                                         .timeout_ms = timeout_ms,
                                         .serial = reply->serial_number,
                                         .issuer = has_issuer ? reply->issuer : (scep_bytes){NULL, 0}};
    return true;
}

/* Once, until the daemon knows of it. */
static void log_refusal(iscep_revocations *self, const iscep_local_reply *reply)
{
    if (self->is_refused) {
        return;
    }
    self->is_refused = true;
    char message[256];
    iscep_plugin_text_copy(message, sizeof message, reply->message);
    iscep_host_log_line(self->options.log, SCEP_LOG_WARN, "revocations_unavailable",
                        "%s at %s has none for this SCEP server (HTTP %d%s%s). Is it of this "
                        "version, and has it a [ca/NAME] of kind plugin? Asking again once a minute.",
                        iscep_connector_name, self->options.path, reply->status,
                        message[0] != '\0' ? ": " : "", message);
}

static void pause_after_failure(iscep_revocations *self)
{
    wait_until(self, iscep_mono_ms() + iscep_pause_next(&self->pause));
}

/* The daemon must know of it as long as it listens. True: it does, or nobody listens any more. */
static bool tell_once(iscep_revocations *self, const revocation_work *work, const char *outcome,
                      const char *more)
{
    char head[ISCEP_REQUEST_HEAD_MAX];
    iscep_local_result result = {.large = NULL};
    const size_t head_len = iscep_request_head_result(head, self->options.tenant, work->id, outcome, more);
    const bool is_replied = exchange(self, head, head_len, work->deadline_ms, &result);
    const int32_t status = is_replied ? result.reply.status : 0;
    iscep_local_result_clear(&result);
    return status == 200 || (status >= 400 && status <= 499);
}

static void tell(iscep_revocations *self, const revocation_work *work, const char *outcome, const char *more)
{
    const scep_bytes serial = work->revocation.serial;
    iscep_pause_reset(&self->pause);
    while (!is_stopping(self) && iscep_deadline_left_ms(work->deadline_ms) > 0) {
        if (tell_once(self, work, outcome, more)) {
            iscep_pause_reset(&self->pause);
            return;
        }
        pause_after_failure(self);
    }
    iscep_host_log_line(self->options.log, SCEP_LOG_WARN, "revocation_untold",
                        "%.*s is %s, and %s could not be told. It will ask again.", (int)serial.len,
                        (const char *)serial.data, outcome, iscep_connector_name);
}

/* So that nobody waits in vain for what cannot be read here. */
static void refuse_work(iscep_revocations *self, revocation_work *work)
{
    if (is_visible(work->result.reply.id, ISCEP_REVOCATION_ID_MAX)) {
        work->id = work->result.reply.id;
        work->deadline_ms = iscep_deadline_in(REPLY_MARGIN_MS);
        tell(self, work, "failed",
             "the plugin cannot read what it is to revoke: is it of the connector's version?");
    }
}

/* True: work is there. False: it has waited as long as is right, and may ask again. */
static bool fetch(iscep_revocations *self, revocation_work *work)
{
    char head[ISCEP_REQUEST_HEAD_MAX];
    const int64_t start_ms = iscep_mono_ms();
    const size_t head_len = iscep_request_head_next(head, self->options.tenant, self->options.ca, WAIT_MS);
    if (!exchange(self, head, head_len, start_ms + WAIT_MS + REPLY_MARGIN_MS, &work->result)) {
        pause_after_failure(self);
        return false;
    }
    const int32_t status = work->result.reply.status;
    if (status == 400 || status == 404 || status == 405) {
        log_refusal(self, &work->result.reply);
        wait_until(self, iscep_mono_ms() + UNSUPPORTED_MS);
        return false;
    }
    if (status == 204) {
        iscep_pause_reset(&self->pause);
        self->is_refused = false;
        wait_until(self, start_ms + MIN_ROUND_MS);
        return false;
    }
    self->is_refused = false;
    if (status == 200 && read_work(work)) {
        return true;
    }
    if (status == 200) {
        refuse_work(self, work);
    }
    pause_after_failure(self);
    return false;
}

static const char *outcome_of(int32_t result)
{
    switch (result) {
    case SCEP_REVOKE_DONE:
        return "revoked";
    case SCEP_REVOKE_ALREADY:
        return "already_revoked";
    case SCEP_REVOKE_UNKNOWN:
        return "not_found";
    case SCEP_REVOKE_REFUSED:
        return "refused";
    default: /* LATER, and what nobody knows */
        return "failed";
    }
}

static void carry_out(iscep_revocations *self, const revocation_work *work)
{
    const scep_host *host = self->options.host;
    scep_text text = {.size = sizeof text};
    const int32_t result = host->revoke(host->user, &work->revocation, &text);
    text.text[sizeof text.text - 1] = '\0';
    tell(self, work, outcome_of(result), text.text);
}

static void *run(void *user)
{
    iscep_revocations *self = user;
    revocation_work work = {.id = {NULL, 0}};
    while (!is_stopping(self)) {
        if (fetch(self, &work) && !is_stopping(self)) {
            carry_out(self, &work);
        }
    }
    iscep_local_result_clear(&work.result);
    set_conn(self, NULL);
    return NULL;
}

/* The host's signals are none of this thread's business. */
static bool start_thread(iscep_revocations *self)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    const int failure = pthread_create(&self->thread, NULL, run, self);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure == 0;
}

static void free_all(iscep_revocations *self)
{
    pthread_cond_destroy(&self->is_woken);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

iscep_revocations *iscep_revocations_start(const iscep_revocations_options *options)
{
    iscep_revocations *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    self->options = *options;
    self->owner = iscep_process_this();
    self->pause = ISCEP_PAUSE_AWAY;
    pthread_condattr_t by_monotonic_clock;
    pthread_condattr_init(&by_monotonic_clock);
    pthread_condattr_setclock(&by_monotonic_clock, CLOCK_MONOTONIC);
    pthread_cond_init(&self->is_woken, &by_monotonic_clock);
    pthread_condattr_destroy(&by_monotonic_clock);
    pthread_mutex_init(&self->lock, NULL);
    if (!start_thread(self)) {
        free_all(self);
        return NULL;
    }
    return self;
}

/* What the parent's thread was using in the moment of fork stays where it was: only the descriptor is given back. */
static void leave_to_parent(iscep_revocations *self)
{
    iscep_local_conn_close(atomic_load(&self->conn));
    free(self);
}

void iscep_revocations_stop(iscep_revocations *self)
{
    if (self == NULL) {
        return;
    }
    if (self->owner != iscep_process_this()) {
        leave_to_parent(self);
        return;
    }
    pthread_mutex_lock(&self->lock);
    self->is_stopping = true;
    iscep_local_conn *conn = atomic_load(&self->conn);
    if (conn != NULL) {
        iscep_local_conn_hang_up(conn);
    }
    pthread_cond_broadcast(&self->is_woken);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    free_all(self);
}
