/* Asking a plugin that may answer wrongly, late, never, or with more than it was given room for. */
#include "question.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { GUARD_BYTE = 0xC5, MAX_FRUITLESS = 1000 };

static scep_bytes bytes(iscep_bytes from)
{
    return (scep_bytes){.data = from.data, .len = from.len};
}

static scep_bytes text_bytes(const char *text)
{
    return bytes(iscep_bytes_of_text(text));
}

static void set_guards(iscep_plugin_room *room)
{
    memset(room->behind_answer, GUARD_BYTE, ISCEP_GUARD_LEN);
    memset(room->behind_cert, GUARD_BYTE, ISCEP_GUARD_LEN);
}

static bool are_guards_whole(const iscep_plugin_room *room)
{
    for (size_t i = 0; i < ISCEP_GUARD_LEN; i++) {
        if (room->behind_answer[i] != GUARD_BYTE || room->behind_cert[i] != GUARD_BYTE)
            return false;
    }
    return true;
}

/* What the host says instead of the plugin. */
static void answer_for(iscep_question *question, iscep_plugin_decision decision, const char *code,
                       const char *message)
{
    question->answer = (iscep_plugin_answer){.decision = decision};
    iscep_text_copy(question->answer.code, sizeof(question->answer.code), code);
    iscep_text_copy(question->answer.message, sizeof(question->answer.message), message);
}

/* verify alone may be told to deliver what was issued before, and only with a certificate that fits into its room. */
static bool is_delivery(const iscep_question *question)
{
    const scep_answer *answer = &question->room.answer;
    return question->may_deliver && answer->verdict == SCEP_VERDICT_DELIVER && answer->cert_len > 0 &&
           answer->cert_len <= ISCEP_CERT_MAX_LEN;
}

/* The one place where a plugin's answer becomes a yes. False: the ABI knows no such verdict, or not as an answer to this. */
static bool decide(const iscep_question *question, iscep_plugin_decision *decision)
{
    *decision = ISCEP_PLUGIN_REFUSED;
    if (question->room.answer.verdict == SCEP_VERDICT_ALLOW)
        *decision = ISCEP_PLUGIN_ALLOWED;
    else if (question->room.answer.verdict == SCEP_VERDICT_RETRY)
        *decision = ISCEP_PLUGIN_RETRY;
    else if (question->room.answer.verdict == SCEP_VERDICT_DECLINE)
        *decision = ISCEP_PLUGIN_DECLINED;
    else if (is_delivery(question))
        *decision = ISCEP_PLUGIN_DELIVERS;
    return *decision != ISCEP_PLUGIN_REFUSED || question->room.answer.verdict == SCEP_VERDICT_DENY;
}

static void copy_text(char *out, size_t out_size, char *text, size_t text_size)
{
    text[text_size - 1] = '\0';
    iscep_text_copy(out, out_size, text);
}

static void read_answer(iscep_question *question, iscep_plugin_decision decision)
{
    scep_answer *from = &question->room.answer;
    iscep_plugin_answer *out = &question->answer;
    *out = (iscep_plugin_answer){.decision = decision, .retry_after_ms = from->retry_after_ms};
    copy_text(out->code, sizeof(out->code), from->code, sizeof(from->code));
    copy_text(out->message, sizeof(out->message), from->message, sizeof(from->message));
    copy_text(out->request_id, sizeof(out->request_id), from->request_id, sizeof(from->request_id));
    if (decision == ISCEP_PLUGIN_DELIVERS)
        question->cert_len = from->cert_len;
}

static bool is_overdue(const iscep_question *question)
{
    return iscep_now_mono_ms(question->host->env) >= question->overdue_mono_ms;
}

static bool has_overrun(iscep_question *question)
{
    if (are_guards_whole(&question->room))
        return false;
    atomic_store(&question->host->is_out_of_service, true);
    iscep_plugin_host_blame(question->host, "it wrote beyond the end of its answer: it is asked no more");
    answer_for(question, ISCEP_PLUGIN_REFUSED, "plugin_overrun", "the plugin has damaged its host");
    return true;
}

/* It has not been asked, for want of something that may be there the next time: nobody could say. */
static bool is_passing(int32_t result)
{
    return result == SCEP_ERR_UNAVAILABLE || result == SCEP_ERR_NOMEM;
}

/* The plugin has come to an end with it, and this is what its function returned. */
static void take_answer(iscep_question *question, int32_t result)
{
    iscep_plugin_decision decision;
    char problem[128];
    if (has_overrun(question))
        return;
    if (is_overdue(question)) {
        iscep_plugin_host_blame(question->host, "its answer came too late, and is not heard");
        answer_for(question, ISCEP_PLUGIN_RETRY, "plugin_late", "the plugin took too long to answer");
    } else if (result == SCEP_OK && decide(question, &decision)) {
        read_answer(question, decision);
    } else if (is_passing(result)) {
        snprintf(problem, sizeof(problem), "the plugin could not be asked (error %d)", result);
        answer_for(question, ISCEP_PLUGIN_RETRY, "plugin_unavailable", problem);
    } else {
        snprintf(problem, sizeof(problem), "the plugin failed (error %d) or gave an unknown verdict (%d)",
                 result, question->room.answer.verdict);
        iscep_plugin_host_blame(question->host, problem);
        answer_for(question, ISCEP_PLUGIN_REFUSED, "plugin_error", problem);
    }
}

