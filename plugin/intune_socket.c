/*
 * The thin backend: every question goes to intune-scepd over its Unix socket. What the daemon decided is
 * passed on; when it decided nothing, for whatever reason, the answer is RETRY with the reason and what to
 * do.
 */
#include "backend.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "deadline.h"
#include "delivered.h"
#include "host_log.h"
#include "local_client.h"
#include "pause.h"
#include "revocations.h"
#include "socket_config.h"
#include "text.h"

const char iscep_backend_name[] = "scep_intune";

struct scep_instance {
    iscep_socket_config config;
    iscep_host_log log;
    iscep_local_client client;
    const scep_host *host;
    iscep_revocations *revocations; /* NULL: not asked for */
    atomic_bool lacks_room; /* the host could not be given a certificate of before when it last asked */
    atomic_bool is_down;    /* the last call could not reach the daemon: the log hears of changes only */
};

static bool start_revocations(scep_instance *instance)
{
    const iscep_revocations_options options = {.path = instance->config.path,
                                               .tenant = instance->config.tenant,
                                               .ca = instance->config.ca,
                                               .host = instance->host,
                                               .log = &instance->log};
    instance->revocations = iscep_revocations_start(&options);
    return instance->revocations != NULL;
}

int32_t iscep_backend_open(const scep_host *host, const scep_config_entry *config, size_t config_count,
                           scep_instance **instance, scep_text *text)
{
    iscep_socket_config settings;
    const int32_t status =
        iscep_socket_config_read(&settings, iscep_revocations_can(host), config, config_count, text);
    if (status != SCEP_OK) {
        return status;
    }
    scep_instance *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        iscep_plugin_text_fill(text, "out of memory");
        return SCEP_ERR_NOMEM;
    }
    opened->config = settings;
    opened->log = iscep_host_log_of(host);
    opened->host = host;
    opened->client.path = opened->config.path;
    if (settings.has_revocations && !start_revocations(opened)) {
        free(opened);
        iscep_plugin_text_fill(text, "revocations: no thread can be started");
        return SCEP_ERR_UNAVAILABLE;
    }
    *instance = opened;
    return SCEP_OK;
}

void iscep_backend_close(scep_instance *instance)
{
    iscep_revocations_stop(instance->revocations);
    iscep_local_client_clear(&instance->client);
    free(instance);
}

static const char *advice_on(int error_number)
{
    switch (error_number) {
    case ENOENT:
    case ECONNREFUSED:
        return "Is intune-scepd running (systemctl status intune-scepd), and is this its socket?";
    case EACCES:
    case EPERM:
        return "May the SCEP server's user open it? Add that user to the group of the socket.";
    default:
        return "Look at the SCEP server's limits and at the log of intune-scepd.";
    }
}

static void answer_unreachable(scep_answer *answer, const char *path, int error_number)
{
    char reason[128];
    const char *text = strerror_r(error_number, reason, sizeof reason);
    iscep_answer_set(answer, SCEP_VERDICT_RETRY, "connector_unreachable",
                     "Cannot connect to intune-scepd at %s: %s. %s", path, text, advice_on(error_number));
}

/* 503 without a verdict: turned away at the door, before anybody looked at the request. */
static void answer_without_verdict(scep_answer *answer, const char *path, const iscep_local_reply *reply)
{
    if (reply->status == 503 && reply->verdict.data == NULL) {
        iscep_answer_set(answer, SCEP_VERDICT_RETRY, "connector_busy",
                         "intune-scepd at %s takes no more requests at the moment. Look at its log.", path);
        answer->retry_after_ms = reply->retry_after_ms;
        return;
    }
    iscep_answer_set(
        answer, SCEP_VERDICT_RETRY, "connector_reply_unusable",
        "The service at %s answered HTTP %d without a verdict that fits. Is it intune-scepd, and of the "
        "plugin's version? Look at its log.",
        path, reply->status);
}

static void answer_verdict(scep_answer *answer, int32_t verdict, const iscep_local_reply *reply)
{
    answer->verdict = verdict;
    answer->retry_after_ms = verdict == SCEP_VERDICT_RETRY ? reply->retry_after_ms : 0;
    iscep_plugin_text_copy(answer->code, sizeof answer->code, reply->code);
    iscep_plugin_text_copy(answer->message, sizeof answer->message, reply->message);
    iscep_plugin_text_copy(answer->request_id, sizeof answer->request_id, reply->request_id);
}

/* A host without room has said so, and cannot be told to deliver what it does not get. */
static void answer_delivered(scep_answer *answer, const iscep_question *question, const char *path,
                             const iscep_local_reply *reply)
{
    size_t len = 0;
    const iscep_delivered read =
        question->has_room
            ? iscep_delivered_read(reply->certificate, answer->cert_der, answer->cert_capacity, &len)
            : ISCEP_DELIVERED_UNUSABLE;
    switch (read) {
    case ISCEP_DELIVERED_OK:
        answer_verdict(answer, SCEP_VERDICT_DELIVER, reply);
        answer->cert_len = len;
        return;
    case ISCEP_DELIVERED_NO_ROOM:
        iscep_answer_set(answer, SCEP_VERDICT_RETRY, "certificate_room",
                         "The certificate has %zu bytes; the SCEP server made room for %zu.", len,
                         answer->cert_capacity);
        return;
    case ISCEP_DELIVERED_UNUSABLE:
        answer_without_verdict(answer, path, reply);
        return;
    }
}

