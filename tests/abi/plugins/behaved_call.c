/* See behaved.h: the form that does not block. The input is copied, and the question asked when the call is finished. */
#include "behaved.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MAX_PARTS = 5, LOWEST_DESCRIPTOR = 3 };

typedef enum question { VERIFY, ISSUED, FAILED } question;

struct scep_call {
    scep_instance *instance;
    scep_answer *answer;
    pid_t owner;
    int ready;
    question question;
    union {
        scep_request request;
        scep_issued issued;
        scep_failed failed;
    } input;
    uint8_t *copies[MAX_PARTS];
    size_t copy_count;
};

static bool copy_part(scep_call *call, scep_bytes *part)
{
    if (part->data == NULL) {
        return part->len == 0;
    }
    uint8_t *copy = malloc(part->len + 1);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, part->data, part->len);
    part->data = copy;
    call->copies[call->copy_count++] = copy;
    return true;
}

static bool copy_parts(scep_call *call)
{
    switch (call->question) {
    case VERIFY: {
        scep_request *request = &call->input.request;
        return copy_part(call, &request->transaction_id) && copy_part(call, &request->csr_der) &&
               copy_part(call, &request->signer_cert_der) && copy_part(call, &request->endpoint) &&
               copy_part(call, &request->peer);
    }
    case ISSUED: {
        scep_issued *issued = &call->input.issued;
        return copy_part(call, &issued->transaction_id) && copy_part(call, &issued->csr_der) &&
               copy_part(call, &issued->cert_der);
    }
    case FAILED: {
        scep_failed *failed = &call->input.failed;
        return copy_part(call, &failed->transaction_id) && copy_part(call, &failed->csr_der) &&
               copy_part(call, &failed->reason);
    }
    }
    return false;
}

static void end_call(scep_call *call)
{
    if (call->ready >= 0) {
        close(call->ready);
    }
    for (size_t i = 0; i < call->copy_count; i++) {
        free(call->copies[i]);
    }
    free(call);
}

/* Above the standard descriptors, where the host may print. */
static int open_ready(void)
{
    const int fd = eventfd(1, EFD_CLOEXEC);
    if (fd < 0 || fd >= LOWEST_DESCRIPTOR) {
        return fd;
    }
    const int moved = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_DESCRIPTOR);
    close(fd);
    return moved;
}

static int32_t begin(scep_instance *instance, question kind, const void *input, size_t size,
                     scep_answer *answer, scep_call **out)
{
    if (out == NULL) {
        return SCEP_ERR_USAGE;
    }
    *out = NULL;
    if (answer == NULL || answer->size < sizeof *answer) {
        return SCEP_ERR_USAGE;
    }
    behaved_answer(answer, SCEP_VERDICT_DENY, "");
    if (instance == NULL || input == NULL || *(const size_t *)input < size) {
        return SCEP_ERR_USAGE;
    }
    scep_call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        return SCEP_ERR_NOMEM;
    }
    *call = (scep_call){.instance = instance, .answer = answer, .owner = getpid(), .question = kind};
    memcpy(&call->input, input, size);
    call->ready = open_ready();
    if (!copy_parts(call) || call->ready < 0) {
        end_call(call);
        return SCEP_ERR_USAGE;
    }
    *out = call;
    return SCEP_OK;
}

int32_t behaved_begin_verify_request(scep_instance *instance, const scep_request *request,
                                     scep_answer *answer, scep_call **call)
{
    return begin(instance, VERIFY, request, sizeof *request, answer, call);
}

int32_t behaved_begin_notify_issued(scep_instance *instance, const scep_issued *issued, scep_answer *answer,
                                    scep_call **call)
{
    return begin(instance, ISSUED, issued, sizeof *issued, answer, call);
}

int32_t behaved_begin_notify_failed(scep_instance *instance, const scep_failed *failed, scep_answer *answer,
                                    scep_call **call)
{
    return begin(instance, FAILED, failed, sizeof *failed, answer, call);
}

int32_t behaved_descriptor(scep_call *call)
{
    return call->ready;
}

static int32_t ask(scep_call *call)
{
    switch (call->question) {
    case VERIFY:
        return the_plugin.verify_request(call->instance, &call->input.request, call->answer);
    case ISSUED:
        return the_plugin.notify_issued(call->instance, &call->input.issued, call->answer);
    case FAILED:
        return the_plugin.notify_failed(call->instance, &call->input.failed, call->answer);
    }
    return SCEP_ERR_USAGE;
}

int32_t behaved_finish(scep_call *call)
{
    const int32_t status = call->owner == getpid() ? ask(call) : SCEP_ERR_USAGE;
    end_call(call);
    return status;
}

void behaved_cancel(scep_call *call)
{
    if (call != NULL) {
        end_call(call);
    }
}