/* False: it is answered already, for this plugin is not asked any more. */
static bool start(iscep_question *question, iscep_plugin_host *host, bool may_deliver)
{
    iscep_question_clear(question);
    question->host = host;
    question->may_deliver = may_deliver;
    question->fruitless = 0;
    question->cert_len = 0;
    question->overdue_mono_ms =
        host->timeout_ms == 0 ? INT64_MAX
                              : iscep_now_mono_ms(host->env) + host->timeout_ms + ISCEP_QUESTION_MARGIN_MS;
    question->room.answer = (scep_answer){.size = sizeof(scep_answer),
                                          .verdict = SCEP_VERDICT_DENY,
                                          .cert_der = may_deliver ? question->room.cert : NULL,
                                          .cert_capacity = may_deliver ? ISCEP_CERT_MAX_LEN : 0};
    set_guards(&question->room);
    if (!atomic_load(&host->is_out_of_service))
        return true;
    answer_for(question, ISCEP_PLUGIN_REFUSED, "plugin_out_of_service",
               "the plugin has damaged its host, and is not asked any more");
    return false;
}

/* After a function of either form: the one that does not block has left a call, if it could begin. */
static void put(iscep_question *question, int32_t result)
{
    bool is_event = question->host->form == ISCEP_PLUGIN_EVENT;
    if (is_event && result == SCEP_OK && question->call) {
        question->descriptor = question->host->plugin->descriptor(question->call);
        return;
    }
    question->call = NULL;
    take_answer(question,
                is_event && result == SCEP_OK ? SCEP_ERR_USAGE /* begun, without a call */ : result);
}

void iscep_question_verify(iscep_question *question, iscep_plugin_host *host,
                           const iscep_enrolment *enrolment, const char *peer)
{
    const scep_request request = {.size = sizeof(request),
                                  .message_type = enrolment->message_type,
                                  .timeout_ms = host->timeout_ms,
                                  .transaction_id = text_bytes(enrolment->transaction_id),
                                  .csr_der = bytes(enrolment->csr),
                                  .signer_cert_der = bytes(enrolment->signer_cert),
                                  .endpoint = text_bytes(host->endpoint),
                                  .peer = text_bytes(peer)};
    if (!start(question, host, true))
        return;
    scep_answer *answer = &question->room.answer;
    put(question, host->form == ISCEP_PLUGIN_EVENT
                      ? host->plugin->begin_verify_request(host->instance, &request, answer, &question->call)
                      : host->plugin->verify_request(host->instance, &request, answer));
}

void iscep_question_issued(iscep_question *question, iscep_plugin_host *host,
                           const iscep_enrolment *enrolment, iscep_bytes cert)
{
    const scep_issued issued = {.size = sizeof(issued),
                                .timeout_ms = host->timeout_ms,
                                .transaction_id = text_bytes(enrolment->transaction_id),
                                .csr_der = bytes(enrolment->csr),
                                .cert_der = bytes(cert)};
    if (!start(question, host, false))
        return;
    scep_answer *answer = &question->room.answer;
    put(question, host->form == ISCEP_PLUGIN_EVENT
                      ? host->plugin->begin_notify_issued(host->instance, &issued, answer, &question->call)
                      : host->plugin->notify_issued(host->instance, &issued, answer));
}

void iscep_question_failed(iscep_question *question, iscep_plugin_host *host,
                           const iscep_enrolment *enrolment, uint32_t error_code, const char *reason)
{
    const scep_failed failed = {.size = sizeof(failed),
                                .timeout_ms = host->timeout_ms,
                                .error_code = error_code,
                                .transaction_id = text_bytes(enrolment->transaction_id),
                                .csr_der = bytes(enrolment->csr),
                                .reason = text_bytes(reason)};
    if (!start(question, host, false))
        return;
    scep_answer *answer = &question->room.answer;
    put(question, host->form == ISCEP_PLUGIN_EVENT
                      ? host->plugin->begin_notify_failed(host->instance, &failed, answer, &question->call)
                      : host->plugin->notify_failed(host->instance, &failed, answer));
}

static void cancel(iscep_question *question)
{
    if (question->call)
        question->host->plugin->cancel(question->call);
    question->call = NULL;
}

static void give_up(iscep_question *question, const char *code, const char *problem)
{
    cancel(question);
    if (has_overrun(question))
        return;
    iscep_plugin_host_blame(question->host, problem);
    answer_for(question, ISCEP_PLUGIN_RETRY, code, problem);
}

/* Not so when a timer came a little early: a loop measures from when its turn began. */
static bool is_readable(int descriptor)
{
    struct pollfd at = {.fd = descriptor, .events = POLLIN};
    return poll(&at, 1, 0) != 0;
}

/* One that is overdue is not asked any more: what it might say now is not heard. */
bool iscep_question_is_answered(iscep_question *question)
{
    if (!question->call)
        return true;
    if (is_overdue(question)) {
        give_up(question, "plugin_late", "it has not answered in its time");
        return true;
    }
    if (!is_readable(question->descriptor))
        return false;
    int32_t result = question->host->plugin->finish(question->call);
    if (result == SCEP_PENDING && ++question->fruitless < MAX_FRUITLESS)
        return false;
    if (result == SCEP_PENDING) {
        give_up(question, "plugin_error", "its descriptor is readable and it has nothing to say");
        return true;
    }
    question->call = NULL;
    take_answer(question, result);
    return true;
}

void iscep_question_clear(iscep_question *question)
{
    cancel(question);
}
