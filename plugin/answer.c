/* Writing the host's scep_answer. An older host has a shorter struct: each member is written only if it is
 * all there. */
#include "answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define HAS_MEMBER(answer, member)                                                                           \
    ((answer)->size >= offsetof(scep_answer, member) + sizeof((answer)->member))

bool iscep_answer_begin(scep_answer *answer)
{
    if (answer == NULL || !HAS_MEMBER(answer, verdict)) {
        return false;
    }
    iscep_answer_put(answer, &(scep_answer){.verdict = SCEP_VERDICT_DENY});
    return true;
}

bool iscep_answer_has_room(const scep_answer *answer)
{
    return HAS_MEMBER(answer, cert_len) && answer->cert_der != NULL && answer->cert_capacity > 0;
}

void iscep_answer_put(scep_answer *answer, const scep_answer *ours)
{
    answer->verdict = ours->verdict;
    if (HAS_MEMBER(answer, retry_after_ms)) {
        answer->retry_after_ms = ours->retry_after_ms;
    }
    if (HAS_MEMBER(answer, code)) {
        memcpy(answer->code, ours->code, sizeof answer->code);
    }
    if (HAS_MEMBER(answer, message)) {
        memcpy(answer->message, ours->message, sizeof answer->message);
    }
    if (HAS_MEMBER(answer, request_id)) {
        memcpy(answer->request_id, ours->request_id, sizeof answer->request_id);
    }
    if (HAS_MEMBER(answer, cert_len)) {
        answer->cert_len = ours->cert_len;
    }
}

void iscep_answer_set(scep_answer *ours, int32_t verdict, const char *code, const char *format, ...)
{
    char message[sizeof ours->message * 2];
    va_list arguments;
    va_start(arguments, format);
    const int len = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    *ours = (scep_answer){.size = sizeof *ours, .verdict = verdict};
    iscep_plugin_text_copy(ours->code, sizeof ours->code, iscep_plugin_bytes_of(code));
    iscep_plugin_text_copy(ours->message, sizeof ours->message,
                           iscep_plugin_bytes_of(len < 0 ? code : message));
}