static void answer_reply(scep_answer *answer, const iscep_question *question, const char *path,
                         const iscep_local_reply *reply)
{
    int32_t verdict;
    if (!iscep_local_reply_verdict(reply, question->kind, &verdict)) {
        answer_without_verdict(answer, path, reply);
    } else if (verdict == SCEP_VERDICT_DELIVER) {
        answer_delivered(answer, question, path, reply);
    } else {
        answer_verdict(answer, verdict, reply);
    }
}

static void answer_result(scep_answer *answer, const iscep_question *question, const char *path,
                          const iscep_local_result *result, uint32_t timeout_ms)
{
    switch (result->status) {
    case ISCEP_LOCAL_REPLIED:
        answer_reply(answer, question, path, &result->reply);
        return;
    case ISCEP_LOCAL_UNREACHABLE:
        answer_unreachable(answer, path, result->error_number);
        return;
    case ISCEP_LOCAL_TIMED_OUT:
        iscep_answer_set(answer, SCEP_VERDICT_RETRY, "connector_timeout",
                         "intune-scepd at %s did not answer within %u ms. Look at its log.", path,
                         timeout_ms);
        return;
    case ISCEP_LOCAL_CUT:
        iscep_answer_set(
            answer, SCEP_VERDICT_RETRY, "connector_reply_cut",
            "intune-scepd at %s closed the connection before its answer was whole. Has it just been "
            "restarted? Look at its log.",
            path);
        return;
    case ISCEP_LOCAL_GARBLED:
        iscep_answer_set(
            answer, SCEP_VERDICT_RETRY, "connector_reply_unusable",
            "The service at %s answered something that is no reply of intune-scepd. Check the setting "
            "socket.",
            path);
        return;
    }
}

/* One line when the daemon is lost, one when it is back: a host in trouble needs no line for every device. */
static void log_change(scep_instance *instance, iscep_local_status status, const char *message)
{
    const bool is_down = status != ISCEP_LOCAL_REPLIED;
    if (atomic_exchange(&instance->is_down, is_down) == is_down) {
        return;
    }
    if (is_down) {
        iscep_host_log_line(&instance->log, SCEP_LOG_WARN, "connector_lost", "%s", message);
    } else {
        iscep_host_log_line(&instance->log, SCEP_LOG_INFO, "connector_back",
                            "intune-scepd at %s answers again", instance->config.path);
    }
}

/*
 * A report may be said twice, and losing one costs a certificate: while the daemon is away, or turns everybody away, it
 * is said again as long as the host waits. A request is not: the device asks again.
 */
static bool is_worth_another_try(const iscep_question *question, const iscep_local_result *result)
{
    if (question->kind == ISCEP_ASK_VALIDATE) {
        return false;
    }
    const bool is_busy = result->status == ISCEP_LOCAL_REPLIED && result->reply.status == 503 &&
                         result->reply.verdict.data == NULL;
    return is_busy || result->status == ISCEP_LOCAL_UNREACHABLE || result->status == ISCEP_LOCAL_CUT;
}

/* False: the deadline comes first. */
static bool pause_within(int64_t deadline_ms, int64_t pause_ms)
{
    const int64_t until_ms = iscep_mono_ms() + pause_ms;
    if (until_ms >= deadline_ms) {
        return false;
    }
    while (iscep_deadline_left_ms(until_ms) > 0) {
        poll(NULL, 0, iscep_deadline_left_ms(until_ms));
    }
    return true;
}

/*
 * A host that cannot be told to deliver the certificate of before issues another one for the same request. Its report says
 * so, or it would be refused as a second one.
 */
static void remember_room(scep_instance *instance, iscep_question *question)
{
    if (question->kind == ISCEP_ASK_VALIDATE) {
        atomic_store(&instance->lacks_room, !question->has_room);
    } else {
        question->has_room = !atomic_load(&instance->lacks_room);
    }
}

void iscep_backend_ask(scep_instance *instance, iscep_question *question, scep_answer *answer)
{
    remember_room(instance, question);
    question->tenant = instance->config.tenant;
    const uint32_t timeout_ms =
        question->timeout_ms != 0 ? question->timeout_ms : instance->config.timeout_ms;
    const int64_t deadline_ms = iscep_deadline_in(timeout_ms);
    iscep_local_result result = {.large = NULL};
    iscep_pause pause = {0};
    int64_t pause_ms;
    do {
        iscep_local_client_ask(&instance->client, question, deadline_ms, &result);
        answer_result(answer, question, instance->config.path, &result, timeout_ms);
        log_change(instance, result.status, answer->message);
        pause_ms = iscep_pause_next(&pause);
        pause_ms = answer->retry_after_ms > pause_ms ? answer->retry_after_ms : pause_ms;
    } while (is_worth_another_try(question, &result) && pause_within(deadline_ms, pause_ms));
    iscep_local_result_clear(&result);
}
