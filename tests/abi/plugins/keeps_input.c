/* Remembers where the last CSR was, and looks at it again when it is asked the next time. */
#include "behaved.h"

static const volatile uint8_t *_Atomic last_csr;

static int32_t verify_request(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    const int32_t status = behaved_verify_request(instance, request, answer);
    if (status == SCEP_OK && answer->verdict == SCEP_VERDICT_ALLOW) {
        const volatile uint8_t *last = last_csr;
        last_csr = request->csr_der.data;
        if (last != NULL && last[0] != request->csr_der.data[0]) {
            behaved_answer(answer, SCEP_VERDICT_RETRY, "changed");
        }
    }
    return status;
}

const scep_plugin the_plugin = {BEHAVED_BLOCKING, .verify_request = verify_request};
