/*
 * What the daemon decided is passed on; when it decided nothing, for whatever reason, the answer is RETRY with the reason and what
 * to do.
 */
#include "plugin/socket/local_answer.h"

#include <errno.h>

#include "plugin/abi/answer.h"
#include "plugin/abi/text.h"
#include "plugin/socket/connector.h"
#include "plugin/socket/delivered.h"

static const char *advice_on(int error_number)
{
    switch (error_number) {
    case ENOENT:
    case ECONNREFUSED:
        return iscep_connector_gone;
    case EACCES:
    case EPERM:
        return "May the SCEP server's user open it? Add that user to the group of the socket.";
    default:
        return "Look at the SCEP server's limits and at the connector's log.";
    }
}

static void answer_unreachable(scep_answer *answer, const char *path, int error_number)
{
    errno = error_number; /* for %m: strerror_r is one thing with glibc and another with musl */
    iscep_answer_set(answer, SCEP_VERDICT_RETRY, "connector_unreachable",
                     "Cannot connect to %s at %s: %m. %s", iscep_connector_name, path,
                     advice_on(error_number));
}

/* 503 without a verdict: turned away at the door, before anybody looked at the request. */
static void answer_without_verdict(scep_answer *answer, const char *path, const iscep_local_reply *reply)
{
    if (reply->status == 503 && reply->verdict.data == NULL) {
        iscep_answer_set(answer, SCEP_VERDICT_RETRY, "connector_busy",
                         "%s at %s takes no more requests at the moment. Look at its log.",
                         iscep_connector_name, path);
        answer->retry_after_ms = reply->retry_after_ms;
        return;
    }
    iscep_answer_set(answer, SCEP_VERDICT_RETRY, "connector_reply_unusable",
                     "The service at %s answered HTTP %d without a verdict that fits. Is it %s, and of the "
                     "plugin's version? Look at its log.",
                     path, reply->status, iscep_connector_name);
}

void iscep_local_answer_retry(scep_answer *answer, const char *path, const iscep_local_result *result,
                              uint32_t timeout_ms)
{
    switch (result->status) {
    case ISCEP_LOCAL_REPLIED:
        answer_without_verdict(answer, path, &result->reply);
        return;
    case ISCEP_LOCAL_UNREACHABLE:
        answer_unreachable(answer, path, result->error_number);
        return;
    case ISCEP_LOCAL_TIMED_OUT:
        iscep_answer_set(answer, SCEP_VERDICT_RETRY, "connector_timeout",
                         "%s at %s did not answer within %u ms. Look at its log.", iscep_connector_name, path,
                         timeout_ms);
        return;
    case ISCEP_LOCAL_CUT:
        iscep_answer_set(answer, SCEP_VERDICT_RETRY, "connector_reply_cut",
                         "%s at %s closed the connection before its answer was whole. Has it just been "
                         "restarted, or does it not let the SCEP server's user in? Look at its log.",
                         iscep_connector_name, path);
        return;
    case ISCEP_LOCAL_GARBLED:
        iscep_answer_set(
            answer, SCEP_VERDICT_RETRY, "connector_reply_unusable",
            "The service at %s answered something that is no reply of %s. Check the setting socket.", path,
            iscep_connector_name);
        return;
    }
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

void iscep_local_answer(scep_answer *answer, const iscep_question *question, const char *path,
                        const iscep_local_result *result, uint32_t timeout_ms)
{
    if (result->status == ISCEP_LOCAL_REPLIED) {
        answer_reply(answer, question, path, &result->reply);
    } else {
        iscep_local_answer_retry(answer, path, result, timeout_ms);
    }
}
