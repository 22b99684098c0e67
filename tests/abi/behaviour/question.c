/* See question.h. */
#include "question.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATIENCE_MS = 60000
}; /* beyond what a plugin may take: a call that never ends is a failure, not a hang */

bool question_load(uint8_t out[QUESTION_FILE_MAX], size_t *out_len, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    *out_len = fread(out, 1, QUESTION_FILE_MAX, file);
    const bool is_whole = !ferror(file) && *out_len < QUESTION_FILE_MAX;
    fclose(file);
    return is_whole;
}

static scep_bytes bytes_of(const void *data, size_t len)
{
    return (scep_bytes){.data = data, .len = len};
}

static scep_request request_of(const question *asked)
{
    return (scep_request){.size = sizeof(scep_request),
                          .message_type = SCEP_MESSAGE_PKCS_REQ,
                          .timeout_ms = asked->timeout_ms,
                          .transaction_id = bytes_of(asked->transaction_id, strlen(asked->transaction_id)),
                          .csr_der = bytes_of(asked->csr, asked->csr_len),
                          .endpoint = bytes_of("behaviour", strlen("behaviour"))};
}

static scep_issued issued_of(const question *asked)
{
    return (scep_issued){.size = sizeof(scep_issued),
                         .timeout_ms = asked->timeout_ms,
                         .transaction_id = bytes_of(asked->transaction_id, strlen(asked->transaction_id)),
                         .csr_der = bytes_of(asked->csr, asked->csr_len),
                         .cert_der = bytes_of(asked->cert, asked->cert_len)};
}

static scep_failed failed_of(const question *asked)
{
    static const char reason[] = "the CA is on holiday";
    return (scep_failed){.size = sizeof(scep_failed),
                         .timeout_ms = asked->timeout_ms,
                         .error_code = asked->error_code,
                         .transaction_id = bytes_of(asked->transaction_id, strlen(asked->transaction_id)),
                         .csr_der = bytes_of(asked->csr, asked->csr_len),
                         .reason = bytes_of(reason, sizeof reason - 1)};
}

/* --- the two forms --- */

static int32_t ask_blocking(const scep_plugin *plugin, scep_instance *instance, const question *asked,
                            scep_answer *answer)
{
    const scep_request request = request_of(asked);
    const scep_issued issued = issued_of(asked);
    const scep_failed failed = failed_of(asked);
    switch (asked->kind) {
    case QUESTION_VERIFY:
        return plugin->verify_request(instance, &request, answer);
    case QUESTION_ISSUED:
        return plugin->notify_issued(instance, &issued, answer);
    default:
        return plugin->notify_failed(instance, &failed, answer);
    }
}

static int32_t begin(const scep_plugin *plugin, scep_instance *instance, const question *asked,
                     scep_answer *answer, scep_call **call)
{
    const scep_request request = request_of(asked);
    const scep_issued issued = issued_of(asked);
    const scep_failed failed = failed_of(asked);
    switch (asked->kind) {
    case QUESTION_VERIFY:
        return plugin->begin_verify_request(instance, &request, answer, call);
    case QUESTION_ISSUED:
        return plugin->begin_notify_issued(instance, &issued, answer, call);
    default:
        return plugin->begin_notify_failed(instance, &failed, answer, call);
    }
}

static bool await(int fd)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    int ready;
    do {
        ready = poll(&waiting, 1, PATIENCE_MS);
    } while (ready < 0 && errno == EINTR);
    return ready == 1;
}

static int32_t ask_in_events(const scep_plugin *plugin, scep_instance *instance, const question *asked,
                             scep_answer *answer)
{
    scep_call *call;
    int32_t status = begin(plugin, instance, asked, answer, &call);
    if (status != SCEP_OK) {
        return status;
    }
    do {
        if (!await(plugin->descriptor(call))) {
            plugin->cancel(call);
            return SCEP_PENDING;
        }
        status = plugin->finish(call);
    } while (status == SCEP_PENDING);
    return status;
}

/* --- the answer --- */

static const char *name_of(int32_t verdict)
{
    switch (verdict) {
    case SCEP_VERDICT_ALLOW:
        return "ALLOW";
    case SCEP_VERDICT_DELIVER:
        return "DELIVER";
    case SCEP_VERDICT_RETRY:
        return "RETRY";
    case SCEP_VERDICT_DECLINE:
        return "DECLINE";
    case SCEP_VERDICT_DENY:
        return "DENY";
    default:
        return "UNKNOWN";
    }
}

void question_ask(char line[QUESTION_LINE_SIZE], const scep_plugin *plugin, scep_instance *instance,
                  question *asked)
{
    static _Thread_local uint8_t room[QUESTION_FILE_MAX];
    scep_answer answer = {.size = sizeof answer};
    if (asked->has_room) {
        answer.cert_der = room;
        answer.cert_capacity = sizeof room;
    }
    const int32_t status =
        (asked->is_event_form ? ask_in_events : ask_blocking)(plugin, instance, asked, &answer);
    if (status != SCEP_OK) {
        snprintf(line, QUESTION_LINE_SIZE, "ERR %d", (int)status);
        return;
    }
    if (answer.verdict == SCEP_VERDICT_DELIVER) {
        memcpy(asked->cert, room, answer.cert_len);
        asked->cert_len = answer.cert_len;
    }
    snprintf(line, QUESTION_LINE_SIZE, "%s %s", name_of(answer.verdict), answer.code);
}
