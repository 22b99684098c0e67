/* See call.h. */
#include "plugin/abi/call.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "plugin/abi/answer.h"
#include "plugin/abi/descriptor.h"
#include "plugin/abi/process.h"

struct scep_call {
    uint64_t owner;      /* process.h */
    scep_answer *answer; /* the host's */
    scep_answer ours;
    iscep_backend_call *asked; /* NULL: ours is the answer, and ready is readable */
    int ready;                 /* -1: asked has the descriptor */
};

static int32_t begin_ready(scep_call *call)
{
    call->ready = iscep_descriptor_above_standard(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
    return call->ready >= 0 ? SCEP_OK : SCEP_ERR_UNAVAILABLE;
}

static int32_t begin_asking(scep_call *call, scep_instance *instance, iscep_question *question)
{
    if (!iscep_question_check(question, &call->ours)) {
        return begin_ready(call);
    }
    return iscep_backend_begin(&call->asked, instance, question, &call->ours);
}

int32_t iscep_call_begin(scep_call **out, scep_instance *instance, iscep_question *question,
                         scep_answer *answer)
{
    scep_call *call = malloc(sizeof *call);
    if (call == NULL) {
        return SCEP_ERR_NOMEM;
    }
    *call = (scep_call){.owner = iscep_process_this(), .answer = answer, .ready = -1};
    iscep_answer_prepare(&call->ours, question, answer);
    const int32_t status = begin_asking(call, instance, question);
    if (status != SCEP_OK) {
        free(call);
        return status;
    }
    *out = call;
    return SCEP_OK;
}

int32_t iscep_call_descriptor(const scep_call *call)
{
    return call->asked != NULL ? iscep_backend_descriptor(call->asked) : call->ready;
}

static void free_call(scep_call *call)
{
    if (call->ready >= 0) {
        close(call->ready);
    }
    free(call);
}

int32_t iscep_call_finish(scep_call *call)
{
    if (call->owner != iscep_process_this()) {
        iscep_call_cancel(call);
        return SCEP_ERR_USAGE;
    }
    if (call->asked != NULL && !iscep_backend_finish(call->asked)) {
        return SCEP_PENDING;
    }
    iscep_answer_put(call->answer, &call->ours);
    free_call(call);
    return SCEP_OK;
}

void iscep_call_cancel(scep_call *call)
{
    if (call == NULL) {
        return;
    }
    if (call->asked != NULL) {
        iscep_backend_cancel(call->asked);
    }
    free_call(call);
}
