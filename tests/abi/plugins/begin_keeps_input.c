/* Begins a question and does not copy it: looks at the host's CSR when it is finished. */
#include "behaved.h"

static const volatile uint8_t *_Atomic csr;

static int32_t begin_verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer,
                                    scep_call **call)
{
    const int32_t status = behaved_begin_verify_request(instance, request, answer, call);
    csr = status == SCEP_OK && request->csr_der.len > 0 ? request->csr_der.data : NULL;
    return status;
}

static int32_t finish(scep_call *call)
{
    const volatile uint8_t *first = csr;
    csr = NULL;
    if (first != NULL) {
        (void)*first;
    }
    return behaved_finish(call);
}

const scep_plugin the_plugin = {BEHAVED, .begin_verify_request = begin_verify_request, .finish = finish};
