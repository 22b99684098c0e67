/* Writing the host's scep_answer. Members that come after 1.0 must be written only if they are all there. */
#include "plugin/abi/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "plugin/abi/text.h"

/* DENY is written wherever there is room for it: a host that got the size wrong may not look at what is returned either. */
bool iscep_answer_begin(scep_answer *answer)
{
    if (answer == NULL || answer->size < SCEP_SIZE_THROUGH(scep_answer, verdict)) {
        return false;
    }
    answer->verdict = SCEP_VERDICT_DENY;
    if (answer->size < SCEP_ANSWER_SIZE_1_0) {
        return false;
    }
    iscep_answer_put(answer, &(scep_answer){.verdict = SCEP_VERDICT_DENY});
    return true;
}

void iscep_answer_prepare(scep_answer *ours, iscep_question *question, const scep_answer *answer)
{
    *ours = (scep_answer){.size = sizeof *ours, .verdict = SCEP_VERDICT_DENY};
    question->has_room = answer->cert_der != NULL && answer->cert_capacity > 0;
    if (question->has_room) {
        ours->cert_der = answer->cert_der;
        ours->cert_capacity = answer->cert_capacity;
    }
}

void iscep_answer_put(scep_answer *answer, const scep_answer *ours)
{
    answer->verdict = ours->verdict;
    answer->retry_after_ms = ours->retry_after_ms;
    memcpy(answer->code, ours->code, sizeof answer->code);
    memcpy(answer->message, ours->message, sizeof answer->message);
    memcpy(answer->request_id, ours->request_id, sizeof answer->request_id);
    answer->cert_len = ours->cert_len;
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
